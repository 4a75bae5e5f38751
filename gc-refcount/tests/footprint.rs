//! How much memory scattered lifetimes take: see `heap_core::conformance::footprint`.

use gc_refcount::RefCount;
use heap_core::conformance::footprint;

fn both() -> [RefCount; 2] {
    [RefCount::pure(), RefCount::default()].map(|collector| collector.with_epoch_bytes(256 << 10))
}

#[test]
fn mixed_sizes() {
    for collector in both() {
        let ratio = footprint::mixed_sizes(collector, 2000);
        assert!(ratio < 1.7, "{ratio:.2} times what is alive");
    }
}

#[test]
fn interleaved_lifetimes() {
    for collector in both() {
        let ratio = footprint::interleaved(collector, 20_000);
        assert!(ratio < 2.2, "{ratio:.2} times what is alive");
    }
}
