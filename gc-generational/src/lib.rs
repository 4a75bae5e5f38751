//! A generational collector for [`heap_core`]: copying nursery, mark-region old space, parallel marking.
//!
//! ```
//! use gc_generational::Generational;
//! use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};
//!
//! #[derive(Trace)]
//! struct Node<'gc> {
//!     value: u64,
//!     next: Lock<Option<Gc<'gc, Node<'gc>>>>,
//! }
//!
//! let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(Generational::default(), |mc| {
//!     Gc::new(mc, Node { value: 0, next: Lock::new(None) })
//! })?;
//! for value in 1..100_000 {
//!     heap.mutate(|mc, root| {
//!         // The node before becomes garbage, and dies in the nursery without being touched again.
//!         store!(mc, root.next, Some(Gc::new(mc, Node { value, next: Lock::new(None) })));
//!     });
//! }
//! heap.mutate(|_, root| assert_eq!(root.next.get().unwrap().value, 99_999));
//! heap.collect();
//! assert_eq!(heap.statistics().live_objects, 3, "the root object and two nodes");
//! # Ok::<(), heap_core::AllocError>(())
//! ```
//!
//! # When to choose it
//!
//! When throughput matters and most objects die young, as they do in most programs: allocation is a bump through memory
//! that stays in the cache, and objects that die in the nursery cost nothing at all. A minor collection costs its
//! survivors and the objects written since the last one, however large the heap is.
//!
//! Choose another collector when pauses must not grow with the heap (a full collection stops the program; several
//! threads mark, but it is still one pause), or when objects must die at a known moment.
//!
//! # How it works
//!
//! | file | one idea |
//! |---|---|
//! | `collector` | the interface, method by method |
//! | `options` | what a program may choose |
//! | `policy` | how large the nursery is, when a full collection is due |
//! | `verify` | what must be true of every object after a collection |
//! | `nursery` | a window of addresses that the program bumps through |
//! | `remember` | the remembered set: old objects that were written, and cards of large arrays |
//! | `minor` | a minor collection, one way or the other |
//! | `scavenge` | copying survivors out of the nursery |
//! | `in_place` | leaving survivors where they are |
//! | `pretenure` | no nursery at all for a while, when nearly everything survives |
//! | `old` | allocation into the holes of the old space |
//! | `full` | a full collection |
//! | `evacuate` | moving the living out of sparse blocks |
//! | `mark` | marking the old space, by one thread or several |
//! | `packets` | how markers share work, and know that none is left |
//! | `epoch` | which tracing saw an object last |
//!
//! The nursery is Ungar's (1984), with promotion of all survivors at once; the old space is Immix' (Blackburn and
//! McKinley, 2008), evacuated by a pass of its own where it is wasteful; together they are close to GenImmix and to Sticky
//! Immix' successor in MMTk.
//!
//! # Costs
//!
//! * The first write to an old object since the last collection calls the collector; all others cost two instructions.
//! * Survivors are copied once: an object that survived its first minor collection lives until the next full one, and stays
//!   where it is, unless that one finds its heap fragmented. Then it is followed by an evacuation, in the same pause: a
//!   second trace, by one thread, and a copy of what lives in sparse blocks.
//! * Of a slice of 128 KiB and more, a minor collection visits the parts that were written, 256 bytes at a time; every
//!   write there calls the collector, until a quarter of the slice was written. (A `Vec` inside an object is not a slice:
//!   it is visited as a whole.)
//! * Memory: the nursery, and at the moment of a minor collection as much again as survives. The old space grows by
//!   [`growth`](Generational::with_growth) between full collections. Objects that die alone, among others that live,
//!   leave no more than that behind: what the last full collection found scattered, it moved together.

#![warn(missing_docs)]

mod collector;
mod epoch;
mod evacuate;
mod full;
mod in_place;
mod mark;
mod minor;
mod nursery;
mod old;
mod options;
mod packets;
mod policy;
mod pretenure;
mod remember;
mod scavenge;
mod verify;

pub use collector::Generational;

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
