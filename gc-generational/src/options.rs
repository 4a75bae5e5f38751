//! What a program can choose, and the defaults with the measurements behind them.

use std::str::FromStr;

use heap_core::SettingsError;
use heap_core::collector::{Allowance, FromSettings, Settings, parse_collector};

use crate::Generational;
use crate::policy::Policy;

/// Settings of a [`Generational`](crate::Generational) collector, in bytes and counts.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Bytes allocated between two minor collections.
    pub(crate) nursery: Allowance,
    /// The old space may grow by this factor between two full collections.
    pub(crate) growth: f64,
    /// Bytes that count as alive, when less is, in planning the next full collection.
    pub(crate) full_min: Allowance,
    /// Threads that mark, the program's own among them; `None`: as many as the system offers.
    pub(crate) marking_threads: Option<usize>,
    /// A nursery that outgrew its size by this factor is promoted in place rather than copied.
    pub(crate) in_place_factor: usize,
    /// Whether objects may be born old when nearly all of them survive.
    pub(crate) pretenure: bool,
    /// Old-space bytes from which marking is done by several threads.
    pub(crate) parallel_min_bytes: usize,
    /// Every full collection evacuates all blocks.
    pub(crate) evacuate: bool,
}

/// The nursery: 4 MiB for a heap that allocates much.
const NURSERY: Allowance = Allowance::growing(64 << 10, 4 << 20);

/// Growth of the old space between two full collections.
///
/// Measured as milliseconds of processor time and MiB at the heap's peak, where 24 MB are alive on `list_churn` and
/// `graph_mutate`. The other classic programs took as long with each; 3.0 went with 32 MiB that were always granted.
///
/// | growth, nursery | `list_churn` | `graph_mutate` |
/// |---|---|---|
/// | 2.5, 4 MiB | 185, 62 | 386, 62 |
/// | 2.5 and three quarters of a nursery, 4 MiB | 157, 65 | 373, 65 |
/// | 2.65, 4 MiB | 177, 65 | |
/// | 3.0, 4 MiB | 149 to 173, 73 | 396, 72 |
/// | 2.5, 8 MiB | 252, 74 | |
///
/// What a factor costs is marking in proportion to `1 / (factor - 1)`, so none between 2 and 3 is much better than
/// another; this one keeps the heap within two and a half times what is alive and two nurseries.
const GROWTH: f64 = 2.5;

/// What counts as alive in a small old space.
///
/// A program that builds much pays for it that it is small at first. `graph_mutate` builds 24 MB and does five full
/// collections, the last four with 4, 11, 22 and 24 MB alive; with a fixed 16 MiB, nurseries of 4 MiB and growth 3 it
/// does one, and executes a sixth less. Its peak is the same, 67 MB, because the last collection decides it. But any
/// heap might grow to 50 MB then before anybody looks at what of it is alive.
const FULL_MIN: Allowance = Allowance::growing(256 << 10, 8 << 20);

impl Default for Options {
    fn default() -> Self {
        Options {
            nursery: NURSERY,
            growth: GROWTH,
            full_min: FULL_MIN,
            marking_threads: None,
            in_place_factor: 8,
            pretenure: true,
            parallel_min_bytes: 32 << 20,
            evacuate: false,
        }
    }
}

impl Generational {
    /// Sets how many bytes are allocated between two minor collections; rounded up to 32 KiB, and at most a quarter of
    /// the heap's address space. Larger nurseries collect more rarely and let more objects die; smaller ones stay in a
    /// smaller cache. Default: an eighth of all that the heap has allocated, within 64 KiB and 4 MiB. A heap with a
    /// limit uses at most a quarter of what the limit leaves free.
    #[must_use]
    pub fn with_nursery_bytes(mut self, bytes: usize) -> Self {
        self.options.nursery = Allowance::fixed(bytes);
        self
    }

