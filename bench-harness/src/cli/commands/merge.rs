//! `merge`: the records of several sessions as one file, in the order of their invocations.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::record::journal::Journal;
use crate::record::reading;

/// Options of `merge`.
#[derive(Debug, Args)]
pub struct MergeOptions {
    /// Files that --json wrote
    #[arg(value_name = "RECORDS", required = true)]
    records: Vec<PathBuf>,
    /// Where the records go; - for standard output
    #[arg(long = "to", short = 'o', value_name = "FILE", default_value = "-")]
    to: PathBuf,
}

/// Merges.
///
/// # Errors
/// One sentence for the user: a file cannot be read, or two hold the same run.
pub fn merge(options: &MergeOptions) -> Result<ExitCode, String> {
    let is_input = |path: &PathBuf| same_file::is_same_file(path, &options.to).unwrap_or(false);
    if options.records.iter().any(is_input) {
        return Err(format!("{} is one of the files to be put together: give another", options.to.display()));
    }
    let mut all = reading::read_paths(&options.records)?;
    // Stable: within an invocation things keep the order in which they ran.
    all.sort_by_key(|record| record.invocation);
    let mut journal = Journal::open(Some(&options.to))?;
    for record in &all {
        match journal.write(record) {
            Err(error) if journal.is_stdout() && error.kind() == std::io::ErrorKind::BrokenPipe => break,
            Err(error) => {
                super::complain(&error.to_string());
                return Ok(ExitCode::from(super::FAILED));
            }
            Ok(()) => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}
