//! Workloads of other crates, by name.
//!
//! As with collectors of other crates, the list belongs to the process and is set once, before anything is parsed. Here
//! is what everybody may know of a workload; how it runs stands where heaps are.

use std::sync::OnceLock;

static FOREIGN: OnceLock<Vec<Foreign>> = OnceLock::new();

/// A workload of another crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The name to choose it by.
    pub name: &'static str,
    /// One line for `list`.
    pub about: &'static str,
}

impl Foreign {
    /// The workload that a record names. Another program may have written it, with workloads that this one does not
    /// have.
    #[must_use]
    pub(super) fn of_record(name: &str) -> Self {
        let known = all().iter().find(|foreign| foreign.name == name);
        known
            .copied()
            .unwrap_or_else(|| Self { name: crate::text::names::permanent(name), about: "not in this program" })
    }
}

/// Sets the list.
///
/// # Panics
/// When it was set before.
pub(crate) fn set(workloads: Vec<Foreign>) {
    assert!(FOREIGN.set(workloads).is_ok(), "the workloads of other crates are added once");
}

/// All of them, in the order in which they were added.
pub fn all() -> &'static [Foreign] {
    FOREIGN.get().map_or(&[], Vec::as_slice)
}
