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
//! | `nursery` | a window of addresses that the program bumps through |
//! | `remember` | the remembered set: old objects that were written, and cards of large arrays |
//! | `scavenge` | a minor collection by copying survivors out of the nursery |
//! | `in_place` | a minor collection that leaves survivors where they are |
//! | `pretenure` | no nursery at all for a while, when nearly everything survives |
//! | `old` | allocation into the holes of the old space |
//! | `mark` | marking the old space, by one thread or several |
//! | `packets` | how markers share work, and know that none is left |
//! | `epoch` | which tracing saw an object last |
//! | `policy` | how large the nursery is, when a full collection is due |
//! | `verify` | what must be true of every object after a collection |
//!
//! The nursery is Ungar's (1984), with promotion of all survivors at once; the old space is Immix' (Blackburn and
//! McKinley, 2008) without evacuation; together they are close to GenImmix and to Sticky Immix' successor in MMTk.
//!
//! # Costs
//!
//! * The first write to an old object since the last collection calls the collector; all others cost two instructions.
//! * Survivors are copied once, and not again: an object that survived its first minor collection lives until the next
//!   full one.
//! * Of a slice of 128 KiB and more, a minor collection visits the parts that were written, 256 bytes at a time; every
//!   write there calls the collector, until a quarter of the slice was written. (A `Vec` inside an object is not a slice:
//!   it is visited as a whole.)
//! * Memory: the nursery, and at the moment of a minor collection as much again as survives. The old space grows by
//!   [`growth`](Generational::with_growth) between full collections.

#![warn(missing_docs)]

mod epoch;
mod in_place;
mod mark;
mod nursery;
mod old;
mod options;
mod packets;
mod policy;
mod pretenure;
mod remember;
mod scavenge;
mod verify;

use core::ops::Range;

use heap_core::collector::memory::{self, LINES_PER_BLOCK};
use heap_core::collector::object::{CARDED, UNLOGGED};
use heap_core::collector::{
    AllocRequest, Allocation, Collector, EdgeSink, HeapContext, HeapCore, ObjectRef, Scope, SlotSink, sweep,
};
use heap_core::events::EventKind;
use heap_core::{AllocError, CollectionKind};

use in_place::Promotion;
use mark::Marking;
use nursery::Nursery;
use old::OldSpace;
use options::Options;
use policy::Policy;
use remember::Remembered;
use scavenge::Scavenger;

/// The generational collector. See the [crate's front page](crate).
///
/// ```
/// use gc_generational::Generational;
/// let collector = Generational::default().with_nursery_bytes(1 << 20).with_growth(1.5).with_marking_threads(4);
/// ```
pub struct Generational {
    options: Options,
    policy: Policy,
    nursery: Nursery,
    old: OldSpace,
    remembered: Remembered,
    marking: Marking,
    slots: SlotSink,
    edges: EdgeSink,
    /// Bytes of large objects born since the last minor collection.
    large_born: usize,
}

impl Default for Generational {
    fn default() -> Self {
        Generational::with_options(Options::default())
    }
}

impl Generational {
    fn with_options(options: Options) -> Self {
        Generational {
            policy: Policy::new(&options),
            options,
            nursery: Nursery::new(),
            old: OldSpace::new(false),
            remembered: Remembered::default(),
            marking: Marking::default(),
            slots: SlotSink::default(),
            edges: EdgeSink::default(),
            large_born: 0,
        }
    }

    /// Sets how many bytes are allocated between two minor collections; rounded up to 32 KiB. Larger nurseries collect
    /// more rarely and let more objects die; smaller ones stay in a smaller cache. Default: 4 MiB. A heap with a limit
    /// uses at most a quarter of what the limit leaves free.
    #[must_use]
    pub fn with_nursery_bytes(mut self, bytes: usize) -> Self {
        self.options.nursery_bytes = bytes;
        self
    }

    /// Sets the factor by which the old space may grow between two full collections; at least 1.0. Default: 3.0. A
    /// larger factor costs memory and saves marking.
    #[must_use]
    pub fn with_growth(mut self, factor: f64) -> Self {
        self.options.growth = factor.max(1.0);
        self
    }

    /// Sets how many bytes must be promoted at the least before a full collection is due by itself. Default: 32 MiB.
    #[must_use]
    pub fn with_full_min_bytes(mut self, bytes: usize) -> Self {
        self.options.full_min_bytes = bytes;
        self.policy = Policy::new(&self.options);
        self
    }

    /// Sets by what factor a single `mutate` must outgrow the nursery for its survivors to be promoted in place rather
    /// than copied; 0 means that nothing is ever copied. Default: 8. Without room for the copies, promotion is always in
    /// place.
    #[must_use]
    pub fn with_in_place_factor(mut self, factor: usize) -> Self {
        self.options.in_place_factor = factor;
        self
    }

