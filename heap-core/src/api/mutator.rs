//! [`Mutator`]: the capability to allocate and to write, for the length of one `mutate`.
//!
//! The mutator *is* the heap, seen through the brand `'gc`. What stands here knows the program's types; everything else is
//! the [machine](Machine)'s.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::thread::PointerStaysOnItsThread;
use crate::error::AllocError;
use crate::machine::{Machine, Statistics, write_header};
use crate::object::{
    AllocRequest, Allocation, HEADER_BYTES, HeaderWord, OBJECT_ALIGN, ObjectRef, SLICE_PREFIX_BYTES, Shape, TypeInfo,
    payload_bytes,
};
use crate::trace::{Content, Trace};

/// Gives access to a heap inside [`Heap::mutate`](crate::Heap::mutate): allocation, writes, handles.
///
/// Usually named `mc`. Functions that need it take `&Mutator<'gc>`; they carry no parameter for the collector.
#[repr(transparent)]
pub struct Mutator<'gc> {
    pub(crate) machine: Machine,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

// SAFETY: never, since the condition is never met.
unsafe impl Send for Mutator<'_> where Self: PointerStaysOnItsThread {}
// SAFETY: as above.
unsafe impl Sync for Mutator<'_> where Self: PointerStaysOnItsThread {}

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
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub(crate) fn allocate_sized<T: Trace<'gc>>(&self, value: T) -> Result<ObjectRef, AllocError> {
        // SAFETY: the description of `T`.
        unsafe { self.allocate_described(value, Describe::<T>::SIZED) }
    }

    /// # Safety
    /// `info` must describe the sized type `T`.
    #[inline(always)]
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub(crate) unsafe fn allocate_described<T: Trace<'gc>>(
        &self,
        value: T,
        info: &'static TypeInfo,
    ) -> Result<ObjectRef, AllocError> {
        let request = const {
            assert!(size_of::<T>() < isize::MAX as usize / 2);
            AllocRequest {
                bytes: HEADER_BYTES + payload_bytes(size_of::<T>()),
                prefix: HEADER_BYTES,
                align: if align_of::<T>() > OBJECT_ALIGN { align_of::<T>() } else { OBJECT_ALIGN },
            }
        };
        let allocation = if const { core::mem::needs_drop::<T>() } {
            // Before the value is in the heap: it is dropped by its owner if there is no room.
            self.machine.allocate_with_glue(request, value.owned_bytes())?
        } else {
            self.machine.allocate(request)?
        };
        let object = ObjectRef::new(allocation.payload);
        // SAFETY: the memory is fresh, large enough, aligned, and ours; header and payload are initialised before
        // anyone can see the object.
        unsafe {
            write_header(allocation.payload, HeaderWord::new(self.machine.described(info), allocation.birth));
            allocation.payload.cast::<T>().write(value);
        }
        if const { core::mem::needs_drop::<T>() } {
            self.machine.register_drop(object);
        }
        self.note_thread::<T>();
        Ok(object)
    }

    /// There is an object of this type now. Costs nothing unless its values must stay on their thread.
    #[inline(always)]
    fn note_thread<T: Trace<'gc>>(&self) {
        if const { T::THREAD_BOUND } {
            self.machine.bind(core::any::type_name::<T>);
        }
    }

    /// A slice object with a copy of 1 to [`SHORT`] bytes, small in the caller's code.
    #[inline(always)]
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub(crate) fn allocate_short_copy<T: Trace<'gc> + Copy>(&self, values: &[T]) -> Result<ObjectRef, AllocError> {
        let bytes = size_of_val(values);
        // SAFETY: so many bytes stand in `values`, and the payload has room for them; fresh memory overlaps nothing.
        self.allocate_filled::<T>(values.len(), bytes, |payload| unsafe {
            copy_short(values.as_ptr().cast(), payload.as_ptr(), bytes);
        })
    }

    /// A slice object with a copy of `values`, however many.
    #[inline(never)]
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub(crate) fn allocate_copy<T: Trace<'gc> + Copy>(&self, values: &[T]) -> Result<ObjectRef, AllocError> {
        // SAFETY: as above.
        self.allocate_filled::<T>(values.len(), size_of_val(values), |payload| unsafe {
            payload.cast().copy_from_nonoverlapping(NonNull::from(values).cast::<T>(), values.len());
        })
    }

    /// A slice object of `len` elements of `T` in `bytes` bytes, all of which `fill` must initialise, without a panic. So the
    /// object is never unfinished, and its header is written once.
    #[inline(always)]
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub(crate) fn allocate_filled<T: Trace<'gc>>(
        &self,
        len: usize,
        bytes: usize,
        fill: impl FnOnce(NonNull<u8>),
    ) -> Result<ObjectRef, AllocError> {
        // The values are in memory already, or `payload_of` said so: no sum of their size and a prefix overflows.
        let request = AllocRequest {
            bytes: SLICE_PREFIX_BYTES + payload_bytes(bytes),
            prefix: SLICE_PREFIX_BYTES,
            align: const { if align_of::<T>() > OBJECT_ALIGN { align_of::<T>() } else { OBJECT_ALIGN } },
        };
        let Allocation { payload, birth } = self.machine.allocate(request)?;
        fill(payload);
        // SAFETY: the memory is fresh, large enough, aligned, and ours; length, header and payload are initialised before
        // anyone can see the object.
        unsafe {
            payload.byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(len);
            write_header(payload, HeaderWord::new(self.machine.described(Describe::<T>::SLICE), birth));
        }
        self.note_thread::<T>();
        Ok(ObjectRef::new(payload))
    }

    /// Bytes of `len` elements.
    pub(crate) fn payload_of<T>(&self, len: usize) -> Result<usize, AllocError> {
        let bytes = size_of::<T>().checked_mul(len).filter(|&bytes| bytes < isize::MAX as usize / 2);
        bytes.ok_or_else(|| {
            self.machine.fast.allocation_failed.set(true);
            AllocError::TOO_LARGE
        })
    }

    /// Memory for a slice of `len` elements. Until [`finish_slice`](Self::finish_slice) the object is raw bytes to every
    /// collector (rule R10).
    pub(crate) fn allocate_slice<T: Trace<'gc>>(&self, len: usize) -> Result<UnfinishedSlice<T>, AllocError> {
        let bytes = payload_bytes(self.payload_of::<T>(len)?);
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

    /// Turns a completely initialised slice into an object. Fails when what its elements own does not fit the limit; they
    /// are dropped then.
    #[inline]
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub(crate) fn finish_slice<T: Trace<'gc>>(&self, slice: UnfinishedSlice<T>) -> Result<ObjectRef, AllocError> {
        assert_eq!(slice.initialised, slice.len, "every element of a slice must be initialised");
        if const { core::mem::needs_drop::<T>() } {
            // Only now: making the elements may have allocated objects with drop glue.
            self.machine.reserve_drop()?;
            let owned = slice.elements().iter().map(Trace::owned_bytes).fold(0, usize::saturating_add);
            if owned > 0 {
                self.machine.charge_outside(owned)?;
            }
        }
        let slice = core::mem::ManuallyDrop::new(slice);
        let object = slice.object;
        // SAFETY: the object was allocated in this `mutate`, for this element type and length, and all elements are
        // initialised. Collectors may have changed state bits of the header only at safepoints, and none happened.
        unsafe {
            object.payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(slice.len);
            let header = object.header();
            header.store(HeaderWord::new(self.machine.described(Describe::<T>::SLICE), header.load().state()));
        }
        if const { core::mem::needs_drop::<T>() } {
            self.machine.register_drop(object);
        }
        self.note_thread::<T>();
        Ok(object)
    }

    /// Says that objects of this heap have come to own `change` bytes more outside the heap, or less, since they were
    /// made: that a `Vec` in one of them grew, for instance. The bytes count against the limit, and bring the next
    /// collection nearer.
    ///
    /// What objects own when they are made need not be said, and every full collection asks all of them, but the
    /// [permanent](crate::Heap::freeze) ones: this is for large changes in between, and forgotten then. Memory that no
    /// field can tell belongs into an [`ExternalBytes`](crate::ExternalBytes). The limit may be exceeded by the change,
    /// since the memory is there already; the next allocation that needs memory fails then.
    pub fn charge_external(&self, change: isize) {
        self.machine.adjust_outside(change);
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

    /// Moves all elements of a vector in.
    pub(crate) fn append(&mut self, mut vec: Vec<T>) {
        assert!(vec.len() <= self.len - self.initialised, "more elements than the slice has room for");
        // SAFETY: there is room for so many, and fresh memory overlaps nothing. The vector gives them up.
        unsafe {
            let end = self.object.payload().cast::<T>().add(self.initialised);
            end.copy_from_nonoverlapping(NonNull::from(vec.as_slice()).cast::<T>(), vec.len());
            self.initialised += vec.len();
            vec.set_len(0);
        }
    }

    /// Moves the elements made so far out again.
    pub(crate) fn take(mut self) -> Vec<T> {
        let mut vec = Vec::with_capacity(self.initialised);
        // SAFETY: there is room for so many. The slice gives them up.
        unsafe {
            let first = self.object.payload().cast::<T>();
            first.copy_to_nonoverlapping(NonNull::from(vec.spare_capacity_mut()).cast::<T>(), self.initialised);
            vec.set_len(self.initialised);
            self.initialised = 0;
        }
        vec
    }

    /// The number of elements made so far, and that of all.
    #[inline]
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.initialised, self.len)
    }

    /// The elements made so far.
    pub(crate) fn elements(&self) -> &[T] {
        // SAFETY: the first `initialised` elements were written, and only this value can reach them.
        unsafe { core::slice::from_raw_parts(self.object.payload().cast::<T>().as_ptr(), self.initialised) }
    }

    /// The elements made so far, to be changed.
    pub(crate) fn elements_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and this value is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.object.payload().cast::<T>().as_ptr(), self.initialised) }
    }
}

