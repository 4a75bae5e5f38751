//! `compare`: all collectors on all workloads, and one table.

use std::process::ExitCode;

use crate::cli::CompareOptions;
use crate::run::plan::INVOCATIONS;

/// Runs the comparison.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn compare(options: CompareOptions) -> Result<ExitCode, String> {
    let prepared = super::prepare(options.workloads.0, options.common, Some(options.comparison), INVOCATIONS)?;
    Ok(super::execute(prepared, true, |_| Ok(())))
}
