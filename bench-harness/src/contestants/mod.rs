//! Who runs a workload: one of our collectors, a peer with one of two allocators, or a fault.
//!
//! What each of them is called is known to every build. How a peer runs a program is compiled with the feature `peers`.

pub mod allocator;
pub mod collector;
pub mod fault;
pub mod foreign;
pub mod heaps;
pub mod meter;
pub mod peer;
#[cfg(feature = "peers")]
pub mod peers;
pub mod runtime;

use crate::text::names::{self, Named};
use crate::workloads::Size;
use crate::workloads::program::Program;
use collector::Collector;
use fault::Fault;
use runtime::Runtime;
use serde::{Deserialize, Serialize};

pub use allocator::Allocator;
pub use peer::Peer;

/// What kind of thing ran the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A collector of this workspace or of a third party.
    Collector,
    /// Another way to manage memory in Rust, for comparison.
    Peer,
    /// Another language, with a collector of its own.
    Runtime,
    /// A collector of a program that is not ours, which makes it itself.
    External,
    /// Something that misbehaves on purpose.
    Fault,
}

/// What a program is called that has no place for a collector.
const AS_IT_IS: &str = "as it is";

/// Who runs a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    /// A collector of this workspace or of a third party.
    Collector(Collector),
    /// Another way to manage memory in Rust.
    Peer(Peer, Allocator),
    /// Another language, with a collector of its own.
    Runtime(Runtime),
    /// A collector of a program that is not ours: what that program is told. Empty, if it is told nothing.
    External(&'static str),
    /// Something that misbehaves on purpose.
    Fault(Fault),
}

impl Contestant {
    /// The collector or fault of that name.
    ///
    /// # Errors
    /// A sentence for the user. Faults are not listed in it; a peer's name is pointed to where it belongs.
    pub fn from_name(name: &str) -> Result<Self, String> {
        if let Ok(fault) = names::find::<Fault>(name) {
            return Ok(Self::Fault(fault));
        }
        Collector::from_name(name).map(Self::Collector).map_err(|sentence| {
            if names::find::<Peer>(name).is_ok() {
                format!("`{name}` is a peer, not a collector of ours: choose it by --peers={name}")
            } else if names::find::<Runtime>(name).is_ok() {
                format!("`{name}` is a language, not a collector of ours: choose it by --runtimes {name}")
            } else {
                sentence
            }
        })
    }

    /// The contestant of that kind and name, as a record has them.
    ///
    /// # Errors
    /// A sentence, when there is none.
    pub fn of(kind: Kind, name: &str, allocator: &str) -> Result<Self, String> {
        Ok(match kind {
            Kind::Collector => Self::Collector(Collector::of_record(name)),
            Kind::Peer => Self::Peer(names::find(name)?, names::find(allocator)?),
            Kind::Runtime => Self::Runtime(names::find(name)?),
            Kind::External => Self::external(if name == AS_IT_IS { "" } else { name }),
            Kind::Fault => Self::Fault(names::find(name)?),
        })
    }

    /// What a program that is not ours is told.
    #[must_use]
    pub fn external(text: &str) -> Self {
        Self::External(names::permanent(text))
    }

    /// What it is called in records and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Collector(collector) => collector.name(),
            Self::Peer(peer, _) => peer.name(),
            Self::Runtime(runtime) => runtime.name(),
            Self::Fault(fault) => fault.name(),
            Self::External("") => AS_IT_IS,
            Self::External(text) => text,
        }
    }

    /// What it is called while it runs: with its allocator where that is a choice.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Peer(peer, allocator) => format!("{} ({})", peer.name(), allocator.name()),
            Self::Collector(_) | Self::Runtime(_) | Self::External(_) | Self::Fault(_) => self.name().to_owned(),
        }
    }

    /// Whether it is a collector that reclaims something: what others are compared with.
    #[must_use]
    pub fn reclaims(self) -> bool {
        match self {
            Self::Collector(collector) => collector.reclaims(),
            Self::External(text) => text.split(':').next() != Some(Collector::NOGC.name()),
            Self::Peer(..) | Self::Runtime(_) | Self::Fault(_) => false,
        }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Collector(_) => Kind::Collector,
            Self::Peer(..) => Kind::Peer,
            Self::Runtime(_) => Kind::Runtime,
            Self::External(_) => Kind::External,
            Self::Fault(_) => Kind::Fault,
        }
    }

    /// The `malloc` that its process uses.
    #[must_use]
    pub fn allocator(self) -> Allocator {
        match self {
            Self::Peer(_, allocator) => allocator,
            Self::Collector(_) | Self::Runtime(_) | Self::External(_) | Self::Fault(_) => Allocator::System,
        }
    }

    /// The same with the system's allocator: for what does not depend on that choice.
    #[must_use]
    pub fn whatever_allocator(self) -> Self {
        match self {
            Self::Peer(peer, _) => Self::Peer(peer, Allocator::System),
            Self::Collector(_) | Self::Runtime(_) | Self::External(_) | Self::Fault(_) => self,
        }
    }

    /// Whether it is worth starting a process: peers run what is written for them and nothing else.
    #[must_use]
    pub fn takes_part_in(self, program: &Program) -> bool {
        match self {
            Self::Peer(..) => program.has_peers(),
            Self::Runtime(_) => runtime::numbers(program, Size::Classic).is_some(),
            Self::External(_) => matches!(program, Program::Command(_)),
            Self::Collector(_) => !matches!(program, Program::Command(_)),
            Self::Fault(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_what_they_name() {
        for collector in Collector::ALL {
            assert_eq!(Contestant::from_name(collector.name()), Ok(Contestant::Collector(collector)));
        }
        for fault in Fault::all() {
            assert_eq!(Contestant::from_name(fault.name()), Ok(Contestant::Fault(fault)));
        }
    }

    #[test]
    fn the_sentence_does_not_offer_faults() {
        let sentence = Contestant::from_name("fault-abrt").unwrap_err();
        assert!(!sentence.contains("fault-abort") && sentence.contains("generational"), "{sentence}");
    }
}
