// Mark-sweep whose marking is spread over many short pauses, between which the program runs.

use std::ops::Range;

use heap_core::AllocError;
use heap_core::collector::{
    AllocRequest, Allocation, Allowance, Capabilities, Collector, Colour, HeapContext, HeapCore, HoleAllocator,
    LinePolicy, Marker, NO_STAMP, Noted, Object, ObjectRef, Room, Scope, Snapshot, VerifyError, sweep,
};
use heap_core::events::{CollectionKind, EventKind};

/// Bytes that may be handed out between two cycles, however little is alive.
const LEAST: Allowance = Allowance::growing(64 << 10, 4 << 20);

/// Bytes handed out from one increment to the next.
const STRIDE: usize = 32 << 10;

/// Bytes marked for each byte that was handed out: a cycle is over when a fifth of what is alive was allocated.
const FACTOR: usize = 5;

/// Marks in increments, sweeps at once. Nothing moves.
pub(crate) struct Increments {
    marker: Marker,
    /// Of the cycle in progress, else of the last one.
    colour: Colour,
    stamp: u8,
    marking: bool,
    /// The last cycle was given up: there are objects of two colours, all alive.
    given_up: bool,
    holes: HoleAllocator,
    /// Bytes handed out since the last cycle ended, and since the last increment of the one that is due.
    handed_out: usize,
    fresh: usize,
    budget: usize,
}

impl Default for Increments {
    fn default() -> Self {
        Increments {
            marker: Marker::default(),
            colour: Colour::FIRST,
            stamp: 1,
            marking: false,
            given_up: false,
            holes: HoleAllocator::new(false),
            handed_out: 0,
            fresh: 0,
            budget: 0,
        }
    }
}

impl Increments {
    /// What becomes of memory that is handed out: it looks alive to the cycle in progress.
    fn policy(&self) -> LinePolicy {
        LinePolicy::Stamps { stamp: self.stamp, noted: Noted::Nowhere }
    }

    fn find(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            let allocation = heap.allocate_large(request)?;
            self.hand_out(heap, request.bytes);
            return Ok(allocation);
        }
        if let Some(allocation) = heap.fast.bump(request) {
            return Ok(allocation);
        }
        match self.holes.find(&mut heap.core.memory, self.policy(), request)? {
            Room::Hole(hole) => {
                self.hand_out(heap, hole.bytes());
                heap.fast.set_buffer(hole);
                Ok(heap.fast.bump(request).expect("the request fits the hole that was found for it"))
            }
            Room::Place(payload) => {
                self.hand_out(heap, request.bytes);
                heap.fast.count_allocated(request.bytes);
                Ok(Allocation { payload, birth: heap.fast.birth.get() })
            }
        }
    }

    fn hand_out(&mut self, heap: &HeapContext<'_>, bytes: usize) {
        self.handed_out += bytes;
        if self.handed_out >= self.budget {
            self.fresh += bytes;
            heap.fast.due.set(self.fresh >= STRIDE || heap.fast.due.get());
        }
    }

    /// Takes the snapshot: what is reachable now survives this cycle. False when there is no memory to note the roots.
    fn begin(&mut self, heap: &mut HeapContext<'_>) -> bool {
        heap.core.event(EventKind::PrepareGc(CollectionKind::Full));
        let (colour, stamp) = (self.colour.next(), next_stamp(self.stamp));
        self.marker.begin(colour, stamp, false);
        for root in heap.core.every_root() {
            // SAFETY: roots are alive, and nothing is reclaimed or moved during a cycle.
            unsafe { self.marker.push(root) };
        }
        if self.marker.overflowed() {
            self.refused(heap);
            return false;
        }
        heap.fast.clear_buffer();
        self.holes.retire(&mut heap.core.memory, self.policy());
        (self.colour, self.stamp, self.marking) = (colour, stamp, true);
        // Objects are born marked; a write is of interest while the object is not, or is an array in the middle of it.
        heap.fast.birth.set(colour.bits());
        heap.fast.barrier_flip.set(colour.bits());
        heap.fast.set_barrier_mask(colour.bits() | Colour::BUSY);
        heap.core.event(EventKind::RootsTraced);
        true
    }

    /// Marks about `bytes` bytes of objects, and ends the cycle when all are marked. True when no cycle is in progress then.
    fn advance(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        heap.fast.due.set(false);
        self.fresh = 0;
        if !self.marking && !self.begin(heap) {
            return true;
        }
        let mut done = self.marker.drain(&heap.core.memory, bytes);
        if done {
            let HeapCore { memory, death, .. } = &mut *heap.core;
            done = death.reach(Scope::All, &mut self.marker.closure(memory)).is_ok();
        }
        if self.marker.overflowed() {
            self.refused(heap);
            return false;
        }
        if done {
            self.finish(heap);
        } else {
            heap.core.event(EventKind::IncrementEnded);
        }
        done
    }

    /// All that is reachable is marked: the rest is dead.
    fn finish(&mut self, heap: &mut HeapContext<'_>) {
        heap.core.note_held(self.side_bytes());
        heap.core.event(EventKind::HeapTraced);
        let HeapCore { memory, death, .. } = &mut *heap.core;
        let dropped = death.bury(Scope::All, &self.marker.closure(memory));
        heap.core.buried(Scope::All, dropped);
        heap.fast.set_barrier_mask(0);
        (self.marking, self.given_up) = (false, false);

        let colour = self.colour;
        // SAFETY: asked about large objects only, before they are freed.
        let is_live = |object: ObjectRef| colour.is_on(unsafe { Object::at(object) }.word());
        sweep(&mut heap.core.memory, &mut self.holes, self.stamp, false, is_live);
        heap.core.roots.settle();

        let (objects, bytes) = (self.marker.objects(), self.marker.bytes());
        let statistics = &mut heap.core.statistics;
        statistics.full_collections += 1;
        (statistics.live_objects, statistics.live_bytes) = (objects, bytes);
        heap.full_done(bytes);
        heap.core.event(EventKind::LiveDataSize { bytes: bytes as usize });
        self.set_budget(heap);
    }

    /// As much again as is alive, but no more than half of what is left below the limit.
    fn set_budget(&mut self, heap: &mut HeapContext<'_>) {
        let alive = heap.core.statistics.live_bytes as usize + heap.core.outside.settled();
        self.budget = alive.max(LEAST.at(heap.recent_bytes()));
        let memory = &heap.core.memory;
        if memory.blocks.limit().is_some() {
            let room = memory.blocks.headroom() + memory.holes.free_bytes();
            self.budget = self.budget.min(room / 2).max(4 << 10);
        }
        (self.handed_out, self.fresh) = (0, 0);
        heap.core.outside.allow_beside(self.budget);
    }

    /// The system refused memory for the mark stack. No edge is lost; the next safepoint tries again.
    fn refused(&mut self, heap: &mut HeapContext<'_>) {
        heap.core.statistics.abandoned_collections += 1;
        heap.core.event(EventKind::Abandoned);
    }
}

