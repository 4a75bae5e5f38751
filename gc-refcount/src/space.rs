//! The space: lines that count the objects on them, holes between them, and when a block may be offered again.
//!
//! A line's byte is the number of *counted* objects that overlap it. Objects younger than the last epoch are not
//! counted, so a line that holds only garbage of one epoch was zero before and is zero after: it is handed out again
//! without anyone having looked at what died there. That is what makes counting competitive (Shahriyar, Blackburn, Yang
//! and McKinley, "Taking off the gloves with reference counting Immix", 2013).
//!
//! The price is that "zero" alone does not say "free": between two epochs it also covers memory just handed out. What is
//! free is therefore kept in the heap's [index of holes](heap_core::collector::memory::HoleIndex), which loses lines when
//! they are handed out. After an epoch, blocks from which memory was taken and blocks in which a line became zero are
//! looked at: they are filed anew, or returned whole.
//!
//! *Exact blocks.* A line is free only when all of its objects are dead. With one object in five kept for long, the heap
//! was 5 times as large as what was alive, and in a steady state 9 times. So when more than half of the lines' bytes is
//! found to be wasted, blocks that are fresh from then on count no lines. An object there sets the bits of its units of 8
//! bytes in the heap's next [occupancy](heap_core::collector::memory::Occupancy) bitmap when it becomes counted, and
//! clears them when it dies; what the allocator must know is copied to the present bitmap when the block is filed.
//!
//! *Why not bits in all blocks?* Setting and clearing them, and noting that something has died in the block, took
//! `list_churn` a fifth more instructions, and time, than counting up and down; `deep_list` a sixth more instructions. A
//! block cannot change over while it is in use, because nobody can list the objects on it; but a heap that is wasteful is
//! found out while it is small. Near a limit that comes too late, and [all objects are listed](crate::exact), once.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use heap_core::AllocError;
use heap_core::collector::memory::{
    BLOCK_BYTES, BlockIndex, BlockKind, LINES_PER_BLOCK, LineTable, MEDIUM_FOOTPRINT_MAX, Memory,
};
use heap_core::collector::{
    AllocRequest, Allocation, Buffer, HeapContext, HeapCore, HoleAllocator, LinePolicy, ObjectRef, Room, Swept,
    TypeInfo, file, is_wasteful,
};

use crate::count::{BUFFERED, is_counted};

/// The block is in `touched`.
const TOUCHED: u8 = 1;
/// Objects of the block were counted in an earlier epoch.
const KNOWN: u8 = 2;
/// Of a known block: it is exact.
const EXACT: u8 = 4;

pub(crate) struct Space {
    holes: HoleAllocator,
    /// Where [copies](crate::copying) go: into other blocks than young objects.
    places: HoleAllocator,
    place: Buffer,
    /// For every block, the bits above.
    states: Vec<u8>,
    /// Known blocks.
    blocks: usize,
    /// Blocks to be looked at after the epoch.
    touched: Vec<BlockIndex>,
    dead_large: Vec<ObjectRef>,
    /// Blocks that are not known are exact.
    exact: bool,
    /// Objects whose type says that they have at most so many bytes lie in blocks that are not exact; zero when there may
    /// be exact ones.
    plain_bytes: usize,
}

/// Files an exact block by what is free of it, which may be handed out from now on. Whether anything of it is in use.
fn file_exact(memory: &mut Memory, block: BlockIndex) -> bool {
    let Some(occupancy) = &memory.occupancy else { unreachable!("there are bitmaps before there is an exact block") };
    let is_in_use = !occupancy.next.is_clear(block);
    if is_in_use {
        let units = occupancy.next.block(block);
        occupancy.present.set_block(block, &units);
        file(memory, block, &units, units.free_lines());
    }
    is_in_use
}