    /// Sets whether the nursery is taken out of use, until the next full collection, while nearly everything survives
    /// it. Default: true.
    #[must_use]
    pub fn with_pretenuring(mut self, on: bool) -> Self {
        self.options.pretenure = on;
        self
    }

    /// Sets how many threads mark, the program's own included; 1 means that no thread is ever started. Default: as many
    /// as the system offers. The others are started at the first full collection of a heap of more than 32 MiB.
    #[must_use]
    pub fn with_marking_threads(mut self, threads: usize) -> Self {
        self.options.marking_threads = Some(threads.max(1));
        self
    }

    /// Sets the size of the old space in bytes from which more than one thread marks. Default: 32 MiB.
    #[must_use]
    pub fn with_parallel_min_bytes(mut self, bytes: usize) -> Self {
        self.options.parallel_min_bytes = bytes;
        self
    }

    // ----- minor collections ----------------------------------------------------------------------------------------

    /// Empties the nursery. False when that had to be abandoned; then nothing has changed.
    fn minor(&mut self, heap: &mut HeapContext<'_>) -> bool {
        heap.fast.due.set(false);
        heap.core.event(EventKind::PrepareGc(CollectionKind::Minor));
        let used = self.nursery.used_bytes(heap.fast);
        let young = self.nursery.low()..self.nursery.low() + used;
        let copied = self.nursery.copied_bytes(heap.fast);
        let promoted = if self.can_copy(heap.core, used, copied) {
            self.copy_survivors(heap, young)
        } else {
            match self.promote_in_place(heap, young) {
                Some(bytes) => bytes,
                None => {
                    heap.core.statistics.abandoned_collections += 1;
                    heap.core.event(EventKind::Abandoned);
                    return false;
                }
            }
        };
        heap.core.memory.large.take_young(|_| {});
        heap.core.roots.settle();
        self.policy.promoted += promoted + self.large_born;
        self.large_born = 0;
        let statistics = &mut heap.core.statistics;
        statistics.minor_collections += 1;
        statistics.promoted_bytes += promoted as u64;
        if self.nursery.is_parked() {
            return true;
        }
        let nursery_bytes = self.nursery.nominal() * memory::BLOCK_BYTES;
        let blocks = &mut heap.core.memory.blocks;
        let nominal = policy::nursery_blocks(&self.options, blocks, self.nursery.committed_bytes());
        // Without a window the program allocates in the old space, and the next collection tries again.
        let _ = self.nursery.settle(blocks, heap.fast, nominal);
        if self.policy.parks(&self.options, used, promoted, nursery_bytes) {
            self.park(&mut heap.core.memory.blocks, heap.fast);
        }
        true
    }

    /// Whether the nursery is copied; if so, memory and stack for the worst case are there.
    fn can_copy(&mut self, core: &mut HeapCore, used: usize, copied: usize) -> bool {
        let in_place = policy::promotes_in_place(&self.options, used, self.nursery.nominal());
        // A copy cannot be abandoned, so it needs no epoch to move on to.
        (!in_place || !self.old.epochs.can_promote())
            && core.memory.blocks.prepare(policy::copy_reserve(copied)).is_ok()
            && self.slots.slots.try_reserve(used / size_of::<ObjectRef>()).is_ok()
    }

    /// Copies what is reachable out of the nursery. Returns the bytes copied.
    fn copy_survivors(&mut self, heap: &mut HeapContext<'_>, young: Range<usize>) -> usize {
        self.slots.set_window(young.clone());
        let core = &mut *heap.core;
        let mut scavenger = Scavenger {
            memory: &mut core.memory,
            old: &mut self.old,
            sink: &mut self.slots,
            arrays: Vec::new(),
            bytes: 0,
        };
        core.roots.update_created(|slot| {
            if young.contains(&slot.address()) {
                // SAFETY: a handle keeps its target alive, and it is young.
                *slot = unsafe { scavenger.evacuate(*slot) };
                scavenger.drain();
            }
        });
        // A promotion that was abandoned leaves clean young objects behind, which may have been listed since.
        self.remembered.forget(|object| young.contains(&object.address()));
        for &object in self.remembered.objects() {
            // SAFETY: the others are old, alive until the next full collection, and listed once; copies made in this
            // collection are not in the list.
            unsafe { scavenger.visit_old(object) };
        }
        for &card in self.remembered.cards() {
            // SAFETY: as above; arrays with cards are old.
            unsafe { scavenger.visit_card(card) };
        }
        let bytes = scavenger.bytes;
        // SAFETY: what is remembered is old and alive, and everything that it leads to is old now.
        unsafe { self.remembered.clean(&core.memory.lines) };
        core.event(EventKind::HeapTraced);
        core.process_dead(Scope::Young, |object| {
            if young.contains(&object.address()) {
                // SAFETY: the nursery is still intact: dead objects have their headers, moved ones say where they went.
                unsafe { object.header() }.load().forwarded()
            } else {
                Some(object)
            }
        });
        if core.options.poisons() && self.nursery.committed_bytes() > 0 {
            // SAFETY: nothing lives in the nursery any more, and no reference leads there.
            unsafe { memory::poison(self.nursery.start(), young.len()) };
        }
        self.slots.slots.shrink_to(self.options.nursery_bytes / size_of::<ObjectRef>());
        bytes
    }

