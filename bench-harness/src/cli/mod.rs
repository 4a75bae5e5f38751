//! The command line: what can be asked for. What each command does is in [`commands`].

pub mod commands;

use commands::exporter::ExporterOptions;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::contestants::collector::Collector;
use crate::contestants::runtime::Runtime;
use crate::contestants::{Contestant, Peer};
use crate::report::file::ReportFile;
use crate::run::job::ChildOptions;
use crate::run::plan::Shard;
use crate::text::names::{self, Named};
use crate::text::quantity;
use crate::workloads::Size;
use crate::workloads::program::{Program, TELLING};

/// Compares garbage collectors on classic programs and on the heaps of real programs.
///
/// Every run is a process of its own. The exit status is 0 if all went well, 1 if checksums disagree, a collector of
/// ours did not finish (unless its heap limit was too small) or results could not be written, 2 if the request or a
/// file was wrong, or if the machine was too noisy for the precision that was asked for, 130 after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "bench-harness", version, after_help = EXAMPLES)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  bench-harness compare
  bench-harness compare --workloads rings,deep_list --invocations 5 --json results.jsonl
  bench-harness compare --workloads all --size small
  bench-harness run --workloads gcbench --collectors generational --heap-limit 64M
  bench-harness replay my-program.heapsnapshot
  bench-harness exec -- ./my-program --gc {}
  bench-harness explain --against python3
  bench-harness replay my-program.hprof --heap

`bench-harness list` shows all collectors, workloads and peers.";

