//! What will run, in which order, and about how long it takes.
//!
//! Invocations are the outermost loop: A B A B, not A A B B, so that a machine that slows down slows everybody down and
//! pairs of neighbours can be compared. Within one invocation all contestants of a program follow each other; who is
//! first rotates, so that nobody always runs after the same neighbour.
//!
//! A *canary* is one collector that runs a second time in each invocation, under another label: what differs between
//! the two is the machine. It is the first of the collectors that reclaims.
//!
//! The estimate is a promise to a waiting person, not a measurement: one nominal time per program on two common cores,
//! good to a factor of two.

use std::path::Path;
use std::time::Duration;

use crate::contestants::runtime::Runtime;
use crate::contestants::{Allocator, Contestant, Peer};
use crate::record::key::{Key, Setting};
use crate::run::job::Job;
use crate::text::names::Named;
use crate::workloads::program::Program;
use crate::workloads::{Size, Workload};

/// How often `compare` runs everything by default: with the workloads at their default sizes about a minute on two
/// common cores. Twice shows whether a result repeats itself; confidence intervals need three.
pub const INVOCATIONS: u32 = 2;

/// A comparison that repeats until it is precise begins with so many invocations: of three, two that happen to lie
/// close together would often be enough to stop.
pub const FEWEST_TO_BE_PRECISE: u32 = 5;

/// The choices that make a plan.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The programs, in order.
    pub programs: Vec<Program>,
    /// Our collectors, in order.
    pub collectors: Vec<Contestant>,
    /// The peers, in order; each runs with every allocator.
    pub peers: Vec<Peer>,
    /// Other languages that are ready, in order.
    pub runtimes: Vec<Runtime>,
    /// How large the programs are.
    pub size: Size,
    /// The hard limit of our heaps in bytes.
    pub heap_limit: Option<u64>,
    /// The longest text of a heap dump that is read, in bytes.
    pub snapshot_limit: u64,
    /// How often everything runs.
    pub invocations: u32,
    /// Whether one of them runs twice.
    pub canary: bool,
    /// Which of the invocations are made here; others are made elsewhere.
    pub shard: Shard,
}

/// One part of a comparison that several machines share: every `of`th invocation. What runs within one invocation is
/// compared in pairs and stays together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1 to `of`.
    number: u32,
    of: u32,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// The shard that a text such as `2/8` names.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').map(|(number, of)| (number.trim().parse(), of.trim().parse()));
        match parts {
            Some((Ok(number), Ok(of))) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(format!("`{text}` is no shard: write 2/8 for the second of eight")),
        }
    }

    fn has(self, invocation: u32) -> bool {
        (invocation - 1) % self.of == self.number - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What will run, in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One entry per process.
    pub jobs: Vec<Job>,
    selection: Selection,
}

impl Plan {
    /// Lays out a selection.
    #[must_use]
    pub fn new(selection: &Selection) -> Self {
        let mut plan = Self { jobs: Vec::new(), selection: selection.clone() };
        let here = (1..=selection.invocations).filter(|invocation| selection.shard.has(*invocation));
        plan.jobs = here.flat_map(|invocation| plan.invocation(invocation)).collect();
        plan
    }

    /// The jobs of one invocation, counted from 1.
    #[must_use]
    pub fn invocation(&self, invocation: u32) -> Vec<Job> {
        let Selection { programs, collectors, peers, runtimes, .. } = &self.selection;
        let peers = peers.iter().flat_map(|peer| Allocator::all().into_iter().map(|a| Contestant::Peer(*peer, a)));
        let runtimes = runtimes.iter().copied().map(Contestant::Runtime);
        let canary = self.selection.canary.then(|| collectors.iter().copied().find(|c| c.reclaims())).flatten();
        let contestants: Vec<_> =
            collectors.iter().copied().chain(peers).chain(runtimes).map(|contestant| (contestant, false)).collect();
        let mut jobs = Vec::new();
        for program in programs {
            let all = contestants.iter().copied().chain(canary.map(|contestant| (contestant, true)));
            let mut all: Vec<_> = all.filter(|(contestant, _)| contestant.takes_part_in(program)).collect();
            if !all.is_empty() {
                let first = (invocation as usize - 1) % all.len();
                all.rotate_left(first);
            }
            jobs.extend(all.into_iter().map(|(contestant, canary)| self.job(program, contestant, canary, invocation)));
        }
        jobs
    }

    fn job(&self, program: &Program, contestant: Contestant, canary: bool, invocation: u32) -> Job {
        let selection = &self.selection;
        let setting = Setting {
            // A heap dump is as large as it is.
            size: if matches!(program, Program::Snapshot(_)) { Size::Classic } else { selection.size },
            heap_limit: selection
                .heap_limit
                .filter(|_| !matches!(contestant, Contestant::Peer(..) | Contestant::Runtime(_))),
            canary,
        };
        let key = Key { program: program.clone(), contestant, setting };
        Job::new(key, invocation, selection.snapshot_limit)
    }

