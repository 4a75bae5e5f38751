//! Side metadata by address arithmetic: one byte for every 2^shift bytes of the heap.
//!
//! *What it represents.* Entry `i` belongs to the heap bytes `i << shift .. (i + 1) << shift` counted from the heap's
//! base. Fresh entries are zero. What a byte means is its user's affair.
//!
//! *Invariant.* Entries below [`ByteTable::available`] can be read and written; that number only grows, and always
//! covers every block that the heap has ever handed out. The memory lives as long as any handle to the table.
//!
//! *Why not a `Vec<AtomicU8>`.* A vector moves when it grows, so each access would first have to ask where it is, and
//! a thread that marks while the program runs could not hold it at all. A reservation costs addresses only.
//!
//! *Why a shared handle.* The heap's [`Blocks`](super::blocks::Blocks) must grow every table together with the heap
//! where memory is committed step by step, whoever uses the table. Cloning a handle is cheap, and it may be sent to
//! a marker thread.

use super::os::OsError;
use super::reservation::Reservation;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared table of one atomic byte per 2^shift bytes of heap.
#[derive(Clone, Debug)]
pub struct ByteTable {
    base: NonNull<u8>,
    /// Entries known to be available when this handle was made: all of them, on most systems, so that the bounds
    /// check of an access is a compare with a field of the handle.
    known: usize,
    storage: Arc<Storage>,
}

#[derive(Debug)]
struct Storage {
    entries: usize,
    shift: u32,
    available: AtomicUsize,
    /// Behind a lock only so that a shared handle can grow it: taken once per 4 MiB of table.
    reservation: Mutex<Reservation>,
}

// SAFETY: `base` points to memory that `storage` keeps alive; it is accessed as `AtomicU8` only, apart from the
// unsafe functions whose callers promise that no other thread writes.
unsafe impl Send for ByteTable {}
// SAFETY: as above.
unsafe impl Sync for ByteTable {}

impl ByteTable {
    /// A table for `heap_bytes` of heap, with one byte per `1 << shift` of them. All entries are zero.
    ///
    /// # Errors
    ///
    /// The system refuses the addresses.
    ///
    /// # Panics
    ///
    /// When `shift` is as large as the number of bits of an address.
    pub fn new(heap_bytes: usize, shift: u32) -> Result<Self, OsError> {
        let entries = heap_bytes.div_ceil(1 << shift);
        let reservation = Reservation::for_metadata(entries.max(1))?;
        let known = reservation.committed().min(entries);
        Ok(Self {
            base: reservation.base(),
            known,
            storage: Arc::new(Storage {
                entries,
                shift,
                available: AtomicUsize::new(known),
                reservation: Mutex::new(reservation),
            }),
        })
    }

    /// Makes the entries for the first `heap_bytes` of the heap available. Idempotent; one compare where everything
    /// is available from the start.
    ///
    /// # Errors
    ///
    /// The system refuses, or the table is not that long. Nothing has changed then.
    pub fn commit_for(&self, heap_bytes: usize) -> Result<(), OsError> {
        let wanted = heap_bytes.div_ceil(1 << self.storage.shift);
        if wanted <= self.available() {
            return Ok(());
        }
        if wanted > self.storage.entries {
            return Err(OsError::OUT_OF_RANGE);
        }
        // A panic while the lock was held leaves the reservation as it was, so a poisoned lock means nothing.
        let mut reservation = self.storage.reservation.lock().unwrap_or_else(PoisonError::into_inner);
        reservation.commit_to(wanted)?;
        let available = reservation.committed().min(self.storage.entries);
        // Release: who sees the new bound may touch the memory. Under the lock, so the bound never shrinks.
        self.storage.available.store(available, Ordering::Release);
        Ok(())
    }

    /// How many entries can be accessed now.
    #[inline]
    pub fn available(&self) -> usize {
        self.storage.available.load(Ordering::Acquire)
    }

    /// How many entries the table has when all of the heap is in use.
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
        // SAFETY: the entry is inside the committed part of the reservation that `self.storage` keeps alive for at
        // least the lifetime of the reference, and the memory is only ever accessed atomically while shared.
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
        // SAFETY: as in `slice`. The base is the first byte of a page, so the words are aligned.
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
    use super::*;

    #[test]
    fn entries_are_zero_shared_and_bounded() {
        let table = ByteTable::new(64 << 20, 8).unwrap();
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
        let table = ByteTable::new(1 << 20, 8).unwrap();
        table.entry(4096);
    }

    #[test]
    #[should_panic(expected = "not in use")]
    fn a_slice_whose_end_overflows_is_refused() {
        let table = ByteTable::new(1 << 20, 8).unwrap();
        table.slice(usize::MAX, 2);
    }
}
