//! Finalizers as the conformance kit uses them, on every collector. They have no user-facing form yet.

use super::gc::Gc;
use super::mutator::Mutator;
use crate::error::AllocError;

impl<'gc> Mutator<'gc> {
    /// Asks that the object be queued when it is dead, once in its life. False when that was done before.
    pub(crate) fn try_finalize<T: ?Sized>(&self, object: Gc<'gc, T>) -> Result<bool, AllocError> {
        // SAFETY: it is alive.
        unsafe { self.machine.register_finalizer(object.object()) }
    }

    /// Takes an object out of the queue.
    ///
    /// # Safety
    /// All objects with finalizers of this heap have the type `T`.
    pub(crate) unsafe fn next_finalizable<T>(&self) -> Option<Gc<'gc, T>> {
        let object = self.machine.next_finalizable()?;
        // SAFETY: what is queued is alive, and lives until the next safepoint; that it is a `T` is the caller's promise.
        Some(unsafe { Gc::from_object(object) })
    }
}
