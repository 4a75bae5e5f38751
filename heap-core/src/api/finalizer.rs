//! [`FinalizerQueue`]: objects of one type that were found dead, for the program to do something about.
//!
//! A traced type has no destructor: one that could look at its neighbours would meet dead ones. What must be done when an
//! object with pointers dies (a file of a virtual machine closed, an entry of an index removed, a `__gc` or `__del__`
//! called) is done by the program, in a `mutate` like any other, with an object that is whole and alive.
//!
//! *Why a queue for each type, and not a closure for each object.* A closure would be called by the heap, in the middle of
//! somebody else's work, with no say about order, errors or time, and would have to be traced and moved itself. *Why the type
//! comes with the queue, and not with the object.* Then nothing is asked at run time: what goes in as a `Gc<T>` comes out as
//! one. Objects of several types go into several queues, or behind one enum. A program that wants priorities makes a queue
//! for each, and empties them in its order.
//!
//! The machinery is that of [`death`](crate::death).

use core::marker::PhantomData;

use super::gc::Gc;
use super::mutator::Mutator;
use crate::death::QueueNumber;
use crate::error::AllocError;
use crate::trace::{Content, Known, Relocator, Trace, Tracer};

/// A queue in which objects wait that were found dead, after Python's PEP 442.
///
/// An object is [registered](Self::register) with the queue while it lives. The collection that finds it dead brings it
/// back, with everything that it leads to, and queues it; the program takes it [out](Self::next) and does what it likes,
/// to keep it included. Then it is an ordinary object again: the next time that it is dead it dies, unless it was registered
/// anew. So each object is queued once for each time that it was registered.
///
/// * *Order.* Objects that are found dead together are all queued, whatever leads to what, before anything is cleared or
///   freed: none of them ever meets a neighbour that is gone. Of two that lead to each other in a line, both are
///   queued, in the same collection or in successive ones: that is the collector's choice.
/// * *Weak pointers* to what was brought back, and [ephemerons](crate::Ephemeron) with such keys, are not cleared; they are
///   when the object dies for good.
/// * *A panic* of what the program does with an object is a panic of its `mutate`. The object has left the queue, the others
///   wait for the next call.
/// * *Dropping the heap* queues and finalizes nothing. Drop glue of fields runs, as always.
///
/// The queue is `Copy` and belongs to its heap: it stands in the root or wherever the program looks for it. It costs 50 bytes
/// or so and a look in each collection, for as long as the heap lives; make one for each kind of object. A registration costs 24 bytes until the object
/// is taken out (80 with a collector that counts), and each collection a look at each object registered since the last one,
/// or at all of them.
///
/// ```
/// use heap_core::{FinalizerQueue, Gc, Heap, Lock, NoGc, Rootable, Trace, store};
///
/// #[derive(Trace)]
/// struct File<'gc> {
///     descriptor: i32,
///     name: Gc<'gc, str>,
/// }
///
/// #[derive(Trace)]
/// struct Root<'gc> {
///     unused_files: FinalizerQueue<'gc, File<'gc>>,
///     current: Lock<Option<Gc<'gc, File<'gc>>>>,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Root<'_>>]>::new(NoGc::default(), |mc| {
///     Gc::new(mc, Root { unused_files: FinalizerQueue::new(mc), current: Lock::new(None) })
/// })?;
/// heap.mutate(|mc, root| {
///     let file = Gc::new(mc, File { descriptor: 3, name: Gc::new_str(mc, "log") });
///     root.unused_files.register(mc, file);
///     store!(mc, root.current, Some(file));
/// });
/// // Now and then, and after each `collect`:
/// heap.mutate(|mc, root| {
///     while let Some(file) = root.unused_files.next(mc) {
///         println!("{} was not closed: closing {}", file.name, file.descriptor);
///     }
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct FinalizerQueue<'gc, T: ?Sized + 'gc> {
    number: QueueNumber,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
    // Invariant: pointers go in and come out, and all copies of a queue must agree on their type.
    _objects: PhantomData<*mut T>,
}

impl<'gc, T: ?Sized + 'gc> Clone for FinalizerQueue<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: ?Sized + 'gc> Copy for FinalizerQueue<'gc, T> {}

impl<'gc, T: ?Sized + 'gc> FinalizerQueue<'gc, T> {
    /// Makes a queue, which lives as long as the heap.
    ///
    /// # Panics
    /// When the system refuses memory.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        match Self::try_new(mc) {
            Ok(queue) => queue,
            Err(error) => super::alloc::heap_is_full(error),
        }
    }

    /// Makes a queue, or reports that the system refuses memory.
    ///
    /// # Errors
    /// When it does.
    pub fn try_new(mc: &Mutator<'gc>) -> Result<Self, AllocError> {
        let number = mc.machine.make_finalizer_queue()?;
        Ok(FinalizerQueue { number, _brand: PhantomData, _objects: PhantomData })
    }

    /// Asks that the object be queued here when it is found dead. False when it is registered already, with this queue or
    /// another one: that stays as it is.
    ///
    /// # Panics
    /// When the system refuses memory.
    #[track_caller]
    pub fn register(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> bool {
        match self.try_register(mc, object) {
            Ok(registered) => registered,
            Err(error) => super::alloc::heap_is_full(error),
        }
    }

    /// As [`register`](Self::register), but reports that the system refuses memory. The object is not registered then.
    ///
    /// # Errors
    /// When it does.
    pub fn try_register(self, mc: &Mutator<'gc>, object: Gc<'gc, T>) -> Result<bool, AllocError> {
        // SAFETY: a Gc leads to a live object.
        unsafe { mc.machine.register_finalizer(object.object(), self.number) }
    }

    /// Takes the object out that has waited longest.
    pub fn next(self, mc: &Mutator<'gc>) -> Option<Gc<'gc, T>> {
        let object = mc.machine.next_finalizable(self.number)?;
        // SAFETY: what is queued is alive, and lives until the next safepoint. What is in this queue was registered with it, in
        // the heap of this brand, as a `T`: queues are numbered for each heap, the type of a number is that of the call
        // which made it, and all copies have the same.
        Some(unsafe { Gc::from_object(object) })
    }

    /// How many objects wait.
    pub fn len(self, mc: &Mutator<'gc>) -> usize {
        mc.machine.core(|core| core.death.finalizers.queue_len(self.number))
    }

    /// Whether none waits.
    pub fn is_empty(self, mc: &Mutator<'gc>) -> bool {
        self.len(mc) == 0
    }
}

impl<'gc, T: ?Sized + 'gc> core::fmt::Debug for FinalizerQueue<'gc, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("FinalizerQueue").field(&self.number).finish()
    }
}

// SAFETY: a number; what waits is held by the heap. The bound on the objects is rule 7 of the trait, as for `Gc`.
unsafe impl<'gc, T: ?Sized + Content<'gc> + 'gc> Trace<'gc> for FinalizerQueue<'gc, T> {
    type Facts = Known<false, false>;
    fn trace(&self, _: &mut Tracer<'gc>) {}
    fn relocate(&mut self, _: &mut Relocator<'gc>) {}
}
