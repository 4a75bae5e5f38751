//! [`Heap`]: owns objects, a root and a collector; lets the program in with [`Heap::mutate`], and collects in between.

use std::marker::PhantomData;

use super::gc::Gc;
use super::mutator::Mutator;
use super::rootable::{Root, Rootable};
use super::thread::HeapStaysOnItsThread;
use crate::collector::{Capabilities, Census, HeapCore, IntoCollector, VerifyError};
use crate::error::AllocError;
use crate::machine::events::{CollectionKind, Listener};
use crate::machine::{HeapOptions, Machine, Safepoint, Statistics, verify};
use crate::memory::Memory;

/// A private, garbage-collected heap.
///
/// `R` names the family of the root's type (see [`Rootable!`](crate::Rootable!)). The collector is chosen by value when
/// the heap is made; it is not part of the type.
///
/// Objects are reclaimed or moved only at *safepoints*: when a [`mutate`](Self::mutate) ends, or when the program asks.
/// Everything that contains a safepoint takes `&mut self`, so no pointer into the heap can be alive then.
pub struct Heap<R: ?Sized> {
    pub(super) machine: Box<Machine>,
    // Invariant: two views of one heap must agree on what the root is.
    _root: PhantomData<fn(PhantomData<R>) -> PhantomData<R>>,
}

