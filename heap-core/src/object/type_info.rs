//! What a collector knows about the type of an object.
//!
//! A [`TypeInfo`] is made once per type, at compile time, by promotion of a constant: no table, no registration, no
//! lock. The header of every object points at one. Two copies of the description of one type may exist (one per
//! codegen unit), so descriptions are never compared by address.
//!
//! A description speaks of *elements*: a sized type is one element, a slice is as many as the length in front of its
//! header says. All functions take a pointer to an element and a number of elements, so that a part of a large array
//! can be traced by itself: by increments, by cards, by several threads.

use core::any::TypeId;
use core::panic::Location;

use super::edge_names::NameEdgesFn;
use super::edges::TraceFn;
use super::layout::{HEADER_BYTES, HEADER_SLICE_PREFIX_BYTES, SLICE_PREFIX_BYTES};
use super::slots::SlotSink;
use crate::memory::MEDIUM_FOOTPRINT_MAX;

/// Reports the slots of `count` elements starting at the pointer.
pub type RelocateFn = unsafe fn(*mut u8, usize, &mut SlotSink);
/// Drops `count` elements in place.
pub type DropFn = unsafe fn(*mut u8, usize);
/// Bytes that `count` elements own outside the heap.
pub type OwnedBytesFn = unsafe fn(*const u8, usize) -> usize;

/// Some function: a place for one whose type only its maker knows.
pub(crate) type ErasedFn = unsafe fn();

/// Which type it is, for those who ask while the program runs: people, and casts.
pub(crate) struct Kind {
    pub(crate) name: fn() -> &'static str,
    /// Whether a value begins with one of the type of this number, because it is one, or because its first field is.
    pub(crate) is_a: fn(TypeId) -> bool,
    /// Of an object that was allocated as a `dyn Trait`: `fn(NonNull<u8>) -> NonNull<dyn Trait>`.
    pub(crate) unsize: Option<ErasedFn>,
    /// Reports edges with the names of their places: as many as tracing does.
    pub(crate) name_edges: NameEdgesFn,
    /// Where the objects were allocated, in a copy that was made for one place.
    #[cfg_attr(not(feature = "allocation-sites"), allow(dead_code))]
    pub(crate) place: Option<&'static Location<'static>>,
}

/// Shape of an object. Those behind `Slice` belong to the heap itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Shape {
    /// One element, no length.
    Sized,
    /// One element of any size, a value and a slice behind it: the size stands in front of the header.
    HeaderSlice,
    /// Any number of elements; the length stands in front of the header.
    Slice,
    /// A weak cell (see [`WeakTable`](crate::collector::WeakTable)): one element whose target the collector clears.
    WeakCell,
    /// An ephemeron (see [`Ephemerons`](crate::collector::Ephemerons)): one element, which reports no edge.
    Ephemeron,
}

/// The description of a type; 64 bytes, one cache line.
#[repr(C, align(64))]
pub struct TypeInfo {
    pub(crate) element_bytes: usize,
    pub(crate) align: u32,
    pub(crate) small_bytes: u16,
    pub(crate) shape: Shape,
    pub(crate) hash_bytes: u8,
    pub(crate) trace: Option<TraceFn>,
    pub(crate) relocate: Option<RelocateFn>,
    pub(crate) drop: Option<DropFn>,
    pub(crate) owned_bytes: Option<OwnedBytesFn>,
    pub(crate) kind: &'static Kind,
    pub(crate) with_hash: Option<&'static TypeInfo>,
}

const _: () = assert!(size_of::<TypeInfo>() == 64);
const _: () = assert!(MEDIUM_FOOTPRINT_MAX <= u16::MAX as usize);

impl TypeInfo {
    /// Bytes of one element: the whole payload of a sized type, the stride of a slice.
    #[inline]
    pub fn element_bytes(&self) -> usize {
        self.element_bytes
    }

    /// Bytes of the footprint, header included, when every object of this description is one element and shares its
    /// blocks with others: nearly all objects, so that collectors find their size by one load. Zero for slices and for
    /// objects with blocks of their own.
    #[inline]
    pub fn small_bytes(&self) -> usize {
        self.small_bytes as usize
    }

    /// Alignment of the payload in bytes.
    #[inline]
    pub fn align(&self) -> usize {
        self.align as usize
    }

    /// True when the object's length stands in front of its header.
    #[inline]
    pub fn is_slice(&self) -> bool {
        matches!(self.shape, Shape::Slice)
    }

    /// The shape of the object.
    #[inline]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Bytes between the start of the object and its payload.
    #[inline]
    pub fn prefix_bytes(&self) -> usize {
        if self.is_slice() {
            SLICE_PREFIX_BYTES
        } else if matches!(self.shape, Shape::HeaderSlice) {
            HEADER_SLICE_PREFIX_BYTES
        } else {
            HEADER_BYTES
        }
    }

    /// Reports edges; `None` when the type holds no pointers. Collectors use [`Object::trace`](super::Object::trace): called
    /// by itself, this drops edges when the sink's stack is full, and the sink has [overflowed](super::EdgeSink::overflowed).
    #[inline]
    pub fn trace(&self) -> Option<TraceFn> {
        self.trace
    }

    /// Reports slots; `None` when the type holds no pointers.
    #[inline]
    pub fn relocate(&self) -> Option<RelocateFn> {
        self.relocate
    }

    /// Drops elements; `None` when there is nothing to drop.
    #[inline]
    pub fn drop(&self) -> Option<DropFn> {
        self.drop
    }

    /// Bytes owned outside the heap; `None` when there can be none.
    #[inline]
    pub fn owned_bytes(&self) -> Option<OwnedBytesFn> {
        self.owned_bytes
    }

    /// The Rust name of the element type, for people.
    pub fn name(&self) -> &'static str {
        (self.kind.name)()
    }

    /// The description of memory whose object is not finished: bytes, never traced, never dropped (rule R10). Its
    /// length is in bytes, so that the footprint is right.
    pub const RAW_BYTES: &'static TypeInfo = &TypeInfo {
        element_bytes: 1,
        align: 1,
        small_bytes: 0,
        shape: Shape::Slice,
        trace: None,
        relocate: None,
        drop: None,
        owned_bytes: None,
        kind: &Kind {
            name: || "unfinished object",
            is_a: |_| false,
            unsize: None,
            name_edges: |_, _, _| {},
            place: None,
        },
        hash_bytes: 0,
        with_hash: None,
    };

    /// Bytes behind the payload, for an identity hash: 8 or none.
    #[inline]
    pub fn hash_bytes(&self) -> usize {
        self.hash_bytes as usize
    }

    /// The description of the same type whose objects hold an identity hash behind their payload: what a moving collector
    /// puts into the header of a copy. `None` when this is it, and for objects which nobody asks.
    #[inline]
    pub fn with_hash(&self) -> Option<&'static TypeInfo> {
        self.with_hash
    }
}

#[cfg(feature = "allocation-sites")]
impl TypeInfo {
    /// The same description with another part for people.
    pub(crate) fn of_kind(&self, kind: &'static Kind, with_hash: Option<&'static TypeInfo>) -> TypeInfo {
        TypeInfo { kind, with_hash, ..*self }
    }
}

impl core::fmt::Debug for TypeInfo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TypeInfo")
            .field("name", &self.name())
            .field("element_bytes", &self.element_bytes)
            .field("align", &self.align)
            .field("shape", &self.shape)
            .finish()
    }
}
