//! Contestants that misbehave on purpose.
//!
//! A comparison must survive whatever a collector does: it may abort, run out of stack, never end, or compute something
//! else. Each way has a name that can be given to `--collectors` like a collector's; none is listed or run by default.
//! The tests of this crate use them, and anyone who wants to see what a crash looks like in the table can.

use std::time::Duration;

use crate::names::Named;
use crate::record::{Checksum, Measurement, Status};

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: does nothing and reports success, to have something to compare with.
    Nothing,
    /// Ends the process as a failed assertion in C would.
    Abort,
    /// Touches memory that is not there, as far as the system can tell.
    Segfault,
    /// Recurses without end.
    Overflow,
    /// Panics.
    Panic,
    /// Leaves with an exit status of its own.
    Exit,
    /// Leaves successfully without saying anything.
    Silence,
    /// Never ends.
    Hang,
    /// Floods both output streams.
    Noise,
    /// Computes something else each time.
    Disagree,
    /// Reports that its heap limit was too small.
    OutOfMemory,
    /// Finds its own heap wrong.
    Wrong,
}

impl Fault {
    /// Misbehaves. Returns only for the faults that still report something.
    #[must_use]
    pub fn commit(self) -> Measurement {
        let ok = Measurement { checksum: Some(Checksum(0)), wall_ns: Some(1_000_000), ..Measurement::default() };
        match self {
            Self::Nothing => ok,
            Self::Abort => std::process::abort(),
            Self::Segfault => segfault(),
            Self::Overflow => {
                let depth = recurse(1);
                Measurement { checksum: Some(Checksum(depth)), ..ok }
            }
            Self::Panic => panic!("a panic on purpose"),
            Self::Exit => std::process::exit(3),
            Self::Silence => std::process::exit(0),
            Self::Hang => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            Self::Noise => {
                let line = "noise ".repeat(1000);
                for _ in 0..1000 {
                    eprintln!("{line}");
                    println!("{line}");
                }
                ok
            }
            Self::Disagree => Measurement { checksum: Some(Checksum(std::process::id().into())), ..ok },
            Self::OutOfMemory => Measurement {
                status: Status::OutOfMemory,
                message: Some("the heap is full, on purpose".to_owned()),
                ..Measurement::default()
            },
            Self::Wrong => Measurement {
                status: Status::Failed,
                message: Some("an object is missing, on purpose".to_owned()),
                ..Measurement::default()
            },
        }
    }
}

#[expect(unconditional_recursion, reason = "that is its purpose")]
fn recurse(depth: u64) -> u64 {
    // The array keeps the optimiser from turning this into a loop.
    let frame = std::hint::black_box([depth; 64]);
    recurse(frame[0] + 1) + std::hint::black_box(frame)[63]
}

/// Ends the process by the signal of a bad memory access, without one.
fn segfault() -> ! {
    #[cfg(unix)]
    for _ in 0..2 {
        // The first signal meets the handler of Rust's runtime, which finds no overflowed stack and removes itself.
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::SEGV);
    }
    std::process::abort()
}

impl Named for Fault {
    const KIND: &'static str = "fault";

    fn all() -> Vec<Self> {
        vec![
            Self::Nothing,
            Self::Abort,
            Self::Segfault,
            Self::Overflow,
            Self::Panic,
            Self::Exit,
            Self::Silence,
            Self::Hang,
            Self::Noise,
            Self::Disagree,
            Self::OutOfMemory,
            Self::Wrong,
        ]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "fault-nothing",
            Self::Abort => "fault-abort",
            Self::Segfault => "fault-segfault",
            Self::Overflow => "fault-overflow",
            Self::Panic => "fault-panic",
            Self::Exit => "fault-exit",
            Self::Silence => "fault-silence",
            Self::Hang => "fault-hang",
            Self::Noise => "fault-noise",
            Self::Disagree => "fault-disagree",
            Self::OutOfMemory => "fault-out-of-memory",
            Self::Wrong => "fault-wrong",
        }
    }
}