// The condition stands at each function: at the impl, a root that is not `Trace` would be answered by "no function `new`".
impl<R: ?Sized> Heap<R> {
    /// Makes a heap with default options, and its root.
    ///
    /// # Errors
    /// When the system refuses address space or memory.
    pub fn new<C, F>(collector: C, root: F) -> Result<Self, AllocError>
    where
        R: for<'gc> Rootable<'gc>,
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
        R: for<'gc> Rootable<'gc>,
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
        R: for<'gc> Rootable<'gc>,
        C: IntoCollector,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>) -> Result<Root<'gc, R>, E>,
        E: From<AllocError>,
    {
        let collector = collector.into_collector();
        let mut memory = Memory::new(options.limit, options.reservation)?;
        memory.blocks.set_retirement(options.retirement());
        if !options.huge_pages {
            memory.blocks.refuse_huge_pages();
        }
        let core = HeapCore::new(memory, options, collector.capabilities());
        // From here on the heap is dropped properly whatever happens.
        let mut heap = Heap { machine: Box::new(Machine::new(core, collector)), _root: PhantomData };
        let (collector, mut context) = heap.machine.parts();
        collector.start(&mut context)?;
        heap.enter(|mc| {
            let object = mc.allocate_sized(root(mc)?)?;
            mc.machine.set_root(object);
            Ok::<(), E>(())
        })?;
        if heap.machine.fast.due.get() || heap.options().zeal {
            heap.machine.safepoint(Safepoint::Leave);
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
        R: for<'gc> Rootable<'gc>,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>, &'gc Root<'gc, R>) -> T,
    {
        if self.machine.fast.due.get() {
            self.machine.safepoint(Safepoint::Enter);
        }
        let result = self.enter(|mc| {
            let root = mc.machine.root_object();
            // SAFETY: the root object was allocated with this type and is alive.
            let root = unsafe { Gc::<Root<'_, R>>::from_object(root) };
            f(mc, Gc::as_ref(root))
        });
        if self.machine.fast.due.get() {
            self.machine.safepoint(Safepoint::Leave);
        }
        result
    }

    /// As [`mutate`](Self::mutate), through a shared reference, and therefore without a safepoint: nothing is collected when
    /// `f` ends. Views nest in each other, as when a formatter, a panic handler or a callback looks into the heap that is
    /// being looked at.
    ///
    /// A view has a brand of its own: inside one, pointers of the view outside it are pointers of another heap. It may
    /// allocate and write. What that makes due is done by the next [`mutate`](Self::mutate) or [`poll`](Self::poll); in
    /// a program that has only views nothing is ever reclaimed, until the heap's limit is reached.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use heap_core::{Gc, Heap, Lock, NoGc, Rootable};
    ///
    /// let heap = Heap::<Rootable![Gc<'_, Lock<u64>>]>::new(NoGc::default(), |mc| Gc::new(mc, Lock::new(0))).unwrap();
    /// let heap = RefCell::new(heap);
    /// heap.borrow().view(|mc, counter| {
    ///     counter.set(mc, 7);
    ///     assert_eq!(heap.borrow().view(|_, counter| counter.get()), 7);
    /// });
    /// heap.borrow_mut().poll();
    /// ```
    #[inline]
    pub fn view<F, T>(&self, f: F) -> T
    where
        R: for<'gc> Rootable<'gc>,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>, &'gc Root<'gc, R>) -> T,
    {
        self.enter(|mc| {
            let root = mc.machine.root_object();
            // SAFETY: the root object was allocated with this type and is alive. Whoever has exclusive access to the root has
            // the heap exclusively borrowed.
            let root = unsafe { Gc::<Root<'_, R>>::from_object(root) };
            f(mc, Gc::as_ref(root))
        })
    }

    /// As [`mutate`](Self::mutate), with exclusive access to the root. The write barrier runs for the root object.
    #[inline]
    pub fn mutate_root<F, T>(&mut self, f: F) -> T
    where
        R: for<'gc> Rootable<'gc>,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>, &'gc mut Root<'gc, R>) -> T,
    {
        if self.machine.fast.due.get() {
            self.machine.safepoint(Safepoint::Enter);
        }
        let result = self.enter(|mc| {
            let root = mc.machine.root_object();
            mc.machine.barrier(root, 0..size_of::<Root<'_, R>>());
            // SAFETY: the root object was allocated with this type and is alive. `&mut self` is held and the root is
            // handed out only by `mutate` and here, so this reference is the only one; the barrier ran for it.
            let root = unsafe { root.payload().cast::<Root<'_, R>>().as_mut() };
            f(mc, root)
        });
        if self.machine.fast.due.get() {
            self.machine.safepoint(Safepoint::Leave);
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
        R: for<'gc> Rootable<'gc>,
        F: for<'gc> FnMut(&'gc Mutator<'gc>, &'gc Root<'gc, R>) -> Result<T, E>,
    {
        self.machine.fast.allocation_failed.set(false);
        let first = self.mutate(&mut f);
        if first.is_ok() || !self.machine.fast.allocation_failed.replace(false) {
            return first;
        }
        self.collect();
        self.mutate(&mut f)
    }

    /// Runs `f` with the brand of this heap.
    #[inline]
    pub(super) fn enter<T>(&self, f: impl for<'gc> FnOnce(&'gc Mutator<'gc>) -> T) -> T {
        // SAFETY: `f` accepts every `'gc`, so inside it the brand equals no other lifetime; it ends with this borrow of
        // the heap, and safepoints need an exclusive one.
        f(unsafe { Mutator::brand(&self.machine) })
    }
}

impl<R: ?Sized> Heap<R> {
    /// Does a full collection. Afterwards the heap holds exactly what the root and the handles reach (pure reference
    /// counting: and what cycles hold). Costs a look at everything alive.
    pub fn collect(&mut self) {
        self.machine.pause(|collector, heap| collector.collect(heap, CollectionKind::Full));
    }

    /// Collects what was allocated since the last collection; a collector without generations does what is nearest.
    pub fn collect_minor(&mut self) {
        self.machine.pause(|collector, heap| collector.collect(heap, CollectionKind::Minor));
    }

    /// Makes everything that is alive *permanent*: does a full collection, after which no object that it left is ever
    /// looked at, moved or reclaimed again. For programs that load what they work with, and then work; like Python's
    /// `gc.freeze`.
    ///
    /// Permanent objects are used and written like any others, and may lead to any others. They never die, even if the
    /// program has lost them: their weak pointers stay, their finalizers are never due, their drop glue runs when the
    /// heap is dropped. One that is written for the first time is a root from then on, which a full collection looks
    /// at, whether the program can reach it or not; so what changes all the time is better made afterwards. Freezing
    /// again makes permanent what was made since.
    ///
    /// There is no way back. Reference counts and the free memory between the objects are given up, and a look at all
    /// objects would be needed to find out which of them are still in use.
    ///
    /// Memory that holds permanent objects counts against the heap's [limit](Self::set_limit), but not in the decision
    /// when to collect next: the heap grows as one does that holds only what was made since. What is free in a block of
    /// 32 KiB on which something lives is lost ([`Statistics::permanent_block_bytes`]). What permanent objects own
    /// outside the heap is charged as it was when they became permanent, whatever they come to own later, because nobody
    /// asks them any more: what is to grow belongs into an object that is made afterwards.
    ///
    /// Where a collector cannot do this ([`Capabilities::freezes`]), it is a full collection.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace, store};
    ///
    /// #[derive(Trace)]
    /// struct Program<'gc> {
    ///     library: Gc<'gc, [Gc<'gc, str>]>,
    ///     main: Lock<Option<Gc<'gc, str>>>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![Program<'_>]>::new(NoGc::default(), |mc| Program {
    ///     library: Gc::new_slice_with(mc, 1000, |n| Gc::new_str(mc, &format!("function {n}"))),
    ///     main: Lock::new(None),
    /// })?;
    /// heap.freeze()?;
    /// if heap.capabilities().freezes {
    ///     // The library, the program, and a thousand names.
    ///     assert_eq!(heap.statistics().permanent_objects, 1002);
    ///     assert_eq!(heap.statistics().live_objects, 0);
    /// }
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Cost
    /// Of a tree of a million objects of 32 bytes, 33.5 MB, of which nothing was lost in its blocks: in times of what
    /// the same heap takes to make it. (As leaked boxes it takes 1.9 to 2.4 times as long to make as with the first
    /// two, and 0.9 to 1.5 times as with the third.) The least of five; two runs, on a machine that had other work as
    /// well (`cargo run --release -p bench-harness --example freeze`). In brackets, the same in a heap that is not
    /// frozen.
    ///
    /// | | `refcount` | `marksweep` | `generational` |
    /// |---|---|---|---|
    /// | full collection before | 0: nothing changed | 0.1 to 0.5 | 0.2 |
    /// | freeze, a full collection included | 2.4 | 2.2 to 3.2 | 1.2 to 1.5 |
    /// | full collection of the frozen heap | 0.0001 | 0.0001 | 0.0003 to 0.001 |
    /// | write to every object for the first time | 5.2 to 5.4 (4.0 to 4.4) | 3.0 to 3.9 (0.4 to 0.6) | 2.4 to 2.7 (1.0 to 1.2) |
    /// | full collection when all were written | 0 | 0.8 (0.1 to 0.4) | 0.4 to 0.7 (0.2 to 0.3) |
    ///
    /// To drop the heap takes 0.003 to 0.3, and 0.01 to 0.1 where nothing is frozen: until the system has its pages back.
    ///
    /// In instructions, for each node of a smaller tree: 231 to exchange its children for the first time with
    /// `refcount` (148 where nothing is frozen), 117 with `marksweep` (24), 196 with `generational` (83). The second
    /// time there is no difference with `refcount` and `generational`; with `marksweep` each store to a frozen heap
    /// takes four instructions more, because the barrier looks at headers then, as it does with the others in any case.
    /// A walk takes 21 for each node, frozen or not. An upgrade of a weak pointer to a permanent object asks the
    /// collector each time, until the object is written.
    ///
    /// While a heap is frozen the pause needs eight bytes for each object, afterwards each object that was written needs
    /// as many.
    ///
    /// # Errors
    /// When the system refuses memory, of which the pause needs a word for each object. Nothing is frozen then; the
    /// heap is as it was, apart from a full collection that may have been done.
    ///
    /// # Panics
    /// As [`collect`](Self::collect) does, when drop glue panicked: afterwards.
    pub fn freeze(&mut self) -> Result<(), AllocError> {
        self.machine.freeze()
    }

    /// Tells the heap that it will not be used for a while: does a full collection, gives back all memory that holds nothing,
    /// and begins again with the small allowances of a new heap. A heap of 100 kB is resident with less than 256 KiB
    /// afterwards. Costs what [`collect`](Self::collect) does, and a quarter of a microsecond for each 4 KiB given back; the
    /// next allocations get fresh memory, which costs more than memory that was kept.
    pub fn idle(&mut self) {
        self.machine.idle();
    }

    /// Does about `bytes` bytes' worth of the collection in progress, or starts one. True when none is in progress
    /// afterwards.
    pub fn step(&mut self, bytes: usize) -> bool {
        let mut idle = true;
        self.machine.pause(|collector, heap| idle = collector.step(heap, bytes));
        idle
    }

    /// A safepoint: collects if that is due, and costs two instructions if it is not. For programs that use the heap through
    /// [`view`](Self::view).
    #[inline]
    pub fn poll(&mut self) {
        if self.machine.fast.due.get() {
            self.machine.safepoint(Safepoint::Leave);
        }
    }

    /// Whether the heap collects by itself when that is due, as it does from the beginning. Switched off, it collects when the
    /// program asks ([`collect`](Self::collect), [`step`](Self::step),
    /// [`Mutator::request_collection`](crate::Mutator::request_collection), [`try_mutate`](Self::try_mutate)), and grows in
    /// between as it does during one long `mutate`, up to its limit. What was due is done when it is switched on and the next
    /// `mutate` begins.
    pub fn set_automatic(&mut self, automatic: bool) {
        self.core().automatic = automatic;
    }

    /// Whether the heap collects by itself; see [`set_automatic`](Self::set_automatic).
    pub fn is_automatic(&self) -> bool {
        self.machine.core(|core| core.automatic)
    }

    /// Whether the collector wants a safepoint at the end of every `mutate`.
    #[cfg(feature = "conformance")]
    pub(crate) fn is_always_due(&self) -> bool {
        self.machine.fast.always_due.get()
    }

    /// Changes the hard limit in bytes; `None` for none. One below what the heap holds is allowed: then nothing more can be
    /// allocated until enough was reclaimed. The addresses that the heap may use follow the limit that it was made with,
    /// with room to spare.
    pub fn set_limit(&mut self, limit: Option<usize>) {
        self.machine.set_limit(limit);
    }

    /// Makes sure that `bytes` bytes can be allocated without reaching the limit, collecting when they cannot. Small
    /// objects may need a little more than their sum, because free memory is scattered.
    ///
    /// # Errors
    /// When there is not enough room even after a full collection, or so little that collecting was found
    /// [futile](HeapOptions::overhead_limit).
    pub fn reserve(&mut self, bytes: usize) -> Result<(), AllocError> {
        self.machine.check_room(bytes).or_else(|_| {
            self.collect();
            self.machine.check_room(bytes)
        })
    }

    /// Walks everything reachable and checks every invariant of the heap and its collector. Slow: uses a hash set.
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn verify(&mut self) -> Result<Census, VerifyError> {
        let (collector, heap) = self.machine.parts();
        heap.core.roots.synchronize();
        verify(heap.fast, heap.core, collector)
    }

    /// The heap's counters.
    pub fn statistics(&self) -> Statistics {
        self.machine.statistics()
    }

    /// The heap's number, unique for the life of the process: the key in `registry::heaps`, where that feature is on.
    pub fn id(&self) -> u64 {
        self.machine.heap_id()
    }

    /// The collector's short name.
    pub fn collector_name(&self) -> &'static str {
        self.machine.slow(|collector, _| collector.name())
    }

    /// What the collector promises: whether it frees cycles, whether objects move.
    pub fn capabilities(&self) -> Capabilities {
        self.machine.core(|core| core.capabilities)
    }

    /// Calls `listener` after each pause with the events of that pause; `None` to stop.
    pub fn set_listener(&mut self, listener: Option<Listener>) {
        self.core().events.set_listener(listener);
    }

    /// Number of handles that keep roots in this heap.
    pub fn handles(&self) -> usize {
        self.machine.core(|core| {
            core.roots.synchronize();
            core.roots.handles()
        })
    }

    /// The options that the heap was made with. By value, because a reference would outlive the look into the heap.
    pub fn options(&self) -> HeapOptions {
        self.machine.core(|core| core.options)
    }

    fn core(&mut self) -> &mut HeapCore {
        self.machine.parts().1.core
    }
}

// SAFETY: never, since the condition is never met.
unsafe impl<R: ?Sized> Send for Heap<R> where Self: HeapStaysOnItsThread {}
// SAFETY: as above.
unsafe impl<R: ?Sized> Sync for Heap<R> where Self: HeapStaysOnItsThread {}

impl<R: ?Sized> Drop for Heap<R> {
    fn drop(&mut self) {
        self.machine.shut_down();
    }
}

impl<R: ?Sized> core::fmt::Debug for Heap<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Heap").field("id", &self.id()).field("statistics", &self.statistics()).finish()
    }
}
