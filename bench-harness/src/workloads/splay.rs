//! `splay`: a search tree that every access rebuilds. Held out: nobody tunes on it.
//!
//! A splay tree (Sleator and Tarjan, 1985) of 8 000 nodes with payloads, as in the benchmark that JavaScript engines are
//! measured with. 200 000 times, 10 per batch, a node with a random key and a fresh payload is inserted, and the node
//! with the greatest key below it is removed. Every access rewrites the links along its path.
//!
//! ```text
//! struct Node { key: u64, left, right: Option<Pointer>, payload: Pointer }    // 32 bytes
//! struct Branch { left, right: Option<Pointer>, values: [u64; 2] }            // 32 bytes; a tree of depth 3
//! ```
//!
//! **Profile**: 40 bytes an object with its header, made in groups of 16 that die together, at random ages.

use super::{Checksum, Outcome, Random, Size, Tally, object_bytes, tree_nodes};

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 32;

/// Bytes of a branch's fields.
pub const BRANCH_BYTES: u64 = 32;

/// Depth of a payload.
pub const DEPTH: u32 = 3;

/// Exchanges of one batch.
pub const BATCH: u64 = 10;

const SEED: u64 = 29;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Nodes of the tree.
    pub nodes: u64,
    /// Nodes exchanged in all: a multiple of [`BATCH`].
    pub exchanges: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { nodes: 200, exchanges: 1_000 },
            Size::Classic => Parameters { nodes: 8_000, exchanges: 200_000 },
            Size::Large => Parameters { nodes: 64_000, exchanges: 1_600_000 },
        }
    }

    /// The most bytes that are alive at once: the tree, and the node that is inserted before another is removed.
    pub const fn live_bytes(self) -> u64 {
        (self.nodes + 1) * (object_bytes(NODE_BYTES) + tree_nodes(DEPTH) * object_bytes(BRANCH_BYTES))
    }
}

/// The values of the branches of a payload: all the same.
#[inline]
pub const fn values(key: u64) -> [u64; 2] {
    [key, key.rotate_left(7)]
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// For each key: inserts a node with a payload. No key is in the tree yet, nor comes twice.
    fn insert(&mut self, keys: &[u64]);

    /// For each key: inserts a node with a payload, and removes the node with the greatest key below it or, if there is
    /// none, the node itself. Returns the sum of both values of all branches of the payloads of removed nodes, wrapping.
    fn exchange(&mut self, keys: &[u64]) -> u64;

    /// From the least key to the greatest: mixes the key.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { nodes, exchanges } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut random = Random::new(SEED);
    let mut keys = || -> [u64; BATCH as usize] { std::array::from_fn(|_| random.bits()) };
    for _ in 0..nodes / BATCH {
        program.insert(&keys());
    }
    for _ in 0..exchanges / BATCH {
        checksum.mix(program.exchange(&keys()));
    }
    program.check(&mut checksum);
    tally.add(nodes + exchanges, NODE_BYTES);
    tally.add((nodes + exchanges) * tree_nodes(DEPTH), BRANCH_BYTES);
    drop(program);
    tally.outcome(checksum)
}
