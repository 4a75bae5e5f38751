//! placeholder front page
extern crate self as heap_core;

mod api;
pub mod collector;
pub mod error;
pub mod events;
pub mod fault;
mod options;
pub mod registry;
mod statistics;
pub mod trace;

pub use api::gc::{Gc, Pointee};
pub use api::handle::{Handle, Pointer};
pub use api::heap::Heap;
pub use api::lock::{Lock, OnceLock, RefLock, Unlock};
pub use api::mutator::Mutator;
#[doc(hidden)]
pub use api::rootable::__DynRootable;
pub use api::rootable::{Root, Rootable};
pub use api::weak::Weak;
pub use api::write::Write;
pub use collector::NoGc;
pub use error::AllocError;
pub use events::CollectionKind;
#[doc(hidden)]
pub use heap_core_derive::__unelide_lifetimes;
pub use heap_core_derive::Trace;
pub use options::HeapOptions;
pub use statistics::Statistics;
pub use trace::{Relocator, Static, Trace, Tracer};
