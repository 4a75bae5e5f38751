# The classic workloads in Python. What they are is in src/workloads; the numbers come as arguments.
import gc
import json
import sys
import time
from array import array

MASK = (1 << 64) - 1


class Checksum:
    def __init__(self):
        self.value = 0xCBF29CE484222325

    def mix(self, value):
        product = ((self.value ^ (value & MASK)) * 0x9E3779B97F4A7C15) & MASK
        self.value = product ^ (product >> 32)


class Random:
    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return ((self.bits() >> 32) * bound) >> 32


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
        source = ((bits & 0xFFFFFFFF) * count) >> 32
        target = ((bits >> 32) * count) >> 32
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


main(*sys.argv[1:])
