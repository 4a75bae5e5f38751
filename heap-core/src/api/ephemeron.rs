//! [`Ephemeron`]: a pair whose value lives as long as its key does.
//!
//! What a weak-keyed map stands on. A plain weak pointer to the key beside a strong pointer to the value is not enough: a
//! value that leads back to its key, as the cached shape of a node or the observer of a model does, would keep the key
//! alive for ever.
//!
//! *What it represents.* A pointer to a small object in the heap with a key and a value, neither of which is an edge of
//! it. The value is reached when the ephemeron and its key were, both. When the key dies, both are cleared: the pair is
//! [dead](Ephemeron::is_dropped), and stays so.
//!
//! *How a map uses it.* Its table holds ephemerons, which are ordinary pointers to the table's `Trace` and to the barrier,
//! beside the hashes of the keys. A lookup compares the hash, then [`is_key`](Ephemeron::is_key), which touches neither key
//! nor collector, and then takes the [`value`](Ephemeron::value). To remove an entry is to remove the pointer from the
//! table; what is dead is dropped whenever the table is walked.
//!
//! *Why key and value never change.* A pair that could be set would need the write barrier of every collector for places
//! that are no edges: a remembered set of pairs, a log of the value that counted. What changes is the value's own
//! affair: an `Ephemeron<K, Lock<V>>` is set through the lock by the barrier that there is, and `V` may be a number.
//!
//! The machinery is that of [`death`](crate::death).

use core::marker::PhantomData;

use super::gc::Gc;
use super::mutator::Mutator;
use crate::death::Ephemeron as Payload;
use crate::error::AllocError;
use crate::object::ObjectRef;
use crate::trace::{Content, Known, Relocator, Trace, Tracer};

