//! [`Slots`]: the storage of a collection, a slice object whose elements may be missing.
//!
//! Storage has more room than elements, and a collector may look at it at any time. So the room that is free must say so.
//! Where elements are traced a slot is an `Option`, and nearly all traced types have a bit pattern to spare for `None`: those
//! with a `Gc` in them. Where elements hold no pointers nobody ever looks, so a slot is uninitialised memory, and a list of
//! bytes takes a byte for each. One constant of the element type decides, so only one of the two exists in any program.
//!
//! *Why not a new shape of object, with a length beside its capacity?* The tracing loop would read both, pieces and
//! cards would be cut off at a length that changes while a marker runs, and each `pop` would be a barrier over what it
//! cuts off. `None` is traced in an instruction or two, and every collector knows slices already.

use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Range;

use crate::api::gc::Gc;
use crate::api::lock::Lock;
use crate::api::mutator::Mutator;
use crate::api::write::{Unlock, Write};
use crate::error::AllocError;
use crate::object::ObjectRef;
use crate::trace::{Facts, Known, Relocator, Trace, Tracer};

/// A pointer to a slice object of slots.
pub(super) struct Slots<'gc, T> {
    object: Gc<'gc, ()>,
    _elements: PhantomData<Lock<T>>,
}

impl<'gc, T> Clone for Slots<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slots<'_, T> {}

// SAFETY: one edge, to the storage. The bound on the elements is rule 7 of the trait.
unsafe impl<'gc, T: Trace<'gc> + 'gc> Trace<'gc> for Slots<'gc, T> {
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        self.object.trace(tracer);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        self.object.relocate(relocator);
    }
}

/// A slot whose element holds no pointers, or is missing.
#[repr(transparent)]
struct Untraced<T>(Cell<MaybeUninit<T>>);

