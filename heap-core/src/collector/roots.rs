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

use super::object::ObjectRef;

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
