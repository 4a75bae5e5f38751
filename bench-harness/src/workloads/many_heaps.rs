//! `many_heaps`: heaps that come and go.
//!
//! 5 000 heaps of 100 objects each are made, filled in one batch and dropped; 64 are alive at a time. A document, a
//! request or a script in a heap of its own is the use that a private heap suggests; what a heap costs before it
//! holds anything is what is measured.
//!
//! ```text
//! struct Node { value: u64, next: Option<Pointer> }   // 16 bytes
//! ```
//!
//! **Profile**: 2 400 bytes a heap with headers; nothing dies before its heap does.

use super::{Checksum, Outcome, Size, Tally, object_bytes};
use std::ops::Range;

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 16;

/// Objects of one heap.
pub const OBJECTS: u64 = 100;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Heaps in all.
    pub heaps: u64,
    /// Heaps that are alive at a time.
    pub alive: usize,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { heaps: 100, alive: 8 },
            Size::Classic => Parameters { heaps: 5_000, alive: 64 },
            Size::Large => Parameters { heaps: 40_000, alive: 512 },
        }
    }

    /// The most bytes that are alive at once.
    pub const fn live_bytes(self) -> u64 {
        self.alive as u64 * OBJECTS * object_bytes(NODE_BYTES)
    }
}

/// What an implementation supplies.
pub trait Program {
    /// Drops the heap in this slot, if there is one, and makes another that holds one list of nodes with these values,
    /// the last one first. Returns the sum of the values of the list, by walking it in a second batch.
    fn renew(&mut self, slot: usize, values: Range<u64>) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    for heap in 0..parameters.heaps {
        let slot = heap as usize % parameters.alive;
        checksum.mix(program.renew(slot, heap * OBJECTS..(heap + 1) * OBJECTS));
        tally.add(OBJECTS, NODE_BYTES);
    }
    drop(program);
    tally.outcome(checksum)
}
