//! A check in a process of its own.
//!
//! *What it represents.* Whoever writes a collector makes mistakes that end in memory that holds something else: the check
//! that would have named the mistake dies of it, and all the others with it. Here a check is run by starting the test binary
//! again, with the one test as its argument. Then a crash, an abort, a stack that overflows and a loop without end are
//! [outcomes](Outcome) like any other, and the [trail](crate::trail) says where they came about.
//!
//! *The process that is started* knows from [`CHILD`] that it is one, and in which directory it leaves its trail and the
//! program that it is about to run. It says there that it has begun and that it has passed, because a test binary that runs
//! no test ends well, too.
//!
//! *Time.* A check may take [as long as the user says](time_out), one of random programs that long for each program; time
//! begins anew whenever the trail says that the next one has begun.
//!
//! *Why not proptest's `fork`*, which does the same for its cases: most checks have no cases, it knows no steps, and what it
//! finds must be tried again in this process.
//!
//! Where no process can be started (Miri, WebAssembly), or where [`IN_PROCESS`] is set, a check runs in the process of the
//! test: everything is as it was, but for crashes.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::trail::{self, Note, Trail};

/// The directory of a process that was started to run a check.
const CHILD: &str = "HEAP_CONFORMANCE_CHILD";
/// Checks run in the process of the test: for debuggers.
const IN_PROCESS: &str = "HEAP_CONFORMANCE_IN_PROCESS";
/// Seconds for a check, or for a random program.
const TIMEOUT: &str = "HEAP_CONFORMANCE_TIMEOUT";
const DEFAULT_SECONDS: u64 = 120;

/// What the files in the directory are called.
const STATE: &str = "state";
const TRAIL: &str = "trail";
const PROGRAM: &str = "program";
const LISTING: &str = "listing";
/// What stands in the first.
const BEGUN: &str = "begun";
const PASSED: &str = "passed";

/// How a check ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Passed,
    /// It said what is wrong.
    Failed,
    /// The process ended otherwise: in which way.
    Crashed(String),
    /// It was stopped after this time.
    Hung(Duration),
    /// The test binary did not run the test that it was asked for.
    NotRun,
}

/// A check that has ended.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// What it printed as errors.
    pub(super) said: String,
    pub(super) trail: Trail,
    /// The random program that ran last.
    pub(super) program: Option<String>,
    /// What it did, if it was the only one.
    pub(super) listing: Option<String>,
}

/// In which process the caller is.
pub(super) enum Process {
    /// One that was started to run the check: see [`Child`].
    Child(Child),
    /// One that may start others.
    Parent,
    /// One that must run the check itself.
    Alone,
}

/// Which process this is.
pub(super) fn this() -> Process {
    if cfg!(any(miri, target_family = "wasm")) || std::env::var_os(IN_PROCESS).is_some() {
        return Process::Alone;
    }
    match std::env::var_os(CHILD) {
        Some(directory) => Process::Child(Child { directory: directory.into() }),
        None => Process::Parent,
    }
}

/// How long a check may take, or one random program.
pub(super) fn time_out() -> Duration {
    let seconds = std::env::var(TIMEOUT).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(DEFAULT_SECONDS);
    Duration::from_secs(seconds)
}

/// A process that was started to run a check.
pub(super) struct Child {
    directory: PathBuf,
}

impl Child {
    /// Runs the check, and says so.
    pub(super) fn run(&self, check: impl FnOnce()) {
        trail::follow(&self.directory.join(TRAIL)).expect("the trail can be mapped");
        self.leave(STATE, BEGUN);
        check();
        self.leave(STATE, PASSED);
    }

    fn leave(&self, name: &str, text: &str) {
        std::fs::write(self.directory.join(name), text).expect("the directory of the check can be written to");
    }

    /// Where to list what the only program does.
    pub(super) fn listing(&self) -> Option<std::fs::File> {
        std::fs::File::create(self.directory.join(LISTING)).ok()
    }

