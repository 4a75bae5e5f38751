//! A full collection: marks the old space from the roots, and frees what was not reached.
//!
//! It begins when the nursery is empty, so the remembered set plays no part.

use heap_core::CollectionKind;
use heap_core::collector::{Collector, HeapContext, Object, ObjectRef, Scope, is_wasteful, sweep};
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
        let recent = heap.recent_bytes();
        let core = &mut *heap.core;
        core.event(EventKind::PrepareGc(CollectionKind::Full));
        self.stepped = 0;
        let epochs = &mut self.old.epochs;
        let wanted = self.old.wasteful || self.policy.is_pressed() || self.options.exact;
        let exact = wanted && core.memory.prepare_occupancy().is_ok();
        let old_bytes = core.memory.blocks.block_bytes() - self.nursery.committed_bytes();
        let (lines, roots) = (&core.memory.lines, core.every_root());
        let units = core.memory.occupancy.as_ref().filter(|_| exact).map(|occupancy| &occupancy.next);
        let marked = if epochs.begin_marking() {
            let threads = if old_bytes >= self.options.parallel_min_bytes {
                self.options
                    .marking_threads
                    .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
                    .clamp(1, MARKERS_MAX)
            } else {
                1
            };
            Some(self.marking.run(lines, units, epochs.now(), epochs.stamp(), threads, roots))
        } else {
            // What objects own outside may hold references too.
            let bytes = old_bytes.saturating_add(core.memory.blocks.outside_bytes());
            let begin = || epochs.begin_last_marking().then(|| (epochs.now(), epochs.stamp()));
            Marking::run_reserved(lines, units, bytes, begin, roots)
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
        let swept = sweep(&mut core.memory, &mut self.old.holes, stamp, exact, is_live);
        self.old.wasteful = is_wasteful(&swept, marked.bytes as usize, &core.memory);
        core.roots.settle();
        core.statistics.full_collections += 1;
        core.statistics.exact_collections += u64::from(exact);
        core.statistics.live_objects = marked.objects;
        core.statistics.live_bytes = marked.bytes;
        heap.full_done(marked.bytes);
        let core = &mut *heap.core;
        let light = core.light_bytes();
        let found = Found { live: marked.bytes as usize, light, outside: core.outside.settled(), recent };
        self.policy.full_done(&self.options, found);
        core.memory.blocks.decommit_some(self.policy.keep_free(), TRIM);
        if self.nursery.is_parked() {
            if !self.policy.unparks() {
                // Born from now on are objects of the new epoch, in the holes that were just found.
                self.park(&mut core.memory.blocks, heap.fast);
                return;
            }
            self.unpark(heap.fast);
        }
        let held = self.nursery.committed_bytes();
        let nominal = policy::nursery_blocks(&self.options, &core.memory.blocks, held, recent);
        let _ = self.nursery.settle(&mut core.memory.blocks, heap.fast, nominal);
    }
}
