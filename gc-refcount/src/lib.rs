//! Deferred, coalescing reference counting, with or without cycle collection: a collector for [`heap_core`].
//!
//! ```
//! use gc_refcount::RefCount;
//! use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};
//!
//! #[derive(Trace)]
//! struct Node<'gc> {
//!     next: Lock<Option<Gc<'gc, Node<'gc>>>>,
//! }
//!
//! let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(RefCount::pure(), |mc| {
//!     Gc::new(mc, Node { next: Lock::new(None) })
//! })?;
//! heap.mutate(|mc, root| {
//!     let node = Gc::new(mc, Node { next: Lock::new(None) });
//!     store!(mc, root.next, Some(node));
//! });
//! heap.collect();
//! heap.mutate(|mc, root| {
//!     assert_eq!(mc.ref_count(root.next.get().unwrap()), Some(1));
//!     store!(mc, root.next, None);
//! });
//! heap.collect();
//! assert_eq!(heap.statistics().live_objects, 2); // the root object and the first node
//! # Ok::<(), heap_core::AllocError>(())
//! ```
//!
//! # When to choose it
//!
//! * Memory is tight: an object is reclaimed in the epoch in which its last reference goes, not when the heap has grown
//!   by half, so a heap without cycles needs little more than what is alive and one epoch's allocation.
//! * Much is alive and little changes: an epoch costs what survived it and what was written in it. Nothing is ever
//!   traced as a whole, unless cycles have to be found.
//! * Objects should die promptly: [`with_eager`](RefCount::with_eager) runs the drop glue of an object, and clears its weak
//!   pointers, at the end of the `mutate` in which its count reached zero.
//! * The program wants to know how often an object is referred to: [`Mutator::ref_count`](heap_core::Mutator::ref_count).
//!
//! # What it does
//!
//! Counts are *deferred*: pointers on the Rust stack are not counted, only those in the heap, handles and the root. They
//! are *coalesced*: of all the writes to an object during an epoch only the first is noticed, and only the difference
//! between the beginning and the end is counted. And objects are *born uncounted*: one that nothing counted refers to
//! when the epoch ends is never looked at again, its memory is simply free. So the three things that make naive counting
//! slow (an update for every pointer that is copied, one for every write, one for every object that dies young) do not
//! happen; this is the family of RC Immix (Shahriyar, Blackburn, Yang and McKinley, 2013) and LXR (Zhao, Blackburn and
//! McKinley, 2022).
//!
//! | file | one idea |
//! |---|---|
//! | `collector` | the interface, method by method |
//! | `options` | what a program may choose |
//! | `policy` | when an epoch is due, and when a cycle collection |
//! | `verify` | what must be true between epochs |
//! | `log` | what changed objects referred to when the epoch began |
//! | `epoch` | increments, decrements, death |
//! | `count` | a count in the header, and what of it does not fit |
//! | `cycles` | trial deletion |
//! | `exact` | what is done about wasteful lines near the limit |
//! | `copying` | survivors that move together |
//! | `space` | lines that count the objects on them, and when they may be used again |
//! | `work` | the stack that replaces recursion |
//!
//! # What it costs
//!
//! * Eight bytes of header for each object, like every collector; no others.
//! * The first write to an object in an epoch copies the pointers in it; further writes cost a test. Of a
//!   large array a write to one element copies one card, a writable view of the whole all of its pointers.
//! * Each object that survives its first epoch, and each that dies later, is visited once: some twenty nanoseconds when
//!   it is in the cache.
//! * All of an epoch happens in one pause. Its length follows the objects that became counted, were written, or died:
//!   dropping the last reference to ten million objects takes as long as freeing ten million objects.
//! * Nothing moves, unless survivors are [copied](RefCount::with_copying). What dies in random order leaves holes of its own
//!   size, for objects that are as small.
//!
//! # What leaks
//!
//! [`RefCount::pure`] never reclaims garbage cycles, and whatever they refer to. How much that is:
//! `heap.statistics().live_bytes - heap.verify()?.bytes` after a collection. [`RefCount::default`]
//! reclaims them when what is counted has grown by half, when a limit is near, and at every
//! [`Heap::collect`](heap_core::Heap::collect); a cycle that has never been counted dies as young as any other object,
//! in both modes.

mod collector;
mod copying;
mod count;
mod cycles;
mod epoch;
mod exact;
mod log;
mod options;
mod policy;
mod space;
mod verify;
mod work;

pub use collector::RefCount;

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
