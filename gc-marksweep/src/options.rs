//! What a program may choose, and the defaults.

use std::str::FromStr;

use heap_core::SettingsError;
use heap_core::collector::{Allowance, FromSettings, Settings, parse_collector};

use crate::MarkSweep;

/// See the builder methods of [`MarkSweep`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// The heap may become this many times as large as what was alive at the last collection.
    pub(crate) growth: f64,
    /// Bytes that may always be allocated between two collections.
    pub(crate) min_budget: Allowance,
    /// Marking is spread over safepoints.
    pub(crate) incremental: bool,
    /// Bytes of objects that an increment looks at.
    pub(crate) increment_bytes: usize,
    /// Every cycle marks exactly.
    pub(crate) exact: bool,
}

/// The least budget: 4 MiB for a heap that allocates much. (With 4 MiB from the beginning `graph_mutate` does five
/// collections instead of seven and executes a tenth less; and each of ten thousand small heaps may hold 4 MiB of
/// garbage.)
const MIN_BUDGET: Allowance = Allowance::growing(64 << 10, 4 << 20);

impl Default for Options {
    fn default() -> Self {
        Options { growth: 2.0, min_budget: MIN_BUDGET, incremental: false, increment_bytes: 256 << 10, exact: false }
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

    /// Sets the factor to which the heap may grow, times what was alive at the last collection, before it is collected
    /// again. Default: 2.0. A larger factor trades memory for time: the cost of collecting per allocated byte is
    /// proportional to `1 / (factor - 1)`.
    ///
    /// # Panics
    /// When the factor is not a number greater than 1.
    #[must_use]
    pub fn with_growth(mut self, factor: f64) -> Self {
        assert!(factor > 1.0, "the growth factor of a heap must be greater than 1, not {factor}");
        self.options_mut().growth = factor;
        self
    }

    /// Sets how many bytes are allocated at the least between two collections, however little is alive. Default: an
    /// eighth of all that the heap has allocated, within 64 KiB and 4 MiB. The heap's limit, if it has one, takes
    /// precedence.
    #[must_use]
    pub fn with_min_budget_bytes(mut self, bytes: usize) -> Self {
        self.options_mut().min_budget = Allowance::fixed(bytes);
        self
    }

    /// Sets how many bytes of objects one increment looks at, about. Default: 256 KiB; the least is 1. What an
    /// increment sweeps takes about as long. One follows each `mutate` that brought the allocations since the last
    /// increment to an eighth of it; a `mutate` that allocates more at once is followed by a proportionally larger one.
    #[must_use]
    pub fn with_increment_bytes(mut self, bytes: usize) -> Self {
        self.options_mut().increment_bytes = bytes.max(1);
        self
    }
    /// Has every full collection mark exactly, to 8 bytes, and not to lines of 256 bytes. By default only those do that
    /// follow one which found much of the memory wasted, or that come because an allocation failed: exact marking
    /// makes the space between scattered survivors usable again, and takes about a nanosecond more for each object. How
    /// many did: [`Statistics::exact_collections`](heap_core::Statistics::exact_collections).
    #[must_use]
    pub fn with_exact_marking(mut self, on: bool) -> Self {
        self.options_mut().exact = on;
        self
    }
}

/// The builder methods by name: `incremental`, `increment`, `growth`, `min-budget`, `exact`.
impl FromSettings for MarkSweep {
    const NAME: &'static str = "marksweep";

    fn from_settings(settings: &mut Settings<'_>) -> Result<Self, SettingsError> {
        let incremental = settings.switch("incremental")?.unwrap_or(false);
        let mut collector = if incremental { MarkSweep::incremental() } else { MarkSweep::default() };
        if let Some(bytes) = settings.bytes("increment")? {
            if !incremental {
                return Err(SettingsError::new("marksweep: `increment` is for `incremental` marking"));
            }
            collector = collector.with_increment_bytes(bytes);
        }
        if let Some(factor) = settings.factor("growth")? {
            collector = collector.with_growth(factor);
        }
        if let Some(bytes) = settings.bytes("min-budget")? {
            collector = collector.with_min_budget_bytes(bytes);
        }
        if let Some(on) = settings.switch("exact")? {
            collector = collector.with_exact_marking(on);
        }
        Ok(collector)
    }
}

/// Reads the settings of [`FromSettings`]: `"incremental,increment=64K".parse::<MarkSweep>()`.
impl FromStr for MarkSweep {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        parse_collector(text)
    }
}
