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
//! * Objects should die promptly: [`eager`](RefCount::eager) runs the drop glue of an object, and clears its weak
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
//! | `log.rs` | what changed objects referred to when the epoch began |
//! | `epoch.rs` | increments, decrements, death |
//! | `count.rs` | a count in the header, and what of it does not fit |
//! | `cycles.rs` | trial deletion |
//! | `space.rs` | lines that count the objects on them, and when they may be used again |
//! | `policy.rs` | when an epoch is due, and when a cycle collection |
//! | `work.rs` | the stack that replaces recursion |
//! | `verify.rs` | what must be true between epochs |
//!
//! # What it costs
//!
//! * Eight bytes of header for each object, like every collector; no others.
//! * The first write to an object in an epoch copies the pointers in it; further writes cost a test. A write to one
//!   element of a large array copies all its pointers once in an epoch.
//! * Each object that survives its first epoch, and each that dies later, is visited once: some twenty nanoseconds when
//!   it is in the cache.
//! * All of an epoch happens in one pause. Its length follows the objects that became counted, were written, or died:
//!   dropping the last reference to ten million objects takes as long as freeing ten million objects.
//! * Nothing moves. Long-lived objects that die in random order leave holes smaller than a line of 256 bytes, which are
//!   used again only when the rest of the line has died too.
//!
//! # What leaks
//!
//! [`RefCount::pure`] never reclaims garbage cycles, and whatever they refer to. How much that is:
//! `heap.statistics().live_bytes - heap.verify()?.bytes` after a collection. [`RefCount::with_cycle_collection`], the
//! default, reclaims them when what is counted has grown by half, when a limit is near, and at every
//! [`Heap::collect`](heap_core::Heap::collect); a cycle that has never been counted dies as young as any other object,
//! in both modes.

mod address_hash;
mod count;
mod cycles;
mod epoch;
mod log;
mod policy;
mod space;
mod verify;
mod work;

use core::ops::Range;
use std::collections::HashMap;

use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{AllocRequest, Allocation, Collector, HeapContext, HeapCore, ObjectRef};
use heap_core::{AllocError, CollectionKind};

use address_hash::ObjectSet;
use count::Counts;
use cycles::Candidates;
use log::Log;
use policy::Pacing;
use space::Space;
use work::Worklist;

/// The reference-counting collector. Pass it to [`Heap::new`](heap_core::Heap::new).
pub struct RefCount {
    cycles: bool,
    eager: bool,
    log: Log,
    counts: Counts,
    work: Worklist,
    space: Space,
    candidates: Candidates,
    /// Counted objects with drop glue.
    droppable: ObjectSet,
    pacing: Pacing,
    /// Memory was handed out since the last epoch: there may be objects that are not counted.
    fresh: bool,
    /// The last epoch ended with a complete cycle collection: everything counted is reachable.
    exact: bool,
}

impl Default for RefCount {
    /// With cycle collection: garbage does not stay, whatever its shape.
    fn default() -> Self {
        Self::with_cycle_collection()
    }
}

impl RefCount {
    fn new(cycles: bool) -> Self {
        RefCount {
            cycles,
            eager: false,
            log: Log::default(),
            counts: Counts::default(),
            work: Worklist::default(),
            space: Space::new(false),
            candidates: Candidates::default(),
            droppable: ObjectSet::default(),
            pacing: Pacing::new(),
            fresh: false,
            exact: false,
        }
    }

    /// Counting alone. Garbage that refers to itself is never reclaimed, as long as the heap exists.
    pub fn pure() -> Self {
        Self::new(false)
    }

    /// Counting, and a collection of garbage cycles by trial deletion when the counted bytes have grown by half.
    pub fn with_cycle_collection() -> Self {
        Self::new(true)
    }

    /// With `on`, an epoch ends every `mutate`: an object dies at the end of the `mutate` in which its count reached
    /// zero. A `mutate` that changed nothing then costs about a hundred nanoseconds instead of a few instructions.
    #[must_use]
    pub fn eager(mut self, on: bool) -> Self {
        self.eager = on;
        self
    }

