//! The slots behind handles: how roots are dropped wherever the program likes.
//!
//! A handle is the address of a *slot*. Slots lie in chunks that never move, so that a handle is one word and reading
//! it is one load. Handles are dropped inside `mutate`, in drop glue in the middle of a collection, on other threads,
//! and after the heap is gone; nothing of that may take a lock, ask for memory, or touch what the heap's thread works
//! with. So a slot has two halves:
//!
//! * **the heap's**: the object, and a link of lists. Only the heap's thread looks at them.
//! * **everybody's**: the number of handles that share the slot, and the table. Cloning and dropping touch nothing
//!   else.
//!
//! What collectors know of slots are bits of their chunk, which is found from a slot: beside the number of handles
//! stands the slot's place. So a slot is four words. (It was seven, with a state, a link and a number for the list of
//! created slots: half of what a heap held whose objects were small and had a handle each.)
//!
//! The last handle on a slot to be dropped pushes it on the list of *released* slots ([`Released`]), which the heap's
//! thread takes as a whole when it likes: at a safepoint, or when it runs out of slots. Pushing and taking everything
//! is all that a lock-free list can do without ever being confused by an address that comes back (nobody pops one).
//!
//! *When the heap is gone* the list is closed, and handles count down how many of them are left. The last one, or the
//! heap, if none is left, frees table and chunks.
//!
//! *On the heap's own thread* ([`Table::owner`]) the last handle goes on a list of that thread's, by a load and a
//! store. It took the atomic exchange there too. (200 000 handles, replaced 1 000 000 times, processor time, three pairs on
//! a busy machine: marksweep 355 to 372 milliseconds with the exchange, 291 to 325 without, refcount 574 to 587, 470 to 505.
//! It is supposed that the cache misses of such a program overlap less across an atomic exchange.)
//!
//! *Why not `Arc`?* A handle was one, to a slot number and a table behind a mutex: an allocation, two atomic
//! increments, a lock and a growing list for each, half a microsecond in all. *Why does the heap's own thread not free
//! the slot at once?* Drop glue drops handles while the collector has the heap's end of the table in its hands.
//!
//! A chunk is also the piece by which a marking that is spread over the program's run will read the table: 64 slots,
//! none of which moves when the table grows.

use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::object::ObjectRef;

/// Slots of a chunk: 2 KiB, so that a heap with a few handles stays small, and as many as a word has bits.
const CHUNK_SLOTS: usize = 64;

/// One handle, in the word that has the number of them above the slot's place in its chunk.
const ONE: usize = CHUNK_SLOTS;

/// What a handle leads to.
#[repr(C)]
pub(super) struct Slot {
    // What reading through a handle needs, and dropping it. No object: the slot is free.
    pub(super) object: Cell<Option<ObjectRef>>,
    table: NonNull<Table>,
    /// How many handles share the slot, times [`ONE`], and its place in its chunk, which never changes.
    handles: AtomicUsize,
    /// The next free or released slot. Whoever drops the last handle writes it too: the slot is in no list then.
    next: Cell<*const Slot>,
}

const _: () = assert!(size_of::<Slot>() == 32);

struct Chunk {
    next: *const Chunk,
    /// The next in the list of chunks with created slots.
    next_created: Cell<*const Chunk>,
    /// The slots of which roots were made since the last settling, a bit each. If there are any, the chunk is in the
    /// list.
    created: Cell<u64>,
    /// The slots that are not in use any more and of which the collector has yet to hear, a bit each.
    released: Cell<u64>,
    slots: [Slot; CHUNK_SLOTS],
}

