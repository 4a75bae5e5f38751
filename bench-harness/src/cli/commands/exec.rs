//! `exec`: a program that is not ours, under each collector that it is told to take.

use std::process::ExitCode;

use clap::Args;
use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use gc_refcount::RefCount;
use heap_core::{Collectors, NoGc};

use crate::analysis::verdict;
use crate::cli::{self, CommonOptions, ComparisonOptions, SessionOptions};
use crate::contestants::Contestant;
use crate::text::quantity;
use crate::workloads::command::{CommandLine, PLACE};
use crate::workloads::program::Program;

/// What a program is told by default: each of our collectors, by the name that the library gives it.
const DEFAULT: &str = "generational,marksweep,marksweep:incremental,refcount,refcount:cycles=no";

/// Options of `exec`.
#[derive(Debug, Args)]
pub struct ExecOptions {
    /// What stands for {} in the program's arguments, one after the other, separated by commas; with settings as the
    /// library reads them (`generational:nursery=4MiB`). Names that the library does not know are the program's own
    /// [default: the library's collectors]
    #[arg(long, value_name = "NAMES", num_args = 1, action = clap::ArgAction::Append)]
    pub collectors: Vec<String>,
    /// How often each runs; from 3 on there are 95 % confidence intervals
    #[arg(long, short = 'n', value_name = "N", value_parser = quantity::invocations, default_value = "1")]
    pub invocations: u32,
    /// Fail when the program does not print the same with every collector
    #[arg(long)]
    pub same_output: bool,
    /// How it is compared.
    #[command(flatten)]
    pub comparison: ComparisonOptions,
    /// What becomes of the results.
    #[command(flatten)]
    pub session: SessionOptions,
    /// The program and its arguments, after `--`; {} stands for the collector
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub command: Vec<String>,
}

/// Runs a program under each collector.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn exec(options: ExecOptions) -> Result<ExitCode, String> {
    if cfg!(not(unix)) {
        return Err("`exec` is for Unix systems only".to_owned());
    }
    let line = CommandLine::new(options.command).ok_or("there is no program to run")?;
    line.check()?;
    let contestants = contestants(&line, &options.collectors)?;
    let common = CommonOptions {
        collectors: cli::Collectors(contestants),
        invocations: Some(options.invocations),
        session: options.session,
        ..CommonOptions::default()
    };
    let prepared = super::prepare(vec![Program::Command(line)], common, Some(options.comparison), options.invocations)?;
    Ok(super::execute_with(
        prepared,
        true,
        |_| Ok(()),
        |records| {
            if options.same_output { verdict::different_outputs(records) } else { Vec::new() }
        },
    ))
}

pub(super) fn contestants(line: &CommandLine, lists: &[String]) -> Result<Vec<Contestant>, String> {
    if !line.has_place() {
        return match lists {
            [] => Ok(vec![Contestant::external("")]),
            _ => Err(format!(
                "no argument of the program is `{PLACE}`, so it cannot be told its collector; write for instance: \
                 exec -- {} --gc {PLACE}",
                line.program()
            )),
        };
    }
    let default = [DEFAULT.to_owned()];
    let lists = if lists.is_empty() { &default[..] } else { lists };
    let library = Collectors::new().with::<NoGc>().with::<RefCount>().with::<MarkSweep>().with::<Generational>();
    let mut contestants = Vec::new();
    for item in
        lists.iter().flat_map(|list| cli::with_settings(list, |name| library.names().any(|known| known == name)))
    {
        let name = item.split(':').next().unwrap_or_default().trim();
        if name.is_empty() {
            return Err("a collector name is empty".to_owned());
        }
        if item.chars().any(char::is_control) {
            return Err(format!("`{}` is no name for a collector", item.escape_debug()));
        }
        if library.names().any(|known| known == name) {
            // What the library would refuse, the program would, once for each run.
            library.parse(&item).map_err(|error| error.to_string())?;
        }
        let contestant = Contestant::external(&item);
        if !contestants.contains(&contestant) {
            contestants.push(contestant);
        }
    }
    Ok(contestants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(command: &str, lists: &[&str]) -> Result<Vec<&'static str>, String> {
        let lists: Vec<String> = lists.iter().map(|&list| list.to_owned()).collect();
        let contestants = contestants(&CommandLine::from_text(command).unwrap(), &lists)?;
        Ok(contestants.into_iter().map(Contestant::name).collect())
    }

    #[test]
    fn the_library_reads_what_it_knows_and_the_rest_is_the_programs() {
        assert_eq!(
            names("./p --gc={}", &["mine,generational:nursery=4MiB,growth=2,marksweep", "own:x,y=2"]).unwrap(),
            ["mine", "generational:nursery=4MiB,growth=2", "marksweep", "own:x,y=2"]
        );
        assert!(names("./p {}", &["generational:nurs=4"]).unwrap_err().contains("has no setting `nurs`"));
        assert_eq!(names("./p {}", &[]).unwrap().len(), 5);
        assert!(names("./p {}", &["a,,b"]).unwrap_err().contains("is empty"));
    }

    #[test]
    fn without_a_place_there_is_one_run() {
        assert_eq!(names("./p -x", &[]).unwrap(), ["as it is"]);
        assert!(names("./p -x", &["marksweep"]).unwrap_err().contains("exec -- ./p --gc {}"));
    }
}
