//! `compare`: all collectors on all workloads, and one table.

use std::process::ExitCode;

use crate::cli::CompareOptions;

/// How often everything runs by default: with the workloads at their default sizes about a minute on two common cores.
/// Twice shows whether a result repeats itself; confidence intervals need three.
pub const INVOCATIONS: u32 = 2;

/// Runs the comparison.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn compare(options: CompareOptions) -> Result<ExitCode, String> {
    let prepared = super::prepare(options.workloads.0, options.common, INVOCATIONS)?;
    Ok(super::execute(prepared, true, |_| Ok(())))
}
