// A collector that stops the program, follows the graph from the roots, and frees the rest.

use std::ops::Range;

use heap_core::AllocError;
use heap_core::collector::memory::Memory;
use heap_core::collector::object::{COLLECTOR_BITS, COLLECTOR_SHIFT, SIDE_ENTRY};
use heap_core::collector::{
    AllocRequest, Allocation, Allowance, Capabilities, Closure, Collector, EdgeSink, HeaderWord, HeapContext, HeapCore,
    HoleAllocator, Intact, Keys, LinePolicy, NoKeys, Noted, Object, ObjectRef, Refused, Room, Scope, Snapshot,
    VerifyError, sweep,
};
use heap_core::events::{CollectionKind, EventKind};

/// Bytes that may be handed out between two collections, however little is alive.
const LEAST: Allowance = Allowance::growing(64 << 10, 4 << 20);

/// The number of a marking, in the collector's bits of a header.
#[derive(Clone, Copy, PartialEq)]
struct Number(usize);

impl Number {
    fn next(self) -> Number {
        let last = COLLECTOR_BITS >> COLLECTOR_SHIFT;
        Number(if self.0 == last { 1 } else { self.0 + 1 })
    }

    fn bits(self) -> usize {
        self.0 << COLLECTOR_SHIFT
    }

    fn is_on(self, word: HeaderWord) -> bool {
        word.bits() & COLLECTOR_BITS == self.bits()
    }
}

/// Marks and sweeps in one pause. Nothing moves.
pub(crate) struct MarkSweep {
    /// The last complete marking: its number is on all that it reached, and on all that was born since.
    complete: Number,
    /// The last marking, complete or given up.
    last: Number,
    /// What the last complete marking put on the lines that it reached.
    stamp: u8,
    holes: HoleAllocator,
    sink: EdgeSink,
    budget: usize,
    handed_out: usize,
}

impl Default for MarkSweep {
    fn default() -> Self {
        MarkSweep {
            complete: Number(1),
            last: Number(1),
            stamp: 1,
            holes: HoleAllocator::new(false),
            sink: EdgeSink::everything(),
            budget: 0,
            handed_out: 0,
        }
    }
}

/// A marking in progress.
struct Marking<'m> {
    number: Number,
    stamp: u8,
    memory: &'m Memory,
    /// Its stack holds what was reached and not looked at.
    sink: &'m mut EdgeSink,
    objects: u64,
    bytes: u64,
}

impl Marking<'_> {
    fn mark<K: Keys>(&mut self, object: Object<'_>, keys: &mut K) -> Result<(), Refused> {
        let word = object.word();
        if self.number.is_on(word) {
            return Ok(());
        }
        let object = object.measure();
        if !object.trace(self.sink) {
            return Err(Refused);
        }
        object.object().header().store(word.replace(COLLECTOR_BITS, self.number.bits()));
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object.object().reference());
        }
        if object.shares_blocks() {
            let extent = object.extent();
            self.memory.lines.mark(extent.start, extent.end, self.stamp);
        }
        self.objects += 1;
        self.bytes += object.bytes() as u64;
        Ok(())
    }
}

// SAFETY: what has the marking's number survives where it is, and `drain` marks all that it leads to.
unsafe impl Closure for Marking<'_> {
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        self.number.is_on(object.header().load()).then_some(object.reference())
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        self.sink.push(object.reference());
        if self.sink.overflowed() { Err(Refused) } else { Ok(object.reference()) }
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        while !keys.is_full() {
            let Some(next) = self.sink.stack.pop() else { return Ok(true) };
            // SAFETY: a root, or an edge of a live object; nothing is reclaimed or moved while the program is stopped.
            self.mark(unsafe { Object::at(next) }, keys)?;
        }
        Ok(false)
    }
}

