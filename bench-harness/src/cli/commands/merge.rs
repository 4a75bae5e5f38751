//! `merge`: the records of several sessions as one file, in the order of their invocations.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::record::journal::Journal;
use crate::record::{Record, reading};

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
    let mut all: Vec<(Record, &PathBuf)> = Vec::new();
    for path in &options.records {
        for record in reading::read_path(path)? {
            // A comparison that tries heap sizes runs some things again; two files never hold the same run.
            let same = |other: &&(Record, &PathBuf)| {
                other.1 != path && other.0.invocation == record.invocation && other.0.key == record.key
            };
            if let Some((_, other)) = all.iter().find(same) {
                return Err(format!(
                    "{} and {} both hold invocation {} of {} on {}: they are not shards of one comparison",
                    other.display(),
                    path.display(),
                    record.invocation,
                    record.key.program,
                    record.key.contestant.label()
                ));
            }
            all.push((record, path));
        }
    }
    // Stable: within an invocation things keep the order in which they ran.
    all.sort_by_key(|(record, _)| record.invocation);
    let mut journal = Journal::open(Some(&options.to))?;
    for (record, _) in &all {
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
