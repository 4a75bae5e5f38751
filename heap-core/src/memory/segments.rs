//! Lists that grow by segments: what a pause looks through, and a program makes longer.
//!
//! A vector that grows copies itself; one of a million entries does so in milliseconds, at a moment nobody chose, and
//! needs twice its memory for it. These lists grow by a segment of 16 KiB and never copy. Growing is fallible and is the
//! only thing that asks for memory: everything else, [`retain_from`](Segments::retain_from) above all, works in place.
//!
//! A list can be gone through in steps ([`retain_next`](Segments::retain_next)), and be used in between: what is kept moves
//! down to the others that were, so that there is a *gap* between what was looked at and what was not. Whoever names
//! entries by their numbers does not see it.
//!
//! [`Aged`] is such a list in two parts: its front holds what has survived a collection, its back what came since.

use core::mem::MaybeUninit;
use core::ops::Range;

/// Bytes of a segment.
const SEGMENT_BYTES: usize = 16 << 10;

/// A list of plain values.
pub struct Segments<T> {
    segments: Vec<Box<[MaybeUninit<T>]>>,
    /// Places in use, those of the gap included.
    end: usize,
    /// Places that hold no entry. Behind a gap that is not empty there are entries.
    gap: Range<usize>,
}

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Segments { segments: Vec::new(), end: 0, gap: 0..0 }
    }
}

/// The list could not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRefused;

impl<T: Copy> Segments<T> {
    /// Entries of a segment: a power of two, so that finding one is a shift and a mask.
    const PER_SEGMENT: usize = {
        assert!(size_of::<T>() > 0 && size_of::<T>() <= 64);
        SEGMENT_BYTES / size_of::<T>().next_power_of_two()
    };

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.gap.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Entries that the list can hold without asking for memory.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.segments.len() * Self::PER_SEGMENT - self.gap.len()
    }

    /// Bytes of memory that the list holds.
    pub fn memory_bytes(&self) -> usize {
        self.segments.len() * Self::PER_SEGMENT * size_of::<T>()
    }

    /// Makes room for `capacity` entries in all.
    ///
    /// # Errors
    /// When the system refuses memory.
    #[inline]
    pub fn reserve_total(&mut self, capacity: usize) -> Result<(), SegmentRefused> {
        while self.capacity() < capacity {
            self.grow()?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result<(), SegmentRefused> {
        if crate::fault::refuse_lists() {
            return Err(SegmentRefused);
        }
        let mut segment: Vec<MaybeUninit<T>> = Vec::new();
        segment.try_reserve_exact(Self::PER_SEGMENT).map_err(|_| SegmentRefused)?;
        segment.resize_with(Self::PER_SEGMENT, MaybeUninit::uninit);
        self.segments.try_reserve(1).map_err(|_| SegmentRefused)?;
        // The vector is exactly full, so that this keeps its memory.
        self.segments.push(segment.into_boxed_slice());
        Ok(())
    }

    /// Appends an entry for which there is room.
    ///
    /// # Panics
    /// When there is none: [`reserve_total`](Self::reserve_total) comes first.
    #[inline]
    pub fn push(&mut self, entry: T) {
        self.write(self.end, entry);
        self.end += 1;
    }

    /// The entry at `index`.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn get(&self, index: usize) -> T {
        self.read(index + if index < self.gap.start { 0 } else { self.gap.len() })
    }

    #[inline]
    fn read(&self, place: usize) -> T {
        assert!(place < self.end);
        // SAFETY: places below `end` were written: those of the gap too, before they were in it.
        unsafe { self.segments[place / Self::PER_SEGMENT][place % Self::PER_SEGMENT].assume_init() }
    }

    #[inline]
    fn write(&mut self, place: usize, entry: T) {
        self.segments[place / Self::PER_SEGMENT][place % Self::PER_SEGMENT].write(entry);
    }

    /// All entries from `from` on.
    pub fn iter_from(&self, from: usize) -> impl Iterator<Item = T> + '_ {
        (from..self.len()).map(|index| self.get(index))
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.iter_from(0)
    }

    /// Appends an entry, and makes room for it when there is none.
    ///
    /// # Errors
    /// When the system refuses memory. The entry was not appended.
    #[inline]
    pub fn try_push(&mut self, entry: T) -> Result<(), SegmentRefused> {
        self.reserve_total(self.len() + 1)?;
        self.push(entry);
        Ok(())
    }

    /// Removes all entries, and keeps the memory.
    pub fn clear(&mut self) {
        self.end = 0;
        self.gap = 0..0;
    }

    /// Removes and returns the last entry.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let last = self.end.checked_sub(1)?;
        let entry = self.read(last);
        self.end = last;
        self.close_gap_at_end();
        Some(entry)
    }

    /// Keeps of the entries from `from` on those for which `keep` gives a value, which takes the entry's place; their
    /// order stays. `ahead` sees each entry some time before `keep` does, to have it fetched into the cache. In place.
    /// `keep` is told the number that the entry has when the ones before it that were not kept are gone.
    #[inline]
    pub fn retain_from(&mut self, from: usize, ahead: impl Fn(T), keep: impl FnMut(usize, T) -> Option<T>) {
        self.close_gap();
        self.retain_next(from, usize::MAX, ahead, keep);
    }

    /// As [`retain_from`](Self::retain_from), for the next `most` entries, the first of which has the number `at`. Returns
    /// the number of the first that is left: where to go on.
    ///
    /// # Panics
    /// When `at` is not where it was left off.
    #[inline]
    pub fn retain_next(
        &mut self,
        at: usize,
        most: usize,
        ahead: impl Fn(T),
        mut keep: impl FnMut(usize, T) -> Option<T>,
    ) -> usize {
        /// How far ahead entries are announced.
        const AHEAD: usize = 20;
        assert!(at <= self.end && (self.gap.is_empty() || self.gap.start == at), "not where it was left off");
        let first = if self.gap.is_empty() { at } else { self.gap.end };
        let mut kept = at;
        let stop = self.end.min(first.saturating_add(most));
        for place in first..stop {
            if place + AHEAD < self.end {
                ahead(self.read(place + AHEAD));
            }
            if let Some(entry) = keep(kept, self.read(place)) {
                self.write(kept, entry);
                kept += 1;
            }
        }
        self.gap = kept..stop;
        self.close_gap_at_end();
        kept
    }

    /// Moves what is behind the gap down: whoever went through the list in steps will not go on.
    fn close_gap(&mut self) {
        let gap = core::mem::take(&mut self.gap);
        if gap.is_empty() {
            return;
        }
        for place in gap.end..self.end {
            let entry = self.read(place);
            self.write(place - gap.len(), entry);
        }
        self.end -= gap.len();
    }

    /// A gap with nothing behind it is no gap.
    #[inline]
    fn close_gap_at_end(&mut self) {
        if self.gap.end == self.end {
            self.end = core::mem::take(&mut self.gap).start;
        }
    }

    /// Gives memory back, but stays able to hold `capacity` entries, and one segment more, so that a list whose length
    /// swings does not ask every time.
    pub fn shrink_to(&mut self, capacity: usize) {
        self.segments.truncate(capacity.max(self.end).div_ceil(Self::PER_SEGMENT) + 1);
    }
}

