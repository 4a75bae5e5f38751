//! Making objects: sized values, slices, strings. Each constructor has a `try_` form that reports a full heap.

use super::gc::Gc;
use super::mutator::{Mutator, is_short};
use crate::error::AllocError;
use crate::trace::Trace;

#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn heap_is_full(error: AllocError) -> ! {
    panic!("{error}; use the `try_` form of the allocation and `Heap::try_mutate` to handle this")
}

impl<'gc, T: Trace<'gc>> Gc<'gc, T> {
    /// Allocates an object: 8 bytes of header, the value rounded up to 8 bytes.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory; the heap stays usable.
    #[inline]
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>, value: T) -> Self {
        match Self::try_new(mc, value) {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// Allocates an object, or reports that the heap is full.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_new(mc: &Mutator<'gc>, value: T) -> Result<Self, AllocError> {
        let object = mc.allocate_sized(value)?;
        // SAFETY: the object was just made, with type T, in the heap of this brand.
        Ok(unsafe { Gc::from_object(object) })
    }
}

impl<'gc, T: Trace<'gc>> Gc<'gc, [T]> {
    /// Allocates a slice object whose elements are made by `element(index)`: 16 bytes in front, then the elements.
    ///
    /// `element` may allocate. If it panics, the elements made so far are dropped and the panic goes on.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn new_slice_with(mc: &Mutator<'gc>, len: usize, element: impl FnMut(usize) -> T) -> Self {
        match Self::try_new_slice_with(mc, len, element) {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`new_slice_with`](Self::new_slice_with), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new_slice_with(
        mc: &Mutator<'gc>,
        len: usize,
        mut element: impl FnMut(usize) -> T,
    ) -> Result<Self, AllocError> {
        let mut slice = mc.allocate_slice::<T>(len)?;
        for index in 0..len {
            slice.push(element(index));
        }
        // SAFETY: the object was just made, as a slice of T, in the heap of this brand.
        Ok(unsafe { Gc::from_object(mc.finish_slice(slice)?) })
    }

    /// Allocates a slice object with the given elements.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    #[track_caller]
    pub fn new_slice(mc: &Mutator<'gc>, elements: &[T]) -> Self
    where
        T: Copy,
    {
        if !is_short(elements) {
            // Its panic is out there too: a result that came from either place would be looked at by all.
            return Self::new_long_slice(mc, elements);
        }
        match mc.allocate_short_copy(elements) {
            // SAFETY: the object was just made, as a slice of T, in the heap of this brand.
            Ok(object) => unsafe { Gc::from_object(object) },
            Err(error) => heap_is_full(error),
        }
    }

    #[inline(never)]
    #[track_caller]
    fn new_long_slice(mc: &Mutator<'gc>, elements: &[T]) -> Self
    where
        T: Copy,
    {
        match mc.allocate_copy(elements) {
            // SAFETY: as above.
            Ok(object) => unsafe { Gc::from_object(object) },
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`new_slice`](Self::new_slice), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_new_slice(mc: &Mutator<'gc>, elements: &[T]) -> Result<Self, AllocError>
    where
        T: Copy,
    {
        let object = if is_short(elements) { mc.allocate_short_copy(elements) } else { mc.allocate_copy(elements) }?;
        // SAFETY: as above.
        Ok(unsafe { Gc::from_object(object) })
    }
}

impl<'gc> Gc<'gc, str> {
    /// Allocates a string object: 16 bytes in front, then the text.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    #[track_caller]
    pub fn new_str(mc: &Mutator<'gc>, text: &str) -> Self {
        let bytes = Gc::new_slice(mc, text.as_bytes());
        // SAFETY: the bytes are a copy of a `str`, and nobody can write to them.
        unsafe { Gc::from_object(bytes.object()) }
    }

    /// As [`new_str`](Self::new_str), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_new_str(mc: &Mutator<'gc>, text: &str) -> Result<Self, AllocError> {
        let bytes = Gc::try_new_slice(mc, text.as_bytes())?;
        // SAFETY: the bytes are a copy of a `str`, and nobody can write to them.
        Ok(unsafe { Gc::from_object(bytes.object()) })
    }
}
