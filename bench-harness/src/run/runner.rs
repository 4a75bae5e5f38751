//! The parent's side of one invocation: start a process, wait, and make sense of how it ended.
//!
//! The child is the program that is running now, found through the system (`/proc/self/exe`) where possible: a rebuild
//! during a long comparison must not exchange it. Its output is read by two threads, so that it never waits for a full
//! pipe, and only the end of it is kept. How it ended is told by its exit status and, for an overflowed stack and a
//! panic, by what Rust's runtime wrote: the system reports both as an ordinary abort or exit.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::contestants::allocator::VARIABLE;
use crate::contestants::meter::telling::Heaps;
use crate::contestants::{Contestant, Kind};
use crate::record::{Measurement, Status};
use crate::run::inputs::Inputs;
use crate::run::job::Job;
use crate::run::progress::HeapLines;
use crate::run::runtimes::Runtimes;
use crate::run::{child, interrupt};
use crate::system::process;
use crate::text::format::printable;
use crate::workloads::program::Program;

/// How much of a child's output is kept. A record is its last line: 2,048 spans of pauses in nine columns, and two
/// histograms of up to 30,000 pairs.
const OUTPUT_KEPT: usize = 4 << 20;

/// The longest pause between two looks at a running child. Runs last about a second and are timed by the child.
pub(super) const LONGEST_NAP: Duration = Duration::from_millis(20);

/// What Rust's runtime writes before it aborts because a stack overflowed.
const STACK_OVERFLOW: &str = "has overflowed its stack";

/// What Rust's runtime writes before it aborts because `malloc` failed.
const ALLOCATION_FAILED: &str = "memory allocation of";

/// The exit status of a Rust program that panicked.
const PANICKED: i32 = 101;

/// Starts children, one at a time.
#[derive(Debug)]
pub struct Runner {
    executable: PathBuf,
    pub(super) timeout: Duration,
    inputs: Inputs,
    runtimes: Runtimes,
}

/// How waiting for a child ended.
#[derive(Debug)]
pub enum Ended {
    /// The invocation ended, well or badly.
    Measured(Box<Measurement>),
    /// The user interrupted the comparison.
    Interrupted,
}

impl Runner {
    /// A runner of this very program. Children that run longer than `timeout` are ended.
    ///
    /// # Errors
    /// When the system does not tell where this program is.
    pub fn new(timeout: Duration) -> io::Result<Self> {
        process::fix_stack_of_children();
        let by_link = PathBuf::from("/proc/self/exe");
        let executable = if by_link.exists() { by_link } else { std::env::current_exe()? };
        Ok(Self { executable, timeout, inputs: Inputs::default(), runtimes: Runtimes::default() })
    }

    /// The same, with inputs that its children need not prepare.
    #[must_use]
    pub fn with(self, inputs: Inputs) -> Self {
        Self { inputs, ..self }
    }

    /// The same, with other languages that are ready.
    #[must_use]
    pub fn with_runtimes(self, runtimes: Runtimes) -> Self {
        Self { runtimes, ..self }
    }