const REPLAY: &str = "\
How to write a heap dump:
  Node     node --heapsnapshot-signal=SIGUSR2 app.js, then kill -USR2 PID
           or in the program: require('node:v8').writeHeapSnapshot()
  Chrome   developer tools, Memory, Heap snapshot, Take snapshot, Save
  Bun      Bun.write(\"x.heapsnapshot\", Bun.generateHeapSnapshot(\"v8\"))
  Python   bench-harness exporter python > heap_snapshot.py; its head says how
  Java     jmap -dump:live,format=b,file=x.hprof PID
  others   bench-harness exporter schema: the smallest file that is read
A trace, of a program's whole life, is written by `record`, or by any program on
heap-core that is given a bench_harness::recording::Recorder as its collector.

What the times cover with a dump: building the heap, ten rounds of changes with
a full collection after each, the check after each collection that all that must
be alive is there and nothing else, in the end of every pointer, and giving the
heap back. Reading the file and choosing the changes is done once, before. What
the program itself did is in no dump: when objects were made and in which order,
what it computed, destructors, weak references. With a trace they cover all that
it says of the program; `record` says what it does not.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the collectors, workloads and peers that can be chosen
    List,
    /// Run chosen workloads and show each run in detail
    Run(RunOptions),
    /// Run a telling subset, or what is chosen, and show one table
    Compare(CompareOptions),
    /// Rebuild the heap of a real program (from Node, Chrome, Java, ...) in each collector and compare
    #[command(after_help = REPLAY)]
    Replay(ReplayOptions),
    /// Run a program of yours under each collector that it is told to take, and compare
    Exec(commands::exec::ExecOptions),
    /// Show what becomes of an object, statement by statement, with each collector and in CPython
    Explain(commands::explain::ExplainOptions),
    /// Write down what a workload does to its heap, for `replay`
    Record(commands::record::RecordOptions),
    /// Print an exporter for another language's heap, or what a file for `replay` must look like
    Exporter(ExporterOptions),
    /// Show or write the results of runs that were written with --json
    Report(commands::report::ReportOptions),
    /// Measure which collector and settings fit a workload, a heap or a program of yours, and say so in plain words
    Advise(commands::advise::AdviseOptions),
    /// Find the least heap limit with which each workload runs on each collector
    Minheap(commands::minheap::MinheapOptions),
    /// Run at several heap sizes, from the least to a multiple of it, and show what each collector costs at least
    Sweep(commands::sweep::SweepOptions),
    /// See whether this machine can tell what is different from what is the same
    SelfTest(commands::self_test::SelfTestOptions),
    /// Put together records of several sessions, such as the shards of a comparison
    Merge(commands::merge::MergeOptions),
    /// Run one workload in this process and print its measurement as JSON
    #[command(hide = true)]
    Child(ChildOptions),
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// The workloads, separated by commas; `snapshot:FILE` for a heap dump of yours; `all`, `telling`, `classic`,
    /// `general` or `held-out` for a set of them
    #[arg(long, value_name = "NAMES", value_parser = programs)]
    pub workloads: Programs,
    /// What all commands that run something share.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// The workloads, separated by commas; `snapshot:FILE` for a heap dump of yours; `all`, `telling`, `classic`,
    /// `general` or `held-out` for a set of them [default: telling, about a minute]
    #[arg(long, value_name = "NAMES", value_parser = programs, default_value = TELLING, hide_default_value = true)]
    pub workloads: Programs,
    /// How it is compared.
    #[command(flatten)]
    pub comparison: ComparisonOptions,
    /// What all commands that run something share.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// The heap dump, .heapsnapshot or .hprof, plain or compressed by gzip; or a trace that `record` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Run nothing: say what the heap looks like, and what a collector will find hard about it
    #[arg(long)]
    pub heap: bool,
    /// How it is compared.
    #[command(flatten)]
    pub comparison: ComparisonOptions,
    /// What all commands that run something share.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// What commands that compare share.
#[derive(Debug, Args)]
pub struct ComparisonOptions {
    /// Repeat until half the 95 % interval of every ratio of processor times is at most so much, in percent, or 60
    /// invocations were made; then the exit status is 2. `-n` is the least number of invocations [default: 5 then]
    #[arg(long, value_name = "PERCENT", value_parser = quantity::percentage)]
    pub precision: Option<f64>,
    /// From 3 invocations on one collector runs twice in each, to tell drift of the machine from difference: not so
    #[arg(long)]
    pub no_canary: bool,
}

/// What all commands that run something share.
#[derive(Debug, Args)]
pub struct CommonOptions {
    /// The collectors, separated by commas, each with settings if it shall have them
    /// (`generational:nursery=8M,growth=2`); `none` for peers only [default: all]
    #[arg(long, value_name = "NAMES", value_parser = collectors, default_value = "all", hide_default_value = true)]
    pub collectors: Collectors,
    /// Also the peers (Box, Rc, gc-arena, ...), or those named; needs the feature `peers`
    #[arg(long, value_name = "NAMES", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub peers: Option<String>,
    /// Also the same programs in other languages, separated by commas, or `all`: java, node, python3, lua, ocaml, go
    #[arg(long, value_name = "NAMES", value_parser = runtimes)]
    pub runtimes: Option<Runtimes>,
    /// How often each runs; from 3 on there are 95 % confidence intervals [default: 2 for compare, else 1]
    #[arg(long, short = 'n', value_name = "N", value_parser = quantity::invocations)]
    pub invocations: Option<u32>,
    /// How large the workloads are: small, classic or large; heap dumps are as large as they are
    #[arg(long, value_name = "SIZE", value_parser = names::find::<Size>, default_value = "classic")]
    pub size: Size,
    /// The hard limit of each heap, with suffix K, M or G; peers have none [default: the library's]
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    pub heap_limit: Option<u64>,
    /// The longest heap dump that is read, after decompression, with suffix K, M or G
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes, default_value = "4G")]
    pub snapshot_limit: u64,
    /// Make only every Nth invocation, beginning with the Kth: for one of N machines that share a comparison. `merge`
    /// or `report` puts their records together
    #[arg(long, value_name = "K/N", value_parser = Shard::from_text)]
    pub shard: Option<Shard>,
    /// What becomes of the results.
    #[command(flatten)]
    pub session: SessionOptions,
}

