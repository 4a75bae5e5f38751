//! Objects with finalizers: brought back once, and handed to the program.
//!
//! After Python's PEP 442: a collection that finds an object with a finalizer dead brings it back to life, with
//! everything that it leads to, and queues it. The program takes it out of the queue, inside a `mutate` of its own, and
//! does what it likes; so no user code runs in the middle of a collection, and nothing that a finalizer can see was
//! cleared or freed. The object is queued once for each time that it was registered, and while it is registered its header
//! says so (`FINALIZABLE`); the next time it is dead it dies.
//!
//! *Several queues*, because a queue is what gives the program its type back: all that is registered with one has one type
//! ([`FinalizerQueue`](crate::FinalizerQueue)). They are numbered, and stay for the life of the heap. The obvious
//! alternatives are a queue that is an object of the heap, as the guardians of Scheme are (Dybvig, Bruggeman and Eby, 1993),
//! and one queue of objects with a type that is asked. An object of the heap may die; whether it did would have to be
//! decided before the objects that wait for it are brought back, some of which may lead to it: rounds of decisions, as many
//! as there are queues in a chain. And with one queue two libraries in one heap take out each other's objects.
//!
//! A queued object is a root until it is taken out. Which collection queues an object that only another dead one with a
//! finalizer leads to is not promised; that it is queued at some time, once, is.
//!
//! *Room.* Registering an object makes room for it in its queue, so that no collection needs memory to queue it.
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
use crate::object::{FINALIZABLE, Object, ObjectMap, ObjectRef, prefetch};

/// The number of a queue.
pub(crate) type QueueNumber = u32;

/// An object with a finalizer.
#[derive(Clone, Copy)]
struct Entry {
    object: ObjectRef,
    queue: QueueNumber,
}

/// What waits to be taken out.
#[derive(Default)]
struct Queue {
    objects: VecDeque<ObjectRef>,
    /// Objects that are registered with it and not queued: there is room for them.
    registered: usize,
    /// During a pause: how many were there before.
    before: usize,
}

impl Queue {
    fn push(&mut self, object: ObjectRef) {
        debug_assert!(self.objects.len() < self.objects.capacity(), "registration makes room in the queue");
        self.registered -= 1;
        self.objects.push_back(object);
    }
}

/// The objects with finalizers of a heap.
#[derive(Default)]
pub struct Finalizers {
    /// Registered and not queued; in a counting heap only the young.
    objects: Aged<Entry>,
    /// Counting: registered, counted and not queued.
    watched: ObjectMap<QueueNumber>,
    queues: Vec<Queue>,
    /// Objects in all queues.
    queued: usize,
    /// Objects that lost the queue's reference since the last epoch of a counting collector.
    released: Vec<ObjectRef>,
}

impl Finalizers {
    /// Bytes of the lists.
    pub(super) fn side_bytes(&self) -> usize {
        let queued: usize = self.queues.iter().map(|queue| queue.objects.capacity()).sum();
        self.objects.memory_bytes()
            + self.watched.capacity() * (size_of::<(ObjectRef, QueueNumber)>() + 1)
            + (queued + self.released.capacity()) * size_of::<ObjectRef>()
            + self.queues.capacity() * size_of::<Queue>()
    }

    /// Number of objects that are registered and not queued.
    pub fn len(&self) -> usize {
        self.objects.len() + self.watched.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes a queue.
    ///
    /// # Errors
    /// When the system refuses memory, or there are 2^32 already.
    pub(crate) fn make_queue(&mut self) -> Result<QueueNumber, AllocError> {
        let number = QueueNumber::try_from(self.queues.len()).map_err(|_| AllocError::REFUSED)?;
        self.queues.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
        self.queues.push(Queue::default());
        Ok(number)
    }

    /// Makes room for one more object, through its life and death. With `counts`, for a counting heap.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve(&mut self, queue: QueueNumber, counts: bool) -> Result<(), AllocError> {
        self.objects.reserve().map_err(|_| AllocError::REFUSED)?;
        let all = self.len() + 1;
        let Queue { objects, registered, .. } = &mut self.queues[queue as usize];
        objects.try_reserve(*registered + 1).map_err(|_| AllocError::REFUSED)?;
        if counts {
            self.watched.try_reserve(self.objects.len() + 1).map_err(|_| AllocError::REFUSED)?;
            self.released.try_reserve(all + self.queued).map_err(|_| AllocError::REFUSED)?;
        }
        Ok(())
    }

