//! How an object lies in memory, and what an allocation asks for.

use core::ptr::NonNull;

use crate::memory::{BLOCK_BYTES, MEDIUM_FOOTPRINT_MAX};

/// Bytes of the header in front of every payload.
pub const HEADER_BYTES: usize = 8;
/// Bytes in front of the payload of a slice or string: its length, then the header.
pub const SLICE_PREFIX_BYTES: usize = 16;
/// Bytes behind the payload of an object that holds its identity hash.
pub const HASH_BYTES: usize = 8;
/// Bytes in front of a value with a slice behind it: the number of elements, the bytes of the payload, then the header.
pub const HEADER_SLICE_PREFIX_BYTES: usize = 24;
/// All objects start and end at multiples of this many bytes.
pub const OBJECT_ALIGN: usize = 8;

/// The largest footprint that an object which shares blocks with others is born with: what it may need when it is moved, its
/// identity hash, is left below [`MEDIUM_FOOTPRINT_MAX`].
pub const MEDIUM_BORN_MAX: usize = MEDIUM_FOOTPRINT_MAX - HASH_BYTES;

/// Bytes that a payload of `bytes` occupies: at least eight, and a multiple of [`OBJECT_ALIGN`].
#[inline]
pub const fn payload_bytes(bytes: usize) -> usize {
    let rounded = (bytes + (OBJECT_ALIGN - 1)) & !(OBJECT_ALIGN - 1);
    if rounded == 0 { OBJECT_ALIGN } else { rounded }
}

/// Memory for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocRequest {
    /// Bytes from the start of the prefix to the end of the payload, a multiple of eight.
    pub bytes: usize,
    /// Bytes in front of the payload: 8, or 16 for slices, or 24 for a value with a slice behind it.
    pub prefix: usize,
    /// Alignment of the payload: a power of two, at least 8.
    pub align: usize,
}

/// Memory that was found.
#[derive(Clone, Copy, Debug)]
pub struct Allocation {
    /// Start of the payload; `prefix` bytes in front of it belong to the object too.
    pub payload: NonNull<u8>,
    /// State bits for the header; usually [`FastPath::birth`](crate::collector::FastPath::birth).
    pub birth: usize,
}

impl AllocRequest {
    /// True for objects that get blocks of their own: larger than half a block less a word, which they may need when they
    /// are moved and have an identity hash, or aligned so widely that a block could not hold them together with their prefix.
    #[inline]
    pub const fn is_large(self) -> bool {
        self.bytes > MEDIUM_BORN_MAX || self.align > BLOCK_BYTES / 4
    }

    /// Bytes that a buffer must have to satisfy the request wherever it starts.
    #[inline]
    pub fn worst_case(self) -> usize {
        self.bytes + (self.align - 8)
    }

    /// Where the object goes in the free bytes `cursor .. limit`: its payload, and the next cursor. `None` when it does
    /// not fit.
    ///
    /// # Safety
    /// Both pointers must belong to one reservation, or be equal; `limit` must not be in front of `cursor`.
    #[inline]
    pub unsafe fn place(self, cursor: NonNull<u8>, limit: NonNull<u8>) -> Option<(NonNull<u8>, NonNull<u8>)> {
        let room = limit.addr().get() - cursor.addr().get();
        let padding = (cursor.addr().get() + self.prefix).wrapping_neg() & (self.align - 1);
        if room < self.bytes.checked_add(padding)? {
            return None;
        }
        // SAFETY: padding, prefix and payload fit between cursor and limit, which lie in one reservation.
        unsafe { Some((cursor.byte_add(padding + self.prefix), cursor.byte_add(padding + self.bytes))) }
    }
}
