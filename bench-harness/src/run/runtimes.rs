//! Other languages made ready: found, old enough, built; once for all runs.
//!
//! What is not there is left out with a line that says how to get it. Sources are written into a folder of their own,
//! which goes when the comparison ends; a runtime that compiles does so there, once. Times are taken by the programs
//! themselves, around the workload: start-up, compilation and loading are not in them, warming up is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::contestants::runtime::{Runtime, numbers};
use crate::run::interrupt;
use crate::run::job::Job;
use crate::run::runner;
use crate::system::process;
use crate::text::format::printable;
use crate::text::names::Named;
use crate::workloads::event_loop::Latencies;
use crate::workloads::program::Program;

/// The file into which a program that serves requests writes when each ended, in nanoseconds, one to a line, after its
/// clock has stopped: from that follow the same metered latencies as for everybody else. Lua has no clock that is fine
/// enough, and writes none.
const ENDS: &str = "ends";

/// What runs, and where; nothing, if no other language was asked for.
#[derive(Clone, Debug, Default)]
pub struct Runtimes(Option<Arc<Ready>>);

#[derive(Debug)]
struct Ready {
    folder: TempDir,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    runtime: Runtime,
    program: PathBuf,
    version: String,
}

/// How long a language may take to tell its version, on a slow machine.
const VERSION_PATIENCE: Duration = Duration::from_secs(15);

/// How long its compiler may take there.
const COMPILER_PATIENCE: Duration = Duration::from_secs(120);

impl Runtimes {
    /// Looks for runtimes and builds what they need, if they have any of the programs. Each that is left out becomes a
    /// line for `say`, and the programs that no language has another.
    ///
    /// # Errors
    /// A sentence, when there is no temporary folder.
    pub fn prepare(asked: &[Runtime], programs: &[Program], mut say: impl FnMut(&str)) -> Result<Self, String> {
        let is_written = |program: &Program| numbers(program, crate::workloads::Size::Classic).is_some();
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let (written, others): (Vec<_>, Vec<_>) = programs.iter().partition(|program| is_written(program));
        if !others.is_empty() {
            let names: Vec<_> = others.into_iter().map(Program::to_string).collect();
            say(&format!("not written in other languages, and compared without them: {}", names.join(", ")));
        }
        if written.is_empty() {
            return Ok(Self::default());
        }
        let folder = tempfile::tempdir().map_err(|error| {
            let folder = std::env::temp_dir();
            format!("cannot make a folder in {} (TMPDIR names another): {error}", folder.display())
        })?;
        interrupt::watch();
        let mut found = Vec::new();
        for runtime in asked {
            if interrupt::requested() {
                break;
            }
            match ready(*runtime, folder.path()) {
                Ok(one) => found.push(one),
                // Because of that, and of nothing else.
                Err(_) if interrupt::requested() => break,
                Err(why) => say(&format!("{runtime} is left out: {why}")),
            }
        }
        Ok(Self(Some(Arc::new(Ready { folder, found }))))
    }

    /// Those that are ready.
    #[must_use]
    pub fn found(&self) -> Vec<Runtime> {
        self.0.iter().flat_map(|ready| &ready.found).map(|found| found.runtime).collect()
    }

    /// By name, their versions.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<String, String> {
        let found = self.0.iter().flat_map(|ready| &ready.found);
        found.map(|found| (found.runtime.name().to_owned(), found.version.clone())).collect()
    }

    /// What runs this job.
    ///
    /// # Errors
    /// When it was not made ready, or does not have the workload.
    pub(super) fn command(&self, runtime: Runtime, job: &Job) -> io::Result<Command> {
        let found = self.0.iter().flat_map(|ready| &ready.found).find(|found| found.runtime == runtime);
        let numbers = numbers(&job.key.program, job.key.setting.size);
        let (Some(ready), Some(found), Some(numbers)) = (&self.0, found, numbers) else {
            return Err(io::Error::other(format!("{runtime} is not ready to run {}", job.key.program)));
        };
        let (first, others) = runtime.command().split_first().expect("it has a program");
        let folder = ready.folder.path();
        let mut command = match first.strip_prefix("./") {
            Some(built) => Command::new(folder.join(built)),
            None => Command::new(&found.program),
        };
        // What a run that was ended may have left is not the next one's.
        let _ = std::fs::remove_file(folder.join(ENDS));
        command.args(others).arg(job.key.program.to_string()).args(numbers.iter().map(u64::to_string));
        command.current_dir(folder);
        process::separate(&mut command);
        Ok(command)
    }

    /// What the run that has just ended says of its requests: nothing, if it served none.
    pub(super) fn latencies(&self) -> Latencies {
        let text = self.0.as_ref().and_then(|ready| std::fs::read_to_string(ready.folder.path().join(ENDS)).ok());
        let ends: Option<Vec<u64>> = text.and_then(|text| text.lines().map(|line| line.parse().ok()).collect());
        Latencies::of_ends(ends.unwrap_or_default())
    }
}

