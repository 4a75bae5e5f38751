//! What a program can choose, and the defaults with the measurements behind them.

use heap_core::collector::memory::BLOCK_BYTES;

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
