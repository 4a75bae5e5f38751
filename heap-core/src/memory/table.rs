//! Side metadata by address arithmetic: one byte for every 2^shift bytes of the heap.
//!
//! *What it represents.* Entry `i` belongs to the heap bytes `i << shift .. (i + 1) << shift` counted from the heap's
//! base. Fresh entries are zero. What a byte means is its user's affair. The table is a heap's part of a column of its
//! pool.
//!
//! *Invariant.* Entries below [`ByteTable::available`] can be read and written; that number only grows, and always
//! covers every block that the heap has ever handed out. Entries are written only for memory of the heap that is or was
//! committed, so that it is known which are to be cleared when the heap is gone. The memory lives as long as any handle to
//! the table, and no other heap gets it while there is one.
//!
//! *Why not a `Vec<AtomicU8>`.* A vector moves when it grows, so each access would first have to ask where it is, and
//! a thread that marks while the program runs could not hold it at all. A reservation costs addresses only.
//!
//! *Why a shared handle.* The heap's [`Blocks`](super::blocks::Blocks) must grow every table together with the heap
//! where memory is committed step by step, whoever uses the table. Cloning a handle is cheap, and it may be sent to
//! a marker thread.

use super::os::OsError;
use super::pool::Column;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

/// Entries committed at a time, where that is a system call: those of 16 MiB of heap in a table of lines.
const COMMIT_STEP: usize = 64 << 10;

/// A shared table of one atomic byte per 2^shift bytes of heap.
#[derive(Clone, Debug)]
pub struct ByteTable {
    base: NonNull<u8>,
    /// Entries that need no commit: all of them, on most systems, so that the bounds check of an access is a compare with
    /// a field of the handle.
    known: usize,
    storage: Arc<Storage>,
}

#[derive(Debug)]
struct Storage {
    column: Arc<Column>,
    /// Entries that the heap can ever have.
    entries: usize,
    shift: u32,
    available: AtomicUsize,
}

// SAFETY: `base` points to memory that `storage` keeps alive; it is accessed as `AtomicU8` only, apart from the
// unsafe functions whose callers promise that no other thread writes.
unsafe impl Send for ByteTable {}
// SAFETY: as above.
unsafe impl Sync for ByteTable {}

impl ByteTable {
    /// The table that begins at `base` in `column`, for at most `heap_bytes` of heap.
    ///
    /// # Safety
    ///
    /// The entries for `heap_bytes` lie in the column; they are zero, and nobody else's.
    pub(super) unsafe fn new(column: Arc<Column>, base: NonNull<u8>, heap_bytes: usize, shift: u32) -> Self {
        let entries = heap_bytes.div_ceil(1 << shift);
        let known = if column.is_committed() { entries } else { 0 };
        let storage = Storage { column, entries, shift, available: AtomicUsize::new(known) };
        Self { base, known, storage: Arc::new(storage) }
    }

    /// Makes the entries for the first `heap_bytes` of the heap available. Idempotent; one compare where everything
    /// is available from the start.
    ///
    /// # Errors
    ///
    /// The system refuses, or the table is not that long. Nothing has changed then.
    pub(super) fn commit_for(&self, heap_bytes: usize) -> Result<(), OsError> {
        let wanted = heap_bytes.div_ceil(1 << self.storage.shift);
        if wanted <= self.available() {
            return Ok(());
        }
        if wanted > self.storage.entries {
            return Err(OsError::OUT_OF_RANGE);
        }
        #[cfg(any(test, feature = "conformance"))]
        super::os::fault::commit()?;
        let available = wanted.next_multiple_of(COMMIT_STEP).min(self.storage.entries);
        // SAFETY: the entries lie in the column, as promised when the table was made.
        unsafe { self.storage.column.commit(self.base, available)? };
        // Release: who sees the new bound may touch the memory.
        self.storage.available.fetch_max(available, Ordering::Release);
        Ok(())
    }

    /// Makes all entries for a range of the heap's bytes zero again.
    ///
    /// # Safety
    ///
    /// Nobody else has a handle to the table.
    pub(super) unsafe fn clear(&self, range: core::ops::Range<usize>) {
        let first = range.start >> self.storage.shift;
        let last = range.end.div_ceil(1 << self.storage.shift).min(self.available());
        if first < last {
            // SAFETY: available entries are committed, and nobody else looks at them.
            unsafe { super::os::clear(self.base.add(first), last - first) }
        }
    }

    /// Whether there is a handle besides this one. If not, what others did with theirs happened before.
    pub(super) fn is_shared(&mut self) -> bool {
        Arc::get_mut(&mut self.storage).is_none()
    }

    /// How many entries can be accessed now.
    #[inline]
    pub fn available(&self) -> usize {
        self.storage.available.load(Ordering::Acquire)
    }

    /// How many entries the table has when the heap is as large as it can become.
    #[inline]
    pub fn len(&self) -> usize {
        self.storage.entries
    }

