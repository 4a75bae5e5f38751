//! Lines: one byte for every 256 bytes of the heap, and the search for holes between them.
//!
//! *What it represents.* A block is 128 lines. A line's byte is a mark epoch for a tracing collector, or the number of
//! live objects that overlap the line for a counting one. A *hole* is a maximal run of lines that the caller's
//! predicate calls free: what the allocator bumps through next.
//!
//! *Invariant.* None of its own: the bytes mean what the collector stored. All access is by relaxed byte atomics, so
//! markers may store while others read; who needs order makes it elsewhere.
//!
//! *Why not mark bits per object only.* Finding free space then means walking objects, dead ones too. A line's byte
//! is found by a shift and a subtraction, and dead memory is never read (Blackburn and McKinley, Immix, 2008).
//!
//! *Two ways to search.* The safe functions read byte by byte, because a wide read that races with another thread's
//! byte store is undefined even when both are atomic. When no marker runs, the `quiescent` functions read all 128
//! bytes at once and return a 128-bit [`LineSet`] in which every further hole is two instructions.

use super::blocks::{BLOCK_BYTES, BlockIndex};
use super::table::ByteTable;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering};

/// log2 of [`LINE_BYTES`].
pub const LINE_SHIFT: u32 = 8;
/// The unit of reclamation inside a block, in bytes: large enough for one byte of metadata per line to be 0.4 %,
/// small enough for a line to be free quite often.
pub const LINE_BYTES: usize = 1 << LINE_SHIFT;
/// How many lines a block has.
pub const LINES_PER_BLOCK: usize = BLOCK_BYTES / LINE_BYTES;

const _: () = assert!(LINES_PER_BLOCK == u128::BITS as usize, "a block's lines are one 128-bit set");

/// A set of lines of one block: bit `i` stands for line `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LineSet(pub u128);

impl LineSet {
    /// How many lines are in the set.
    #[inline]
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no line is in the set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first maximal run of lines in the set at or after line `from`.
    #[inline]
    pub fn next_hole(self, from: usize) -> Option<Range<usize>> {
        let rest = self.0 & u128::MAX.checked_shl(u32::try_from(from).ok()?)?;
        if rest == 0 {
            return None;
        }
        let start = rest.trailing_zeros();
        let length = (!(rest >> start)).trailing_zeros().min(u128::BITS - start);
        Some(start as usize..(start + length) as usize)
    }

    /// The length of the longest run of lines in the set. By doubling: about ten instructions for each power of two.
    pub const fn longest(self) -> usize {
        if self.is_empty() {
            return 0;
        }
        // The places at which runs of at least 2^stage lines begin.
        let mut starts = [self.0; u128::BITS.ilog2() as usize + 1];
        let mut stage = 0;
        while stage < starts.len() - 1 {
            let twice = starts[stage] & (starts[stage] >> (1 << stage));
            if twice == 0 {
                break;
            }
            stage += 1;
            starts[stage] = twice;
        }
        let mut longest = 1 << stage;
        let mut at = starts[stage];
        while stage > 0 && longest < LINES_PER_BLOCK {
            stage -= 1;
            let longer = at & (starts[stage] >> longest);
            if longer != 0 {
                at = longer;
                longest += 1 << stage;
            }
        }
        longest
    }

    /// The shortest maximal run of at least `lines` lines, the first of several.
    pub fn tightest(self, lines: usize) -> Option<Range<usize>> {
        self.holes().filter(|hole| hole.len() >= lines).min_by_key(Range::len)
    }

    /// The lines of a range.
    #[inline]
    pub const fn of(lines: Range<usize>) -> Self {
        if lines.start >= lines.end {
            return LineSet(0);
        }
        LineSet((u128::MAX << lines.start) & (u128::MAX >> (LINES_PER_BLOCK - lines.end)))
    }

    /// Whether a line is in the set.
    #[inline]
    pub const fn contains(self, line: usize) -> bool {
        self.0 >> line & 1 != 0
    }

    /// The lines that are in this set or in the other.
    #[inline]
    pub const fn union(self, other: Self) -> Self {
        LineSet(self.0 | other.0)
    }

