//! Looking into a heap: what is there, what leads where, what keeps what alive.
//!
//! Everything here begins with a trace of its own from every root, which writes nothing and asks nothing of the collector: so it
//! is the same for all of them, and the middle of an incremental cycle is as good a moment as any other. What is dead and not
//! yet swept is not seen, because nothing leads there.
//!
//! | for | use |
//! |---|---|
//! | a file for the memory panel of Chrome's developer tools | [`Heap::dump`](crate::Heap::dump) |
//! | what is big, and what keeps it alive, as text | [`Heap::report`](crate::Heap::report) |
//! | all objects, those of a type, what leads to one, the way from a root | [`Heap::inspect`](crate::Heap::inspect) |
//!
//! # A dump
//!
//! In Chrome: developer tools, *Memory*, *Load profile*. Any tool for V8's heap snapshots will do.
//!
//! | in the heap | in the file |
//! |---|---|
//! | object | a node of type `object`, called by its type; a slice of `T` is `[T]` |
//! | footprint, and what the object owns outside the heap | `self_size` |
//! | the place in the heap's addresses | `id`, odd: the same in two dumps if the object was not moved in between |
//! | pointer in a field | an edge of type `property`: `left`, `children[3]`, `entry.key` |
//! | pointer in a slice | an edge of type `element` |
//! | target of a weak cell, key of an ephemeron | an edge of type `weak`, if the target is reachable |
//! | value of an ephemeron whose key is reachable | an edge of type `internal` |
//! | root, handles, what waits in finalizer queues | edges of node 0: `root`, `handle`, `finalizer queue` |
//!
//! All objects are of type `object`, slices too, because viewers group only those by name. A path through a field names it as the
//! program does. What the derive cannot know, such as the values of a map or the inside of a type whose `Trace` is written by
//! hand, is numbered in the order in which it is traced; of each place, the first hundred elements have names of their own.
//!
//! # From Python
//!
//! What `gc` and its neighbours in Python's standard library have, and what answers it here.
//!
//! | Python | here |
//! |---|---|
//! | `gc.collect(generation)` | [`Heap::collect`](crate::Heap::collect), [`collect_minor`](crate::Heap::collect_minor), and [`step`](crate::Heap::step) for a part; what it did is in [`Heap::statistics`](crate::Heap::statistics) |
//! | `gc.enable`, `disable`, `isenabled` | [`Heap::set_automatic`](crate::Heap::set_automatic), [`is_automatic`](crate::Heap::is_automatic) |
//! | `gc.set_threshold`, `get_threshold` | options of the collector, in code or as text (`nursery=4MiB,growth=2`); thresholds are bytes, not numbers of objects, and follow what is alive |
//! | `gc.get_count` | [`Statistics::allocated_bytes`](crate::Statistics), now and when the last pause ended ([`Mutator::should_yield`](crate::Mutator::should_yield): whether one is due) |
//! | `gc.get_stats` | [`Statistics`](crate::Statistics): collections of each kind, bytes that were promoted, what is alive, pauses. `uncollectable` has no counterpart: nothing is |
//! | `gc.callbacks` | [`Heap::set_listener`](crate::Heap::set_listener), called after each pause with what happened in it, and when |
//! | `gc.get_objects()` | [`Inspection::objects`](crate::Inspection::objects), [`objects_of`](crate::Inspection::objects_of). Not by generation: which object is old is the collector's business, and only one has generations |
//! | `gc.get_referrers`, `get_referents` | [`Inspection::referrers`](crate::Inspection::referrers), [`referents`](crate::Inspection::referents), with the fields that the pointers are in; no object is half made, because nothing runs meanwhile |
//! | why is it alive? (`objgraph.show_backrefs`) | [`Inspection::path_to`](crate::Inspection::path_to), [`Heap::report`](crate::Heap::report) |
//! | `gc.is_tracked` | [`Inspection::may_refer`](crate::Inspection::may_refer): of the type; types without pointers are never looked into |
//! | `gc.is_finalized` | an object may be registered with a [`FinalizerQueue`](crate::FinalizerQueue) again when it comes out of one: it is queued once for each registration |
//! | `gc.freeze` | [`Heap::freeze`](crate::Heap::freeze). No collection looks at what is permanent, and tracing collectors do not write to it, so that pages stay shared after `fork`; counting ones write headers again, unchanged, when references to them come and go |
//! | `gc.unfreeze` | no: counts are gone, and what has died meanwhile would have to be found |
//! | `gc.get_freeze_count` | [`Statistics::permanent_objects`](crate::Statistics::permanent_objects): what no collection looks at; one that was written since is counted among `live_objects` by a tracing collector |
//! | `gc.garbage`, `DEBUG_SAVEALL` | nothing is uncollectable. Objects of a type that were found dead wait in a [`FinalizerQueue`](crate::FinalizerQueue), whole; [`Heap::mark`](crate::Heap::mark) says before a collection which of the objects behind weak pointers are dead, on cycles too, and brings them back for inspection |
//! | `gc.set_debug(DEBUG_STATS)`, `DEBUG_COLLECTABLE` | a listener that prints ([`events`](crate::events)) |
//! | `sys.getrefcount` | [`Mutator::ref_count`](crate::Mutator::ref_count), [`Inspection::ref_count`](crate::Inspection::ref_count), where references are counted |
//! | `sys.getsizeof` | [`Inspection::size`](crate::Inspection::size), and [`owned_bytes`](crate::Inspection::owned_bytes) for what is outside the heap; retained sizes in [`Heap::report`](crate::Heap::report) |
//! | `sys.getallocatedblocks`, `_debugmallocstats` | [`Statistics`](crate::Statistics): `live_objects`, `heap_bytes`, `side_bytes`, `resident_bytes` |
//! | `weakref.ref`, `proxy`, `WeakMethod` | [`Weak`](crate::Weak), upgraded at each use; the method is the program's |
//! | `weakref.getweakrefcount` | weak pointers are copied freely and not counted; an object with any has one weak cell, see its [referrers](crate::Inspection::referrers) |
//! | `WeakValueDictionary`, `WeakKeyDictionary`, `WeakSet` | [`WeakValueMap`](crate::collections::WeakValueMap), [`WeakMap`](crate::collections::WeakMap), [`WeakSet`](crate::collections::WeakSet) |
//! | a callback of `weakref.ref`, `weakref.finalize` | [`FinalizerQueue`](crate::FinalizerQueue): the program takes out what died when it likes, so that no code runs inside a collection |
//! | `tracemalloc` | the feature `allocation-sites`: `Heap::note_sites`, `Heap::site_profile`, differences (`SiteProfile::since`); without it [`Heap::report`](crate::Heap::report) for what is alive, by type |
//!
//! # Cost
//!
//! A trace takes half a kilobyte for each block of 32 KiB in which something was reached. That is also the table that
//! numbers objects: the number of an object is that of the bits in front of its own.

mod dominators;
mod dump;
mod names;
mod path;
mod report;
#[cfg(feature = "allocation-sites")]
pub mod sites;
mod walk;

pub use dump::DumpSummary;
pub(crate) use dump::dump;
pub(crate) use path::Parents;
pub use path::{RootPath, Step};
pub(crate) use report::report;
pub use report::{LargeObject, Report, TypeSize};
pub(crate) use walk::{objects, references, roots};

use crate::machine::TypeOf;
use crate::object::Object;

/// The type of an object, for people: without lifetimes, which say nothing here and which not every compiler prints.
pub(crate) fn type_name(object: Object<'_>) -> String {
    TypeOf(object).to_string().replace("<'_>", "").replace("'_, ", "").replace("&'_ ", "&")
}
