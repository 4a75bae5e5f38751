//! `report`: results that were written before, as a table, a page, or what else is asked for.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::analysis::{summary, verdict};
use crate::contestants::Kind;
use crate::record::reading;
use crate::report::file::ReportFile;
use crate::report::{self, Context};

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// Files that --json wrote; - for standard input. Several are put together
    #[arg(value_name = "RECORDS", required = true)]
    records: Vec<PathBuf>,
    /// Write a report to this file, in the form that its name says: .html, .md, .csv, or .trace.json for
    /// ui.perfetto.dev. Can be given several times; without it the table is printed
    #[arg(long = "to", short = 'o', value_name = "FILE", value_parser = file())]
    to: Vec<ReportFile>,
}

/// Reads the name of a report.
pub(crate) fn file() -> impl TypedValueParser<Value = ReportFile> {
    OsStringValueParser::new().try_map(|name| ReportFile::named(&name))
}

/// Reports.
///
/// # Errors
/// One sentence for the user, when the records cannot be read.
pub fn report(options: &ReportOptions) -> Result<ExitCode, String> {
    let is_input = |file: &&ReportFile| {
        options.records.iter().any(|path| same_file::is_same_file(path, file.path()).unwrap_or(false))
    };
    if let Some(file) = options.to.iter().find(is_input) {
        return Err(format!("-o would overwrite the records in {}: give another file", file.path().display()));
    }
    options.to.iter().try_for_each(ReportFile::check)?;
    let records = reading::read_paths(&options.records)?;
    for file in &options.to {
        if let Err(sentence) = file.write(&records) {
            super::complain(&sentence);
            return Ok(ExitCode::from(super::FAILED));
        }
    }
    if options.to.is_empty() {
        let limits: Vec<_> = records.iter().map(|record| record.key.setting.heap_limit).collect();
        let context = Context {
            invocations: records.iter().map(|record| record.invocation).max().unwrap_or(0),
            heap_limit: limits.iter().copied().reduce(|a, b| if a == b { a } else { None }).flatten(),
            peers: records.iter().any(|record| record.key.contestant.kind() == Kind::Peer),
            environment: records.last().map(|record| record.environment.clone()).unwrap_or_default(),
            disagreements: verdict::disagreements(&records),
        };
        let text = report::render(&summary::summarise(&records), &context);
        if let Err(error) = super::print(&text)
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            super::complain(&error.to_string());
            return Ok(ExitCode::from(super::FAILED));
        }
    }
    Ok(ExitCode::SUCCESS)
}
