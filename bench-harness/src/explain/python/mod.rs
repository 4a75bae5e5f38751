//! [`Python`]: the same statements in CPython, in a process that executes one script after the other.
//!
//! A script consists of the statements as they are shown, each followed by a call that prints what is seen: a line of
//! JSON. What counts and watches is `prelude.py`, which also switches the collection of cycles off, so that counting is
//! all that happens between two `gc.collect()`. It subtracts from each count the references that it makes while it
//! looks, which it finds out with an object that has one name.
//!
//! *Why one process.* To start one takes a tenth of a second with some installations, and ten thousand scripts are to
//! be run. Scripts go in as a line each; a thread of ours reads what comes out, so that neither side ever waits for the
//! other with a full pipe.
//!
//! *Which CPython.* From 3.11 on an argument of a call is referred to once, by the parameter; before, by the caller's
//! stack as well. Builds without the global lock count some objects only now and then. Neither is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde::Deserialize;

use super::observation::Observation;
use super::statement::{For, Statement, depths};

const HELLO: &str = include_str!("hello.py");
const PRELUDE: &str = include_str!("prelude.py");
const DRIVER: &str = include_str!("driver.py");

/// The first version that can be compared.
const OLDEST: (u32, u32) = (3, 11);

/// A line is there sooner, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running CPython.
pub struct Python {
    name: String,
    version: String,
    process: Child,
    scripts: Option<ChildStdin>,
    answers: Receiver<io::Result<String>>,
}

/// An exception that ended a script.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Its name and what it says.
    pub text: String,
    /// What was seen before.
    pub seen: Vec<Observation>,
}

impl Exception {
    /// The number and the text of the statement that raised it.
    pub(super) fn place(&self, statements: &[Statement]) -> (usize, String) {
        let statement = statements.get(self.seen.len()).map_or_else(|| "the end".to_owned(), Statement::to_string);
        (self.seen.len() + 1, statement)
    }
}

#[derive(Deserialize)]
struct Hello {
    implementation: String,
    version: String,
    counts_at_once: bool,
}

/// A line: what is seen after a statement, or how the script ended.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    counts: BTreeMap<usize, u64>,
    #[serde(default)]
    died: BTreeSet<usize>,
    error: Option<String>,
    #[serde(default)]
    end: bool,
}