    /// About how long all of it takes.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        self.jobs.iter().map(nominal).sum()
    }

    /// One line for people: how much, how long.
    #[must_use]
    pub fn summary(&self) -> String {
        use crate::text::format::plural;
        let Selection { programs, collectors, peers, runtimes, invocations, .. } = &self.selection;
        let mut factors = vec![plural(programs.len(), "workload"), plural(collectors.len(), "collector")];
        if !peers.is_empty() {
            factors.push(format!("{} with 2 allocators", plural(peers.len(), "peer")));
        }
        if !runtimes.is_empty() {
            factors.push(plural(runtimes.len(), "language"));
        }
        if self.jobs.iter().any(|job| job.key.setting.canary) {
            factors.push("a canary".to_owned());
        }
        factors.push(plural(*invocations as usize, "invocation"));
        if self.selection.shard != Shard::WHOLE {
            factors.push(format!("shard {}", self.selection.shard));
        }
        format!("{} ({}), about {}", plural(self.jobs.len(), "run"), factors.join(", "), about(self.estimate()))
    }
}

/// A rough duration: no more digits than it deserves.
#[must_use]
pub fn about(time: Duration) -> String {
    match time.as_secs() {
        0..2 => "a second".to_owned(),
        seconds @ 2..10 => format!("{seconds} s"),
        seconds @ 10..100 => format!("{} s", seconds.div_ceil(10) * 10),
        seconds @ 100..5400 => format!("{} minutes", seconds.div_ceil(60)),
        seconds => format!("{:.1} hours", seconds as f64 / 3600.0),
    }
}

/// About how long one job takes.
#[must_use]
pub fn nominal(job: &Job) -> Duration {
    let milliseconds = match &job.key.program {
        Program::Workload(workload) => workload_milliseconds(*workload),
        Program::Snapshot(file) => snapshot_milliseconds(file.as_deref()),
        // Its author was asked for about a second.
        Program::Foreign(_) | Program::Command(_) => 1000,
    };
    // Sizes: see `Size`. The peers are, on average over all of them, so much slower.
    let sized = match job.key.setting.size {
        Size::Small => milliseconds / 20,
        Size::Classic => milliseconds,
        Size::Large => milliseconds * 8,
    };
    let process = 20;
    let factor = match job.key.contestant {
        Contestant::Peer(..) => 3,
        Contestant::Runtime(runtime) => runtime.slowness(),
        _ => 1,
    };
    Duration::from_millis(process + sized * factor)
}

/// At size `classic`, on average over our collectors.
fn workload_milliseconds(workload: Workload) -> u64 {
    match workload {
        Workload::BinaryTrees => 1700,
        Workload::GcBench => 300,
        Workload::ListChurn => 700,
        Workload::Rings => 30,
        Workload::GraphMutate => 1300,
        Workload::DeepList => 500,
        Workload::Quads => 400,
        Workload::LruCache => 1700,
        Workload::Interning => 700,
        Workload::JsonDom => 450,
        Workload::ClientSessions => 600,
        Workload::Retain => 350,
        Workload::EventLoop => 600,
        Workload::Names => 50,
        Workload::Queue => 130,
        Workload::SizeMix => 750,
        Workload::Interleaved => 180,
        Workload::WeakRing => 400,
        Workload::Handles => 850,
        Workload::ManyHeaps => 280,
        Workload::LargeBuffers => 800,
        Workload::WeakNodes => 1200,
        Workload::Splay => 280,
        Workload::FunctionalMap => 370,
        Workload::Attributes => 60,
        Workload::Matrices => 70,
        Workload::Scripts => 720,
    }
}

