//! Every collector at several heap sizes, from the least to a multiple of it.
//!
//! The sizes are the same for all, in bytes, and relative to the least heap of one nominated collector, which is
//! searched for first. They lie closer together where heaps are small, since there the curves bend (running-ng's
//! spacing). The ends and the middle come first, then what is between: whoever stops early has a whole curve, only
//! coarser. Invocations are the outermost loop, as everywhere; a size at which somebody did not finish is not tried
//! again with them.

use std::time::Duration;

use crate::contestants::Contestant;
use crate::record::key::Key;
use crate::record::{Record, Status};
use crate::run::agenda::{Agenda, Step};
use crate::run::job::Job;
use crate::run::minheap::{MinHeaps, Wish};
use crate::run::plan::{self, Plan};
use crate::text::format;
use crate::workloads::program::Program;

/// At which sizes everything runs.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    /// Relative to the least, ascending.
    pub multiples: Vec<f64>,
    /// The least in bytes, if it is given: then nothing is searched for.
    pub least: Option<u64>,
    /// Whether everything runs without a limit too; what never reclaims always does, and only so.
    pub unlimited: bool,
}

impl Sizes {
    /// So many sizes from the least to `range` times it, at least two of them.
    #[must_use]
    pub fn spaced(points: usize, range: f64, least: Option<u64>) -> Self {
        let last = points.max(2) - 1;
        let spread = |n: usize| {
            let bend = if last > 1 { (n * n - n) as f64 / 2.0 / (last - 1) as f64 } else { 0.0 };
            n as f64 + bend
        };
        let multiples = (0..=last).map(|n| 1.0 + (range - 1.0) * spread(n) / spread(last)).collect();
        Self { multiples, least, unlimited: false }
    }

    /// How often each contestant runs in an invocation.
    fn runs(&self) -> usize {
        self.multiples.len() + usize::from(self.unlimited)
    }
}

/// The places of a list, its ends first, then the middle, then the middles of what is between.
#[must_use]
pub fn fill_in(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(count);
    let mut gaps = std::collections::VecDeque::new();
    if let Some(last) = count.checked_sub(1) {
        order.push(0);
        if last > 0 {
            order.push(last);
        }
        gaps.push_back((0, last));
    }
    while let Some((from, to)) = gaps.pop_front() {
        let middle = usize::midpoint(from, to);
        if middle > from {
            order.push(middle);
            gaps.extend([(from, middle), (middle, to)]);
        }
    }
    order
}

/// A sweep in progress.
#[derive(Debug)]
pub struct Sweep {
    plan: Plan,
    sizes: Sizes,
    invocations: u32,
    search: MinHeaps,
    /// Limits per program, once they are known, and how long its run may take.
    limits: Option<Vec<(Program, Vec<u64>, Duration)>>,
    /// Invocations that were handed out.
    handed_out: u32,
    /// Records of the search, which are no part of the sweep.
    searched: usize,
}

impl Sweep {
    /// Sweeps what the plan runs, so many times; `nominee` says with which collector the least heap is searched for.
    #[must_use]
    pub fn new(plan: Plan, sizes: Sizes, invocations: u32, nominee: Contestant) -> Self {
        let jobs = plan.invocation(1);
        let mut keys: Vec<Key> = Vec::new();
        for job in jobs.iter().filter(|job| job.key.contestant == nominee) {
            let is_unknown = sizes.least.is_none() && !sizes.multiples.is_empty() && !job.key.setting.canary;
            if is_unknown && !keys.contains(&job.key) {
                keys.push(job.key.clone());
            }
        }
        let search = MinHeaps::new(keys, jobs.first().map_or(0, |job| job.snapshot_limit));
        Self { plan, sizes, invocations, search, limits: None, handed_out: 0, searched: 0 }
    }

    /// The searches for the least heaps.
    #[must_use]
    pub fn search(&self) -> &MinHeaps {
        &self.search
    }

