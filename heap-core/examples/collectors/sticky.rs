// Mark-sweep with marks that stick: what was marked once is old, and most collections look only at what is not.

use std::ops::Range;

use heap_core::AllocError;
use heap_core::collector::memory::Memory;
use heap_core::collector::object::{COLLECTOR_BITS, COLLECTOR_SHIFT, SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{
    AllocRequest, Allocation, Allowance, Capabilities, Closure, Collector, EdgeSink, HeaderWord, HeapContext, HeapCore,
    HoleAllocator, Intact, Keys, LinePolicy, NO_STAMP, NoKeys, Noted, Object, ObjectRef, Refused, Room, Scope,
    Snapshot, VerifyError, sweep,
};
use heap_core::events::{CollectionKind, EventKind};

/// Bytes that may be handed out between two minor collections.
const NURSERY: Allowance = Allowance::growing(64 << 10, 4 << 20);

/// What becomes of memory that is handed out: no line is alive because of it. Its objects are young.
const POLICY: LinePolicy = LinePolicy::Stamps { stamp: NO_STAMP, noted: Noted::Nowhere };

/// The number of a full marking, in the collector's bits of a header. A minor collection marks with the last number. Young
/// objects have none.
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

fn is_young(word: HeaderWord) -> bool {
    word.bits() & COLLECTOR_BITS == 0
}

/// Marks and sweeps in one pause. Nothing moves.
pub(crate) struct Sticky {
    complete: Number,
    last: Number,
    stamp: u8,
    holes: HoleAllocator,
    sink: EdgeSink,
    /// Old objects that were written to since the last collection.
    remembered: Vec<ObjectRef>,
    /// The last collection was given up: what looks old may not be.
    torn: bool,
    nursery: usize,
    handed_out: usize,
    /// Bytes of objects that became old since the last full collection.
    promoted: u64,
    /// Bytes of all that is old, and of what it owns outside, at which the next collection is a full one.
    full_at: u64,
}

impl Default for Sticky {
    fn default() -> Self {
        Sticky {
            complete: Number(1),
            last: Number(1),
            stamp: 1,
            holes: HoleAllocator::new(false),
            sink: EdgeSink::everything(),
            remembered: Vec::new(),
            torn: false,
            nursery: 0,
            handed_out: 0,
            promoted: 0,
            full_at: 0,
        }
    }
}

/// A marking in progress.
struct Marking<'m> {
    scope: Scope,
    number: Number,
    stamp: u8,
    memory: &'m Memory,
    sink: &'m mut EdgeSink,
    objects: u64,
    bytes: u64,
}