/// Whether an object of this type and size has blocks of its own: as [`AllocRequest::is_large`] decided at its birth.
#[inline(always)]
fn is_large(info: &TypeInfo, bytes: usize) -> bool {
    info.small_bytes() == 0 && AllocRequest { bytes, prefix: info.prefix_bytes(), align: info.align() }.is_large()
}

impl Space {
    pub(crate) fn new(poison: bool) -> Self {
        Space {
            holes: HoleAllocator::new(poison),
            places: HoleAllocator::new(poison),
            place: Buffer::empty(),
            states: Vec::new(),
            blocks: 0,
            touched: Vec::new(),
            dead_large: Vec::new(),
            exact: false,
            plain_bytes: MEDIUM_FOOTPRINT_MAX,
        }
    }

    /// Bytes of the lists of blocks.
    pub(crate) fn side_bytes(&self) -> usize {
        self.states.capacity()
            + self.touched.capacity() * size_of::<BlockIndex>()
            + self.dead_large.capacity() * size_of::<ObjectRef>()
    }

    /// Memory for an object.
    pub(crate) fn allocate(
        &mut self,
        heap: &mut HeapContext<'_>,
        request: AllocRequest,
    ) -> Result<Allocation, AllocError> {
        if request.is_large() {
            return heap.allocate_large(request);
        }
        loop {
            if let Some(allocation) = heap.fast.bump(request) {
                return Ok(allocation);
            }
            match self.holes.find(&mut heap.core.memory, LinePolicy::Counts, request)? {
                Room::Hole(hole) => {
                    self.touch(heap.core.memory.blocks.block_of(hole.start().addr().get()));
                    heap.fast.set_buffer(hole);
                }
                Room::Place(payload) => {
                    self.touch(heap.core.memory.blocks.block_of(payload.addr().get()));
                    heap.fast.count_allocated(request.bytes);
                    return Ok(Allocation { payload, birth: heap.fast.birth.get() });
                }
            }
        }
    }

    /// Whether young objects go into fresh blocks as long as there are some, and not into holes.
    pub(crate) fn prefer_fresh(&mut self, on: bool) {
        self.holes.prefer_fresh(on);
    }

    /// Room for a copy: where its payload goes. None when there is none.
    #[inline]
    pub(crate) fn place(&mut self, memory: &mut Memory, request: AllocRequest) -> Option<NonNull<u8>> {
        match self.place.bump_plain(request) {
            Some(payload) => Some(payload),
            None => self.place_slow(memory, request),
        }
    }

    #[cold]
    #[inline(never)]
    fn place_slow(&mut self, memory: &mut Memory, request: AllocRequest) -> Option<NonNull<u8>> {
        if let Some(payload) = self.place.bump(request) {
            return Some(payload);
        }
        match self.places.find(memory, LinePolicy::Counts, request).ok()? {
            Room::Place(payload) => {
                self.touch(memory.blocks.block_of(payload.addr().get()));
                Some(payload)
            }
            Room::Hole(hole) => {
                self.touch(memory.blocks.block_of(hole.start().addr().get()));
                self.place = hole.into();
                Some(self.place.bump(request).expect("the request fits the hole that was found for it"))
            }
        }
    }

    /// Whether nothing that was counted before this epoch lies in the block at this address.
    #[inline]
    pub(crate) fn is_fresh(&self, memory: &Memory, address: usize) -> bool {
        self.states.get(memory.blocks.block_of(address).index()).is_none_or(|state| state & KNOWN == 0)
    }

