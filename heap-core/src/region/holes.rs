//! Allocation into the holes of a mark-region space.
//!
//! A block is 128 lines; a hole is a run of lines in which nothing lives. Small objects are bumped through holes, one
//! after the other, in the blocks that were found to have some, the most fragmented first, and only then through fresh
//! blocks: that is Immix (Blackburn and McKinley, PLDI 2008). An object that does not fit one line goes to a second
//! buffer, the rest of a hole that was the tightest fit for the object before: searching the small ones' holes for one of
//! its size would walk past many short ones. When the rest is too short, the tightest hole in the
//! [index](crate::memory::HoleIndex) is taken, or a fresh block; of the two rests the longer one is kept and the lines of
//! the other are filed again.
//!
//! *Why not fresh blocks for all that does not fit one line* ("overflow allocation", as Immix has it)? Then a hole is
//! filled by small objects only. A table of 50 000 byte slices of 16 to 4096 bytes, replaced at random, took 4.7 times
//! what was alive.
//!
//! What makes a line live is the collector's business ([`LinePolicy`]): a stamp of the marking that reached it, or a
//! count of the objects on it. Under stamping, a hole is stamped when it is taken, so that lines with new objects look
//! alive until the next marking decides; no object needs a mark bit of its own for that.

use core::ops::Range;
use core::ptr::NonNull;

use crate::error::AllocError;
use crate::memory::{
    self, BLOCK_BYTES, BlockIndex, BlockKind, LINE_BYTES, LINE_SHIFT, LINES_PER_BLOCK, LineSet, LineTable, Memory,
};
use crate::object::AllocRequest;

/// What becomes of a line that is handed out.
#[derive(Clone, Copy, Debug)]
pub enum LinePolicy {
    /// A line is live when it carries the stamp of the last marking; one that is handed out gets this stamp: of the
    /// marking in progress, if there is one, else of the last.
    Stamps(u8),
    /// A line's byte counts the live objects on it; lines that are handed out stay at zero until their objects are
    /// counted.
    Counts,
}

/// The stamp that no marking uses: of lines that were handed out and given back untouched.
pub const NO_STAMP: u8 = 0;

/// Free memory, a whole number of lines.
#[derive(Clone, Copy, Debug)]
pub struct Hole {
    /// First byte.
    pub start: NonNull<u8>,
    /// Length in bytes.
    pub bytes: usize,
}

/// The unused end of a hole that was handed out.
#[derive(Clone, Copy, Debug)]
struct Rest {
    cursor: NonNull<u8>,
    limit: NonNull<u8>,
}

impl Rest {
    fn bytes(self) -> usize {
        self.limit.addr().get() - self.cursor.addr().get()
    }

    /// Takes memory from the front.
    fn bump(&mut self, request: AllocRequest) -> Option<NonNull<u8>> {
        // SAFETY: a rest is a part of one block.
        let (payload, end) = unsafe { request.place(self.cursor, self.limit) }?;
        self.cursor = end;
        Some(payload)
    }
}

/// Hands out holes.
#[derive(Debug, Default)]
pub struct HoleAllocator {
    /// The block whose holes small objects get, and which of its lines are left.
    current: Option<(BlockIndex, LineSet)>,
    /// Where the next object goes that needs more than a line.
    medium: Option<Rest>,
    poison: bool,
}

impl HoleAllocator {
    /// An allocator. With `poison`, holes are filled before they are handed out.
    pub fn new(poison: bool) -> Self {
        HoleAllocator { current: None, medium: None, poison }
    }

    /// Gives up the holes in use, so that everything allocated from now on lies in memory handed out from now on. The
    /// lines of theirs that are untouched go back to the index.
    pub fn retire(&mut self, memory: &mut Memory, policy: LinePolicy) {
        if let Some((block, lines)) = self.current.take() {
            give_back(memory, block, lines);
        }
        if let Some(rest) = self.medium.take() {
            self.return_rest(memory, policy, rest);
        }
    }

    /// A sweep is about to say anew which lines of a block are free.
    #[inline]
    pub(super) fn forget(&mut self, block: BlockIndex) {
        // The medium objects' lines are not free: they were stamped when they were handed out.
        if self.current.is_some_and(|(current, _)| current == block) {
            self.current = None;
        }
    }