impl Chunk {
    /// The chunk that a slot lies in, and the slot's bit.
    ///
    /// # Safety
    /// The pointer must come from [`slot`](Self::slot), and the chunk be there for all of `'a`.
    #[inline]
    unsafe fn of<'a>(slot: NonNull<Slot>) -> (&'a Chunk, u64) {
        // SAFETY: the slot lies at its place among those of a chunk, and the pointer was made of one to all of that.
        unsafe {
            let place = slot.as_ref().handles.load(Ordering::Relaxed) % CHUNK_SLOTS;
            let chunk = slot.sub(place).byte_sub(offset_of!(Chunk, slots)).cast::<Chunk>();
            (chunk.as_ref(), 1 << place)
        }
    }

    /// The slot at a place, by a pointer from which its chunk can be found.
    ///
    /// # Safety
    /// The chunk must be there.
    unsafe fn slot(chunk: NonNull<Chunk>, place: usize) -> NonNull<Slot> {
        // SAFETY: a place in the chunk. No reference to the slot alone is made.
        unsafe { NonNull::new_unchecked(&raw mut (*chunk.as_ptr()).slots[place]) }
    }

    /// The slots that have a bit.
    fn having(&self, mut bits: u64) -> impl Iterator<Item = &Slot> {
        core::iter::from_fn(move || {
            let place = bits.trailing_zeros() as usize;
            // The lowest bit goes.
            bits &= bits.wrapping_sub(1);
            self.slots.get(place)
        })
    }
}

/// What all handles of a heap share with it.
pub(super) struct Table {
    heap: u64,
    /// The chunks, the newest first. Written by the heap's thread, read by it and by whoever frees the table.
    chunks: Cell<*const Chunk>,
    released: Released<Slot>,
    /// The [number](here) of the thread that the heap stays on, or zero: then there is none, because the heap is on its
    /// way to another or gone. Only the heap's thread writes it, and what a thread reads is its own number exactly if the
    /// heap is there: it read that later than it wrote it, and when it gave the heap away, it wrote zero after that.
    owner: AtomicUsize,
    /// Slots that were released on the owner's thread. Only the heap's thread looks at it.
    near: Cell<*const Slot>,
}

