//! `handles`: references from outside the heap that come and go.
//!
//! 200 000 handles are held by ordinary Rust data. 1 000 000 times, one per batch, a random one is read through and
//! replaced by a handle to a new object. Native code that holds on to objects of an interpreter does this.
//!
//! ```text
//! struct Object { number: u64, check: u64 }   // 16 bytes
//! ```
//!
//! **Profile**: 24 bytes an object with its header, lives of 200 000 objects on average; every object has one root.

use super::{Checksum, Outcome, Random, Size, Tally, object_bytes};

/// Bytes of an object's fields.
pub const OBJECT_BYTES: u64 = 16;

const SEED: u64 = 13;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Handles held at once.
    pub handles: u32,
    /// Replacements in all.
    pub replacements: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { handles: 2_000, replacements: 10_000 },
            Size::Classic => Parameters { handles: 200_000, replacements: 1_000_000 },
            Size::Large => Parameters { handles: 1_600_000, replacements: 8_000_000 },
        }
    }

    /// The most bytes that are alive at once: what the handles hold, and one object that replaces another.
    pub const fn live_bytes(self) -> u64 {
        (self.handles as u64 + 1) * object_bytes(OBJECT_BYTES)
    }
}

/// The second field of an object.
#[inline]
pub const fn check(number: u64) -> u64 {
    number.wrapping_mul(3)
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Makes an object and a handle to it, behind the others.
    fn add(&mut self, number: u64);

    /// Reads number + check through a handle, and replaces it by one to a new object.
    fn replace(&mut self, handle: usize, number: u64) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { handles, replacements } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut random = Random::new(SEED);
    for number in 0..u64::from(handles) {
        program.add(number);
    }
    for number in u64::from(handles)..u64::from(handles) + replacements {
        checksum.mix(program.replace(random.below(handles) as usize, number));
    }
    tally.add(u64::from(handles) + replacements, OBJECT_BYTES);
    drop(program);
    tally.outcome(checksum)
}
