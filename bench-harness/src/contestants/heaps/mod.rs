//! The workloads on our own heaps. This is the only place of the harness that touches a heap.
//!
//! **The seam.** The rest of the harness knows collectors by name ([`Collector`]), workloads as loaded input
//! ([`Loaded`]), and calls [`run`] once per process, with the clock running. Everything behind it is free; this is what
//! it promises:
//!
//! - `run` builds the heap with the collector that the name stands for, runs the program, and drops the heap before
//!   it returns: giving memory back is part of the time, as it is for the peers.
//! - The six classic programs are *driven* by [`workloads`]: a file here implements the `Program` trait of
//!   `workloads::<workload>` once, for any collector (the collector is chosen by an expression, not by a type), and calls
//!   `workloads::<workload>::run`. A method of `Program` is one `mutate`. `names` and the snapshot replay have no peers and
//!   return an [`Outcome`] of their own; their checksum must not depend on the collector, addresses or the clock.
//! - Everything except the result goes into the [`Meter`], which survives an early end: each pause as it happens
//!   (from the heap's events), and before returning, also in error, the number of collections, the peak of the heap's
//!   reserved bytes, and, where cheap to know, how many garbage objects are left.
//! - `heap_limit` is handed to the heap as its hard limit; `None` is the library's default. A limit that is too small,
//!   even for the empty heap, is [`Failure::OutOfMemory`]; nothing aborts and nothing panics because of it.
//! - A replay that finds the heap different from the model is [`Failure::Wrong`] with a sentence that names the round
//!   and the object; so is a heap verifier's complaint. That ends the comparison with exit status 1.
//! - Panics and signals need no handling: the parent process reports them.

use std::fmt;

use crate::contestants::collector::Collector;
use crate::contestants::meter::Meter;
use crate::workloads::program::Loaded;
use crate::workloads::{self, Outcome, Size, Workload};

mod binary_trees;
mod deep_list;
mod gcbench;
mod graph_mutate;
mod heap;
mod list_churn;
mod names;
mod replay;
mod rings;

/// Why a workload on one of our heaps has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The heap limit was too small. The text says for what.
    OutOfMemory(String),
    /// This collector cannot run this workload. The text says why.
    Unsupported(String),
    /// The heap is not what it must be. The text says where.
    Wrong(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory(text) | Self::Unsupported(text) | Self::Wrong(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Failure {}

/// Runs a workload on a heap with the given collector.
///
/// # Errors
/// [`Failure`], which the harness reports and does not repair.
pub fn run(
    collector: Collector,
    program: &Loaded,
    size: Size,
    heap_limit: Option<u64>,
    meter: &mut Meter,
) -> Result<Outcome, Failure> {
    heap::guarded(collector, heap_limit, meter, |setup| match program {
        Loaded::Workload(workload) => Ok(workload_on(setup, *workload, size)),
        Loaded::Snapshot(replay) => replay::run(setup, replay),
    })
}

fn workload_on(setup: &heap::Setup, workload: Workload, size: Size) -> Outcome {
    match workload {
        Workload::BinaryTrees => {
            let parameters = workloads::binary_trees::Parameters::of(size);
            workloads::binary_trees::run(parameters, binary_trees::Trees::new(setup))
        }
        Workload::GcBench => {
            let parameters = workloads::gcbench::Parameters::of(size);
            workloads::gcbench::run(parameters, gcbench::GcBench::new(setup))
        }
        Workload::ListChurn => {
            let parameters = workloads::list_churn::Parameters::of(size);
            workloads::list_churn::run(parameters, list_churn::Lists::new(setup, parameters))
        }
        Workload::Rings => {
            let parameters = workloads::rings::Parameters::of(size);
            workloads::rings::run(parameters, rings::Rings::new(setup, parameters))
        }
        Workload::GraphMutate => {
            let parameters = workloads::graph_mutate::Parameters::of(size);
            workloads::graph_mutate::run(parameters, graph_mutate::Graph::new(setup, parameters))
        }
        Workload::DeepList => {
            let parameters = workloads::deep_list::Parameters::of(size);
            workloads::deep_list::run(parameters, deep_list::List::new(setup))
        }
        Workload::Names => names::run(setup, size),
    }
}
