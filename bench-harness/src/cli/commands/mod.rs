//! What each subcommand does.
//!
//! Every command returns how the process ends. A mistake in the request, found before anything runs, is an `Err` with
//! one sentence and becomes exit status 2; everything found out by running is in the exit status itself.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::analysis::stats;
use crate::analysis::summary::{self, Group};
use crate::analysis::verdict;
use crate::cli::{self, CommonOptions, ComparisonOptions, SessionOptions};
use crate::contestants::Kind;
use crate::record::Record;
use crate::record::journal::Journal;
use crate::report::file::ReportFile;
use crate::report::{Context, render};
use crate::run::agenda::{Comparison, MOST_INVOCATIONS};
use crate::run::inputs::Inputs;
use crate::run::interrupt;
use crate::run::plan::{FEWEST_TO_BE_PRECISE, Plan, Selection, Shard};
use crate::run::runtimes::Runtimes;
use crate::run::session::{self, Ended, Session, Settings};
use crate::system::environment::Environment;
use crate::text::format;
use crate::workloads::program::Program;

pub mod advise;
pub mod compare;
pub mod exec;
pub mod explain;
pub mod exporter;
pub mod list;
pub mod merge;
pub mod minheap;
pub mod record;
pub mod replay;
pub mod report;
pub mod run;
pub mod self_test;
pub mod sweep;

/// The exit status when a checksum is wrong or a collector of ours crashed, and when the system fails us.
const FAILED: u8 = 1;

/// Everything that is checked before anything runs.
#[derive(Debug)]
pub(crate) struct Prepared {
    plan: Plan,
    settings: Settings,
    journal: Journal,
    reports: Vec<ReportFile>,
    selection: Selection,
    precision: Option<f64>,
}

/// The exit status when the machine is too noisy to say what was asked.
const TOO_NOISY: u8 = 2;

/// Checks a request: names, input files, output file, in this order.
///
/// Unless the request says how often everything runs, it runs `invocations` times. Without options of a comparison
/// nothing is repeated to be precise, and there is no canary.
///
/// # Errors
/// One sentence for the user.
pub(crate) fn prepare(
    programs: Vec<Program>,
    options: CommonOptions,
    comparison: Option<ComparisonOptions>,
    invocations: u32,
) -> Result<Prepared, String> {
    let peers = cli::peers(options.peers.as_deref())?;
    let programs: Vec<_> = programs.into_iter().map(Program::for_other_processes).collect();
    let precision = comparison.as_ref().and_then(|comparison| comparison.precision);
    let invocations = match (options.invocations, precision) {
        // Without three there is no interval.
        (Some(chosen), Some(_)) => chosen.max(stats::FEWEST_FOR_INTERVAL as u32),
        (Some(chosen), None) => chosen,
        (None, Some(_)) => FEWEST_TO_BE_PRECISE,
        (None, None) => invocations,
    };
    let asked = options.runtimes.map_or_else(Vec::new, |runtimes| runtimes.0);
    let runtimes = Runtimes::prepare(&asked, &programs, remark)?;
    let enough = invocations as usize >= stats::FEWEST_FOR_INTERVAL;
    let selection = Selection {
        canary: enough && comparison.is_some_and(|comparison| !comparison.no_canary),
        programs,
        collectors: options.collectors.0,
        peers,
        runtimes: runtimes.found(),
        size: options.size,
        heap_limit: options.heap_limit,
        snapshot_limit: options.snapshot_limit,
        invocations,
        shard: options.shard.unwrap_or(Shard::WHOLE),
    };
    if selection.shard != Shard::WHOLE && precision.is_some() {
        return Err("--precision decides by all results, and a shard has its own only: give -n instead".to_owned());
    }
    let plan = Plan::new(&selection);
    if plan.jobs.is_empty() && selection.shard != Shard::WHOLE {
        return Err(format!(
            "shard {} has nothing to do: there are {invocations} invocations; ask for more with -n",
            selection.shard
        ));
    }
    if plan.jobs.is_empty() {
        return Err(
            "there is nothing to run: choose collectors, or peers or languages and one of the workloads that they run \
            (see `list`)"
                .to_owned(),
        );
    }
    keep_apart(&options.session, &selection.programs)?;
    let inputs = Inputs::prepare(&selection.programs, options.snapshot_limit, options.session.quiet)?;
    options.session.report.iter().try_for_each(ReportFile::check)?;
    let journal = journal(options.session.json.as_deref(), options.session.resume)?;
    let settings = Settings { timeout: options.session.timeout, quiet: options.session.quiet, inputs, runtimes };
    Ok(Prepared { plan, settings, journal, reports: options.session.report, selection, precision })
}

/// Finds out that no result would replace what is read, nor another result.
///
/// # Errors
/// One sentence for the user.
fn keep_apart(session: &SessionOptions, programs: &[Program]) -> Result<(), String> {
    let json = session.json.iter().map(|path| ("--json", path.as_path()));
    let reports = session.report.iter().map(|file| ("--report", file.path()));
    let outputs: Vec<_> = json.chain(reports).filter(|(_, path)| path.as_os_str() != "-").collect();
    let is_same = |a: &Path, b: &Path| a == b || same_file::is_same_file(a, b).unwrap_or(false);
    let inputs: Vec<&Path> = programs.iter().filter_map(Program::file).collect();
    for (place, (option, output)) in outputs.iter().enumerate() {
        if let Some(input) = inputs.iter().find(|input| is_same(output, input)) {
            return Err(format!("{option} would overwrite {}: give another file", input.display()));
        }
        if outputs[..place].iter().any(|(_, other)| is_same(output, other)) {
            return Err(format!("{option} would overwrite another result, {}: give another file", output.display()));
        }
    }
    Ok(())
}

