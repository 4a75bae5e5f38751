//! What a collector works on: the parts of a heap that all collectors share.

use super::capabilities::Capabilities;
use super::events::{EventKind, Events};
use super::fast_path::FastPath;
use super::futility::{Full, Futility};
use super::identity::Identity;
use super::options::HeapOptions;
use super::outside::Outside;
use super::permanent::Permanent;
use super::roots::Roots;
use super::statistics::Statistics;
use crate::death::{Death, Scope};
use crate::engine::Closure;
use crate::error::AllocError;
use crate::memory::Memory;
use crate::object::{AllocRequest, Allocation, ObjectRef};
use crate::region::card_birth;

/// What a collector's methods work on.
pub struct HeapContext<'h> {
    /// The words that steer the fast paths.
    pub fast: &'h FastPath,
    /// Everything that all collectors share.
    pub core: &'h mut HeapCore,
}

/// The parts of a heap that all collectors share.
pub struct HeapCore {
    /// Blocks, lines and large objects in one reservation.
    pub memory: Memory,
    /// The root object and the handles.
    pub roots: Roots,
    /// Weak cells, ephemerons, finalizers, drop glue.
    pub death: Death,
    /// Bytes that objects own outside the heap.
    pub outside: Outside,
    /// Identity hashes.
    pub identity: Identity,
    /// Whether the heap collects when that is due; or only when the program asks.
    pub(crate) automatic: bool,
    /// What is never collected.
    pub permanent: Permanent,
    /// Bytes that had been allocated when the heap was last told to idle.
    pub(super) rested_at: u64,
    /// The most bytes that the heap held whenever that was noted, structures of its own included.
    pub(super) peak_held: u64,
    /// Whether collecting still helps.
    pub(super) futility: Futility,
    /// Counters that the user can read.
    pub statistics: Statistics,
    /// Events of the current pause, delivered after it.
    pub events: Events,
    /// What the user asked for.
    pub options: HeapOptions,
    /// What the collector promises.
    pub capabilities: Capabilities,
}

impl HeapContext<'_> {
    /// Bytes allocated since the heap was made, or last told to [idle](crate::Heap::idle): what allowances follow.
    #[inline]
    pub fn recent_bytes(&self) -> u64 {
        self.fast.allocated_bytes() - self.core.rested_at
    }

    /// A full collection was completed that looked at `looked_at` bytes of objects; the heap's counters of live objects are
    /// up to date. To be called once for each.
    pub fn full_done(&mut self, looked_at: u64) {
        let (core, allocated) = (&mut *self.core, self.fast.allocated_bytes());
        let blocks = &core.memory.blocks;
        let tight = blocks.limit().is_some_and(|limit| blocks.headroom() < limit / 8);
        let full = Full { looked_at, allocated, live: core.statistics.live_bytes, tight };
        core.statistics.live_as_of = Some(allocated);
        core.futility.full_done(full, core.options.overhead_limit);
    }

    /// Allocates a large object. Its payload is aligned, its header not yet written. A slice is born with blank
    /// [`Cards`](crate::collector::Cards); its birth says so.
    ///
    /// # Errors
    /// When the heap's limit is reached or the system refuses memory.
    pub fn allocate_large(&mut self, request: AllocRequest) -> Result<Allocation, AllocError> {
        let memory = &mut self.core.memory;
        let payload_bytes = request.bytes - request.prefix;
        let payload = memory.large.allocate(&mut memory.blocks, payload_bytes, request.prefix, request.align)?;
        self.fast.count_allocated(request.bytes);
        let cards = card_birth(&memory.lines, payload.addr().get(), request);
        Ok(Allocation { payload, birth: self.fast.birth.get() | cards })
    }
}

impl HeapCore {
    /// The parts of a heap that holds nothing yet.
    pub(crate) fn new(memory: Memory, options: HeapOptions, capabilities: Capabilities) -> Self {
        let roots = Roots::new(capabilities.counts);
        let base = memory.blocks.base().addr().get();
        HeapCore {
            identity: Identity::new(roots.heap_id(), base, capabilities.moves),
            memory,
            roots,
            death: Death::default(),
            outside: Outside::default(),
            automatic: true,
            permanent: Permanent::default(),
            rested_at: 0,
            peak_held: 0,
            futility: Futility::default(),
            statistics: Statistics::default(),
            events: Events::default(),
            options,
            capabilities,
        }
    }

