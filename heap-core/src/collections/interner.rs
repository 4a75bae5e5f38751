//! [`Interner`]: of equal values there is one.

use core::borrow::Borrow;
use core::hash::Hash;

use super::list::done;
use super::rules::hash_of;
use super::table::Table;
use crate::Trace;
use crate::api::gc::{Gc, Pointee};
use crate::api::mutator::Mutator;
use crate::api::weak::Weak;
use crate::error::AllocError;
use crate::trace::Content;

/// A set of values of which there is one each, held weakly: an interning table. One word, copied like any pointer.
///
/// ```
/// use heap_core::collections::Interner;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![Interner<'_, str>]>::new(NoGc::default(), |mc| Interner::new(mc)).unwrap();
/// heap.mutate(|mc, symbols| {
///     let (a, b) = (symbols.intern(mc, "name"), symbols.intern(mc, "name"));
///     assert!(Gc::ptr_eq(a, b));
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
#[derive(Trace)]
pub struct Interner<'gc, T: ?Sized + Content<'gc> + 'gc>(Table<'gc, (), Weak<'gc, T>>);

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Clone for Interner<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Copy for Interner<'gc, T> {}

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Interner<'gc, T> {
    /// An empty table, without storage.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        done(Self::try_new(mc))
    }

    /// As [`new`](Self::new), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        Ok(Interner(Table::try_new(mc)?))
    }

    /// The number of entries. Some of their values may be dead: a number above which the living are not.
    #[inline]
    pub fn len_with_dead(self) -> usize {
        self.0.len()
    }

    /// True when both are the same table.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.0.ptr_eq(other.0)
    }

    /// The value that is equal to this one, if it lives.
    #[inline]
    pub fn get<Q: Hash + Eq + ?Sized>(self, mc: &Mutator<'gc>, asked: &Q) -> Option<Gc<'gc, T>>
    where
        T: Pointee + Borrow<Q>,
    {
        self.find(mc, hash_of(asked), asked)
    }

    #[inline]
    fn find<Q: Eq + ?Sized>(self, mc: &Mutator<'gc>, hash: u64, asked: &Q) -> Option<Gc<'gc, T>>
    where
        T: Pointee + Borrow<Q>,
    {
        let mut interned = None;
        self.0.find(hash, |other| {
            interned = other.value.upgrade(mc).filter(|other| Gc::as_ref(*other).borrow() == asked);
            interned.is_some()
        })?;
        interned
    }

    /// The value that is equal to this one; `make`'s result, from now on, when there is none. `make` may use the table.
    ///
    /// # Errors
    /// That of `make`, or that the heap is full.
    pub fn try_intern_with<Q: Hash + Eq + ?Sized>(
        self,
        mc: &Mutator<'gc>,
        asked: &Q,
        make: impl FnOnce() -> Result<Gc<'gc, T>, AllocError>,
    ) -> Result<Gc<'gc, T>, AllocError>
    where
        T: Pointee + Borrow<Q>,
    {
        let hash = hash_of(asked);
        if let Some(found) = self.find(mc, hash, asked) {
            return Ok(found);
        }
        let made = make()?;
        if let Some(found) = self.find(mc, hash, asked) {
            return Ok(found);
        }
        let weak = Gc::try_downgrade(made, mc)?;
        self.0.add(mc, hash, (), weak, |(), value| !value.is_dropped(mc))?;
        Ok(made)
    }

    /// Drops the entries whose values are dead, and gives their storage back.
    #[track_caller]
    pub fn purge(self, mc: &Mutator<'gc>) {
        done(self.0.rebuild(mc, 0, |(), value| !value.is_dropped(mc)));
    }
}

impl<'gc> Interner<'gc, str> {
    /// The string object that says this, the only one of this table.
    #[inline]
    #[track_caller]
    pub fn intern(self, mc: &Mutator<'gc>, text: &str) -> Gc<'gc, str> {
        done(self.try_intern(mc, text))
    }

    /// As [`intern`](Self::intern), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_intern(self, mc: &Mutator<'gc>, text: &str) -> Result<Gc<'gc, str>, AllocError> {
        self.try_intern_with(mc, text, || Gc::try_new_str(mc, text))
    }
}
