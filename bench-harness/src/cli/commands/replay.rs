//! `replay`: the heap of somebody's program in every collector.

use std::process::ExitCode;

use crate::cli::ReplayOptions;
use crate::recording::{self, NOT_REPRODUCED};
use crate::report::heap;
use crate::snapshot::portrait::Portrait;
use crate::workloads::program::Program;

/// Replays a heap dump.
///
/// # Errors
/// One sentence for the user, when the file is not a heap dump or the request cannot be fulfilled.
pub fn replay(options: ReplayOptions) -> Result<ExitCode, String> {
    let is_trace = recording::is_trace(&options.file);
    let program = Program::Snapshot(Some(options.file));
    if options.heap {
        return describe(&program, options.common.snapshot_limit);
    }
    let prepared = super::prepare(vec![program], options.common, Some(options.comparison), 1)?;
    if is_trace {
        // Known before it is looked at: the figures are of the heap's part of the program.
        super::preface(&prepared, &format!("{NOT_REPRODUCED}\n\n"));
    }
    Ok(super::execute(prepared, true, |_| Ok(())))
}

/// Says what a heap looks like, instead of rebuilding it.
fn describe(program: &Program, limit: u64) -> Result<ExitCode, String> {
    let Some(graph) = program.graph(limit)? else { return Err(format!("{program} is no heap dump")) };
    Ok(super::show(&heap::render(&program.to_string(), &Portrait::of(graph))))
}
