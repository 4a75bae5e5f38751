//! [`RefCount`]: the collector interface, method by method. What the methods do is in the other files.

use core::ops::Range;

use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{
    Alive, AllocRequest, Allocation, Capabilities, Collector, HeapContext, HeapCore, Object, ObjectRef, Snapshot,
    VerifyError,
};
use heap_core::{AllocError, CollectionKind};

use crate::copying::Survivors;
use crate::count::{Counts, PERMANENT_BITS, is_permanent};
use crate::cycles::Candidates;
use crate::log::{Log, is_rare};
use crate::policy::Pacing;
use crate::space::Space;
use crate::work::Worklist;

/// The reference-counting collector. Pass it to [`Heap::new`](heap_core::Heap::new).
pub struct RefCount {
    pub(crate) cycles: bool,
    pub(crate) eager: bool,
    pub(crate) exact_blocks: bool,
    pub(crate) copies: bool,
    pub(crate) survivors: Survivors,
    pub(crate) log: Log,
    pub(crate) counts: Counts,
    pub(crate) work: Worklist,
    pub(crate) space: Space,
    pub(crate) candidates: Candidates,
    pub(crate) pacing: Pacing,
    /// Memory was handed out since the last epoch: there may be objects that are not counted.
    pub(crate) fresh: bool,
    /// About how many bytes of objects the last cycle collection looked at.
    pub(crate) looked_at: u64,
    /// Bytes of [steps](Collector::step) since the last cycle collection.
    pub(crate) stepped: u64,
    /// The last epoch ended with a complete cycle collection: everything counted is reachable.
    pub(crate) exact: bool,
}

impl RefCount {
    pub(crate) fn new(cycles: bool) -> Self {
        RefCount {
            cycles,
            eager: false,
            exact_blocks: false,
            copies: false,
            survivors: Survivors::default(),
            log: Log::default(),
            counts: Counts::default(),
            work: Worklist::default(),
            space: Space::new(false),
            candidates: Candidates::default(),
            pacing: Pacing::new(),
            fresh: false,
            looked_at: 0,
            stepped: 0,
            exact: false,
        }
    }

    /// Nothing was written, allocated, stashed or released since the last epoch.
    fn is_settled(&self, heap: &HeapContext<'_>) -> bool {
        let roots = &heap.core.roots;
        let released = heap.core.death.finalizers.has_released();
        self.log.is_empty() && !self.pacing.allocated(heap) && roots.are_settled() && !released
    }
}

// SAFETY: an object is moved, if at all, in the epoch that counts it for the first time, when all slots that lead to it are
// listed, and nothing else but what the burial brings up to date (see `copying`). An object is reclaimed only at the end of an epoch in which its count is zero; counts
// are exact: every reference from a counted object, a handle or the root is counted, an object is counted before its
// first clean moment, and a clean object is logged before it is written to. So an object without a count is referred to
// by nothing that can be reached, apart from the cycles that trial deletion finds, which are closed under "referred to
// by". Cells and drop glue of the dead are processed before memory is reused, glue from lists that name an object once.
// Memory handed out is free (see `space`).
unsafe impl Collector for RefCount {
    fn name(&self) -> &'static str {
        if self.cycles { "refcount-cycles" } else { "refcount" }
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::COUNTING.with_cycles(self.cycles).and_freezes();
        if self.copies { capabilities.and_moves() } else { capabilities }
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.space = Space::new(heap.core.options.poisons());
        if self.exact_blocks {
            self.space.become_exact(&mut heap.core.memory)?;
        }
        heap.fast.birth.set(0);
        heap.fast.barrier_flip.set(0);
        heap.fast.set_barrier_mask(UNLOGGED);
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

    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        if is_rare(object) {
            self.log.record_rare(heap.core, object, range);
        } else {
            self.log.record(object);
        }
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
            heap.core.memory.blocks.decommit_free(self.pacing.keep_free());
        }
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        self.safepoint(heap);
        if !self.cycles || self.candidates.is_empty() {
            return true;
        }
        // Trial deletion is not split; it is due when steps for all that it could look at have been asked for.
        self.stepped = self.stepped.saturating_add(bytes as u64);
        if self.stepped < heap.core.statistics.live_bytes {
            return false;
        }
        self.stepped = 0;
        self.epoch(heap, CollectionKind::Full, true);
        true
    }

    fn freeze(&mut self, heap: &mut HeapContext<'_>, alive: Alive) {
        debug_assert!(self.log.is_empty() && self.candidates.is_empty());
        let RefCount { counts, space, pacing, .. } = self;
        space.retire(heap);
        alive.make_permanent(heap, PERMANENT_BITS, |object| counts.forget(object.reference(), object.word()));
        space.forget_all(&heap.core.memory);
        pacing.frozen(heap);
    }

    fn rest(&mut self, _: &mut HeapContext<'_>) {
        self.work.give_back();
        self.log.give_back();
        self.survivors.give_back();
        self.pacing.rest();
    }

    fn side_bytes(&self) -> usize {
        let candidates = std::mem::size_of_val(self.candidates.objects());
        candidates
            + self.work.side_bytes()
            + self.log.side_bytes()
            + self.space.side_bytes()
            + self.survivors.side_bytes()
    }

    fn ref_count(&self, _: &HeapCore, object: ObjectRef) -> Option<u64> {
        // SAFETY: the program holds a pointer to the object.
        let word = unsafe { object.header() }.load();
        (!is_permanent(word)).then(|| self.counts.get(object, word))
    }

    fn verify_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        self.check_allocated(heap, bytes)
    }

    fn verify(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        self.check(heap, snapshot)
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
