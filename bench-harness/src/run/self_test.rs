//! Whether this machine, today, can tell what is different from what is the same.
//!
//! Three runs in each invocation, in changing order: a program, the same program, and the same program with five
//! percent more of its own work. The first two must show no difference and the third must show one, by the statistics
//! that every table uses. Work is added as more rounds, not as a pause: five percent of sleep are found by any clock,
//! and prove nothing about processor time.
//!
//! The program is `queue` with a short queue and very many rounds. Its heap fits into a processor's own cache, so that
//! what is tested is the clock, the scheduler and the statistics; what else runs on the machine could double the time
//! of a larger one, and does (on two cores with three compilers: 107 to 224 ms at size `classic`, 35.2 to 36.0 ms with
//! the short queue and as many rounds).
//!
//! Of twenty comparisons of equals one shows a difference by definition. So such an alarm is tried again with runs of
//! its own, and counts if the second series says the same.

use std::time::Duration;

use crate::analysis::stats::Ratio;
use crate::record::{Record, Status};
use crate::run::agenda::{self, Agenda, MOST_INVOCATIONS, Step, typical};
use crate::run::job::Job;
use crate::run::plan::{self, FEWEST_TO_BE_PRECISE};
use crate::text::format;

/// How much more work the third run does, in percent.
pub const EXTRA_PERCENT: u32 = 5;

/// The three runs of an invocation.
const ROLES: usize = 3;
const ORIGINAL: usize = 0;
const SAME: usize = 1;
const MORE: usize = 2;

/// The test: what it runs next, and what came of it.
#[derive(Debug)]
pub struct SelfTest {
    job: Job,
    precision: f64,
    /// Where each series begins, in invocations before it.
    series: Vec<u32>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Equals look equal, and what is more work looks like it.
    Passed,
    /// A run did not end properly.
    NotRun(String),
    /// Not precise enough to say, after as many invocations as are made.
    TooNoisy,
    /// Equals look different, twice.
    FalseAlarm,
    /// More work was not found.
    Missed,
}

/// What one series found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series {
    /// Invocations.
    pub invocations: u32,
    /// The same program over itself.
    pub same: Ratio,
    /// With more work over without.
    pub more: Ratio,
}

impl Series {
    fn half_width(&self) -> f64 {
        let of = |ratio: Ratio| ratio.evidence.map_or(f64::INFINITY, |evidence| evidence.half_width());
        of(self.same).max(of(self.more))
    }

    /// Equals that look different.
    fn is_alarming(&self) -> bool {
        self.same.evidence.is_some_and(|evidence| evidence.shows_a_difference())
    }

    fn finds_more_work(&self) -> bool {
        self.more.value > 1.0 && self.more.evidence.is_some_and(|evidence| evidence.shows_a_difference())
    }
}

impl SelfTest {
    /// A test with this job, until half the widths of the intervals are at most `precision`.
    #[must_use]
    pub fn new(job: Job, precision: f64) -> Self {
        Self { job, precision, series: vec![0] }
    }

    /// The role of a job or record by its place among all.
    fn role(place: usize) -> usize {
        (place + place / ROLES) % ROLES
    }

    fn invocation(&self, number: u32) -> Vec<Job> {
        let first = (number as usize - 1) * ROLES;
        let jobs = (first..first + ROLES).map(|place| Job {
            invocation: number,
            extra_percent: match Self::role(place) {
                MORE => self.job.extra_percent + (100 + self.job.extra_percent) * EXTRA_PERCENT / 100,
                _ => self.job.extra_percent,
            },
            ..self.job.clone()
        });
        jobs.collect()
    }

    /// What each series found so far.
    #[must_use]
    pub fn found(&self, records: &[Record]) -> Vec<Series> {
        let ends = self.series.iter().skip(1).copied().chain([u32::MAX]);
        self.series.iter().zip(ends).filter_map(|(begin, end)| self.series_between(*begin, end, records)).collect()
    }

    fn series_between(&self, begin: u32, end: u32, records: &[Record]) -> Option<Series> {
        let of = |wanted: usize| -> Vec<(u32, f64)> {
            let placed = records.iter().enumerate().filter(|(place, record)| {
                Self::role(*place) == wanted && record.invocation > begin && record.invocation <= end
            });
            let time = |record: &Record| record.measurement.cpu_ns.or(record.measurement.wall_ns);
            placed.filter_map(|(_, record)| Some((record.invocation, time(record)? as f64))).collect()
        };
        let original = of(ORIGINAL);
        Some(Series {
            invocations: u32::try_from(original.len()).unwrap_or(u32::MAX),
            same: Ratio::paired(&of(SAME), &original)?,
            more: Ratio::paired(&of(MORE), &original)?,
        })
    }

    /// What came of it.
    #[must_use]
    pub fn outcome(&self, records: &[Record]) -> Outcome {
        if let Some(bad) = records.iter().find(|record| record.measurement.status != Status::Ok) {
            return Outcome::NotRun(crate::analysis::summary::explain(bad));
        }
        let series = self.found(records);
        let Some(last) = series.last() else { return Outcome::NotRun("nothing was measured".to_owned()) };
        if last.half_width() > self.precision {
            Outcome::TooNoisy
        } else if !last.finds_more_work() {
            Outcome::Missed
        } else if series.len() > 1 && last.is_alarming() && (series[0].same.value > 1.0) == (last.same.value > 1.0) {
            Outcome::FalseAlarm
        } else {
            Outcome::Passed
        }
    }
}

