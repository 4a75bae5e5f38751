//! Interior mutability behind the write barrier: [`Lock`], [`RefLock`], [`OnceLock`].
//!
//! Objects are shared, so what changes sits in a cell. These cells can be *read* by anyone, and *written* only through a
//! [`Write`], which proves that the barrier ran. They are transparent over the standard library's cells, and opening one
//! yields that cell, so everything known about `Cell` and `RefCell` applies.
//!
//! Tracing reads through the cell's pointer and never touches a borrow flag (rule R2): a forgotten `RefMut` must not
//! stop a collection, and a marker may look at the object while the program holds a `Ref`. That is sound because
//! tracing happens at safepoints, where no borrow is alive, and inside `mutate` only before the object's first write.

use core::cell::{Cell, Ref, RefCell, RefMut};

use super::gc::Gc;
use super::mutator::Mutator;
use super::recursion::compare_once;
use super::write::{Unlock, Write, sealed::Sealed};
use crate::trace::{Content, EdgeNamer, Inside, Relocator, Trace, Tracer};

impl<T: ?Sized> Sealed for Lock<T> {}
impl<T: ?Sized> Sealed for RefLock<T> {}
impl<T> Sealed for OnceLock<T> {}

/// What a store without a barrier lacks. No type implements it: it exists to say in the compiler's error what to write
/// instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` in the heap is written only through the write barrier",
    label = "the barrier of the object that contains it has not run",
    note = "for a field write `store!(mc, object.field, value)`, or `field!(mc, object.field)` and then what you want to do",
    note = "for a lock that is the whole object write `gc.set(mc, value)` or `gc.borrow_mut(mc)`",
    note = "for a lock that is not in the heap yet use `get_mut`"
)]
pub trait WriteBarrierHasRun {}

/// What the methods of a cell that a lock has not would do. They are there to be explained by the compiler.
fn no_barrier<T>() -> T {
    unreachable!("no type implements `WriteBarrierHasRun`")
}

impl<T> Lock<T> {
    #[doc(hidden)]
    pub fn unlock(&self) -> &Cell<T>
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn set(&self, _: T)
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn replace(&self, _: T) -> T
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn take(&self) -> T
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }
}

impl<T: ?Sized> RefLock<T> {
    #[doc(hidden)]
    pub fn unlock(&self) -> &RefCell<T>
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn borrow_mut(&self) -> RefMut<'_, T>
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn try_borrow_mut(&self) -> Result<RefMut<'_, T>, core::cell::BorrowMutError>
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }
}

impl<T> OnceLock<T> {
    #[doc(hidden)]
    pub fn unlock(&self) -> &core::cell::OnceCell<T>
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn set(&self, _: T) -> Result<(), T>
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }

    #[doc(hidden)]
    pub fn get_or_init(&self, _: impl FnOnce() -> T) -> &T
    where
        Self: WriteBarrierHasRun,
    {
        no_barrier()
    }
}

/// What a value lacks that [`store!`](crate::store!) cannot store into. No type implements it.
#[diagnostic::on_unimplemented(
    message = "`store!` stores into a `Lock`, and this is a `{Self}`",
    label = "not a lock",
    note = "objects are shared, so what changes sits in a lock: declare the field as `Lock<{Self}>`, and read it with `get`; what is changed in place, a `Vec` or a map, as a `RefLock`"
)]
pub trait IsALock {}

/// What a `RefLock` lacks to be stored into. No type implements it.
#[diagnostic::on_unimplemented(
    message = "a `RefLock` is borrowed, not stored into",
    label = "this is a `RefLock`",
    note = "write `*field!(mc, object.field).borrow_mut() = value`, or change the value in place: `field!(mc, object.field).borrow_mut().push(item)`"
)]
pub trait StoredAsAWhole {}

/// What [`store!`](crate::store!) finds where there is no lock: the locks have a function of this name themselves.
pub trait NotALock {
    #[doc(hidden)]
    type Content: ?Sized;

    #[doc(hidden)]
    fn __set<V>(&self, _: V)
    where
        Self::Content: IsALock,
    {
        no_barrier()
    }
}

impl<T: ?Sized> NotALock for Write<T> {
    type Content = T;
}

impl<T> Write<Lock<T>> {
    #[doc(hidden)]
    #[inline]
    pub fn __set(&self, value: T) {
        self.set(value);
    }
}

impl<T> Write<OnceLock<T>> {
    #[doc(hidden)]
    #[inline]
    pub fn __set(&self, value: T) -> Result<(), T> {
        self.set(value)
    }
}

