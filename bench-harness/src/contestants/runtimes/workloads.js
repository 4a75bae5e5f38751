// Workloads in JavaScript. What they are is in src/workloads; the numbers come as arguments.
"use strict";
const fs = require("fs");
const { performance } = require("perf_hooks");

// Numbers of 64 bits are two of 32 here: BigInt allocates for each sum. A result is in `high` and `low`.
let high = 0;
let low = 0;

function product(aHigh, aLow, bHigh, bLow) {
  const a0 = aLow & 0xffff, a1 = aLow >>> 16, b0 = bLow & 0xffff, b1 = bLow >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const second = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(second / 0x10000);
  high = (carry + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) >>> 0;
  low = Math.imul(aLow, bLow) >>> 0;
}

const checksum = {
  high: 0xcbf29ce4,
  low: 0x84222325,
  mix(valueHigh, valueLow) {
    product((this.high ^ valueHigh) >>> 0, (this.low ^ valueLow) >>> 0, 0x9e3779b9, 0x7f4a7c15);
    this.high = high;
    this.low = (low ^ high) >>> 0;
  },
  // Of a number below 2^53.
  mixNumber(value) {
    this.mix(Math.floor(value / 0x100000000), value >>> 0);
  },
};

class Random {
  constructor(seed) {
    this.restart(seed);
  }

  restart(seed) {
    this.high = 0;
    this.low = seed;
  }

  // Into `high` and `low`.
  bits() {
    const sum = this.low + 0x7f4a7c15;
    this.low = sum >>> 0;
    this.high = (this.high + 0x9e3779b9 + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    let h = this.high, l = this.low;
    product((h ^ (h >>> 30)) >>> 0, (l ^ ((l >>> 30) | (h << 2))) >>> 0, 0xbf58476d, 0x1ce4e5b9);
    h = high;
    l = low;
    product((h ^ (h >>> 27)) >>> 0, (l ^ ((l >>> 27) | (h << 5))) >>> 0, 0x94d049bb, 0x133111eb);
    h = high;
    l = low;
    high = (h ^ (h >>> 31)) >>> 0;
    low = (l ^ ((l >>> 31) | (h << 1))) >>> 0;
  }

  below(bound) {
    this.bits();
    return scale(high, bound);
  }
}

// In two steps, so that both products are exact.
function scale(bits, bound) {
  return Math.floor(((bits >>> 16) * bound + Math.floor(((bits & 0xffff) * bound) / 0x10000)) / 0x10000);
}

class Tree {
  constructor(left, right) {
    this.left = left;
    this.right = right;
  }
}

function tree(depth) {
  return depth === 0 ? new Tree(null, null) : new Tree(tree(depth - 1), tree(depth - 1));
}

function nodes(node) {
  return node.left === null ? 1 : 1 + nodes(node.left) + nodes(node.right);
}

class Node {
  constructor(left, right, i, j) {
    this.left = left;
    this.right = right;
    this.i = i;
    this.j = j;
  }
}

function populate(parent, depth, number) {
  if (depth === 0) return;
  parent.left = new Node(null, null, depth - 1, number);
  parent.right = new Node(null, null, depth - 1, number);
  populate(parent.left, depth - 1, number);
  populate(parent.right, depth - 1, number);
}

function topDown(depth, number) {
  const root = new Node(null, null, depth, number);
  populate(root, depth, number);
  return root;
}

function bottomUp(depth, number) {
  if (depth === 0) return new Node(null, null, 0, number);
  const left = bottomUp(depth - 1, number);
  return new Node(left, bottomUp(depth - 1, number), depth, number);
}

// Adds `value`, below 2^53, to 31 times a digest. Into `high` and `low`.
function step(digestHigh, digestLow, value) {
  const sum = digestLow * 31 + value;
  low = sum % 0x100000000;
  high = (digestHigh * 31 + Math.floor(sum / 0x100000000)) % 0x100000000;
}

// Into `high` and `low`.
function path(node, number) {
  let digestHigh = 0, digestLow = 0;
  while (node !== null) {
    step(digestHigh, digestLow, node.i + node.j * 256);
    digestHigh = high;
    digestLow = low;
    node = node.i > 0 && (number >>> (node.i - 1)) & 1 ? node.right : node.left;
  }
}

function heights(node) {
  return node.i + 1 + (node.left === null ? 0 : heights(node.left) + heights(node.right));
}

function mixPaths(trees, make, depth) {
  let sumHigh = 0, sumLow = 0;
  for (let number = 0; number < trees; number++) {
    path(make(depth, number), number);
    const sum = sumLow + low;
    sumLow = sum >>> 0;
    sumHigh = (sumHigh + high + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  }
  checksum.mix(sumHigh, sumLow);
}

class Link {
  constructor(value, next) {
    this.value = value;
    this.next = next;
  }
}

function linked(first, length) {
  let head = null;
  for (let value = first; value < first + length; value++) head = new Link(value, head);
  return head;
}

// Sums stay below 2^53: 40,000,000 nodes have values below 40,000,000.
function total(head, most) {
  let found = 0;
  for (; head !== null && most !== 0; head = head.next, most--) found += head.value;
  return found;
}

class Member {
  constructor(value, prev) {
    this.value = value;
    this.next = null;
    this.prev = prev;
  }
}

function ring(number) {
  const first = new Member(number * 10, null);
  let last = first;
  for (let value = number * 10 + 1; value < number * 10 + 10; value++) {
    last.next = new Member(value, last);
    last = last.next;
  }
  last.next = first;
  first.prev = last;
  return first;
}

class Vertex {
  constructor(id, edges) {
    this.id = id;
    this.edges = edges;
  }
}

class Message {
  constructor(number, payload) {
    this.number = number;
    this.payload = payload;
  }
}

// A size, from 64 bits in `high` and `low`.
function logUniform(least, octaves) {
  const base = least << (((low & 0xff) * octaves) >>> 8);
  return base + scale(((high << 24) | (low >>> 8)) >>> 0, base);
}

function digest(slice) {
  return slice.length + slice[0] * 0x10000 + slice[slice.length - 1] * 0x1000000;
}

class Quad {
  constructor(a, b, c, d) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }
}

function quad(depth) {
  if (depth === 0) return new Quad(null, null, null, null);
  return new Quad(quad(depth - 1), quad(depth - 1), quad(depth - 1), quad(depth - 1));
}

function count(node) {
  return node.a === null ? 1 : 1 + count(node.a) + count(node.b) + count(node.c) + count(node.d);
}

class Entry {
  constructor(key, value, chain) {
    this.key = key;
    this.value = value;
    this.chain = chain;
    this.newer = null;
    this.older = null;
  }
}

class Cache {
  constructor(buckets) {
    this.table = new Array(buckets).fill(null);
    this.newest = null;
    this.oldest = null;
    this.lengths = new Random(0);
  }

