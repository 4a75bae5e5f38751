//! [`Mutator`]: the capability to allocate and to write, for the length of one `mutate`.
//!
//! The mutator *is* the heap, seen through the brand `'gc`. What stands here knows the program's types; everything else is
//! the [machine](Machine)'s.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::error::AllocError;
use crate::machine::{Machine, Statistics, write_header};
use crate::object::{
    AllocRequest, HEADER_BYTES, HeaderWord, OBJECT_ALIGN, ObjectRef, SLICE_PREFIX_BYTES, Shape, TypeInfo, payload_bytes,
};
use crate::trace::Trace;

/// Gives access to a heap inside [`Heap::mutate`](crate::Heap::mutate): allocation, writes, handles.
///
/// Usually named `mc`. Functions that need it take `&Mutator<'gc>`; they carry no parameter for the collector.
#[repr(transparent)]
pub struct Mutator<'gc> {
    pub(crate) machine: Machine,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

/// Descriptions of types, made at compile time.
struct Describe<T>(PhantomData<T>);

impl<'gc, T: Trace<'gc>> Describe<T> {
    const SIZED: &'static TypeInfo = &TypeInfo::of::<T>(Shape::Sized);
    const SLICE: &'static TypeInfo = &TypeInfo::of::<T>(Shape::Slice);
}

impl<'gc> Mutator<'gc> {
    /// The heap, seen through a brand.
    ///
    /// # Safety
    /// The brand must be one that no other lifetime equals, and end before the next safepoint.
    #[inline]
    pub(crate) unsafe fn brand(machine: &'gc Machine) -> &'gc Mutator<'gc> {
        // SAFETY: a mutator is transparent over its machine; that the brand is right is the caller's promise.
        unsafe { &*core::ptr::from_ref(machine).cast::<Mutator<'gc>>() }
    }

    #[inline(always)]
    pub(crate) fn allocate_sized<T: Trace<'gc>>(&self, value: T) -> Result<ObjectRef, AllocError> {
        let request = const {
            assert!(size_of::<T>() < isize::MAX as usize / 2);
            AllocRequest {
                bytes: HEADER_BYTES + payload_bytes(size_of::<T>()),
                prefix: HEADER_BYTES,
                align: if align_of::<T>() > OBJECT_ALIGN { align_of::<T>() } else { OBJECT_ALIGN },
            }
        };
        let allocation = self.machine.allocate(request)?;
        let object = ObjectRef::new(allocation.payload);
        // SAFETY: the memory is fresh, large enough, aligned, and ours; header and payload are initialised before
        // anyone can see the object.
        unsafe {
            write_header(allocation.payload, HeaderWord::new(Describe::<T>::SIZED, allocation.birth));
            allocation.payload.cast::<T>().write(value);
        }
        if const { core::mem::needs_drop::<T>() } {
            self.machine.register_drop(object);
        }
        Ok(object)
    }

    /// Memory for a slice of `len` elements. Until [`UnfinishedSlice::finish`] the object is raw bytes to every
    /// collector (rule R10).
    pub(crate) fn allocate_slice<T: Trace<'gc>>(&self, len: usize) -> Result<UnfinishedSlice<T>, AllocError> {
        let payload = size_of::<T>().checked_mul(len).filter(|&bytes| bytes < isize::MAX as usize / 2);
        let Some(payload) = payload else {
            self.machine.fast.allocation_failed.set(true);
            return Err(AllocError::TOO_LARGE);
        };
        let bytes = payload_bytes(payload);
        let allocation = self.machine.allocate(AllocRequest {
            bytes: SLICE_PREFIX_BYTES + bytes,
            prefix: SLICE_PREFIX_BYTES,
            align: align_of::<T>().max(OBJECT_ALIGN),
        })?;
        // SAFETY: the memory is fresh, large enough, aligned, and ours.
        unsafe {
            allocation.payload.byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(bytes);
            write_header(allocation.payload, HeaderWord::new(TypeInfo::RAW_BYTES, allocation.birth));
        }
        Ok(UnfinishedSlice { object: ObjectRef::new(allocation.payload), len, initialised: 0, _type: PhantomData })
    }

    /// Turns a completely initialised slice into an object.
    #[inline]
    pub(crate) fn finish_slice<T: Trace<'gc>>(&self, slice: UnfinishedSlice<T>) -> ObjectRef {
        assert_eq!(slice.initialised, slice.len, "every element of a slice must be initialised");
        let slice = core::mem::ManuallyDrop::new(slice);
        let object = slice.object;
        // SAFETY: the object was allocated in this `mutate`, for this element type and length, and all elements are
        // initialised. Collectors may have changed state bits of the header only at safepoints, and none happened.
        unsafe {
            object.payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(slice.len);
            let header = object.header();
            header.store(HeaderWord::new(Describe::<T>::SLICE, header.load().state()));
        }
        if const { core::mem::needs_drop::<T>() } {
            self.machine.register_drop(object);
        }
        object
    }

    /// The heap's number, unique for the life of the process.
    pub fn heap_id(&self) -> u64 {
        self.machine.heap_id()
    }

    /// Asks for a full collection at the end of this `mutate`. Inside `mutate` nothing is ever collected.
    pub fn request_collection(&self) {
        self.machine.fast.collection_requested.set(true);
        self.machine.fast.due.set(true);
    }

    /// True when the heap would like to collect: a program that stays long in one `mutate` should return soon.
    #[inline]
    pub fn should_yield(&self) -> bool {
        self.machine.fast.due.get()
    }

    /// The heap's counters. `allocated_bytes` and `heap_bytes` are current, the others as of the last pause.
    pub fn statistics(&self) -> Statistics {
        self.machine.statistics()
    }
}

/// A slice object under construction. Dropping it drops the elements made so far and leaves raw bytes behind.
pub(crate) struct UnfinishedSlice<T> {
    object: ObjectRef,
    len: usize,
    initialised: usize,
    _type: PhantomData<T>,
}

impl<T> UnfinishedSlice<T> {
    pub(crate) fn push(&mut self, value: T) {
        assert!(self.initialised < self.len, "more elements than the slice has room for");
        // SAFETY: the index is below the length that was allocated.
        unsafe { self.object.payload().cast::<T>().add(self.initialised).write(value) };
        self.initialised += 1;
    }

    pub(crate) fn copy_from(&mut self, values: &[T])
    where
        T: Copy,
    {
        assert!(self.initialised == 0 && values.len() == self.len);
        // SAFETY: the object has room for `len` elements, `values` has as many, and fresh memory overlaps nothing.
        unsafe {
            self.object.payload().cast::<T>().copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
        }
        self.initialised = self.len;
    }
}

impl<T> Drop for UnfinishedSlice<T> {
    fn drop(&mut self) {
        let made = core::ptr::slice_from_raw_parts_mut(self.object.payload().as_ptr().cast::<T>(), self.initialised);
        // SAFETY: the first `initialised` elements were written and nobody else owns them.
        unsafe { made.drop_in_place() };
    }
}
