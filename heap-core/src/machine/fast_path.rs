//! The words that steer the code inlined into the user's program.
//!
//! All are `Cell`s of one heap, read and written by its thread only. They come first in the
//! [`Mutator`](crate::Mutator), so that the fast paths address them with one register and a small offset.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::object::{AllocRequest, Allocation, PERMANENT};
use crate::region::Hole;

/// The data that a collector gives to the fast paths.
#[repr(C)]
pub struct FastPath {
    /// Where the next object starts. Always a multiple of eight, within the heap's reservation.
    pub cursor: Cell<NonNull<u8>>,
    /// End of the memory that `cursor` may bump through.
    pub limit: Cell<NonNull<u8>>,
    /// Where `cursor` was when the buffer was set: what lies between was allocated.
    start: Cell<NonNull<u8>>,
    /// Bytes allocated in earlier buffers and outside of buffers.
    allocated: Cell<u64>,
    /// State bits that every new object's header gets.
    pub birth: Cell<usize>,
    /// XORed with a header before masking: the write barrier's idea of "clean".
    pub barrier_flip: Cell<usize>,
    /// Header bits that send a write to the slow path; zero means that no write is interesting.
    barrier_mask: Cell<usize>,
    /// Set when a safepoint should do something: checked at the end of every `mutate`.
    pub due: Cell<bool>,
    /// Set by collectors that want a safepoint at the end of every `mutate`: then one that is due when a `mutate` begins
    /// is left to its end, because nothing has happened since the last.
    pub always_due: Cell<bool>,
    /// Set when an allocation failed, until someone asks.
    pub allocation_failed: Cell<bool>,
    /// Set when the program asked for a collection from inside `mutate`.
    pub collection_requested: Cell<bool>,
    /// Bits that are always in the mask: [`PERMANENT`] once there are permanent objects.
    always_masked: Cell<usize>,
}

impl FastPath {
    pub(crate) fn new() -> Self {
        let nothing = NonNull::<u64>::dangling().cast();
        FastPath {
            cursor: Cell::new(nothing),
            limit: Cell::new(nothing),
            start: Cell::new(nothing),
            allocated: Cell::new(0),
            birth: Cell::new(0),
            barrier_flip: Cell::new(0),
            barrier_mask: Cell::new(0),
            due: Cell::new(false),
            always_due: Cell::new(false),
            allocation_failed: Cell::new(false),
            collection_requested: Cell::new(false),
            always_masked: Cell::new(0),
        }
    }

    /// Header bits that send a write to the slow path.
    #[inline(always)]
    pub fn barrier_mask(&self) -> usize {
        self.barrier_mask.get()
    }

    /// Says which header bits send a write to the slow path; zero when no write is interesting. In a heap with permanent
    /// objects the first write to one is, whatever is said here.
    pub fn set_barrier_mask(&self, mask: usize) {
        self.barrier_mask.set(mask | self.always_masked.get());
    }

    /// There are permanent objects now.
    pub(super) fn watch_permanent(&self) {
        self.always_masked.set(PERMANENT);
        self.set_barrier_mask(self.barrier_mask.get());
    }

    /// Bytes left between cursor and limit.
    #[inline]
    pub fn room(&self) -> usize {
        self.limit.get().addr().get() - self.cursor.get().addr().get()
    }

    /// Points the fast path at fresh memory.
    pub fn set_buffer(&self, hole: Hole) {
        self.allocated.set(self.allocated_bytes());
        self.start.set(hole.start());
        self.cursor.set(hole.start());
        self.limit.set(hole.end());
    }

    /// Lets the buffer go on into memory that follows it.
    ///
    /// # Panics
    /// When it does not follow.
    pub fn extend_buffer(&self, by: Hole) {
        assert!(by.start() == self.limit.get(), "a buffer is contiguous");
        self.limit.set(by.end());
    }

    /// Takes the end of the buffer away: `bytes` bytes are left.
    ///
    /// # Panics
    /// When fewer are.
    pub fn shorten_buffer(&self, bytes: usize) {
        assert!(bytes <= self.room(), "a buffer does not grow by being shortened");
        // SAFETY: between cursor and limit.
        self.limit.set(unsafe { self.cursor.get().byte_add(bytes) });
    }

    /// Takes the buffer away: the next allocation takes the slow path.
    pub fn clear_buffer(&self) {
        self.limit.set(self.cursor.get());
    }

    /// Counts an allocation that was not bumped through the buffer.
    pub fn count_allocated(&self, bytes: usize) {
        self.allocated.set(self.allocated.get() + bytes as u64);
    }

    /// Bytes allocated since the heap was made.
    pub fn allocated_bytes(&self) -> u64 {
        self.allocated.get() + (self.cursor.get().addr().get() - self.start.get().addr().get()) as u64
    }

    /// Bump allocation for any alignment; `None` when the buffer is too small.
    #[inline]
    pub fn bump(&self, request: AllocRequest) -> Option<Allocation> {
        // SAFETY: the two pointers are those of one buffer (see `set_buffer`).
        let (payload, end) = unsafe { request.place(self.cursor.get(), self.limit.get()) }?;
        self.cursor.set(end);
        Some(Allocation { payload, birth: self.birth.get() })
    }
}
