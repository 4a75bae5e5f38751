//! [`WeakMap`] and [`WeakSet`]: what belongs to an object as long as it lives.
//!
//! A map from objects to what somebody else knows about them must not keep them, and what it knows may well lead back to
//! them. So an entry is an [ephemeron](Ephemeron), which holds its value only while its key lives. Keys are found by their
//! identity, in a table like all others, by a hash that survives moves. An entry whose key died is there until the table
//! is next rebuilt, which drops such entries first.

use super::list::done;
use super::table::{Found, Table};
use crate::Trace;
use crate::api::ephemeron::Ephemeron;
use crate::api::gc::Gc;
use crate::api::mutator::Mutator;
use crate::api::weak::Weak;
use crate::error::AllocError;
use crate::trace::Content;

type Entry<'gc, T> = super::table::Entry<(), Weak<'gc, T>>;

/// A map from objects, which it does not keep, to what belongs to them: one word, copied like any pointer; copies are the
/// same map. Python's `WeakKeyDictionary`, and JavaScript's `WeakMap`.
///
/// Keys are the same when they are the same object. A value lives as long as its key does, even if it leads back to the key.
/// (With pure reference counting such a cycle keeps itself alive, as every cycle does there.)
///
/// ```
/// use heap_core::collections::WeakMap;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![WeakMap<'_, str, u64>]>::new(NoGc::default(), |mc| WeakMap::new(mc)).unwrap();
/// heap.mutate(|mc, lengths| {
///     let text = Gc::new_str(mc, "some text");
///     lengths.insert(mc, text, Gc::new(mc, 9));
///     assert_eq!(lengths.get(mc, text).as_deref(), Some(&9));
///     assert_eq!(lengths.get(mc, Gc::new_str(mc, "some text")), None, "another object");
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
/// Either way the map is as it was.
#[derive(Trace)]
pub struct WeakMap<'gc, K: ?Sized + Content<'gc> + 'gc, V: ?Sized + Content<'gc> + 'gc>(
    Table<'gc, (), Ephemeron<'gc, K, V>>,
);

impl<'gc, K: ?Sized + Content<'gc> + 'gc, V: ?Sized + Content<'gc> + 'gc> Clone for WeakMap<'gc, K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, K: ?Sized + Content<'gc> + 'gc, V: ?Sized + Content<'gc> + 'gc> Copy for WeakMap<'gc, K, V> {}

impl<'gc, K: ?Sized + Content<'gc> + 'gc, V: ?Sized + Content<'gc> + 'gc> WeakMap<'gc, K, V> {
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
        Ok(WeakMap(Table::try_new(mc)?))
    }

    /// The number of entries. Some of their keys may be dead: a number above which the living are not.
    #[inline]
    pub fn len_with_dead(self) -> usize {
        self.0.len()
    }

    /// True when both are the same map.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.0.ptr_eq(other.0)
    }

    /// The value of an object. It is kept alive until the next safepoint at least.
    #[inline]
    pub fn get(self, mc: &Mutator<'gc>, key: Gc<'gc, K>) -> Option<Gc<'gc, V>> {
        self.0.find(Gc::identity_hash(key, mc), |entry| entry.value.is_key(key))?.1.value.value(mc)
    }

    /// Sets the value of an object, and returns the one that it had.
    #[track_caller]
    pub fn insert(self, mc: &Mutator<'gc>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Option<Gc<'gc, V>> {
        done(self.try_insert(mc, key, value))
    }

    /// As [`insert`](Self::insert), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_insert(
        self,
        mc: &Mutator<'gc>,
        key: Gc<'gc, K>,
        value: Gc<'gc, V>,
    ) -> Result<Option<Gc<'gc, V>>, AllocError> {
        let hash = Gc::identity_hash(key, mc);
        let pair = Ephemeron::try_new(mc, key, value)?;
        match self.0.find(hash, |entry| entry.value.is_key(key)) {
            Some((found, entry)) => {
                self.0.set_value(mc, found, entry, pair);
                Ok(entry.value.value(mc))
            }
            None => {
                self.0.add(mc, hash, (), pair, |(), pair| !pair.is_dropped())?;
                Ok(None)
            }
        }
    }

    /// Removes an object, and returns its value.
    pub fn remove(self, mc: &Mutator<'gc>, key: Gc<'gc, K>) -> Option<Gc<'gc, V>> {
        let (found, entry) = self.0.find(Gc::identity_hash(key, mc), |entry| entry.value.is_key(key))?;
        self.0.remove(mc, found, entry);
        entry.value.value(mc)
    }

    /// The object behind this one in the order of insertion, and its value, if there is one that lives; the first, behind `None`.
    /// `None` when this object is not there. Costs a lookup; see [`Map::next_after`](super::Map::next_after).
    pub fn next_after(self, mc: &Mutator<'gc>, key: Option<Gc<'gc, K>>) -> Option<Option<(Gc<'gc, K>, Gc<'gc, V>)>> {
        let mut from = match key {
            Some(key) => self.0.find(Gc::identity_hash(key, mc), |entry| entry.value.is_key(key))?.0.behind(),
            None => 0,
        };
        while let Some((next, entry)) = self.0.next(from) {
            if let Some(pair) = entry.value.get(mc) {
                return Some(Some(pair));
            }
            from = next;
        }
        Some(None)
    }

    /// Drops all entries, and the storage.
    pub fn clear(self, mc: &Mutator<'gc>) {
        self.0.clear(mc);
    }

    /// Drops the entries whose keys are dead, and gives their storage back.
    #[track_caller]
    pub fn purge(self, mc: &Mutator<'gc>) {
        done(self.0.rebuild(mc, 0, |(), pair| !pair.is_dropped()));
    }

    /// The objects that live, with their values, in the order of insertion.
    ///
    /// # Panics
    /// A step of the iterator panics when a key was inserted since it was made, as [`Map::iter`](super::Map::iter)'s does.
    pub fn iter<'a>(self, mc: &'a Mutator<'gc>) -> impl Iterator<Item = (Gc<'gc, K>, Gc<'gc, V>)> + use<'a, 'gc, K, V> {
        self.0.entries().filter_map(|entry| entry.value.get(mc))
    }
}