/// A pointer to a key and a value; the value lives as long as the key does (Hayes, OOPSLA 1997).
///
/// One word, `Copy`; the pair itself takes 48 bytes of heap. The ephemeron keeps neither key nor value alive. While key
/// *and* ephemeron are alive, the value is, even if only the value leads back to the key: then all three die together.
/// With pure reference counting such a cycle keeps itself alive, as every cycle does there.
///
/// Any number of ephemerons, in chains of any length and order, cost a full collection time in proportion to their
/// number.
///
/// ```
/// use heap_core::{Ephemeron, Gc, Heap, Lock, NoGc, Rootable, Trace, store};
///
/// #[derive(Trace)]
/// struct Shape<'gc> {
///     name: Gc<'gc, str>,
///     /// How often the shape was drawn: known here for as long as the shape exists.
///     drawn: Lock<Option<Ephemeron<'gc, str, Lock<u64>>>>,
/// }
///
/// let mut heap = Heap::<Rootable![Shape<'_>]>::new(NoGc::default(), |mc| {
///     Shape { name: Gc::new_str(mc, "circle"), drawn: Lock::new(None) }
/// })?;
/// heap.mutate_root(|mc, shape| {
///     // A value that changes sits in a lock.
///     let count = Gc::new(mc, Lock::new(1));
///     *shape.drawn.get_mut() = Some(Ephemeron::new(mc, shape.name, count));
/// });
/// heap.mutate(|mc, shape| {
///     let drawn = shape.drawn.get().unwrap();
///     assert!(drawn.is_key(shape.name) && !drawn.is_key(Gc::new_str(mc, "circle")));
///     let count = drawn.value(mc).expect("the key is alive");
///     Gc::write(mc, count).unlock().set(count.get() + 1);
///     assert_eq!(drawn.value(mc).unwrap().get(), 2);
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct Ephemeron<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> {
    object: ObjectRef,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
    _pair: PhantomData<(*const K, *const V)>,
}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Clone for Ephemeron<'gc, K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Copy for Ephemeron<'gc, K, V> {}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Ephemeron<'gc, K, V> {
    /// Makes an ephemeron: 48 bytes, and a place in the heap's list of them.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Self {
        match Self::try_new(mc, key, value) {
            Ok(ephemeron) => ephemeron,
            Err(error) => super::alloc::heap_is_full(error),
        }
    }

    /// Makes an ephemeron, or reports a full heap.
    ///
    /// # Errors
    /// When the heap limit is reached or the system refuses memory.
    pub fn try_new(mc: &Mutator<'gc>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Result<Self, AllocError> {
        // SAFETY: both are alive.
        let object = unsafe { mc.machine.allocate_ephemeron(key.object(), value.object()) }?;
        Ok(Ephemeron { object, _brand: PhantomData, _pair: PhantomData })
    }

    #[inline]
    pub(super) fn object(self) -> ObjectRef {
        self.object
    }

    /// # Safety
    /// `object` must be a live ephemeron with key and value of these types, in the heap whose brand is `'gc`.
    #[inline]
    pub(super) unsafe fn from_object(object: ObjectRef) -> Self {
        Ephemeron { object, _brand: PhantomData, _pair: PhantomData }
    }

    /// Key and value, while the key lives; neither is kept alive by it.
    #[inline]
    pub(super) fn pair(self) -> Option<(ObjectRef, ObjectRef)> {
        // SAFETY: this is a strong pointer to an ephemeron, and its memory is intact until the next safepoint.
        unsafe { Payload::at(self.object) }.pair()
    }

    /// Key and value, while the key lives. What is given out lives at least until the next safepoint.
    #[inline]
    pub fn get(self, mc: &Mutator<'gc>) -> Option<(Gc<'gc, K>, Gc<'gc, V>)> {
        let (key, value) = self.pair()?;
        mc.machine.weak_upgraded(key);
        mc.machine.weak_upgraded(value);
        // SAFETY: ephemerons are cleared at the safepoint where their key dies; until then key and value are alive. They
        // have the types that `try_new` was given, for neither they nor the types of an ephemeron ever change.
        Some(unsafe { (Gc::from_object(key), Gc::from_object(value)) })
    }

    /// The key, while it lives.
    #[inline]
    pub fn key(self, mc: &Mutator<'gc>) -> Option<Gc<'gc, K>> {
        let (key, _) = self.pair()?;
        mc.machine.weak_upgraded(key);
        // SAFETY: as in `get`.
        Some(unsafe { Gc::from_object(key) })
    }

    /// The value, while the key lives.
    #[inline]
    pub fn value(self, mc: &Mutator<'gc>) -> Option<Gc<'gc, V>> {
        let (_, value) = self.pair()?;
        mc.machine.weak_upgraded(value);
        // SAFETY: as in `get`.
        Some(unsafe { Gc::from_object(value) })
    }

    /// True when `object` is the key. Compares addresses: neither object is looked at, or kept alive by it.
    #[inline]
    pub fn is_key(self, object: Gc<'gc, K>) -> bool {
        self.pair().is_some_and(|(key, _)| key == object.object())
    }

    /// True when the key has been reclaimed, and the value was given up.
    #[inline]
    pub fn is_dropped(self) -> bool {
        self.pair().is_none()
    }

    /// True when both are the same ephemeron, dead or alive.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.object == other.object
    }
}

/// Says whether the key is alive, and neither follows it nor the value: that could run round a cycle.
impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> core::fmt::Debug for Ephemeron<'gc, K, V> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.is_dropped() { "(Ephemeron, dead)" } else { "(Ephemeron)" })
    }
}

// SAFETY: one edge, to the ephemeron. Key and value are the collector's business. The bounds on them are rule 7 of the trait,
// as for `Gc`.
unsafe impl<'gc, K: ?Sized + Content<'gc> + 'gc, V: ?Sized + Content<'gc> + 'gc> Trace<'gc> for Ephemeron<'gc, K, V> {
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        tracer.report(self.object);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        relocator.report(&mut self.object);
    }
}