/// A list in two parts: what is old, and behind it what is young.
pub struct Aged<T> {
    entries: Segments<T>,
    old: usize,
}

impl<T> Default for Aged<T> {
    fn default() -> Self {
        Aged { entries: Segments::default(), old: 0 }
    }
}

impl<T: Copy> Aged<T> {
    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of entries that are old: they come first.
    #[inline]
    pub fn old(&self) -> usize {
        self.old
    }

    /// Makes room for one entry more.
    ///
    /// # Errors
    /// When the system refuses memory.
    #[inline]
    pub fn reserve(&mut self) -> Result<(), SegmentRefused> {
        self.entries.reserve_total(self.entries.len() + 1)
    }

    /// Appends a young entry, for which there is room.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn push(&mut self, entry: T) {
        self.entries.push(entry);
    }

    /// All entries from the given one on.
    pub fn iter_from(&self, from: usize) -> impl Iterator<Item = T> + '_ {
        self.entries.iter_from(from)
    }

    /// The entry at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> T {
        self.entries.get(index)
    }

    /// As [`Segments::retain_from`]. What is old and stays is still old.
    pub fn retain_from(&mut self, from: usize, ahead: impl Fn(T), mut keep: impl FnMut(usize, T) -> Option<T>) {
        let Aged { entries, old } = self;
        entries.retain_from(from, ahead, |index, entry| noting(old, index, keep(index, entry)));
    }

    /// As [`Segments::retain_next`]. What is old and stays is still old.
    pub fn retain_next(
        &mut self,
        at: usize,
        most: usize,
        ahead: impl Fn(T),
        mut keep: impl FnMut(usize, T) -> Option<T>,
    ) -> usize {
        let Aged { entries, old } = self;
        entries.retain_next(at, most, ahead, |index, entry| noting(old, index, keep(index, entry)))
    }

    /// Bytes of the list's memory.
    pub fn memory_bytes(&self) -> usize {
        self.entries.memory_bytes()
    }

    /// Everything is old from now on. What memory the young had is given back, apart from one segment.
    pub fn age(&mut self) {
        self.old = self.entries.len();
        self.entries.shrink_to(0);
    }
}

