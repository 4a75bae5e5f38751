//! How much memory scattered lifetimes take: see `heap_core::conformance::footprint`.

use gc_marksweep::MarkSweep;
use heap_core::conformance::footprint;
use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

fn both() -> [MarkSweep; 2] {
    [MarkSweep::default(), MarkSweep::incremental().with_increment_bytes(64 << 10)]
        .map(|collector| collector.with_min_budget_bytes(256 << 10))
}

#[test]
fn mixed_sizes() {
    for collector in both() {
        let ratio = footprint::mixed_sizes(collector, 2000);
        assert!(ratio < 2.6, "{ratio:.2} times what is alive");
    }
}

#[test]
fn interleaved_lifetimes() {
    for collector in both() {
        let ratio = footprint::interleaved(collector, 20_000);
        assert!(ratio < 2.6, "{ratio:.2} times what is alive");
    }
}

/// Where neighbours live and die together, lines waste nothing: no marking is exact.
#[test]
fn lists_of_neighbours() {
    for collector in both() {
        let mut heap = Heap::<Rootable![Gc<'_, [Lock<Option<Gc<'_, Link<'_>>>>]>]>::new(collector, |mc| {
            Gc::new_slice_with(mc, 64, |_| Lock::new(None))
        })
        .unwrap();
        for round in 0..2000 {
            heap.mutate(|mc, root| {
                let list = (0..500).fold(None, |next, _| Some(Gc::new(mc, Link { next: Lock::new(next) })));
                store!(mc, root[round * 7 % 64], list);
            });
        }
        let statistics = heap.statistics();
        assert!(statistics.full_collections > 10);
        assert_eq!(statistics.exact_collections, 0);
    }
}

#[derive(Trace)]
struct Link<'gc> {
    next: Lock<Option<Gc<'gc, Link<'gc>>>>,
}
