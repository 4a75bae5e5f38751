//! Pointers to the same object under another type: `dyn`, the first field, and back.
//!
//! *To `dyn`.* A pointer of one word cannot carry a vtable. [`GcDyn`] has two words, and is made of any [`Gc`] by [`unsize!`]:
//! the object, and a function that makes a pointer to it fat, which is all that a vtable is needed for. No fat pointer is taken
//! apart, and its layout does not matter; `Option<GcDyn>` is two words too. Where a pointer must be one word, the object is
//! allocated as a `dyn` by [`new_dyn!`]: then the function stands in its type's description, and `Gc<'gc, dyn Shape<'gc>>` reads
//! it there, at the price of three loads that depend on each other.
//!
//! *To the first field.* The object stays what it is, whatever points at it: its description says how it is traced, moved
//! and dropped. So a [`Gc`] to a struct is as good a pointer to what stands at its beginning ([`HasPrefix`]).
//!
//! *Back* is asked of the object: its description knows its type by number, and that of its first field, and so on. The number
//! belongs to a type without lifetimes, therefore only types are known whose name alone tells which type it is
//! ([`Downcast`]). Addresses of descriptions or vtables are never compared: one type may have several.
//!
//! [`unsize!`]: crate::unsize!
//! [`new_dyn!`]: crate::new_dyn!

use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use super::gc::{DynPointee, Gc};
use super::mutator::Mutator;
use super::thread::PointerStaysOnItsThread;
use super::weak::Weak;
use super::write::Write;
use crate::__private::Checks;
use crate::error::AllocError;
use crate::object::{Object, ObjectRef};
use crate::trace::{Content, DescribeAs, Downcast, HasPrefix, Known, Relocator, Trace, Tracer};

/// A pointer to an object as a `dyn` type: two words, made of any [`Gc`] by [`unsize!`](crate::unsize!).
///
/// ```
/// use heap_core::{Gc, GcDyn, Heap, Lock, NoGc, Rootable, Trace, dyn_trace, store, unsize};
///
/// trait Shape<'gc>: Trace<'gc> {
///     fn area(&self) -> u64;
/// }
/// dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);
///
/// #[derive(Trace)]
/// struct Square<'gc> {
///     side: Lock<Gc<'gc, u64>>,
/// }
///
/// impl<'gc> Shape<'gc> for Square<'gc> {
///     fn area(&self) -> u64 {
///         *self.side.get() * *self.side.get()
///     }
/// }
///
/// type Root<'gc> = GcDyn<'gc, dyn Shape<'gc> + 'gc>;
/// let mut heap = Heap::<Rootable![Root<'_>]>::new(NoGc::default(), |mc| {
///     let square = Gc::new(mc, Square { side: Lock::new(Gc::new(mc, 3)) });
///     unsize!(square => dyn Shape<'_> + '_)
/// })?;
/// heap.mutate(|mc, shape| {
///     assert_eq!(shape.area(), 9);
///     let square = GcDyn::downcast::<Square>(*shape).expect("a square");
///     store!(mc, square.side, Gc::new(mc, 4));
///     assert_eq!(shape.area(), 16);
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct GcDyn<'gc, D: ?Sized + 'gc> {
    object: ObjectRef,
    unsize: fn(NonNull<u8>) -> NonNull<D>,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
    // Not Send, not Sync, as `Gc`.
    _target: PhantomData<*const D>,
}

