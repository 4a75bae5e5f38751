//! [`Set`]: an insertion-ordered hash set in the heap.

use super::map::{Iter, Map};
use super::rules::{ByValue, KeyRule};
use crate::api::mutator::Mutator;
use crate::error::AllocError;
use crate::trace::{Known, Relocator, Trace, Tracer};

/// A hash set in the heap that remembers the order of insertion: a [`Map`] without values.
///
/// ```
/// use heap_core::collections::Set;
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![Set<'_, Gc<'_, str>>]>::new(NoGc::default(), |mc| Set::new(mc)).unwrap();
/// heap.mutate(|mc, seen| {
///     assert!(seen.insert(mc, Gc::new_str(mc, "a")));
///     assert!(!seen.insert(mc, Gc::new_str(mc, "a")));
///     assert!(seen.contains(mc, "a"));
/// });
/// ```
///
/// # Panics
/// What needs memory panics when the heap's limit is reached or the system refuses memory; the `try_` forms report that.
/// Either way the set is as it was.
pub struct Set<'gc, K: Trace<'gc> + Copy + 'gc, B = ByValue>(Map<'gc, K, (), B>);

impl<'gc, K: Trace<'gc> + Copy + 'gc, B> Clone for Set<'gc, K, B> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, B> Copy for Set<'gc, K, B> {}

// SAFETY: as for the map that it is.
unsafe impl<'gc, K: Trace<'gc> + Copy + 'gc, B: 'static> Trace<'gc> for Set<'gc, K, B> {
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

impl<'gc, K: Trace<'gc> + Copy + 'gc, B> Set<'gc, K, B> {
    /// An empty set, without storage.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        Set(Map::new(mc))
    }

    /// As [`new`](Self::new), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        Ok(Set(Map::try_new(mc)?))
    }

    /// The number of keys.
    #[inline]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// True when there is no key.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// True when both are the same set.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        Map::ptr_eq(this.0, other.0)
    }

    /// True when the key is there.
    #[inline]
    pub fn contains<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> bool
    where
        B: KeyRule<'gc, K, Q>,
    {
        self.0.contains_key(mc, key)
    }

    /// The key of the set that is the same as this one.
    #[inline]
    pub fn get<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<K>
    where
        B: KeyRule<'gc, K, Q>,
    {
        Some(self.0.get_key_value(mc, key)?.0)
    }

    /// Adds a key; false when it was there, and then the old one stays.
    #[inline]
    #[track_caller]
    pub fn insert(self, mc: &Mutator<'gc>, key: K) -> bool
    where
        B: KeyRule<'gc, K>,
    {
        self.0.insert(mc, key, ()).is_none()
    }

    /// As [`insert`](Self::insert), but reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    #[inline]
    pub fn try_insert(self, mc: &Mutator<'gc>, key: K) -> Result<bool, AllocError>
    where
        B: KeyRule<'gc, K>,
    {
        Ok(self.0.try_insert(mc, key, ())?.is_none())
    }

    /// Removes a key, and returns it as it was in the set.
    pub fn remove<Q: ?Sized>(self, mc: &Mutator<'gc>, key: &Q) -> Option<K>
    where
        B: KeyRule<'gc, K, Q>,
    {
        Some(self.0.remove_entry(mc, key)?.0)
    }

    /// Drops all keys, and the storage.
    pub fn clear(self, mc: &Mutator<'gc>) {
        self.0.clear(mc);
    }

    /// Keeps the keys of which `keep` says so. A key that `keep` inserts may or may not be asked about.
    pub fn retain(self, mc: &Mutator<'gc>, mut keep: impl FnMut(K) -> bool) {
        self.0.retain(mc, |key, ()| keep(key));
    }

    /// Makes room for so many keys more.
    #[track_caller]
    pub fn reserve(self, mc: &Mutator<'gc>, additional: usize) {
        self.0.reserve(mc, additional);
    }

    /// Renews the storage with as much room as the keys need. Ends iterations.
    #[track_caller]
    pub fn shrink_to_fit(self, mc: &Mutator<'gc>) {
        self.0.shrink_to_fit(mc);
    }

    /// The keys in the order of insertion.
    ///
    /// # Panics
    /// As [`Map::iter`].
    #[inline]
    pub fn iter(self) -> SetIter<'gc, K, B> {
        SetIter(self.0.iter())
    }
}

/// As a set, in the order of insertion.
impl<'gc, K: Trace<'gc> + Copy + core::fmt::Debug + 'gc, B> core::fmt::Debug for Set<'gc, K, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<'gc, K: Trace<'gc> + Copy + 'gc, B> IntoIterator for Set<'gc, K, B> {
    type Item = K;
    type IntoIter = SetIter<'gc, K, B>;
    fn into_iter(self) -> SetIter<'gc, K, B> {
        self.iter()
    }
}

/// The keys of a [`Set`], in the order of insertion.
pub struct SetIter<'gc, K: Trace<'gc> + Copy + 'gc, B>(Iter<'gc, K, (), B>);

impl<'gc, K: Trace<'gc> + Copy + 'gc, B> Iterator for SetIter<'gc, K, B> {
    type Item = K;
    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<K> {
        Some(self.0.next()?.0)
    }
}
