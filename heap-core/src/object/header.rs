//! The header word: one word in front of every payload that names its type and holds its state.
//!
//! One atomic word holds the address of a `'static` [`TypeInfo`] and 22 bits of state (property P9 of the design: the
//! header costs eight bytes). `TypeInfo` is aligned to 64 bytes, which frees the low six bits; user-space addresses are
//! below 2^48, which frees the high sixteen.
//!
//! | bits | name | meaning |
//! |---|---|---|
//! | 0 | `FORWARDED` | the rest of the word is the payload address of the copy |
//! | 1 | `UNLOGGED` | the first write must be reported to the collector |
//! | 2 | `PERMANENT` | never collected, and not written since: the first write must be reported |
//! | 3 | `SIDE_ENTRY` | a side table may know the object: as target of a weak cell, as a key, as one with a finalizer |
//! | 4 | `FINALIZABLE` | it is to be queued when it is dead |
//! | 5 | `CARDED` | a large array: it has cards |
//! | 48 | `HASH_ASKED` | it was asked for its identity hash, and has not moved since |
//! | 49 | `HASH_STORED` | its identity hash stands behind the payload |
//! | 50–63 | the collector's own | mark colour, or reference count |
//!
//! The word is an [`AtomicPtr`] and not an integer so that the type description keeps its provenance. It is always
//! accessed whole (rule R1): a marker on another thread and the mutator may both look at it.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::layout::{HASH_BYTES, HEADER_BYTES, MEDIUM_BORN_MAX, SLICE_PREFIX_BYTES, payload_bytes};
use super::reference::ObjectRef;
use super::type_info::{Shape, TypeInfo};

/// The object was copied; the header holds the address of the copy.
pub const FORWARDED: usize = 1 << 0;
/// The object is clean: its first write calls [`Collector::barrier_slow`](crate::collector::Collector::barrier_slow).
pub const UNLOGGED: usize = 1 << 1;
/// The object is permanent, and leads to permanent objects only because it was not written since it is. (While a heap
/// is being frozen: it was found alive.)
pub const PERMANENT: usize = 1 << 2;
/// A side table may know the object. Set for targets of weak cells, keys of ephemerons, objects with finalizers, and
/// the cells and ephemerons themselves; clear for all others, which therefore never touch a table.
pub const SIDE_ENTRY: usize = 1 << 3;
/// The object was asked for its identity hash, and is where it was then.
pub const HASH_ASKED: usize = 1 << 48;
/// The object's identity hash stands in the last word of its footprint, because it has moved since it was asked.
pub const HASH_STORED: usize = 1 << 49;
/// The object is registered to be queued when it is dead, and was not queued yet.
pub const FINALIZABLE: usize = 1 << 4;
/// A large array: writes can be reported per [card](crate::collector::Cards) rather than per object. In the lowest
/// byte, like [`PERMANENT`], so that a barrier tests for both at once, by one instruction.
pub const CARDED: usize = 1 << 5;
/// Lowest of the fourteen bits that belong to the collector.
pub const COLLECTOR_SHIFT: u32 = 50;
/// The fourteen bits that belong to the collector.
pub const COLLECTOR_BITS: usize = 0x3fff << COLLECTOR_SHIFT;

/// Everything in a header word that is not the address of the type description.
pub const STATE_BITS: usize = 0xffff_0000_0000_003f;

const _: () = assert!(align_of::<TypeInfo>() == 64, "the low six bits of a header are state");
const _: () = assert!(STATE_BITS & !(0xffff << 48) == align_of::<TypeInfo>() - 1);
const _: () = assert!(usize::BITS == 64, "the header layout needs 64-bit addresses");

impl ObjectRef {
    /// The object's header.
    ///
    /// # Safety
    /// The object must not have been reclaimed, and the reference must not be used after it is.
    #[inline]
    pub unsafe fn header<'a>(self) -> &'a Header {
        // SAFETY: every object is preceded by its header, in the same reservation, at an 8-aligned address; the caller
        // promises that the object is still there.
        unsafe { self.payload().byte_sub(HEADER_BYTES).cast::<Header>().as_ref() }
    }

    /// The length stored in front of a slice's header, in elements; of a value with a slice behind it, the bytes of
    /// both.
    ///
    /// # Safety
    /// The object must be live and a slice, or have one.
    #[inline]
    pub unsafe fn slice_len(self) -> usize {
        // SAFETY: the prefix of a slice is 16 bytes, the length is its first word; nobody writes it after construction.
        unsafe { self.payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().read() }
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
    /// rounded up to [`OBJECT_ALIGN`](super::OBJECT_ALIGN). Padding in front of over-aligned objects is not part of it.
    ///
    /// # Safety
    /// The object must be live and `info` its type.
    #[inline]
    pub unsafe fn extent(self, info: &TypeInfo) -> core::ops::Range<usize> {
        // SAFETY: the caller's promise.
        unsafe { self.measure(info).0 }
    }

    /// The extent of an object of this type, if the type alone says it: so it is with nearly all that are no slices.
    #[inline(always)]
    pub(super) fn small_extent(self, info: &TypeInfo) -> Option<core::ops::Range<usize>> {
        let (start, bytes) = (self.address() - HEADER_BYTES, info.small_bytes());
        (bytes != 0).then(|| start..start + bytes)
    }

    /// The object's [`extent`](Self::extent) and [`count`](Self::count). One branch for nearly all objects.
    ///
    /// # Safety
    /// The object must be live and `info` its type.
    #[inline(always)]
    pub unsafe fn measure(self, info: &TypeInfo) -> (core::ops::Range<usize>, usize) {
        if let Some(extent) = self.small_extent(info) {
            return (extent, 1);
        }
        let (bytes, count) = if info.is_slice() {
            // SAFETY: live, and a slice.
            let len = unsafe { self.slice_len() };
            (info.element_bytes() * len, len)
        } else if info.shape() == Shape::HeaderSlice {
            // SAFETY: live; its size stands where a slice has its length.
            (unsafe { self.slice_len() }, 1)
        } else {
            (info.element_bytes(), 1)
        };
        let payload = payload_bytes(bytes) + info.hash_bytes();
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

    /// Sets bits in one atomic step, whatever another thread does to the others meanwhile (a load followed by a store
    /// would undo it). Some six nanoseconds.
    #[inline]
    pub fn insert(&self, bits: usize) {
        let set = |word: *mut TypeInfo| Some(word.map_addr(|address| address | bits));
        // Never fails: the closure always returns a value.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, set);
    }

    /// Clears bits in one atomic step.
    #[inline]
    pub fn remove(&self, bits: usize) {
        let clear = |word: *mut TypeInfo| Some(word.map_addr(|address| address & !bits));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, clear);
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

    /// Whether an object with this header and so many bytes of footprint shares its blocks with others. Of two objects
    /// of the same size one may, because it has moved and got a word more
    /// ([`MEDIUM_BORN_MAX`](super::MEDIUM_BORN_MAX)). Not asked of over-aligned objects, whose lines nobody needs.
    #[inline(always)]
    pub fn shares_blocks(self, bytes: usize) -> bool {
        bytes <= MEDIUM_BORN_MAX || bytes <= MEDIUM_BORN_MAX + HASH_BYTES && self.has(HASH_STORED)
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
            NonNull::new(self.0.map_addr(|address| address & !FORWARDED).cast::<u8>()).map(ObjectRef::new)
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
