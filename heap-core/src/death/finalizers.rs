//! Objects with finalizers: brought back once, and handed to the program.
//!
//! After Python's PEP 442: a collection that finds an object with a finalizer dead brings it back to life, with
//! everything that it leads to, and queues it. The program takes it out of the queue, inside a `mutate` of its own, and
//! does what it likes; so no user code runs in the middle of a collection, and nothing that a finalizer can see was
//! cleared or freed. The object is queued once: its header says so (`FINALIZED`), and the next time it is dead it dies.
//!
//! A queued object is a root until it is taken out. Which collection queues an object that only another dead one with a
//! finalizer leads to is not promised; that it is queued at some time, once, is.
//!
//! *Room.* Registering an object makes room for it in the queue, so that no collection needs memory to queue it.
//!
//! *Counting.* An object that was not counted by the end of an epoch's increments is dead, and is queued there, where it can
//! still be counted together with what it leads to. One that was counted is *watched*: when its count falls to nothing, it
//! is intercepted before anybody looks at what it refers to, and the queue's reference becomes its only one. Cycles of
//! such objects are queued by the trial deletion that finds them.

use std::collections::VecDeque;

use super::{Scope, registered};
use crate::engine::{Closure, Refused};
use crate::error::AllocError;
use crate::memory::Aged;
use crate::object::{FINALIZED, Object, ObjectRef, ObjectSet, prefetch};

/// The objects with finalizers of a heap.
#[derive(Default)]
pub struct Finalizers {
    /// Registered and not queued; in a counting heap only the young.
    objects: Aged<ObjectRef>,
    /// Counting: registered, counted and not queued.
    watched: ObjectSet,
    queue: VecDeque<ObjectRef>,
    /// Objects that lost the queue's reference since the last epoch of a counting collector.
    released: Vec<ObjectRef>,
}

impl Finalizers {
    /// Bytes of the lists.
    pub(super) fn side_bytes(&self) -> usize {
        let listed = self.queue.capacity() + self.released.capacity();
        self.objects.memory_bytes()
            + self.watched.capacity() * (size_of::<ObjectRef>() + 1)
            + listed * size_of::<ObjectRef>()
    }

    /// Number of objects that are registered and not queued.
    pub fn len(&self) -> usize {
        self.objects.len() + self.watched.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for one more, through its life and death. With `counts`, for a counting heap.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve(&mut self, counts: bool) -> Result<(), AllocError> {
        self.objects.reserve().map_err(|_| AllocError::REFUSED)?;
        let queued = self.len() + 1;
        self.queue.try_reserve(queued).map_err(|_| AllocError::REFUSED)?;
        if counts {
            self.watched.try_reserve(self.objects.len() + 1).map_err(|_| AllocError::REFUSED)?;
            self.released.try_reserve(queued + self.queue.len()).map_err(|_| AllocError::REFUSED)?;
        }
        Ok(())
    }

    /// Registers an object, for which there is room, and whose finalizer was not queued before.
    pub(crate) fn register(&mut self, object: ObjectRef) {
        self.objects.push(object);
    }

    /// The objects that are registered.
    pub(super) fn known(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.objects.iter_from(0).chain(self.watched.iter().copied())
    }

    /// The objects in the queue: roots.
    pub fn queued(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.queue.iter().copied()
    }

    /// The slots of the queue, for a collector that moves what it holds.
    pub fn queued_mut(&mut self) -> impl Iterator<Item = &mut ObjectRef> {
        self.queue.iter_mut()
    }

    /// Takes the object out that was queued first. With `counts`, its reference is given up at the next epoch.
    pub(crate) fn take(&mut self, counts: bool) -> Option<ObjectRef> {
        let object = self.queue.pop_front()?;
        if counts {
            self.released.push(object);
        }
        Some(object)
    }

    /// Whether the queue has given up references that a counting collector has not taken note of.
    pub fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Counting: the objects to which the queue has given up a reference since the last call.
    pub fn released(&mut self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.released.drain(..)
    }

    /// Queues what was registered and not reached, and reaches it. True when there was any: the closure must be drained.
    pub(super) fn revive<C: Closure>(&mut self, scope: Scope, closure: &mut C) -> Result<bool, Refused> {
        // All that are dead are queued before the first of them is reached, whatever they refer to.
        let Finalizers { objects, queue, .. } = self;
        let before = queue.len();
        objects.retain_from(scope.start(objects.old()), prefetch, |_, object| {
            if closure.locate(registered(object)).is_some() {
                return Some(object);
            }
            let header = registered(object).header();
            // Unless it was registered twice. A copy will have the bit too.
            if !header.load().has(FINALIZED) {
                header.insert(FINALIZED);
                queue.push_back(object);
            }
            None
        });
        let mut any = false;
        for (index, object) in queue.iter_mut().enumerate() {
            // Those too that were queued when this collection was refused memory, and is repeated.
            if index >= before || closure.locate(registered(*object)).is_none() {
                *object = closure.retain(registered(*object))?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Follows what has moved.
    pub(super) fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) {
        self.objects.retain_from(scope.start(self.objects.old()), prefetch, |_, object| {
            let now = closure.locate(registered(object));
            debug_assert!(now.is_some(), "an object with a finalizer dies, and was not queued");
            now
        });
        self.objects.age();
    }

    // ---- counting ----

    /// The increments of an epoch are made: what is registered was counted, or is queued.
    pub(super) fn watch_counted(&mut self) {
        let Finalizers { objects, watched, .. } = self;
        objects.retain_from(
            0,
            |_| {},
            |_, object| {
                watched.insert(object);
                None
            },
        );
    }

    /// Whether the object has a finalizer that was not queued, and has been counted.
    pub fn watches(&self, object: ObjectRef) -> bool {
        self.watched.contains(&object)
    }

    /// A watched object has lost its last reference: queues it, if it is one. The queue's reference must be counted.
    pub(super) fn intercept(&mut self, object: Object<'_>) -> bool {
        let found = self.watched.remove(&object.reference());
        if found {
            self.queue.push_back(object.reference());
        }
        found
    }
}
