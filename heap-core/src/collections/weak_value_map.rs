//! [`WeakValueMap`]: a map that does not keep its values.
//!
//! Values are weak pointers. An entry whose value died is there until the table is next rebuilt; it is never handed out, and
//! its key may be inserted again at once. Rebuilding drops such entries first, so a table whose values come and go has a
//! capacity in proportion to those that live together.

use core::marker::PhantomData;

use super::list::done;
use super::rules::{ByValue, KeyRule};
use super::table::Table;
use crate::api::gc::Gc;
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
        self.table.find(B::hash(mc, key), |other| B::same(mc, &other.key, key))?.1.value.upgrade(mc)
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
        match self.table.find(hash, |other| B::same(mc, &other.key, &key)) {
            Some((found, entry)) => {
                self.table.set_value(mc, found, entry, value);
                Ok(entry.value.upgrade(mc))
            }
            None => {
                self.table.add(mc, hash, key, value, |_, value| !value.is_dropped(mc))?;
                Ok(None)
            }
        }
    }

    /// Removes a key, and returns its value, if that lives.
    pub fn remove<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<Gc<'gc, V>>
    where
        B: KeyRule<'gc, K, Q>,
    {
        let (found, entry) = self.table.find(B::hash(mc, key), |other| B::same(mc, &other.key, key))?;
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
        done(self.table.rebuild(mc, 0, |_, value| !value.is_dropped(mc)));
    }

    /// The keys whose values live, with those, in the order of insertion.
    ///
    /// # Panics
    /// A step of the iterator panics when a key was inserted since it was made, as [`Map::iter`](super::Map::iter)'s does.
    pub fn iter<'a>(self, mc: &'a Mutator<'gc>) -> impl Iterator<Item = (K, Gc<'gc, V>)> + use<'a, 'gc, K, V, B> {
        self.table.entries().filter_map(|entry| Some((entry.key, entry.value.upgrade(mc)?)))
    }
}
