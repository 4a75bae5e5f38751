//! An agenda carried out: one child after the other, each result noted as soon as it is there.
//!
//! Never two children at once: they would share caches, memory bandwidth and, on two cores, the collector's threads.
//!
//! What a file of records that is gone on with has already is not run again.
//!
//! A session can end early: the user stops it, a disk is full, a process cannot be started. It never takes with it what
//! was measured before, which may have taken an hour.

use std::io;
use std::time::Duration;

use crate::record::journal::Journal;
use crate::record::{FORMAT, Measurement, Record};
use crate::run::agenda::Agenda;
use crate::run::inputs::Inputs;
use crate::run::interrupt;
use crate::run::job::Job;
use crate::run::progress::Progress;
use crate::run::runner::{self, Runner};
use crate::run::runtimes::Runtimes;
use crate::system::environment::Environment;

/// How an agenda is carried out.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest that one invocation may take.
    pub timeout: Duration,
    /// Whether to show no progress.
    pub quiet: bool,
    /// What children need not prepare.
    pub inputs: Inputs,
    /// Other languages that are ready.
    pub runtimes: Runtimes,
}

/// What came of an agenda.
#[derive(Debug)]
pub struct Session {
    /// The finished invocations, in the order in which they ran.
    pub records: Vec<Record>,
    /// The machine and the build.
    pub environment: Environment,
    /// How it came to its end.
    pub ended: Ended,
}

/// How a session came to its end.
#[derive(Debug)]
pub enum Ended {
    /// Everything ran.
    Complete,
    /// The user stopped it.
    Interrupted,
    /// The results go to standard output, and nobody reads it any more: `| head`.
    ReaderLeft,
    /// The system cannot start processes or write the results.
    Failed(io::Error),
}

/// Carries out an agenda. `each` sees every record when it is written, and writes to standard output or nowhere.
pub fn run(
    agenda: &mut dyn Agenda,
    settings: &Settings,
    journal: &mut Journal,
    each: impl FnMut(&Record) -> io::Result<()>,
) -> Session {
    interrupt::watch();
    let environment = Environment { runtimes: settings.runtimes.versions(), ..Environment::detect() };
    let mut session = Session { records: Vec::new(), environment, ended: Ended::Complete };
    let mut progress = Progress::new(agenda, settings.quiet);
    if let Err(ended) = carry_out(agenda, settings, journal, each, &mut progress, &mut session) {
        session.ended = ended;
    }
    progress.end();
    session
}

/// # Errors
/// The end that came too early.
fn carry_out(
    agenda: &mut dyn Agenda,
    settings: &Settings,
    journal: &mut Journal,
    mut each: impl FnMut(&Record) -> io::Result<()>,
    progress: &mut Progress,
    session: &mut Session,
) -> Result<(), Ended> {
    let runner = Runner::new(settings.timeout).map_err(Ended::Failed)?.with(settings.inputs.clone());
    let runner = runner.with_runtimes(settings.runtimes.clone());
    loop {
        let step = agenda.next(&session.records);
        if step.jobs.is_empty() {
            return Ok(());
        }
        // Ctrl-C between two runs; after the last one it changes nothing.
        if interrupt::requested() {
            return Err(Ended::Interrupted);
        }
        progress.extend(&step);
        let lines = progress.heap_lines();
        for (position, job) in step.jobs.iter().enumerate() {
            if let Some(earlier) = journal.take(&job.key, job.invocation) {
                progress.finish(job, &earlier);
                session.records.push(earlier);
                continue;
            }
            progress.begin(job);
            let measurement = match runner.run(job, lines.as_ref()).map_err(Ended::Failed)? {
                runner::Ended::Measured(measurement) => *measurement,
                runner::Ended::Interrupted => return Err(Ended::Interrupted),
            };
            let record = record(job, measurement, &session.environment);
            let written = journal.write(&record);
            progress.finish(job, &record);
            let shown = progress.pause(|| each(&record));
            // Measured is measured, also where it cannot be written.
            session.records.push(record);
            written.map_err(|error| failed(error, journal.is_stdout()))?;
            shown.map_err(|error| failed(error, true))?;
            if interrupt::requested() && position + 1 < step.jobs.len() {
                return Err(Ended::Interrupted);
            }
        }
    }
}

fn failed(error: io::Error, is_stdout: bool) -> Ended {
    if is_stdout && error.kind() == io::ErrorKind::BrokenPipe { Ended::ReaderLeft } else { Ended::Failed(error) }
}

fn record(job: &Job, measurement: Measurement, environment: &Environment) -> Record {
    Record {
        format: FORMAT,
        key: job.key.clone(),
        invocation: job.invocation,
        measurement,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: environment.clone(),
    }
}
