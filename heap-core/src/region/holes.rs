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
//! What makes a line live is the collector's business ([`LinePolicy`]). Under stamping, a hole is stamped when it is
//! taken, so that lines with new objects look alive until the next marking decides; no object needs a mark bit of its own
//! for that.
//!
//! *Holes shorter than a line* exist only in blocks that are filed by units, because their lines were found to waste
//! much. They come after all longer ones, and only those are handed out that the largest of the smallest objects fits: the
//! largest of late of those of up to 64 bytes. So everything small is bumped through the same holes, and what is left out
//! is too short for most. An object of more than that is served like those that need more than a line while such a block
//! is in use: looking for its hole among the short ones would walk past those that others can use. (When the holes were
//! as short as the smallest object, a program with objects of 24 and 16 bytes looked for a hole of its own for every
//! second object: half of its processor time.)

use core::ops::Range;
use core::ptr::NonNull;

use crate::error::AllocError;
use crate::memory::{
    self, BLOCK_BYTES, BlockIndex, BlockKind, Free, LINE_BYTES, LINE_SHIFT, LINES_PER_BLOCK, LineSet, LineTable,
    MEDIUM_FOOTPRINT_MAX, Memory, UNIT_BYTES, UnitSet,
};
use crate::object::{AllocRequest, OBJECT_ALIGN};

/// What becomes of memory that is handed out.
#[derive(Clone, Copy, Debug)]
pub enum LinePolicy {
    /// A line is live when it carries the stamp of the last marking; one that is handed out gets `stamp`.
    Stamps {
        /// The stamp of the marking in progress, if there is one, else of the last.
        stamp: u8,
        /// Where else it must be noted that memory was handed out.
        noted: Noted,
    },
    /// A line's byte counts the live objects on it; lines that are handed out stay at zero until their objects are
    /// counted.
    Counts,
}

/// The bitmap that must say that memory which was handed out is in use, apart from what is said of blocks by units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// None.
    Nowhere,
    /// The next: an exact marking is in progress, to which it must look alive as a whole.
    Next,
    /// The present: the sweep after an exact marking is in progress, which files blocks by it.
    Present,
}

/// The stamp that no marking uses: of lines that were handed out and given back untouched.
pub const NO_STAMP: u8 = 0;

/// A block is filed by units when more bytes than this are on lines with somebody else. (Not a share of those lines: of a
/// block that is nearly free, the rest is not worth the trouble.)
const WORTHWHILE: usize = BLOCK_BYTES / 8;

/// The shortest hole that is handed out, in bytes: for the smallest object.
const SHORTEST: usize = 16;

/// Objects of up to so many bytes go into the short holes.
const MODEST: usize = 64;

/// Free memory that was handed out: nothing lives there, and it is for whoever has this, which is why there is no copy of
/// it.
#[derive(Debug)]
pub struct Hole {
    start: NonNull<u8>,
    bytes: usize,
}

impl Hole {
    /// The `bytes` bytes from `start`.
    ///
    /// # Safety
    /// They must be committed, inside one heap's reservation, and used by nothing else; `start` and `bytes` multiples of
    /// eight.
    #[inline]
    pub unsafe fn new(start: NonNull<u8>, bytes: usize) -> Self {
        debug_assert!(start.addr().get().is_multiple_of(8) && bytes.is_multiple_of(8));
        Hole { start, bytes }
    }

    /// First byte; a multiple of eight.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Length in bytes; a multiple of eight.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The address behind it.
    #[inline]
    pub fn end(&self) -> NonNull<u8> {
        // SAFETY: a hole lies inside one reservation.
        unsafe { self.start.byte_add(self.bytes) }
    }
}

/// Where an object finds room.
#[derive(Debug)]
pub enum Room {
    /// In this hole, wherever it starts in it, and others after it.
    Hole(Hole),
    /// Here is where its payload goes; the place is the object's alone.
    Place(NonNull<u8>),
}

/// The block whose holes small objects get.
#[derive(Clone, Copy, Debug)]
enum Current {
    /// These lines of it are left.
    Lines(BlockIndex, LineSet),
    /// The holes behind this unit are left.
    Units(BlockIndex, usize),
}

impl Current {
    fn block(self) -> BlockIndex {
        match self {
            Current::Lines(block, _) | Current::Units(block, _) => block,
        }
    }
}

/// A hole that objects are bumped through, one after the other: what is left of it.
#[derive(Debug)]
pub struct Buffer {
    cursor: NonNull<u8>,
    limit: NonNull<u8>,
}

// SAFETY: the memory between the two is the owner's alone, whatever thread that is.
unsafe impl Send for Buffer {}

