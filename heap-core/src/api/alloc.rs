//! Making objects: sized values, slices, strings. Each constructor has a `try_` form that reports a full heap.
//!
//! A slice is made in place, by a [`SliceBuilder`] or by constructors that fill one: of a function of the index, of an
//! iterator, of a vector. Its length must be known before, because objects do not shrink; where an iterator does not know it,
//! the elements go through a vector.

use super::gc::Gc;
use super::mutator::{Mutator, UnfinishedSlice, is_short};
use super::weak::Weak;
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
    #[cfg_attr(feature = "allocation-sites", track_caller)]
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
    #[cfg_attr(feature = "allocation-sites", track_caller)]
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
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub fn try_new_slice(mc: &Mutator<'gc>, elements: &[T]) -> Result<Self, AllocError>
    where
        T: Copy,
    {
        let object = if is_short(elements) { mc.allocate_short_copy(elements) } else { mc.allocate_copy(elements) }?;
        // SAFETY: as above.
        Ok(unsafe { Gc::from_object(object) })
    }
}

impl<'gc, T: Trace<'gc>> Gc<'gc, [T]> {
    /// Allocates a slice object with the elements of a vector, which are moved.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, NoGc, Rootable};
    /// let names = vec![String::from("one"), String::from("two")];
    /// let mut heap = Heap::<Rootable![Gc<'_, [String]>]>::new(NoGc::default(), |mc| Gc::from_vec(mc, names))?;
    /// heap.mutate(|_, names| assert_eq!(names[1], "two"));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn from_vec(mc: &Mutator<'gc>, elements: Vec<T>) -> Self {
        match Self::try_from_vec(mc, elements) {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`from_vec`](Self::from_vec), but reports a full heap. The elements are dropped then.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub fn try_from_vec(mc: &Mutator<'gc>, elements: Vec<T>) -> Result<Self, AllocError> {
        let mut slice = mc.allocate_slice::<T>(elements.len())?;
        slice.append(elements);
        // SAFETY: the object was just made, as a slice of T, in the heap of this brand.
        Ok(unsafe { Gc::from_object(mc.finish_slice(slice)?) })
    }

    /// Allocates a slice object with what an iterator yields: in place, if it knows how much that is, and else by way of a
    /// vector. The iterator may allocate.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, NoGc, Rootable};
    /// let mut heap = Heap::<Rootable![[Gc<'_, [u64]>; 2]]>::new(NoGc::default(), |mc| {
    ///     let squares = Gc::from_iter(mc, (0..4).map(|n| n * n));
    ///     [squares, Gc::from_iter(mc, squares.iter().copied().filter(|n| n % 2 == 1))]
    /// })?;
    /// heap.mutate(|_, [squares, odd]| assert_eq!((&**squares, &**odd), (&[0, 1, 4, 9][..], &[1, 9][..])));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn from_iter(mc: &Mutator<'gc>, elements: impl IntoIterator<Item = T>) -> Self {
        match Self::try_from_iter(mc, elements) {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`from_iter`](Self::from_iter), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub fn try_from_iter(mc: &Mutator<'gc>, elements: impl IntoIterator<Item = T>) -> Result<Self, AllocError> {
        let mut elements = elements.into_iter();
        let (len, upper) = elements.size_hint();
        if upper != Some(len) {
            return Self::try_from_vec(mc, elements.collect());
        }
        let mut slice = mc.allocate_slice::<T>(len)?;
        for element in elements.by_ref().take(len) {
            slice.push(element);
        }
        let further = elements.next();
        if slice.progress().0 < len || further.is_some() {
            // It was wrong.
            let mut vec = slice.take();
            vec.extend(further);
            vec.extend(elements);
            return Self::try_from_vec(mc, vec);
        }
        // SAFETY: the object was just made, as a slice of T, in the heap of this brand.
        Ok(unsafe { Gc::from_object(mc.finish_slice(slice)?) })
    }
}

/// A slice object under construction: room for so many elements, which are pushed one by one.
///
/// ```
/// use heap_core::{Gc, Heap, NoGc, Rootable, SliceBuilder};
/// let mut heap = Heap::<Rootable![Gc<'_, [Gc<'_, str>]>]>::new(NoGc::default(), |mc| {
///     let mut words = SliceBuilder::new(mc, 3);
///     for word in "one two three".split(' ') {
///         words.push(Gc::new_str(mc, word));
///     }
///     words.as_mut_slice().reverse();
///     words.finish()
/// })?;
/// heap.mutate(|_, words| assert_eq!(&*words[0], "three"));
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// Dropped before it is [finished](Self::finish), it drops its elements, and its memory is garbage.
pub struct SliceBuilder<'a, 'gc, T: Trace<'gc>> {
    mc: &'a Mutator<'gc>,
    slice: UnfinishedSlice<T>,
}

