//! [`Handle`]: a root that the program holds between calls of `mutate`.

use core::marker::PhantomData;
use std::sync::Arc;

use super::gc::Gc;
use super::weak::Weak;
use crate::collector::ObjectRef;
use crate::collector::roots::HandleLog;

/// Keeps an object alive from outside the heap, across safepoints.
///
/// Made by [`Mutator::stash`](crate::Mutator::stash), read by [`Mutator::fetch`](crate::Mutator::fetch). It has no brand
/// and no lifetime: it may be stored anywhere, cloned (cheaply: clones share one root), sent to another thread, and may
/// outlive the heap. When the last clone is dropped, the object is released at the next safepoint.
pub struct Handle<R: ?Sized> {
    slot: Arc<HandleSlot>,
    // Invariant: all clones of a handle must agree on what it keeps.
    _type: PhantomData<fn(PhantomData<R>) -> PhantomData<R>>,
}

struct HandleSlot {
    log: Arc<HandleLog>,
    slot: u32,
}

impl Drop for HandleSlot {
    fn drop(&mut self) {
        self.log.release(self.slot);
    }
}

impl<R: ?Sized> Handle<R> {
    pub(crate) fn new(log: Arc<HandleLog>, slot: u32) -> Self {
        Handle { slot: Arc::new(HandleSlot { log, slot }), _type: PhantomData }
    }

    pub(crate) fn heap(&self) -> u64 {
        self.slot.log.heap
    }

    pub(crate) fn slot(&self) -> u32 {
        self.slot.slot
    }

    /// The number of the heap that the handle belongs to.
    pub fn heap_id(&self) -> u64 {
        self.heap()
    }
}

impl<R: ?Sized> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Handle { slot: self.slot.clone(), _type: PhantomData }
    }
}

impl<R: ?Sized> core::fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Handle").field("heap", &self.heap()).field("slot", &self.slot()).finish()
    }
}

/// What a handle can keep: a [`Gc`] or a [`Weak`] of any type.
///
/// # Safety
/// Sealed: the two functions must be inverse to each other.
#[diagnostic::on_unimplemented(
    message = "a handle keeps a `Gc` or a `Weak`, and `{Self}` is neither",
    label = "not a pointer into the heap",
    note = "allocate the value with `Gc::new` and stash the pointer"
)]
pub unsafe trait Pointer<'gc>: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn object_ref(self) -> ObjectRef;
    /// # Safety
    /// `object` must be live and have come from `object_ref` of the same type, in the same heap.
    #[doc(hidden)]
    unsafe fn from_object_ref(object: ObjectRef) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl<'gc, T: ?Sized + 'gc> Sealed for super::Gc<'gc, T> {}
    impl<'gc, T: ?Sized + 'gc> Sealed for super::Weak<'gc, T> {}
}

// SAFETY: a Gc is the address of its object.
unsafe impl<'gc, T: ?Sized + 'gc> Pointer<'gc> for Gc<'gc, T> {
    fn object_ref(self) -> ObjectRef {
        self.object()
    }
    unsafe fn from_object_ref(object: ObjectRef) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Gc::from_object(object) }
    }
}

// SAFETY: a Weak is the address of its cell.
unsafe impl<'gc, T: ?Sized + 'gc> Pointer<'gc> for Weak<'gc, T> {
    fn object_ref(self) -> ObjectRef {
        self.cell()
    }
    unsafe fn from_object_ref(object: ObjectRef) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Weak::from_cell(object) }
    }
}
