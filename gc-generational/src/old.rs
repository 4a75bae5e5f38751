//! The old space: where survivors go. Mark-region, so allocation is a bump through the holes of the last sweep.

use core::ptr::NonNull;

use heap_core::AllocError;
use heap_core::collector::memory::Memory;
use heap_core::collector::object::OBJECT_ALIGN;
use heap_core::collector::{AllocRequest, HoleAllocator, Room};

use crate::epoch::Epochs;

/// Allocation in the old space.
#[derive(Debug)]
pub(crate) struct OldSpace {
    pub(crate) holes: HoleAllocator,
    pub(crate) epochs: Epochs,
    cursor: NonNull<u8>,
    limit: NonNull<u8>,
}

impl OldSpace {
    pub(crate) fn new(poison: bool) -> Self {
        let nothing = NonNull::<u64>::dangling().cast();
        OldSpace { holes: HoleAllocator::new(poison), epochs: Epochs::new(), cursor: nothing, limit: nothing }
    }

    /// Room for one object that is not large; returns where its payload goes.
    ///
    /// # Errors
    /// When no hole is left and no fresh block can be had.
    #[inline]
    pub(crate) fn allocate(&mut self, memory: &mut Memory, request: AllocRequest) -> Result<NonNull<u8>, AllocError> {
        if request.align <= OBJECT_ALIGN && request.bytes <= self.limit.addr().get() - self.cursor.addr().get() {
            let start = self.cursor;
            // SAFETY: the object fits between cursor and limit, which lie in one reservation.
            unsafe {
                self.cursor = start.byte_add(request.bytes);
                return Ok(start.byte_add(request.prefix));
            }
        }
        self.allocate_slow(memory, request)
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&mut self, memory: &mut Memory, request: AllocRequest) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: what lies between the two is the rest of one hole, or they are equal and lead nowhere.
        if let Some((payload, end)) = unsafe { request.place(self.cursor, self.limit) } {
            self.cursor = end;
            return Ok(payload);
        }
        let hole = match self.holes.find(memory, self.epochs.policy(), request)? {
            Room::Place(payload) => return Ok(payload),
            Room::Hole(hole) => hole,
        };
        self.cursor = hole.start();
        self.limit = hole.end();
        // SAFETY: the two ends of one hole.
        let place = unsafe { request.place(self.cursor, self.limit) };
        let (payload, end) = place.expect("the request fits the hole that was found for it");
        self.cursor = end;
        Ok(payload)
    }

    /// Gives up the hole in use: its untouched lines will look free to the next marking.
    pub(crate) fn retire(&mut self, memory: &mut Memory) {
        self.limit = self.cursor;
        self.holes.retire(memory, self.epochs.policy());
    }
}
