//! The roots: one table of slots, of which the first holds the root object and the others belong to handles.
//!
//! A slot never changes its target between its creation and its release (a moving collector updates the address). So a
//! safepoint need not scan the table: it looks at slots created and objects released since the last one (rule R6), and a
//! counting collector knows for every slot whether it was counted (rule R4): counted exactly when it is no longer in the
//! list of created ones.
//!
//! Handles are dropped wherever the program likes: inside `mutate`, in drop glue during a collection, on another thread,
//! after the heap is gone. So dropping only appends to a log behind a mutex, and [`Roots::synchronize`] reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::object::ObjectRef;

/// Numbers heaps; never reused (rule R6).
static NEXT_HEAP: AtomicU64 = AtomicU64::new(1);

/// What the handles of a heap share with it.
pub(crate) struct HandleLog {
    pub(crate) heap: u64,
    dropped: Mutex<Vec<u32>>,
}

impl HandleLog {
    /// Notes that the last handle on `slot` is gone.
    pub(crate) fn release(&self, slot: u32) {
        // A poisoned log is still a log: pushing and taking a vector leave no broken state behind.
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
}

/// The roots of a heap.
pub struct Roots {
    slots: Vec<Option<ObjectRef>>,
    free: Vec<u32>,
    created: Vec<u32>,
    is_created: Vec<bool>,
    released: Vec<ObjectRef>,
    pub(crate) log: Arc<HandleLog>,
}

/// The slot of the root object.
const ROOT_SLOT: u32 = 0;

impl Roots {
    pub(crate) fn new() -> Self {
        let heap = NEXT_HEAP.fetch_add(1, Ordering::Relaxed);
        Roots {
            // The root's slot exists from the beginning: handles may be made while the root is.
            slots: vec![None],
            free: Vec::new(),
            created: Vec::new(),
            is_created: vec![false],
            released: Vec::new(),
            log: Arc::new(HandleLog { heap, dropped: Mutex::new(Vec::new()) }),
        }
    }

    /// The heap's number, unique for the life of the process.
    pub fn heap_id(&self) -> u64 {
        self.log.heap
    }

    pub(crate) fn set_root(&mut self, object: ObjectRef) {
        debug_assert!(self.root().is_none(), "a heap has one root");
        self.fill(ROOT_SLOT, object);
    }

    pub(crate) fn create(&mut self, object: ObjectRef) -> u32 {
        if self.free.is_empty() && self.slots.len() == self.slots.capacity() {
            // A program that makes and drops handles and allocates nothing never meets a safepoint. The log is read before
            // the table grows, which is seldom enough not to be felt.
            self.synchronize();
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.is_created.push(false);
                u32::try_from(self.slots.len() - 1).expect("more than 2^32 handles")
            }
        };
        self.fill(slot, object);
        slot
    }

    fn fill(&mut self, slot: u32, object: ObjectRef) {
        self.slots[slot as usize] = Some(object);
        self.is_created[slot as usize] = true;
        self.created.push(slot);
    }

    pub(crate) fn get(&self, slot: u32) -> ObjectRef {
        self.slots[slot as usize].expect("a handle keeps its slot")
    }

    /// The root object, once the heap has one.
    pub fn root(&self) -> Option<ObjectRef> {
        self.slots.first().copied().flatten()
    }

    /// Reads the log of dropped handles. Slots that were created and dropped since the last safepoint vanish without a
    /// trace; for the others the object is listed in [`released`](Self::released).
    pub(crate) fn synchronize(&mut self) {
        let dropped = std::mem::take(&mut *self.log.dropped.lock().unwrap_or_else(PoisonError::into_inner));
        let mut vanished = false;
        for slot in dropped {
            let object = self.slots[slot as usize].take().expect("a handle is released once");
            if std::mem::replace(&mut self.is_created[slot as usize], false) {
                vanished = true;
            } else {
                self.released.push(object);
            }
            self.free.push(slot);
        }
        if vanished {
            let slots = &self.slots;
            self.created.retain(|&slot| slots[slot as usize].is_some());
        }
    }

    /// Copies of the targets of the slots filled since the last [`settle`](Self::settle).
    pub fn created_targets(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.created.iter().filter_map(|&slot| self.slots[slot as usize])
    }

    /// Updates the slots filled since the last [`settle`](Self::settle).
    pub fn update_created(&mut self, mut update: impl FnMut(&mut ObjectRef)) {
        for &slot in &self.created {
            if let Some(object) = &mut self.slots[slot as usize] {
                update(object);
            }
        }
    }

    /// Objects that lost a root that had been settled.
    pub fn released(&self) -> &[ObjectRef] {
        &self.released
    }

    /// The collector has taken note of all created and released slots.
    pub fn settle(&mut self) {
        for slot in self.created.drain(..) {
            self.is_created[slot as usize] = false;
        }
        self.released.clear();
    }

    /// Every root.
    pub fn iter(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.slots.iter().copied().flatten()
    }

    /// Every root's slot, for a collector that moves objects.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut ObjectRef> {
        self.slots.iter_mut().flatten()
    }

    /// Number of live handles, the root not counted.
    pub fn handles(&self) -> usize {
        self.slots[ROOT_SLOT as usize + 1..].iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;

    /// Safepoints follow allocation, so there may be none for as long as a program only passes handles around.
    #[test]
    fn handles_that_come_and_go_without_a_safepoint_use_the_same_slots() {
        let object = |address: usize| ObjectRef::new(NonNull::without_provenance(address.try_into().unwrap()));
        let mut roots = Roots::new();
        roots.set_root(object(8));
        let kept: Vec<u32> = (0..10).map(|n| roots.create(object(16 + 8 * n))).collect();
        roots.settle();
        let settled = roots.create(object(800));
        roots.settle();
        roots.log.release(settled);
        for _ in 0..100_000 {
            let slot = roots.create(object(1600));
            assert_eq!(roots.get(slot), object(1600));
            roots.log.release(slot);
        }
        assert!(roots.slots.len() < 100, "{} slots for {} handles", roots.slots.len(), kept.len());
        roots.synchronize();
        assert_eq!(roots.released(), [object(800)], "what no safepoint saw has left no trace, and what one saw has");
        assert_eq!(roots.created_targets().count(), 0);
        assert_eq!(roots.handles(), kept.len());
        for (n, slot) in kept.into_iter().enumerate() {
            assert_eq!(roots.get(slot), object(16 + 8 * n));
        }
    }
}
