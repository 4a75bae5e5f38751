//! What is said about a check that failed: where it was, what it said, what is likely to be wrong, how to see it again.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::process::{self, Ended, Outcome, command, time_out};
use super::suspicions;
use crate::trail::{Note, Trail};

/// Every heap of the kit is verified after every pause.
pub(super) const VERIFY: &str = "HEAP_CONFORMANCE_VERIFY";
/// How long a check that has crashed is looked at with the verifier.
const MOST_VERIFYING: Duration = Duration::from_secs(20);

/// A check that failed.
pub(super) struct Report {
    pub(super) check: String,
    /// What the test harness calls the test.
    pub(super) test: String,
    pub(super) ended: Ended,
    /// The same check once more, with the verifier after every pause; when it ended without a word.
    pub(super) verified: Option<Ended>,
    /// What random programs were made of.
    pub(super) seed: u64,
}

/// Runs a check in a process of its own, or as `alone` where that cannot be.
///
/// # Errors
/// What there is to say when it does not pass.
pub(super) fn watch(
    test: &str,
    check: &str,
    variables: &[(&str, &OsStr)],
    alone: impl FnOnce(),
) -> Result<(), Box<Report>> {
    let (seed, time) = (super::seed(), time_out());
    let seed_text = OsString::from(seed.to_string());
    let mut variables = variables.to_vec();
    variables.push(("HEAP_CONFORMANCE_SEED", &seed_text));
    let ended = match process::run(test, &variables, time) {
        Ok(ended) if ended.outcome != Outcome::NotRun => ended,
        Ok(_) | Err(_) => {
            // A test harness that is told the name of a test in another way, or a system without processes.
            eprintln!("`{test}` cannot be run in a process of its own, and runs here");
            alone();
            return Ok(());
        }
    };
    // The verifier says who points at what is gone, where the check stumbled over it.
    let verified = match &ended.outcome {
        Outcome::Passed => return Ok(()),
        Outcome::Crashed(_) => {
            variables.push((VERIFY, OsStr::new("1")));
            process::run(test, &variables, time.min(MOST_VERIFYING)).ok()
        }
        _ => None,
    };
    Err(Box::new(Report { check: check.into(), test: test.into(), ended, verified, seed }))
}

impl Report {
    /// Everything that was said, and by whom: what suspicions are about.
    fn words(&self) -> String {
        let mut words = self.ended.said.clone();
        if let Outcome::Crashed(how) = &self.ended.outcome {
            words.push_str(how);
        }
        if let Outcome::Hung(_) = self.ended.outcome {
            words.push_str("it was stopped");
        }
        words.extend(self.verified.iter().map(|verified| verified.said.as_str()));
        words
    }

    /// What is likely to be wrong, the likeliest first.
    pub(super) fn suspicions(&self) -> Vec<&'static suspicions::Suspicion> {
        suspicions::about(&self.check, &self.words())
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { check, test, ended, verified, seed } = self;
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
        if let Some(program) = &ended.program {
            quote(f, "the program that ran last", program)?;
        }
        if let Some(verified) = verified {
            match verified.outcome {
                Outcome::Failed => quote(f, "with the verifier after every pause", &verified.said)?,
                Outcome::Passed => writeln!(f, "  with the verifier after every pause it passes")?,
                _ => writeln!(f, "  with the verifier after every pause it ends like that, too")?,
            }
        }
        let suspicions = self.suspicions();
        if !suspicions.is_empty() {
            writeln!(f, "  likely mistakes, the likeliest first:")?;
            for suspicion in suspicions.iter().take(4) {
                writeln!(f, "    - {}", suspicion.what)?;
            }
        }
        let seed = match ended.trail.get(Note::Program) {
            0 => String::new(),
            _ => format!("HEAP_CONFORMANCE_SEED={seed} "),
        };
        writeln!(f, "  again:       {seed}{}", command(test))?;
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
