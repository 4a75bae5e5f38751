//! What is said about a check that failed: where it was, what it said, what is likely to be wrong, how to see it again.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::listing;
use super::mistakes::Mistake;
use super::process::{self, Ended, Outcome, command, keeping_place, time_out};
use super::replay::{REPLAY, Replay, is_asked_for};
use super::shrink::shrink;
use super::suspicions::{self, Suspicion};
use crate::trail::{Note, Trail};

/// Every heap of the kit is verified after every pause.
pub(super) const VERIFY: &str = "HEAP_CONFORMANCE_VERIFY";
/// What the verifier says when it is asked at pauses.
const BROKEN: &str = "the heap is broken";
/// The check that a test of a mistake is to run.
pub(super) const CHECK: &str = "HEAP_CONFORMANCE_CHECK";
/// Seconds for making programs shorter.
const SHRINK: &str = "HEAP_CONFORMANCE_SHRINK";
/// How long a check that has crashed is looked at with the verifier.
const MOST_VERIFYING: Duration = Duration::from_secs(20);
/// How long a program may take that is tried because it is shorter than one that fails.
const MOST_TRYING: Duration = Duration::from_secs(3);

/// How much time there is.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// For a check, or a random program.
    pub(super) check: Duration,
    /// For making a program shorter.
    pub(super) shrink: Duration,
}

impl Default for Limits {
    /// What the user says.
    fn default() -> Self {
        let shrink = std::env::var(SHRINK).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(20);
        Limits { check: time_out(), shrink: Duration::from_secs(shrink) }
    }
}

/// A check that failed.
pub(super) struct Report {
    pub(super) check: String,
    /// What the test harness calls the test.
    pub(super) test: String,
    /// How it ended; or, if a random program has failed, how that ended by itself when it had been made shorter.
    pub(super) ended: Ended,
    pub(super) program: Option<Failing>,
    /// The same check once more, with the verifier before and after every pause, if that has something to say.
    pub(super) verified: Option<Ended>,
    /// What random programs were made of.
    pub(super) seed: u64,
}

/// A random program that fails.
pub(super) struct Failing {
    replay: Replay,
    /// Where it was saved.
    file: Option<PathBuf>,
    /// Whether it fails without those before it.
    alone: bool,
}

/// Runs a check in a process of its own, or as `alone` where that cannot be.
///
/// # Errors
/// What there is to say when it does not pass.
pub(super) fn watch(
    test: &str,
    check: &str,
    variables: &[(&str, &OsStr)],
    limits: Limits,
    alone: impl FnOnce(),
) -> Result<Trail, Box<Report>> {
    let seed = super::seed();
    let seed_text = OsString::from(seed.to_string());
    let mut variables = variables.to_vec();
    variables.push(("HEAP_CONFORMANCE_SEED", &seed_text));
    let mut ended = match process::run(test, &variables, limits.check) {
        Ok(ended) if ended.outcome != Outcome::NotRun => ended,
        Ok(_) | Err(_) => {
            // A test harness that is told the name of a test in another way, or a system without processes.
            eprintln!("`{test}` cannot be run in a process of its own, and runs here");
            alone();
            return Ok(Trail::default());
        }
    };
    if ended.outcome == Outcome::Passed {
        return Ok(ended.trail);
    }
    let program = ended.program.as_deref().and_then(|text| Replay::read(text).ok());
    let program = program.map(|replay| shorten(test, replay, &variables, limits, &mut ended));
    // The verifier says who points at what is gone, where the check stumbled over it.
    variables.push((VERIFY, OsStr::new("1")));
    let alone = program.as_ref().filter(|program| program.alone);
    variables.extend(alone.and_then(|program| program.file.as_ref()).map(|file| (REPLAY, file.as_os_str())));
    let verified = process::run(test, &variables, limits.check.min(MOST_VERIFYING)).ok();
    // What a check has said is not to be repeated.
    let verified = verified.filter(|verified| verified.said.contains(BROKEN) && !ended.said.contains(BROKEN));
    Err(Box::new(Report { check: check.into(), test: test.into(), ended, program, verified, seed }))
}

