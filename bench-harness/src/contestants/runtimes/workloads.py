# Workloads in Python. What they are is in src/workloads; the numbers come as arguments.
import gc
import json
import sys
import time
from array import array

MASK = (1 << 64) - 1


GOLDEN = 0x9E3779B97F4A7C15

# When each request ended, in nanoseconds, where there are any.
ends = array("q")


class Checksum:
    def __init__(self):
        self.value = 0xCBF29CE484222325

    def mix(self, value):
        product = ((self.value ^ (value & MASK)) * GOLDEN) & MASK
        self.value = product ^ (product >> 32)


class Random:
    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state + GOLDEN) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return scale(self.bits() >> 32, bound)


def scale(bits, bound):
    return (bits * bound) >> 32


class Tree:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def tree(depth):
    return Tree(tree(depth - 1), tree(depth - 1)) if depth else Tree(None, None)


def nodes(node):
    return 1 + nodes(node.left) + nodes(node.right) if node.left else 1


def binary_trees(checksum, depth):
    checksum.mix(nodes(tree(depth + 1)))
    kept = tree(depth)
    for at in range(4, depth + 1, 2):
        trees = 1 << (depth - at + 4)
        checksum.mix(at)
        checksum.mix(trees)
        checksum.mix(sum(nodes(tree(at)) for _ in range(trees)))
    checksum.mix(nodes(kept))


class Node:
    __slots__ = ("left", "right", "i", "j")

    def __init__(self, left, right, i, j):
        self.left = left
        self.right = right
        self.i = i
        self.j = j


def populate(parent, depth, number):
    if depth:
        parent.left = Node(None, None, depth - 1, number)
        parent.right = Node(None, None, depth - 1, number)
        populate(parent.left, depth - 1, number)
        populate(parent.right, depth - 1, number)


def top_down(depth, number):
    root = Node(None, None, depth, number)
    populate(root, depth, number)
    return root


def bottom_up(depth, number):
    if not depth:
        return Node(None, None, 0, number)
    left = bottom_up(depth - 1, number)
    return Node(left, bottom_up(depth - 1, number), depth, number)


def path(node, number):
    digest = 0
    while node:
        digest = (digest * 31 + node.i + (node.j << 8)) & MASK
        node = node.right if node.i and (number >> (node.i - 1)) & 1 else node.left
    return digest


def heights(node):
    return node.i + 1 + (heights(node.left) + heights(node.right) if node.left else 0)


