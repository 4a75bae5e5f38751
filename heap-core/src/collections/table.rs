//! [`Table`]: the insertion-ordered hash table behind all maps and sets.
//!
//! ```text
//!   TableObject ─┬─▶ entries: (hash, key, value) in the order of insertion ─ removed ones are holes ─ room
//!                └─▶ index:   open addressing; a slot is empty, removed, or 1 + the number of an entry, with bits of its hash
//! ```
//!
//! The layout of Python's dict. Iterating is a walk over the entries. Up to [`UNINDEXED`] entries are searched by their
//! hashes, without an index. The index has two slots for each entry of the capacity, and every insertion takes at most one of
//! them, so at least half are empty: probing is linear. When the entries are full, the table is rebuilt: with the kept hashes,
//! without the holes.
//!
//! *Bits of the hash in the index.* A number needs as many bits as the index has slots. The others of the 32 hold upper bits
//! of the entry's hash, so that a probe that meets somebody else's entry ends in the index, without the entry's cache line:
//! all but one in 2¹⁵ of them in an index of 2¹⁷ slots. Two million lookups among 1.25 million keys, of which a third is there,
//! took 131 milliseconds without these bits and 102 with them; where a table fits the second-level cache a fifth of the
//! misses of the first level went, for up to 7 % more instructions, and no difference in time could be shown.
//!
//! Invariants: `used` entries are filled, and not more than there are; there is an index exactly when the capacity is
//! above [`UNINDEXED`]; what an index slot names is below `used`. All of it changes together, with no code of the program
//! between.
//!
//! *Code of the program* runs inside a search: it compares keys, and may change the table that is searched. Nothing is
//! borrowed then. The search goes on in the storage that it began in, which stays intact until the next safepoint, whoever
//! replaced it. At its end the table's [`changes`](Counts) say whether its answer is worth anything.

use core::cell::Cell;

use super::slots::Slots;
use crate::Trace;
use crate::api::gc::Gc;
use crate::api::lock::Lock;
use crate::api::mutator::Mutator;
use crate::error::AllocError;
use crate::store;
use crate::trace::Facts;

/// Entries that are searched without an index.
const UNINDEXED: usize = 8;
/// The capacity of a table that begins to have entries.
const FIRST_CAPACITY: usize = 4;
/// Entries have numbers of 32 bits, and two numbers are taken.
const LAST_CAPACITY: usize = 1 << 31;

/// An index slot that was never used.
const EMPTY: u32 = 0;

/// How an index with a power of two of slots is read: where a hash begins to probe, and what its slots say.
#[derive(Clone, Copy)]
struct Probe {
    /// One less than there are slots. The bits of a slot that are a number.
    mask: u32,
    /// The bits of the hash that are beside the number.
    tag: u32,
    at: u32,
}

impl Probe {
    /// For an index with so many slots. The uppermost bit of a hash is [`OCCUPIED`] and tells nothing, so the tag has those
    /// below it.
    #[inline]
    fn new(slots: usize, hash: u64) -> Self {
        let mask = (slots - 1) as u32;
        Probe { mask, tag: (hash >> 31) as u32 & !mask, at: hash as u32 & mask }
    }

    /// The number of the entry that a slot names, if bits of its hash are the same. That of a removed one is no entry's.
    #[inline]
    fn names(self, slot: u32) -> Option<u32> {
        let number = slot ^ self.tag;
        (number <= self.mask).then(|| number.wrapping_sub(1))
    }

    /// What a slot says whose entry has this number.
    #[inline]
    fn slot(self, number: u32) -> u32 {
        debug_assert!(number < self.mask / 2 + 1, "half of the slots are empty");
        self.tag | (number + 1)
    }

    /// What a slot says whose entry was removed: more than there are entries, and not [`EMPTY`].
    #[inline]
    fn removed(self) -> u32 {
        self.tag | self.mask
    }

    #[inline]
    fn step(&mut self) {
        self.at = (self.at + 1) & self.mask;
    }
}

/// Set in the hash of every entry; clear where an untraced entry was removed.
const OCCUPIED: u64 = 1 << 63;

