//! Blocks: the heap's address space in units of 32 KiB, and the accounting against its limit.
//!
//! *What it represents.* Every block below the high-water mark has a kind; above it lies the untouched tail. Blocks are
//! handed out singly, as contiguous runs (large objects), or as a *window* of addresses whose charge follows its use
//! (a nursery; see [`window`](super::window)).
//!
//! *Invariant.* A block is free in the bitmap exactly when its kind is [`BlockKind::Free`], but for the uncommitted rest of
//! a window, which is neither; any other block that is handed out is committed and charged; `used` is the sum of all charges, and exceeds
//! the limit only by what [`Blocks::set_outside`] added or [`Blocks::set_limit`] took away. A call that returns an
//! error has changed nothing that a caller can see.
//!
//! *Why one range of addresses.* All objects then share one provenance and "is this mine, and which block?" is a subtraction
//! and a shift. *Why charge separately from commit.* The limit is a promise about the program's own data, in bytes
//! that do not depend on the system's pages, chunks or laziness; side metadata (0.4 % for lines) is not charged.
//!
//! *Imperfect.* A run that reuses blocks is charged for the pages it uses, while the slack of its last block may still
//! be resident from an earlier life (at most 28 KiB for each large object, until [`Blocks::decommit_free`]).

use super::bitmap::FreeMap;
use super::os::{DEFAULT_RESERVATION, OsError};
use super::reservation::{COMMIT_CHUNK, Reservation, Retirement};
use super::table::ByteTable;
use crate::error::AllocError;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// log2 of [`BLOCK_BYTES`].
pub const BLOCK_SHIFT: u32 = 15;
/// The size of a block, in bytes: Immix' choice (Blackburn and McKinley, 2008). Large enough that taking one is rare,
/// small enough that fragmentation in a heap of a few megabytes is bearable.
pub const BLOCK_BYTES: usize = 1 << BLOCK_SHIFT;
/// The largest footprint, header and prefix included, for which blocks are shared: half a block.
pub const MEDIUM_FOOTPRINT_MAX: usize = BLOCK_BYTES / 2;
/// The largest payload that fits [`MEDIUM_FOOTPRINT_MAX`] behind an 8-byte header.
pub const MEDIUM_MAX: usize = MEDIUM_FOOTPRINT_MAX - 8;
/// The unit in which runs are charged, in bytes.
pub const CHARGE_PAGE: usize = 4096;

/// Addresses that an unlimited heap claims at first, in bytes.
const FIRST_CLAIM: usize = 16 << 20;
/// A limited heap may grow to this many bytes of addresses at the least.
const RESERVATION_MIN: usize = 64 << 20;
/// Contiguous runs need slack: a limited heap may grow to this many times its limit.
const RESERVATION_PER_LIMIT: usize = 8;
/// A limit from here on is none: no machine has so many addresses for one heap.
const NO_LIMIT_FROM: usize = 1 << (usize::BITS - 18);

/// Bytes charged from which on a heap asks for huge pages.
///
/// The first touch of a page took about two microseconds, zeroing included, where an allocation takes less than a
/// nanosecond; a huge page saves 511 faults, and most misses of the translation cache. Measured as medians with and
/// without (milliseconds, same run): `deep_list` on `marksweep` 135 and 216, on `generational` 366 and 435; `list_churn`
/// on `generational` 304 and 382; `gcbench` on `generational` 80 and 87; none of the collectors slower. On a virtual machine, memory that the host has not backed yet makes single runs slower,
/// more so with huge pages; committing small pages ahead in batches (`MADV_POPULATE_WRITE`) gained nothing.
///
/// Each heap that asks splits the mapping of all heaps: two more of 65 530, which the process has not used up before
/// 32 000 such heaps hold 256 GiB together. From 32 MiB on there would be four times as many bytes behind each mapping,
/// and a heap would take up to 6 144 page faults more before it gets there.
///
/// Small heaps do not ask: they would be resident with up to 2 MiB for every few KiB that they use, and a program may
/// have many of them.
const HUGE_PAGES_FROM: usize = 8 << 20;

