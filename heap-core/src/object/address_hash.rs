//! Hashing of addresses: a multiplication.
//!
//! The side tables are keyed by objects of this heap, which nobody can choose to collide; the standard hash's resistance
//! to that would cost more than the tables themselves.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::reference::ObjectRef;

/// A map whose keys are objects.
pub type ObjectMap<T> = HashMap<ObjectRef, T, BuildHasherDefault<AddressHasher>>;
/// A set of objects.
pub type ObjectSet = HashSet<ObjectRef, BuildHasherDefault<AddressHasher>>;

/// Hashes one address.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(byte.into());
        }
    }

    fn write_usize(&mut self, value: usize) {
        // 2^64 divided by the golden ratio (Knuth, volume 3, section 6.4). The product's upper bits are the good ones;
        // the table takes its tag from the top and its index from the bottom, so the halves change places.
        self.0 = (self.0 ^ value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}
