//! What a collector works on: the parts of a heap that all collectors share.

use super::capabilities::Capabilities;
use super::events::{EventKind, Events};
use super::fast_path::FastPath;
use super::options::HeapOptions;
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
    /// Bytes allocated since the heap was made.
    #[inline]
    pub fn recent_bytes(&self) -> u64 {
        self.fast.allocated_bytes()
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
    /// Bytes of what is alive that a marking need not look at: large objects without references. To be asked when dead
    /// large objects are gone; costs a look at the header of each large object.
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
        self.events.push(kind);
    }
}

impl HeapCore {
    /// Every root: the root object, the handles, and what waits for its finalizer.
    pub fn every_root(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.roots.iter().chain(self.death.finalizers.queued())
    }

    /// Updates every root, in the order of [`every_root`](Self::every_root): for a collector that moves objects.
    pub fn update_every_root(&mut self, mut update: impl FnMut(&mut ObjectRef)) {
        self.roots.update(&mut update);
        self.death.finalizers.queued_mut().for_each(update);
    }

    /// [`Death::bury`], counted and told to the listener.
    pub fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) {
        let dropped = self.death.bury(scope, closure);
        self.buried(dropped);
    }

    /// Counts and tells what [`Death::bury`] did, for collectors that must call it by itself.
    pub fn buried(&mut self, dropped: usize) {
        self.event(EventKind::WeakCleared);
        self.statistics.dropped_objects += dropped as u64;
        if dropped > 0 {
            self.event(EventKind::DropGlueRun { objects: dropped });
        }
    }
}
