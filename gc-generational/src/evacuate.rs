//! Evacuation: moves the living out of sparse blocks, in the pause of a full collection of a heap that needs it.
//!
//! A collector that never moves old objects cannot place one of 3 kB among survivors that lie 750 bytes apart, and a block
//! is not free as long as one object on it lives. So where a full collection leaves much room between the living it is
//! followed, in the same pause, by an evacuation:
//!
//! 1. *Choose* blocks, by what the sweep has just found: those with the least on them, as many as what lives there fits
//!    between the living of the others, and into what may still be committed.
//! 2. *Trace.* Everything reachable is marked again, this time exactly, to 8 bytes and not to lines. What lies in chosen
//!    blocks is listed and not marked: the *movers*. Objects elsewhere that lead to movers are listed too.
//! 3. *Sweep the others*, so that the short holes between the living are found too.
//! 4. *Copy* the movers into the holes. One for which there is no room is marked, and stays.
//! 5. *Update* the slots of the objects that were listed, of either kind, and the roots. Weak cells, ephemerons,
//!    finalizers and drop lists follow in [`Death::bury`](heap_core::collector::Death::bury), as after any collection.
//! 6. *Sweep the chosen blocks.* Those that all have left are free.
//!
//! *Invariants.* An object moves only if all of it lies in chosen blocks; so whether a slot may have to be updated is asked
//! of its target's address, and only then of its header. No slot is both updated and read as an old address afterwards:
//! copies lie outside of chosen blocks. Old places stay intact, with the forwarding address, until step 6.
//!
//! *What can fail.* Until the trace is complete the system may refuse memory: the evacuation is given up as a marking is,
//! and nothing has moved. From then on no memory is asked for, but blocks for copies, which may be refused: the lists are
//! complete, and the buffer for slots has room for those of any one object (rule R17).
//!
//! *Why a trace of its own?* Nothing dies here that the collection before did not find dead; the trace finds slots, and the
//! exact holes. Immix copies while it marks. Then blocks are chosen by what an older sweep found, but a failed allocation
//! wants memory now; exact marking would have to be a mode of the parallel marker; and a trace that has moved one
//! object cannot be given up any more. It would save one of two traces of a collection that is rare.
//!
//! *Why not exact marking alone*, as gc-marksweep has it? It finds the short holes, and nothing else: 3 kB do not fit
//! there, and no block becomes free. With evacuation it would be a second answer to the same question, so here units are
//! set by evacuations only. *Why not all blocks?* The living of a block that is more than half full cost more to move than
//! they leave; that is an option ([`with_evacuation`](crate::Generational::with_evacuation)).
//!
//! *Imperfect:* one thread does it. Large objects stay.

use core::ops::Range;

use heap_core::collector::memory::{
    BLOCK_BYTES, Bits, BlockIndex, BlockKind, LINE_SHIFT, LINES_PER_BLOCK, LineTable, Memory, Segments,
};
use heap_core::collector::object::{HASH_ASKED, SIDE_ENTRY};
use heap_core::collector::{
    Closure, Collector, EdgeSink, HeapCore, Identity, Intact, Keys, Lookahead, Measured, NoKeys, Object, ObjectRef,
    Refused, Scope, SlotSink, Swept, prefetch, sweep_blocks,
};
use heap_core::events::EventKind;

use crate::Generational;
use crate::epoch::Epoch;
use crate::old::OldSpace;

/// Elements of a large array whose edges are visited at a time.
const PIECE: usize = 1024;

/// The blocks to evacuate.
struct Chosen {
    /// A bit for each block.
    blocks: Vec<u64>,
    /// The heap's first address.
    base: usize,
}

