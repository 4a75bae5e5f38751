//! What a program can choose, and the defaults with the measurements behind them.

use heap_core::collector::memory::BLOCK_BYTES;

use crate::Generational;
use crate::policy::Policy;

/// Settings of a [`Generational`](crate::Generational) collector, in bytes and counts.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Bytes allocated between two minor collections.
    pub(crate) nursery_bytes: usize,
    /// The old space may grow by this factor between two full collections.
    pub(crate) growth: f64,
    /// Threads that mark, the program's own among them; `None`: as many as the system offers.
    pub(crate) marking_threads: Option<usize>,
    /// A nursery that outgrew its size by this factor is promoted in place rather than copied.
    pub(crate) in_place_factor: usize,
    /// Whether objects may be born old when nearly all of them survive.
    pub(crate) pretenure: bool,
    /// Promoted bytes below which no full collection is worth it.
    pub(crate) full_min_bytes: usize,
    /// Old-space bytes from which marking is done by several threads.
    pub(crate) parallel_min_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            nursery_bytes: 4 << 20,
            growth: 3.0,
            marking_threads: None,
            in_place_factor: 8,
            pretenure: true,
            full_min_bytes: 32 << 20,
            parallel_min_bytes: 32 << 20,
        }
    }
}

impl Options {
    /// The nursery's size in blocks, at least one.
    pub(crate) fn nursery_blocks(&self) -> usize {
        self.nursery_bytes.div_ceil(BLOCK_BYTES).max(1)
    }
}

impl Generational {
    /// Sets how many bytes are allocated between two minor collections; rounded up to 32 KiB. Larger nurseries collect
    /// more rarely and let more objects die; smaller ones stay in a smaller cache. Default: 4 MiB. A heap with a limit
    /// uses at most a quarter of what the limit leaves free.
    #[must_use]
    pub fn with_nursery_bytes(mut self, bytes: usize) -> Self {
        self.options.nursery_bytes = bytes;
        self
    }

    /// Sets the factor to which the old space may grow, times what was alive at the last full collection, before the next
    /// one. Default: 3.0. A larger factor costs memory and saves marking.
    ///
    /// # Panics
    /// When the factor is not a number greater than 1.
    #[must_use]
    pub fn with_growth(mut self, factor: f64) -> Self {
        assert!(factor > 1.0, "the growth factor of a heap must be greater than 1, not {factor}");
        self.options.growth = factor;
        self
    }

    /// Sets how many bytes must be promoted at the least before a full collection is due by itself. Default: 32 MiB.
    #[must_use]
    pub fn with_full_min_bytes(mut self, bytes: usize) -> Self {
        self.options.full_min_bytes = bytes;
        self.policy = Policy::new(&self.options);
        self
    }

    /// Sets by what factor a single `mutate` must outgrow the nursery for its survivors to be promoted in place rather
    /// than copied; 0 means that nothing is ever copied. Default: 8. Without room for the copies, promotion is always in
    /// place.
    #[must_use]
    pub fn with_in_place_factor(mut self, factor: usize) -> Self {
        self.options.in_place_factor = factor;
        self
    }

    /// Sets whether the nursery is taken out of use, until the next full collection, while nearly everything survives
    /// it. Default: true.
    #[must_use]
    pub fn with_pretenuring(mut self, on: bool) -> Self {
        self.options.pretenure = on;
        self
    }

    /// Sets how many threads mark, the program's own included; 1 means that no thread is ever started. Default: as many
    /// as the system offers. The others are started at the first full collection of a heap of more than 32 MiB.
    #[must_use]
    pub fn with_marking_threads(mut self, threads: usize) -> Self {
        self.options.marking_threads = Some(threads.max(1));
        self
    }

    /// Sets the size of the old space in bytes from which more than one thread marks. Default: 32 MiB.
    #[must_use]
    pub fn with_parallel_min_bytes(mut self, bytes: usize) -> Self {
        self.options.parallel_min_bytes = bytes;
        self
    }
}