// SAFETY: used only for types that hold no pointers (`Slots::TRACED` is false), so there is nothing to report.
unsafe impl<'gc, T: Trace<'gc> + 'gc> Trace<'gc> for Untraced<T> {
    type Facts = Untraced<T>;
    fn trace(&self, _: &mut Tracer<'gc>) {}
    fn relocate(&mut self, _: &mut Relocator<'gc>) {}
}

// SAFETY: as above; nothing but the element could be bound to a thread.
unsafe impl<'gc, T: Trace<'gc> + 'gc> Facts<'gc> for Untraced<T> {
    const NEEDS_TRACE: bool = false;
    const THREAD_BOUND: bool = <T::Facts as Facts<'gc>>::THREAD_BOUND;
}

type Traced<T> = Lock<Option<T>>;

impl<'gc, T: Trace<'gc> + Copy + 'gc> Slots<'gc, T> {
    const TRACED: bool = <T::Facts as Facts<'gc>>::NEEDS_TRACE;
    const STRIDE: usize = if Self::TRACED { size_of::<Traced<T>>() } else { size_of::<Untraced<T>>() };

    /// Storage with this capacity, and these elements in its first slots, as many as there is room for. Taking an element must
    /// not panic.
    pub(super) fn try_new(
        mc: &Mutator<'gc>,
        capacity: usize,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<Self, AllocError> {
        Self::allocate(mc, capacity, |slots| {
            let mut filled = 0;
            for element in elements.into_iter().take(capacity) {
                // SAFETY: there are so many slots; nobody else sees them yet.
                unsafe { slots.init(filled, Some(element)) };
                filled += 1;
            }
            filled
        })
    }

    /// Storage with this capacity, and the elements in the first `len` slots of `old` in its first slots.
    ///
    /// # Safety
    /// They must exist and be filled, and there must be room for them.
    pub(super) unsafe fn try_moved(
        mc: &Mutator<'gc>,
        capacity: usize,
        old: Self,
        len: usize,
    ) -> Result<Self, AllocError> {
        debug_assert!(len <= capacity && len <= old.capacity());
        Self::allocate(mc, capacity, |slots| {
            let (from, to) = (old.object.object().payload(), slots.object.object().payload());
            // SAFETY: the caller's promise; what is new overlaps nothing, and elements are `Copy`.
            unsafe { to.copy_from_nonoverlapping(from, len * Self::STRIDE) };
            len
        })
    }

    /// Makes storage. `fill` must not panic, and fills as many of the first slots as it says.
    fn allocate(mc: &Mutator<'gc>, capacity: usize, fill: impl FnOnce(Self) -> usize) -> Result<Self, AllocError> {
        // SAFETY: the payload of an object of this heap, with room for so many slots.
        let slots =
            |payload| unsafe { Slots { object: Gc::from_object(ObjectRef::new(payload)), _elements: PhantomData } };
        let object = if Self::TRACED {
            let bytes = mc.payload_of::<Traced<T>>(capacity)?;
            mc.allocate_filled::<Traced<T>>(capacity, bytes, |payload| {
                for index in fill(slots(payload))..capacity {
                    // SAFETY: there are so many slots; nobody else sees them yet.
                    unsafe { slots(payload).init(index, None) };
                }
            })
        } else {
            let bytes = mc.payload_of::<Untraced<T>>(capacity)?;
            mc.allocate_filled::<Untraced<T>>(capacity, bytes, |payload| {
                fill(slots(payload));
            })
        }?;
        Ok(slots(object.payload()))
    }

    /// Fills a slot for the first time.
    ///
    /// # Safety
    /// The slot must exist, and nobody else see it yet.
    #[inline(always)]
    unsafe fn init(self, index: usize, element: Option<T>) {
        let payload = self.object.object().payload();
        // SAFETY: the slot is part of the object's memory, as large as the constant says.
        unsafe {
            if Self::TRACED {
                payload.cast::<Traced<T>>().add(index).write(Lock::new(element));
            } else if let Some(element) = element {
                payload.cast::<T>().add(index).write(element);
            }
        }
    }

    /// The number of slots.
    #[inline]
    pub(super) fn capacity(self) -> usize {
        // SAFETY: a Gc leads to a live object, and this one is a slice.
        unsafe { self.object.object().slice_len() }
    }

    /// The element in a slot. Where elements are not traced, there always is one.
    ///
    /// # Safety
    /// The slot must exist, and have been filled: by [`try_new`](Self::try_new), or with `Some` once.
    #[inline]
    pub(super) unsafe fn get(self, index: usize) -> Option<T> {
        debug_assert!(index < self.capacity());
        let payload = self.object.object().payload();
        // SAFETY: the slot exists, in a slice of `Traced` or `Untraced`, as the constant says; an untraced one was filled.
        unsafe {
            if Self::TRACED {
                payload.cast::<Traced<T>>().add(index).as_ref().get()
            } else {
                Some(payload.cast::<Untraced<T>>().add(index).as_ref().0.get().assume_init())
            }
        }
    }

    /// Fills a slot or, where elements are traced, empties it, through the barrier.
    ///
    /// # Safety
    /// The slot must exist.
    #[inline]
    pub(super) unsafe fn set(self, mc: &Mutator<'gc>, index: usize, element: Option<T>) {
        self.barrier(mc, index..index + 1);
        // SAFETY: the slot exists, and its barrier ran.
        unsafe { self.put(index, element) };
    }

    /// Runs the barrier for some slots: until the end of this `mutate` they may be [put](Self::put) into.
    #[inline]
    pub(super) fn barrier(self, mc: &Mutator<'gc>, slots: Range<usize>) {
        // What is not traced interests no collector.
        if Self::TRACED {
            mc.machine.barrier(self.object.object(), slots.start * Self::STRIDE..slots.end * Self::STRIDE);
        }
    }

    /// As [`set`](Self::set), without a barrier.
    ///
    /// # Safety
    /// The slot must exist, and its barrier must have run.
    #[inline]
    pub(super) unsafe fn put(self, index: usize, element: Option<T>) {
        debug_assert!(index < self.capacity());
        let payload = self.object.object().payload();
        // SAFETY: the slot exists, in a slice of `Traced` or `Untraced`, as the constant says. The barrier ran.
        unsafe {
            if Self::TRACED {
                Write::assume(payload.cast::<Traced<T>>().add(index).as_ref()).unlock().set(element);
            } else if let Some(element) = element {
                payload.cast::<Untraced<T>>().add(index).as_ref().0.set(MaybeUninit::new(element));
            }
        }
    }

    /// Copies the elements of some slots to as many others, which may overlap them, through the barrier.
    ///
    /// # Safety
    /// All slots must exist, and the first ones be filled.
    pub(super) unsafe fn copy_within(self, mc: &Mutator<'gc>, from: Range<usize>, to: usize) {
        self.barrier(mc, to..to + from.len());
        debug_assert!(from.end <= self.capacity() && to + from.len() <= self.capacity());
        let payload = self.object.object().payload();
        // SAFETY: the slots exist, nobody has borrowed them (a cell gives no reference to what is in it), elements are
        // `Copy`, and the barrier ran for those that change.
        unsafe {
            let first = payload.byte_add(from.start * Self::STRIDE);
            first.copy_to(payload.byte_add(to * Self::STRIDE), from.len() * Self::STRIDE);
        }
    }
}

const _: () = {
    // `Traced` is written through the same door as everywhere.
    const fn unlocks<T: Unlock>() {}
    unlocks::<Traced<u64>>();
};