impl Chosen {
    /// Chooses blocks after a sweep that found this, of which `alive` bytes in all are in use: `all` as far as there is
    /// room for what lives there, or only those that are at most half full. None when it is fewer than `least`, or there is
    /// no memory to list them.
    fn choose(memory: &Memory, swept: &Swept, alive: usize, all: bool, least: usize) -> Option<Self> {
        let mut sparse: Vec<(usize, BlockIndex)> = Vec::new();
        let mut free = 0;
        for block in memory.blocks.small_blocks() {
            let lines = (LINES_PER_BLOCK - memory.holes.free_lines(block).count()) << LINE_SHIFT;
            // Of what is in use of these lines only the average is known.
            let live = (lines as f64 * alive as f64 / swept.line_bytes.max(1) as f64).min(lines as f64) as usize;
            free += BLOCK_BYTES - live;
            if all || live <= BLOCK_BYTES / 2 {
                sparse.try_reserve(1).ok()?;
                sparse.push((live, block));
            }
        }
        sparse.sort_unstable();
        let mut blocks = Vec::new();
        let words = memory.blocks.high_water().index().div_ceil(64);
        blocks.try_reserve_exact(words).ok()?;
        blocks.resize(words, 0);
        let (mut moving, mut chosen) = (0, 0);
        for (live, block) in sparse {
            free -= BLOCK_BYTES - live;
            moving += live;
            // Not every object fits every hole: half of their bytes.
            if moving > (free / 2).saturating_add(memory.blocks.headroom()) {
                break;
            }
            blocks[block.index() / 64] |= 1 << (block.index() % 64);
            chosen += 1;
        }
        // What lives in one block alone fills another one.
        (chosen >= least.max(2)).then(|| Chosen { blocks, base: memory.blocks.base().addr().get() })
    }

    fn has(&self, block: usize) -> bool {
        self.blocks.get(block / 64).is_some_and(|word| word >> (block % 64) & 1 != 0)
    }

    fn iter(&self) -> impl Iterator<Item = BlockIndex> + '_ {
        (0..self.blocks.len() * 64).filter(|&block| self.has(block)).map(BlockIndex::new)
    }

    /// Whether the object with this payload may be a mover.
    #[inline]
    fn contains(&self, object: ObjectRef) -> bool {
        self.has(self.block_of(object.address()))
    }

    /// Whether the object with this footprint is a mover. One that reaches from a block into the next, as there are where
    /// a nursery was promoted in place, is one only if both are chosen: the others are swept before anything has moved.
    #[inline]
    fn moves(&self, extent: &Range<usize>) -> bool {
        self.has(self.block_of(extent.start)) && self.has(self.block_of(extent.end - 1))
    }

    #[inline]
    fn block_of(&self, address: usize) -> usize {
        address.wrapping_sub(self.base) / BLOCK_BYTES
    }
}

/// An array of which not all elements were visited.
#[derive(Clone, Copy)]
struct Array {
    object: ObjectRef,
    next: usize,
    /// It is listed among those that lead to movers.
    leads: bool,
}

/// An evacuation in progress.
struct Evacuation {
    chosen: Chosen,
    /// Reached and not yet marked.
    sink: EdgeSink,
    ahead: Lookahead,
    arrays: Vec<Array>,
    /// Live objects in chosen blocks; after they were copied, where they are then.
    movers: Segments<ObjectRef>,
    /// Other objects, with slots that lead to movers.
    leads: Segments<ObjectRef>,
    /// The most slots of an object, or of a piece of a large array.
    most_slots: usize,
    lines: LineTable,
    units: Bits,
    epoch: Epoch,
    stamp: u8,
    refused: bool,
    /// Bytes of everything marked.
    bytes: u64,
}