    /// The limits of every program; those without a least heap have none.
    fn limits_of_all(&self) -> Vec<(Program, Vec<u64>, Duration)> {
        let mut programs: Vec<(Program, Vec<u64>, Duration)> = Vec::new();
        for job in self.plan.invocation(1) {
            if programs.iter().any(|(program, ..)| *program == job.key.program) {
                continue;
            }
            let search = self.search.searches().iter().find(|search| search.key.program == job.key.program);
            let least = self.sizes.least.or_else(|| match search?.wish() {
                Wish::Found(limit) => Some(limit),
                _ => None,
            });
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small multiple of a size")]
            let limit = |least: u64| move |multiple: f64| (least as f64 * multiple).round() as u64;
            let multiples = self.sizes.multiples.iter().copied();
            let limits = least.map_or_else(Vec::new, |least| multiples.map(limit(least)).collect());
            let usual = search.and_then(|search| search.free_time()).unwrap_or_else(|| plan::nominal(&job));
            // Others are slower than the nominee, and slowest where memory is short.
            programs.push((job.key.program, limits, usual * 30 + Duration::from_secs(5)));
        }
        programs
    }

    fn invocation(&self, number: u32, swept: &[Record]) -> Vec<Job> {
        let mut jobs = Vec::new();
        let Some(limits) = &self.limits else { return jobs };
        for (program, limits, timeout) in limits {
            let own: Vec<Job> =
                self.plan.invocation(number).into_iter().filter(|job| job.key.program == *program).collect();
            // What never reclaims has no use for a limit; it runs once, for the baseline.
            let is_free = |job: &&Job| self.sizes.unlimited || !job.key.contestant.reclaims() && !limits.is_empty();
            jobs.extend(own.iter().filter(is_free).cloned());
            for place in fill_in(limits.len()) {
                for job in own.iter().filter(|job| job.key.contestant.reclaims() && !job.key.setting.canary) {
                    let mut job = Job { timeout: Some(*timeout), ..job.clone() };
                    job.key.setting.heap_limit = Some(limits[place]);
                    let failed = |record: &Record| record.key == job.key && record.measurement.status != Status::Ok;
                    if !swept.iter().any(failed) {
                        jobs.push(job);
                    }
                }
            }
        }
        jobs
    }
}

