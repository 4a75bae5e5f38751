//! Which workloads belong together, and why.
//!
//! - The **classic** ones are known from elsewhere: results can be compared with other systems'.
//! - The **general** ones are what programs do that the classic six do not: mixed sizes and ages, weak pointers, handles,
//!   large live heaps, memory outside, queues. The bars for "every program, not six" are measured here.
//! - The **held-out** ones are of the same kinds, and nobody tunes on them: they run when a change is finished, to see
//!   whether it helped programs or only benchmarks. `all` leaves them out, so that they are not looked at by habit. One
//!   that a change was tuned on is general from then on, and another of its kind takes its place: `large_buffers` and
//!   `weak_nodes` were held out until what dies beside weak pointers, and when memory goes back, was tuned on them.
//!
//! `telling` is the subset that `compare` runs by default, in about a minute: one program for each way in which the
//! collectors differ.

use super::Workload;
use crate::text::names::Named;

/// A set of workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Known from elsewhere.
    Classic,
    /// What else programs do.
    General,
    /// To check with, never to tune on.
    HeldOut,
}

/// The subset that says most in a minute.
pub const TELLING: [Workload; 9] = [
    Workload::BinaryTrees,
    Workload::ListChurn,
    Workload::Rings,
    Workload::GraphMutate,
    Workload::Names,
    Workload::Queue,
    Workload::SizeMix,
    Workload::Interleaved,
    Workload::WeakRing,
];

impl Set {
    /// The workloads that belong to it.
    pub fn workloads(self) -> impl Iterator<Item = Workload> {
        Workload::ALL.into_iter().filter(move |workload| workload.set() == self)
    }
}

impl Named for Set {
    const KIND: &'static str = "set of workloads";

    fn all() -> Vec<Self> {
        vec![Self::Classic, Self::General, Self::HeldOut]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::General => "general",
            Self::HeldOut => "held-out",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_programs_are_held_out_and_not_telling() {
        assert!(Set::HeldOut.workloads().count() >= 4);
        assert!(TELLING.iter().all(|workload| workload.set() != Set::HeldOut));
    }
}