impl Evacuation {
    /// Marks one object unless it is marked.
    #[inline]
    fn mark<K: Keys>(&mut self, object: Object<'_>, keys: &mut K) {
        let word = object.word();
        if self.epoch.is_on(word) {
            return;
        }
        object.header().store(self.epoch.put_on(word));
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object.reference());
        }
        let measured = object.measure();
        self.bytes += measured.bytes() as u64;
        let moves = self.chosen.moves(&measured.extent());
        if moves {
            Self::list(&mut self.movers, object.reference(), &mut self.refused);
        } else {
            self.keep(&measured);
        }
        if measured.count() > PIECE && object.info().trace().is_some() {
            match self.arrays.try_reserve(1) {
                Ok(()) => self.arrays.push(Array { object: object.reference(), next: 0, leads: moves }),
                Err(_) => self.refused = true,
            }
            return;
        }
        let before = self.sink.stack.len();
        measured.trace(&mut self.sink);
        if self.leads_to_movers(before) && !moves {
            Self::list(&mut self.leads, object.reference(), &mut self.refused);
        }
    }

    /// Whether one of the edges that were reported since the stack was so long leads to a mover.
    #[inline]
    fn leads_to_movers(&mut self, before: usize) -> bool {
        // Less, if the system refused memory for the edges.
        let edges = self.sink.stack.get(before..).unwrap_or_default();
        self.most_slots = self.most_slots.max(edges.len());
        edges.iter().any(|&target| self.chosen.contains(target))
    }

    fn list(list: &mut Segments<ObjectRef>, object: ObjectRef, refused: &mut bool) {
        *refused |= list.try_push(object).is_err();
    }

    /// The bytes of an object that does not move stay in use.
    fn keep(&self, object: &Measured<'_>) {
        if object.shares_blocks() {
            let extent = object.extent();
            self.lines.mark(extent.start, extent.end, self.stamp);
            self.units.set(extent);
        }
    }

    /// Visits a piece of a large array. False when there is none.
    fn visit_piece(&mut self) -> bool {
        let Some(Array { object, next, leads }) = self.arrays.pop() else { return false };
        // SAFETY: the array was marked, so it is alive. Nothing has moved yet, and the program is stopped.
        let array = unsafe { Object::at(object) };
        let end = array.count().min(next + PIECE);
        let before = self.sink.stack.len();
        array.trace_elements(next..end, &mut self.sink);
        let leads_now = self.leads_to_movers(before);
        if leads_now && !leads {
            Self::list(&mut self.leads, object, &mut self.refused);
        }
        if end < array.count() {
            // There is room: one was taken out.
            self.arrays.push(Array { object, next: end, leads: leads || leads_now });
        }
        true
    }

    fn is_refused(&self) -> bool {
        self.refused || self.sink.overflowed()
    }

    /// Marks until nothing is left or `keys` is full. True when nothing is left.
    fn trace<K: Keys>(&mut self, keys: &mut K) -> bool {
        while !keys.is_full() && !self.is_refused() {
            if let Some(object) = self.ahead.next(&mut self.sink.stack) {
                // SAFETY: a root, or reported by a live object. Nothing has moved yet, and the program is stopped.
                self.mark(unsafe { Object::at(object) }, keys);
            } else if !self.visit_piece() {
                return true;
            }
        }
        false
    }

    /// Where an object is now.
    #[inline]
    fn now(&self, object: ObjectRef) -> ObjectRef {
        if self.chosen.contains(object) {
            // SAFETY: movers are intact where they were until the chosen blocks are swept.
            unsafe { object.header() }.load().forwarded().unwrap_or(object)
        } else {
            object
        }
    }

    /// Copies the movers, as far as there is room. Returns the bytes that moved.
    fn copy_all(&mut self, memory: &mut Memory, old: &mut OldSpace, identity: &Identity) -> usize {
        let mut moved = 0;
        let mut movers = core::mem::take(&mut self.movers);
        movers.retain_from(0, prefetch, |_, mover| {
            // SAFETY: live, and listed once, so it has not moved.
            let object = unsafe { Object::at(mover) }.measure();
            let word = object.object().word();
            let asked = word.has(HASH_ASKED);
            let request = if asked { object.request_with_hash() } else { object.request() };
            let Ok(payload) = old.allocate(memory, request) else {
                self.keep(&object);
                return Some(mover);
            };
            // SAFETY: the place was just found for an object like this one, and its hash. The header is its own, with the epoch.
            let moved_object = unsafe {
                if asked {
                    object.move_with_hash(payload, word, identity.of_place(mover))
                } else {
                    object.move_to(payload, word)
                }
            };
            let now = moved_object.object().reference();
            debug_assert!(!self.chosen.contains(now), "a mover is copied into a block that is to be empty");
            moved += moved_object.bytes();
            self.bytes += (moved_object.bytes() - object.bytes()) as u64;
            Some(now)
        });
        self.movers = movers;
        moved
    }

    /// Updates the slots of all objects that lead to movers. `sink` has room for those of any one of them.
    fn update_slots(&self, sink: &mut SlotSink) {
        let capacity = sink.capacity();
        // SAFETY: the program is stopped. What is listed lives, and the memory of movers is not reused before the chosen
        // blocks are swept.
        let mut slots = unsafe { sink.begin() };
        for object in self.leads.iter().chain(self.movers.iter()) {
            // SAFETY: the lists name live objects where they are now.
            let object = unsafe { Object::at(object) };
            slots.update(object, 0..usize::MAX, |target| {
                let now = self.now(target.reference());
                (now != target.reference()).then_some(now)
            });
        }
        debug_assert_eq!(sink.capacity(), capacity, "an object has as many slots as it had edges");
    }

    /// Bytes of the stack and the lists.
    fn side_bytes(&self) -> usize {
        let entries = self.sink.stack.capacity() * size_of::<ObjectRef>() + self.arrays.capacity() * size_of::<Array>();
        entries + self.movers.memory_bytes() + self.leads.memory_bytes()
    }
}

