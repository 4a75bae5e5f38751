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

use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr::NonNull;

use heap_core::collector::memory::Memory;
use heap_core::collector::object::{OBJECT_ALIGN, SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{
    AllocRequest, Closure, HeaderWord, Intact, Keys, NoKeys, Object, ObjectRef, Refused, SlotSink, TypeInfo,
};

use crate::old::OldSpace;
use crate::remember::Card;

/// Elements of a large array whose slots are visited at a time: bounds the stack by arrays, not by their lengths.
const PIECE: usize = 1024;

/// A minor collection in progress.
pub(crate) struct Scavenger<'h> {
    /// Where young objects are.
    pub(crate) young: Range<usize>,
    pub(crate) memory: &'h mut Memory,
    pub(crate) old: &'h mut OldSpace,
    pub(crate) sink: &'h mut SlotSink,
    /// Arrays with elements not yet visited: the array, and the next element.
    pub(crate) arrays: Vec<(ObjectRef, usize)>,
    /// Bytes copied.
    pub(crate) bytes: usize,
}

impl Scavenger<'_> {
    /// Copies what `slot` leads to, if it is young and was not copied yet, and updates the slot.
    ///
    /// # Safety
    /// The slot leads to a young object.
    #[inline(always)]
    unsafe fn update<K: Keys>(&mut self, slot: NonNull<ObjectRef>, keys: &mut K) {
        // SAFETY: the slot lies in an object that was reported by `relocate` and not borrowed since.
        let object = unsafe { slot.read() };
        // SAFETY: the target is young and reachable; memory of moved objects stays intact until the end.
        let now = unsafe { self.evacuate(object, keys) };
        // SAFETY: as for the read; nobody else accesses the object during the pause.
        unsafe { slot.write(now) };
    }

    /// Where the object is now: copies it unless that was done.
    ///
    /// # Safety
    /// The object is young and reachable, or was copied in this collection.
    #[inline(always)]
    pub(crate) unsafe fn evacuate<K: Keys>(&mut self, object: ObjectRef, keys: &mut K) -> ObjectRef {
        // SAFETY: the caller's promise.
        let header = unsafe { object.header() };
        let word = header.load();
        if let Some(now) = word.forwarded() {
            return now;
        }
        // SAFETY: not forwarded.
        let info = unsafe { word.type_info() };
        // SAFETY: live, of this type.
        let (extent, count) = unsafe { object.measure(info) };
        let (prefix, bytes) = (object.address() - extent.start, extent.end - extent.start);
        let request = AllocRequest { bytes, prefix, align: info.align().max(OBJECT_ALIGN) };
        let payload = match self.old.allocate(self.memory, request) {
            Ok(payload) => payload,
            Err(_) => out_of_reserve(),
        };
        let now = ObjectRef::new(payload);
        // SAFETY: `bytes` bytes from the start of the prefix belong to the young object; as many at the new place are
        // ours and fresh. Both starts are multiples of eight.
        unsafe { copy(object.payload().byte_sub(prefix), payload.byte_sub(prefix), bytes) };
        // SAFETY: the copy has a header now.
        unsafe { now.header() }.store(self.old.epochs.now().put_on(word).with(UNLOGGED));
        header.store(HeaderWord::forwarding(now));
        self.bytes += bytes;
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object);
        }
        // SAFETY: the copy is live, of this type, and nobody else accesses it.
        unsafe { self.visit(now, info, count) };
        now
    }

    /// Pushes the object's slots that lead into the nursery.
    ///
    /// # Safety
    /// The object is live, old, of this type with this many elements, and its slots were not visited yet.
    #[inline(always)]
    unsafe fn visit(&mut self, object: ObjectRef, info: &TypeInfo, count: usize) {
        if let Some(relocate) = info.relocate() {
            if count > PIECE {
                self.arrays.push((object, 0));
            } else {
                // SAFETY: the caller's promise.
                unsafe { relocate(object.payload().as_ptr(), count, self.sink) };
            }
        }
    }

    /// Updates the slots of an old object that may lead into the nursery.
    ///
    /// # Safety
    /// The object is live and old, and its slots were not visited in this collection.
    pub(crate) unsafe fn visit_old(&mut self, object: ObjectRef) {
        // SAFETY: old objects are never forwarded.
        let info = unsafe { object.header().load().type_info() };
        // SAFETY: live, of this type; the caller's promise.
        unsafe { self.visit(object, info, object.count(info)) };
        self.drain();
    }

    /// Updates the slots in a dirty card.
    ///
    /// # Safety
    /// The card's array is live and old, and none of its slots is pending.
    pub(crate) unsafe fn visit_card(&mut self, card: Card) {
        // SAFETY: the caller's promise; old objects are never forwarded.
        let array = unsafe { Object::at(card.array) };
        let (elements, info) = (card.elements(&self.memory.lines, array), array.info());
        if let Some(relocate) = info.relocate() {
            // SAFETY: the elements exist, and nobody else accesses them.
            unsafe {
                let first = card.array.payload().as_ptr().byte_add(elements.start * info.element_bytes());
                relocate(first, elements.len(), self.sink);
            }
        }
        self.drain();
    }

    /// Copies everything that the pending slots reach.
    pub(crate) fn drain(&mut self) {
        self.drain_reporting(&mut NoKeys);
    }

    /// As [`drain`](Self::drain), and reports the keys that it copies. False when it stopped because `keys` is full.
    fn drain_reporting<K: Keys>(&mut self, keys: &mut K) -> bool {
        loop {
            while let Some(slot) = self.sink.slots.pop() {
                // SAFETY: the sink keeps only slots that lead into the nursery, and no slot is reported twice.
                unsafe { self.update(slot, keys) };
                if keys.is_full() {
                    return false;
                }
            }
            let Some((array, from)) = self.arrays.pop() else { return true };
            // SAFETY: arrays on the list are live and old, so not forwarded.
            let info = unsafe { array.header().load().type_info() };
            // SAFETY: as above.
            let count = unsafe { array.count(info) };
            let piece = PIECE.min(count - from);
            if from + piece < count {
                self.arrays.push((array, from + piece));
            }
            if let Some(relocate) = info.relocate() {
                // SAFETY: the elements `from .. from + piece` exist, are live, and are visited once.
                unsafe {
                    relocate(array.payload().as_ptr().byte_add(from * info.element_bytes()), piece, self.sink);
                }
            }
        }
    }
}

