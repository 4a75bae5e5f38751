//! The private heap's memory: where objects live, before anybody says what an object is.
//!
//! | file | one idea |
//! |---|---|
//! | [`os`] | reserve, commit, decommit, release: the only calls to the system |
//! | `pool` | one mapping of the process, in which every heap has a slot |
//! | [`reservation`] | a heap's slot: which of it is committed, and what becomes of it |
//! | `warm` | slots of dropped heaps, for the next ones |
//! | [`table`] | side metadata: one byte per 2^n bytes of heap |
//! | `bitmap` | which blocks are free |
//! | [`blocks`] | the heap in units of 32 KiB, kinds, runs, the limit |
//! | [`window`] | a nursery's contiguous blocks, charged as they are used |
//! | [`lines`] | the heap in units of 256 bytes, and the holes between live ones |
//! | [`occupancy`] | the heap in units of 8 bytes, and the holes between those in use |
//! | [`holes`] | the index of blocks with holes, by the length of the longest |
//! | [`large`] | objects with blocks of their own |
//! | [`segments`] | lists that grow without copying, for what a pause looks through |
//!
//! Everything here is about addresses. Nothing reads or writes an object, apart from [`poison`], so almost all of it
//! is safe code; what makes a *pointer* into this memory valid is argued by the collectors that make objects of it.
//!
//! Decommitting a part of a heap whose objects are in use is impossible through this API; reading a block after
//! freeing it is only impossible because nobody should still have a pointer, which is the collectors' business.

mod bitmap;
pub mod blocks;
pub mod holes;
pub mod large;
pub mod lines;
pub mod occupancy;
pub mod os;
mod pool;
pub mod reservation;
pub mod segments;
pub mod table;
mod warm;
pub mod window;

pub use blocks::{BLOCK_BYTES, BlockIndex, BlockKind, Blocks, CHARGE_PAGE, MEDIUM_FOOTPRINT_MAX, MEDIUM_MAX};
pub use holes::{Free, HoleIndex};
pub use large::{LargeObject, LargeSpace};
pub use lines::{LINE_BYTES, LINE_SHIFT, LINES_PER_BLOCK, LineSet, LineTable};
pub use occupancy::{Bits, OCCUPANCY_SHIFT, Occupancy, UNIT_BYTES, UNITS_PER_BLOCK, UnitSet};
pub use os::OsError;
pub use reservation::{COMMIT_CHUNK, Reservation, Retirement};
pub use segments::{Aged, SegmentRefused, Segments};
pub use table::ByteTable;
pub use window::Window;

use crate::error::AllocError;
use core::ops::Range;
use core::ptr::NonNull;

/// All memory of one heap.
#[derive(Debug)]
pub struct Memory {
    /// One byte per line. Dropped before the blocks, like every handle on a table should be.
    pub lines: LineTable,
    /// Which blocks have holes.
    pub holes: HoleIndex,
    /// Which units of 8 bytes are in use, once somebody wanted to know.
    pub occupancy: Option<Occupancy>,
    /// Objects with blocks of their own.
    pub large: LargeSpace,
    /// Address space, blocks, accounting.
    pub blocks: Blocks,
}

impl Memory {
    /// Claims the address space of a heap; see [`Blocks::new`] for the two sizes, both in bytes.
    ///
    /// # Errors
    ///
    /// [`AllocError::REFUSED`] when the system does not grant the address space.
    pub fn new(limit: Option<usize>, reservation: Option<usize>) -> Result<Self, AllocError> {
        let mut blocks = Blocks::new(limit, reservation)?;
        let lines = LineTable::from_table(blocks.side_table(LINE_SHIFT)?, blocks.base().addr().get());
        let holes = HoleIndex::new(blocks.side_table(holes::RECORD_SHIFT)?);
        Ok(Self { blocks, lines, holes, occupancy: None, large: LargeSpace::new() })
    }

    /// Makes sure that the heap has bitmaps of its [occupancy](Occupancy).
    ///
    /// # Errors
    ///
    /// [`AllocError::REFUSED`] when the system does not grant the memory.
    pub fn prepare_occupancy(&mut self) -> Result<(), AllocError> {
        if self.occupancy.is_none() {
            let base = self.blocks.base().addr().get();
            let present = Bits::new(self.blocks.side_table(OCCUPANCY_SHIFT)?, base);
            let next = Bits::new(self.blocks.side_table(OCCUPANCY_SHIFT)?, base);
            self.occupancy = Some(Occupancy { present, next });
        }
        Ok(())
    }

