//! What to run next, when that depends on what has been measured.
//!
//! A comparison knows its jobs in advance only if it is told how often everything runs. One that repeats until its
//! answer is precise, a search for the smallest heap, a sweep that fills in where something happens: each is an
//! [`Agenda`], which a session asks for jobs until there are none.

use std::time::Duration;

use crate::analysis::summary::{self, Group};
use crate::record::{Record, Status};
use crate::run::job::Job;
use crate::run::plan::{self, Plan};
use crate::text::format;

/// Decides, step by step, what is run.
pub trait Agenda {
    /// One line for people before anything runs: how much, how long.
    fn summary(&self) -> String;

    /// About how long everything takes from the beginning, as far as it can be known then.
    fn estimate(&self) -> Duration;

    /// The jobs to run next, given everything that was measured; none when nothing is left to be found out.
    fn next(&mut self, records: &[Record]) -> Step;

    /// What of everything that was measured is the result; the rest was found out on the way.
    fn results<'a>(&self, records: &'a [Record]) -> &'a [Record] {
        records
    }
}

/// The next jobs of an agenda.
#[derive(Debug, Default)]
pub struct Step {
    /// The jobs in order; none at the end.
    pub jobs: Vec<Job>,
    /// About how long it takes after these.
    pub remaining: Duration,
    /// A line for people, if there is something to say.
    pub note: Option<String>,
}

/// More invocations than this are not made to become precise: where sixty are not enough, six hundred are not either,
/// because what disturbs them comes and goes more slowly than that.
pub const MOST_INVOCATIONS: u32 = 60;

/// A plan carried out, and then repeated until its ratios are precise, if that is asked for.
///
/// A rule that stops when an interval is narrow stops a little too early now and then, when few values happen to lie
/// close together. That is why it begins with [`FEWEST_INVOCATIONS`](plan::FEWEST_TO_BE_PRECISE) and why Student's t,
/// which allows for it, is used.
#[derive(Debug)]
pub struct Comparison {
    plan: Plan,
    /// Half the width that every 95 % interval may have, relative to the ratio.
    precision: Option<f64>,
    begun: bool,
}

impl Comparison {
    /// Carries out a plan and, with a precision, repeats it.
    #[must_use]
    pub fn new(plan: Plan, precision: Option<f64>) -> Self {
        Self { plan, precision, begun: false }
    }

    /// The jobs of the next invocation of one program, for all who ever finished it.
    fn another(&self, group: &Group, invocation: u32, records: &[Record]) -> Vec<Job> {
        let finished = |job: &Job| {
            let mut same = records.iter().filter(|record| record.key == job.key);
            same.any(|record| record.measurement.status == Status::Ok)
        };
        let is_meant = |job: &Job| job.key.program == group.program && job.key.setting.size == group.size;
        let jobs = self.plan.invocation(invocation).into_iter();
        jobs.filter(|job| is_meant(job) && finished(job)).collect()
    }
}

impl Agenda for Comparison {
    fn summary(&self) -> String {
        let summary = self.plan.summary();
        match self.precision {
            Some(precision) => format!(
                "{summary}; more until every ratio is known to ±{} %, at most {MOST_INVOCATIONS} invocations",
                format::percent(precision)
            ),
            None => summary,
        }
    }

    fn estimate(&self) -> Duration {
        self.plan.estimate()
    }

    fn next(&mut self, records: &[Record]) -> Step {
        if !std::mem::replace(&mut self.begun, true) {
            return Step { jobs: self.plan.jobs.clone(), ..Step::default() };
        }
        let Some(precision) = self.precision else { return Step::default() };
        let (mut step, mut notes) = (Step::default(), Vec::new());
        for group in summary::summarise(records).iter().filter(|group| summary::half_width(group) > precision) {
            let done = invocations(group, records);
            if done >= MOST_INVOCATIONS {
                continue;
            }
            let jobs = self.another(group, done + 1, records);
            if jobs.is_empty() {
                continue;
            }
            let half_width = summary::half_width(group);
            let needed = needed(done, half_width, precision);
            let each: Duration = jobs.iter().map(|job| typical(job, records)).sum();
            step.remaining += each * (needed - done - 1);
            notes.push(if half_width.is_finite() {
                format!("{} ±{} %", group.program, format::percent(half_width))
            } else {
                group.program.to_string()
            });
            step.jobs.extend(jobs);
        }
        if !step.jobs.is_empty() {
            let this: Duration = step.jobs.iter().map(|job| typical(job, records)).sum();
            let left = plan::about(this + step.remaining);
            let latest = step.jobs.iter().map(|job| job.invocation).max().unwrap_or(0);
            step.note = is_told(latest - 1).then(|| format!("not precise yet, {left} more: {}", notes.join(", ")));
        }
        step
    }
}