    /// Blocks that are fresh from now on are exact. No object that is not counted yet may lie in a block that was.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn become_exact(&mut self, memory: &mut Memory) -> Result<(), AllocError> {
        memory.prepare_occupancy()?;
        self.exact = true;
        self.plain_bytes = 0;
        Ok(())
    }

    /// Whether it is enough to know the type to know that the object lies on lines that count: of nearly all objects.
    #[inline(always)]
    fn is_plain(&self, info: &TypeInfo) -> bool {
        // Zero, for "not known", is more than anything.
        info.small_bytes().wrapping_sub(1) < self.plain_bytes
    }

    fn is_exact(&self, block: BlockIndex) -> bool {
        match self.states.get(block.index()) {
            Some(state) if state & KNOWN != 0 => state & EXACT != 0,
            _ => self.exact,
        }
    }

    /// A young object of this extent and type has become counted.
    #[inline(always)]
    pub(crate) fn retain(&mut self, memory: &Memory, extent: Range<usize>, info: &TypeInfo) {
        if self.is_plain(info) {
            memory.lines.increment(extent.start, extent.end);
        } else if !is_large(info, extent.end - extent.start) {
            self.retain_rare(memory, extent);
        }
    }

    #[inline(never)]
    fn retain_rare(&mut self, memory: &Memory, extent: Range<usize>) {
        match &memory.occupancy {
            Some(occupancy) if self.is_exact(memory.blocks.block_of(extent.start)) => occupancy.next.set(extent),
            _ => memory.lines.increment(extent.start, extent.end),
        }
    }

    /// A counted object of this extent and type is dead: its memory is reclaimed by the next
    /// [`reclaim`](Self::reclaim), and is intact until then. Once for each object.
    #[inline(always)]
    pub(crate) fn release(&mut self, memory: &Memory, object: ObjectRef, extent: Range<usize>, info: &TypeInfo) {
        if self.is_plain(info) {
            if memory.lines.decrement(extent.start, extent.end) {
                self.touch(memory.blocks.block_of(extent.start));
            }
        } else if is_large(info, extent.end - extent.start) {
            self.dead_large.push(object);
        } else {
            self.release_rare(memory, extent);
        }
    }

    #[inline(never)]
    fn release_rare(&mut self, memory: &Memory, extent: Range<usize>) {
        let block = memory.blocks.block_of(extent.start);
        match &memory.occupancy {
            Some(occupancy) if self.is_exact(block) => {
                occupancy.next.clear(extent);
                self.touch(block);
            }
            _ => {
                if memory.lines.decrement(extent.start, extent.end) {
                    self.touch(block);
                }
            }
        }
    }

    #[inline]
    fn touch(&mut self, block: BlockIndex) {
        if block.index() >= self.states.len() {
            self.states.resize(block.index() + 1, 0);
        }
        let state = &mut self.states[block.index()];
        if *state & TOUCHED == 0 {
            *state |= TOUCHED;
            self.touched.push(block);
        }
    }

    /// Gives up the memory that would be handed out next.
    pub(crate) fn retire(&mut self, heap: &mut HeapContext<'_>) {
        heap.fast.clear_buffer();
        self.holes.retire(&mut heap.core.memory, LinePolicy::Counts);
        self.place = Buffer::empty();
        self.places.retire(&mut heap.core.memory, LinePolicy::Counts);
    }

    /// All blocks that were in use are permanent: nothing on them is counted, or dies. They are not taken for fresh ones, nor
    /// for ones that count lines.
    pub(crate) fn forget_all(&mut self, memory: &Memory) {
        debug_assert!(self.touched.is_empty() && self.dead_large.is_empty());
        self.states.clear();
        self.states.resize(memory.blocks.high_water().index(), 0);
        for block in memory.blocks.blocks_of_kind(BlockKind::Permanent) {
            self.states[block.index()] = KNOWN | EXACT;
        }
        self.blocks = 0;
    }

    /// The epoch is over, weak cells are cleared and drop glue has run: makes the memory of everything that is not
    /// counted available.
    pub(crate) fn reclaim(&mut self, heap: &mut HeapContext<'_>) {
        self.retire(heap);
        let memory = &mut heap.core.memory;
        memory.large.retain_young(&mut memory.blocks, |payload| {
            // SAFETY: a large object that is listed was not freed, so its header is there.
            let word = unsafe { ObjectRef::new(payload).header() }.load();
            // One that was counted, became a candidate, and died, all in this epoch, is still in the candidate buffer:
            // it is released when it leaves that.
            is_counted(word) || word.has(BUFFERED)
        });
        for object in self.dead_large.drain(..) {
            // An object that was born and died within the epoch is gone already.
            if memory.large.get(&memory.blocks, object.payload()).is_some() {
                memory.large.free(&mut memory.blocks, object.payload());
            }
        }
        for block in self.touched.drain(..) {
            debug_assert_ne!(memory.blocks.kind(block), BlockKind::Permanent, "an object died that never dies");
            let state = &mut self.states[block.index()];
            *state &= !TOUCHED;
            if *state & KNOWN == 0 {
                *state |= if self.exact { KNOWN | EXACT } else { KNOWN };
                self.blocks += 1;
            }
            let is_in_use = if *state & EXACT != 0 {
                file_exact(memory, block)
            } else {
                let free = memory.lines.select(block, |count| count == 0);
                memory.holes.file(block, free);
                free.count() < LINES_PER_BLOCK
            };
            if !is_in_use {
                *state = 0;
                self.blocks -= 1;
                memory.free_block(block);
            }
        }
        if !self.exact && self.is_wasteful(heap.core) {
            // Refused memory: the next epoch asks again.
            let _ = self.become_exact(&mut heap.core.memory);
        }
    }

    /// Whether lines waste much.
    fn is_wasteful(&self, core: &HeapCore) -> bool {
        let line_bytes = self.blocks * BLOCK_BYTES - core.memory.holes.free_bytes();
        let swept = Swept { line_bytes, ..Swept::default() };
        is_wasteful(&swept, core.statistics.live_bytes as usize, &core.memory)
    }

    /// Whether the limit is near, and blocks that count lines waste much of it.
    pub(crate) fn is_crowded(&self, core: &HeapCore) -> bool {
        let blocks = &core.memory.blocks;
        let is_near = blocks.limit().is_some_and(|limit| blocks.headroom() < limit / 8);
        let counts_lines = |state: &u8| state & (KNOWN | EXACT) == KNOWN;
        is_near && self.states.iter().any(counts_lines) && self.is_wasteful(core)
    }

    /// An object of this extent and type is alive: sets its units, if it has any.
    pub(crate) fn set_units(&self, memory: &Memory, extent: Range<usize>, info: &TypeInfo) {
        if let Some(occupancy) = memory.occupancy.as_ref().filter(|_| !is_large(info, extent.end - extent.start)) {
            occupancy.next.set(extent);
        }
    }

    /// The units of all objects are set: no block counts lines any more. There are no objects that are not counted.
    pub(crate) fn forget_lines(&mut self, memory: &mut Memory) {
        debug_assert!(self.exact && self.touched.is_empty());
        for (index, state) in self.states.iter_mut().enumerate() {
            if *state & (KNOWN | EXACT) == KNOWN {
                let block = BlockIndex::new(index);
                *state |= EXACT;
                let lines = LineTable::first_line(block);
                memory.lines.set_range(lines..lines + LINES_PER_BLOCK, 0);
                let is_in_use = file_exact(memory, block);
                debug_assert!(is_in_use, "an empty block was freed when its last line was");
            }
        }
    }

    /// Whether all lines that an object's bytes are on are counted, or their units set, for the verifier. Objects with
    /// blocks of their own have neither.
    pub(crate) fn are_counted(&self, memory: &Memory, bytes: Range<usize>) -> bool {
        let block = memory.blocks.block_of(bytes.start);
        if memory.blocks.kind(block) != BlockKind::Small {
            return true;
        }
        if self.is_exact(block) {
            return memory.occupancy.as_ref().is_some_and(|occupancy| occupancy.next.are_set(bytes));
        }
        let lines = &memory.lines;
        let mut range = lines.line_of(bytes.start)..=lines.line_of(bytes.end - 1);
        range.all(|line| lines.table().entry(line).load(Ordering::Relaxed) > 0)
    }
}
