//! What a child measures while a workload runs on one of our heaps: the pauses and a few totals.
//!
//! Pauses go into a histogram with three significant digits (HdrHistogram), because there can be millions of them and
//! the tail is what matters; a list would itself need memory and time. The total and the longest are kept exactly.
//! Everything survives a workload that ends early: how often a heap collected before it ran out of memory is part of
//! the answer.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::workloads::event_loop::Latencies;

/// Longer pauses count as this long in percentiles; the maximum stays exact.
const LONGEST: Duration = Duration::from_secs(3600);

/// The pauses of one run.
#[derive(Clone, Debug)]
pub struct Pauses {
    histogram: Histogram<u64>,
    total_ns: u64,
    max_ns: u64,
}

impl Default for Pauses {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, nanoseconds(LONGEST), 3);
        Self { histogram: histogram.expect("the bounds are constants in range"), total_ns: 0, max_ns: 0 }
    }
}

impl Pauses {
    /// Records that the program was stopped for this long.
    pub fn record(&mut self, pause: Duration) {
        self.record_ns(nanoseconds(pause));
    }

    /// The same, in nanoseconds.
    pub fn record_ns(&mut self, pause_ns: u64) {
        self.histogram.saturating_record(pause_ns);
        self.total_ns = self.total_ns.saturating_add(pause_ns);
        self.max_ns = self.max_ns.max(pause_ns);
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

    /// The pause that this share of all pauses does not exceed, in nanoseconds, if there was one.
    #[must_use]
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        // A bucket's upper edge may lie above the longest pause that was seen.
        self.max_ns().map(|max| self.histogram.value_at_quantile(quantile).min(max))
    }
}

/// What a workload on one of our heaps reports besides its result.
#[derive(Clone, Debug, Default)]
pub struct Meter {
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
    /// The peaks of the heaps that live, those that were noted.
    noted_bytes: u64,
}

impl Meter {
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
    fn no_pause_has_no_percentile() {
        let pauses = Pauses::default();
        assert_eq!((pauses.count(), pauses.total_ns()), (0, 0));
        assert_eq!((pauses.quantile_ns(0.5), pauses.max_ns()), (None, None));
    }

    #[test]
    fn percentiles_are_within_a_thousandth_and_the_maximum_is_exact() {
        let mut pauses = Pauses::default();
        for microseconds in 1..=1000 {
            pauses.record(Duration::from_micros(microseconds));
        }
        pauses.record_ns(123_456_789);
        assert_eq!(pauses.count(), 1001);
        assert_eq!(pauses.total_ns(), 500_500_000 + 123_456_789);
        assert_eq!(pauses.max_ns(), Some(123_456_789));
        for (quantile, expected) in [(0.5, 501_000.0), (0.99, 991_000.0)] {
            let got = pauses.quantile_ns(quantile).unwrap() as f64;
            assert!((got / expected - 1.0).abs() < 2e-3, "{quantile}: {got}");
        }
        assert_eq!(pauses.quantile_ns(1.0), Some(123_456_789));
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
    fn zero_and_endless_pauses_are_recorded() {
        let mut pauses = Pauses::default();
        pauses.record(Duration::ZERO);
        pauses.record(Duration::MAX);
        assert_eq!(pauses.count(), 2);
        assert_eq!(pauses.max_ns(), Some(u64::MAX));
    }
}
