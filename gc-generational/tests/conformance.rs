//! The conformance kit of heap-core, with settings that make each of the collector's ways common.

use gc_generational::Generational;

heap_core::conformance!(default => Generational::default());
heap_core::conformance!(small_nursery => Generational::default().with_nursery_bytes(1).with_full_min_bytes(32 << 10));
heap_core::conformance!(in_place => Generational::default().with_nursery_bytes(1).with_in_place_factor(0));
heap_core::conformance!(parallel => {
    Generational::default().with_nursery_bytes(1).with_marking_threads(3).with_parallel_min_bytes(0)
});
heap_core::conformance!(evacuating => {
    Generational::default().with_nursery_bytes(1).with_full_min_bytes(32 << 10).with_evacuation(true)
});
heap_core::conformance!(evacuating_parallel => {
    let small = Generational::default().with_nursery_bytes(1).with_full_min_bytes(32 << 10).with_evacuation(true);
    small.with_in_place_factor(0).with_marking_threads(3).with_parallel_min_bytes(0)
});