/// Opens the file of records, to go on with it if that was asked for.
///
/// # Errors
/// One sentence for the user.
fn journal(json: Option<&Path>, resume: bool) -> Result<Journal, String> {
    let (Some(path), true) = (json, resume) else { return Journal::open(json) };
    let journal = Journal::resume(path)?;
    let here = Environment::detect();
    match journal.earlier().iter().find(|record| !record.environment.is_like(&here)) {
        None => Ok(journal),
        Some(other) => Err(format!(
            "{} was measured elsewhere or by another build ({}), and cannot be gone on with here ({}); give another file, and put \
             both together with `report`",
            path.display(),
            other.environment.summary(),
            here.summary()
        )),
    }
}

/// Runs what was prepared, then shows the table if `with_table`. `each` writes what is shown per run.
pub(crate) fn execute(prepared: Prepared, with_table: bool, each: impl FnMut(&Record) -> io::Result<()>) -> ExitCode {
    execute_with(prepared, with_table, each, |_| Vec::new())
}

/// As [`execute`], where `differences` says which results should have been equal besides.
pub(crate) fn execute_with(
    mut prepared: Prepared,
    with_table: bool,
    each: impl FnMut(&Record) -> io::Result<()>,
    differences: impl FnOnce(&[Record]) -> Vec<String>,
) -> ExitCode {
    let mut agenda = Comparison::new(prepared.plan.clone(), prepared.precision);
    let session = session::run(&mut agenda, &prepared.settings, &mut prepared.journal, each);
    let differences = differences(&session.records);
    finish(&session, &prepared, with_table, differences)
}

fn finish(session: &Session, prepared: &Prepared, with_table: bool, differences: Vec<String>) -> ExitCode {
    let mut complaints = verdict::complaints(&session.records);
    complaints.extend_from_slice(&differences);
    let groups = summary::summarise(&session.records);
    for file in prepared.reports.iter().filter(|_| !session.records.is_empty()) {
        // What was measured is shown all the same.
        complaints.extend(file.write(&session.records).err());
    }
    // Who closed standard output has seen enough.
    let with_table = with_table && !matches!(session.ended, Ended::ReaderLeft);
    if with_table && !session.records.is_empty() {
        let context = Context {
            invocations: session.records.iter().map(|record| record.invocation).max().unwrap_or(0),
            heap_limit: prepared.selection.heap_limit,
            peers: session.records.iter().any(|record| record.key.contestant.kind() == Kind::Peer),
            environment: session.environment.clone(),
            disagreements: [verdict::disagreements(&session.records), differences].concat(),
        };
        let text = render(&groups, &context);
        let written = if prepared.journal.is_stdout() { io::stderr().write_all(text.as_bytes()) } else { print(&text) };
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            complain(&error.to_string());
            return ExitCode::from(FAILED);
        }
    }
    match &session.ended {
        Ended::Complete | Ended::ReaderLeft => {}
        Ended::Interrupted => {
            complain("interrupted: what had finished is shown and written");
            return ExitCode::from(interrupt::EXIT_STATUS);
        }
        Ended::Failed(error) => complain(&error.to_string()),
    }
    for complaint in &complaints {
        complain(complaint);
    }
    if !complaints.is_empty() || matches!(session.ended, Ended::Failed(_)) {
        return ExitCode::from(FAILED);
    }
    let noisy = prepared.precision.map_or_else(Vec::new, |precision| too_noisy(&groups, precision));
    if !noisy.is_empty() && matches!(session.ended, Ended::Complete) {
        complain(&format!(
            "this machine is too noisy: after {} invocations the ratios are known to {} only; close other programs, or \
             ask for less than ±{} %",
            MOST_INVOCATIONS.max(prepared.selection.invocations),
            noisy.join(", "),
            format::percent(prepared.precision.unwrap_or_default())
        ));
        return ExitCode::from(TOO_NOISY);
    }
    ExitCode::SUCCESS
}

/// What is not known so precisely.
fn too_noisy(groups: &[Group], precision: f64) -> Vec<String> {
    let imprecise =
        groups.iter().map(|group| (group, summary::half_width(group))).filter(|(_, half)| *half > precision);
    imprecise.map(|(group, half)| format!("±{} % on {}", format::percent(half), group.program)).collect()
}

/// Says something that belongs to the table, where the table will stand.
pub(crate) fn preface(prepared: &Prepared, text: &str) {
    // Who does not read this reads no table either, and that is noticed when it is written.
    let _ = if prepared.journal.is_stdout() { io::stderr().write_all(text.as_bytes()) } else { print(text) };
}

/// Writes to standard output at once.
///
/// # Errors
/// What the system answered, a closed pipe included.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
}

/// Writes to standard output all that a command has to say, and ends with it.
pub(crate) fn show(text: &str) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closed standard output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}

/// Writes a sentence to standard error, if anybody reads it.
pub fn complain(sentence: &str) {
    let _ = writeln!(io::stderr(), "error: {}", format::printable_lines(sentence));
}

/// Writes a line to standard error that is no error.
pub(crate) fn remark(sentence: &str) {
    let _ = writeln!(io::stderr(), "{}", format::printable_lines(sentence));
}
