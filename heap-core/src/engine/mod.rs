//! The engine: from the roots to everything that they reach.
//!
//! | file | one idea |
//! |---|---|
//! | `closure` | what was reached, and how to reach more: what every tracer can do |
//! | `marker` | the marking loop: a stack, pieces of large arrays, refusal of memory |
//! | `lookahead` | the queue between popping an object and looking at it |
//! | `colour` | mark colours, which rotate |

mod closure;
mod colour;
mod lookahead;
mod marker;

pub use closure::{Closure, KeyBuffer, Keys, NoKeys, Refused};
pub use colour::Colour;
pub use lookahead::Lookahead;
pub use marker::{Marker, Tracing};
