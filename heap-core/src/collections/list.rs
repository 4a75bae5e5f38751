//! [`List`]: a growable vector in the heap.
//!
//! An object with a length and a pointer to [`Slots`]. Invariant: the length is not above the capacity, and the slots below
//! it are filled. Both change together, with no code of the program between.

use core::cell::Cell;

use super::slots::Slots;
use crate::Trace;
use crate::api::alloc::heap_is_full;
use crate::api::gc::Gc;
use crate::api::lock::Lock;
use crate::api::mutator::Mutator;
use crate::api::recursion::{compare_once, print_once};
use crate::error::AllocError;
use crate::store;

/// The capacity of a list that begins to have elements.
const FIRST_CAPACITY: usize = 4;

/// A growable vector in the heap: one word, copied like any pointer; copies are the same list.
///
/// Its elements are `Copy`, so that storage has no drop glue and reading needs no borrow. See the
/// [module](crate::collections) for what that means, and what iteration sees of changes.
///
/// ```
/// use heap_core::collections::List;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![List<'_, Gc<'_, str>>]>::new(NoGc::default(), |mc| List::new(mc)).unwrap();
/// heap.mutate(|mc, list| {
///     list.push(mc, Gc::new_str(mc, "a"));
///     list.push(mc, Gc::new_str(mc, "b"));
///     list.insert(mc, 0, Gc::new_str(mc, "c"));
///     assert_eq!(list.iter().map(|text| text.to_string()).collect::<String>(), "cab");
///     assert_eq!(list.get(9), None);
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
/// Either way the list is as it was.
#[derive(Trace)]
pub struct List<'gc, T: Trace<'gc> + Copy + 'gc>(Gc<'gc, ListObject<'gc, T>>);

#[derive(Trace)]
struct ListObject<'gc, T> {
    slots: Lock<Option<Slots<'gc, T>>>,
    // Not traced, so written without a barrier.
    #[trace(require_static)]
    len: Cell<usize>,
}

impl<'gc, T: Trace<'gc> + Copy + 'gc> Clone for List<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: Trace<'gc> + Copy + 'gc> Copy for List<'gc, T> {}

