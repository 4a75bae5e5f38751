//! [`Map`]: an insertion-ordered hash map in the heap.

use core::marker::PhantomData;

use super::list::done;
use super::rules::{ByValue, KeyRule};
use super::table::{Changed, Table};
use crate::api::mutator::Mutator;
use crate::api::recursion::print_once;
use crate::error::AllocError;
use crate::trace::{Known, Relocator, Trace, Tracer};

/// A hash map in the heap that remembers the order of insertion, as Python's dict: one word, copied like any pointer;
/// copies are the same map.
///
/// Keys and values are `Copy`; keys may hold pointers. `B` says what makes two keys the same: [`ByValue`],
/// [`ByIdentity`](super::ByIdentity) or a rule of your own. See the [module](crate::collections) for what iteration sees of changes.
///
/// ```
/// use heap_core::collections::Map;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![Map<'_, Gc<'_, str>, u64>]>::new(NoGc::default(), |mc| Map::new(mc)).unwrap();
/// heap.mutate(|mc, map| {
///     map.insert(mc, Gc::new_str(mc, "one"), 1);
///     map.insert(mc, Gc::new_str(mc, "two"), 2);
///     assert_eq!(map.insert(mc, Gc::new_str(mc, "one"), 11), Some(1));
///     assert_eq!(map.get(mc, "one"), Some(11));
///     assert_eq!(map.remove(mc, "two"), Some(2));
///     assert_eq!(map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(), ["one=11"]);
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
/// Either way the map is as it was.
pub struct Map<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B = ByValue> {
    table: Table<'gc, K, V>,
    _rule: PhantomData<fn() -> B>,
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> Clone for Map<'gc, K, V, B> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> Copy for Map<'gc, K, V, B> {}

// SAFETY: one edge, to the table. Keys and values are `Trace`, and the rule is `'static` (rule 7 of the trait).
unsafe impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B: 'static> Trace<'gc> for Map<'gc, K, V, B> {
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

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> Map<'gc, K, V, B> {
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
        Ok(Map { table: Table::try_new(mc)?, _rule: PhantomData })
    }

    /// The number of keys.
    #[inline]
    pub fn len(self) -> usize {
        self.table.len()
    }

    /// True when there is no key.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number of entries for which there is storage. Removed ones count until the storage is renewed.
    pub fn capacity(self) -> usize {
        self.table.capacity()
    }

    /// True when both are the same map.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.table.ptr_eq(other.table)
    }

    /// The value of a key.
    #[inline]
    pub fn get<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<V>
    where
        B: KeyRule<'gc, K, Q>,
    {
        Some(self.find(mc, key)?.1)
    }

    /// The key that is in the map, and its value.
    #[inline]
    pub fn get_key_value<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<(K, V)>
    where
        B: KeyRule<'gc, K, Q>,
    {
        self.find(mc, key)
    }

    #[inline]
    fn find<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<(K, V)>
    where
        B: KeyRule<'gc, K, Q>,
    {
        let (_, entry) = self.table.find(B::hash(mc, key), |other| B::same(mc, &other.key, key))?;
        Some((entry.key, entry.value))
    }

    /// True when the key is there.
    #[inline]
    pub fn contains_key<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> bool
    where
        B: KeyRule<'gc, K, Q>,
    {
        self.find(mc, key).is_some()
    }

    /// Sets the value of a key, and returns the one that it had. A key that is there stays, where it is in the order.
    #[inline]
    #[track_caller]
    pub fn insert(self, mc: &Mutator<'gc>, key: K, value: V) -> Option<V>
    where
        B: KeyRule<'gc, K>,
    {
        done(self.try_insert(mc, key, value))
    }

    /// As [`insert`](Self::insert), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_insert(self, mc: &Mutator<'gc>, key: K, value: V) -> Result<Option<V>, AllocError>
    where
        B: KeyRule<'gc, K>,
    {
        let hash = B::hash(mc, &key);
        match self.table.find(hash, |other| B::same(mc, &other.key, &key)) {
            Some((found, entry)) => {
                self.table.set_value(mc, found, entry, value);
                Ok(Some(entry.value))
            }
            None => {
                self.table.add(mc, hash, key, value, |_, _| true)?;
                Ok(None)
            }
        }
    }

    /// The value of a key; `make`'s result, inserted, when the key is not there.
    ///
    /// `make` may change the map. When it inserts the key itself, the value that it inserted stays and is returned.
    #[track_caller]
    pub fn get_or_insert_with(self, mc: &Mutator<'gc>, key: K, make: impl FnOnce() -> V) -> V
    where
        B: KeyRule<'gc, K>,
    {
        if let Some(value) = self.get(mc, &key) {
            return value;
        }
        let value = make();
        if let Some(value) = self.get(mc, &key) {
            return value;
        }
        self.insert(mc, key, value);
        value
    }

    /// Removes a key, and returns its value.
    pub fn remove<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<V>
    where
        B: KeyRule<'gc, K, Q>,
    {
        Some(self.remove_entry(mc, key)?.1)
    }

    /// Removes a key, and returns it as it was in the map, with its value.
    pub fn remove_entry<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<(K, V)>
    where
        B: KeyRule<'gc, K, Q>,
    {
        let (found, entry) = self.table.find(B::hash(mc, key), |other| B::same(mc, &other.key, key))?;
        self.table.remove(mc, found, entry);
        Some((entry.key, entry.value))
    }

    /// The key behind this one in the order of insertion, and its value, if there is one; the first, behind `None`. `None` when this
    /// key is not there. Costs a lookup.
    ///
    /// For iterations whose state is a key, as a script's is, and that outlive a `mutate`. A key that is removed meanwhile has
    /// no place any more; its value may be replaced.
    ///
    /// ```
    /// use heap_core::collections::Map;
    /// use heap_core::{Heap, NoGc, Rootable};
    ///
    /// let mut heap = Heap::<Rootable![Map<'_, u64, u64>]>::new(NoGc::default(), |mc| Map::new(mc)).unwrap();
    /// heap.mutate(|mc, squares| [3, 1, 2].map(|key| squares.insert(mc, key, key * key)));
    /// let mut keys = Vec::new();
    /// while let Some((key, _)) = heap.mutate(|mc, squares| squares.next_after(mc, keys.last())).unwrap() {
    ///     keys.push(key);
    /// }
    /// assert_eq!(keys, [3, 1, 2]);
    /// assert_eq!(heap.mutate(|mc, squares| squares.next_after(mc, Some(&4))), None);
    /// ```
    pub fn next_after<Q: ?Sized>(self, mc: &Mutator<'gc>, key: Option<&Q>) -> Option<Option<(K, V)>>
    where
        B: KeyRule<'gc, K, Q>,
    {
        let from = match key {
            Some(key) => self.table.find(B::hash(mc, key), |other| B::same(mc, &other.key, key))?.0.behind(),
            None => 0,
        };
        Some(self.table.next(from).map(|(_, entry)| (entry.key, entry.value)))
    }

    /// Removes the key that was inserted first.
    ///
    /// Removed entries are holes, which are passed by at each call until the next insertions renew the storage: a map that
    /// is emptied so takes quadratic time; one that is a queue, into which as much goes as comes out, does not.
    pub fn pop_first(self, mc: &Mutator<'gc>) -> Option<(K, V)> {
        let (number, entry) = self.table.next(0)?;
        self.table.remove_number(mc, number - 1);
        Some((entry.key, entry.value))
    }

    /// Drops all keys, and the storage.
    pub fn clear(self, mc: &Mutator<'gc>) {
        self.table.clear(mc);
    }

    /// Keeps the keys of which `keep` says so. A key that `keep` inserts may or may not be asked about.
    pub fn retain(self, mc: &Mutator<'gc>, mut keep: impl FnMut(K, V) -> bool) {
        let mut from = 0;
        while let Some((number, entry)) = self.table.next(from) {
            from = number;
            let before = self.table.additions();
            let keep = keep(entry.key, entry.value);
            // A new key may have renewed the storage, with other numbers.
            if !keep && self.table.additions() == before {
                self.table.remove_number(mc, number - 1);
            }
        }
    }

    /// Makes room for so many keys more.
    #[track_caller]
    pub fn reserve(self, mc: &Mutator<'gc>, additional: usize) {
        done(self.try_reserve(mc, additional));
    }

    /// As [`reserve`](Self::reserve), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_reserve(self, mc: &Mutator<'gc>, additional: usize) -> Result<(), AllocError> {
        if additional > self.capacity() - self.table.used() {
            self.table.rebuild(mc, additional, |_, _| true)?;
        }
        Ok(())
    }

    /// Renews the storage with as much room as the keys need. Ends iterations.
    #[track_caller]
    pub fn shrink_to_fit(self, mc: &Mutator<'gc>) {
        if self.is_empty() {
            self.clear(mc);
        } else {
            done(self.table.rebuild(mc, 0, |_, _| true));
        }
    }

    /// Keys and values in the order of insertion.
    ///
    /// # Panics
    /// A step of the iterator panics when a key was inserted since it was made, or the storage renewed. Values may change
    /// meanwhile, and keys be removed.
    #[inline]
    pub fn iter(self) -> Iter<'gc, K, V, B> {
        Iter { map: self, from: 0, additions: self.table.additions() }
    }

    /// The keys in the order of insertion; see [`iter`](Self::iter).
    pub fn keys(self) -> impl Iterator<Item = K> + use<'gc, K, V, B> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order in which their keys were inserted; see [`iter`](Self::iter).
    pub fn values(self) -> impl Iterator<Item = V> + use<'gc, K, V, B> {
        self.iter().map(|(_, value)| value)
    }
}

