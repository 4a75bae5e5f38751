//! The peers by name, and what is known of them in advance.
//!
//! Every build knows the names, so that records of any build can be read; what runs behind them is compiled with the
//! feature `peers` only.

use crate::text::names::Named;
use crate::workloads::Workload;
use std::fmt;

/// One way to manage memory, to be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// bumpalo, an arena that is reset as a whole: a floor, not a competitor.
    Bump,
    /// `Box`, dropped by its own drop glue.
    Box,
    /// `Box`, with lists that are dropped by a loop.
    BoxLoop,
    /// `Rc`.
    Rc,
    /// gc-arena with its default, incremental pacing.
    GcArena,
    /// gc-arena with its stop-the-world pacing.
    GcArenaStw,
    /// The `gc` crate, also known as rust-gc.
    RustGc,
    /// boa_gc, the collector of the Boa engine.
    Boa,
    /// dumpster, single-threaded flavour.
    Dumpster,
    /// bacon_rajan_cc.
    BaconRajan,
}

impl Peer {
    /// Every peer, in the order in which results are shown.
    pub const ALL: [Peer; 10] = [
        Peer::Bump,
        Peer::Box,
        Peer::BoxLoop,
        Peer::Rc,
        Peer::GcArena,
        Peer::GcArenaStw,
        Peer::RustGc,
        Peer::Boa,
        Peer::Dumpster,
        Peer::BaconRajan,
    ];

    /// The name used on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Peer::Bump => "bump",
            Peer::Box => "box",
            Peer::BoxLoop => "box-loop",
            Peer::Rc => "rc",
            Peer::GcArena => "gc-arena",
            Peer::GcArenaStw => "gc-arena-stw",
            Peer::RustGc => "gc",
            Peer::Boa => "boa_gc",
            Peer::Dumpster => "dumpster",
            Peer::BaconRajan => "bacon_rajan_cc",
        }
    }

    /// One line on what it is.
    pub const fn about(self) -> &'static str {
        match self {
            Peer::Bump => "bumpalo arenas, reset as a whole; never collects: a floor",
            Peer::Box => "Box, freed by its drop glue",
            Peer::BoxLoop => "Box, with lists freed by a loop",
            Peer::Rc => "Rc; garbage cycles leak",
            Peer::GcArena => "gc-arena: incremental mark-sweep, default pacing",
            Peer::GcArenaStw => "gc-arena: the same, stop-the-world pacing",
            Peer::RustGc => "gc: mark-sweep with counted roots",
            Peer::Boa => "boa_gc: mark-sweep, roots found by counting",
            Peer::Dumpster => "dumpster: counting, cycles found by tracing",
            Peer::BaconRajan => "bacon_rajan_cc: counting with trial deletion",
        }
    }

    /// What is known in advance about this peer on this workload, for the reader of a result.
    pub const fn note(self, workload: Workload) -> Option<&'static str> {
        match (self, workload) {
            (Peer::Bump, Workload::GraphMutate) => Some("frees nothing before the end"),
            (Peer::Rc, Workload::Rings) => Some("leaks every ring"),
            (Peer::Rc, Workload::GraphMutate) => Some("leaks the graph when its array is dropped"),
            (Peer::Box | Peer::Rc, Workload::DeepList) => {
                Some("overflows the stack: drop glue recurses along the list")
            }
            (Peer::Dumpster, Workload::DeepList) => {
                Some("overflows the stack: dropping and tracing recurse along the list")
            }
            (Peer::RustGc | Peer::Dumpster, Workload::GraphMutate) => {
                Some("marks by recursion: overflows a stack of 1 MiB, not one of 8 MiB")
            }
            (Peer::BaconRajan, Workload::GraphMutate) => {
                Some("overflows the stack: trial deletion recurses through the graph")
            }
            (Peer::BaconRajan, Workload::DeepList) => Some("overflows the stack: dropping recurses along the list"),
            _ => None,
        }
    }

    /// Whether its version of this workload frees what is dead by hand, so that it is what memory management costs without
    /// a collector.
    pub const fn frees_by_hand(self, workload: Workload) -> bool {
        match self {
            Peer::Box | Peer::BoxLoop => true,
            Peer::Rc => !matches!(workload, Workload::Rings),
            _ => false,
        }
    }

    /// Whether the run is expected to overflow a stack of 8 MiB at [`Size::Classic`](crate::workloads::Size::Classic). [`Peer::note`] says why.
    pub const fn overflows(self, workload: Workload) -> bool {
        matches!(
            (self, workload),
            (Peer::Box | Peer::Rc | Peer::Dumpster | Peer::BaconRajan, Workload::DeepList)
                | (Peer::BaconRajan, Workload::GraphMutate)
        )
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Named for Peer {
    const KIND: &'static str = "peer";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::names::find;

    #[test]
    fn names_are_found_again() {
        for peer in Peer::ALL {
            assert_eq!(find(peer.name()), Ok(peer));
        }
    }

    #[test]
    fn whoever_overflows_says_so() {
        for peer in Peer::ALL {
            for workload in Workload::ALL {
                let says_so = peer.note(workload).is_some_and(|n| n.starts_with("overflows the stack"));
                assert_eq!(peer.overflows(workload), says_so, "{peer} in {workload}");
            }
        }
    }
}
