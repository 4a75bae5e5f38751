//! Makes the [`TypeInfo`] of a traced type: at compile time, by promotion of a constant.
//!
//! Stands apart from [`TypeInfo`] because a description is plain data, which collectors read without knowing the trait.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use super::{EdgeNamer, Facts, Relocator, Trace, Tracer};
use crate::object::{
    AllocRequest, DropFn, EdgeNames, EdgeSink, ErasedFn, HASH_BYTES, HEADER_BYTES, Kind, OwnedBytesFn, RelocateFn,
    Shape, SlotSink, TraceFn, TypeInfo, payload_bytes,
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
            // Nobody asks the one; the other is described where it is made.
            Shape::Ephemeron | Shape::HeaderSlice => None,
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
            kind: if is_slice { Kinds::<T>::SLICE } else { Kinds::<T>::SIZED },
            hash_bytes: 0,
            with_hash: None,
        }
    }
}

/// Constants, so that all descriptions of a type share them.
struct Kinds<T>(PhantomData<T>);

impl<'gc, T: Trace<'gc>> Kinds<T> {
    const SIZED: &'static Kind = &Kind {
        name: core::any::type_name::<T>,
        is_a: T::__is_a,
        unsize: None,
        name_edges: name_edges_of_element::<T>,
        place: None,
    };
    /// An element is not the object.
    const SLICE: &'static Kind = &Kind {
        name: core::any::type_name::<T>,
        is_a: |_| false,
        unsize: None,
        name_edges: name_edges_of_elements::<T>,
        place: None,
    };
}

/// Descriptions of a `T` that is allocated as a `D`, which the closure type `F` makes of it.
pub(crate) struct DescribeAs<T, D: ?Sized, F>(PhantomData<(T, F)>, PhantomData<D>);

impl<'gc, T: Trace<'gc>, D: ?Sized, F: Fn(NonNull<T>) -> NonNull<D> + Copy> DescribeAs<T, D, F> {
    pub(crate) const INFO: &'static TypeInfo =
        &TypeInfo { kind: Self::KIND, with_hash: Some(Self::HASHED), ..TypeInfo::plain::<T>(Shape::Sized) };
    const HASHED: &'static TypeInfo = &TypeInfo { kind: Self::KIND, ..Hashed::<T>::describe(Shape::Sized) };
    const KIND: &'static Kind = &Kind {
        // SAFETY: only whoever knows the type calls it.
        unsize: Some(unsafe { core::mem::transmute::<fn(NonNull<u8>) -> NonNull<D>, ErasedFn>(Self::unsize) }),
        ..*Kinds::<T>::SIZED
    };

    /// Calls an `F`.
    fn unsize(payload: NonNull<u8>) -> NonNull<D> {
        const { assert!(size_of::<F>() == 0, "a closure that captures nothing") };
        // SAFETY: an `F` has no bytes, may be copied, and whoever named this description had one.
        let unsize = unsafe { NonNull::<F>::dangling().read() };
        unsize(payload.cast())
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

unsafe fn name_edges_of_element<'gc, T: Trace<'gc>>(element: *const u8, _: Range<usize>, names: &mut EdgeNames<'_>) {
    // SAFETY: the caller passes an initialised, live element of type T, not written to meanwhile.
    unsafe { (*element.cast::<T>()).__name_edges(EdgeNamer::brand(names)) };
}

unsafe fn name_edges_of_elements<'gc, T: Trace<'gc>>(
    first: *const u8,
    elements: Range<usize>,
    names: &mut EdgeNames<'_>,
) {
    let (namer, first, from) = (EdgeNamer::brand(names), first.cast::<T>(), elements.start);
    for index in elements {
        // SAFETY: the caller passes a pointer to the first of these elements, initialised, live, of type T, not written to
        // meanwhile.
        namer.element(index, unsafe { &*first.add(index - from) });
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