impl Buffer {
    /// No memory at all.
    pub fn empty() -> Self {
        let nothing = NonNull::<u64>::dangling().cast();
        Buffer { cursor: nothing, limit: nothing }
    }

    /// Bytes that are left.
    #[inline(always)]
    pub fn bytes(&self) -> usize {
        self.limit.addr().get() - self.cursor.addr().get()
    }

    /// What is left, for somebody else to bump through.
    #[inline]
    pub fn into_rest(self) -> Hole {
        Hole { start: self.cursor, bytes: self.bytes() }
    }

    /// Takes memory from the front; gives the place of the payload. `None` when there is too little.
    #[inline]
    pub fn bump(&mut self, request: AllocRequest) -> Option<NonNull<u8>> {
        // SAFETY: the two ends of what is left of one hole, or both nowhere.
        let (payload, end) = unsafe { request.place(self.cursor, self.limit) }?;
        self.cursor = end;
        Some(payload)
    }

    /// As [`bump`](Self::bump), for the inlined path of a collector: `None` also when the object is aligned more widely than
    /// others.
    #[inline(always)]
    pub fn bump_plain(&mut self, request: AllocRequest) -> Option<NonNull<u8>> {
        if request.align > OBJECT_ALIGN || request.bytes > self.bytes() {
            return None;
        }
        let start = self.cursor;
        // SAFETY: the object fits between cursor and limit, which lie in one reservation.
        unsafe {
            self.cursor = start.byte_add(request.bytes);
            Some(start.byte_add(request.prefix))
        }
    }
}

impl From<Hole> for Buffer {
    #[inline]
    fn from(hole: Hole) -> Self {
        Buffer { cursor: hole.start(), limit: hole.end() }
    }
}

/// Hands out holes.
#[derive(Debug)]
pub struct HoleAllocator {
    current: Option<Current>,
    /// Where the next object goes that does not fit the holes of small ones.
    medium: Option<Buffer>,
    /// The shortest hole that small objects get in a block by units, in bytes.
    shortest: usize,
    /// The most that was asked for since that was decided, of what goes into such holes.
    largest: usize,
    /// Fresh blocks come before holes.
    fresh_first: bool,
    poison: bool,
}

impl HoleAllocator {
    /// An allocator. With `poison`, holes are filled before they are handed out.
    pub fn new(poison: bool) -> Self {
        HoleAllocator { current: None, medium: None, shortest: SHORTEST, largest: 0, fresh_first: false, poison }
    }

    /// With `on`, fresh blocks are taken into use before holes, as long as there are some: for a collector that moves what
    /// survives there into holes.
    pub fn prefer_fresh(&mut self, on: bool) {
        self.fresh_first = on;
    }

    /// A fresh block, if those come first.
    #[inline]
    fn fresh_at_first(&self, memory: &mut Memory, policy: LinePolicy) -> Option<BlockIndex> {
        if self.fresh_first { fresh(memory, policy).ok() } else { None }
    }

    /// Gives up the holes in use, so that everything allocated from now on lies in memory handed out from now on. What of
    /// theirs is untouched goes back to the index, apart from small holes of the block in use.
    pub fn retire(&mut self, memory: &mut Memory, policy: LinePolicy) {
        if let Some(Current::Lines(block, lines)) = self.current.take() {
            give_back(memory, block, lines);
        }
        if let Some(rest) = self.medium.take() {
            self.return_rest(memory, policy, rest);
        }
        if self.largest > 0 {
            self.shortest = self.largest.next_multiple_of(UNIT_BYTES).clamp(SHORTEST, MODEST);
            self.largest = 0;
        }
    }

    /// A sweep is about to say anew what of a block is free.
    #[inline]
    pub(super) fn forget(&mut self, block: BlockIndex) {
        // What medium objects were given is not free: it was stamped when it was handed out.
        if self.current.is_some_and(|current| current.block() == block) {
            self.current = None;
        }
    }

    /// Finds room for an object that is not large.
    ///
    /// # Errors
    /// When no hole is long enough and no fresh block can be had.
    pub fn find(&mut self, memory: &mut Memory, policy: LinePolicy, request: AllocRequest) -> Result<Room, AllocError> {
        debug_assert!(request.bytes <= MEDIUM_FOOTPRINT_MAX && request.align <= BLOCK_BYTES / 4);
        let need = request.worst_case();
        if need <= LINE_BYTES {
            if need <= MODEST {
                self.largest = self.largest.max(need);
            }
            if let Some(hole) = self.next_hole(memory, policy, need)? {
                return Ok(Room::Hole(hole));
            }
        }
        self.medium(memory, policy, request).map(Room::Place)
    }

