//! The `malloc` of a process, by name.

use crate::text::names::Named;

/// The environment variable that names the allocator of a process built with the feature `peers`.
pub const VARIABLE: &str = "BENCH_ALLOCATOR";

/// What [`VARIABLE`] can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Allocator {
    /// The allocator of the system: malloc.
    System = 1,
    /// mimalloc, as its Rust crate builds it by default.
    MiMalloc = 2,
}

impl Allocator {
    /// Both, the default first.
    pub const ALL: [Allocator; 2] = [Allocator::System, Allocator::MiMalloc];

    /// The value of [`VARIABLE`] that chooses it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Allocator::System => "system",
            Allocator::MiMalloc => "mimalloc",
        }
    }

    /// The one that this process uses.
    #[must_use]
    pub fn of_this_process() -> Self {
        #[cfg(feature = "peers")]
        {
            super::peers::alloc::of_this_process()
        }
        #[cfg(not(feature = "peers"))]
        Self::System
    }
}

impl Named for Allocator {
    const KIND: &'static str = "allocator";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        self.name()
    }
}
