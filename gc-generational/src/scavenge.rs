//! The minor collection by copying: survivors move out of the nursery, which is empty afterwards.
//!
//! Roots are the handle slots filled since the last collection and the slots of remembered objects; slots that lead
//! elsewhere than into the nursery are dropped by the sink's range compare before anyone looks at them. Survivors are
//! copied depth-first with an explicit stack of *slots* (a slot is where a pointer must be updated), so an object ends
//! up next to what it points at. All survivors become old at once: no object is copied twice, and no old object points
//! at a young one afterwards, which is what keeps weak cells and drop lists simple.
//!
//! *Why not Cheney's scan, which needs no stack.* The old space is holes; objects with padding or lengths in front
//! cannot be found by walking it, and breadth-first order scatters lists and trees.
//!
//! *What can fail.* Nothing, once it began: memory for the worst case was prepared, and the stack has room for every
//! slot that can lie in the nursery. (Slots in a `Vec` owned by a young object come on top; if the system refuses the
//! stack memory for those, the process aborts as it does for any vector.)

use core::ops::Range;

use heap_core::collector::memory::Memory;
use heap_core::collector::object::{HASH_ASKED, SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{Closure, Identity, Intact, Keys, Measured, NoKeys, Object, ObjectRef, Refused, Relocation};

use crate::old::OldSpace;
use crate::remember::Card;

/// Elements of a large array whose slots are visited at a time: bounds the stack by arrays, not by their lengths.
const PIECE: usize = 1024;

/// A minor collection in progress. With `HASHES`, there are young objects that were asked for their identity hash: the
/// loop for all other collections does not look.
pub(crate) struct Scavenger<'h, const HASHES: bool> {
    /// Where young objects are.
    pub(crate) young: Range<usize>,
    pub(crate) memory: &'h mut Memory,
    pub(crate) old: &'h mut OldSpace,
    pub(crate) identity: &'h Identity,
    pub(crate) slots: Relocation<'h>,
    /// Arrays with elements not yet visited: the array, and the next element.
    pub(crate) arrays: Vec<(Object<'h>, usize)>,
    /// Bytes copied.
    pub(crate) bytes: usize,
}

impl<'h, const HASHES: bool> Scavenger<'h, HASHES> {
    /// Where the object is now: copies it unless that was done. It is young, or was.
    #[inline(always)]
    pub(crate) fn evacuate<K: Keys>(&mut self, object: Intact<'h>, keys: &mut K) -> ObjectRef {
        let object = match object.look() {
            Ok(object) => object,
            Err(now) => return now,
        };
        match object.measure_small() {
            Some(object) => self.copy(&object, keys),
            None => self.copy_other(object, keys),
        }
    }

    /// Copies an object of any size. Apart, because the loop has 77 instructions for a small object when it need not
    /// bring both kinds together, and 88 when it does.
    #[inline(never)]
    fn copy_other<K: Keys>(&mut self, object: Object<'h>, keys: &mut K) -> ObjectRef {
        self.copy(&object.measure(), keys)
    }

    #[inline(always)]
    fn copy<K: Keys>(&mut self, object: &Measured<'h>, keys: &mut K) -> ObjectRef {
        let word = object.object().word();
        if HASHES && word.has(HASH_ASKED) {
            return self.evacuate_asked(object, keys);
        }
        let payload = match self.old.allocate(self.memory, object.request()) {
            Ok(payload) => payload,
            Err(_) => out_of_reserve(),
        };
        // SAFETY: the place was just found for an object like this one.
        let now = unsafe { object.move_to(payload, self.old.epochs.now().put_on(word).with(UNLOGGED)) };
        self.bytes += object.bytes();
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object.object().reference());
        }
        self.visit(&now);
        now.object().reference()
    }

    /// Copies an object that was asked for its identity hash, and puts that behind the copy.
    #[cold]
    #[inline(never)]
    fn evacuate_asked<K: Keys>(&mut self, object: &Measured<'h>, keys: &mut K) -> ObjectRef {
        let Ok(payload) = self.old.allocate(self.memory, object.request_with_hash()) else { out_of_reserve() };
        let word = object.object().word();
        let hash = self.identity.of_place(object.object().reference());
        // SAFETY: the place was just found for an object like this one and its hash.
        let now = unsafe { object.move_with_hash(payload, self.old.epochs.now().put_on(word).with(UNLOGGED), hash) };
        self.bytes += now.bytes();
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object.object().reference());
        }
        self.visit(&now);
        now.object().reference()
    }

    /// Pushes the object's slots that lead into the nursery.
    #[inline(always)]
    fn visit(&mut self, object: &Measured<'h>) {
        if object.count() > PIECE && object.info().relocate().is_some() {
            self.arrays.push((object.object(), 0));
        } else {
            self.slots.visit(object);
        }
    }

    /// Updates the slots of an old object that may lead into the nursery. They were not visited in this collection.
    pub(crate) fn visit_old(&mut self, object: Object<'h>) {
        self.visit(&object.measure());
        self.drain();
    }

    /// Updates the slots in a dirty card of an array.
    pub(crate) fn visit_card(&mut self, array: Object<'h>, card: Card) {
        self.slots.visit_elements(array, card.elements(&self.memory.lines, array));
        self.drain();
    }

    /// Copies everything that the pending slots reach.
    pub(crate) fn drain(&mut self) {
        self.drain_reporting(&mut NoKeys);
    }

    /// As [`drain`](Self::drain), and reports the keys that it copies. False when it stopped because `keys` is full.
    fn drain_reporting<K: Keys>(&mut self, keys: &mut K) -> bool {
        loop {
            while let Some(slot) = self.slots.take() {
                // The sink keeps only slots that lead into the nursery, and no slot is reported twice.
                let now = self.evacuate(slot.target(), keys);
                slot.set(now);
                if keys.is_full() {
                    return false;
                }
            }
            let Some((array, from)) = self.arrays.pop() else { return true };
            let count = array.count();
            let piece = PIECE.min(count - from);
            if from + piece < count {
                self.arrays.push((array, from + piece));
            }
            self.slots.visit_elements(array, from..from + piece);
        }
    }
}

// SAFETY: what is young and reached was copied, and `drain` copies all that it leads to. Everything else is old, and no
// old object dies in a minor collection.
unsafe impl<const HASHES: bool> Closure for Scavenger<'_, HASHES> {
    #[inline]
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        if self.young.contains(&object.reference().address()) {
            object.header().load().forwarded()
        } else {
            Some(object.reference())
        }
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        if !self.young.contains(&object.reference().address()) {
            return Ok(object.reference());
        }
        // SAFETY: the same look for longer: nothing of the nursery is reused before the collection is over, and the
        // program is stopped.
        let object = unsafe { Intact::at(object.reference()) };
        Ok(self.evacuate(object, &mut NoKeys))
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        Ok(self.drain_reporting(keys))
    }
}

/// There is no way back from the middle of a copying collection.
#[cold]
#[inline(never)]
fn out_of_reserve() -> ! {
    eprintln!("gc-generational: a copying collection needed more memory than its worst case; this is a bug");
    std::process::abort()
}