impl<'a, 'gc, T: Trace<'gc>> SliceBuilder<'a, 'gc, T> {
    /// Allocates room for `len` elements.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn new(mc: &'a Mutator<'gc>, len: usize) -> Self {
        match Self::try_new(mc, len) {
            Ok(builder) => builder,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`new`](Self::new), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &'a Mutator<'gc>, len: usize) -> Result<Self, AllocError> {
        Ok(SliceBuilder { mc, slice: mc.allocate_slice(len)? })
    }

    /// Adds an element.
    ///
    /// # Panics
    /// When there are as many as there is room for.
    #[inline]
    #[track_caller]
    pub fn push(&mut self, element: T) {
        self.slice.push(element);
    }

    /// The number of elements that are missing.
    #[inline]
    pub fn missing(&self) -> usize {
        let (made, all) = self.slice.progress();
        all - made
    }

    /// The elements so far.
    pub fn as_slice(&self) -> &[T] {
        self.slice.elements()
    }

    /// The elements so far, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.slice.elements_mut()
    }

    /// The finished object.
    ///
    /// # Panics
    /// When elements are [missing](Self::missing); and when the elements own more than the heap's limit allows, or the system
    /// refuses memory.
    #[track_caller]
    pub fn finish(self) -> Gc<'gc, [T]> {
        match self.try_finish() {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`finish`](Self::finish), but reports a full heap. The elements are dropped then.
    ///
    /// # Errors
    /// When the elements own more than the heap's limit allows, or the system refuses memory.
    ///
    /// # Panics
    /// When elements are missing.
    #[track_caller]
    pub fn try_finish(self) -> Result<Gc<'gc, [T]>, AllocError> {
        let object = self.mc.finish_slice(self.slice)?;
        // SAFETY: the object was made in this `mutate`, as a slice of T, in the heap of this brand.
        Ok(unsafe { Gc::from_object(object) })
    }
}

impl<'gc, T: Trace<'gc>> Extend<T> for SliceBuilder<'_, 'gc, T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push(element));
    }
}

impl<'gc, T: Trace<'gc> + 'gc> Gc<'gc, T> {
    /// Allocates an object that knows itself: `make` gets a weak pointer to the object that its result will be. Until then
    /// the pointer leads to nothing, and [`upgrade`](Weak::upgrade) says so.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, NoGc, Rootable, Trace, Weak};
    ///
    /// #[derive(Trace)]
    /// struct Actor<'gc> {
    ///     this: Weak<'gc, Actor<'gc>>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![Gc<'_, Actor<'_>>]>::new(NoGc::default(), |mc| {
    ///     Gc::new_cyclic(mc, |this| {
    ///         assert!(this.upgrade(mc).is_none());
    ///         Actor { this }
    ///     })
    /// })?;
    /// heap.mutate(|mc, actor| assert!(Gc::ptr_eq(actor.this.upgrade(mc).unwrap(), *actor)));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn new_cyclic(mc: &Mutator<'gc>, make: impl FnOnce(Weak<'gc, T>) -> T) -> Self {
        match Self::try_new_cyclic(mc, make) {
            Ok(gc) => gc,
            Err(error) => heap_is_full(error),
        }
    }

    /// As [`new_cyclic`](Self::new_cyclic), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub fn try_new_cyclic(mc: &Mutator<'gc>, make: impl FnOnce(Weak<'gc, T>) -> T) -> Result<Self, AllocError> {
        let cell = mc.machine.allocate_empty_weak_cell()?;
        // SAFETY: a cell of this heap, that leads to nothing, or to the object below.
        let value = make(unsafe { Weak::from_cell(cell) });
        mc.machine.reserve_weak_cell()?;
        let object = mc.allocate_sized(value)?;
        // SAFETY: both were made in this `mutate`, and nobody has seen the object yet.
        unsafe {
            mc.machine.bind_weak_cell(cell, object);
            Ok(Gc::from_object(object))
        }
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
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub fn try_new_str(mc: &Mutator<'gc>, text: &str) -> Result<Self, AllocError> {
        let bytes = Gc::try_new_slice(mc, text.as_bytes())?;
        // SAFETY: the bytes are a copy of a `str`, and nobody can write to them.
        Ok(unsafe { Gc::from_object(bytes.object()) })
    }
}
