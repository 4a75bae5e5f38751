//! `functional_map`: a map whose updates copy a path. Held out: nobody tunes on it.
//!
//! A perfect binary trie of depth 16 maps 65 536 keys to numbers; no node of it is ever written. 300 000 times, 10 per
//! batch, a random key gets another value: the 17 nodes from the root to its leaf are made anew, and share the rest with
//! the version before. The last 8 batches' versions are kept in a ring.
//!
//! ```text
//! struct Node { left, right: Option<Pointer>, value: u64 }   // 24 bytes
//! struct Ring([Option<Pointer>; 8]);                         // one object
//! ```
//!
//! **Profile**: 32 bytes an object with its header; nodes near the root die young, near the leaves they grow old. No
//! old object is ever written but the ring.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes, tree_nodes};

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 24;

/// Versions that are kept.
pub const KEPT: usize = 8;

/// Updates of one batch.
pub const BATCH: u64 = 10;

const SEED: u64 = 31;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Depth of the trie.
    pub depth: u32,
    /// Updates in all: a multiple of [`BATCH`].
    pub updates: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { depth: 8, updates: 2_000 },
            Size::Classic => Parameters { depth: 16, updates: 300_000 },
            Size::Large => Parameters { depth: 19, updates: 2_400_000 },
        }
    }

    /// The most bytes that are alive at once, at most: a whole trie, and what 9 batches of updates made besides.
    pub const fn live_bytes(self) -> u64 {
        let copied = (KEPT as u64 * BATCH + 1) * (self.depth as u64 + 1);
        slice_bytes(KEPT as u64 * POINTER_BYTES) + (tree_nodes(self.depth) + copied) * object_bytes(NODE_BYTES)
    }
}

/// One update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The key, of which the lowest bit chooses at the root: 1 is right.
    pub key: u32,
    /// Its value from now on.
    pub value: u64,
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Makes a trie in which all values are 0, and puts it into the ring at 0.
    fn fill(&mut self, depth: u32);

    /// Takes the version in the ring at `from`, applies the updates one after the other, and puts the result into the
    /// ring at `to`. Returns the sum of the values that were replaced, wrapping.
    fn update(&mut self, from: usize, to: usize, updates: &[Update]) -> u64;

    /// The sum of value times position (from 1, left to right), wrapping, over the leaves of the version at `place`.
    fn sum(&mut self, place: usize) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { depth, updates } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut random = Random::new(SEED);
    tally.add(1, KEPT as u64 * POINTER_BYTES);
    program.fill(depth);
    let mut place = 0;
    for batch in 0..updates / BATCH {
        let updates: [Update; BATCH as usize] = std::array::from_fn(|number| Update {
            key: random.below(1 << depth),
            value: batch * BATCH + number as u64,
        });
        let to = (place + 1) % KEPT;
        checksum.mix(program.update(place, to, &updates));
        place = to;
    }
    checksum.mix(program.sum(place));
    tally.add(tree_nodes(depth) + updates * (u64::from(depth) + 1), NODE_BYTES);
    drop(program);
    tally.outcome(checksum)
}
