//! The epoch: what was written since the last one becomes counts, and what no count holds dies.
//!
//! Deferred reference counting (Deutsch and Bobrow, 1976) counts only references in the heap and roots. Here "deferred"
//! is exact: at a safepoint no pointer is on the stack, so an object without a counted reference is garbage and needs no
//! zero-count table.
//!
//! 1. **Increments**, in one piece: targets of new roots, then what logged objects refer to now and did not before. The
//!    transition from 0 to 1 is the only one that scans: the object was young, becomes counted, and its referents are
//!    incremented in turn. No decrement has happened yet, so an object that merely moved from one place to another never
//!    looks dead (rule R4). At their end, the values of ephemerons whose keys are counted, and young objects with
//!    finalizers, with all that they lead to ([`Death::reach`]).
//! 2. **Decrements**: targets of released roots, and what logged objects referred to before and do not now. An object
//!    that reaches zero is dead, and what it refers to is decremented in turn. One that does not is a candidate for the
//!    [cycle collection](crate::cycles).
//! 3. Cycle collection, if it is due.
//! 4. What survived may [move](crate::copying).
//! 5. Weak cells, drop glue ([`Death::bury`]). Young objects that were not counted are dead by definition; only those
//!    with a cell or glue are asked about, all others are never touched again.
//! 6. Memory ([`Space::reclaim`](crate::space::Space::reclaim)).
//!
//! An epoch costs what survived it and what was changed in it, not what is alive and not what died young.

use core::cell::RefCell;

use heap_core::CollectionKind;
use heap_core::Statistics;
use heap_core::collector::memory::{LineTable, Memory};
use heap_core::collector::object::{FINALIZABLE, SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{
    Closure, Collector, Death, HeapContext, HeapCore, Intact, Keys, Measured, NoKeys, ObjectRef, Refused, Scope,
};
use heap_core::events::EventKind;

use crate::RefCount;
use crate::copying::Survivors;
use crate::count::{BUFFERED, Counts, is_counted};
use crate::cycles::Candidates;
use crate::log::Log;
use crate::space::Space;
use crate::work::Worklist;

/// Bytes of free memory that an epoch gives back at the most: about a millisecond's worth.
const TRIM: usize = 4 << 20;

impl RefCount {
    /// One epoch. With `cycles`, garbage cycles are collected too.
    pub(crate) fn epoch(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind, cycles: bool) {
        // What a program does not use costs it nothing: the loops exist with and without copying.
        if self.copies && self.pacing.copying_pays() {
            self.epoch_in_which::<true>(heap, kind, cycles);
        } else {
            self.epoch_in_which::<false>(heap, kind, cycles);
        }
    }

    /// One epoch, in which survivors move or not.
    fn epoch_in_which<const COPIES: bool>(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind, cycles: bool) {
        let core = &mut *heap.core;
        core.event(EventKind::PrepareGc(kind));

        let RefCount { counts, work, log, space, candidates, survivors, .. } = self;
        let HeapCore { memory, roots, death, statistics, .. } = core;
        work.stack().extend(roots.created_targets());
        let lines = memory.lines.clone();
        let mut increments = Increments::<COPIES> { counts, work, space, survivors, memory, statistics };
        let logged = increments.settle(log, &lines);
        let reached = death.reach(Scope::Young, &mut increments);
        debug_assert!(reached.is_ok(), "counting insists on its memory");
        core.event(EventKind::RootsTraced);

        work.stack().extend(core.roots.released());
        work.stack().extend(core.death.finalizers.released());
        log.take_decrements(work);
        lower(work, counts, space, core, self.cycles.then_some(&mut *candidates));
        core.event(EventKind::HeapTraced);

        let mut exact = false;
        if cycles {
            exact = self.collect_cycles(heap.core);
        } else {
            self.candidates.purge_if_worthwhile(heap.core, &mut self.space);
        }
        heap.core.note_held(self.side_bytes());
        self.work.shrink();
        if COPIES {
            if self.pacing.few_survived(heap) {
                let moved = self.survivors.move_all(heap.core, &mut self.space);
                heap.core.statistics.evacuated_bytes += moved as u64;
            }
            self.survivors.forget();
        }

        let HeapCore { memory, death, statistics, .. } = &mut *heap.core;
        let RefCount { counts, work, space, survivors, .. } = self;
        let young = death.weak.young();
        let closure = Increments::<COPIES> { counts, work, space, survivors, memory, statistics };
        let dropped = death.bury(Scope::Young, &closure);
        self.pacing.note_cells(young, death.weak.kept());
        heap.core.buried(Scope::Young, dropped);
        if exact || kind == CollectionKind::Full {
            heap.core.recount_outside();
        }
        heap.core.roots.settle();
        self.space.reclaim(heap);
        if exact {
            self.pacing.cycles_collected(heap);
            heap.full_done(self.looked_at);
            if self.space.is_crowded(heap.core) {
                self.become_exact_everywhere(heap.core);
            }
        }

        heap.core.statistics.epochs += 1;
        heap.core.statistics.live_as_of = Some(heap.fast.allocated_bytes());
        let bytes = heap.core.statistics.live_bytes as usize;
        heap.core.event(EventKind::LiveDataSize { bytes });
        self.fresh = false;
        self.exact = exact;
        self.pacing.epoch_ended(heap, logged);
        self.space.prefer_fresh(self.copies && self.pacing.fresh_blocks_pay(heap.core));
        let surplus = heap.core.memory.blocks.surplus(self.pacing.keep_free());
        heap.core.memory.blocks.decommit_some(surplus.min(TRIM));
        heap.fast.due.set(self.eager);
    }
}

/// The increments of an epoch: its closure. With `COPIES`, what becomes counted is listed.
struct Increments<'e, const COPIES: bool> {
    counts: &'e mut Counts,
    work: &'e mut Worklist,
    space: &'e mut Space,
    survivors: &'e mut Survivors,
    memory: &'e Memory,
    statistics: &'e mut Statistics,
}

