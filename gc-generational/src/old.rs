//! The old space: where survivors go. Mark-region, so allocation is a bump through the holes of the last sweep.

use core::ptr::NonNull;

use heap_core::AllocError;
use heap_core::collector::memory::Memory;
use heap_core::collector::{AllocRequest, Buffer, HoleAllocator, Room};

use crate::epoch::Epochs;

/// Allocation in the old space.
#[derive(Debug)]
pub(crate) struct OldSpace {
    pub(crate) holes: HoleAllocator,
    pub(crate) epochs: Epochs,
    buffer: Buffer,
}

impl OldSpace {
    pub(crate) fn new(poison: bool) -> Self {
        OldSpace { holes: HoleAllocator::new(poison), epochs: Epochs::new(), buffer: Buffer::empty() }
    }

    /// Room for one object that is not large; returns where its payload goes.
    ///
    /// # Errors
    /// When no hole is left and no fresh block can be had.
    #[inline]
    pub(crate) fn allocate(&mut self, memory: &mut Memory, request: AllocRequest) -> Result<NonNull<u8>, AllocError> {
        match self.buffer.bump_plain(request) {
            Some(payload) => Ok(payload),
            // Not as a structure: that would be written to memory for every object, in case this one needs it.
            None => self.allocate_slow(memory, request.bytes, request.prefix, request.align),
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(
        &mut self,
        memory: &mut Memory,
        bytes: usize,
        prefix: usize,
        align: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        let request = AllocRequest { bytes, prefix, align };
        if let Some(payload) = self.buffer.bump(request) {
            return Ok(payload);
        }
        match self.holes.find(memory, self.epochs.policy(), request)? {
            Room::Place(payload) => Ok(payload),
            Room::Hole(hole) => {
                self.buffer = hole.into();
                Ok(self.buffer.bump(request).expect("the request fits the hole that was found for it"))
            }
        }
    }

    /// Gives up the hole in use: its untouched lines will look free to the next marking.
    pub(crate) fn retire(&mut self, memory: &mut Memory) {
        self.buffer = Buffer::empty();
        self.holes.retire(memory, self.epochs.policy());
    }
}
