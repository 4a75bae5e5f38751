//! A collection, from its roots to its sweep. Stopping the world is a cycle that is begun and finished in one pause.
//!
//! *While a cycle is in progress* these things hold:
//!
//! * Every object carries one of two colours. White: the last cycle's; it was there when this cycle began and was not
//!   reached yet. Black: this cycle's; its edges were reported, or it was born since. A large array in between is busy.
//! * Every object that was reachable when the cycle began is black, or a chain of white objects leads to it from one
//!   that waits in the marker. For nothing can break such a chain without the barrier having marked the object whose
//!   edge it is: that is the snapshot at the beginning. Only *white* objects need it, since the edges of black ones were
//!   already reported, so the barrier's test is "not black, or busy".
//! * Whatever the program can lay hands on is therefore black or will be reached: it was reachable at the beginning, or
//!   was born since, or came out of a weak cell, and then it was marked on the way. So a new handle, a new root or a
//!   store into a black object need nothing.
//! * Memory that the program gets carries the stamp of this cycle, because all buffers were retired when it began, and
//!   no memory is reused whose lines carry the last cycle's stamp.
//!
//! *When the system refuses memory for the mark stack* the marking is stuck, but no edge is lost (see
//! [`Marker`](heap_core::collector::Marker)). The cycle stays in progress, barrier and all, and the next safepoint
//! tries again; nothing is reclaimed meanwhile. Only the barrier cannot wait: it must report the edges of an object that
//! is about to change. When it is refused, the snapshot is lost and the cycle is *given up*. The heap then has objects
//! of two colours and lines of two stamps that are all alive: the next cycle takes the third colour; the holes that the
//! last complete marking left are as free as before. There is no fourth colour, so that cycle is never given up: should the barrier
//! be refused again, it panics before the write.
//!
//! *The instant of death* is the pause that found nothing left to mark (rule R43): what is white then is dead. But it is
//! intact, and weak cells lead to it, of which there may be millions. They are cleared in increments, and then drop glue
//! runs in increments. Meanwhile the barrier stays on, not for the sake of writes, for no program can write to what is
//! white; it is what sends an upgrade here, to be told that its target is dead (rule R44). Only a weak cell that is white and
//! asked for again, because its target lives, is marked like in the marking. No memory is free yet, and lines of both stamps
//! are alive.
//!
//! *After that* large objects are freed, and blocks are swept in increments too, and by allocations that find no hole: a
//! block that was not swept yet has the holes that it had before, and what is handed out of them carries the present stamp.
//! The next cycle begins when the sweep has ended.
//!
//! *Where a background marker attaches.* Headers are one atomic word and `trace` never writes, so a thread can run
//! `Marker::drain` between [`begin`](MarkSweep::begin) and [`finish`](MarkSweep::finish) while the program runs. Three
//! things change. Claiming becomes a compare-and-swap from white to busy, done by the marker or by the barrier; whoever
//! finds an object busy waits; black is stored with Release and the barrier's fast path already loads with Acquire. The
//! marker's stack belongs to the thread, and the barrier reports the edges of what it scans to a queue. The line table
//! is atomic already; `sweep` stays on the heap's thread.

use core::ops::Range;

use heap_core::collector::memory::Memory;
use heap_core::collector::{Collector, Colour, HeapContext, HeapCore, Object, ObjectRef, Scope, Sweep, is_wasteful};
use heap_core::events::{CollectionKind, EventKind};

use crate::MarkSweep;
use crate::policy::Found;

/// Entries of the mark stack whose memory is kept between cycles: 512 KiB.
const KEEP_STACK: usize = 64 << 10;

/// Bytes of free memory that a pause of the heap's own choice gives back at the most: about four milliseconds' worth.
pub(crate) const TRIM: usize = 16 << 20;

/// The same for an increment: half a millisecond's worth. Memory that a peak left behind goes back in many of them.
pub(crate) const TRIM_INCREMENT: usize = 2 << 20;

/// To look at an entry of the weak table takes about as long as to mark so many bytes of objects, wherever they lie: where
/// objects and cells lie in order, 3.7 nanoseconds against 6.5 for an object of 24 bytes; elsewhere a few times as long, both.
pub(crate) const ENTRY_COST: usize = 32;

/// To look at the line bytes of a block takes about as long as to mark so many bytes of objects: 90 nanoseconds (60 000
/// blocks in 5.6 ms), where a small object takes 6.
const BLOCK_COST: usize = 256;

