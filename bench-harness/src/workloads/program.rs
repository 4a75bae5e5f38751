//! What can be run: the programs written for the comparison, and heaps of real programs.
//!
//! A program is named on the command line as in records: `rings`, `snapshot` for the heap dump that comes with this
//! crate, `snapshot:FILE` for a dump of your own. Loading is a step of its own, before the clock starts.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::recording::{MAGIC, Trace, is_trace};
use crate::snapshot::{self, Replay, SnapshotError, SnapshotGraph};
use crate::text::names::{self, Named};
use crate::workloads::command::CommandLine;
use crate::workloads::foreign::{self, Foreign};
use crate::workloads::set::{self, Set};
use crate::workloads::{self, Ready, Size, Workload};

/// A program, not yet loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// One that makes its own input.
    Workload(Workload),
    /// The heap of a real program: the one that comes with this crate, or a file.
    Snapshot(Option<PathBuf>),
    /// One of another crate.
    Foreign(Foreign),
    /// A program that is not ours, which is a process of its own.
    Command(CommandLine),
}

/// A program with everything in memory that can be known before the clock starts.
#[derive(Debug)]
pub enum Loaded {
    /// One that makes its own input, which it now has.
    Workload(Ready),
    /// The heap dump and what is to be done with it.
    Snapshot(Box<Replay>),
    /// What a recorder wrote.
    Trace(Box<Trace>),
    /// One of another crate.
    Foreign(Foreign, Size),
}

const SNAPSHOT: &str = "snapshot";

/// What stands in a record in front of the command line of a program that is not ours.
const EXEC: &str = "exec ";

/// Everything but what is held out.
const ALL: &str = "all";

/// What `compare` runs unless it is told otherwise.
pub const TELLING: &str = "telling";

