//! `size_mix`: objects of many sizes with random lives.
//!
//! A table of 50 000 slots holds byte slices of 16 to 4 096 bytes. 1 500 000 times, 100 per batch, a random slot gets
//! another slice. Sizes are log-uniform, drawn as an octave and a place in it, so that an object of 4 000 bytes is as
//! rare as one of 20 but takes most of the memory. No place fits the next object: this is what fragments.
//!
//! ```text
//! struct Slice([u8; 16..=4095]);               // one object; no pointers
//! struct Table([Option<Pointer>; 50_000]);     // one object
//! ```
//!
//! **Profile**: 750 bytes an object on average, lives of 50 000 objects on average, exponentially distributed.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, slice_bytes};

/// Replacements of one batch.
pub const BATCH: u64 = 100;

/// Octaves of sizes, the first one from 16 to 31 bytes.
const OCTAVES: u32 = 8;

const SEED: u64 = 11;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Slots of the table.
    pub slots: u32,
    /// Replacements in all: a multiple of [`BATCH`].
    pub replacements: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { slots: 500, replacements: 5_000 },
            Size::Classic => Parameters { slots: 50_000, replacements: 1_500_000 },
            Size::Large => Parameters { slots: 400_000, replacements: 12_000_000 },
        }
    }
}

impl Parameters {
    /// The most bytes that are alive at once. Goes through all replacements.
    pub fn live_bytes(self) -> u64 {
        let mut draws = Draws::new(self);
        let mut sizes = vec![0_u64; self.slots as usize];
        let (mut live, mut most) = (0, 0);
        for _ in 0..self.replacements {
            let Replacement { slot, len, .. } = draws.replacement();
            let size = slice_bytes(len as u64);
            live += size;
            most = most.max(live);
            live -= std::mem::replace(&mut sizes[slot], size);
        }
        most + slice_bytes(u64::from(self.slots) * POINTER_BYTES)
    }
}

/// One replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The slot.
    pub slot: usize,
    /// The length of its new slice in bytes.
    pub len: usize,
    /// The value of every byte of it.
    pub byte: u8,
}

/// The sequence of random decisions.
#[derive(Clone, Debug)]
pub struct Draws {
    random: Random,
    slots: u32,
    /// Of all slices so far.
    bytes: u64,
}

impl Draws {
    fn new(parameters: Parameters) -> Self {
        Draws { random: Random::new(SEED), slots: parameters.slots, bytes: 0 }
    }

    /// The next replacement.
    #[inline]
    pub fn replacement(&mut self) -> Replacement {
        let slot = self.random.below(self.slots) as usize;
        let bits = self.random.bits();
        let len = log_uniform(bits, 16, OCTAVES);
        self.bytes += len as u64;
        Replacement { slot, len, byte: (bits >> 56) as u8 }
    }
}

/// A size from `least` to below `least << octaves`: the octave by the lowest byte of `bits`, the place in it by 32 bits.
#[inline]
pub(super) const fn log_uniform(bits: u64, least: u32, octaves: u32) -> usize {
    let base = least << (((bits as u32 & 0xff) * octaves) >> 8);
    (base + super::scale((bits >> 8) as u32, base)) as usize
}

/// What is read from a slice.
#[inline]
pub fn digest(slice: &[u8]) -> u64 {
    let (first, last) = (slice.first().copied().unwrap_or(0), slice.last().copied().unwrap_or(0));
    slice.len() as u64 + (u64::from(first) << 16) + (u64::from(last) << 24)
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Carries out so many of [`Draws::replacement`]. Returns the sum of the [`digest`]s of the slices that were there.
    fn replace(&mut self, count: u64, draws: &mut Draws) -> u64;

    /// For each slot, in order: mixes the digest of its slice, 0 where there is none.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut draws = Draws::new(parameters);
    tally.add(1, u64::from(parameters.slots) * POINTER_BYTES);
    for _ in 0..parameters.replacements / BATCH {
        checksum.mix(program.replace(BATCH, &mut draws));
    }
    program.check(&mut checksum);
    drop(program);
    tally.objects += parameters.replacements;
    tally.bytes += draws.bytes;
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_their_range_and_every_octave_is_as_likely() {
        let mut draws = Draws::new(Parameters::of(Size::Small));
        let mut octaves = [0; OCTAVES as usize];
        for _ in 0..80_000 {
            let Replacement { len, .. } = draws.replacement();
            assert!((16..4096).contains(&len), "{len}");
            octaves[(len / 16).ilog2() as usize] += 1;
        }
        assert!(octaves.iter().all(|count| (9_000..11_000).contains(count)), "{octaves:?}");
    }
}
