//! A reservation: the addresses of one heap, how much of them may be touched, and what becomes of them afterwards.
//!
//! *What it represents.* A `Reservation` owns a slot of the pool from creation to drop: [`bytes`] at
//! present, [`most`] if it grows that far. It is divided into at most `PARTS` parts of equal length, and of each part
//! a prefix is committed: it can be read and written, and may be resident. The rest is not touched.
//!
//! *Invariant.* The committed prefix of a part only grows while the heap lives. So "may I touch this?" is one compare, a
//! part is at most two mappings, and what must be given back in the end is known to the page.
//!
//! *Why parts.* A nursery's window sets a gigabyte of addresses aside and uses four megabytes. With one prefix for the
//! whole heap, the first block of the old space, behind the window, would make all of it writable. That costs nothing
//! where untouched memory is not counted; under a limit for data (`RLIMIT_DATA`), or where the system overcommits
//! nothing, it is refused. *Why not a bit for each chunk.* The answer would cost a second look at memory, and heaps use
//! their parts from the front anyway.
//!
//! *Afterwards* (see [`Retirement`]): the slot and its tables are handed to the next heap while they are
//! warm, or the slot is sealed.
//!
//! [`bytes`]: Reservation::bytes
//! [`most`]: Reservation::most

use super::os::{self, OsError, RESERVATION_GRANULE};
use super::pool::{self, Claim};
use super::table::ByteTable;
use super::warm;
use core::ops::Range;
use core::ptr::NonNull;

/// Bytes committed at a time, where that is a system call and the heap has as much already. One call per 4 MiB is far
/// below what touching the 4 MiB costs; smaller chunks would show, larger ones waste commit charge.
pub const COMMIT_CHUNK: usize = 4 << 20;
/// Bytes committed first, where that is a system call: a small heap is small. Doubled up to [`COMMIT_CHUNK`].
const COMMIT_FIRST: usize = 256 << 10;

/// Into how many parts a reservation is divided at the most.
const PARTS: usize = 64;
/// log2 of the smallest part.
const PART_SHIFT_MIN: u32 = 22;

/// Bytes of a dropped heap that stay resident for the next one: two blocks, which is what a heap of a hundred objects
/// touches.
const KEEP_WARM: usize = 64 << 10;

const _: () = assert!(COMMIT_CHUNK.is_multiple_of(RESERVATION_GRANULE) && 1 << PART_SHIFT_MIN >= COMMIT_CHUNK);

/// What becomes of a heap's memory when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// The next heap gets the first 64 KiB as they are, and nothing of the rest.
    Warm,
    /// The next heap gets the addresses, and nothing that was written there.
    Wiped,
    /// Nobody gets anything until a thousand other heaps have gone the same way: whoever still has a pointer is stopped
    /// by the system.
    Sealed,
}

/// An owned range of address space that grows in place, with committed prefixes that grow on demand.
#[derive(Debug)]
pub struct Reservation {
    base: NonNull<u8>,
    bytes: usize,
    most: usize,
    part_shift: u32,
    retirement: Retirement,
    /// Taken only on drop.
    land: Option<Box<Land>>,
}

/// What passes from one heap to the next.
#[derive(Debug)]
pub(super) struct Land {
    claim: Claim,
    /// How long a heap on it may become, in bytes.
    most: usize,
    /// Bytes of each part, from its first, that are committed.
    committed: [usize; PARTS],
    /// A handle on each table, and whether the present heap has asked for it.
    tables: Vec<(ByteTable, bool)>,
    huge_pages: bool,
}

/// log2 of the length of a part.
fn part_shift(most: usize) -> u32 {
    PART_SHIFT_MIN.max(most.div_ceil(PARTS).next_power_of_two().trailing_zeros())
}