  bucket(key) {
    product(0, key, 0x9e3779b9, 0x7f4a7c15);
    return (high >>> 8) & (this.table.length - 1);
  }

  find(key) {
    let entry = this.table[this.bucket(key)];
    while (entry !== null && entry.key !== key) entry = entry.chain;
    return entry;
  }

  insert(key) {
    this.lengths.restart(key);
    this.lengths.bits();
    const value = new Uint8Array(logUniform(16, 10)).fill(key >>> 3);
    const bucket = this.bucket(key);
    const entry = new Entry(key, value, this.table[bucket]);
    this.table[bucket] = entry;
    this.push(entry);
    return entry;
  }

  push(entry) {
    entry.newer = null;
    entry.older = this.newest;
    if (this.newest === null) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  unlink(entry) {
    if (entry.newer === null) this.newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === null) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }

  evict() {
    const entry = this.oldest, bucket = this.bucket(entry.key);
    this.unlink(entry);
    if (this.table[bucket] === entry) {
      this.table[bucket] = entry.chain;
      return;
    }
    let before = this.table[bucket];
    while (before.chain !== entry) before = before.chain;
    before.chain = entry.chain;
  }
}

class Record {
  constructor(id, body) {
    this.id = id;
    this.body = body;
  }
}

function record(id) {
  const body = new Array(12);
  for (let word = 0; word < 12; word++) body[word] = id + word;
  return new Record(id, body);
}

class Trie {
  constructor(left, right, value) {
    this.left = left;
    this.right = right;
    this.value = value;
  }
}

function trie(depth) {
  return depth === 0 ? new Trie(null, null, 0) : new Trie(trie(depth - 1), trie(depth - 1), 0);
}

// The sum of the values that were replaced.
let replaced = 0;

function updated(node, depth, key, value) {
  if (depth === 0) {
    replaced += node.value;
    return new Trie(null, null, value);
  }
  if ((key & 1) === 0) return new Trie(updated(node.left, depth - 1, key >>> 1, value), node.right, 0);
  return new Trie(node.left, updated(node.right, depth - 1, key >>> 1, value), 0);
}

// Adds up value times position, from left to right, in `high` and `low`.
function sum(node, before) {
  if (node.left !== null) return sum(node.right, sum(node.left, before));
  const added = low + node.value * (before + 1);
  low = added % 0x100000000;
  high = (high + Math.floor(added / 0x100000000)) >>> 0;
  return before + 1;
}

// What stands here cannot be left out by the compiler.
let shown = null;

// When each request ended, in nanoseconds, where there are any.
let ends = null;

const workloads = {
  binary_trees(depth) {
    checksum.mixNumber(nodes(tree(depth + 1)));
    const kept = tree(depth);
    for (let at = 4; at <= depth; at += 2) {
      const trees = 2 ** (depth - at + 4);
      let found = 0;
      for (let number = 0; number < trees; number++) found += nodes(tree(at));
      checksum.mixNumber(at);
      checksum.mixNumber(trees);
      checksum.mixNumber(found);
    }
    checksum.mixNumber(nodes(kept));
  },

  gcbench(stretch, longLived, length, deepest) {
    path(bottomUp(stretch, 0), 0);
    checksum.mix(high, low);
    const kept = topDown(longLived, 0);
    const numbers = new Float64Array(length);
    for (let k = 0; k < Math.floor(length / 2); k++) numbers[k] = 1 / k;
    for (let depth = 4; depth <= deepest; depth += 2) {
      const trees = Math.floor((2 * (2 ** (stretch + 1) - 1)) / (2 ** (depth + 1) - 1));
      mixPaths(trees, topDown, depth);
      mixPaths(trees, bottomUp, depth);
    }
    checksum.mixNumber(heights(kept));
    const words = new Uint32Array(numbers.buffer);
    let sumHigh = 0, sumLow = 0;
    for (let k = 0; k < words.length; k += 2) {
      const sum = sumLow + words[k];
      sumLow = sum >>> 0;
      sumHigh = (sumHigh + words[k + 1] + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    }
    checksum.mix(sumHigh, sumLow);
  },

  list_churn(lists, length, replacements) {
    const heads = new Array(lists).fill(null);
    const random = new Random(3);
    for (let number = 0; number < lists + replacements; number++) {
      const slot = number < lists ? number : random.below(lists);
      const old = heads[slot] === null ? null : heads[slot].value;
      heads[slot] = linked(number * length, length);
      if (old !== null) checksum.mixNumber(old);
    }
    for (const head of heads) checksum.mixNumber(total(head, -1));
  },

  rings(count) {
    const kept = [];
    for (let begin = 0; begin < count; begin += 100) {
      let found = 0;
      for (let number = begin; number < begin + 100; number++) {
        const first = ring(number);
        found += first.prev.value;
        if (number % 100 === 0) kept.push(first);
      }
      checksum.mixNumber(found);
    }
    for (const first of kept) {
      for (const direction of ["next", "prev"]) {
        let digestHigh = 0, digestLow = 0, node = first;
        do {
          step(digestHigh, digestLow, node.value);
          digestHigh = high;
          digestLow = low;
          node = node[direction];
        } while (node !== first);
        checksum.mix(digestHigh, digestLow);
      }
    }
  },

  graph_mutate(count, rewrites) {
    const random = new Random(5);
    const vertices = [];
    for (let id = 0; id < count; id++) vertices.push(new Vertex(id, [null, null, null, null]));
    for (const vertex of vertices) {
      for (let edge = 0; edge < 4; edge++) vertex.edges[edge] = vertices[random.below(count)];
    }
    let fresh = count;
    for (let rewrite = 0; rewrite < rewrites; rewrite++) {
      random.bits();
      const source = scale(low, count), target = scale(high, count), edge = low & 3;
      if (((low >>> 2) & 3) === 0) {
        const old = vertices[target];
        vertices[target] = new Vertex(fresh, old.edges.slice());
        old.edges.fill(null);
        fresh++;
      }
      vertices[source].edges[edge] = vertices[target];
    }
    for (const vertex of vertices) {
      checksum.mixNumber(vertex.id);
      for (const edge of vertex.edges) checksum.mixNumber(edge.id);
    }
  },

  deep_list(length) {
    let head = linked(0, length);
    checksum.mixNumber(total(head, -1));
    global.gc();
    checksum.mixNumber(total(head, 1000));
    head = null;
    global.gc();
  },

  queue(capacity, messages) {
    const ring = new Array(capacity).fill(null);
    for (let first = 0; first < messages; first += 1000) {
      let found = 0;
      for (let number = first; number < first + 1000; number++) {
        const payload = new Array(8);
        for (let word = 0; word < 8; word++) payload[word] = number * (word + 1);
        const message = new Message(number, payload), old = ring[number % capacity];
        if (old !== null) {
          found += old.number;
          for (const word of old.payload) found += word;
        }
        ring[number % capacity] = message;
      }
      checksum.mixNumber(found);
    }
  },

  size_mix(slots, replacements) {
    const table = new Array(slots).fill(null);
    const random = new Random(11);
    for (let first = 0; first < replacements; first += 100) {
      let found = 0;
      for (let number = first; number < first + 100; number++) {
        const slot = random.below(slots);
        random.bits();
        const slice = new Uint8Array(logUniform(16, 8)).fill(high >>> 24);
        if (table[slot] !== null) found += digest(table[slot]);
        table[slot] = slice;
      }
      checksum.mixNumber(found);
    }
    for (const slice of table) checksum.mixNumber(slice === null ? 0 : digest(slice));
  },

  quads(depth, trees) {
    const kept = quad(depth);
    for (let round = 0; round < 20; round++) {
      for (let tree = 0; tree < trees; tree++) shown = quad(3);
      checksum.mixNumber(count(kept));
    }
    shown = null;
  },

  lru_cache(capacity, accesses, buckets) {
    const cache = new Cache(buckets);
    const random = new Random(17);
    let entries = 0;
    for (let first = 0; first < accesses; first += 10) {
      let found = 0, misses = 0;
      for (let access = first; access < first + 10; access++) {
        const key = random.below(random.below(random.below(capacity * 8) + 1) + 1);
        let entry = cache.find(key);
        if (entry === null) {
          entry = cache.insert(key);
          misses++;
          if (++entries > capacity) {
            cache.evict();
            entries--;
          }
        } else if (entry.newer !== null) {
          cache.unlink(entry);
          cache.push(entry);
        }
        found += digest(entry.value);
      }
      checksum.mixNumber(found);
      checksum.mixNumber(misses);
    }
    for (let entry = cache.newest; entry !== null; entry = entry.older) checksum.mixNumber(entry.key);
  },

  event_loop(records, requests) {
    const table = new Array(records);
    for (let id = 0; id < records; id++) table[id] = record(id);
    ends = new Float64Array(requests);
    const random = new Random(0);
    const begun = performance.now();
    for (let request = 0; request < requests; request++) {
      random.restart(request);
      let list = null;
      for (let read = 0; read < 8; read++) {
        const { id, body } = table[random.below(records)];
        for (let note = 0; note < 8; note++) list = new Link(id + body[note], list);
      }
      table[random.below(records)] = record(records + request);
      checksum.mixNumber(total(list, -1));
      ends[request] = (performance.now() - begun) * 1e6;
    }
  },

  functional_map(depth, updates) {
    const ring = new Array(8).fill(null);
    ring[0] = trie(depth);
    const random = new Random(31);
    let place = 0;
    for (let first = 0; first < updates; first += 10) {
      let version = ring[place];
      replaced = 0;
      for (let value = first; value < first + 10; value++) {
        version = updated(version, depth, random.below(2 ** depth), value);
      }
      place = (place + 1) % 8;
      ring[place] = version;
      checksum.mixNumber(replaced);
    }
    high = 0;
    low = 0;
    sum(ring[place], 0);
    checksum.mix(high, low);
  },
};

const hex = (word) => word.toString(16).padStart(8, "0");
const [name, ...numbers] = process.argv.slice(2);
let wall = process.hrtime.bigint();
let cpu = process.cpuUsage();
workloads[name](...numbers.map(Number));
wall = Number(process.hrtime.bigint() - wall);
cpu = process.cpuUsage(cpu);
const said = {
  status: "ok",
  checksum: hex(checksum.high) + hex(checksum.low),
  wall_ns: wall,
  cpu_ns: (cpu.user + cpu.system) * 1000,
};
try {
  said.peak_rss_bytes = Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
} catch (_) {
  // Another system.
}
console.log(JSON.stringify(said));
if (ends !== null) fs.writeFileSync("ends", ends.map(Math.round).join("\n"));
