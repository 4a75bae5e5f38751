//! [`Trace`] for the types of the standard library.
//!
//! Three rules decide what is here. A container visits each element once and needs `&mut` access to each of them, so
//! sets, heaps, map keys and shared owners (`Rc`, `Arc`, `&T`) may only hold `'static` data, which cannot contain a
//! `Gc`. Hashers and allocators are part of a container and must be `'static` too, or a pointer could be smuggled in
//! them. And a container needs tracing, and is bound to its thread, if its elements do and are: a constant of a
//! constant. A type that contains itself through a `Box` or a `Vec` would then be a constant that depends on itself; the
//! derive sees that and answers for such fields.

use std::any::TypeId;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::num::{Saturating, Wrapping};
use std::ops::{Range, RangeFrom, RangeTo, RangeToInclusive};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use super::{Content, Downcast, EdgeNamer, Facts, Inside, Known, Relocator, Trace, Tracer};

/// Wraps a `'static` value of a foreign type so that it may live in the heap, untraced.
///
/// ```
/// use heap_core::Static;
/// let started = Static(std::time::Instant::now());
/// assert!(started.0.elapsed().as_secs() < 60);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Static<T: 'static>(pub T);

impl<T: 'static> core::ops::Deref for Static<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: 'static> core::ops::DerefMut for Static<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

// SAFETY: the type is `'static`, so no value of it can contain a `Gc<'gc, _>`: there is no edge to report.
unsafe impl<'gc, T: 'static> Trace<'gc> for Static<T> {
    type Facts = Self;
    fn __type_id() -> Option<TypeId> {
        // A type that is `'static` has no lifetime that its number does not tell.
        Some(TypeId::of::<Self>())
    }
    #[inline]
    fn trace(&self, _: &mut Tracer<'gc>) {}
    #[inline]
    fn relocate(&mut self, _: &mut Relocator<'gc>) {}
}

// SAFETY: as above.
unsafe impl<'gc, T: 'static> Facts<'gc> for Static<T> {
    const NEEDS_TRACE: bool = false;
    const THREAD_BOUND: bool = true;
}

impl<'gc, T: 'static> Downcast<'gc> for Static<T> {}

