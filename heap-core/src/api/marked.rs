//! [`MarkedHeap`]: a collection that tells the program, before anything dies, what will.
//!
//! An interpreter with weak tables and finalizers of its own has rules about the order of death which no heap can know. In Lua,
//! for instance: weak values that are dead are removed first, then dead objects with a `__gc` are brought back, with
//! everything that they lead to, and only then weak keys that are dead are removed. So the program is asked in between, as
//! often as it needs.
//!
//! *What it represents.* The heap between "what is reachable is known" and "the rest is gone". In each
//! [stage](MarkedHeap::finalize) the program has the heap as in a `mutate`, with the knowledge of what could be reached when
//! the stage began. What it resurrects or stores somewhere is reachable when the next stage begins, or the collection.
//!
//! *In each stage anew:* the trace is repeated, because whatever the program stored in the last stage, by whatever way it got
//! it, counts. It is a trace of the heap's own, the same for all collectors; why, is told in `machine/reached.rs`.

use core::cell::RefCell;
use core::ops::Deref;

use super::ephemeron::Ephemeron;
use super::gc::Gc;
use super::heap::Heap;
use super::mutator::Mutator;
use super::rootable::{Root, Rootable};
use super::weak::Weak;
use crate::error::AllocError;
use crate::machine::{HandleSlot, Reached};

/// A heap about to be collected, for programs that have a say in what dies: made by [`Heap::mark`].
///
/// Dropping it without [`collect`](Self::collect) is no collection: nothing has changed, but by what the program did.
///
/// ```
/// use heap_core::{Gc, Heap, NoGc, RefLock, Rootable, Trace, Weak, field};
///
/// #[derive(Trace)]
/// struct Thread { name: &'static str }
///
/// #[derive(Trace, Default)]
/// struct Root<'gc> {
///     running: RefLock<Vec<Gc<'gc, Thread>>>,
///     all: RefLock<Vec<Weak<'gc, Thread>>>,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Root<'_>>]>::new(NoGc::default(), |mc| Gc::new(mc, Root::default()))?;
/// heap.mutate(|mc, root| {
///     for name in ["main", "worker"] {
///         let thread = Gc::new(mc, Thread { name });
///         field!(mc, root.all).unlock().borrow_mut().push(Gc::downgrade(thread, mc));
///         if name == "main" {
///             field!(mc, root.running).unlock().borrow_mut().push(thread);
///         }
///     }
/// });
/// let mut marked = heap.mark();
/// let dead = marked.finalize(|fc, root| {
///     let all = root.all.borrow();
///     let dead = all.iter().filter(|thread| thread.is_dead(fc));
///     dead.map(|thread| thread.resurrect(fc).expect("nothing was reclaimed yet").name).collect::<Vec<_>>()
/// })?;
/// assert_eq!(dead, ["worker"]);
/// // What was resurrected is alive in the next stage, and survives this collection.
/// assert!(marked.finalize(|fc, root| root.all.borrow().iter().all(|thread| !thread.is_dead(fc)))?);
/// marked.collect();
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct MarkedHeap<'h, R: ?Sized> {
    heap: &'h mut Heap<R>,
    /// Keeps what was resurrected.
    kept: Vec<HandleSlot>,
}

/// Gives access to a heap inside [`MarkedHeap::finalize`]: a [`Mutator`], and the knowledge of what is dead.
pub struct Finalization<'gc> {
    mc: &'gc Mutator<'gc>,
    reached: Reached,
    kept: RefCell<Vec<HandleSlot>>,
}

impl<R: ?Sized> Heap<R> {
    /// Begins a collection in stages, in which the program may ask what is dead and bring some of it back.
    pub fn mark(&mut self) -> MarkedHeap<'_, R> {
        MarkedHeap { heap: self, kept: Vec::new() }
    }
}

impl<R: ?Sized + for<'gc> Rootable<'gc>> Heap<R> {
    /// A full collection with one stage: finds out what is reachable, runs `f`, and collects.
    ///
    /// If `f` panics, there is no collection.
    ///
    /// # Errors
    /// When the system refuses memory to find out what is reachable. `f` was not called then, and nothing collected.
    pub fn collect_with<F, T>(&mut self, f: F) -> Result<T, AllocError>
    where
        F: for<'gc> FnOnce(&Finalization<'gc>, &'gc Root<'gc, R>) -> T,
    {
        let mut marked = self.mark();
        let result = marked.finalize(f)?;
        marked.collect();
        Ok(result)
    }
}

