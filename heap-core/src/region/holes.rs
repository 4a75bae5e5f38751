//! Allocation into the holes of a mark-region space.
//!
//! A block is 128 lines; a hole is a run of lines in which nothing lives. Small objects are bumped through holes, one
//! after the other, in the blocks that were found to have some, and only then into fresh blocks: that is Immix
//! (Blackburn and McKinley, PLDI 2008). An object that does not fit one line goes to a second buffer which takes whole
//! fresh blocks ("overflow allocation"), because searching for a hole of its size would walk past many small ones.
//!
//! What makes a line live is the collector's business ([`LinePolicy`]): a stamp of the marking that reached it, or a
//! count of the objects on it. Under stamping, a hole is stamped when it is taken, so that lines with new objects look
//! alive until the next marking decides; no object needs a mark bit of its own for that.
//!
//! The search is lazy: a collection only says which blocks to look into, and a block's lines are read when the allocator
//! gets there.

use core::ptr::NonNull;

use crate::error::AllocError;
use crate::memory::{self, BlockIndex, BlockKind, LINE_BYTES, LINE_SHIFT, LINES_PER_BLOCK, LineSet, LineTable, Memory};
use crate::object::AllocRequest;

/// What makes a line free, and what becomes of one that is handed out.
#[derive(Clone, Copy, Debug)]
pub enum LinePolicy {
    /// A line is live when it carries one of the two stamps; a line that is handed out gets `stamp`. Outside of a
    /// marking both are the same; during one they are those of the last and of the present marking.
    Stamps {
        /// Stamp of the last complete marking.
        last: u8,
        /// Stamp of the present marking, if there is one, else of the last.
        stamp: u8,
    },
    /// A line's byte counts the live objects on it; lines that are handed out stay at zero until their objects are
    /// counted.
    Counts,
}

/// Free memory, a whole number of lines.
#[derive(Clone, Copy, Debug)]
pub struct Hole {
    /// First byte.
    pub start: NonNull<u8>,
    /// Length in bytes.
    pub bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Buffer {
    cursor: NonNull<u8>,
    limit: NonNull<u8>,
}

/// Finds holes.
#[derive(Debug)]
pub struct HoleAllocator {
    queue: Vec<BlockIndex>,
    current: Option<(BlockIndex, LineSet)>,
    medium: Option<Buffer>,
    taken: Vec<BlockIndex>,
    poison: bool,
}

impl HoleAllocator {
    /// An allocator with no blocks to look into. With `poison`, holes are filled before they are handed out.
    pub fn new(poison: bool) -> Self {
        HoleAllocator { queue: Vec::new(), current: None, medium: None, taken: Vec::new(), poison }
    }

    /// Starts over: from now on, holes come from these blocks, the last first, then from fresh blocks.
    pub fn set_queue(&mut self, blocks: Vec<BlockIndex>) {
        self.queue = blocks;
        self.current = None;
        self.medium = None;
        self.taken.clear();
    }

    /// Gives up the blocks in use, so that everything allocated from now on lies in memory handed out from now on. The
    /// blocks still queued stay queued.
    pub fn retire(&mut self) {
        self.current = None;
        self.medium = None;
    }

    /// Adds a block to look into.
    pub fn enqueue(&mut self, block: BlockIndex) {
        self.queue.push(block);
    }

    /// Blocks still queued.
    pub fn queue(&mut self) -> &mut Vec<BlockIndex> {
        &mut self.queue
    }

    /// The blocks from which memory was handed out since the last [`set_queue`](Self::set_queue) or call of this
    /// function; consecutive repetitions are left out, others are possible.
    pub fn take_taken(&mut self) -> Vec<BlockIndex> {
        std::mem::take(&mut self.taken)
    }

    /// The next hole: at least one line long.
    ///
    /// # Errors
    /// When there is no hole left and no fresh block can be had.
    pub fn next_hole(&mut self, memory: &mut Memory, policy: LinePolicy) -> Result<Hole, AllocError> {
        loop {
            if let Some((block, free)) = &mut self.current {
                if let Some(lines) = free.next_hole(0) {
                    // Lines up to the end of this hole are spent.
                    free.0 &= u128::MAX.checked_shl(lines.end as u32).unwrap_or(0);
                    let block = *block;
                    return Ok(self.hand_out(memory, policy, block, lines));
                }
                self.current = None;
            }
            let Some(block) = self.queue.pop() else { break };
            if memory.blocks.kind(block) == BlockKind::Small {
                let free = match policy {
                    LinePolicy::Stamps { last, stamp } => {
                        memory.lines.select(block, |byte| byte != last && byte != stamp)
                    }
                    LinePolicy::Counts => memory.lines.select(block, |byte| byte == 0),
                };
                self.current = Some((block, free));
            }
        }
        let block = memory.blocks.allocate(BlockKind::Small)?;
        if matches!(policy, LinePolicy::Counts) {
            // Whatever the block was before: nobody on it is counted.
            memory.lines.set_range(lines_of(block, 0..LINES_PER_BLOCK), 0);
        }
        Ok(self.hand_out(memory, policy, block, 0..LINES_PER_BLOCK))
    }

    /// Room for an object that needs more than one line.
    ///
    /// # Errors
    /// When no fresh block can be had.
    pub fn medium(
        &mut self,
        memory: &mut Memory,
        policy: LinePolicy,
        request: AllocRequest,
    ) -> Result<NonNull<u8>, AllocError> {
        debug_assert!(!request.is_large());
        loop {
            if let Some(Buffer { cursor, limit }) = self.medium
                // SAFETY: a buffer is the rest of one block.
                && let Some((payload, end)) = unsafe { request.place(cursor, limit) }
            {
                self.medium = Some(Buffer { cursor: end, limit });
                return Ok(payload);
            }
            let block = memory.blocks.allocate(BlockKind::Small)?;
            if matches!(policy, LinePolicy::Counts) {
                memory.lines.set_range(lines_of(block, 0..LINES_PER_BLOCK), 0);
            }
            let hole = self.hand_out(memory, policy, block, 0..LINES_PER_BLOCK);
            // SAFETY: the hole is inside the reservation.
            let limit = unsafe { hole.start.byte_add(hole.bytes) };
            self.medium = Some(Buffer { cursor: hole.start, limit });
        }
    }

    /// True when the request may be served from a hole of one line.
    #[inline]
    pub fn is_small(request: AllocRequest) -> bool {
        request.worst_case() <= LINE_BYTES
    }

    fn hand_out(
        &mut self,
        memory: &mut Memory,
        policy: LinePolicy,
        block: BlockIndex,
        lines: core::ops::Range<usize>,
    ) -> Hole {
        if self.taken.last() != Some(&block) {
            self.taken.push(block);
        }
        if let LinePolicy::Stamps { stamp, .. } = policy {
            memory.lines.set_range(lines_of(block, lines.clone()), stamp);
        }
        // SAFETY: the lines belong to the block, which lies in the reservation.
        let start = unsafe { memory.blocks.address_of(block).byte_add(lines.start << LINE_SHIFT) };
        let bytes = lines.len() << LINE_SHIFT;
        if self.poison {
            // SAFETY: the lines are free: nothing lives there and no reference leads there.
            unsafe { memory::poison(start, bytes) };
        }
        Hole { start, bytes }
    }
}

/// Heap-wide numbers of some lines of a block.
fn lines_of(block: BlockIndex, lines: core::ops::Range<usize>) -> core::ops::Range<usize> {
    let first = LineTable::first_line(block);
    first + lines.start..first + lines.end
}