// SAFETY: the range belongs to this value alone and no part of it is tied to the thread that reserved it; memory
// can be committed and released from any thread.
unsafe impl Send for Reservation {}
// SAFETY: through `&Reservation` only plain fields are read. What other code does with the memory behind `base()` is
// unsafe there, and argued there.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `least` bytes at the least, rounded up to 64 KiB, which may grow to `most` as long as no other heap is in
    /// the way. Nothing is committed, unless the memory is a former heap's.
    ///
    /// # Errors
    ///
    /// The system refuses, or the sizes are zero or absurd.
    pub fn new(least: usize, most: usize) -> Result<Self, OsError> {
        let (least, most) = (round_up(least)?, round_up(most.max(least))?);
        // The upper bound keeps every offset within `isize`, however it is rounded.
        if least == 0 || most > isize::MAX as usize / 2 {
            return Err(OsError::OUT_OF_RANGE);
        }
        #[cfg(any(test, feature = "conformance"))]
        os::fault::reserve()?;
        let land = match warm::take(least, most) {
            Some(land) => land,
            None => {
                let claim = pool::claim(least, most, warm::clear)?;
                let most = if claim.is_alone() { claim.bytes() } else { most };
                Box::new(Land { claim, most, committed: [0; PARTS], tables: Vec::new(), huge_pages: false })
            }
        };
        Ok(Self {
            base: land.claim.base(),
            bytes: land.claim.bytes().min(land.most),
            most: land.most,
            part_shift: part_shift(land.most),
            retirement: Retirement::Warm,
            land: Some(land),
        })
    }

    fn land(&self) -> &Land {
        self.land.as_deref().expect("taken on drop only")
    }

    fn land_mut(&mut self) -> &mut Land {
        self.land.as_deref_mut().expect("taken on drop only")
    }

    /// Says what becomes of the memory; at first [`Retirement::Warm`].
    pub fn set_retirement(&mut self, retirement: Retirement) {
        self.retirement = retirement;
    }

    /// The first byte: the provenance of every pointer into the range is derived from this one.
    #[inline]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The length that the range has now, in bytes.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The length that the range may get, in bytes.
    #[inline]
    pub fn most(&self) -> usize {
        self.most
    }

    /// The length to which the range could grow at present, in bytes. Takes a lock.
    pub fn room(&self) -> usize {
        self.land().claim.room(self.most).min(self.most)
    }

    /// How many bytes can be read and written.
    pub fn committed(&self) -> usize {
        self.land().committed.iter().sum()
    }

    /// Whether an address lies in the range as it is now, committed or not.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base.addr().get()) < self.bytes
    }

    /// Makes the range at least `bytes` long, in place.
    ///
    /// # Errors
    ///
    /// Another heap is in the way, or that is more than the most. Nothing has changed then.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), OsError> {
        let (old, most) = (self.bytes, self.most);
        if bytes <= old {
            return Ok(());
        }
        if bytes > most {
            return Err(OsError::OUT_OF_RANGE);
        }
        #[cfg(any(test, feature = "conformance"))]
        os::fault::reserve()?;
        let claim = &mut self.land_mut().claim;
        claim.grow(bytes, most)?;
        self.bytes = claim.bytes().min(most);
        if self.land().huge_pages {
            self.advise(old);
        }
        Ok(())
    }

    /// A side table with one byte per `1 << shift` bytes of the range. All entries are zero.
    ///
    /// # Errors
    ///
    /// The system refuses the addresses.
    ///
    /// # Panics
    ///
    /// When `shift` is as large as the number of bits of an address.
    pub fn table(&mut self, shift: u32) -> Result<ByteTable, OsError> {
        #[cfg(any(test, feature = "conformance"))]
        os::fault::reserve()?;
        let most = self.most;
        let land = self.land_mut();
        let left_behind = land.tables.iter_mut().find(|(table, in_use)| table.shift() == shift && !in_use);
        if let Some((table, in_use)) = left_behind {
            *in_use = true;
            return Ok(table.clone());
        }
        let ordinal = land.tables.iter().filter(|(table, _)| table.shift() == shift).count();
        let (column, base) = land.claim.column(shift, ordinal)?;
        // SAFETY: the column covers the pool to its end, this slot's part belongs to whoever has the slot, and whoever had
        // it before left zeros.
        let table = unsafe { ByteTable::new(column, base, most.min(land.claim.horizon()), shift) };
        land.tables.push((table.clone(), true));
        Ok(table)
    }

    /// Makes all tables available for the first `bytes` of the range, whether it is so long already or not.
    ///
    /// # Errors
    ///
    /// The system refuses. Some tables may be available further than others then.
    pub(super) fn commit_tables_for(&self, bytes: usize) -> Result<(), OsError> {
        self.land().tables.iter().filter(|(_, in_use)| *in_use).try_for_each(|(table, _)| table.commit_for(bytes))
    }

    /// The bytes of one part that lie in a range: its number, and where they end, counted from the part's start.
    fn parts_of(&self, range: Range<usize>) -> impl Iterator<Item = (usize, usize)> + use<> {
        let shift = self.part_shift;
        let last = range.end.saturating_sub(1) >> shift;
        (range.start >> shift..last + 1).map(move |part| (part, (range.end - (part << shift)).min(1 << shift)))
    }

    /// Makes a range (offsets from the base, in bytes) readable and writable. One compare when it is, for each part.
    ///
    /// # Errors
    ///
    /// The system refuses, or the range is not inside the reservation as it is. Nothing has changed then that a caller
    /// could see.
    pub fn commit(&mut self, range: Range<usize>) -> Result<(), OsError> {
        if range.is_empty() {
            return Ok(());
        }
        for (part, end) in self.parts_of(range.clone()) {
            if end > self.land().committed[part] {
                self.grow_commit(part, end, range.end)?;
            }
        }
        Ok(())
    }

    #[cold]
    fn grow_commit(&mut self, part: usize, end: usize, range_end: usize) -> Result<(), OsError> {
        if range_end > self.bytes {
            return Err(OsError::OUT_OF_RANGE);
        }
        #[cfg(any(test, feature = "conformance"))]
        os::fault::commit()?;
        let first = part << self.part_shift;
        let longest = (self.bytes - first).min(1 << self.part_shift);
        let (base, land) = (self.base, self.land_mut());
        let old = land.committed[part];
        let new = if land.claim.is_committed() {
            end.next_multiple_of(os::page_bytes()).min(longest)
        } else {
            let chunk = old.next_power_of_two().clamp(COMMIT_FIRST, COMMIT_CHUNK);
            let new = end.next_multiple_of(chunk).min(longest);
            // SAFETY: `old < new`, and both are inside the part, which is inside the reservation; they are multiples of
            // 64 KiB, because the chunks and the length of the reservation are.
            unsafe { os::commit(base.add(first + old), new - old)? };
            new
        };
        land.committed[part] = new;
        Ok(())
    }

    /// Asks the system for huge pages wherever the range is touched from now on, committed already or not.
    pub fn advise_huge_pages(&mut self) {
        self.land_mut().huge_pages = true;
        self.advise(0);
    }

    fn advise(&self, from: usize) {
        // SAFETY: the range is this reservation's; both ends are multiples of 64 KiB.
        unsafe { os::advise_huge_pages(self.base.add(from), self.bytes - from) }
    }

    /// Offers the pages that lie wholly in `range` (offsets from the base, in bytes) back to the system. They can
    /// still be read and written, and hold their old contents or zeros, page by page. What was never committed has no
    /// pages, and is left alone.
    ///
    /// # Safety
    ///
    /// No reference into the range is live, and nobody relies on its contents.
    pub unsafe fn decommit(&self, range: Range<usize>) {
        for (part, end) in self.parts_of(range.clone()) {
            let first = part << self.part_shift;
            let end = first + end.min(self.land().committed.get(part).map_or(0, |bytes| *bytes));
            // SAFETY: committed memory of this reservation; the caller vouches for contents and references.
            unsafe { give_back(self.base, range.start.max(first)..end) }
        }
    }
}