impl<'gc, T: Trace<'gc> + Copy + 'gc> List<'gc, T> {
    /// An empty list, without storage.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        done(Self::try_new(mc))
    }

    /// As [`new`](Self::new), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        Ok(List(Gc::try_new(mc, ListObject { slots: Lock::new(None), len: Cell::new(0) })?))
    }

    /// An empty list with room for so many elements.
    #[track_caller]
    pub fn with_capacity(mc: &Mutator<'gc>, capacity: usize) -> Self {
        let list = Self::new(mc);
        list.reserve(mc, capacity);
        list
    }

    /// A list of these elements.
    #[track_caller]
    pub fn from_slice(mc: &Mutator<'gc>, elements: &[T]) -> Self {
        let list = Self::new(mc);
        list.extend_from_slice(mc, elements);
        list
    }

    /// The number of elements.
    #[inline]
    pub fn len(self) -> usize {
        self.0.len.get()
    }

    /// True when there is no element.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number of elements for which there is storage.
    pub fn capacity(self) -> usize {
        self.0.slots.get().map_or(0, Slots::capacity)
    }

    /// The element at this index, if there is one.
    #[inline]
    pub fn get(self, index: usize) -> Option<T> {
        if index < self.len() { self.slot(index) } else { None }
    }

    /// The element at an index below the length.
    #[inline]
    fn slot(self, index: usize) -> Option<T> {
        debug_assert!(index < self.len());
        // SAFETY: the slots below the length exist and are filled.
        unsafe { self.0.slots.get()?.get(index) }
    }

    /// The first element.
    #[inline]
    pub fn first(self) -> Option<T> {
        self.get(0)
    }

    /// The last element.
    #[inline]
    pub fn last(self) -> Option<T> {
        self.get(self.len().wrapping_sub(1))
    }

    /// The elements, by index: each step reads what is there then.
    #[inline]
    pub fn iter(self) -> ListIter<'gc, T> {
        ListIter { list: self, index: 0 }
    }

    /// The elements, in a vector outside the heap.
    pub fn to_vec(self) -> Vec<T> {
        self.iter().collect()
    }

    /// True when an element is equal to this one.
    pub fn contains(self, element: &T) -> bool
    where
        T: PartialEq,
    {
        self.iter().any(|other| other == *element)
    }

    /// True when both are the same list.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        Gc::ptr_eq(this.0, other.0)
    }

    /// Puts another element at this index, and returns the one that was there.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    #[track_caller]
    pub fn set(self, mc: &Mutator<'gc>, index: usize, element: T) -> T {
        match (self.get(index), self.0.slots.get()) {
            (Some(old), Some(slots)) => {
                // SAFETY: the slots below the length exist.
                unsafe { slots.set(mc, index, Some(element)) };
                old
            }
            _ => out_of_bounds(index, self.len()),
        }
    }

    /// Exchanges two elements.
    ///
    /// # Panics
    /// When one of them does not exist.
    #[track_caller]
    pub fn swap(self, mc: &Mutator<'gc>, a: usize, b: usize) {
        let first = self.get(a).unwrap_or_else(|| out_of_bounds(a, self.len()));
        let second = self.set(mc, b, first);
        self.set(mc, a, second);
    }

    /// Appends an element: two loads, a compare, the barrier and two stores while there is room; storage doubles otherwise.
    #[inline]
    #[track_caller]
    pub fn push(self, mc: &Mutator<'gc>, element: T) {
        done(self.try_push(mc, element));
    }

    /// As [`push`](Self::push), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_push(self, mc: &Mutator<'gc>, element: T) -> Result<(), AllocError> {
        let len = self.len();
        let slots = match self.0.slots.get() {
            Some(slots) if len < slots.capacity() => slots,
            _ => self.grow(mc, 1)?,
        };
        // SAFETY: the slot at the length exists.
        unsafe { slots.set(mc, len, Some(element)) };
        self.0.len.set(len + 1);
        Ok(())
    }

    /// Takes the last element away.
    #[inline]
    pub fn pop(self, mc: &Mutator<'gc>) -> Option<T> {
        let last = self.last()?;
        self.truncate(mc, self.len() - 1);
        Some(last)
    }

    /// Puts an element in front of the one at this index, or at the end. Those behind it move up.
    ///
    /// # Panics
    /// When the index is greater than the length.
    #[track_caller]
    pub fn insert(self, mc: &Mutator<'gc>, index: usize, element: T) {
        done(self.try_insert(mc, index, element));
    }

    /// As [`insert`](Self::insert), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    ///
    /// # Panics
    /// When the index is greater than the length.
    #[track_caller]
    pub fn try_insert(self, mc: &Mutator<'gc>, index: usize, element: T) -> Result<(), AllocError> {
        let len = self.len();
        if index > len {
            out_of_bounds(index, len);
        }
        let slots = match self.0.slots.get() {
            Some(slots) if len < slots.capacity() => slots,
            _ => self.grow(mc, 1)?,
        };
        // SAFETY: the slots up to and with the length exist, those below it are filled.
        unsafe {
            slots.copy_within(mc, index..len, index + 1);
            slots.set(mc, index, Some(element));
        }
        self.0.len.set(len + 1);
        Ok(())
    }

    /// Takes an element out. Those behind it move down.
    ///
    /// # Panics
    /// When there is none at this index.
    #[track_caller]
    pub fn remove(self, mc: &Mutator<'gc>, index: usize) -> T {
        let len = self.len();
        match (self.get(index), self.0.slots.get()) {
            (Some(element), Some(slots)) => {
                // SAFETY: all these slots are below the length.
                unsafe { slots.copy_within(mc, index + 1..len, index) };
                self.truncate(mc, len - 1);
                element
            }
            _ => out_of_bounds(index, len),
        }
    }

    /// Takes an element out and puts the last one in its place.
    ///
    /// # Panics
    /// When there is none at this index.
    #[track_caller]
    pub fn swap_remove(self, mc: &Mutator<'gc>, index: usize) -> T {
        let last = self.last().unwrap_or_else(|| out_of_bounds(index, 0));
        let element = self.set(mc, index, last);
        self.truncate(mc, self.len() - 1);
        element
    }

    /// Drops the elements from this index on. Storage stays.
    pub fn truncate(self, mc: &Mutator<'gc>, len: usize) {
        let old = self.len();
        let Some(slots) = self.0.slots.get().filter(|_| len < old) else { return };
        self.0.len.set(len);
        slots.barrier(mc, len..old);
        for index in len..old {
            // SAFETY: the slots below the old length exist, and their barrier ran.
            unsafe { slots.put(index, None) };
        }
    }

    /// Drops all elements, and the storage.
    pub fn clear(self, mc: &Mutator<'gc>) {
        self.0.len.set(0);
        store!(mc, (self.0).slots, None);
    }

    /// Keeps the elements of which `keep` says so, in order. An element that `keep` adds is asked about too.
    pub fn retain(self, mc: &Mutator<'gc>, mut keep: impl FnMut(T) -> bool) {
        let (mut from, mut to) = (0, 0);
        while let Some(element) = self.get(from) {
            from += 1;
            // `keep` may have made the list shorter.
            if keep(element) && to < self.len() {
                self.set(mc, to, element);
                to += 1;
            }
        }
        self.truncate(mc, to);
    }

    /// Appends copies of these elements.
    #[track_caller]
    pub fn extend_from_slice(self, mc: &Mutator<'gc>, elements: &[T]) {
        done(self.try_extend_from_slice(mc, elements));
    }

    /// As [`extend_from_slice`](Self::extend_from_slice), but reports a full heap: none of the elements was appended then.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_extend_from_slice(self, mc: &Mutator<'gc>, elements: &[T]) -> Result<(), AllocError> {
        self.try_reserve(mc, elements.len())?;
        let Some(slots) = self.0.slots.get() else { return Ok(()) };
        let len = self.len();
        slots.barrier(mc, len..len + elements.len());
        for (index, element) in elements.iter().enumerate() {
            // SAFETY: room for all of them was reserved, and the barrier ran.
            unsafe { slots.put(len + index, Some(*element)) };
        }
        self.0.len.set(len + elements.len());
        Ok(())
    }

    /// Appends what an iterator yields.
    #[track_caller]
    pub fn extend(self, mc: &Mutator<'gc>, elements: impl IntoIterator<Item = T>) {
        let elements = elements.into_iter();
        self.reserve(mc, elements.size_hint().0);
        elements.for_each(|element| self.push(mc, element));
    }

    /// Makes room for so many elements more.
    #[track_caller]
    pub fn reserve(self, mc: &Mutator<'gc>, additional: usize) {
        done(self.try_reserve(mc, additional));
    }

    /// As [`reserve`](Self::reserve), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_reserve(self, mc: &Mutator<'gc>, additional: usize) -> Result<(), AllocError> {
        if additional > self.capacity() - self.len() {
            self.grow(mc, additional)?;
        }
        Ok(())
    }

    /// Gives the room back that no element uses: allocates storage that fits, unless it does.
    #[track_caller]
    pub fn shrink_to_fit(self, mc: &Mutator<'gc>) {
        if self.is_empty() {
            self.clear(mc);
        } else if self.len() < self.capacity() {
            done(self.move_to(mc, self.len()));
        }
    }

    /// Sorts the elements; equal ones keep their order. The comparison reads a copy of the list.
    ///
    /// # Panics
    /// When the comparison changed the length of the list.
    #[track_caller]
    pub fn sort_by(self, mc: &Mutator<'gc>, compare: impl FnMut(&T, &T) -> core::cmp::Ordering) {
        let mut sorted = self.to_vec();
        sorted.sort_by(compare);
        assert_eq!(sorted.len(), self.len(), "the list changed while it was sorted");
        let Some(slots) = self.0.slots.get() else { return };
        slots.barrier(mc, 0..sorted.len());
        for (index, element) in sorted.into_iter().enumerate() {
            // SAFETY: the slots below the length exist, and the barrier ran.
            unsafe { slots.put(index, Some(element)) };
        }
    }

    /// Storage with room for so many elements more, at least doubled.
    #[cold]
    #[inline(never)]
    fn grow(self, mc: &Mutator<'gc>, additional: usize) -> Result<Slots<'gc, T>, AllocError> {
        // A sum that overflows is larger than any heap.
        let needed = self.len().saturating_add(additional);
        self.move_to(mc, needed.max(self.capacity().saturating_mul(2)).max(FIRST_CAPACITY))
    }

    /// Storage of this capacity, which is not below the length.
    fn move_to(self, mc: &Mutator<'gc>, capacity: usize) -> Result<Slots<'gc, T>, AllocError> {
        let slots = match self.0.slots.get() {
            // SAFETY: the slots below the length exist and are filled, and no caller asks for less room.
            Some(old) => unsafe { Slots::try_moved(mc, capacity, old, self.len()) },
            None => Slots::try_new(mc, capacity, []),
        }?;
        store!(mc, (self.0).slots, Some(slots));
        Ok(slots)
    }
}

/// As a list of the elements. Inside itself it is printed as `...`.
impl<'gc, T: Trace<'gc> + Copy + core::fmt::Debug + 'gc> core::fmt::Debug for List<'gc, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        print_once(Gc::as_ptr(self.0), f, |f| f.debug_list().entries(self.iter()).finish())
    }
}

