//! `replay`: the heap of somebody's program in every collector.

use std::process::ExitCode;

use crate::cli::ReplayOptions;
use crate::workloads::program::Program;

/// Replays a heap dump.
///
/// # Errors
/// One sentence for the user, when the file is not a heap dump or the request cannot be fulfilled.
pub fn replay(options: ReplayOptions) -> Result<ExitCode, String> {
    let program = Program::Snapshot(Some(options.file));
    let prepared = super::prepare(vec![program], options.common, Some(options.comparison), 1)?;
    Ok(super::execute(prepared, true, |_| Ok(())))
}
