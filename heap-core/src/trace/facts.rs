//! [`Facts`]: what is known of a type before any value of it is looked at.
//!
//! They are constants of a type of their own, which [`Trace`](super::Trace) names, and not of the trait itself: a trait
//! with constants cannot be used as `dyn`, and `Box<dyn Trait>` must be traced like any other box. The derive makes the
//! type its own; containers hand on what their elements say. So nothing here may be about one type only, as its identity is.

use super::Trace;

/// What is known of every value of a type that is traced.
///
/// # Safety
/// Collectors skip, and heaps send to other threads, what this says they may.
pub unsafe trait Facts<'gc> {
    /// False only if no value of the type can own a [`Gc`](crate::Gc) or a [`Weak`](crate::Weak); collectors then never
    /// look inside.
    const NEEDS_TRACE: bool;

    /// False only if values may go to another thread. The derive combines the fields' answers.
    const THREAD_BOUND: bool;

    /// For the derive, as the function of that name of [`Trace`]: what found out these facts is genuine, although the
    /// trait beside which they stand may be another one.
    #[doc(hidden)]
    fn __checks_are_genuine(_: crate::__private::Checks)
    where
        Self: Sized,
    {
    }
}

/// A type that an object can be asked for while the program runs: see [`Gc::downcast`](crate::Gc::downcast).
///
/// The derive implements it for types that are known by their name: those whose only lifetime is the brand, and whose type
/// parameters, if any, are declared `'static`. Of others the same name may stand for types with other lifetimes, which cannot
/// be told apart when the program runs.
#[diagnostic::on_unimplemented(
    message = "an object cannot be asked whether it is a `{Self}`",
    label = "not known by its name alone",
    note = "derive `Trace` for a type of your own whose only lifetime is the brand and whose type parameters are declared `'static`"
)]
pub trait Downcast<'gc>: Trace<'gc> {}

/// A type that begins with a value of another, so that a pointer to the one is a pointer to the other: see
/// [`Gc::upcast`](crate::Gc::upcast). Derived for a `#[repr(C)]` struct whose first field is marked `#[trace(prefix)]`.
///
/// # Safety
/// `project` must lead to a field at the very beginning.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say that it begins with a value of another type",
    label = "no prefix",
    note = "make it `#[repr(C)]`, derive `Trace`, and mark its first field `#[trace(prefix)]`"
)]
pub unsafe trait HasPrefix<'gc>: Trace<'gc> {
    /// The type of the first field.
    type Prefix: Trace<'gc>;

    /// The address of the first field.
    ///
    /// # Safety
    /// There must be room for a `Self`.
    #[doc(hidden)]
    unsafe fn project(this: *const Self) -> *const Self::Prefix;
}

/// Facts that are known without asking another type, for impls of [`Trace`](super::Trace) by hand:
/// `type Facts = Known<true, true>` is always safe.
pub struct Known<const NEEDS_TRACE: bool, const THREAD_BOUND: bool>;

// SAFETY: says what it is told. Whoever names it in an impl of `Trace` promises that it is so.
unsafe impl<'gc, const NEEDS_TRACE: bool, const THREAD_BOUND: bool> Facts<'gc> for Known<NEEDS_TRACE, THREAD_BOUND> {
    const NEEDS_TRACE: bool = NEEDS_TRACE;
    const THREAD_BOUND: bool = THREAD_BOUND;
}

// SAFETY: of what is made of both, each says what is so of its part.
unsafe impl<'gc, A: Facts<'gc>, B: Facts<'gc>> Facts<'gc> for (A, B) {
    const NEEDS_TRACE: bool = A::NEEDS_TRACE || B::NEEDS_TRACE;
    const THREAD_BOUND: bool = A::THREAD_BOUND || B::THREAD_BOUND;
}