std::thread_local! {
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// The number of this thread. No thread gets the number of another, one that has ended neither: a heap may outlive its
/// thread by being forgotten, and is not to be found on another one then. Zero where the thread has none yet, or, on some
/// systems, none any more because it ends.
///
/// (The address of a thread-local variable would be such a number without a counter, but it comes back: on systems that
/// allocate these variables even while heaps in other thread-local variables are still to be dropped.)
#[inline]
fn here() -> usize {
    HERE.try_with(Cell::get).unwrap_or(0)
}

/// As [`here`], but gives the thread a number if it has none.
fn numbered() -> usize {
    // 2^64 threads take long.
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let number = |here: &Cell<usize>| {
        if here.get() == 0 {
            here.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        here.get()
    };
    HERE.try_with(number).unwrap_or(0)
}

/// The system refused memory for slots.
#[derive(Debug)]
pub(super) struct Refused;

/// The heap's end of a table. Dropping it tells the handles that the heap is gone.
pub(super) struct Slots {
    table: NonNull<Table>,
    free: List,
    /// The list of chunks with created slots, through [`Chunk::next_created`].
    created: *const Chunk,
    in_use: usize,
    chunks: usize,
}

/// A list of slots through [`Slot::next`].
pub(super) struct List {
    first: *const Slot,
}

impl List {
    pub(super) const EMPTY: List = List { first: ptr::null() };

    /// # Safety
    /// The slot's chunk must outlive the list, and the slot must be in no other list.
    pub(super) unsafe fn push(&mut self, slot: NonNull<Slot>) {
        // SAFETY: the caller's promise.
        unsafe { slot.as_ref() }.next.set(self.first);
        self.first = slot.as_ptr();
    }

    pub(super) fn pop(&mut self) -> Option<NonNull<Slot>> {
        let slot = NonNull::new(self.first.cast_mut())?;
        // SAFETY: slots in the list are there: promised when they were pushed.
        self.first = unsafe { slot.as_ref() }.next.get();
        Some(slot)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// The objects of its slots.
    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let mut at = self.first;
        core::iter::from_fn(move || {
            // SAFETY: as in `pop`; the list is borrowed, so it does not change meanwhile.
            let slot = unsafe { at.as_ref() }?;
            at = slot.next.get();
            Some(slot.object.get())
        })
        .flatten()
    }
}

impl Slots {
    /// An empty table for the handles of a heap.
    pub(super) fn new(heap: u64) -> Result<Self, Refused> {
        let table = leak(Table {
            heap,
            chunks: Cell::new(ptr::null()),
            released: Released::new(),
            owner: AtomicUsize::new(numbered()),
            near: Cell::new(ptr::null()),
        })?;
        Ok(Slots { table, free: List::EMPTY, created: ptr::null(), in_use: 0, chunks: 0 })
    }

    /// The heap is used on this thread only, from now on.
    pub(super) fn stay_here(&self) {
        self.set_owner(numbered());
    }

    /// The heap may be sent to another thread. Nothing but [`stay_here`](Self::stay_here) and dropping may follow.
    pub(super) fn leave(&self) {
        self.set_owner(0);
    }

    fn set_owner(&self, owner: usize) {
        // SAFETY: the table is there as long as `self` is.
        unsafe { self.table.as_ref() }.owner.store(owner, Ordering::Relaxed);
    }

    /// Slots that handles lead to; those whose release was not [taken](Self::take_released) yet count.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Bytes of the table.
    pub(super) fn side_bytes(&self) -> usize {
        self.chunks * size_of::<Chunk>()
    }

    /// A slot with one handle, which counts as created. Its object is the caller's business.
    ///
    /// # Errors
    /// When there is no free slot and the system refuses memory for more.
    #[inline]
    pub(super) fn create(&mut self) -> Result<HandleSlot, Refused> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.grow()?,
        };
        // SAFETY: a free slot of our own table, alive as long as that.
        let handles = unsafe { &slot.as_ref().handles };
        let place = handles.load(Ordering::Relaxed) % CHUNK_SLOTS;
        handles.store(ONE | place, Ordering::Relaxed);
        // SAFETY: as above.
        let (chunk, bit) = unsafe { Chunk::of(slot) };
        if chunk.created.get() == 0 {
            chunk.next_created.set(self.created);
            self.created = chunk;
        }
        chunk.created.set(chunk.created.get() | bit);
        self.in_use += 1;
        Ok(HandleSlot { slot })
    }

    /// Whether [`create`](Self::create) needs memory.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result<NonNull<Slot>, Refused> {
        let table = self.table;
        // SAFETY: the table is there as long as `self` is.
        let chunks = unsafe { &table.as_ref().chunks };
        let chunk = leak(Chunk {
            next: chunks.get(),
            next_created: Cell::new(ptr::null()),
            created: Cell::new(0),
            released: Cell::new(0),
            slots: core::array::from_fn(|place| Slot {
                object: Cell::new(None),
                table,
                handles: AtomicUsize::new(place),
                next: Cell::new(ptr::null()),
            }),
        })?;
        chunks.set(chunk.as_ptr());
        self.chunks += 1;
        for place in (1..CHUNK_SLOTS).rev() {
            // SAFETY: the chunk was just made and lives as long as the table, and a new slot is in no list.
            unsafe { self.free.push(Chunk::slot(chunk, place)) };
        }
        // SAFETY: as above.
        Ok(unsafe { Chunk::slot(chunk, 0) })
    }

    /// Whether a root was made of a slot since the last [settling](Self::settle_created).
    ///
    /// # Safety
    /// The slot must be one of this table.
    pub(super) unsafe fn is_created(&self, slot: NonNull<Slot>) -> bool {
        // SAFETY: the caller's promise.
        let (chunk, bit) = unsafe { Chunk::of(slot) };
        chunk.created.get() & bit != 0
    }

    /// The slots of which roots were made since the last settling, those that came and went among them.
    pub(super) fn created(&self) -> impl Iterator<Item = &Slot> {
        let mut at = self.created;
        core::iter::from_fn(move || {
            // SAFETY: chunks live as long as the table, and that as long as `self`.
            let chunk = unsafe { at.as_ref() }?;
            at = chunk.next_created.get();
            Some(chunk.having(chunk.created.get()))
        })
        .flatten()
    }

    /// The created slots are like others from now on.
    pub(super) fn settle_created(&mut self) {
        // SAFETY: as above.
        while let Some(chunk) = unsafe { self.created.as_ref() } {
            chunk.created.set(0);
            self.created = chunk.next_created.get();
        }
    }

    /// Puts a slot that nobody uses in a list of those of which the collector has yet to hear.
    ///
    /// # Safety
    /// The slot must be one of this table, [taken](Self::take_released) and in no list.
    pub(super) unsafe fn set_aside(&mut self, slot: NonNull<Slot>, list: &mut List) {
        // SAFETY: the caller's promise.
        unsafe {
            let (chunk, bit) = Chunk::of(slot);
            debug_assert!(slot.as_ref().object.get().is_some() && chunk.released.get() & bit == 0);
            chunk.released.set(chunk.released.get() | bit);
            list.push(slot);
        }
    }

    /// Gives back a slot that nobody uses.
    ///
    /// # Safety
    /// The slot must be one of this table, [taken](Self::take_released) and in no list.
    pub(super) unsafe fn free(&mut self, slot: NonNull<Slot>) {
        // SAFETY: the caller's promise.
        unsafe {
            let (chunk, bit) = Chunk::of(slot);
            debug_assert!(slot.as_ref().object.get().is_some());
            chunk.released.set(chunk.released.get() & !bit);
            slot.as_ref().object.set(None);
            self.free.push(slot);
        }
    }

    /// Takes the slots whose last handle was dropped since this was done last, and passes each to `each`, which has it
    /// in no list.
    pub(super) fn take_released(&mut self, mut each: impl FnMut(&mut Slots, NonNull<Slot>)) {
        // SAFETY: the table is there as long as `self` is.
        let table = unsafe { self.table.as_ref() };
        // Released slots lie in chunks of the table, and the lists are ours now.
        for first in [table.near.replace(ptr::null()), table.released.take()] {
            let mut list = List { first };
            while let Some(slot) = list.pop() {
                self.in_use -= 1;
                each(self, slot);
            }
        }
    }

    /// Whether a handle belongs to this table.
    #[inline]
    pub(super) fn owns(&self, handle: &HandleSlot) -> bool {
        handle.slot().table == self.table
    }

    /// The slots of which the collector has not heard that they are not in use any more. Those without an object are
    /// free.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        // SAFETY: the table is there as long as `self` is, and so are its chunks.
        let mut chunk = unsafe { self.table.as_ref() }.chunks.get();
        core::iter::from_fn(move || {
            // SAFETY: as above.
            let this = unsafe { chunk.as_ref() }?;
            chunk = this.next;
            Some(this.having(!this.released.get()))
        })
        .flatten()
    }

    /// How many slots there are.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.chunks * CHUNK_SLOTS
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // Handles that are dropped here afterwards are orphans as others are.
        self.leave();
        // SAFETY: the table is there as long as `self` is.
        let mut near = List { first: unsafe { self.table.as_ref() }.near.replace(ptr::null()) };
        while near.pop().is_some() {
            self.in_use -= 1;
        }
        // SAFETY: the heap closes its table once, and counted its handles right: those in use are the ones that were
        // created and not taken back.
        unsafe {
            if Released::close(NonNull::from(&self.table.as_ref().released), self.in_use) {
                Table::free(self.table);
            }
        }
    }
}

