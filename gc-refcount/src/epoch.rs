//! The epoch: what was written since the last one becomes counts, and what no count holds dies.
//!
//! Deferred reference counting (Deutsch and Bobrow, 1976) counts only references in the heap and roots. Here "deferred"
//! is exact: at a safepoint no pointer is on the stack, so an object without a counted reference is garbage and needs no
//! zero-count table.
//!
//! 1. **Increments**, in one piece: targets of new roots, then what logged objects refer to now and did not before. The
//!    transition from 0 to 1 is the only one that scans: the object was young, becomes counted, and its referents are
//!    incremented in turn. No decrement has happened yet, so an object that merely moved from one place to another never
//!    looks dead (rule R4).
//! 2. **Decrements**: targets of released roots, and what logged objects referred to before and do not now. An object
//!    that reaches zero is dead, and what it refers to is decremented in turn. One that does not is a candidate for the
//!    [cycle collection](crate::cycles).
//! 3. Cycle collection, if it is due.
//! 4. Weak cells, drop glue ([`HeapCore::process_dead`]). Young objects that were not counted are dead by definition;
//!    only those with a cell or glue are asked about, all others are never touched again.
//! 5. Memory ([`Space::reclaim`](crate::space::Space::reclaim)).
//!
//! An epoch costs what survived it and what was changed in it, not what is alive and not what died young.

use core::ops::Range;