    /// Makes what is reachable in the nursery old where it is. Returns its bytes, or nothing when the system refused
    /// memory for the stack.
    fn promote_in_place(&mut self, heap: &mut HeapContext<'_>, young: Range<usize>) -> Option<usize> {
        let core = &mut *heap.core;
        let epochs = &mut self.old.epochs;
        if !epochs.can_promote() {
            return None;
        }
        let mut promotion = Promotion::begin(&core.memory, &mut self.edges, epochs, young.clone());
        core.roots.created_targets().for_each(|object| promotion.root(object));
        promotion.drain();
        for &object in self.remembered.objects() {
            // SAFETY: remembered objects are old, and alive until the next full collection. (After an abandoned promotion
            // young ones can be among them; they are taken for reachable.)
            unsafe { promotion.visit_old(object) };
        }
        for &card in self.remembered.cards() {
            // SAFETY: arrays with cards are old, and alive until the next full collection.
            unsafe { promotion.visit_card(card) };
        }
        let bytes = promotion.bytes;
        if !promotion.complete() {
            // Some young objects have this epoch now: the next attempt needs another one.
            let moved_on = epochs.advance();
            debug_assert!(moved_on, "checked before the promotion began");
            return None;
        }
        // SAFETY: as above; those that were young and listed are old now, or dead and not freed yet. All that was reached
        // is old now.
        unsafe { self.remembered.clean(&core.memory.lines) };
        core.event(EventKind::HeapTraced);
        let epoch = epochs.now();
        core.process_dead(Scope::Young, |object| {
            // SAFETY: nothing was moved or freed, so every object still has its header.
            let reached = || epoch.is_on(unsafe { object.header() }.load());
            (!young.contains(&object.address()) || reached()).then_some(object)
        });
        let memory = &mut core.memory;
        let blocks = self.nursery.used_blocks(heap.fast);
        let first = (!young.is_empty()).then(|| memory.blocks.block_of(young.start));
        self.nursery.give_up_used(&mut memory.blocks, heap.fast);
        let stamp = epochs.stamp();
        for offset in (0..blocks as u32).rev() {
            let Some(first) = first else { break };
            let block = memory::BlockIndex(first.0 + offset);
            match memory.lines.select(block, |byte| byte != stamp).count() {
                0 => {}
                LINES_PER_BLOCK => memory.blocks.free(block),
                _ => self.old.holes.enqueue(block),
            }
        }
        Some(bytes)
    }

    // ----- full collections -----------------------------------------------------------------------------------------

    /// Marks everything and frees the rest. The nursery is empty. Gives up, freeing nothing, when the system refuses
    /// memory for a mark stack.
    fn full(&mut self, heap: &mut HeapContext<'_>) {
        let core = &mut *heap.core;
        core.event(EventKind::PrepareGc(CollectionKind::Full));
        let epochs = &mut self.old.epochs;
        let census = if epochs.begin_marking() {
            let old_bytes = core.memory.blocks.used_bytes() - self.nursery.committed_bytes();
            let threads = if old_bytes >= self.options.parallel_min_bytes {
                self.options
                    .marking_threads
                    .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
            } else {
                1
            };
            self.marking.run(&core.memory.lines, epochs.now(), epochs.stamp(), threads, core.roots.iter())
        } else {
            mark::Census::default()
        };
        if !census.complete {
            core.statistics.abandoned_collections += 1;
            core.event(EventKind::Abandoned);
            // Do not try again at the very next safepoint.
            self.policy.abandoned();
            return;
        }
        epochs.complete_marking();
        core.event(EventKind::HeapTraced);
        core.event(EventKind::LiveDataSize { bytes: census.bytes as usize });
        let (epoch, stamp) = (epochs.now(), epochs.stamp());
        // SAFETY: whoever asks has an object that was live before this collection, and nothing was freed yet.
        let is_live = |object: ObjectRef| epoch.is_on(unsafe { object.header() }.load());
        core.process_dead(Scope::All, |object| is_live(object).then_some(object));
        self.old.retire();
        sweep(&mut core.memory, &mut self.old.holes, stamp, is_live);
        core.roots.settle();
        core.statistics.full_collections += 1;
        core.statistics.live_objects = census.objects;
        core.statistics.live_bytes = census.bytes;
        if self.nursery.is_parked() {
            self.unpark(heap.fast);
            self.policy.unparked();
        }
        self.policy.full_done(&self.options, census.bytes as usize);
        core.memory.blocks.decommit_free(self.policy.keep_free());
        let nominal = policy::nursery_blocks(&self.options, &core.memory.blocks, self.nursery.committed_bytes());
        let _ = self.nursery.settle(&mut core.memory.blocks, heap.fast, nominal);
    }