/// A surplus below this goes back at once.
const SURPLUS_LEAST: usize = 256 << 10;
/// Collections that find memory in excess before it goes back.
const PATIENCE: usize = 8;

/// The number of a block, counted from the heap's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct BlockIndex(pub u32);

impl BlockIndex {
    /// Names a block.
    ///
    /// # Panics
    ///
    /// When the number does not fit 32 bits, which is 128 TiB of heap.
    #[inline]
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a heap has fewer than 2^32 blocks"))
    }

    /// The number, for indexing tables.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a block is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BlockKind {
    /// Nothing: it can be allocated.
    Free = 0,
    /// A mark-region block, with objects that share it.
    Small = 1,
    /// A block of a nursery window.
    Nursery = 2,
    /// The first block of a large object's run.
    LargeHead = 3,
    /// Any further block of a large object's run.
    LargeTail = 4,
    /// A block of any of these kinds, but a nursery's, that is never freed again.
    Permanent = 5,
}

impl BlockKind {
    #[inline]
    fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Small,
            2 => Self::Nursery,
            3 => Self::LargeHead,
            4 => Self::LargeTail,
            5 => Self::Permanent,
            _ => Self::Free,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Run {
    blocks: u32,
    charged: usize,
}

/// A hash map keyed by block: multiplication by an odd constant spreads consecutive numbers well and costs nothing
/// next to the default hash, whose resistance to chosen keys is not needed for addresses.
pub(super) type BlockMap<T> = HashMap<u32, T, BuildHasherDefault<BlockHasher>>;

#[derive(Default)]
pub(super) struct BlockHasher(u64);

impl Hasher for BlockHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, value: u32) {
        // 2^64 divided by the golden ratio (Knuth, volume 3, section 6.4); swapped because the table takes its tag
        // from the high bits and its index from the low ones.
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x9E37_79B9_7F4A_7C15).swap_bytes();
    }
}

/// The heap's blocks and their accounting.
#[derive(Debug)]
pub struct Blocks {
    pub(super) free: FreeMap,
    /// Free blocks whose pages may still be with us.
    pub(super) resident: FreeMap,
    kinds: ByteTable,
    /// Heap bytes for which all tables are available.
    tables_ready: usize,
    runs: BlockMap<Run>,
    /// Bytes charged, those outside among them.
    used: usize,
    /// Bytes charged for what objects own outside the heap.
    outside: usize,
    peak: usize,
    limit: usize,
    /// Charge at which the system is asked for huge pages; `usize::MAX` when it was, or is not to be.
    huge_pages_at: usize,
    /// What was in excess after the last collections, in bytes, the latest at the end: see [`Blocks::surplus`].
    excesses: [usize; PATIENCE],
    /// Last, so that every handle on a table is gone when the memory is handed on.
    pub(super) heap: Reservation,
}

impl Blocks {
    /// Claims the address space of a heap. No memory is committed.
    ///
    /// `limit` is the hard limit for everything charged, in bytes; none means none. `reservation` is the address
    /// space, in bytes, all of it claimed at once; if it is not given, an unlimited heap begins with 16 MiB and grows, as
    /// long as no other heap is in the way, up to 64 GiB; a limited one begins with its limit and grows up to eight times
    /// that, at least 64 MiB and at most 64 GiB (or twice the limit, if that is more).
    ///
    /// # Errors
    ///
    /// [`AllocError::REFUSED`] when the system does not grant the address space.
    pub fn new(limit: Option<usize>, reservation: Option<usize>) -> Result<Self, AllocError> {
        let (least, most) = match (reservation, limit) {
            (Some(bytes), _) => (bytes.max(1), bytes.max(1)),
            (None, Some(limit)) if limit < NO_LIMIT_FROM => {
                let highest = DEFAULT_RESERVATION.max(limit.saturating_mul(2));
                let most = limit.saturating_mul(RESERVATION_PER_LIMIT).max(RESERVATION_MIN).min(highest);
                (limit.saturating_add(BLOCK_BYTES).min(most), most)
            }
            (None, _) => (FIRST_CLAIM, DEFAULT_RESERVATION),
        };
        let refused = |_: OsError| AllocError::REFUSED;
        let mut heap = Reservation::new(least, most).map_err(refused)?;
        let kinds = heap.table(BLOCK_SHIFT).map_err(refused)?;
        Ok(Self {
            free: FreeMap::default(),
            resident: FreeMap::default(),
            kinds,
            tables_ready: 0,
            runs: BlockMap::default(),
            used: 0,
            outside: 0,
            peak: 0,
            limit: limit.unwrap_or(usize::MAX),
            huge_pages_at: HUGE_PAGES_FROM,
            excesses: [0; PATIENCE],
            heap,
        })
    }