    /// Whether the table has no entries at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.storage.entries == 0
    }

    /// log2 of the heap bytes per entry.
    #[inline]
    pub fn shift(&self) -> u32 {
        self.storage.shift
    }

    #[inline]
    fn covers(&self, end: usize) -> bool {
        end <= self.known || end <= self.available()
    }

    /// The first byte of the table.
    #[inline]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// All available entries.
    #[inline]
    pub fn entries(&self) -> &[AtomicU8] {
        self.slice(0, self.available())
    }

    /// One entry.
    ///
    /// # Panics
    ///
    /// When the entry is not available: its heap address was never handed out.
    #[inline]
    pub fn entry(&self, index: usize) -> &AtomicU8 {
        assert!(index < self.known || index < self.available(), "side metadata of memory that is not in use");
        // SAFETY: just checked.
        unsafe { self.entry_unchecked(index) }
    }

    /// One entry, without the check.
    ///
    /// # Safety
    ///
    /// `index < self.available()`.
    #[inline]
    pub unsafe fn entry_unchecked(&self, index: usize) -> &AtomicU8 {
        debug_assert!(self.covers(index + 1));
        // SAFETY: the entry is inside the committed part of the column that `self.storage` keeps alive for at least the
        // lifetime of the reference, and the memory is only ever accessed atomically while shared.
        unsafe { AtomicU8::from_ptr(self.base.add(index).as_ptr()) }
    }

    /// `count` entries from `first`.
    ///
    /// # Panics
    ///
    /// When they are not all available.
    #[inline]
    pub fn slice(&self, first: usize, count: usize) -> &[AtomicU8] {
        assert!(
            first.checked_add(count).is_some_and(|end| self.covers(end)),
            "side metadata of memory that is not in use"
        );
        // SAFETY: the entries are available, hence committed and alive as long as `self`; `AtomicU8` has the layout
        // of a byte, and fresh bytes are zero, so they are initialised.
        unsafe { NonNull::slice_from_raw_parts(self.base.add(first).cast::<AtomicU8>(), count).as_ref() }
    }

    /// `N` entries from `first`, as an array: the part of the table that belongs to one block.
    ///
    /// # Panics
    ///
    /// When they are not all available.
    #[inline]
    pub fn array<const N: usize>(&self, first: usize) -> &[AtomicU8; N] {
        assert!(first.checked_add(N).is_some_and(|end| self.covers(end)), "side metadata of memory that is not in use");
        // SAFETY: as in `slice`; an array of `N` atomics is `N` consecutive bytes.
        unsafe { self.base.add(first).cast::<[AtomicU8; N]>().as_ref() }
    }

    /// Eight entries as one word: those from `8 * index` on. A table that is accessed so must never be accessed by bytes at
    /// the same time from another thread.
    ///
    /// # Panics
    ///
    /// When they are not all available.
    #[inline]
    pub fn word(&self, index: usize) -> &AtomicU64 {
        assert!(
            index < self.known / size_of::<u64>() || index < self.available() / size_of::<u64>(),
            "side metadata of memory that is not in use"
        );
        // SAFETY: just checked. The base is the first byte of a page, so the words are aligned; otherwise as in `slice`.
        unsafe { self.base.cast::<AtomicU64>().add(index).as_ref() }
    }

    /// The entries from `first` on, eight to a word: `N` words. A table that is accessed so must never be accessed by
    /// bytes at the same time from another thread.
    ///
    /// # Panics
    ///
    /// When they are not all available, or `first` is not a multiple of eight.
    #[inline]
    pub fn words<const N: usize>(&self, first: usize) -> &[AtomicU64; N] {
        let bytes = N * size_of::<u64>();
        assert!(
            first.checked_add(bytes).is_some_and(|end| self.covers(end)) && first.is_multiple_of(size_of::<u64>()),
            "side metadata of memory that is not in use"
        );
        // The heap begins at a multiple of its pool's unit of slots, and no table has so few entries for that as eight.
        debug_assert!(self.base.addr().get().is_multiple_of(size_of::<u64>()));
        // SAFETY: as in `slice`. The words are aligned: so is the base, see above, and so is the first entry.
        unsafe { self.base.add(first).cast::<[AtomicU64; N]>().as_ref() }
    }

    /// Reads `N` entries from `first` at once, by ordinary loads that the compiler can make wide.
    ///
    /// # Panics
    ///
    /// When they are not all available.
    ///
    /// # Safety
    ///
    /// No other thread writes to these entries during the call.
    #[inline]
    pub unsafe fn read_quiescent<const N: usize>(&self, first: usize) -> [u8; N] {
        let entries: *const [AtomicU8; N] = self.array::<N>(first);
        // SAFETY: valid for reads by the reference it was made from; the caller excludes concurrent writes, so the
        // non-atomic load does not race.
        unsafe { entries.cast::<[u8; N]>().read() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reservation::Reservation;
    use super::*;

    #[test]
    fn entries_are_zero_shared_and_bounded() {
        let mut heap = Reservation::new(64 << 20, 64 << 20).unwrap();
        let table = heap.table(8).unwrap();
        assert_eq!((table.len(), table.shift(), table.is_empty()), (256 << 10, 8, false));
        table.commit_for(1 << 20).unwrap();
        assert!(table.available() >= 4096);
        assert!(table.entries().iter().take(4096).all(|e| e.load(Ordering::Relaxed) == 0));
        let other = table.clone();
        std::thread::spawn(move || other.entry(4095).store(9, Ordering::Relaxed)).join().unwrap();
        assert_eq!(table.entry(4095).load(Ordering::Relaxed), 9);
        assert_eq!(table.slice(4090, 6)[5].load(Ordering::Relaxed), 9);
        // SAFETY: the other thread has ended.
        let bytes = unsafe { table.read_quiescent::<8>(4088) };
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 9]);
        assert!(table.commit_for((64 << 20) + 1).is_err());
        table.commit_for(64 << 20).unwrap();
        assert_eq!(table.available(), table.len());
    }

    #[test]
    #[should_panic(expected = "not in use")]
    fn an_entry_beyond_the_table_is_refused() {
        let table = Reservation::new(1 << 20, 1 << 20).unwrap().table(8).unwrap();
        table.entry(4096);
    }

    #[test]
    #[should_panic(expected = "not in use")]
    fn a_slice_whose_end_overflows_is_refused() {
        let table = Reservation::new(1 << 20, 1 << 20).unwrap().table(8).unwrap();
        table.slice(usize::MAX, 2);
    }
}
