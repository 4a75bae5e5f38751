//! The conformance kit notices mistakes on this collector.

use gc_generational::Generational;

heap_core::conformance_mistakes!(default => Generational::default());
heap_core::conformance_mistakes!(evacuating => Generational::default().with_nursery_bytes(1).with_full_min_bytes(32 << 10).with_evacuation(true));
