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

pub use crate::api::lock::NotALock;
pub use crate::api::write::NotAnObject;
use crate::object::{ErasedFn, Object, ObjectRef};
pub use crate::trace::EdgeNamer;
use crate::trace::{Content, Facts, HasPrefix, Trace};

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

    /// The parameter is what a pointer or a container may hold. A program's own trait may be called `Content` where the derive
    /// demands it: then nobody knows here that the parameter is one.
    pub const fn is_content<'gc, T: ?Sized + Content<'gc>>() {}

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
        T::Prefix::__is_a(id)
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

/// A container that holds no pointers into the heap, and was found to hold one: `<Suspect<T>>::check()` says what to use instead,
/// of the standard library's, and nothing of others, provided [`NotSuspect`] is in scope.
pub struct Suspect<T: ?Sized>(PhantomData<T>);

/// The answer about all other types.
pub trait NotSuspect {
    /// Nothing to say.
    fn check() {}
}

impl<T: ?Sized> NotSuspect for Suspect<T> {}

/// Conditions that nothing fulfils, with what to do about it.
macro_rules! suspects {
    ($($instead:ident, $message:literal, $label:literal, $note:literal: $([$($generics:tt)*] $type:ty),+;)*) => {$(
        /// No type implements it.
        #[diagnostic::on_unimplemented(message = $message, label = $label, note = $note)]
        pub trait $instead {}

        $(impl<$($generics)*> Suspect<$type> {
            /// Does not compile.
            pub fn check()
            where
                $type: $instead,
            {
            }
        })+
    )*};
}

suspects! {
    LockInsteadOfCell,
        "a `Cell` cannot hold pointers into the heap: the collector would not learn of a store",
        "use `Lock`",
        "write `Lock<..>`: it is read with `get`, and written with `store!(mc, object.field, value)`":
        [T: ?Sized] std::cell::Cell<T>;
    RefLockInsteadOfRefCell,
        "a `RefCell` cannot hold pointers into the heap: the collector would not learn of a store",
        "use `RefLock`",
        "write `RefLock<..>`: it is read with `borrow`, and written with `field!(mc, object.field).borrow_mut()`":
        [T: ?Sized] std::cell::RefCell<T>;
    OnceLockInsteadOfOnceCell,
        "this cell cannot hold pointers into the heap: the collector would not learn of a store",
        "use `heap_core::OnceLock`",
        "write `heap_core::OnceLock<..>`: it is set with `store!(mc, object.field, value)`":
        [T] std::cell::OnceCell<T>, [T] std::sync::OnceLock<T>;
    LockInsteadOfMutex,
        "a mutex cannot hold pointers into the heap: a heap belongs to one thread",
        "use `Lock` or `RefLock`",
        "write `RefLock<..>`, and `field!(mc, object.field).borrow_mut()` instead of `lock()`":
        [T: ?Sized] std::sync::Mutex<T>, [T: ?Sized] std::sync::RwLock<T>;
    GcInsteadOfRc,
        "a shared owner cannot hold pointers into the heap: they would be visited once for each owner",
        "use `Gc`",
        "allocate what is shared with `Gc::new` and share the `Gc`, which is `Copy`":
        [T: ?Sized] std::rc::Rc<T>, [T: ?Sized] std::sync::Arc<T>;
    SetOfTheHeap,
        "elements of a set or a heap cannot hold pointers: objects move, and elements are reached without hashing or comparing them",
        "use `heap_core::collections::Set`",
        "`heap_core::collections::Set` and `WeakSet` live in the heap, and `indexmap::IndexSet` (with the feature `indexmap`) outside; a `Vec` holds anything":
        [T, S] std::collections::HashSet<T, S>, [T] std::collections::BTreeSet<T>, [T] std::collections::BinaryHeap<T>;
    MapOfTheHeap,
        "keys of a map cannot hold pointers: objects move, and entries are reached without hashing or comparing keys",
        "use `heap_core::collections::Map`",
        "`heap_core::collections::Map` and `WeakMap` live in the heap, and `indexmap::IndexMap` (with the feature `indexmap`) outside; values may be anything":
        [K, V, S] std::collections::HashMap<K, V, S>, [K, V] std::collections::BTreeMap<K, V>;
}