impl<T> Drop for UnfinishedSlice<T> {
    fn drop(&mut self) {
        let made = core::ptr::slice_from_raw_parts_mut(self.object.payload().as_ptr().cast::<T>(), self.initialised);
        // SAFETY: the first `initialised` elements were written and nobody else owns them.
        unsafe { made.drop_in_place() };
    }
}

/// Bytes of a payload that are copied in place at most.
const SHORT: usize = 64;

/// Whether a copy of these values is made in the caller's code.
///
/// A call of `memcpy` costs as much as all the rest of a short string. Instructions for strings of 8, 16, 32 and 64 bytes
/// (and of `Gc::new` for as many: 17, 18, 22, 33): 53, 51, 54, 55 when the header was written twice and `memcpy` called, now
/// 33, 33, 35, 40. What is left is the size that only the program knows; for a literal there is no difference.
#[inline(always)]
pub(crate) fn is_short<T>(values: &[T]) -> bool {
    // One test: nothing at all is not short.
    size_of_val(values).wrapping_sub(1) < SHORT
}

/// Copies 1 to [`SHORT`] bytes by pairs of moves that overlap in the middle.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy_short(from: *const u8, to: *mut u8, bytes: usize) {
    // SAFETY: each move stays within `bytes` by the test in front of it; the rest is the caller's promise.
    let part =
        |offset: usize, length| unsafe { core::ptr::copy_nonoverlapping(from.add(offset), to.add(offset), length) };
    debug_assert!((1..=SHORT).contains(&bytes));
    if bytes >= 16 {
        if bytes > 32 {
            part(16, 16);
            part(bytes - 32, 16);
        }
        part(0, 16);
        part(bytes - 16, 16);
    } else if bytes >= 8 {
        part(0, 8);
        part(bytes - 8, 8);
    } else if bytes >= 4 {
        part(0, 4);
        part(bytes - 4, 4);
    } else {
        part(0, 1);
        part(bytes / 2, 1);
        part(bytes - 1, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{SHORT, copy_short};

    #[test]
    fn every_length_is_copied_and_nothing_beyond_it() {
        for bytes in 1..=SHORT {
            let from: Vec<u8> = (1..=bytes as u8).collect();
            let mut to = vec![0u8; bytes + 16];
            // SAFETY: both have room for so many bytes, eight bytes into the second.
            unsafe { copy_short(from.as_ptr(), to.as_mut_ptr().add(8), bytes) };
            assert_eq!(to[8..8 + bytes], from[..]);
            assert!(to[..8].iter().chain(&to[8 + bytes..]).all(|&byte| byte == 0), "{bytes} bytes");
        }
    }
}
