//! JSON as other writers than V8 write it, where the meaning is clear.
//!
//! Whole numbers may be written `24.0` or `2.4e1`: programs whose only number is a double do. Keys that mean nothing to us
//! may be anything that JSON allows, halves of surrogate pairs included, of which Rust can make no string.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// An integer from 0 to `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer(pub(super) u64);

impl<'de> Deserialize<'de> for Integer {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntegerVisitor;
        impl Visitor<'_> for IntegerVisitor {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer that is not negative")
            }

            #[inline]
            fn visit_u64<E: Error>(self, value: u64) -> Result<Integer, E> {
                Ok(Integer(value))
            }

            #[cold]
            fn visit_f64<E: Error>(self, value: f64) -> Result<Integer, E> {
                /// 2 to the power of 64: the first double that is too large.
                const END: f64 = 18_446_744_073_709_551_616.0;
                if value.fract() == 0.0 && (0.0..END).contains(&value) {
                    return Ok(Integer(value as u64));
                }
                Err(E::invalid_type(Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_u64(IntegerVisitor)
    }
}

/// A key of an object, or the empty string for one that is no text.
#[derive(Debug)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                Ok(Key(key.to_owned()))
            }

            fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<Key, E> {
                Ok(Key(String::from_utf8(key.to_vec()).unwrap_or_default()))
            }
        }
        // Asked for bytes, the JSON library does not insist on text.
        deserializer.deserialize_bytes(KeyVisitor)
    }
}
