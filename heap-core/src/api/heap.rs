//! [`Heap`]: owns objects, a root and a collector; lets the program in with [`Heap::mutate`], and collects in between.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use super::gc::Gc;
use super::mutator::Mutator;
use super::rootable::{Root, Rootable};
use crate::collector::{
    Collector, DropList, HeapContext, HeapCore, IntoCollector, Roots, Verifier, VerifyError, WeakTable,
};
use crate::error::AllocError;
use crate::machine::events::{CollectionKind, EventKind, Events, Listener};
use crate::machine::registry::{self, HeapCounters};
use crate::machine::{HeapOptions, Statistics};
use crate::memory::Memory;

/// A private, garbage-collected heap.
///
/// `R` names the family of the root's type (see [`Rootable!`](crate::Rootable!)). The collector is chosen by value when
/// the heap is made; it is not part of the type.
///
/// Objects are reclaimed or moved only at *safepoints*: when a [`mutate`](Self::mutate) ends, or when the program asks.
/// Everything that contains a safepoint takes `&mut self`, so no pointer into the heap can be alive then.
pub struct Heap<R: ?Sized> {
    mutator: Box<Mutator<'static>>,
    counters: Arc<HeapCounters>,
    zeal_turn: CollectionKind,
    // Invariant: two views of one heap must agree on what the root is.
    _root: PhantomData<fn(PhantomData<R>) -> PhantomData<R>>,
}

/// On which side of a `mutate` a due safepoint is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Safepoint {
    /// Before: the last `mutate` ended in a panic, or something outside made it due.
    Enter,
    /// After.
    Leave,
}

