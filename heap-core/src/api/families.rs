//! What the types of this folder are under another brand: see [`Rebrand`].

use super::casts::{GcDyn, WeakDyn};
use super::ephemeron::Ephemeron;
use super::external::ExternalBytes;
use super::finalizer::FinalizerQueue;
use super::gc::Gc;
use super::header_slice::HeaderSlice;
use super::lock::{Lock, OnceLock, RefLock};
use super::weak::Weak;
use crate::trace::{Rebrand, contains, unbranded};

unbranded! {
    [] ExternalBytes;
}

contains! {
    [T: Rebrand<'gc>] T: Lock<T> => Lock<T::With<'a>>;
    [T: Rebrand<'gc>] T: RefLock<T> => RefLock<T::With<'a>>;
    [T: Rebrand<'gc>] T: OnceLock<T> => OnceLock<T::With<'a>>;
    [H: Rebrand<'gc>, T: Rebrand<'gc>] H T: HeaderSlice<H, [T]> => HeaderSlice<H::With<'a>, [T::With<'a>]>;
}

/// Pointers, whose targets need not be sized.
macro_rules! points {
    ($($type:ident<$($target:ident),+>)*) => {$(
        impl<'gc, $($target: ?Sized + Rebrand<'gc> + 'gc),+> Rebrand<'gc> for $type<'gc, $($target),+> {
            type With<'a> = $type<'a, $($target::With<'a>),+>;
        }
    )*};
}

points! { Gc<T> Weak<T> Ephemeron<K, V> GcDyn<D> WeakDyn<D> FinalizerQueue<T> }
