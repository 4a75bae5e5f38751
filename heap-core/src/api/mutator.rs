//! [`Mutator`]: the capability to allocate and to write, for the length of one `mutate`; and the fast paths.
//!
//! The mutator *is* the heap, seen through the brand `'gc`: the fast-path words come first, everything else sits behind
//! an `UnsafeCell` that only slow paths open. A slow path opens it for the length of one call into the collector, during
//! which no user code runs, so the exclusive reference is never aliased.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use crate::collector::{Collector, FastPath, HeapContext, HeapCore};
use crate::death::WeakCell;
use crate::error::AllocError;
use crate::machine::Statistics;
use crate::memory::MEDIUM_FOOTPRINT_MAX;
use crate::object::{
    AllocRequest, Allocation, HEADER_BYTES, Header, HeaderWord, OBJECT_ALIGN, ObjectRef, SIDE_ENTRY,
    SLICE_PREFIX_BYTES, Shape, TypeInfo, payload_bytes,
};
use crate::trace::Trace;

/// Gives access to a heap inside [`Heap::mutate`](crate::Heap::mutate): allocation, writes, handles.
///
/// Usually named `mc`. Functions that need it take `&Mutator<'gc>`; they carry no parameter for the collector.
#[repr(C)]
pub struct Mutator<'gc> {
    pub(crate) fast: FastPath,
    inner: UnsafeCell<Inner>,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

pub(crate) struct Inner {
    pub(crate) core: HeapCore,
    pub(crate) collector: Box<dyn Collector>,
}

/// Descriptions of types, made at compile time.
struct Describe<T>(PhantomData<T>);

impl<'gc, T: Trace<'gc>> Describe<T> {
    const SIZED: &'static TypeInfo = &TypeInfo::of::<T>(Shape::Sized);
    const SLICE: &'static TypeInfo = &TypeInfo::of::<T>(Shape::Slice);
}

impl<'gc> Mutator<'gc> {
    pub(crate) fn create(core: HeapCore, collector: Box<dyn Collector>) -> Self {
        Mutator { fast: FastPath::new(), inner: UnsafeCell::new(Inner { core, collector }), _brand: PhantomData }
    }

    /// The heap's parts, when it is exclusively borrowed.
    pub(crate) fn parts(&mut self) -> (&mut dyn Collector, HeapContext<'_>) {
        let Inner { core, collector } = self.inner.get_mut();
        (&mut **collector, HeapContext { fast: &self.fast, core })
    }

    /// Runs a slow path.
    #[inline]
    pub(super) fn slow<T>(&self, path: impl FnOnce(&mut dyn Collector, &mut HeapContext<'_>) -> T) -> T {
        // SAFETY: a mutator is not `Sync`, so this is the only thread. Slow paths are the only code that opens the cell,
        // they do not nest, and no user code runs inside one: collectors call only `Trace` implementations, whose
        // contract forbids to call back.
        let Inner { core, collector } = unsafe { &mut *self.inner.get() };
        path(&mut **collector, &mut HeapContext { fast: &self.fast, core })
    }

    pub(super) fn core<T>(&self, look: impl FnOnce(&mut HeapCore) -> T) -> T {
        self.slow(|_, heap| look(heap.core))
    }

    // ---- allocation ----

    #[inline(always)]
    fn allocate(&self, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.align <= OBJECT_ALIGN && request.bytes <= MEDIUM_FOOTPRINT_MAX {
            let cursor = self.fast.cursor.get();
            if request.bytes <= self.fast.room() {
                // SAFETY: the object fits between cursor and limit, which lie in one reservation.
                let (payload, end) = unsafe { (cursor.byte_add(request.prefix), cursor.byte_add(request.bytes)) };
                self.fast.cursor.set(end);
                return Ok(Allocation { payload, birth: self.fast.birth.get() });
            }
        }
        self.allocate_slow(request.bytes, request.prefix, request.align)
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&self, bytes: usize, prefix: usize, align: usize) -> Result<Allocation, AllocError> {
        // The request arrives in registers: passed by reference, it would be written to the stack by every fast path.
        let request = AllocRequest { bytes, prefix, align };
        let result = self.slow(|collector, heap| collector.allocate_slow(heap, request));
        if let Ok(allocation) = &result {
            debug_assert!(allocation.payload.addr().get().is_multiple_of(request.align));
        } else {
            self.fast.allocation_failed.set(true);
        }
        result
    }

    #[inline(always)]
    pub(crate) fn allocate_sized<T: Trace<'gc>>(&self, value: T) -> Result<ObjectRef, AllocError> {
        let request = const {
            assert!(size_of::<T>() < isize::MAX as usize / 2);
            AllocRequest {
                bytes: HEADER_BYTES + payload_bytes(size_of::<T>()),
                prefix: HEADER_BYTES,
                align: if align_of::<T>() > OBJECT_ALIGN { align_of::<T>() } else { OBJECT_ALIGN },
            }
        };
        let allocation = self.allocate(request)?;
        let object = ObjectRef::new(allocation.payload);
        // SAFETY: the memory is fresh, large enough, aligned, and ours; header and payload are initialised before
        // anyone can see the object.
        unsafe {
            write_header(allocation.payload, HeaderWord::new(Describe::<T>::SIZED, allocation.birth));
            allocation.payload.cast::<T>().write(value);
        }
        if const { core::mem::needs_drop::<T>() } {
            self.register_drop(object);
        }
        Ok(object)
    }

