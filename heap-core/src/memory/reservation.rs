//! A reservation: one aligned range of address space with a committed prefix, owned.
//!
//! *What it represents.* A `Reservation` owns its addresses from creation to drop. Its first [`committed`] bytes can
//! be read and written, the rest cannot be touched.
//!
//! *Invariant.* The committed part is always a prefix and only grows, in chunks of [`COMMIT_CHUNK`]. So a reservation
//! is at most two mappings for the system, whatever the heap does, and "may I touch this?" is one compare.
//!
//! *Why not a bitmap of committed chunks.* It would keep a hole uncommitted where a window of addresses is set aside
//! but unused. With `MAP_NORESERVE` an untouched committed page costs nothing on Unix, so the bitmap would pay only
//! on Windows, and there only for commit charge.
//!
//! [`committed`]: Reservation::committed

use super::os::{self, OsError, RESERVATION_GRANULE};
use core::ops::Range;
use core::ptr::NonNull;

/// Bytes committed at a time. One system call per 4 MiB is far below what touching the 4 MiB costs; smaller
/// chunks would show, larger ones waste commit charge on Windows.
pub const COMMIT_CHUNK: usize = 4 << 20;

const _: () = assert!(COMMIT_CHUNK.is_multiple_of(RESERVATION_GRANULE));

/// An owned, 4 MiB-aligned range of address space whose committed prefix grows on demand.
#[derive(Debug)]
pub struct Reservation {
    base: NonNull<u8>,
    bytes: usize,
    committed: usize,
}

// SAFETY: the range belongs to this value alone and no part of it is tied to the thread that reserved it; memory
// can be committed and released from any thread.
unsafe impl Send for Reservation {}
// SAFETY: through `&Reservation` only the three plain fields are read. What other code does with the memory behind
// `base()` is unsafe there, and argued there.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves at least `bytes`, rounded up to 64 KiB. Nothing is committed.
    ///
    /// # Errors
    ///
    /// The system refuses, or `bytes` is zero or absurd.
    pub fn new(bytes: usize) -> Result<Self, OsError> {
        let bytes = round_up(bytes)?;
        Ok(Self { base: os::reserve(bytes)?, bytes, committed: 0 })
    }

    /// Reserves at least `bytes` for side metadata: committed from the start where untouched pages are free.
    ///
    /// # Errors
    ///
    /// As [`Reservation::new`].
    pub fn for_metadata(bytes: usize) -> Result<Self, OsError> {
        let bytes = round_up(bytes)?;
        let (base, ready) = os::reserve_metadata(bytes)?;
        Ok(Self { base, bytes, committed: if ready { bytes } else { 0 } })
    }

    /// Reserves `bytes`, or half of it, or half of that, and so on while the system refuses, but not less than
    /// `min` bytes.
    ///
    /// # Errors
    ///
    /// The system's answer to the last request.
    pub fn with_halving(bytes: usize, min: usize) -> Result<Self, OsError> {
        let mut bytes = bytes.max(min);
        loop {
            match Self::new(bytes) {
                Ok(reservation) => return Ok(reservation),
                Err(error) if bytes <= min => return Err(error),
                Err(_) => bytes = (bytes / 2).max(min),
            }
        }
    }

    /// The first byte: the provenance of every pointer into the range is derived from this one.
    #[inline]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The length of the range, in bytes.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many bytes from the base can be read and written.
    #[inline]
    pub fn committed(&self) -> usize {
        self.committed
    }

    /// Whether an address lies in the range, committed or not.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base.addr().get()) < self.bytes
    }

    /// Makes at least the first `bytes_from_base` bytes readable and writable. One compare when they already are.
    ///
    /// # Errors
    ///
    /// The system refuses, or the range is not that long. Nothing has changed then.
    #[inline]
    pub fn commit_to(&mut self, bytes_from_base: usize) -> Result<(), OsError> {
        if bytes_from_base <= self.committed { Ok(()) } else { self.grow_commit(bytes_from_base) }
    }

    #[cold]
    fn grow_commit(&mut self, bytes_from_base: usize) -> Result<(), OsError> {
        if bytes_from_base > self.bytes {
            return Err(OsError::OUT_OF_RANGE);
        }
        let end = bytes_from_base.next_multiple_of(COMMIT_CHUNK).min(self.bytes);
        // SAFETY: `committed < end <= bytes`, so the range is inside this reservation. `committed` is a multiple of
        // the chunk, because it is less than `bytes`; `end` is one too, or is `bytes`, a multiple of 64 KiB: both
        // are multiples of every page size, and so is the base.
        unsafe { os::commit(self.base.add(self.committed), end - self.committed)? };
        self.committed = end;
        Ok(())
    }

    /// Asks the system for huge pages wherever the range is touched from now on, committed already or not.
    pub fn advise_huge_pages(&self) {
        // SAFETY: the whole range is this reservation's; base and length are multiples of every page size.
        unsafe { os::advise_huge_pages(self.base, self.bytes) }
    }

    /// Offers the pages that lie wholly in `range` (offsets from the base, in bytes) back to the system. They can
    /// still be read and written, and hold their old contents or zeros, page by page.
    ///
    /// # Panics
    ///
    /// When `range` reaches beyond the committed prefix.
    ///
    /// # Safety
    ///
    /// No reference into the range is live, and nobody relies on its contents.
    pub unsafe fn decommit(&self, range: Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.committed, "decommitting what was never committed");
        let page = os::page_bytes();
        let start = range.start.next_multiple_of(page);
        let end = range.end - range.end % page;
        if start < end {
            // SAFETY: the rounded range is inside the committed prefix and page-aligned, since the base is; the
            // caller vouches for the contents and for references.
            unsafe { os::decommit(self.base.add(start), end - start) }
        }
    }
}

