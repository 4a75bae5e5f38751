//! The least heap limit with which a program runs on a collector.
//!
//! Heap sizes mean something only relative to it: half a gigabyte is plenty for one program and too little for another.
//! A limit is *too small* when
//!
//! - the program runs out of memory, or the heap gives up because its collections are futile, or
//! - it takes more than ten times as long as with four times the limit: it runs, but nobody would run it so.
//!
//! A crash says nothing about the size; it is tried again, three times at most. The search begins with what the heap
//! held when nobody limited it, halves until that is too small, and bisects (on a logarithmic scale) until what is too
//! small and what is not are 3 % apart. Collections happen at other moments in each run, so an answer is confirmed:
//! three times at the limit found and three times a tenth above. What fails in between moves the answer up.
//!
//! A [`Search`] is a list of trials and nothing else: what to try next follows from it, so that searches can be
//! interleaved, and tested without running anything.

use std::time::Duration;

use crate::record::key::Key;
use crate::record::{Record, Status};
use crate::run::agenda::{Agenda, Step};
use crate::run::job::Job;
use crate::run::plan;
use crate::text::format;

/// How far apart what is too small and what is not may be in the end, relative to it.
const APART: f64 = 1.03;

/// Heaps grow in blocks; a finer limit means nothing.
const GRANULE: u64 = 32 << 10;

/// How often an answer must hold.
const CONFIRMATIONS: usize = 3;

/// How often a run that crashes is tried.
const ATTEMPTS: usize = 3;

/// How many times as long is too long, compared with [`ROOMY`] times the limit.
const TOO_LONG: u32 = 10;

/// See [`TOO_LONG`].
const ROOMY: u64 = 4;

/// More than this many trials mean that the answer is not to be had: it moves.
const MOST_TRIALS: usize = 80;

/// How a run with some limit went.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    /// It finished in that time.
    Fits(Duration),
    /// Too small.
    TooSmall,
    /// Something else ended it: the sentence.
    Broke(String),
}

/// The search for one program on one collector.
#[derive(Clone, Debug)]
pub struct Search {
    /// Program, contestant and size; without a limit.
    pub key: Key,
    /// What the heap held at most without a limit, and how long that took.
    free: Option<(u64, Duration)>,
    /// Limits in bytes, in the order in which they were tried.
    trials: Vec<(u64, Trial)>,
    /// Why there is no answer.
    failed: Option<String>,
}

/// What a search wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// A run without a limit.
    Free,
    /// A run with this limit.
    Limit(u64),
    /// Nothing: this is the least limit.
    Found(u64),
    /// Nothing: there is no answer.
    Failed(String),
}