/// Snapshots take time in proportion to their text: the built-in one of 10 MB 450 ms. Compressed ones have about six
/// times their length.
fn snapshot_milliseconds(file: Option<&Path>) -> u64 {
    const BUILTIN: u64 = 450;
    const TEXT_PER_MILLISECOND: u64 = 23_000;
    let Some(file) = file else { return BUILTIN };
    let length = std::fs::metadata(file).map_or(0, |data| data.len());
    let text = if file.extension().is_some_and(|extension| extension == "gz") { length * 6 } else { length };
    text / TEXT_PER_MILLISECOND
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contestants::collector::Collector;
    use crate::snapshot::DEFAULT_TEXT_LIMIT;
    use crate::workloads::program::TELLING;

    const NAMES: Program = Program::Workload(Workload::Names);

    pub(crate) fn selection(invocations: u32) -> Selection {
        Selection {
            programs: Program::all(),
            collectors: Collector::ALL.into_iter().map(Contestant::Collector).collect(),
            peers: Vec::new(),
            runtimes: Vec::new(),
            size: Size::Classic,
            heap_limit: None,
            snapshot_limit: DEFAULT_TEXT_LIMIT,
            invocations,
            canary: false,
            shard: Shard::WHOLE,
        }
    }

    /// The same with these workloads and collectors only.
    pub(crate) fn with(selection: Selection, workloads: &[Workload], collectors: &[&str]) -> Selection {
        let collectors = collectors.iter().map(|name| Contestant::from_name(name).unwrap()).collect();
        Selection { programs: workloads.iter().copied().map(Program::Workload).collect(), collectors, ..selection }
    }

    #[test]
    fn contestants_alternate_and_invocations_are_outermost() {
        let plan = Plan::new(&selection(2));
        let runs = Program::all().len() * Collector::ALL.len();
        assert_eq!(plan.jobs.len(), 2 * runs);
        assert_eq!(plan.jobs[0].key.program, plan.jobs[5].key.program);
        assert_ne!(plan.jobs[5].key.program, plan.jobs[6].key.program);
        assert!(plan.jobs[..runs].iter().all(|job| job.invocation == 1));
        let names = |jobs: &[Job]| jobs.iter().map(|job| job.key.contestant.name()).collect::<Vec<_>>();
        let (first, mut second) = (names(&plan.jobs[..6]), names(&plan.jobs[runs..runs + 6]));
        assert_eq!(first[1], second[0], "the second begins where the first had its second");
        second.rotate_right(1);
        assert_eq!(first, second);
    }

    #[test]
    fn one_that_reclaims_runs_twice_as_a_canary() {
        let two = with(selection(3), &[Workload::Rings], &["nogc", "refcount", "generational"]);
        let plan = Plan::new(&Selection { canary: true, ..two.clone() });
        let canaries: Vec<_> = plan.jobs.iter().filter(|job| job.key.setting.canary).collect();
        assert_eq!((plan.jobs.len(), canaries.len()), (12, 3));
        assert!(canaries.iter().all(|job| job.key.contestant.name() == "refcount"));
        assert!(plan.summary().contains("a canary"));
        // Where there is nothing to be a canary there is none.
        let floor = with(two, &[Workload::Rings], &["nogc"]);
        assert_eq!(Plan::new(&Selection { canary: true, ..floor }).jobs.len(), 3);
    }

    #[test]
    fn the_default_comparison_takes_about_a_minute() {
        let seconds = Plan::new(&Selection { programs: Program::named(TELLING).unwrap(), ..selection(INVOCATIONS) })
            .estimate()
            .as_secs();
        assert!((40..=75).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn peers_run_what_is_written_for_them_with_both_allocators_and_no_limit() {
        let plan = Plan::new(&Selection { peers: Peer::all(), heap_limit: Some(1 << 20), ..selection(1) });
        let peers: Vec<_> = plan.jobs.iter().filter(|job| matches!(job.key.contestant, Contestant::Peer(..))).collect();
        let programs = Program::all().iter().filter(|program| program.has_peers()).count();
        assert_eq!(peers.len(), programs * 2 * Peer::all().len());
        assert!(peers.iter().all(|job| job.key.setting.heap_limit.is_none() && job.key.program.has_peers()));
    }

    #[test]
    fn heap_dumps_have_one_size_and_take_time_in_proportion_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.heapsnapshot");
        std::fs::File::create(&path).unwrap().set_len(2_300_000_000).unwrap();
        let programs = vec![Program::Snapshot(None), Program::Snapshot(Some(path)), NAMES];
        let plan = Plan::new(&Selection { programs, size: Size::Large, ..selection(1) });
        assert!(plan.jobs.iter().all(|job| (job.key.setting.size == Size::Large) == (job.key.program == NAMES)));
        assert_eq!(nominal(&plan.jobs[0]).as_millis(), 470);
        assert_eq!(nominal(&plan.jobs[6]).as_secs(), 100);
    }

    #[test]
    fn durations_are_rough() {
        for (seconds, text) in [(0, "a second"), (5, "5 s"), (41, "50 s"), (119, "2 minutes"), (7200, "2.0 hours")] {
            assert_eq!(about(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn shards_are_all_invocations_once_and_whole() {
        let whole = Plan::new(&selection(7)).jobs;
        let mut together = Vec::new();
        for text in ["1/3", "2/3", "3/3"] {
            let shard = Shard::from_text(text).unwrap();
            let jobs = Plan::new(&Selection { shard, ..selection(7) }).jobs;
            let runs = Program::all().len() * Collector::ALL.len();
            assert!(jobs.len().is_multiple_of(runs) && !jobs.is_empty());
            together.extend(jobs);
        }
        together.sort_by_key(|job| job.invocation);
        assert_eq!(together, whole);
        for text in ["", "3", "0/3", "4/3", "1/0", "a/b", "-1/3"] {
            assert!(Shard::from_text(text).unwrap_err().contains("2/8"), "{text}");
        }
    }
}