/// A set of objects that it does not keep: one word, copied like any pointer; copies are the same set. Python's `WeakSet`, by
/// identity.
///
/// ```
/// use heap_core::collections::WeakSet;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![WeakSet<'_, str>]>::new(NoGc::default(), |mc| WeakSet::new(mc)).unwrap();
/// heap.mutate(|mc, open| {
///     let file = Gc::new_str(mc, "file");
///     assert!(open.insert(mc, file) && !open.insert(mc, file));
///     assert!(open.contains(mc, file));
///     assert_eq!(open.iter(mc).count(), 1);
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
/// Either way the set is as it was.
#[derive(Trace)]
pub struct WeakSet<'gc, T: ?Sized + Content<'gc> + 'gc>(Table<'gc, (), Weak<'gc, T>>);

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Clone for WeakSet<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: ?Sized + Content<'gc> + 'gc> Copy for WeakSet<'gc, T> {}

impl<'gc, T: ?Sized + Content<'gc> + 'gc> WeakSet<'gc, T> {
    /// An empty set, without storage.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        done(Self::try_new(mc))
    }

    /// As [`new`](Self::new), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        Ok(WeakSet(Table::try_new(mc)?))
    }

    /// The number of entries. Some may be dead: a number above which the living are not.
    #[inline]
    pub fn len_with_dead(self) -> usize {
        self.0.len()
    }

    /// True when both are the same set.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.0.ptr_eq(other.0)
    }

    #[inline]
    fn find(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> Option<(Found, Entry<'gc, T>)> {
        let is_it = |entry: &Entry<'gc, T>| entry.value.upgrade(mc).is_some_and(|other| Gc::ptr_eq(other, object));
        self.0.find(Gc::identity_hash(object, mc), is_it)
    }

    /// True when the object is in the set.
    #[inline]
    pub fn contains(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> bool {
        self.find(mc, object).is_some()
    }

    /// Adds an object; false when it was there.
    #[track_caller]
    pub fn insert(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> bool {
        done(self.try_insert(mc, object))
    }

    /// As [`insert`](Self::insert), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_insert(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> Result<bool, AllocError> {
        if self.contains(mc, object) {
            return Ok(false);
        }
        let weak = Gc::try_downgrade(object, mc)?;
        self.0.add(mc, Gc::identity_hash(object, mc), (), weak, |(), weak| !weak.is_dropped(mc))?;
        Ok(true)
    }

    /// Removes an object; false when it was not there.
    pub fn remove(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> bool {
        let Some((found, entry)) = self.find(mc, object) else { return false };
        self.0.remove(mc, found, entry);
        true
    }

    /// Drops all entries, and the storage.
    pub fn clear(self, mc: &Mutator<'gc>) {
        self.0.clear(mc);
    }

    /// Drops the entries that are dead, and gives their storage back.
    #[track_caller]
    pub fn purge(self, mc: &Mutator<'gc>) {
        done(self.0.rebuild(mc, 0, |(), weak| !weak.is_dropped(mc)));
    }

    /// The objects that live, in the order of insertion.
    ///
    /// # Panics
    /// A step of the iterator panics when an object was inserted since it was made, as [`Map::iter`](super::Map::iter)'s does.
    pub fn iter<'a>(self, mc: &'a Mutator<'gc>) -> impl Iterator<Item = Gc<'gc, T>> + use<'a, 'gc, T> {
        self.0.entries().filter_map(|entry| entry.value.upgrade(mc))
    }
}