const _: () = assert!(size_of::<Option<GcDyn<'static, dyn core::fmt::Debug>>>() == 2 * size_of::<usize>());

// SAFETY: never, since the condition is never met.
unsafe impl<'gc, D: ?Sized + 'gc> Send for GcDyn<'gc, D> where Self: PointerStaysOnItsThread {}
// SAFETY: as above.
unsafe impl<'gc, D: ?Sized + 'gc> Sync for GcDyn<'gc, D> where Self: PointerStaysOnItsThread {}

impl<'gc, D: ?Sized + 'gc> Clone for GcDyn<'gc, D> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, D: ?Sized + 'gc> Copy for GcDyn<'gc, D> {}

impl<'gc, D: ?Sized + 'gc> GcDyn<'gc, D> {
    /// # Safety
    /// `unsize` must return the pointer that it is given.
    #[doc(hidden)]
    #[inline]
    pub unsafe fn __new<T>(gc: Gc<'gc, T>, unsize: fn(NonNull<T>) -> NonNull<D>) -> Self {
        // SAFETY: pointers to sized types are passed alike, whatever they point at.
        let unsize =
            unsafe { core::mem::transmute::<fn(NonNull<T>) -> NonNull<D>, fn(NonNull<u8>) -> NonNull<D>>(unsize) };
        GcDyn { object: gc.object(), unsize, _brand: PhantomData, _target: PhantomData }
    }

    /// The object, for as long as the current `mutate` runs.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn as_ref(this: Self) -> &'gc D {
        // SAFETY: the object is a live one of the type that the function was made for; see `Gc::as_ref`.
        unsafe { (this.unsize)(this.object.payload()).as_ref() }
    }

    /// True when both point at the same object.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.object == other.object
    }

    /// The same pointer without its type. See [`Gc::erase`].
    #[inline]
    pub fn erase(this: Self) -> Gc<'gc, ()> {
        // SAFETY: a live object, of which nothing is claimed.
        unsafe { Gc::from_object(this.object) }
    }

    /// As [`Gc::downcast`].
    #[inline]
    pub fn downcast<U: Downcast<'gc>>(this: Self) -> Option<Gc<'gc, U>> {
        Gc::downcast(Self::erase(this))
    }

    /// As [`Gc::write`].
    #[inline]
    pub fn write(mc: &Mutator<'gc>, this: Self) -> &'gc Write<D> {
        let value = Self::as_ref(this);
        mc.machine.barrier(this.object, 0..size_of_val(value));
        // SAFETY: the barrier ran for every byte of the object, and stays in force until the next safepoint.
        unsafe { Write::assume(value) }
    }
}

impl<'gc, D: ?Sized + 'gc> GcDyn<'gc, D> {
    /// A weak pointer to the object. See [`Gc::downgrade`].
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn downgrade(this: Self, mc: &Mutator<'gc>) -> WeakDyn<'gc, D> {
        WeakDyn { weak: Gc::downgrade(Self::erase(this), mc), unsize: this.unsize }
    }

    /// As [`downgrade`](Self::downgrade), but reports a full heap.
    ///
    /// # Errors
    /// As [`Gc::try_downgrade`].
    pub fn try_downgrade(this: Self, mc: &Mutator<'gc>) -> Result<WeakDyn<'gc, D>, AllocError> {
        Ok(WeakDyn { weak: Gc::try_downgrade(Self::erase(this), mc)?, unsize: this.unsize })
    }
}

/// A weak pointer to an object as a `dyn` type: two words, made of a [`GcDyn`].
///
/// ```
/// use heap_core::{Gc, GcDyn, Heap, Lock, NoGc, Rootable, Trace, WeakDyn, dyn_trace, store, unsize};
///
/// trait Observer<'gc>: Trace<'gc> {
///     fn hears(&self, what: &str) -> String;
/// }
/// dyn_trace!(<'gc> dyn Observer<'gc> + 'gc);
///
/// #[derive(Trace)]
/// struct Printer;
///
/// impl<'gc> Observer<'gc> for Printer {
///     fn hears(&self, what: &str) -> String {
///         format!("printed {what}")
///     }
/// }
///
/// #[derive(Trace)]
/// struct Subject<'gc> {
///     observer: Lock<Option<WeakDyn<'gc, dyn Observer<'gc>>>>,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Subject<'_>>]>::new(NoGc::default(), |mc| {
///     Gc::new(mc, Subject { observer: Lock::new(None) })
/// })?;
/// heap.mutate(|mc, subject| {
///     let printer = unsize!(Gc::new(mc, Printer) => dyn Observer<'_>);
///     store!(mc, subject.observer, Some(GcDyn::downgrade(printer, mc)));
/// });
/// heap.mutate(|mc, subject| {
///     let observer = subject.observer.get().and_then(|observer| observer.upgrade(mc));
///     // Nothing else leads to it: with a collector that reclaims it may be gone.
///     assert!(observer.is_none_or(|observer| observer.hears("news") == "printed news"));
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct WeakDyn<'gc, D: ?Sized + 'gc> {
    weak: Weak<'gc, ()>,
    unsize: fn(NonNull<u8>) -> NonNull<D>,
}

impl<'gc, D: ?Sized + 'gc> Clone for WeakDyn<'gc, D> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, D: ?Sized + 'gc> Copy for WeakDyn<'gc, D> {}

impl<'gc, D: ?Sized + 'gc> WeakDyn<'gc, D> {
    /// The target, if it is still alive. See [`Weak::upgrade`].
    #[inline]
    pub fn upgrade(self, mc: &Mutator<'gc>) -> Option<GcDyn<'gc, D>> {
        let object = self.weak.upgrade(mc)?.object();
        // The function came from a pointer to this object.
        Some(GcDyn { object, unsize: self.unsize, _brand: PhantomData, _target: PhantomData })
    }

    /// True when the target is dead. See [`Weak::is_dropped`].
    #[inline]
    pub fn is_dropped(self, mc: &Mutator<'gc>) -> bool {
        self.weak.is_dropped(mc)
    }

    /// The same pointer without its type: with all that a [`Weak`] can do.
    #[inline]
    pub fn erase(self) -> Weak<'gc, ()> {
        self.weak
    }

    /// True when both lead to the same object, dead or alive.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        Weak::ptr_eq(this.weak, other.weak)
    }
}

