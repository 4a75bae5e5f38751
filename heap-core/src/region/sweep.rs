//! The sweep after a complete marking, shared by the mark-region collectors.
//!
//! Nothing dead is touched. A large object gives its run back; a block none of whose lines carries the marking's stamp
//! is free as a whole; a block with some free lines is filed by the longest run of them, for the allocator. What is left
//! is one pass over the line bytes, 128 per block: about 0.4 % of the heap's size, read once.
//!
//! *Stamps are 255, markings are more.* Before number 1 is used again no line may carry it from its first life. So the
//! sweep after marking number 255 also erases the stamps of the lines that it finds free, and no later marking has to.
//! (Lines of blocks that are free as a whole keep theirs: all lines of a fresh block are stamped when it is handed out.)
//! Should that sweep not happen, because the marking was given up, lines may look alive for one marking more.

use super::holes::{HoleAllocator, NO_STAMP};
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
}

/// Frees what a marking did not reach: large objects for which `is_live` says no, and blocks without a line that
/// carries `stamp`. Blocks with at least one free line are filed for the allocator, the lowest address first.
///
/// Weak cells must have been cleared and drop glue must have run before: the memory may be reused afterwards.
///
/// No other thread may be marking.
pub fn sweep(
    memory: &mut Memory,
    holes: &mut HoleAllocator,
    stamp: u8,
    mut is_live: impl FnMut(ObjectRef) -> bool,
) -> Swept {
    let mut swept = Swept::default();
    swept.freed_bytes += memory.large.retain(&mut memory.blocks, |payload| is_live(ObjectRef::new(payload)));
    // Freed blocks stay below the high-water mark.
    for block in (0..memory.blocks.high_water().index()).map(BlockIndex::new) {
        if memory.blocks.kind(block) == BlockKind::Small {
            sweep_block(memory, holes, stamp, block, &mut swept);
        }
    }
    swept
}

fn sweep_block(memory: &mut Memory, holes: &mut HoleAllocator, stamp: u8, block: BlockIndex, swept: &mut Swept) {
    let free = memory.lines.select(block, |byte| byte != stamp);
    holes.forget(block);
    let lines = free.count();
    if lines == LINES_PER_BLOCK {
        memory.holes.remove(block);
        memory.blocks.free(block);
        swept.freed_bytes += BLOCK_BYTES;
        return;
    }
    if stamp == u8::MAX {
        let first = LineTable::first_line(block);
        for hole in free.holes() {
            memory.lines.set_range(first + hole.start..first + hole.end, NO_STAMP);
        }
    }
    memory.holes.file(block, free);
    swept.blocks += 1;
    swept.hole_bytes += lines << LINE_SHIFT;
    swept.line_bytes += (LINES_PER_BLOCK - lines) << LINE_SHIFT;
}