    /// The lines of this set that are not in the other.
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        LineSet(self.0 & !other.0)
    }

    /// All maximal runs of lines in the set, in order.
    #[inline]
    pub fn holes(self) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        core::iter::from_fn(move || {
            let hole = self.next_hole(from)?;
            from = hole.end;
            Some(hole)
        })
    }
}

/// The heap's line bytes. A shared handle: clones see the same bytes.
#[derive(Clone, Debug)]
pub struct LineTable {
    table: ByteTable,
    heap_base: usize,
}

impl LineTable {
    /// Wraps a table with one byte per line.
    ///
    /// # Panics
    ///
    /// When the table has another granularity.
    pub fn from_table(table: ByteTable, heap_base: usize) -> Self {
        assert_eq!(table.shift(), LINE_SHIFT, "a line table has one byte per line");
        Self { table, heap_base }
    }

    /// The bytes themselves.
    #[inline]
    pub fn table(&self) -> &ByteTable {
        &self.table
    }

    /// The heap-wide number of the line at an address of the heap. Any other address gives a number that no line
    /// has, and that the functions below refuse.
    #[inline]
    pub fn line_of(&self, address: usize) -> usize {
        address.wrapping_sub(self.heap_base) >> LINE_SHIFT
    }

    /// The address of a line's first byte.
    #[inline]
    pub fn address_of(&self, line: usize) -> usize {
        self.heap_base + (line << LINE_SHIFT)
    }

    /// The heap-wide number of a block's first line.
    #[inline]
    pub fn first_line(block: BlockIndex) -> usize {
        block.index() * LINES_PER_BLOCK
    }

    /// The bytes of one block's lines.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn lines_of_block(&self, block: BlockIndex) -> &[AtomicU8; LINES_PER_BLOCK] {
        self.table.array(Self::first_line(block))
    }

    /// The first maximal run of free lines of a block, at or after line `from_line` of the block.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn next_hole(&self, block: BlockIndex, from_line: usize, is_free: impl Fn(u8) -> bool) -> Option<Range<usize>> {
        let lines = self.lines_of_block(block);
        let free = |line: &AtomicU8| is_free(line.load(Ordering::Relaxed));
        let start = from_line + lines.get(from_line..)?.iter().position(free)?;
        let length = lines[start..].iter().position(|line| !free(line)).unwrap_or(LINES_PER_BLOCK - start);
        Some(start..start + length)
    }

    /// The next hole when a line is live if and only if it carries `epoch`.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn next_hole_unmarked(&self, block: BlockIndex, from_line: usize, epoch: u8) -> Option<Range<usize>> {
        self.next_hole(block, from_line, |byte| byte != epoch)
    }

    /// The next hole when a line is live if and only if its byte is not zero.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn next_hole_zero(&self, block: BlockIndex, from_line: usize) -> Option<Range<usize>> {
        self.next_hole(block, from_line, |byte| byte == 0)
    }

    /// The lines of a block whose byte satisfies a predicate, read one by one.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    #[inline]
    pub fn select(&self, block: BlockIndex, is_free: impl Fn(u8) -> bool) -> LineSet {
        let lines = self.lines_of_block(block);
        let mut bytes = [0; LINES_PER_BLOCK];
        for (byte, line) in bytes.iter_mut().zip(lines) {
            *byte = line.load(Ordering::Relaxed);
        }
        line_set(&bytes, is_free)
    }

    /// The lines of a block that do not carry `epoch`.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    ///
    /// # Safety
    ///
    /// No other thread stores to this block's lines during the call.
    #[inline]
    pub unsafe fn unmarked_quiescent(&self, block: BlockIndex, epoch: u8) -> LineSet {
        // SAFETY: the same contract.
        let bytes = unsafe { self.table.read_quiescent(Self::first_line(block)) };
        line_set(&bytes, |byte| byte != epoch)
    }

    /// The lines of a block whose byte is zero.
    ///
    /// # Panics
    ///
    /// When the block was never handed out.
    ///
    /// # Safety
    ///
    /// No other thread stores to this block's lines during the call.
    #[inline]
    pub unsafe fn zero_quiescent(&self, block: BlockIndex) -> LineSet {
        // SAFETY: the same contract.
        let bytes = unsafe { self.table.read_quiescent(Self::first_line(block)) };
        line_set(&bytes, |byte| byte == 0)
    }

    /// Stores `value` to every line of a heap-wide range.
    ///
    /// # Panics
    ///
    /// When the lines were never handed out.
    #[inline]
    pub fn set_range(&self, lines: Range<usize>, value: u8) {
        for line in self.table.slice(lines.start, lines.end.saturating_sub(lines.start)) {
            line.store(value, Ordering::Relaxed);
        }
    }

    /// Stores `value` to every line that the bytes `start .. end` overlap: one compare and one store for an object
    /// inside one line. An empty range marks the line at `start`.
    ///
    /// # Panics
    ///
    /// When the range is not inside memory of this heap that was handed out.
    #[inline]
    pub fn mark(&self, start: usize, end: usize, value: u8) {
        self.for_lines(start, end, |line| line.store(value, Ordering::Relaxed));
    }

    /// Adds one to every line that the bytes `start .. end` overlap. At 255 a line stays there for ever (it is then
    /// never reused): with objects of 8 bytes and more a line cannot get there.
    ///
    /// One thread at a time: concurrent calls lose counts (they are not undefined).
    ///
    /// # Panics
    ///
    /// When the range is not inside memory of this heap that was handed out.
    #[inline]
    pub fn increment(&self, start: usize, end: usize) {
        self.for_lines(start, end, |line| {
            line.store(line.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
        });
    }

    /// Takes one from every line that the bytes `start .. end` overlap, and says whether a line became zero.
    ///
    /// One thread at a time, as [`LineTable::increment`].
    ///
    /// # Panics
    ///
    /// When the range is not inside memory of this heap that was handed out; in debug builds also when a line is
    /// zero already.
    #[inline]
    pub fn decrement(&self, start: usize, end: usize) -> bool {
        let mut freed = false;
        self.for_lines(start, end, |line| {
            let count = line.load(Ordering::Relaxed);
            debug_assert_ne!(count, 0, "a line loses an object that it never had");
            if count != u8::MAX {
                freed |= count == 1;
                line.store(count.saturating_sub(1), Ordering::Relaxed);
            }
        });
        freed
    }

    #[inline]
    fn for_lines(&self, start: usize, end: usize, mut each: impl FnMut(&AtomicU8)) {
        let first = self.line_of(start);
        let last = self.line_of(end.wrapping_sub(1));
        if last <= first {
            // One line, or nothing at all, or an end before the start, which is treated as nothing.
            each(self.table.entry(first));
        } else {
            self.table.slice(first, last - first + 1).iter().for_each(each);
        }
    }
}

