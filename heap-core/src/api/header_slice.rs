//! [`HeaderSlice`]: a value and a slice in one object.
//!
//! A closure and its captured variables, a string and its hash, a node and its children: with two objects each access costs a
//! step more, and a header. In one, the slice stands behind the value, and the pointer is still one word:
//!
//! ```text
//!   elements: 8 B │ bytes: 8 B │ header: 8 B │ value, then the elements …
//!                                            ▲ every pointer leads here
//! ```
//!
//! To a collector the object is *one* element, whose size stands where a slice has its length. So it is traced as a whole,
//! however long it is, and a store into it concerns all of it: what cards do for large slices is not done here. That is why
//! plain slices are not a special case of this.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use super::alloc::heap_is_full;
use super::gc::{Gc, Pointee};
use super::mutator::Mutator;
use crate::error::AllocError;
use crate::machine::write_header;
use crate::object::{
    AllocRequest, DropFn, EdgeNames, EdgeSink, HASH_BYTES, HEADER_SLICE_PREFIX_BYTES, HeaderWord, Kind, OBJECT_ALIGN,
    ObjectRef, OwnedBytesFn, RelocateFn, SLICE_PREFIX_BYTES, Shape, SlotSink, TraceFn, TypeInfo, payload_bytes,
};
use crate::trace::{Content, EdgeNamer, Relocator, Trace, Tracer};

/// A value and a slice behind it: `Gc<'gc, HeaderSlice<H, [T]>>` is one object, and one word.
///
/// ```
/// use heap_core::{Gc, HeaderSlice, Heap, Lock, NoGc, Rootable, Trace, store};
///
/// #[derive(Trace)]
/// struct Code {
///     name: &'static str,
/// }
///
/// type Closure<'gc> = HeaderSlice<Code, [Lock<Option<Gc<'gc, u64>>>]>;
///
/// let mut heap = Heap::<Rootable![Gc<'_, Closure<'_>>]>::new(NoGc::default(), |mc| {
///     Gc::new_header_slice(mc, Code { name: "adder" }, 2, |_| Lock::new(None))
/// })?;
/// heap.mutate(|mc, closure| {
///     store!(mc, closure => slice[1], Some(Gc::new(mc, 7)));
///     assert_eq!((closure.header.name, closure.slice[1].get().as_deref()), ("adder", Some(&7)));
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// A store into one costs, once in a collection, in proportion to its length; large arrays that change are better plain slices.
#[derive(Debug)]
#[repr(C)]
pub struct HeaderSlice<H, S: ?Sized> {
    /// The value in front.
    pub header: H,
    /// The slice.
    pub slice: S,
}

// SAFETY: both fields are visited, once each.
unsafe impl<'gc, H: Trace<'gc>, T: Trace<'gc>> Trace<'gc> for HeaderSlice<H, [T]> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        self.header.trace(tracer);
        self.slice.trace(tracer);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        self.header.relocate(relocator);
        self.slice.relocate(relocator);
    }
    fn __name_edges(&self, namer: &mut EdgeNamer<'_, 'gc>) {
        namer.field("header", &self.header);
        self.slice.__name_edges(namer);
    }
    fn owned_bytes(&self) -> usize {
        self.header.owned_bytes().saturating_add(self.slice.owned_bytes())
    }
}

// SAFETY: it demands nothing of its parts but that they are `Trace`, and is as they are.
unsafe impl<'gc, H: Trace<'gc>, T: Trace<'gc>> Content<'gc> for HeaderSlice<H, [T]> {
    const NEEDS_TRACE: bool = H::NEEDS_TRACE || T::NEEDS_TRACE;
    const THREAD_BOUND: bool = H::THREAD_BOUND || T::THREAD_BOUND;
    const DEEP: bool = false;
    fn __checks_are_genuine(_: crate::__private::Checks) {}
}

