//! `minheap`: the least heap limit with which each program runs on each collector.

use std::io;
use std::process::ExitCode;

use clap::Args;

use crate::analysis::verdict;
use crate::cli::{Collectors, Programs, SessionOptions};
use crate::record::journal::Journal;
use crate::record::{Record, Status};
use crate::report::file::ReportFile;
use crate::run::agenda::Agenda;
use crate::run::inputs::Inputs;
use crate::run::interrupt;
use crate::run::minheap::{MinHeaps, Search, Wish};
use crate::run::plan::{Plan, Selection, Shard};
use crate::run::runtimes::Runtimes;
use crate::run::session::{self, Ended, Session, Settings};
use crate::text::names;
use crate::text::{format, quantity};
use crate::workloads::Size;
use crate::workloads::program::Program;

/// What commands that try several heap sizes share.
#[derive(Debug, Args)]
pub struct SizedOptions {
    /// The collectors, separated by commas, each with settings if it shall have them [default: all of ours; what never
    /// reclaims only where that is of use]
    #[arg(long, value_name = "NAMES", value_parser = crate::cli::collectors, default_value = "all", hide_default_value = true)]
    pub collectors: Collectors,
    /// How large the workloads are: small, classic or large; heap dumps are as large as they are
    #[arg(long, value_name = "SIZE", value_parser = names::find::<Size>, default_value = "classic")]
    pub size: Size,
    /// The longest heap dump that is read, after decompression, with suffix K, M or G
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes, default_value = "4G")]
    pub snapshot_limit: u64,
    /// What becomes of the results.
    #[command(flatten)]
    pub session: SessionOptions,
}

/// Options of `minheap`.
#[derive(Debug, Args)]
pub struct MinheapOptions {
    /// The workloads, separated by commas; `snapshot:FILE` for a heap dump of yours, or the name of a set
    #[arg(long, value_name = "NAMES", value_parser = crate::cli::programs)]
    workloads: Programs,
    /// What commands that try several heap sizes share.
    #[command(flatten)]
    sized: SizedOptions,
}

/// Everything that is checked before anything runs.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) settings: Settings,
    pub(super) journal: Journal,
    pub(super) reports: Vec<ReportFile>,
}

/// Checks a request. Unless they are named, what never reclaims does not take part: its least heap is what it
/// allocates.
///
/// # Errors
/// One sentence for the user.
pub(super) fn prepare(
    programs: Vec<Program>,
    options: SizedOptions,
    with_floors: bool,
    canary: bool,
) -> Result<Prepared, String> {
    let programs: Vec<_> = programs.into_iter().map(Program::for_other_processes).collect();
    let mut collectors = options.collectors.0;
    if !with_floors && collectors.iter().any(|collector| collector.reclaims()) {
        collectors.retain(|collector| collector.reclaims());
    }
    if collectors.is_empty() {
        return Err("there is nothing to run: choose collectors (see `list`)".to_owned());
    }
    super::keep_apart(&options.session, &programs)?;
    let inputs = Inputs::prepare(&programs, options.snapshot_limit, options.session.quiet)?;
    let plan = Plan::new(&Selection {
        programs,
        collectors,
        peers: Vec::new(),
        runtimes: Vec::new(),
        size: options.size,
        heap_limit: None,
        snapshot_limit: options.snapshot_limit,
        invocations: 1,
        canary,
        shard: Shard::WHOLE,
    });
    options.session.report.iter().try_for_each(ReportFile::check)?;
    let journal = super::journal(options.session.json.as_deref(), options.session.resume)?;
    let settings = Settings {
        timeout: options.session.timeout,
        quiet: options.session.quiet,
        inputs,
        runtimes: Runtimes::default(),
    };
    Ok(Prepared { plan, settings, journal, reports: options.session.report })
}

