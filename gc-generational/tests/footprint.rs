//! How much memory scattered lifetimes take: see `heap_core::conformance::footprint`.

use gc_generational::Generational;
use heap_core::conformance::footprint;

fn collector() -> Generational {
    Generational::default().with_nursery_bytes(128 << 10).with_full_min_bytes(1 << 20)
}

#[test]
fn mixed_sizes() {
    let ratio = footprint::mixed_sizes(collector(), 2000);
    assert!(ratio < 3.8, "{ratio:.2} times what is alive");
}

#[test]
fn interleaved_lifetimes() {
    let ratio = footprint::interleaved(collector(), 20_000);
    assert!(ratio < 5.0, "{ratio:.2} times what is alive");
}
