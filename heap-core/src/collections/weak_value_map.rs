//! [`WeakValueMap`] and [`Interner`]: tables that do not keep what they lead to.
//!
//! Values are weak pointers. An entry whose value died is there until the table is next rebuilt; it is never handed out, and
//! its key may be inserted again at once. Rebuilding drops such entries first, so a table whose values come and go has a
//! capacity in proportion to those that live together.

use core::borrow::Borrow;
use core::hash::Hash;
use core::marker::PhantomData;

use super::list::done;
use super::rules::{ByValue, KeyRule, hash_of};
use super::table::Table;
use crate::api::gc::{Gc, Pointee};
use crate::api::mutator::Mutator;
use crate::api::weak::Weak;
use crate::error::AllocError;
use crate::trace::{Content, Known, Relocator, Trace, Tracer};

/// A hash map that holds its values weakly: one word, copied like any pointer; copies are the same map. Python's
/// `WeakValueDictionary`.
///
/// ```
/// use heap_core::collections::WeakValueMap;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap =
///     Heap::<Rootable![WeakValueMap<'_, u64, str>]>::new(NoGc::default(), |mc| WeakValueMap::new(mc)).unwrap();
/// heap.mutate(|mc, cache| {
///     let page = Gc::new_str(mc, "…");
///     cache.insert(mc, 7, page);
///     assert!(cache.get(mc, &7).is_some_and(|found| Gc::ptr_eq(found, page)));
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
/// Either way the map is as it was.
pub struct WeakValueMap<'gc, K: Trace<'gc> + Copy + 'gc, V: ?Sized + Content<'gc> + 'gc, B = ByValue> {
    table: Table<'gc, K, Weak<'gc, V>>,
    _rule: PhantomData<fn() -> B>,
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: ?Sized + Content<'gc> + 'gc, B> Clone for WeakValueMap<'gc, K, V, B> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: ?Sized + Content<'gc> + 'gc, B> Copy for WeakValueMap<'gc, K, V, B> {}

// SAFETY: one edge, to the table. Keys and values are `Trace`, and the rule is `'static` (rule 7 of the trait).
unsafe impl<'gc, K: Trace<'gc> + Copy + 'gc, V: ?Sized + Content<'gc> + 'gc, B: 'static> Trace<'gc>
    for WeakValueMap<'gc, K, V, B>
{
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        self.table.trace(tracer);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        self.table.relocate(relocator);
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: ?Sized + Content<'gc> + 'gc, B> WeakValueMap<'gc, K, V, B> {
    /// An empty map, without storage.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        done(Self::try_new(mc))
    }

    /// As [`new`](Self::new), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        Ok(WeakValueMap { table: Table::try_new(mc)?, _rule: PhantomData })
    }

    /// The number of entries. Some of their values may be dead: a number above which the living are not.
    #[inline]
    pub fn len_with_dead(self) -> usize {
        self.table.len()
    }

    /// True when both are the same map.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.table.ptr_eq(other.table)
    }

    /// The value of a key, if it lives. It is kept alive until the next safepoint at least.
    #[inline]
    pub fn get<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<Gc<'gc, V>>
    where
        B: KeyRule<'gc, K, Q>,
    {
        self.table.find(B::hash(mc, key), |other| B::same(mc, other, key))?.1.value.upgrade(mc)
    }

    /// Sets the value of a key, and returns the one that it had, if that lives.
    #[track_caller]
    pub fn insert(self, mc: &Mutator<'gc>, key: K, value: Gc<'gc, V>) -> Option<Gc<'gc, V>>
    where
        B: KeyRule<'gc, K>,
    {
        done(self.try_insert(mc, key, value))
    }

    /// As [`insert`](Self::insert), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_insert(self, mc: &Mutator<'gc>, key: K, value: Gc<'gc, V>) -> Result<Option<Gc<'gc, V>>, AllocError>
    where
        B: KeyRule<'gc, K>,
    {
        let value = Gc::try_downgrade(value, mc)?;
        let hash = B::hash(mc, &key);
        match self.table.find(hash, |other| B::same(mc, other, &key)) {
            Some((found, entry)) => {
                self.table.set_value(mc, found, entry, value);
                Ok(entry.value.upgrade(mc))
            }
            None => {
                self.table.add(mc, hash, key, value, |_, value| !value.is_dropped())?;
                Ok(None)
            }
        }
    }

    /// Removes a key, and returns its value, if that lives.
    pub fn remove<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<Gc<'gc, V>>
    where
        B: KeyRule<'gc, K, Q>,
    {
        let (found, entry) = self.table.find(B::hash(mc, key), |other| B::same(mc, other, key))?;
        self.table.remove(mc, found, entry);
        entry.value.upgrade(mc)
    }

    /// Drops all keys, and the storage.
    pub fn clear(self, mc: &Mutator<'gc>) {
        self.table.clear(mc);
    }

    /// Drops the entries whose values are dead, and gives their storage back.
    #[track_caller]
    pub fn purge(self, mc: &Mutator<'gc>) {
        done(self.table.rebuild(mc, 0, |_, value| !value.is_dropped()));
    }

    /// The keys whose values live, with those, in the order of insertion.
    ///
    /// # Panics
    /// A step of the iterator panics when a key was inserted since it was made, as [`Map::iter`](super::Map::iter)'s does.
    pub fn iter<'a>(self, mc: &'a Mutator<'gc>) -> impl Iterator<Item = (K, Gc<'gc, V>)> + use<'a, 'gc, K, V, B> {
        let additions = self.table.additions();
        let mut from = 0;
        core::iter::from_fn(move || {
            loop {
                assert_eq!(self.table.additions(), additions, "{}", super::map::Changed);
                let (next, entry) = self.table.next(from)?;
                from = next;
                if let Some(value) = entry.value.upgrade(mc) {
                    return Some((entry.key, value));
                }
            }
        })
    }
}

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
pub struct Interner<'gc, T: ?Sized + Content<'gc> + 'gc>(Table<'gc, Weak<'gc, T>, ()>);

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Clone for Interner<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Copy for Interner<'gc, T> {}

// SAFETY: one edge, to the table. The bound on the target is rule 7 of the trait.
unsafe impl<'gc, T: ?Sized + Content<'gc> + 'gc> Trace<'gc> for Interner<'gc, T> {
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        self.0.trace(tracer);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        self.0.relocate(relocator);
    }
}

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
            interned = other.upgrade(mc).filter(|other| Gc::as_ref(*other).borrow() == asked);
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
        self.0.add(mc, hash, weak, (), |key, ()| !key.is_dropped())?;
        Ok(made)
    }

    /// Drops the entries whose values are dead, and gives their storage back.
    #[track_caller]
    pub fn purge(self, mc: &Mutator<'gc>) {
        done(self.0.rebuild(mc, 0, |key, ()| !key.is_dropped()));
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
