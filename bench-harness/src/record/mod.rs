//! One invocation as a line of JSON.
//!
//! A record repeats everything needed to read it alone (which build, which machine), so that files of several sessions
//! can be concatenated, filtered line by line and compared. Every key is always present: what was not measured is
//! `null`, never 0 and never missing. The checksum is a string of hexadecimal digits, because a JSON number beyond 2^53
//! is silently rounded by half of the programs that read JSON.
//!
//! What was measured is kept whole: every pause's length is in a histogram, and when it was in a timeline, so that a
//! percentile or a utilisation nobody thought of can be had from the file years later. Which figures there are is a
//! list of its own ([`figures`]).
//!
//! The child fills in the [`Measurement`], its parent the rest: a child that crashes leaves no measurement, only its
//! status.
//!
//! **Versions.** A record names its [`FORMAT`]. New figures do not change it: who reads an older record finds them
//! absent, and who reads a newer one leaves them out. It rises when a key changes its meaning, and then older programs
//! refuse.

pub mod figures;
pub mod journal;
pub mod key;
pub mod reading;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::system::environment::Environment;
use key::Key;

pub use figures::{Figure, Measurement};

/// The format of the records that this program writes, and the newest that it reads. Records without one are of format
/// 1.
pub const FORMAT: u32 = 1;

/// One invocation: which, how it went, what it measured, where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    #[serde(default = "first_format")]
    pub format: u32,
    /// What ran, on what, and how.
    #[serde(flatten)]
    pub key: Key,
    /// Counts from 1; invocations with the same number ran next to each other.
    pub invocation: u32,
    /// How it went and what it measured.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// The version of the comparison program.
    pub version: String,
    /// The machine and the build.
    pub environment: Environment,
}

fn first_format() -> u32 {
    1
}

/// How an invocation went. In JSON its [`Display`](fmt::Display) form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Status {
    /// It finished and its result can be compared.
    #[default]
    Ok,
    /// The heap limit was too small for the program: a result, not a failure.
    OutOfMemory,
    /// This collector or peer cannot express the workload.
    Unsupported,
    /// It finished, but found its own heap wrong.
    Failed,
    /// It could not read its input, which was readable when the comparison began.
    NoInput,
    /// It was stopped because it took too long.
    Timeout,
    /// It ran out of stack.
    StackOverflow,
    /// The process ended in another way: the signal's name, `panic`, or its exit status.
    Crashed(String),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::OutOfMemory => f.write_str("out_of_memory"),
            Self::Unsupported => f.write_str("unsupported"),
            Self::Failed => f.write_str("failed"),
            Self::NoInput => f.write_str("no_input"),
            Self::Timeout => f.write_str("timeout"),
            Self::StackOverflow => f.write_str("stack_overflow"),
            Self::Crashed(how) => write!(f, "crashed: {how}"),
        }
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "ok" => Self::Ok,
            "out_of_memory" => Self::OutOfMemory,
            "unsupported" => Self::Unsupported,
            "failed" => Self::Failed,
            "no_input" => Self::NoInput,
            "timeout" => Self::Timeout,
            "stack_overflow" => Self::StackOverflow,
            other => match other.strip_prefix("crashed: ") {
                Some(how) => Self::Crashed(how.to_owned()),
                None => return Err(format!("`{other}` is not a status")),
            },
        })
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        status.to_string()
    }
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What a workload computed. In JSON sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Checksum(pub u64);

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

impl TryFrom<String> for Checksum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        u64::from_str_radix(&text, 16).map(Self).map_err(|_| format!("`{text}` is not a checksum"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::key::Setting;
    use super::*;
    use crate::contestants::meter::distribution::Distribution;
    use crate::contestants::{Contestant, Kind};
    use crate::workloads::program::Program;

    /// A successful record with plausible figures, for tests to vary. A contestant is a collector or fault, or a peer
    /// with its allocator as in `box/mimalloc`.
    pub(crate) fn sample(program: &str, contestant: &str, invocation: u32, wall_ms: f64) -> Record {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, positive")]
        let ns = |ms: f64| Some((ms * 1e6) as u64);
        let contestant = match contestant.split_once('/') {
            Some((peer, allocator)) => Contestant::of(Kind::Peer, peer, allocator),
            None => Contestant::from_name(contestant),
        };
        Record {
            format: FORMAT,
            key: Key {
                program: Program::from_name(program).unwrap(),
                contestant: contestant.unwrap(),
                setting: Setting::default(),
            },
            invocation,
            measurement: Measurement {
                status: Status::Ok,
                checksum: Some(Checksum(0x1234_5678_9abc_def0)),
                wall_ns: ns(wall_ms),
                cpu_ns: ns(wall_ms * 1.1),
                gc_ns: ns(wall_ms * 0.125),
                pause_count: Some(250),
                pause_p50_ns: ns(0.012),
                pause_p99_ns: ns(1.2),
                pause_p999_ns: ns(3.4),
                pause_p9999_ns: ns(5.6),
                pause_max_ns: ns(5.6),
                peak_heap_bytes: Some(123 << 20),
                live_bytes: Some(82 << 20),
                peak_rss_bytes: Some(131 << 20),
                allocated_bytes: Some(1 << 30),
                allocated_objects: Some(67_000_000),
                collections: Some(250),
                leaked_objects: Some(0),
                pause_histogram: Some(Distribution::new([(12_000, 247), (1_200_000, 2), (5_600_000, 1)])),
                ..Measurement::default()
            },
            version: "0.1.0".to_owned(),
            environment: Environment::default(),
        }
    }

    #[test]
    fn a_record_survives_json() {
        let mut record = sample("rings", "marksweep", 3, 1234.5);
        record.key.setting.heap_limit = Some(64 << 20);
        let line = serde_json::to_string(&record).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
    }

    #[test]
    fn every_key_is_present_even_when_nothing_was_measured() {
        let mut record = sample("rings", "marksweep", 1, 1.0);
        record.measurement = Measurement { status: Status::Crashed("SIGSEGV".to_owned()), ..Default::default() };
        let value = serde_json::to_value(&record).unwrap();
        for key in [
            "workload",
            "collector",
            "invocation",
            "status",
            "checksum",
            "pause_histogram",
            "latency_histogram",
            "timeline",
            "allocator",
            "size",
            "heap_limit",
            "version",
            "environment",
            "format",
        ]
        .into_iter()
        .chain(Figure::all().iter().filter(|figure| figure.is_measured).map(|figure| figure.key))
        {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert_eq!(value["status"], "crashed: SIGSEGV");
        assert!(value["wall_ns"].is_null());
    }

    #[test]
    fn statuses_survive_text() {
        for status in [
            Status::Ok,
            Status::OutOfMemory,
            Status::Unsupported,
            Status::Failed,
            Status::NoInput,
            Status::Timeout,
            Status::StackOverflow,
            Status::Crashed("SIGSEGV".to_owned()),
            Status::Crashed("exit status 3".to_owned()),
        ] {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        assert!("fine".parse::<Status>().is_err());
    }

    #[test]
    fn checksums_keep_all_64_bits() {
        let json = serde_json::to_string(&Checksum(u64::MAX)).unwrap();
        assert_eq!(json, "\"ffffffffffffffff\"");
        assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), Checksum(u64::MAX));
    }
}
