//! [`Weak`]: a pointer that does not keep its target alive.

use core::marker::PhantomData;

use super::gc::Gc;
use super::mutator::Mutator;
use super::thread::PointerStaysOnItsThread;
use crate::death::WeakCell;
use crate::error::AllocError;
use crate::object::ObjectRef;
use crate::trace::{Content, Known, Relocator, Trace, Tracer};

/// A weak pointer: one word, `Copy`, [upgraded](Weak::upgrade) to a [`Gc`] while its target lives.
///
/// It points to a small cell in the heap, one for each object that was ever [downgraded](Gc::downgrade), which the
/// collector clears when the object dies. Upgrading costs two loads and a barrier test.
pub struct Weak<'gc, T: ?Sized + 'gc> {
    cell: ObjectRef,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
    _target: PhantomData<*const T>,
}

// SAFETY: never, since the condition is never met.
unsafe impl<'gc, T: ?Sized + 'gc> Send for Weak<'gc, T> where Self: PointerStaysOnItsThread {}
// SAFETY: as above.
unsafe impl<'gc, T: ?Sized + 'gc> Sync for Weak<'gc, T> where Self: PointerStaysOnItsThread {}

impl<'gc, T: ?Sized + 'gc> Clone for Weak<'gc, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, T: ?Sized + 'gc> Copy for Weak<'gc, T> {}

impl<'gc, T: ?Sized + 'gc> Weak<'gc, T> {
    pub(crate) fn new(mc: &Mutator<'gc>, gc: Gc<'gc, T>) -> Result<Self, AllocError> {
        // SAFETY: a Gc leads to a live object.
        let cell = match unsafe { mc.machine.weak_cell_of(gc.object()) }? {
            Some(cell) => {
                // The table does not keep cells alive: when every weak pointer is gone, a cell waits to be reclaimed,
                // and a cycle in progress must learn that it has come back.
                let back = mc.machine.weak_upgraded(cell);
                debug_assert!(back, "a weak cell comes back when it is asked for");
                cell
            }
            // SAFETY: as above.
            None => unsafe { mc.machine.allocate_weak_cell(gc.object()) }?,
        };
        Ok(Weak { cell, _brand: PhantomData, _target: PhantomData })
    }

    /// # Safety
    /// `cell` must be a live weak cell whose target has type `T`, in the heap whose brand is `'gc`.
    #[inline]
    pub(crate) unsafe fn from_cell(cell: ObjectRef) -> Self {
        Weak { cell, _brand: PhantomData, _target: PhantomData }
    }

    #[inline]
    pub(crate) fn cell(self) -> ObjectRef {
        self.cell
    }

    /// The target's place, while it lives; whoever makes a pointer of it keeps it alive.
    #[inline]
    pub(super) fn target(self) -> Option<ObjectRef> {
        // SAFETY: a Weak is a strong pointer to a weak cell.
        unsafe { WeakCell::at(self.cell) }.target()
    }

    /// The target, if it is still alive. The result keeps it alive at least until the next safepoint.
    #[inline]
    pub fn upgrade(self, mc: &Mutator<'gc>) -> Option<Gc<'gc, T>> {
        let target = self.target()?;
        // SAFETY: a target that is still there and not known to be dead is alive until the next safepoint: it is at
        // safepoints that targets die, and then their cells are cleared, or wait for it.
        mc.machine.weak_upgraded(target).then(|| unsafe { Gc::from_object(target) })
    }

    /// True when the target is dead: from then on there is no way to get it.
    #[inline]
    pub fn is_dropped(self, mc: &Mutator<'gc>) -> bool {
        self.target().is_none_or(|target| mc.machine.is_dead(target))
    }

    /// The target's address, or null when it has been reclaimed. As good, and for as long, as that of
    /// [`Gc::as_ptr`](crate::Gc::as_ptr).
    #[inline]
    pub fn as_ptr(self) -> *const () {
        self.target().map_or(core::ptr::null(), |target| target.payload().as_ptr().cast_const().cast())
    }

    /// The same pointer without its type.
    #[inline]
    pub fn erase(self) -> Weak<'gc, ()> {
        Weak { cell: self.cell, _brand: PhantomData, _target: PhantomData }
    }

    /// A number that stays the same as long as there is a weak pointer to the object, wherever things move and also when the
    /// object is dead; of weak pointers to two objects it is nearly always different. It is not that of
    /// [`Gc::identity_hash`](crate::Gc::identity_hash), which may take a word of the object's own.
    pub fn identity_hash(self, mc: &Mutator<'gc>) -> u64 {
        // SAFETY: a Weak is a strong pointer to a weak cell.
        unsafe { mc.machine.identity_hash(self.cell) }
    }

    /// True when both lead to the same object, dead or alive.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.cell == other.cell
    }
}

impl<'gc, T: ?Sized + 'gc> Gc<'gc, T> {
    /// A weak pointer to the object. The first call for an object allocates its weak cell (16 bytes).
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn downgrade(this: Self, mc: &Mutator<'gc>) -> Weak<'gc, T> {
        match Self::try_downgrade(this, mc) {
            Ok(weak) => weak,
            Err(error) => super::alloc::heap_is_full(error),
        }
    }

    /// A weak pointer to the object, or a report that the heap is full.
    ///
    /// # Errors
    /// When the object has no weak cell yet, and the heap limit is reached or the system refuses memory.
    pub fn try_downgrade(this: Self, mc: &Mutator<'gc>) -> Result<Weak<'gc, T>, AllocError> {
        Weak::new(mc, this)
    }
}

/// Says whether the target is alive, and does not follow it. Of one that died in a cycle that is still in progress it may not
/// be known here; [`Weak::is_dropped`] knows.
impl<'gc, T: ?Sized + 'gc> core::fmt::Debug for Weak<'gc, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.target().is_none() { "(Weak, dead)" } else { "(Weak)" })
    }
}

/// By identity, as [`Weak::ptr_eq`]: equal when both lead to the same object, dead or alive. There is no `Hash`: what
/// [`Weak::identity_hash`] says is asked of the heap, and an address would be another one after the next collection, in a
/// table that lives on.
impl<'gc, T: ?Sized + 'gc> PartialEq for Weak<'gc, T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cell == other.cell
    }
}

impl<'gc, T: ?Sized + 'gc> Eq for Weak<'gc, T> {}

// SAFETY: a Weak is one edge, to its cell. The bound on the target is rule 7 of the trait, as for `Gc`.
unsafe impl<'gc, T: ?Sized + Content<'gc> + 'gc> Trace<'gc> for Weak<'gc, T> {
    type Facts = Known<true, false>;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        tracer.report(self.cell);
    }
    #[inline]
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        relocator.report(&mut self.cell);
    }
}

impl<'gc> Tracer<'gc> {
    /// Reports a weak pointer: an edge to its cell, not to its target.
    #[inline]
    pub fn visit_weak<T: ?Sized + 'gc>(&mut self, weak: Weak<'gc, T>) {
        self.report(weak.cell);
    }
}

impl<'gc> Relocator<'gc> {
    /// Reports the slot that holds a weak pointer.
    #[inline]
    pub fn visit_weak<T: ?Sized + 'gc>(&mut self, weak: &mut Weak<'gc, T>) {
        self.report(&mut weak.cell);
    }
}
