//! Mark-region spaces: allocation into holes between live objects, and the sweep that finds them.
//!
//! | file | one idea |
//! |---|---|
//! | `holes` | the search for holes, and bump allocation through them |
//! | `cards` | the parts of a large array, which needs no lines |
//! | `sweep` | what a complete marking did not reach is free |
//! | `waste` | when lines keep so much that nobody lives on that the next marking should be exact |

mod cards;
mod holes;
mod sweep;
mod waste;

pub(crate) use cards::birth as card_birth;
pub use cards::{CardBudget, Cards};
pub use holes::{Buffer, Hole, HoleAllocator, LinePolicy, NO_STAMP, Noted, Room, file};
pub use sweep::{Sweep, Swept, sweep, sweep_blocks};
pub use waste::is_wasteful;