impl<R: ?Sized + for<'gc> Rootable<'gc>> MarkedHeap<'_, R> {
    /// One stage: finds out what is reachable, and runs `f`, which has the heap as in a `mutate`. There is no safepoint
    /// in it. Costs a look at everything reachable, and while it runs half a kilobyte for each block of 32 KiB in use.
    ///
    /// Objects that wait in a [`FinalizerQueue`](crate::FinalizerQueue) are reachable. Those that are registered with one and
    /// dead are dead here, and are queued by the collection if they still are.
    ///
    /// A panic of `f` is a panic of this call.
    ///
    /// # Errors
    /// When the system refuses memory to find out what is reachable. `f` was not called then.
    pub fn finalize<F, T>(&mut self, f: F) -> Result<T, AllocError>
    where
        F: for<'gc> FnOnce(&Finalization<'gc>, &'gc Root<'gc, R>) -> T,
    {
        let reached = self.heap.machine.kept()?;
        let kept = RefCell::new(core::mem::take(&mut self.kept));
        let (result, kept) = self.heap.enter(|mc| {
            let fc = Finalization { mc, reached, kept };
            let root = mc.machine.root_object();
            // SAFETY: the root object was allocated with this type and is alive.
            let root = unsafe { Gc::<Root<'_, R>>::from_object(root) };
            let result = f(&fc, Gc::as_ref(root));
            (result, fc.kept.into_inner())
        });
        self.kept = kept;
        Ok(result)
    }
}

impl<R: ?Sized> MarkedHeap<'_, R> {
    /// Collects: [`Heap::collect`]. What was resurrected survives this collection, and is after it what it was before: dead,
    /// unless the program stored it.
    pub fn collect(self) {
        self.heap.collect();
    }
}

impl<'gc> Finalization<'gc> {
    fn keep<T: ?Sized>(&self, object: Gc<'gc, T>) {
        let slot = self.mc.machine.core(|core| core.roots.create(object.object()));
        self.kept.borrow_mut().push(slot);
    }
}

impl<'gc> Deref for Finalization<'gc> {
    type Target = Mutator<'gc>;
    fn deref(&self) -> &Mutator<'gc> {
        self.mc
    }
}

impl<'gc, T: ?Sized + 'gc> Weak<'gc, T> {
    /// True when the target was reclaimed, or could not be reached when this stage began: then the collection reclaims it,
    /// unless it is [resurrected](Self::resurrect) or stored. (A collector without cycle collection does not, if it is on a
    /// cycle.) Objects that were made in this stage are not known to be reachable.
    pub fn is_dead(self, fc: &Finalization<'gc>) -> bool {
        self.target().is_none_or(|target| !fc.reached.keeps(target))
    }

    /// The target, if it was not reclaimed. It survives this collection, with everything that it leads to.
    ///
    /// # Panics
    /// When there are more handles than ever before and the system refuses memory for them.
    pub fn resurrect(self, fc: &Finalization<'gc>) -> Option<Gc<'gc, T>> {
        let target = self.upgrade(fc)?;
        fc.keep(target);
        Some(target)
    }
}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Ephemeron<'gc, K, V> {
    /// True when the key was reclaimed, or is [dead](Weak::is_dead).
    pub fn is_dead(self, fc: &Finalization<'gc>) -> bool {
        self.pair().is_none_or(|(key, _)| !fc.reached.keeps(key))
    }
}

impl<'gc, T: ?Sized + 'gc> Gc<'gc, T> {
    /// True when the object could not be reached when this stage began. See [`Weak::is_dead`].
    pub fn is_dead(this: Self, fc: &Finalization<'gc>) -> bool {
        !fc.reached.keeps(this.object())
    }

    /// Makes the object survive this collection, with everything that it leads to.
    ///
    /// # Panics
    /// When there are more handles than ever before and the system refuses memory for them.
    pub fn resurrect(this: Self, fc: &Finalization<'gc>) {
        fc.keep(this);
    }
}

impl<R: ?Sized> core::fmt::Debug for MarkedHeap<'_, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MarkedHeap").field("heap", self.heap).field("resurrected", &self.kept.len()).finish()
    }
}