/// As a map, in the order of insertion. Inside itself it is printed as `...`.
impl<'gc, K, V, B> core::fmt::Debug for Map<'gc, K, V, B>
where
    K: Trace<'gc> + Copy + core::fmt::Debug + 'gc,
    V: Trace<'gc> + Copy + core::fmt::Debug + 'gc,
{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        print_once(self.table.as_ptr(), f, |f| f.debug_map().entries(self.iter()).finish())
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> IntoIterator for Map<'gc, K, V, B> {
    type Item = (K, V);
    type IntoIter = Iter<'gc, K, V, B>;
    fn into_iter(self) -> Iter<'gc, K, V, B> {
        self.iter()
    }
}

/// The keys and values of a [`Map`], in the order of insertion.
pub struct Iter<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> {
    map: Map<'gc, K, V, B>,
    from: usize,
    additions: u64,
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> Iter<'gc, K, V, B> {
    /// The next key and value, or a report that the map has new keys, or other storage.
    ///
    /// # Errors
    /// When a key was inserted since the iteration began, or the storage renewed.
    #[inline]
    pub fn try_next(&mut self) -> Result<Option<(K, V)>, Changed> {
        if self.map.table.additions() != self.additions {
            return Err(Changed);
        }
        let Some((next, entry)) = self.map.table.next(self.from) else { return Ok(None) };
        self.from = next;
        Ok(Some((entry.key, entry.value)))
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, V: Trace<'gc> + Copy + 'gc, B> Iterator for Iter<'gc, K, V, B> {
    type Item = (K, V);
    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<(K, V)> {
        self.try_next().unwrap_or_else(|changed| panic!("{changed}"))
    }
}
