//! How much memory scattered lifetimes take: see `heap_core::conformance::footprint`.

use gc_generational::Generational;
use heap_core::conformance::footprint;
use heap_core::{Gc, Heap, Lock, Rootable, store};

fn collector() -> Generational {
    Generational::default().with_nursery_bytes(128 << 10).with_full_min_bytes(1 << 20)
}

#[test]
fn mixed_sizes() {
    let ratio = footprint::mixed_sizes(collector(), 2000);
    assert!(ratio < 3.0, "{ratio:.2} times what is alive");
}

#[test]
fn interleaved_lifetimes() {
    let ratio = footprint::interleaved(collector(), 20_000);
    assert!(ratio < 5.0, "{ratio:.2} times what is alive");
}

type Queue = Rootable![Gc<'_, [Lock<Option<Gc<'_, [u64; 4]>>>]>];

/// Everything outlives the nursery, and everything dies: at its highest the heap is two and a half times what is alive,
/// and two nurseries, side tables and the stack of the minor collections included.
#[test]
fn the_peak_is_what_the_factor_says_and_two_nurseries() {
    const NURSERY: usize = 512 << 10;
    for parks in [false, true] {
        let collector =
            Generational::default().with_nursery_bytes(NURSERY).with_full_min_bytes(1 << 20).with_pretenuring(parks);
        let slots = 100_000;
        let mut heap = Heap::<Queue>::new(collector, |mc| Gc::new_slice_with(mc, slots, |_| Lock::new(None))).unwrap();
        for first in (0..20 * slots).step_by(100) {
            heap.mutate(|mc, root| {
                (first..first + 100).for_each(|at| store!(mc, root[at % slots], Some(Gc::new(mc, [at as u64; 4]))));
            });
        }
        let peak = heap.statistics().peak_heap_bytes as f64;
        heap.collect();
        let live = heap.statistics().live_bytes as f64;
        assert!(heap.statistics().full_collections > 10);
        assert!(peak <= 2.5 * live + 2.0 * NURSERY as f64, "parks: {parks}, {peak} where {live} are alive");
    }
}
