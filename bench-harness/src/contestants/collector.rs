//! The collectors that the comparison knows, by name, and what they can be told.
//!
//! One collector crate can appear more than once: pure counting and counting with cycle collection are two answers to
//! the same question, and so are marking in one pause and marking in increments. A name may be followed by settings, which
//! the library reads: `generational:nursery=8M,growth=2`. That makes another contestant, with that text for a name.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use gc_refcount::RefCount;
use heap_core::{CollectorChoice, Collectors, NoGc};

use crate::text::names::{self, Named};

/// A collector crate, and in what mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
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

impl Mode {
    /// Makes the collector, with its defaults.
    #[must_use]
    pub fn make(self) -> Box<dyn heap_core::collector::Collector> {
        match self {
            Self::NoGc => Box::new(NoGc::default()),
            Self::Refcount => Box::new(RefCount::pure()),
            Self::RefcountCycles => Box::new(RefCount::default()),
            Self::MarkSweep => Box::new(MarkSweep::default()),
            Self::MarkSweepIncremental => Box::new(MarkSweep::incremental()),
            Self::Generational => Box::new(Generational::default()),
        }
    }

    /// What the library reads: its own name for the crate, and the settings that make the mode.
    fn text(self) -> &'static str {
        match self {
            Self::NoGc => "nogc:",
            Self::Refcount => "refcount:cycles=no,",
            Self::RefcountCycles => "refcount:",
            Self::MarkSweep => "marksweep:",
            Self::MarkSweepIncremental => "marksweep:incremental,",
            Self::Generational => "generational:",
        }
    }
}

/// A collector, its mode and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collector {
    mode: Mode,
    /// The name to choose it by, with the settings.
    name: &'static str,
}

impl Collector {
    /// See [`Mode::NoGc`].
    pub const NOGC: Self = Self { mode: Mode::NoGc, name: "nogc" };
    /// See [`Mode::Refcount`].
    pub const REFCOUNT: Self = Self { mode: Mode::Refcount, name: "refcount" };
    /// See [`Mode::RefcountCycles`].
    pub const REFCOUNT_CYCLES: Self = Self { mode: Mode::RefcountCycles, name: "refcount-cycles" };
    /// See [`Mode::MarkSweep`].
    pub const MARKSWEEP: Self = Self { mode: Mode::MarkSweep, name: "marksweep" };
    /// See [`Mode::MarkSweepIncremental`].
    pub const MARKSWEEP_INCREMENTAL: Self = Self { mode: Mode::MarkSweepIncremental, name: "marksweep-incremental" };
    /// See [`Mode::Generational`].
    pub const GENERATIONAL: Self = Self { mode: Mode::Generational, name: "generational" };

    /// All of them without settings, in the order in which they are listed and run.
    pub const ALL: [Self; 6] = [
        Self::NOGC,
        Self::REFCOUNT,
        Self::REFCOUNT_CYCLES,
        Self::MARKSWEEP,
        Self::MARKSWEEP_INCREMENTAL,
        Self::GENERATIONAL,
    ];

    /// The collector of that name, with the settings that follow it.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn from_name(text: &str) -> Result<Self, String> {
        let Some((name, settings)) = text.split_once(':') else { return names::find(text) };
        let plain: Self = names::find(name.trim())?;
        if settings.trim().is_empty() {
            return Ok(plain);
        }
        let configured = Self { mode: plain.mode, name: permanent(text) };
        configured.choose().map_err(|error| error.to_string())?;
        Ok(configured)
    }

    /// Its mode.
    #[must_use]
    pub fn mode(self) -> Mode {
        self.mode
    }

    /// What makes it by its settings; none, if it has no settings: then its [`Mode`] does, without reading text for each heap,
    /// which would be a tenth of what a small heap costs.
    #[must_use]
    pub fn choice(self) -> Option<CollectorChoice> {
        self.name.contains(':').then(|| self.choose().expect("settings were read when the name was"))
    }

    fn choose(self) -> Result<CollectorChoice, heap_core::SettingsError> {
        let settings = self.name.split_once(':').map_or("", |(_, settings)| settings);
        let collectors = Collectors::new().with::<NoGc>().with::<RefCount>().with::<MarkSweep>().with::<Generational>();
        collectors.parse(&format!("{}{settings}", self.mode.text()))
    }

    /// One line for `list`.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self.mode {
            Mode::NoGc => "allocates and never frees: the baseline",
            Mode::Refcount => "deferred, coalescing reference counting; garbage cycles leak",
            Mode::RefcountCycles => "the same counting, with cycle collection",
            Mode::MarkSweep => "mark-region, lazy sweep, marking in one pause",
            Mode::MarkSweepIncremental => "mark-region, lazy sweep, marking in bounded steps",
            Mode::Generational => "copying nursery, mark-region old space, parallel marking",
        }
    }

    /// Whether it reclaims anything: `nogc` is a floor, not a contestant.
    #[must_use]
    pub fn reclaims(self) -> bool {
        self.mode != Mode::NoGc
    }

    /// Whether garbage that refers to itself is expected to stay for ever. Reported, never an error.
    #[must_use]
    pub fn leaks_cycles(self) -> bool {
        matches!(self.mode, Mode::NoGc | Mode::Refcount)
    }
}

impl Named for Collector {
    const KIND: &'static str = "collector";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        self.name
    }
}

/// A copy of the text for the rest of the process; one of each. Names are copied everywhere, and there are a few.
fn permanent(text: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(text) {
        return known;
    }
    let name = String::leak(text.to_owned());
    names.insert(name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_follow_the_name() {
        let collector = Collector::from_name("generational:nursery=8M,growth=2").unwrap();
        assert_eq!((collector.mode(), collector.name()), (Mode::Generational, "generational:nursery=8M,growth=2"));
        assert_eq!(Collector::from_name(collector.name()), Ok(collector));
        assert_eq!(Collector::from_name("generational: "), Ok(Collector::GENERATIONAL));
        for (text, expected) in [
            ("generational:nursery=x", "`nursery` is a number of bytes"),
            ("marksweep:nursery=8M", "marksweep has no setting `nursery`"),
            ("zgc:nursery=8M", "there is no collector `zgc`"),
            ("nogc:x", "nogc has no settings"),
            ("refcount:cycles=yes", "`cycles` is given twice"),
        ] {
            let sentence = Collector::from_name(text).unwrap_err();
            assert!(sentence.contains(expected), "{text}: {sentence}");
        }
    }

    #[test]
    fn every_mode_makes_the_collector_that_it_says() {
        for collector in Collector::ALL {
            assert!(collector.choice().is_none());
            for made in [collector.mode().make(), collector.choose().unwrap().make()] {
                assert!(collector.name().starts_with(made.name()), "{} makes {}", collector.name(), made.name());
                assert_eq!(made.capabilities().reclaims, collector.reclaims());
                assert_eq!(!made.capabilities().reclaims_cycles, collector.leaks_cycles());
                assert_eq!(made.capabilities().incremental, collector == Collector::MARKSWEEP_INCREMENTAL);
            }
        }
    }
}
