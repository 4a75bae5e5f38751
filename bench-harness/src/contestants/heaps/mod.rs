//! The workloads on our own heaps. This is the only place of the harness that touches a heap.
//!
//! **The seam.** The rest of the harness knows collectors by name ([`Collector`]), workloads as loaded input
//! ([`Loaded`]), and calls [`run`] once per process, with the clock running. Everything behind it is free; this is what
//! it promises:
//!
//! - `run` builds the heap with the collector that the name stands for, runs the program, and drops the heap before
//!   it returns: giving memory back is part of the time, as it is for the peers.
//! - The programs are *driven* by [`workloads`](crate::workloads): a file here implements the `Program` trait of one
//!   of its modules once, for any collector (the collector is chosen by an expression, not by a type), and [`run`] calls
//!   that module's `run`. A method of `Program` is one `mutate`. `names`, `scripts` and the snapshot replay have no peers and return
//!   an [`Outcome`] of their own; their checksum must not depend on the collector, addresses or the clock.
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
use crate::recording::Recorder;
use crate::workloads::program::Loaded;
use crate::workloads::{Outcome, Ready, Workload};

mod attributes;
mod binary_trees;
mod client_sessions;
mod deep_list;
mod event_loop;
pub mod foreign;
mod functional_map;
mod gcbench;
mod graph_mutate;
mod handles;
mod heap;
mod interleaved;
mod interning;
mod json_dom;
mod large_buffers;
mod list_churn;
mod lru_cache;
mod many_heaps;
mod matrices;
mod names;
mod quads;
mod queue;
mod replay;
mod retain;
mod rings;
mod scripts;
mod size_mix;
mod splay;
mod trace;
mod weak_nodes;
mod weak_ring;

pub use heap::Probe;

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
    heap_limit: Option<u64>,
    probe: Probe,
    meter: &mut Meter,
) -> Result<Outcome, Failure> {
    heap::guarded(collector, heap_limit, probe, meter, |setup| loaded(setup, program))
}

/// Runs a workload whose first heap is recorded; says how many heaps it made.
///
/// # Errors
/// As for [`run`].
pub fn record(program: &Loaded, heap_limit: Option<u64>, recorder: Recorder) -> Result<(Outcome, u32), Failure> {
    let first = heap::FirstHeap::new(recorder);
    let (others, mut meter) = (Collector::MARKSWEEP, Meter::default());
    let outcome =
        heap::guarded_and_recorded(others, Some(first.clone()), heap_limit, Probe::Never, &mut meter, |setup| {
            loaded(setup, program)
        })?;
    Ok((outcome, first.heaps.get()))
}

fn loaded(setup: &heap::Setup, program: &Loaded) -> Result<Outcome, Failure> {
    match program {
        Loaded::Workload(ready) => workload(setup, ready),
        Loaded::Snapshot(replay) => replay::run(setup, replay),
        Loaded::Trace(trace) => trace::run(setup, trace),
        Loaded::Foreign(foreign, size) => foreign::run(setup, foreign.name, *size),
    }
}