def gcbench(checksum, stretch, long_lived, length, deepest):
    checksum.mix(path(bottom_up(stretch, 0), 0))
    kept = top_down(long_lived, 0)
    numbers = array("d", bytes(8 * length))
    for k in range(length // 2):
        numbers[k] = 1 / k if k else float("inf")
    for depth in range(4, deepest + 1, 2):
        trees = 2 * ((2 << stretch) - 1) // ((2 << depth) - 1)
        checksum.mix(sum(path(top_down(depth, number), number) for number in range(trees)))
        checksum.mix(sum(path(bottom_up(depth, number), number) for number in range(trees)))
    checksum.mix(heights(kept))
    checksum.mix(sum(memoryview(numbers).cast("B").cast("Q")))


class Link:
    __slots__ = ("value", "next")

    def __init__(self, value, next):
        self.value = value
        self.next = next


def linked(first, length):
    head = None
    for value in range(first, first + length):
        head = Link(value, head)
    return head


def total(head, most):
    found = 0
    while head and most:
        found += head.value
        head = head.next
        most -= 1
    return found


def list_churn(checksum, lists, length, replacements):
    table = [None] * lists
    random = Random(3)
    for number in range(lists + replacements):
        slot = number if number < lists else random.below(lists)
        old = table[slot]
        first = old.value if old else None
        table[slot] = linked(number * length, length)
        if first is not None:
            checksum.mix(first)
    for head in table:
        checksum.mix(total(head, -1))


class Member:
    __slots__ = ("value", "next", "prev")

    def __init__(self, value, prev):
        self.value = value
        self.next = None
        self.prev = prev


def ring(number):
    first = last = Member(number * 10, None)
    for value in range(number * 10 + 1, number * 10 + 10):
        last.next = Member(value, last)
        last = last.next
    last.next = first
    first.prev = last
    return first


def rings(checksum, count):
    kept = []
    for begin in range(0, count, 100):
        found = 0
        for number in range(begin, begin + 100):
            first = ring(number)
            found += first.prev.value
            if number % 100 == 0:
                kept.append(first)
        checksum.mix(found)
    for first in kept:
        for direction in ("next", "prev"):
            digest, node = 0, first
            while True:
                digest = (digest * 31 + node.value) & MASK
                node = getattr(node, direction)
                if node is first:
                    break
            checksum.mix(digest)


class Vertex:
    __slots__ = ("id", "edges")

    def __init__(self, id):
        self.id = id
        self.edges = [None] * 4


def graph_mutate(checksum, count, rewrites):
    random = Random(5)
    vertices = [Vertex(id) for id in range(count)]
    for vertex in vertices:
        for edge in range(4):
            vertex.edges[edge] = vertices[random.below(count)]
    fresh = count
    for _ in range(rewrites):
        bits = random.bits()
        source = scale(bits & 0xFFFFFFFF, count)
        target = scale(bits >> 32, count)
        if (bits >> 2) & 3 == 0:
            old, new = vertices[target], Vertex(fresh)
            new.edges[:] = old.edges
            old.edges[:] = [None] * 4
            vertices[target] = new
            fresh += 1
        vertices[source].edges[bits & 3] = vertices[target]
    for vertex in vertices:
        checksum.mix(vertex.id)
        for edge in vertex.edges:
            checksum.mix(edge.id)


def deep_list(checksum, length):
    head = linked(0, length)
    checksum.mix(total(head, -1))
    gc.collect()
    checksum.mix(total(head, 1000))
    head = None
    gc.collect()


class Message:
    __slots__ = ("number", "payload")

    def __init__(self, number, payload):
        self.number = number
        self.payload = payload


def queue(checksum, capacity, messages):
    ring = [None] * capacity
    for first in range(0, messages, 1000):
        found = 0
        for number in range(first, first + 1000):
            message = Message(number, array("Q", [number * word for word in range(1, 9)]))
            old = ring[number % capacity]
            if old:
                found += old.number + sum(old.payload)
            ring[number % capacity] = message
        checksum.mix(found)


def log_uniform(bits, least, octaves):
    base = least << (((bits & 0xFF) * octaves) >> 8)
    return base + scale((bits >> 8) & 0xFFFFFFFF, base)


def digest(slice):
    return len(slice) + (slice[0] << 16) + (slice[-1] << 24)


def size_mix(checksum, slots, replacements):
    table = [None] * slots
    random = Random(11)
    for first in range(0, replacements, 100):
        found = 0
        for _ in range(100):
            slot = random.below(slots)
            bits = random.bits()
            slice = bytes([bits >> 56]) * log_uniform(bits, 16, 8)
            if table[slot]:
                found += digest(table[slot])
            table[slot] = slice
        checksum.mix(found)
    for slice in table:
        checksum.mix(digest(slice) if slice else 0)


class Quad:
    __slots__ = ("a", "b", "c", "d")

    def __init__(self, a, b, c, d):
        self.a = a
        self.b = b
        self.c = c
        self.d = d


def quad(depth):
    if not depth:
        return Quad(None, None, None, None)
    return Quad(quad(depth - 1), quad(depth - 1), quad(depth - 1), quad(depth - 1))


def count(node):
    return 1 + count(node.a) + count(node.b) + count(node.c) + count(node.d) if node.a else 1


def quads(checksum, depth, trees):
    kept = quad(depth)
    for _ in range(20):
        for _ in range(trees):
            quad(3)
        checksum.mix(count(kept))


class Entry:
    __slots__ = ("key", "value", "chain", "newer", "older")

    def __init__(self, key, value, chain):
        self.key = key
        self.value = value
        self.chain = chain
        self.newer = None
        self.older = None


class Cache:
    __slots__ = ("table", "newest", "oldest")

    def __init__(self, buckets):
        self.table = [None] * buckets
        self.newest = None
        self.oldest = None

    def bucket(self, key):
        return ((key * GOLDEN & MASK) >> 40) & (len(self.table) - 1)

    def find(self, key):
        entry = self.table[self.bucket(key)]
        while entry and entry.key != key:
            entry = entry.chain
        return entry

    def insert(self, key):
        length = log_uniform(Random(key).bits(), 16, 10)
        value = bytes([(key >> 3) & 0xFF]) * length
        bucket = self.bucket(key)
        entry = self.table[bucket] = Entry(key, value, self.table[bucket])
        self.push(entry)
        return entry

    def push(self, entry):
        entry.newer = None
        entry.older = self.newest
        if self.newest:
            self.newest.newer = entry
        else:
            self.oldest = entry
        self.newest = entry

    def unlink(self, entry):
        if entry.newer:
            entry.newer.older = entry.older
        else:
            self.newest = entry.older
        if entry.older:
            entry.older.newer = entry.newer
        else:
            self.oldest = entry.newer

    def evict(self):
        entry = self.oldest
        self.unlink(entry)
        bucket = self.bucket(entry.key)
        before = self.table[bucket]
        if before is entry:
            self.table[bucket] = entry.chain
            return
        while before.chain is not entry:
            before = before.chain
        before.chain = entry.chain


def lru_cache(checksum, capacity, accesses, buckets):
    cache = Cache(buckets)
    random = Random(17)
    entries = 0
    for _ in range(0, accesses, 10):
        found = misses = 0
        for _ in range(10):
            key = random.below(random.below(random.below(capacity * 8) + 1) + 1)
            entry = cache.find(key)
            if not entry:
                entry = cache.insert(key)
                misses += 1
                entries += 1
                if entries > capacity:
                    cache.evict()
                    entries -= 1
            elif entry.newer:
                cache.unlink(entry)
                cache.push(entry)
            found += digest(entry.value)
        checksum.mix(found)
        checksum.mix(misses)
    entry = cache.newest
    while entry:
        checksum.mix(entry.key)
        entry = entry.older


class Record:
    __slots__ = ("id", "body")

    def __init__(self, id, body):
        self.id = id
        self.body = body


def record(id):
    return Record(id, array("Q", range(id, id + 12)))


def event_loop(checksum, records, requests):
    table = [record(id) for id in range(records)]
    begun = time.perf_counter_ns()
    for request in range(requests):
        random = Random(request)
        head = None
        for _ in range(8):
            read = table[random.below(records)]
            for note in range(8):
                head = Link(read.id + read.body[note], head)
        table[random.below(records)] = record(records + request)
        checksum.mix(total(head, -1))
        ends.append(time.perf_counter_ns() - begun)


class Trie:
    __slots__ = ("left", "right", "value")

    def __init__(self, left, right, value):
        self.left = left
        self.right = right
        self.value = value


def trie(depth):
    return Trie(trie(depth - 1), trie(depth - 1), 0) if depth else Trie(None, None, 0)


# The node with one leaf below it replaced, and the value of the leaf before.
def updated(node, depth, key, value):
    if not depth:
        return Trie(None, None, value), node.value
    if key & 1:
        right, old = updated(node.right, depth - 1, key >> 1, value)
        return Trie(node.left, right, 0), old
    left, old = updated(node.left, depth - 1, key >> 1, value)
    return Trie(left, node.right, 0), old


def leaves(node):
    if node.left:
        yield from leaves(node.left)
        yield from leaves(node.right)
    else:
        yield node.value


def functional_map(checksum, depth, updates):
    ring = [None] * 8
    ring[0] = trie(depth)
    random = Random(31)
    place = 0
    for first in range(0, updates, 10):
        version = ring[place]
        replaced = 0
        for value in range(first, first + 10):
            version, old = updated(version, depth, random.below(1 << depth), value)
            replaced += old
        place = (place + 1) % 8
        ring[place] = version
        checksum.mix(replaced)
    checksum.mix(sum(value * position for position, value in enumerate(leaves(ring[place]), 1)))


def main(name, *numbers):
    checksum = Checksum()
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    globals()[name](checksum, *map(int, numbers))
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    said = {"status": "ok", "checksum": f"{checksum.value:016x}", "wall_ns": wall, "cpu_ns": cpu}
    try:
        with open("/proc/self/status") as status:
            peak = [line for line in status if line.startswith("VmHWM:")]
        said["peak_rss_bytes"] = int(peak[0].split()[1]) * 1024
    except OSError:
        pass
    print(json.dumps(said))
    if ends:
        with open("ends", "w") as file:
            file.write("\n".join(map(str, ends)))


main(*sys.argv[1:])
