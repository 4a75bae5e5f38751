//! A non-moving mark-region collector for [`heap-core`](heap_core).
//!
//! ```
//! use gc_marksweep::MarkSweep;
//! use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};
//!
//! #[derive(Trace)]
//! struct Node<'gc> {
//!     value: u64,
//!     next: Lock<Option<Gc<'gc, Node<'gc>>>>,
//! }
//!
//! let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(MarkSweep::default(), |mc| {
//!     Gc::new(mc, Node { value: 0, next: Lock::new(None) })
//! })?;
//!
//! for value in 1..100_000 {
//!     heap.mutate(|mc, root| {
//!         // The node of the round before becomes garbage.
//!         let node = Gc::new(mc, Node { value, next: Lock::new(None) });
//!         store!(mc, root.next, Some(node));
//!     }); // Collects here, by itself, when it is due.
//! }
//!
//! heap.collect();
//! assert_eq!(heap.statistics().live_objects, 3); // The root object, its node, and the last one.
//! # Ok::<(), heap_core::AllocError>(())
//! ```
//!
//! # The algorithm
//!
//! Memory is blocks of 32 KiB, a block is 128 lines. Objects are bumped through *holes*, runs of lines on which nothing
//! lives. A marking follows the graph from the roots, colours every object that it reaches and stamps the lines that the
//! object overlaps; whatever has no stamp afterwards is free. This is Immix (Blackburn and McKinley, 2008) without its
//! evacuation: nothing ever moves. Dead objects are not touched, not even to build a free list, and no mark is ever
//! cleared: colours and stamps rotate.
//!
//! # One pause or many
//!
//! [`MarkSweep::default`] marks everything in one pause. [`MarkSweep::incremental`] marks in increments, each at the
//! safepoint after a `mutate` that allocated, and each proportional to what was allocated. In between, the graph changes
//! under the marker, so a write barrier preserves the *snapshot at the beginning* (Yuasa, 1990): before the first write
//! to an object that is not marked yet, the object is marked and its edges are noted. What was reachable when the cycle
//! began survives it, and so does everything allocated while it runs. Clearing weak cells, running drop glue and the sweep
//! are done in increments too: among a million weak cells no step took more than 0.12 ms, where all of them at once take
//! 3.7. Not so ephemerons and registered finalizers: the pause in which marking ends looks at each of them. With a gigabyte alive and without huge pages, 99.99 % of the steps took less than 0.3 ms
//! of processor time. On a virtual machine the first touch of a huge page may take longer than a pause should:
//! `HeapOptions::with_huge_pages(false)` avoids that, at the price of slower access.
//!
//! # When to choose it
//!
//! * Objects must not move, because native code keeps their addresses.
//! * Most data is long-lived, so that copying survivors would be wasted.
//! * Short pauses matter more than throughput: choose [`incremental`](MarkSweep::incremental).
//!
//! When almost everything dies young, a generational collector does less work. When memory must be returned at once, a
//! counting one.
//!
//! # What is loaded once
//!
//! ```
//! # use gc_marksweep::MarkSweep;
//! use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};
//!
//! #[derive(Trace)]
//! struct Class<'gc> {
//!     name: Gc<'gc, str>,
//!     extension: Lock<Option<Gc<'gc, str>>>,
//! }
//! type Library = Rootable![Gc<'_, [Gc<'_, Class<'_>>]>];
//!
//! let mut heap = Heap::<Library>::new(MarkSweep::incremental(), |mc| {
//!     let class = |name: String| Class { name: Gc::new_str(mc, &name), extension: Lock::new(None) };
//!     Gc::new_slice_with(mc, 5000, |n| Gc::new(mc, class(format!("class {n}"))))
//! })?;
//! heap.freeze()?;
//! heap.collect(); // Looks at nothing.
//! assert_eq!((heap.statistics().live_objects, heap.statistics().permanent_objects), (0, 10_002));
//!
//! heap.mutate(|mc, classes| store!(mc, classes[7].extension, Some(Gc::new_str(mc, "new"))));
//! heap.collect(); // Looks at this class, because it was written, and keeps what is new.
//! assert_eq!((heap.statistics().live_objects, heap.statistics().permanent_objects), (2, 10_001));
//! heap.mutate(|_, classes| assert_eq!(&*classes[7].extension.get().unwrap(), "new"));
//! # Ok::<(), heap_core::AllocError>(())
//! ```
//!
//! # What it costs
//!
//! | | stop the world | incremental |
//! |---|---|---|
//! | header | 8 bytes | 8 bytes |
//! | side metadata | 0.4 % (one byte per line) | the same |
//! | allocation | bump and a header | the same |
//! | write | one test that always fails | outside of a cycle the same; within, one mark per object at most |
//! | pause | proportional to what is alive | proportional to what the `mutate` before it allocated |
//! | memory | twice what is alive, by default | the same |
//!
//! Fragmentation is the price of not moving. A single small object keeps its line of 256 bytes, until more than half of
//! all lines is wasted: then the next collection marks to eight bytes, and the holes between the living are used. An object
//! of more than a line goes into the tightest hole there is for it.
//!
//! # The files
//!
//! | file | one idea |
//! |---|---|
//! | `collector` | the interface, method by method |
//! | `options` | what the user may choose |
//! | `policy` | the policy: what to do at a safepoint |
//! | `cycle` | a collection from its roots to its sweep, in one piece or many |
//! | `stamps` | which lines are alive |
//! | `verify` | what is true between two pauses |

mod collector;
mod cycle;
mod options;
mod policy;
mod stamps;
mod verify;

pub use collector::MarkSweep;

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
