//! [`MarkSweep`]: the collector interface, method by method. What the methods do is in the other files.

use core::ops::Range;

use heap_core::AllocError;
use heap_core::collector::object::PERMANENT;
use heap_core::collector::{
    Alive, AllocRequest, Allocation, Burial, Capabilities, Collector, Colour, HeapContext, HeapCore, HoleAllocator,
    LinePolicy, Marker, Noted, Object, ObjectRef, Room, Shape, Snapshot, Sweep, VerifyError,
};
use heap_core::events::CollectionKind;

use crate::cycle::{TRIM, TRIM_INCREMENT};
use crate::options::Options;
use crate::policy::{Pacing, Plan};
use crate::stamps::Stamps;

/// Blocks that an allocation sweeps when there is no hole: a few microseconds' work.
const SWEEP_FIRST: usize = 32;

/// The mark-region collector. See the [front page](crate) for what it does and when to choose it.
///
/// ```
/// use gc_marksweep::MarkSweep;
/// use heap_core::{Gc, Heap, HeapOptions, Rootable};
///
/// let collector = MarkSweep::default().with_growth(1.5).with_min_budget_bytes(1 << 20);
/// let options = HeapOptions::default().with_limit(64 << 20);
/// let heap = Heap::<Rootable![Gc<'_, str>]>::with_options(options, collector, |mc| Gc::new_str(mc, "root"))?;
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct MarkSweep {
    options: Options,
    /// The colour of new objects: of the cycle in progress, else of the last one.
    pub(crate) colour: Colour,
    pub(crate) stamps: Stamps,
    pub(crate) marker: Marker,
    pub(crate) holes: HoleAllocator,
    pub(crate) pacing: Pacing,
    /// A cycle is in progress, and marks.
    pub(crate) marking: bool,
    /// A cycle is in progress, and buries the dead.
    pub(crate) burying: Option<Burial>,
    /// A cycle is in progress, and sweeps.
    pub(crate) sweeping: Option<Sweep>,
    /// That cycle marks exactly.
    pub(crate) exact: bool,
    /// The last sweep found so much waste that the next cycle should.
    pub(crate) wasteful: bool,
    /// The last cycle was given up: there are objects of two colours, all alive.
    pub(crate) given_up: bool,
    /// Bytes of free memory that are still to be given back to the system.
    pub(crate) surplus: usize,
}

impl Default for MarkSweep {
    /// A collector that stops the world.
    fn default() -> Self {
        MarkSweep::with(Options::default())
    }
}

impl MarkSweep {
    pub(crate) fn with(options: Options) -> Self {
        MarkSweep {
            options,
            colour: Colour::FIRST,
            stamps: Stamps::new(),
            marker: Marker::default(),
            holes: HoleAllocator::new(false),
            pacing: Pacing::new(options, None),
            marking: false,
            burying: None,
            sweeping: None,
            exact: false,
            wasteful: false,
            given_up: false,
            surplus: 0,
        }
    }

    /// Bytes of free memory that the last pause of a cycle gives back at the most.
    pub(crate) fn trim_bytes(&self) -> usize {
        if self.options.incremental { TRIM_INCREMENT } else { TRIM }
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Whether a cycle is in progress.
    pub(crate) fn in_cycle(&self) -> bool {
        self.marking || self.burying.is_some() || self.sweeping.is_some()
    }

    /// What becomes of memory that is handed out now.
    pub(crate) fn line_policy(&self) -> LinePolicy {
        let swept_exactly = self.sweeping.as_ref().is_some_and(Sweep::is_exact);
        let noted = match self.exact {
            true => Noted::Next,
            false if swept_exactly => Noted::Present,
            false => Noted::Nowhere,
        };
        LinePolicy::Stamps { stamp: self.stamps.present(), noted }
    }

    /// Finds memory for an object that does not fit the fast path's buffer.
    fn find_memory(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            let allocation = heap.allocate_large(request)?;
            self.hand_out(heap, request.bytes);
            return Ok(allocation);
        }
        // Over-aligned objects come here even when the buffer has room for them.
        if let Some(allocation) = heap.fast.bump(request) {
            return Ok(allocation);
        }
        if heap.core.memory.holes.is_empty() {
            self.sweep(&mut heap.core.memory, SWEEP_FIRST);
        }
        let policy = self.line_policy();
        match self.holes.find(&mut heap.core.memory, policy, request)? {
            Room::Hole(hole) => {
                let bytes = hole.bytes();
                // What is left of the old buffer, less than the request, is given up until the next sweep.
                heap.fast.set_buffer(hole);
                self.hand_out(heap, bytes);
                Ok(heap.fast.bump(request).expect("the request fits the hole that was found for it"))
            }
            Room::Place(payload) => {
                heap.fast.count_allocated(request.bytes);
                self.hand_out(heap, request.bytes);
                Ok(Allocation { payload, birth: heap.fast.birth.get() })
            }
        }
    }