impl Table {
    /// # Safety
    /// Neither the heap nor any handle may use the table any more.
    #[cold]
    #[inline(never)]
    unsafe fn free(table: NonNull<Table>) {
        // SAFETY: the caller's promise; tables and chunks were made by `leak`, and every chunk is in the list once.
        unsafe {
            let table = Box::from_raw(table.as_ptr());
            let mut chunk = table.chunks.get();
            while !chunk.is_null() {
                chunk = Box::from_raw(chunk.cast_mut()).next;
            }
        }
    }
}

/// A value in memory of its own, to be freed as a `Box`.
fn leak<T>(value: T) -> Result<NonNull<T>, Refused> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).map_err(|_| Refused)?;
    one.push(value);
    // A boxed slice of one is laid out as a box of one.
    let slice = Box::leak(one.into_boxed_slice());
    Ok(NonNull::from(slice).cast())
}

/// A share in a slot: what a [`Handle`](crate::Handle) is.
pub(crate) struct HandleSlot {
    slot: NonNull<Slot>,
}

// SAFETY: of the slot, a handle touches the count, which is atomic, and the table's address and number, which never
// change while there is a handle. The last one also writes the link, when nobody else looks at it. Of the table, the
// list of released slots and the owner are atomic, and the list beside is for the owner's thread, which is the heap's.
// The rest is read through `Roots`, on the heap's thread.
unsafe impl Send for HandleSlot {}
// SAFETY: as above.
unsafe impl Sync for HandleSlot {}
// No panic can happen while a slot is inconsistent.
impl core::panic::UnwindSafe for HandleSlot {}
impl core::panic::RefUnwindSafe for HandleSlot {}

