//! What collections are under another brand: see [`Rebrand`].

use super::{Interner, List, Map, Set, WeakMap, WeakSet, WeakValueMap};
use crate::trace::{Content, Rebrand, Trace};

impl<'gc, T: Trace<'gc> + Rebrand<'gc> + Copy + 'gc> Rebrand<'gc> for List<'gc, T>
where
    for<'a> T::With<'a>: Copy,
{
    type With<'a> = List<'a, T::With<'a>>;
}

impl<'gc, K, V, B: 'static> Rebrand<'gc> for Map<'gc, K, V, B>
where
    K: Trace<'gc> + Rebrand<'gc> + Copy + 'gc,
    V: Trace<'gc> + Rebrand<'gc> + Copy + 'gc,
    for<'a> K::With<'a>: Copy,
    for<'a> V::With<'a>: Copy,
{
    type With<'a> = Map<'a, K::With<'a>, V::With<'a>, B>;
}

impl<'gc, K: Trace<'gc> + Rebrand<'gc> + Copy + 'gc, B: 'static> Rebrand<'gc> for Set<'gc, K, B>
where
    for<'a> K::With<'a>: Copy,
{
    type With<'a> = Set<'a, K::With<'a>, B>;
}

impl<'gc, K, V: ?Sized + Rebrand<'gc>, B: 'static> Rebrand<'gc> for WeakValueMap<'gc, K, V, B>
where
    K: Trace<'gc> + Rebrand<'gc> + Copy + 'gc,
    V: Content<'gc> + 'gc,
    for<'a> K::With<'a>: Copy,
{
    type With<'a> = WeakValueMap<'a, K::With<'a>, V::With<'a>, B>;
}

/// Those that keep nothing alive, and hold what need not be sized.
macro_rules! weak {
    ($($type:ident<$($target:ident),+>)*) => {$(
        impl<'gc, $($target: ?Sized + Content<'gc> + Rebrand<'gc> + 'gc),+> Rebrand<'gc> for $type<'gc, $($target),+> {
            type With<'a> = $type<'a, $($target::With<'a>),+>;
        }
    )*};
}

weak! { WeakMap<K, V> WeakSet<T> Interner<T> }
