//! [`Trace`] for containers of other crates, each behind a feature of the crate's name.
//!
//! The rules are those of the standard library's containers. Two matter more here. *Values and elements* may be anything that
//! is traced. *Keys* are found by their hash, and a collector may overwrite the pointers in them: so a key may hold pointers only
//! where the container hands out `&mut` to its keys, and keeps their hashes, so that nothing is hashed while objects move. That
//! is so of `IndexMap`, `IndexSet` and `HashTable`. In them a `Gc<'gc, str>` is as good a key as a `String`: it hashes by
//! value. A hash that depends on an address ([`Gc::as_ptr`](crate::Gc::as_ptr)) is wrong after the next collection, as far as
//! finding goes; nothing worse happens. Elsewhere keys are `'static`; the heap's own [`Map`](crate::Map) takes any.
//!
//! For containers that are not here, see ["Foreign types"](crate::Trace#foreign-types).

use super::{Facts, Known, Relocator, Trace, Tracer};

#[cfg(feature = "allocator-api2")]
mod allocator_api2_impls {
    use super::*;
    use allocator_api2::alloc::Allocator;
    use allocator_api2::boxed::Box;
    use allocator_api2::vec::Vec;

    sequence! {
        [T: Trace<'gc>, A: Allocator + 'static] Vec<T, A> { type Facts = (T::Facts, Known<false, true>); }, T,
            element, |v| v.capacity() * size_of::<T>();
    }

    // SAFETY: the box owns its value, and visits it once.
    unsafe impl<'gc, T: Trace<'gc>, A: Allocator + 'static> Trace<'gc> for Box<T, A> {
        type Facts = (T::Facts, Known<false, true>);
        fn trace(&self, tracer: &mut Tracer<'gc>) {
            (**self).trace(tracer);
        }
        fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
            (**self).relocate(relocator);
        }
        fn owned_bytes(&self) -> usize {
            size_of::<T>().saturating_add((**self).owned_bytes())
        }
    }
}

#[cfg(feature = "arrayvec")]
mod arrayvec_impls {
    use super::*;
    use arrayvec::{ArrayString, ArrayVec};

    sequence! {
        [T: Trace<'gc>, const CAP: usize] ArrayVec<T, CAP> { type Facts = T::Facts; }, T, element, |_| 0;
    }

    untraced! { false;
        [const CAP: usize] ArrayString<CAP>;
    }
}

#[cfg(feature = "enum-map")]
mod enum_map_impls {
    use super::*;
    use enum_map::{EnumArray, EnumMap};

    map! {
        [K: EnumArray<V> + 'static, V: Trace<'gc>] EnumMap<K, V>, |_| 0;
    }
}

#[cfg(feature = "hashbrown")]
mod hashbrown_impls {
    use super::*;
    use hashbrown::{HashMap, HashSet, HashTable};

    sequence! {
        [T: Trace<'gc>] HashTable<T> { type Facts = T::Facts; }, T, element, |t| t.capacity() * (size_of::<T>() + 1);
    }

    map! {
        [K: 'static, V: Trace<'gc>, S: 'static] HashMap<K, V, S>, |m| m.capacity() * (size_of::<(K, V)>() + 1);
    }

    untraced! { true;
        [T: 'static, S: 'static] HashSet<T, S>, |s| s.capacity() * (size_of::<T>() + 1);
    }
}

#[cfg(feature = "indexmap")]
mod indexmap_impls {
    use super::*;
    use indexmap::map::MutableKeys;
    use indexmap::set::MutableValues;
    use indexmap::{IndexMap, IndexSet};
    use std::hash::BuildHasher;

    // SAFETY: each key and each value is visited once, in order. The entries keep their hashes: no key is hashed or
    // compared, so no code of the program's runs. The hasher is `'static`.
    unsafe impl<'gc, K: Trace<'gc>, V: Trace<'gc>, S: BuildHasher + 'static> Trace<'gc> for IndexMap<K, V, S> {
        type Facts = ((K::Facts, V::Facts), Known<false, true>);
        fn trace(&self, tracer: &mut Tracer<'gc>) {
            if <(K::Facts, V::Facts)>::NEEDS_TRACE {
                for (key, value) in self {
                    key.trace(tracer);
                    value.trace(tracer);
                }
            }
        }
        fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
            if <(K::Facts, V::Facts)>::NEEDS_TRACE {
                for (key, value) in self.iter_mut2() {
                    key.relocate(relocator);
                    value.relocate(relocator);
                }
            }
        }
        fn owned_bytes(&self) -> usize {
            let mut bytes = self.capacity() * (size_of::<(u64, K, V)>() + size_of::<usize>());
            if core::mem::needs_drop::<(K, V)>() {
                for (key, value) in self {
                    bytes = bytes.saturating_add(key.owned_bytes()).saturating_add(value.owned_bytes());
                }
            }
            bytes
        }
    }

    // SAFETY: as for the map.
    unsafe impl<'gc, T: Trace<'gc>, S: BuildHasher + 'static> Trace<'gc> for IndexSet<T, S> {
        type Facts = (T::Facts, Known<false, true>);
        fn trace(&self, tracer: &mut Tracer<'gc>) {
            if <T::Facts>::NEEDS_TRACE {
                for element in self {
                    element.trace(tracer);
                }
            }
        }
        fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
            if <T::Facts>::NEEDS_TRACE {
                for index in 0..self.len() {
                    if let Some(element) = self.get_index_mut2(index) {
                        element.relocate(relocator);
                    }
                }
            }
        }
        fn owned_bytes(&self) -> usize {
            let mut bytes = self.capacity() * (size_of::<(u64, T)>() + size_of::<usize>());
            if core::mem::needs_drop::<T>() {
                for element in self {
                    bytes = bytes.saturating_add(element.owned_bytes());
                }
            }
            bytes
        }
    }
}

#[cfg(feature = "slotmap")]
mod slotmap_impls {
    use super::*;
    use slotmap::{DenseSlotMap, Key, SecondaryMap, SlotMap, SparseSecondaryMap};

    map! {
        [K: Key + 'static, V: Trace<'gc>] SlotMap<K, V>, |m| m.capacity() * (size_of::<V>() + 8);
        [K: Key + 'static, V: Trace<'gc>] DenseSlotMap<K, V>, |m| m.capacity() * (size_of::<(K, V)>() + 8);
        [K: Key + 'static, V: Trace<'gc>] SecondaryMap<K, V>, |m| m.capacity() * (size_of::<V>() + 8);
        [K: Key + 'static, V: Trace<'gc>, S: std::hash::BuildHasher + 'static] SparseSecondaryMap<K, V, S>,
            |m| m.capacity() * (size_of::<(K, V)>() + 8);
    }
}

#[cfg(feature = "smallvec")]
mod smallvec_impls {
    use super::*;
    use smallvec::{Array, SmallVec};

    // SAFETY: the elements are visited once each, and nothing else is in it.
    unsafe impl<'gc, A: Array + Trace<'gc>> Trace<'gc> for SmallVec<A>
    where
        A::Item: Trace<'gc>,
    {
        type Facts = <A::Item as Trace<'gc>>::Facts;
        #[inline]
        fn trace(&self, tracer: &mut Tracer<'gc>) {
            self.as_slice().trace(tracer);
        }
        #[inline]
        fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
            self.as_mut_slice().relocate(relocator);
        }
        fn owned_bytes(&self) -> usize {
            let outside = if self.spilled() { self.capacity() * size_of::<A::Item>() } else { 0 };
            outside.saturating_add(self.as_slice().owned_bytes())
        }
    }
}