/// After so many invocations people are told how far it is: more often would be in the way.
pub(super) fn is_told(done: u32) -> bool {
    done <= plan::FEWEST_TO_BE_PRECISE || done.is_multiple_of(10)
}

/// How many invocations of a group there were.
fn invocations(group: &Group, records: &[Record]) -> u32 {
    let is_meant = |record: &&Record| record.key.program == group.program && record.key.setting.size == group.size;
    records.iter().filter(is_meant).map(|record| record.invocation).max().unwrap_or(0)
}

/// How many invocations it will take: the width of an interval falls as the root of their number.
pub(super) fn needed(done: u32, half_width: f64, precision: f64) -> u32 {
    let factor = (half_width / precision).powi(2);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a small range")]
    let needed = (f64::from(done) * factor).ceil().clamp(0.0, f64::from(MOST_INVOCATIONS)) as u32;
    needed.max(done + 1)
}

/// How long a job took, on average; its nominal time, if it never ran.
pub(super) fn typical(job: &Job, records: &[Record]) -> Duration {
    let walls = records.iter().filter(|record| record.key == job.key).filter_map(|record| record.measurement.wall_ns);
    let (sum, count) = walls.fold((0_u64, 0_u64), |(sum, count), wall| (sum.saturating_add(wall), count + 1));
    match sum.checked_div(count) {
        Some(mean) => Duration::from_nanos(mean),
        None => plan::nominal(job),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;
    use crate::run::plan::tests::{selection, with};
    use crate::workloads::{Random, Workload};

    /// Answers jobs: marksweep takes twice the time of generational, with noise of that many percent.
    fn carry_out(precision: Option<f64>, noise: f64) -> Vec<Record> {
        let mut comparison = Comparison::new(
            Plan::new(&with(selection(3), &[Workload::Rings, Workload::GcBench], &["generational", "marksweep"])),
            precision,
        );
        let (mut random, mut records) = (Random::new(1), Vec::new());
        loop {
            let step = comparison.next(&records);
            if step.jobs.is_empty() {
                return records;
            }
            assert!(step.note.is_none_or(|note| note.starts_with("not precise yet, ")));
            for job in step.jobs {
                let disturbed = if job.key.program.to_string() == "rings" { noise } else { 0.0 };
                let time = if job.key.contestant.name() == "marksweep" { 200.0 } else { 100.0 };
                let jitter = 1.0 + disturbed * f64::from(random.below(1000)) / 1000.0;
                let mut record = sample("rings", "nogc", job.invocation, time * jitter);
                record.key = job.key;
                records.push(record);
            }
        }
    }

    fn most(records: &[Record], program: &str) -> u32 {
        let named = records.iter().filter(|record| record.key.program.to_string() == program);
        named.map(|record| record.invocation).max().unwrap()
    }

    #[test]
    fn what_is_precise_is_not_repeated_and_what_is_noisy_is() {
        let records = carry_out(None, 0.2);
        assert_eq!((most(&records, "rings"), most(&records, "gcbench")), (3, 3));
        let records = carry_out(Some(0.02), 0.2);
        assert!((4..MOST_INVOCATIONS).contains(&most(&records, "rings")), "{}", most(&records, "rings"));
        assert_eq!(most(&records, "gcbench"), 3);
        let groups = summary::summarise(&records);
        assert!(groups.iter().all(|group| summary::half_width(group) <= 0.02));
    }

    #[test]
    fn a_machine_that_is_too_noisy_is_given_up() {
        let records = carry_out(Some(0.0001), 0.5);
        assert_eq!(most(&records, "rings"), MOST_INVOCATIONS);
    }

    #[test]
    fn half_the_width_needs_four_times_the_runs() {
        assert_eq!([needed(5, 0.04, 0.02), needed(5, 0.021, 0.02), needed(5, 0.4, 0.02)], [20, 6, MOST_INVOCATIONS]);
        assert_eq!(needed(3, f64::INFINITY, 0.02), MOST_INVOCATIONS);
    }
}
