//! Small things that the tests of the kit share.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The payload of a panic that drop glue starts on purpose, with the number of the object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GluePanic(pub(super) u32);

/// The payload of a panic that a test starts in its own code on purpose.
pub(super) struct ExpectedPanic;

/// Unwinds without a message.
pub(super) fn unwind() -> ! {
    std::panic::resume_unwind(Box::new(ExpectedPanic))
}

/// Runs `f`, giving back the payload when it unwinds.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

/// A reproducible sequence of numbers.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Numbers(seed)
    }

    /// The next number, below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (super::objects::mix(self.0) % bound as u64) as usize
    }
}
