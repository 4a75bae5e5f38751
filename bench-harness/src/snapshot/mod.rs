//! Heaps of real programs, read from V8 heap snapshots and Java heap dumps, and rebuilt in the collectors under test.
//!
//! Synthetic workloads have the shapes that their authors thought of. A `.heapsnapshot` file, which Node and Chrome
//! write on request, has the shape of a program that somebody runs: who points to whom, how large each object is, what
//! the roots are. This module turns such a file into plain arrays and says, independently of any collector, which
//! objects must be alive:
//!
//! - [`read()`], [`read_path`]: from the JSON text, plain or compressed by gzip, to a [`SnapshotGraph`]. The steps are
//!   `source` (bytes, gzip, the limit), `parse` (JSON), `layout` (what the file says of its own rows, and the
//!   smallest file that is read), `rows` (from
//!   integers to columns); `hprof` reads the Java machine's files into the same graph; [`SnapshotError`] is everything
//!   that can be wrong with a file.
//! - [`Model`]: the heap as a replay rebuilds it, with roots and edge slots that change, and the slow and obvious
//!   computation of what is reachable.
//! - [`MutationPlan`]: rounds of random [`Op`]s that a heap and the model both carry out.
//! - [`Replay`]: all of this, prepared for one run, and handed over to the processes that run it (`handover`).
//! - [`portrait`]: what the heap looks like, for people.
//! - [`builtin`]: a snapshot that is always at hand.
//!
//! Names and values of objects are not kept: a collector does not look at them.

mod error;
mod graph;
mod handover;
mod hprof;
mod layout;
mod lenient;
mod mutation;
mod parse;
pub mod portrait;
mod reachability;
mod replay;
mod rows;
mod source;

#[cfg(test)]
mod bad_input_tests;
#[cfg(test)]
mod fixture_tests;

pub use error::{Place, SnapshotError};
pub use graph::{Edge, SnapshotGraph};
pub use mutation::{MutationPlan, Op, RoundSize};
pub use parse::{read, read_path, read_with_limit};
pub use reachability::{Model, Reachable};
pub use replay::Replay;
pub(crate) use replay::{CHECKSUM_OF_BUILTIN, Shape};
pub use source::{DEFAULT_TEXT_LIMIT, Format};

/// The snapshot that the harness carries, compressed by gzip: a Node program with about 120 000 objects
/// and 470 000 references.
///
/// `fixtures/README.md` says which program it is and how the file was made. Give it to [`read()`].
pub fn builtin() -> &'static [u8] {
    include_bytes!("../../fixtures/docserver.heapsnapshot.gz")
}
