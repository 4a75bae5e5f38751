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
    /// One of the six that the peers run as well.
    Classic(Workload),
    /// Names bound, rebound and dropped, as a Python program does.
    Names,
    /// The heap of a real program: the one that comes with this crate, or a file.
    Snapshot(Option<PathBuf>),
}

/// A program with everything in memory that can be known before the clock starts.
#[derive(Debug)]
pub enum Loaded {
    /// One of the six that the peers run as well; it makes its own input.
    Classic(Workload),
    /// Makes its own input.
    Names,
    /// The heap dump and what is to be done with it.
    Snapshot(Box<Replay>),
}

const NAMES: &str = "names";
const SNAPSHOT: &str = "snapshot";

impl Program {
    /// What `compare` runs.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let classics = Workload::ALL.into_iter().map(Self::Classic);
        classics.chain([Self::Names, Self::Snapshot(None)]).collect()
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
        match name {
            NAMES => Ok(Self::Names),
            SNAPSHOT => Ok(Self::Snapshot(None)),
            _ => names::find::<Workload>(name).map(Self::Classic).map_err(|_| {
                let mut valid: Vec<_> = Workload::ALL.iter().map(|workload| workload.name()).collect();
                valid.extend([NAMES, SNAPSHOT, "snapshot:FILE"]);
                names::unknown("workload", name, &valid)
            }),
        }
    }

    /// One line for `list`.
    #[must_use]
    pub fn about(&self) -> &'static str {
        match self {
            Self::Classic(Workload::BinaryTrees) => "short-lived trees beside a long-lived one",
            Self::Classic(Workload::GcBench) => "trees built top-down and bottom-up, a large array",
            Self::Classic(Workload::ListChurn) => "1,000 linked lists, one of them replaced again and again",
            Self::Classic(Workload::Rings) => "small cycles, one in a hundred kept",
            Self::Classic(Workload::GraphMutate) => "random writes into old objects, one in four to a new one",
            Self::Classic(Workload::DeepList) => "one list of millions of nodes: built, walked, dropped",
            Self::Names => "bind a name, rebind it, put it into containers, leave the scope",
            Self::Snapshot(None) => "the heap of a real Node program, rebuilt and mutated",
            Self::Snapshot(Some(_)) => "the heap of a real program, rebuilt and mutated",
        }
    }

    /// The checksum that the definition of the program promises, if it can be known.
    #[must_use]
    pub fn expected(&self, size: Size) -> Option<u64> {
        match self {
            Self::Classic(workload) => Some(workloads::expected(*workload, size).checksum),
            Self::Names => Some(workloads::names::expected(size)),
            Self::Snapshot(None) => Some(snapshot::CHECKSUM_OF_BUILTIN),
            Self::Snapshot(Some(_)) => None,
        }
    }

    /// The file that is read, if one is.
    #[must_use]
    pub fn input(&self) -> Option<&Path> {
        match self {
            Self::Snapshot(file) => file.as_deref(),
            Self::Classic(_) | Self::Names => None,
        }
    }

    /// Finds out whether the input can be read, if there is any to read.
    ///
    /// # Errors
    /// A sentence for the user: which snapshot, what is wrong with it, and where.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Classic(_) | Self::Names => Ok(()),
            Self::Snapshot(file) => read(file.as_deref()).map(drop),
        }
    }

    /// Reads the input, if there is any to read, and prepares what can be prepared.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn load(&self) -> Result<Loaded, String> {
        Ok(match self {
            Self::Classic(workload) => Loaded::Classic(*workload),
            Self::Names => Loaded::Names,
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
            Self::Classic(workload) => f.write_str(workload.name()),
            Self::Names => f.write_str(NAMES),
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
