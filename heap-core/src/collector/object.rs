//! Objects as a collector sees them: an address, a header word, a type description.
//!
//! ```text
//!            (slices only)
//!   padding │ length: 8 B │ header: 8 B │ payload …
//!                                       ▲ ObjectRef, and every Gc pointer
//! ```
//!
//! A pointer leads to the payload, because dereferencing is far more frequent than tracing, and the header sits at a
//! fixed negative offset, so that it is found without knowing the type. The padding exists only for types whose
//! alignment exceeds eight bytes. No object is smaller than 16 bytes: a zero-sized payload still gets eight bytes, so
//! that a pointer never lies one past the end of the block that owns it.
//!
//! # The header word
//!
//! One atomic word holds the address of a `'static` [`TypeInfo`] and 22 bits of state (property P9 of the design: the
//! header costs eight bytes). `TypeInfo` is aligned to 64 bytes, which frees the low six bits; user-space addresses are
//! below 2^48, which frees the high sixteen.
//!
//! | bits | name | meaning |
//! |---|---|---|
//! | 0 | `FORWARDED` | the rest of the word is the payload address of the copy |
//! | 1 | `UNLOGGED` | the first write must be reported to the collector |
//! | 2 | `PERMANENT` | never collected; clean, so the first write must be reported |
//! | 3 | `SIDE_ENTRY` | the object has an entry in a side table (a weak cell) |
//! | 4–5 | identity hash | not asked, asked, stored behind the object |
//! | 48 | finalized | its finalizer was queued once |
//! | 49 | `CARDED` | a large array: writes are logged per card |
//! | 50–63 | the collector's own | mark colour, or reference count |
//!
//! The word is an [`AtomicPtr`] and not an integer so that the type description keeps its provenance. It is always
//! accessed whole (rule R1): a marker on another thread and the mutator may both look at it.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::type_info::TypeInfo;

/// Bytes of the header in front of every payload.
pub const HEADER_BYTES: usize = 8;
/// Bytes in front of the payload of a slice or string: its length, then the header.
pub const SLICE_PREFIX_BYTES: usize = 16;
/// All objects start and end at multiples of this many bytes.
pub const OBJECT_ALIGN: usize = 8;

/// The object was copied; the header holds the address of the copy.
pub const FORWARDED: usize = 1 << 0;
/// The object is clean: its first write calls [`Collector::barrier_slow`](super::Collector::barrier_slow).
pub const UNLOGGED: usize = 1 << 1;
/// The object is permanent and holds only permanent references.
pub const PERMANENT: usize = 1 << 2;
/// The object has an entry in a side table.
pub const SIDE_ENTRY: usize = 1 << 3;
/// The two bits of identity-hash state.
pub const HASH_STATE: usize = 0b11 << 4;
/// The object's finalizer was queued; it is never queued again.
pub const FINALIZED: usize = 1 << 48;
/// A large array whose writes are logged per card rather than per object.
pub const CARDED: usize = 1 << 49;
/// Lowest of the fourteen bits that belong to the collector.
pub const COLLECTOR_SHIFT: u32 = 50;
/// The fourteen bits that belong to the collector.
pub const COLLECTOR_BITS: usize = 0x3fff << COLLECTOR_SHIFT;

/// Everything in a header word that is not the address of the type description.
pub const STATE_BITS: usize = 0xffff_0000_0000_003f;

const _: () = assert!(align_of::<TypeInfo>() == 64, "the low six bits of a header are state");
const _: () = assert!(STATE_BITS & !(0xffff << 48) == align_of::<TypeInfo>() - 1);
const _: () = assert!(usize::BITS == 64, "the header layout needs 64-bit addresses");

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

    /// The object's header.
    ///
    /// # Safety
    /// The object must not have been reclaimed, and the reference must not be used after it is.
    #[inline]
    pub unsafe fn header<'a>(self) -> &'a Header {
        // SAFETY: every object is preceded by its header, in the same reservation, at an 8-aligned address; the caller
        // promises that the object is still there.
        unsafe { self.0.byte_sub(HEADER_BYTES).cast::<Header>().as_ref() }
    }

    /// The length stored in front of a slice's header, in elements.
    ///
    /// # Safety
    /// The object must be live and a slice.
    #[inline]
    pub unsafe fn slice_len(self) -> usize {
        // SAFETY: the prefix of a slice is 16 bytes, the length is its first word; nobody writes it after construction.
        unsafe { self.0.byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().read() }
    }

    /// Number of elements: the length of a slice, one for everything else.
    ///
    /// # Safety
    /// The object must be live and `info` its type.
    #[inline]
    pub unsafe fn count(self, info: &TypeInfo) -> usize {
        if info.is_slice() {
            // SAFETY: live, and a slice.
            unsafe { self.slice_len() }
        } else {
            1
        }
    }

    /// The object's footprint: the addresses of its first byte (length or header) and of the byte behind its payload,
    /// rounded up to [`OBJECT_ALIGN`]. Padding in front of over-aligned objects is not part of it.
    ///
    /// # Safety
    /// The object must be live and `info` its type.
    #[inline]
    pub unsafe fn extent(self, info: &TypeInfo) -> core::ops::Range<usize> {
        // SAFETY: the caller's promise.
        unsafe { self.measure(info).0 }
    }

    /// The object's [`extent`](Self::extent) and [`count`](Self::count). One branch for nearly all objects.
    ///
    /// # Safety
    /// The object must be live and `info` its type.
    #[inline(always)]
    pub unsafe fn measure(self, info: &TypeInfo) -> (core::ops::Range<usize>, usize) {
        let small = info.small_bytes();
        if small != 0 {
            let start = self.address() - HEADER_BYTES;
            return (start..start + small, 1);
        }
        // SAFETY: the caller's promise.
        let count = unsafe { self.count(info) };
        let payload = payload_bytes(info.element_bytes() * count);
        (self.address() - info.prefix_bytes()..self.address() + payload, count)
    }

    /// Bytes of the object's footprint, header included.
    ///
    /// # Safety
    /// The object must be live and `info` its type.
    #[inline]
    pub unsafe fn size(self, info: &TypeInfo) -> usize {
        // SAFETY: the caller's promise.
        let extent = unsafe { self.extent(info) };
        extent.end - extent.start
    }
}

