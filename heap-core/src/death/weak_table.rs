//! Weak cells: how a heap knows which weak pointers to clear.
//!
//! A [`Weak`](crate::Weak) is a *strong* pointer to a small object, the weak cell, one per target (rule R3). Only cells
//! are cleared, so weak pointers cost nothing until their target dies, may be copied freely, and need no list of their
//! own. The table maps each target that has a cell to it; the target's header says so (`SIDE_ENTRY`), so that objects
//! without weak pointers never touch the table. Keys are addresses, therefore every collection brings the entries of the
//! objects it looked at up to date in [`WeakTable::process`].
//!
//! A cell is made after its target, and survivors of a collection are old together, so an old cell never has a young
//! target: a young collection looks only at the cells made since the last one.

use core::cell::Cell;
use std::collections::HashMap;

use super::Scope;
use crate::object::{ObjectRef, SIDE_ENTRY, Shape, TypeInfo};

/// The payload of a weak cell. Its target is not an edge: tracing a cell reports nothing.
#[repr(transparent)]
pub(crate) struct WeakCell {
    target: Cell<Option<ObjectRef>>,
}

const _: () = assert!(size_of::<WeakCell>() == 8);

impl WeakCell {
    pub(crate) const INFO: &'static TypeInfo = &TypeInfo::of::<WeakCellPayload>(Shape::WeakCell);

    pub(crate) fn new(target: ObjectRef) -> Self {
        WeakCell { target: Cell::new(Some(target)) }
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

/// The weak cells of a heap.
#[derive(Default)]
pub struct WeakTable {
    cells: HashMap<ObjectRef, ObjectRef>,
    young: Vec<ObjectRef>,
}

impl WeakTable {
    pub(crate) fn cell_of(&self, target: ObjectRef) -> Option<ObjectRef> {
        self.cells.get(&target).copied()
    }

    pub(crate) fn register(&mut self, target: ObjectRef, cell: ObjectRef) {
        self.cells.insert(target, cell);
        self.young.push(cell);
    }

    /// Number of targets that have a weak cell.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// True when no object has a weak cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Clears the cells of dead targets, forgets dead cells, and follows moved ones. `locate` says where an object is
    /// now, or `None` when it is dead; the memory of dead and moved objects must still be intact.
    pub fn process(&mut self, scope: Scope, mut locate: impl FnMut(ObjectRef) -> Option<ObjectRef>) {
        match scope {
            Scope::Young => {
                for cell in std::mem::take(&mut self.young) {
                    // SAFETY: registered cells are weak cells, and dead memory is still intact here.
                    let target = unsafe { WeakCell::at(cell) }.target();
                    if let Some(target) = target {
                        self.cells.remove(&target);
                        self.update(cell, target, &mut locate);
                    }
                }
            }
            Scope::All => {
                self.young.clear();
                for (target, cell) in std::mem::take(&mut self.cells) {
                    self.update(cell, target, &mut locate);
                }
            }
        }
    }

    fn update(&mut self, cell: ObjectRef, target: ObjectRef, locate: &mut impl FnMut(ObjectRef) -> Option<ObjectRef>) {
        match (locate(cell), locate(target)) {
            (Some(cell), Some(target)) => {
                // SAFETY: the cell is alive at this address.
                unsafe { WeakCell::at(cell) }.target.set(Some(target));
                self.cells.insert(target, cell);
            }
            // SAFETY: the cell is alive at this address.
            (Some(cell), None) => unsafe { WeakCell::at(cell) }.target.set(None),
            // SAFETY: the target is alive at this address.
            (None, Some(target)) => unsafe { clear_side_entry(target) },
            (None, None) => {}
        }
    }

    /// A counting collector found `target` dead.
    ///
    /// # Safety
    /// The object's memory must still be intact, its cell's too.
    pub unsafe fn target_died(&mut self, target: ObjectRef) {
        if let Some(cell) = self.cells.remove(&target) {
            // SAFETY: the table holds weak cells whose memory is intact: a dead cell leaves the table in `cell_died`.
            unsafe { WeakCell::at(cell) }.target.set(None);
        }
    }

    /// A counting collector found the weak cell `cell` dead.
    ///
    /// # Safety
    /// The cell's memory must still be intact, its target's too.
    pub unsafe fn cell_died(&mut self, cell: ObjectRef) {
        // SAFETY: the caller's promise.
        if let Some(target) = unsafe { WeakCell::at(cell) }.target() {
            self.cells.remove(&target);
            // SAFETY: a cell's target is alive: when it dies, the cell is cleared first.
            unsafe { clear_side_entry(target) };
        }
    }
}

unsafe fn clear_side_entry(target: ObjectRef) {
    // SAFETY: the caller promises a live object.
    let header = unsafe { target.header() };
    header.store(header.load().without(SIDE_ENTRY));
}
