//! From a request to measurements.
//!
//! [`plan`] turns a request into [`job`]s, one per process, in an order that is fair; an [`agenda`] decides what comes
//! next where that depends on what was measured ([`minheap`], [`sweep`], [`self_test`]); [`session`] carries them out:
//! [`runner`] starts a process, [`child`] measures in it, [`progress`] shows how far it is, [`interrupt`] ends it
//! early.

pub mod agenda;
pub mod child;
#[cfg(unix)]
mod external;
pub mod inputs;
pub mod interrupt;
pub mod job;
pub mod minheap;
mod misbehave;
pub mod plan;
pub mod progress;
pub mod runner;
pub mod runtimes;
pub mod self_test;
pub mod session;
pub mod sweep;
#[cfg(unix)]
mod telemetry;
