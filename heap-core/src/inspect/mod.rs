//! Looking into a heap: what is there, what leads where, what keeps what alive.
//!
//! Everything here begins with a trace of its own from every root, which writes nothing and asks nothing of the collector: so it
//! is the same for all of them, and the middle of an incremental cycle is as good a moment as any other. What is dead and not
//! yet swept is not seen, because nothing leads there.
//!
//! | for | use |
//! |---|---|
//! | a file for the memory panel of Chrome's developer tools | [`Heap::dump`](crate::Heap::dump) |
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
//! # Cost
//!
//! A trace takes half a kilobyte for each block of 32 KiB in which something was reached. That is also the table that
//! numbers objects: the number of an object is that of the bits in front of its own.

mod dump;
mod walk;

pub use dump::DumpSummary;
pub(crate) use dump::dump;

use crate::machine::TypeOf;
use crate::object::Object;

/// The type of an object, for people: without lifetimes, which say nothing here and which not every compiler prints.
fn type_name(object: Object<'_>) -> String {
    TypeOf(object).to_string().replace("<'_>", "").replace("'_, ", "").replace("&'_ ", "&")
}
