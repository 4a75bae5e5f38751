//! What can be wrong with a snapshot, each in one sentence that names the place.
//!
//! A place is a line and column of the JSON text (after decompression) where the text itself is wrong, and an array
//! and an index where the text is fine but a number is not: nobody finds the 3 000 000th integer by its column.

use super::source::Format;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file or stream is not a heap snapshot that can be replayed.
#[derive(Debug)]
pub enum SnapshotError {
    /// The file could not be opened.
    Open {
        /// The file asked for.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The path names a directory.
    Directory {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path names a pipe, a terminal or a device.
    NotAFile {
        /// The path asked for.
        path: PathBuf,
    },
    /// The system failed while the source was read.
    Read {
        /// How much text had been read, in bytes after decompression.
        byte: u64,
        /// What the system answered.
        source: io::Error,
    },
    /// The source begins like gzip but is damaged or cut off.
    Gzip {
        /// How much text had been decompressed, in bytes.
        byte: u64,
        /// What the decompressor found.
        source: io::Error,
    },
    /// The text, after decompression, is longer than allowed: a mistake or a gzip bomb.
    TooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// The gzip data grows as no snapshot does.
    Bomb {
        /// How much text had been decompressed, in bytes.
        byte: u64,
    },
    /// It is something else, which was recognised.
    Format(Format),
    /// There is not a single byte.
    Empty,
    /// The text ends before the JSON object does.
    Truncated {
        /// Where the text ends.
        place: Place,
    },
    /// The text is not JSON, or a JSON value of the wrong type stands at this place.
    Json {
        /// What is wrong.
        problem: String,
        /// Where.
        place: Place,
    },
    /// A heap dump of the Java machine is damaged or cut off.
    Hprof {
        /// How many bytes are in front of the place, after decompression.
        byte: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A part without which nothing can be interpreted is absent.
    Missing {
        /// The part, as a path of keys.
        what: &'static str,
    },
    /// A key that must be unique occurs twice.
    Duplicate {
        /// The part, as a path of keys.
        what: &'static str,
    },
    /// `snapshot.meta` describes rows that cannot be interpreted.
    Meta {
        /// What is wrong.
        problem: String,
    },
    /// An integer of a large array has a value that it cannot have.
    Value {
        /// The array, `nodes` or `edges`.
        array: &'static str,
        /// The position of the integer in the array.
        index: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Two numbers of the snapshot that must agree do not.
    Mismatch {
        /// Where one number comes from.
        claim: &'static str,
        /// That number.
        claimed: u64,
        /// What the array holds.
        found: u64,
        /// What is counted, in the plural.
        unit: &'static str,
    },
}

/// A place in the JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1; 0 before the first byte of a line.
    pub column: usize,
    /// The large array that was being read and the position of the integer in it.
    pub element: Option<(&'static str, u64)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        match self.element {
            Some((array, index)) => write!(f, ", in {array}[{index}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, source } => {
                write!(f, "cannot open the snapshot {}: {source}", path.display())
            }
            Self::Directory { path } => {
                write!(f, "{} is a directory, give the path of a .heapsnapshot file", path.display())
            }
            Self::NotAFile { path } => write!(
                f,
                "{} is a pipe or a device, which can be read only once, and every run reads the snapshot again: \
                 save it to a file and give that",
                path.display()
            ),
            Self::Read { byte, source } => {
                write!(f, "reading the snapshot failed after {byte} bytes: {source}")
            }
            Self::Gzip { byte, source } => {
                write!(f, "the gzip data is damaged or cut off after {byte} bytes of text: {source}")
            }
            Self::TooLong { limit } => {
                write!(f, "the snapshot's text is longer than the limit of {limit} bytes; --snapshot-limit allows more")
            }
            Self::Bomb { byte } => write!(
                f,
                "this is not a heap snapshot: the gzip data had grown more than a hundredfold after {byte} bytes of text"
            ),
            Self::Format(Format { name, advice }) => {
                write!(f, "this is {name}, not a heap snapshot that can be read: {advice}")
            }
            Self::Empty => f.write_str("the snapshot is empty (0 bytes)"),
            Self::Truncated { place } => {
                write!(f, "the snapshot is cut off: its text ends too early at {place}")
            }
            Self::Json { problem, place } => {
                write!(f, "this is not a heap snapshot: {problem} at {place}")
            }
            Self::Hprof { byte, problem } => {
                write!(f, "the heap dump of the Java machine (HPROF) is wrong at byte {byte}: {problem}")
            }
            Self::Missing { what } => write!(f, "the snapshot has no `{what}`"),
            Self::Duplicate { what } => write!(f, "the snapshot has `{what}` twice"),
            Self::Meta { problem } => write!(f, "the snapshot's meta data is unusable: {problem}"),
            Self::Value { array, index, problem } => {
                write!(f, "wrong value in {array}[{index}]: {problem}")
            }
            Self::Mismatch { claim, claimed, found, unit } => {
                write!(f, "{claim} promises {claimed} {unit}, but the snapshot holds {found}")
            }
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Read { source, .. } | Self::Gzip { source, .. } => Some(source),
            _ => None,
        }
    }
}