impl<'gc, D: ?Sized + 'gc> core::fmt::Debug for WeakDyn<'gc, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.weak.fmt(f)
    }
}

// SAFETY: one edge, to the weak cell. The function is code, and does not move. The bound on the target is rule 7 of the trait, as
// for `GcDyn`.
unsafe impl<'gc, D: ?Sized + Content<'gc> + 'gc> Trace<'gc> for WeakDyn<'gc, D> {
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        tracer.visit_weak(self.weak);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        relocator.visit_weak(&mut self.weak);
    }
}

impl<'gc, D: ?Sized + 'gc> Deref for GcDyn<'gc, D> {
    type Target = D;
    #[inline]
    fn deref(&self) -> &D {
        GcDyn::as_ref(*self)
    }
}

impl<'gc, D: ?Sized + 'gc> AsRef<D> for GcDyn<'gc, D> {
    fn as_ref(&self) -> &D {
        self
    }
}

impl<'gc, D: ?Sized + core::fmt::Debug + 'gc> core::fmt::Debug for GcDyn<'gc, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

impl<'gc, D: ?Sized + core::fmt::Display + 'gc> core::fmt::Display for GcDyn<'gc, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

impl<'gc, D: ?Sized + 'gc> core::fmt::Pointer for GcDyn<'gc, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.object.payload().fmt(f)
    }
}

// SAFETY: one edge and one slot, as `Gc`. The function is code, and does not move.
unsafe impl<'gc, D: ?Sized + Content<'gc> + 'gc> Trace<'gc> for GcDyn<'gc, D> {
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

impl<'gc, T: ?Sized + 'gc> Gc<'gc, T> {
    /// Whether the object is a `U`, or begins with one ([`HasPrefix`]).
    #[inline]
    pub fn is<U: Downcast<'gc>>(this: Self) -> bool {
        // SAFETY: a Gc leads to a live object, in its place while the program runs.
        let info = unsafe { Object::at(this.object()) }.info();
        U::__type_id().is_some_and(info.kind.is_a)
    }

    /// The pointer to a `U`, if the object [is](Self::is) one. Costs three loads and a call.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, NoGc, Rootable, Trace};
    ///
    /// #[derive(Trace)]
    /// #[repr(C)]
    /// struct Base {
    ///     kind: u64,
    /// }
    ///
    /// #[derive(Trace)]
    /// #[repr(C)]
    /// struct Leaf<'gc> {
    ///     #[trace(prefix)]
    ///     base: Base,
    ///     next: Option<Gc<'gc, Base>>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![Gc<'_, Base>]>::new(NoGc::default(), |mc| {
    ///     Gc::upcast(Gc::new(mc, Leaf { base: Base { kind: 1 }, next: None }))
    /// })?;
    /// heap.mutate(|mc, &base| {
    ///     assert_eq!(base.kind, 1);
    ///     assert!(Gc::downcast::<Leaf>(base).is_some_and(|leaf| leaf.next.is_none()));
    ///     assert!(Gc::downcast::<Leaf>(Gc::new(mc, Base { kind: 2 })).is_none());
    /// });
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    pub fn downcast<U: Downcast<'gc>>(this: Self) -> Option<Gc<'gc, U>> {
        // SAFETY: the object's description says that its payload begins with a value of the type with `U`'s number; that is
        // `U`, lifetimes included: of the types with that name, only one is `Trace<'gc>`.
        Self::is::<U>(this).then(|| unsafe { Gc::from_object(this.object()) })
    }
}

impl<'gc, T: HasPrefix<'gc>> Gc<'gc, T> {
    /// The pointer to the first field. Costs nothing; see [`downcast`](Self::downcast) for an example, and for the way back.
    #[inline]
    pub fn upcast(this: Self) -> Gc<'gc, T::Prefix> {
        Checks::prefix_is_first::<T>();
        // SAFETY: a live object, whose payload begins with the first field.
        unsafe { Gc::from_object(this.object()) }
    }
}

