//! [`Machine`]: a heap without its brand; and the fast paths.
//!
//! The fast-path words come first, everything else sits behind an `UnsafeCell` that only slow paths open. A slow path
//! opens it for the length of one call into the collector, during which no user code runs, so the exclusive reference is
//! never aliased.
//!
//! What the program sees are brands over it: [`Mutator`](crate::Mutator) inside a `mutate`, [`Heap`](crate::Heap) between
//! two of them. All code that needs no type of the program stands here, once.

use core::cell::{Cell, UnsafeCell};
use core::ops::Range;
use core::ptr::NonNull;

use super::core::{HeapContext, HeapCore};
use super::events::CollectionKind;
use super::fast_path::FastPath;
use super::interface::Collector;
#[cfg(feature = "registry")]
use super::registry::Registration;
use super::statistics::Statistics;
#[cfg(feature = "telemetry")]
use super::telemetry::Report;
use crate::death::{Death, Ephemeron, QueueNumber, WeakCell};
use crate::error::AllocError;
use crate::object::{
    AllocRequest, Allocation, FINALIZABLE, HEADER_BYTES, Header, HeaderWord, MEDIUM_BORN_MAX, OBJECT_ALIGN, Object,
    ObjectRef, SIDE_ENTRY, TypeInfo,
};

/// A heap, unbranded.
#[repr(C)]
pub(crate) struct Machine {
    pub(crate) fast: FastPath,
    /// A type of which there was an object, and whose values must stay on their thread.
    bound: Cell<Option<TypeName>>,
    /// Whether objects are to know where they were allocated, and how their descriptions are told.
    #[cfg(feature = "allocation-sites")]
    describe: Cell<Option<DescribeFn>>,
    pub(super) inner: UnsafeCell<Inner>,
}

