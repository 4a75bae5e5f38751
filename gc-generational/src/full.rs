//! A full collection: marks the old space from the roots, and frees what was not reached.
//!
//! It begins when the nursery is empty, so the remembered set plays no part.

use heap_core::CollectionKind;
use heap_core::collector::{Collector, HeapContext, Object, ObjectRef, Scope, sweep};
use heap_core::events::EventKind;

use crate::Generational;
use crate::mark::{MARKERS_MAX, Marking, Worker};
use crate::policy::{self, Found};

/// Bytes of free memory that a collection of the heap's own choice gives back at the most: about four milliseconds' worth.
const TRIM: usize = 16 << 20;

impl Generational {
    /// Marks everything and frees the rest. The nursery is empty. Gives up, freeing nothing, when the system refuses
    /// memory for a mark stack.
    pub(crate) fn full(&mut self, heap: &mut HeapContext<'_>) {
        let core = &mut *heap.core;
        core.event(EventKind::PrepareGc(CollectionKind::Full));
        self.stepped = 0;
        let epochs = &mut self.old.epochs;
        let pressed = self.policy.is_pressed();
        let old_bytes =
            core.memory.blocks.block_bytes() - self.nursery.committed_bytes() - core.permanent.frozen_bytes();
        let (lines, roots) = (&core.memory.lines, core.every_root());
        let marked = if epochs.begin_marking() {
            let threads = if old_bytes >= self.options.parallel_min_bytes {
                self.options
                    .marking_threads
                    .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
                    .clamp(1, MARKERS_MAX)
            } else {
                1
            };
            Some(self.marking.run(lines, epochs.now(), epochs.stamp(), threads, roots))
        } else {
            // What objects own outside may hold references too.
            let bytes = old_bytes.saturating_add(core.memory.blocks.outside_bytes());
            let begin = || epochs.begin_last_marking().then(|| (epochs.now(), epochs.stamp()));
            Marking::run_reserved(lines, bytes, begin, roots)
        };
        let complete = marked
            .filter(Worker::is_complete)
            .and_then(|mut marked| core.death.reach(Scope::All, &mut marked).is_ok().then_some(marked));
        let Some(marked) = complete else {
            core.statistics.abandoned_collections += 1;
            core.event(EventKind::Abandoned);
            // Do not try again at the very next safepoint.
            self.policy.abandoned();
            return;
        };
        epochs.complete_marking();
        core.note_held(self.side_bytes() + marked.stack_bytes());
        core.event(EventKind::HeapTraced);
        core.event(EventKind::LiveDataSize { bytes: marked.bytes as usize });
        let (epoch, stamp) = (self.old.epochs.now(), self.old.epochs.stamp());
        core.bury(Scope::All, &marked);
        // SAFETY: asked only about large objects that were not freed yet.
        let is_live = |object: ObjectRef| epoch.is_on(unsafe { Object::at(object) }.word());
        self.old.retire(&mut core.memory);
        let swept = sweep(&mut core.memory, &mut self.old.holes, stamp, false, is_live);
        core.roots.settle();
        core.statistics.full_collections += 1;
        core.statistics.live_objects = marked.objects;
        core.statistics.live_bytes = marked.bytes;
        self.full_done(heap, marked.bytes as usize);
        let core = &mut *heap.core;
        let alive = (marked.bytes as usize).saturating_sub(core.permanent.written_bytes());
        if let Some(least) = self.policy.evacuates(&self.options, &swept, alive, pressed, &core.memory) {
            self.evacuate(core, &swept, least);
        }
        heap.full_done(marked.bytes);
        let core = &mut *heap.core;
        let surplus = core.memory.blocks.surplus(self.policy.keep_free());
        core.memory.blocks.decommit_some(surplus.min(TRIM));
        if self.nursery.is_parked() {
            if !self.policy.unparks() {
                // Born from now on are objects of the new epoch, in the holes that were just found.
                self.park(&mut core.memory.blocks, heap.fast);
                return;
            }
            self.unpark(heap.fast);
        }
        self.settle_nursery(heap);
    }

    /// Tells the policy what a full collection found that marked so many bytes.
    pub(crate) fn full_done(&mut self, heap: &HeapContext<'_>, live: usize) {
        let core = &heap.core;
        let (light, outside) = (core.light_bytes(), core.outside.settled());
        self.policy.full_done(&self.options, Found { live, light, outside, recent: heap.recent_bytes() });
    }

    /// Gives the empty nursery the size that it should have now.
    pub(crate) fn settle_nursery(&mut self, heap: &mut HeapContext<'_>) {
        let (recent, held) = (heap.recent_bytes(), self.nursery.committed_bytes());
        let blocks = &mut heap.core.memory.blocks;
        let nominal = policy::nursery_blocks(&self.options, blocks, held, recent);
        let _ = self.nursery.settle(blocks, heap.fast, nominal);
    }
}
