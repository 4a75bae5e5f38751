"""Writes the heap of the running CPython process as a .heapsnapshot file.

The file is read by `bench-harness replay FILE`, with `--heap` for a description, and opens in Chrome's developer tools (Memory,
Load). One file, no dependencies, CPython 3.8 and later. Four ways to use it:

    import heap_snapshot                       # 1. in the program, where you like
    heap_snapshot.write("my.heapsnapshot")

    import heap_snapshot                       # 2. in the program, and then `kill -USR1 PID` when you like
    heap_snapshot.on_signal("my.heapsnapshot")

    python3 heap_snapshot.py my.heapsnapshot program.py ARGUMENTS   # 3. a program as it is, when it ends

    sudo python3 heap_snapshot.py my.heapsnapshot --pid PID         # 4. from outside; CPython 3.14 and later

What is in it. Every object that can be reached from the modules, from the frames of all threads, or that the garbage
collector knows; references as `gc.get_referents` gives them, which are those that the collector follows (weak references
are none); sizes by `sys.getsizeof`. What only C code keeps alive is a root. The names are those of types; no value of the
program is written.

The program stands still meanwhile, about three seconds for a million objects. Memory for the list of objects and their numbers
is needed, about 150 bytes an object; the references go to a temporary file.
"""

import gc
import json
import os
import sys
import tempfile
import types

__all__ = ["write", "on_signal"]

# Numbers that are written at once.
_CHUNK = 1 << 16

_META = {
    "node_fields": ["type", "name", "id", "self_size", "edge_count"],
    "node_types": [["synthetic", "object", "code", "string", "number", "array"], "string", "number", "number", "number"],
    "edge_fields": ["type", "name_or_index", "to_node"],
    "edge_types": [["element"], "string_or_number", "node"],
}
_NODE_FIELDS = len(_META["node_fields"])
_KINDS = {str: 3, bytes: 3, bytearray: 3, int: 4, float: 4, complex: 4, list: 5, tuple: 5, dict: 5, set: 5, frozenset: 5}
_CODE = (types.FunctionType, types.CodeType, type)


class _Numbers:
    """A file of numbers with commas between them, written in pieces."""

    def __init__(self, file):
        self.file = file
        self.waiting = []
        self.begun = False

    def extend(self, numbers):
        self.waiting.extend(numbers)
        if len(self.waiting) >= _CHUNK:
            self.flush()

    def flush(self):
        if self.waiting:
            self.file.write("," if self.begun else "")
            self.file.write(",".join(map(str, self.waiting)))
            self.waiting.clear()
            self.begun = True


class _Heap:
    """Numbers objects in the order in which they are found. Number 0 is the root of the file, which is no object."""

    def __init__(self):
        self.numbers = {}
        self.objects = [None]
        # What belongs to the exporter is no part of the heap.
        self.own = {id(self), id(self.__dict__), id(self.numbers), id(self.objects)}
        self.own.add(id(self.own))

    def hide(self, *objects):
        self.own.update(map(id, objects))

    def number(self, thing):
        """The number of an object, which is a new one if it was not seen before; 0 for what is hidden."""
        identity = id(thing)
        number = self.numbers.get(identity)
        if number is None:
            if identity in self.own:
                return 0
            number = self.numbers[identity] = len(self.objects)
            # This also keeps it alive, so that no other object gets its address.
            self.objects.append(thing)
        return number


def _size(thing):
    try:
        size = sys.getsizeof(thing)
        return size if isinstance(size, int) and 0 <= size < 1 << 62 else 0
    except Exception:  # A __sizeof__ of the program's own.
        return 0


def _roots(heap):
    """The objects from which everything else is found, those that are certain first."""
    here = _roots.__code__.co_filename
    yield sys.modules
    for frame in sys._current_frames().values():
        # The frames of the exporter come first in this thread.
        while frame is not None and frame.f_code.co_filename == here:
            heap.hide(frame)
            frame = frame.f_back
        if frame is not None:
            yield frame


def _unreferenced(known, heap):
    """Of objects that were not reached so far: those that none of the others refers to, then all. C code keeps them."""
    missing = [thing for thing in known if id(thing) not in heap.numbers and id(thing) not in heap.own]
    inside = set()
    heap.hide(missing, inside)
    for thing in missing:
        inside.update(id(to) for to in gc.get_referents(thing) if to is not thing)
    for thing in missing:
        if id(thing) not in inside:
            yield thing
    # Circles.
    yield from missing


