//! [`Write`]: proof that the write barrier of an object has run, and the projections that keep the proof.
//!
//! A lock can be opened only through `&Write<Lock>`, and a `Write` comes only from running the barrier of the object
//! that contains it: a store without a barrier is a type error. The delicate step is the projection from an object to
//! one of its fields, because `object.field` in Rust may silently go through a `Deref` into *another* object whose
//! barrier did not run. Projection macros elsewhere prevent that by naming the type in a pattern. Here the projection
//! is an ordinary closure, and what matters is checked directly: the field must lie inside the object's bytes. For a
//! plain field both addresses are the same base plus constants, so the comparison is decided by the compiler and costs
//! nothing; for a wrong path it panics at that line, every time.
//!
//! The proof stays valid until the next safepoint, and no safepoint can happen while a `'gc` exists.

use core::ops::{Deref, Range};

use super::gc::{Gc, Pointee};
use super::mutator::Mutator;

/// A cell that can be opened by a [`Write`].
///
/// # Safety
/// Sealed. `Unlocked` must be the cell that `self` is transparent over.
pub unsafe trait Unlock: sealed::Sealed {
    /// The cell inside.
    type Unlocked: ?Sized;

    /// Opens the cell without proof.
    ///
    /// # Safety
    /// The write barrier of the containing object must have run since the last safepoint.
    #[doc(hidden)]
    unsafe fn unlock_unchecked(&self) -> &Self::Unlocked;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// A `T` inside an object whose write barrier has run during the current `mutate`.
#[repr(transparent)]
pub struct Write<T: ?Sized>(T);

const _: () = assert!(size_of::<Write<u64>>() == 8 && align_of::<Write<u64>>() == 8);

impl<T: ?Sized> Write<T> {
    /// # Safety
    /// The write barrier must have run for the object that contains `value`, since the last safepoint, and the
    /// reference must end before the next one.
    #[inline]
    pub(crate) unsafe fn assume(value: &T) -> &Write<T> {
        // SAFETY: `Write` is transparent over `T`, so the pointer cast keeps address, metadata and layout.
        unsafe { &*(core::ptr::from_ref(value) as *const Write<T>) }
    }

    /// A value that is not in the heap, or not reachable by anyone else, needs no barrier: `&mut` is proof enough.
    ///
    /// Sound because an exclusive reference to something inside an object can only come from a barrier that ran for it.
    #[inline]
    pub fn from_mut(value: &mut T) -> &Write<T> {
        // SAFETY: an object in the heap is only ever shared; a `&mut` to a part of one is handed out by locks that were
        // opened through a `Write`, or by `mutate_root` after the root's barrier.
        unsafe { Write::assume(value) }
    }

    /// Opens the lock: a `Lock` as `&Cell`, a `RefLock` as `&RefCell`, a `OnceLock` as `&OnceCell`.
    #[inline]
    pub fn unlock(&self) -> &T::Unlocked
    where
        T: Unlock,
    {
        // SAFETY: `self` proves that the barrier of the containing object ran.
        unsafe { self.0.unlock_unchecked() }
    }

    /// Projects to a part of the value.
    ///
    /// # Panics
    /// When the closure returns a reference to something outside the value.
    #[inline]
    pub fn project<'a, F: ?Sized>(&'a self, path: impl FnOnce(&'a T) -> &'a F) -> &'a Write<F> {
        let field = path(&self.0);
        range_within(&self.0, field);
        // SAFETY: the field lies inside a value whose barrier ran.
        unsafe { Write::assume(field) }
    }
}

impl<T: ?Sized> Deref for Write<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Write<Option<T>> {
    /// Moves the proof into the option.
    #[inline]
    pub fn as_write(&self) -> Option<&Write<T>> {
        // SAFETY: the value lies inside the option whose barrier ran.
        self.0.as_ref().map(|value| unsafe { Write::assume(value) })
    }
}

impl<T: ?Sized> Write<Box<T>> {
    /// Moves the proof into the box: its content is owned by the object and traced as part of it.
    #[inline]
    pub fn as_deref(&self) -> &Write<T> {
        // SAFETY: a box has one owner, the object whose barrier ran.
        unsafe { Write::assume(&*self.0) }
    }
}

impl<T> Write<Vec<T>> {
    /// Moves the proof to the elements: they are owned by the object and traced as part of it.
    #[inline]
    pub fn as_deref(&self) -> &Write<[T]> {
        // SAFETY: a vector has one owner, the object whose barrier ran.
        unsafe { Write::assume(self.0.as_slice()) }
    }
}

impl<T> Write<[T]> {
    /// The proof for one element; `None` when the index is out of bounds.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Write<T>> {
        // SAFETY: the element lies inside the slice whose barrier ran.
        self.0.get(index).map(|value| unsafe { Write::assume(value) })
    }
}

