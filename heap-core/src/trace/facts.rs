//! [`Facts`]: what is known of a type before any value of it is looked at.
//!
//! They are constants of a type of their own, which [`Trace`](super::Trace) names, and not of the trait itself: a trait
//! with constants cannot be used as `dyn`, and `Box<dyn Trait>` must be traced like any other box. The derive makes the
//! type its own; containers hand on what their elements say.

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
