//! `list_churn`: many live linked lists, of which a random one is replaced again and again.
//!
//! 1 000 singly linked lists of 1 000 nodes are live; 20 000 times, a pseudo-random one is replaced by a new list.
//! Nothing dies young in the sense of the generational hypothesis: a list lives for 1 000 replacements on average.
//!
//! ```text
//! struct Node { value: u64, next: Option<Pointer> }   // 16 bytes
//! struct Table([Option<Pointer>; 1_000]);             // the heads; one object
//! ```
//!
//! A list is built by putting nodes in front, so `next` is never written after its node was created. Lists are
//! numbered in the order in which they are built, and the node put in front as number `k` of list `n` holds
//! `n * length + k`: no value occurs twice in a run.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 16;

/// Seed of the choice of lists.
const SEED: u64 = 3;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Live lists.
    pub lists: u32,
    /// Nodes of each list.
    pub length: u32,
    /// Lists built after the table is full.
    pub replacements: u32,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { lists: 20, length: 100, replacements: 400 },
            Size::Classic => Parameters { lists: 1_000, length: 1_000, replacements: 20_000 },
            Size::Large => Parameters { lists: 8_000, length: 1_000, replacements: 160_000 },
        }
    }

    /// The most bytes that are alive at once: a full table, and the list that takes a place in it.
    pub const fn live_bytes(self) -> u64 {
        let lists = self.lists as u64;
        slice_bytes(lists * POINTER_BYTES) + (lists + 1) * self.length as u64 * object_bytes(NODE_BYTES)
    }
}

/// What an implementation supplies. Each method is one batch.
///
/// The table has [`Parameters::lists`] slots, all empty at first.
pub trait Program {
    /// Builds a list of the given values, each put in front of the ones before it, and stores it in slot `slot`.
    /// Returns the value of the first node of the list that was there, if there was one.
    fn replace(&mut self, slot: usize, values: std::ops::Range<u64>) -> Option<u64>;

    /// Mixes the wrapping sum of the values of each list, in the order of the slots.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { lists, length, replacements } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut random = Random::new(SEED);
    tally.add(1, u64::from(lists) * POINTER_BYTES);

    for number in 0..lists + replacements {
        let slot = if number < lists { number } else { random.below(lists) };
        let first = u64::from(number) * u64::from(length);
        if let Some(old) = program.replace(slot as usize, first..first + u64::from(length)) {
            checksum.mix(old);
        }
        tally.add(u64::from(length), NODE_BYTES);
    }

    program.check(&mut checksum);
    drop(program);
    tally.outcome(checksum)
}