impl MarkSweep {
    /// Takes the snapshot: from now on every object that is reachable survives this cycle. False when there was no
    /// memory to note the roots; nothing has changed then.
    pub(crate) fn begin(&mut self, heap: &mut HeapContext<'_>) -> bool {
        debug_assert!(!self.in_cycle());
        heap.core.event(EventKind::PrepareGc(CollectionKind::Full));
        let colour = self.colour.next();
        let wanted = self.wasteful || self.pacing.is_pressed() || self.options_mut().exact;
        let exact = wanted && heap.core.memory.prepare_occupancy().is_ok();
        self.marker.begin(colour, self.stamps.next(), exact);
        for root in heap.core.every_root() {
            // SAFETY: roots are live, and nothing is reclaimed or moved during a cycle.
            unsafe { self.marker.push(root) };
        }
        if self.marker.overflowed() {
            self.abandoned(heap);
            return false;
        }
        self.stamps.begin();
        self.colour = colour;
        self.exact = exact;
        self.marking = true;
        heap.fast.birth.set(colour.bits());
        heap.fast.barrier_flip.set(colour.bits());
        heap.fast.set_barrier_mask(colour.bits() | Colour::BUSY);
        heap.fast.clear_buffer();
        self.holes.retire(&mut heap.core.memory, self.line_policy());
        self.pacing.cycle_began();
        heap.core.event(EventKind::RootsTraced);
        true
    }

    /// Does a part of a cycle that takes about as long as marking `bytes` bytes of objects, or the rest of it. True when no
    /// cycle is in progress afterwards.
    pub(crate) fn advance(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        debug_assert!(self.in_cycle());
        let everything = bytes == usize::MAX;
        if self.marking {
            if !self.mark(heap, bytes) {
                return false;
            }
            self.finish_marking(heap);
            // The few entries of most programs wait for no pause of their own.
            self.bury(heap, bytes / 4);
        } else if self.burying.is_some() {
            self.bury(heap, bytes);
        } else {
            self.sweep(&mut heap.core.memory, (bytes / BLOCK_COST).max(1));
        }
        if everything {
            self.bury(heap, usize::MAX);
            self.sweep(&mut heap.core.memory, usize::MAX);
        }
        if self.burying.is_some() || self.sweeping.as_ref().is_some_and(|sweep| !sweep.is_complete()) {
            self.increment_done(heap);
            return false;
        }
        self.finish_cycle(heap);
        true
    }

    /// Marks about `bytes` bytes of objects. True when everything reachable is black.
    fn mark(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        let mut done = self.marker.drain(&heap.core.memory, bytes);
        if done {
            // What is dead but may be brought back, and what lives by its key. If memory is refused for it, the cycle goes
            // on: what is queued by then is a root, and reached when this is tried again.
            let HeapCore { memory, death, .. } = &mut *heap.core;
            done = death.reach(Scope::All, &mut self.marker.closure(memory)).is_ok();
        }
        if self.marker.overflowed() {
            self.abandoned(heap);
            return false;
        }
        if !done {
            self.increment_done(heap);
        }
        done
    }

    fn increment_done(&mut self, heap: &mut HeapContext<'_>) {
        self.pacing.increment_done();
        self.trim(heap, TRIM_INCREMENT);
        heap.core.event(EventKind::IncrementEnded);
    }

    /// Everything reachable is black: what is white is dead from now on.
    fn finish_marking(&mut self, heap: &mut HeapContext<'_>) {
        heap.core.event(EventKind::HeapTraced);
        heap.core.note_held(self.side_bytes());
        self.marking = false;
        self.given_up = false;
        let HeapCore { memory, death, .. } = &mut *heap.core;
        self.burying = Some(death.begin_burial(Scope::All, &self.marker.closure(memory)));
    }

    /// Buries as much as takes about as long as marking `bytes` bytes, if a burial is in progress.
    fn bury(&mut self, heap: &mut HeapContext<'_>, bytes: usize) {
        let Some(burial) = &mut self.burying else { return };
        let HeapCore { memory, death, .. } = &mut *heap.core;
        if death.bury_some(burial, &self.marker.closure(memory), (bytes / ENTRY_COST).max(1)) {
            self.finish_burial(heap);
        }
    }

