//! Ephemerons and finalizers as the conformance kit uses them, on every collector.
//!
//! What is below has no user-facing form yet: a typed interface decides about tables, priorities and names. What it will
//! stand on is complete: an ephemeron as an object, registration of a finalizer, the queue.

use core::marker::PhantomData;

use super::gc::Gc;
use super::mutator::Mutator;
use crate::death::Ephemeron as Payload;
use crate::error::AllocError;
use crate::object::ObjectRef;
use crate::trace::{Relocator, Trace, Tracer};

/// A pointer to an ephemeron: a pair whose value lives as long as its key, and as long as the pair.
pub(crate) struct Ephemeron<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> {
    object: ObjectRef,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
    _pair: PhantomData<(*const K, *const V)>,
}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Clone for Ephemeron<'gc, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Copy for Ephemeron<'gc, K, V> {}

impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Ephemeron<'gc, K, V> {
    /// Makes an ephemeron, or reports a full heap.
    pub(crate) fn try_new(mc: &Mutator<'gc>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Result<Self, AllocError> {
        // SAFETY: both are alive.
        let object = unsafe { mc.machine.allocate_ephemeron(key.object(), value.object()) }?;
        Ok(Ephemeron { object, _brand: PhantomData, _pair: PhantomData })
    }

    /// Key and value, while the key lives. They live at least until the next safepoint.
    pub(crate) fn get(self, mc: &Mutator<'gc>) -> Option<(Gc<'gc, K>, Gc<'gc, V>)> {
        // SAFETY: this is a strong pointer to an ephemeron.
        let (key, value) = unsafe { Payload::at(self.object) }.pair()?;
        mc.machine.weak_upgraded(key);
        mc.machine.weak_upgraded(value);
        // SAFETY: ephemerons are cleared at the safepoint where their key dies; until then key and value are alive. They
        // have the types that `try_new` was given, for the types of an ephemeron never change.
        Some(unsafe { (Gc::from_object(key), Gc::from_object(value)) })
    }
}

// SAFETY: one edge, to the ephemeron. Key and value are the collector's business.
unsafe impl<'gc, K: ?Sized + Trace<'gc> + 'gc, V: ?Sized + Trace<'gc> + 'gc> Trace<'gc> for Ephemeron<'gc, K, V> {
    const THREAD_BOUND: bool = false;
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        tracer.report(self.object);
    }
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        relocator.report(&mut self.object);
    }
}

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