/// Offers the whole pages of a range, as offsets from `base`, to the system.
///
/// # Safety
///
/// As for [`os::decommit`], but that the ends need not be multiples of pages; `base` is one.
unsafe fn give_back(base: NonNull<u8>, range: Range<usize>) {
    let page = os::page_bytes();
    let start = range.start.next_multiple_of(page);
    let end = range.end - range.end % page;
    if start < end {
        // SAFETY: the rounded range is inside the caller's.
        unsafe { os::decommit(base.add(start), end - start) }
    }
}

fn round_up(bytes: usize) -> Result<usize, OsError> {
    bytes.checked_next_multiple_of(RESERVATION_GRANULE).ok_or(OsError::OUT_OF_RANGE)
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(land) = self.land.take() {
            land.retire(self.retirement);
        }
    }
}

impl Land {
    /// How long the slot is now, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.claim.bytes()
    }

    /// How long a heap on it may become, in bytes.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The heap is gone, and nobody holds a pointer into it any more: that is the promise of whoever made pointers.
    fn retire(mut self: Box<Self>, retirement: Retirement) {
        if self.claim.is_alone() {
            return;
        }
        if self.tables.iter_mut().any(|(table, _)| table.is_shared()) {
            // Somebody kept a handle, and could write to what would be another heap's table.
            self.give_back_from(0);
            return self.claim.abandon();
        }
        for range in self.touched() {
            for (table, _) in &self.tables {
                // SAFETY: no other handle exists.
                unsafe { table.clear(range.clone()) };
            }
        }
        if retirement == Retirement::Sealed {
            return self.claim.seal();
        }
        if retirement == Retirement::Wiped {
            for range in self.touched() {
                // SAFETY: committed memory of this slot, and nobody refers to it.
                unsafe { os::clear(self.claim.base().add(range.start), range.len()) };
            }
        }
        // Memory that must be committed is counted while it is, and an advice can be taken back only with the mapping.
        let counted = !self.claim.is_committed() && self.committed.iter().sum::<usize>() > COMMIT_FIRST;
        if self.huge_pages || counted {
            return self.claim.renew();
        }
        self.give_back_from(KEEP_WARM);
        self.tables.iter_mut().for_each(|(_, in_use)| *in_use = false);
        warm::put(self);
    }

    /// Gives the slot back to its pool, and its pages to the system.
    pub(super) fn release(mut self: Box<Self>) {
        if self.claim.is_committed() {
            self.give_back_from(0);
        } else {
            self.claim.renew();
        }
    }

    /// The committed bytes of each part, as offsets from the base.
    fn touched(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (shift, committed) = (part_shift(self.most), self.committed);
        (0..PARTS).map(move |part| part << shift..(part << shift) + committed[part]).filter(|range| !range.is_empty())
    }

    /// Gives all committed pages back to the system but those of the first `keep` committed bytes. The others need not be
    /// remembered any longer, where committing them again costs nothing.
    fn give_back_from(&mut self, mut keep: usize) {
        for range in self.touched() {
            let kept = range.len().min(keep);
            keep -= kept;
            // SAFETY: committed memory of this slot, to which nobody refers and whose contents nobody needs.
            unsafe { give_back(self.claim.base(), range.start + kept..range.end) };
            if self.claim.is_committed() {
                self.committed[range.start >> part_shift(self.most)] = kept;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::os::{RESERVATION_ALIGN, fault};
    use super::*;

    /// Both ways of the system: untouched memory is free, or it is counted.
    fn both(test: impl Fn()) {
        for on_demand in [false, true] {
            fault::commit_on_demand(on_demand);
            test();
        }
        fault::commit_on_demand(false);
    }

    #[test]
    fn commits_growing_prefixes_of_its_parts() {
        both(|| {
            let mut r = Reservation::new(40 << 20, 40 << 20).unwrap();
            assert!(r.base().addr().get().is_multiple_of(RESERVATION_ALIGN));
            assert_eq!(r.committed(), 0);
            r.commit(0..0).unwrap();
            assert_eq!(r.committed(), 0);
            r.commit(0..1).unwrap();
            let first = r.committed();
            assert!(first <= COMMIT_FIRST);
            r.commit(0..first).unwrap();
            assert_eq!(r.committed(), first);
            // The second part is left alone by what lies behind it.
            r.commit((9 << 20)..(9 << 20) + 5).unwrap();
            assert!(r.committed() <= first + (1 << 20) + COMMIT_FIRST, "{}", r.committed());
            // SAFETY: committed.
            unsafe { r.base().add((9 << 20) + 4).write(7) };
            r.commit(0..r.bytes()).unwrap();
            assert_eq!(r.committed(), r.bytes());
            assert!(r.commit(0..r.bytes() + 1).is_err() && r.commit(r.bytes()..r.bytes() + 1).is_err());
            // SAFETY: the last committed byte.
            unsafe { r.base().add(r.bytes() - 1).write(7) };
            assert!(r.contains(r.base().addr().get()) && r.contains(r.base().addr().get() + r.bytes() - 1));
            assert!(!r.contains(r.base().addr().get() - 1) && !r.contains(r.base().addr().get() + r.bytes()));
        });
    }

    #[test]
    fn a_refused_commit_changes_nothing() {
        both(|| {
            let mut r = Reservation::new(16 << 20, 16 << 20).unwrap();
            fault::fail_commit_after(2);
            r.commit(0..1).unwrap();
            let before = r.committed();
            assert!(r.commit((5 << 20)..(6 << 20)).is_err());
            assert_eq!(r.committed(), before);
            r.commit((5 << 20)..(6 << 20)).unwrap();
            assert!(r.committed() >= before + (2 << 20));
        });
    }

    #[test]
    fn sizes_that_nobody_has_are_refused() {
        fault::fail_reserve_after(1);
        assert!(Reservation::new(1 << 20, 1 << 20).is_err());
        assert!(Reservation::new(0, 0).is_err());
        assert!(Reservation::new(usize::MAX, usize::MAX).is_err());
        if cfg!(not(miri)) {
            // No system grants half of all addresses.
            assert!(Reservation::new(usize::MAX / 8, usize::MAX / 4).is_err());
        }
    }

    #[test]
    fn decommitting_keeps_the_neighbours_and_either_the_contents_or_zeros() {
        let mut r = Reservation::new(4 << 20, 4 << 20).unwrap();
        r.commit(0..4 << 20).unwrap();
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
    fn what_was_never_committed_is_not_given_back() {
        both(|| {
            let mut r = Reservation::new(40 << 20, 40 << 20).unwrap();
            r.commit((9 << 20)..(10 << 20)).unwrap();
            let before = r.committed();
            // SAFETY: nothing refers to the range.
            unsafe {
                r.base().add((10 << 20) - 1).write(5);
                r.base().add(8 << 20).write(6);
                r.decommit(0..(10 << 20) - 4096);
                r.decommit((20 << 20)..(99 << 20));
                r.decommit(5..5);
                assert_eq!(r.base().add((10 << 20) - 1).read(), 5);
                assert!([0, 6].contains(&r.base().add(8 << 20).read()));
            }
            assert_eq!(r.committed(), before);
        });
    }
}