    /// Leaves the program that is about to run.
    pub(super) fn leave_program(&self, text: &str) {
        self.leave(PROGRAM, text);
    }
}

/// Runs the one test in a process of its own.
///
/// # Errors
/// When none can be started, or watched.
pub(super) fn run(test: &str, variables: &[(&str, &OsStr)], time_out: Duration) -> io::Result<Ended> {
    let directory = TempDir::with_prefix("heap-conformance-")?;
    let path = |name| directory.path().join(name);
    Trail::create(&path(TRAIL))?;
    let said = path("said");
    let mut child = Command::new(std::env::current_exe()?)
        // Two threads, because with one the test would run on the main thread, whose stack has another size.
        .args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=2"])
        .env(CHILD, directory.path())
        // Reports are to be short; a backtrace is to be had in the process of the test.
        .env_remove("RUST_BACKTRACE")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&said)?)
        .spawn()?;
    let waited = wait(&mut child, &path(TRAIL), time_out);
    if !matches!(waited, Ok(Some(_))) {
        // It must not go on, whether it takes too long or cannot be watched.
        let _ = child.kill();
        child.wait()?;
    }
    let status = waited?;
    let said = String::from_utf8_lossy(&std::fs::read(said)?).into_owned();
    let state = std::fs::read_to_string(path(STATE)).unwrap_or_default();
    let outcome = match status {
        None => Outcome::Hung(time_out),
        Some(_) if state.is_empty() => Outcome::NotRun,
        Some(status) if status.success() && state == PASSED => Outcome::Passed,
        // What the test harness ends with when a test has failed.
        Some(status) if status.code() == Some(101) => Outcome::Failed,
        Some(status) => Outcome::Crashed(how(status, &said)),
    };
    let text = |name| std::fs::read_to_string(path(name)).ok();
    Ok(Ended { outcome, said, trail: Trail::read(&path(TRAIL))?, program: text(PROGRAM), listing: text(LISTING) })
}

/// Waits until the process has ended; gives `None` when a check, or a program of it, takes longer than it may.
fn wait(child: &mut process::Child, trail: &Path, time_out: Duration) -> io::Result<Option<ExitStatus>> {
    let mut since = Instant::now();
    let (mut program, mut nap) = (0, Duration::from_millis(1));
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let now = Trail::read(trail)?.get(Note::Program);
        if now != program {
            (program, since) = (now, Instant::now());
        }
        if since.elapsed() > time_out {
            return Ok(None);
        }
        std::thread::sleep(nap);
        // Most checks take milliseconds, and are not to be waited for longer than they take.
        nap = (nap * 3 / 2).min(Duration::from_millis(10));
    }
}

/// How a process ended that neither passed nor failed.
fn how(status: ExitStatus, said: &str) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = match signal {
            4 => "SIGILL, an illegal instruction",
            6 if said.contains("has overflowed its stack") => "SIGABRT, because a stack overflowed",
            6 if said.contains("memory allocation of") => "SIGABRT, because the system refused memory",
            6 => "SIGABRT, an abort",
            7 | 10 => "SIGBUS, memory that is not there",
            8 => "SIGFPE, arithmetic",
            9 => "SIGKILL: somebody ended it, perhaps the system for want of memory",
            11 => "SIGSEGV, memory that may not be touched",
            _ => return format!("the process ended by signal {signal}"),
        };
        return format!("the process ended by {name}");
    }
    let _ = said;
    format!("the process ended with {status}")
}

/// The name that the test harness knows a test by: its path without the crate.
pub(super) fn test_name(module: &str, test: &str) -> String {
    match module.split_once("::") {
        Some((_, inside)) => format!("{inside}::{test}"),
        None => test.into(),
    }
}

/// Where failing programs are kept: beside what Cargo builds.
pub(super) fn keeping_place() -> PathBuf {
    let binary = std::env::current_exe().unwrap_or_default();
    // `target/debug/deps/binary`
    let target = binary.ancestors().find(|path| path.ends_with("deps")).and_then(|deps| deps.parent()?.parent());
    target.map_or_else(std::env::temp_dir, Path::to_path_buf).join("conformance")
}

