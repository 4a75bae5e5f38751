//! `quads`: a large tree that lives, and small ones that die at once.
//!
//! The program of whippet's benchmark of that name: a live quad tree; then 20 times, trees of depth 3 are made and
//! dropped until a fixed share of the heap was allocated, and the live tree is validated. There the share is the heap's
//! size over 7.5; a program that knows no heap size takes the heap to be three times the live tree.
//!
//! ```text
//! struct Quad { kids: [Option<Pointer>; 4] }   // 32 bytes; a leaf has no kids
//! ```
//!
//! **Profile**: 40 bytes an object with its header; 1.4 million live for ever, 11 million die in the batch that made
//! them, 85 at a time.

use super::{Checksum, Outcome, POINTER_BYTES, Size, Tally, object_bytes};

/// Kids of a node.
pub const KIDS: usize = 4;

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = KIDS as u64 * POINTER_BYTES;

/// Depth of the trees that die: 85 nodes.
pub const SHORT_DEPTH: u32 = 3;

/// Times that the live tree is validated.
pub const ROUNDS: u32 = 20;

/// Trees of one batch.
pub const BATCH: u64 = 10;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Depth of the live tree, where a single node has depth 0.
    pub depth: u32,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        let depth = match size {
            Size::Small => 5,
            Size::Classic => 10,
            Size::Large => 12,
        };
        Parameters { depth }
    }

    /// Trees that die in one round, a multiple of [`BATCH`].
    pub const fn trees(self) -> u64 {
        // Three times the live tree over 7.5 is two fifths of it.
        let nodes = nodes(self.depth) * 2 / 5;
        (nodes / nodes_short()).next_multiple_of(BATCH)
    }

    /// The most bytes that are alive at once: the live tree and one that dies.
    pub const fn live_bytes(self) -> u64 {
        (nodes(self.depth) + nodes_short()) * object_bytes(NODE_BYTES)
    }
}

/// Nodes of a tree.
pub const fn nodes(depth: u32) -> u64 {
    ((1 << (2 * (depth + 1))) - 1) / 3
}

const fn nodes_short() -> u64 {
    nodes(SHORT_DEPTH)
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Makes the live tree.
    fn keep(&mut self, depth: u32);

    /// Makes so many trees of depth [`SHORT_DEPTH`], one after the other, and shows each to `black_box`.
    fn short_lived(&mut self, trees: u64);

    /// Counts the nodes of the live tree by walking it.
    fn count(&mut self) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    program.keep(parameters.depth);
    tally.add(nodes(parameters.depth), NODE_BYTES);
    for _ in 0..ROUNDS {
        for _ in 0..parameters.trees() / BATCH {
            program.short_lived(BATCH);
            tally.add(BATCH * nodes_short(), NODE_BYTES);
        }
        checksum.mix(program.count());
    }
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quad_tree_has_this_many_nodes() {
        assert_eq!([nodes(0), nodes(1), nodes(2), nodes(3)], [1, 5, 21, 85]);
    }
}
