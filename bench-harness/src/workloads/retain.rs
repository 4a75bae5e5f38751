//! `retain`: everything that is made stays.
//!
//! A hash table of chains is filled with 3 000 000 records, 1 000 per batch. Nothing dies, nothing can be reclaimed: a
//! collector that works here works for nothing, and one that copies copies everything. Each insertion writes into a
//! table that is old and larger than any cache.
//!
//! ```text
//! struct Record { key: u64, value: u64, next: Option<Pointer> }   // 24 bytes; never written after it was made
//! struct Table([Option<Pointer>; 1_048_576]);                     // one object
//! ```
//!
//! **Profile**: 32 bytes an object with its header, survival 100 %, one old pointer written for each object.

use super::{Checksum, Outcome, POINTER_BYTES, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;

/// Bytes of a record's fields.
pub const RECORD_BYTES: u64 = 24;

/// Records of one batch.
pub const BATCH: u64 = 1_000;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Records in all: a multiple of [`BATCH`].
    pub records: u64,
    /// Chains of the table: a power of two.
    pub buckets: usize,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { records: 10_000, buckets: 1 << 12 },
            Size::Classic => Parameters { records: 3_000_000, buckets: 1 << 20 },
            Size::Large => Parameters { records: 24_000_000, buckets: 1 << 23 },
        }
    }

    /// The chain of a key.
    #[inline]
    pub const fn bucket(self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (self.buckets - 1)
    }

    /// The most bytes that are alive at once.
    pub const fn live_bytes(self) -> u64 {
        slice_bytes(self.buckets as u64 * POINTER_BYTES) + self.records * object_bytes(RECORD_BYTES)
    }
}

/// The value of a record.
#[inline]
pub const fn value(key: u64) -> u64 {
    key ^ 0x5555_5555_5555_5555
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// For each key: puts a record with its [`value`] in front of the chain that [`Parameters::bucket`] names.
    fn insert(&mut self, keys: Range<u64>);

    /// For each chain, in the order of the table: mixes the sum over its records of key + value, wrapping.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, parameters.buckets as u64 * POINTER_BYTES);
    for first in (0..parameters.records).step_by(BATCH as usize) {
        program.insert(first..first + BATCH);
        tally.add(BATCH, RECORD_BYTES);
    }
    program.check(&mut checksum);
    drop(program);
    tally.outcome(checksum)
}
