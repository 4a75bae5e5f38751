//! The index of holes: which blocks have room, and how much in one piece.
//!
//! *What it represents.* For every block what of it may be handed out: nothing lives there and nobody was given it. That
//! is a set of lines, kept here; or, for a block that is filed *by units*, what is not set in the present bitmap of the
//! heap's [occupancy](super::occupancy). Blocks with room are *filed* by their longest hole, one file for each length in
//! lines, so that the tightest fit for an object of any size is found by one look at a bitmap of the files that are not
//! empty. Blocks by units whose holes are all shorter than a line have a file of their own, the crumbs.
//!
//! *Invariant.* A block is in the file of the longest run of its free lines, and in none when it has no free line; a
//! block by units has a hole at least as long as its file says. Only mark-region blocks are filed: who frees a block
//! removes it first.
//!
//! *Why the lines are kept here, and not read again from the line table when the allocator gets to the block.* A line's
//! byte says who lives there, not who was given it since: under counting, lines that were handed out stay at zero until
//! their objects are counted. And while a marking is in progress, or after one was given up, a byte must be compared with
//! two or more stamps, where a set that was complete once only ever loses lines. So a block may be used in parts, filed
//! again with what is left, and stays valid from one sweep to the next.
//!
//! *Why lists through a side table.* A vector of blocks grows, and copies itself in a pause; a side table grows with the
//! heap, where growth may fail. Lists are first in, first out, so a sweep in address order is an allocation in address
//! order. *Why not powers of two:* the files cost a bit each, and of objects between 256 bytes and 16 KiB a quarter would
//! be turned away from a hole that they fit.

use super::blocks::{BLOCK_SHIFT, BlockIndex};
use super::lines::{LINE_SHIFT, LINES_PER_BLOCK, LineSet};
use super::occupancy::UNIT_BYTES;
use super::table::ByteTable;
use core::sync::atomic::{AtomicU64, Ordering};

/// log2 of the heap bytes for one byte of the table: 32 bytes, a record, for each block.
pub const RECORD_SHIFT: u32 = BLOCK_SHIFT - 5;
/// Words of a record: two of free lines, the two neighbours in the file, the file.
const WORDS: usize = 4;
const LINKS: usize = 2;
const FILE: usize = 3;

/// Files: none, one for each length in lines, crumbs.
const FILES: usize = LINES_PER_BLOCK + 2;
const CRUMBS: usize = LINES_PER_BLOCK + 1;
/// In the last word of a record: the block is by units.
const BY_UNITS: u64 = 1 << 32;

/// The heap's index of holes.
#[derive(Debug)]
pub struct HoleIndex {
    records: ByteTable,
    /// The blocks at either end of each file, as links.
    ends: [(Link, Link); FILES],
    /// Bit `n - 1`: the file of blocks whose longest hole has `n` lines is not empty.
    filled: u128,
    /// Lines that may be handed out, of all blocks.
    free: usize,
}

/// What of a block may be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// These lines.
    Lines(LineSet),
    /// The units that are not set in the present bitmap of the heap's occupancy.
    Units,
}

/// A block's number plus one; zero for none.
type Link = u32;

impl HoleIndex {
    /// An index without holes, over a table of one byte for `1 << RECORD_SHIFT` bytes of heap.
    ///
    /// # Panics
    ///
    /// When the table has another granularity.
    pub fn new(records: ByteTable) -> Self {
        assert_eq!(records.shift(), RECORD_SHIFT, "a record has 32 bytes");
        HoleIndex { records, ends: [(0, 0); FILES], filled: 0, free: 0 }
    }

    #[inline]
    fn record(&self, block: BlockIndex) -> &[AtomicU64; WORDS] {
        self.records.words(block.index() * WORDS * size_of::<u64>())
    }

    /// The lines of a block that may be handed out; none for one by units.
    #[inline]
    pub fn free_lines(&self, block: BlockIndex) -> LineSet {
        let [low, high, ..] = self.record(block);
        LineSet(u128::from(low.load(Ordering::Relaxed)) | u128::from(high.load(Ordering::Relaxed)) << 64)
    }

    /// Says which lines of a block may be handed out, instead of what was said before.
    pub fn file(&mut self, block: BlockIndex, free: LineSet) {
        self.refile(block, free.longest(), 0);
        self.free = self.free + free.count() - self.free_lines(block).count();
        let record = self.record(block);
        record[0].store(free.0 as u64, Ordering::Relaxed);
        record[1].store((free.0 >> 64) as u64, Ordering::Relaxed);
    }