impl MarkSweep {
    /// What becomes of memory that is handed out: it looks alive until the next marking.
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
            heap.fast.due.set(true);
        }
    }

    fn mark_and_sweep(&mut self, heap: &mut HeapContext<'_>) {
        heap.fast.due.set(false);
        heap.core.event(EventKind::PrepareGc(CollectionKind::Full));
        // What is left of the buffers is free, and the sweep is to see it.
        heap.fast.clear_buffer();
        self.holes.retire(&mut heap.core.memory, self.policy());

        let marked = self.mark(heap.core);
        heap.core.note_held(self.side_bytes());
        let Ok((objects, bytes, dropped)) = marked else {
            heap.core.statistics.abandoned_collections += 1;
            heap.core.event(EventKind::Abandoned);
            self.set_budget(heap);
            return;
        };
        heap.core.event(EventKind::HeapTraced);
        heap.core.buried(Scope::All, dropped);

        self.complete = self.last;
        self.stamp = next_stamp(self.stamp);
        heap.fast.birth.set(self.complete.bits());
        let number = self.complete;
        // SAFETY: asked about large objects only, before they are freed.
        let is_live = |object: ObjectRef| number.is_on(unsafe { Object::at(object) }.word());
        sweep(&mut heap.core.memory, &mut self.holes, self.stamp, false, is_live);
        heap.core.roots.settle();

        let statistics = &mut heap.core.statistics;
        statistics.full_collections += 1;
        statistics.live_objects = objects;
        statistics.live_bytes = bytes;
        heap.full_done(bytes);
        heap.core.event(EventKind::LiveDataSize { bytes: bytes as usize });
        self.set_budget(heap);
    }

    /// Finds what is alive, and buries what is not. Objects and bytes of the living, and how many of the dead had drop glue.
    fn mark(&mut self, core: &mut HeapCore) -> Result<(u64, u64, usize), Refused> {
        self.sink.stack.clear();
        self.sink.clear_overflow();
        // No live object may have the number of the next marking.
        let number = self.last.next();
        if number == self.complete {
            return Err(Refused);
        }
        self.last = number;
        core.every_root().for_each(|root| self.sink.push(root));
        if self.sink.overflowed() {
            return Err(Refused);
        }
        let stamp = next_stamp(self.stamp);
        let HeapCore { memory, death, .. } = core;
        let mut marking = Marking { number, stamp, memory, sink: &mut self.sink, objects: 0, bytes: 0 };
        while !marking.drain(&mut NoKeys)? {}
        death.reach(Scope::All, &mut marking)?;
        let dropped = death.bury(Scope::All, &marking);
        Ok((marking.objects, marking.bytes, dropped))
    }

    /// As much again as is alive, but no more than half of what is left below the limit.
    fn set_budget(&mut self, heap: &mut HeapContext<'_>) {
        let alive = heap.core.statistics.live_bytes as usize;
        self.budget = (alive + heap.core.outside.settled()).max(LEAST.at(heap.recent_bytes()));
        let memory = &heap.core.memory;
        if memory.blocks.limit().is_some() {
            let room = memory.blocks.headroom() + memory.holes.free_bytes();
            self.budget = self.budget.min(room / 2).max(4 << 10);
        }
        self.handed_out = 0;
        heap.core.outside.allow_beside(self.budget);
    }
}

fn next_stamp(stamp: u8) -> u8 {
    if stamp == u8::MAX { 1 } else { stamp + 1 }
}

// SAFETY: nothing is moved. Memory is reclaimed by the sweep, when all that the roots reach has the marking's number and lies
// on lines with its stamp, or has blocks of its own; weak cells were cleared and glue has run. What is handed out are fresh
// blocks, large runs, and lines that no live object is on.
unsafe impl Collector for MarkSweep {
    fn name(&self) -> &'static str {
        "mark-sweep"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.holes = HoleAllocator::new(heap.core.options.poisons());
        heap.fast.birth.set(self.complete.bits());
        self.set_budget(heap);
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        // The next safepoint may find room.
        self.find(heap, request).inspect_err(|_| heap.fast.due.set(true))
    }

    fn barrier_slow(&mut self, _: &mut HeapContext<'_>, object: Object<'_>, _: Range<usize>) {
        unreachable!("the barrier mask is zero, yet {object:?} was not clean");
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        self.mark_and_sweep(heap);
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, _: CollectionKind) {
        self.mark_and_sweep(heap);
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.mark_and_sweep(heap);
        true
    }

    fn rest(&mut self, _: &mut HeapContext<'_>) {
        self.sink.stack.shrink_to(0);
    }

    fn side_bytes(&self) -> usize {
        self.sink.stack.capacity() * size_of::<ObjectRef>()
    }

    fn verify(&self, _: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        for seen in snapshot.reachable() {
            if self.last == self.complete && !self.complete.is_on(seen.object().word()) {
                return Err(snapshot.error(seen, "it is reachable, yet the last marking did not reach it"));
            }
        }
        Ok(())
    }
}
