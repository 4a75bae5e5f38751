//! `record`: what a workload does to its heap, in a file that `replay` runs on all collectors.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::contestants::heaps::{self, Failure};
use crate::recording::{NOT_REPRODUCED, Recorder};
use crate::run::interrupt;
use crate::system::output::Output;
use crate::system::process;
use crate::text::{format, names, quantity};
use crate::workloads::Size;
use crate::workloads::program::Program;

/// Options of `record`.
#[derive(Debug, Args)]
pub struct RecordOptions {
    /// The workload; `scripts` is the example interpreter with its scripts
    #[arg(value_name = "WORKLOAD", value_parser = Program::from_name)]
    pub workload: Program,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// How large the workload is: small, classic or large
    #[arg(long, value_name = "SIZE", value_parser = names::find::<Size>, default_value = "small")]
    pub size: Size,
    /// The longest trace: it ends there, with suffix K, M or G
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes, default_value = "1G")]
    pub max_trace: u64,
    /// The longest heap dump that is read, for `snapshot:FILE`
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes, default_value = "4G", hide = true)]
    pub snapshot_limit: u64,
}

/// Runs the workload in this process and records it.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn record(options: &RecordOptions) -> Result<ExitCode, String> {
    let input = options.workload.input();
    if input.is_some_and(|input| same_file::is_same_file(input, &options.output).unwrap_or(false)) {
        return Err(format!("--output would overwrite {}: give another file", options.output.display()));
    }
    let program = options.workload.load(options.size, options.snapshot_limit)?;
    let cannot = |error| format!("cannot write {}: {error}", options.output.display());
    let mut output = Output::create(&options.output).map_err(cannot)?;
    if let Some(unfinished) = output.unfinished().map(Path::to_owned) {
        // The program cannot be asked to stop: it runs in this process.
        let _ = ctrlc::set_handler(move || {
            let _ = std::fs::remove_file(&unfinished);
            super::complain("stopped: nothing was written");
            std::process::exit(interrupt::EXIT_STATUS.into());
        });
    }
    let recorder = Recorder::new(output.file().try_clone().map_err(cannot)?, options.max_trace);
    let report = recorder.report();
    let before = process::cpu_ns();
    let ended = heaps::record(&program, None, recorder);
    let time = process::cpu_ns().zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
    let totals = match report.outcome() {
        Ok(totals) => totals,
        Err(error) => {
            super::complain(&cannot(error));
            return Ok(ExitCode::from(super::FAILED));
        }
    };
    let heaps = match ended {
        Ok((_, heaps)) => heaps,
        Err(Failure::Unsupported(why)) => return Err(why),
        Err(failure) => {
            super::complain(&format!("{}: {failure}", options.workload));
            return Ok(ExitCode::from(super::FAILED));
        }
    };
    if let Err(error) = output.keep() {
        super::complain(&cannot(error));
        return Ok(ExitCode::from(super::FAILED));
    }
    let events = totals.objects + totals.stores;
    let mut text = format!(
        "{}: {} objects made, {} slots and roots changed, `mutate` called {} times\n{} in {}{}; {} ms of processor time\n",
        options.workload,
        format::count(totals.objects),
        format::count(totals.stores),
        format::count(totals.mutates),
        format::bytes(report.bytes()),
        options.output.display(),
        if events == 0 {
            String::new()
        } else {
            format!(", {} bytes an event", format::ratio(report.bytes() as f64 / events as f64))
        },
        format::ms(time as f64),
    );
    if report.is_cut() {
        text.push_str("The trace ends before the program did: --max-trace allows more.\n");
    }
    if heaps > 1 {
        text.push_str(&format!("The program made {heaps} heaps; the trace is that of the first.\n"));
    }
    text.push_str(&format!("\n{NOT_REPRODUCED}\n"));
    Ok(super::show(&text))
}