    /// Allocates a weak cell: an object like any other, but with a description that collectors know.
    pub(crate) fn allocate_weak_cell(&self, target: ObjectRef) -> Result<ObjectRef, AllocError> {
        let request =
            AllocRequest { bytes: HEADER_BYTES + size_of::<WeakCell>(), prefix: HEADER_BYTES, align: OBJECT_ALIGN };
        let allocation = self.allocate(request)?;
        let cell = ObjectRef::new(allocation.payload);
        // SAFETY: as in `allocate_sized`.
        unsafe {
            write_header(allocation.payload, HeaderWord::new(WeakCell::INFO, allocation.birth));
            allocation.payload.cast::<WeakCell>().write(WeakCell::new(target));
        }
        self.core(|core| core.weak.register(target, cell));
        // SAFETY: the target is alive: the caller holds a Gc to it.
        let header = unsafe { target.header() };
        header.store(header.load().with(SIDE_ENTRY));
        Ok(cell)
    }

    /// The weak cell of an object that has one.
    #[inline(never)]
    pub(crate) fn weak_cell_of(&self, target: ObjectRef) -> Option<ObjectRef> {
        // SAFETY: the caller holds a Gc to the target.
        if unsafe { target.header() }.load().has(SIDE_ENTRY) {
            self.core(|core| core.weak.cell_of(target))
        } else {
            None
        }
    }

