//! [`Gc`]: a copyable, one-word pointer to an object in the heap.
//!
//! Every `Gc` is one word, whatever it points at: slices and strings keep their length in front of the object's header,
//! so that an enum of pointers stays two words and an `Option<Gc<str>>` one. Reading the length costs a load from the
//! cache line that holds the header; a loop over `&*slice` pays it once.

use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use super::mutator::Mutator;
use super::recursion::print_once;
use super::thread::PointerStaysOnItsThread;
use crate::object::ObjectRef;
use crate::trace::{Content, Known, Relocator, Trace, Tracer};

/// A type that an object can have: every sized type, slices of them, `str`, and `dyn` types with
/// [`dyn_trace!`](crate::dyn_trace!), if the object was allocated as such ([`new_dyn!`](crate::new_dyn!)).
///
/// # Safety
/// `from_payload` must produce a pointer to exactly the object's payload.
pub unsafe trait Pointee {
    /// A (possibly fat) pointer to the payload.
    ///
    /// # Safety
    /// `payload` must point at the payload of a live object whose type is `Self`.
    #[doc(hidden)]
    unsafe fn from_payload(payload: NonNull<u8>) -> NonNull<Self>;

    /// As for [`Trace`].
    #[doc(hidden)]
    fn __checks_are_genuine(_: crate::__private::Checks) {}
}

// SAFETY: a sized payload is the object itself.
unsafe impl<T> Pointee for T {
    #[inline]
    unsafe fn from_payload(payload: NonNull<u8>) -> NonNull<T> {
        payload.cast()
    }
}

// SAFETY: the length in front of a slice's header counts its elements.
unsafe impl<T> Pointee for [T] {
    #[inline]
    unsafe fn from_payload(payload: NonNull<u8>) -> NonNull<[T]> {
        // SAFETY: the caller promises a live object of slice shape.
        let len = unsafe { ObjectRef::new(payload).slice_len() };
        NonNull::slice_from_raw_parts(payload.cast(), len)
    }
}

// SAFETY: strings are slices of bytes.
unsafe impl Pointee for str {
    #[inline]
    unsafe fn from_payload(payload: NonNull<u8>) -> NonNull<str> {
        // SAFETY: the caller's promise; a string object is a byte slice.
        let bytes = unsafe { <[u8]>::from_payload(payload) };
        // SAFETY: the address is not null; `str` and `[u8]` have the same layout and metadata.
        unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) }
    }
}

/// A `dyn` type as which an object can be allocated: those for which [`dyn_trace!`](crate::dyn_trace!) was written.
///
/// # Safety
/// `from_payload` must take the pointer's other half from the object's description, where the function is with which it was
/// allocated.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an object cannot be allocated as `{Self}`",
    label = "not a `dyn` type with `dyn_trace!`",
    note = "for slices there is `Gc::new_slice`; for a pointer to an object as another type, `unsize!`"
)]
pub unsafe trait DynPointee: Pointee {
    /// As for [`Trace`].
    #[doc(hidden)]
    fn __checks_are_genuine(_: crate::__private::Checks);
}

/// A pointer to an object in the garbage-collected heap.
///
/// One word, never null, `Copy`, dereferenced without a check. The lifetime `'gc` is a *brand*: invariant, different in
/// every [`mutate`](crate::Heap::mutate), so a `Gc` can neither leave the closure nor enter another heap.
///
/// Comparison and hashing compare the *values*; [`Gc::ptr_eq`] compares identity.
pub struct Gc<'gc, T: ?Sized + 'gc> {
    object: ObjectRef,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
    // The object's header and locks are for the heap's thread only: not Send, not Sync (see below).
    _target: PhantomData<*const T>,
}

