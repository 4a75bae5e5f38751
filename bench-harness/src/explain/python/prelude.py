# Counts references and notes deaths, for the statements that follow. Needs CPython.
import gc
import json
import sys
import weakref


class Watch(weakref.ref):
    __slots__ = ("number",)


watches = []
died = []


def watch(thing):
    watches.append(Watch(thing, lambda watch: died.append(watch.number)))
    watches[-1].number = len(watches)
    return thing


class Thing:
    def __init__(self):
        self.link = None
        watch(self)


# Of list and dict themselves there are no weak references.
class List(list):
    def __init__(self, items):
        super().__init__(items)
        watch(self)


class Dict(dict):
    def __init__(self, entries):
        super().__init__(entries)
        watch(self)


def capture(variable):
    def function(value):
        nonlocal variable
        variable = value

    return watch(function)


def counts(own):
    found = {}
    for watch in watches:
        thing = watch()
        if thing is not None:
            found[watch.number] = sys.getrefcount(thing) - own
    return found


def step():
    print(json.dumps({"counts": counts(OWN), "died": sorted(died)}))
    died.clear()


# While it counts, this script refers to the object itself: how often, it finds out with an object that has one name.
example = Thing()
OWN = counts(1)[1]
del example
watches.clear()
died.clear()
gc.disable()
