//! [`Rootable`]: how a type that depends on the brand `'gc` is named outside of any `mutate`.
//!
//! A family has a member for every brand, and the member must make sense for every brand. The compiler does not ask
//! that of a type under `for<'gc>`, but takes it for granted inside a function with an argument or a result of that
//! type: of `&'static &'gc ()` it concludes that `'gc` outlives `'static`, and then the brand is worth nothing. What it
//! does ask is whether the member is [`Trace`]. So that question is the guard: every signature here that stands under
//! `for<'gc>` and names the program's type (the constructor of the root, `mutate`, `mutate_root`) names one that is
//! `Trace`, and a type is `Trace` only if all that it demands of its parts is a condition of the impl (rule 7 of the
//! trait), down to the targets of pointers. The derive proves it of each type, by a function that has the impl's
//! conditions and no others. For `dyn` types the compiler answers the question unasked; there, [`Content`](crate::Content)
//! is the guard.
//!
//! *Why not hide the type*, and hand out an opaque `RootRef<'gc, R>` that dereferences to the root? Then nothing could
//! be concluded from the signature of `mutate`, whatever was `Trace`. But the constructor must return the root itself,
//! or fill a slot, and conclusions enter by the result as well; patterns, functions over `&'gc Root` and references
//! that live as long as the brand would need one more step in every program; and the only programs which it would stop,
//! and the guard does not, use what is left below, with which they can do without either.
//!
//! *What remains.* A brand is a lifetime, and worth what the compiler's lifetimes are. Three old holes in them let a
//! program without `unsafe` lengthen any lifetime, and no library that relies on lifetimes can prevent it:
//!
//! * `for<'a> fn(&'a &'b ())` may be called with less than it takes for granted (rust-lang/rust#25860).
//! * The type of a function outlives `'static`, whatever its result is (rust-lang/rust#84366): a trait that is
//!   implemented for all functions, with the result as its associated type, makes `Gc<'gc, T>` a `dyn Any`.
//! * `dyn for<'a> Family<'a, Type = W<&'static &'a ()>>` is never asked whether `W` makes sense, and an impl for
//!   `W<&'x &'y ()>` believes that it does (rust-lang/rust#152489). A condition `where P<'gc>: Promise<'x, F::Type>`,
//!   which such an impl fulfils, deceives the derive too.
//!
//! Each takes a trait that serves no other purpose, so none is written by accident. Whoever runs code by people who
//! want to break out must not rely on the brand, as they cannot rely on `std::thread::scope` or any other safe
//! interface.

use crate::trace::{Static, Trace};

/// A family of types, one for each brand. Written with the macro [`Rootable!`](crate::Rootable!).
///
/// # How good a brand is
///
/// As good as the compiler's lifetimes. A program without `unsafe` that goes looking for it can lengthen any lifetime,
/// in three known ways: by passing a function as a `for<'a> fn(..)` that takes more for granted than its callers know
/// (rust-lang/rust#25860); by a trait implemented for all functions, whose types outlive `'static` whatever their
/// results are (rust-lang/rust#84366); by a `dyn for<'a> Family<'a, Type = ..>` whose member makes no sense for most
/// `'a` (rust-lang/rust#152489). Lengthening `'gc` lets a pointer escape and dangle. No library that relies on
/// lifetimes can prevent that, and none of it is written by accident: each needs a trait or an impl over `&'a &'b ()`
/// and the like, which has no other use.
pub trait Rootable<'gc> {
    /// The member of the family for the brand `'gc`.
    type Root: Trace<'gc> + 'gc;
}

/// What holds no pointer into any heap is a member of a family that is the same for every brand.
impl<'gc, T: 'static> Rootable<'gc> for Static<T> {
    type Root = Self;
}

/// The member of the family `R` for the brand `'gc`.
pub type Root<'gc, R> = <R as Rootable<'gc>>::Root;

#[doc(hidden)]
pub struct __DynRootable<R: ?Sized>(core::marker::PhantomData<R>);

impl<'gc, R: ?Sized + Rootable<'gc>> Rootable<'gc> for __DynRootable<R> {
    type Root = <R as Rootable<'gc>>::Root;
}

/// Names a family of root types: `Rootable![Gc<'_, Node<'_>>]`, where `'_` stands for the brand, or
/// `Rootable!['gc => Gc<'gc, Node<'gc>>]` with the brand named.
#[macro_export]
macro_rules! Rootable {
    ($gc:lifetime => $root:ty) => {
        $crate::__DynRootable<dyn for<$gc> $crate::Rootable<$gc, Root = $root>>
    };
    ($root:ty) => {
        $crate::Rootable!['__gc => $crate::__unelide_lifetimes!('__gc; $root)]
    };
}