/// The description of the same type that knows a place.
#[cfg(feature = "allocation-sites")]
pub(crate) type DescribeFn = fn(&'static TypeInfo, &'static core::panic::Location<'static>) -> &'static TypeInfo;

/// Names a type, for people.
pub(crate) type TypeName = fn() -> &'static str;

pub(super) struct Inner {
    pub(super) core: HeapCore,
    pub(super) collector: Box<dyn Collector>,
    #[cfg(feature = "registry")]
    pub(super) registration: Registration,
    #[cfg(feature = "telemetry")]
    pub(super) report: Option<Report>,
    pub(super) zeal_turn: CollectionKind,
}

impl Machine {
    /// A heap's machine; the collector was not started yet.
    pub(crate) fn new(#[allow(unused_mut)] mut core: HeapCore, collector: Box<dyn Collector>) -> Self {
        #[cfg(feature = "telemetry")]
        let report = Report::new(core.roots.heap_id(), collector.name(), core.options.limit);
        #[cfg(feature = "telemetry")]
        core.events.record_always(report.is_some());
        let inner = Inner {
            #[cfg(feature = "telemetry")]
            report,
            #[cfg(feature = "registry")]
            registration: Registration::new(core.roots.heap_id(), collector.name()),
            core,
            collector,
            zeal_turn: CollectionKind::Minor,
        };
        Machine {
            fast: FastPath::new(),
            bound: Cell::new(None),
            #[cfg(feature = "allocation-sites")]
            describe: Cell::new(None),
            inner: UnsafeCell::new(inner),
        }
    }

    /// The heap's parts, when it is exclusively borrowed.
    pub(crate) fn parts(&mut self) -> (&mut dyn Collector, HeapContext<'_>) {
        let Inner { core, collector, .. } = self.inner.get_mut();
        (&mut **collector, HeapContext { fast: &self.fast, core })
    }

    /// Runs a slow path.
    #[inline]
    pub(crate) fn slow<T>(&self, path: impl FnOnce(&mut dyn Collector, &mut HeapContext<'_>) -> T) -> T {
        // SAFETY: a machine is not `Sync`, so this is the only thread. Slow paths are the only code that opens the cell,
        // they do not nest, and no user code runs inside one: collectors call only `Trace` implementations, whose
        // contract forbids to call back.
        let Inner { core, collector, .. } = unsafe { &mut *self.inner.get() };
        path(&mut **collector, &mut HeapContext { fast: &self.fast, core })
    }

    pub(crate) fn core<T>(&self, look: impl FnOnce(&mut HeapCore) -> T) -> T {
        self.slow(|_, heap| look(heap.core))
    }

    // ---- allocation ----

    #[inline(always)]
    pub(crate) fn allocate(&self, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.align <= OBJECT_ALIGN && request.bytes <= MEDIUM_BORN_MAX {
            let cursor = self.fast.cursor.get();
            // The end is computed before it is known to be inside, once for the test and for the next cursor: with
            // `bytes <= room` this takes two instructions more. It is 16 KiB beyond an address at the most.
            let end = cursor.as_ptr().wrapping_byte_add(request.bytes);
            if end.addr() <= self.fast.limit.get().addr().get() {
                // SAFETY: the object fits between cursor and limit, which lie in one reservation; so its end is not null.
                let (payload, end) = unsafe { (cursor.byte_add(request.prefix), NonNull::new_unchecked(end)) };
                self.fast.cursor.set(end);
                return Ok(Allocation { payload, birth: self.fast.birth.get() });
            }
        }
        self.allocate_slow(request.bytes, request.prefix, request.align)
    }

    /// Allocates an object with drop glue, which the caller [lists](Self::register_drop), and charges what it owns outside
    /// the heap.
    #[inline]
    pub(crate) fn allocate_with_glue(&self, request: AllocRequest, owned: usize) -> Result<Allocation, AllocError> {
        self.reserve_drop()?;
        if owned == 0 {
            return self.allocate(request);
        }
        self.charge_outside(owned)?;
        self.allocate(request).inspect_err(|_| self.take_back_outside(owned))
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&self, bytes: usize, prefix: usize, align: usize) -> Result<Allocation, AllocError> {
        // The request arrives in registers: passed by reference, it would be written to the stack by every fast path.
        let request = AllocRequest { bytes, prefix, align };
        let result = self.slow(|collector, heap| {
            if heap.core.futility.is_hopeless() {
                return Err(AllocError::FUTILE);
            }
            collector.allocate_slow(heap, request)
        });
        match result {
            Ok(allocation) => {
                debug_assert!(allocation.payload.addr().get().is_multiple_of(request.align));
                Ok(allocation)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// An allocation failed. Says so more precisely.
    #[cold]
    fn failed(&self, error: AllocError) -> AllocError {
        self.fast.allocation_failed.set(true);
        match error {
            AllocError::FUTILE => self.fast.due.set(true),
            // Safepoints come when half of the room below the limit is used up, so what was allocated since the last one
            // was mostly allocated by the present `mutate`. Below an eighth of the limit the heap is simply full.
            AllocError::LIMIT => {
                return self.core(|core| {
                    let since =
                        self.fast.allocated_bytes() - core.statistics.allocated_bytes + core.outside.fresh() as u64;
                    let large = core.memory.blocks.limit().is_some_and(|limit| since >= limit as u64 / 8);
                    if large { AllocError::LIMIT_IN_MUTATE } else { AllocError::LIMIT }
                });
            }
            _ => {}
        }
        error
    }

    /// Whether `bytes` bytes can be allocated.
    ///
    /// # Errors
    /// Not without reaching the limit, or collecting for it was given up.
    pub(crate) fn check_room(&self, bytes: usize) -> Result<(), AllocError> {
        self.core(|core| match core.memory.blocks.limit() {
            Some(_) if core.futility.is_hopeless() => Err(AllocError::FUTILE),
            Some(_) if bytes > core.memory.blocks.headroom() => Err(AllocError::LIMIT),
            _ => Ok(()),
        })
    }

    /// Changes the limit.
    pub(crate) fn set_limit(&mut self, limit: Option<usize>) {
        let core = &mut self.inner.get_mut().core;
        let raised = limit.unwrap_or(usize::MAX) > core.memory.blocks.limit().unwrap_or(usize::MAX);
        core.options.limit = limit;
        core.memory.blocks.set_limit(limit);
        if raised {
            core.futility.forgive();
        }
    }

    /// Allocates an object of the heap's own, which the tables of the dead know.
    fn allocate_registered<T>(&self, info: &'static TypeInfo, payload: T) -> Result<ObjectRef, AllocError> {
        let request = const {
            assert!(align_of::<T>() <= OBJECT_ALIGN);
            AllocRequest { bytes: HEADER_BYTES + size_of::<T>(), prefix: HEADER_BYTES, align: OBJECT_ALIGN }
        };
        let allocation = self.allocate(request)?;
        // SAFETY: as in `allocate_sized`.
        unsafe {
            write_header(allocation.payload, HeaderWord::new(info, allocation.birth | SIDE_ENTRY));
            allocation.payload.cast::<T>().write(payload);
        }
        Ok(ObjectRef::new(allocation.payload))
    }

    /// Allocates a weak cell for an object that has none.
    ///
    /// # Safety
    /// The object is alive.
    pub(crate) unsafe fn allocate_weak_cell(&self, target: ObjectRef) -> Result<ObjectRef, AllocError> {
        let cell = self.allocate_empty_weak_cell()?;
        self.reserve_weak_cell()?;
        // SAFETY: the caller's promise; the cell is new.
        unsafe { self.bind_weak_cell(cell, target) };
        Ok(cell)
    }

    /// Allocates a weak cell for an object that is yet to be made.
    pub(crate) fn allocate_empty_weak_cell(&self) -> Result<ObjectRef, AllocError> {
        self.allocate_registered(WeakCell::INFO, WeakCell::default())
    }

    /// Sees to it that one more weak cell can be bound.
    pub(crate) fn reserve_weak_cell(&self) -> Result<(), AllocError> {
        self.register(|death, counts| death.weak.reserve(counts))
    }

    /// Makes an empty cell that of an object.
    ///
    /// # Safety
    /// Both are alive, the object has no other cell, and both were made in this `mutate`, or the cell was just now. Room was
    /// reserved.
    pub(crate) unsafe fn bind_weak_cell(&self, cell: ObjectRef, target: ObjectRef) {
        // SAFETY: the caller's promise.
        unsafe { WeakCell::at(cell) }.bind(target);
        self.core(|core| core.death.weak.register(target, cell));
        // SAFETY: the caller's promise.
        unsafe { target.header() }.insert(SIDE_ENTRY);
    }

    /// The weak cell of an object that has one.
    ///
    /// # Errors
    /// When the system refuses the memory to find it.
    ///
    /// # Safety
    /// The object is alive.
    #[inline]
    pub(crate) unsafe fn weak_cell_of(&self, target: ObjectRef) -> Result<Option<ObjectRef>, AllocError> {
        // SAFETY: the caller's promise.
        if unsafe { target.header() }.load().has(SIDE_ENTRY) { self.find_weak_cell(target) } else { Ok(None) }
    }

    /// Allocates an ephemeron.
    ///
    /// # Safety
    /// Key and value are alive.
    pub(crate) unsafe fn allocate_ephemeron(&self, key: ObjectRef, value: ObjectRef) -> Result<ObjectRef, AllocError> {
        self.register(|death, counts| death.reserve_ephemeron(counts))?;
        let object = self.allocate_registered(Ephemeron::INFO, Ephemeron::new(key, value))?;
        self.core(|core| core.death.ephemerons.register(object));
        // SAFETY: the caller's promise.
        unsafe { key.header() }.insert(SIDE_ENTRY);
        Ok(object)
    }

    /// Makes a queue of objects that were found dead.
    pub(crate) fn make_finalizer_queue(&self) -> Result<QueueNumber, AllocError> {
        self.register(|death, _| death.finalizers.make_queue())
    }

    /// Lists an object to be put into the queue when it is dead. False when it is listed already.
    ///
    /// # Safety
    /// The object is alive.
    pub(crate) unsafe fn register_finalizer(&self, object: ObjectRef, queue: QueueNumber) -> Result<bool, AllocError> {
        // SAFETY: the caller's promise.
        let header = unsafe { object.header() };
        if header.load().has(FINALIZABLE) {
            return Ok(false);
        }
        self.register(|death, counts| death.reserve_finalizer(queue, counts))?;
        self.core(|core| core.death.finalizers.register(object, queue));
        header.insert(SIDE_ENTRY | FINALIZABLE);
        Ok(true)
    }

    /// Takes an object out of a queue of those that were dead.
    pub(crate) fn next_finalizable(&self, queue: QueueNumber) -> Option<ObjectRef> {
        let object = self.core(|core| core.death.finalizers.take(queue, core.capabilities.counts))?;
        self.weak_upgraded(object);
        Some(object)
    }

    /// Charges what an object that is about to be made owns outside the heap. When there is no room, the next safepoint
    /// reclaims what it can, because the program may have no better idea than to try again.
    #[inline(never)]
    pub(crate) fn charge_outside(&self, bytes: usize) -> Result<(), AllocError> {
        match self.core(|core| core.outside.charge(&mut core.memory.blocks, bytes)) {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.fast.due.set(true);
                Ok(())
            }
            Err(error) => {
                self.fast.collection_requested.set(true);
                self.fast.due.set(true);
                Err(self.failed(error))
            }
        }
    }

    /// The object was not made after all.
    #[cold]
    fn take_back_outside(&self, bytes: usize) {
        self.core(|core| core.outside.take_back(&mut core.memory.blocks, bytes));
    }

    /// The program says that objects own more, or less, than when they were made.
    pub(crate) fn adjust_outside(&self, change: isize) {
        if self.core(|core| core.outside.adjust(&mut core.memory.blocks, change)) {
            self.fast.due.set(true);
        }
    }

    #[inline(never)]
    fn find_weak_cell(&self, target: ObjectRef) -> Result<Option<ObjectRef>, AllocError> {
        self.register(|death, _| death.weak.cell_of(target))
    }

    /// Makes room for an object that is about to be registered.
    fn register<T>(&self, reserve: impl FnOnce(&mut Death, bool) -> Result<T, AllocError>) -> Result<T, AllocError> {
        let result = self.core(|core| reserve(&mut core.death, core.capabilities.counts));
        if result.is_err() {
            self.fast.allocation_failed.set(true);
        }
        result
    }

    /// Makes room for one object with drop glue more.
    #[inline(never)]
    pub(crate) fn reserve_drop(&self) -> Result<(), AllocError> {
        self.register(|death, counts| death.drops.reserve(counts))
    }

    /// Lists an object with drop glue, for which there is room.
    #[inline(never)]
    pub(crate) fn register_drop(&self, object: ObjectRef) {
        self.core(|core| core.death.drops.register(object));
    }

    // ---- allocation sites ----

    /// The description that an object gets which is being made, by whoever calls the caller.
    #[cfg(feature = "allocation-sites")]
    #[inline(always)]
    #[track_caller]
    pub(crate) fn described(&self, info: &'static TypeInfo) -> &'static TypeInfo {
        match self.describe.get() {
            None => info,
            Some(describe) => describe(info, core::panic::Location::caller()),
        }
    }

    /// The description that an object gets which is being made.
    #[cfg(not(feature = "allocation-sites"))]
    #[inline(always)]
    pub(crate) fn described(&self, info: &'static TypeInfo) -> &'static TypeInfo {
        info
    }

    /// From now on objects know where they were allocated, or not.
    #[cfg(feature = "allocation-sites")]
    pub(crate) fn set_describe(&self, describe: Option<DescribeFn>) {
        self.describe.set(describe);
    }

    /// Whether objects know where they were allocated.
    #[cfg(feature = "allocation-sites")]
    pub(crate) fn describes(&self) -> bool {
        self.describe.get().is_some()
    }

    // ---- threads ----

    /// An object is made that must stay on its thread.
    #[inline]
    pub(crate) fn bind(&self, type_name: TypeName) {
        self.bound.set(Some(type_name));
    }

    /// The last type of which there was an object that must stay on its thread.
    pub(crate) fn bound(&self) -> Option<TypeName> {
        self.bound.get()
    }

    // ---- barrier ----

    /// The write barrier: must run before the first byte of `range` changes.
    #[inline(always)]
    pub(crate) fn barrier(&self, object: ObjectRef, range: Range<usize>) {
        // SAFETY: the caller holds a Gc to the object.
        let header = unsafe { object.header() };
        if self.is_unclean(header) {
            self.barrier_slow(object, range);
        }
    }

    /// Whether a write to the object interests the collector. While the mask is empty no write does, and the header, which
    /// may be far from what the program is about to write and in no cache, is not loaded: in a program that writes to
    /// random old objects two thirds of all samples waited for it.
    #[inline(always)]
    fn is_unclean(&self, header: &Header) -> bool {
        let mask = self.fast.barrier_mask();
        mask != 0 && (header.load_acquire().bits() ^ self.fast.barrier_flip.get()) & mask != 0
    }

    #[cold]
    #[inline(never)]
    fn barrier_slow(&self, object: ObjectRef, range: Range<usize>) {
        // SAFETY: the caller of the barrier holds a Gc to the object, so it is alive and where that says, and has not borrowed
        // yet what it is about to write. What else of it may be mutably borrowed was reported by this barrier since the
        // object was last clean: then it is a carded array, and the collector looks at no such element.
        let object = unsafe { Object::at(object) };
        self.slow(|collector, heap| collector.barrier_slow(heap, object, range));
    }

    /// Tells the collector that a weak pointer leads to `object` again. False when it is dead: then it must not.
    #[inline]
    pub(crate) fn weak_upgraded(&self, object: ObjectRef) -> bool {
        // SAFETY: a cell that was not cleared leads to an object that is intact.
        !self.is_unclean(unsafe { object.header() })
            || self.slow(|collector, heap| collector.weak_upgraded(heap, object))
    }

    /// Whether an object is dead that a weak cell leads to.
    #[inline]
    pub(crate) fn is_dead(&self, object: ObjectRef) -> bool {
        // SAFETY: as above.
        self.is_unclean(unsafe { object.header() }) && self.slow(|collector, _| collector.is_dead(object))
    }

    // ---- roots, numbers ----

    /// The identity hash of an object.
    ///
    /// # Safety
    /// The object is alive.
    pub(crate) unsafe fn identity_hash(&self, object: ObjectRef) -> u64 {
        // SAFETY: the caller's promise. Only the header is looked at, and a word that the program cannot name.
        let object = unsafe { Object::at(object) };
        self.core(|core| core.identity.ask(object))
    }

    pub(crate) fn set_root(&self, object: ObjectRef) {
        self.core(|core| core.roots.set_root(object));
    }

    /// The root object.
    #[inline]
    pub(crate) fn root_object(&self) -> ObjectRef {
        // SAFETY: as in `slow`; this only reads.
        let inner = unsafe { &*self.inner.get() };
        inner.core.roots.root().expect("a heap has a root once it is made")
    }

    /// The heap's number, unique for the life of the process.
    pub(crate) fn heap_id(&self) -> u64 {
        self.core(|core| core.roots.heap_id())
    }

    /// The heap's counters. Allocated bytes and what the heap holds are current, the others as of the last pause.
    pub(crate) fn statistics(&self) -> Statistics {
        self.slow(|collector, heap| {
            let allocated_bytes = self.fast.allocated_bytes();
            Statistics { allocated_bytes, ..heap.core.current_statistics(collector.side_bytes()) }
        })
    }
}

/// # Safety
/// `payload` must be preceded by at least eight writable bytes that belong to the object.
#[inline(always)]
pub(crate) unsafe fn write_header(payload: NonNull<u8>, word: HeaderWord) {
    // SAFETY: the caller's promise; headers are 8-aligned because payloads are. Nobody else sees the object yet, so an
    // ordinary write would do; the relaxed atomic store compiles to the same.
    unsafe { payload.byte_sub(HEADER_BYTES).cast::<Header>().as_ref() }.store(word);
}