impl Search {
    /// A search that has not begun.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self { key, free: None, trials: Vec::new(), failed: None }
    }

    /// What to do next.
    #[must_use]
    pub fn wish(&self) -> Wish {
        if let Some(why) = &self.failed {
            return Wish::Failed(why.clone());
        }
        let Some((peak, free_time)) = self.free else { return Wish::Free };
        if self.trials.len() >= MOST_TRIALS {
            return Wish::Failed(format!("no limit holds: {MOST_TRIALS} runs contradict each other"));
        }
        // The largest limit that failed decides: what is below it and finished was lucky.
        let too_small =
            self.trials.iter().filter(|(_, trial)| *trial == Trial::TooSmall).map(|(limit, _)| *limit).max();
        let low = too_small.unwrap_or(0);
        let fitting = self.trials.iter().filter(|(limit, trial)| *limit > low && matches!(trial, Trial::Fits(_)));
        let Some(high) = fitting.map(|(limit, _)| *limit).min() else {
            return Wish::Limit(round(if low == 0 { peak } else { low + (low / 4).max(GRANULE) }));
        };
        // No limit makes a program much faster than none: only what is slow compared with that can be too slow.
        let is_slow = self.times(high).iter().any(|time| *time > free_time * TOO_LONG / 2);
        if is_slow && self.times(high * ROOMY).is_empty() {
            return Wish::Limit(high * ROOMY);
        }
        if high > GRANULE && high - low > GRANULE && (low == 0 || high as f64 / low as f64 > APART) {
            let middle = if low == 0 { high / 2 } else { geometric_mean(low, high) };
            let middle = round(middle);
            if middle > low && middle < high {
                return Wish::Limit(middle);
            }
        }
        for limit in [high, round(high + high / 10)] {
            if self.times(limit).len() < CONFIRMATIONS {
                return Wish::Limit(limit);
            }
        }
        if self.times(high * ROOMY).is_empty() {
            return Wish::Limit(high * ROOMY);
        }
        Wish::Found(high)
    }

    /// Takes note of how the run that was wished for went.
    pub fn note(&mut self, record: &Record) {
        let measurement = &record.measurement;
        let limit = record.key.setting.heap_limit;
        let time = Duration::from_nanos(measurement.cpu_ns.or(measurement.wall_ns).unwrap_or(0));
        let trial = match (&measurement.status, limit) {
            (Status::Ok, Some(_)) => Trial::Fits(time),
            (Status::Ok, None) => {
                let peak = measurement.peak_heap_bytes.unwrap_or(64 << 20).max(GRANULE);
                self.free = Some((peak, time));
                return;
            }
            // With a limit the time is ours: what takes so much longer thrashes.
            (Status::OutOfMemory | Status::Timeout, Some(_)) => Trial::TooSmall,
            _ => Trial::Broke(crate::analysis::summary::explain(record)),
        };
        match (trial, limit) {
            (Trial::Broke(why), _) => {
                self.trials.push((limit.unwrap_or(0), Trial::Broke(why.clone())));
                let same = self.trials.iter().rev().take_while(|(_, trial)| matches!(trial, Trial::Broke(_)));
                let decided = matches!(measurement.status, Status::OutOfMemory | Status::Timeout | Status::Unsupported);
                if decided || same.count() >= ATTEMPTS {
                    self.failed = Some(why);
                }
            }
            (trial, Some(limit)) => {
                self.trials.push((limit, trial));
                self.judge_times();
            }
            (_, None) => {}
        }
    }

    /// What finished, but ten times as slowly as with four times the limit, did not finish.
    fn judge_times(&mut self) {
        for at in 0..self.trials.len() {
            let (limit, Trial::Fits(time)) = self.trials[at].clone() else { continue };
            if self.times(limit * ROOMY).iter().any(|roomy| time > *roomy * TOO_LONG) {
                self.trials[at].1 = Trial::TooSmall;
            }
        }
    }

    /// How long the runs with this limit took that finished.
    fn times(&self, limit: u64) -> Vec<Duration> {
        let same = self.trials.iter().filter(|(tried, _)| *tried == limit);
        same.filter_map(|(_, trial)| if let Trial::Fits(time) = trial { Some(*time) } else { None }).collect()
    }

    /// How many runs there were.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.trials.len() + usize::from(self.free.is_some())
    }

    /// What the heap held at most without a limit.
    #[must_use]
    pub fn free_peak(&self) -> Option<u64> {
        self.free.map(|(peak, _)| peak)
    }

    /// How much processor time it took without a limit.
    #[must_use]
    pub fn free_time(&self) -> Option<Duration> {
        self.free.map(|(_, time)| time)
    }

    /// How long a run may take before it counts as thrashing: not less than a second, since processes start and others
    /// compute.
    fn patience(&self) -> Option<Duration> {
        let (_, time) = self.free?;
        Some(time * TOO_LONG * 2 + Duration::from_secs(1))
    }
}