/// What becomes of the results of a session, and how it is conducted.
#[derive(Debug, Args)]
pub struct SessionOptions {
    /// Write one line of JSON per run to this file, replacing it; - for standard output, the table then goes to
    /// standard error
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Go on where the file of --json ends: what is in it already is not run again
    #[arg(long, requires = "json")]
    pub resume: bool,
    /// Also write the results to this file, in the form that its name says: .html (a page with charts), .md, .csv, or
    /// .trace.json for ui.perfetto.dev. Can be given several times
    #[arg(long, value_name = "FILE", value_parser = commands::report::file())]
    pub report: Vec<ReportFile>,
    /// End a run that takes longer, not counting the reading of heap dumps; in seconds or with suffix s, m or h
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, default_value = "300")]
    pub timeout: Duration,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// What they are when nothing is said, for commands that have other options of their own.
impl Default for CommonOptions {
    fn default() -> Self {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            common: CommonOptions,
        }
        Line::parse_from([""]).common
    }
}

/// A list of programs without repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs(pub Vec<Program>);

/// A list of collectors and faults without repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collectors(pub Vec<Contestant>);

/// A list of other languages without repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtimes(pub Vec<Runtime>);

fn runtimes(text: &str) -> Result<Runtimes, String> {
    let named = |name: &str| match name {
        "all" => Ok(Runtime::ALL.to_vec()),
        _ => names::find::<Runtime>(name).map(|runtime| vec![runtime]),
    };
    list(text, named).map(Runtimes)
}

pub(crate) fn programs(text: &str) -> Result<Programs, String> {
    list(text, Program::named).map(Programs)
}

pub(crate) fn collectors(text: &str) -> Result<Collectors, String> {
    match text {
        "none" => Ok(Collectors(Vec::new())),
        _ => {
            list_of(with_settings(text, |name| name == "all" || Contestant::from_name(name).is_ok()), |name| match name
            {
                "all" => Ok(Collector::all().into_iter().map(Contestant::Collector).collect()),
                _ => Contestant::from_name(name).map(|contestant| vec![contestant]),
            })
            .map(Collectors)
        }
    }
}

/// The peers that were asked for.
///
/// # Errors
/// A sentence for the user, also when this build has no peers.
pub fn peers(text: Option<&str>) -> Result<Vec<Peer>, String> {
    match text {
        None => Ok(Vec::new()),
        Some(_) if cfg!(not(feature = "peers")) => Err(NO_PEERS.to_owned()),
        Some(text) => list(text, |name| match name {
            "all" => Ok(Peer::ALL.to_vec()),
            _ => names::find::<Peer>(name).map(|peer| vec![peer]),
        }),
    }
}

/// How to get peers.
pub const NO_PEERS: &str = "this build has no peers; build it with them: \
    cargo run --release -p bench-harness --features peers -- compare --peers";

/// The collectors of a comma-separated list, each with its settings, between which there are commas too: what has no
/// colon and is no collector's name belongs to the one before, if that has a colon.
pub(crate) fn with_settings(text: &str, is_name: impl Fn(&str) -> bool) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for item in text.split(',').map(str::trim) {
        match items.last_mut() {
            Some(last) if last.contains(':') && !item.contains(':') && !is_name(item) => {
                last.push(',');
                last.push_str(item);
            }
            _ => items.push(item.to_owned()),
        }
    }
    items
}

/// Parses a comma-separated list and drops repetitions. A name may stand for several things.
fn list<T: PartialEq>(text: &str, parse: impl Fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    list_of(text.split(',').map(|name| name.trim().to_owned()).collect(), parse)
}