    /// Memory for a slice of `len` elements. Until [`UnfinishedSlice::finish`] the object is raw bytes to every
    /// collector (rule R10).
    pub(crate) fn allocate_slice<T: Trace<'gc>>(&self, len: usize) -> Result<UnfinishedSlice<T>, AllocError> {
        let payload = size_of::<T>().checked_mul(len).filter(|&bytes| bytes < isize::MAX as usize / 2);
        let Some(payload) = payload else {
            self.fast.allocation_failed.set(true);
            return Err(AllocError::TOO_LARGE);
        };
        let bytes = payload_bytes(payload);
        let allocation = self.allocate(AllocRequest {
            bytes: SLICE_PREFIX_BYTES + bytes,
            prefix: SLICE_PREFIX_BYTES,
            align: align_of::<T>().max(OBJECT_ALIGN),
        })?;
        // SAFETY: the memory is fresh, large enough, aligned, and ours.
        unsafe {
            allocation.payload.byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(bytes);
            write_header(allocation.payload, HeaderWord::new(TypeInfo::RAW_BYTES, allocation.birth));
        }
        Ok(UnfinishedSlice { object: ObjectRef::new(allocation.payload), len, initialised: 0, _type: PhantomData })
    }

    /// Turns a completely initialised slice into an object.
    #[inline]
    pub(crate) fn finish_slice<T: Trace<'gc>>(&self, slice: UnfinishedSlice<T>) -> ObjectRef {
        assert_eq!(slice.initialised, slice.len, "every element of a slice must be initialised");
        let slice = core::mem::ManuallyDrop::new(slice);
        let object = slice.object;
        // SAFETY: the object was allocated in this `mutate`, for this element type and length, and all elements are
        // initialised. Collectors may have changed state bits of the header only at safepoints, and none happened.
        unsafe {
            object.payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(slice.len);
            let header = object.header();
            header.store(HeaderWord::new(Describe::<T>::SLICE, header.load().state()));
        }
        if const { core::mem::needs_drop::<T>() } {
            self.register_drop(object);
        }
        object
    }

    #[inline(never)]
    fn register_drop(&self, object: ObjectRef) {
        self.core(|core| core.drops.register(object));
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

    #[inline(always)]
    fn is_unclean(&self, header: &Header) -> bool {
        (header.load_acquire().bits() ^ self.fast.barrier_flip.get()) & self.fast.barrier_mask.get() != 0
    }

    #[cold]
    #[inline(never)]
    fn barrier_slow(&self, object: ObjectRef, range: Range<usize>) {
        self.slow(|collector, heap| collector.barrier_slow(heap, object, range));
    }

    /// Tells the collector that a weak pointer leads to `object` again.
    #[inline]
    pub(crate) fn weak_upgraded(&self, object: ObjectRef) {
        // SAFETY: a cell that was not cleared leads to a live object.
        if self.is_unclean(unsafe { object.header() }) {
            self.slow(|collector, heap| collector.weak_upgraded(heap, object));
        }
    }

    // ---- roots, requests, numbers ----

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
    pub fn heap_id(&self) -> u64 {
        self.core(|core| core.roots.heap_id())
    }

    /// Asks for a full collection at the end of this `mutate`. Inside `mutate` nothing is ever collected.
    pub fn request_collection(&self) {
        self.fast.collection_requested.set(true);
        self.fast.due.set(true);
    }

    /// True when the heap would like to collect: a program that stays long in one `mutate` should return soon.
    #[inline]
    pub fn should_yield(&self) -> bool {
        self.fast.due.get()
    }

    /// The heap's counters. `allocated_bytes` and `heap_bytes` are current, the others as of the last pause.
    pub fn statistics(&self) -> Statistics {
        self.core(|core| {
            let mut statistics = core.statistics;
            statistics.allocated_bytes = self.fast.allocated_bytes();
            statistics.heap_bytes = core.memory.blocks.used_bytes() as u64;
            statistics.peak_heap_bytes = core.memory.blocks.peak_bytes() as u64;
            statistics
        })
    }
}

/// # Safety
/// `payload` must be preceded by at least eight writable bytes that belong to the object.
#[inline(always)]
unsafe fn write_header(payload: NonNull<u8>, word: HeaderWord) {
    // SAFETY: the caller's promise; headers are 8-aligned because payloads are. Nobody else sees the object yet, so an
    // ordinary write would do; the relaxed atomic store compiles to the same.
    unsafe { payload.byte_sub(HEADER_BYTES).cast::<Header>().as_ref() }.store(word);
}

/// A slice object under construction. Dropping it drops the elements made so far and leaves raw bytes behind.
pub(crate) struct UnfinishedSlice<T> {
    object: ObjectRef,
    len: usize,
    initialised: usize,
    _type: PhantomData<T>,
}

impl<T> UnfinishedSlice<T> {
    pub(crate) fn push(&mut self, value: T) {
        assert!(self.initialised < self.len, "more elements than the slice has room for");
        // SAFETY: the index is below the length that was allocated.
        unsafe { self.object.payload().cast::<T>().add(self.initialised).write(value) };
        self.initialised += 1;
    }

    pub(crate) fn copy_from(&mut self, values: &[T])
    where
        T: Copy,
    {
        assert!(self.initialised == 0 && values.len() == self.len);
        // SAFETY: the object has room for `len` elements, `values` has as many, and fresh memory overlaps nothing.
        unsafe {
            self.object.payload().cast::<T>().copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
        }
        self.initialised = self.len;
    }
}

impl<T> Drop for UnfinishedSlice<T> {
    fn drop(&mut self) {
        let made = core::ptr::slice_from_raw_parts_mut(self.object.payload().as_ptr().cast::<T>(), self.initialised);
        // SAFETY: the first `initialised` elements were written and nobody else owns them.
        unsafe { made.drop_in_place() };
    }
}
