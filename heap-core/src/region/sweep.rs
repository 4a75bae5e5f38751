//! The sweep after a complete marking, shared by the mark-region collectors.
//!
//! Nothing dead is touched. A large object gives its run back; a block none of whose lines carries the marking's stamp
//! is free as a whole; a block with some free lines is filed by the longest run of them, for the allocator. What is left
//! is one pass over the line bytes, 128 per block: about 0.4 % of the heap's size, read once. That takes some
//! milliseconds for a gigabyte, so a collector with bounded pauses does it in steps.
//!
//! *Stamps are 255, markings are more.* Before number 1 is used again no line may carry it from its first life. So the
//! sweep after marking number 255 also erases the stamps of the lines that it finds free, and no later marking has to.
//! (Lines of blocks that are free as a whole keep theirs: all lines of a fresh block are stamped when it is handed out.)
//! Should that sweep not happen, because the marking was given up, lines may look alive for one marking more.
//!
//! *After an exact marking* the sweep compares, block by block, the lines that carry the stamp with the units that were
//! marked; where much of those lines is not in use, the short holes between the living are handed out too.

use core::ops::Range;

use super::holes::{HoleAllocator, NO_STAMP, file};
use crate::memory::{BLOCK_BYTES, BlockIndex, BlockKind, LINE_SHIFT, LINES_PER_BLOCK, LineTable, Memory};
use crate::object::ObjectRef;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Bytes given back: whole blocks and large objects.
    pub freed_bytes: usize,
    /// Bytes of lines that are free in blocks that are not.
    pub hole_bytes: usize,
    /// Bytes of lines that are not free.
    pub line_bytes: usize,
    /// Blocks that stay in use.
    pub blocks: usize,
    /// Whether the marking was exact.
    pub exact: bool,
}

/// A sweep in progress.
///
/// Between two steps the program may allocate: what it is given carries the marking's stamp, so the block in question keeps
/// those lines when its turn comes, and the holes that the last sweep filed are as free as before until then. After an
/// exact marking what is handed out is set in the present bitmap too, because a block that was not swept yet will be filed
/// by it ([`Noted::Present`](super::holes::Noted)).
#[derive(Debug)]
pub struct Sweep {
    stamp: u8,
    exact: bool,
    /// The blocks that are left.
    blocks: Range<usize>,
    found: Swept,
}

impl Sweep {
    /// Begins to free what a marking did not reach: large objects for which `is_live` says no, at once; then, step by
    /// step, blocks without a line that carries `stamp`. Blocks with at least one free line are filed for the allocator,
    /// the lowest address first. With `exact`, the marking has written the heap's next occupancy bitmap, which becomes the
    /// present one.
    ///
    /// Weak cells must have been cleared and drop glue must have run before: the memory may be reused afterwards.
    ///
    /// No other thread may be marking, and no marking may begin before the sweep has ended.
    pub fn begin(memory: &mut Memory, stamp: u8, exact: bool, mut is_live: impl FnMut(ObjectRef) -> bool) -> Self {
        let mut found = Swept { exact, ..Swept::default() };
        if exact && let Some(occupancy) = &mut memory.occupancy {
            occupancy.turn();
        }
        found.freed_bytes += memory.large.retain(&mut memory.blocks, |payload| is_live(ObjectRef::new(payload)));
        // Freed blocks stay below the high-water mark. What comes above it later is all stamped.
        Sweep { stamp, exact, blocks: 0..memory.blocks.high_water().index(), found }
    }

    /// Looks at the next `most` blocks.
    pub fn advance(&mut self, memory: &mut Memory, holes: &mut HoleAllocator, most: usize) {
        let mut blocks = self.blocks.start..self.blocks.end.min(self.blocks.start.saturating_add(most));
        self.blocks.start = blocks.end;
        loop {
            blocks.start = memory.blocks.next_in_use(blocks.clone());
            let Some(block) = blocks.next().map(BlockIndex::new) else { return };
            if memory.blocks.kind(block) == BlockKind::Small {
                sweep_block(memory, holes, self.stamp, self.exact, block, &mut self.found);
            }
        }
    }

    /// Whether no block is left.
    pub fn is_complete(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether the marking before it was exact.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// What was found so far.
    pub fn found(&self) -> Swept {
        self.found
    }
}

/// A [`Sweep`] all at once.
pub fn sweep(
    memory: &mut Memory,
    holes: &mut HoleAllocator,
    stamp: u8,
    exact: bool,
    is_live: impl FnMut(ObjectRef) -> bool,
) -> Swept {
    let mut sweep = Sweep::begin(memory, stamp, exact, is_live);
    sweep.advance(memory, holes, usize::MAX);
    sweep.found()
}

/// The part of [`sweep`] that concerns some blocks, those which `which` names, after an exact marking whose bitmap is the
/// present one already: for a collector that empties the others before it sweeps them too.
///
/// Weak cells must have been cleared and drop glue must have run, as for `sweep`, and no reference may lead to the old
/// place of an object that was moved out of these blocks.
pub fn sweep_blocks(memory: &mut Memory, holes: &mut HoleAllocator, stamp: u8, which: impl Fn(BlockIndex) -> bool) {
    let mut found = Swept::default();
    let mut blocks = 0..memory.blocks.high_water().index();
    loop {
        blocks.start = memory.blocks.next_in_use(blocks.clone());
        let Some(block) = blocks.next().map(BlockIndex::new) else { return };
        if memory.blocks.kind(block) == BlockKind::Small && which(block) {
            sweep_block(memory, holes, stamp, true, block, &mut found);
        }
    }
}

fn sweep_block(
    memory: &mut Memory,
    holes: &mut HoleAllocator,
    stamp: u8,
    exact: bool,
    block: BlockIndex,
    swept: &mut Swept,
) {
    let free = memory.lines.select(block, |byte| byte != stamp);
    holes.forget(block);
    let lines = free.count();
    if lines == LINES_PER_BLOCK {
        if let Some(occupancy) = &memory.occupancy {
            occupancy.clear(block);
        }
        memory.free_block(block);
        swept.freed_bytes += BLOCK_BYTES;
        return;
    }
    if stamp == u8::MAX {
        let first = LineTable::first_line(block);
        for hole in free.holes() {
            memory.lines.set_range(first + hole.start..first + hole.end, NO_STAMP);
        }
    }
    let in_lines = (LINES_PER_BLOCK - lines) << LINE_SHIFT;
    swept.blocks += 1;
    swept.hole_bytes += lines << LINE_SHIFT;
    swept.line_bytes += in_lines;
    if exact && let Some(occupancy) = &memory.occupancy {
        occupancy.clear_next(block);
        let units = occupancy.present.block(block);
        swept.hole_bytes += file(memory, block, &units, free);
    } else {
        memory.holes.file(block, free);
    }
}