impl<T> core::ops::Index<usize> for Write<[T]> {
    type Output = Write<T>;
    #[inline]
    fn index(&self, index: usize) -> &Write<T> {
        // SAFETY: the element lies inside the slice whose barrier ran.
        unsafe { Write::assume(&self.0[index]) }
    }
}

impl<T, const N: usize> core::ops::Index<usize> for Write<[T; N]> {
    type Output = Write<T>;
    #[inline]
    fn index(&self, index: usize) -> &Write<T> {
        // SAFETY: the element lies inside the array whose barrier ran.
        unsafe { Write::assume(&self.0[index]) }
    }
}

impl<'gc, T: ?Sized + Pointee + 'gc> Gc<'gc, T> {
    /// Runs the write barrier for the whole object and returns the proof of it, through which locks can be opened.
    #[inline]
    pub fn write(mc: &Mutator<'gc>, this: Self) -> &'gc Write<T> {
        let value = Gc::as_ref(this);
        mc.machine.barrier(this.object(), 0..size_of_val(value));
        // SAFETY: the barrier ran for every byte of the object, and stays in force until the next safepoint.
        unsafe { Write::assume(value) }
    }

    /// Projects to a part of the object and runs the write barrier for it: what [`field!`](crate::field) and
    /// [`store!`](crate::store) expand to.
    ///
    /// # Panics
    /// When the closure returns a reference to something outside this object, as happens when the path goes through
    /// another `Gc`, a `Box` or a user's `Deref`: the barrier must run for the object that is written to.
    #[inline]
    pub fn project<F: ?Sized>(this: Self, mc: &Mutator<'gc>, path: impl FnOnce(&'gc T) -> &'gc F) -> &'gc Write<F> {
        let object = Gc::as_ref(this);
        let field = path(object);
        let range = range_within(object, field);
        mc.machine.barrier(this.object(), range);
        // SAFETY: `range_within` found the field inside the object whose barrier ran.
        unsafe { Write::assume(field) }
    }

    #[doc(hidden)]
    #[inline]
    pub fn __project<F: ?Sized>(self, mc: &Mutator<'gc>, path: impl FnOnce(&'gc T) -> &'gc F) -> &'gc Write<F> {
        Gc::project(self, mc, path)
    }
}

/// What a value that is not an object answers to [`field!`](crate::field!) and [`store!`](crate::store!). No type
/// fulfils the condition: it says in the compiler's error what to write instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no object, but a part of one",
    label = "the write barrier is that of the object which contains it",
    note = "name the object first, and then the path inside it: `store!(mc, object => inner.field, value)` or `object => slots[index]`",
    note = "if it is the root, make the root a pointer, `Rootable![Gc<'_, ..>]`, or change it in `Heap::mutate_root`, where no barrier is needed"
)]
pub trait IsAnObject {}

/// For what is not a pointer and yet written to like one, found by [`field!`](crate::field!): values of derived types,
/// and what has elements.
pub trait NotAnObject<'gc>: Sized {
    #[doc(hidden)]
    fn __project<F: ?Sized>(&self, _: &Mutator<'gc>, _: impl FnOnce(&'gc Self) -> &'gc F) -> &'gc Write<F>
    where
        Self: IsAnObject + 'gc,
    {
        unreachable!("no type implements `IsAnObject`")
    }
}

impl<'gc, T: crate::trace::Facts<'gc>> NotAnObject<'gc> for T {}
impl<T, const N: usize> NotAnObject<'_> for [T; N] {}
impl<T> NotAnObject<'_> for Vec<T> {}
impl<T> NotAnObject<'_> for Option<T> {}

/// The bytes of `outer` that `inner` occupies.
#[inline(always)]
#[track_caller]
pub(crate) fn range_within<T: ?Sized, F: ?Sized>(outer: &T, inner: &F) -> Range<usize> {
    let start = core::ptr::from_ref(inner).addr().wrapping_sub(core::ptr::from_ref(outer).addr());
    let bytes = size_of_val(inner);
    if start > size_of_val(outer) || bytes > size_of_val(outer) - start {
        outside();
    }
    start..start + bytes
}

#[cold]
#[inline(never)]
#[track_caller]
fn outside() -> ! {
    panic!(
        "the projected field is not inside this object: the path goes through another `Gc`, a `Box` or a `Deref`. \
         Project from the object that owns the field, or use `Write::as_deref` for a `Box` or `Vec`."
    )
}

