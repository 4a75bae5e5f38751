//! The form of a trace: a row of small numbers.
//!
//! A file begins with [`MAGIC`], which ends with the version. Then every operation is a number of variable length
//! (seven bits a byte, lowest first, as in LEB128) whose lowest three bits say what it is:
//!
//! | bits | operation | the rest of the number | then |
//! |---|---|---|---|
//! | 0 | an object that is dead at the end of this `mutate` | words of its payload | |
//! | 1 | an object without references | words | |
//! | 2 | an object with references | words | |
//! | 3 | the same, which also owns memory outside the heap, in which there may be references | words | |
//! | 4 | the slots that follow are those of an object | its number less that of the one before, zigzag | |
//! | 5 | a slot holds something else now | slots between it and the one before | what: 0, or a number |
//! | 6 | the slots that follow are the references outside, of the same object | how many there are now | |
//! | 7 | see [`Control`] | which | |
//!
//! What a slot holds is written as the difference to the object that has it, zigzag, plus one: neighbours in time are
//! neighbours in numbers, so most take one byte. Objects of kinds 1 to 3 are numbered from 0 in the order in which they
//! are written; numbers of dead ones are used again, the last one first. Operations of a `mutate` stand in this order:
//! objects made, slots, roots, the end.

use std::fmt;
use std::io::Read;

/// In front of everything. The digit is the version.
pub const MAGIC: &[u8; 13] = b"heap trace 1\n";

/// Whether a file begins as a trace does, of whatever version.
#[must_use]
pub fn is_trace(path: &std::path::Path) -> bool {
    // Without the version: another one is a trace too. A pipe has no beginning that can be looked at.
    let mut head = [0; MAGIC.len() - 2];
    path.is_file()
        && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && MAGIC.starts_with(&head)
}

/// No object.
pub(super) const NONE: u32 = u32::MAX;

/// No object has so many words: 64 TiB.
pub(super) const MOST_WORDS: u64 = 1 << 43;

pub(super) const DEAD_SOON: u64 = 0;
pub(super) const PLAIN: u64 = 1;
pub(super) const LINKED: u64 = 2;
pub(super) const OWNER: u64 = 3;
pub(super) const OBJECT: u64 = 4;
pub(super) const SLOT: u64 = 5;
pub(super) const OUTSIDE: u64 = 6;
pub(super) const CONTROL: u64 = 7;

/// Operations without an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// A `mutate` ends.
    End = 0,
    /// The program asked for a collection of young objects.
    Minor = 1,
    /// The program asked for a full collection.
    Full = 2,
    /// Objects were found dead: how many, then their numbers, ascending, as differences.
    Dead = 3,
    /// The slots that follow are roots.
    Roots = 4,
    /// The trace ends: the sums that follow must be right.
    Last = 5,
}

impl Control {
    pub(super) const ALL: [Self; 6] = [Self::End, Self::Minor, Self::Full, Self::Dead, Self::Roots, Self::Last];
}

pub(super) fn zigzag(difference: i64) -> u64 {
    (difference << 1 ^ difference >> 63) as u64
}

pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

pub(super) fn put(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// What a slot of `owner` holds.
pub(super) fn put_target(target: u32, owner: u32, into: &mut Vec<u8>) {
    put(if target == NONE { 0 } else { zigzag(i64::from(target) - i64::from(owner)) + 1 }, into);
}

/// Numbers of objects, given in the same order by who writes and who reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    free: Vec<u32>,
    next: u32,
}

impl Numbers {
    pub(crate) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    pub(crate) fn give_back(&mut self, number: u32) {
        self.free.push(number);
    }

    /// One more than the largest number that was ever given.
    pub(super) fn most(&self) -> u32 {
        self.next
    }
}

/// Why a file is not a trace that can be replayed.
#[derive(Debug)]
pub enum TraceError {
    /// The system failed while it was read.
    Read {
        /// What the system answered.
        source: std::io::Error,
    },
    /// It is another file, or of another version.
    Other {
        /// What it is.
        problem: String,
    },
    /// It is longer than allowed.
    TooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// It is damaged or cut off.
    Wrong {
        /// How many bytes are in front of the place.
        byte: usize,
        /// What is wrong there.
        problem: String,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { source } => write!(f, "reading the trace failed: {source}"),
            Self::Other { problem } => f.write_str(problem),
            Self::TooLong { limit } => {
                write!(f, "the trace is longer than the limit of {limit} bytes; --snapshot-limit allows more")
            }
            Self::Wrong { byte, problem } => write!(f, "the trace is wrong at byte {byte}: {problem}"),
        }
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_both_signs() {
        for difference in [0, 1, -1, 63, -64, i64::from(u32::MAX), -i64::from(u32::MAX)] {
            assert_eq!(unzigzag(zigzag(difference)), difference);
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }
}