def write(path):
    """Writes the heap to the file `path`, replacing it, and returns how many objects and references are in it."""
    was_enabled = gc.isenabled()
    # What is garbage already is not the heap.
    gc.collect()
    gc.disable()
    try:
        with tempfile.TemporaryFile("w+") as edges, open(path, "w") as out:
            return _write(edges, out)
    finally:
        if was_enabled:
            gc.enable()


def _write(edge_file, out):
    heap = _Heap()
    known = gc.get_objects()
    names, name_of = ["", "(roots)"], {}
    edges, nodes = _Numbers(edge_file), _Numbers(out)
    heap.hide(known, names, name_of, edges, edges.__dict__, edges.waiting, nodes, nodes.__dict__, nodes.waiting)
    heap.hide(edge_file, out)

    # The nodes of the file follow the order of numbers, their references too. The root is node 0 and its references come
    # first, but what they are is known last: so it refers to a second root, which is the last node.
    out.write('{"snapshot":{"meta":%s},\n"nodes":[' % json.dumps(_META))
    nodes.extend((0, 1, 1, 0, 1))
    roots, counts = [], [0, 0]
    heap.hide(roots, counts)
    done = 1

    def follow():
        nonlocal done
        while done < len(heap.objects):
            thing = heap.objects[done]
            kind = type(thing)
            name = name_of.get(id(kind))
            if name is None:
                name = name_of[id(kind)] = len(names)
                names.append(kind.__qualname__ if type(kind.__qualname__) is str else "?")
            targets = [number for number in map(heap.number, gc.get_referents(thing)) if number]
            code = 2 if isinstance(thing, _CODE) else _KINDS.get(kind, 1)
            nodes.extend((code, name, 2 * done + 1, _size(thing), len(targets)))
            for index, number in enumerate(targets):
                edges.extend((0, index, number * _NODE_FIELDS))
            counts[0] += 1
            counts[1] += len(targets)
            done += 1

    for source in (_roots(heap), _unreferenced(known, heap)):
        heap.hide(source)
        for thing in source:
            before = len(heap.objects)
            number = heap.number(thing)
            # A root is what was not found before, and everything that is certain to be one.
            if number and (number == before or source.gi_code is _roots.__code__):
                roots.append(number)
            follow()

    last = len(heap.objects)
    nodes.extend((0, 1, 2 * last + 1, 0, len(roots)))
    nodes.flush()
    out.write('],\n"edges":[0,0,%d' % (last * _NODE_FIELDS))
    for index, number in enumerate(roots):
        edges.extend((0, index, number * _NODE_FIELDS))
    edges.flush()
    edge_file.seek(0)
    if edges.begun:
        out.write(",")
    while True:
        piece = edge_file.read(1 << 20)
        if not piece:
            break
        out.write(piece)
    out.write('],\n"strings":%s}\n' % json.dumps(names))
    return counts[0], counts[1]


def on_signal(path, number=None):
    """Writes the heap to `path` whenever the process gets the signal, SIGUSR1 unless another is given."""
    import signal

    def handler(*_):
        objects, references = write(path)
        sys.stderr.write("%s: %d objects, %d references\n" % (path, objects, references))

    signal.signal(signal.SIGUSR1 if number is None else number, handler)


def _main(arguments):
    if len(arguments) < 2 or arguments[0].startswith("-"):
        sys.stderr.write(__doc__)
        return 2
    path, program = os.path.abspath(arguments[0]), arguments[1]
    if program == "--pid":
        if not hasattr(sys, "remote_exec"):
            sys.stderr.write("--pid needs CPython 3.14 or later on both sides; see ways 1 to 3:\n\n" + __doc__)
            return 2
        with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as script:
            script.write("import sys\nsys.path.insert(0, %r)\nimport heap_snapshot\nsys.path.pop(0)\n" % os.path.dirname(os.path.abspath(__file__)))
            script.write("heap_snapshot.write(%r)\n" % path)
        os.chmod(script.name, 0o644)
        sys.remote_exec(int(arguments[2]), script.name)
        return 0
    import atexit

    # The program becomes __main__ and stays it, so that its variables are there at the end.
    main = types.ModuleType("__main__")
    main.__file__ = program
    sys.modules["__main__"] = main
    sys.argv[:] = arguments[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    atexit.register(write, path)
    with open(program, "rb") as source:
        code = compile(source.read(), program, "exec")
    exec(code, main.__dict__)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
