//! `queue`: everything outlives a nursery, and everything dies.
//!
//! A ring of 300 000 places is a queue, first in, first out, of messages with a payload. 3 000 000 messages pass through
//! it, 1 000 per batch: each takes the place of the oldest, whose payload is read. So every object lives equally long,
//! and for tens of megabytes of allocation: the opposite of the assumption that most objects die young.
//!
//! ```text
//! struct Message { number: u64, payload: Pointer }   // 16 bytes
//! struct Payload([u64; 8]);                          // 64 bytes
//! struct Ring([Option<Pointer>; 300_000]);           // one object
//! ```
//!
//! **Profile**: 48 bytes an object with its header, all live for 300 000 messages (29 MB), none longer.

use super::{Checksum, Outcome, POINTER_BYTES, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;

/// Bytes of a message's fields.
pub const MESSAGE_BYTES: u64 = 16;

/// Words of a payload.
pub const WORDS: usize = 8;

/// Bytes of a payload.
pub const PAYLOAD_BYTES: u64 = 8 * WORDS as u64;

/// Messages of one batch.
pub const BATCH: u64 = 1_000;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Places of the ring.
    pub capacity: u64,
    /// Messages in all: a multiple of [`BATCH`].
    pub messages: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { capacity: 1_000, messages: 10_000 },
            Size::Classic => Parameters { capacity: 300_000, messages: 3_000_000 },
            Size::Large => Parameters { capacity: 2_400_000, messages: 24_000_000 },
        }
    }

    /// With so many percent more messages, and as much room for them.
    pub const fn with_extra(self, percent: u32) -> Self {
        let batches = self.messages / BATCH;
        Parameters { messages: (batches + batches * percent as u64 / 100) * BATCH, ..self }
    }

    /// The place of a message.
    #[inline]
    pub const fn place(self, number: u64) -> usize {
        (number % self.capacity) as usize
    }

    /// The most bytes that are alive at once: a full ring, and the message that takes a place.
    pub const fn live_bytes(self) -> u64 {
        let message = object_bytes(MESSAGE_BYTES) + object_bytes(PAYLOAD_BYTES);
        slice_bytes(self.capacity * POINTER_BYTES) + (self.capacity + 1) * message
    }
}

/// The words of a payload.
#[inline]
pub fn payload(number: u64) -> [u64; WORDS] {
    std::array::from_fn(|word| number.wrapping_mul(word as u64 + 1))
}

/// What is read from a payload.
#[inline]
pub fn digest(payload: &[u64; WORDS]) -> u64 {
    payload.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// For each number: makes a message and puts it into its place. Returns the sum of number + [`digest`] of the
    /// messages that were there before, wrapping.
    fn pass(&mut self, numbers: Range<u64>) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, parameters.capacity * POINTER_BYTES);
    for first in (0..parameters.messages).step_by(BATCH as usize) {
        checksum.mix(program.pass(first..first + BATCH));
        tally.add(BATCH, MESSAGE_BYTES);
        tally.add(BATCH, PAYLOAD_BYTES);
    }
    drop(program);
    tally.outcome(checksum)
}