    /// Says what becomes of the heap's memory when it is dropped; at first [`Retirement::Warm`].
    pub fn set_retirement(&mut self, retirement: Retirement) {
        self.heap.set_retirement(retirement);
    }

    // ----- Addresses ------------------------------------------------------------------------------------------------

    /// The heap's first byte, from which the provenance of every object pointer is derived.
    #[inline]
    pub fn base(&self) -> NonNull<u8> {
        self.heap.base()
    }

    /// The length to which the heap's address space may grow, in bytes.
    #[inline]
    pub fn reserved_bytes(&self) -> usize {
        self.heap.most()
    }

    /// How many bytes are readable and writable.
    pub fn committed_bytes(&self) -> usize {
        self.heap.committed()
    }

    /// Whether an address belongs to this heap's address space.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        self.heap.contains(address)
    }

    /// The block of an address of this heap. For any other address the result is meaningless.
    #[inline]
    pub fn block_of(&self, address: usize) -> BlockIndex {
        debug_assert!(self.contains(address), "an address of no block of this heap");
        // At most 2^32 blocks exist, so for an address of the heap nothing is cut off.
        BlockIndex((address.wrapping_sub(self.base().addr().get()) >> BLOCK_SHIFT) as u32)
    }

    /// A block's first byte, derived from the heap's base.
    ///
    /// # Panics
    ///
    /// When the heap has no such block.
    #[inline]
    pub fn address_of(&self, block: BlockIndex) -> NonNull<u8> {
        assert!(block.index() < self.heap.bytes() >> BLOCK_SHIFT, "a block beyond the heap's address space");
        // SAFETY: the block lies within the reservation, so the offset is in bounds and below `isize::MAX`.
        unsafe { self.base().add(block.index() << BLOCK_SHIFT) }
    }

    /// What a block is used for.
    ///
    /// # Panics
    ///
    /// When the block was never handed out, and the metadata there is not available.
    #[inline]
    pub fn kind(&self, block: BlockIndex) -> BlockKind {
        BlockKind::from_byte(self.kinds.entry(block.index()).load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn set_kind(&self, block: usize, kind: BlockKind) {
        self.kinds.entry(block).store(kind as u8, Ordering::Relaxed);
    }

    /// The kinds of all blocks, one byte each (see [`BlockKind`]): a shared handle that other threads may read.
    pub fn kinds(&self) -> &ByteTable {
        &self.kinds
    }

    /// All blocks from this one on were never used.
    #[inline]
    pub fn high_water(&self) -> BlockIndex {
        BlockIndex::new(self.free.len())
    }

    /// How many blocks the address space may have.
    #[inline]
    pub fn total_blocks(&self) -> usize {
        (self.heap.most() >> BLOCK_SHIFT).min(u32::MAX as usize)
    }

    /// How many blocks the address space could have at present: fewer than [`Blocks::total_blocks`] when another heap is
    /// in the way. Takes a lock.
    pub fn blocks_with_room(&self) -> usize {
        (self.heap.room() >> BLOCK_SHIFT).min(self.total_blocks())
    }

    /// How many blocks below the high-water mark are free.
    #[inline]
    pub fn free_blocks(&self) -> usize {
        self.free.free()
    }

    /// The first block of a range that is of any kind but [`BlockKind::Free`], or the range's end. The blocks were handed out.
    ///
    /// Free ones are passed over 64 at a time: of a window of 1 GiB nearly all are, and a collection that read their 32 768
    /// kinds one by one took 24 microseconds for them, more than for all else where little is alive.
    pub fn next_in_use(&self, range: Range<usize>) -> usize {
        const WORDS: usize = 8;
        const STEP: usize = WORDS * size_of::<u64>();
        let mut at = range.start;
        while at < range.end {
            if at.is_multiple_of(STEP) && range.end - at >= STEP {
                // Kinds are written by the heap's owner only, who is here: no other thread does more than read.
                let words = self.kinds.words::<WORDS>(at);
                if words.iter().fold(0, |all, word| all | word.load(Ordering::Relaxed)) == 0 {
                    at += STEP;
                    continue;
                }
            }
            // All of these were handed out, so as to be looked at one by one.
            let part = range.end.min((at + 1).next_multiple_of(STEP));
            let entries = self.kinds.slice(at, part - at);
            match entries.iter().position(|kind| kind.load(Ordering::Relaxed) != BlockKind::Free as u8) {
                Some(offset) => return at + offset,
                None => at = part,
            }
        }
        range.end
    }

    /// All blocks of one kind that is not free, in address order.
    pub fn blocks_of_kind(&self, kind: BlockKind) -> impl Iterator<Item = BlockIndex> {
        debug_assert!(kind != BlockKind::Free, "free blocks are passed over");
        let (mut at, end) = (0, self.free.len());
        core::iter::from_fn(move || {
            loop {
                let block = self.next_in_use(at..end);
                if block == end {
                    return None;
                }
                at = block + 1;
                let block = BlockIndex::new(block);
                if self.kind(block) == kind {
                    return Some(block);
                }
            }
        })
    }

    /// All mark-region blocks, in address order.
    pub fn small_blocks(&self) -> impl Iterator<Item = BlockIndex> {
        self.blocks_of_kind(BlockKind::Small)
    }

    /// Makes a table of one byte per `1 << shift` bytes of this heap that from now on grows with it: its entries are
    /// available for every block that was handed out, before or after this call.
    ///
    /// # Errors
    ///
    /// [`AllocError::REFUSED`] when the system does not grant the addresses or the memory.
    pub fn side_table(&mut self, shift: u32) -> Result<ByteTable, AllocError> {
        let refused = |_: OsError| AllocError::REFUSED;
        let table = self.heap.table(shift).map_err(refused)?;
        table.commit_for(self.tables_ready).map_err(refused)?;
        Ok(table)
    }

    // ----- Accounting -----------------------------------------------------------------------------------------------

    /// Bytes charged now.
    #[inline]
    pub fn used_bytes(&self) -> usize {
        self.used
    }

    /// Bytes charged for what objects own outside the heap ([`Blocks::charge_outside`]).
    #[inline]
    pub fn outside_bytes(&self) -> usize {
        self.outside
    }

    /// Bytes charged for blocks.
    #[inline]
    pub fn block_bytes(&self) -> usize {
        self.used - self.outside
    }

    /// The most that was ever charged, in bytes.
    #[inline]
    pub fn peak_bytes(&self) -> usize {
        self.peak
    }

    /// The hard limit in bytes, if there is one.
    #[inline]
    pub fn limit(&self) -> Option<usize> {
        (self.limit != usize::MAX).then_some(self.limit)
    }

    /// Changes the limit. One below what is charged now is allowed: then nothing more can be charged until enough is
    /// freed. The address space does not grow.
    pub fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit.unwrap_or(usize::MAX);
    }

    /// Bytes that can be charged before the limit is reached.
    #[inline]
    pub fn headroom(&self) -> usize {
        self.limit.saturating_sub(self.used)
    }

    pub(super) fn check_limit(&self, bytes: usize) -> Result<(), AllocError> {
        if bytes > self.headroom() {
            return Err(AllocError::LIMIT);
        }
        Ok(())
    }

    /// Charges bytes that objects own outside the heap.
    ///
    /// # Errors
    ///
    /// [`AllocError::LIMIT`] when that would exceed the limit; nothing is charged then.
    pub fn charge_outside(&mut self, bytes: usize) -> Result<(), AllocError> {
        self.check_limit(bytes)?;
        self.set_outside(self.outside + bytes);
        Ok(())
    }

    /// Sets what is charged for bytes that objects own outside the heap, in all; even beyond the limit, because that memory
    /// is there already: the next allocation fails instead.
    pub fn set_outside(&mut self, bytes: usize) {
        // No program owns so much, but one may say so; sums of charges never overflow.
        let bytes = bytes.min(isize::MAX as usize - self.block_bytes());
        self.used = self.block_bytes() + bytes;
        self.outside = bytes;
        self.peak = self.peak.max(self.used);
    }

    pub(super) fn charge_blocks(&mut self, bytes: usize) {
        self.used += bytes;
        self.peak = self.peak.max(self.used);
        if self.block_bytes() >= self.huge_pages_at {
            self.ask_for_huge_pages();
        }
    }

    pub(super) fn discharge_blocks(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.block_bytes(), "discharging more than was charged");
        self.used = self.used.saturating_sub(bytes);
    }

    #[cold]
    fn ask_for_huge_pages(&mut self) {
        self.huge_pages_at = usize::MAX;
        self.heap.advise_huge_pages();
    }

    /// Never asks the system for huge pages. To be said before the heap has grown.
    pub fn refuse_huge_pages(&mut self) {
        self.huge_pages_at = usize::MAX;
    }

    // ----- Allocation -----------------------------------------------------------------------------------------------

    /// Takes the lowest free block: committed, charged, of unspecified contents. O(1), amortised.
    ///
    /// # Errors
    ///
    /// Any of [`AllocError`] but `TOO_LARGE`; nothing has changed then.
    pub fn allocate(&mut self, kind: BlockKind) -> Result<BlockIndex, AllocError> {
        self.check_limit(BLOCK_BYTES)?;
        let block = self.free.lowest().unwrap_or(self.free.len());
        self.prepare_range(block, 1, true)?;
        self.take_range(block, 1);
        self.set_kind(block, kind);
        self.charge_blocks(BLOCK_BYTES);
        Ok(BlockIndex::new(block))
    }

    /// Takes the first `n` contiguous free blocks, and charges `charge_bytes` for them whatever their number.
    ///
    /// # Errors
    ///
    /// Any of [`AllocError`]; nothing has changed then.
    pub fn allocate_run(
        &mut self,
        n: usize,
        head: BlockKind,
        tail: BlockKind,
        charge_bytes: usize,
    ) -> Result<BlockIndex, AllocError> {
        self.allocate_run_with(n, head, tail, charge_bytes, 1)
    }

    /// As [`Blocks::allocate_run`], with the *second* block of the run at a multiple of `second_align` bytes.
    pub(super) fn allocate_run_with(
        &mut self,
        n: usize,
        head: BlockKind,
        tail: BlockKind,
        charge_bytes: usize,
        second_align: usize,
    ) -> Result<BlockIndex, AllocError> {
        if n == 0 || n > self.total_blocks() {
            return Err(AllocError::TOO_LARGE);
        }
        self.check_limit(charge_bytes)?;
        self.runs.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
        let start = if second_align <= BLOCK_BYTES {
            self.free.find_run(n)
        } else {
            let base = self.base().addr().get();
            self.free.find_run_from(0, n, |start| {
                // No overflow in practice: addresses end far below `usize::MAX`. An absurd alignment saturates, and
                // is then refused as beyond the address space.
                (base + ((start + 1) << BLOCK_SHIFT))
                    .checked_next_multiple_of(second_align)
                    .map_or(usize::MAX, |second| ((second - base) >> BLOCK_SHIFT) - 1)
            })
        };
        self.prepare_range(start, n, true)?;
        self.take_range(start, n);
        self.set_kind(start, head);
        for block in start + 1..start + n {
            self.set_kind(block, tail);
        }
        self.charge_blocks(charge_bytes);
        let start = BlockIndex::new(start);
        self.runs.insert(start.0, Run { blocks: BlockIndex::new(n).0, charged: charge_bytes });
        Ok(start)
    }

    /// Makes sure that the next `n` calls of [`Blocks::allocate`] succeed, if nothing else is allocated or charged in
    /// between: a copying collection asks for its worst case before it moves the first object.
    ///
    /// # Errors
    ///
    /// Any of [`AllocError`] but `TOO_LARGE`; nothing is charged either way.
    pub fn prepare(&mut self, n: usize) -> Result<(), AllocError> {
        self.check_limit(n.saturating_mul(BLOCK_BYTES))?;
        let more = n.saturating_sub(self.free.free());
        if more > 0 {
            self.prepare_range(self.free.len(), more, true)?;
        }
        // The lowest n free blocks are what will be taken. Most have been used before and are committed; not those that a
        // window set aside and never needed.
        let (mut left, mut at) = (n - more, 0);
        while left > 0 {
            let first = self.free.next_free(at).expect("at least n blocks are free");
            at = self.free.next_used(first).min(first + left);
            left -= at - first;
            self.prepare_range(first, at - first, true)?;
        }
        Ok(())
    }

    /// Everything that can fail before `n` blocks from `start` (which may reach beyond the high-water mark, or begin
    /// beyond it) are taken.
    pub(super) fn prepare_range(&mut self, start: usize, n: usize, commit: bool) -> Result<(), AllocError> {
        let refused = AllocError::REFUSED;
        let end = start.checked_add(n).filter(|end| *end <= self.total_blocks());
        let end = end.ok_or(AllocError::ADDRESS_SPACE)?;
        let end_bytes = end << BLOCK_SHIFT;
        self.heap.grow_to(end_bytes).map_err(|_| AllocError::ADDRESS_SPACE)?;
        if end > self.free.len() {
            let more = end - self.free.len();
            self.free.reserve(more).map_err(|_| refused)?;
            self.resident.reserve(more).map_err(|_| refused)?;
            if end_bytes > self.tables_ready {
                let ready = end_bytes.next_multiple_of(COMMIT_CHUNK).min(self.heap.most());
                self.heap.commit_tables_for(ready).map_err(|_| refused)?;
                self.tables_ready = ready;
            }
        }
        if commit {
            self.heap.commit(start << BLOCK_SHIFT..end_bytes).map_err(|_| refused)?;
        }
        Ok(())
    }

    /// Takes blocks that [`Blocks::prepare_range`] prepared; blocks between the high-water mark and `start` become
    /// free ones.
    pub(super) fn take_range(&mut self, start: usize, n: usize) {
        let (old, end) = (self.free.len(), start + n);
        if end > old {
            self.free.grow(end - old);
            self.resident.grow(end - old);
            self.free.insert(old, start.saturating_sub(old));
            self.free.remove(start, old.saturating_sub(start));
        } else {
            self.free.remove(start, n);
        }
        self.forget_resident(start..end.min(old));
    }

    /// Blocks in use are not in the set of free resident ones.
    fn forget_resident(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while let Some(first) = self.resident.next_free(at).filter(|first| *first < range.end) {
            at = self.resident.next_used(first).min(range.end);
            self.resident.remove(first, at - first);
        }
    }

    /// Frees blocks without touching the accounting. `resident` of them, from the first, may have been touched; the others
    /// have no kind to lose.
    pub(super) fn put_range(&mut self, start: usize, n: usize, resident: usize) {
        for block in start..start + resident {
            self.set_kind(block, BlockKind::Free);
        }
        self.free.insert(start, n);
        self.resident.insert(start, resident);
    }

    /// Whether an address of this heap lies in a block that is never freed.
    #[inline]
    pub fn is_permanent(&self, address: usize) -> bool {
        self.kind(self.block_of(address)) == BlockKind::Permanent
    }

    /// Makes all mark-region blocks permanent, and all blocks of runs. Calls `each` for the former; returns how many
    /// blocks there were, and what they are charged in bytes.
    pub(super) fn make_permanent(&mut self, mut each: impl FnMut(BlockIndex)) -> (usize, usize) {
        let (mut blocks, mut charged) = (0, 0);
        for block in 0..self.free.len() {
            match self.kind(BlockIndex::new(block)) {
                BlockKind::Small => {
                    each(BlockIndex::new(block));
                    charged += BLOCK_BYTES;
                }
                BlockKind::LargeHead | BlockKind::LargeTail => {}
                BlockKind::Free | BlockKind::Nursery | BlockKind::Permanent => continue,
            }
            self.set_kind(block, BlockKind::Permanent);
            blocks += 1;
        }
        charged += self.runs.drain().map(|(_, run)| run.charged).sum::<usize>();
        (blocks, charged)
    }

    /// Frees a block of [`Blocks::allocate`], or one that a window converted.
    ///
    /// # Panics
    ///
    /// When the block is free already, or part of a run or a window.
    pub fn free(&mut self, block: BlockIndex) {
        let kind = self.kind(block);
        assert!(
            kind == BlockKind::Small || kind == BlockKind::Nursery,
            "freeing block {} which is {kind:?}, not a single block",
            block.0
        );
        self.put_range(block.index(), 1, 1);
        self.discharge_blocks(BLOCK_BYTES);
    }

    /// Frees a whole run, given its first block. Returns the bytes that it was charged.
    ///
    /// # Panics
    ///
    /// When no run begins there.
    pub fn free_run(&mut self, head: BlockIndex) -> usize {
        let run = self.runs.remove(&head.0).expect("freeing a run that does not begin here");
        self.put_range(head.index(), run.blocks as usize, run.blocks as usize);
        self.discharge_blocks(run.charged);
        run.charged
    }

    /// How many blocks the run has that begins here.
    pub fn run_blocks(&self, head: BlockIndex) -> Option<usize> {
        self.runs.get(&head.0).map(|run| run.blocks as usize)
    }

    /// Gives the pages of free blocks back to the system, highest addresses first, until at most `keep_bytes` of free
    /// blocks may still be resident. Returns the bytes given back.
    ///
    /// The blocks stay free and committed; what they hold afterwards is unspecified, as it was before.
    pub fn decommit_free(&mut self, keep_bytes: usize) -> usize {
        self.give_back(self.resident.free().saturating_sub(keep_bytes >> BLOCK_SHIFT))
    }

    /// Bytes of free blocks that may still be resident, beyond `keep_bytes`, that should go back to the system after a
    /// collection: a quarter of the least that was in excess after each of the last eight collections. How much is alive
    /// varies, and what is given back too early is zeroed by the system when it is needed again, a page at a time: a
    /// microsecond or two for each. When a peak is over, what it left waits for so many collections, and is gone but for
    /// a tenth eight later.
    pub fn surplus(&mut self, keep_bytes: usize) -> usize {
        let excess = self.free_resident_bytes().saturating_sub(keep_bytes);
        self.excesses.rotate_left(1);
        self.excesses[PATIENCE - 1] = excess;
        let least = self.excesses.iter().copied().min().unwrap_or(0);
        (least / 4).max(SURPLUS_LEAST).min(excess)
    }

    /// Gives the pages of free blocks back, highest addresses first: those of about `bytes` bytes. Returns the bytes given
    /// back. It takes 0.26 microseconds for each page of 4 KiB.
    pub fn decommit_some(&mut self, bytes: usize) -> usize {
        self.give_back((bytes >> BLOCK_SHIFT).min(self.resident.free()))
    }

    /// Gives the pages of so many free blocks back, or of nearly as many.
    fn give_back(&mut self, blocks: usize) -> usize {
        // Where pages are larger than blocks, only whole pages of free blocks can go.
        const STEP: usize = super::os::page_bytes().div_ceil(BLOCK_BYTES);
        let keep = self.resident.free() - blocks;
        let mut given_back = 0;
        let mut end = self.resident.len();
        while self.resident.free() > keep {
            let Some(range) = self.resident.last_run_before(end) else {
                break;
            };
            end = range.start;
            let excess = self.resident.free() - keep;
            let last = range.end / STEP * STEP;
            let first = range.start.max(range.end.saturating_sub(excess)).next_multiple_of(STEP);
            if first >= last {
                continue;
            }
            // SAFETY: the blocks are free, so no object and no reference is in them, and whoever allocates them
            // expects unspecified contents.
            unsafe { self.heap.decommit(first << BLOCK_SHIFT..last << BLOCK_SHIFT) };
            self.resident.remove(first, last - first);
            given_back += (last - first) << BLOCK_SHIFT;
        }
        given_back
    }

    /// Bytes of free blocks whose pages may still be with the process.
    pub fn free_resident_bytes(&self) -> usize {
        self.resident.free() << BLOCK_SHIFT
    }
}