    /// Runs one job to its end. What its heaps hold meanwhile is shown in `lines`, if there are any.
    ///
    /// # Errors
    /// When the system cannot start a process.
    pub fn run(&self, job: &Job, lines: Option<&HeapLines>) -> io::Result<Ended> {
        if let (Program::Command(line), Contestant::External(collector)) = (&job.key.program, job.key.contestant) {
            return self.run_external(line, collector, lines);
        }
        let input = self.inputs.of(&job.key.program)?;
        let mut command = match job.key.contestant {
            Contestant::Runtime(runtime) => self.runtimes.command(runtime, job)?,
            _ => self.ours(job, input.is_some(), lines.is_some()),
        };
        let mut child = command
            .stdin(input.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start a process for a run: {error}")))?;
        let stdout = keep_record(child.stdout.take(), lines.cloned());
        let stderr = keep_end(child.stderr.take());
        let timeout = job.timeout.map_or(self.timeout, |own| own.min(self.timeout));
        let status = wait(&mut child, timeout)?;
        let gone = Instant::now();
        let [stdout, stderr] = [stdout, stderr].map(|reader| text(ended(reader, gone).unwrap_or_default()));
        if interrupt::requested() || status.is_some_and(interrupted) {
            return Ok(Ended::Interrupted);
        }
        let mut measurement = match status {
            Some(status) => understand(status, &stdout, &stderr, job.key.contestant.kind()),
            None => timed_out(timeout),
        };
        if let Contestant::Runtime(_) = job.key.contestant {
            child::report_latencies(&self.runtimes.latencies(), &mut measurement);
        }
        Ok(Ended::Measured(Box::new(measurement)))
    }

    /// This program, as a child.
    fn ours(&self, job: &Job, is_prepared: bool, tells_heaps: bool) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(job.command_line()).args(is_prepared.then_some("--prepared"));
        command.args(tells_heaps.then_some("--tell-heaps"));
        command.env(VARIABLE, job.key.contestant.allocator().name()).env_remove("RUST_BACKTRACE");
        command
    }
}

/// Waits for the child, and ends it when its time is over or the user says so: then `None`.
pub(super) fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut nap = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= timeout || interrupt::requested() {
            process::end(child)?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

/// A run that was ended because it took longer than this.
pub(super) fn timed_out(timeout: Duration) -> Measurement {
    Measurement {
        status: Status::Timeout,
        message: Some(format!("ended after {} s", timeout.as_secs_f64())),
        ..Measurement::default()
    }
}

/// Reads a stream to its end on a thread of its own and keeps the last bytes.
pub(super) fn keep_end(stream: Option<impl Read + Send + 'static>) -> JoinHandle<VecDeque<u8>> {
    std::thread::spawn(move || {
        let mut kept = VecDeque::new();
        let Some(mut stream) = stream else { return kept };
        let mut buffer = [0; 8 << 10];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return kept,
                Ok(read) => {
                    kept.extend(&buffer[..read]);
                    kept.drain(..kept.len().saturating_sub(OUTPUT_KEPT));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return kept,
            }
        }
    })
}

/// As [`keep_end`], of a child of ours. Lines about its heaps are shown and not kept.
fn keep_record(stream: Option<impl Read + Send + 'static>, lines: Option<HeapLines>) -> JoinHandle<VecDeque<u8>> {
    let Some(lines) = lines else { return keep_end(stream) };
    std::thread::spawn(move || {
        let mut kept = VecDeque::new();
        let Some(stream) = stream else { return kept };
        let (mut stream, mut line) = (BufReader::new(stream), Vec::new());
        loop {
            line.clear();
            match stream.by_ref().take(OUTPUT_KEPT as u64).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return kept,
                Ok(_) => match Heaps::from_line(&line) {
                    Some(heaps) => lines.show(&heaps),
                    None => {
                        kept.extend(&line);
                        kept.drain(..kept.len().saturating_sub(OUTPUT_KEPT));
                    }
                },
            }
        }
    })
}

/// What a reader has read, if it comes to its end soon after the process is gone. What else holds the other end open is
/// a process that it started in a session of its own, and may live for ever.
pub(super) fn ended<T>(reader: JoinHandle<T>, gone: Instant) -> Option<T> {
    const PATIENCE: Duration = Duration::from_secs(1);
    while !reader.is_finished() && gone.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    if reader.is_finished() { reader.join().ok() } else { None }
}

pub(super) fn text(bytes: VecDeque<u8>) -> String {
    String::from_utf8_lossy(&Vec::from(bytes)).into_owned()
}

/// The measurement that a child printed, or one that says how it failed to.
fn understand(status: ExitStatus, stdout: &str, stderr: &str, kind: Kind) -> Measurement {
    if status.success() {
        let line = stdout.lines().rev().find(|line| !line.trim().is_empty());
        if let Some(measurement) = line.and_then(|line| serde_json::from_str(line).ok()) {
            return measurement;
        }
        return Measurement {
            status: Status::Crashed("no result".to_owned()),
            message: Some("the process ended successfully without printing its record".to_owned()),
            ..Measurement::default()
        };
    }
    if kind == Kind::Peer && !stderr.contains(STACK_OVERFLOW) && stderr.contains(ALLOCATION_FAILED) {
        // Our own heaps never abort for want of memory; where one does, that is a crash.
        return Measurement { message: last_words(stderr), status: Status::OutOfMemory, ..Measurement::default() };
    }
    failure(status, stderr)
}