fn round(limit: u64) -> u64 {
    limit.div_ceil(GRANULE) * GRANULE
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between the two")]
fn geometric_mean(low: u64, high: u64) -> u64 {
    (low as f64 * high as f64).sqrt() as u64
}

/// Several searches, a run of each in turn.
#[derive(Debug)]
pub struct MinHeaps {
    searches: Vec<Search>,
    snapshot_limit: u64,
    /// Which search each of the jobs handed out last belongs to.
    handed_out: Vec<usize>,
    seen: usize,
}

/// About how many runs a search takes.
const USUAL_RUNS: u32 = 16;

impl MinHeaps {
    /// Searches for these, none of which has a limit.
    #[must_use]
    pub fn new(keys: Vec<Key>, snapshot_limit: u64) -> Self {
        let searches = keys.into_iter().map(Search::new).collect();
        Self { searches, snapshot_limit, handed_out: Vec::new(), seen: 0 }
    }

    /// The searches, in the order in which they were asked for.
    #[must_use]
    pub fn searches(&self) -> &[Search] {
        &self.searches
    }

    fn job(&self, search: &Search, limit: Option<u64>) -> Job {
        let mut key = search.key.clone();
        key.setting.heap_limit = limit;
        let invocation = u32::try_from(search.runs()).unwrap_or(u32::MAX).saturating_add(1);
        let timeout = limit.and_then(|_| search.patience());
        Job { timeout, ..Job::new(key, invocation, self.snapshot_limit) }
    }
}

impl Agenda for MinHeaps {
    fn summary(&self) -> String {
        format!(
            "{}, {USUAL_RUNS} runs or so each, about {}",
            match self.searches.len() {
                1 => "1 search".to_owned(),
                count => format!("{count} searches"),
            },
            plan::about(self.estimate())
        )
    }

    fn estimate(&self) -> Duration {
        self.searches.iter().map(|search| plan::nominal(&self.job(search, None)) * USUAL_RUNS).sum()
    }

    fn next(&mut self, records: &[Record]) -> Step {
        for (record, search) in records[self.seen..].iter().zip(std::mem::take(&mut self.handed_out)) {
            self.searches[search].note(record);
        }
        self.seen = records.len();
        let mut step = Step::default();
        for (place, search) in self.searches.iter().enumerate() {
            let limit = match search.wish() {
                Wish::Free => None,
                Wish::Limit(limit) => Some(limit),
                Wish::Found(_) | Wish::Failed(_) => continue,
            };
            let job = self.job(search, limit);
            let left = (USUAL_RUNS as usize).saturating_sub(search.runs() + 1);
            step.remaining += plan::nominal(&job) * u32::try_from(left).unwrap_or(0);
            step.jobs.push(job);
            self.handed_out.push(place);
        }
        step
    }
}

/// The search's answer in words, for tables.
#[must_use]
pub fn answer(search: &Search) -> String {
    match search.wish() {
        Wish::Found(limit) => format::bytes(limit),
        Wish::Failed(why) => why,
        Wish::Free | Wish::Limit(_) => "not finished".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;
    use crate::workloads::Random;
    use proptest::prelude::*;

    /// Runs a search on a program that holds `peak` bytes freely, and goes with a limit as `run` says.
    fn search(peak: u64, mut run: impl FnMut(u64) -> Result<u64, Status>) -> (Search, Wish) {
        let record = sample("rings", "marksweep", 1, 100.0);
        let mut search = Search::new(record.key.clone());
        loop {
            let mut record = record.clone();
            match search.wish() {
                Wish::Free => {
                    record.measurement.peak_heap_bytes = Some(peak);
                    record.measurement.cpu_ns = Some(1_000_000);
                }
                Wish::Limit(limit) => {
                    record.key.setting.heap_limit = Some(limit);
                    match run(limit) {
                        Ok(time) => record.measurement.cpu_ns = Some(time),
                        Err(status) => record.measurement.status = status,
                    }
                }
                end => return (search, end),
            }
            search.note(&record);
        }
    }

    fn found(wish: &Wish) -> u64 {
        let Wish::Found(limit) = wish else { panic!("{wish:?}") };
        *limit
    }

    proptest! {
        #[test]
        fn what_suffices_is_found_to_three_percent(least in 1_u64..2_000_000_000, room in 1.0..20.0_f64) {
            let peak = (least as f64 * room) as u64;
            let (search, wish) = search(peak, |limit| if limit >= least { Ok(1_000_000) } else { Err(Status::OutOfMemory) });
            let limit = found(&wish);
            prop_assert!(limit >= least);
            prop_assert!(limit as f64 <= least as f64 * APART + 2.0 * GRANULE as f64, "{limit} for {least}");
            prop_assert!(search.runs() <= 26, "{} runs", search.runs());
        }

        /// Between two limits a run fails at random. The answer holds often, and the search ends.
        #[test]
        fn a_search_ends_where_runs_differ(least in 1_000_000_u64..100_000_000, seed: u64) {
            let mut random = Random::new(seed);
            let (search, wish) = search(least * 4, |limit| {
                let doubtful = limit < least + least / 5;
                if limit < least || doubtful && random.below(3) == 0 { Err(Status::OutOfMemory) } else { Ok(1_000_000) }
            });
            prop_assert!(found(&wish) >= least);
            prop_assert!(search.times(found(&wish)).len() >= CONFIRMATIONS);
            prop_assert!(search.runs() < MOST_TRIALS);
        }

        /// A free heap may hold more than any limit that works asks for, or less.
        #[test]
        fn a_peak_that_is_too_small_is_no_obstacle(least in 1_000_000_u64..100_000_000) {
            let (_, wish) = search(least / 3, |limit| if limit >= least { Ok(1_000_000) } else { Err(Status::OutOfMemory) });
            prop_assert!(found(&wish) >= least && found(&wish) as f64 <= least as f64 * APART + 2.0 * GRANULE as f64);
        }
    }

    #[test]
    fn ten_times_the_time_is_too_small() {
        // Collecting takes time inversely to the room that there is above 10 MB.
        let time = |limit: u64| 1_000_000 + 1_000_000_000_000_000 / limit.saturating_sub(10_000_000).max(1);
        let (_, wish) =
            search(100_000_000, |limit| if limit > 10_000_000 { Ok(time(limit)) } else { Err(Status::OutOfMemory) });
        let limit = found(&wish);
        assert!(time(limit) <= 10 * time(4 * limit), "{limit}");
        assert!(time(limit * 9 / 10) > 10 * time(4 * limit * 9 / 10), "{limit} is not the least");
        // So is what did not end in time.
        let (_, wish) = search(100_000_000, |limit| if limit > 10_000_000 { Ok(1) } else { Err(Status::Timeout) });
        assert!((10_000_000..10_400_000).contains(&found(&wish)));
    }

    #[test]
    fn a_crash_is_tried_again_and_not_for_ever() {
        let mut runs = 0;
        let (_, wish) = search(10_000_000, |limit| {
            runs += 1;
            match limit {
                _ if runs % 4 == 0 => Err(Status::Crashed("SIGSEGV".to_owned())),
                _ if limit < 5_000_000 => Err(Status::OutOfMemory),
                _ => Ok(1_000_000),
            }
        });
        assert!((5_000_000..5_200_000).contains(&found(&wish)));
        let (search, wish) = search(10_000_000, |_| Err(Status::Crashed("SIGSEGV".to_owned())));
        assert_eq!((wish, search.runs()), (Wish::Failed("crashed (SIGSEGV)".to_owned()), 1 + ATTEMPTS));
    }

    #[test]
    fn a_program_that_does_not_finish_without_a_limit_has_no_answer() {
        for (status, says) in [(Status::Timeout, "timeout"), (Status::OutOfMemory, "out of memory")] {
            let mut record = sample("rings", "marksweep", 1, 100.0);
            record.measurement.status = status;
            let mut search = Search::new(record.key.clone());
            search.note(&record);
            assert_eq!(search.wish(), Wish::Failed(says.to_owned()));
        }
    }

    #[test]
    fn searches_take_turns() {
        let keys = ["rings", "gcbench"].map(|program| sample(program, "marksweep", 1, 1.0).key).to_vec();
        let mut agenda = MinHeaps::new(keys, 0);
        let mut records: Vec<Record> = Vec::new();
        loop {
            let step = agenda.next(&records);
            if step.jobs.is_empty() {
                break;
            }
            for job in step.jobs {
                let mut record = sample("rings", "marksweep", job.invocation, 100.0);
                let least = if job.key.program.to_string() == "rings" { 3 << 20 } else { 30 << 20 };
                if job.key.setting.heap_limit.is_some_and(|limit| limit < least) {
                    record.measurement.status = Status::OutOfMemory;
                }
                record.key = job.key;
                records.push(record);
            }
        }
        let programs: Vec<_> = records.iter().take(4).map(|record| record.key.program.to_string()).collect();
        assert_eq!(programs, ["rings", "gcbench", "rings", "gcbench"]);
        let answers: Vec<_> = agenda.searches().iter().map(|search| found(&search.wish()) >> 20).collect();
        assert_eq!(answers, [3, 30]);
    }
}
