//! [`Content`]: what a pointer or a container may hold when it need not be sized.
//!
//! A family of root types is checked by one question, whether its member is `Trace` for every brand, because an impl of
//! `Trace` has as conditions all that the type demands of its lifetimes (see [`Rootable`](crate::Rootable)). For types with an
//! impl that is so. But `dyn Shape<'gc>` is `Trace` without an impl, when `Trace` is a supertrait of `Shape`: the compiler says
//! so of every `dyn` type, and never asks whether the type makes sense. If `'x` is a supertrait of `Shape<'gc, 'x>`, then
//! `Box<dyn Shape<'gc, 'static> + 'gc>` would be a root that makes the program believe that every brand outlives `'static`.
//!
//! Hence a second question, which the compiler does not answer by itself: this trait has constants, so no `dyn` type
//! implements it unasked, not even if it is a supertrait. It is implemented for every sized type that is `Trace`, for
//! slices and text, and for `dyn` types by [`dyn_trace!`](crate::dyn_trace!), which has the compiler check what it skipped. All
//! that may be unsized, `Gc<'gc, T>`, `Box<T>`, `RefLock<T>`, is `Trace` only if `T` is `Content`.

use core::marker::PhantomData;

use super::{Facts, Trace};

/// What a [`Gc`](crate::Gc), a box or a lock may hold: every sized type that is [`Trace`], slices, text, and `dyn` types for
/// which [`dyn_trace!`](crate::dyn_trace!) was written.
///
/// A bound for generic code over types that need not be sized: `T: ?Sized + Content<'gc>`. For a sized `T`, `T: Trace<'gc>`
/// says as much.
///
/// # Safety
/// The conditions of the impl must suffice for the type to make sense, as rule 7 of [`Trace`] demands of an impl for a sized
/// type. The constants tell the truth, as [`Facts`] do. Use `dyn_trace!`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in a garbage-collected heap: it does not implement `Trace`",
    label = "not traceable",
    note = "a type of your own: `#[derive(Trace)]`",
    note = "a foreign type without pointers into the heap, or a `&'static` reference to one: wrap it in `heap_core::Static`, or mark the field `#[trace(require_static)]`",
    note = "a container of another crate: see \"Foreign types\" in the documentation of `Trace`",
    note = "a `dyn Shape<'gc>`: make `Trace<'gc>` a supertrait of `Shape`, and write `heap_core::dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);` beside it"
)]
pub unsafe trait Content<'gc>: Trace<'gc> {
    /// As [`Facts::NEEDS_TRACE`].
    const NEEDS_TRACE: bool;

    /// As [`Facts::THREAD_BOUND`].
    const THREAD_BOUND: bool;

    /// Whether a value may contain another of its kind, and that again, however deep, without the type telling. Such values
    /// are traced by [descending](crate::Tracer::descend).
    #[doc(hidden)]
    const DEEP: bool;

    /// As for [`Trace`].
    #[doc(hidden)]
    fn __checks_are_genuine(_: crate::__private::Checks);
}

// SAFETY: an impl of `Trace` for a sized type was written, or derived, under rule 7.
#[diagnostic::do_not_recommend]
unsafe impl<'gc, T: Trace<'gc>> Content<'gc> for T {
    const NEEDS_TRACE: bool = <T::Facts as Facts<'gc>>::NEEDS_TRACE;
    const THREAD_BOUND: bool = <T::Facts as Facts<'gc>>::THREAD_BOUND;
    const DEEP: bool = false;
    fn __checks_are_genuine(_: crate::__private::Checks) {}
}

// SAFETY: a slice is as its elements.
unsafe impl<'gc, T: Trace<'gc>> Content<'gc> for [T] {
    const NEEDS_TRACE: bool = <T::Facts as Facts<'gc>>::NEEDS_TRACE;
    const THREAD_BOUND: bool = <T::Facts as Facts<'gc>>::THREAD_BOUND;
    const DEEP: bool = false;
    fn __checks_are_genuine(_: crate::__private::Checks) {}
}

/// The facts of what holds a `T`, sized or not, and nothing else.
pub struct Inside<T: ?Sized>(PhantomData<T>);

// SAFETY: the content vouches for itself.
unsafe impl<'gc, T: ?Sized + Content<'gc>> Facts<'gc> for Inside<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const THREAD_BOUND: bool = T::THREAD_BOUND;
}

/// Lets values of a `dyn` type live in the heap: in boxes, behind [`Gc`](crate::Gc), in locks. Written once, beside the trait,
/// which must have [`Trace`] as a supertrait.
///
/// ```
/// use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace, dyn_trace};
///
/// trait Shape<'gc>: Trace<'gc> {
///     fn area(&self) -> u64;
/// }
/// dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);
///
/// #[derive(Trace)]
/// struct Square<'gc> {
///     side: Gc<'gc, Lock<u64>>,
/// }
///
/// impl<'gc> Shape<'gc> for Square<'gc> {
///     fn area(&self) -> u64 {
///         self.side.get() * self.side.get()
///     }
/// }
///
/// #[derive(Trace)]
/// struct Drawing<'gc> {
///     shapes: Vec<Box<dyn Shape<'gc> + 'gc>>,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Drawing<'_>>]>::new(NoGc::default(), |mc| {
///     let square = Square { side: Gc::new(mc, Lock::new(3)) };
///     Gc::new(mc, Drawing { shapes: vec![Box::new(square)] })
/// })?;
/// assert_eq!(heap.mutate(|_, drawing| drawing.shapes[0].area()), 9);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// The parameters come first, the brand first among them: `dyn_trace!(<'gc, T: Trace<'gc>> dyn Handler<'gc, T> + 'gc)`. A type
/// parameter for which the input does not say `T: Trace<'gc>` must outlive `'static`. A `where` clause may follow. If the
/// lifetime at the end is left out it is the brand.
///
/// # Errors
/// "Lifetime may not live long enough" means that the trait demands more of its lifetimes than the macro's input says: add the
/// demand, `where 'gc: 'a`.
///
/// # Why it is needed
/// The compiler takes `dyn Shape<'gc>` to be `Trace` without asking whether that type makes sense for every brand. Through
/// one that does not, a pointer could leave its heap. The macro has the compiler check it.
#[macro_export]
macro_rules! dyn_trace {
    ($($input:tt)*) => { $crate::__dyn_trace!($crate; $($input)*); };
}
