// Workloads in Java. What they are is in src/workloads; the numbers come as arguments.
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.stream.Collectors;

public final class Workloads {
    static final long GOLDEN = 0x9E3779B97F4A7C15L;

    static long checksum = 0xCBF29CE484222325L;

    // What stands here cannot be left out by the compiler.
    static Object shown;

    // When each request ended, in nanoseconds, where there are any.
    static long[] ends = {};

    static void mix(long value) {
        long product = (checksum ^ value) * GOLDEN;
        checksum = product ^ (product >>> 32);
    }

    static final class Random {
        private long state;

        Random(long seed) {
            state = seed;
        }

        long bits() {
            state += GOLDEN;
            return scramble(state);
        }

        int below(int bound) {
            return scale(bits() >>> 32, bound);
        }
    }

    static long scramble(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    static int scale(long bits, int bound) {
        return (int) ((bits * bound) >>> 32);
    }

    static final class Tree {
        final Tree left, right;

        Tree(Tree left, Tree right) {
            this.left = left;
            this.right = right;
        }
    }

    static Tree tree(int depth) {
        return depth == 0 ? new Tree(null, null) : new Tree(tree(depth - 1), tree(depth - 1));
    }

    static long nodes(Tree node) {
        return node.left == null ? 1 : 1 + nodes(node.left) + nodes(node.right);
    }

    static void binaryTrees(int depth) {
        mix(nodes(tree(depth + 1)));
        Tree kept = tree(depth);
        for (int at = 4; at <= depth; at += 2) {
            long trees = 1L << (depth - at + 4), found = 0;
            for (long number = 0; number < trees; number++) found += nodes(tree(at));
            mix(at);
            mix(trees);
            mix(found);
        }
        mix(nodes(kept));
    }

    static final class Node {
        Node left, right;
        final int i, j;

        Node(Node left, Node right, int i, int j) {
            this.left = left;
            this.right = right;
            this.i = i;
            this.j = j;
        }
    }

    static void populate(Node parent, int depth, int number) {
        if (depth == 0) return;
        parent.left = new Node(null, null, depth - 1, number);
        parent.right = new Node(null, null, depth - 1, number);
        populate(parent.left, depth - 1, number);
        populate(parent.right, depth - 1, number);
    }

    static Node topDown(int depth, int number) {
        Node root = new Node(null, null, depth, number);
        populate(root, depth, number);
        return root;
    }

    static Node bottomUp(int depth, int number) {
        if (depth == 0) return new Node(null, null, 0, number);
        Node left = bottomUp(depth - 1, number);
        return new Node(left, bottomUp(depth - 1, number), depth, number);
    }

    static long path(Node node, int number) {
        long digest = 0;
        while (node != null) {
            digest = digest * 31 + node.i + ((long) node.j << 8);
            node = node.i > 0 && ((number >>> (node.i - 1)) & 1) == 1 ? node.right : node.left;
        }
        return digest;
    }

    static long heights(Node node) {
        return node.i + 1 + (node.left == null ? 0 : heights(node.left) + heights(node.right));
    }

    static void gcbench(int stretch, int longLived, int length, int deepest) {
        mix(path(bottomUp(stretch, 0), 0));
        Node kept = topDown(longLived, 0);
        double[] numbers = new double[length];
        for (int k = 0; k < length / 2; k++) numbers[k] = 1.0 / k;
        for (int depth = 4; depth <= deepest; depth += 2) {
            int trees = (int) (2 * ((2L << stretch) - 1) / ((2L << depth) - 1));
            long found = 0;
            for (int number = 0; number < trees; number++) found += path(topDown(depth, number), number);
            mix(found);
            found = 0;
            for (int number = 0; number < trees; number++) found += path(bottomUp(depth, number), number);
            mix(found);
        }
        mix(heights(kept));
        long bits = 0;
        for (double number : numbers) bits += Double.doubleToRawLongBits(number);
        mix(bits);
    }

    static final class Link {
        final long value;
        final Link next;

        Link(long value, Link next) {
            this.value = value;
            this.next = next;
        }
    }

    static Link linked(long first, long length) {
        Link head = null;
        for (long value = first; value < first + length; value++) head = new Link(value, head);
        return head;
    }

    static long total(Link head, long most) {
        long found = 0;
        for (; head != null && most != 0; head = head.next, most--) found += head.value;
        return found;
    }

    static void listChurn(int lists, int length, int replacements) {
        Link[] heads = new Link[lists];
        Random random = new Random(3);
        for (int number = 0; number < lists + replacements; number++) {
            int slot = number < lists ? number : random.below(lists);
            boolean full = heads[slot] != null;
            long old = full ? heads[slot].value : 0;
            heads[slot] = linked((long) number * length, length);
            if (full) mix(old);
        }
        for (Link head : heads) mix(total(head, -1));
    }

    static final class Member {
        final long value;
        Member next, prev;

        Member(long value, Member prev) {
            this.value = value;
            this.prev = prev;
        }
    }

    static Member ring(long number) {
        Member first = new Member(number * 10, null), last = first;
        for (long value = number * 10 + 1; value < number * 10 + 10; value++) {
            last.next = new Member(value, last);
            last = last.next;
        }
        last.next = first;
        first.prev = last;
        return first;
    }

    static void rings(int count) {
        ArrayList<Member> kept = new ArrayList<>();
        for (int begin = 0; begin < count; begin += 100) {
            long found = 0;
            for (int number = begin; number < begin + 100; number++) {
                Member first = ring(number);
                found += first.prev.value;
                if (number % 100 == 0) kept.add(first);
            }
            mix(found);
        }
        for (Member first : kept) {
            long digest = 0;
            Member node = first;
            do {
                digest = digest * 31 + node.value;
                node = node.next;
            } while (node != first);
            mix(digest);
            digest = 0;
            do {
                digest = digest * 31 + node.value;
                node = node.prev;
            } while (node != first);
            mix(digest);
        }
    }

    static final class Vertex {
        final long id;
        Vertex a, b, c, d;

        Vertex(long id) {
            this.id = id;
        }

        void set(int edge, Vertex to) {
            switch (edge) {
                case 0: a = to; break;
                case 1: b = to; break;
                case 2: c = to; break;
                default: d = to;
            }
        }
    }

    static void graphMutate(int count, int rewrites) {
        Random random = new Random(5);
        Vertex[] vertices = new Vertex[count];
        for (int id = 0; id < count; id++) vertices[id] = new Vertex(id);
        for (Vertex vertex : vertices) {
            for (int edge = 0; edge < 4; edge++) vertex.set(edge, vertices[random.below(count)]);
        }
        long fresh = count;
        for (int rewrite = 0; rewrite < rewrites; rewrite++) {
            long bits = random.bits();
            int source = scale(bits & 0xFFFFFFFFL, count), target = scale(bits >>> 32, count);
            if (((bits >>> 2) & 3) == 0) {
                Vertex old = vertices[target], replacement = new Vertex(fresh++);
                replacement.a = old.a;
                replacement.b = old.b;
                replacement.c = old.c;
                replacement.d = old.d;
                old.a = old.b = old.c = old.d = null;
                vertices[target] = replacement;
            }
            vertices[source].set((int) (bits & 3), vertices[target]);
        }
        for (Vertex vertex : vertices) {
            mix(vertex.id);
            mix(vertex.a.id);
            mix(vertex.b.id);
            mix(vertex.c.id);
            mix(vertex.d.id);
        }
    }

    static void deepList(long length) {
        Link head = linked(0, length);
        mix(total(head, -1));
        System.gc();
        mix(total(head, 1000));
        head = null;
        System.gc();
    }

    static final class Message {
        final long number;
        final long[] payload;

        Message(long number, long[] payload) {
            this.number = number;
            this.payload = payload;
        }
    }

    static void queue(int capacity, int messages) {
        Message[] ring = new Message[capacity];
        for (int first = 0; first < messages; first += 1000) {
            long found = 0;
            for (int number = first; number < first + 1000; number++) {
                long[] payload = new long[8];
                for (int word = 0; word < 8; word++) payload[word] = (long) number * (word + 1);
                Message message = new Message(number, payload), old = ring[number % capacity];
                if (old != null) {
                    found += old.number;
                    for (long word : old.payload) found += word;
                }
                ring[number % capacity] = message;
            }
            mix(found);
        }
    }

    static int logUniform(long bits, int least, int octaves) {
        int base = least << (((bits & 0xFF) * octaves) >>> 8);
        return base + scale((bits >>> 8) & 0xFFFFFFFFL, base);
    }

    static byte[] slice(int length, long value) {
        byte[] slice = new byte[length];
        Arrays.fill(slice, (byte) value);
        return slice;
    }

    static long digest(byte[] slice) {
        return slice.length + ((slice[0] & 0xFFL) << 16) + ((slice[slice.length - 1] & 0xFFL) << 24);
    }

    static void sizeMix(int slots, int replacements) {
        byte[][] table = new byte[slots][];
        Random random = new Random(11);
        for (int first = 0; first < replacements; first += 100) {
            long found = 0;
            for (int number = first; number < first + 100; number++) {
                int slot = random.below(slots);
                long bits = random.bits();
                byte[] slice = slice(logUniform(bits, 16, 8), bits >>> 56);
                if (table[slot] != null) found += digest(table[slot]);
                table[slot] = slice;
            }
            mix(found);
        }
        for (byte[] slice : table) mix(slice == null ? 0 : digest(slice));
    }

    static final class Quad {
        final Quad a, b, c, d;

        Quad(Quad a, Quad b, Quad c, Quad d) {
            this.a = a;
            this.b = b;
            this.c = c;
            this.d = d;
        }
    }

    static Quad quad(int depth) {
        if (depth == 0) return new Quad(null, null, null, null);
        return new Quad(quad(depth - 1), quad(depth - 1), quad(depth - 1), quad(depth - 1));
    }

    static long count(Quad quad) {
        return quad.a == null ? 1 : 1 + count(quad.a) + count(quad.b) + count(quad.c) + count(quad.d);
    }

    static void quads(int depth, int trees) {
        Quad kept = quad(depth);
        for (int round = 0; round < 20; round++) {
            for (int tree = 0; tree < trees; tree++) shown = quad(3);
            mix(count(kept));
        }
        shown = null;
    }

    static final class Entry {
        final long key;
        final byte[] value;
        Entry chain, newer, older;

        Entry(long key, byte[] value, Entry chain) {
            this.key = key;
            this.value = value;
            this.chain = chain;
        }
    }

    static final class Cache {
        final Entry[] table;
        Entry newest, oldest;

        Cache(int buckets) {
            table = new Entry[buckets];
        }

        int bucket(long key) {
            return (int) (key * GOLDEN >>> 40) & (table.length - 1);
        }

        Entry find(long key) {
            Entry entry = table[bucket(key)];
            while (entry != null && entry.key != key) entry = entry.chain;
            return entry;
        }

        Entry insert(long key) {
            byte[] value = slice(logUniform(scramble(key + GOLDEN), 16, 10), key >>> 3);
            int bucket = bucket(key);
            Entry entry = new Entry(key, value, table[bucket]);
            table[bucket] = entry;
            push(entry);
            return entry;
        }

        void push(Entry entry) {
            entry.newer = null;
            entry.older = newest;
            if (newest == null) oldest = entry;
            else newest.newer = entry;
            newest = entry;
        }

        void unlink(Entry entry) {
            if (entry.newer == null) newest = entry.older;
            else entry.newer.older = entry.older;
            if (entry.older == null) oldest = entry.newer;
            else entry.older.newer = entry.newer;
        }

        void evict() {
            Entry entry = oldest;
            unlink(entry);
            int bucket = bucket(entry.key);
            if (table[bucket] == entry) {
                table[bucket] = entry.chain;
                return;
            }
            Entry before = table[bucket];
            while (before.chain != entry) before = before.chain;
            before.chain = entry.chain;
        }
    }

    static void lruCache(int capacity, int accesses, int buckets) {
        Cache cache = new Cache(buckets);
        Random random = new Random(17);
        int entries = 0;
        for (int first = 0; first < accesses; first += 10) {
            long found = 0, misses = 0;
            for (int access = first; access < first + 10; access++) {
                long key = random.below(random.below(random.below(capacity * 8) + 1) + 1);
                Entry entry = cache.find(key);
                if (entry == null) {
                    entry = cache.insert(key);
                    misses++;
                    if (++entries > capacity) {
                        cache.evict();
                        entries--;
                    }
                } else if (entry.newer != null) {
                    cache.unlink(entry);
                    cache.push(entry);
                }
                found += digest(entry.value);
            }
            mix(found);
            mix(misses);
        }
        for (Entry entry = cache.newest; entry != null; entry = entry.older) mix(entry.key);
    }

    static final class Record {
        final long id;
        final long[] body;

        Record(long id, long[] body) {
            this.id = id;
            this.body = body;
        }
    }

    static Record record(long id) {
        long[] body = new long[12];
        for (int word = 0; word < 12; word++) body[word] = id + word;
        return new Record(id, body);
    }

    static void eventLoop(int records, int requests) {
        Record[] table = new Record[records];
        for (int id = 0; id < records; id++) table[id] = record(id);
        ends = new long[requests];
        Random random = new Random(0);
        long begun = System.nanoTime();
        for (int request = 0; request < requests; request++) {
            random.state = request;
            Link list = null;
            for (int read = 0; read < 8; read++) {
                Record record = table[random.below(records)];
                for (int note = 0; note < 8; note++) list = new Link(record.id + record.body[note], list);
            }
            table[random.below(records)] = record(records + request);
            mix(total(list, -1));
            ends[request] = System.nanoTime() - begun;
        }
    }

    static final class Trie {
        final Trie left, right;
        final long value;

        Trie(Trie left, Trie right, long value) {
            this.left = left;
            this.right = right;
            this.value = value;
        }
    }

    static Trie trie(int depth) {
        return depth == 0 ? new Trie(null, null, 0) : new Trie(trie(depth - 1), trie(depth - 1), 0);
    }

    // The sum of the values that were replaced.
    static long replaced;

    static Trie updated(Trie trie, int depth, int key, long value) {
        if (depth == 0) {
            replaced += trie.value;
            return new Trie(null, null, value);
        }
        if ((key & 1) == 0) return new Trie(updated(trie.left, depth - 1, key >>> 1, value), trie.right, 0);
        return new Trie(trie.left, updated(trie.right, depth - 1, key >>> 1, value), 0);
    }

    // How many leaves were summed up.
    static long leaves;

    static long sum(Trie trie) {
        if (trie.left == null) return trie.value * ++leaves;
        long left = sum(trie.left);
        return left + sum(trie.right);
    }

    static void functionalMap(int depth, int updates) {
        Trie[] ring = new Trie[8];
        ring[0] = trie(depth);
        Random random = new Random(31);
        int place = 0;
        for (int first = 0; first < updates; first += 10) {
            Trie version = ring[place];
            replaced = 0;
            for (int value = first; value < first + 10; value++) {
                version = updated(version, depth, random.below(1 << depth), value);
            }
            place = (place + 1) % 8;
            ring[place] = version;
            mix(replaced);
        }
        mix(sum(ring[place]));
    }

    static void run(String name, int[] n) {
        switch (name) {
            case "binary_trees": binaryTrees(n[0]); break;
            case "gcbench": gcbench(n[0], n[1], n[2], n[3]); break;
            case "list_churn": listChurn(n[0], n[1], n[2]); break;
            case "rings": rings(n[0]); break;
            case "graph_mutate": graphMutate(n[0], n[1]); break;
            case "deep_list": deepList(n[0]); break;
            case "queue": queue(n[0], n[1]); break;
            case "size_mix": sizeMix(n[0], n[1]); break;
            case "quads": quads(n[0], n[1]); break;
            case "lru_cache": lruCache(n[0], n[1], n[2]); break;
            case "event_loop": eventLoop(n[0], n[1]); break;
            case "functional_map": functionalMap(n[0], n[1]); break;
            default: throw new IllegalArgumentException(name);
        }
    }

    static String peak() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return ", \"peak_rss_bytes\": " + Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException anotherSystem) {
            // Then nobody knows.
        }
        return "";
    }

    public static void main(String[] arguments) throws IOException {
        int[] numbers = new int[arguments.length - 1];
        for (int k = 0; k < numbers.length; k++) numbers[k] = Integer.parseInt(arguments[k + 1]);
        com.sun.management.OperatingSystemMXBean process =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = process.getProcessCpuTime(), wall = System.nanoTime();
        run(arguments[0], numbers);
        wall = System.nanoTime() - wall;
        cpu = process.getProcessCpuTime() - cpu;
        // That clock ticks every 10 ms: what it says of less than ten ticks says little.
        String used = cpu < 100_000_000 ? "null" : Long.toString(cpu);
        System.out.printf(
            "{\"status\": \"ok\", \"checksum\": \"%016x\", \"wall_ns\": %d, \"cpu_ns\": %s%s}%n",
            checksum, wall, used, peak());
        if (ends.length > 0) {
            Files.writeString(Path.of("ends"), Arrays.stream(ends).mapToObj(Long::toString).collect(Collectors.joining("\n")));
        }
    }
}