impl<const COPIES: bool> Increments<'_, COPIES> {
    /// Increments what waits, and what logged objects refer to now and did not before. Returns the bytes of references that
    /// had been copied to the log.
    fn settle(&mut self, log: &mut Log, lines: &LineTable) -> usize {
        let Increments { counts, work, space, survivors, memory, statistics } = self;
        let survivors = RefCell::new(survivors);
        let drain = |work: &mut Worklist| {
            let survivors = &mut **survivors.borrow_mut();
            Increments::<COPIES> { counts, work, space, survivors, memory, statistics }.make(&mut NoKeys);
        };
        log.settle(lines, work, drain, |object, cards| {
            if COPIES {
                let mut survivors = survivors.borrow_mut();
                match cards {
                    None => survivors.list_written(object),
                    Some(cards) => survivors.list_cards(lines, object, cards),
                }
            }
        })
    }

    /// Increments every object that waits, and scans those that were not counted. False when it stopped because `keys` is
    /// full.
    fn make<K: Keys>(&mut self, keys: &mut K) -> bool {
        let Increments { counts, work, space, survivors, memory, statistics } = self;
        let mut born = Census::default();
        // SAFETY: what waits is referred to by roots and live objects, or was brought back before anything died; nothing is
        // reclaimed or moved during increments.
        let waiting = unsafe { work.waiting() };
        let complete = waiting.drain(keys, |object, _, keys| {
            let (header, word) = (object.header(), object.word());
            let counted = counts.increment(object.reference(), word);
            if is_counted(word) {
                header.store(counted);
                return None;
            }
            if K::WANTED && word.has(SIDE_ENTRY) {
                keys.report(object.reference());
            }
            if COPIES {
                survivors.list(object.reference());
            }
            let measured = object.measure();
            born.add(&measured);
            space.retain(memory, measured.extent(), object.info());
            match object.info().trace() {
                Some(_) => {
                    header.store(counted.with(UNLOGGED));
                    Some(measured)
                }
                // Writes to an object without references change no count: it needs no barrier.
                None => {
                    header.store(counted);
                    None
                }
            }
        });
        statistics.live_objects += born.objects;
        statistics.live_bytes += born.bytes;
        statistics.promoted_bytes += born.bytes;
        complete
    }
}

// SAFETY: what is counted is not reclaimed, and `drain` counts all that it leads to. It moves when everything was reached,
// and its header says where to.
unsafe impl<const COPIES: bool> Closure for Increments<'_, COPIES> {
    const COUNTS: bool = true;
    const MOVES_LAST: bool = COPIES;

    #[inline]
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        if COPIES && let Some(now) = object.header().load().forwarded() {
            return Some(now);
        }
        is_counted(object.header().load()).then_some(object.reference())
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        if COPIES {
            // A table knows its address: it stays.
            object.header().insert(SIDE_ENTRY);
        }
        self.work.stack().push(object.reference());
        Ok(object.reference())
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        Ok(self.make(keys))
    }
}

/// Decrements every object that waits, and those that dead objects refer to. With `candidates`, objects that lose a
/// reference and not the last are noted there.
fn lower(
    work: &mut Worklist,
    counts: &mut Counts,
    space: &mut Space,
    core: &mut HeapCore,
    mut candidates: Option<&mut Candidates>,
) {
    let HeapCore { memory, death, statistics, .. } = core;
    let mut died = Census::default();
    // SAFETY: each object that waits had a reference counted which is gone, so its count is not zero and its memory
    // intact; memory of objects that die here stays intact until the end of the epoch.
    let waiting = unsafe { work.waiting() };
    waiting.drain(&mut NoKeys, |object, stack, _| {
        let (header, info) = (object.header(), object.info());
        let word = counts.decrement(object.reference(), object.word());
        if is_counted(word) {
            header.store(word);
            if let Some(candidates) = &mut candidates
                    && !word.has(BUFFERED)
                    // An object without references is on no cycle, unless it is the key of an ephemeron, or one.
                    && (info.trace().is_some() || word.has(SIDE_ENTRY))
            {
                header.store(word.with(BUFFERED));
                candidates.push(object.reference());
            }
            return None;
        }
        if Death::concerns(object) {
            if death.intercept(object) {
                header.store(counts.increment(object.reference(), word).without(FINALIZABLE));
                return None;
            }
            death.died(object, &mut |held| stack.push(held));
        }
        let measured = object.measure();
        died.add(&measured);
        header.store(word);
        if let Some(candidates) = &mut candidates
            && word.has(BUFFERED)
        {
            candidates.note_dead(measured.bytes());
        } else {
            space.release(memory, object.reference(), measured.extent(), info);
        }
        Some(measured)
    });
    died.leave(statistics);
}

/// Objects that became counted, or died: added up while a work list is drained, and entered in the heap's statistics once.
#[derive(Default)]
pub(crate) struct Census {
    objects: u64,
    bytes: u64,
}

impl Census {
    #[inline(always)]
    pub(crate) fn add(&mut self, measured: &Measured<'_>) {
        self.objects += 1;
        self.bytes += measured.bytes() as u64;
    }

    /// These objects are counted no more.
    pub(crate) fn leave(self, statistics: &mut Statistics) {
        statistics.live_objects -= self.objects;
        statistics.live_bytes -= self.bytes;
    }
}
