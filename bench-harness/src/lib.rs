//! The comparison command line, as a library so that its parts can be tested and documented.
//!
//! Data flows one way:
//!
//! - [`cli`] says what can be asked for, [`commands`] what each request does;
//! - [`plan`] turns a request into [`job`]s, one per process, in an order that is fair;
//! - [`session`] carries them out: [`runner`] starts a process, [`child`] measures in it, [`journal`] keeps the
//!   [`record`], [`progress`] shows how far it is;
//! - [`summary`] turns records into the figures that [`stats`] supports, [`report`] prints them, [`verdict`] says
//!   whether anything was wrong.
//!
//! What runs: a [`program`] (the classic ones are defined in [`workloads`], real heaps come from [`snapshot`]) on a
//! [`contestant`]: a [`collector`] of this workspace, a peer (with the feature `peers`), or a [`fault`] for tests.

pub mod child;
pub mod cli;
pub mod collector;
pub mod commands;
pub mod contestant;
pub mod environment;
pub mod fault;
pub mod format;
pub mod interrupt;
pub mod job;
pub mod journal;
pub mod meter;
pub mod names;
#[cfg(feature = "peers")]
pub mod peers;
pub mod plan;
pub mod process;
pub mod program;
pub mod progress;
pub mod quantity;
pub mod record;
pub mod report;
pub mod runner;
pub mod session;
pub mod snapshot;
pub mod stats;
pub mod summary;
pub mod verdict;
pub mod workloads;
