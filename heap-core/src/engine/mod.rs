//! The engine: from the roots to everything that they reach.
//!
//! | file | one idea |
//! |---|---|
//! | `marker` | the marking loop: a stack, pieces of large arrays, refusal of memory |
//! | `lookahead` | the queue between popping an object and looking at it |
//! | `colour` | mark colours, which rotate |

mod colour;
mod lookahead;
mod marker;

pub use colour::Colour;
pub use lookahead::Lookahead;
pub use marker::Marker;
