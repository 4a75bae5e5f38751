//! What can be run: the programs written for the comparison, and heaps of real programs.
//!
//! A program is named on the command line as in records: `rings`, `snapshot` for the heap dump that comes with this
//! crate, `snapshot:FILE` for a dump of your own. Loading is a step of its own, before the clock starts.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::snapshot::{self, Replay, SnapshotError, SnapshotGraph};
use crate::text::names;
use crate::workloads::{self, Size, Workload};

/// A program, not yet loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// One that makes its own input.
    Workload(Workload),
    /// The heap of a real program: the one that comes with this crate, or a file.
    Snapshot(Option<PathBuf>),
}

/// A program with everything in memory that can be known before the clock starts.
#[derive(Debug)]
pub enum Loaded {
    /// One that makes its own input.
    Workload(Workload),
    /// The heap dump and what is to be done with it.
    Snapshot(Box<Replay>),
}

const SNAPSHOT: &str = "snapshot";

impl Program {
    /// Every program that is always at hand.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Workload::ALL.into_iter().map(Self::Workload).chain([Self::Snapshot(None)]).collect()
    }

    /// The program of that name.
    ///
    /// # Errors
    /// A sentence for the user that lists the names.
    pub fn from_name(name: &str) -> Result<Self, String> {
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
        names::find::<Workload>(name).map(Self::Workload).map_err(|_| {
            let mut valid: Vec<_> = Workload::ALL.iter().map(|workload| workload.name()).collect();
            valid.extend([SNAPSHOT, "snapshot:FILE"]);
            names::unknown("workload", name, &valid)
        })
    }

    /// One line for `list`.
    #[must_use]
    pub fn about(&self) -> &'static str {
        match self {
            Self::Workload(workload) => workload.about(),
            Self::Snapshot(None) => "the heap of a real Node program, rebuilt and mutated",
            Self::Snapshot(Some(_)) => "the heap of a real program, rebuilt and mutated",
        }
    }

    /// Whether peers run it.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        match self {
            Self::Workload(workload) => workload.has_peers(),
            Self::Snapshot(_) => false,
        }
    }

    /// The checksum that the definition of the program promises, if it can be known.
    #[must_use]
    pub fn expected(&self, size: Size) -> Option<u64> {
        match self {
            Self::Workload(workload) => Some(workloads::expected(*workload, size).checksum),
            Self::Snapshot(None) => Some(snapshot::CHECKSUM_OF_BUILTIN),
            Self::Snapshot(Some(_)) => None,
        }
    }

    /// The file that is read, if one is.
    #[must_use]
    pub fn input(&self) -> Option<&Path> {
        match self {
            Self::Snapshot(file) => file.as_deref(),
            Self::Workload(_) => None,
        }
    }

    /// Finds out whether the input can be read, if there is any to read.
    ///
    /// # Errors
    /// A sentence for the user: which snapshot, what is wrong with it, and where.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Workload(_) => Ok(()),
            Self::Snapshot(file) => read(file.as_deref()).map(drop),
        }
    }

    /// Reads the input, if there is any to read, and prepares what can be prepared.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn load(&self) -> Result<Loaded, String> {
        Ok(match self {
            Self::Workload(workload) => Loaded::Workload(*workload),
            Self::Snapshot(file) => Loaded::Snapshot(Box::new(Replay::prepare(&read(file.as_deref())?))),
        })
    }
}

/// Reads a heap dump, the built-in one without a file.
fn read(file: Option<&Path>) -> Result<SnapshotGraph, String> {
    let Some(path) = file else { return snapshot::read(snapshot::builtin()).map_err(|error| error.to_string()) };
    snapshot::read_path(path).map_err(|error| match error {
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
    fn unknown_names_list_all() {
        for name in ["ring", "", "snapshots", "snapshot:"] {
            let sentence = Program::from_name(name).unwrap_err();
            assert!(sentence.contains("snapshot:FILE"), "{name}: {sentence}");
        }
        assert!(Program::from_name("ring").unwrap_err().contains("did you mean `rings`"));
    }
}
