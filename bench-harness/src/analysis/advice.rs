//! Which collector fits a program, and what it would cost to be wrong.
//!
//! There is no best collector; there are three questions. How much processor time does the program take, how much
//! memory does it hold, and how long does it stand still? Each has a winner of its own, among those that finish. The
//! advice is the one that is fast: of all whose processor time is not shown to differ from the least, or by less than
//! [`AS_GOOD`], the one whose pauses are much shorter, else the one that holds least. It must also finish at the
//! smaller heap sizes that were measured, if any does.
//!
//! What was not shown is not said: two that the measurements cannot tell apart are called equal.

use crate::analysis::stats::{self, Ratio};
use crate::contestants::Contestant;
use crate::record::figures::Figure;
use crate::record::{Measurement, Record, Status};
use crate::workloads::Size;
use crate::workloads::program::Program;

/// Who is within this factor of the best is as good, shown or not: nobody would notice.
pub const AS_GOOD: f64 = 1.05;

/// Pauses that are shorter by this factor are worth choosing.
const MUCH_SHORTER: f64 = 2.0;

/// What is said about one program.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The program.
    pub program: Program,
    /// Its size.
    pub size: Size,
    /// Everybody who finished without a limit, the least processor time first.
    pub candidates: Vec<Candidate>,
    /// Places among the candidates: what to take, and who wins each question.
    pub choice: Choice,
    /// Who did not finish without a limit, and how that went.
    pub dropped: Vec<(Contestant, Status)>,
    /// The limits that were measured, ascending.
    pub limits: Vec<u64>,
    /// The least number of invocations of any candidate.
    pub invocations: usize,
}

/// Places among the candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What to take.
    pub overall: usize,
    /// Least processor time.
    pub throughput: usize,
    /// Smallest heap, if heaps are known.
    pub memory: Option<usize>,
    /// Shortest longest pause, if pauses are known.
    pub pauses: Option<usize>,
}

/// One contestant, with the figures that decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub contestant: Contestant,
    /// Median processor time in nanoseconds.
    pub time_ns: f64,
    /// That, relative to the least of all, with its evidence, corrected for the number of candidates.
    pub ratio: Ratio,
    /// Median of the largest heap in bytes, with what objects own outside where that is counted; of the process where
    /// the heap is not known. `None` where a run did not tell.
    pub memory: Option<f64>,
    /// Median of the longest pause.
    pub pause_max_ns: Option<f64>,
    /// Median of the 99th percentile of pauses.
    pub pause_p99_ns: Option<f64>,
    /// Processor time at each of [`Advice::limits`], relative to that without; `None` where it did not finish.
    pub limited: Vec<Option<f64>>,
}

impl Candidate {
    /// Whether it is as fast as the fastest, as far as was shown or as anybody would notice.
    #[must_use]
    pub fn is_as_fast(&self) -> bool {
        self.ratio.value < AS_GOOD || self.ratio.no_difference_shown()
    }

    fn finishes_everywhere(&self) -> bool {
        self.limited.iter().all(Option::is_some)
    }
}