fn list_of<T: PartialEq>(names: Vec<String>, parse: impl Fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    let mut things = Vec::new();
    for name in names {
        for thing in parse(&name)? {
            if !things.contains(&thing) {
                things.push(thing);
            }
        }
    }
    Ok(things)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn settings_belong_to_the_collector_before_them() {
        let names = |text: &str| {
            let Collectors(all) = collectors(text).unwrap();
            all.into_iter().map(Contestant::name).collect::<Vec<_>>()
        };
        assert_eq!(
            names("nogc,generational:nursery=8M,growth=2,marksweep,refcount:eager"),
            ["nogc", "generational:nursery=8M,growth=2", "marksweep", "refcount:eager"]
        );
        assert!(collectors("marksweep,growth=2").unwrap_err().contains("there is no collector `growth=2`"));
        assert!(collectors("marksweep:growth=2,growht=3").unwrap_err().contains("has no setting `growht`"));
    }

    #[test]
    fn compare_without_arguments_means_what_is_telling_and_everything_of_ours() {
        let Command::Compare(options) = parse("bench-harness compare").unwrap().command else { panic!() };
        assert_eq!(Ok(options.workloads.0), Program::named(TELLING));
        assert_eq!(options.common.snapshot_limit, crate::snapshot::DEFAULT_TEXT_LIMIT);
        assert_eq!(options.common.collectors.0.len(), Collector::ALL.len());
        assert_eq!((options.common.invocations, options.common.size), (None, Size::Classic));
        assert_eq!((options.common.heap_limit, options.common.peers), (None, None));
    }

    #[test]
    fn lists_are_split_and_repetitions_dropped() {
        let Command::Run(options) =
            parse("bench-harness run --workloads rings,names,rings,snapshot:a --collectors=nogc,nogc").unwrap().command
        else {
            panic!()
        };
        assert_eq!(options.workloads.0.len(), 3);
        // Everything, and a heap dump of one's own.
        assert_eq!(programs("rings,all,snapshot:a").unwrap().0.len(), Program::named("all").unwrap().len() + 1);
        assert_eq!(options.common.collectors.0, [Contestant::Collector(Collector::NOGC)]);
    }

    #[test]
    fn peers_may_be_asked_for_with_and_without_names() {
        for (line, expected) in [("compare --peers", "all"), ("compare --peers=rc,box", "rc,box")] {
            let Command::Compare(options) = parse(&format!("bench-harness {line}")).unwrap().command else { panic!() };
            assert_eq!(options.common.peers.as_deref(), Some(expected));
        }
        assert_eq!(peers(None), Ok(Vec::new()));
        #[cfg(not(feature = "peers"))]
        assert_eq!(peers(Some("all")), Err(NO_PEERS.to_owned()));
        #[cfg(feature = "peers")]
        assert!(peers(Some("rcc")).unwrap_err().contains("did you mean `rc`"));
    }

    #[test]
    fn every_mistake_is_one_sentence_and_status_2() {
        for (line, says) in [
            ("compare --collectors markswep", "did you mean `marksweep`"),
            ("compare --collectors=", "a collector name is empty"),
            ("compare --collectors nogc,", "a collector name is empty"),
            ("compare --workloads ring", "did you mean `rings`"),
            ("compare --workloads held_out", "did you mean `held-out`"),
            ("compare --size huge", "small, classic, large"),
            ("compare --invocations 0", "at least 1"),
            ("compare --invocations 99999999999", "hours"),
            ("compare --heap-limit 0", "0 bytes"),
            ("compare --heap-limit 12X", "not a size"),
            ("compare --heap-limit 99999G", "address space"),
            ("compare --timeout 0", "0 seconds"),
            ("compare --precision 2", "write a percentage such as 2%"),
            ("compare --precision 0%", "write a percentage such as 2%"),
            ("run --workloads rings --no-canary", "unexpected argument"),
            ("run --collectors nogc", "--workloads"),
            ("replay", "<FILE>"),
            ("frobnicate", "unrecognized subcommand"),
        ] {
            let error = parse(&format!("bench-harness {line}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(says), "{line}: {error}");
        }
    }
}