/// A key, its value, and the hash that it was inserted with.
#[derive(Trace, Clone, Copy)]
pub(super) struct Entry<K, V> {
    hash: u64,
    pub(super) key: K,
    pub(super) value: V,
}

#[derive(Clone, Copy)]
struct Counts {
    /// Entries in use, the removed ones too.
    used: u32,
    /// Entries that were not removed.
    live: u32,
    /// Rises with each new entry, and when entries get other numbers.
    added: u64,
    /// Rises with each change but that of a value.
    changes: u64,
}

#[derive(Trace)]
struct TableObject<'gc, K, V> {
    entries: Lock<Option<Slots<'gc, Entry<K, V>>>>,
    index: Lock<Option<Slots<'gc, u32>>>,
    // Not traced, so written without a barrier.
    #[trace(require_static)]
    counts: Cell<Counts>,
}

/// A pointer to a table.
#[derive(Trace)]
pub(super) struct Table<'gc, K, V>(Gc<'gc, TableObject<'gc, K, V>>);

impl<K, V> Clone for Table<'_, K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<'_, K, V> {}

/// Where an entry was found. Good until the table changes.
#[derive(Clone, Copy)]
pub(super) struct Found {
    entry: usize,
    /// Its place in the index, if there is one.
    slot: Option<usize>,
}

impl Found {
    /// The number behind that of the entry, for [`Table::next`].
    pub(super) fn behind(self) -> usize {
        self.entry + 1
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc> Table<'gc, K, V> {
    const TRACED: bool = <<Entry<K, V> as Trace<'gc>>::Facts as Facts<'gc>>::NEEDS_TRACE;

    pub(super) fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        let counts = Cell::new(Counts { used: 0, live: 0, added: 0, changes: 0 });
        Ok(Table(Gc::try_new(mc, TableObject { entries: Lock::new(None), index: Lock::new(None), counts })?))
    }

    #[inline]
    fn counts(self) -> Counts {
        self.0.counts.get()
    }

    #[inline]
    fn update(self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts();
        change(&mut counts);
        self.0.counts.set(counts);
    }

