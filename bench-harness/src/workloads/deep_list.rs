//! `deep_list`: one list that is as deep as the heap is large.
//!
//! A list of 5 000 000 nodes is built, walked, kept through a full collection, dropped, and collected. Whatever
//! follows references recursively, or marks in parallel by splitting work along branches, meets its worst case.
//!
//! ```text
//! struct Node { value: u64, next: Option<Pointer> }   // 16 bytes
//! ```
//!
//! The list is built in one batch, by putting nodes in front: no node is a temporary root on the way, and `next` is
//! never written after its node was created.

use super::{Checksum, Outcome, Size, Tally, object_bytes};

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 16;

/// How many nodes are read again after the first collection.
pub const REREAD: u64 = 1_000;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Nodes of the list, at least [`REREAD`].
    pub length: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        let length = match size {
            Size::Small => 20_000,
            Size::Classic => 5_000_000,
            Size::Large => 40_000_000,
        };
        Parameters { length }
    }

    /// The most bytes that are alive at once: the list.
    pub const fn live_bytes(self) -> u64 {
        self.length * object_bytes(NODE_BYTES)
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Builds the list of the values `0..length`, each put in front of the ones before it, and keeps it.
    fn build(&mut self, length: u64);

    /// The wrapping sum of the values of the first `count` nodes, or of all if there are fewer.
    fn sum(&mut self, count: u64) -> u64;

    /// Does a full collection, if there is anything that does one.
    fn collect(&mut self);

    /// Lets go of the list.
    fn release(&mut self);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();

    program.build(parameters.length);
    tally.add(parameters.length, NODE_BYTES);

    checksum.mix(program.sum(u64::MAX));
    program.collect();
    checksum.mix(program.sum(REREAD));
    program.release();
    program.collect();
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::{Workload, expected};

    #[test]
    fn the_expected_sums_are_those_of_the_formula() {
        for size in Size::ALL {
            let Parameters { length } = Parameters::of(size);
            assert!(length >= REREAD);
            let up_to = |n: u64| n * (n - 1) / 2;
            let mut checksum = Checksum::new();
            checksum.mix(up_to(length));
            checksum.mix(up_to(length) - up_to(length - REREAD));
            assert_eq!(expected(Workload::DeepList, size).checksum, checksum.value());
        }
    }
}
