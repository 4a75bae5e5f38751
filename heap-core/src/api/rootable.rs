//! [`Rootable`]: how a type that depends on the brand `'gc` is named outside of any `mutate`.
//!
//! A family has a member for every brand, and the member must make sense for every brand. The compiler does not ask that
//! of a type under `for<'gc>`, but takes it for granted inside a function with an argument of that type: of
//! `&'static &'gc ()` it concludes that `'gc` outlives `'static` (rust-lang/rust#25860). What it does ask is whether the
//! member is [`Trace`], so `Trace` is implemented only for types all of whose parts were asked too (rule 7 of the trait),
//! down to the targets of pointers.
//!
//! *What remains.* A program can provoke the same hole with signatures of its own, without a root that is in any way odd,
//! as it can for every function that takes a `for<'a> FnOnce(&'a _)`, those of the standard library among them. No
//! library can prevent that; it takes a trait implemented for references to references, and is not written by accident.

use crate::trace::Trace;

/// A family of types, one for each brand. Written with the macro [`Rootable!`](crate::Rootable!).
pub trait Rootable<'gc> {
    /// The member of the family for the brand `'gc`.
    type Root: Trace<'gc> + 'gc;
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