// SAFETY: what has the epoch survives, where it is or where its forwarded header says; it is copied when all is reached,
// after the last call of `retain` and `drain` and before the first look of `bury`. `drain` marks, and lists for copying,
// all that was reached.
unsafe impl Closure for Evacuation {
    const MOVES_LAST: bool = true;

    #[inline]
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        match object.look() {
            Err(now) => Some(now),
            Ok(object) => self.epoch.is_on(object.word()).then_some(object.reference()),
        }
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        self.sink.push(object.reference());
        if self.is_refused() { Err(Refused) } else { Ok(object.reference()) }
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        let complete = self.trace(keys);
        if self.is_refused() { Err(Refused) } else { Ok(complete) }
    }
}

impl Generational {
    /// Evacuates at least `least` sparse blocks, after a full collection whose sweep found this; see the front of this file.
    /// The nursery is empty, and nothing was allocated since. Does nothing when there are fewer, or the system refuses
    /// memory.
    pub(crate) fn evacuate(&mut self, core: &mut HeapCore, swept: &Swept, least: usize) {
        debug_assert_eq!(self.remembered.len(), 0, "what is remembered would not be updated");
        let elsewhere = core.memory.large.bytes() + core.permanent.written_bytes();
        let alive = (core.statistics.live_bytes as usize).saturating_sub(elsewhere);
        let Some(chosen) = Chosen::choose(&core.memory, swept, alive, self.options.evacuate, least) else { return };
        if core.memory.prepare_occupancy().is_err() || !self.old.epochs.begin_marking() {
            return;
        }
        let Some(occupancy) = &mut core.memory.occupancy else { return };
        let mut evacuation = Evacuation {
            chosen,
            sink: EdgeSink::everything(),
            ahead: Lookahead::default(),
            arrays: Vec::new(),
            movers: Segments::default(),
            leads: Segments::default(),
            most_slots: 0,
            lines: core.memory.lines.clone(),
            units: occupancy.next.clone(),
            epoch: self.old.epochs.now(),
            stamp: self.old.epochs.stamp(),
            refused: false,
            bytes: 0,
        };
        core.every_root().for_each(|root| evacuation.sink.push(root));
        let mut slots = SlotSink::everything();
        let traced = evacuation.trace(&mut NoKeys)
            && core.death.reach(Scope::All, &mut evacuation).is_ok()
            && slots.reserve(evacuation.most_slots);
        core.note_held(self.side_bytes() + evacuation.side_bytes());
        if !traced {
            core.statistics.abandoned_collections += 1;
            core.event(EventKind::Abandoned);
            return;
        }
        debug_assert_eq!(evacuation.bytes, core.statistics.live_bytes, "the same is alive as before");
        self.old.epochs.complete_marking();
        if let Some(occupancy) = &mut core.memory.occupancy {
            occupancy.turn();
        }
        let (chosen, stamp) = (&evacuation.chosen, evacuation.stamp);
        for block in chosen.iter() {
            // Nobody is copied there.
            core.memory.holes.remove(block);
        }
        sweep_blocks(&mut core.memory, &mut self.old.holes, stamp, |block| !chosen.has(block.index()));
        let moved = evacuation.copy_all(&mut core.memory, &mut self.old, &core.identity);
        core.statistics.live_bytes = evacuation.bytes;
        evacuation.update_slots(&mut slots);
        core.update_every_root(|root| *root = evacuation.now(*root));
        let dropped = core.death.bury(Scope::All, &evacuation);
        debug_assert_eq!(dropped, 0, "nothing dies in an evacuation");
        let chosen = &evacuation.chosen;
        sweep_blocks(&mut core.memory, &mut self.old.holes, stamp, |block| chosen.has(block.index()));
        for block in chosen.iter().filter(|&block| core.memory.blocks.kind(block) == BlockKind::Free) {
            core.identity.emptied(block..BlockIndex::new(block.index() + 1));
        }
        debug_assert!(self.old.epochs.are_settled(), "objects or lines of an older marking count as alive");
        core.statistics.evacuations += 1;
        core.statistics.evacuated_bytes += moved as u64;
    }
}