impl HandleSlot {
    #[inline]
    pub(super) fn slot(&self) -> &Slot {
        // SAFETY: a slot stays where it is while there is a handle on it.
        unsafe { self.slot.as_ref() }
    }

    /// The number of the heap that the handle belongs to.
    pub(crate) fn heap(&self) -> u64 {
        // SAFETY: the table is there while there is a handle, and its number never changes.
        unsafe { (*self.slot().table.as_ptr()).heap }
    }
}

impl Clone for HandleSlot {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: the new handle comes from this one. 2^58 clones take decades, so the count does not wrap.
        self.slot().handles.fetch_add(ONE, Ordering::Relaxed);
        HandleSlot { slot: self.slot }
    }
}

impl Drop for HandleSlot {
    #[inline]
    fn drop(&mut self) {
        let handles = &self.slot().handles;
        // A lone handle needs no atomic subtraction. If the count is one, that one is this: another handle could only
        // have been cloned from it, before this drop. Acquire, and Release in the subtraction: what other handles did
        // to the slot comes before its next life.
        if handles.load(Ordering::Acquire) / ONE != 1 && handles.fetch_sub(ONE, Ordering::AcqRel) / ONE != 1 {
            return;
        }
        let table = self.slot().table;
        // SAFETY: the table is there while there is a handle.
        let shared = unsafe { table.as_ref() };
        // Relaxed: a thread asks for what it wrote itself.
        let owner = shared.owner.load(Ordering::Relaxed);
        if owner != 0 && owner == here() {
            // The heap is on this thread and not gone, so it will take the list; nothing runs here meanwhile. The slot
            // is in no list.
            self.slot().next.set(shared.near.replace(self.slot.as_ptr()));
            return;
        }
        // SAFETY: this was the slot's last handle, so it is in no list, and nobody but us looks at it; the table is
        // there while there is a handle. Nothing of either is touched after the push.
        unsafe {
            if Released::release(NonNull::from(&table.as_ref().released), self.slot) {
                Table::free(table);
            }
        }
    }
}

/// An element of a [`Released`] list.
trait Linked {
    fn set_next(&self, next: *const Self);
    fn next(&self) -> *const Self;
}

impl Linked for Slot {
    #[inline]
    fn set_next(&self, next: *const Slot) {
        self.next.set(next);
    }
    #[inline]
    fn next(&self) -> *const Slot {
        self.next.get()
    }
}

/// What the protocol needs of the platform: the tests run every interleaving of it on loom's.
trait Primitives {
    type Pointer<T>: Pointer<T>;
    type Counter: Counter;
}

trait Pointer<T> {
    fn new(value: *mut T) -> Self;
    fn load(&self, ordering: Ordering) -> *mut T;
    fn swap(&self, value: *mut T, ordering: Ordering) -> *mut T;
    fn replace(&self, current: *mut T, new: *mut T, success: Ordering, failure: Ordering) -> Result<*mut T, *mut T>;
}

trait Counter {
    fn new(value: usize) -> Self;
    fn store(&self, value: usize, ordering: Ordering);
    fn subtract(&self, value: usize, ordering: Ordering) -> usize;
}

/// The released slots, and how their table comes to its end.
struct Released<T, P: Primitives = Native> {
    /// The slot that was released last; null; or [`closed`](Self::closed).
    head: P::Pointer<T>,
    /// Once the list is closed: handles that are left, and one for the heap until it has counted them.
    orphans: P::Counter,
}

impl<T: Linked, P: Primitives> Released<T, P> {
    fn new() -> Self {
        Released { head: P::Pointer::new(ptr::null_mut()), orphans: P::Counter::new(0) }
    }

    /// What stands in `head` when the heap is gone: not the address of any slot.
    fn closed() -> *mut T {
        ptr::without_provenance_mut(usize::MAX)
    }