impl Agenda for Sweep {
    /// The records of the sweep, without those of the search for the least heaps.
    fn results<'a>(&self, records: &'a [Record]) -> &'a [Record] {
        &records[if self.limits.is_some() { self.searched } else { records.len() }..]
    }

    fn summary(&self) -> String {
        let runs = self.plan.invocation(1).len() * self.sizes.runs() * self.invocations as usize;
        let search = if self.search.searches().is_empty() { "" } else { "the least heap, then " };
        let sizes = format::plural(self.sizes.runs(), "heap size");
        let invocations = format::plural(self.invocations as usize, "invocation");
        format!("{search}{sizes}, {invocations}, about {runs} runs in all, about {}", plan::about(self.estimate()))
    }

    fn estimate(&self) -> Duration {
        let each: Duration = self.plan.invocation(1).iter().map(plan::nominal).sum();
        let sizes = u32::try_from(self.sizes.runs()).unwrap_or(u32::MAX);
        let search = if self.search.searches().is_empty() { Duration::ZERO } else { self.search.estimate() };
        each * sizes * self.invocations + search
    }

    fn next(&mut self, records: &[Record]) -> Step {
        let each: Duration = self.plan.invocation(1).iter().map(plan::nominal).sum();
        let sizes = u32::try_from(self.sizes.runs()).unwrap_or(u32::MAX);
        if self.limits.is_none() {
            let mut step = self.search.next(records);
            if !step.jobs.is_empty() {
                step.remaining += each * sizes * self.invocations;
                return step;
            }
            self.searched = records.len();
            self.limits = Some(self.limits_of_all());
        }
        if self.handed_out == self.invocations {
            return Step::default();
        }
        self.handed_out += 1;
        let jobs = self.invocation(self.handed_out, self.results(records));
        Step { jobs, remaining: each * sizes * (self.invocations - self.handed_out), note: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;
    use crate::run::plan::tests::{selection, with};
    use crate::workloads::Workload;

    #[test]
    fn sizes_lie_closer_together_where_heaps_are_small() {
        let of = |points, range| Sizes::spaced(points, range, None).multiples;
        assert_eq!(of(2, 6.0), [1.0, 6.0]);
        let seven = of(7, 6.0);
        assert_eq!((seven.len(), seven[0], seven[6]), (7, 1.0, 6.0));
        let steps: Vec<_> = seven.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.is_sorted() && steps[0] < steps[5] / 1.5, "{steps:?}");
        // n + (n^2 - n) / 2 / (N - 1), N = 6: 2.2 of 9.
        assert!((seven[2] - (1.0 + 5.0 * 2.2 / 9.0)).abs() < 1e-9, "{seven:?}");
    }

    #[test]
    fn ends_and_middle_come_first() {
        assert_eq!(fill_in(7), [0, 6, 3, 1, 4, 2, 5]);
        assert_eq!([fill_in(0), fill_in(1), fill_in(2)], [vec![], vec![0], vec![0, 1]]);
        for count in 0..40 {
            let mut order = fill_in(count);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..count));
        }
    }

    #[test]
    fn the_least_heap_is_searched_for_and_then_everybody_gets_the_same_bytes() {
        let plan = Plan::new(&with(selection(1), &[Workload::Rings], &["nogc", "marksweep", "generational"]));
        let nominee = Contestant::from_name("marksweep").unwrap();
        let mut sweep = Sweep::new(plan, Sizes::spaced(3, 4.0, None), 2, nominee);
        let mut records: Vec<Record> = Vec::new();
        loop {
            let step = sweep.next(&records);
            if step.jobs.is_empty() {
                break;
            }
            for job in step.jobs {
                let mut record = sample("rings", "marksweep", job.invocation, 100.0);
                let least = if job.key.contestant == nominee { 8 << 20 } else { 12 << 20 };
                if job.key.setting.heap_limit.is_some_and(|limit| limit < least) {
                    record.measurement.status = Status::OutOfMemory;
                }
                record.key = job.key;
                records.push(record);
            }
        }
        let swept = sweep.results(&records);
        assert!(swept.len() < records.len());
        let runs: Vec<_> = swept
            .iter()
            .map(|record| {
                (record.invocation, record.key.contestant.name(), record.key.setting.heap_limit.map(|l| l >> 20))
            })
            .collect();
        // The first of the invocation rotates; who did not fit is not tried again.
        assert_eq!(
            runs,
            [
                (1, "nogc", None),
                (1, "marksweep", Some(8)),
                (1, "generational", Some(8)),
                (1, "marksweep", Some(32)),
                (1, "generational", Some(32)),
                (1, "marksweep", Some(16)),
                (1, "generational", Some(16)),
                (2, "nogc", None),
                (2, "marksweep", Some(8)),
                (2, "marksweep", Some(32)),
                (2, "generational", Some(32)),
                (2, "marksweep", Some(16)),
                (2, "generational", Some(16)),
            ]
        );
        let limits: std::collections::BTreeSet<_> = swept.iter().filter_map(|r| r.key.setting.heap_limit).collect();
        assert_eq!(limits.len(), 3, "the same bytes for all");
    }

    #[test]
    fn a_given_least_heap_is_not_searched_for() {
        let plan = Plan::new(&with(selection(1), &[Workload::Rings], &["marksweep"]));
        let nominee = Contestant::from_name("marksweep").unwrap();
        let mut sweep = Sweep::new(plan, Sizes::spaced(2, 2.0, Some(1 << 20)), 1, nominee);
        let jobs = sweep.next(&[]).jobs;
        let limits: Vec<_> = jobs.iter().map(|job| job.key.setting.heap_limit).collect();
        assert_eq!(limits, [Some(1 << 20), Some(2 << 20)]);
    }

    #[test]
    fn without_sizes_everything_runs_free() {
        let plan = Plan::new(&with(selection(1), &[Workload::Rings], &["nogc", "marksweep"]));
        let nominee = Contestant::from_name("marksweep").unwrap();
        let mut sweep = Sweep::new(plan, Sizes { unlimited: true, ..Sizes::default() }, 2, nominee);
        for _ in 1..=2 {
            let jobs = sweep.next(&[]).jobs;
            assert_eq!(jobs.len(), 2);
            assert!(jobs.iter().all(|job| job.key.setting.heap_limit.is_none()));
        }
        assert!(sweep.next(&[]).jobs.is_empty());
    }
}