impl<'gc, D: ?Sized + 'gc> Gc<'gc, D> {
    /// # Safety
    /// `unsize` must return the pointer that it is given.
    #[doc(hidden)]
    #[inline]
    #[cfg_attr(feature = "allocation-sites", track_caller)]
    pub unsafe fn __try_new_dyn<T, F>(mc: &Mutator<'gc>, value: T, unsize: F) -> Result<Self, AllocError>
    where
        T: Trace<'gc>,
        F: Fn(NonNull<T>) -> NonNull<D> + Copy,
        D: DynPointee,
    {
        let _ = unsize;
        // SAFETY: the description is that of `T`, and says in addition how it becomes a `D`.
        let object = unsafe { mc.allocate_described(value, DescribeAs::<T, D, F>::INFO) }?;
        // SAFETY: the object was just made, in the heap of this brand; it can be seen as a `D`.
        Ok(unsafe { Gc::from_object(object) })
    }

    /// # Safety
    /// As [`__try_new_dyn`](Self::__try_new_dyn).
    #[doc(hidden)]
    #[inline]
    #[track_caller]
    pub unsafe fn __new_dyn<T, F>(mc: &Mutator<'gc>, value: T, unsize: F) -> Self
    where
        T: Trace<'gc>,
        F: Fn(NonNull<T>) -> NonNull<D> + Copy,
        D: DynPointee,
    {
        // SAFETY: the caller's promise.
        match unsafe { Self::__try_new_dyn(mc, value, unsize) } {
            Ok(gc) => gc,
            Err(error) => super::alloc::heap_is_full(error),
        }
    }
}

/// Makes a [`GcDyn`] of a [`Gc`]: `unsize!(square => dyn Shape<'gc> + 'gc)`. Costs nothing; see [`GcDyn`] for an example.
///
/// Any unsizing will do: `unsize!(array => [u8])` as well.
#[macro_export]
macro_rules! unsize {
    ($gc:expr => $target:ty) => {
        match $gc {
            // SAFETY: the function is the conversion, and nothing else.
            gc => unsafe { $crate::GcDyn::<$target>::__new(gc, |payload| payload) },
        }
    };
}

/// Allocates an object as a `dyn` type, so that a pointer of one word leads to it:
/// `new_dyn!(mc, Square { .. } => dyn Shape<'gc> + 'gc)` is a `Gc<'gc, dyn Shape<'gc> + 'gc>`. Its methods are found by three loads
/// more than those of a [`GcDyn`].
///
/// ```
/// use heap_core::{Gc, Heap, NoGc, Rootable, Trace, dyn_trace, new_dyn};
///
/// trait Shape<'gc>: Trace<'gc> {
///     fn area(&self) -> u64;
/// }
/// dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);
///
/// #[derive(Trace)]
/// struct Square(u64);
///
/// impl<'gc> Shape<'gc> for Square {
///     fn area(&self) -> u64 {
///         self.0 * self.0
///     }
/// }
///
/// type Root<'gc> = Gc<'gc, dyn Shape<'gc> + 'gc>;
/// let mut heap = Heap::<Rootable![Root<'_>]>::new(NoGc::default(), |mc| new_dyn!(mc, Square(3) => dyn Shape<'_> + '_))?;
/// heap.mutate(|_, shape| {
///     assert_eq!(shape.area(), 9);
///     assert!(Gc::downcast::<Square>(*shape).is_some());
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// Only a `dyn` type will do, one for which [`dyn_trace!`](crate::dyn_trace!) was written: what points at a slice reads its
/// length in front of the object.
///
/// # Panics
/// As [`Gc::new`].
#[macro_export]
macro_rules! new_dyn {
    ($mc:expr, $value:expr => $target:ty) => {
        match ($mc, $value) {
            // SAFETY: the function is the conversion, and nothing else.
            (mc, value) => unsafe {
                $crate::Gc::<$target>::__new_dyn(mc, value, |payload| -> $crate::__private::NonNull<$target> {
                    payload
                })
            },
        }
    };
}

/// As [`new_dyn!`](crate::new_dyn!), but reports a full heap.
///
/// # Errors
/// As [`Gc::try_new`].
#[macro_export]
macro_rules! try_new_dyn {
    ($mc:expr, $value:expr => $target:ty) => {
        match ($mc, $value) {
            // SAFETY: the function is the conversion, and nothing else.
            (mc, value) => unsafe {
                $crate::Gc::<$target>::__try_new_dyn(mc, value, |payload| -> $crate::__private::NonNull<$target> {
                    payload
                })
            },
        }
    };
}
