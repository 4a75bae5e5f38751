// A collector that allocates and never frees.

use std::ops::Range;

use heap_core::AllocError;
use heap_core::collector::memory::{BLOCK_BYTES, BlockKind};
use heap_core::collector::{AllocRequest, Allocation, Capabilities, Collector, HeapContext, Hole, Object};
use heap_core::events::CollectionKind;

/// Bumps a pointer through fresh blocks.
#[derive(Default)]
pub(crate) struct Bump;

// SAFETY: nothing is moved or reclaimed; memory that is handed out comes from fresh blocks.
unsafe impl Collector for Bump {
    fn name(&self) -> &'static str {
        "bump"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::NONE
    }

    fn start(&mut self, _: &mut HeapContext<'_>) -> Result<(), AllocError> {
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            return heap.allocate_large(request);
        }
        loop {
            if let Some(allocation) = heap.fast.bump(request) {
                return Ok(allocation);
            }
            let blocks = &mut heap.core.memory.blocks;
            let block = blocks.allocate(BlockKind::Small)?;
            // SAFETY: the block is committed, and nobody else's.
            let hole = unsafe { Hole::new(blocks.address_of(block), BLOCK_BYTES) };
            heap.fast.set_buffer(hole);
        }
    }

    fn barrier_slow(&mut self, _: &mut HeapContext<'_>, object: Object<'_>, _: Range<usize>) {
        unreachable!("the barrier mask is zero, yet {object:?} was not clean");
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        heap.fast.due.set(false);
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, _: CollectionKind) {
        heap.fast.due.set(false);
        heap.core.roots.settle();
    }

    fn step(&mut self, _: &mut HeapContext<'_>, _: usize) -> bool {
        true
    }
}