    /// Bytes allocated between two epochs; if not set, half of what is alive, within 4 and 16 MiB, and twice that while
    /// little dies young and much is written. Smaller epochs hold
    /// less memory and pause for less time; larger ones do less work in all.
    #[must_use]
    pub fn epoch_bytes(mut self, bytes: usize) -> Self {
        self.pacing.set_epoch_bytes(bytes);
        self
    }

    /// Nothing was written, allocated, stashed or released since the last epoch.
    fn is_settled(&self, heap: &HeapContext<'_>) -> bool {
        let roots = &heap.core.roots;
        self.log.is_empty()
            && !self.pacing.allocated(heap)
            && roots.released().is_empty()
            && roots.created_targets().next().is_none()
    }
}

// SAFETY: nothing is ever moved. An object is reclaimed only at the end of an epoch in which its count is zero; counts
// are exact: every reference from a counted object, a handle or the root is counted, an object is counted before its
// first clean moment, and a clean object is logged before it is written to. So an object without a count is referred to
// by nothing that can be reached, apart from the cycles that trial deletion finds, which are closed under "referred to
// by". Cells and drop glue of the dead are processed before memory is reused, glue from lists that name an object once.
// Memory handed out is free (see `space`).
unsafe impl Collector for RefCount {
    fn name(&self) -> &'static str {
        if self.cycles { "refcount-cycles" } else { "refcount" }
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.space = Space::new(heap.core.options.poisons());
        heap.fast.birth.set(0);
        heap.fast.barrier_flip.set(0);
        heap.fast.barrier_mask.set(UNLOGGED);
        self.pacing.start(heap);
        heap.fast.due.set(self.eager);
        heap.fast.always_due.set(self.eager);
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        self.fresh = true;
        let allocation = self.space.allocate(heap, request);
        if allocation.is_err() {
            self.pacing.failed();
        }
        if allocation.is_err() || self.pacing.epoch_due(heap) {
            heap.fast.due.set(true);
        }
        allocation
    }

    fn barrier_slow(&mut self, _: &mut HeapContext<'_>, object: ObjectRef, _: Range<usize>) {
        // SAFETY: the program holds a pointer to the object, it is clean, and the write comes after this returns.
        unsafe { self.log.record(object) };
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        // An allocation that failed may have been all that happened, and garbage cycles may be in its way.
        let pressed = self.cycles && self.pacing.has_failed() && !self.candidates.is_empty();
        if !pressed && self.is_settled(heap) {
            heap.fast.due.set(self.eager);
            return;
        }
        let cycles = self.cycles && !self.candidates.is_empty() && self.pacing.cycles_due(heap.core);
        self.epoch(heap, CollectionKind::Minor, cycles);
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        self.epoch(heap, kind, self.cycles && kind == CollectionKind::Full);
        if kind == CollectionKind::Full {
            // What the next epoch will not use goes back to the system.
            heap.core.memory.blocks.decommit_free(self.pacing.epoch_budget());
        }
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.safepoint(heap);
        true
    }

    fn finish(&mut self, heap: &mut HeapContext<'_>) {
        for object in self.droppable.drain() {
            heap.core.drops.adopt(object);
        }
    }

    fn reclaims_cycles(&self) -> bool {
        self.cycles
    }

    fn ref_count(&self, _: &HeapCore, object: ObjectRef) -> Option<u64> {
        // SAFETY: the program holds a pointer to the object.
        Some(self.counts.get(object, unsafe { object.header() }.load()))
    }

    fn verify_object(&self, heap: &HeapCore, object: ObjectRef, _: &[ObjectRef]) -> Result<(), String> {
        self.check_object(heap, object)
    }

    fn verify_references(&self, heap: &HeapCore, incoming: &HashMap<ObjectRef, u64>) -> Result<(), String> {
        self.check_references(heap, incoming)
    }
}

impl core::fmt::Debug for RefCount {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RefCount")
            .field("cycles", &self.cycles)
            .field("eager", &self.eager)
            .field("pacing", &self.pacing)
            .field("candidates", &self.candidates.objects().len())
            .field("spilled_objects", &self.counts.spilled_objects())
            .finish()
    }
}
