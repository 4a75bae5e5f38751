//! Both modes through the conformance kit: with epochs of the kit's own making, with an epoch after every `mutate`, and
//! with epochs so short that every program sees some that nobody asked for.

use gc_refcount::RefCount;

heap_core::conformance!(pure => RefCount::pure());
heap_core::conformance!(pure_eager => RefCount::pure().eager(true));
heap_core::conformance!(pure_short_epochs => RefCount::pure().epoch_bytes(4 << 10));
heap_core::conformance!(cycles => RefCount::with_cycle_collection());
heap_core::conformance!(cycles_eager => RefCount::with_cycle_collection().eager(true));
heap_core::conformance!(cycles_short_epochs => RefCount::with_cycle_collection().epoch_bytes(4 << 10));