/// # Errors
/// Why it cannot take part.
fn ready(runtime: Runtime, folder: &Path) -> Result<Found, String> {
    let names = runtime.programs();
    let program = names.iter().find_map(|name| on_path(name));
    let program = program
        .ok_or_else(|| format!("there is no `{}` on the PATH; {}", names.join("` or `"), runtime.installation()))?;
    let said = output(Command::new(&program).arg(runtime.version_argument()), VERSION_PATIENCE)
        .map_err(|why| format!("`{}` does not tell its version: {why}", program.display()))?;
    let (version, number) = version(&said).ok_or_else(|| {
        format!(
            "`{}` does not tell its version, but {:?}",
            program.display(),
            said.chars().take(60).collect::<String>()
        )
    })?;
    if number < runtime.oldest() {
        let (major, minor) = runtime.oldest();
        return Err(format!("{version} is too old, {major}.{minor} is needed; {}", runtime.installation()));
    }
    let (file, text) = runtime.source();
    std::fs::write(folder.join(file), text).map_err(|error| format!("its source cannot be written: {error}"))?;
    if let Some((compiler, arguments)) = runtime.build().split_first() {
        let compiler = on_path(compiler)
            .ok_or_else(|| format!("there is no `{compiler}` on the PATH; {}", runtime.installation()))?;
        output(Command::new(compiler).args(arguments).current_dir(folder), COMPILER_PATIENCE)
            .map_err(|why| format!("the workloads cannot be built: {why}"))?;
    }
    Ok(Found { runtime, program, version })
}

/// What a command prints, if it succeeds.
///
/// # Errors
/// What went wrong: the first line that it printed to standard error, or its status.
fn output(command: &mut Command, patience: Duration) -> Result<String, String> {
    process::separate(command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| error.to_string())?;
    let readers = [runner::keep_end(child.stdout.take()), runner::keep_end(child.stderr.take())];
    let status = runner::wait(&mut child, patience).map_err(|error| error.to_string())?;
    let gone = Instant::now();
    let [stdout, stderr] = readers.map(|reader| runner::text(runner::ended(reader, gone).unwrap_or_default()));
    let Some(status) = status else { return Err(format!("it did not end within {} s", patience.as_secs())) };
    if !status.success() {
        let line = stderr.lines().map(str::trim).find(|line| !line.is_empty());
        return Err(line.map_or_else(|| status.to_string(), |line| printable(line).chars().take(200).collect()));
    }
    Ok(stdout + &stderr)
}

/// The first version in a text, as it is written, and its first two numbers.
fn version(text: &str) -> Option<(String, (u32, u32))> {
    let begins = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let words =
        text.split(|c: char| c.is_whitespace() || c == '"').map(|word| word.trim_start_matches(['v', 'g', 'o']));
    let word = words.filter(|word| word.contains('.') || word.parse::<u32>().is_ok()).find(begins)?;
    let number = |part: &str| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    let mut parts = word.split('.');
    let major = number(parts.next()?)?;
    Some((word.to_owned(), (major, parts.next().and_then(number).unwrap_or(0))))
}

/// The file that a shell would run.
fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let file = OsStr::new(name);
    std::env::split_paths(&folders).map(|folder| folder.join(file)).find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_each_runtime_writes_them() {
        for (text, expected, numbers) in [
            ("openjdk version \"17.0.9\" 2023-10-17\nOpenJDK", "17.0.9", (17, 0)),
            ("java version \"1.8.0_391\"", "1.8.0_391", (1, 8)),
            ("openjdk version \"21\" 2023-09-19", "21", (21, 0)),
            ("v18.19.0\n", "18.19.0", (18, 19)),
            ("Python 3.13.0rc1", "3.13.0rc1", (3, 13)),
            ("Lua 5.4.4  Copyright (C) 1994-2022", "5.4.4", (5, 4)),
            ("4.13.1\n", "4.13.1", (4, 13)),
            ("go version go1.19.8 linux/amd64", "1.19.8", (1, 19)),
        ] {
            assert_eq!(version(text), Some((expected.to_owned(), numbers)), "{text}");
        }
        assert_eq!(version("no idea"), None);
    }
}
