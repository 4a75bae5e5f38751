//! [`Generational`]: the collector interface, method by method. What the methods do is in the other files.

use core::ops::Range;

use heap_core::collector::memory;
use heap_core::collector::object::{CARDED, UNLOGGED};
use heap_core::collector::{
    Alive, AllocRequest, Allocation, Capabilities, Collector, EdgeSink, HeapContext, HeapCore, Object, ObjectRef,
    SlotSink, Snapshot, VerifyError,
};
use heap_core::{AllocError, CollectionKind};

use crate::epoch;
use crate::mark::Marking;
use crate::nursery::Nursery;
use crate::old::OldSpace;
use crate::options::Options;
use crate::policy::{self, Policy};
use crate::remember::{self, Remembered};

/// The generational collector. See the [crate's front page](crate).
///
/// ```
/// use gc_generational::Generational;
/// let collector = Generational::default().with_nursery_bytes(1 << 20).with_growth(1.5).with_marking_threads(4);
/// ```
pub struct Generational {
    pub(crate) options: Options,
    pub(crate) policy: Policy,
    pub(crate) nursery: Nursery,
    pub(crate) old: OldSpace,
    pub(crate) remembered: Remembered,
    pub(crate) marking: Marking,
    pub(crate) slots: SlotSink,
    pub(crate) edges: EdgeSink,
    /// Bytes of [steps](Collector::step) since the last full collection.
    pub(crate) stepped: u64,
    /// Bytes of large objects born since the last minor collection.
    pub(crate) large_born: usize,
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
            stepped: 0,
            large_born: 0,
        }
    }

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
        }
        Ok(Allocation { payload, birth })
    }
}

// SAFETY: objects move and die only in `safepoint`, `collect` and `step`. A minor collection keeps everything that the
// handle slots filled since the last one and the remembered objects reach inside the nursery: other old objects hold no
// young pointer, because the barrier lists an object before its first write, or the card of a large array that is written,
// and objects born old are listed at birth. A full collection keeps what the roots reach, and an evacuation after it moves
// objects only when it knows every slot that leads to them. While the nursery is parked there are no young objects, so
// writes need not be listed, and objects are born clean for the time after. All clear weak cells and run glue, through
// `Death::bury`, before memory is reused. Allocation hands out fresh parts of the window, free lines or units of the old
// space, and fresh runs.
unsafe impl Collector for Generational {
    fn name(&self) -> &'static str {
        "generational"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING.and_moves().and_freezes()
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.old = OldSpace::new(heap.core.options.poisons());
        heap.fast.barrier_flip.set(0);
        heap.fast.set_barrier_mask(UNLOGGED);
        heap.fast.birth.set(epoch::YOUNG);
        let blocks = &mut heap.core.memory.blocks;
        let nominal = policy::nursery_blocks(&self.options, blocks, 0, 0);
        self.nursery.settle(blocks, heap.fast, nominal)?;
        heap.core.outside.allow_beside(nominal * memory::BLOCK_BYTES);
        Ok(())
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

    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        self.remembered.log(heap.core, self.old.epochs.now(), object, range);
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        if self.minor(heap) && self.policy.wants_full(heap.core, self.nursery.committed_bytes()) {
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
                    heap.core.memory.blocks.decommit_free(self.policy.keep_free());
                }
            }
        }
    }

    fn freeze(&mut self, heap: &mut HeapContext<'_>, alive: Alive) {
        debug_assert!(self.nursery.used_bytes(heap.fast) == 0 && self.remembered.len() == 0);
        if self.nursery.is_parked() {
            heap.fast.clear_buffer();
        }
        self.old.retire(&mut heap.core.memory);
        alive.make_permanent(heap, epoch::PERMANENT, |_| ());
        self.full_done(heap, 0);
        if !self.nursery.is_parked() {
            self.settle_nursery(heap);
        }
    }

    fn rest(&mut self, heap: &mut HeapContext<'_>) {
        self.slots.release();
        self.edges.stack.shrink_to(0);
        if self.nursery.used_bytes(heap.fast) == 0 && !self.nursery.is_parked() {
            self.nursery.forget(&mut heap.core.memory.blocks, heap.fast);
        }
    }

    fn side_bytes(&self) -> usize {
        let edges = self.edges.stack.capacity() * size_of::<ObjectRef>();
        self.slots.touched_bytes() + edges + self.remembered.side_bytes()
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        if !self.minor(heap) {
            // A program that steps until nothing is in progress must not wait for memory that nobody else may give back.
            return true;
        }
        // A full collection is not split; it is due when steps for all that it looks at have been asked for.
        self.stepped = self.stepped.saturating_add(bytes as u64);
        let due = self.stepped >= heap.core.statistics.live_bytes + self.policy.promoted as u64
            || self.policy.wants_full(heap.core, self.nursery.committed_bytes());
        if due {
            self.full(heap);
        }
        due
    }

    fn verify_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        self.check_allocated(heap, bytes)
    }

    fn verify(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        self.check(heap, snapshot)
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
