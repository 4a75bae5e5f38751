//! The sweep after a complete marking, shared by the mark-region collectors.
//!
//! Nothing dead is touched. A large object gives its run back; a block none of whose lines carries the marking's stamp
//! is free as a whole; a block with some free lines is queued for the allocator, which reads the lines when it gets
//! there (see [`HoleAllocator`]). What is left is one pass over the line bytes, 128 per block: about 0.4 % of the
//! heap's size, read once.

use super::holes::HoleAllocator;
use crate::memory::{BLOCK_BYTES, BlockIndex, LINE_SHIFT, LINES_PER_BLOCK, Memory};
use crate::object::ObjectRef;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Bytes given back: whole blocks and large objects.
    pub freed_bytes: usize,
    /// Bytes of lines that are free in blocks that are not.
    pub hole_bytes: usize,
    /// Blocks that stay in use.
    pub blocks: usize,
}

/// Frees what a marking did not reach: large objects for which `is_live` says no, and blocks without a line that
/// carries `stamp`. Blocks with at least one free line become the allocator's queue, the lowest address first.
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
    let Memory { blocks, lines, large } = memory;
    swept.freed_bytes += large.retain(blocks, |payload| is_live(ObjectRef::new(payload)));
    let mut queue = std::mem::take(holes.queue());
    queue.clear();
    let in_use: Vec<BlockIndex> = blocks.small_blocks().collect();
    for &block in in_use.iter().rev() {
        let free = lines.select(block, |byte| byte != stamp).count();
        if free == LINES_PER_BLOCK {
            blocks.free(block);
            swept.freed_bytes += BLOCK_BYTES;
            continue;
        }
        swept.blocks += 1;
        if free > 0 {
            queue.push(block);
            swept.hole_bytes += free << LINE_SHIFT;
        }
    }
    holes.set_queue(queue);
    swept
}