    /// Registers an object, for which there is room, and which is not registered.
    pub(crate) fn register(&mut self, object: ObjectRef, queue: QueueNumber) {
        self.queues[queue as usize].registered += 1;
        self.objects.push(Entry { object, queue });
    }

    /// The objects that are registered.
    pub(crate) fn known(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.objects.iter_from(0).map(|entry| entry.object).chain(self.watched.keys().copied())
    }

    /// The objects in all queues: roots.
    pub fn queued(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.queues.iter().flat_map(|queue| queue.objects.iter().copied())
    }

    /// The slots of all queues, for a collector that moves what they hold.
    pub fn queued_mut(&mut self) -> impl Iterator<Item = &mut ObjectRef> {
        self.queues.iter_mut().flat_map(|queue| queue.objects.iter_mut())
    }

    /// Number of objects in one queue.
    pub(crate) fn queue_len(&self, queue: QueueNumber) -> usize {
        self.queues[queue as usize].objects.len()
    }

    /// Takes the object out that was queued first. With `counts`, its reference is given up at the next epoch.
    pub(crate) fn take(&mut self, queue: QueueNumber, counts: bool) -> Option<ObjectRef> {
        let object = self.queues[queue as usize].objects.pop_front()?;
        self.queued -= 1;
        if counts {
            debug_assert!(self.released.len() < self.released.capacity(), "registration makes room for the release");
            self.released.push(object);
        }
        Some(object)
    }

    /// Whether queues have given up references that a counting collector has not taken note of.
    pub fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Counting: the objects to which queues have given up a reference since the last call.
    pub fn released(&mut self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.released.drain(..)
    }

    /// Queues what was registered and not reached, and reaches it. True when there was any: the closure must be drained.
    /// `revived` is told each object, by the address that it had when the collection began: draining need not report what was
    /// reached by hand.
    pub(super) fn revive<C: Closure>(
        &mut self,
        scope: Scope,
        closure: &mut C,
        mut revived: impl FnMut(ObjectRef),
    ) -> Result<bool, Refused> {
        // All that are dead are queued before the first of them is reached, whatever they refer to.
        let Finalizers { objects, queues, queued, .. } = self;
        queues.iter_mut().for_each(|queue| queue.before = queue.objects.len());
        objects.retain_from(
            scope.start(objects.old()),
            |entry| prefetch(entry.object),
            |_, Entry { object, queue }| {
                if closure.locate(registered(object)).is_some() {
                    return Some(Entry { object, queue });
                }
                // A copy will not have the bit either.
                registered(object).header().remove(FINALIZABLE);
                queues[queue as usize].push(object);
                *queued += 1;
                None
            },
        );
        let mut any = false;
        for Queue { objects, before, .. } in queues {
            for (index, object) in objects.iter_mut().enumerate() {
                // Those too that were queued when this collection was refused memory, and is repeated.
                if index >= *before || closure.locate(registered(*object)).is_none() {
                    let before = core::mem::replace(object, closure.retain(registered(*object))?);
                    revived(before);
                    any = true;
                }
            }
        }
        Ok(any)
    }

    /// Follows what has moved.
    pub(super) fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) {
        self.objects.retain_from(
            scope.start(self.objects.old()),
            |entry| prefetch(entry.object),
            |_, Entry { object, queue }| {
                let now = closure.locate(registered(object));
                debug_assert!(now.is_some(), "an object with a finalizer dies, and was not queued");
                now.map(|object| Entry { object, queue })
            },
        );
        self.objects.age();
    }

    // ---- counting ----

    /// The increments of an epoch are made: what is registered was counted, or is queued.
    pub(super) fn watch_counted(&mut self) {
        let Finalizers { objects, watched, .. } = self;
        objects.retain_from(
            0,
            |_| {},
            |_, Entry { object, queue }| {
                watched.insert(object, queue);
                None
            },
        );
    }

    /// A registered object has lost its last reference: queues it, if it is one that was counted. The queue's reference must
    /// be counted, and the object is registered no more.
    pub(super) fn intercept(&mut self, object: Object<'_>) -> bool {
        let Some(queue) = self.watched.remove(&object.reference()) else { return false };
        self.queues[queue as usize].push(object.reference());
        self.queued += 1;
        true
    }
}