impl<R: ?Sized + for<'gc> Rootable<'gc>> Heap<R> {
    /// Makes a heap with default options, and its root.
    ///
    /// # Errors
    /// When the system refuses address space or memory.
    pub fn new<C, F>(collector: C, root: F) -> Result<Self, AllocError>
    where
        C: IntoCollector,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>) -> Root<'gc, R>,
    {
        Self::with_options(HeapOptions::default(), collector, root)
    }

    /// Makes a heap, and its root.
    ///
    /// # Errors
    /// When the system refuses address space or memory, or the limit is too small for the root.
    pub fn with_options<C, F>(options: HeapOptions, collector: C, root: F) -> Result<Self, AllocError>
    where
        C: IntoCollector,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>) -> Root<'gc, R>,
    {
        Self::try_with_options(options, collector, |mc| Ok(root(mc)))
    }

    /// Makes a heap, and its root, whose construction may fail.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options), and whatever `root` reports.
    pub fn try_with_options<C, F, E>(options: HeapOptions, collector: C, root: F) -> Result<Self, E>
    where
        C: IntoCollector,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>) -> Result<Root<'gc, R>, E>,
        E: From<AllocError>,
    {
        let collector = collector.into_collector();
        let mut memory = Memory::new(options.limit, options.reservation)?;
        if !options.huge_pages {
            memory.blocks.refuse_huge_pages();
        }
        let core = HeapCore {
            memory,
            roots: Roots::new(),
            weak: WeakTable::default(),
            drops: DropList::default(),
            statistics: Statistics::default(),
            events: Events::default(),
            options,
        };
        let counters = registry::register(core.roots.heap_id(), collector.name());
        // From here on the heap is dropped properly whatever happens.
        let mut heap = Heap {
            mutator: Box::new(Mutator::create(core, collector)),
            counters,
            zeal_turn: CollectionKind::Minor,
            _root: PhantomData,
        };
        let (collector, mut context) = heap.mutator.parts();
        collector.start(&mut context)?;
        heap.enter(|mc| {
            let object = mc.allocate_sized(root(mc)?)?;
            mc.set_root(object);
            Ok::<(), E>(())
        })?;
        if heap.mutator.fast.due.get() || heap.options().zeal {
            heap.safepoint(Safepoint::Leave);
        }
        Ok(heap)
    }

    /// Runs `f` with access to the heap and its root. No object moves or dies while it runs; when it ends, the heap
    /// collects if that is due. An empty call costs a few instructions.
    ///
    /// If `f` panics, no safepoint runs; one that is due is taken by the next call.
    #[inline]
    pub fn mutate<F, T>(&mut self, f: F) -> T
    where
        F: for<'gc> FnOnce(&'gc Mutator<'gc>, &'gc Root<'gc, R>) -> T,
    {
        if self.mutator.fast.due.get() {
            self.safepoint(Safepoint::Enter);
        }
        let result = self.enter(|mc| {
            let root = mc.root_object();
            // SAFETY: the root object was allocated with this type and is alive.
            let root = unsafe { Gc::<Root<'_, R>>::from_object(root) };
            f(mc, Gc::as_ref(root))
        });
        if self.mutator.fast.due.get() {
            self.safepoint(Safepoint::Leave);
        }
        result
    }

    /// As [`mutate`](Self::mutate), with exclusive access to the root. The write barrier runs for the root object.
    #[inline]
    pub fn mutate_root<F, T>(&mut self, f: F) -> T
    where
        F: for<'gc> FnOnce(&'gc Mutator<'gc>, &'gc mut Root<'gc, R>) -> T,
    {
        if self.mutator.fast.due.get() {
            self.safepoint(Safepoint::Enter);
        }
        let result = self.enter(|mc| {
            let root = mc.root_object();
            mc.barrier(root, 0..size_of::<Root<'_, R>>());
            // SAFETY: the root object was allocated with this type and is alive. `&mut self` is held and the root is
            // handed out only by `mutate` and here, so this reference is the only one; the barrier ran for it.
            let root = unsafe { root.payload().cast::<Root<'_, R>>().as_mut() };
            f(mc, root)
        });
        if self.mutator.fast.due.get() {
            self.safepoint(Safepoint::Leave);
        }
        result
    }

    /// Runs `f`, which reports when the heap is full, collects if it does, and runs it once more.
    ///
    /// The first attempt is not undone: `f` must be able to start again. When that is hard,
    /// [`reserve`](Self::reserve) before `mutate` is the better tool.
    ///
    /// # Errors
    /// What `f` reported: the first time, if no allocation failed during it; else the second time.
    pub fn try_mutate<F, T, E>(&mut self, mut f: F) -> Result<T, E>
    where
        F: for<'gc> FnMut(&'gc Mutator<'gc>, &'gc Root<'gc, R>) -> Result<T, E>,
    {
        self.mutator.fast.allocation_failed.set(false);
        let first = self.mutate(&mut f);
        if first.is_ok() || !self.mutator.fast.allocation_failed.replace(false) {
            return first;
        }
        self.collect();
        self.mutate(&mut f)
    }

    /// Runs `f` with the brand of this heap.
    #[inline]
    fn enter<T>(&self, f: impl for<'gc> FnOnce(&'gc Mutator<'gc>) -> T) -> T {
        let mc: &Mutator<'static> = &self.mutator;
        // SAFETY: only the brand changes, which exists in the type system alone. `f` accepts every `'gc`, so inside it
        // the brand equals no other lifetime.
        f(unsafe { core::mem::transmute::<&Mutator<'static>, &Mutator<'_>>(mc) })
    }
}

impl<R: ?Sized> Heap<R> {
    /// Does a full collection. Afterwards the heap holds exactly what the root and the handles reach (pure reference
    /// counting: and what cycles hold). Costs a look at everything alive.
    pub fn collect(&mut self) {
        self.pause(|collector, heap| collector.collect(heap, CollectionKind::Full));
    }

    /// Collects what was allocated since the last collection; a collector without generations does what is nearest.
    pub fn collect_minor(&mut self) {
        self.pause(|collector, heap| collector.collect(heap, CollectionKind::Minor));
    }

    /// Does about `bytes` bytes' worth of the collection in progress, or starts one. True when none is in progress
    /// afterwards.
    pub fn step(&mut self, bytes: usize) -> bool {
        let mut idle = true;
        self.pause(|collector, heap| idle = collector.step(heap, bytes));
        idle
    }

    /// Makes sure that `bytes` bytes can be allocated without reaching the limit, collecting when they cannot. Small
    /// objects may need a little more than their sum, because free memory is scattered.
    ///
    /// # Errors
    /// When there is not enough room even after a full collection.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), AllocError> {
        let Some(limit) = self.core().options.limit else { return Ok(()) };
        let used = self.core().memory.blocks.used_bytes();
        if bytes <= limit.saturating_sub(used) {
            return Ok(());
        }
        self.collect();
        let used = self.core().memory.blocks.used_bytes();
        if bytes <= limit.saturating_sub(used) {
            return Ok(());
        }
        Err(AllocError::LIMIT)
    }

    /// Walks everything reachable and checks every invariant of the heap and its collector. Slow: uses a hash set.
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn verify(&mut self) -> Result<Verifier, VerifyError> {
        let (collector, heap) = self.mutator.parts();
        heap.core.roots.synchronize();
        Verifier::run(heap.core, collector)
    }

    /// The heap's counters.
    pub fn statistics(&self) -> Statistics {
        self.mutator.statistics()
    }

    /// The heap's number, unique for the life of the process: the key in [`registry::heaps`](crate::registry::heaps).
    pub fn id(&self) -> u64 {
        self.mutator.heap_id()
    }

    /// The collector's short name.
    pub fn collector_name(&mut self) -> &'static str {
        self.mutator.parts().0.name()
    }

    /// Whether a full collection reclaims cycles; pure reference counting does not.
    pub fn reclaims_cycles(&mut self) -> bool {
        self.mutator.parts().0.reclaims_cycles()
    }

    /// Whether a full collection frees anything; [`NoGc`](crate::NoGc) never does.
    pub fn reclaims(&mut self) -> bool {
        self.mutator.parts().0.reclaims()
    }

    /// Calls `listener` after each pause with the events of that pause; `None` to stop.
    pub fn set_listener(&mut self, listener: Option<Listener>) {
        self.core().events.set_listener(listener);
    }

    /// Number of handles that keep roots in this heap, as of the last safepoint.
    pub fn handles(&mut self) -> usize {
        let roots = &mut self.core().roots;
        roots.synchronize();
        roots.handles()
    }

    /// The options that the heap was made with.
    pub fn options(&mut self) -> &HeapOptions {
        &self.core().options
    }

    fn core(&mut self) -> &mut HeapCore {
        self.mutator.parts().1.core
    }

    #[cold]
    #[inline(never)]
    fn safepoint(&mut self, side: Safepoint) {
        let turn = self.zeal_turn;
        let zeal = self.core().options.zeal;
        let fast = &self.mutator.fast;
        if side == Safepoint::Enter && (zeal || fast.always_due.get()) && !fast.collection_requested.get() {
            // Such a heap is always due, and collects when a `mutate` ends: nothing happened before the next begins.
            return;
        }
        if zeal {
            self.zeal_turn = match turn {
                CollectionKind::Minor => CollectionKind::Full,
                CollectionKind::Full => CollectionKind::Minor,
            };
        }
        self.pause(|collector, heap| {
            if heap.fast.collection_requested.replace(false) {
                heap.fast.due.set(false);
                collector.collect(heap, CollectionKind::Full);
            } else if zeal {
                collector.collect(heap, turn);
            } else {
                collector.safepoint(heap);
            }
        });
    }

    /// One pause: everything between the program's stop and its going on.
    fn pause(&mut self, work: impl FnOnce(&mut dyn Collector, &mut HeapContext<'_>)) {
        let start = Instant::now();
        let (collector, mut heap) = self.mutator.parts();
        heap.core.event(EventKind::PauseStart);
        heap.core.roots.synchronize();
        work(collector, &mut heap);
        if heap.core.options.zeal {
            heap.fast.due.set(true);
        }
        let bytes = heap.core.memory.blocks.used_bytes();
        heap.core.event(EventKind::HeapResized { bytes });
        heap.core.event(EventKind::PauseEnd);
        if heap.core.options.verify
            && let Err(error) = Verifier::run(heap.core, collector)
        {
            panic!("the heap is broken after a pause of `{}`: {error}", collector.name());
        }
        let elapsed = start.elapsed();
        let core = heap.core;
        core.statistics.pauses += 1;
        core.statistics.pause_time += elapsed;
        core.statistics.longest_pause = core.statistics.longest_pause.max(elapsed);
        core.statistics.allocated_bytes = heap.fast.allocated_bytes();
        core.statistics.heap_bytes = bytes as u64;
        core.statistics.peak_heap_bytes = core.memory.blocks.peak_bytes() as u64;
        self.counters.publish(&core.statistics);
        core.events.deliver();
        if let Some(payload) = core.drops.take_panic() {
            std::panic::resume_unwind(payload);
        }
    }
}

impl<R: ?Sized> Drop for Heap<R> {
    fn drop(&mut self) {
        registry::unregister(self.id());
        let (collector, mut heap) = self.mutator.parts();
        collector.finish(&mut heap);
        heap.core.drops.run_all();
        if let Some(payload) = heap.core.drops.take_panic() {
            if std::thread::panicking() {
                // One panic is enough, and dropping its payload might start a third.
                std::mem::forget(payload);
            } else {
                std::panic::resume_unwind(payload);
            }
        }
    }
}

impl<R: ?Sized> core::fmt::Debug for Heap<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Heap").field("id", &self.id()).field("statistics", &self.statistics()).finish()
    }
}
