//! [`NoGc`]: allocates and never frees.
//!
//! The smallest collector, and therefore the example of the interface. It is also a tool: the baseline of
//! lower-bound-overhead measurements, and the right choice for a program that ends before its memory does.
//!
//! What a collector must do at the least:
//!
//! * give the fast path a buffer ([`FastPath::set_buffer`](crate::collector::FastPath::set_buffer)) whenever it runs dry, and serve
//!   alignments and sizes that the fast path leaves to it;
//! * leave the barrier mask at zero, if no write is interesting;
//! * clear [`due`](crate::collector::FastPath::due) at a safepoint;
//! * tell the heap about survivors: here everything survives, so there is nothing to process, and drop glue runs when the
//!   heap is dropped.

use core::ops::Range;

use super::capabilities::Capabilities;
use super::core::HeapContext;
use super::events::CollectionKind;
use super::interface::Collector;
use super::settings::{FromSettings, Settings, SettingsError};
use crate::error::AllocError;
use crate::memory::{BLOCK_BYTES, BlockKind};
use crate::object::{AllocRequest, Allocation, Object};
use crate::region::Hole;

/// A collector that never collects.
///
/// ```
/// use heap_core::{Gc, Heap, NoGc, Rootable};
/// let mut heap = Heap::<Rootable![Gc<'_, str>]>::new(NoGc::default(), |mc| Gc::new_str(mc, "kept for ever")).unwrap();
/// heap.collect();
/// heap.mutate(|_, root| assert_eq!(&**root, "kept for ever"));
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct NoGc {
    _private: (),
}

// SAFETY: nothing is ever moved or reclaimed; memory handed out comes from fresh blocks and large runs.
unsafe impl Collector for NoGc {
    fn name(&self) -> &'static str {
        "nogc"
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
            let block = heap.core.memory.blocks.allocate(BlockKind::Small)?;
            // What is left of the old buffer is given up: at most half a block, when a medium object did not fit.
            // SAFETY: the block was just taken, is committed, and belongs to nobody else.
            let hole = unsafe { Hole::new(heap.core.memory.blocks.address_of(block), BLOCK_BYTES) };
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

    fn capabilities(&self) -> Capabilities {
        Capabilities::NONE
    }
}

impl FromSettings for NoGc {
    const NAME: &'static str = "nogc";

    fn from_settings(_: &mut Settings<'_>) -> Result<Self, SettingsError> {
        Ok(NoGc::default())
    }
}
