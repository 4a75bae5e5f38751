//! Makes the [`TypeInfo`] of a traced type: at compile time, by promotion of a constant.
//!
//! Stands apart from [`TypeInfo`] because a description is plain data, which collectors read without knowing the trait.

use core::marker::PhantomData;

use super::{Facts, Relocator, Trace, Tracer};
use crate::object::{
    AllocRequest, DropFn, EdgeSink, HASH_BYTES, HEADER_BYTES, OwnedBytesFn, RelocateFn, Shape, SlotSink, TraceFn,
    TypeInfo, payload_bytes,
};

/// Descriptions of objects that hold an identity hash.
struct Hashed<T>(PhantomData<T>);

impl<'gc, T: Trace<'gc>> Hashed<T> {
    const SIZED: &'static TypeInfo = &Self::describe(Shape::Sized);
    const SLICE: &'static TypeInfo = &Self::describe(Shape::Slice);
    const WEAK_CELL: &'static TypeInfo = &Self::describe(Shape::WeakCell);

    const fn describe(shape: Shape) -> TypeInfo {
        let plain = TypeInfo::plain::<T>(shape);
        TypeInfo {
            // Objects with blocks of their own never move.
            small_bytes: if plain.small_bytes == 0 { 0 } else { plain.small_bytes + HASH_BYTES as u16 },
            hash_bytes: HASH_BYTES as u8,
            ..plain
        }
    }
}

impl TypeInfo {
    pub(crate) const fn of<'gc, T: Trace<'gc>>(shape: Shape) -> TypeInfo {
        let with_hash = match shape {
            Shape::Sized => Some(Hashed::<T>::SIZED),
            Shape::Slice => Some(Hashed::<T>::SLICE),
            Shape::WeakCell => Some(Hashed::<T>::WEAK_CELL),
            // Nobody asks.
            Shape::Ephemeron => None,
        };
        TypeInfo { with_hash, ..Self::plain::<T>(shape) }
    }

    const fn plain<'gc, T: Trace<'gc>>(shape: Shape) -> TypeInfo {
        // What has no bytes holds nothing, whatever it says. A slice of it may have 2^64 elements, too many to ask.
        let holds = size_of::<T>() != 0;
        let needs_trace = <T::Facts as Facts<'gc>>::NEEDS_TRACE && holds;
        let is_slice = matches!(shape, Shape::Slice);
        let bytes = HEADER_BYTES + payload_bytes(size_of::<T>());
        let shares_blocks = !AllocRequest { bytes, prefix: HEADER_BYTES, align: align_of::<T>() }.is_large();
        TypeInfo {
            element_bytes: size_of::<T>(),
            align: if align_of::<T>() > u32::MAX as usize { panic!() } else { align_of::<T>() as u32 },
            small_bytes: if !is_slice && shares_blocks { bytes as u16 } else { 0 },
            shape,
            trace: if !needs_trace {
                None
            } else if is_slice {
                Some(trace_elements::<T> as TraceFn)
            } else {
                Some(trace_element::<T> as TraceFn)
            },
            relocate: if !needs_trace {
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
            hash_bytes: 0,
            with_hash: None,
        }
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
