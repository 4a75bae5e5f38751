//! Pauses: everything between the program's stop and its going on.

use std::time::Instant;

use super::alive::Alive;
use super::core::HeapContext;
use super::events::{CollectionKind, EventKind};
use super::interface::Collector;
use super::machine::{Inner, Machine};
use super::options::HeapOptions;
use super::reached::Reached;
use super::verify::verify;
use crate::error::AllocError;

/// On which side of a `mutate` a due safepoint is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safepoint {
    /// Before: the last `mutate` ended in a panic, or a view or something outside made it due.
    Enter,
    /// After.
    Leave,
}

impl Machine {
    #[cold]
    #[inline(never)]
    pub(crate) fn safepoint(&mut self, side: Safepoint) {
        let Inner { core, zeal_turn, .. } = self.inner.get_mut();
        let (turn, fast) = (*zeal_turn, &self.fast);
        let HeapOptions { zeal, verify, .. } = core.options;
        if !core.automatic && !fast.collection_requested.get() {
            // It stays due. To a collector it is as if the program had not left its `mutate` yet.
            return;
        }
        if side == Safepoint::Enter && (zeal || fast.always_due.get()) && !fast.collection_requested.get() {
            // Such a heap is always due, and collects when a `mutate` ends. What happened in a view since then can wait for that.
            return;
        }
        if zeal {
            *zeal_turn = match turn {
                CollectionKind::Minor => CollectionKind::Full,
                CollectionKind::Full => CollectionKind::Minor,
            };
        }
        let futility = &mut self.inner.get_mut().core.futility;
        futility.chosen = !zeal && !verify && !self.fast.collection_requested.get();
        self.pause(|collector, heap| {
            if heap.fast.collection_requested.replace(false) {
                heap.fast.due.set(false);
                collector.collect(heap, CollectionKind::Full);
            } else if zeal {
                collector.collect(heap, turn);
            } else if heap.core.futility.is_hopeless() {
                // An allocation was refused: whether the program has let go of something since, only this can tell.
                heap.fast.due.set(false);
                collector.collect(heap, CollectionKind::Full);
            } else {
                collector.safepoint(heap);
            }
        });
    }

    /// One pause: everything between the program's stop and its going on.
    pub(crate) fn pause(&mut self, work: impl FnOnce(&mut dyn Collector, &mut HeapContext<'_>)) {
        let start = Instant::now();
        let inner = self.inner.get_mut();
        let (core, collector) = (&mut inner.core, &mut inner.collector);
        let (collector, mut heap) = (&mut **collector, HeapContext { fast: &self.fast, core });
        heap.core.event(EventKind::PauseStart);
        let bytes = heap.core.memory.blocks.used_bytes();
        heap.core.event(EventKind::HeapResized { bytes });
        heap.core.futility.asked |= !heap.core.futility.chosen;
        heap.core.roots.synchronize();
        #[cfg(feature = "conformance")]
        if heap.core.options.verify
            && crate::fault::are_pauses_verified_first()
            && let Err(error) = verify(heap.fast, heap.core, collector)
        {
            panic!("the heap is broken before a pause of `{}`: {error}", collector.name());
        }
        // Logs and remembered sets are largest before a pause, tables after it.
        heap.core.note_held(collector.side_bytes());
        work(collector, &mut heap);
        heap.core.note_held(collector.side_bytes());
        if heap.core.options.zeal {
            heap.fast.due.set(true);
        }
        let bytes = heap.core.memory.blocks.used_bytes();
        heap.core.event(EventKind::HeapResized { bytes });
        heap.core.event(EventKind::PauseEnd);
        if heap.core.options.verify
            && let Err(error) = verify(heap.fast, heap.core, collector)
        {
            panic!("the heap is broken after a pause of `{}`: {error}", collector.name());
        }
        let elapsed = start.elapsed();
        let core = heap.core;
        core.futility.chosen = false;
        core.statistics.pauses += 1;
        core.statistics.pause_time += elapsed;
        core.statistics.longest_pause = core.statistics.longest_pause.max(elapsed);
        core.statistics.allocated_bytes = heap.fast.allocated_bytes();
        core.statistics = core.current_statistics(collector.side_bytes());
        #[cfg(feature = "registry")]
        inner.registration.publish(&core.statistics);
        #[cfg(feature = "telemetry")]
        if let Some(report) = &inner.report {
            report.pause(core.events.pending(), &core.statistics);
        }
        core.events.deliver();
        if let Some(payload) = core.death.drops.take_panic() {
            std::panic::resume_unwind(payload);
        }
    }

    /// A full collection, after which the heap keeps nothing that it does not need.
    pub(crate) fn idle(&mut self) {
        self.pause(|collector, heap| {
            heap.core.rested_at = heap.fast.allocated_bytes();
            collector.collect(heap, CollectionKind::Full);
            collector.rest(heap);
            heap.core.memory.blocks.decommit_free(0);
        });
    }

    /// A full collection, after which everything that is alive is permanent.
    ///
    /// # Errors
    /// When the system refuses memory. Nothing is frozen then.
    pub(crate) fn freeze(&mut self) -> Result<(), AllocError> {
        let mut outcome = Err(AllocError::REFUSED);
        self.pause(|collector, heap| outcome = freeze(collector, heap));
        outcome
    }

    /// What the program can reach now.
    pub(crate) fn reached(&mut self) -> Result<Reached, AllocError> {
        let core = &mut self.inner.get_mut().core;
        core.roots.synchronize();
        Reached::trace(core, core.program_roots())
    }

    /// What a collection now would keep: that, and what permanent objects lead to.
    pub(crate) fn kept(&mut self) -> Result<Reached, AllocError> {
        let core = &mut self.inner.get_mut().core;
        core.roots.synchronize();
        Reached::trace(core, core.every_root())
    }

    /// Tells who watches this process what the heap was.
    #[cfg(feature = "telemetry")]
    fn report_end(&mut self) {
        let statistics = self.statistics();
        if let Some(report) = &self.inner.get_mut().report {
            report.end(&statistics);
        }
    }

    /// The heap is being dropped: background work stops, and all remaining drop glue runs.
    pub(crate) fn shut_down(&mut self) {
        let (collector, mut heap) = self.parts();
        collector.finish(&mut heap);
        heap.core.death.drops.run_all();
        #[cfg(feature = "telemetry")]
        self.report_end();
        let (_, heap) = self.parts();
        if let Some(payload) = heap.core.death.drops.take_panic() {
            if std::thread::panicking() {
                // One panic is enough, and dropping its payload might start a third.
                std::mem::forget(payload);
            } else {
                std::panic::resume_unwind(payload);
            }
        }
    }
}

/// See [`Machine::freeze`].
fn freeze(collector: &mut dyn Collector, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
    let abandoned = heap.core.statistics.abandoned_collections;
    heap.fast.due.set(false);
    collector.collect(heap, CollectionKind::Full);
    if heap.core.statistics.abandoned_collections > abandoned {
        return Err(AllocError::REFUSED);
    }
    if heap.core.capabilities.freezes {
        heap.core.death.drops.reserve_permanent()?;
        let alive = Alive::list(heap.core)?;
        heap.core.note_held(collector.side_bytes() + alive.side_bytes());
        collector.freeze(heap, alive);
    }
    Ok(())
}