impl<T: ?Sized> Write<RefLock<T>> {
    #[doc(hidden)]
    pub fn __set<V>(&self, _: V)
    where
        RefLock<T>: StoredAsAWhole,
    {
        no_barrier()
    }
}

/// A `Cell` that is written through the barrier. For `Copy` values: pointers, numbers.
#[derive(Default)]
#[repr(transparent)]
pub struct Lock<T: ?Sized>(Cell<T>);

/// A `RefCell` that is mutably borrowed through the barrier. For values that are changed in place: vectors, maps.
#[derive(Default)]
#[repr(transparent)]
pub struct RefLock<T: ?Sized>(RefCell<T>);

/// A `OnceCell` that is initialised through the barrier.
#[repr(transparent)]
pub struct OnceLock<T>(core::cell::OnceCell<T>);

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: transparent over the cell; the barrier is the caller's promise.
unsafe impl<T: ?Sized> Unlock for Lock<T> {
    type Unlocked = Cell<T>;
    #[inline]
    unsafe fn unlock_unchecked(&self) -> &Cell<T> {
        &self.0
    }
}

// SAFETY: as for `Lock`.
unsafe impl<T: ?Sized> Unlock for RefLock<T> {
    type Unlocked = RefCell<T>;
    #[inline]
    unsafe fn unlock_unchecked(&self) -> &RefCell<T> {
        &self.0
    }
}

// SAFETY: as for `Lock`.
unsafe impl<T> Unlock for OnceLock<T> {
    type Unlocked = core::cell::OnceCell<T>;
    #[inline]
    unsafe fn unlock_unchecked(&self) -> &core::cell::OnceCell<T> {
        &self.0
    }
}

impl<T> Lock<T> {
    /// A cell holding `value`.
    #[inline]
    pub const fn new(value: T) -> Self {
        Lock(Cell::new(value))
    }

    /// A copy of the value.
    #[inline]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        self.0.get()
    }

    /// The value, when the cell is owned.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// The value, when the cell is exclusively borrowed.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> RefLock<T> {
    /// A cell holding `value`.
    #[inline]
    pub const fn new(value: T) -> Self {
        RefLock(RefCell::new(value))
    }

    /// The value, when the cell is owned.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> RefLock<T> {
    /// Borrows the value.
    ///
    /// # Panics
    /// When it is mutably borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.0.borrow()
    }

    /// Borrows the value, or reports that it is mutably borrowed.
    #[inline]
    pub fn try_borrow(&self) -> Result<Ref<'_, T>, core::cell::BorrowError> {
        self.0.try_borrow()
    }

    /// The value, when the cell is exclusively borrowed.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> OnceLock<T> {
    /// An empty cell.
    #[inline]
    pub const fn new() -> Self {
        OnceLock(core::cell::OnceCell::new())
    }

    /// A cell that already holds `value`.
    pub fn with_value(value: T) -> Self {
        OnceLock(core::cell::OnceCell::from(value))
    }

    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }
}

impl<'gc, T: 'gc> Gc<'gc, Lock<T>> {
    /// Replaces the value, through the barrier.
    #[inline]
    pub fn set(self, mc: &Mutator<'gc>, value: T) {
        Gc::write(mc, self).unlock().set(value);
    }
}

impl<'gc, T: ?Sized + 'gc> Gc<'gc, RefLock<T>>
where
    RefLock<T>: super::gc::Pointee,
{
    /// Borrows the value mutably, through the barrier.
    ///
    /// # Panics
    /// When it is borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow_mut(self, mc: &Mutator<'gc>) -> RefMut<'gc, T> {
        Gc::write(mc, self).unlock().borrow_mut()
    }

    /// Borrows the value mutably, through the barrier, or reports that it is borrowed.
    #[inline]
    pub fn try_borrow_mut(self, mc: &Mutator<'gc>) -> Result<RefMut<'gc, T>, core::cell::BorrowMutError> {
        Gc::write(mc, self).unlock().try_borrow_mut()
    }
}

impl<'gc, T: 'gc> Gc<'gc, OnceLock<T>> {
    /// Sets the value, through the barrier; gives it back when there already is one.
    #[inline]
    pub fn set(self, mc: &Mutator<'gc>, value: T) -> Result<(), T> {
        Gc::write(mc, self).unlock().set(value)
    }

    /// The value, made by `init` when there is none. The barrier runs before `init`.
    #[inline]
    pub fn get_or_init(self, mc: &Mutator<'gc>, init: impl FnOnce() -> T) -> &'gc T {
        match Gc::as_ref(self).get() {
            Some(value) => value,
            None => Gc::write(mc, self).unlock().get_or_init(init),
        }
    }
}

