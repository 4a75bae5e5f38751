//! Compares garbage collectors on classic programs and on the heaps of real programs.
//!
//! This file only starts things; [`bench_harness`] says how the program is built up. It also decides the global
//! allocator: with the feature `peers` it can be exchanged per process, because half of what a peer costs is `malloc`.

use std::process::ExitCode;

use bench_harness::cli::commands;
use bench_harness::cli::{Command, CommandLine};
use bench_harness::run::{child, job::Job};
use clap::Parser;

#[cfg(feature = "peers")]
#[global_allocator]
static ALLOCATOR: bench_harness::contestants::peers::alloc::Switch = bench_harness::contestants::peers::alloc::Switch;

/// The exit status for a request that cannot be fulfilled, the same that clap uses.
const WRONG_REQUEST: u8 = 2;

fn main() -> ExitCode {
    let ended = match CommandLine::parse().command {
        Command::List => Ok(commands::list::list()),
        Command::Run(options) => commands::run::run(options),
        Command::Compare(options) => commands::compare::compare(options),
        Command::Replay(options) => commands::replay::replay(options),
        Command::Child(options) => {
            let probe = options.probe;
            Job::try_from(options).map(|job| match child::run(&job, probe) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            })
        }
    };
    ended.unwrap_or_else(|sentence| {
        commands::complain(&sentence);
        ExitCode::from(WRONG_REQUEST)
    })
}