impl Agenda for SelfTest {
    fn summary(&self) -> String {
        format!(
            "{} on {}, the same again, and with {EXTRA_PERCENT} % more work, {FEWEST_TO_BE_PRECISE} to {MOST_INVOCATIONS} times, \
             until each ratio is known to ±{} %; at least {}",
            self.job.key.program,
            self.job.key.contestant.label(),
            format::percent(self.precision),
            plan::about(self.estimate())
        )
    }

    fn estimate(&self) -> Duration {
        plan::nominal(&self.job) * ROLES as u32 * FEWEST_TO_BE_PRECISE
    }

    fn next(&mut self, records: &[Record]) -> Step {
        let failed = records.iter().any(|record| record.measurement.status != Status::Ok);
        let done = records.last().map_or(0, |record| record.invocation);
        let begin = *self.series.last().expect("there is a first series");
        let more = |count: u32| Step {
            jobs: (done + 1..=done + count).flat_map(|number| self.invocation(number)).collect(),
            ..Step::default()
        };
        if failed {
            return Step::default();
        }
        if done - begin < FEWEST_TO_BE_PRECISE {
            return more(FEWEST_TO_BE_PRECISE - (done - begin));
        }
        let Some(last) = self.series_between(begin, u32::MAX, records) else { return Step::default() };
        if last.half_width() > self.precision && done - begin < MOST_INVOCATIONS {
            let mut step = more(1);
            let needed = agenda::needed(done - begin, last.half_width(), self.precision) - (done - begin);
            let each = typical(&self.job, records) * ROLES as u32;
            step.remaining = each * (needed - 1);
            step.note = agenda::is_told(done - begin).then(|| {
                format!(
                    "not precise yet after {}: ±{} %, {} more",
                    format::plural((done - begin) as usize, "invocation"),
                    format::percent(last.half_width()),
                    plan::about(each * needed)
                )
            });
            return step;
        }
        if last.half_width() <= self.precision && last.is_alarming() && self.series.len() == 1 {
            let mut step = more(FEWEST_TO_BE_PRECISE);
            step.note = Some("equals look different, as in one test of twenty: once more".to_owned());
            self.series.push(done);
            return step;
        }
        Step::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;
    use crate::workloads::Random;

    /// Runs a test on a machine where the second run takes `same` times the first, more work `more` times, with noise
    /// of that many percent in each.
    fn test(same: f64, more: f64, noise: f64, seed: u64) -> (Outcome, usize, Vec<Series>) {
        let record = sample("queue", "marksweep", 1, 100.0);
        let mut test = SelfTest::new(Job::new(record.key, 1, 0), 0.02);
        let (mut random, mut records) = (Random::new(seed), Vec::new());
        loop {
            let step = test.next(&records);
            if step.jobs.is_empty() {
                return (test.outcome(&records), records.len() / ROLES, test.found(&records));
            }
            for job in step.jobs {
                let role = SelfTest::role(records.len());
                assert_eq!(job.extra_percent > 0, role == MORE);
                let factor = [1.0, same, more][role];
                let jitter = 1.0 + noise * f64::from(random.below(1000)) / 100_000.0;
                records.push(sample("queue", "marksweep", job.invocation, 100.0 * factor * jitter));
            }
        }
    }

    #[test]
    fn who_is_first_changes() {
        let roles: Vec<_> = (0..9).map(SelfTest::role).collect();
        assert_eq!(roles, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
    }

    #[test]
    fn a_machine_that_tells_passes_and_one_that_does_not_fails() {
        for seed in 0..20 {
            assert_eq!(test(1.0, 1.05, 5.0, seed).0, Outcome::Passed, "{seed}");
            assert_eq!(test(1.0, 1.0, 5.0, seed).0, Outcome::Missed, "{seed}");
            assert_eq!(test(1.03, 1.05, 2.0, seed).0, Outcome::FalseAlarm, "{seed}");
        }
        let (outcome, invocations, _) = test(1.0, 1.05, 60.0, 1);
        assert_eq!((outcome, invocations), (Outcome::TooNoisy, MOST_INVOCATIONS as usize));
        let (_, invocations, series) = test(1.0, 1.05, 0.0, 1);
        assert_eq!((invocations, series.len()), (FEWEST_TO_BE_PRECISE as usize, 1));
    }

    #[test]
    fn an_alarm_is_tried_again() {
        let (outcome, invocations, series) = test(1.03, 1.05, 0.1, 1);
        assert_eq!((outcome, series.len()), (Outcome::FalseAlarm, 2));
        assert_eq!(invocations, 2 * FEWEST_TO_BE_PRECISE as usize);
        // By chance, once in twenty, and then not again.
        let twice = (0..100).map(|seed| test(1.0, 1.05, 3.0, seed)).filter(|(.., series)| series.len() == 2);
        let outcomes: Vec<_> = twice.map(|(outcome, ..)| outcome).collect();
        assert!((1..15).contains(&outcomes.len()), "{}", outcomes.len());
        assert!(outcomes.iter().filter(|outcome| **outcome == Outcome::FalseAlarm).count() <= 1);
    }

    #[test]
    fn a_run_that_fails_ends_it() {
        let mut record = sample("queue", "marksweep", 1, 100.0);
        let mut test = SelfTest::new(Job::new(record.key.clone(), 1, 0), 0.02);
        record.measurement.status = Status::Timeout;
        assert!(test.next(std::slice::from_ref(&record)).jobs.is_empty());
        assert_eq!(test.outcome(&[record]), Outcome::NotRun("timeout".to_owned()));
    }
}
