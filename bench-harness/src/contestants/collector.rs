//! The collectors that the comparison knows, by name, and what they can be told.
//!
//! One collector crate can appear more than once: pure counting and counting with cycle collection are two answers to
//! the same question, and so are marking in one pause and marking in increments. A name may be followed by settings,
//! which the library reads: `generational:nursery=8M,growth=2`. That makes another contestant, with that text for a
//! name.

use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use gc_refcount::RefCount;
use heap_core::{CollectorChoice, Collectors, NoGc, SettingsError};

use super::foreign::{self, Foreign};
use crate::text::names::{self, Named, permanent};

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
    /// A collector of another crate.
    Foreign(&'static Foreign),
    /// One that a record names and this program does not have: its figures can be shown, nothing can be run on it.
    Absent,
}

impl Mode {
    /// Makes the collector, with its defaults.
    ///
    /// # Panics
    /// For a collector that this program does not have.
    #[must_use]
    pub fn make(self) -> Box<dyn heap_core::collector::Collector> {
        match self {
            Self::NoGc => Box::new(NoGc::default()),
            Self::Refcount => Box::new(RefCount::pure()),
            Self::RefcountCycles => Box::new(RefCount::default()),
            Self::MarkSweep => Box::new(MarkSweep::default()),
            Self::MarkSweepIncremental => Box::new(MarkSweep::incremental()),
            Self::Generational => Box::new(Generational::default()),
            Self::Foreign(foreign) => foreign.choose("").expect("its defaults were tried when it was added").make(),
            Self::Absent => panic!("only a collector that this program has can be chosen to run"),
        }
    }

    /// What makes it with these settings, which the library reads.
    fn choose(self, settings: &str) -> Result<CollectorChoice, SettingsError> {
        // The library's own name for the crate, and the settings that make the mode.
        let text = match self {
            Self::NoGc => "nogc:",
            Self::Refcount => "refcount:cycles=no,",
            Self::RefcountCycles => "refcount:",
            Self::MarkSweep => "marksweep:",
            Self::MarkSweepIncremental => "marksweep:incremental,",
            Self::Generational => "generational:",
            Self::Foreign(foreign) => return foreign.choose(settings),
            Self::Absent => return Err(SettingsError::new("this program does not have that collector")),
        };
        let collectors = Collectors::new().with::<NoGc>().with::<RefCount>().with::<MarkSweep>().with::<Generational>();
        collectors.parse(&format!("{text}{settings}"))
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

    /// Those of this workspace without settings, in the order in which they are listed and run.
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

    /// The collector that a record names. Another program may have written it, with collectors that this one does not
    /// have.
    #[must_use]
    pub fn of_record(text: &str) -> Self {
        Self::from_name(text).unwrap_or_else(|_| Self { mode: Mode::Absent, name: permanent(text) })
    }

    /// Its mode.
    #[must_use]
    pub fn mode(self) -> Mode {
        self.mode
    }

    /// What makes it by its settings; none, if it has no settings: then its [`Mode`] does, without reading text for
    /// each heap, which would be a tenth of what a small heap costs.
    #[must_use]
    pub fn choice(self) -> Option<CollectorChoice> {
        self.name.contains(':').then(|| self.choose().expect("settings were read when the name was"))
    }

    fn choose(self) -> Result<CollectorChoice, SettingsError> {
        self.mode.choose(self.name.split_once(':').map_or("", |(_, settings)| settings))
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
            Mode::Foreign(foreign) => &foreign.about,
            Mode::Absent => "not in this program",
        }
    }

    /// Whether it reclaims anything: `nogc` is a floor, not a contestant.
    #[must_use]
    pub fn reclaims(self) -> bool {
        match self.mode {
            Mode::NoGc => false,
            Mode::Foreign(foreign) => foreign.capabilities.reclaims,
            // What nobody can ask counts as a contestant.
            _ => true,
        }
    }

    /// Whether garbage that refers to itself is expected to stay for ever. Reported, never an error.
    #[must_use]
    pub fn leaks_cycles(self) -> bool {
        match self.mode {
            Mode::NoGc | Mode::Refcount => true,
            Mode::Foreign(foreign) => !foreign.capabilities.reclaims_cycles,
            _ => false,
        }
    }
}

impl Named for Collector {
    const KIND: &'static str = "collector";

    fn all() -> Vec<Self> {
        let foreign = foreign::all().iter().map(|foreign| Self { mode: Mode::Foreign(foreign), name: foreign.name });
        Self::ALL.into_iter().chain(foreign).collect()
    }

    fn name(self) -> &'static str {
        self.name
    }
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