impl Program {
    /// Every program that is always at hand.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Workload::ALL.into_iter().map(Self::Workload).chain([Self::Snapshot(None)]).chain(Self::foreign()).collect()
    }

    /// Those of other crates.
    pub fn foreign() -> impl Iterator<Item = Self> {
        foreign::all().iter().copied().map(Self::Foreign)
    }

    /// The program that a record names. Another program than this one may have written it, with workloads of its own.
    #[must_use]
    pub fn of_record(name: &str) -> Self {
        if let Some(line) = name.strip_prefix(EXEC).and_then(CommandLine::from_text) {
            return Self::Command(line);
        }
        Self::from_name(name).unwrap_or_else(|_| Self::Foreign(Foreign::of_record(name)))
    }

    /// The program of that name.
    ///
    /// # Errors
    /// A sentence for the user that lists the names.
    pub fn from_name(name: &str) -> Result<Self, String> {
        Self::from_name_or(name, &[])
    }

    /// As [`from_name`](Self::from_name), where the sentence also lists other names that can stand in this place.
    ///
    /// # Errors
    /// The sentence.
    fn from_name_or(name: &str, others: &[&'static str]) -> Result<Self, String> {
        if let Some(file) = name.strip_prefix("snapshot:") {
            if file.is_empty() {
                return Err(
                    "`snapshot:` needs a file: snapshot:FILE, or snapshot alone for the built-in one".to_owned()
                );
            }
            return Ok(Self::Snapshot(Some(file.into())));
        }
        if name == SNAPSHOT {
            return Ok(Self::Snapshot(None));
        }
        if let Some(foreign) = foreign::all().iter().find(|foreign| foreign.name == name) {
            return Ok(Self::Foreign(*foreign));
        }
        names::find::<Workload>(name).map(Self::Workload).map_err(|_| {
            let mut valid: Vec<_> = Workload::ALL.iter().map(|workload| workload.name()).collect();
            valid.extend([SNAPSHOT, "snapshot:FILE"]);
            valid.extend(foreign::all().iter().map(|foreign| foreign.name));
            valid.extend(others);
            names::unknown("workload", name, &valid)
        })
    }

    /// The programs that a name stands for: itself, or a set.
    ///
    /// # Errors
    /// A sentence for the user that lists the names.
    pub fn named(name: &str) -> Result<Vec<Self>, String> {
        let programs =
            |workloads: &mut dyn Iterator<Item = Workload>| workloads.map(Self::Workload).collect::<Vec<_>>();
        let with_snapshot = |mut programs: Vec<Self>| {
            programs.push(Self::Snapshot(None));
            programs.extend(Self::foreign());
            programs
        };
        match name {
            ALL => Ok(with_snapshot(programs(&mut Workload::ALL.into_iter().filter(|w| w.set() != Set::HeldOut)))),
            TELLING => Ok(with_snapshot(programs(&mut set::TELLING.into_iter()))),
            _ => match Set::all().into_iter().find(|set| set.name() == name) {
                Some(set) => Ok(programs(&mut set.workloads())),
                None => {
                    let sets = Set::all().into_iter().map(Named::name);
                    let others: Vec<_> = [ALL, TELLING].into_iter().chain(sets).collect();
                    Self::from_name_or(name, &others).map(|program| vec![program])
                }
            },
        }
    }

    /// One line for `list`.
    #[must_use]
    pub fn about(&self) -> &'static str {
        match self {
            Self::Workload(workload) => workload.about(),
            Self::Snapshot(None) => "the heap of a real Node program, rebuilt and mutated",
            Self::Snapshot(Some(_)) => "the heap of a real program, rebuilt and mutated",
            Self::Foreign(foreign) => foreign.about,
            Self::Command(_) => "a program that is not ours",
        }
    }

    /// Whether peers run it.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        match self {
            Self::Workload(workload) => workload.has_peers(),
            Self::Snapshot(_) | Self::Foreign(_) | Self::Command(_) => false,
        }
    }

    /// The checksum that the definition of the program promises, if it can be known.
    #[must_use]
    pub fn expected(&self, size: Size) -> Option<u64> {
        match self {
            Self::Workload(workload) => Some(workloads::expected(*workload, size).checksum),
            Self::Snapshot(None) => Some(snapshot::CHECKSUM_OF_BUILTIN),
            Self::Snapshot(Some(_)) | Self::Foreign(_) | Self::Command(_) => None,
        }
    }

    /// The file that is read, if one is.
    #[must_use]
    pub fn input(&self) -> Option<&Path> {
        match self {
            Self::Snapshot(file) => file.as_deref(),
            Self::Workload(_) | Self::Foreign(_) | Self::Command(_) => None,
        }
    }

    /// The file that must be there: the one that is read, or the program's own.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Command(line) => Some(Path::new(line.program())),
            program => program.input(),
        }
    }

    /// The same program, its file named so that another process finds it too: `/dev/stdin` names a file only for who
    /// has it open.
    #[must_use]
    pub fn for_other_processes(self) -> Self {
        match self {
            Self::Snapshot(Some(path)) if path.starts_with("/dev") || path.starts_with("/proc") => {
                let real = std::fs::canonicalize(&path).ok().filter(|real| real.is_file());
                Self::Snapshot(Some(real.unwrap_or(path)))
            }
            program => program,
        }
    }

    /// Reads the input, if there is a heap dump to read, with at most so many bytes of text.
    ///
    /// # Errors
    /// A sentence for the user: which snapshot, what is wrong with it, and where.
    pub fn graph(&self, text_limit: u64) -> Result<Option<SnapshotGraph>, String> {
        match self {
            Self::Workload(_) | Self::Foreign(_) | Self::Command(_) => Ok(None),
            Self::Snapshot(file) => read(file.as_deref(), text_limit).map(Some),
        }
    }

    /// Reads the input, if there is a heap dump or a trace to read, and prepares its replay.
    ///
    /// # Errors
    /// As for [`graph`](Self::graph).
    pub fn input_read(&self, text_limit: u64) -> Result<Option<Loaded>, String> {
        match self {
            Self::Workload(_) | Self::Foreign(_) | Self::Command(_) => Ok(None),
            Self::Snapshot(file) => read_input(file.as_deref(), text_limit).map(Some),
        }
    }

    /// Makes or reads the input.
    ///
    /// # Errors
    /// As for [`graph`](Self::graph).
    pub fn load(&self, size: Size, text_limit: u64) -> Result<Loaded, String> {
        Ok(match self {
            Self::Workload(workload) => Loaded::Workload(Ready::new(*workload, size)),
            Self::Foreign(foreign) => Loaded::Foreign(*foreign, size),
            Self::Command(_) => return Err("a program that is not ours runs in a process of its own".to_owned()),
            Self::Snapshot(file) => return read_input(file.as_deref(), text_limit),
        })
    }
}

