//! Occupancy: one bit for every 8 bytes of the heap, the exact answer to what lines answer roughly.
//!
//! *What it represents.* Objects begin and end at multiples of 8 bytes, a *unit*. A unit's bit is set when it belongs to
//! somebody. There are two such bitmaps. In `present` the allocator looks for holes, and sets what it hands out; only
//! the blocks that the [index of holes](super::holes) files by units are right there. In `next` the truth of tomorrow is
//! written, while the allocator reads `present`: a marking in progress sets the units of the objects that it reaches and
//! of the holes that are handed out meanwhile, and when it is complete the two change places. (A counting collector sets
//! and clears there the units of counted objects, and copies what the allocator must know.)
//!
//! *Invariant.* When a marking begins, `next` is clear, but never cleared all at once: a block is when it is swept, and
//! when that frees it, in both. A bit too many does no harm, it only keeps memory for one marking more: markings that
//! were given up leave some, and so do over-aligned objects that are small and have blocks of their own.
//!
//! *Why not units always, and no lines?* Setting two or three bits of a word costs more than storing a line's byte; and
//! where neighbours die together lines waste nothing. So a collector marks exactly only where lines were found to waste
//! much. *Why 8 bytes?* With lines of 256 bytes, of which one object in five is kept for long, a heap of 24-byte objects
//! grows to 4.8 times what is alive. Simulated, units of 32 bytes leave 1.8, of 16 bytes 1.6, of 8 bytes 1.03. (Larger
//! units would also be shared by two objects, whose deaths a bit could not tell apart.)
//!
//! The tables take 1.6 % of the heap each, and are made when a collector first needs them.

use super::blocks::{BLOCK_BYTES, BlockIndex};
use super::lines::{LINES_PER_BLOCK, LineSet};
use super::table::ByteTable;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

/// The bytes that a bit stands for.
pub const UNIT_BYTES: usize = 8;
/// How many units a block has.
pub const UNITS_PER_BLOCK: usize = BLOCK_BYTES / UNIT_BYTES;
/// log2 of the heap bytes for one byte of a table.
pub const OCCUPANCY_SHIFT: u32 = 6;

const WORD_UNITS: usize = u64::BITS as usize;
const WORDS: usize = UNITS_PER_BLOCK / WORD_UNITS;

const _: () = assert!(LINES_PER_BLOCK == 2 * WORDS, "a word of bits is two lines");

/// One bit for every unit of the heap. A shared handle: clones see the same bits.
#[derive(Clone, Debug)]
pub struct Bits {
    table: ByteTable,
    heap_base: usize,
}

impl Bits {
    /// The bits of a heap that begins at address `heap_base`, in a table of one byte for every 64 bytes.
    ///
    /// # Panics
    ///
    /// When the table has another granularity.
    pub fn new(table: ByteTable, heap_base: usize) -> Self {
        assert_eq!(table.shift(), OCCUPANCY_SHIFT, "a bit stands for 8 bytes");
        Bits { table, heap_base }
    }

    /// Calls `each` for every word that has units of the bytes `start .. end`, and with the units' bits in it.
    #[inline]
    fn for_words(&self, bytes: Range<usize>, mut each: impl FnMut(&AtomicU64, u64)) {
        debug_assert!(bytes.start < bytes.end && bytes.start >= self.heap_base);
        // Of an address that is not the heap's, the words are not in the table.
        let first = bytes.start.wrapping_sub(self.heap_base) / UNIT_BYTES;
        let last = (bytes.end - 1).wrapping_sub(self.heap_base) / UNIT_BYTES;
        let head = u64::MAX << (first % WORD_UNITS);
        let tail = u64::MAX >> (WORD_UNITS - 1 - last % WORD_UNITS);
        let (first, last) = (first / WORD_UNITS, last / WORD_UNITS);
        if first == last {
            each(self.table.word(first), head & tail);
            return;
        }
        each(self.table.word(first), head);
        (first + 1..last).for_each(|index| each(self.table.word(index), u64::MAX));
        each(self.table.word(last), tail);
    }

    /// Sets the units of some bytes. One thread at a time: concurrent calls lose bits (they are not undefined).
    ///
    /// # Panics
    ///
    /// When the range is not inside memory of this heap that was handed out.
    #[inline]
    pub fn set(&self, bytes: Range<usize>) {
        self.for_words(bytes, |word, units| word.store(word.load(Ordering::Relaxed) | units, Ordering::Relaxed));
    }