    /// The number of entries.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.counts().live as usize
    }

    /// The number of entries for which there is storage.
    pub(super) fn capacity(self) -> usize {
        self.0.entries.get().map_or(0, Slots::capacity)
    }

    /// The number of entries whose room is taken, the removed ones too.
    pub(super) fn used(self) -> usize {
        self.counts().used as usize
    }

    /// Differs after a key was added, and after entries got other numbers.
    #[inline]
    pub(super) fn additions(self) -> u64 {
        self.counts().added
    }

    pub(super) fn as_ptr(self) -> *const () {
        Gc::as_ptr(self.0)
    }

    pub(super) fn ptr_eq(self, other: Self) -> bool {
        Gc::ptr_eq(self.0, other.0)
    }

    /// The first entry from this number on, and the number behind it.
    #[inline]
    pub(super) fn next(self, from: usize) -> Option<(usize, Entry<K, V>)> {
        let entries = self.0.entries.get()?;
        (from..self.counts().used as usize).find_map(|number| Some((number + 1, Self::entry(entries, number)?)))
    }

    /// All entries, in the order of insertion.
    ///
    /// # Panics
    /// A step panics when a key was added since, or entries got other numbers.
    pub(super) fn entries(self) -> impl Iterator<Item = Entry<K, V>> + use<'gc, K, V> {
        let (mut from, additions) = (0, self.additions());
        core::iter::from_fn(move || {
            assert!(self.additions() == additions, "{Changed}");
            let (next, entry) = self.next(from)?;
            from = next;
            Some(entry)
        })
    }

    /// An entry below `used`, unless it was removed.
    #[inline]
    fn entry(entries: Slots<'gc, Entry<K, V>>, number: usize) -> Option<Entry<K, V>> {
        // SAFETY: what is below `used` exists and is filled, and is never unfilled.
        unsafe { entries.get(number) }.filter(|entry| entry.hash & OCCUPIED != 0)
    }

    /// Finds the entry with this hash that is the `same`.
    #[inline]
    pub(super) fn find(self, hash: u64, mut same: impl FnMut(&Entry<K, V>) -> bool) -> Option<(Found, Entry<K, V>)> {
        loop {
            let before = self.counts().changes;
            let found = self.search(hash | OCCUPIED, &mut same);
            // Comparing keys may have run code that changed the table.
            if self.counts().changes == before {
                return found;
            }
        }
    }

    #[inline]
    fn search(self, hash: u64, same: &mut impl FnMut(&Entry<K, V>) -> bool) -> Option<(Found, Entry<K, V>)> {
        let entries = self.0.entries.get()?;
        let mut matching = |number: usize, slot| {
            let entry = Self::entry(entries, number)?;
            (entry.hash == hash && same(&entry)).then_some((Found { entry: number, slot }, entry))
        };
        let used = self.counts().used;
        let Some(index) = self.0.index.get() else {
            return (0..used as usize).find_map(|number| matching(number, None));
        };
        let mut probe = Probe::new(index.capacity(), hash);
        loop {
            // SAFETY: the index is filled when it is made, and the mask keeps within it.
            let slot = unsafe { index.get(probe.at as usize) }.unwrap_or(EMPTY);
            if slot == EMPTY {
                return None;
            }
            if let Some(number) = probe.names(slot)
                && number < used
                && let Some(found) = matching(number as usize, Some(probe.at as usize))
            {
                return Some(found);
            }
            probe.step();
        }
    }

    /// Replaces the value of an entry.
    #[inline]
    pub(super) fn set_value(self, mc: &Mutator<'gc>, found: Found, entry: Entry<K, V>, value: V) {
        if let Some(entries) = self.0.entries.get() {
            // SAFETY: it was just found there.
            unsafe { entries.set(mc, found.entry, Some(Entry { value, ..entry })) };
        }
    }

    /// Adds a key that is not there. When the entries are full, the table is rebuilt, with those that `keep` lets through.
    #[inline]
    pub(super) fn add(
        self,
        mc: &Mutator<'gc>,
        hash: u64,
        key: K,
        value: V,
        keep: impl Fn(&K, &V) -> bool,
    ) -> Result<(), AllocError> {
        if self.counts().used as usize == self.capacity() {
            self.rebuild(mc, 1, keep)?;
        }
        let Some(entries) = self.0.entries.get() else { return Err(AllocError::TOO_LARGE) };
        let hash = hash | OCCUPIED;
        let used = self.counts().used;
        // SAFETY: there is room.
        unsafe { entries.set(mc, used as usize, Some(Entry { hash, key, value })) };
        if let Some(index) = self.0.index.get() {
            Self::enter(index, hash, used);
        }
        self.update(|counts| {
            counts.used += 1;
            counts.live += 1;
            counts.added += 1;
            counts.changes += 1;
        });
        Ok(())
    }

    /// Enters an entry into the index, which has an empty slot.
    #[inline]
    fn enter(index: Slots<'gc, u32>, hash: u64, number: u32) {
        let mut probe = Probe::new(index.capacity(), hash);
        // SAFETY: the index is filled when it is made, and the mask keeps within it. It holds no pointers, so there is no
        // barrier.
        unsafe {
            while index.get(probe.at as usize).is_some_and(|taken| taken != EMPTY) {
                probe.step();
            }
            index.put(probe.at as usize, Some(probe.slot(number)));
        }
    }

    /// Removes an entry.
    pub(super) fn remove(self, mc: &Mutator<'gc>, found: Found, entry: Entry<K, V>) {
        let Some(entries) = self.0.entries.get() else { return };
        let hole = if Self::TRACED { None } else { Some(Entry { hash: 0, ..entry }) };
        // SAFETY: it was just found there.
        unsafe { entries.set(mc, found.entry, hole) };
        if let (Some(index), Some(slot)) = (self.0.index.get(), found.slot) {
            // SAFETY: it was just found there; not traced.
            unsafe { index.put(slot, Some(Probe::new(index.capacity(), entry.hash).removed())) };
        }
        self.update(|counts| {
            counts.live -= 1;
            counts.changes += 1;
        });
    }

    /// Removes the entry with this number, if it is there.
    pub(super) fn remove_number(self, mc: &Mutator<'gc>, number: usize) {
        let entries = self.0.entries.get().filter(|_| number < self.counts().used as usize);
        let Some(entry) = entries.and_then(|entries| Self::entry(entries, number)) else { return };
        let mut slot = None;
        if let Some(index) = self.0.index.get() {
            let mut probe = Probe::new(index.capacity(), entry.hash);
            // SAFETY: the index is filled, the mask keeps within it; the entry is in the index, so that it ends.
            while unsafe { index.get(probe.at as usize) } != Some(probe.slot(number as u32)) {
                probe.step();
            }
            slot = Some(probe.at as usize);
        }
        self.remove(mc, Found { entry: number, slot }, entry);
    }

    /// Drops everything, the storage too.
    pub(super) fn clear(self, mc: &Mutator<'gc>) {
        store!(mc, (self.0).entries, None);
        store!(mc, (self.0).index, None);
        self.update(|counts| {
            *counts = Counts { used: 0, live: 0, added: counts.added + 1, changes: counts.changes + 1 };
        });
    }

    /// Makes room for so many entries more, and drops those that `keep` does not let through.
    #[cold]
    #[inline(never)]
    pub(super) fn rebuild(
        self,
        mc: &Mutator<'gc>,
        additional: usize,
        keep: impl Fn(&K, &V) -> bool,
    ) -> Result<(), AllocError> {
        let (old, keep) = (self, &keep);
        let kept = || {
            let mut from = 0;
            core::iter::from_fn(move || {
                loop {
                    let (next, entry) = old.next(from)?;
                    from = next;
                    if keep(&entry.key, &entry.value) {
                        return Some(entry);
                    }
                }
            })
        };
        let live = kept().count();
        // Half as much room again: a table that is full because of its holes is rebuilt with the capacity that it has.
        let wanted = live.saturating_add(additional).saturating_mul(3) / 2;
        if wanted > LAST_CAPACITY {
            return Err(AllocError::TOO_LARGE);
        }
        let capacity = wanted.max(FIRST_CAPACITY).next_power_of_two();
        let entries = match self.0.entries.get() {
            // SAFETY: what is below `used` exists and is filled; all of it is alive, and there is room for it.
            Some(old) if live == self.used() => unsafe { Slots::try_moved(mc, capacity, old, live) },
            _ => Slots::try_new(mc, capacity, kept()),
        }?;
        let index = if capacity <= UNINDEXED {
            None
        } else {
            let index = Slots::try_new(mc, 2 * capacity, core::iter::repeat(EMPTY))?;
            kept().zip(0..).for_each(|(entry, number)| Self::enter(index, entry.hash, number));
            Some(index)
        };
        store!(mc, (self.0).entries, Some(entries));
        store!(mc, (self.0).index, index);
        self.update(|counts| {
            counts.used = live as u32;
            counts.live = live as u32;
            counts.added += 1;
            counts.changes += 1;
        });
        Ok(())
    }
}

/// A map got a new key, or other storage, while it was iterated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed;

impl core::fmt::Display for Changed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("map changed during iteration: it got a new key, or other storage")
    }
}

impl core::error::Error for Changed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_names_the_entry_that_it_was_made_for() {
        for slots in [32_usize, 1 << 17, 1 << 31, 1 << 32] {
            for hash in [0, 1, u64::MAX, 0x8000_0000_0000_0000, 0x0123_4567_89AB_CDEF] {
                let probe = Probe::new(slots, hash);
                for number in [0, 1, (slots / 2 - 1) as u32] {
                    let slot = probe.slot(number);
                    assert_ne!(slot, EMPTY);
                    assert_ne!(slot, probe.removed());
                    assert_eq!(probe.names(slot), Some(number));
                    if probe.mask != u32::MAX {
                        assert_eq!(probe.names(slot ^ (probe.mask + 1)), None, "the bits of another hash");
                    }
                }
                assert_ne!(probe.removed(), EMPTY);
                assert!(probe.names(probe.removed()).is_none_or(|number| number as usize > slots / 2));
            }
        }
    }
}