    /// The next hole, of at least `need` bytes: at most a line. None when it would be one of a block by units, and who
    /// needs less is still to be served from there.
    fn next_hole(&mut self, memory: &mut Memory, policy: LinePolicy, need: usize) -> Result<Option<Hole>, AllocError> {
        loop {
            match self.current {
                Some(Current::Lines(block, free)) => {
                    let lines = free.next_hole(0).expect("a block whose lines are all handed out is not kept");
                    let rest = free.without(LineSet::of(lines.clone()));
                    self.current = (!rest.is_empty()).then_some(Current::Lines(block, rest));
                    return Ok(Some(self.hand_out_lines(memory, policy, block, lines)));
                }
                Some(Current::Units(..)) if need > self.shortest => return Ok(None),
                Some(Current::Units(block, from)) => {
                    let occupancy = memory.occupancy.as_ref().expect("a block by units has bits");
                    match occupancy.present.next_hole(block, from, self.shortest / UNIT_BYTES) {
                        Some(units) => {
                            self.current = Some(Current::Units(block, units.end));
                            return Ok(Some(self.hand_out_units(memory, policy, block, units)));
                        }
                        None => self.current = None,
                    }
                }
                None => {
                    self.current = Some(match self.fresh_at_first(memory, policy) {
                        Some(block) => Current::Lines(block, LineSet(u128::MAX)),
                        None => Self::next_block(memory, policy)?,
                    });
                }
            }
        }
    }

    /// The next block whose holes small objects get.
    fn next_block(memory: &mut Memory, policy: LinePolicy) -> Result<Current, AllocError> {
        Ok(match memory.holes.take(1) {
            Some((block, Free::Lines(free))) => Current::Lines(block, free),
            Some((block, Free::Units)) => Current::Units(block, 0),
            None => match memory.holes.take_crumbs() {
                Some(block) => Current::Units(block, 0),
                None => Current::Lines(fresh(memory, policy)?, LineSet(u128::MAX)),
            },
        })
    }

    /// Room for an object that does not fit the holes of small ones.
    fn medium(
        &mut self,
        memory: &mut Memory,
        policy: LinePolicy,
        request: AllocRequest,
    ) -> Result<NonNull<u8>, AllocError> {
        if let Some(payload) = self.medium.as_mut().and_then(|rest| rest.bump(request)) {
            return Ok(payload);
        }
        let need = request.worst_case();
        let lines = need.div_ceil(LINE_BYTES);
        let all = Free::Lines(LineSet(u128::MAX));
        let (block, free) = match self.fresh_at_first(memory, policy) {
            Some(block) => (block, all),
            None => match memory.holes.take(lines) {
                Some(found) => found,
                None => (fresh(memory, policy)?, all),
            },
        };
        let hole = match free {
            Free::Lines(free) => {
                let hole = free.tightest(lines).expect("a block is filed by its longest hole");
                give_back(memory, block, free.without(LineSet::of(hole.clone())));
                self.hand_out_lines(memory, policy, block, hole)
            }
            Free::Units => {
                let occupancy = memory.occupancy.as_ref().expect("a block by units has bits");
                let tightest = occupancy.present.block(block).tightest(need.div_ceil(UNIT_BYTES));
                let (hole, longest) = tightest.expect("a block by units has a hole as long as its file says");
                file_by_units(memory, block, longest * UNIT_BYTES);
                self.hand_out_units(memory, policy, block, hole)
            }
        };
        let mut rest = Buffer::from(hole);
        let payload = rest.bump(request).expect("the hole was chosen by the request's worst case");
        let shorter = match self.medium.take() {
            Some(old) if old.bytes() > rest.bytes() => core::mem::replace(&mut rest, old),
            Some(old) => old,
            None => Buffer::empty(),
        };
        self.medium = Some(rest);
        self.return_rest(memory, policy, shorter);
        Ok(payload)
    }

    fn hand_out_lines(&self, memory: &Memory, policy: LinePolicy, block: BlockIndex, lines: Range<usize>) -> Hole {
        self.hand_out(memory, policy, block, lines.start << LINE_SHIFT..lines.end << LINE_SHIFT)
    }

    fn hand_out_units(&self, memory: &Memory, policy: LinePolicy, block: BlockIndex, units: Range<usize>) -> Hole {
        let bytes = units.start * UNIT_BYTES..units.end * UNIT_BYTES;
        let hole = self.hand_out(memory, policy, block, bytes);
        if let Some(occupancy) = &memory.occupancy {
            occupancy.present.set(hole.start.addr().get()..hole.start.addr().get() + hole.bytes);
        }
        hole
    }

