//! `weak_nodes`: every live object has a weak pointer.
//!
//! A table keeps 1 000 000 nodes, each of which knows the next one, and the last one the first, by a weak pointer.
//! 1 000 000 times, 100 per batch, a random node is replaced by a new one, to which its neighbour's weak pointer leads
//! from now on, and is read through that. So no weak pointer of a node of the table is ever dead.
//!
//! ```text
//! struct Node { id: u64, next: Option<WeakPointer> }   // 16 bytes
//! struct Table([Option<Pointer>; 1_000_000]);          // one object
//! ```
//!
//! **Profile**: 24 bytes an object with its header and a weak cell of 24, lives of a million objects on average.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 16;

/// Nodes of one batch.
pub const BATCH: u64 = 100;

const SEED: u64 = 41;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Nodes of the table: a multiple of [`BATCH`].
    pub nodes: u32,
    /// Nodes replaced in all: a multiple of [`BATCH`].
    pub replacements: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { nodes: 2_000, replacements: 5_000 },
            Size::Classic => Parameters { nodes: 1_000_000, replacements: 1_000_000 },
            Size::Large => Parameters { nodes: 8_000_000, replacements: 8_000_000 },
        }
    }

    /// The most bytes of objects that are alive at once. Weak cells are an implementation's own and not counted.
    pub const fn live_bytes(self) -> u64 {
        slice_bytes(self.nodes as u64 * POINTER_BYTES) + (self.nodes as u64 + 1) * object_bytes(NODE_BYTES)
    }
}

/// The sequence of random decisions.
#[derive(Clone, Debug)]
pub struct Draws {
    random: Random,
    nodes: u32,
    next_id: u64,
}

impl Draws {
    /// The place of the next node to replace, and the id of the new one.
    #[inline]
    pub fn replacement(&mut self) -> (usize, u64) {
        self.next_id += 1;
        (self.random.below(self.nodes) as usize, self.next_id - 1)
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Puts nodes with these ids at these places, each known to the one before it; the last one knows the first.
    fn fill(&mut self, ids: Range<u64>);

    /// Carries out so many of [`Draws::replacement`]: a new node that knows the one behind it takes the place, and the
    /// one in front of it knows it. Returns the sum, wrapping, of the ids of the new nodes, each read through the weak
    /// pointer of the one in front, and of those behind them, read through theirs; `u64::MAX` for one that is dead.
    fn replace(&mut self, count: u64, draws: &mut Draws) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { nodes, replacements } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, u64::from(nodes) * POINTER_BYTES);
    for first in (0..u64::from(nodes)).step_by(BATCH as usize) {
        program.fill(first..first + BATCH);
    }
    let mut draws = Draws { random: Random::new(SEED), nodes, next_id: u64::from(nodes) };
    for _ in 0..replacements / BATCH {
        checksum.mix(program.replace(BATCH, &mut draws));
    }
    tally.add(u64::from(nodes) + replacements, NODE_BYTES);
    drop(program);
    tally.outcome(checksum)
}
