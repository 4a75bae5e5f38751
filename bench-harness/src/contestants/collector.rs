//! The collectors that the comparison knows, by name.
//!
//! One collector crate can appear more than once: pure counting and counting with cycle collection are two answers to
//! the same question, and so are marking in one pause and marking in increments. What a name means for the heap, which
//! constructor with which options, is decided in [`workloads`](crate::workloads), the only place that touches a heap.

use crate::text::names::Named;

/// A collector and its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collector {
    /// Allocates and never frees: the baseline of the method.
    NoGc,
    /// Deferred, coalescing counting; garbage cycles stay.
    Refcount,
    /// The same counting, and cycles are collected.
    RefcountCycles,
    /// Non-moving mark-region; marking stops the program.
    MarkSweep,
    /// Non-moving mark-region; marking in bounded steps at safepoints.
    MarkSweepIncremental,
    /// Copying nursery over a mark-region old space.
    Generational,
}

impl Collector {
    /// All of them, in the order in which they are listed and run.
    pub const ALL: [Self; 6] = [
        Self::NoGc,
        Self::Refcount,
        Self::RefcountCycles,
        Self::MarkSweep,
        Self::MarkSweepIncremental,
        Self::Generational,
    ];

    /// One line for `list`.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::NoGc => "allocates and never frees: the baseline",
            Self::Refcount => "deferred, coalescing reference counting; garbage cycles leak",
            Self::RefcountCycles => "the same counting, with cycle collection",
            Self::MarkSweep => "mark-region, lazy sweep, marking in one pause",
            Self::MarkSweepIncremental => "mark-region, lazy sweep, marking in bounded steps",
            Self::Generational => "copying nursery, mark-region old space, parallel marking",
        }
    }

    /// Whether it reclaims anything: `nogc` is a floor, not a contestant.
    #[must_use]
    pub fn reclaims(self) -> bool {
        self != Self::NoGc
    }

    /// Whether garbage that refers to itself is expected to stay for ever. Reported, never an error.
    #[must_use]
    pub fn leaks_cycles(self) -> bool {
        matches!(self, Self::NoGc | Self::Refcount)
    }
}

impl Named for Collector {
    const KIND: &'static str = "collector";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        match self {
            Self::NoGc => "nogc",
            Self::Refcount => "refcount",
            Self::RefcountCycles => "refcount-cycles",
            Self::MarkSweep => "marksweep",
            Self::MarkSweepIncremental => "marksweep-incremental",
            Self::Generational => "generational",
        }
    }
}
