//! [`ObjectRef`]: an object as a collector names it.

use core::ptr::NonNull;

use super::layout::HEADER_BYTES;

/// The address of an object: a pointer to its payload, of unknown type.
///
/// An `ObjectRef` is as good as the collector that holds it: it is valid until the object is reclaimed or moved.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct ObjectRef(NonNull<u8>);

// SAFETY: an ObjectRef is an address; everything that dereferences it is unsafe and argues about threads there.
unsafe impl Send for ObjectRef {}
// SAFETY: as above.
unsafe impl Sync for ObjectRef {}

impl core::fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ObjectRef({:p})", self.0)
    }
}

impl ObjectRef {
    /// The object whose payload starts at `payload`.
    #[inline]
    pub fn new(payload: NonNull<u8>) -> Self {
        ObjectRef(payload)
    }

    /// Pointer to the payload.
    #[inline]
    pub fn payload(self) -> NonNull<u8> {
        self.0
    }

    /// Address of the payload.
    #[inline]
    pub fn address(self) -> usize {
        self.0.addr().get()
    }
}

/// Starts loading an object's header into the cache.
#[inline(always)]
pub fn prefetch(object: ObjectRef) {
    fetch(object.payload().as_ptr().wrapping_byte_sub(HEADER_BYTES));
}

/// As [`prefetch`], and the first five words of the payload, which may lie in the next cache line.
#[inline(always)]
pub(crate) fn prefetch_whole(object: ObjectRef) {
    prefetch(object);
    fetch(object.payload().as_ptr().wrapping_byte_add(4 * size_of::<usize>()));
}

/// Starts loading a cache line.
#[inline(always)]
fn fetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast::<i8>()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
