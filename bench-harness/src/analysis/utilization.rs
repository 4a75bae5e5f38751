//! How much of its time a program gets, whatever window of time one looks at.
//!
//! The *minimum mutator utilisation* MMU(w) is the least part of any window of length w in which the program ran (Cheng
//! and Blelloch, PLDI 2001). It says what a list of pauses does not: ten pauses of 1 ms in a row are one of 10 ms to a
//! program that must answer within 10 ms. MMU need not rise with w, so there is also the *bounded* BMU(w), the least
//! MMU of any window of length w or more (Sachindran, Moss and Berger, OOPSLA 2004): what can be relied upon.
//!
//! Both are exact. The paused time in a window is piecewise linear in where the window begins, so it is largest where
//! the window begins with a pause or ends with one: twice as many windows as pauses, each by two looks into prefix
//! sums. For BMU the longest windows matter too, from the beginning of one pause to the end of another: a square of
//! pairs, of which a timeline has at most two million. Spans that were fused are taken to be paused evenly; see
//! [`Timeline`] for how wrong that can be.

use crate::contestants::meter::timeline::Timeline;

/// When the program of a run did not run.
#[derive(Clone, Debug)]
pub struct Utilization {
    /// Beginnings and ends in order, none overlapping, all within the run.
    spans: Vec<(f64, f64)>,
    /// How much of the run was paused when span number i begins; one more for the end.
    before: Vec<f64>,
    total_ns: f64,
}

impl Utilization {
    /// Of a run of that length.
    #[must_use]
    pub fn of(timeline: &Timeline, run_ns: u64) -> Self {
        let spans = timeline.spans().iter().map(|span| {
            let [start, end, paused] = [span.start_ns, span.end_ns(), span.paused_ns].map(|ns| ns as f64);
            (start, end, paused)
        });
        Self::new(spans, run_ns as f64)
    }

    /// Of spans, each with its beginning, its end, and how long the program stood still in it.
    fn new(spans: impl IntoIterator<Item = (f64, f64, f64)>, total_ns: f64) -> Self {
        let (mut kept, mut before, mut paused, mut last) = (Vec::new(), vec![0.0], 0.0, 0.0_f64);
        for (start, end, stood) in spans {
            // Threads may pause at the same time: nobody stands still twice.
            let (from, to) = (start.max(last), end.min(total_ns));
            if from < to {
                paused += (stood * (to - from) / (end - start)).min(to - from);
                kept.push((from, to));
                before.push(paused);
                last = to;
            }
        }
        Self { spans: kept, before, total_ns }
    }

    /// How much was paused before this time.
    fn paused_until(&self, time: f64) -> f64 {
        let begun = self.spans.partition_point(|(start, _)| *start < time);
        let Some(last) = begun.checked_sub(1) else { return 0.0 };
        let (start, end) = self.spans[last];
        let part = ((time - start) / (end - start)).min(1.0);
        self.before[last] + part * (self.before[begun] - self.before[last])
    }

    /// The least part of a window of that length in which the program ran, from 0 to 1. A window as long as the run, or
    /// longer, is the run.
    #[must_use]
    pub fn mmu(&self, window_ns: f64) -> f64 {
        let window = window_ns.clamp(f64::MIN_POSITIVE, self.total_ns.max(f64::MIN_POSITIVE));
        let latest = (self.total_ns - window).max(0.0);
        let begins = self.spans.iter().flat_map(|(start, end)| [*start, end - window]);
        let most = begins
            .map(|begin| begin.clamp(0.0, latest))
            .map(|begin| self.paused_until(begin + window) - self.paused_until(begin))
            .fold(0.0, f64::max);
        (1.0 - most / window).clamp(0.0, 1.0)
    }

