// A collector that copies what is alive to fresh blocks and frees the old ones.

use std::ops::Range;

use heap_core::AllocError;
use heap_core::collector::memory::{self, BLOCK_BYTES, BlockIndex, BlockKind, LINES_PER_BLOCK, LineTable, Memory};
use heap_core::collector::object::{COLLECTOR_SHIFT, HASH_ASKED, SIDE_ENTRY};
use heap_core::collector::{
    AllocRequest, Allocation, Allowance, Buffer, Capabilities, Closure, Collector, HeapContext, HeapCore, Hole,
    Identity, Intact, Keys, Measured, NoKeys, Object, ObjectRef, Refused, Relocation, Scope, SlotSink, Snapshot,
    VerifyError,
};
use heap_core::events::{CollectionKind, EventKind};

/// Bytes that may be handed out between two collections, however little is alive.
const LEAST: Allowance = Allowance::growing(64 << 10, 4 << 20);

/// Header bit: of two values, one belongs to the objects that the last collection reached, and to those born since.
const SIDE: usize = 1 << COLLECTOR_SHIFT;

/// Copies what is alive. Large objects stay where they are, and so does what there is no room to copy.
pub(crate) struct Semispace {
    side: usize,
    slots: SlotSink,
    budget: usize,
    handed_out: usize,
}

impl Default for Semispace {
    fn default() -> Self {
        Semispace { side: 0, slots: SlotSink::everything(), budget: 0, handed_out: 0 }
    }
}

/// Takes a fresh block, in which no object is pinned.
fn fresh_block(memory: &mut Memory) -> Result<Hole, AllocError> {
    let block = memory.blocks.allocate(BlockKind::Small)?;
    set_pins(memory, block, 0);
    // SAFETY: the block is committed, and nobody else's.
    Ok(unsafe { Hole::new(memory.blocks.address_of(block), BLOCK_BYTES) })
}

/// The bytes of a block's lines say on which of them an object is pinned.
fn set_pins(memory: &Memory, block: BlockIndex, value: u8) {
    let first = LineTable::first_line(block);
    memory.lines.set_range(first..first + LINES_PER_BLOCK, value);
}

/// A collection in progress.
struct Copying<'h> {
    memory: &'h mut Memory,
    identity: &'h Identity,
    /// Slots of objects that were reached; what they lead to was perhaps not.
    slots: Relocation<'h>,
    /// Where copies go.
    to: Buffer,
    side: usize,
    objects: u64,
    bytes: u64,
}

impl<'h> Copying<'h> {
    /// Where the object is now: copies it, unless it was reached before.
    fn reach<K: Keys>(&mut self, object: Intact<'h>, keys: &mut K) -> ObjectRef {
        let object = match object.look() {
            Ok(object) => object,
            Err(now) => return now,
        };
        if object.word().bits() & SIDE == self.side {
            return object.reference();
        }
        if K::WANTED && object.word().has(SIDE_ENTRY) {
            keys.report(object.reference());
        }
        let now = self.copy(object.measure());
        self.objects += 1;
        self.bytes += now.bytes() as u64;
        self.slots.visit(&now);
        now.object().reference()
    }

    fn copy(&mut self, object: Measured<'h>) -> Measured<'h> {
        let (at, word) = (object.object().reference(), object.object().word().replace(SIDE, self.side));
        let asked = word.has(HASH_ASKED);
        let request = if asked { object.request_with_hash() } else { object.request() };
        let shares = self.memory.blocks.kind(self.memory.blocks.block_of(at.address())) == BlockKind::Small;
        let place = if shares { self.find(request) } else { None };
        match place {
            // SAFETY: the place was just found, for this object and its hash; the word is its own, and says where it is.
            Some(to) if asked => unsafe { object.move_with_hash(to, word, self.identity.of_place(at)) },
            // SAFETY: as above.
            Some(to) => unsafe { object.move_to(to, word) },
            None => {
                object.object().header().store(word);
                if shares {
                    let extent = object.extent();
                    self.memory.lines.mark(extent.start, extent.end, 1);
                }
                object
            }
        }
    }

    fn find(&mut self, request: AllocRequest) -> Option<std::ptr::NonNull<u8>> {
        loop {
            if let Some(payload) = self.to.bump(request) {
                return Some(payload);
            }
            self.to = fresh_block(self.memory).ok()?.into();
        }
    }
}

// SAFETY: what was reached is where its header says, or where it was, on this side; `drain` reaches all that it leads to.
// Nothing of the old blocks is freed before the collection ends.
unsafe impl Closure for Copying<'_> {
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        match object.look() {
            Ok(object) => (object.word().bits() & SIDE == self.side).then_some(object.reference()),
            Err(now) => Some(now),
        }
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        // SAFETY: the same look for longer: nothing is freed before the collection ends, and the program is stopped.
        let object = unsafe { Intact::at(object.reference()) };
        Ok(self.reach(object, &mut NoKeys))
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        while !keys.is_full() {
            let Some(slot) = self.slots.take() else { return Ok(true) };
            let now = self.reach(slot.target(), keys);
            slot.set(now);
        }
        Ok(false)
    }
}

