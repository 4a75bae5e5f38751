//! [`Rebrand`]: the same type under another brand.
//!
//! A handle has no brand, so what it leads to must be named by a family ([`Rootable!`](crate::Rootable!)), and of a pointer the
//! compiler cannot tell to which family it belongs: `Gc<'gc, T>` is a member of many. What it can be told is how each type
//! is called under another brand: `Node<'gc>` is `Node<'a>`, `Vec<T>` is a `Vec` of what `T` is. So the family of `Gc<'gc, T>` is
//! that of `Gc<'a, T::With<'a>>`, and the compiler finds it to be the very type that the program writes as
//! `Rootable![Gc<'_, Node<'_>>]`.
//!
//! *It is a convenience, and proves nothing.* Whoever uses it demands that the family's member for the present brand is the
//! pointer that was given ([`Mutator::stash`](crate::Mutator::stash) is `stash_as` with that family), so an impl that tells
//! another type is a compile error where it is used, and the trait is safe. That the member makes sense for every brand is
//! asked where every family is asked: it must be [`Trace`](crate::Trace).
//!
//! *Why not a `'static` type as the family's name*, as `Node<'static>`? The name must say how the lifetime comes back, and
//! `Vec<Gc<'static, Node<'static>>>` does not say which of its lifetimes are brands.
//!
//! *Why has not every type one?* `Tree<'gc, T>` is `Tree<'a, T::With<'a>>` only if that fulfils what `Tree` demands of its
//! parameter, and the derive cannot know. Such types, and those with several lifetimes, are named by the program.

use std::collections::{BTreeMap, HashMap, LinkedList, VecDeque};
use std::pin::Pin;

use super::{Content, Static};

/// A type that is known under every brand: `Node<'gc>` is `Node<'a>` under `'a`. Lets [`Mutator::stash`](crate::Mutator::stash)
/// find out what a handle keeps.
///
/// Derived with `Trace` for types whose only parameter, if any, is the brand; told of `dyn` types by
/// [`dyn_trace!`](crate::dyn_trace!). By hand, for a type with parameters of its own:
///
/// ```
/// use heap_core::{Gc, Handle, Heap, NoGc, Rebrand, Rootable, Trace};
///
/// #[derive(Trace)]
/// struct Pair<'gc, T> {
///     both: [Gc<'gc, T>; 2],
/// }
///
/// impl<'gc, T: Rebrand<'gc>> Rebrand<'gc> for Pair<'gc, T>
/// where
///     for<'a> T::With<'a>: Sized,
/// {
///     type With<'a> = Pair<'a, T::With<'a>>;
/// }
///
/// let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ())?;
/// let pair: Handle<Rootable![Gc<'_, Pair<'_, u64>>]> = heap.mutate(|mc, _| {
///     let one = Gc::new(mc, 1u64);
///     mc.stash(Gc::new(mc, Pair { both: [one, one] }))
/// });
/// # let _ = pair;
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "what `{Self}` is under another brand is not known",
    label = "name the family: `stash_as::<Rootable![Gc<'_, ..>]>`",
    note = "derived with `Trace` for types whose only parameter is the brand; others are named, or implement `heap_core::Rebrand`"
)]
pub trait Rebrand<'gc> {
    /// The type under the brand `'a`.
    type With<'a>: ?Sized + Content<'a> + 'a;
}

/// Types that are the same under every brand.
macro_rules! unbranded {
    ($( [$($generics:tt)*] $type:ty ;)*) => {$(
        impl<'gc, $($generics)*> $crate::trace::Rebrand<'gc> for $type {
            type With<'a> = $type;
        }
    )*};
}
pub(crate) use unbranded;

/// Containers, which are containers of what their content is.
macro_rules! contains {
    ($( [$($generics:tt)*] $($part:ident)+: $type:ty => $with:ty ;)*) => {$(
        impl<'gc, $($generics)*> $crate::trace::Rebrand<'gc> for $type
        where
            $(for<'a> <$part as $crate::trace::Rebrand<'gc>>::With<'a>: Sized,)+
        {
            type With<'a> = $with;
        }
    )*};
}
pub(crate) use contains;

unbranded! {
    [T: 'static] Static<T>;
    [] str; [] std::path::Path; [] std::ffi::OsStr; [] std::ffi::CStr;
}

contains! {
    [T: Rebrand<'gc>] T: Vec<T> => Vec<T::With<'a>>;
    [T: Rebrand<'gc>] T: VecDeque<T> => VecDeque<T::With<'a>>;
    [T: Rebrand<'gc>] T: LinkedList<T> => LinkedList<T::With<'a>>;
    [T: Rebrand<'gc>] T: [T] => [T::With<'a>];
    [T: Rebrand<'gc>, const N: usize] T: [T; N] => [T::With<'a>; N];
    [T: Rebrand<'gc>] T: Option<T> => Option<T::With<'a>>;
    [T: Rebrand<'gc>, E: Rebrand<'gc>] T E: Result<T, E> => Result<T::With<'a>, E::With<'a>>;
    [K: 'static, V: Rebrand<'gc>, S: 'static] V: HashMap<K, V, S> => HashMap<K, V::With<'a>, S>;
    [K: 'static, V: Rebrand<'gc>] V: BTreeMap<K, V> => BTreeMap<K, V::With<'a>>;
}

impl<'gc, T: ?Sized + Rebrand<'gc>> Rebrand<'gc> for Box<T> {
    type With<'a> = Box<T::With<'a>>;
}

impl<'gc, T: ?Sized + Rebrand<'gc>> Rebrand<'gc> for Pin<Box<T>> {
    type With<'a> = Pin<Box<T::With<'a>>>;
}

macro_rules! tuples {
    ($($name:ident)+) => {
        contains! { [$($name: Rebrand<'gc>),+] $($name)+: ($($name,)+) => ($($name::With<'a>,)+); }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