/// The entry `index` is kept or not: `old` entries are old afterwards.
#[inline]
fn noting<T>(old: &mut usize, index: usize, kept: Option<T>) -> Option<T> {
    *old -= usize::from(kept.is_none() && index < *old);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(n: u64) -> Segments<u64> {
        let mut list = Segments::default();
        for entry in 0..n {
            list.reserve_total(list.len() + 1).unwrap();
            list.push(entry);
        }
        list
    }

    #[test]
    fn what_is_kept_keeps_its_order() {
        let mut list = list(100_000);
        let mut kept = 50_000;
        list.retain_from(
            50_000,
            |_| {},
            |index, entry| {
                assert_eq!(index, kept);
                kept += usize::from(entry.is_multiple_of(3));
                entry.is_multiple_of(3).then_some(entry + 1)
            },
        );
        let expected: Vec<u64> = (0..50_000).chain((50_000..100_000).filter(|n| n % 3 == 0).map(|n| n + 1)).collect();
        assert!(list.iter().eq(expected.iter().copied()));
        list.shrink_to(0);
        assert!(list.capacity() < list.len() + 2 * 2048, "memory goes back");
        assert_eq!(list.pop(), expected.last().copied());
        list.retain_from(0, |_| {}, |_, _| None);
        assert!(list.is_empty() && list.pop().is_none());
    }

    #[test]
    fn a_list_is_used_while_it_is_gone_through() {
        for most in [1, 7, 1000, 5000] {
            let mut list = list(10_000);
            let (mut expected, mut seen): (Vec<u64>, Vec<u64>) = ((0..10_000).collect(), Vec::new());
            let (mut at, mut next) = (100, 10_000);
            while at < list.len() {
                at = list.retain_next(
                    at,
                    most,
                    |_| {},
                    |_, entry| {
                        seen.push(entry);
                        (entry % 3 == 0).then_some(entry)
                    },
                );
                expected.retain(|&entry| entry < 100 || entry % 3 == 0 || !seen.contains(&entry));
                assert!(list.iter().eq(expected.iter().copied()) && list.len() == expected.len());
                if next < 10_010 {
                    list.reserve_total(list.len() + 1).unwrap();
                    list.push(next);
                    expected.push(next);
                    next += 1;
                }
            }
            assert!(seen.iter().copied().eq(100..next), "each is looked at once");
        }
    }

    #[test]
    fn what_was_left_off_can_be_begun_again() {
        let mut list = list(100);
        list.retain_next(0, 50, |_| {}, |_, entry| (entry % 2 == 0).then_some(entry));
        assert_eq!((list.len(), list.get(24), list.get(25)), (75, 48, 50));
        assert_eq!(list.pop(), Some(99));
        list.retain_from(0, |_| {}, |_, entry| (entry % 3 == 0).then_some(entry));
        assert!(list.iter().eq((0..99).filter(|n| n % 3 == 0 && (n % 2 == 0 || *n >= 50))));
    }

    #[test]
    fn growing_is_refused_and_nothing_else_is() {
        let mut list = list(2048);
        assert_eq!(list.capacity(), 2048);
        crate::fault::refuse_lists_while(true);
        assert_eq!(list.reserve_total(2049), Err(SegmentRefused));
        crate::fault::refuse_lists_while(false);
        assert_eq!(list.len(), 2048);
        list.reserve_total(2049).unwrap();
        list.push(7);
        assert_eq!(list.get(2048), 7);
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn an_entry_without_room_is_refused() {
        list(2048).push(1);
    }

    #[test]
    fn the_border_between_old_and_young_moves_with_what_is_kept() {
        let mut list = Aged::default();
        for entry in 0..10u64 {
            list.reserve().unwrap();
            list.push(entry);
            if entry == 5 {
                list.age();
            }
        }
        assert_eq!((list.old(), list.len()), (6, 10));
        list.retain_from(list.old(), |_| {}, |_, entry| (entry % 2 == 0).then_some(entry));
        assert_eq!((list.old(), list.len()), (6, 8));
        list.retain_from(0, |_| {}, |_, entry| (entry != 3 && entry != 8).then_some(entry));
        assert_eq!((list.old(), list.len()), (5, 6));
        assert!(list.iter_from(0).eq([0, 1, 2, 4, 5, 6]));
        list.age();
        assert_eq!(list.old(), 6);
    }
}
