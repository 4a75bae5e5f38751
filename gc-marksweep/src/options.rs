//! What the user may choose.

use crate::MarkSweep;

/// See the builder methods of [`MarkSweep`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// The heap may become this many times as large as what was alive at the last collection.
    pub(crate) growth: f64,
    /// Bytes that may always be allocated between two collections.
    pub(crate) min_budget: usize,
    /// Marking is spread over safepoints.
    pub(crate) incremental: bool,
    /// Bytes of objects that an increment looks at.
    pub(crate) increment: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { growth: 2.0, min_budget: 4 << 20, incremental: false, increment: 256 << 10 }
    }
}

impl MarkSweep {
    /// A collector that marks in increments.
    ///
    /// ```
    /// use gc_marksweep::MarkSweep;
    /// use heap_core::{Gc, Heap, Rootable};
    ///
    /// let mut heap = Heap::<Rootable![Gc<'_, u64>]>::new(MarkSweep::incremental(), |mc| Gc::new(mc, 7))?;
    /// // Cycles can also be driven by hand, for instance while the program is idle:
    /// while !heap.step(64 << 10) {}
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn incremental() -> Self {
        MarkSweep::with(Options { incremental: true, ..Options::default() })
    }

    /// The heap may grow to this many times what was alive at the last collection before it is collected again; 2 by
    /// default. A larger factor trades memory for time: the cost of collecting per allocated byte is proportional to
    /// `1 / (factor - 1)`.
    ///
    /// # Panics
    /// When the factor is not a number greater than 1.
    pub fn growth_factor(mut self, factor: f64) -> Self {
        assert!(factor > 1.0, "the growth factor of a heap must be greater than 1, not {factor}");
        self.options_mut().growth = factor;
        self
    }

    /// At least this many bytes are allocated between two collections, however little is alive; 4 MiB by default. The
    /// heap's limit, if it has one, takes precedence.
    pub fn min_budget(mut self, bytes: usize) -> Self {
        self.options_mut().min_budget = bytes;
        self
    }

    /// About this many bytes of objects are looked at in one increment; 256 KiB by default. An increment follows each
    /// `mutate` that brought the allocations since the last increment to an eighth of it; a `mutate` that allocates more
    /// at once is followed by a proportionally larger one.
    pub fn increment_bytes(mut self, bytes: usize) -> Self {
        self.options_mut().increment = bytes.max(1);
        self
    }
}
