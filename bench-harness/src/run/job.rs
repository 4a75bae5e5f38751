//! One invocation: which program, on what, how large. And how a parent tells its child.
//!
//! The child is this program again with a hidden subcommand whose options are the job, spelled as the user spells
//! them. So a run that looks odd can be repeated by hand, under a debugger or a profiler:
//! `bench-harness child --workload rings --collector marksweep`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::contestants::{Allocator, Contestant};
use crate::record::key::{Key, Setting};
use crate::workloads::program::Program;

/// One invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What runs, on what, and how.
    pub key: Key,
    /// Counts from 1.
    pub invocation: u32,
    /// The longest text of a heap dump that is read, in bytes.
    pub snapshot_limit: u64,
    /// How much more of its own work the program does, in percent; only one program can
    /// ([`Ready::with_extra`](crate::workloads::Ready::with_extra)).
    pub extra_percent: u32,
    /// How long it may take, if that is less than what holds for all.
    pub timeout: Option<Duration>,
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
    #[arg(long, default_value = "classic")]
    size: String,
    /// The heap limit.
    #[arg(long, value_parser = crate::text::quantity::bytes)]
    heap_limit: Option<u64>,
    /// The longest text of a heap dump.
    #[arg(long, value_parser = crate::text::quantity::bytes, default_value = "4G")]
    snapshot_limit: u64,
    /// Collect fully after each so many batches, and report the most bytes that were alive in place of a peak.
    #[arg(long)]
    pub probe: Option<u32>,
    /// The heap dump comes on standard input, read and prepared.
    #[arg(long)]
    pub prepared: bool,
    /// Tell meanwhile what the heaps hold, on standard output in front of the record.
    #[arg(long)]
    pub tell_heaps: bool,
    /// Do so much more of the program's own work, in percent.
    #[arg(long, default_value_t = 0)]
    extra_percent: u32,
}

impl Job {
    /// A job like any other.
    #[must_use]
    pub fn new(key: Key, invocation: u32, snapshot_limit: u64) -> Self {
        Self { key, invocation, snapshot_limit, extra_percent: 0, timeout: None }
    }

    /// The command line of the child, without the program's name. The allocator of a peer is not in it: it must be
    /// known before the first allocation and is an environment variable.
    #[must_use]
    pub fn command_line(&self) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec!["child".into()];
        let Key { program, contestant, setting } = &self.key;
        // One argument each, that a file may be called `--help`.
        let mut option = |name: &str, value: OsString| {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            line.push(argument);
        };
        match program {
            // A path need not be text.
            Program::Snapshot(Some(path)) => option("snapshot", path.into()),
            program => option("workload", program.to_string().into()),
        }
        match *contestant {
            Contestant::Peer(peer, _) => option("peer", peer.name().into()),
            contestant => option("collector", contestant.name().into()),
        }
        option("size", setting.size.name().into());
        if matches!(program, Program::Snapshot(_)) {
            option("snapshot-limit", self.snapshot_limit.to_string().into());
        }
        if let Some(limit) = setting.heap_limit {
            option("heap-limit", limit.to_string().into());
        }
        if self.extra_percent > 0 {
            option("extra-percent", self.extra_percent.to_string().into());
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
        let setting = Setting { size, heap_limit: options.heap_limit, canary: false };
        let job = Self::new(Key { program, contestant, setting }, 1, options.snapshot_limit);
        Ok(Self { extra_percent: options.extra_percent, ..job })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::collector::Collector;
    use crate::workloads::Size;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: ChildOptions,
    }

    #[test]
    fn a_job_survives_its_command_line() {
        let programs = Program::all()
            .into_iter()
            .chain(["a b,c", "--weird", "-"].map(|file| Program::Snapshot(Some(file.into()))));
        for (program, heap_limit) in programs.zip([None, Some(1), Some(1 << 40)].into_iter().cycle()) {
            for collector in Collector::ALL {
                let contestant = Contestant::Collector(collector);
                let setting = Setting { size: Size::Large, heap_limit, canary: false };
                let key = Key { program: program.clone(), contestant, setting };
                let job = Job { extra_percent: u32::from(heap_limit.is_some()) * 5, ..Job::new(key, 1, 4 << 30) };
                let line = Line::try_parse_from(job.command_line()).unwrap();
                assert_eq!(Job::try_from(line.options), Ok(job));
            }
        }
    }
}