// SAFETY: the number of elements stands in front of the object, and has since it was made.
unsafe impl<H, T> Pointee for HeaderSlice<H, [T]> {
    #[inline]
    unsafe fn from_payload(payload: NonNull<u8>) -> NonNull<Self> {
        // SAFETY: the caller promises a live object of this type.
        let len = unsafe { payload.byte_sub(HEADER_SLICE_PREFIX_BYTES).cast::<usize>().read() };
        let slice = core::ptr::slice_from_raw_parts_mut(payload.as_ptr().cast::<T>(), len);
        // SAFETY: not null. The length of the slice at its end is what a pointer to such a value carries.
        unsafe { NonNull::new_unchecked(slice as *mut Self) }
    }
}

/// The layout of such a value without its elements.
type Empty<H, T> = HeaderSlice<H, [T; 0]>;

/// The description of such objects.
struct Describe<H, T>(PhantomData<(H, T)>);

impl<'gc, H: Trace<'gc>, T: Trace<'gc>> Describe<H, T> {
    const INFO: &'static TypeInfo = &TypeInfo { with_hash: Some(Self::HASHED), ..Self::plain() };
    const HASHED: &'static TypeInfo = &TypeInfo { hash_bytes: HASH_BYTES as u8, ..Self::plain() };

    const fn plain() -> TypeInfo {
        let needs_trace = <HeaderSlice<H, [T]> as Content<'gc>>::NEEDS_TRACE;
        let has_glue = core::mem::needs_drop::<(H, T)>();
        TypeInfo {
            element_bytes: size_of::<Empty<H, T>>(),
            align: if align_of::<Empty<H, T>>() > u32::MAX as usize {
                panic!()
            } else {
                align_of::<Empty<H, T>>() as u32
            },
            small_bytes: 0,
            shape: Shape::HeaderSlice,
            hash_bytes: 0,
            trace: if needs_trace { Some(Self::trace as TraceFn) } else { None },
            relocate: if needs_trace { Some(Self::relocate as RelocateFn) } else { None },
            drop: if has_glue { Some(Self::drop as DropFn) } else { None },
            owned_bytes: if has_glue { Some(Self::owned_bytes as OwnedBytesFn) } else { None },
            kind: &Kind {
                name: core::any::type_name::<HeaderSlice<H, [T]>>,
                is_a: |_| false,
                unsize: None,
                name_edges: Self::name_edges,
                place: None,
            },
            with_hash: None,
        }
    }

    /// # Safety
    /// `object` must be the payload of a live object of this type.
    unsafe fn at(object: *mut u8) -> NonNull<HeaderSlice<H, [T]>> {
        // SAFETY: the caller's promise; payloads are not null.
        unsafe { HeaderSlice::from_payload(NonNull::new_unchecked(object)) }
    }

    unsafe fn trace(object: *const u8, count: usize, sink: &mut EdgeSink) {
        debug_assert_eq!(count, 1);
        // SAFETY: the caller passes a live object of this type, not written to meanwhile.
        unsafe { Self::at(object.cast_mut()).as_ref() }.trace(Tracer::brand(sink));
    }

    unsafe fn name_edges(object: *const u8, _: Range<usize>, names: &mut EdgeNames<'_>) {
        // SAFETY: the caller passes a live object of this type, not written to meanwhile.
        unsafe { Self::at(object.cast_mut()).as_ref() }.__name_edges(EdgeNamer::brand(names));
    }

    unsafe fn relocate(object: *mut u8, count: usize, sink: &mut SlotSink) {
        debug_assert_eq!(count, 1);
        // SAFETY: the caller passes a live object of this type that nobody else accesses.
        unsafe { Self::at(object).as_mut() }.relocate(Relocator::brand(sink));
    }

    unsafe fn drop(object: *mut u8, count: usize) {
        debug_assert_eq!(count, 1);
        // SAFETY: the caller passes an object of this type that is never used again.
        unsafe { Self::at(object).drop_in_place() };
    }

    unsafe fn owned_bytes(object: *const u8, count: usize) -> usize {
        debug_assert_eq!(count, 1);
        // SAFETY: the caller passes a live object of this type.
        unsafe { Self::at(object.cast_mut()).as_ref() }.owned_bytes()
    }
}

/// An object under construction: raw bytes to every collector (rule R10). The value in front is made. Dropping it drops what was
/// made, and leaves raw bytes behind.
struct Unfinished<H, T> {
    object: ObjectRef,
    made: usize,
    _type: PhantomData<(H, T)>,
}

