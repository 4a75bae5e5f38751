//! Collectors of other crates.
//!
//! A program that is built on this library adds its collectors before anything is parsed
//! ([`Extensions`](crate::Extensions)); from then on they are chosen, listed and run like those of this workspace. What
//! there is to know of one is asked of the collector itself: its name and settings ([`FromSettings`]), and whether it
//! reclaims and whether it finds cycles ([`Capabilities`]).
//!
//! The list belongs to the process, not to a value that is passed around, because a name must mean the same wherever
//! one is read: on the command line, by a child, in a record. It is set once, before there is a second thread, and
//! never changes.

use std::sync::OnceLock;

use heap_core::collector::FromSettings;
use heap_core::{Capabilities, CollectorChoice, Collectors, SettingsError};

static FOREIGN: OnceLock<Vec<Foreign>> = OnceLock::new();

/// A collector of another crate.
#[derive(Debug)]
pub struct Foreign {
    pub(super) name: &'static str,
    pub(super) about: String,
    pub(super) capabilities: Capabilities,
    /// Holds this one.
    parser: Collectors,
}

impl Foreign {
    /// The collector `C`, and a line about it for `list`.
    ///
    /// # Errors
    /// A sentence, when its defaults are refused by itself or its name cannot be typed.
    pub(crate) fn new<C: FromSettings>(about: &str) -> Result<Self, String> {
        crate::text::names::check("collector", C::NAME)?;
        let parser = Collectors::new().with::<C>();
        let choice = parser.parse(C::NAME).map_err(|error| error.to_string())?;
        Ok(Self { name: C::NAME, about: about.to_owned(), capabilities: choice.make().capabilities(), parser })
    }

    /// The name to choose it by.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// What makes it with these settings.
    pub(super) fn choose(&self, settings: &str) -> Result<CollectorChoice, SettingsError> {
        self.parser.parse(&format!("{}:{settings}", self.name))
    }
}

/// Two are the same if they are called the same: names are unique.
impl PartialEq for Foreign {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Foreign {}

/// Sets the list.
///
/// # Panics
/// When it was set before.
pub(crate) fn set(collectors: Vec<Foreign>) {
    assert!(FOREIGN.set(collectors).is_ok(), "the collectors of other crates are added once");
}

/// All of them, in the order in which they were added.
pub(super) fn all() -> &'static [Foreign] {
    FOREIGN.get().map_or(&[], Vec::as_slice)
}