    /// Releases a slot. True when the heap and all other handles are gone: then the caller frees the table.
    ///
    /// # Safety
    /// `this` must be valid until the slot is released, and the slot valid, in no list, and nobody else's. Both may be
    /// gone when this returns, unless it says true.
    #[inline]
    unsafe fn release(this: NonNull<Self>, slot: NonNull<T>) -> bool {
        // SAFETY: valid, as the caller promises, up to the exchange that succeeds or the subtraction.
        let (this, element) = unsafe { (this.as_ref(), slot.as_ref()) };
        // Acquire: who finds the list closed must find the orphans counted.
        let mut head = this.head.load(Ordering::Acquire);
        while head != Self::closed() {
            element.set_next(head);
            // Release: the link, and whatever was done through the slot's handles, comes before the heap takes it.
            match this.head.replace(head, slot.as_ptr(), Ordering::Release, Ordering::Acquire) {
                Ok(_) => return false,
                Err(now) => head = now,
            }
        }
        this.orphans.subtract(1, Ordering::AcqRel) == 1
    }

    /// Takes all released slots; the caller owns them.
    fn take(&self) -> *const T {
        self.head.swap(ptr::null_mut(), Ordering::Acquire)
    }

    /// The heap is gone: of its slots, `in_use` were neither taken back nor never created. True when all of them are
    /// released: then the caller frees the table.
    ///
    /// # Safety
    /// `this` must be valid, the list not closed, and `in_use` right. `this` may be gone when this returns, unless it
    /// says true.
    unsafe fn close(this: NonNull<Self>, in_use: usize) -> bool {
        // SAFETY: the heap's own orphan keeps the table until the subtraction.
        let this = unsafe { this.as_ref() };
        this.orphans.store(in_use + 1, Ordering::Relaxed);
        let mut at = this.head.swap(Self::closed(), Ordering::AcqRel).cast_const();
        let mut gone = 1;
        // SAFETY: released slots lie in the table, and nobody else looks at them.
        while let Some(slot) = unsafe { at.as_ref() } {
            gone += 1;
            at = slot.next();
        }
        this.orphans.subtract(gone, Ordering::AcqRel) == gone
    }
}

/// The primitives of the machine.
struct Native;

impl Primitives for Native {
    type Pointer<T> = AtomicPtr<T>;
    type Counter = AtomicUsize;
}

impl<T> Pointer<T> for AtomicPtr<T> {
    fn new(value: *mut T) -> Self {
        AtomicPtr::new(value)
    }
    #[inline]
    fn load(&self, ordering: Ordering) -> *mut T {
        self.load(ordering)
    }
    fn swap(&self, value: *mut T, ordering: Ordering) -> *mut T {
        self.swap(value, ordering)
    }
    #[inline]
    fn replace(&self, current: *mut T, new: *mut T, success: Ordering, failure: Ordering) -> Result<*mut T, *mut T> {
        self.compare_exchange_weak(current, new, success, failure)
    }
}

impl Counter for AtomicUsize {
    fn new(value: usize) -> Self {
        AtomicUsize::new(value)
    }
    fn store(&self, value: usize, ordering: Ordering) {
        self.store(value, ordering);
    }
    #[inline]
    fn subtract(&self, value: usize, ordering: Ordering) -> usize {
        self.fetch_sub(value, ordering)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom::cell::Cell as LoomCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicPtr as LoomPointer, AtomicUsize as LoomCounter};

    /// loom's primitives: a test sees every interleaving, every value that a relaxed load may return, and every race.
    struct Loom;

    impl Primitives for Loom {
        type Pointer<T> = LoomPointer<T>;
        type Counter = LoomCounter;
    }

    impl<T> Pointer<T> for LoomPointer<T> {
        fn new(value: *mut T) -> Self {
            LoomPointer::new(value)
        }
        fn load(&self, ordering: Ordering) -> *mut T {
            self.load(ordering)
        }
        fn swap(&self, value: *mut T, ordering: Ordering) -> *mut T {
            self.swap(value, ordering)
        }
        fn replace(&self, current: *mut T, new: *mut T, ok: Ordering, failed: Ordering) -> Result<*mut T, *mut T> {
            self.compare_exchange(current, new, ok, failed)
        }
    }

    impl Counter for LoomCounter {
        fn new(value: usize) -> Self {
            LoomCounter::new(value)
        }
        fn store(&self, value: usize, ordering: Ordering) {
            self.store(value, ordering);
        }
        fn subtract(&self, value: usize, ordering: Ordering) -> usize {
            self.fetch_sub(value, ordering)
        }
    }

