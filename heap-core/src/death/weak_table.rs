//! Weak cells: how a heap knows which weak pointers to clear.
//!
//! A [`Weak`](crate::Weak) is a *strong* pointer to a small object, the weak cell, one per target (rule R3). Only cells
//! are cleared, so weak pointers cost nothing until their target dies, may be copied freely, and need no list of their
//! own.
//!
//! *What it represents.* A list of pairs, target and cell, the young ones behind the old ones; every collection walks
//! the pairs that it concerns, in place. A target's header says that there may be a cell (`SIDE_ENTRY`), so the first
//! downgrade of an object appends a pair and looks nothing up. Most weak pointers are made once for an object that dies
//! soon, with its cell, and cost their share of a walk through the list.
//!
//! *The index*, target to cell, is needed when an object is downgraded *again*, or dies in a counting collector. It is
//! made of the list, as far as it was not yet, when somebody asks. The index of the young is forgotten with the list's
//! back; that of the old loses what dies, before its memory is reused. (Every first downgrade used to enter a hash
//! table, and every collection rebuilt the table: 330 nanoseconds a weak pointer.)
//!
//! *Where targets lie at random* the walk costs three times as much: 632 000 pairs, targets in 40 MB, 6.6 milliseconds,
//! of which 4.5 are the targets' headers, 7 nanoseconds for each. Without asking for the headers in advance it takes 20
//! more; it makes no difference whether that is done 20 pairs ahead, 32, 48, 64 or 100. A full collection with them
//! takes 1.8 times that with as many small objects in their place, 1.27 where all lies in order; it would take 1.4
//! times if targets were not looked at.
//!
//! A cell is made after its target, and survivors of a collection are old together, so an old cell never has a young
//! target: a young collection looks only at the pairs made since the last one.

use core::cell::Cell;
use std::collections::TryReserveError;

use super::{Scope, registered};
use crate::engine::Closure;
use crate::error::AllocError;
use crate::memory::Aged;
use crate::object::{Object, ObjectMap, ObjectRef, SIDE_ENTRY, Shape, TypeInfo, prefetch};

/// The payload of a weak cell. Its target is not an edge: tracing a cell reports nothing.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct WeakCell {
    target: Cell<Option<ObjectRef>>,
}

const _: () = assert!(size_of::<WeakCell>() == 8);

impl WeakCell {
    pub(crate) const INFO: &'static TypeInfo = &TypeInfo::of::<WeakCellPayload>(Shape::WeakCell);

    /// Gives an empty cell its target.
    pub(crate) fn bind(&self, target: ObjectRef) {
        debug_assert!(self.target.get().is_none());
        self.target.set(Some(target));
    }

    pub(crate) fn target(&self) -> Option<ObjectRef> {
        self.target.get()
    }

    /// # Safety
    /// `cell` must be a weak cell whose memory is intact.
    pub(crate) unsafe fn at<'a>(cell: ObjectRef) -> &'a WeakCell {
        // SAFETY: the caller's promise; a weak cell's payload is a `WeakCell`.
        unsafe { cell.payload().cast::<WeakCell>().as_ref() }
    }
}

/// Has the layout of a [`WeakCell`] and, unlike it, a `Trace` implementation: the one for plain words.
type WeakCellPayload = u64;

#[derive(Clone, Copy)]
struct Pair {
    target: ObjectRef,
    cell: ObjectRef,
}

/// Target to cell, for the pairs up to one of them.
#[derive(Default)]
struct Index {
    cells: ObjectMap<ObjectRef>,
    /// Number of the first pair that is not in it.
    upto: usize,
}

impl Index {
    /// Enters the pairs up to `end`.
    fn extend(&mut self, pairs: &Aged<Pair>, end: usize) -> Result<(), TryReserveError> {
        self.cells.try_reserve(end - self.upto)?;
        self.cells.extend((self.upto..end).map(|index| (pairs.get(index).target, pairs.get(index).cell)));
        self.upto = end;
        Ok(())
    }

    /// Forgets everything, and the memory for it when it is much.
    fn reset(&mut self, upto: usize) {
        self.cells.clear();
        self.cells.shrink_to(1 << 10);
        self.upto = upto;
    }
}

