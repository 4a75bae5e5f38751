//! [`KeyRule`]: what makes two keys of a map the same.

use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use crate::api::gc::Gc;
use crate::api::mutator::Mutator;

/// A rule by which keys of type `K` are found when one asks for a `Q`.
///
/// The rule is a type and not a value. Maps of an interpreter whose values are of several kinds have one of their own:
///
/// ```
/// use heap_core::collections::{ByValue, KeyRule, Map};
/// use heap_core::{Gc, Heap, Mutator, NoGc, Rootable, Trace};
///
/// #[derive(Trace, Clone, Copy)]
/// enum Value<'gc> {
///     Number(f64),
///     Text(Gc<'gc, str>),
/// }
///
/// /// Numbers by their bits, texts by what they say.
/// struct Keys;
/// impl<'gc> KeyRule<'gc, Value<'gc>> for Keys {
///     fn hash(mc: &Mutator<'gc>, key: &Value<'gc>) -> u64 {
///         match key {
///             Value::Number(number) => <ByValue as KeyRule<u64>>::hash(mc, &number.to_bits()),
///             Value::Text(text) => <ByValue as KeyRule<Gc<str>, str>>::hash(mc, text),
///         }
///     }
///     fn same(_: &Mutator<'gc>, key: &Value<'gc>, other: &Value<'gc>) -> bool {
///         match (key, other) {
///             (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
///             (Value::Text(a), Value::Text(b)) => a == b,
///             _ => false,
///         }
///     }
/// }
///
/// let mut heap =
///     Heap::<Rootable![Map<'_, Value<'_>, u64, Keys>]>::new(NoGc::default(), |mc| Map::new(mc)).unwrap();
/// heap.mutate(|mc, map| {
///     map.insert(mc, Value::Number(0.5), 1);
///     map.insert(mc, Value::Text(Gc::new_str(mc, "half")), 2);
///     assert_eq!(map.get(mc, &Value::Number(0.5)), Some(1));
///     assert_eq!(map.get(mc, &Value::Text(Gc::new_str(mc, "half"))), Some(2));
/// });
/// ```
pub trait KeyRule<'gc, K, Q: ?Sized = K> {
    /// The hash of what is asked for: equal to that of every key which is the same. All bits count, but the highest.
    fn hash(mc: &Mutator<'gc>, asked: &Q) -> u64;

    /// Whether a key of the map is what is asked for.
    fn same(mc: &Mutator<'gc>, key: &K, asked: &Q) -> bool;
}

/// Keys are the same when they are equal: `Hash` and `Eq`, as in std's maps. A `Gc` is hashed and compared by what it
/// points to, so a map with `Gc<str>` for keys is asked with a `&str`.
///
/// Hashes are foldhash's, with a seed of the process: inputs that make all keys collide cannot be prepared without
/// knowing it. Not a cryptographic promise.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByValue;

impl<'gc, K: Borrow<Q>, Q: Hash + Eq + ?Sized> KeyRule<'gc, K, Q> for ByValue {
    #[inline]
    fn hash(_: &Mutator<'gc>, asked: &Q) -> u64 {
        hash_of(asked)
    }
    #[inline]
    fn same(_: &Mutator<'gc>, key: &K, asked: &Q) -> bool {
        key.borrow() == asked
    }
}

/// Keys are the same when they are the same object, whatever is in it.
///
/// ```
/// use heap_core::collections::{ByIdentity, Map};
/// use heap_core::{Gc, Heap, NoGc, Rootable};
///
/// type Notes<'gc> = Map<'gc, Gc<'gc, str>, u64, ByIdentity>;
///
/// let mut heap = Heap::<Rootable![Notes<'_>]>::new(NoGc::default(), |mc| Map::new(mc)).unwrap();
/// heap.mutate(|mc, notes| {
///     let (one, other) = (Gc::new_str(mc, "text"), Gc::new_str(mc, "text"));
///     notes.insert(mc, one, 1);
///     assert_eq!(notes.get(mc, &one), Some(1));
///     assert_eq!(notes.get(mc, &other), None);
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ByIdentity;

impl<'gc, T: ?Sized + 'gc> KeyRule<'gc, Gc<'gc, T>> for ByIdentity {
    #[inline]
    fn hash(mc: &Mutator<'gc>, asked: &Gc<'gc, T>) -> u64 {
        Gc::identity_hash(*asked, mc)
    }
    #[inline]
    fn same(_: &Mutator<'gc>, key: &Gc<'gc, T>, asked: &Gc<'gc, T>) -> bool {
        Gc::ptr_eq(*key, *asked)
    }
}

/// A value's hash, the same as long as the process runs.
#[inline]
pub(super) fn hash_of<Q: Hash + ?Sized>(value: &Q) -> u64 {
    SeedableRandomState::with_seed(0, SharedSeed::global_random()).hash_one(value)
}