impl<H, T> Unfinished<H, T> {
    /// What was made so far.
    fn made(&self) -> NonNull<HeaderSlice<H, [T]>> {
        let slice = core::ptr::slice_from_raw_parts_mut(self.object.payload().as_ptr().cast::<T>(), self.made);
        // SAFETY: not null; see `from_payload`.
        unsafe { NonNull::new_unchecked(slice as *mut HeaderSlice<H, [T]>) }
    }
}

impl<H, T> Drop for Unfinished<H, T> {
    fn drop(&mut self) {
        // SAFETY: so much was made, and nobody else owns it.
        unsafe { self.made().drop_in_place() };
    }
}

impl<'gc, H: Trace<'gc>, T: Trace<'gc>> Gc<'gc, HeaderSlice<H, [T]>> {
    /// Allocates a value with a slice behind it, whose elements are made by `element(index)`: 24 bytes in front, then both.
    ///
    /// `element` may allocate. If it panics, what was made so far is dropped and the panic goes on.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn new_header_slice(mc: &Mutator<'gc>, header: H, len: usize, element: impl FnMut(usize) -> T) -> Self {
        match Self::try_new_header_slice(mc, header, len, element) {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`new_header_slice`](Self::new_header_slice), but reports a full heap. What was made is dropped then.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub fn try_new_header_slice(
        mc: &Mutator<'gc>,
        header: H,
        len: usize,
        mut element: impl FnMut(usize) -> T,
    ) -> Result<Self, AllocError> {
        let machine = &mc.machine;
        const { assert!(size_of::<H>() < isize::MAX as usize / 4) };
        let elements = mc.payload_of::<T>(len)?;
        let offset = core::mem::offset_of!(Empty<H, T>, slice);
        let align = align_of::<Empty<H, T>>().max(OBJECT_ALIGN);
        let bytes = payload_bytes((offset + elements).next_multiple_of(align_of::<Empty<H, T>>()));
        let prefix = HEADER_SLICE_PREFIX_BYTES;
        let allocation = machine.allocate(AllocRequest { bytes: prefix + bytes, prefix, align })?;
        let payload = allocation.payload;
        // SAFETY: the memory is fresh, large enough, aligned, and ours. Where a slice has its length stand the bytes of the
        // payload, for whoever sees raw bytes and whoever sees the object.
        let mut unfinished = unsafe {
            payload.byte_sub(prefix).cast::<usize>().write(len);
            payload.byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(bytes);
            write_header(payload, HeaderWord::new(TypeInfo::RAW_BYTES, allocation.birth));
            payload.cast::<H>().write(header);
            Unfinished::<H, T> { object: ObjectRef::new(payload), made: 0, _type: PhantomData }
        };
        for index in 0..len {
            let value = element(index);
            // SAFETY: the place is one of those that were allocated.
            unsafe { payload.byte_add(offset).cast::<T>().add(index).write(value) };
            unfinished.made = index + 1;
        }
        let has_glue = const { core::mem::needs_drop::<(H, T)>() };
        if has_glue {
            // Only now: making the elements may have allocated objects with drop glue.
            machine.reserve_drop()?;
            // SAFETY: all of it was made, and only `unfinished` can reach it.
            let owned = unsafe { unfinished.made().as_ref() }.owned_bytes();
            if owned > 0 {
                machine.charge_outside(owned)?;
            }
        }
        let object = core::mem::ManuallyDrop::new(unfinished).object;
        // SAFETY: the object was allocated in this `mutate`, with this size, and all of it was made. Collectors may have changed
        // state bits of the header only at safepoints, and none happened.
        unsafe {
            let header = object.header();
            header.store(HeaderWord::new(machine.described(Describe::<H, T>::INFO), header.load().state()));
        }
        if has_glue {
            machine.register_drop(object);
        }
        if const { <HeaderSlice<H, [T]> as Content<'gc>>::THREAD_BOUND } {
            machine.bind(core::any::type_name::<HeaderSlice<H, [T]>>);
        }
        // SAFETY: the object was just made, with this type, in the heap of this brand.
        Ok(unsafe { Gc::from_object(object) })
    }
}
