//! What the generated code of the derive needs. Nothing here is for people to use.
//!
//! The derive reaches everything by a path, which the program chooses or can bend. The types and the traits below are
//! therefore named in the signature of [`Trace::__checks_are_genuine`](crate::Trace::__checks_are_genuine), where only
//! the real ones fit; the functions belong to one of these types; and what cannot be named there carries a type that
//! can.

pub use core::any::TypeId;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
pub use core::option::Option;
pub use core::primitive::{bool, u8, usize};

pub use core::ptr::NonNull;

use crate::object::{ErasedFn, Object, ObjectRef};
use crate::trace::{Facts, HasPrefix, Trace};

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

    /// The number of a type.
    pub fn type_id<T: ?Sized + 'static>() -> TypeId {
        TypeId::of::<T>()
    }

    /// Whether the number belongs to a value that the prefix of a `T` begins with.
    pub fn prefix_is_a<'gc, T: HasPrefix<'gc>>(id: TypeId) -> bool {
        Self::prefix_is_first::<T>();
        <<T::Prefix as Trace<'gc>>::Facts as Facts<'gc>>::is_a(id)
    }

    /// Checks that the prefix of a `T` is where it must be, in case that another macro moved it after the derive had seen the
    /// type. Decided by the compiler.
    #[inline]
    pub fn prefix_is_first<'gc, T: HasPrefix<'gc>>() {
        let room = MaybeUninit::<T>::uninit();
        // SAFETY: there is room.
        let prefix = unsafe { T::project(room.as_ptr()) };
        assert_eq!(prefix.addr(), room.as_ptr().addr(), "the prefix of {} is not first", core::any::type_name::<T>());
    }

    /// The pointer to an object that was allocated as a `T`.
    ///
    /// # Safety
    /// `payload` must be that of a live object that was allocated so.
    #[inline]
    pub unsafe fn unsize<T: ?Sized>(payload: NonNull<u8>) -> NonNull<T> {
        // SAFETY: the object is live, and in its place: the program runs.
        let unsize = unsafe { Object::at(ObjectRef::new(payload)) }.info().kind.unsize;
        debug_assert!(unsize.is_some(), "not allocated as a {}", core::any::type_name::<T>());
        // SAFETY: allocated as a `T`, so its description has the function that says so, of this type.
        unsafe { core::mem::transmute::<ErasedFn, fn(NonNull<u8>) -> NonNull<T>>(unsize.unwrap_unchecked())(payload) }
    }

    /// Reads an answer about `T`.
    pub const fn needs_trace<T: ?Sized>(answer: NeedsTrace<T>) -> bool {
        answer.needed
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

/// `<FactsProbe<'gc, T>>::NEEDS_TRACE` is what the type says if it is `Trace`, and else true, in the same way, with
/// [`NotTraced`]; `THREAD_BOUND` likewise.
pub struct FactsProbe<'gc, T: ?Sized>(PhantomData<&'gc ()>, PhantomData<T>);

/// An answer about `T`, which only this module can give.
pub struct NeedsTrace<T: ?Sized> {
    needed: bool,
    _type: PhantomData<fn(PhantomData<T>) -> PhantomData<T>>,
}

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

impl<'gc, T: Trace<'gc>> FactsProbe<'gc, T> {
    /// The answer.
    pub const NEEDS_TRACE: NeedsTrace<T> =
        NeedsTrace { needed: <T::Facts as Facts<'gc>>::NEEDS_TRACE, _type: PhantomData };
    /// The answer.
    pub const THREAD_BOUND: ThreadBound<T> =
        ThreadBound { bound: <T::Facts as Facts<'gc>>::THREAD_BOUND, _type: PhantomData };
}

/// The answers otherwise.
pub trait NotTraced {
    /// What is asked about.
    type Type: ?Sized;
    /// The answer.
    const NEEDS_TRACE: NeedsTrace<Self::Type>;
    /// The answer.
    const THREAD_BOUND: ThreadBound<Self::Type>;
}

impl<T: ?Sized> NotTraced for FactsProbe<'_, T> {
    type Type = T;
    const NEEDS_TRACE: NeedsTrace<T> = NeedsTrace { needed: true, _type: PhantomData };
    const THREAD_BOUND: ThreadBound<T> = ThreadBound { bound: true, _type: PhantomData };
}
