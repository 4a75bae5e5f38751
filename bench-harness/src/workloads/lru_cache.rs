//! `lru_cache`: a hash table whose entries are also in a list by age.
//!
//! A cache of 100 000 entries is asked 1 000 000 times, 10 per batch, for keys of which some are asked for often. A miss
//! makes an entry and a value of 16 bytes to 16 KiB, and evicts the entry that was not asked for the longest. Everything
//! here is what generational collectors dislike: old objects are rewritten at every hit, what dies is old, and sizes
//! differ.
//!
//! ```text
//! struct Entry { key: u64, value: Pointer, chain, newer, older: Option<Pointer> }   // 40 bytes
//! struct Value([u8; 16..=16_383]);                                                  // one object
//! struct Table([Option<Pointer>; 131_072]);                                         // one object
//! struct Ends { newest, oldest: Option<Pointer> }                                   // 16 bytes
//! ```
//!
//! **Profile**: an entry of 48 bytes with its header for a value of 2 400 on average, one pair for each miss; four old
//! pointers written for each hit, eight for each miss.

use super::size_mix::log_uniform;
use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};

/// Bytes of an entry's fields.
pub const ENTRY_BYTES: u64 = 40;

/// Bytes of the two ends of the list.
pub const ENDS_BYTES: u64 = 16;

/// Accesses of one batch.
pub const BATCH: usize = 10;

const SEED: u64 = 17;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Entries of the cache.
    pub entries: u32,
    /// Accesses in all: a multiple of [`BATCH`].
    pub accesses: u64,
    /// Chains of the table: a power of two.
    pub buckets: usize,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { entries: 500, accesses: 10_000, buckets: 1 << 9 },
            Size::Classic => Parameters { entries: 100_000, accesses: 1_000_000, buckets: 1 << 17 },
            Size::Large => Parameters { entries: 800_000, accesses: 8_000_000, buckets: 1 << 20 },
        }
    }

    /// The chain of a key.
    #[inline]
    pub const fn bucket(self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize & (self.buckets - 1)
    }

    /// Keys are below this.
    const fn keys(self) -> u32 {
        self.entries * 8
    }

    /// The most bytes that are alive at once. Goes through all accesses.
    pub fn live_bytes(self) -> u64 {
        let entry = |key| object_bytes(ENTRY_BYTES) + slice_bytes(value_len(u64::from(key)) as u64);
        let mut draws = Draws::new(self);
        // The cache as it should be: for each key, the number of its last access; and all accesses in order.
        let mut last = vec![u64::MAX; self.keys() as usize];
        let mut accesses = std::collections::VecDeque::new();
        let (mut count, mut live, mut most) = (0, 0, 0);
        for number in 0..self.accesses {
            let key = draws.key();
            if last[key as usize] == u64::MAX {
                (count, live) = (count + 1, live + entry(key));
                most = most.max(live);
            }
            last[key as usize] = number;
            accesses.push_back((number, key));
            while count > self.entries {
                let Some((number, key)) = accesses.pop_front() else { break };
                if last[key as usize] == number {
                    last[key as usize] = u64::MAX;
                    (count, live) = (count - 1, live - entry(key));
                }
            }
        }
        most + slice_bytes(self.buckets as u64 * POINTER_BYTES) + object_bytes(ENDS_BYTES)
    }
}

/// The length of the value of a key, in bytes.
#[inline]
pub const fn value_len(key: u64) -> usize {
    let mut random = Random::new(key);
    log_uniform(random.bits(), 16, 10)
}

/// Every byte of the value of a key.
#[inline]
pub const fn value_byte(key: u64) -> u8 {
    (key >> 3) as u8
}

/// What is read from a value.
#[inline]
pub fn digest(value: &[u8]) -> u64 {
    value.len() as u64 + (u64::from(value[0]) << 16) + (u64::from(value[value.len() - 1]) << 24)
}

/// The sequence of random decisions.
#[derive(Clone, Debug)]
struct Draws {
    random: Random,
    keys: u32,
}

impl Draws {
    fn new(parameters: Parameters) -> Self {
        Draws { random: Random::new(SEED), keys: parameters.keys() }
    }

    /// The next key. Each of two more draws takes a random part of what is left, so that small keys are likely.
    fn key(&mut self) -> u32 {
        let bound = self.random.below(self.keys) + 1;
        let bound = self.random.below(bound) + 1;
        self.random.below(bound)
    }
}

/// What a batch of accesses came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accessed {
    /// The sum of the [`digest`]s of all values, wrapping.
    pub sum: u64,
    /// Accesses that found no entry.
    pub misses: u64,
    /// The bytes of the values that were made for them.
    pub bytes: u64,
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// For each key: looks for its entry. If there is one, it becomes the newest of the list. If not, an entry with a
    /// value of [`value_len`] bytes, all [`value_byte`], is put in front of its chain and becomes the newest, and if
    /// there are more than [`Parameters::entries`] now, the oldest is taken out of its chain and of the list.
    fn access(&mut self, keys: &[u64; BATCH]) -> Accessed;

    /// From the newest entry to the oldest: mixes its key.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, parameters.buckets as u64 * POINTER_BYTES);
    tally.add(1, ENDS_BYTES);
    let mut draws = Draws::new(parameters);
    for _ in 0..parameters.accesses / BATCH as u64 {
        let keys = std::array::from_fn(|_| u64::from(draws.key()));
        let Accessed { sum, misses, bytes } = program.access(&keys);
        checksum.mix(sum);
        checksum.mix(misses);
        tally.add(misses, ENTRY_BYTES);
        tally.objects += misses;
        tally.bytes += bytes;
    }
    program.check(&mut checksum);
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_keys_are_asked_for_often_and_values_have_every_size() {
        let parameters = Parameters::of(Size::Small);
        let mut draws = Draws::new(parameters);
        let keys: Vec<u32> = (0..10_000).map(|_| draws.key()).collect();
        let small = keys.iter().filter(|key| **key < parameters.keys() / 8).count();
        assert!((5_000..8_000).contains(&small), "{small}");
        let lengths: Vec<usize> = (0..10_000).map(value_len).collect();
        assert!(lengths.iter().all(|len| (16..16_384).contains(len)));
        assert!(lengths.iter().any(|len| *len < 20) && lengths.iter().any(|len| *len > 16_000));
    }
}