/// What it means that a process ended otherwise than successfully.
pub(super) fn failure(status: ExitStatus, stderr: &str) -> Measurement {
    let how = if stderr.contains(STACK_OVERFLOW) {
        Status::StackOverflow
    } else if let Some(signal) = signal(status) {
        Status::Crashed(signal)
    } else if status.code() == Some(PANICKED) {
        Status::Crashed("panic".to_owned())
    } else {
        Status::Crashed(status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}")))
    };
    Measurement { message: last_words(stderr), status: how, ..Measurement::default() }
}

/// What a crashed child said: the message of a panic, else the last line.
fn last_words(stderr: &str) -> Option<String> {
    const LONGEST: usize = 300;
    let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let said = match lines.clone().position(|line| line.contains("' panicked at ") || line.contains(") panicked at ")) {
        Some(position) => lines.nth(position + 1),
        None => lines.next_back(),
    };
    said.map(|line| printable(line).chars().take(LONGEST).collect())
}

/// Whether Ctrl-C ended the child.
fn interrupted(status: ExitStatus) -> bool {
    signal(status).as_deref() == Some("SIGINT")
}

/// The name of the signal that ended a process.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<String> {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt;

    let names = [
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::TERM, "SIGTERM"),
        (Signal::INT, "SIGINT"),
        (Signal::XCPU, "SIGXCPU"),
    ];
    let number = status.signal()?;
    let known = names.iter().find(|(signal, _)| signal.as_raw() == number);
    Some(known.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned()))
}

/// There are no signals here.
#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_the_message_of_the_panic_or_the_last_line() {
        let panic = "note\nthread 'main' (123) panicked at src/x.rs:1:2:\nindex out of bounds\nnote: run with\n";
        assert_eq!(last_words(panic).as_deref(), Some("index out of bounds"));
        let old = "thread 'main' panicked at src/x.rs:1:2:\nindex out of bounds\n";
        assert_eq!(last_words(old).as_deref(), Some("index out of bounds"));
        assert_eq!(last_words("a\nb\n\n").as_deref(), Some("b"));
        assert_eq!(last_words("\n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn exit_statuses_are_understood() {
        use std::os::unix::process::ExitStatusExt;
        let exit = |code: i32| ExitStatus::from_raw(code << 8);
        let killed = ExitStatus::from_raw;
        let overflow = "\nthread 'main' (1) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        let refused = "memory allocation of 64 bytes failed\n";
        let crashed = |how: &str| Status::Crashed(how.to_owned());
        for (status, stderr, kind, expected) in [
            (killed(11), "", Kind::Collector, crashed("SIGSEGV")),
            (killed(6), "", Kind::Collector, crashed("SIGABRT")),
            (killed(6), overflow, Kind::Peer, Status::StackOverflow),
            (killed(6), refused, Kind::Peer, Status::OutOfMemory),
            (killed(6), refused, Kind::Collector, crashed("SIGABRT")),
            (killed(64), "", Kind::Peer, crashed("signal 64")),
            (exit(101), "", Kind::Collector, crashed("panic")),
            (exit(3), "", Kind::Collector, crashed("exit status 3")),
            (exit(0), "", Kind::Collector, crashed("no result")),
        ] {
            assert_eq!(understand(status, "", stderr, kind).status, expected);
        }
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let long = "x".repeat(OUTPUT_KEPT) + "the end";
        let kept = text(keep_end(Some(io::Cursor::new(long))).join().unwrap());
        assert_eq!(kept.len(), OUTPUT_KEPT);
        assert!(kept.ends_with("the end"));
    }
}