    /// Says that what the present bitmap leaves free of a block may be handed out, instead of what was said before.
    /// There is a hole of `longest` bytes; with zero, the block is by units and not filed.
    pub fn file_by_units(&mut self, block: BlockIndex, longest: usize) {
        let file = match longest >> LINE_SHIFT {
            0 if longest > 0 => CRUMBS,
            lines => lines,
        };
        self.refile(block, file, BY_UNITS);
        self.free -= self.free_lines(block).count();
        let [low, high, ..] = self.record(block);
        low.store(0, Ordering::Relaxed);
        high.store(0, Ordering::Relaxed);
    }

    /// Whether no block is filed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.filled == 0 && self.ends[CRUMBS].0 == 0
    }

    /// Bytes of the lines that may be handed out, of all blocks; nothing of those by units.
    pub fn free_bytes(&self) -> usize {
        self.free << LINE_SHIFT
    }

    /// Whether the present bitmap says what of a block is free.
    #[inline]
    pub fn is_by_units(&self, block: BlockIndex) -> bool {
        self.record(block)[FILE].load(Ordering::Relaxed) & BY_UNITS != 0
    }

    /// The length of the longest hole of a filed block in bytes, or less; zero for blocks that are not filed.
    pub fn longest(&self, block: BlockIndex) -> usize {
        match self.file_of(block) {
            CRUMBS => UNIT_BYTES,
            lines => lines << LINE_SHIFT,
        }
    }

    fn refile(&mut self, block: BlockIndex, file: usize, by_units: u64) {
        if self.file_of(block) != file {
            self.unlink(block);
            self.link(block, file);
        }
        self.record(block)[FILE].store(file as u64 | by_units, Ordering::Relaxed);
    }

    /// No line of the block may be handed out.
    #[inline]
    pub fn remove(&mut self, block: BlockIndex) {
        self.file(block, LineSet::default());
    }

    /// Takes the block with the tightest hole of at least `lines` lines out of the index, all of its holes with it.
    #[inline]
    pub fn take(&mut self, lines: usize) -> Option<(BlockIndex, Free)> {
        debug_assert!(lines > 0);
        let fitting = self.filled & u128::MAX.checked_shl(u32::try_from(lines - 1).ok()?)?;
        if fitting == 0 {
            return None;
        }
        let (first, _) = self.ends[fitting.trailing_zeros() as usize + 1];
        let block = BlockIndex(first - 1);
        if self.is_by_units(block) {
            self.file_by_units(block, 0);
            return Some((block, Free::Units));
        }
        let free = self.free_lines(block);
        self.remove(block);
        Some((block, Free::Lines(free)))
    }

    /// Takes a block all of whose holes are shorter than a line.
    pub fn take_crumbs(&mut self) -> Option<BlockIndex> {
        let (first, _) = self.ends[CRUMBS];
        let block = BlockIndex(first.checked_sub(1)?);
        self.file_by_units(block, 0);
        Some(block)
    }

    /// The number of the block's file; zero for none.
    #[inline]
    fn file_of(&self, block: BlockIndex) -> usize {
        self.record(block)[FILE].load(Ordering::Relaxed) as u32 as usize
    }

    #[inline]
    fn links(&self, block: Link) -> (Link, Link) {
        let links = self.record(BlockIndex(block - 1))[LINKS].load(Ordering::Relaxed);
        (links as u32, (links >> 32) as u32)
    }

    #[inline]
    fn set_links(&self, block: Link, (before, behind): (Link, Link)) {
        let links = u64::from(before) | u64::from(behind) << 32;
        self.record(BlockIndex(block - 1))[LINKS].store(links, Ordering::Relaxed);
    }

    fn unlink(&mut self, block: BlockIndex) {
        let file = self.file_of(block);
        if file == 0 {
            return;
        }
        let (before, behind) = self.links(block.0 + 1);
        if before == 0 {
            self.ends[file].0 = behind;
        } else {
            self.set_links(before, (self.links(before).0, behind));
        }
        if behind == 0 {
            self.ends[file].1 = before;
        } else {
            self.set_links(behind, (before, self.links(behind).1));
        }
        if before == 0 && behind == 0 && file != CRUMBS {
            self.filled &= !(1 << (file - 1));
        }
    }

    /// Appends a block that is in no file.
    fn link(&mut self, block: BlockIndex, file: usize) {
        if file == 0 {
            return;
        }
        let link = block.0 + 1;
        let (first, last) = &mut self.ends[file];
        let before = core::mem::replace(last, link);
        if before == 0 {
            *first = link;
        }
        if file != CRUMBS {
            self.filled |= 1 << (file - 1);
        }
        self.set_links(link, (before, 0));
        if before != 0 {
            self.set_links(before, (self.links(before).0, link));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reservation::Reservation;
    use super::super::tests::Random;
    use super::*;

    fn index() -> HoleIndex {
        let table = Reservation::new(64 << 20, 64 << 20).unwrap().table(RECORD_SHIFT).unwrap();
        table.commit_for(64 << 20).unwrap();
        HoleIndex::new(table)
    }

    #[test]
    fn the_tightest_hole_is_found_first_come_first_served() {
        let mut index = index();
        let hole = |length: u32| LineSet(((1 << length) - 1) << 3);
        let lines = |block, length| Some((BlockIndex(block), Free::Lines(hole(length))));
        for (block, length) in [(7, 4), (3, 9), (5, 4), (6, 2), (4, 4)] {
            index.file(BlockIndex(block), hole(length));
        }
        index.remove(BlockIndex(5));
        assert_eq!(index.take(3), lines(7, 4));
        assert_eq!(index.take(1), lines(6, 2));
        index.file(BlockIndex(7), hole(1));
        assert_eq!(index.take(2), lines(4, 4));
        assert_eq!(index.take(2), lines(3, 9));
        assert_eq!(index.take(2), None);
        assert_eq!(index.take(1), lines(7, 1));
        assert_eq!(index.take(1), None);
        index.file(BlockIndex(0), LineSet(u128::MAX));
        assert_eq!(index.take(LINES_PER_BLOCK + 1), None);
        assert_eq!(index.take(LINES_PER_BLOCK), Some((BlockIndex(0), Free::Lines(LineSet(u128::MAX)))));
        assert!(index.free_lines(BlockIndex(0)).is_empty());
    }

    #[test]
    fn blocks_by_units_are_filed_among_the_others_and_crumbs_apart() {
        let mut index = index();
        index.file(BlockIndex(1), LineSet(0b111));
        for (block, longest) in [(2, 600), (3, 255), (4, 512), (5, 64)] {
            index.file_by_units(BlockIndex(block), longest);
        }
        assert_eq!([2, 3, 1, 9].map(|block| index.longest(BlockIndex(block))), [512, 8, 768, 0]);
        index.file_by_units(BlockIndex(4), 0);
        assert_eq!(index.take(1), Some((BlockIndex(2), Free::Units)));
        assert!([2, 3, 4, 5].into_iter().all(|block| index.is_by_units(BlockIndex(block))));
        assert_eq!(index.take(1), Some((BlockIndex(1), Free::Lines(LineSet(0b111)))));
        assert_eq!(index.take(1), None);
        assert_eq!([(); 3].map(|()| index.take_crumbs()), [Some(BlockIndex(3)), Some(BlockIndex(5)), None]);
        index.file(BlockIndex(3), LineSet(1));
        assert!(!index.is_by_units(BlockIndex(3)) && !index.is_by_units(BlockIndex(1)));
    }

    #[test]
    fn filing_at_random_agrees_with_a_naive_index() {
        let mut index = index();
        let mut random = Random::new(5);
        // The same as a list of blocks in the order in which they came to their files.
        let mut naive: Vec<(u32, u128)> = Vec::new();
        let longest = |set: u128| LineSet(set).longest();
        for _ in 0..if cfg!(miri) { 200 } else { 20_000 } {
            let block = random.below(12) as u32;
            match random.below(3) {
                0 => {
                    let mut set = 0u128;
                    for _ in 0..random.below(6) {
                        let from = random.below(128);
                        set |= (u128::MAX << from) & (u128::MAX >> random.below(128 - from));
                    }
                    index.file(BlockIndex(block), LineSet(set));
                    match naive.iter_mut().find(|(b, _)| *b == block) {
                        Some(entry) if longest(entry.1) == longest(set) => entry.1 = set,
                        _ => {
                            naive.retain(|(b, _)| *b != block);
                            naive.extend((set != 0).then_some((block, set)));
                        }
                    }
                }
                1 => {
                    index.remove(BlockIndex(block));
                    naive.retain(|(b, _)| *b != block);
                }
                _ => {
                    let lines = 1 + random.below(40);
                    let fitting = naive.iter().filter(|(_, set)| longest(*set) >= lines);
                    // The first of the least: `min_by_key` returns the first of equals.
                    let expected = fitting.min_by_key(|(_, set)| longest(*set)).copied();
                    assert_eq!(
                        index.take(lines),
                        expected.map(|(block, set)| (BlockIndex(block), Free::Lines(LineSet(set))))
                    );
                    naive.retain(|entry| Some(*entry) != expected);
                }
            }
            let free: u32 = naive.iter().map(|(_, set)| set.count_ones()).sum();
            assert_eq!(index.free_bytes(), (free as usize) << LINE_SHIFT);
            for block in 0..12 {
                let set = naive.iter().find(|(b, _)| *b == block).map_or(0, |(_, set)| *set);
                assert_eq!(index.free_lines(BlockIndex(block)).0, set);
            }
        }
    }
}
