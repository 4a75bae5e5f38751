//! One invocation: which program, on what, how large. And how a parent tells its child.
//!
//! The child is this program again with a hidden subcommand whose options are the job, spelled as the user spells
//! them. So a run that looks odd can be repeated by hand, under a debugger or a profiler:
//! `bench-harness child --workload rings --collector marksweep`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::contestants::{Allocator, Contestant};
use crate::workloads::Size;
use crate::workloads::program::Program;

/// One invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What runs.
    pub program: Program,
    /// On what it runs.
    pub contestant: Contestant,
    /// How large it is.
    pub size: Size,
    /// The hard limit of the heap in bytes; peers have none.
    pub heap_limit: Option<u64>,
    /// Counts from 1.
    pub invocation: u32,
}

/// The job as the child's options.
#[derive(Debug, clap::Args)]
pub struct ChildOptions {
    /// The workload.
    #[arg(long)]
    workload: Option<String>,
    /// Instead of a workload: the heap dump to replay.
    #[arg(long, conflicts_with = "workload")]
    snapshot: Option<PathBuf>,
    /// The collector.
    #[arg(long)]
    collector: Option<String>,
    /// Instead of a collector: the peer.
    #[arg(long, conflicts_with = "collector")]
    peer: Option<String>,
    /// The size.
    #[arg(long, default_value = "default")]
    size: String,
    /// The heap limit.
    #[arg(long, value_parser = crate::text::quantity::bytes)]
    heap_limit: Option<u64>,
}

impl Job {
    /// The command line of the child, without the program's name. The allocator of a peer is not in it: it must be
    /// known before the first allocation and is an environment variable.
    #[must_use]
    pub fn command_line(&self) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec!["child".into()];
        let mut option = |name: &str, value: OsString| line.extend([name.into(), value]);
        match &self.program {
            // A path need not be text.
            Program::Snapshot(Some(path)) => option("--snapshot", path.into()),
            program => option("--workload", program.to_string().into()),
        }
        match self.contestant {
            Contestant::Peer(peer, _) => option("--peer", peer.name().into()),
            contestant => option("--collector", contestant.name().into()),
        }
        option("--size", self.size.name().into());
        if let Some(limit) = self.heap_limit {
            option("--heap-limit", limit.to_string().into());
        }
        line
    }
}

impl TryFrom<ChildOptions> for Job {
    type Error = String;

    fn try_from(options: ChildOptions) -> Result<Self, String> {
        let program = match (options.snapshot, options.workload) {
            (Some(path), _) => Program::Snapshot(Some(path)),
            (None, workload) => Program::from_name(&workload.unwrap_or_default())?,
        };
        let contestant = match options.peer {
            Some(peer) => Contestant::Peer(crate::text::names::find(&peer)?, Allocator::of_this_process()),
            None => Contestant::from_name(&options.collector.unwrap_or_default())?,
        };
        let size = crate::text::names::find(&options.size)?;
        Ok(Self { program, contestant, size, heap_limit: options.heap_limit, invocation: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::collector::Collector;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: ChildOptions,
    }

    #[test]
    fn a_job_survives_its_command_line() {
        let programs = Program::all().into_iter().chain([Program::Snapshot(Some("a b,c".into()))]);
        for (program, heap_limit) in programs.zip([None, Some(1), Some(1 << 40)].into_iter().cycle()) {
            for collector in Collector::ALL {
                let contestant = Contestant::Collector(collector);
                let job = Job { program: program.clone(), contestant, size: Size::Large, heap_limit, invocation: 1 };
                let line = Line::try_parse_from(job.command_line()).unwrap();
                assert_eq!(Job::try_from(line.options), Ok(job));
            }
        }
    }
}
