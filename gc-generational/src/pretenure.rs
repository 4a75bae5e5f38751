//! Pretenuring: when nearly everything survives, the nursery is parked and objects are born old.
//!
//! *The observation.* A program that builds a data structure, or whose objects live long and die old, pays for a
//! nursery without profit: every object is copied once, and dies in the old space anyway.
//!
//! *What is done.* When minor collections keep finding that almost all of a full nursery survived, the nursery is
//! parked: until the next full collection the fast path bumps through the holes of the old space, as in any mark-region
//! collector. There are no young objects then, so no object can point at one, so the write barrier is switched off
//! and objects are born clean. The next full collection takes the nursery out again, and a single minor collection
//! decides whether the program has changed.
//!
//! *What it costs when the guess is wrong.* Garbage lies in the old space until the next full collection, which comes
//! when as many bytes were allocated as may be promoted between two of them anyway.
//!
//! *Why all or nothing.* Pretenuring some objects beside a nursery (by allocation site, as Blackburn and others, 2001)
//! means old objects that are initialised with young pointers: each would have to be remembered at birth.
//!
//! *Why no survivor space,* where objects of middle age die that survived one minor collection and would not survive a
//! second? A survivor costs a copy, 5.5 to 7.8 nanoseconds of processor time for 24 bytes, and its share of a marking that
//! does not look at the dead. A survivor space saves that share and costs a second copy of all that lives on. Of 6 million
//! messages of 40 bytes in a queue of 30 000, most die in the nursery, 28 % are promoted and die soon: 33 ms in all, of
//! which four full collections are all that could be saved. In a queue of 100 000 or 300 000 every message survives one
//! minor collection, and many would survive two: 74 to 99 ms when each is copied once, 41 to 53 when the nursery is parked
//! and none is.

use heap_core::AllocError;
use heap_core::collector::memory::Blocks;
use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{AllocRequest, Allocation, FastPath, HeapContext, Room};

use crate::{Generational, epoch};

impl Generational {
    /// Parks the nursery, which is empty: from now on objects are born old.
    pub(crate) fn park(&mut self, blocks: &mut Blocks, fast: &FastPath) {
        self.nursery.park(blocks, fast);
        self.policy.parked();
        fast.set_barrier_mask(0);
        fast.birth.set(self.old.epochs.now().bits() | UNLOGGED);
    }

    /// Undoes [`park`](Self::park) for the fast path; the nursery must be settled afterwards.
    pub(crate) fn unpark(&mut self, fast: &FastPath) {
        fast.set_barrier_mask(UNLOGGED);
        fast.birth.set(epoch::YOUNG);
    }

    /// Makes room in the old space for an object that is not large, and takes it. The nursery is parked.
    pub(crate) fn allocate_pretenured(
        &mut self,
        heap: &mut HeapContext<'_>,
        request: AllocRequest,
    ) -> Result<Allocation, AllocError> {
        loop {
            if let Some(allocation) = heap.fast.bump(request) {
                return Ok(allocation);
            }
            if self.policy.wants_full(heap.core, self.nursery.committed_bytes()) {
                heap.fast.due.set(true);
            }
            let (memory, policy) = (&mut heap.core.memory, self.old.epochs.policy());
            match self.old.holes.find(memory, policy, request)? {
                Room::Place(payload) => {
                    self.policy.promoted += request.bytes;
                    heap.fast.count_allocated(request.bytes);
                    return Ok(Allocation { payload, birth: heap.fast.birth.get() });
                }
                Room::Hole(hole) => {
                    self.policy.promoted += hole.bytes();
                    heap.fast.set_buffer(hole);
                }
            }
        }
    }
}