/// The weak cells of a heap.
#[derive(Default)]
pub struct WeakTable {
    /// In a counting heap only the young.
    pairs: Aged<Pair>,
    young: Index,
    /// In a counting heap complete, but for what is `dying`.
    old: Index,
    /// In a counting heap, during a pause: targets that died, or whose cells did, and that `old` may still name. A burial
    /// begins with them, so while the program runs there are none.
    dying: Dying,
    /// How many of the pairs that the last burial looked at it kept.
    kept: usize,
}

/// The next targets that leave an index of the old.
///
/// Those that die in an epoch lie at random in the index, which is larger than the caches. Looked up one by one, amidst
/// everything else that a death is, each is waited for; of a batch all are on their way at once. (A million nodes with a
/// weak pointer each, a million of which are replaced: 748 ms of processor time one by one, 665 so. In profiles this was
/// 21 %, and is 7.)
struct Dying {
    targets: [Option<ObjectRef>; Self::BATCH],
    len: usize,
}

impl Default for Dying {
    fn default() -> Self {
        Dying { targets: [None; Self::BATCH], len: 0 }
    }
}

impl Dying {
    const BATCH: usize = 32;
}

impl WeakTable {
    /// Bytes of the table.
    pub(super) fn side_bytes(&self) -> usize {
        let indexed = self.young.cells.capacity() + self.old.cells.capacity();
        self.pairs.memory_bytes() + indexed * (size_of::<(ObjectRef, ObjectRef)>() + 1)
    }

    /// How many cells were made since the last collection.
    pub fn young(&self) -> usize {
        self.pairs.len() - self.pairs.old()
    }

    /// How many of the cells that the last burial looked at have survived it. In a counting heap, of those that were young.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// The cell of a target whose header says that there may be one.
    ///
    /// # Errors
    /// When the system refuses memory for the index.
    pub(crate) fn cell_of(&mut self, target: ObjectRef) -> Result<Option<ObjectRef>, AllocError> {
        debug_assert_eq!(self.dying.len, 0, "a burial must follow each death before the program goes on");
        let (old, len) = (self.pairs.old(), self.pairs.len());
        self.young.upto = self.young.upto.max(old);
        self.young.extend(&self.pairs, len).map_err(|_| AllocError::REFUSED)?;
        if let Some(&cell) = self.young.cells.get(&target) {
            return Ok(Some(cell));
        }
        self.old.extend(&self.pairs, old).map_err(|_| AllocError::REFUSED)?;
        Ok(self.old.cells.get(&target).copied())
    }