    /// MMU at each of these windows, which ascend, and BMU.
    #[must_use]
    pub fn curves(&self, windows_ns: &[f64]) -> Vec<(f64, f64)> {
        debug_assert!(windows_ns.is_sorted());
        // The least of all windows from one beginning to another's end, by the longest of the given that they reach.
        let mut least = vec![1.0_f64; windows_ns.len()];
        for (first, (start, _)) in self.spans.iter().enumerate() {
            for (last, (_, end)) in self.spans.iter().enumerate().skip(first) {
                let length = end - start;
                let Some(reached) = windows_ns.partition_point(|window| *window <= length).checked_sub(1) else {
                    continue;
                };
                let paused = self.before[last + 1] - self.before[first];
                least[reached] = least[reached].min(1.0 - paused / length);
            }
        }
        let mut curves: Vec<_> = windows_ns.iter().map(|window| (self.mmu(*window), 1.0)).collect();
        let mut bound = self.mmu(self.total_ns);
        for ((mmu, bmu), least) in curves.iter_mut().zip(least).rev() {
            bound = bound.min(*mmu).min(least.max(0.0));
            *bmu = bound;
        }
        curves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::meter::timeline::{PauseKind, Span};
    use proptest::prelude::*;

    const RUN: usize = 60;

    /// A run of whole nanoseconds, in each of which the program runs or not.
    fn run() -> impl Strategy<Value = Vec<bool>> {
        prop::collection::vec(prop::bool::weighted(0.3), RUN)
    }

    fn utilization(paused: &[bool]) -> Utilization {
        let spans = (0..paused.len()).filter(|at| paused[*at]).map(|at| (at as f64, at as f64 + 1.0, 1.0));
        Utilization::new(spans, paused.len() as f64)
    }

    /// By the definition. With pauses that begin and end at whole nanoseconds, and such windows, the least is at one.
    fn mmu_by_definition(paused: &[bool], window: usize) -> f64 {
        let ran = |window: &[bool]| window.iter().filter(|paused| !**paused).count() as f64 / window.len() as f64;
        paused.windows(window).map(ran).fold(1.0, f64::min)
    }

    fn bmu_by_definition(paused: &[bool], window: usize) -> f64 {
        (window..=paused.len()).map(|window| mmu_by_definition(paused, window)).fold(1.0, f64::min)
    }

    proptest! {
        #[test]
        fn both_are_what_their_definitions_say(paused in run()) {
            let windows: Vec<f64> = (1..=RUN).map(|window| window as f64).collect();
            let curves = utilization(&paused).curves(&windows);
            for (window, (mmu, bmu)) in (1..=RUN).zip(curves) {
                prop_assert!((mmu - mmu_by_definition(&paused, window)).abs() < 1e-9, "MMU({window}) = {mmu}");
                prop_assert!((bmu - bmu_by_definition(&paused, window)).abs() < 1e-9, "BMU({window}) = {bmu}");
            }
        }

        /// What is between the windows that were asked for counts as well.
        #[test]
        fn a_bound_holds_for_every_longer_window(paused in run(), sparse in prop::collection::btree_set(1..=RUN, 1..5)) {
            let windows: Vec<f64> = sparse.iter().map(|window| *window as f64).collect();
            for (window, (_, bmu)) in sparse.iter().zip(utilization(&paused).curves(&windows)) {
                prop_assert!((bmu - bmu_by_definition(&paused, *window)).abs() < 1e-9, "BMU({window}) = {bmu}");
            }
        }
    }

    #[test]
    fn ten_pauses_in_a_row_are_as_one() {
        let spans = (0..10).map(|n| (100.0 + f64::from(n) * 10.0, 109.0 + f64::from(n) * 10.0, 9.0));
        let utilization = Utilization::new(spans, 1000.0);
        assert_eq!(utilization.mmu(9.0), 0.0);
        assert!((utilization.mmu(99.0) - 9.0 / 99.0).abs() < 1e-9);
        assert!((utilization.mmu(1000.0) - 0.91).abs() < 1e-9);
        assert_eq!(utilization.mmu(1e9), utilization.mmu(1000.0));
    }

    #[test]
    fn pauses_of_several_threads_do_not_add_up() {
        let utilization = Utilization::new([(10.0, 20.0, 10.0), (15.0, 25.0, 10.0), (16.0, 18.0, 2.0)], 100.0);
        assert!((utilization.mmu(100.0) - 0.85).abs() < 1e-9);
    }

    #[test]
    fn a_run_without_pauses_is_all_the_programs() {
        let utilization = Utilization::of(&Timeline::default(), 1000);
        assert_eq!((utilization.mmu(10.0), utilization.curves(&[1.0, 10.0])), (1.0, vec![(1.0, 1.0); 2]));
        assert_eq!(Utilization::of(&Timeline::default(), 0).mmu(10.0), 1.0);
    }

    #[test]
    fn a_timeline_is_read() {
        let mut timeline = Timeline::default();
        timeline.push(Span::pause(10, 5, PauseKind::Minor));
        timeline.push(Span { paused_ns: 10, ..Span::pause(50, 20, PauseKind::Full) });
        let utilization = Utilization::of(&timeline, 100);
        assert!((utilization.mmu(100.0) - 0.85).abs() < 1e-9);
        assert!((utilization.mmu(20.0) - 0.5).abs() < 1e-9, "half of what was fused");
    }
}