// SAFETY: what is young and reached was copied, and `drain` copies all that it leads to. Everything else is old, and no old
// object dies in a minor collection.
unsafe impl Closure for Scavenger<'_> {
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
        // SAFETY: young, and its memory is intact. There is room for copies of all young objects.
        Ok(unsafe { self.evacuate(object.reference(), &mut NoKeys) })
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        Ok(self.drain_reporting(keys))
    }
}

/// Copies an object. Small ones by a fixed number of words: a call of `memcpy` costs more than they do.
///
/// # Safety
/// Both ranges are valid, do not overlap, and start at multiples of eight; `bytes` is a multiple of eight.
#[inline(always)]
unsafe fn copy(from: NonNull<u8>, to: NonNull<u8>, bytes: usize) {
    #[inline(always)]
    unsafe fn words<const N: usize>(from: NonNull<u8>, to: NonNull<u8>) {
        // SAFETY: the caller's promise, for N words; `MaybeUninit` keeps padding and provenance as they are.
        unsafe { to.cast::<[MaybeUninit<u64>; N]>().write(from.cast::<[MaybeUninit<u64>; N]>().read()) };
    }
    // SAFETY: the caller's promise; each arm copies exactly `bytes`.
    unsafe {
        match bytes / 8 {
            2 => words::<2>(from, to),
            3 => words::<3>(from, to),
            4 => words::<4>(from, to),
            5 => words::<5>(from, to),
            6 => words::<6>(from, to),
            7 => words::<7>(from, to),
            8 => words::<8>(from, to),
            _ => to.copy_from_nonoverlapping(from, bytes),
        }
    }
}

/// There is no way back from the middle of a copying collection.
#[cold]
#[inline(never)]
fn out_of_reserve() -> ! {
    eprintln!("gc-generational: a copying collection needed more memory than its worst case; this is a bug");
    std::process::abort()
}
