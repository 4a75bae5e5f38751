//! `rings`: many small cycles of which few are kept.
//!
//! 200 000 doubly linked rings of 10 nodes are built, 100 per batch, and every 100th is kept. This is the workload
//! that counting references alone cannot free.
//!
//! ```text
//! struct Node { value: u64, next: Option<Pointer>, prev: Option<Pointer> }   // 24 bytes
//! struct Kept([Pointer; 2_000]);                                             // first nodes; one object
//! ```
//!
//! Node `k` of ring `n` holds `n * 10 + k`. The last node's `next` is the first node, the first node's `prev` the
//! last. Both links of a node are written after it was created, except where an implementation can give one of them
//! at once.

use super::{Checksum, Outcome, POINTER_BYTES, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 24;

/// Nodes of each ring.
pub const RING_NODES: u64 = 10;

/// Rings of one batch.
pub const BATCH: u64 = 100;

/// Of so many rings, the first is kept.
pub const KEEP_ONE_OF: u64 = 100;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Rings built in all: a multiple of [`BATCH`] and of [`KEEP_ONE_OF`].
    pub rings: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        let rings = match size {
            Size::Small => 2_000,
            Size::Classic => 200_000,
            Size::Large => 1_600_000,
        };
        Parameters { rings }
    }

    /// The most bytes that are alive at once: the kept rings, and the last batch, of which one is among them.
    pub const fn live_bytes(self) -> u64 {
        let rings = self.kept() + BATCH - 1;
        slice_bytes(self.kept() * POINTER_BYTES) + rings * RING_NODES * object_bytes(NODE_BYTES)
    }

    /// How many rings are kept.
    pub const fn kept(self) -> u64 {
        self.rings / KEEP_ONE_OF
    }
}

/// Whether ring number `ring` is kept.
#[inline]
pub const fn is_kept(ring: u64) -> bool {
    ring.is_multiple_of(KEEP_ONE_OF)
}

/// The values of ring number `ring`, first node first.
#[inline]
pub const fn values(ring: u64) -> Range<u64> {
    ring * RING_NODES..(ring + 1) * RING_NODES
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Builds the rings with these numbers and keeps the first node of those that [`is_kept`] names.
    /// Returns the sum over all of them of the value that is found by following `prev` from the first node.
    fn build(&mut self, rings: Range<u64>) -> u64;

    /// For each kept ring, in the order in which they were built: mixes the digests of a round along `next` and of
    /// a round along `prev`, both of all nodes, starting at the first node. The digest starts at 0 and becomes
    /// [`step`] at every node.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Adds a node's value to the digest of a round.
#[inline]
pub const fn step(digest: u64, value: u64) -> u64 {
    digest.wrapping_mul(31).wrapping_add(value)
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, parameters.kept() * POINTER_BYTES);

    for first in (0..parameters.rings).step_by(BATCH as usize) {
        checksum.mix(program.build(first..first + BATCH));
        tally.add(BATCH * RING_NODES, NODE_BYTES);
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
            let Parameters { rings } = Parameters::of(size);
            assert!(rings.is_multiple_of(BATCH) && rings.is_multiple_of(KEEP_ONE_OF));
        }
    }
}