impl<T: ?Sized> Write<RefLock<T>> {
    /// Borrows the value mutably.
    ///
    /// # Panics
    /// When it is borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow_mut(&self) -> RefMut<'_, T> {
        self.unlock().borrow_mut()
    }
}

impl<T> Write<Lock<T>> {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: T) {
        self.unlock().set(value);
    }
}

impl<T> Write<OnceLock<T>> {
    /// Sets the value; gives it back when there already is one.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        self.unlock().set(value)
    }

    /// The value, made by `init` when there is none.
    #[inline]
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        self.unlock().get_or_init(init)
    }
}

impl<T: Copy> Clone for Lock<T> {
    fn clone(&self) -> Self {
        Lock::new(self.get())
    }
}

/// Panics when the value is mutably borrowed.
impl<T: Clone> Clone for RefLock<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        RefLock(self.0.clone())
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        OnceLock(self.0.clone())
    }
}

/// Compares the values. Pointers lead on to other locks; cycles are equal when walking along both finds no difference.
impl<T: Copy + PartialEq> PartialEq for Lock<T> {
    fn eq(&self, other: &Self) -> bool {
        compare_once(self, other, || self.get() == other.get())
    }
}

/// As [`Lock`]'s. Panics when one of the values is mutably borrowed.
impl<T: ?Sized + PartialEq> PartialEq for RefLock<T> {
    #[track_caller]
    fn eq(&self, other: &Self) -> bool {
        compare_once(self, other, || self.0 == other.0)
    }
}

/// As [`Lock`]'s.
impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        compare_once(self, other, || self.0 == other.0)
    }
}

impl<T: Copy + Eq> Eq for Lock<T> {}
impl<T: ?Sized + Eq> Eq for RefLock<T> {}
impl<T: Eq> Eq for OnceLock<T> {}

impl<T: Copy + core::fmt::Debug> core::fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Lock").field(&self.get()).finish()
    }
}

impl<T: ?Sized + core::fmt::Debug> core::fmt::Debug for RefLock<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! trace_through_cell {
    ($($type:ident: $self:ident => $pointer:expr, $owned:expr;)*) => {$(
        // SAFETY: the value inside is visited once. It is read through the cell's pointer, without touching a borrow
        // flag: tracing runs at safepoints, where no borrow is alive, or before the first write to the object, so no
        // `&mut` to the value exists.
        unsafe impl<'gc, T: ?Sized + Content<'gc>> Trace<'gc> for $type<T> {
            type Facts
                = Inside<T>
            where
                Self: Sized;
            #[inline]
            fn trace(&$self, tracer: &mut Tracer<'gc>) {
                // SAFETY: see above.
                unsafe { (*$pointer).trace(tracer) };
            }
            #[inline]
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                self.0.get_mut().relocate(relocator);
            }
            fn __name_edges(&$self, namer: &mut EdgeNamer<'_, 'gc>) {
                // SAFETY: see above.
                unsafe { (*$pointer).__name_edges(namer) };
            }
            fn owned_bytes(&$self) -> usize {
                $owned
            }
        }
    )*};
}

trace_through_cell! {
    Lock: self => self.0.as_ptr(), {
        // SAFETY: a lock lends nothing, and the value's own `owned_bytes` does not write to it.
        unsafe { (*self.0.as_ptr()).owned_bytes() }
    };
    // Anybody may ask, in the middle of a change too. Of what is mutably borrowed nothing is known, and nothing is charged.
    RefLock: self => self.0.as_ptr(), self.0.try_borrow().map_or(0, |value| value.owned_bytes());
}

// SAFETY: the value, when there is one, is visited once; an initialisation in progress has not stored it yet.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for OnceLock<T> {
    type Facts = T::Facts;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        if let Some(value) = self.0.get() {
            value.trace(tracer);
        }
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        if let Some(value) = self.0.get_mut() {
            value.relocate(relocator);
        }
    }
    fn __name_edges(&self, namer: &mut EdgeNamer<'_, 'gc>) {
        if let Some(value) = self.0.get() {
            value.__name_edges(namer);
        }
    }
    fn owned_bytes(&self) -> usize {
        self.0.get().map_or(0, Trace::owned_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::RefLock;
    use crate::{Trace, Write};

    /// Anybody may ask what a value owns, in the middle of a change too.
    #[test]
    fn nothing_is_known_of_what_is_being_changed() {
        let mut lock = RefLock::new(vec![1u64, 2, 3]);
        let write = Write::from_mut(&mut lock);
        assert_eq!(write.owned_bytes(), 24);
        let guard = write.unlock().borrow_mut();
        assert_eq!(write.owned_bytes(), 0);
        drop(guard);
        assert_eq!(write.owned_bytes(), 24);
    }
}
