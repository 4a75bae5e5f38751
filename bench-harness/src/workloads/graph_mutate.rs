//! `graph_mutate`: random writes into old objects.
//!
//! An array holds 200 000 nodes with 4 edges each, to random nodes of the array. Then 5 000 000 times (1 000 per
//! batch) a random edge of a random node is rewritten to a random node; one time in four, to a *fresh* node that
//! replaces that one in the array.
//!
//! ```text
//! struct Node { id: u64, edges: [Option<Pointer>; 4] }   // 40 bytes
//! struct Array([Pointer; 200_000]);                      // one object
//! ```
//!
//! **What becomes of a replaced node.** Its edges move to the fresh node, and its own become null. It lives on for
//! as long as edges of nodes in the array lead to it. So live memory has a steady state: at most `5 * nodes` objects,
//! and in a simulation 2.3 times `nodes`.
//!
//! The obvious alternative, to leave its edges in place and give the fresh node none, has no steady state. A node is
//! the target of four edges during its time in the array; half of these are in nodes that are themselves replaced
//! before the edge is rewritten, and then never change again. So a node is held on average by two others that are as
//! likely to live for ever as it is itself, which is a supercritical branching process: in a simulation 75 % of all
//! nodes ever replaced stay reachable, and the live heap grows for as long as the program runs.
//!
//! Nodes in the array form cycles almost surely, so an implementation that only counts references loses the whole
//! graph when the array is dropped at the end, but nothing before.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, scale};
use std::ops::Range;

/// Edges of a node.
pub const EDGES: usize = 4;

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 8 + EDGES as u64 * POINTER_BYTES;

/// Rewrites of one batch; while the graph is built, nodes of one batch.
pub const BATCH: u32 = 1_000;

/// Seed of all draws.
const SEED: u64 = 5;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Nodes in the array: a multiple of [`BATCH`].
    pub nodes: u32,
    /// Edges rewritten: a multiple of [`BATCH`].
    pub rewrites: u32,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { nodes: 2_000, rewrites: 20_000 },
            Size::Classic => Parameters { nodes: 200_000, rewrites: 5_000_000 },
            Size::Large => Parameters { nodes: 200_000, rewrites: 50_000_000 },
        }
    }

    /// The most bytes that are alive at once, measured by full collections: after every batch at size small, after
    /// every 50th and 500th at the others, where between two of them not much more can have been alive.
    pub const fn live_bytes(self) -> u64 {
        match self.rewrites {
            20_000 => 232_320,
            5_000_000 => 24_092_736,
            _ => 24_114_000,
        }
    }
}

/// One edge to rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// Index in the array of the node that has the edge. It is looked up *after* a replacement, so that a rewrite
    /// whose source is its target writes into the fresh node.
    pub source: usize,
    /// Which of its edges.
    pub edge: usize,
    /// Index in the array of the node to which the edge leads from now on.
    pub target: usize,
    /// If present, the target is first replaced by a new node with this id, which takes over the edges of the old
    /// one; the old one's edges become null.
    pub fresh: Option<u64>,
}

/// The sequence of random decisions.
#[derive(Clone, Debug)]
pub struct Draws {
    random: Random,
    nodes: u32,
    next_id: u64,
}

impl Draws {
    fn new(parameters: Parameters) -> Self {
        Draws { random: Random::new(SEED), nodes: parameters.nodes, next_id: u64::from(parameters.nodes) }
    }

    /// The index of a node of the array.
    #[inline]
    pub fn node(&mut self) -> usize {
        self.random.below(self.nodes) as usize
    }

    /// The next edge to rewrite, from one draw of 64 bits: each half chooses an index by its upper bits; the lowest
    /// bits of the lower half, which have next to no influence on its index, choose the rest.
    #[inline]
    pub fn rewrite(&mut self) -> Rewrite {
        let bits = self.random.bits();
        let fresh = (bits >> 2) & 3 == 0;
        let id = self.next_id;
        self.next_id += u64::from(fresh);
        Rewrite {
            source: scale(bits as u32, self.nodes) as usize,
            edge: (bits & 3) as usize,
            target: scale((bits >> 32) as u32, self.nodes) as usize,
            fresh: fresh.then_some(id),
        }
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Appends nodes with these ids and without edges to the array.
    fn create(&mut self, ids: Range<u64>);

    /// Gives each of these nodes of the array its edges, in order: each to [`Draws::node`].
    fn connect(&mut self, nodes: Range<usize>, draws: &mut Draws);

    /// Carries out so many of [`Draws::rewrite`].
    fn rewrite(&mut self, count: u32, draws: &mut Draws);

    /// For each node, in the order of the array: mixes its id, then the ids of the nodes to which its edges lead.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { nodes, rewrites } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut draws = Draws::new(parameters);
    tally.add(1, u64::from(nodes) * POINTER_BYTES);

    for first in (0..nodes).step_by(BATCH as usize) {
        program.create(u64::from(first)..u64::from(first + BATCH));
        tally.add(u64::from(BATCH), NODE_BYTES);
    }
    for first in (0..nodes as usize).step_by(BATCH as usize) {
        program.connect(first..first + BATCH as usize, &mut draws);
    }
    for _ in 0..rewrites / BATCH {
        let before = draws.next_id;
        program.rewrite(BATCH, &mut draws);
        tally.add(draws.next_id - before, NODE_BYTES);
    }

    program.check(&mut checksum);
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_whole_batches() {
        for size in Size::ALL {
            let Parameters { nodes, rewrites } = Parameters::of(size);
            assert!(nodes.is_multiple_of(BATCH) && rewrites.is_multiple_of(BATCH));
        }
    }

    #[test]
    fn draws_cover_the_array_and_a_quarter_is_fresh() {
        let parameters = Parameters::of(Size::Small);
        let mut draws = Draws::new(parameters);
        let rewrites: Vec<Rewrite> = (0..parameters.rewrites).map(|_| draws.rewrite()).collect();
        let nodes = parameters.nodes as usize;
        let seen = |index: fn(&Rewrite) -> usize, bound: usize| {
            let mut seen = vec![false; bound];
            rewrites.iter().for_each(|r| seen[index(r)] = true);
            seen.iter().filter(|&&s| s).count()
        };
        // 20 000 draws miss one of 2 000 indices with probability e^-10 each.
        assert!(seen(|r| r.source, nodes) > nodes - 10);
        assert!(seen(|r| r.target, nodes) > nodes - 10);
        assert_eq!(seen(|r| r.edge, EDGES), EDGES);
        let fresh: Vec<u64> = rewrites.iter().filter_map(|r| r.fresh).collect();
        assert!((4_500..5_500).contains(&fresh.len()), "{}", fresh.len());
        let numbered: Vec<u64> = (parameters.nodes as u64..).take(fresh.len()).collect();
        assert_eq!(fresh, numbered);
    }
}