/// Makes a program that has failed shorter, and keeps it in a file. What is said of the check is said of the shorter one then.
fn shorten(test: &str, replay: Replay, variables: &[(&str, &OsStr)], limits: Limits, ended: &mut Ended) -> Failing {
    let mut failing = Failing { replay, file: None, alone: is_asked_for() };
    let Ok(directory) = tempfile::tempdir() else { return failing };
    let trial = directory.path().join("trial");
    let run = |replay: &Replay, time: Duration| -> Option<Ended> {
        std::fs::write(&trial, replay.to_string()).ok()?;
        let mut variables = variables.to_vec();
        variables.push((REPLAY, trial.as_os_str()));
        let ended = process::run(test, &variables, time).ok()?;
        (!matches!(ended.outcome, Outcome::Passed | Outcome::NotRun)).then_some(ended)
    };
    if !failing.alone && run(&failing.replay, limits.check.min(MOST_TRYING)).is_some() {
        let deadline = Instant::now() + limits.shrink;
        let shorter = shrink(failing.replay.program.clone(), &mut |program| {
            let replay = Replay { check: failing.replay.check.clone(), program: program.clone() };
            (Instant::now() < deadline).then(|| run(&replay, limits.check.min(MOST_TRYING)).is_some())
        });
        let shorter = Replay { program: shorter, ..failing.replay.clone() };
        if let Some(again) = run(&shorter, limits.check) {
            (failing.replay, failing.alone, *ended) = (shorter, true, again);
        }
    }
    let place = keeping_place();
    let file = place.join(format!("{}.replay", test.replace("::", ".")));
    let saved = std::fs::create_dir_all(&place).and_then(|()| std::fs::write(&file, failing.replay.to_string()));
    failing.file = saved.is_ok().then_some(file);
    failing
}

/// Whether the kit notices a mistake, and says what is wrong: by which check, and what there is to read about it. Nothing has
/// failed if the mistake could not be made.
///
/// # Errors
/// When it does not: what it said instead.
pub(super) fn noticed(test: &str, mistake: Mistake) -> Result<(&'static str, String), String> {
    let limits = Limits { check: time_out().min(Duration::from_secs(20)), shrink: Duration::from_secs(3) };
    let (mut made, mut unsuspected) = (0, String::new());
    let mut started = true;
    for check in mistake.checks() {
        let variables = [(CHECK, OsStr::new(check))];
        match watch(test, check, &variables, limits, || started = false) {
            Ok(trail) => made += trail.get(Note::Mistakes),
            Err(report) if report.names(mistake.suspicion()) => return Ok((check, report.to_string())),
            Err(report) => unsuspected.push_str(&format!("noticed, and not suspected:\n{report}\n")),
        }
    }
    if !started {
        return Err("it could not be tried: no process ran the test".into());
    }
    match (made, unsuspected.is_empty()) {
        (0, true) => Ok(("", "it cannot be made on this collector: there was no occasion".into())),
        (_, true) => Err(format!("made {made} times, and noticed by none of {:?}", mistake.checks())),
        _ => Err(unsuspected),
    }
}

impl Report {
    /// Everything that was said, and what the shortest program does: what suspicions are about.
    fn words(&self) -> String {
        let mut words = self.ended.said.clone();
        if let Outcome::Crashed(how) = &self.ended.outcome {
            words.push_str(how);
        }
        if let Outcome::Hung(_) = self.ended.outcome {
            words.push_str("it was stopped");
        }
        words.extend(self.verified.iter().map(|verified| verified.said.as_str()));
        words.extend(self.ended.listing.as_deref());
        words
    }