    fn hand_out(&mut self, heap: &HeapContext<'_>, bytes: usize) {
        if self.pacing.hand_out(bytes) {
            heap.fast.due.set(true);
        }
    }

    /// Begins a cycle if there is none, and marks about `bytes` bytes. True when no cycle is in progress afterwards.
    fn begin_or_advance(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        if !self.in_cycle() && !self.begin(heap) {
            return true;
        }
        self.advance(heap, bytes)
    }
}

// SAFETY: nothing is moved. Memory is reclaimed only by `finish_cycle`, when every object that is reachable from the
// roots is black and on lines with the present stamp (argued in `cycle`); weak cells are cleared and glue runs before.
// `allocate_slow` hands out fresh blocks, large runs, and lines that the last complete marking did not stamp and nobody
// was given since.
unsafe impl Collector for MarkSweep {
    fn name(&self) -> &'static str {
        if self.options.incremental { "marksweep-incremental" } else { "marksweep" }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING.with_increments(self.options.incremental).and_freezes()
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.pacing = Pacing::new(self.options, heap.core.memory.blocks.limit());
        self.holes = HoleAllocator::new(heap.core.options.poisons());
        heap.fast.birth.set(self.colour.bits());
        heap.fast.barrier_flip.set(self.colour.bits());
        heap.fast.set_barrier_mask(0);
        heap.core.outside.allow(self.pacing.outside_allowance());
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        let mut result = self.find_memory(heap, request);
        if result.is_err_and(|error| error != AllocError::TOO_LARGE) && self.sweep(&mut heap.core.memory, usize::MAX) {
            result = self.find_memory(heap, request);
        }
        if let Err(error) = result
            && error != AllocError::TOO_LARGE
        {
            self.pacing.press();
            heap.fast.due.set(true);
        }
        result
    }

    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        if object.word().has(PERMANENT) {
            // It looks reached, and when a cycle in progress began it led to what will look reached. As if born now.
            heap.core.permanent.thaw(object, self.colour.bits());
            return;
        }
        self.mark_now(heap, object, range);
    }

    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) -> bool {
        // SAFETY: a weak cell leads to the object, or it is one that the table knows, so it is intact. If any part of it is
        // mutably borrowed, its barrier has run in this cycle: then it is not white, and nothing but its header is looked at.
        // A busy array is being marked already, and is not about to change.
        let object = unsafe { Object::at(object) };
        if self.colour.is_on(object.word()) {
            return true;
        }
        // A dead cell is memory with an address in it: to have it back brings nothing else back.
        let may = self.marking || object.info().shape() == Shape::WeakCell;
        if may {
            self.mark_now(heap, object, 0..0);
        }
        may
    }

    fn is_dead(&self, object: ObjectRef) -> bool {
        // SAFETY: as for `weak_upgraded`.
        self.burying.is_some() && !self.colour.is_on(unsafe { Object::at(object) }.word())
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        heap.fast.due.set(false);
        self.pacing.note_outside(heap.core.outside.fresh());
        match self.pacing.plan() {
            Plan::Nothing => {}
            Plan::Increment(bytes) => {
                self.begin_or_advance(heap, bytes);
            }
            Plan::Finish => {
                self.begin_or_advance(heap, usize::MAX);
            }
        }
        heap.core.outside.allow(self.pacing.outside_allowance());
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, _: CollectionKind) {
        heap.fast.due.set(false);
        // A cycle in progress keeps what has died since it began: finish it, then do a whole one.
        if self.in_cycle() && !self.begin_or_advance(heap, usize::MAX) {
            return;
        }
        self.begin_or_advance(heap, usize::MAX);
        heap.core.outside.allow(self.pacing.outside_allowance());
        heap.core.memory.blocks.decommit_free(self.pacing.keep_free());
    }

    fn rest(&mut self, _: &mut HeapContext<'_>) {
        self.marker.shrink(0);
    }

    fn freeze(&mut self, heap: &mut HeapContext<'_>, alive: Alive) {
        debug_assert!(!self.in_cycle() && !self.given_up);
        heap.fast.clear_buffer();
        self.holes.retire(&mut heap.core.memory, self.line_policy());
        alive.make_permanent(heap, Colour::MASK, |_| ());
        self.wasteful = false;
        self.pacing.cycle_ended(self.found(heap, 0, 0));
        heap.core.outside.allow(self.pacing.outside_allowance());
    }

    fn side_bytes(&self) -> usize {
        self.marker.stack_bytes()
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        let abandoned = heap.core.statistics.abandoned_collections;
        let idle = self.begin_or_advance(heap, bytes);
        heap.core.outside.allow(self.pacing.outside_allowance());
        // A program that steps until the cycle has ended must not wait for memory that nobody else may give back.
        idle || heap.core.statistics.abandoned_collections > abandoned
    }

    fn verify_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        self.check_allocated(heap, bytes)
    }

    fn waiting(&self, heap: &HeapCore) -> Vec<ObjectRef> {
        self.still_waiting(heap)
    }

    fn verify(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        self.check(heap, snapshot)
    }
}
