//! What a child measures while a workload runs on one of our heaps: the pauses and a few totals.
//!
//! How long pauses last goes into a histogram with three significant digits (HdrHistogram), because there can be
//! millions of them and the tail is what matters. The total and the longest are kept exactly. When they happened, and
//! how much memory was held around them, is a bounded list ([`timeline`]). Nothing is done per object, and per pause
//! less than two looks at the clock cost. Everything survives a workload that ends early: how often a heap collected
//! before it ran out of memory is part of the answer.

pub mod distribution;
pub mod telling;
pub mod timeline;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::workloads::event_loop::Latencies;
use distribution::Distribution;
use telling::Telling;
use timeline::{Span, Timeline};

/// Longer pauses count as this long in percentiles; the maximum stays exact.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long something lasted, many times.
#[derive(Clone, Debug)]
pub struct Durations {
    histogram: Histogram<u64>,
    total_ns: u64,
    max_ns: u64,
}

impl Default for Durations {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, nanoseconds(LONGEST), 3);
        Self { histogram: histogram.expect("the bounds are constants in range"), total_ns: 0, max_ns: 0 }
    }
}

impl Durations {
    /// Records one.
    pub fn record_ns(&mut self, duration_ns: u64) {
        self.histogram.saturating_record(duration_ns);
        self.total_ns = self.total_ns.saturating_add(duration_ns);
        self.max_ns = self.max_ns.max(duration_ns);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Their sum in nanoseconds.
    #[must_use]
    pub fn total_ns(&self) -> u64 {
        self.total_ns
    }

    /// The longest in nanoseconds, if there was one.
    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    /// The duration that this share of all does not exceed, in nanoseconds, if there was one.
    #[must_use]
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        // A bucket's upper edge may lie above the longest that was seen.
        self.max_ns().map(|max| self.histogram.value_at_quantile(quantile).min(max))
    }

    /// All of them, to three digits.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        Distribution::new(
            self.histogram
                .iter_recorded()
                .map(|step| (step.value_iterated_to().min(self.max_ns), step.count_at_value())),
        )
    }
}

/// The pauses of one run.
#[derive(Clone, Debug, Default)]
pub struct Pauses {
    /// How long they were.
    pub durations: Durations,
    /// When they were.
    pub timeline: Timeline,
}

impl Pauses {
    /// Records that the program was stopped. Pauses come in the order in which they began.
    pub fn record(&mut self, pause: Span) {
        self.durations.record_ns(pause.length_ns);
        self.timeline.push(pause);
    }
}

/// What a workload on one of our heaps reports besides its result.
#[derive(Clone, Debug)]
pub struct Meter {
    /// When the run began: when its meter was made, or told so.
    began: Instant,
    /// Every time span in which the collector stopped the program.
    pub pauses: Pauses,
    /// Completed collections of any kind.
    pub collections: u64,
    /// The most that all heaps together reserved for use, in bytes.
    pub peak_heap_bytes: u64,
    /// Objects that were garbage and still there at the end, if that was determined.
    pub leaked_objects: Option<u64>,
    /// When requests ended, where there are requests.
    pub latencies: Latencies,
    /// The most bytes that a full collection after a batch found alive, where batches are probed.
    pub probed_live_bytes: u64,
    /// What the heaps hold, if somebody is told that meanwhile.
    pub telling: Option<Telling>,
    /// The peaks of the heaps that live, those that were noted.
    noted_bytes: u64,
    /// What all heaps that live hold now, as far as their pauses told.
    held_bytes: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            pauses: Pauses::default(),
            collections: 0,
            peak_heap_bytes: 0,
            leaked_objects: None,
            latencies: Latencies::default(),
            probed_live_bytes: 0,
            telling: None,
            noted_bytes: 0,
            held_bytes: 0,
        }
    }
}

impl Meter {
    /// The run begins now: moments are counted from the instant from which it is timed.
    pub fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// A moment, in nanoseconds since the run began.
    #[must_use]
    pub fn since_begin_ns(&self, at: Instant) -> u64 {
        nanoseconds(at.saturating_duration_since(self.began))
    }

    /// A heap held `before` bytes when it was last heard of, and holds `now`: returns what all heaps hold.
    pub fn note_held(&mut self, before: u64, now: u64) -> u64 {
        self.held_bytes = self.held_bytes.saturating_sub(before).saturating_add(now);
        self.held_bytes
    }

    /// Several heaps may live at once, and their peaks count together: this one's has changed.
    pub fn note_peak(&mut self, before: u64, now: u64) {
        self.noted_bytes = self.noted_bytes - before + now;
        self.peak_heap_bytes = self.peak_heap_bytes.max(self.noted_bytes);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_percentile() {
        let durations = Durations::default();
        assert_eq!((durations.count(), durations.total_ns()), (0, 0));
        assert_eq!((durations.quantile_ns(0.5), durations.max_ns()), (None, None));
        assert_eq!(durations.distribution(), Distribution::default());
    }

    #[test]
    fn percentiles_are_within_a_thousandth_and_the_maximum_is_exact() {
        let mut durations = Durations::default();
        for microseconds in 1..=1000 {
            durations.record_ns(microseconds * 1000);
        }
        durations.record_ns(123_456_789);
        assert_eq!(durations.count(), 1001);
        assert_eq!(durations.total_ns(), 500_500_000 + 123_456_789);
        assert_eq!(durations.max_ns(), Some(123_456_789));
        for (quantile, expected) in [(0.5, 501_000.0), (0.99, 991_000.0)] {
            let got = durations.quantile_ns(quantile).unwrap() as f64;
            assert!((got / expected - 1.0).abs() < 2e-3, "{quantile}: {got}");
        }
        assert_eq!(durations.quantile_ns(1.0), Some(123_456_789));
    }

    #[test]
    fn the_distribution_has_the_same_percentiles() {
        let mut durations = Durations::default();
        for n in 1..=3_000_u64 {
            durations.record_ns(n * n * n);
        }
        let distribution = durations.distribution();
        assert_eq!(distribution.count(), 3_000);
        for quantile in [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0] {
            assert_eq!(distribution.quantile(quantile), durations.quantile_ns(quantile), "{quantile}");
        }
    }

    #[test]
    fn peaks_of_heaps_that_live_at_once_add_up() {
        let mut meter = Meter::default();
        meter.note_peak(0, 10);
        meter.note_peak(0, 20);
        meter.note_peak(10, 15);
        meter.note_peak(20, 0);
        meter.note_peak(0, 5);
        assert_eq!(meter.peak_heap_bytes, 35);
    }

    #[test]
    fn what_heaps_hold_adds_up_and_goes_with_them() {
        let mut meter = Meter::default();
        assert_eq!([meter.note_held(0, 10), meter.note_held(0, 5), meter.note_held(10, 0)], [10, 15, 5]);
    }

    #[test]
    fn zero_and_endless_pauses_are_recorded() {
        let mut durations = Durations::default();
        durations.record_ns(0);
        durations.record_ns(u64::MAX);
        assert_eq!(durations.count(), 2);
        assert_eq!(durations.max_ns(), Some(u64::MAX));
    }
}