/// What to say about every program among the records that somebody finished.
#[must_use]
pub fn advise(records: &[Record]) -> Vec<Advice> {
    let mut programs: Vec<(&Program, Size)> = Vec::new();
    for record in records {
        let program = (&record.key.program, record.key.setting.size);
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs.into_iter().filter_map(|(program, size)| about(program, size, records)).collect()
}

fn about(program: &Program, size: Size, records: &[Record]) -> Option<Advice> {
    let own: Vec<&Record> = records
        .iter()
        .filter(|record| record.key.program == *program && record.key.setting.size == size)
        .filter(|record| !record.key.setting.canary && record.key.contestant.reclaims())
        .collect();
    let mut limits: Vec<u64> = own.iter().filter_map(|record| record.key.setting.heap_limit).collect();
    limits.sort_unstable();
    limits.dedup();
    let mut contestants: Vec<Contestant> = Vec::new();
    for record in &own {
        if !contestants.contains(&record.key.contestant) {
            contestants.push(record.key.contestant);
        }
    }
    let runs = |contestant: Contestant, limit: Option<u64>| -> Vec<&Record> {
        let is_meant =
            |record: &&&Record| record.key.contestant == contestant && record.key.setting.heap_limit == limit;
        own.iter().filter(is_meant).copied().collect()
    };
    let (mut candidates, mut dropped) = (Vec::new(), Vec::new());
    for contestant in contestants {
        let free = runs(contestant, None);
        if let Some(bad) = free.iter().find(|record| record.measurement.status != Status::Ok) {
            dropped.push((contestant, bad.measurement.status.clone()));
            continue;
        }
        let median = |of: &dyn Fn(&Measurement) -> Option<f64>| median(&free, of);
        let figure = |key: &str| {
            let figure = Figure::keyed(key);
            median(&|measurement| figure.of(measurement))
        };
        let Some(time_ns) = median(&time) else { continue };
        let memory = median(&held).or_else(|| figure("peak_rss_bytes"));
        let limited = limits.iter().map(|limit| {
            let runs = runs(contestant, Some(*limit));
            let finished = !runs.is_empty() && runs.iter().all(|record| record.measurement.status == Status::Ok);
            finished.then(|| self::median(&runs, &time).map(|limited| limited / time_ns)).flatten()
        });
        candidates.push(Candidate {
            contestant,
            time_ns,
            ratio: Ratio::SAME,
            memory,
            pause_max_ns: figure("pause_max_ns"),
            pause_p99_ns: figure("pause_p99_ns"),
            limited: limited.collect(),
        });
    }
    candidates.sort_by(|a, b| a.time_ns.total_cmp(&b.time_ns));
    let series = |contestant: Contestant| -> Vec<(u32, f64)> {
        let runs = runs(contestant, None);
        runs.iter().filter_map(|record| Some((record.invocation, time(&record.measurement)?))).collect()
    };
    let (fastest, least) = candidates.first().map(|first| (series(first.contestant), first.time_ns))?;
    for candidate in &mut candidates[1..] {
        let plain = Ratio { value: candidate.time_ns / least, evidence: None };
        candidate.ratio = Ratio::paired(&series(candidate.contestant), &fastest).unwrap_or(plain);
    }
    stats::correct(candidates.iter_mut().map(|candidate| &mut candidate.ratio));
    let invocations = candidates.iter().map(|candidate| series(candidate.contestant).len()).min().unwrap_or(0);
    let choice = choose(&candidates);
    Some(Advice { program: program.clone(), size, candidates, choice, dropped, limits, invocations })
}

/// The median, if every run has the figure: one that happened to be told stands for nothing.
fn median(records: &[&Record], of: &dyn Fn(&Measurement) -> Option<f64>) -> Option<f64> {
    let values: Option<Vec<f64>> = records.iter().map(|record| of(&record.measurement)).collect();
    stats::median(&values?)
}

fn time(measurement: &Measurement) -> Option<f64> {
    measurement.cpu_ns.or(measurement.wall_ns).map(|ns| ns as f64)
}

fn held(measurement: &Measurement) -> Option<f64> {
    Some((measurement.peak_heap_bytes? + measurement.peak_outside_bytes.unwrap_or(0)) as f64)
}

/// Chooses among candidates that are sorted by time, of which there is one at least.
fn choose(candidates: &[Candidate]) -> Choice {
    let least = |places: &[usize], of: &dyn Fn(&Candidate) -> f64| {
        places.iter().copied().min_by(|a, b| of(&candidates[*a]).total_cmp(&of(&candidates[*b])))
    };
    let pause = |candidate: &Candidate| candidate.pause_max_ns.unwrap_or(f64::INFINITY);
    let held = |candidate: &Candidate| candidate.memory.unwrap_or(f64::INFINITY);
    let all: Vec<usize> = (0..candidates.len()).collect();
    let memory = least(&all, &held).filter(|place| candidates[*place].memory.is_some());
    let pauses = least(&all, &pause).filter(|place| candidates[*place].pause_max_ns.is_some());
    let mut fast: Vec<usize> = all.iter().copied().filter(|place| candidates[*place].is_as_fast()).collect();
    if fast.iter().any(|place| candidates[*place].finishes_everywhere()) {
        fast.retain(|place| candidates[*place].finishes_everywhere());
    } else if let Some(robust) = all.iter().copied().find(|place| candidates[*place].finishes_everywhere()) {
        fast = vec![robust];
    }
    let smallest = least(&fast, &held).unwrap_or(0);
    let shortest = least(&fast, &pause).unwrap_or(smallest);
    let much = pause(&candidates[shortest]) * MUCH_SHORTER < pause(&candidates[smallest]);
    Choice { overall: if much { shortest } else { smallest }, throughput: 0, memory, pauses }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::tests::sample;

    /// Three runs of a collector: milliseconds, MiB, milliseconds of the longest pause.
    pub(crate) fn runs(collector: &str, limit: Option<u64>, time: f64, memory: u64, pause: f64) -> Vec<Record> {
        let run = |n: u32| {
            let mut record = sample("rings", collector, n, time * (1.0 + 0.002 * f64::from(n % 3)));
            record.key.setting.heap_limit = limit;
            record.measurement.peak_heap_bytes = Some(memory << 20);
            record.measurement.pause_max_ns = Some((pause * 1e6) as u64);
            record
        };
        (1..=4).map(run).collect()
    }

    fn names(advice: &Advice) -> [&'static str; 4] {
        let Choice { overall, throughput, memory, pauses } = advice.choice;
        [overall, throughput, memory.unwrap(), pauses.unwrap()].map(|place| advice.candidates[place].contestant.name())
    }

    #[test]
    fn each_question_has_its_winner_and_the_fast_one_is_advised() {
        let records = [
            runs("marksweep", None, 150.0, 20, 9.0),
            runs("generational", None, 100.0, 40, 2.0),
            runs("refcount-cycles", None, 200.0, 10, 1.0),
            runs("marksweep-incremental", None, 180.0, 25, 0.3),
            runs("nogc", None, 50.0, 400, 0.0),
        ]
        .concat();
        let advice = advise(&records).remove(0);
        assert_eq!(names(&advice), ["generational", "generational", "refcount-cycles", "marksweep-incremental"]);
        assert_eq!((advice.candidates.len(), advice.invocations), (4, 4), "a floor is no candidate");
        assert!((advice.candidates[1].ratio.value - 1.5).abs() < 1e-3);
    }

    #[test]
    fn of_those_as_fast_short_pauses_win_and_then_little_memory() {
        let a = runs("marksweep", None, 100.0, 20, 9.0);
        let much_shorter = [a.clone(), runs("generational", None, 103.0, 40, 2.0)].concat();
        assert_eq!(names(&advise(&much_shorter)[0])[..2], ["generational", "marksweep"]);
        let a_little = [a, runs("generational", None, 103.0, 40, 7.0)].concat();
        assert_eq!(names(&advise(&a_little)[0])[0], "marksweep");
    }

    #[test]
    fn who_fails_in_a_small_heap_is_not_advised_if_another_does_not() {
        let mut failed = runs("generational", Some(1 << 20), 1.0, 1, 1.0);
        failed[2].measurement = Measurement { status: Status::OutOfMemory, ..Measurement::default() };
        let records = [
            runs("generational", None, 100.0, 40, 2.0),
            failed,
            runs("marksweep", None, 150.0, 20, 9.0),
            runs("marksweep", Some(1 << 20), 300.0, 20, 9.0),
        ]
        .concat();
        let advice = advise(&records).remove(0);
        assert_eq!(names(&advice)[..2], ["marksweep", "generational"]);
        assert_eq!((advice.limits.len(), advice.candidates[0].limited[0]), (1, None));
        assert!((advice.candidates[1].limited[0].unwrap() - 2.0).abs() < 1e-6);
    }

    #[test]
    fn what_only_some_runs_tell_is_not_known() {
        let mut records = runs("marksweep", None, 100.0, 20, 9.0);
        records[1].measurement.peak_heap_bytes = None;
        records[2].measurement.peak_rss_bytes = None;
        records[3].measurement.pause_max_ns = None;
        let advice = advise(&records).remove(0);
        assert_eq!((advice.choice.memory, advice.choice.pauses), (None, None));
    }

    #[test]
    fn who_does_not_finish_is_no_candidate() {
        let mut failed = runs("generational", None, 1.0, 1, 1.0);
        failed[0].measurement.status = Status::Timeout;
        let advice = advise(&[failed.clone(), runs("marksweep", None, 150.0, 20, 9.0)].concat()).remove(0);
        assert_eq!(advice.dropped, [(failed[0].key.contestant, Status::Timeout)]);
        assert_eq!(advice.candidates.len(), 1);
        assert!(advise(&failed).is_empty(), "nothing can be said");
    }
}