impl Marking<'_> {
    /// Whether the object with this header was reached; in a minor collection everything old was.
    fn is_reached(&self, word: HeaderWord) -> bool {
        match self.scope {
            Scope::Young => !is_young(word),
            Scope::All => self.number.is_on(word),
        }
    }

    fn mark<K: Keys>(&mut self, object: Object<'_>, keys: &mut K) -> Result<(), Refused> {
        let word = object.word();
        if self.is_reached(word) {
            return Ok(());
        }
        let object = object.measure();
        if !object.trace(self.sink) {
            return Err(Refused);
        }
        // Old from now on, and clean: it leads to nothing young when this collection is over.
        object.object().header().store(word.replace(COLLECTOR_BITS, self.number.bits()).with(UNLOGGED));
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

// SAFETY: what has the marking's number, or is old in a minor collection, survives where it is, and `drain` marks all that it
// leads to: what an old object leads to was marked before, or the object is remembered.
unsafe impl Closure for Marking<'_> {
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        self.is_reached(object.header().load()).then_some(object.reference())
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

impl Sticky {
    fn find(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            let allocation = heap.allocate_large(request)?;
            self.hand_out(heap, request.bytes);
            return Ok(allocation);
        }
        if let Some(allocation) = heap.fast.bump(request) {
            return Ok(allocation);
        }
        match self.holes.find(&mut heap.core.memory, POLICY, request)? {
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
        if self.handed_out >= self.nursery {
            heap.fast.due.set(true);
        }
    }

    fn run(&mut self, heap: &mut HeapContext<'_>, scope: Scope) {
        let kind = if scope == Scope::All { CollectionKind::Full } else { CollectionKind::Minor };
        heap.fast.due.set(false);
        heap.core.event(EventKind::PrepareGc(kind));
        heap.fast.clear_buffer();
        self.holes.retire(&mut heap.core.memory, POLICY);

        let marked = self.mark(heap.core, scope);
        heap.core.note_held(self.side_bytes());
        self.torn = marked.is_err();
        let Ok((objects, bytes, dropped)) = marked else {
            heap.core.statistics.abandoned_collections += 1;
            heap.core.event(EventKind::Abandoned);
            self.set_budget(heap);
            return;
        };
        heap.core.event(EventKind::HeapTraced);
        heap.core.buried(scope, dropped);

        self.remembered.clear();
        if scope == Scope::All {
            self.complete = self.last;
            self.stamp = next_stamp(self.stamp);
        }
        let number = self.complete;
        // SAFETY: asked about large objects only, before they are freed.
        let is_live = |object: ObjectRef| number.is_on(unsafe { Object::at(object) }.word());
        sweep(&mut heap.core.memory, &mut self.holes, self.stamp, false, is_live);
        heap.core.roots.settle();

        let statistics = &mut heap.core.statistics;
        match scope {
            Scope::Young => {
                statistics.minor_collections += 1;
                statistics.promoted_bytes += bytes;
                self.promoted += bytes;
            }
            Scope::All => {
                statistics.full_collections += 1;
                (statistics.live_objects, statistics.live_bytes) = (objects, bytes);
                heap.full_done(bytes);
                self.promoted = 0;
                self.full_at = 2 * self.old_bytes(heap.core) + NURSERY.at(heap.recent_bytes()) as u64;
                heap.core.event(EventKind::LiveDataSize { bytes: bytes as usize });
            }
        }
        self.set_budget(heap);
    }

    /// Finds what is alive, and buries what is not. Objects and bytes that were marked, and how many of the dead had drop
    /// glue.
    fn mark(&mut self, core: &mut HeapCore, scope: Scope) -> Result<(u64, u64, usize), Refused> {
        self.sink.stack.clear();
        self.sink.clear_overflow();
        let (mut number, mut stamp) = (self.complete, self.stamp);
        match scope {
            Scope::All => {
                number = self.last.next();
                if number == self.complete {
                    return Err(Refused);
                }
                self.last = number;
                stamp = next_stamp(stamp);
                core.every_root().for_each(|root| self.sink.push(root));
            }
            Scope::Young => {
                core.roots.created_targets().for_each(|root| self.sink.push(root));
                for &object in &self.remembered {
                    // SAFETY: it was old when it was listed, and nothing old has died since.
                    let object = unsafe { Object::at(object) };
                    object.trace(&mut self.sink);
                    object.header().store(object.word().with(UNLOGGED));
                }
            }
        }
        if self.sink.overflowed() {
            return Err(Refused);
        }
        let HeapCore { memory, death, .. } = core;
        let mut marking = Marking { scope, number, stamp, memory, sink: &mut self.sink, objects: 0, bytes: 0 };
        while !marking.drain(&mut NoKeys)? {}
        death.reach(scope, &mut marking)?;
        let dropped = death.bury(scope, &marking);
        Ok((marking.objects, marking.bytes, dropped))
    }

    fn old_bytes(&self, core: &HeapCore) -> u64 {
        core.statistics.live_bytes + self.promoted + core.outside.settled() as u64
    }

    fn set_budget(&mut self, heap: &mut HeapContext<'_>) {
        self.nursery = NURSERY.at(heap.recent_bytes());
        let memory = &heap.core.memory;
        if memory.blocks.limit().is_some() {
            let room = memory.blocks.headroom() + memory.holes.free_bytes();
            self.nursery = self.nursery.min(room / 2).max(4 << 10);
        }
        self.handed_out = 0;
        heap.core.outside.allow_beside(self.nursery);
    }
}

fn next_stamp(stamp: u8) -> u8 {
    if stamp == u8::MAX { 1 } else { stamp + 1 }
}

// SAFETY: nothing is moved. Memory is reclaimed by the sweep, when all that the roots reach has a number and lies on lines with
// the stamp, or has blocks of its own; weak cells were cleared and glue has run. What is handed out are fresh blocks, large
// runs, and lines that no live object is on.
unsafe impl Collector for Sticky {
    fn name(&self) -> &'static str {
        "sticky"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.holes = HoleAllocator::new(heap.core.options.poisons());
        heap.fast.set_barrier_mask(UNLOGGED);
        self.set_budget(heap);
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        self.find(heap, request).inspect_err(|_| {
            // The next safepoint may find room, if it looks everywhere.
            self.full_at = 0;
            heap.fast.due.set(true);
        })
    }

    fn barrier_slow(&mut self, _: &mut HeapContext<'_>, object: Object<'_>, _: Range<usize>) {
        // Before anything changes: a panic leaves the object as it was.
        self.remembered.try_reserve(1).expect("memory for the remembered set");
        object.header().store(object.word().without(UNLOGGED));
        self.remembered.push(object.reference());
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        let full = self.old_bytes(heap.core) >= self.full_at;
        self.collect(heap, if full { CollectionKind::Full } else { CollectionKind::Minor });
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        self.run(heap, if kind == CollectionKind::Full || self.torn { Scope::All } else { Scope::Young });
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.run(heap, Scope::All);
        true
    }

    fn rest(&mut self, _: &mut HeapContext<'_>) {
        self.sink.stack.shrink_to(0);
        self.remembered.shrink_to(0);
    }

    fn side_bytes(&self) -> usize {
        (self.sink.stack.capacity() + self.remembered.capacity()) * size_of::<ObjectRef>()
    }

    fn verify(&self, _: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        for seen in snapshot.reachable() {
            let word = seen.object().word();
            if self.torn || !word.has(UNLOGGED) {
                continue;
            }
            if snapshot.edges(seen).iter().any(|edge| is_young(snapshot.objects()[edge.target].object().word())) {
                return Err(snapshot.error(seen, "it is old and clean, yet it leads to a young object"));
            }
        }
        Ok(())
    }
}
