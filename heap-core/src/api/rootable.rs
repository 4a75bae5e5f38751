//! [`Rootable`]: how a type that depends on the brand `'gc` is named outside of any `mutate`.

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