/// Which of 128 bytes satisfy the predicate. Eight groups of sixteen, a form that compilers turn into vector
/// compares; all-free and nothing-free blocks cost the same as any other.
#[inline]
fn line_set(bytes: &[u8; LINES_PER_BLOCK], is_free: impl Fn(u8) -> bool) -> LineSet {
    let mut set = 0u128;
    for (group, bytes) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let mut bits = 0u16;
        for (i, &byte) in bytes.iter().enumerate() {
            bits |= u16::from(is_free(byte)) << i;
        }
        set |= u128::from(bits) << (group * 16);
    }
    LineSet(set)
}

#[cfg(test)]
mod tests {
    use super::super::reservation::Reservation;
    use super::super::tests::Random;
    use super::*;

    fn lines() -> LineTable {
        let table = Reservation::new(1 << 20, 1 << 20).unwrap().table(LINE_SHIFT).unwrap();
        table.commit_for(1 << 20).unwrap();
        LineTable::from_table(table, 1 << 22)
    }

    fn naive(bytes: &[u8], from: usize, is_free: impl Fn(u8) -> bool) -> Option<Range<usize>> {
        let start = (from..bytes.len()).find(|&i| is_free(bytes[i]))?;
        let end = (start..bytes.len()).find(|&i| !is_free(bytes[i])).unwrap_or(bytes.len());
        Some(start..end)
    }