/// Compares the elements. [`List::ptr_eq`] says whether it is the same list.
impl<'gc, T: Trace<'gc> + Copy + PartialEq + 'gc> PartialEq for List<'gc, T> {
    fn eq(&self, other: &Self) -> bool {
        compare_once(&*self.0, &*other.0, || self.iter().eq(other.iter()))
    }
}

impl<'gc, T: Trace<'gc> + Copy + Eq + 'gc> Eq for List<'gc, T> {}

impl<'gc, T: Trace<'gc> + Copy + 'gc> IntoIterator for List<'gc, T> {
    type Item = T;
    type IntoIter = ListIter<'gc, T>;
    fn into_iter(self) -> ListIter<'gc, T> {
        self.iter()
    }
}

/// The elements of a [`List`], by index: each step reads what is there then.
pub struct ListIter<'gc, T: Trace<'gc> + Copy + 'gc> {
    list: List<'gc, T>,
    index: usize,
}

impl<'gc, T: Trace<'gc> + Copy + 'gc> Iterator for ListIter<'gc, T> {
    type Item = T;
    #[inline]
    fn next(&mut self) -> Option<T> {
        let element = self.list.get(self.index)?;
        self.index += 1;
        Some(element)
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn out_of_bounds(index: usize, len: usize) -> ! {
    panic!("index {index} in a list of {len} elements")
}

/// The result, or the panic that says what to do.
#[inline]
#[track_caller]
pub(super) fn done<T>(result: Result<T, AllocError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => heap_is_full(error),
    }
}