    /// The next hole: at least one line long.
    ///
    /// # Errors
    /// When there is no hole left and no fresh block can be had.
    pub fn next_hole(&mut self, memory: &mut Memory, policy: LinePolicy) -> Result<Hole, AllocError> {
        let (block, free) = match self.current.take().or_else(|| memory.holes.take(1)) {
            Some(current) => current,
            None => (fresh(memory, policy)?, LineSet(u128::MAX)),
        };
        let hole = free.next_hole(0).expect("neither the index nor the allocator keeps a block without free lines");
        let rest = free.without(LineSet::of(hole.clone()));
        self.current = (!rest.is_empty()).then_some((block, rest));
        Ok(self.hand_out(memory, policy, block, hole))
    }

    /// Room for an object that needs more than one line.
    ///
    /// # Errors
    /// When no hole is long enough and no fresh block can be had.
    pub fn medium(
        &mut self,
        memory: &mut Memory,
        policy: LinePolicy,
        request: AllocRequest,
    ) -> Result<NonNull<u8>, AllocError> {
        debug_assert!(!request.is_large());
        if let Some(payload) = self.medium.as_mut().and_then(|rest| rest.bump(request)) {
            return Ok(payload);
        }
        let lines = request.worst_case().div_ceil(LINE_BYTES);
        let (block, free) = match memory.holes.take(lines) {
            Some(found) => found,
            None => (fresh(memory, policy)?, LineSet(u128::MAX)),
        };
        let hole = free.tightest(lines).expect("a block is filed by its longest hole");
        give_back(memory, block, free.without(LineSet::of(hole.clone())));
        let Hole { start, bytes } = self.hand_out(memory, policy, block, hole);
        // SAFETY: the hole is inside the reservation.
        let mut rest = Rest { cursor: start, limit: unsafe { start.byte_add(bytes) } };
        let payload = rest.bump(request).expect("the hole was chosen by the request's worst case");
        let shorter = match self.medium.take() {
            Some(old) if old.bytes() > rest.bytes() => core::mem::replace(&mut rest, old),
            Some(old) => old,
            None => Rest { cursor: rest.limit, limit: rest.limit },
        };
        self.medium = Some(rest);
        self.return_rest(memory, policy, shorter);
        Ok(payload)
    }

    /// True when the request may be served from a hole of one line.
    #[inline]
    pub fn is_small(request: AllocRequest) -> bool {
        request.worst_case() <= LINE_BYTES
    }

    fn hand_out(&mut self, memory: &mut Memory, policy: LinePolicy, block: BlockIndex, lines: Range<usize>) -> Hole {
        debug_assert_eq!(memory.blocks.kind(block), BlockKind::Small);
        if let LinePolicy::Stamps(stamp) = policy {
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

    /// Puts the whole lines of a rest back into the index.
    fn return_rest(&mut self, memory: &mut Memory, policy: LinePolicy, rest: Rest) {
        let address = rest.cursor.addr().get();
        let skip = address.wrapping_neg() % LINE_BYTES;
        if rest.bytes() < skip + LINE_BYTES {
            return;
        }
        let block = memory.blocks.block_of(address);
        let first = ((address + skip) % BLOCK_BYTES) >> LINE_SHIFT;
        let lines = first..first + ((rest.bytes() - skip) >> LINE_SHIFT);
        if let LinePolicy::Stamps(_) = policy {
            memory.lines.set_range(lines_of(block, lines.clone()), NO_STAMP);
        }
        give_back(memory, block, LineSet::of(lines));
    }
}

/// A block that nobody uses.
fn fresh(memory: &mut Memory, policy: LinePolicy) -> Result<BlockIndex, AllocError> {
    let block = memory.blocks.allocate(BlockKind::Small)?;
    match policy {
        // Whatever the block was before: nobody on it is counted.
        LinePolicy::Counts => memory.lines.set_range(lines_of(block, 0..LINES_PER_BLOCK), 0),
        LinePolicy::Stamps(_) => {}
    }
    Ok(block)
}

/// Lines of a block that were taken out of the index may be handed out again.
fn give_back(memory: &mut Memory, block: BlockIndex, lines: LineSet) {
    let others = memory.holes.free_lines(block);
    debug_assert!(others.without(lines) == others, "a line is free twice");
    memory.holes.file(block, others.union(lines));
}

/// Heap-wide numbers of some lines of a block.
fn lines_of(block: BlockIndex, lines: Range<usize>) -> Range<usize> {
    let first = LineTable::first_line(block);
    first + lines.start..first + lines.end
}
