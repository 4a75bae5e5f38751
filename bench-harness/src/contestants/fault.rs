//! Contestants that misbehave on purpose.
//!
//! A comparison must survive whatever a collector does: it may abort, run out of stack, never end, or compute something
//! else. Each way has a name that can be given to `--collectors` like a collector's; none is listed or run by default.
//! The tests of this crate use them, and anyone who wants to see what a crash looks like in the table can. What each
//! does is in `run::misbehave`.

use crate::text::names::Named;

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
