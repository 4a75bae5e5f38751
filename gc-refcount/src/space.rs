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

use core::ops::Range;

use heap_core::AllocError;
use heap_core::collector::memory::{BlockIndex, LINES_PER_BLOCK, Memory};
use heap_core::collector::{
    AllocRequest, Allocation, HeapContext, HeapCore, HoleAllocator, LinePolicy, ObjectRef, Room, TypeInfo,
};

use crate::count::{BUFFERED, is_counted};

pub(crate) struct Space {
    holes: HoleAllocator,
    /// Blocks to be looked at after the epoch, each once, and for every block whether it is among them.
    touched: Vec<BlockIndex>,
    is_touched: Vec<bool>,
    dead_large: Vec<ObjectRef>,
}

/// Whether an object of this type and size has blocks of its own: as [`AllocRequest::is_large`] decided at its birth.
#[inline(always)]
fn is_large(info: &TypeInfo, bytes: usize) -> bool {
    info.small_bytes() == 0 && AllocRequest { bytes, prefix: info.prefix_bytes(), align: info.align() }.is_large()
}

impl Space {
    pub(crate) fn new(poison: bool) -> Self {
        Space { holes: HoleAllocator::new(poison), touched: Vec::new(), is_touched: Vec::new(), dead_large: Vec::new() }
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
                    self.touch(heap.core.memory.blocks.block_of(hole.start.addr().get()));
                    // SAFETY: the hole is committed memory of this heap; no counted object overlaps its lines, and it
                    // has not been handed out since the last epoch, so no younger object does either (see the front of
                    // this file).
                    unsafe { heap.fast.set_buffer(hole.start, hole.bytes) };
                }
                Room::Place(payload) => {
                    self.touch(heap.core.memory.blocks.block_of(payload.addr().get()));
                    heap.fast.count_allocated(request.bytes);
                    return Ok(Allocation { payload, birth: heap.fast.birth.get() });
                }
            }
        }
    }

    /// A young object of this extent and type has become counted.
    #[inline(always)]
    pub(crate) fn retain(&mut self, memory: &Memory, extent: Range<usize>, info: &TypeInfo) {
        if !is_large(info, extent.end - extent.start) {
            memory.lines.increment(extent.start, extent.end);
        }
    }

    /// A counted object of this extent and type is dead: its memory is reclaimed by the next
    /// [`reclaim`](Self::reclaim), and is intact until then. Once for each object.
    #[inline(always)]
    pub(crate) fn release(&mut self, memory: &Memory, object: ObjectRef, extent: Range<usize>, info: &TypeInfo) {
        if is_large(info, extent.end - extent.start) {
            self.dead_large.push(object);
        } else if memory.lines.decrement(extent.start, extent.end) {
            self.touch(memory.blocks.block_of(extent.start));
        }
    }

    #[inline]
    fn touch(&mut self, block: BlockIndex) {
        if block.index() >= self.is_touched.len() {
            self.is_touched.resize(block.index() + 1, false);
        }
        if !core::mem::replace(&mut self.is_touched[block.index()], true) {
            self.touched.push(block);
        }
    }

    /// The epoch is over, weak cells are cleared and drop glue has run: makes the memory of everything that is not
    /// counted available.
    pub(crate) fn reclaim(&mut self, heap: &mut HeapContext<'_>) {
        heap.fast.clear_buffer();
        let memory = &mut heap.core.memory;
        self.holes.retire(memory, LinePolicy::Counts);
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
            self.is_touched[block.index()] = false;
            let free = memory.lines.select(block, |count| count == 0);
            if free.count() == LINES_PER_BLOCK {
                memory.free_block(block);
            } else {
                memory.holes.file(block, free);
            }
        }
    }

    /// Whether all lines of an object are counted, for the verifier.
    ///
    /// # Safety
    /// The object must be alive and `info` its type.
    pub(crate) unsafe fn holds(&self, core: &HeapCore, object: ObjectRef, info: &TypeInfo) -> bool {
        // SAFETY: the caller's promise.
        let extent = unsafe { object.extent(info) };
        let bytes = extent.end - extent.start;
        if is_large(info, bytes) {
            return core.memory.large.get(&core.memory.blocks, object.payload()).is_some();
        }
        let lines = &core.memory.lines;
        let mut range = lines.line_of(extent.start)..=lines.line_of(extent.end - 1);
        let load = |line: usize| lines.table().entry(line).load(core::sync::atomic::Ordering::Relaxed);
        range.all(|line| load(line) > 0)
    }
}
