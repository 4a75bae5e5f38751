//! `large_buffers`: few, large, short-lived.
//!
//! 16 slots hold byte buffers of 1 to 16 MiB, log-uniform. 300 times, one per batch, a random slot gets another one, of
//! which every byte is written. Images and network buffers look like this.
//!
//! ```text
//! struct Buffer([u8; 1 << 20 ..]);      // one object; no pointers
//! struct Slots([Option<Pointer>; 16]);  // one object
//! ```
//!
//! **Profile**: 5.6 MiB an object, 16 alive, lives of 16 objects on average.

use super::size_mix::log_uniform;
use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, slice_bytes};

/// Buffers that are kept.
pub const SLOTS: usize = 16;

const SEED: u64 = 37;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The shortest buffer in bytes; the longest has nearly 16 times as many.
    pub least: u32,
    /// Replacements in all.
    pub replacements: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { least: 1 << 14, replacements: 50 },
            Size::Classic => Parameters { least: 1 << 20, replacements: 300 },
            Size::Large => Parameters { least: 1 << 20, replacements: 2_400 },
        }
    }

    /// The most bytes that are alive at once. Goes through all replacements.
    pub fn live_bytes(self) -> u64 {
        let mut random = Random::new(SEED);
        let mut sizes = [0; SLOTS];
        let (mut live, mut most) = (0, 0);
        for _ in 0..self.replacements {
            let (slot, len) = self.replacement(&mut random);
            let size = slice_bytes(len as u64);
            live += size;
            most = most.max(live);
            live -= std::mem::replace(&mut sizes[slot], size);
        }
        most + slice_bytes(SLOTS as u64 * POINTER_BYTES)
    }

    fn replacement(self, random: &mut Random) -> (usize, usize) {
        (random.below(SLOTS as u32) as usize, log_uniform(random.bits(), self.least, 4))
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Puts a buffer of `len` bytes, all `byte`, into a slot. Returns of the buffer that was there its length + its
    /// middle byte, 0 if there was none.
    fn replace(&mut self, slot: usize, len: usize, byte: u8) -> u64;
}

/// What is read from a buffer.
#[inline]
pub fn digest(buffer: &[u8]) -> u64 {
    buffer.len() as u64 + u64::from(buffer[buffer.len() / 2])
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut random = Random::new(SEED);
    tally.add(1, SLOTS as u64 * POINTER_BYTES);
    for number in 0..parameters.replacements {
        let (slot, len) = parameters.replacement(&mut random);
        checksum.mix(program.replace(slot, len, number as u8));
        tally.add(1, len as u64);
    }
    drop(program);
    tally.outcome(checksum)
}
