//! The comparison command line, as a library so that its parts can be tested and documented.

pub mod collector;
pub mod environment;
pub mod fault;
pub mod format;
pub mod interrupt;
pub mod journal;
pub mod meter;
pub mod names;
pub mod process;
pub mod quantity;
pub mod record;
pub mod snapshot;
pub mod stats;