impl Loaded {
    /// Reads a heap dump or a trace that was prepared by another process.
    ///
    /// # Errors
    /// What the system answers; and if it is none.
    pub fn read(prepared: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; MAGIC.len()];
        prepared.read_exact(&mut head)?;
        let mut whole = head.chain(prepared);
        if head == *MAGIC {
            return Trace::read(&mut whole, u64::MAX).map(Box::new).map(Self::Trace).map_err(io::Error::other);
        }
        Replay::read(&mut whole).map(Box::new).map(Self::Snapshot)
    }

    /// Writes what [`read`](Self::read) reads; nothing for a program that makes its own input.
    ///
    /// # Errors
    /// What the system answers.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Snapshot(replay) => replay.write(out),
            Self::Trace(trace) => out.write_all(trace.bytes()).and_then(|()| out.flush()),
            Self::Workload(_) | Self::Foreign(..) => Ok(()),
        }
    }

    /// The same, doing so much more of its own work, in percent.
    ///
    /// # Errors
    /// A sentence, when it is a program that cannot.
    pub fn with_extra(self, percent: u32) -> Result<Self, String> {
        match self {
            _ if percent == 0 => Ok(self),
            Self::Workload(ready) => ready.with_extra(percent).map(Self::Workload),
            Self::Snapshot(_) | Self::Trace(_) | Self::Foreign(..) => {
                Err("only workloads can be told to do more".to_owned())
            }
        }
    }

    /// The most bytes that are alive at once, in objects with their headers, if that is known. May take a while.
    #[must_use]
    pub fn live_bytes(&self) -> Option<u64> {
        match self {
            Self::Workload(ready) => Some(ready.workload.live_bytes(ready.size)),
            Self::Snapshot(replay) => Some(replay.live_bytes()),
            Self::Trace(trace) => Some(trace.live_bytes()),
            Self::Foreign(..) => None,
        }
    }
}

/// Reads a heap dump or a trace: which of the two, the file says.
fn read_input(file: Option<&Path>, limit: u64) -> Result<Loaded, String> {
    if let Some(path) = file.filter(|path| is_trace(path)) {
        let trace = File::open(path).map_err(|error| error.to_string());
        let trace = trace.and_then(|mut open| Trace::read(&mut open, limit).map_err(|error| error.to_string()));
        let trace = trace.map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(Loaded::Trace(Box::new(trace)));
    }
    Ok(Loaded::Snapshot(Box::new(Replay::prepare(read(file, limit)?))))
}

/// Reads a heap dump, the built-in one without a file.
fn read(file: Option<&Path>, text_limit: u64) -> Result<SnapshotGraph, String> {
    let Some(path) = file else { return snapshot::read(snapshot::builtin()).map_err(|error| error.to_string()) };
    snapshot::read_path(path, text_limit).map_err(|error| match error {
        SnapshotError::Open { .. } | SnapshotError::Directory { .. } | SnapshotError::NotAFile { .. } => {
            error.to_string()
        }
        // A place in a file is worth little when several were given.
        _ => format!("{}: {error}", path.display()),
    })
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(workload) => f.write_str(workload.name()),
            Self::Foreign(foreign) => f.write_str(foreign.name),
            Self::Command(line) => write!(f, "{EXEC}{line}"),
            Self::Snapshot(None) => f.write_str(SNAPSHOT),
            Self::Snapshot(Some(path)) => write!(f, "snapshot:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_programs() {
        for program in Program::all() {
            assert_eq!(Program::from_name(&program.to_string()), Ok(program));
        }
        let file = Program::Snapshot(Some("a/b.heapsnapshot".into()));
        assert_eq!(Program::from_name("snapshot:a/b.heapsnapshot"), Ok(file));
    }

    #[test]
    fn sets_are_names_too() {
        let held_out: Vec<_> = Set::HeldOut.workloads().map(Program::Workload).collect();
        assert_eq!(Program::named("held-out"), Ok(held_out.clone()));
        let all = Program::named("all").unwrap();
        assert_eq!(all.len() + held_out.len(), Program::all().len());
        assert!(!all.iter().any(|program| held_out.contains(program)));
        assert!(Program::named("telling").unwrap().iter().all(|program| all.contains(program)));
        assert_eq!(Program::named("rings").unwrap().len(), 1);
        for (typed, meant) in [("heldout", "held-out"), ("al", "all"), ("size-mix", "size_mix"), ("json", "json_dom")] {
            let sentence = Program::named(typed).unwrap_err();
            assert!(sentence.contains(&format!("did you mean `{meant}`")), "{typed}: {sentence}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_only_this_process_has_open_gets_its_name() {
        use std::os::fd::AsRawFd;
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = std::fs::File::open(file.path()).unwrap();
        let program = Program::Snapshot(Some(format!("/dev/fd/{}", open.as_raw_fd()).into()));
        let real = std::fs::canonicalize(file.path()).unwrap();
        assert_eq!(program.for_other_processes(), Program::Snapshot(Some(real)));
        let device = Program::Snapshot(Some("/dev/null".into()));
        assert_eq!(device.clone().for_other_processes(), device);
    }

    #[test]
    fn unknown_names_list_all() {
        for name in ["ring", "", "snapshots", "snapshot:"] {
            let sentence = Program::from_name(name).unwrap_err();
            assert!(sentence.contains("snapshot:FILE"), "{name}: {sentence}");
        }
        assert!(Program::from_name("ring").unwrap_err().contains("did you mean `rings`"));
    }
}
