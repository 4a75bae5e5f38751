//! The machine: a heap without its brand.
//!
//! | file | one idea |
//! |---|---|
//! | `machine` | the whole, and its fast paths |
//! | `pause` | what happens between the program's stop and its going on |
//! | `fast_path` | the words that steer the code inlined into the program |
//! | `interface` | [`Collector`]: what is behind the slow paths |
//! | `capabilities` | what a collector promises |
//! | `core` | the parts that all collectors share |
//! | `allowance` | what a collector may let pile up, growing with what the heap allocates |
//! | `permanent` | what is never collected: freezing the heap |
//! | `alive` | what is alive when it is frozen |
//! | `futility` | noticing that collections no longer help |
//! | `outside` | bytes that objects own outside the heap |
//! | `roots` | the root object and the handles, as collectors see them |
//! | `handles` | the slots behind handles, and how they are released |
//! | `no_gc` | the smallest collector, and the example |
//! | `verify` | an independent walk that checks every invariant |
//! | `snapshot` | what it found, for collectors to compare with their own idea |
//! | `settings` | a collector and its settings as text |
//! | `options`, `statistics`, `events`, `registry`, `telemetry` | what a program asks for and is told |

mod alive;
mod allowance;
mod capabilities;
mod core;
pub mod events;
mod fast_path;
mod futility;
mod handles;
mod identity;
mod interface;
#[allow(clippy::module_inception)]
mod machine;
mod no_gc;
mod options;
mod outside;
mod pause;
mod permanent;
mod reached;
#[cfg(feature = "registry")]
pub mod registry;
mod roots;
pub mod settings;
mod snapshot;
mod statistics;
#[cfg(feature = "telemetry")]
pub mod telemetry;
mod verify;

pub use self::core::{HeapContext, HeapCore};
pub use alive::Alive;
pub use allowance::{Allowance, growth_budget};
pub use capabilities::Capabilities;
pub use fast_path::FastPath;
pub(crate) use handles::HandleSlot;
pub use identity::Identity;
pub use interface::{Collector, IntoCollector};
pub(crate) use machine::{Machine, write_header};
pub use no_gc::NoGc;
pub use options::HeapOptions;
pub use outside::Outside;
pub(crate) use pause::Safepoint;
pub use permanent::Permanent;
pub(crate) use reached::{Numbers, Reached};
pub use roots::Roots;
pub(crate) use snapshot::TypeOf;
pub use snapshot::{Edge, Seen, Snapshot, VerifyError};
pub use statistics::Statistics;
pub use verify::Census;
pub(crate) use verify::verify;
