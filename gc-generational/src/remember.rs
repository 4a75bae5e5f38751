//! The remembered set: old objects that may point at young ones.
//!
//! It is a list of objects, not of slots. An old object is *clean* (its `UNLOGGED` bit is set) until its first write
//! since the last collection; the barrier then clears the bit and lists the object, so every object is listed once,
//! however often it is written. A minor collection visits the slots of every listed object, and cleans it again.
//!
//! Objects that are born old (large ones, and small ones when the nursery's address space is exhausted) may be
//! initialised with young pointers without a barrier, so they are born unclean and listed at birth (rule R10).
//!
//! *Imperfect.* A large array is visited as a whole when one element was written. Cards would bound that; the interface
//! gives the byte range of the write for this purpose.

use heap_core::AllocError;
use heap_core::collector::ObjectRef;
use heap_core::collector::object::UNLOGGED;

/// Old objects that are not clean.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    objects: Vec<ObjectRef>,
}

impl Remembered {
    /// Makes sure that the next [`add`](Self::add) succeeds.
    pub(crate) fn reserve(&mut self) -> Result<(), AllocError> {
        self.objects.try_reserve(1).map_err(|_| AllocError::REFUSED)
    }

    /// Lists an object that was born unclean.
    pub(crate) fn add(&mut self, object: ObjectRef) {
        self.objects.push(object);
    }

    /// The first write to a clean object is about to happen: lists it and makes it unclean.
    ///
    /// # Panics
    /// When the system refuses memory for the list. The object has not been written to then.
    ///
    /// # Safety
    /// The object is live.
    pub(crate) unsafe fn log(&mut self, object: ObjectRef) {
        if let Err(error) = self.reserve() {
            panic!("the write barrier cannot remember an object: {error}");
        }
        // SAFETY: the caller's promise.
        let header = unsafe { object.header() };
        header.store(header.load().without(UNLOGGED));
        self.add(object);
    }

    /// Takes the list; give it back, empty, with [`restore`](Self::restore).
    pub(crate) fn take(&mut self) -> Vec<ObjectRef> {
        std::mem::take(&mut self.objects)
    }

    /// Gives back what [`take`](Self::take) took.
    pub(crate) fn restore(&mut self, objects: Vec<ObjectRef>) {
        debug_assert!(self.objects.is_empty());
        self.objects = objects;
    }

    /// Whether an object is listed. Slow: for the verifier.
    pub(crate) fn contains(&self, object: ObjectRef) -> bool {
        self.objects.contains(&object)
    }

    /// How many objects are listed.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }
}

/// Cleans an object again: its next write will be reported.
///
/// # Safety
/// The object is live and old.
pub(crate) unsafe fn clean(object: ObjectRef) {
    // SAFETY: the caller's promise.
    let header = unsafe { object.header() };
    header.store(header.load().with(UNLOGGED));
}