    /// Clears the units of some bytes. One thread at a time.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set).
    #[inline]
    pub fn clear(&self, bytes: Range<usize>) {
        self.for_words(bytes, |word, units| word.store(word.load(Ordering::Relaxed) & !units, Ordering::Relaxed));
    }

    /// Whether all units of some bytes are set.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set).
    pub fn are_set(&self, bytes: Range<usize>) -> bool {
        let mut all = true;
        self.for_words(bytes, |word, units| all &= word.load(Ordering::Relaxed) & units == units);
        all
    }

    /// Whether no unit of a block is set.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn is_clear(&self, block: BlockIndex) -> bool {
        self.words_of(block).iter().fold(0, |units, word| units | word.load(Ordering::Relaxed)) == 0
    }

    /// The units of one block that are set.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn block(&self, block: BlockIndex) -> UnitSet {
        let mut set = UnitSet([0; WORDS]);
        for (copy, word) in set.0.iter_mut().zip(self.words_of(block)) {
            *copy = word.load(Ordering::Relaxed);
        }
        set
    }

    /// Sets exactly these units of a block. One thread at a time.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn set_block(&self, block: BlockIndex, units: &UnitSet) {
        for (word, &units) in self.words_of(block).iter().zip(&units.0) {
            word.store(units, Ordering::Relaxed);
        }
    }

    /// The first hole of a block that begins at or after a unit and has at least `least` units.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn next_hole(&self, block: BlockIndex, from: usize, least: usize) -> Option<Range<usize>> {
        let words = self.words_of(block);
        next_hole(|index| words[index].load(Ordering::Relaxed), from, least)
    }

    #[inline]
    fn words_of(&self, block: BlockIndex) -> &[AtomicU64; WORDS] {
        self.table.words(block.index() * WORDS * size_of::<u64>())
    }
}

/// Units of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSet([u64; WORDS]);

impl UnitSet {
    /// No unit.
    pub const EMPTY: UnitSet = UnitSet([0; WORDS]);

    /// How many units are in the set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The lines of the block none of whose units is in the set.
    pub fn free_lines(&self) -> LineSet {
        let mut lines = 0u128;
        for (index, &word) in self.0.iter().enumerate() {
            lines |= u128::from(word as u32 == 0) << (2 * index) | u128::from(word >> 32 == 0) << (2 * index + 1);
        }
        LineSet(lines)
    }

    /// All maximal runs of units that are not in the set and have at least `least` of them, in order.
    pub fn holes(&self, least: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut from = 0;
        core::iter::from_fn(move || {
            let hole = next_hole(|index| self.0[index], from, least)?;
            from = hole.end;
            Some(hole)
        })
    }

    /// The shortest hole of at least `least` units, and the length of the longest of the others.
    pub fn tightest(&self, least: usize) -> Option<(Range<usize>, usize)> {
        let mut best: Option<Range<usize>> = None;
        let mut longest = 0;
        for hole in self.holes(1) {
            let other = match &best {
                Some(best) if hole.len() < least || best.len() <= hole.len() => hole.len(),
                None if hole.len() < least => hole.len(),
                _ => best.replace(hole).map_or(0, |hole| hole.len()),
            };
            longest = longest.max(other);
        }
        best.map(|best| (best, longest))
    }
}

/// The first maximal run of at least `least` zeros at or after bit `from` of a block's words.
#[inline]
fn next_hole(word: impl Fn(usize) -> u64, from: usize, least: usize) -> Option<Range<usize>> {
    // The first unit at or after `at` that is free, or is not.
    let find = |at: usize, free: bool| {
        let flip = if free { u64::MAX } else { 0 };
        let mut index = at / WORD_UNITS;
        if index >= WORDS {
            return UNITS_PER_BLOCK;
        }
        let mut rest = (word(index) ^ flip) & (u64::MAX << (at % WORD_UNITS));
        while rest == 0 {
            index += 1;
            if index == WORDS {
                return UNITS_PER_BLOCK;
            }
            rest = word(index) ^ flip;
        }
        index * WORD_UNITS + rest.trailing_zeros() as usize
    };
    let mut at = from;
    loop {
        let start = find(at, true);
        if start == UNITS_PER_BLOCK {
            return None;
        }
        let end = find(start, false);
        if end - start >= least {
            return Some(start..end);
        }
        at = end;
    }
}

/// The two bitmaps of a heap.
#[derive(Debug)]
pub struct Occupancy {
    /// What the allocator reads and writes.
    pub present: Bits,
    /// What the collector writes.
    pub next: Bits,
}