    /// Makes room for one pair more, through the next collection too. With `counts`, for a counting heap.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve(&mut self, counts: bool) -> Result<(), AllocError> {
        self.pairs.reserve().map_err(|_| AllocError::REFUSED)?;
        if counts {
            // The young that survive are entered there.
            self.old.cells.try_reserve(self.pairs.len() + 1).map_err(|_| AllocError::REFUSED)?;
        }
        Ok(())
    }

    /// Enters a pair, for which there is room.
    pub(crate) fn register(&mut self, target: ObjectRef, cell: ObjectRef) {
        self.pairs.push(Pair { target, cell });
    }

    /// The targets that have cells.
    pub(super) fn known(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.pairs.iter_from(0).map(|pair| pair.target).chain(self.old.cells.keys().copied())
    }

    /// The cells themselves.
    pub(super) fn cells(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.pairs.iter_from(0).map(|pair| pair.cell).chain(self.old.cells.values().copied())
    }

    /// A burial begins. Gives the number of the first pair that it concerns.
    pub(super) fn begin_burial(&mut self, scope: Scope) -> usize {
        let first = scope.start(self.pairs.old());
        self.take_dying();
        self.kept = 0;
        self.forget_young();
        first
    }

    /// Everything is old, as far as it will be there.
    fn forget_young(&mut self) {
        self.pairs.age();
        self.young.reset(self.pairs.len());
    }

    /// Of the next `most` pairs from `at` on, clears the cells of dead targets, forgets those of dead cells, and
    /// follows moved ones. With `shared`, an object without a cell may have another side entry. Returns where to go on.
    pub(super) fn bury_some<C: Closure>(&mut self, at: usize, most: usize, closure: &C, shared: bool) -> usize {
        let WeakTable { pairs, young, old, kept, .. } = self;
        let mut moved = false;
        let ahead = |pair: Pair| {
            prefetch(pair.target);
            prefetch(pair.cell);
        };
        let at = pairs.retain_next(at, most, ahead, |index, Pair { target, cell }| {
            let now = (closure.locate(registered(target)), closure.locate(registered(cell)));
            if let (Some(target_now), Some(cell_now)) = now {
                if target_now != target {
                    // SAFETY: the cell is alive at this address.
                    unsafe { WeakCell::at(cell_now) }.target.set(Some(target_now));
                }
                *kept += 1;
                if C::COUNTS {
                    old.cells.insert(target, cell);
                    return None;
                }
                moved |= index < old.upto && (target_now, cell_now) != (target, cell);
                return Some(Pair { target: target_now, cell: cell_now });
            }
            if index < old.upto {
                old.cells.remove(&target);
                old.upto -= 1;
            }
            // What the index of the young names was made since the burial began. It is alive, and gets a lower number.
            young.upto = young.upto.saturating_sub(1);
            match now {
                // SAFETY: the cell is alive at this address.
                (None, Some(cell)) => unsafe { WeakCell::at(cell) }.target.set(None),
                (Some(target), None) if !shared => registered(target).header().remove(SIDE_ENTRY),
                _ => {}
            }
            None
        });
        if moved {
            // Old objects seldom move. The index is made again when somebody asks.
            old.reset(0);
        }
        if at == pairs.len() {
            self.forget_young();
        }
        at
    }

    /// Pairs from `at` on.
    pub(super) fn left(&self, at: usize) -> usize {
        self.pairs.len() - at
    }

    /// A counting collector's object is dead. Its cell is cleared when the burial begins, at the latest.
    pub(super) fn died(&mut self, object: Object<'_>, shared: bool) {
        let target = if object.info().shape() == Shape::WeakCell {
            // SAFETY: a weak cell, intact.
            let Some(target) = (unsafe { WeakCell::at(object.reference()) }).target.take() else { return };
            // A target that died before its cell has not been reused: it is dying, or has cleared the cell.
            if !shared {
                registered(target).header().remove(SIDE_ENTRY);
            }
            target
        } else if object.word().has(SIDE_ENTRY) {
            object.reference()
        } else {
            return;
        };
        self.dying.targets[self.dying.len] = Some(target);
        self.dying.len += 1;
        if self.dying.len == Dying::BATCH {
            self.take_dying();
        }
    }

    /// What is dying leaves the index of the old, and its cells are cleared.
    fn take_dying(&mut self) {
        let WeakTable { old, dying, .. } = self;
        let targets = &dying.targets[..core::mem::take(&mut dying.len)];
        let mut cells = [None; Dying::BATCH];
        // By itself, because nothing in it waits for what another one finds.
        for (cell, target) in cells.iter_mut().zip(targets) {
            *cell = target.and_then(|target| old.cells.get(&target).copied());
        }
        for (cell, target) in cells.iter().zip(targets) {
            // One whose target and cell both die is here twice.
            if let (Some(cell), Some(target)) = (cell, target)
                && old.cells.remove(target).is_some()
            {
                // SAFETY: the table holds weak cells whose memory is intact: a dead one leaves it before memory is reused.
                unsafe { WeakCell::at(*cell) }.target.set(None);
            }
        }
    }
}

/// For mistakes that are made on purpose.
#[cfg(feature = "conformance")]
impl WeakTable {
    /// An object with a weak cell, and the cell.
    pub(crate) fn some(&self) -> Option<(ObjectRef, ObjectRef)> {
        let young = self.pairs.iter_from(0).map(|pair| (pair.target, pair.cell));
        young.chain(self.old.cells.iter().map(|(&target, &cell)| (target, cell))).next()
    }

    /// Clears a cell of the table, whether its object lives or not.
    pub(crate) fn clear(&self, cell: ObjectRef) {
        // SAFETY: cells of the table are intact.
        unsafe { WeakCell::at(cell) }.target.set(None);
    }
}