impl Semispace {
    fn find(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            let allocation = heap.allocate_large(request)?;
            self.hand_out(heap, request.bytes);
            return Ok(allocation);
        }
        loop {
            if let Some(allocation) = heap.fast.bump(request) {
                return Ok(allocation);
            }
            heap.fast.set_buffer(fresh_block(&mut heap.core.memory)?);
            self.hand_out(heap, BLOCK_BYTES);
        }
    }

    fn hand_out(&mut self, heap: &HeapContext<'_>, bytes: usize) {
        self.handed_out += bytes;
        if self.handed_out >= self.budget {
            heap.fast.due.set(true);
        }
    }

    fn flip(&mut self, heap: &mut HeapContext<'_>) {
        heap.fast.due.set(false);
        heap.core.event(EventKind::PrepareGc(CollectionKind::Full));
        // A copy cannot be given up half-way. So all memory that it may need is at hand before it begins: a slot for each
        // word of the heap, and the list of the blocks that it leaves.
        let mut from: Vec<BlockIndex> = Vec::new();
        let blocks = &heap.core.memory.blocks;
        if !self.slots.reserve(blocks.block_bytes() / size_of::<ObjectRef>())
            || from.try_reserve_exact(blocks.high_water().index()).is_err()
        {
            heap.core.statistics.abandoned_collections += 1;
            heap.core.event(EventKind::Abandoned);
            self.set_budget(heap);
            return;
        }
        from.extend(blocks.small_blocks());
        self.side ^= SIDE;
        let (objects, bytes, dropped, rest) = self.copy(heap.core);
        heap.core.note_held(self.side_bytes());
        heap.core.event(EventKind::HeapTraced);
        heap.core.buried(Scope::All, dropped);

        heap.fast.birth.set(self.side);
        heap.fast.set_buffer(rest);
        self.free(heap.core, from);
        heap.core.roots.settle();

        let statistics = &mut heap.core.statistics;
        statistics.full_collections += 1;
        statistics.live_objects = objects;
        statistics.live_bytes = bytes;
        heap.full_done(bytes);
        heap.core.event(EventKind::LiveDataSize { bytes: bytes as usize });
        self.slots.trim(bytes as usize / size_of::<ObjectRef>());
        self.set_budget(heap);
    }

    /// Copies all that the roots reach, and buries the rest. Objects and bytes of the living, how many of the dead had drop
    /// glue, and what is left of the last fresh block.
    fn copy(&mut self, core: &mut HeapCore) -> (u64, u64, usize, Hole) {
        let HeapCore { memory, roots, death, identity, .. } = core;
        // SAFETY: the program is stopped; no memory is reused and nothing is dropped before the copying is over.
        let slots = unsafe { self.slots.begin() };
        let (to, side) = (Buffer::empty(), self.side);
        let mut copying = Copying { memory, identity, slots, to, side, objects: 0, bytes: 0 };
        let mut update = |root: &mut ObjectRef| {
            // SAFETY: a root was alive until now, and is looked at once.
            *root = copying.reach(unsafe { Intact::at(*root) }, &mut NoKeys);
        };
        roots.update(&mut update);
        death.finalizers.queued_mut().for_each(update);
        let reached = copying.drain(&mut NoKeys).and_then(|_| death.reach(Scope::All, &mut copying));
        assert_eq!(reached, Ok(()), "a copying collection never asks for memory that it could be refused");
        let dropped = death.bury(Scope::All, &copying);
        (copying.objects, copying.bytes, dropped, copying.to.into_rest())
    }

    /// Frees the blocks that all have left, and the large objects that are dead.
    fn free(&mut self, core: &mut HeapCore, from: Vec<BlockIndex>) {
        let (side, poisons, memory) = (self.side, core.options.poisons(), &mut core.memory);
        for block in from {
            if !memory.lines.select(block, |pins| pins != 0).is_empty() {
                set_pins(memory, block, 0);
                continue;
            }
            if poisons {
                // SAFETY: what lived here lives elsewhere, and nothing leads here any more.
                unsafe { memory::poison(memory.blocks.address_of(block), BLOCK_BYTES) };
            }
            memory.free_block(block);
            core.identity.emptied(block..BlockIndex::new(block.index() + 1));
        }
        // SAFETY: asked about large objects only, before they are freed.
        let is_live = |payload| unsafe { Object::at(ObjectRef::new(payload)) }.word().bits() & SIDE == side;
        memory.large.retain(&mut memory.blocks, is_live);
    }

    /// As much again as is alive, but no more than half of what is left below the limit.
    fn set_budget(&mut self, heap: &mut HeapContext<'_>) {
        let alive = heap.core.statistics.live_bytes as usize + heap.core.outside.settled();
        self.budget = alive.max(LEAST.at(heap.recent_bytes()));
        if heap.core.memory.blocks.limit().is_some() {
            self.budget = self.budget.min(heap.core.memory.blocks.headroom() / 2).max(BLOCK_BYTES);
        }
        self.handed_out = 0;
        heap.core.outside.allow_beside(self.budget);
    }
}

// SAFETY: objects move only in `flip`, which updates every slot, root and table that leads to one; what is not reached is
// freed after its weak cell was cleared and its glue has run. What is handed out are fresh blocks and large runs.
unsafe impl Collector for Semispace {
    fn name(&self) -> &'static str {
        "semispace"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING.and_moves()
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        heap.fast.birth.set(self.side);
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
        self.flip(heap);
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, _: CollectionKind) {
        self.flip(heap);
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.flip(heap);
        true
    }

    fn rest(&mut self, _: &mut HeapContext<'_>) {
        self.slots.release();
    }

    fn side_bytes(&self) -> usize {
        self.slots.touched_bytes()
    }

    fn verify(&self, _: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        for seen in snapshot.reachable() {
            if seen.object().word().bits() & SIDE != self.side {
                return Err(snapshot.error(seen, "it is reachable, yet on the side that was left"));
            }
        }
        Ok(())
    }
}
