//! The conformance kit notices mistakes on this collector.

use gc_marksweep::MarkSweep;

heap_core::conformance_mistakes!(stop_the_world => MarkSweep::default());
heap_core::conformance_mistakes!(incremental => MarkSweep::incremental().with_min_budget_bytes(64 << 10).with_increment_bytes(64));
