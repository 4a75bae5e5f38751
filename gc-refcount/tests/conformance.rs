//! Both modes through the conformance kit: with epochs of the kit's own making, with an epoch after every `mutate`, and
//! with epochs so short that every program sees some that nobody asked for.

use gc_refcount::RefCount;

heap_core::conformance!(pure => RefCount::pure());
heap_core::conformance!(pure_eager => RefCount::pure().with_eager(true));
heap_core::conformance!(pure_short_epochs => RefCount::pure().with_epoch_bytes(4 << 10));
heap_core::conformance!(cycles => RefCount::default());
heap_core::conformance!(cycles_eager => RefCount::default().with_eager(true));
heap_core::conformance!(cycles_short_epochs => RefCount::default().with_epoch_bytes(4 << 10));
heap_core::conformance!(exact => RefCount::pure().with_exact_blocks(true).with_epoch_bytes(16 << 10));
heap_core::conformance!(cycles_exact => RefCount::default().with_exact_blocks(true).with_epoch_bytes(4 << 10));
heap_core::conformance!(copying => RefCount::default().with_copying(true).with_epoch_bytes(16 << 10));
heap_core::conformance!(copying_eager => RefCount::default().with_copying(true).with_eager(true));
heap_core::conformance!(copying_exact => RefCount::default().with_copying(true).with_exact_blocks(true).with_epoch_bytes(4 << 10));
