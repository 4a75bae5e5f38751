//! Runs a script of a subset of Lua 5.4 on a heap with the collector of your choice:
//!
//!     cargo run --release -p bench-harness --example interpreter -- SCRIPT --gc NAME
//!
//! `SCRIPT` is a file, or `-` for the standard input; there are some beside this file. `NAME` may have settings:
//! `--gc generational:nursery=4MiB,growth=2`. The interpreter itself is [`bench_harness::interpreter`].
//!
//! Exit status: 0, if the script ran to its end; 1, if it did not, with a message and what was running; 2, if the request makes
//! no sense.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bench_harness::interpreter::{Interpreter, STACK_LIMIT, ScriptError};
use clap::Parser;
use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use gc_refcount::RefCount;
use heap_core::machine::settings::parse_bytes;
use heap_core::{Collectors, HeapOptions, NoGc};

/// Runs a script of a subset of Lua 5.4 on a garbage-collected heap.
#[derive(Parser)]
#[command(name = "interpreter")]
struct Arguments {
    /// The script; `-` for the standard input.
    script: String,
    /// The collector, and its settings: `generational:nursery=4MiB,growth=2`.
    #[arg(long, value_name = "NAME", default_value = "generational")]
    gc: String,
    /// What the heap may hold: `64MiB`. By default half of the machine's memory.
    #[arg(long, value_name = "BYTES", value_parser = |text: &str| parse_bytes(text).ok_or("a number of bytes such as 64MiB"))]
    limit: Option<usize>,
    /// Slots that the stack of the script may have.
    #[arg(long, value_name = "SLOTS", default_value_t = STACK_LIMIT)]
    stack: usize,
    /// Collect wherever the heap could: very slow, finds errors.
    #[arg(long)]
    zeal: bool,
    /// Verify the whole heap after each collection: very slow, finds errors.
    #[arg(long)]
    verify: bool,
    /// Write what the heap holds at the end to this file, for the developer tools of Chrome: give it the extension
    /// `.heapsnapshot`.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Print at the end what is big in the heap and what keeps it alive, to the standard error.
    #[arg(long)]
    report: bool,
    /// Print the heap's counters at the end, to the standard error.
    #[arg(long)]
    statistics: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let collectors = Collectors::new().with::<NoGc>().with::<RefCount>().with::<MarkSweep>().with::<Generational>();
    let choice = match collectors.parse(&arguments.gc) {
        Ok(choice) => choice,
        Err(error) => return complain(2, &error.to_string()),
    };
    let (name, source) = match read(&arguments.script) {
        Ok(script) => script,
        Err(error) => return complain(1, &format!("cannot read {}: {error}", arguments.script)),
    };
    let limit = arguments.limit.or_else(half_of_the_memory);
    let mut options = HeapOptions::default().with_zeal(arguments.zeal).with_verify(arguments.verify);
    options.limit = limit;

    let output = BufWriter::with_capacity(1 << 16, std::io::stdout());
    let mut interpreter = match Interpreter::new(&choice, options, Box::new(output)) {
        Ok(interpreter) => interpreter.with_stack_limit(arguments.stack),
        Err(error) => return complain(1, &error.to_string()),
    };
    let ended = interpreter.run(&name, &source);
    let mut status = report(&ended);
    if let Some(file) = &arguments.dump
        && let Err(error) = dump(&mut interpreter, file)
    {
        status = complain(1, &format!("cannot write {}: {error}", file.display()));
    }
    if arguments.report {
        match interpreter.report() {
            Ok(report) => eprintln!("{report}"),
            Err(error) => status = complain(1, &format!("cannot look into the heap: {error}")),
        }
    }
    match interpreter.close() {
        Ok(statistics) if arguments.statistics => eprintln!("{statistics:#?}"),
        Ok(_) => {}
        error if ended.is_ok() => status = report(&error),
        Err(_) => {}
    }
    status
}

fn read(script: &str) -> std::io::Result<(String, Vec<u8>)> {
    if script == "-" {
        let mut source = Vec::new();
        std::io::stdin().read_to_end(&mut source)?;
        return Ok(("stdin".into(), source));
    }
    Ok((script.into(), std::fs::read(script)?))
}

fn dump(interpreter: &mut Interpreter, file: &Path) -> std::io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 16, File::create(file)?);
    interpreter.dump(&mut writer)?;
    writer.flush()
}

/// So that a script which allocates without end gets an error, and the machine does not run out of memory before.
fn half_of_the_memory() -> Option<usize> {
    #[cfg(target_os = "linux")]
    let bytes = {
        let info = rustix::system::sysinfo();
        usize::try_from(info.totalram / 2 * u64::from(info.mem_unit)).ok()
    };
    #[cfg(not(target_os = "linux"))]
    let bytes = None;
    bytes
}

fn complain(status: u8, sentence: &str) -> ExitCode {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "interpreter: {sentence}");
    ExitCode::from(status)
}

fn report<T>(ended: &Result<T, ScriptError>) -> ExitCode {
    match ended {
        Ok(_) => ExitCode::SUCCESS,
        // As with `| head`: who stopped reading knows.
        Err(ScriptError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            complain(1, &error.to_string());
            if let ScriptError::Run { traceback, .. } = error {
                let _ = writeln!(std::io::stderr(), "stack traceback:\n\t{}", traceback.join("\n\t"));
            }
            ExitCode::FAILURE
        }
    }
}