/// Projects from a `Gc` to a field and runs the write barrier: `field!(mc, node.items)` is a `&Write<_>` of the field.
///
/// The path may be `object.field`, `object.0`, `object[index]` or, for fields of inline structs and arrays,
/// `object => path.to.field`, `object => slots[index]` or `object => [index].field`; `object` alone is all of it.
/// `object` may be any expression in parentheses or a path of identifiers.
///
/// ```
/// use heap_core::{field, Gc, Heap, NoGc, RefLock, Rootable, Trace};
///
/// #[derive(Trace)]
/// struct Bag<'gc> {
///     items: RefLock<Vec<Gc<'gc, u64>>>,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Bag<'_>>]>::new(NoGc::default(), |mc| {
///     Gc::new(mc, Bag { items: RefLock::new(Vec::new()) })
/// })
/// .unwrap();
/// heap.mutate(|mc, bag| {
///     let item = Gc::new(mc, 7);
///     field!(mc, bag.items).unlock().borrow_mut().push(item);
///     assert_eq!(*bag.items.borrow()[0], 7);
/// });
/// ```
///
/// # Panics
/// When the path leaves the object (see [`Gc::project`](crate::Gc::project)).
#[macro_export]
macro_rules! field {
    ($mc:expr, $($path:tt)+) => { $crate::__field!(@path $mc; []; $($path)+) };
}

/// Stores into a [`Lock`](crate::Lock) field of an object, through the write barrier: `store!(mc, node.next, Some(x))`.
///
/// The path is written as for [`field!`](crate::field): `object.field`, or `object => slots[index]` for what lies
/// deeper inside it.
///
/// ```
/// use heap_core::{store, Gc, Heap, Lock, NoGc, Rootable, Trace};
///
/// #[derive(Default, Trace)]
/// struct Node<'gc> {
///     value: u64,
///     next: Lock<Option<Gc<'gc, Node<'gc>>>>,
///     slots: [Lock<Option<Gc<'gc, Node<'gc>>>>; 4],
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(NoGc::default(), |mc| Gc::new(mc, Node::default())).unwrap();
/// heap.mutate(|mc, root| {
///     let node = Gc::new(mc, Node { value: 1, ..Node::default() });
///     store!(mc, root.next, Some(node));
///     store!(mc, root => slots[2], Some(node));
///     assert_eq!(root.next.get().unwrap().value + root.slots[2].get().unwrap().value, 2);
///     // An object that is a lock itself.
///     let variable = Gc::new(mc, Lock::new(None));
///     store!(mc, variable, Some(node));
///     assert_eq!(variable.get().unwrap().value, 1);
/// });
/// ```
///
/// # Panics
/// When the path leaves the object (see [`Gc::project`](crate::Gc::project)).
#[macro_export]
macro_rules! store {
    ($mc:expr, $($rest:tt)+) => { $crate::__store!($mc; []; $($rest)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store {
    // The value is whatever follows the first comma outside brackets.
    ($mc:expr; [$($path:tt)+]; , $value:expr $(,)?) => {
        {
            #[allow(unused_imports)]
            use $crate::__private::NotALock as _;
            $crate::__field!(@path $mc; []; $($path)+).__set($value)
        }
    };
    ($mc:expr; [$($path:tt)*]; $next:tt $($rest:tt)*) => {
        $crate::__store!($mc; [$($path)* $next]; $($rest)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __field {
    // object => [index].path.inside
    (@path $mc:expr; [$($object:tt)+]; => [$($index:tt)+] $($path:tt)*) => {
        {
            #[allow(unused_imports)]
            use $crate::__private::NotAnObject as _;
            ($($object)+).__project($mc, |__object| &__object[$($index)+] $($path)*)
        }
    };
    // object => path.inside.the.object
    (@path $mc:expr; [$($object:tt)+]; => $($path:tt)+) => {
        {
            #[allow(unused_imports)]
            use $crate::__private::NotAnObject as _;
            ($($object)+).__project($mc, |__object| &__object.$($path)+)
        }
    };
    // … .field and nothing more
    (@path $mc:expr; [$($object:tt)+]; . $field:tt) => {
        {
            #[allow(unused_imports)]
            use $crate::__private::NotAnObject as _;
            ($($object)+).__project($mc, |__object| &__object.$field)
        }
    };
    // … [index] and nothing more
    (@path $mc:expr; [$($object:tt)+]; [$($index:tt)+]) => {
        {
            #[allow(unused_imports)]
            use $crate::__private::NotAnObject as _;
            ($($object)+).__project($mc, |__object| &__object[$($index)+])
        }
    };
    // the object itself
    (@path $mc:expr; [$($object:tt)+];) => {
        {
            #[allow(unused_imports)]
            use $crate::__private::NotAnObject as _;
            ($($object)+).__project($mc, |__object| __object)
        }
    };
    // otherwise the next token belongs to the object
    (@path $mc:expr; [$($object:tt)*]; $next:tt $($rest:tt)*) => {
        $crate::__field!(@path $mc; [$($object)* $next]; $($rest)*)
    };
}