fn next_stamp(stamp: u8) -> u8 {
    if stamp == u8::MAX { NO_STAMP + 1 } else { stamp + 1 }
}

// SAFETY: nothing is moved. Memory is reclaimed when a cycle ends: then all that was reachable when it began, and all that was
// born since, has its colour and lies on lines with its stamp, or has blocks of its own; weak cells were cleared and glue has
// run. What is handed out are fresh blocks, large runs, and lines that the last complete marking did not stamp.
unsafe impl Collector for Increments {
    fn name(&self) -> &'static str {
        "increments"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING.with_increments(true)
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.holes = HoleAllocator::new(heap.core.options.poisons());
        heap.fast.birth.set(self.colour.bits());
        self.set_budget(heap);
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        self.find(heap, request).inspect_err(|_| {
            // The next safepoint may find room, if it does not stop half-way.
            self.fresh = usize::MAX / FACTOR;
            heap.fast.due.set(true);
        })
    }

    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        // SAFETY: nothing is reclaimed or moved during a cycle; the heap has told of every write to an array since it was busy.
        if unsafe { self.marker.mark_before_write(&heap.core.memory, object, range) } {
            return;
        }
        // What the object leads to cannot be noted, and is about to change. The cycle is worth nothing; but a second one in a
        // row cannot be given up, because there is no fourth colour.
        assert!(!self.given_up, "no memory for the write barrier; the object was not changed");
        self.marker.give_up();
        (self.marking, self.given_up) = (false, true);
        heap.fast.set_barrier_mask(0);
        self.refused(heap);
    }

    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) -> bool {
        // SAFETY: a cell leads there, so it is intact; if a part of it is mutably borrowed, it is marked, and not looked at.
        let object = unsafe { Object::at(object) };
        if !self.colour.is_on(object.word()) {
            self.barrier_slow(heap, object, 0..0);
        }
        true
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        self.advance(heap, self.fresh.max(STRIDE).saturating_mul(FACTOR));
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, _: CollectionKind) {
        heap.fast.due.set(false);
        // A cycle in progress keeps what has died since it began.
        if !self.marking || self.advance(heap, usize::MAX) {
            self.advance(heap, usize::MAX);
        }
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        let abandoned = heap.core.statistics.abandoned_collections;
        self.advance(heap, bytes) || heap.core.statistics.abandoned_collections > abandoned
    }

    fn rest(&mut self, _: &mut HeapContext<'_>) {
        self.marker.shrink(0);
    }

    fn side_bytes(&self) -> usize {
        self.marker.stack_bytes()
    }

    fn waiting(&self, heap: &HeapCore) -> Vec<ObjectRef> {
        if !self.marking {
            return Vec::new();
        }
        let pairs = heap.death.ephemerons.pairs().flat_map(|(ephemeron, key, value)| [ephemeron, key, value]);
        self.marker.waiting().chain(pairs).collect()
    }

    fn verify(&self, _: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        for seen in snapshot.reachable() {
            if !self.marking && !self.given_up && !self.colour.is_on(seen.object().word()) {
                return Err(snapshot.error(seen, "it is reachable, yet the last marking did not reach it"));
            }
        }
        Ok(())
    }
}
