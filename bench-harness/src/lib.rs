//! The comparison command line, as a library so that its parts can be tested and documented.
//!
//! A folder is one layer, and each may use those above it in this list and none below (a test in this file sees to it):
//!
//! - [`text`]: how names, quantities and figures are written and read;
//! - [`system`]: what the machine tells about itself and about a process;
//! - [`snapshot`]: heaps of real programs, from a file to a model that says what must be alive;
//! - [`recording`]: what a program does to its heap, from a collector that writes it down to a trace that can be run
//!   again;
//! - [`interpreter`]: a small language on the heaps: an example of their API, and a program to be measured;
//! - [`workloads`]: *what* runs: each program once, exactly, for everybody;
//! - [`contestants`]: *who* runs it, and how: on [`heaps`](contestants::heaps) with the collectors of this workspace,
//!   on peers (with the feature `peers`), in other [languages](contestants::runtime), or a
//!   [`fault`](contestants::fault) for tests;
//! - [`explain`]: what becomes of an object, statement by statement, with each collector and in CPython;
//! - [`record`]: one run as a line of JSON, with typed keys, and the file of them;
//! - [`analysis`]: from records to figures that the noise supports, and whether anything was wrong;
//! - [`report`]: figures as text;
//! - [`run`]: from a request to jobs, one process each, in an order that is fair, and their measurements;
//! - [`cli`]: what can be asked for, and what each command does.
//!
//! Why workloads and contestants are apart, although every workload has a file in both: a workload is a contract
//! (sizes, draws, shapes, order of results) that nine implementations must follow, and those in other languages; an
//! implementation is the idiom of one memory manager. Who adds a collector touches `contestants`, who changes what is
//! measured touches `workloads`, and a result means the same before and after only if the second did not happen.

pub mod analysis;
pub mod cli;
pub mod contestants;
pub mod explain;
mod extensions;
pub mod interpreter;
pub mod record;
pub mod recording;
pub mod report;
pub mod run;
pub mod snapshot;
pub mod system;
pub mod text;
pub mod workloads;

pub use contestants::heaps::foreign::{Bench, BenchHeap};
pub use extensions::Extensions;
pub use workloads::Size;

use std::process::ExitCode;

use clap::Parser;
use cli::{Command, CommandLine, commands};
use run::{child, job::Job};

/// With the feature `peers` the global allocator can be exchanged per process, because half of what a peer costs is
/// `malloc`. It stands in the library so that every program built on it measures the same.
#[cfg(feature = "peers")]
#[global_allocator]
static ALLOCATOR: contestants::peers::alloc::Switch = contestants::peers::alloc::Switch;

/// The exit status for a request that cannot be fulfilled, the same that clap uses.
const WRONG_REQUEST: u8 = 2;

/// The comparison program, with collectors and workloads of a third party: the whole of a `main`, which returns what
/// this returns.
///
/// It reads the arguments of the process. Nothing may come before it: every run is a process of its own, which is the
/// same binary with other arguments, and what it did before would be part of the run.
#[must_use = "the exit status says how the comparison went: return it from `main`"]
pub fn run_with(extensions: Extensions) -> ExitCode {
    extensions.announce().and_then(|()| obey()).unwrap_or_else(|sentence| {
        commands::complain(&sentence);
        ExitCode::from(WRONG_REQUEST)
    })
}

fn obey() -> Result<ExitCode, String> {
    match CommandLine::parse().command {
        Command::List => Ok(commands::list::list()),
        Command::Run(options) => commands::run::run(options),
        Command::Compare(options) => commands::compare::compare(options),
        Command::Replay(options) => commands::replay::replay(options),
        Command::Exec(options) => commands::exec::exec(options),
        Command::Explain(options) => commands::explain::explain(options),
        Command::Record(options) => commands::record::record(&options),
        Command::Exporter(options) => Ok(commands::exporter::exporter(&options)),
        Command::Report(options) => commands::report::report(&options),
        Command::Advise(options) => commands::advise::advise(options),
        Command::Minheap(options) => commands::minheap::minheap(options),
        Command::Sweep(options) => commands::sweep::sweep(options),
        Command::SelfTest(options) => commands::self_test::self_test(&options),
        Command::Merge(options) => commands::merge::merge(&options),
        Command::Child(options) => {
            let (probe, prepared, telling) = (options.probe, options.prepared, options.tell_heaps);
            Job::try_from(options).map(|job| match child::run(&job, probe, prepared, telling) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// The folders, lowest first.
    const LAYERS: [&str; 13] = [
        "text",
        "system",
        "snapshot",
        "recording",
        "interpreter",
        "workloads",
        "contestants",
        "explain",
        "record",
        "analysis",
        "report",
        "run",
        "cli",
    ];

    fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else {
                into.push(path);
            }
        }
    }

    #[test]
    fn no_layer_uses_one_above_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut checked = 0;
        for (height, layer) in LAYERS.iter().enumerate() {
            let mut files = Vec::new();
            sources(&root.join(layer), &mut files);
            for file in files {
                let text = std::fs::read_to_string(&file).unwrap();
                for above in &LAYERS[height + 1..] {
                    let name = format!("crate::{above}");
                    let mut places = text.split(&name).skip(1);
                    let is_longer = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                    assert!(places.all(is_longer), "{} uses {above}", file.display());
                }
                checked += 1;
            }
        }
        assert!(checked > 50, "{checked}");
    }
}