    struct Element {
        next: LoomCell<*const Element>,
        /// Written by whoever releases it, read by whoever has it afterwards: loom reports it if that is a race.
        left: LoomCell<bool>,
    }

    impl Linked for Element {
        fn set_next(&self, next: *const Element) {
            self.next.set(next);
        }
        fn next(&self) -> *const Element {
            self.next.get()
        }
    }

    struct Model {
        released: Released<Element, Loom>,
        elements: Vec<Element>,
        /// How often somebody was told to free the table, and a cell that only that one may touch.
        freed: LoomCounter,
        table: LoomCell<u32>,
    }

    // SAFETY: that is what loom checks.
    unsafe impl Sync for Model {}
    // SAFETY: as above.
    unsafe impl Send for Model {}

    impl Model {
        fn free(&self) {
            assert_eq!(self.freed.fetch_add(1, Ordering::Relaxed), 0, "the table is freed twice");
            assert!(
                self.elements.iter().all(|element| element.left.get()),
                "the table is freed while there are handles"
            );
            self.table.set(1);
        }
    }

    /// A heap and handles on `threads` threads. The heap takes released slots once or not at all, and goes.
    fn model(threads: usize, takes: bool) {
        let mut model = loom::model::Builder::new();
        // At most so many times is a thread interrupted. Without a bound, as this was run once, it takes most of a
        // minute.
        model.preemption_bound = Some(3);
        model.check(move || {
            let model = Arc::new(Model {
                released: Released::new(),
                elements: (0..threads)
                    .map(|_| Element { next: LoomCell::new(ptr::null()), left: LoomCell::new(false) })
                    .collect(),
                freed: LoomCounter::new(0),
                table: LoomCell::new(0),
            });
            let droppers: Vec<_> = (0..threads)
                .map(|n| {
                    let model = model.clone();
                    loom::thread::spawn(move || {
                        let element = &model.elements[n];
                        element.left.set(true);
                        // SAFETY: released once, and the model is kept until all threads have ended.
                        if unsafe { Released::release(NonNull::from(&model.released), NonNull::from(element)) } {
                            model.free();
                        }
                    })
                })
                .collect();
            let mut in_use = threads;
            if takes {
                let mut at = model.released.take();
                // SAFETY: elements of the model.
                while let Some(element) = unsafe { at.as_ref() } {
                    assert!(element.left.get());
                    in_use -= 1;
                    at = element.next();
                }
            }
            // SAFETY: closed once, and counted.
            if unsafe { Released::close(NonNull::from(&model.released), in_use) } {
                model.free();
            }
            droppers.into_iter().for_each(|dropper| dropper.join().unwrap());
            assert_eq!(model.freed.load(Ordering::Relaxed), 1, "the table is not freed");
        });
    }

    #[test]
    fn whoever_is_last_frees_the_table() {
        model(1, false);
        model(1, true);
        model(2, false);
        model(2, true);
    }

    #[test]
    fn nobody_left_frees_it_at_once() {
        model(0, true);
    }

    fn near(slots: &Slots) -> bool {
        // SAFETY: the table is there as long as the slots are.
        !unsafe { slots.table.as_ref() }.near.get().is_null()
    }

    fn taken(slots: &mut Slots) -> usize {
        let mut taken = 0;
        slots.take_released(|slots, slot| {
            taken += 1;
            // SAFETY: it was just taken, so it is in no list.
            unsafe { slots.free.push(slot) };
        });
        taken
    }

    #[test]
    fn only_the_thread_that_has_the_heap_uses_its_list() {
        let mut slots = Slots::new(1).unwrap();
        let handles: Vec<_> = (0..4).map(|_| slots.create().unwrap()).collect();
        let [first, second, third, last] = handles.try_into().ok().unwrap();

        std::thread::scope(|scope| _ = scope.spawn(move || drop(first)));
        assert!(!near(&slots), "another thread");
        drop(second);
        assert!(near(&slots));
        assert_eq!((taken(&mut slots), slots.in_use()), (2, 2));

        slots.leave();
        drop(third);
        assert!(!near(&slots), "the heap may be elsewhere already");
        slots.stay_here();
        drop(last);
        assert!(near(&slots));
        assert_eq!((taken(&mut slots), slots.in_use()), (2, 0));
    }
}