    /// Sets the factor to which the old space may grow, times what was alive at the last full collection, before the
    /// next one. Default: 2.5. A larger factor costs memory and saves marking.
    ///
    /// # Panics
    /// When the factor is not a number greater than 1.
    #[must_use]
    pub fn with_growth(mut self, factor: f64) -> Self {
        assert!(factor > 1.0, "the growth factor of a heap must be greater than 1, not {factor}");
        self.options.growth = factor;
        self.policy = Policy::new(&self.options);
        self
    }

    /// Sets how many bytes count as alive, when less is, in planning the next full collection: the old space may always
    /// grow to so many bytes times the [growth factor](Self::with_growth). Default: an eighth of all that the heap has
    /// allocated, within 256 KiB and 8 MiB.
    #[must_use]
    pub fn with_full_min_bytes(mut self, bytes: usize) -> Self {
        self.options.full_min = Allowance::fixed(bytes);
        self.policy = Policy::new(&self.options);
        self
    }

    /// Sets by what factor a single `mutate` must outgrow the nursery for its survivors to be promoted in place rather
    /// than copied; 0 means that nothing is ever copied. Default: 8. Without room for the copies, promotion is always
    /// in place.
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

    /// Sets how many threads mark, the program's own included; 1 means that no thread is ever started, and more than 64
    /// are as good as 64. Default: as many as the system offers. The others are started at the first full collection of
    /// a heap of more than 32 MiB.
    #[must_use]
    pub fn with_marking_threads(mut self, threads: usize) -> Self {
        self.options.marking_threads = Some(threads);
        self
    }

    /// Sets the size of the old space in bytes from which more than one thread marks. Default: 32 MiB.
    #[must_use]
    pub fn with_parallel_min_bytes(mut self, bytes: usize) -> Self {
        self.options.parallel_min_bytes = bytes;
        self
    }

    /// Has every full collection move all that lives in blocks of 32 KiB together, as far as there is room for copies.
    /// By default it is only the living of sparse blocks that are moved, and only when much of the memory is not in use
    /// and cannot be used, or an allocation failed. An evacuation takes another trace, by one thread, and a copy of
    /// what moves. How many there were, and how much was moved:
    /// [`Statistics::evacuations`](heap_core::Statistics::evacuations),
    /// [`evacuated_bytes`](heap_core::Statistics::evacuated_bytes).
    #[must_use]
    pub fn with_evacuation(mut self, on: bool) -> Self {
        self.options.evacuate = on;
        self
    }
}

/// The builder methods by name: `nursery`, `growth`, `full-min`, `in-place-factor`, `pretenuring`, `marking-threads`,
/// `parallel-min`, `evacuation`.
impl FromSettings for Generational {
    const NAME: &'static str = "generational";

    fn from_settings(settings: &mut Settings<'_>) -> Result<Self, SettingsError> {
        let mut collector = Generational::default();
        if let Some(bytes) = settings.bytes("nursery")? {
            collector = collector.with_nursery_bytes(bytes);
        }
        if let Some(factor) = settings.factor("growth")? {
            collector = collector.with_growth(factor);
        }
        if let Some(bytes) = settings.bytes("full-min")? {
            collector = collector.with_full_min_bytes(bytes);
        }
        if let Some(factor) = settings.count("in-place-factor")? {
            collector = collector.with_in_place_factor(factor);
        }
        if let Some(on) = settings.switch("pretenuring")? {
            collector = collector.with_pretenuring(on);
        }
        if let Some(threads) = settings.count("marking-threads")? {
            collector = collector.with_marking_threads(threads);
        }
        if let Some(bytes) = settings.bytes("parallel-min")? {
            collector = collector.with_parallel_min_bytes(bytes);
        }
        if let Some(on) = settings.switch("evacuation")? {
            collector = collector.with_evacuation(on);
        }
        Ok(collector)
    }
}

/// Reads the settings of [`FromSettings`]: `"nursery=4MiB,growth=2".parse::<Generational>()`.
impl FromStr for Generational {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        parse_collector(text)
    }
}
