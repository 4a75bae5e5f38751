//! `attributes`: what belongs to an object stands beside it. Held out: nobody tunes on it.
//!
//! An array keeps 20 000 objects, and a weak map has attributes for each of them, as long as it lives. 200 000 times,
//! 400 per batch, a random object is replaced by a new one with new attributes, and the attributes of a random one of
//! the array are looked up. Caches of what was computed for an object, and objects whose type one cannot change, look
//! like this.
//!
//! ```text
//! struct Object { id: u64 }                     // 8 bytes
//! struct Attributes { owner: u64, value: u64 }  // 16 bytes; no pointer back to the object
//! struct Objects([Option<Pointer>; 20_000]);    // one object
//! ```
//!
//! By hand the map has the objects' ids for keys, and who drops an object removes its attributes.
//!
//! **Profile**: 16 and 24 bytes an object with its header, an entry of the map for both, lives of 20 000 rounds on
//! average.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;

/// Bytes of an object's fields.
pub const OBJECT_BYTES: u64 = 8;

/// Bytes of the fields of an object's attributes.
pub const ATTRIBUTES_BYTES: u64 = 16;

/// Rounds of one batch.
pub const BATCH: u64 = 400;

const SEED: u64 = 43;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Objects of the array: a multiple of [`BATCH`].
    pub objects: u32,
    /// Objects replaced in all: a multiple of [`BATCH`].
    pub rounds: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { objects: 800, rounds: 4_000 },
            Size::Classic => Parameters { objects: 20_000, rounds: 200_000 },
            Size::Large => Parameters { objects: 160_000, rounds: 1_600_000 },
        }
    }

    /// The most bytes of objects that are alive at once. The map's table and entries are an implementation's own and
    /// not counted.
    pub const fn live_bytes(self) -> u64 {
        let both = object_bytes(OBJECT_BYTES) + object_bytes(ATTRIBUTES_BYTES);
        slice_bytes(self.objects as u64 * POINTER_BYTES) + (self.objects as u64 + 1) * both
    }
}

/// The value among the attributes of the object with this id.
#[inline]
pub const fn value(id: u64) -> u64 {
    id.rotate_left(7)
}

/// One round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The place of the object that is replaced.
    pub place: usize,
    /// The id of the new one.
    pub id: u64,
    /// The place of the object whose attributes are looked up then.
    pub asked: usize,
}

/// The sequence of random decisions.
#[derive(Clone, Debug)]
pub struct Draws {
    random: Random,
    objects: u32,
    next_id: u64,
}

impl Draws {
    /// The next round.
    #[inline]
    pub fn round(&mut self) -> Round {
        self.next_id += 1;
        let mut place = || self.random.below(self.objects) as usize;
        Round { place: place(), id: self.next_id - 1, asked: place() }
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Puts objects with these ids, and with attributes, at these places.
    fn fill(&mut self, ids: Range<u64>);

    /// Carries out so many of [`Draws::round`]. Returns the sum, wrapping, of the owners and values of the attributes
    /// that were looked up; `u64::MAX` for those that are missing.
    fn replace(&mut self, count: u64, draws: &mut Draws) -> u64;

    /// From the first place to the last: mixes the sum of the owner and the value of the object's attributes.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { objects, rounds } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, u64::from(objects) * POINTER_BYTES);
    for first in (0..u64::from(objects)).step_by(BATCH as usize) {
        program.fill(first..first + BATCH);
    }
    let mut draws = Draws { random: Random::new(SEED), objects, next_id: u64::from(objects) };
    for _ in 0..rounds / BATCH {
        checksum.mix(program.replace(BATCH, &mut draws));
    }
    program.check(&mut checksum);
    tally.add(u64::from(objects) + rounds, OBJECT_BYTES);
    tally.add(u64::from(objects) + rounds, ATTRIBUTES_BYTES);
    drop(program);
    tally.outcome(checksum)
}