impl Python {
    /// Starts the program of that name, which is searched for as a shell does.
    ///
    /// # Errors
    /// A sentence: that there is no such program, or that it is none that can be compared.
    pub fn start(name: &str) -> Result<Self, String> {
        // Without the user's site, which may start anything. The environment is ignored as well.
        let mut command = Command::new(name);
        command.args(["-I", "-S", "-c"]).arg([HELLO, PRELUDE, DRIVER].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no program `{name}`"),
            _ => format!("`{name}` cannot be started: {error}"),
        })?;
        let (sender, answers) = channel();
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        std::thread::spawn(move || {
            for line in lines {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let scripts = process.stdin.take();
        let mut python = Python { name: name.to_owned(), version: String::new(), process, scripts, answers };
        let hello = python.line()?;
        let Hello { implementation, version, counts_at_once } = serde_json::from_str(&hello).map_err(|_| {
            format!("`{name}` is no Python 3: it says {:?}", hello.chars().take(40).collect::<String>())
        })?;
        if implementation != "CPython" {
            return Err(format!("`{name}` is {implementation}, which does not count references"));
        }
        if minor(&version).is_none_or(|minor| minor < OLDEST) {
            let (major, minor) = OLDEST;
            return Err(format!("`{name}` is CPython {version}; from {major}.{minor} on counts can be compared"));
        }
        if !counts_at_once {
            return Err(format!("`{name}` is a CPython without the global lock, which counts some references later"));
        }
        python.version = version;
        Ok(python)
    }

    /// Its version: `3.11.7`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Hands it a script of these statements. What is seen is to be [received](Self::receive) in the same order.
    ///
    /// # Errors
    /// A sentence, when it does not listen.
    pub fn send(&mut self, statements: &[Statement], collects: bool) -> Result<(), String> {
        let mut line = serde_json::to_string(&body(statements, collects)).expect("text is JSON");
        line.push('\n');
        let scripts = self.scripts.as_mut().expect("it is closed at the end only");
        scripts.write_all(line.as_bytes()).map_err(|error| format!("`{}` does not listen: {error}", self.name))
    }

    /// What was seen after each statement of the next script; or the exception that ended it.
    ///
    /// # Errors
    /// A sentence, when it does not answer.
    pub fn receive(&mut self) -> Result<Result<Vec<Observation>, Exception>, String> {
        if let Some(scripts) = &mut self.scripts {
            scripts.flush().map_err(|error| format!("`{}` does not listen: {error}", self.name))?;
        }
        let mut seen = Vec::new();
        loop {
            let line = self.line()?;
            let answer = serde_json::from_str(&line)
                .map_err(|error| format!("`{}` says what is not understood: {error}", self.name))?;
            match answer {
                Answer { error: Some(text), .. } => return Ok(Err(Exception { text, seen })),
                Answer { end: true, .. } => return Ok(Ok(seen)),
                Answer { counts, died, .. } => seen.push(Observation { counts: Some(counts), died }),
            }
        }
    }

    /// How it ended. It may have closed its output and live on; not for long.
    fn end(&mut self) -> std::io::Result<std::process::ExitStatus> {
        for _ in 0..100 {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        self.process.kill()?;
        self.process.wait()
    }

    fn line(&mut self) -> Result<String, String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(format!("`{}` cannot be read: {error}", self.name)),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("`{}` does not answer within {} s", self.name, PATIENCE.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(match self.end() {
                Ok(status) => format!("`{}` ended without an answer ({status})", self.name),
                Err(error) => format!("`{}` ended without an answer ({error})", self.name),
            }),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It ends when there are no more scripts; unless it hangs.
        drop(self.scripts.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Major and minor version.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// The statements as a script that runs by itself: `python3 FILE` prints what is seen after each.
#[must_use]
pub fn script(statements: &[Statement]) -> String {
    format!("{PRELUDE}\n{}", body(statements, true))
}

/// The statements, each followed by a look.
fn body(statements: &[Statement], collects: bool) -> String {
    let globals = globals(statements);
    let mut text = String::new();
    // Calls that are in progress: the line that calls, and its indentation.
    let mut calls: Vec<String> = Vec::new();
    let mut number = 0;
    for (statement, depth) in statements.iter().zip(depths(statements)) {
        let indent = "    ".repeat(depth);
        match statement {
            Statement::Call(arguments) => {
                number += 1;
                let parameters: Vec<_> = arguments.iter().map(|(name, _)| *name).collect();
                text.push_str(&format!("{indent}def call{number}({}):\n", parameters.join(", ")));
                if !globals.is_empty() {
                    text.push_str(&format!("{indent}    global {}\n", globals.join(", ")));
                }
                text.push_str(&format!("{indent}    step()\n"));
                let call = statement.text(For::Python).replacen("call", &format!("call{number}"), 1);
                calls.push(format!("{}{call}", indent));
            }
            Statement::Return => {
                let call = calls.pop().unwrap_or_default();
                let indent = &indent[..indent.len().saturating_sub(4)];
                text.push_str(&format!("{call}\n{indent}step()\n"));
            }
            Statement::Collect if !collects => text.push_str(&format!("{indent}step()\n")),
            _ => text.push_str(&format!("{indent}{}\n{indent}step()\n", statement.text(For::Python))),
        }
    }
    text
}

/// The names at the outside that are bound or deleted somewhere: in a function Python must be told.
fn globals(statements: &[Statement]) -> Vec<&'static str> {
    let mut names: Vec<_> = statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Bind(name, _) | Statement::Delete(name) if !super::world::is_local(name) => Some(*name),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::statement::{Expression, Operand};

    #[test]
    fn calls_are_functions_around_their_bodies() {
        let statements = [
            Statement::Bind("x", Expression::Thing),
            Statement::Call(vec![("p", Operand::Of("x"))]),
            Statement::Delete("x"),
            Statement::Call(vec![("p", Operand::Of("p"))]),
            Statement::Return,
            Statement::Return,
            Statement::Collect,
        ];
        let expected = "\
x = Thing()
step()
def call1(p):
    global x
    step()
    del x
    step()
    def call2(p):
        global x
        step()
    call2(p=p)
    step()
call1(p=x)
step()
gc.collect()
step()
";
        assert_eq!(body(&statements, true), expected);
        assert!(!body(&statements, false).contains("collect"));
        assert!(script(&statements).ends_with(expected));
    }

    #[test]
    fn versions() {
        assert_eq!(minor("3.13.0rc1"), Some((3, 13)));
        assert_eq!(minor("3"), None);
        assert_eq!(minor("three.one"), None);
    }
}