    // ----- allocation ------------------------------------------------------------------------------------------------

    /// Finds memory for an object that does not fit the fast path's buffer.
    fn find_memory(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            let allocation = self.allocate_old(heap, request);
            if allocation.as_ref().is_err_and(|&error| error == AllocError::LIMIT)
                && self.nursery.give_back(&mut heap.core.memory.blocks, heap.fast)
            {
                return self.allocate_old(heap, request);
            }
            return allocation;
        }
        if self.nursery.is_parked() {
            return self.allocate_pretenured(heap, request);
        }
        loop {
            if let Some(allocation) = heap.fast.bump(request) {
                self.nursery.note(request);
                return Ok(allocation);
            }
            if !self.nursery.extend(&mut heap.core.memory.blocks, heap.fast, request.worst_case()) {
                return self.allocate_old(heap, request);
            }
        }
    }

    /// Allocates an object that is old from birth: unclean, and remembered, because it is initialised without a barrier.
    fn allocate_old(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        self.remembered.reserve()?;
        let payload = if request.is_large() {
            heap.allocate_large(request)?.payload
        } else {
            heap.fast.due.set(true);
            let payload = self.old.allocate(&mut heap.core.memory, request)?;
            heap.fast.count_allocated(request.bytes);
            payload
        };
        self.large_born += request.bytes;
        if self.large_born >= self.policy.rest() {
            heap.fast.due.set(true);
        }
        self.remembered.add(ObjectRef::new(payload));
        let mut birth = self.old.epochs.now().bits();
        if remember::has_cards(request) {
            birth |= CARDED;
            remember::prepare_cards(&heap.core.memory.lines, payload.addr().get(), request.bytes - request.prefix);
        }
        Ok(Allocation { payload, birth })
    }
}

// SAFETY: objects move and die only in `safepoint`, `collect` and `step`. A minor collection keeps everything that the
// handle slots filled since the last one and the remembered objects reach inside the nursery: other old objects hold no
// young pointer, because the barrier lists an object before its first write, or the card of a large array that is written,
// and objects born old are listed at birth. A full collection keeps what the roots reach. While the nursery is parked
// there are no young objects, so writes need not be listed, and objects are born clean for the time after. Both clear weak
// cells and run glue, through `process_dead`, before memory is reused. Allocation hands out fresh parts of the window,
// free lines of the old space, and fresh runs.
unsafe impl Collector for Generational {
    fn name(&self) -> &'static str {
        "generational"
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.old = OldSpace::new(heap.core.options.poisons());
        heap.fast.barrier_flip.set(0);
        heap.fast.barrier_mask.set(UNLOGGED);
        heap.fast.birth.set(0);
        let blocks = &mut heap.core.memory.blocks;
        let nominal = policy::nursery_blocks(&self.options, blocks, 0);
        self.nursery.settle(blocks, heap.fast, nominal)
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        let allocation = self.find_memory(heap, request);
        if let Err(error) = allocation
            && error != AllocError::TOO_LARGE
        {
            self.policy.press();
            heap.fast.due.set(true);
        }
        allocation
    }

    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef, range: Range<usize>) {
        // SAFETY: the barrier is given live objects and ranges inside them.
        unsafe { self.remembered.log(&heap.core.memory.lines, object, range) };
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        if self.minor(heap) && self.policy.wants_full(&heap.core.memory.blocks, self.nursery.committed_bytes()) {
            self.full(heap);
        }
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        match kind {
            CollectionKind::Minor => {
                self.minor(heap);
            }
            CollectionKind::Full => {
                if self.minor(heap) {
                    self.full(heap);
                }
            }
        }
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.safepoint(heap);
        true
    }

    fn verify_object(&self, heap: &HeapCore, object: ObjectRef, edges: &[ObjectRef]) -> Result<(), String> {
        self.check(heap, object, edges)
    }
}

impl core::fmt::Debug for Generational {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Generational")
            .field("options", &self.options)
            .field("policy", &self.policy)
            .field("nursery", &self.nursery)
            .field("remembered", &self.remembered.len())
            .field("marking", &self.marking)
            .finish_non_exhaustive()
    }
}
