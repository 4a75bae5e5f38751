//! Where relocation puts what it finds: slots, which are edges by address.
//!
//! A collection that moves objects cannot be given up half-way, so its stack of slots has memory for the worst case before
//! it begins: one slot for each word of the nursery (rule R17). What is used of that is some kilobytes as a rule, and
//! addresses that were never written have no memory behind them. So the sink *opens* its memory piece by piece, and what
//! it counts is what was opened. Opening is the slow side of the comparison that every push makes, so it costs nothing.
//!
//! *Why not a list of segments*, each asked for when it is needed? It could be refused in the middle of a collection; and
//! asked for in advance, segments are small requests, for which an allocator has memory at hand that is resident.

use core::hint::assert_unchecked;
use core::ptr::NonNull;

use super::descent::Descent;
use super::reference::ObjectRef;

/// Entries that are opened at a time: a page of 4 KiB.
const PIECE: usize = 512;

/// Collects slots, unbranded: the collector's side of a [`Relocator`](crate::Relocator).
///
/// A slot is kept when the pointer in it leads into `low .. low + span`. Slots point into objects: the collector must
/// drain them before the object is borrowed again (rule R13).
#[derive(Default)]
pub struct SlotSink {
    low: usize,
    span: usize,
    /// Slots that were reported and not yet taken.
    slots: Vec<NonNull<ObjectRef>>,
    /// Entries that may be used: at least the length, at most the capacity.
    open: usize,
    /// The most that were ever open in the memory that there is now.
    touched: usize,
    pub(crate) descent: Descent<SlotSink>,
}

// SAFETY: slots are addresses; whoever dereferences them argues about threads there.
unsafe impl Send for SlotSink {}

impl SlotSink {
    /// A sink that keeps every slot.
    pub fn everything() -> Self {
        SlotSink { low: 0, span: usize::MAX, ..SlotSink::default() }
    }

    /// Keeps only slots whose target lies in `window` from now on.
    pub fn set_window(&mut self, window: core::ops::Range<usize>) {
        self.low = window.start;
        self.span = window.end - window.start;
    }

    /// Reports one slot.
    #[inline]
    pub fn visit(&mut self, slot: &mut ObjectRef) {
        if slot.address().wrapping_sub(self.low) < self.span {
            if self.slots.len() == self.open {
                self.open_more();
            }
            // SAFETY: no more are open than there is memory for, and either there were more open than used, or there are now.
            unsafe { assert_unchecked(self.slots.len() < self.slots.capacity()) };
            self.slots.push(NonNull::from(slot));
        }
    }

    /// All memory that is open is used: opens some more. There may be more slots than were reserved for, those in a `Vec`
    /// that an object owns: the sink grows then, as any vector does.
    #[cold]
    #[inline(never)]
    fn open_more(&mut self) {
        debug_assert!(self.slots.len() <= self.open && self.open <= self.slots.capacity());
        if self.open == self.slots.capacity() {
            self.slots.reserve(PIECE);
        }
        self.open = self.slots.capacity().min(self.open + PIECE);
        self.touched = self.touched.max(self.open);
    }

    /// Takes the last slot out.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<NonNull<ObjectRef>> {
        self.slots.pop()
    }

    /// The slots that were reported and not taken.
    pub fn list(&self) -> &[NonNull<ObjectRef>] {
        &self.slots
    }

    /// Forgets all slots. Nothing is open.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.open = 0;
    }

    /// Gets memory for so many slots in all; those that were not taken are forgotten. False when the system refuses it.
    pub fn reserve(&mut self, slots: usize) -> bool {
        self.clear();
        if self.slots.capacity() < slots {
            // Growing would copy what the old memory holds, and so touch as much of the new.
            self.release();
            return self.slots.try_reserve_exact(slots).is_ok();
        }
        true
    }

    /// How many slots there is memory for.
    pub fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Bytes of memory that were used at some time since it was [reserved](Self::reserve): what counts as held.
    pub fn touched_bytes(&self) -> usize {
        self.touched * size_of::<NonNull<ObjectRef>>()
    }

    /// Gives all memory back.
    pub fn release(&mut self) {
        self.slots = Vec::new();
        (self.open, self.touched) = (0, 0);
    }

    /// Gives the memory back when it is more than four times as much as `likely` slots need, or if far more of it was
    /// touched at some time than since the sink was [cleared](Self::clear). Not sooner: to have it again costs a page
    /// fault for each piece.
    pub fn trim(&mut self, likely: usize) {
        /// Entries that are not worth it: 256 KiB.
        const FEW: usize = 32 << 10;
        if self.slots.capacity() > likely.saturating_mul(4) || self.touched > FEW.max(4 * self.open) {
            self.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(sink: &mut SlotSink, slots: &mut [ObjectRef]) {
        slots.iter_mut().for_each(|slot| sink.visit(slot));
    }

    fn some(n: usize) -> Vec<ObjectRef> {
        (1..=n).map(|n| ObjectRef::new(NonNull::without_provenance((n * 8).try_into().unwrap()))).collect()
    }

    #[test]
    fn what_is_reserved_counts_when_it_is_used() {
        let mut sink = SlotSink::everything();
        assert!(sink.reserve(1 << 20));
        let capacity = sink.capacity();
        assert!(capacity >= 1 << 20 && sink.touched_bytes() == 0);
        let mut slots = some(PIECE + 1);
        fill(&mut sink, &mut slots);
        assert_eq!((sink.list().len(), sink.touched_bytes()), (PIECE + 1, 2 * PIECE * 8));
        sink.clear();
        fill(&mut sink, &mut slots[..1]);
        assert_eq!(sink.touched_bytes(), 2 * PIECE * 8, "what was used once counts");
        assert!(sink.reserve(1000) && sink.capacity() == capacity, "there is memory already");
    }

    #[test]
    fn a_sink_grows_beyond_what_was_reserved() {
        let mut sink = SlotSink::default();
        sink.set_window(0..1 << 30);
        let mut slots = some(10 * PIECE);
        assert!(sink.reserve(100));
        fill(&mut sink, &mut slots);
        assert!(sink.list().iter().zip(&mut slots).all(|(&listed, slot)| listed == NonNull::from(slot)));
        let taken = core::iter::from_fn(|| sink.pop()).count();
        assert_eq!(taken, slots.len());
        sink.set_window(0..8);
        fill(&mut sink, &mut slots);
        assert!(sink.list().is_empty(), "none leads into the window");
    }

    #[test]
    fn memory_that_was_needed_once_goes_back() {
        let mut sink = SlotSink::everything();
        let mut slots = some(100 << 10);
        assert!(sink.reserve(100 << 10));
        fill(&mut sink, &mut slots);
        sink.trim(100 << 10);
        assert!(sink.touched_bytes() >= 800 << 10, "it was needed just now");
        sink.clear();
        fill(&mut sink, &mut slots[..10]);
        sink.trim(100 << 10);
        assert_eq!((sink.touched_bytes(), sink.capacity()), (0, 0));
        assert!(sink.reserve(1000));
        sink.trim(200);
        assert_eq!(sink.capacity(), 0, "more than four times what is likely");
    }
}