/// Implements `Trace` for types that are `'static`, whose values therefore cannot hold a branded pointer.
macro_rules! untraced {
    ($bound:literal; $( [$($generics:tt)*] $type:ty $(, $owned:expr)? ;)*) => {$(
        // SAFETY: the type is `'static`, so no value of it can contain a `Gc<'gc, _>`: there is no edge to report.
        unsafe impl<'gc, $($generics)*> Trace<'gc> for $type {
            type Facts = Known<false, $bound>;
            #[inline]
            fn trace(&self, _: &mut Tracer<'gc>) {}
            #[inline]
            fn relocate(&mut self, _: &mut Relocator<'gc>) {}
            $(fn owned_bytes(&self) -> usize { let owned: fn(&Self) -> usize = $owned; owned(self) })?
        }

        impl<'gc, $($generics)*> $crate::trace::Rebrand<'gc> for $type {
            type With<'a> = $type;
        }
    )*};
}

untraced! { false;
    [] (); [] bool; [] char;
    [] u8; [] u16; [] u32; [] u64; [] u128; [] usize;
    [] i8; [] i16; [] i32; [] i64; [] i128; [] isize;
    [] f32; [] f64;
    [] std::num::NonZeroU8; [] std::num::NonZeroU16; [] std::num::NonZeroU32; [] std::num::NonZeroU64;
    [] std::num::NonZeroU128; [] std::num::NonZeroUsize;
    [] std::num::NonZeroI8; [] std::num::NonZeroI16; [] std::num::NonZeroI32; [] std::num::NonZeroI64;
    [] std::num::NonZeroI128; [] std::num::NonZeroIsize;
    [] std::time::Duration; [] std::time::Instant; [] std::time::SystemTime;
    [] std::sync::atomic::AtomicBool;
    [] std::sync::atomic::AtomicU8; [] std::sync::atomic::AtomicU16; [] std::sync::atomic::AtomicU32;
    [] std::sync::atomic::AtomicU64; [] std::sync::atomic::AtomicUsize;
    [] std::sync::atomic::AtomicI8; [] std::sync::atomic::AtomicI16; [] std::sync::atomic::AtomicI32;
    [] std::sync::atomic::AtomicI64; [] std::sync::atomic::AtomicIsize;
    [] std::net::IpAddr; [] std::net::Ipv4Addr; [] std::net::Ipv6Addr; [] std::net::SocketAddr;
    [] std::any::TypeId; [] std::alloc::Layout; [] std::thread::ThreadId; [] std::marker::PhantomPinned;
    [] std::cmp::Ordering; [] std::convert::Infallible; [] std::ops::RangeFull; [] std::io::ErrorKind;
    [] std::hash::RandomState;
    [] String, |s| s.capacity();
    [] &'static str;
    [] std::path::PathBuf, |p| p.capacity();
    [] std::ffi::OsString, |s| s.capacity();
    [] std::ffi::CString, |s| s.as_bytes_with_nul().len();
    [] Cow<'static, str>, |s| if let Cow::Owned(text) = s { text.capacity() } else { 0 };
    [] Cow<'static, std::path::Path>, |p| if let Cow::Owned(path) = p { path.capacity() } else { 0 };
    [] Cow<'static, std::ffi::OsStr>, |s| if let Cow::Owned(text) = s { text.capacity() } else { 0 };
}

untraced! { true;
    // Not `&'static T` for every `T`: a hole in the compiler once accepted `&'static Gc<'gc, T>` as a root, and for a type
    // that lacks `Trace` the compiler would advise to borrow it.
    [T: 'static] &'static [T];
    [T: Clone + 'static] Cow<'static, [T]>, |s| if let Cow::Owned(vec) = s { vec.capacity() * size_of::<T>() } else { 0 };
    // Whoever follows such a pointer promises that it leads somewhere. The heap does not look.
    [T: ?Sized + 'static] *const T;
    [T: ?Sized + 'static] *mut T;
    [T: ?Sized + 'static] core::ptr::NonNull<T>;
    [T: 'static] std::sync::atomic::AtomicPtr<T>;
    [T: 'static] std::ops::RangeInclusive<T>;
    [T: 'static] std::hash::BuildHasherDefault<T>;
    [T: ?Sized + 'static] PhantomData<T>;
    [T: ?Sized + 'static] Rc<T>;
    [T: ?Sized + 'static] Arc<T>;
    [T: ?Sized + 'static] std::rc::Weak<T>;
    [T: ?Sized + 'static] std::sync::Weak<T>;
    [T: 'static] Cell<T>;
    [T: 'static] RefCell<T>;
    [T: 'static] std::cell::OnceCell<T>;
    [T: 'static] std::sync::Mutex<T>;
    [T: 'static] std::sync::RwLock<T>;
    [T: 'static] std::sync::OnceLock<T>;
    [T: 'static] BinaryHeap<T>, |h| h.capacity() * size_of::<T>();
    [T: 'static] BTreeSet<T>, |s| s.len() * size_of::<T>();
    [T: 'static, S: 'static] HashSet<T, S>, |s| s.capacity() * (size_of::<T>() + 1);
}

/// Implements `Trace` for text: bytes that hold no pointers, behind a `Gc`, a `Weak` or a box.
macro_rules! text {
    ($($type:ty)*) => {$(
        // SAFETY: there is no edge to report.
        unsafe impl<'gc> Trace<'gc> for $type {
            #[inline]
            fn trace(&self, _: &mut Tracer<'gc>) {}
            #[inline]
            fn relocate(&mut self, _: &mut Relocator<'gc>) {}
        }

        // SAFETY: the type has no parameters, and makes sense.
        unsafe impl<'gc> Content<'gc> for $type {
            const NEEDS_TRACE: bool = false;
            const THREAD_BOUND: bool = false;
            const DEEP: bool = false;
            fn __checks_are_genuine(_: crate::__private::Checks) {}
        }
    )*};
}

text! { str std::path::Path std::ffi::OsStr std::ffi::CStr }

/// Containers whose elements are reached by `iter` and `iter_mut`. Elements without bytes hold nothing, whatever they say,
/// and there may be 2^64 of them, too many to ask.
macro_rules! sequence {
    ($( [$($generics:tt)*] $type:ty { $($facts:tt)* }, $element:ty, $place:ident, $owned:expr ;)*) => {$(
        // SAFETY: the container owns its elements and iterates over each exactly once, in both forms; iterating the
        // standard library's containers runs no user code.
        unsafe impl<'gc, $($generics)*> Trace<'gc> for $type {
            $($facts)*
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'gc>) {
                if <<$element as Trace<'gc>>::Facts>::NEEDS_TRACE && size_of::<$element>() != 0 {
                    for element in self.iter() {
                        element.trace(tracer);
                    }
                }
            }
            #[inline]
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                if <<$element as Trace<'gc>>::Facts>::NEEDS_TRACE && size_of::<$element>() != 0 {
                    for element in self.iter_mut() {
                        element.relocate(relocator);
                    }
                }
            }
            fn __name_edges(&self, namer: &mut crate::trace::EdgeNamer<'_, 'gc>) {
                if <<$element as Trace<'gc>>::Facts>::NEEDS_TRACE && size_of::<$element>() != 0 {
                    for (index, element) in self.iter().enumerate() {
                        namer.$place(index, element);
                    }
                }
            }
            fn owned_bytes(&self) -> usize {
                let own: fn(&Self) -> usize = $owned;
                let mut bytes = own(self);
                if core::mem::needs_drop::<$element>() && size_of::<$element>() != 0 {
                    for element in self.iter() {
                        bytes = bytes.saturating_add(element.owned_bytes());
                    }
                }
                bytes
            }
        }
    )*};
}

sequence! {
    [T: Trace<'gc>] Vec<T> { type Facts = T::Facts; }, T, element, |v| v.capacity() * size_of::<T>();
    [T: Trace<'gc>] VecDeque<T> { type Facts = T::Facts; }, T, element, |v| v.capacity() * size_of::<T>();
    [T: Trace<'gc>] LinkedList<T> { type Facts = T::Facts; }, T, element, |v| v.len() * (size_of::<T>() + 16);
    [T: Trace<'gc>] [T] {}, T, element, |_| 0;
    [T: Trace<'gc>, const N: usize] [T; N] { type Facts = T::Facts; }, T, element, |_| 0;
    [T: Trace<'gc>] Option<T> { type Facts = T::Facts; }, T, only, |_| 0;
}

/// Boxes. What is in one that is pinned is never moved, and relocating does not move it: pointers in it are overwritten
/// where they are.
macro_rules! boxes {
    ($($type:ty)*) => {$(
        // SAFETY: the box owns its value, and visits it once.
        unsafe impl<'gc, T: ?Sized + Content<'gc>> Trace<'gc> for $type {
            type Facts = Inside<T>;
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'gc>) {
                // SAFETY: `InBox` is transparent over a box, and so is `Pin`.
                let content = unsafe { &*core::ptr::from_ref(self).cast::<InBox<T>>() };
                if T::DEEP { tracer.descend(content) } else { content.trace(tracer) }
            }
            #[inline]
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                // SAFETY: as above; the box is neither moved nor replaced through this, nor is its content.
                let content = unsafe { &mut *core::ptr::from_mut(self).cast::<InBox<T>>() };
                if T::DEEP { relocator.descend(content) } else { content.relocate(relocator) }
            }
            fn __name_edges(&self, namer: &mut EdgeNamer<'_, 'gc>) {
                if T::DEEP { namer.edges(&mut |tracer| self.trace(tracer)) } else { (**self).__name_edges(namer) }
            }
            fn owned_bytes(&self) -> usize {
                // SAFETY: as above.
                let content = unsafe { &*core::ptr::from_ref(self).cast::<InBox<T>>() };
                let inside = if T::DEEP { Tracer::owned_bytes(content) } else { content.owned_bytes() };
                size_of_val(&**self).saturating_add(inside)
            }
        }
    )*};
}

boxes! { Box<T> Pin<Box<T>> }

/// The content of a box as a value that is sized: what waits to be traced is noted by a pointer of one word.
#[repr(transparent)]
struct InBox<T: ?Sized>(Box<T>);

// SAFETY: the box owns its value, and visits it once.
unsafe impl<'gc, T: ?Sized + Content<'gc>> Trace<'gc> for InBox<T> {
    type Facts = Inside<T>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        (*self.0).trace(tracer);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        (*self.0).relocate(relocator);
    }
    fn owned_bytes(&self) -> usize {
        (*self.0).owned_bytes()
    }
}

// SAFETY: exactly one of the two values exists, and it is visited once.
unsafe impl<'gc, T: Trace<'gc>, E: Trace<'gc>> Trace<'gc> for Result<T, E> {
    type Facts = (T::Facts, E::Facts);
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        match self {
            Ok(value) => value.trace(tracer),
            Err(error) => error.trace(tracer),
        }
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        match self {
            Ok(value) => value.relocate(relocator),
            Err(error) => error.relocate(relocator),
        }
    }
    fn __name_edges(&self, namer: &mut EdgeNamer<'_, 'gc>) {
        match self {
            Ok(value) => value.__name_edges(namer),
            Err(error) => error.__name_edges(namer),
        }
    }
    fn owned_bytes(&self) -> usize {
        match self {
            Ok(value) => value.owned_bytes(),
            Err(error) => error.owned_bytes(),
        }
    }
}

/// Types that consist of their public fields.
macro_rules! fields {
    ($($type:ident($($field:tt)+))*) => {$(
        // SAFETY: each field is visited once, and there are no others.
        unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for $type<T> {
            type Facts = T::Facts;
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'gc>) {
                $(self.$field.trace(tracer);)+
            }
            #[inline]
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                $(self.$field.relocate(relocator);)+
            }
            fn owned_bytes(&self) -> usize {
                0usize $(.saturating_add(self.$field.owned_bytes()))+
            }
        }
    )*};
}

fields! {
    Wrapping(0) Saturating(0) Reverse(0)
    Range(start end) RangeFrom(start) RangeTo(end) RangeToInclusive(end)
}

/// Functions: code holds no pointers. What they take and return must be traceable nevertheless (rule 7 of the trait). A
/// function over any lifetime, like `fn(&Mutator<'_>)`, is another type, and `'static`: `#[trace(require_static)]`.
macro_rules! functions {
    ($($argument:ident)*) => {
        functions!(@ fn($($argument),*) -> R; $($argument)*);
        functions!(@ unsafe fn($($argument),*) -> R; $($argument)*);
        functions!(@ extern "C" fn($($argument),*) -> R; $($argument)*);
    };
    (@ $type:ty; $($argument:ident)*) => {
        // SAFETY: there is no edge to report.
        unsafe impl<'gc, $($argument: Trace<'gc>,)* R: Trace<'gc>> Trace<'gc> for $type {
            type Facts = Known<false, false>;
            #[inline]
            fn trace(&self, _: &mut Tracer<'gc>) {}
            #[inline]
            fn relocate(&mut self, _: &mut Relocator<'gc>) {}
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D E);
functions!(A B C D E F);

/// Maps: keys and hashers are `'static`, values are visited once each.
macro_rules! map {
    ($( [$($generics:tt)*] $type:ty, $owned:expr ;)*) => {$(
        // SAFETY: keys and hasher are `'static` and hold no edge; each value is visited once, without hashing or
        // comparing a key, so no user code runs.
        unsafe impl<'gc, $($generics)*> Trace<'gc> for $type {
            // The hasher and the keys are not asked: they stay where they are.
            type Facts = (V::Facts, Known<false, true>);
            fn trace(&self, tracer: &mut Tracer<'gc>) {
                if <V::Facts>::NEEDS_TRACE {
                    for value in self.values() {
                        value.trace(tracer);
                    }
                }
            }
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                if <V::Facts>::NEEDS_TRACE {
                    for value in self.values_mut() {
                        value.relocate(relocator);
                    }
                }
            }
            fn owned_bytes(&self) -> usize {
                let own: fn(&Self) -> usize = $owned;
                let mut bytes = own(self);
                if core::mem::needs_drop::<V>() {
                    for value in self.values() {
                        bytes = bytes.saturating_add(value.owned_bytes());
                    }
                }
                bytes
            }
        }
    )*};
}

map! {
    [K: 'static, V: Trace<'gc>, S: 'static] HashMap<K, V, S>, |m| m.capacity() * (size_of::<(K, V)>() + 1);
    [K: 'static, V: Trace<'gc>] BTreeMap<K, V>, |m| m.len() * size_of::<(K, V)>();
}

/// Facts of all the given types.
macro_rules! all_facts {
    ($first:ident) => { $first::Facts };
    ($first:ident $($rest:ident)+) => { ($first::Facts, all_facts!($($rest)+)) };
}

/// The names of a tuple's fields.
const TUPLE_FIELDS: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];

macro_rules! tuple {
    ($($name:ident)+) => {
        // SAFETY: each field is visited once.
        unsafe impl<'gc, $($name: Trace<'gc>),+> Trace<'gc> for ($($name,)+) {
            type Facts = all_facts!($($name)+);
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'gc>) {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                $($name.trace(tracer);)+
            }
            #[inline]
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                $($name.relocate(relocator);)+
            }
            fn __name_edges(&self, namer: &mut EdgeNamer<'_, 'gc>) {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                let mut names = TUPLE_FIELDS.iter();
                $(namer.field(names.next().copied().unwrap_or_default(), $name);)+
            }
            fn owned_bytes(&self) -> usize {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                0usize $(.saturating_add($name.owned_bytes()))+
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);
