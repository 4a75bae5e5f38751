//! A plan carried out: one child after the other, each result noted as soon as it is there.
//!
//! Never two children at once: they would share caches, memory bandwidth and, on two cores, the collector's threads.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::environment::Environment;
use crate::interrupt;
use crate::job::Job;
use crate::journal::Journal;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::record::{Measurement, Record};
use crate::runner::{Ended, Runner};

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest that one invocation may take.
    pub timeout: Duration,
    /// Where the records go.
    pub json: Option<PathBuf>,
    /// Whether to show no progress.
    pub quiet: bool,
}

/// What came of a plan.
#[derive(Debug)]
pub struct Session {
    /// The finished invocations, in the order in which they ran.
    pub records: Vec<Record>,
    /// The machine and the build.
    pub environment: Environment,
    /// Whether the user stopped it before its end.
    pub interrupted: bool,
}

/// Carries out a plan. `each` sees every record when it is written.
///
/// # Errors
/// When the system cannot start processes or write the records.
pub fn run(
    plan: &Plan,
    settings: &Settings,
    journal: &mut Journal,
    mut each: impl FnMut(&Record) -> io::Result<()>,
) -> io::Result<Session> {
    interrupt::watch();
    let runner = Runner::new(settings.timeout)?;
    let mut session = Session { records: Vec::new(), environment: Environment::detect(), interrupted: false };
    let mut progress = Progress::new(plan, settings.quiet);
    for job in &plan.jobs {
        progress.begin(job);
        let Ended::Measured(measurement) = runner.run(job)? else {
            session.interrupted = true;
            break;
        };
        let record = record(job, *measurement, &session.environment);
        journal.write(&record)?;
        progress.finish(job, &record);
        progress.pause(|| each(&record))?;
        session.records.push(record);
        if interrupt::requested() {
            session.interrupted = session.records.len() < plan.jobs.len();
            break;
        }
    }
    progress.end();
    Ok(session)
}

fn record(job: &Job, measurement: Measurement, environment: &Environment) -> Record {
    Record {
        workload: job.program.to_string(),
        size: job.size.name().to_owned(),
        collector: job.contestant.name().to_owned(),
        kind: job.contestant.kind(),
        allocator: job.contestant.allocator().name().to_owned(),
        invocation: job.invocation,
        heap_limit: job.heap_limit,
        measurement,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: environment.clone(),
    }
}
