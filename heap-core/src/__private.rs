//! What the generated code of the derive needs. Nothing here is for people to use.
//!
//! The derive reaches everything by a path, which the program chooses or can bend. The types and the traits below are
//! therefore named in the signature of [`Trace::__checks_are_genuine`](crate::Trace::__checks_are_genuine), where only
//! the real ones fit; the functions belong to one of these types; and what cannot be named there carries a type that
//! can.

use core::marker::PhantomData;
pub use core::primitive::{bool, usize};

/// Makes a `Drop` impl on a traced type a compile error: the derive implements this trait for the type as well, and the
/// two impls overlap.
pub trait DropIsNotAllowedOnTracedTypes {}

#[allow(drop_bounds)]
impl<T: ?Sized + Drop> DropIsNotAllowedOnTracedTypes for T {}

/// Functions that compile only if something is so.
pub struct Checks;

impl Checks {
    /// The type makes sense: whatever it demands of its parts is known where this is called. The compiler checks that
    /// for every type that is written as an argument.
    pub const fn makes_sense<T: ?Sized>() {}

    /// The type outlives `'static`. It is spelled out, not inferred from the value: inference may pick a supertype that
    /// lives longer.
    #[inline(always)]
    pub fn require_static<T: ?Sized + 'static>(_: &T) {}

    /// The value has this type, without any coercion.
    #[inline(always)]
    pub fn is_exactly<T: ?Sized>(_: &T, _: PhantomData<*mut T>) {}

    /// The second argument of [`is_exactly`](Self::is_exactly).
    pub const fn the_type<T: ?Sized>() -> PhantomData<*mut T> {
        PhantomData
    }

    /// Reads an answer about `T`.
    pub const fn is_thread_bound<T: ?Sized>(answer: ThreadBound<T>) -> bool {
        answer.bound
    }
}

/// `<SendProbe<T>>::THREAD_BOUND` says false if the compiler can prove `T: Send` where it is written, and else true,
/// provided [`NotKnownToBeSend`] is in scope: an associated constant of the type itself goes before one of a trait, but
/// only if its conditions hold.
pub struct SendProbe<T: ?Sized>(PhantomData<T>);

/// An answer about `T`, which only this module can give.
pub struct ThreadBound<T: ?Sized> {
    bound: bool,
    _type: PhantomData<fn(PhantomData<T>) -> PhantomData<T>>,
}

impl<T: ?Sized + Send> SendProbe<T> {
    /// The answer.
    pub const THREAD_BOUND: ThreadBound<T> = ThreadBound { bound: false, _type: PhantomData };
}

/// The answer otherwise.
pub trait NotKnownToBeSend {
    /// What is asked about.
    type Type: ?Sized;
    /// The answer.
    const THREAD_BOUND: ThreadBound<Self::Type>;
}

impl<T: ?Sized> NotKnownToBeSend for SendProbe<T> {
    type Type = T;
    const THREAD_BOUND: ThreadBound<T> = ThreadBound { bound: true, _type: PhantomData };
}
