//! `matrices`: arrays of numbers, each made from two others. Held out: nobody tunes on it.
//!
//! 20 slots hold square matrices of 64 to 128 rows. 5 000 times, one per batch, the next slot in turn gets a new one.
//! Its elements are those of two random others, added, times a quarter, plus a number, one by one in order of memory:
//! a matrix that ends before has zeros there, and so has an empty slot. That is little arithmetic on purpose: memory is
//! what is measured.
//!
//! ```text
//! struct Matrix([f64; rows * rows]);    // one object; no pointers
//! struct Slots([Option<Pointer>; 20]);  // one object
//! ```
//!
//! **Profile**: 32 to 128 KiB an object, 75 on average; 20 alive, lives of 20 objects.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, slice_bytes};

const SEED: u64 = 47;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Matrices that are kept.
    pub slots: u32,
    /// The fewest rows; the most are twice as many.
    pub least_rows: u32,
    /// Replacements in all.
    pub rounds: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { slots: 20, least_rows: 32, rounds: 200 },
            Size::Classic => Parameters { slots: 20, least_rows: 64, rounds: 5_000 },
            Size::Large => Parameters { slots: 160, least_rows: 64, rounds: 40_000 },
        }
    }

    /// The most bytes that are alive at once. Goes through all rounds.
    pub fn live_bytes(self) -> u64 {
        let mut random = Random::new(SEED);
        let mut sizes = vec![0; self.slots as usize];
        let (mut live, mut most) = (0, 0);
        for number in 0..self.rounds {
            let round = self.round(number, &mut random);
            let size = slice_bytes(round.len as u64 * ELEMENT_BYTES);
            live += size;
            most = most.max(live);
            live -= std::mem::replace(&mut sizes[round.slot], size);
        }
        most + slice_bytes(u64::from(self.slots) * POINTER_BYTES)
    }

    fn round(self, number: u64, random: &mut Random) -> Round {
        let slots = self.slots as usize;
        let slot = (number % u64::from(self.slots)) as usize;
        let rows = (self.least_rows + random.below(self.least_rows + 1)) as usize;
        let mut other = || (slot + 1 + random.below(self.slots - 1) as usize) % slots;
        Round { slot, len: rows * rows, of: [other(), other()], addend: f64::from((number % 256) as u8) }
    }
}

/// Bytes of an element.
pub const ELEMENT_BYTES: u64 = size_of::<f64>() as u64;

/// One round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Where the new matrix goes.
    pub slot: usize,
    /// Its elements.
    pub len: usize,
    /// The slots of the matrices that it is made from: others than its own, and possibly the same twice.
    pub of: [usize; 2],
    /// What is added to each element.
    pub addend: f64,
}

impl Round {
    /// The new element at an index, from the matrices in the slots [`of`](Self::of); an empty slot is an empty slice.
    ///
    /// The factor keeps elements below 512, so none is infinite, and its product is exact.
    #[inline]
    pub fn element(&self, [one, other]: [&[f64]; 2], index: usize) -> f64 {
        let at = |matrix: &[f64]| matrix.get(index).copied().unwrap_or(0.0);
        0.25 * (at(one) + at(other)) + self.addend
    }
}

/// What is read from a matrix that is replaced: its length + the bits of the middle element + those of the last one.
#[inline]
pub fn digest(matrix: &[f64]) -> u64 {
    let bits = [matrix.len() / 2, matrix.len() - 1].map(|index| matrix[index].to_bits());
    (matrix.len() as u64).wrapping_add(bits[0]).wrapping_add(bits[1])
}

/// The sum of the bits of all elements, wrapping.
pub use super::gcbench::sum_of_bits;

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Makes a matrix and puts it into its slot. Returns the [`digest`] of the one that was there, 0 if there was none.
    fn replace(&mut self, round: &Round) -> u64;

    /// From the first slot to the last: mixes the [`sum_of_bits`] of the matrix.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    let mut random = Random::new(SEED);
    tally.add(1, u64::from(parameters.slots) * POINTER_BYTES);
    for number in 0..parameters.rounds {
        let round = parameters.round(number, &mut random);
        checksum.mix(program.replace(&round));
        tally.add(1, round.len as u64 * ELEMENT_BYTES);
    }
    program.check(&mut checksum);
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_others_and_sizes_reach_both_ends() {
        let parameters = Parameters::of(Size::Classic);
        let mut random = Random::new(SEED);
        let rounds: Vec<_> = (0..parameters.rounds).map(|number| parameters.round(number, &mut random)).collect();
        assert!(rounds.iter().all(|round| !round.of.contains(&round.slot)));
        assert!(rounds.iter().all(|round| round.of.iter().all(|other| *other < parameters.slots as usize)));
        let lengths = || rounds.iter().map(|round| round.len);
        assert_eq!((lengths().min(), lengths().max()), (Some(64 * 64), Some(128 * 128)));
    }
}