    #[test]
    fn holes_agree_with_a_naive_search() {
        let lines = lines();
        let block = BlockIndex::new(3);
        for seed in 0..if cfg!(miri) { 4 } else { 400 } {
            let mut random = Random::new(seed);
            let density = random.below(9);
            for line in lines.lines_of_block(block) {
                line.store(if random.below(8) < density { 1 + random.below(2) as u8 } else { 0 }, Ordering::Relaxed);
            }
            let bytes: Vec<u8> = lines.lines_of_block(block).iter().map(|l| l.load(Ordering::Relaxed)).collect();
            let zero = lines.select(block, |b| b == 0);
            // SAFETY: this test is the only user of the table.
            unsafe {
                assert_eq!(lines.zero_quiescent(block), zero);
                assert_eq!(lines.unmarked_quiescent(block, 2), lines.select(block, |b| b != 2));
            }
            assert_eq!(zero.count(), bytes.iter().filter(|b| **b == 0).count());
            assert_eq!(zero.is_empty(), !bytes.contains(&0));
            assert_eq!(zero.holes().map(|h| h.len()).sum::<usize>(), zero.count());
            for from in 0..=LINES_PER_BLOCK + 1 {
                assert_eq!(lines.next_hole_zero(block, from), naive(&bytes, from, |b| b == 0));
                assert_eq!(zero.next_hole(from), naive(&bytes, from, |b| b == 0));
                assert_eq!(lines.next_hole_unmarked(block, from, 2), naive(&bytes, from, |b| b != 2));
                assert_eq!(lines.next_hole(block, from, |b| b == 1), naive(&bytes, from, |b| b == 1));
            }
        }
    }

    #[test]
    fn the_longest_and_the_tightest_agree_with_the_list_of_holes() {
        let mut random = Random::new(11);
        assert_eq!((LineSet(0).longest(), LineSet(u128::MAX).longest()), (0, LINES_PER_BLOCK));
        for _ in 0..if cfg!(miri) { 20 } else { 5000 } {
            let mut set = LineSet::default();
            for _ in 0..random.below(9) {
                let start = random.below(LINES_PER_BLOCK);
                let range = start..start + 1 + random.below(LINES_PER_BLOCK - start);
                let one = LineSet::of(range.clone());
                assert_eq!(one.holes().collect::<Vec<_>>(), [range]);
                set = if random.below(2) == 0 { set.union(one) } else { set.without(one) };
            }
            let holes: Vec<_> = set.holes().collect();
            assert_eq!(set.longest(), holes.iter().map(Range::len).max().unwrap_or(0));
            for lines in 1..LINES_PER_BLOCK {
                let tightest = set.tightest(lines);
                let least = holes.iter().map(Range::len).filter(|length| *length >= lines).min();
                assert_eq!(tightest.as_ref().map(Range::len), least);
                assert!(tightest.is_none_or(|hole| holes.contains(&hole)));
            }
        }
        assert!(LineSet::of(5..5).is_empty());
    }

    #[test]
    fn marks_exactly_the_lines_overlapped() {
        let lines = lines();
        let base = 1 << 22;
        for (start, end, expected) in
            [(0, 1, 0..1), (0, 256, 0..1), (255, 257, 0..2), (256, 512, 1..2), (300, 300, 1..2), (1000, 3000, 3..12)]
        {
            lines.set_range(0..64, 0);
            lines.mark(base + start, base + end, 5);
            for line in 0..64 {
                let marked = lines.table().entry(line).load(Ordering::Relaxed) == 5;
                assert_eq!(marked, expected.contains(&line), "{start}..{end} line {line}");
            }
        }
    }

    #[test]
    fn counts_go_up_and_down_and_stick_at_the_top() {
        let lines = lines();
        let base = 1 << 22;
        lines.increment(base + 10, base + 300);
        lines.increment(base + 300, base + 310);
        assert!(lines.decrement(base + 10, base + 300));
        assert_eq!(lines.next_hole_zero(BlockIndex::new(0), 0), Some(0..1));
        assert!(lines.decrement(base + 300, base + 310));
        assert!(lines.select(BlockIndex::new(0), |b| b == 0).count() == LINES_PER_BLOCK);
        for _ in 0..300 {
            lines.increment(base, base + 8);
        }
        for _ in 0..300 {
            assert!(!lines.decrement(base, base + 8));
        }
    }

    #[test]
    #[should_panic(expected = "not in use")]
    fn an_address_below_the_heap_is_refused() {
        lines().mark(100, 108, 1);
    }
}
