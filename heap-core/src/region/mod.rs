//! Mark-region spaces: allocation into holes between live objects, and the sweep that finds them.
//!
//! | file | one idea |
//! |---|---|
//! | `holes` | the search for holes, and bump allocation through them |
//! | `sweep` | what a complete marking did not reach is free |

mod holes;
mod sweep;

pub use holes::{Hole, HoleAllocator, LinePolicy, NO_STAMP};
pub use sweep::{Swept, sweep};