impl Occupancy {
    /// A marking that wrote `next` is complete: it is the present.
    pub fn turn(&mut self) {
        core::mem::swap(&mut self.present, &mut self.next);
    }

    /// A block is swept: nothing is known about it in the next bitmap.
    pub fn clear_next(&self, block: BlockIndex) {
        self.next.set_block(block, &UnitSet::EMPTY);
    }

    /// A block that a marking may have written is free.
    pub fn clear(&self, block: BlockIndex) {
        self.present.set_block(block, &UnitSet::EMPTY);
        self.clear_next(block);
    }
}

#[cfg(test)]
mod tests {
    use super::super::reservation::Reservation;
    use super::super::tests::Random;
    use super::*;

    const BASE: usize = 1 << 22;

    fn bits() -> Bits {
        let table = Reservation::new(1 << 20, 1 << 20).unwrap().table(OCCUPANCY_SHIFT).unwrap();
        table.commit_for(1 << 20).unwrap();
        Bits::new(table, BASE)
    }

    #[test]
    fn ranges_agree_with_a_naive_bitmap() {
        let bits = bits();
        let mut random = Random::new(3);
        let mut naive = vec![false; 2 * UNITS_PER_BLOCK];
        for round in 0..if cfg!(miri) { 30 } else { 2000 } {
            let start = random.below(naive.len());
            let length = 1 + random.below(if round % 8 == 0 { 400 } else { 12 }).min(naive.len() - start - 1);
            let bytes = BASE + start * UNIT_BYTES..BASE + (start + length) * UNIT_BYTES;
            let set = random.below(3) != 0;
            if set {
                bits.set(bytes.clone());
            } else {
                bits.clear(bytes.clone());
            }
            naive[start..start + length].fill(set);
            assert_eq!(bits.are_set(bytes), set);
            for block in 0..2 {
                let naive = &naive[block * UNITS_PER_BLOCK..][..UNITS_PER_BLOCK];
                let block = BlockIndex::new(block);
                let units = bits.block(block);
                assert_eq!(units.count(), naive.iter().filter(|set| **set).count());
                let least = 1 + random.below(40);
                let holes: Vec<Range<usize>> = naive_holes(naive).filter(|hole| hole.len() >= least).collect();
                assert_eq!(units.holes(least).collect::<Vec<_>>(), holes);
                let from = random.below(UNITS_PER_BLOCK);
                let clipped = naive_holes(naive).map(|hole| hole.start.max(from)..hole.end);
                let expected = clipped.into_iter().find(|hole| hole.start < hole.end && hole.len() >= least);
                assert_eq!(bits.next_hole(block, from, least), expected);
                let free = units.free_lines();
                for line in 0..LINES_PER_BLOCK {
                    assert_eq!(free.contains(line), naive[line * 32..][..32].iter().all(|set| !set));
                }
                match units.tightest(least) {
                    None => assert!(holes.is_empty()),
                    Some((hole, longest)) => {
                        assert_eq!(hole.len(), holes.iter().map(Range::len).min().unwrap());
                        assert!(holes.contains(&hole));
                        let others = naive_holes(naive).filter(|other| *other != hole);
                        assert_eq!(longest, others.map(|hole| hole.len()).max().unwrap_or(0));
                    }
                }
            }
        }
    }

    fn naive_holes(units: &[bool]) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = (at..units.len()).find(|unit| !units[*unit])?;
            at = (start..units.len()).find(|unit| units[*unit]).unwrap_or(units.len());
            Some(start..at)
        })
    }

    #[test]
    fn blocks_are_set_and_cleared_apart() {
        let (present, next) = (bits(), bits());
        let mut occupancy = Occupancy { present, next };
        occupancy.next.set(BASE..BASE + 2 * BLOCK_BYTES);
        occupancy.turn();
        assert_eq!(occupancy.present.block(BlockIndex(1)).count(), UNITS_PER_BLOCK);
        assert_eq!(occupancy.next.block(BlockIndex(1)), UnitSet::EMPTY);
        occupancy.turn();
        occupancy.clear_next(BlockIndex(0));
        occupancy.present.set(BASE + BLOCK_BYTES..BASE + BLOCK_BYTES + 8);
        occupancy.clear(BlockIndex(1));
        for block in [0, 1].map(BlockIndex) {
            assert_eq!(occupancy.present.block(block), UnitSet::EMPTY);
            assert_eq!(occupancy.next.block(block), UnitSet::EMPTY);
        }
    }
}