    /// What is likely to be wrong, the likeliest first.
    fn suspicions(&self) -> Vec<&'static Suspicion> {
        let mut suspicions = suspicions::about(&self.check, &self.words());
        suspicions.truncate(4);
        suspicions
    }

    /// Whether that is among what is likely.
    fn names(&self, suspicion: &Suspicion) -> bool {
        self.suspicions().iter().any(|one| std::ptr::eq(*one, suspicion))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { check, test, ended, program, verified, seed } = self;
        write!(f, "check `{check}` (test {test}) ")?;
        match &ended.outcome {
            Outcome::Crashed(how) => writeln!(f, "crashed: {how}")?,
            Outcome::Hung(after) => writeln!(f, "did not end: it was stopped after {} seconds", after.as_secs())?,
            _ => writeln!(f, "failed")?,
        }
        quote(f, "it said", &ended.said)?;
        if let Some(place) = place(&ended.trail) {
            writeln!(f, "  where:       {place}")?;
        }
        writeln!(f, "  last pause:  {}", pause(&ended.trail))?;
        if program.is_some() {
            match &ended.listing {
                Some(listing) => quote(f, "the shortest program found that fails", &listing::finished(listing))?,
                None => writeln!(f, "  the program passes without those before it")?,
            }
        }
        if let Some(verified) = verified {
            quote(f, "with the verifier before and after every pause", &verified.said)?;
        }
        let suspicions = self.suspicions();
        if !suspicions.is_empty() {
            writeln!(f, "  likely mistakes, the likeliest first:")?;
            for suspicion in suspicions {
                writeln!(f, "    - {}", suspicion.what)?;
            }
        }
        let what = match program {
            None => String::new(),
            Some(Failing { file: Some(file), alone: true, .. }) => format!("{REPLAY}={} ", file.display()),
            Some(_) => format!("HEAP_CONFORMANCE_SEED={seed} "),
        };
        writeln!(f, "  again:       {what}{}", command(test))?;
        if program.is_some() && !what.contains("SEED") {
            writeln!(f, "  all of them: HEAP_CONFORMANCE_SEED={seed} {}", command(test))?;
        }
        write!(f, "  in the process of the test, for a debugger: HEAP_CONFORMANCE_IN_PROCESS=1 in front of that")
    }
}

/// Text that somebody else has printed, as part of a report.
fn quote(f: &mut Formatter<'_>, what: &str, said: &str) -> fmt::Result {
    let lines: Vec<&str> =
        said.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("note: run with")).collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {what}:")?;
    const MOST: usize = 30;
    for line in lines.iter().take(MOST) {
        writeln!(f, "    | {line}")?;
    }
    if lines.len() > MOST {
        writeln!(f, "    | … {} lines more", lines.len() - MOST)?;
    }
    Ok(())
}

/// Where in its random programs a check was.
fn place(trail: &Trail) -> Option<String> {
    let numbers = [Note::Program, Note::Step, Note::Operation].map(|note| trail.get(note));
    match numbers {
        [0, ..] => None,
        [program, 0, _] => Some(format!("random program {program}, at its beginning or end")),
        [program, step, 0] => Some(format!("random program {program}, step {step}")),
        [program, step, operation] => Some(format!("random program {program}, step {step}, operation {operation}")),
    }
}

/// The last pause of a heap.
fn pause(trail: &Trail) -> String {
    let pauses = trail.get(Note::Pauses);
    if pauses == 0 {
        return "there was none".into();
    }
    let kind = match trail.get(Note::Kind) {
        1 => "a minor collection",
        2 => "a full collection",
        _ => "in which the collector has announced no collection",
    };
    // The numbers are those of `EventKind::leave_a_note`.
    let phase = match trail.get(Note::Event) {
        0 => "it has begun, and nothing more is known",
        1 => "the collection has begun",
        2 => "the roots were traced",
        3 => "all that is reachable was found",
        4 => "an increment has ended",
        5 => "weak cells were cleared",
        6 => "drop glue was run",
        7 => "what survives was counted",
        8 => "the collector has done its part",
        9 => "the collection was given up, because memory was refused",
        _ => "it was over, and the program went on",
    };
    format!("number {pauses} of the process, in heap {}, {kind}: {phase}", trail.get(Note::Heap))
}