fn round_up(bytes: usize) -> Result<usize, OsError> {
    bytes.checked_next_multiple_of(RESERVATION_GRANULE).ok_or(OsError::OUT_OF_RANGE)
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: `base` and `bytes` are those of the reservation made in the constructor, this value owned it
        // alone, and whoever holds pointers into it promised (unsafely) not to use them after this.
        unsafe { os::release(self.base, self.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::os::{RESERVATION_ALIGN, fault};
    use super::*;

    #[test]
    fn commits_a_growing_prefix_in_chunks() {
        let mut r = Reservation::new(10 << 20).unwrap();
        assert!(r.base().addr().get().is_multiple_of(RESERVATION_ALIGN));
        assert_eq!(r.committed(), 0);
        r.commit_to(0).unwrap();
        assert_eq!(r.committed(), 0);
        r.commit_to(1).unwrap();
        assert_eq!(r.committed(), COMMIT_CHUNK);
        r.commit_to(COMMIT_CHUNK).unwrap();
        assert_eq!(r.committed(), COMMIT_CHUNK);
        r.commit_to(r.bytes()).unwrap();
        assert_eq!(r.committed(), r.bytes());
        assert!(r.commit_to(r.bytes() + 1).is_err());
        // SAFETY: the last byte of the committed prefix.
        unsafe { r.base().add(r.bytes() - 1).write(7) };
        assert!(r.contains(r.base().addr().get()) && r.contains(r.base().addr().get() + r.bytes() - 1));
        assert!(!r.contains(r.base().addr().get() - 1) && !r.contains(r.base().addr().get() + r.bytes()));
    }

    #[test]
    fn a_refused_commit_changes_nothing() {
        let mut r = Reservation::new(16 << 20).unwrap();
        fault::fail_commit_after(2);
        r.commit_to(1).unwrap();
        assert!(r.commit_to(5 << 20).is_err());
        assert_eq!(r.committed(), COMMIT_CHUNK);
        r.commit_to(5 << 20).unwrap();
        assert_eq!(r.committed(), 2 * COMMIT_CHUNK);
    }

    #[test]
    fn a_refused_reservation_is_halved() {
        fault::fail_reserve_after(1);
        assert_eq!(Reservation::with_halving(64 << 20, 1 << 20).unwrap().bytes(), 32 << 20);
        fault::fail_reserve_after(1);
        assert!(Reservation::with_halving(1 << 20, 1 << 20).is_err());
        if cfg!(not(miri)) {
            // No system grants half of all addresses; the last refusal is reported.
            assert!(Reservation::with_halving(usize::MAX / 4, usize::MAX / 8).is_err());
        }
    }

    #[test]
    fn decommitting_keeps_the_neighbours_and_either_the_contents_or_zeros() {
        let mut r = Reservation::new(4 << 20).unwrap();
        r.commit_to(4 << 20).unwrap();
        let (start, end) = (100 << 10, (900 << 10) + 5);
        // SAFETY: all offsets are inside the committed prefix, and no reference is ever made.
        unsafe {
            for offset in 0..r.bytes() / 512 {
                r.base().add(offset * 512).write(0xAB);
            }
            r.decommit(start..end);
            for offset in (0..r.bytes() / 512).map(|o| o * 512) {
                let byte = r.base().add(offset).read();
                assert!(byte == 0xAB || (byte == 0 && (start..end).contains(&offset)), "{offset}");
            }
            if cfg!(all(target_os = "linux", target_arch = "x86_64", not(miri))) {
                assert_eq!(r.base().add(start).read(), 0);
                assert_eq!(r.base().add(end - 5 - 512).read(), 0);
            }
        }
    }

    #[test]
    #[should_panic(expected = "never committed")]
    fn decommitting_beyond_the_prefix_is_refused() {
        let r = Reservation::new(4 << 20).unwrap();
        // SAFETY: nothing refers to the range.
        unsafe { r.decommit(0..4096) }
    }
}
