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
//! # Moves and deaths
//!
//! Objects move, and keep their identity hash; what dies is told to who asked. (The same on every collector, but for the
//! moves.)
//!
//! ```
//! use gc_generational::Generational;
//! use heap_core::{Ephemeron, FinalizerQueue, Gc, Heap, Lock, Rootable, Trace, Weak, store};
//!
//! #[derive(Trace)]
//! struct Root<'gc> {
//!     page: Lock<Option<Gc<'gc, str>>>,
//!     /// The page's layout, for as long as the page exists.
//!     layout: Lock<Option<Ephemeron<'gc, str, [u32]>>>,
//!     seen: Lock<Option<Weak<'gc, str>>>,
//!     closed: FinalizerQueue<'gc, str>,
//! }
//!
//! let mut heap = Heap::<Rootable![Gc<'_, Root<'_>>]>::new(Generational::default(), |mc| {
//!     let (page, layout, seen) = (Lock::new(None), Lock::new(None), Lock::new(None));
//!     Gc::new(mc, Root { page, layout, seen, closed: FinalizerQueue::new(mc) })
//! })?;
//! let (hash, place) = heap.mutate(|mc, root| {
//!     let page = Gc::new_str(mc, "index");
//!     store!(mc, root.page, Some(page));
//!     store!(mc, root.layout, Some(Ephemeron::new(mc, page, Gc::new_slice(mc, &[80, 25]))));
//!     store!(mc, root.seen, Some(Gc::downgrade(page, mc)));
//!     root.closed.register(mc, page);
//!     (Gc::identity_hash(page, mc), Gc::as_ptr(page))
//! });
//! heap.collect_minor();
//! heap.mutate(|mc, root| {
//!     let page = root.page.get().unwrap();
//!     assert!(Gc::as_ptr(page) != place && Gc::identity_hash(page, mc) == hash);
//!     assert_eq!(root.layout.get().unwrap().value(mc).unwrap()[..], [80, 25]);
//!     store!(mc, root.page, None);
//! });
//! // Before anything dies: it would, and is not brought back here.
//! assert!(heap.collect_with(|fc, root| root.seen.get().unwrap().is_dead(fc))?);
//! // It had a finalizer, so it is whole, in the queue, and its layout with it.
//! heap.mutate(|mc, root| {
//!     assert!(root.layout.get().unwrap().value(mc).is_some());
//!     assert_eq!(&*root.closed.next(mc).unwrap(), "index");
//! });
//! heap.collect();
//! heap.mutate(|mc, root| {
//!     assert!(root.seen.get().unwrap().is_dropped(mc) && root.layout.get().unwrap().is_dropped());
//!     assert!(root.closed.next(mc).is_none());
//! });
//! # Ok::<(), heap_core::AllocError>(())
//! ```
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
