//! A process-wide list of the heaps that are alive, for monitoring. Behind the feature `registry`: making a heap costs an
//! entry in a map then, and each pause a few stores.
//!
//! Heaps belong to their threads; a monitor does not. Each heap publishes a few counters at the end of every pause, as
//! atomics behind an `Arc`, and the list is a concurrent map, so that a thread can watch all heaps of the process
//! without stopping any. Nothing is published between pauses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use dashmap::DashMap;

use super::statistics::Statistics;

/// What a heap says about itself after each pause.
#[derive(Debug)]
pub struct HeapCounters {
    collector: &'static str,
    heap_bytes: AtomicU64,
    live_bytes: AtomicU64,
    allocated_bytes: AtomicU64,
    pauses: AtomicU64,
    pause_nanos: AtomicU64,
    collections: AtomicU64,
}

/// A copy of a heap's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapSummary {
    /// The heap's number, unique for the life of the process.
    pub id: u64,
    /// Name of its collector.
    pub collector: &'static str,
    /// Bytes that it holds from the system, counted against its limit.
    pub heap_bytes: u64,
    /// Bytes alive after its last complete collection.
    pub live_bytes: u64,
    /// Bytes allocated since it was made.
    pub allocated_bytes: u64,
    /// Number of pauses.
    pub pauses: u64,
    /// Wall time of all pauses in nanoseconds.
    pub pause_nanos: u64,
    /// Completed collections.
    pub collections: u64,
}

fn registry() -> &'static DashMap<u64, Arc<HeapCounters>> {
    static REGISTRY: OnceLock<DashMap<u64, Arc<HeapCounters>>> = OnceLock::new();
    REGISTRY.get_or_init(DashMap::new)
}

/// The heaps of this process, as they were after their latest pauses, by number.
///
/// ```
/// # use heap_core::{Heap, NoGc, Rootable};
/// let heap = Heap::<Rootable![u64]>::new(NoGc::default(), |_| 1).unwrap();
/// let all = heap_core::registry::heaps();
/// assert!(all.iter().any(|summary| summary.id == heap.id() && summary.collector == "nogc"));
/// ```
pub fn heaps() -> Vec<HeapSummary> {
    // Copied out first: no guard of the map is held while the caller looks at the result.
    let mut all: Vec<HeapSummary> = registry().iter().map(|entry| entry.value().summary(*entry.key())).collect();
    all.sort_by_key(|summary| summary.id);
    all
}

/// A heap's entry in the list, which lasts as long as the heap.
pub(super) struct Registration {
    id: u64,
    counters: Arc<HeapCounters>,
}

impl Registration {
    pub(super) fn new(id: u64, collector: &'static str) -> Self {
        let counters = Arc::new(HeapCounters {
            collector,
            heap_bytes: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            allocated_bytes: AtomicU64::new(0),
            pauses: AtomicU64::new(0),
            pause_nanos: AtomicU64::new(0),
            collections: AtomicU64::new(0),
        });
        registry().insert(id, counters.clone());
        Self { id, counters }
    }

    pub(super) fn publish(&self, statistics: &Statistics) {
        self.counters.publish(statistics);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        registry().remove(&self.id);
    }
}

impl HeapCounters {
    fn publish(&self, statistics: &Statistics) {
        self.heap_bytes.store(statistics.heap_bytes, Ordering::Relaxed);
        self.live_bytes.store(statistics.live_bytes, Ordering::Relaxed);
        self.allocated_bytes.store(statistics.allocated_bytes, Ordering::Relaxed);
        self.pauses.store(statistics.pauses, Ordering::Relaxed);
        self.pause_nanos.store(statistics.pause_time.as_nanos() as u64, Ordering::Relaxed);
        self.collections.store(statistics.collections(), Ordering::Relaxed);
    }

    fn summary(&self, id: u64) -> HeapSummary {
        HeapSummary {
            id,
            collector: self.collector,
            heap_bytes: self.heap_bytes.load(Ordering::Relaxed),
            live_bytes: self.live_bytes.load(Ordering::Relaxed),
            allocated_bytes: self.allocated_bytes.load(Ordering::Relaxed),
            pauses: self.pauses.load(Ordering::Relaxed),
            pause_nanos: self.pause_nanos.load(Ordering::Relaxed),
            collections: self.collections.load(Ordering::Relaxed),
        }
    }
}