const _: () = assert!(size_of::<Option<Gc<'static, str>>>() == size_of::<usize>());

// SAFETY: never, since the condition is never met.
unsafe impl<'gc, T: ?Sized + 'gc> Send for Gc<'gc, T> where Self: PointerStaysOnItsThread {}
// SAFETY: as above.
unsafe impl<'gc, T: ?Sized + 'gc> Sync for Gc<'gc, T> where Self: PointerStaysOnItsThread {}

impl<'gc, T: ?Sized + 'gc> Clone for Gc<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: ?Sized + 'gc> Copy for Gc<'gc, T> {}

impl<'gc, T: ?Sized + 'gc> Gc<'gc, T> {
    /// # Safety
    /// `object` must be a live object of type `T` in the heap whose brand is `'gc`.
    #[inline]
    pub(crate) unsafe fn from_object(object: ObjectRef) -> Self {
        Gc { object, _brand: PhantomData, _target: PhantomData }
    }

    #[inline]
    pub(crate) fn object(self) -> ObjectRef {
        self.object
    }

    /// True when both point at the same object.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.object == other.object
    }

    /// The object's address. It may change at the next safepoint, so it is good for printing and for comparing within
    /// one `mutate`, and for nothing else.
    #[inline]
    pub fn as_ptr(this: Self) -> *const () {
        this.object.payload().as_ptr().cast()
    }

    /// A number that stays the same as long as the object lives, wherever it moves; of two objects it is nearly always
    /// different. For maps by identity, which compare with [`ptr_eq`](Self::ptr_eq) as well.
    ///
    /// An object that is never asked pays nothing for this. One that was asked and is moved afterwards takes 8 bytes more from
    /// then on. All 64 bits are good ones.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, NoGc, Rootable};
    /// let mut heap = Heap::<Rootable![[Gc<'_, str>; 2]]>::new(NoGc::default(), |mc| {
    ///     [Gc::new_str(mc, "same text"), Gc::new_str(mc, "same text")]
    /// })?;
    /// let before = heap.mutate(|mc, root| root.map(|text| Gc::identity_hash(text, mc)));
    /// assert_ne!(before[0], before[1]);
    /// heap.collect();
    /// heap.mutate(|mc, root| assert_eq!(root.map(|text| Gc::identity_hash(text, mc)), before));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn identity_hash(this: Self, mc: &Mutator<'gc>) -> u64 {
        // SAFETY: a Gc leads to a live object.
        unsafe { mc.machine.identity_hash(this.object) }
    }

    /// The pointer of which [`as_ptr`](Self::as_ptr) said the address.
    ///
    /// # Safety
    /// The address must have come from `as_ptr` of a `Gc` to a `T`, in this `mutate`.
    #[inline]
    pub unsafe fn from_ptr(address: *const ()) -> Self {
        // SAFETY: the address of an object is not null. All pointers into heaps have the provenance of one mapping.
        unsafe { Gc::from_object(ObjectRef::new(NonNull::new_unchecked(address.cast_mut().cast()))) }
    }

    /// The same pointer without its type. It keeps the object alive and compares by [`Gc::ptr_eq`]; whoever knows the type
    /// gets it back with [`downcast`](Self::downcast).
    #[inline]
    pub fn erase(this: Self) -> Gc<'gc, ()> {
        Gc { object: this.object, _brand: PhantomData, _target: PhantomData }
    }
}

impl<'gc, T: ?Sized + Pointee + 'gc> Gc<'gc, T> {
    /// The object, for as long as the current `mutate` runs: longer than `Deref` and `AsRef` can say.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn as_ref(this: Self) -> &'gc T {
        // SAFETY: objects neither move nor die before the next safepoint, and no safepoint can happen while the brand
        // `'gc` exists (property P3); the payload is initialised before its first `Gc` is made, and changes only inside
        // cells.
        unsafe { T::from_payload(this.object.payload()).as_ref() }
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee> Deref for Gc<'gc, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        Gc::as_ref(*self)
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee> AsRef<T> for Gc<'gc, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee> core::borrow::Borrow<T> for Gc<'gc, T> {
    fn borrow(&self) -> &T {
        self
    }
}

/// As the object itself. Inside itself, or 64 pointers deep, it is printed as `...`.
impl<'gc, T: ?Sized + 'gc + Pointee + core::fmt::Debug> core::fmt::Debug for Gc<'gc, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        print_once(Gc::as_ptr(*self), f, |f| (**self).fmt(f))
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee + core::fmt::Display> core::fmt::Display for Gc<'gc, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

impl<'gc, T: ?Sized + 'gc> core::fmt::Pointer for Gc<'gc, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.object.payload().fmt(f)
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee + PartialEq> PartialEq for Gc<'gc, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee + Eq> Eq for Gc<'gc, T> {}

impl<'gc, T: ?Sized + 'gc + Pointee + PartialOrd> PartialOrd for Gc<'gc, T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee + Ord> Ord for Gc<'gc, T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl<'gc, T: ?Sized + 'gc + Pointee + core::hash::Hash> core::hash::Hash for Gc<'gc, T> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

// SAFETY: a Gc is one edge, reported once, and one slot. It can hold an unsized type only through `Pointee`. Nothing here
// looks at the target; that it is `Trace` all the same is rule 7 of the trait.
unsafe impl<'gc, T: ?Sized + Content<'gc> + 'gc> Trace<'gc> for Gc<'gc, T> {
    // The object it points at answered for itself when it was allocated.
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        tracer.report(self.object);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        relocator.report(&mut self.object);
    }
}

impl<'gc> Tracer<'gc> {
    /// Reports a strong pointer.
    #[inline]
    pub fn visit<T: ?Sized + 'gc>(&mut self, gc: Gc<'gc, T>) {
        self.report(gc.object);
    }
}

impl<'gc> Relocator<'gc> {
    /// Reports the slot that holds a strong pointer.
    #[inline]
    pub fn visit<T: ?Sized + 'gc>(&mut self, gc: &mut Gc<'gc, T>) {
        self.report(&mut gc.object);
    }
}

impl<'gc> Mutator<'gc> {
    /// The number of counted references to an object: from the heap and from handles, as of the last epoch. `None`
    /// when the heap's collector does not count.
    pub fn ref_count<T: ?Sized>(&self, gc: Gc<'gc, T>) -> Option<u64> {
        self.machine.slow(|collector, heap| collector.ref_count(heap.core, gc.object()))
    }
}