    /// Asks all objects of a counting heap what they own outside the heap: it may have changed since they were counted.
    pub fn recount_outside(&mut self) {
        self.death.drops.recount();
        self.outside.settle(&mut self.memory.blocks, Scope::All, self.death.drops.owned_bytes());
    }

    /// Bytes of the structures that describe the heap: side tables, the handle table, weak cells' and drop glue's lists, and
    /// `of_collector` bytes of the collector's own.
    pub(super) fn side_bytes(&self, of_collector: usize) -> u64 {
        let own =
            self.memory.side_bytes() + self.roots.side_bytes() + self.death.side_bytes() + self.identity.side_bytes();
        (own + self.permanent.side_bytes() + of_collector) as u64
    }

    /// Takes note of what the heap holds now, for the peak (rule R56); `of_collector` are the bytes of the collector's own structures.
    /// Done at the beginning and the end of each pause. In between, a collector does it when everything is marked and nothing
    /// freed: the stack is still there then.
    pub fn note_held(&mut self, of_collector: usize) {
        let held = self.memory.blocks.used_bytes() as u64 + self.side_bytes(of_collector);
        self.peak_held = self.peak_held.max(held);
    }

    /// The counters, with what the heap holds now; `of_collector` as above.
    pub(super) fn current_statistics(&self, of_collector: usize) -> Statistics {
        let (blocks, side_bytes) = (&self.memory.blocks, self.side_bytes(of_collector));
        let resident = (blocks.used_bytes() + blocks.free_resident_bytes()) as u64 + side_bytes;
        Statistics {
            heap_bytes: blocks.used_bytes() as u64,
            outside_bytes: blocks.outside_bytes() as u64,
            side_bytes,
            permanent_objects: self.permanent.objects,
            permanent_bytes: self.permanent.bytes,
            permanent_block_bytes: self.permanent.block_bytes,
            peak_heap_bytes: self.peak_held.max(blocks.peak_bytes() as u64),
            resident_bytes: (!cfg!(any(miri, target_family = "wasm"))).then_some(resident),
            ..self.statistics
        }
    }

    /// Bytes of the heap that are alive and that a marking need not look at: large objects without references. To be asked
    /// when dead large objects are gone; costs a look at the header of each.
    pub fn light_bytes(&self) -> usize {
        let is_light = |payload| {
            // SAFETY: objects that are listed as large are intact until they leave the list, and are never forwarded.
            unsafe { ObjectRef::new(payload).header().load().type_info() }.trace().is_none()
        };
        let large = self.memory.large.iter().filter(|object| is_light(object.payload));
        large.map(|object| object.bytes).sum()
    }

    /// Records an event of the pause in progress.
    pub fn event(&mut self, kind: EventKind) {
        #[cfg(feature = "conformance")]
        kind.leave_a_note(self.roots.heap_id());
        self.events.push(kind);
    }
}

impl HeapCore {
    /// Every root: those of the program, and permanent objects that were written.
    pub fn every_root(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.program_roots().chain(self.permanent.written())
    }

    /// The roots by which the program can reach something: the root object, the handles, and what waits for its
    /// finalizer.
    pub fn program_roots(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.roots.iter().chain(self.death.finalizers.queued())
    }

    /// Updates every root that may move, in the order of [`every_root`](Self::every_root): for a collector that moves
    /// objects.
    pub fn update_every_root(&mut self, mut update: impl FnMut(&mut ObjectRef)) {
        self.roots.update(&mut update);
        self.death.finalizers.queued_mut().for_each(update);
    }

    /// [`Death::bury`], counted and told to the listener.
    pub fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) {
        let dropped = self.death.bury(scope, closure);
        self.buried(scope, dropped);
    }

    /// Counts and tells what [`Death::bury`] did, for collectors that must call it by itself.
    pub fn buried(&mut self, scope: Scope, dropped: usize) {
        self.event(EventKind::WeakCleared);
        self.outside.settle(&mut self.memory.blocks, scope, self.death.drops.owned_bytes());
        self.statistics.dropped_objects += dropped as u64;
        if dropped > 0 {
            self.event(EventKind::DropGlueRun { objects: dropped });
        }
    }
}
