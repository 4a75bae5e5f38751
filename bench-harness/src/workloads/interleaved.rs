//! `interleaved`: short and long lives side by side in memory.
//!
//! 10 000 000 objects are made, 1 000 per batch, and one in five is kept, in a table that is filled in order. Where
//! objects do not move, the dead four leave holes as large as an object between any two that live.
//!
//! ```text
//! struct Node { id: u64, check: u64 }        // 16 bytes: 24 with a header
//! struct Table([Option<Pointer>; 2_000_000]);   // one object
//! ```
//!
//! **Profile**: 24 bytes an object with its header, survival 20 % for ever, no pointer between objects.
//!
//! Each object is handed to `black_box` when it was made: an optimiser that sees an object die unseen may leave it out.

use super::{Checksum, Outcome, POINTER_BYTES, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 16;

/// Objects of one batch.
pub const BATCH: u64 = 1_000;

/// Of so many objects, the first is kept.
pub const KEEP_ONE_OF: u64 = 5;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Objects in all: a multiple of [`BATCH`].
    pub objects: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        let objects = match size {
            Size::Small => 50_000,
            Size::Classic => 10_000_000,
            Size::Large => 80_000_000,
        };
        Parameters { objects }
    }

    /// How many are kept.
    pub const fn kept(self) -> u64 {
        self.objects / KEEP_ONE_OF
    }

    /// The most bytes that are alive at once.
    pub const fn live_bytes(self) -> u64 {
        slice_bytes(self.kept() * POINTER_BYTES) + self.kept() * object_bytes(NODE_BYTES)
    }
}

/// The second field of a node.
#[inline]
pub const fn check(id: u64) -> u64 {
    id.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Makes the objects with these ids, shows each to `black_box`, and puts every [`KEEP_ONE_OF`]th, the first one
    /// first, into the table at `id / KEEP_ONE_OF`. The others die.
    fn build(&mut self, ids: Range<u64>);

    /// For each object of the table, in order: mixes id + check, wrapping.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, parameters.kept() * POINTER_BYTES);
    for first in (0..parameters.objects).step_by(BATCH as usize) {
        program.build(first..first + BATCH);
        tally.add(BATCH, NODE_BYTES);
    }
    program.check(&mut checksum);
    drop(program);
    tally.outcome(checksum)
}