/// Bytes that a payload of `bytes` occupies: at least eight, and a multiple of [`OBJECT_ALIGN`].
#[inline]
pub const fn payload_bytes(bytes: usize) -> usize {
    let rounded = (bytes + (OBJECT_ALIGN - 1)) & !(OBJECT_ALIGN - 1);
    if rounded == 0 { OBJECT_ALIGN } else { rounded }
}

/// The header word in memory.
#[repr(transparent)]
pub struct Header(AtomicPtr<TypeInfo>);

impl Header {
    /// Reads the word. Relaxed: enough for whoever runs on the heap's own thread or inside a pause.
    #[inline]
    pub fn load(&self) -> HeaderWord {
        HeaderWord(self.0.load(Ordering::Relaxed))
    }

    /// Reads the word and everything that was published with it. Free on x86; the write barrier uses it (rule R1).
    #[inline]
    pub fn load_acquire(&self) -> HeaderWord {
        HeaderWord(self.0.load(Ordering::Acquire))
    }

    /// Replaces the word.
    #[inline]
    pub fn store(&self, word: HeaderWord) {
        self.0.store(word.0, Ordering::Relaxed);
    }

    /// Replaces the word if it is still `current`; `false` when another thread was faster.
    #[inline]
    pub fn compare_exchange(&self, current: HeaderWord, new: HeaderWord) -> bool {
        self.0.compare_exchange(current.0, new.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The value of a header at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct HeaderWord(*mut TypeInfo);

impl HeaderWord {
    /// A word made of a type description and state bits.
    #[inline]
    pub fn new(info: &'static TypeInfo, state: usize) -> Self {
        let info = core::ptr::from_ref(info).cast_mut();
        debug_assert_eq!(info.addr() & STATE_BITS, 0, "type description beyond the 48-bit address space");
        debug_assert_eq!(state & !STATE_BITS, 0);
        HeaderWord(info.map_addr(|address| address | state))
    }

    /// A word that says: the object now lives at `to`.
    #[inline]
    pub fn forwarding(to: ObjectRef) -> Self {
        HeaderWord(to.payload().as_ptr().cast::<TypeInfo>().map_addr(|address| address | FORWARDED))
    }

    /// All bits, the address among them.
    #[inline]
    pub fn bits(self) -> usize {
        self.0.addr()
    }

    /// The state bits.
    #[inline]
    pub fn state(self) -> usize {
        self.bits() & STATE_BITS
    }

    /// True when all bits of `mask` are set.
    #[inline]
    pub fn has(self, mask: usize) -> bool {
        self.bits() & mask == mask
    }

    /// The same word with `bits` set.
    #[inline]
    pub fn with(self, bits: usize) -> Self {
        HeaderWord(self.0.map_addr(|address| address | bits))
    }

    /// The same word with `bits` cleared.
    #[inline]
    pub fn without(self, bits: usize) -> Self {
        HeaderWord(self.0.map_addr(|address| address & !bits))
    }

    /// The same word with the bits of `mask` replaced by `value`.
    #[inline]
    pub fn replace(self, mask: usize, value: usize) -> Self {
        HeaderWord(self.0.map_addr(|address| (address & !mask) | value))
    }

    /// Where the object went, if it was copied.
    #[inline]
    pub fn forwarded(self) -> Option<ObjectRef> {
        if self.bits() & FORWARDED != 0 {
            // Never null for a word that `forwarding` made; the test is the one that `Option` needs anyway.
            NonNull::new(self.0.map_addr(|address| address & !FORWARDED).cast::<u8>()).map(ObjectRef)
        } else {
            None
        }
    }

    /// The type description.
    ///
    /// # Safety
    /// The word must come from an object's header and must not be a forwarding word.
    #[inline]
    pub unsafe fn type_info(self) -> &'static TypeInfo {
        debug_assert_eq!(self.bits() & FORWARDED, 0);
        // SAFETY: headers are only ever built by `new` from a `&'static TypeInfo`; the state bits are masked off and
        // the pointer kept its provenance.
        unsafe { &*self.0.map_addr(|address| address & !STATE_BITS) }
    }
}

impl core::fmt::Debug for HeaderWord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HeaderWord({:#018x})", self.bits())
    }
}
