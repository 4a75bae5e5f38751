//! What a collector knows about the type of an object.
//!
//! A [`TypeInfo`] is made once per type, at compile time, by promotion of a constant: no table, no registration, no
//! lock. The header of every object points at one. Two copies of the description of one type may exist (one per
//! codegen unit), so descriptions are never compared by address.
//!
//! A description speaks of *elements*: a sized type is one element, a slice is as many as the length in front of its
//! header says. All functions take a pointer to an element and a number of elements, so that a part of a large array
//! can be traced by itself: by increments, by cards, by several threads.

use crate::trace::{EdgeSink, Relocator, SlotSink, Trace, Tracer};

use super::AllocRequest;
use super::memory::MEDIUM_FOOTPRINT_MAX;
use super::object::{HEADER_BYTES, SLICE_PREFIX_BYTES, payload_bytes};

/// Reports the edges of `count` elements starting at the pointer.
pub type TraceFn = unsafe fn(*const u8, usize, &mut EdgeSink);
/// Reports the slots of `count` elements starting at the pointer.
pub type RelocateFn = unsafe fn(*mut u8, usize, &mut SlotSink);
/// Drops `count` elements in place.
pub type DropFn = unsafe fn(*mut u8, usize);
/// Bytes that `count` elements own outside the heap.
pub type OwnedBytesFn = unsafe fn(*const u8, usize) -> usize;

/// Shape of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Shape {
    /// One element, no length.
    Sized,
    /// Any number of elements; the length stands in front of the header.
    Slice,
    /// A weak cell (see [`WeakTable`](super::WeakTable)): one element whose target the collector clears.
    WeakCell,
}

/// The description of a type; 64 bytes, one cache line.
#[repr(C, align(64))]
pub struct TypeInfo {
    element_bytes: usize,
    align: u32,
    small_bytes: u16,
    shape: Shape,
    trace: Option<TraceFn>,
    relocate: Option<RelocateFn>,
    drop: Option<DropFn>,
    owned_bytes: Option<OwnedBytesFn>,
    name: fn() -> &'static str,
    /// Room for what later object kinds need: the vtable of a `dyn` object.
    metadata: Option<&'static ()>,
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
        if self.is_slice() { SLICE_PREFIX_BYTES } else { HEADER_BYTES }
    }

    /// Reports edges; `None` when the type holds no pointers.
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
        (self.name)()
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
        name: || "unfinished object",
        metadata: None,
    };

    pub(crate) const fn of<'gc, T: Trace<'gc>>(shape: Shape) -> TypeInfo {
        // What has no bytes holds nothing, whatever it says. A slice of it may have 2^64 elements, too many to ask.
        let holds = size_of::<T>() != 0;
        let is_slice = matches!(shape, Shape::Slice);
        let bytes = HEADER_BYTES + payload_bytes(size_of::<T>());
        let shares_blocks = !AllocRequest { bytes, prefix: HEADER_BYTES, align: align_of::<T>() }.is_large();
        TypeInfo {
            element_bytes: size_of::<T>(),
            align: if align_of::<T>() > u32::MAX as usize { panic!() } else { align_of::<T>() as u32 },
            small_bytes: if !is_slice && shares_blocks { bytes as u16 } else { 0 },
            shape,
            trace: if !(T::NEEDS_TRACE && holds) {
                None
            } else if is_slice {
                Some(trace_elements::<T> as TraceFn)
            } else {
                Some(trace_element::<T> as TraceFn)
            },
            relocate: if !(T::NEEDS_TRACE && holds) {
                None
            } else if is_slice {
                Some(relocate_elements::<T> as RelocateFn)
            } else {
                Some(relocate_element::<T> as RelocateFn)
            },
            drop: if core::mem::needs_drop::<T>() { Some(drop_elements::<T> as DropFn) } else { None },
            owned_bytes: if core::mem::needs_drop::<T>() && holds {
                Some(owned_bytes_of_elements::<T> as OwnedBytesFn)
            } else {
                None
            },
            name: core::any::type_name::<T>,
            metadata: None,
        }
    }

    /// The vtable of a `dyn` object, once there are such objects.
    pub fn metadata(&self) -> Option<&'static ()> {
        self.metadata
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

/// The same for what is always one element: no loop, so it is a leaf that saves no registers.
unsafe fn trace_element<'gc, T: Trace<'gc>>(element: *const u8, count: usize, sink: &mut EdgeSink) {
    debug_assert_eq!(count, 1);
    // SAFETY: the caller passes an initialised, live element of type T, not written to meanwhile.
    unsafe { (*element.cast::<T>()).trace(Tracer::brand(sink)) };
}

unsafe fn trace_elements<'gc, T: Trace<'gc>>(first: *const u8, count: usize, sink: &mut EdgeSink) {
    let tracer = Tracer::brand(sink);
    let first = first.cast::<T>();
    for index in 0..count {
        // SAFETY: the caller passes `count` initialised, live elements of type T, not written to meanwhile.
        unsafe { (*first.add(index)).trace(tracer) };
    }
}

/// As [`trace_element`].
unsafe fn relocate_element<'gc, T: Trace<'gc>>(element: *mut u8, count: usize, sink: &mut SlotSink) {
    debug_assert_eq!(count, 1);
    // SAFETY: the caller passes an initialised, live element of type T that nobody else accesses.
    unsafe { (*element.cast::<T>()).relocate(Relocator::brand(sink)) };
}

unsafe fn relocate_elements<'gc, T: Trace<'gc>>(first: *mut u8, count: usize, sink: &mut SlotSink) {
    let relocator = Relocator::brand(sink);
    let first = first.cast::<T>();
    for index in 0..count {
        // SAFETY: the caller passes `count` initialised, live elements of type T that nobody else accesses.
        unsafe { (*first.add(index)).relocate(relocator) };
    }
}

unsafe fn drop_elements<T>(first: *mut u8, count: usize) {
    // SAFETY: the caller passes `count` initialised elements of type T that are never used again.
    unsafe { core::ptr::slice_from_raw_parts_mut(first.cast::<T>(), count).drop_in_place() };
}

unsafe fn owned_bytes_of_elements<'gc, T: Trace<'gc>>(first: *const u8, count: usize) -> usize {
    let first = first.cast::<T>();
    // SAFETY: the caller passes `count` initialised, live elements of type T.
    (0..count).map(|index| unsafe { (*first.add(index)).owned_bytes() }).fold(0, usize::saturating_add)
}
