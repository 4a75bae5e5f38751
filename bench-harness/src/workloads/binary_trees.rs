//! `binary_trees`: perfect binary trees that die at once, beside one that stays.
//!
//! The structure of the Benchmarks Game program: a stretch tree one deeper than the rest, a long-lived tree of depth
//! `n`, then `1 << (n - d + 4)` short-lived trees at each depth `d` = 4, 6 … `n`, and the long-lived tree counted at
//! the end. Trees are built bottom-up: both children exist before their parent, so no field is written after its
//! object was created.
//!
//! ```text
//! struct Node { left: Option<Pointer>, right: Option<Pointer> }   // 16 bytes; a leaf has neither child
//! ```

use super::{Checksum, Outcome, Size, Tally, object_bytes, tree_nodes};

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 16;

/// The shallowest short-lived tree.
pub const MIN_DEPTH: u32 = 4;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Depth of the long-lived tree and of the deepest short-lived ones: the program's `n`.
    pub depth: u32,
}

/// The short-lived trees of one depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Depth of each tree.
    pub depth: u32,
    /// How many trees are built, one after the other.
    pub trees: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        let depth = match size {
            Size::Small => 10,
            Size::Classic => 18,
            Size::Large => 21,
        };
        Parameters { depth }
    }

    /// Depth of the first tree, which is dropped at once.
    pub const fn stretch_depth(self) -> u32 {
        self.depth + 1
    }

    /// The most bytes that are alive at once: the stretch tree. The long-lived tree and the deepest short-lived one
    /// together have one node less.
    pub const fn live_bytes(self) -> u64 {
        tree_nodes(self.stretch_depth()) * object_bytes(NODE_BYTES)
    }

    /// The rounds of short-lived trees, shallowest first.
    pub fn rounds(self) -> impl Iterator<Item = Round> {
        (MIN_DEPTH..=self.depth)
            .step_by(2)
            .map(move |depth| Round { depth, trees: 1 << (self.depth - depth + MIN_DEPTH) })
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Builds a tree, counts its nodes by walking it, and lets it die.
    fn short_lived(&mut self, depth: u32) -> u64;

    /// Builds the tree that stays. Called once.
    fn keep(&mut self, depth: u32);

    /// Counts the nodes of the tree that stays by walking it.
    fn count_kept(&mut self) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();

    let stretch = parameters.stretch_depth();
    checksum.mix(program.short_lived(stretch));
    tally.add(tree_nodes(stretch), NODE_BYTES);

    program.keep(parameters.depth);
    tally.add(tree_nodes(parameters.depth), NODE_BYTES);

    for Round { depth, trees } in parameters.rounds() {
        let mut nodes = 0;
        for _ in 0..trees {
            nodes += program.short_lived(depth);
        }
        tally.add(trees * tree_nodes(depth), NODE_BYTES);
        checksum.mix(u64::from(depth));
        checksum.mix(trees);
        checksum.mix(nodes);
    }

    checksum.mix(program.count_kept());
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::{Workload, expected};

    /// The Benchmarks Game's output for n = 10: trees, their depth, nodes counted over all of them.
    const REFERENCE: [(u64, u32, u64); 4] = [(1024, 4, 31_744), (256, 6, 32_512), (64, 8, 32_704), (16, 10, 32_752)];
    const REFERENCE_STRETCH: u64 = 4095;
    const REFERENCE_KEPT: u64 = 2047;

    #[test]
    fn rounds_are_those_of_the_benchmarks_game() {
        let parameters = Parameters { depth: 10 };
        let rounds: Vec<_> = parameters.rounds().map(|r| (r.trees, r.depth, r.trees * tree_nodes(r.depth))).collect();
        assert_eq!(rounds, REFERENCE);
        assert_eq!(tree_nodes(parameters.stretch_depth()), REFERENCE_STRETCH);
        assert_eq!(tree_nodes(parameters.depth), REFERENCE_KEPT);
    }

    #[test]
    fn the_expected_outcome_is_that_of_the_benchmarks_game() {
        assert_eq!(Parameters::of(Size::Small), Parameters { depth: 10 });
        let mut checksum = Checksum::new();
        checksum.mix(REFERENCE_STRETCH);
        for (trees, depth, nodes) in REFERENCE {
            checksum.mix(u64::from(depth));
            checksum.mix(trees);
            checksum.mix(nodes);
        }
        checksum.mix(REFERENCE_KEPT);

        let nodes = REFERENCE_STRETCH + REFERENCE_KEPT + REFERENCE.iter().map(|(_, _, nodes)| nodes).sum::<u64>();
        let reference = Outcome {
            checksum: checksum.value(),
            allocated_objects: Some(nodes),
            allocated_bytes: Some(nodes * NODE_BYTES),
        };
        assert_eq!(expected(Workload::BinaryTrees, Size::Small), reference);
    }
}
