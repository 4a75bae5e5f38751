//! Objects with drop glue.
//!
//! Objects whose type has drop glue (a `String`, a `Vec` of plain data; traced types themselves cannot implement `Drop`)
//! are listed when they are allocated, which is decided at compile time, and glue runs only from these lists (rule R11).
//! All other objects are never touched when they die. Because a traced type has no destructor of its own, glue can never
//! follow a `Gc` into a dead neighbour: the oldest family of holes in Rust collectors cannot exist here.
//!
//! Glue is still user code: it may panic, drop handles, drop another heap. So it runs after every cell is cleared and
//! before any memory is reused, no lock is held, panics are caught, and the first one resumes when the collection is
//! complete. It cannot register anything here, because it has no way into this heap; so it may run while the list is
//! walked, and what is dead needs no list of its own.
//!
//! A counting collector learns of deaths one by one. There the survivors of their first epoch are a set, and those that
//! die leave it for a list. The room for both was made when the objects were registered.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Scope, registered};
use crate::engine::Closure;
use crate::error::AllocError;
use crate::memory::{Aged, Segments};
use crate::object::{ObjectRef, ObjectSet, prefetch};

/// Objects with drop glue.
#[derive(Default)]
pub struct DropList {
    /// In a counting heap only the young.
    objects: Aged<ObjectRef>,
    /// In a counting heap the old.
    counted: ObjectSet,
    /// Of these, the dead.
    condemned: Segments<ObjectRef>,
    panic: Option<Box<dyn Any + Send>>,
}

impl DropList {
    /// Makes room for one object more, through its life and death. With `counts`, for a counting heap.
    ///
    /// # Errors
    /// When the system refuses memory.
    #[inline]
    pub(crate) fn reserve(&mut self, counts: bool) -> Result<(), AllocError> {
        self.objects.reserve().map_err(|_| AllocError::REFUSED)?;
        if counts {
            let young = self.objects.len() + 1;
            self.counted.try_reserve(young).map_err(|_| AllocError::REFUSED)?;
            self.condemned.reserve_total(self.counted.len() + young).map_err(|_| AllocError::REFUSED)?;
        }
        Ok(())
    }

    /// Lists an object, for which there is room.
    #[inline]
    pub(crate) fn register(&mut self, object: ObjectRef) {
        self.objects.push(object);
    }

    /// Number of listed objects.
    pub fn len(&self) -> usize {
        self.objects.len() + self.counted.len()
    }

    /// True when no object with drop glue is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A counting collector's object is dead. One that was registered since the last epoch is still listed as young, and
    /// is found there.
    pub(super) fn died(&mut self, object: ObjectRef) {
        if self.counted.remove(&object) {
            self.condemned.push(object);
        }
    }

    /// Runs the glue of the dead, and follows the living. Returns how many were dropped.
    pub(super) fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) -> usize {
        let DropList { objects, counted, condemned, panic } = self;
        let mut dropped = 0;
        condemned.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            dropped += 1;
            None
        });
        objects.retain_from(scope.start(objects.old()), prefetch, |_, object| {
            let Some(now) = closure.locate(registered(object)) else {
                run(object, panic);
                dropped += 1;
                return None;
            };
            if C::COUNTS {
                counted.insert(now);
                return None;
            }
            Some(now)
        });
        objects.age();
        condemned.shrink_to(counted.len());
        dropped
    }

    /// The first panic of drop glue since the last call.
    pub(crate) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        self.panic.take()
    }

    /// The heap is going away: everything listed is dead.
    pub(crate) fn run_all(&mut self) {
        let DropList { objects, counted, condemned, panic } = self;
        condemned.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            None
        });
        counted.drain().for_each(|object| run(object, panic));
        objects.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            None
        });
    }
}

/// Runs the glue of a dead object that has just left the lists.
fn run(object: ObjectRef, panic: &mut Option<Box<dyn Any + Send>>) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let object = registered(object).look().expect("a dead object has not moved");
        let (info, count) = (object.info(), object.count());
        if let Some(glue) = info.drop() {
            // SAFETY: the object is initialised, dead, and in no list any more, so its glue runs once and nobody looks at
            // it afterwards. Its memory is intact until `bury` returns.
            unsafe { glue(object.reference().payload().as_ptr(), count) };
        }
    }));
    match outcome {
        Err(payload) if panic.is_none() => *panic = Some(payload),
        // The payload is a value of the program too: dropping it here could panic again, and unwind through a collector
        // that is half done.
        Err(payload) => std::mem::forget(payload),
        Ok(()) => {}
    }
}
