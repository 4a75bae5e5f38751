//! The conformance kit of heap-core on both kinds of marking, with budgets small enough for its programs to exceed them.

use gc_marksweep::MarkSweep;

heap_core::conformance!(stop_the_world => MarkSweep::default());
heap_core::conformance!(stop_often => MarkSweep::default().with_min_budget_bytes(32 << 10).with_growth(1.25));
heap_core::conformance!(incremental => MarkSweep::incremental());
heap_core::conformance!(incremental_often => MarkSweep::incremental().with_min_budget_bytes(64 << 10).with_increment_bytes(64));
heap_core::conformance!(exact => MarkSweep::default().with_exact_marking(true).with_min_budget_bytes(32 << 10));
heap_core::conformance!(exact_incremental => {
    MarkSweep::incremental().with_exact_marking(true).with_min_budget_bytes(64 << 10).with_increment_bytes(64)
});