/// What to type to run one test of this binary again.
pub(super) fn command(test: &str) -> String {
    let crate_name = std::env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
    // Cargo appends a hash to the name of the binary.
    let binary = std::env::current_exe().ok();
    let binary = binary.as_deref().and_then(Path::file_stem).and_then(OsStr::to_str).unwrap_or_default();
    let target = binary.rsplit_once('-').map_or(binary, |(name, _)| name);
    let is_library = std::env::var("CARGO_CRATE_NAME").is_ok_and(|name| name == target)
        || std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name.replace('-', "_") == target);
    let target = if is_library { " --lib".into() } else { format!(" --test {target}") };
    format!("cargo test{crate_name}{target} -- --exact {test}")
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use super::*;

    const WAY: &str = "HEAP_CONFORMANCE_TEST_WAY";

    /// Started by the tests below, and otherwise nothing.
    #[test]
    fn misbehaves() {
        let (Process::Child(child), Ok(way)) = (this(), std::env::var(WAY)) else { return };
        child.run(|| {
            trail::note(Note::Step, 3);
            match way.as_str() {
                "well" => {}
                "panic" => panic!("it said so"),
                // SAFETY: none. The address is not mapped, and the process ends.
                "touch" => unsafe { core::ptr::without_provenance_mut::<u8>(1 << 20).write_volatile(1) },
                "abort" => std::process::abort(),
                "exit" => std::process::exit(0),
                "recurse" => recurse(1),
                "hang" => loop {
                    std::thread::sleep(Duration::from_millis(10));
                },
                other => unreachable!("{other}"),
            }
        });
    }

    #[expect(unconditional_recursion, reason = "that is the point")]
    fn recurse(depth: u64) {
        let words = std::hint::black_box([depth; 64]);
        recurse(words[5] + 1);
        std::hint::black_box(words);
    }

    fn ended(way: &str) -> Ended {
        let time = Duration::from_millis(if way == "hang" { 300 } else { 20_000 });
        run(&test_name(module_path!(), "misbehaves"), &[(WAY, OsStr::new(way))], time)
            .expect("a process can be started")
    }

    #[test]
    fn every_way_to_end_is_told_apart() {
        assert_eq!(ended("well").outcome, Outcome::Passed);
        for way in ["panic", "touch", "abort", "recurse", "hang", "exit"] {
            let Ended { outcome, said, trail, .. } = ended(way);
            assert_eq!(trail.get(Note::Step), 3, "the trail survives a {way}");
            match (way, &outcome) {
                ("panic", Outcome::Failed) => assert!(said.contains("it said so"), "{said}"),
                // Sanitizers see it first, and end the process in their own way.
                ("touch" | "recurse", Outcome::Crashed(_)) if cfg!(heap_core_sanitized) => {}
                ("touch", Outcome::Crashed(how)) => assert!(how.contains("SIGSEGV"), "{how}"),
                ("abort", Outcome::Crashed(how)) => assert!(how.contains("SIGABRT, an abort"), "{how}"),
                ("recurse", Outcome::Crashed(how)) => assert!(how.contains("a stack overflowed"), "{how}"),
                ("hang", Outcome::Hung(_)) => {}
                // Well, but before the check was over.
                ("exit", Outcome::Crashed(how)) => assert!(how.contains("status: 0"), "{how}"),
                _ => panic!("{way}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn a_test_that_is_not_there_did_not_run() {
        let ended = run("no::such::test", &[], Duration::from_secs(20)).expect("a process can be started");
        assert_eq!(ended.outcome, Outcome::NotRun);
    }

    #[test]
    fn tests_are_named_as_the_harness_does() {
        assert_eq!(test_name("conformance::eager", "handles"), "eager::handles");
        assert_eq!(test_name("conformance", "handles"), "handles");
    }
}
