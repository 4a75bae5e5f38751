//! The machine: a heap without its brand.
//!
//! | file | one idea |
//! |---|---|
//! | `fast_path` | the words that steer the code inlined into the program |
//! | `interface` | [`Collector`]: what is behind the slow paths |
//! | `core` | the parts that all collectors share |
//! | `roots` | the root object and the handles |
//! | `no_gc` | the smallest collector, and the example |
//! | `verify` | an independent walk that checks every invariant |
//! | `options`, `statistics`, `events`, [`registry`] | what a program asks for and is told |

mod core;
pub mod events;
mod fast_path;
mod interface;
mod no_gc;
mod options;
pub mod registry;
mod roots;
mod statistics;
mod verify;

pub use self::core::{HeapContext, HeapCore};
pub use fast_path::FastPath;
pub use interface::{Collector, IntoCollector};
pub use no_gc::NoGc;
pub use options::HeapOptions;
pub(crate) use roots::HandleLog;
pub use roots::Roots;
pub use statistics::Statistics;
pub use verify::{Verifier, VerifyError};
