//! `weak_ring`: a weak pointer to every object, and most objects die.
//!
//! 2 000 000 objects are made, 100 per batch. Each gets a weak pointer, which is upgraded once and then put into a ring
//! of 65 536; one object in sixteen is also kept, in a ring of as many, and is read once more through its weak pointer
//! 32 768 objects later. Of the weak pointers of the ring, most lead to nothing by then; whether they are cleared already
//! is the collector's business and not part of the result.
//!
//! ```text
//! struct Object { number: u64, check: u64 }     // 16 bytes
//! struct Weaks([Option<WeakPointer>; 65_536]);   // one object
//! struct Kept([Option<Pointer>; 65_536]);       // one object
//! ```
//!
//! **Profile**: 24 bytes an object with its header and a weak cell of 24, survival 6 % for a million objects.

use super::{Outcome, POINTER_BYTES, Size, Tally, object_bytes, slice_bytes};
use crate::workloads::Checksum;
use std::ops::Range;

/// Bytes of an object's fields.
pub const OBJECT_BYTES: u64 = 16;

/// Places of the ring of weak pointers.
pub const WEAKS: usize = 1 << 16;

/// Places of the ring of objects that are kept.
pub const KEPT: usize = 1 << 16;

/// Of so many objects, the first is kept.
pub const KEEP_ONE_OF: u64 = 16;

/// So many objects later a kept one is read through its weak pointer. Kept objects stay for `KEPT * KEEP_ONE_OF`.
pub const LATER: u64 = 1 << 15;

/// Objects of one batch.
pub const BATCH: u64 = 100;

const _: () = assert!(LATER < WEAKS as u64 && LATER < KEPT as u64 * KEEP_ONE_OF && LATER.is_multiple_of(KEEP_ONE_OF));

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
            Size::Small => 100_000,
            Size::Classic => 2_000_000,
            Size::Large => 16_000_000,
        };
        Parameters { objects }
    }

    /// The most bytes of objects that are alive at once: both rings, what they keep, and one batch. Weak cells are an
    /// implementation's own and not counted.
    pub const fn live_bytes(self) -> u64 {
        let rings = slice_bytes(WEAKS as u64 * POINTER_BYTES) + slice_bytes(KEPT as u64 * POINTER_BYTES);
        let made = self.objects / KEEP_ONE_OF;
        let kept = if made < KEPT as u64 { made } else { KEPT as u64 };
        rings + (kept + 1) * object_bytes(OBJECT_BYTES)
    }
}

/// The second field of an object.
#[inline]
pub const fn check(number: u64) -> u64 {
    number.rotate_left(32) ^ 0xAAAA
}

/// Whether an object is kept.
#[inline]
pub const fn is_kept(number: u64) -> bool {
    number.is_multiple_of(KEEP_ONE_OF)
}

/// The place of a weak pointer in its ring.
#[inline]
pub const fn weak_place(number: u64) -> usize {
    (number % WEAKS as u64) as usize
}

/// The place of a kept object in its ring.
#[inline]
pub const fn kept_place(number: u64) -> usize {
    (number / KEEP_ONE_OF % KEPT as u64) as usize
}

/// The kept object that is read when this one was made, if there is one.
#[inline]
pub fn earlier(number: u64) -> Option<u64> {
    number.checked_sub(LATER).filter(|earlier| is_kept(*earlier))
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// For each number: makes an object and a weak pointer to it, upgrades that, puts it into its place, keeps the
    /// object if [`is_kept`], and reads the [`earlier`] object through the ring of weak pointers.
    ///
    /// Returns the sum, wrapping, of the check of each object through its upgraded pointer and of the number of each
    /// earlier one; an earlier one that cannot be upgraded counts as `u64::MAX`.
    fn make(&mut self, numbers: Range<u64>) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, WEAKS as u64 * POINTER_BYTES);
    tally.add(1, KEPT as u64 * POINTER_BYTES);
    for first in (0..parameters.objects).step_by(BATCH as usize) {
        checksum.mix(program.make(first..first + BATCH));
        tally.add(BATCH, OBJECT_BYTES);
    }
    drop(program);
    tally.outcome(checksum)
}
