//! What a collector works on: the parts of a heap that all collectors share.

use super::events::{EventKind, Events};
use super::fast_path::FastPath;
use super::options::HeapOptions;
use super::roots::Roots;
use super::statistics::Statistics;
use crate::death::{DropList, Scope, WeakTable};
use crate::error::AllocError;
use crate::memory::Memory;
use crate::object::{AllocRequest, Allocation, ObjectRef};

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
    /// Weak cells.
    pub weak: WeakTable,
    /// Objects with drop glue.
    pub drops: DropList,
    /// Counters that the user can read.
    pub statistics: Statistics,
    /// Events of the current pause, delivered after it.
    pub events: Events,
    /// What the user asked for.
    pub options: HeapOptions,
}

impl HeapContext<'_> {
    /// Bytes allocated since the heap was made.
    #[inline]
    pub fn recent_bytes(&self) -> u64 {
        self.fast.allocated_bytes()
    }

    /// Allocates a large object. Its payload is aligned, its header not yet written.
    ///
    /// # Errors
    /// When the heap's limit is reached or the system refuses memory.
    pub fn allocate_large(&mut self, request: AllocRequest) -> Result<Allocation, AllocError> {
        let memory = &mut self.core.memory;
        let payload_bytes = request.bytes - request.prefix;
        let payload = memory.large.allocate(&mut memory.blocks, payload_bytes, request.prefix, request.align)?;
        self.fast.count_allocated(request.bytes);
        Ok(Allocation { payload, birth: self.fast.birth.get() })
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
    /// Steps 3 to 6 of a safepoint: clears the weak cells of dead objects and runs their drop glue. `locate` says where
    /// an object is now, or `None` when it is dead; with [`Scope::Young`] it is asked only about objects allocated since
    /// the last collection and about the targets of their cells. The memory of dead and moved objects must be intact
    /// until this returns, and may be reused afterwards.
    pub fn process_dead(&mut self, scope: Scope, mut locate: impl FnMut(ObjectRef) -> Option<ObjectRef>) {
        self.weak.process(scope, &mut locate);
        self.event(EventKind::WeakCleared);
        self.drops.sort(scope, locate);
        let dropped = self.drops.run();
        self.statistics.dropped_objects += dropped as u64;
        if dropped > 0 {
            self.event(EventKind::DropGlueRun { objects: dropped });
        }
    }
}
