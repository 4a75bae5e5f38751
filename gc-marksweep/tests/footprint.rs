//! How much memory scattered lifetimes take: see `heap_core::conformance::footprint`.

use gc_marksweep::MarkSweep;
use heap_core::conformance::footprint;

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