    /// Frees a mark-region block in which nothing lives.
    pub fn free_block(&mut self, block: BlockIndex) {
        self.holes.remove(block);
        self.blocks.free(block);
    }

    /// Makes all memory that holds objects permanent, apart from nurseries: it is outside of sweep and allocation from
    /// now on. Returns how many blocks that are, and what they are charged, in bytes.
    pub(crate) fn make_permanent(&mut self) -> (usize, usize) {
        let Memory { holes, occupancy, large, blocks, .. } = self;
        large.forget_all();
        blocks.make_permanent(|block| {
            holes.remove(block);
            if let Some(occupancy) = occupancy {
                occupancy.clear(block);
            }
        })
    }

    /// Whether bytes of the object at `payload`, of its header to begin with, can be its own, as far as addresses tell. For
    /// verification.
    ///
    /// # Errors
    ///
    /// A clause that says why not.
    pub fn check_allocated(&self, payload: NonNull<u8>, bytes: Range<usize>) -> Result<(), &'static str> {
        let last = bytes.end - 1;
        if !self.blocks.contains(bytes.start) || !self.blocks.contains(last) {
            return Err("the address is outside the heap");
        }
        let (first, last) = (self.blocks.block_of(bytes.start), self.blocks.block_of(last));
        if last >= self.blocks.high_water() {
            return Err("it lies in a block that was never used");
        }
        match self.blocks.kind(first) {
            BlockKind::Free => Err("it lies in a free block"),
            BlockKind::LargeHead | BlockKind::LargeTail => match self.large.get(&self.blocks, payload) {
                None => Err("it lies in the blocks of a large object, which begins elsewhere"),
                Some(large) if bytes.end > payload.addr().get() + large.bytes.next_multiple_of(8) => {
                    Err("it is longer than the large object that was allocated")
                }
                Some(_) => Ok(()),
            },
            // A block promoted in place may hold an object that reaches into the next one.
            kind if self.blocks.kind(last) != kind => Err("it reaches into a block of another kind"),
            BlockKind::Small if self.is_offered(bytes) => Err("it lies in a hole that is free for the next objects"),
            BlockKind::Small | BlockKind::Nursery | BlockKind::Permanent => Ok(()),
        }
    }

    /// Whether a part of the bytes, of mark-region blocks, is in a hole of the index.
    fn is_offered(&self, bytes: Range<usize>) -> bool {
        (self.lines.line_of(bytes.start)..=self.lines.line_of(bytes.end - 1)).any(|line| {
            let block = BlockIndex::new(line / LINES_PER_BLOCK);
            let bytes = self.lines.address_of(line).max(bytes.start)..self.lines.address_of(line + 1).min(bytes.end);
            let by_units = self.occupancy.as_ref().filter(|_| self.holes.is_by_units(block));
            by_units.is_some_and(|occupancy| !occupancy.present.are_set(bytes))
                || self.holes.free_lines(block).contains(line % LINES_PER_BLOCK)
        })
    }

    /// Bytes of the tables that describe the memory in use: a byte for each line, a byte and a record of holes for each
    /// block, an entry for each large object.
    pub fn side_bytes(&self) -> usize {
        let blocks = self.blocks.block_bytes() / BLOCK_BYTES;
        // Two bits for every eight bytes, once a marking was exact.
        let units = if self.occupancy.is_some() { 2 * BLOCK_BYTES / 64 } else { 0 };
        blocks * (LINES_PER_BLOCK + 1 + (BLOCK_BYTES >> holes::RECORD_SHIFT) + units) + self.large.side_bytes()
    }
}

/// What freed memory is filled with when it is poisoned: as a pointer it is not canonical, as a length absurd.
pub const POISON: u8 = 0xDD;

/// Whether freed memory is poisoned when nobody said otherwise.
pub const POISON_BY_DEFAULT: bool = cfg!(debug_assertions);

/// Fills dead memory with [`POISON`], so that a use after free is seen at once.
///
/// # Safety
///
/// The range is committed memory of one heap in which nothing is alive and to which no reference exists.
#[inline]
pub unsafe fn poison(ptr: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller owns the dead range; any byte value is fine in memory that holds nothing.
    unsafe { ptr.write_bytes(POISON, bytes) }
}

#[cfg(test)]
mod tests;