use heap_core::CollectionKind;
use heap_core::collector::object::{SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{HeaderWord, HeapContext, HeapCore, ObjectRef, Scope, Shape, TypeInfo};
use heap_core::events::EventKind;

use crate::RefCount;
use crate::address_hash::ObjectSet;
use crate::count::{BUFFERED, Counts, is_counted};
use crate::cycles::Candidates;
use crate::space::Space;
use crate::work::{Scan, Worklist};

impl RefCount {
    /// One epoch. With `cycles`, garbage cycles are collected too.
    pub(crate) fn epoch(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind, cycles: bool) {
        let RefCount { counts, work, log, space, droppable, candidates, .. } = self;
        let core = &mut *heap.core;
        core.event(EventKind::PrepareGc(kind));

        work.stack().extend(core.roots.created_targets());
        raise(work, counts, space, core);
        let logged = log.settle(work, |work| raise(work, counts, space, core));
        core.event(EventKind::RootsTraced);

        work.stack().extend(core.roots.released());
        log.take_decrements(work);
        lower(work, counts, space, core, droppable, self.cycles.then_some(&mut *candidates));
        core.event(EventKind::HeapTraced);

        let mut exact = false;
        if cycles {
            exact = self.collect_cycles(heap.core);
        } else {
            self.candidates.purge_if_worthwhile(heap.core, &mut self.space);
        }
        self.work.shrink();

        heap.core.process_dead(Scope::Young, |object| {
            // SAFETY: asked about young objects and targets of cells; nothing was reclaimed yet.
            is_counted(unsafe { object.header() }.load()).then_some(object)
        });
        self.droppable.extend(heap.core.drops.take_old());
        heap.core.roots.settle();
        self.space.reclaim(heap);

        heap.core.statistics.epochs += 1;
        let bytes = heap.core.statistics.live_bytes as usize;
        heap.core.event(EventKind::LiveDataSize { bytes });
        self.fresh = false;
        self.exact = exact;
        self.pacing.epoch_ended(heap, logged);
        heap.fast.due.set(self.eager);
    }
}

/// Increments every object that waits, and scans those that were not counted.
fn raise(work: &mut Worklist, counts: &mut Counts, space: &mut Space, core: &mut HeapCore) {
    let mut born = Census::default();
    // SAFETY: what waits is referred to by roots and live objects, and nothing is reclaimed during increments. The
    // scan is the object's own.
    unsafe {
        work.drain(|object| {
            let header = object.header();
            let word = header.load();
            let counted = counts.increment(object, word);
            if is_counted(word) {
                header.store(counted);
                return None;
            }
            let info = word.type_info();
            let (extent, count) = object.measure(info);
            born.add(&extent);
            space.retain(&core.memory, extent, info);
            match info.trace() {
                Some(trace) => {
                    header.store(counted.with(UNLOGGED));
                    Some(Scan { trace, count })
                }
                // Writes to an object without references change no count: it needs no barrier.
                None => {
                    header.store(counted);
                    None
                }
            }
        });
    }
    let statistics = &mut core.statistics;
    statistics.live_objects += born.objects;
    statistics.live_bytes += born.bytes;
    statistics.promoted_bytes += born.bytes;
}

/// Decrements every object that waits, and those that dead objects refer to. With `candidates`, objects that lose a
/// reference and not the last are noted there.
fn lower(
    work: &mut Worklist,
    counts: &mut Counts,
    space: &mut Space,
    core: &mut HeapCore,
    droppable: &mut ObjectSet,
    mut candidates: Option<&mut Candidates>,
) {
    let mut died = Census::default();
    // SAFETY: each object that waits had a reference counted which is gone, so its count is not zero and its memory
    // intact; memory of objects that die here stays intact until the end of the epoch. The scan is the object's own.
    unsafe {
        work.drain(|object| {
            let header = object.header();
            let word = counts.decrement(object, header.load());
            let info = word.type_info();
            if is_counted(word) {
                header.store(word);
                if let Some(candidates) = &mut candidates
                    && !word.has(BUFFERED)
                    // An object without references is on no cycle.
                    && info.trace().is_some()
                {
                    header.store(word.with(BUFFERED));
                    candidates.push(object);
                }
                return None;
            }
            let (extent, count) = object.measure(info);
            died.add(&extent);
            header.store(word);
            bury(core, droppable, object, word, info);
            if let Some(candidates) = &mut candidates
                && word.has(BUFFERED)
            {
                candidates.note_dead(extent.end - extent.start);
            } else {
                space.release(&core.memory, object, extent, info);
            }
            info.trace().map(|trace| Scan { trace, count })
        });
    }
    died.leave(core);
}

/// Objects that became counted, or died: added up while a work list is drained, and entered in the heap's statistics once.
#[derive(Default)]
pub(crate) struct Census {
    objects: u64,
    bytes: u64,
}

impl Census {
    #[inline(always)]
    pub(crate) fn add(&mut self, extent: &Range<usize>) {
        self.objects += 1;
        self.bytes += (extent.end - extent.start) as u64;
    }

    /// These objects are counted no more.
    pub(crate) fn leave(self, core: &mut HeapCore) {
        core.statistics.live_objects -= self.objects;
        core.statistics.live_bytes -= self.bytes;
    }
}

/// What happens to every object that was counted and is dead, apart from its references and its memory: its weak cell
/// is cleared, its drop glue is ordered.
///
/// # Safety
/// The object must have been counted, be intact, with this header and type; once for each object.
#[inline(always)]
pub(crate) unsafe fn bury(
    core: &mut HeapCore,
    droppable: &mut ObjectSet,
    object: ObjectRef,
    word: HeaderWord,
    info: &TypeInfo,
) {
    if word.has(SIDE_ENTRY) || info.shape() == Shape::WeakCell || info.drop().is_some() {
        // SAFETY: the caller's promise.
        unsafe { bury_with_rites(core, droppable, object, word, info) }
    }
}

/// # Safety
/// As for [`bury`].
#[inline(never)]
unsafe fn bury_with_rites(
    core: &mut HeapCore,
    droppable: &mut ObjectSet,
    object: ObjectRef,
    word: HeaderWord,
    info: &TypeInfo,
) {
    if word.has(SIDE_ENTRY) {
        // SAFETY: intact, as is its cell: nothing is reclaimed before the end of the epoch.
        unsafe { core.weak.target_died(object) };
    }
    if info.shape() == Shape::WeakCell {
        // SAFETY: as above, the target's memory too.
        unsafe { core.weak.cell_died(object) };
    }
    // An object that became counted in this very epoch is still on the list of young ones, and its glue runs from there.
    if info.drop().is_some() && droppable.remove(&object) {
        core.drops.condemn(object);
    }
}