    fn hand_out(&self, memory: &Memory, policy: LinePolicy, block: BlockIndex, bytes: Range<usize>) -> Hole {
        debug_assert_eq!(memory.blocks.kind(block), BlockKind::Small);
        // SAFETY: the bytes belong to the block, which lies in the reservation.
        let start = unsafe { memory.blocks.address_of(block).byte_add(bytes.start) };
        let hole = Hole { start, bytes: bytes.len() };
        if let LinePolicy::Stamps { stamp, noted } = policy {
            let bytes = start.addr().get()..start.addr().get() + hole.bytes;
            memory.lines.mark(bytes.start, bytes.end, stamp);
            match (&memory.occupancy, noted) {
                (Some(occupancy), Noted::Next) => occupancy.next.set(bytes),
                (Some(occupancy), Noted::Present) => occupancy.present.set(bytes),
                _ => {}
            }
        }
        if self.poison {
            // SAFETY: the hole is free: nothing lives there and no reference leads there.
            unsafe { memory::poison(start, hole.bytes) };
        }
        hole
    }

    /// Puts what is left of a hole back into the index: all of it, or the whole lines.
    fn return_rest(&self, memory: &mut Memory, policy: LinePolicy, rest: Buffer) {
        let address = rest.cursor.addr().get();
        if rest.bytes() == 0 {
            return;
        }
        let block = memory.blocks.block_of(address);
        if memory.holes.is_by_units(block) {
            let occupancy = memory.occupancy.as_ref().expect("a block by units has bits");
            let bytes = address..rest.limit.addr().get();
            if let LinePolicy::Stamps { noted: Noted::Next, .. } = policy {
                // It becomes the present bitmap before the block is filed anew.
                occupancy.next.clear(bytes.clone());
            }
            occupancy.present.clear(bytes);
            // The holes of the block in use are handed out one after the other, so it is not to be found in the index.
            if self.current.is_none_or(|current| current.block() != block) {
                let longest = memory.holes.longest(block).max(rest.bytes());
                file_by_units(memory, block, longest);
            }
            return;
        }
        let skip = address.wrapping_neg() % LINE_BYTES;
        if rest.bytes() < skip + LINE_BYTES {
            return;
        }
        let first = ((address + skip) % BLOCK_BYTES) >> LINE_SHIFT;
        let lines = first..first + ((rest.bytes() - skip) >> LINE_SHIFT);
        if let LinePolicy::Stamps { noted, .. } = policy {
            memory.lines.set_range(lines_of(block, lines.clone()), NO_STAMP);
            let bytes = address + skip..address + skip + (lines.len() << LINE_SHIFT);
            match (&memory.occupancy, noted) {
                (Some(occupancy), Noted::Next) => occupancy.next.clear(bytes),
                (Some(occupancy), Noted::Present) => occupancy.present.clear(bytes),
                _ => {}
            }
        }
        give_back(memory, block, LineSet::of(lines));
    }
}

/// Files a block by what is free of it. `units` are those in use, and `free` the lines none of them is on. Where what is
/// not in use of the other lines is more than an eighth of the block it is filed by units, which the present bitmap must
/// say then; returns the bytes between the living that this makes available.
pub fn file(memory: &mut Memory, block: BlockIndex, units: &UnitSet, free: LineSet) -> usize {
    let in_lines = (LINES_PER_BLOCK - free.count()) << LINE_SHIFT;
    let wasted = if in_lines > WORTHWHILE { in_lines.saturating_sub(units.count() * UNIT_BYTES) } else { 0 };
    if wasted <= WORTHWHILE {
        memory.holes.file(block, free);
        return 0;
    }
    let longest = units.holes(1).map(|hole| hole.len()).max().unwrap_or(0);
    file_by_units(memory, block, longest * UNIT_BYTES);
    wasted
}

/// Files a block by units, unless its holes are too short for anybody.
fn file_by_units(memory: &mut Memory, block: BlockIndex, longest: usize) {
    memory.holes.file_by_units(block, if longest < SHORTEST { 0 } else { longest });
}

/// A block that nobody uses.
fn fresh(memory: &mut Memory, policy: LinePolicy) -> Result<BlockIndex, AllocError> {
    let block = memory.blocks.allocate(BlockKind::Small)?;
    debug_assert!(memory.holes.free_lines(block).is_empty() && !memory.holes.is_by_units(block));
    match policy {
        // Whatever the block was before: nobody on it is counted.
        LinePolicy::Counts => memory.lines.set_range(lines_of(block, 0..LINES_PER_BLOCK), 0),
        LinePolicy::Stamps { .. } => {}
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