    /// Nothing leads to what is dead any more.
    fn finish_burial(&mut self, heap: &mut HeapContext<'_>) {
        let Some(burial) = self.burying.take() else { return };
        heap.core.buried(Scope::All, burial.dropped);
        heap.fast.set_barrier_mask(0);
        self.stamps.end();
        let colour = self.colour;
        // SAFETY: asked only about large objects that were not freed: it is only now that memory becomes free.
        let is_black = |object: ObjectRef| colour.is_on(unsafe { Object::at(object) }.word());
        let exact = core::mem::take(&mut self.exact);
        self.sweeping = Some(Sweep::begin(&mut heap.core.memory, self.stamps.present(), exact, is_black));
        heap.core.roots.settle();
        self.marker.shrink(KEEP_STACK);
        self.pacing.buried();
    }

    /// Looks at `blocks` blocks if a sweep is in progress. True if one was.
    pub(crate) fn sweep(&mut self, memory: &mut Memory, blocks: usize) -> bool {
        let Some(sweep) = &mut self.sweeping else { return false };
        sweep.advance(memory, &mut self.holes, blocks);
        true
    }

    /// What is dead has been found and filed, or given back.
    fn finish_cycle(&mut self, heap: &mut HeapContext<'_>) {
        let Some(sweep) = self.sweeping.take() else { return };
        let swept = sweep.found();
        let marked = self.marker.bytes() as usize;
        let swept_over = (marked + self.pacing.born()).saturating_sub(heap.core.permanent.written_bytes());
        self.wasteful = is_wasteful(&swept, swept_over, &heap.core.memory);
        self.pacing.cycle_ended(self.found(heap, marked, swept.hole_bytes));
        self.surplus = heap.core.memory.blocks.surplus(self.pacing.keep_free());
        self.trim(heap, self.trim_bytes());

        let statistics = &mut heap.core.statistics;
        statistics.full_collections += 1;
        statistics.exact_collections += u64::from(swept.exact);
        statistics.live_objects = self.marker.objects();
        statistics.live_bytes = self.marker.bytes();
        heap.full_done(marked as u64);
        heap.core.event(EventKind::LiveDataSize { bytes: marked });
    }

    /// What the policy is to know after a cycle that marked so many bytes and found so many in holes.
    pub(crate) fn found(&self, heap: &HeapContext<'_>, marked: usize, holes: usize) -> Found {
        let outside = heap.core.outside.settled();
        let (alive, light) = (marked.saturating_add(outside), heap.core.light_bytes().saturating_add(outside));
        let blocks = &heap.core.memory.blocks;
        let room = blocks.limit().map(|_| blocks.headroom().saturating_add(holes));
        let burial = heap.core.death.entries() * ENTRY_COST;
        Found { alive, light, burial, room, recent: heap.recent_bytes() }
    }

    /// Gives back to the system what is left of the surplus that the last cycle found, at most so many bytes.
    fn trim(&mut self, heap: &mut HeapContext<'_>, most: usize) {
        if self.surplus > 0 {
            let blocks = &mut heap.core.memory.blocks;
            // The program may have taken some of it meanwhile.
            self.surplus = self.surplus.min(blocks.free_resident_bytes().saturating_sub(self.pacing.keep_free()));
            let bytes = self.surplus.min(most);
            self.surplus -= bytes;
            blocks.decommit_some(bytes);
        }
    }

    /// The system refused memory for the mark stack; nothing can be reclaimed for now.
    fn abandoned(&mut self, heap: &mut HeapContext<'_>) {
        self.pacing.cycle_abandoned();
        heap.core.statistics.abandoned_collections += 1;
        heap.core.event(EventKind::Abandoned);
    }

    /// The edges in `range` of `object` must be noted before they change.
    pub(crate) fn mark_now(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        // SAFETY: nothing is reclaimed or moved during a cycle.
        if !unsafe { self.marker.mark_before_write(&heap.core.memory, object, range) } {
            self.give_up(heap);
        }
    }

    /// The snapshot is about to be lost.
    #[cold]
    fn give_up(&mut self, heap: &mut HeapContext<'_>) {
        assert!(
            !self.given_up,
            "the system refuses memory that the write barrier needs; the object was not changed. Let the heap collect \
             when there is memory, then write again"
        );
        self.given_up = true;
        self.marking = false;
        self.exact = false;
        self.marker.give_up();
        heap.fast.set_barrier_mask(0);
        self.abandoned(heap);
    }
}
