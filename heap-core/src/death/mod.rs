//! Death: what happens between "everything reachable was found" and "the memory may be reused".
//!
//! | file | one idea |
//! |---|---|
//! | `weak_table` | weak cells, and which of them to clear |
//! | `drops` | objects with drop glue |

mod drops;
mod weak_table;

pub use drops::DropList;
pub(crate) use weak_table::WeakCell;
pub use weak_table::WeakTable;

/// Which objects a collection looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Only objects allocated since the last collection; all others are alive.
    Young,
    /// All objects.
    All,
}
