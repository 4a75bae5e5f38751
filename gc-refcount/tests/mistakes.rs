//! The conformance kit notices mistakes on this collector.

use gc_refcount::RefCount;

heap_core::conformance_mistakes!(pure => RefCount::pure().with_epoch_bytes(4 << 10));
heap_core::conformance_mistakes!(cycles => RefCount::default());
heap_core::conformance_mistakes!(copying => RefCount::default().with_copying(true).with_epoch_bytes(16 << 10));