/// Carries out an agenda and shows what came of it: the exit status.
pub(super) fn conclude<A: Agenda>(
    mut agenda: A,
    mut prepared: Prepared,
    show: impl FnOnce(&A, &Session) -> String,
) -> ExitCode {
    let session = session::run(&mut agenda, &prepared.settings, &mut prepared.journal, |_| Ok(()));
    let mut failed = false;
    let results = agenda.results(&session.records);
    for file in prepared.reports.iter().filter(|_| !results.is_empty()) {
        if let Err(sentence) = file.write(results) {
            super::complain(&sentence);
            failed = true;
        }
    }
    if !matches!(session.ended, Ended::ReaderLeft) && !session.records.is_empty() {
        let text = show(&agenda, &session);
        let written = if prepared.journal.is_stdout() {
            io::Write::write_all(&mut io::stderr(), text.as_bytes())
        } else {
            super::print(&text)
        };
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            super::complain(&error.to_string());
            failed = true;
        }
    }
    match &session.ended {
        Ended::Complete | Ended::ReaderLeft => {}
        Ended::Interrupted => {
            super::complain("interrupted: what had finished is shown and written");
            return ExitCode::from(interrupt::EXIT_STATUS);
        }
        Ended::Failed(error) => {
            super::complain(&error.to_string());
            failed = true;
        }
    }
    // That a heap was too small, or so small that nothing got ahead, is what is looked for here.
    let expected =
        |record: &Record| record.measurement.status == Status::Timeout && record.key.setting.heap_limit.is_some();
    let others: Vec<_> = session.records.iter().filter(|record| !expected(record)).cloned().collect();
    for complaint in verdict::complaints(&others) {
        super::complain(&complaint);
        failed = true;
    }
    if failed { ExitCode::from(super::FAILED) } else { ExitCode::SUCCESS }
}

/// Searches.
///
/// # Errors
/// One sentence for the user.
pub fn minheap(options: MinheapOptions) -> Result<ExitCode, String> {
    let snapshot_limit = options.sized.snapshot_limit;
    let prepared = prepare(options.workloads.0, options.sized, false, false)?;
    let keys = prepared.plan.jobs.iter().map(|job| job.key.clone()).collect();
    Ok(conclude(MinHeaps::new(keys, snapshot_limit), prepared, |agenda, session| {
        let live = |search: &Search| {
            let same = |record: &&Record| record.key.program == search.key.program;
            session.records.iter().filter(same).find_map(|record| record.measurement.live_bytes)
        };
        table(agenda.searches(), live)
    }))
}

/// A block per program, least first.
fn table(searches: &[Search], live: impl Fn(&Search) -> Option<u64>) -> String {
    let mut programs: Vec<&Program> = Vec::new();
    for search in searches {
        if !programs.contains(&&search.key.program) {
            programs.push(&search.key.program);
        }
    }
    let mut lines = Vec::new();
    for program in programs {
        let mut own: Vec<_> = searches.iter().filter(|search| search.key.program == *program).collect();
        let size = |search: &Search| if let Wish::Found(limit) = search.wish() { limit } else { u64::MAX };
        own.sort_by_key(|search| size(search));
        let least = own.first().map_or(u64::MAX, |search| size(search));
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let title = program.to_string();
        lines.push(format!(
            "{title:<28} {:>12} {:>8} {:>8} {:>12} {:>5}",
            "least heap", "ratio", "/live", "free peak", "runs"
        ));
        lines.push("-".repeat(78));
        for search in own {
            let name = search.key.contestant.label();
            match search.wish() {
                Wish::Found(limit) => {
                    let to_live = live(search).filter(|live| *live > 0).map(|live| limit as f64 / live as f64);
                    lines.push(format!(
                        "{name:<28} {:>12} {:>8} {:>8} {:>12} {:>5}",
                        format::bytes(limit),
                        format::ratio(limit as f64 / least as f64),
                        to_live.map_or_else(|| "-".to_owned(), format::ratio),
                        search.free_peak().map_or_else(|| "-".to_owned(), format::bytes),
                        search.runs()
                    ));
                }
                Wish::Failed(why) => {
                    for (position, line) in format::wrap(&why, 50).into_iter().enumerate() {
                        let name = if position == 0 { name.as_str() } else { "" };
                        lines.push(format!("{name:<28} {line}"));
                    }
                }
                Wish::Free | Wish::Limit(_) => lines.push(format!("{name:<28} not finished")),
            }
        }
    }
    lines.push(String::new());
    let legend = "least heap: the smallest limit with which the program finishes, within 3 %, three times out of three; less \
        is out of memory, futile collecting, or takes ten times as long as with four times the limit. /live: relative to \
        what the program keeps alive at most. free peak: what the heap held without a limit.";
    lines.extend(format::wrap(legend, 78));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}