fn workload(setup: &heap::Setup, ready: &Ready) -> Result<Outcome, Failure> {
    use crate::workloads as w;
    let size = ready.size;
    Ok(match ready.workload {
        Workload::BinaryTrees => {
            let parameters = w::binary_trees::Parameters::of(size);
            w::binary_trees::run(parameters, binary_trees::Trees::new(setup))
        }
        Workload::GcBench => {
            let parameters = w::gcbench::Parameters::of(size);
            w::gcbench::run(parameters, gcbench::GcBench::new(setup))
        }
        Workload::ListChurn => {
            let parameters = w::list_churn::Parameters::of(size);
            w::list_churn::run(parameters, list_churn::Lists::new(setup, parameters))
        }
        Workload::Rings => {
            let parameters = w::rings::Parameters::of(size);
            w::rings::run(parameters, rings::Rings::new(setup, parameters))
        }
        Workload::GraphMutate => {
            let parameters = w::graph_mutate::Parameters::of(size);
            w::graph_mutate::run(parameters, graph_mutate::Graph::new(setup, parameters))
        }
        Workload::DeepList => {
            let parameters = w::deep_list::Parameters::of(size);
            w::deep_list::run(parameters, deep_list::List::new(setup))
        }
        Workload::Quads => {
            let parameters = w::quads::Parameters::of(size);
            w::quads::run(parameters, quads::Quads::new(setup))
        }
        Workload::LruCache => {
            let parameters = w::lru_cache::Parameters::of(size);
            w::lru_cache::run(parameters, lru_cache::Cache::new(setup, parameters))
        }
        Workload::Interning => {
            let parameters = w::interning::Parameters::of(size);
            w::interning::run(parameters, ready.text(), interning::Interner::new(setup, parameters))
        }
        Workload::JsonDom => {
            let parameters = w::json_dom::Parameters::of(size);
            w::json_dom::run(parameters, ready.documents(), json_dom::Documents::new(setup))
        }
        Workload::ClientSessions => {
            let parameters = w::client_sessions::Parameters::of(size);
            w::client_sessions::run(parameters, client_sessions::Sessions::new(setup))
        }
        Workload::Retain => {
            let parameters = w::retain::Parameters::of(size);
            w::retain::run(parameters, retain::Records::new(setup, parameters))
        }
        Workload::EventLoop => {
            let parameters = w::event_loop::Parameters::of(size);
            setup.latencies(|latencies| {
                w::event_loop::run(parameters, event_loop::Server::new(setup, parameters), latencies)
            })
        }
        Workload::Names => names::run(setup, size),
        Workload::Queue => {
            let parameters = ready.queue();
            w::queue::run(parameters, queue::Queue::new(setup, parameters))
        }
        Workload::SizeMix => {
            let parameters = w::size_mix::Parameters::of(size);
            w::size_mix::run(parameters, size_mix::Slices::new(setup, parameters))
        }
        Workload::Interleaved => {
            let parameters = w::interleaved::Parameters::of(size);
            w::interleaved::run(parameters, interleaved::Nodes::new(setup, parameters))
        }
        Workload::WeakRing => {
            let parameters = w::weak_ring::Parameters::of(size);
            w::weak_ring::run(parameters, weak_ring::Weaks::new(setup))
        }
        Workload::Handles => {
            let parameters = w::handles::Parameters::of(size);
            w::handles::run(parameters, handles::Handles::new(setup, parameters))
        }
        Workload::ManyHeaps => {
            let parameters = w::many_heaps::Parameters::of(size);
            w::many_heaps::run(parameters, many_heaps::Heaps::new(setup, parameters))
        }
        Workload::LargeBuffers => {
            let parameters = w::large_buffers::Parameters::of(size);
            w::large_buffers::run(parameters, large_buffers::Buffers::new(setup))
        }
        Workload::WeakNodes => {
            let parameters = w::weak_nodes::Parameters::of(size);
            w::weak_nodes::run(parameters, weak_nodes::Nodes::new(setup, parameters))
        }
        Workload::Splay => {
            let parameters = w::splay::Parameters::of(size);
            w::splay::run(parameters, splay::Splay::new(setup))
        }
        Workload::FunctionalMap => {
            let parameters = w::functional_map::Parameters::of(size);
            w::functional_map::run(parameters, functional_map::Map::new(setup, parameters))
        }
        Workload::Attributes => {
            let parameters = w::attributes::Parameters::of(size);
            w::attributes::run(parameters, attributes::Objects::new(setup, parameters))
        }
        Workload::Matrices => {
            let parameters = w::matrices::Parameters::of(size);
            w::matrices::run(parameters, matrices::Matrices::new(setup, parameters))
        }
        Workload::Scripts => scripts::run(setup, size)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::{Size, expected};

    fn run_small(collector: Collector, workload: Workload, probe: Probe) -> (Outcome, Meter) {
        let mut meter = Meter::default();
        let ready = Loaded::Workload(Ready::new(workload, Size::Small));
        let outcome = run(collector, &ready, None, probe, &mut meter);
        (outcome.unwrap_or_else(|failure| panic!("{workload} on {collector:?}: {failure}")), meter)
    }

    #[test]
    fn every_collector_computes_what_is_expected() {
        for workload in Workload::ALL {
            for collector in Collector::ALL {
                let (outcome, _) = run_small(collector, workload, Probe::Never);
                assert_eq!(outcome, expected(workload, Size::Small), "{workload} on {collector:?}");
            }
        }
    }

    /// What a program says that it keeps alive is what a full collection after every batch finds alive, and what the
    /// largest batch needs besides.
    #[test]
    fn live_bytes_are_what_full_collections_find() {
        for workload in Workload::ALL {
            let (_, meter) = run_small(Collector::MARKSWEEP, workload, Probe::Every(1));
            let (stated, found) = (workload.live_bytes(Size::Small), meter.probed_live_bytes);
            // Roots of the implementation: an object or two.
            let roots = 64;
            match workload {
                // Weak cells and what weak pointers do not keep are not among the stated bytes; a batch is small.
                Workload::WeakRing | Workload::WeakNodes | Workload::Interning => {
                    assert!(found >= stated - 24 && found <= 4 * stated, "{workload}: {stated} stated, {found} found");
                }
                // Nor is the map's table with its entries, some of them of the dead: more than the objects.
                Workload::Attributes => {
                    assert!(found >= stated && found <= 6 * stated, "{workload}: {stated} stated, {found} found");
                }
                // Buffers are outside the heap.
                Workload::ClientSessions => {
                    let outside = client_sessions_outside();
                    assert!((stated - outside).abs_diff(found) < 512, "{workload}: {stated} stated, {found} found");
                }
                // Heaps are probed one by one.
                Workload::ManyHeaps => assert!((stated / 8..stated / 8 + roots).contains(&found), "{stated}, {found}"),
                _ => {
                    assert!(found <= stated + roots, "{workload}: {stated} stated, {found} found");
                    let within_a_batch = largest_batch(workload);
                    assert!(
                        found + within_a_batch + roots >= stated,
                        "{workload}: {stated} stated, {found} found and {within_a_batch} within a batch"
                    );
                }
            }
        }
    }

    fn client_sessions_outside() -> u64 {
        use crate::workloads::client_sessions::{BUFFER_BYTES, KEPT};
        (KEPT as u64 + 1) * BUFFER_BYTES as u64
    }

    /// The most bytes that are alive within a batch and dead after it, at size small.
    fn largest_batch(workload: Workload) -> u64 {
        use crate::workloads::{object_bytes, slice_bytes, tree_nodes};
        match workload {
            // The stretch trees, at the time of which there is nothing else.
            Workload::BinaryTrees => (tree_nodes(11) - tree_nodes(10)) * 24,
            Workload::GcBench => tree_nodes(11) * 32,
            Workload::ListChurn => 100 * 24,
            Workload::Rings => 99 * 10 * 32,
            Workload::Quads => 85 * 40,
            Workload::LruCache => slice_bytes(16 << 10),
            Workload::JsonDom => 2 * (32 << 10),
            Workload::EventLoop => 65 * object_bytes(96) + 64 * 24,
            Workload::Queue => 104,
            // Slices of a batch take the places of smaller and of larger ones.
            Workload::SizeMix => 4 * slice_bytes(4 << 10),
            Workload::Handles => 24,
            Workload::Splay => 16 * 40,
            // Versions share most of their nodes: the stated bytes are a bound.
            Workload::FunctionalMap => 81 * 9 * 32,
            Workload::LargeBuffers => slice_bytes(16 << 14),
            Workload::Matrices => slice_bytes(64 * 64 * 8),
            _ => 0,
        }
    }
}
