//! What a program may choose.

use crate::RefCount;

impl Default for RefCount {
    /// With cycle collection: garbage does not stay, whatever its shape.
    fn default() -> Self {
        Self::with_cycle_collection()
    }
}

impl RefCount {
    /// Counting alone. Garbage that refers to itself is never reclaimed, as long as the heap exists.
    pub fn pure() -> Self {
        Self::new(false)
    }

    /// Counting, and a collection of garbage cycles by trial deletion when the counted bytes have grown by half.
    pub fn with_cycle_collection() -> Self {
        Self::new(true)
    }

    /// With `on`, an epoch ends every `mutate`: an object dies at the end of the `mutate` in which its count reached
    /// zero. A `mutate` that changed nothing then costs about a hundred nanoseconds instead of a few instructions.
    #[must_use]
    pub fn eager(mut self, on: bool) -> Self {
        self.eager = on;
        self
    }

    /// Bytes allocated between two epochs; if not set, half of what is alive, within 4 and 16 MiB, and twice that while
    /// little dies young and much is written. Smaller epochs hold
    /// less memory and pause for less time; larger ones do less work in all.
    #[must_use]
    pub fn epoch_bytes(mut self, bytes: usize) -> Self {
        self.pacing.set_epoch_bytes(bytes);
        self
    }
}
