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
use crate::object::{Object, ObjectMap, ObjectRef, prefetch};

/// Objects with drop glue.
#[derive(Default)]
pub struct DropList {
    /// In a counting heap only the young.
    objects: Aged<ObjectRef>,
    /// In a counting heap the old, and the bytes that each owned outside the heap when it was last asked.
    counted: ObjectMap<usize>,
    /// Of these, the dead.
    condemned: Segments<ObjectRef>,
    /// Permanent objects: their glue runs when the heap is dropped.
    permanent: Segments<ObjectRef>,
    /// Bytes that the old objects own outside the heap, as they said when they were last asked.
    owned: usize,
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

    /// Number of listed objects that may die.
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
        if let Some(owned) = self.counted.remove(&object) {
            self.owned = self.owned.saturating_sub(owned);
            self.condemned.push(object);
        }
    }

    /// Makes room for all objects to become permanent.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve_permanent(&mut self) -> Result<(), AllocError> {
        self.permanent.reserve_total(self.permanent.len() + self.len()).map_err(|_| AllocError::REFUSED)
    }

    /// All objects become permanent, for which there is room. Gives the bytes that they own outside the heap.
    pub(crate) fn make_permanent(&mut self) -> usize {
        let DropList { objects, counted, permanent, .. } = self;
        objects.retain_from(
            0,
            |_| {},
            |_, object| {
                permanent.push(object);
                None
            },
        );
        counted.drain().for_each(|(object, _)| permanent.push(object));
        core::mem::take(&mut self.owned)
    }

    /// Bytes that the objects which have survived a collection own outside the heap.
    pub(crate) fn owned_bytes(&self) -> usize {
        self.owned
    }

    /// Asks the counted objects again what they own.
    pub(crate) fn recount(&mut self) {
        self.owned = 0;
        for (&object, owned) in &mut self.counted {
            *owned = owned_bytes(object);
            self.owned = self.owned.saturating_add(*owned);
        }
    }

    /// Bytes of the lists.
    pub(super) fn side_bytes(&self) -> usize {
        let counted = self.counted.capacity() * (size_of::<(ObjectRef, usize)>() + 1);
        self.objects.memory_bytes() + self.condemned.memory_bytes() + self.permanent.memory_bytes() + counted
    }

    /// A burial begins. Gives the number of the first object that it concerns.
    pub(super) fn begin_burial<C: Closure>(&mut self, scope: Scope) -> usize {
        if scope == Scope::All && !C::COUNTS {
            self.owned = 0;
        }
        scope.start(self.objects.old())
    }

    /// Of the next `most` objects from `at` on, runs the glue of the dead, and follows the living, which are asked what they
    /// own; of those that are known to be dead, all. Returns where to go on, and adds to `dropped` how many were dropped.
    pub(super) fn bury_some<C: Closure>(&mut self, at: usize, most: usize, closure: &C, dropped: &mut usize) -> usize {
        let DropList { objects, counted, condemned, owned, panic, .. } = self;
        condemned.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            *dropped += 1;
            None
        });
        let at = objects.retain_next(at, most, prefetch, |_, object| {
            let Some(now) = closure.locate(registered(object)) else {
                run(object, panic);
                *dropped += 1;
                return None;
            };
            let owns = owned_bytes(now);
            *owned = owned.saturating_add(owns);
            if C::COUNTS {
                counted.insert(now, owns);
                return None;
            }
            Some(now)
        });
        if at == objects.len() {
            objects.age();
            condemned.shrink_to(counted.len());
        }
        at
    }

    /// Objects from `at` on, in a list that does not count.
    pub(super) fn left(&self, at: usize) -> usize {
        self.objects.len() - at
    }

    /// The first panic of drop glue since the last call.
    pub(crate) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        self.panic.take()
    }

    /// The heap is going away: everything listed is dead.
    pub(crate) fn run_all(&mut self) {
        let DropList { objects, counted, condemned, permanent, panic, .. } = self;
        condemned.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            None
        });
        counted.drain().for_each(|(object, _)| run(object, panic));
        objects.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            None
        });
        permanent.retain_from(0, prefetch, |_, object| {
            run(object, panic);
            None
        });
    }
}

/// For mistakes that are made on purpose.
#[cfg(feature = "conformance")]
impl DropList {
    /// Runs the glue of an object, whether it lives or not, and leaves it in the list.
    pub(crate) fn run_one(&mut self) {
        let object = self.objects.iter_from(0).next().or_else(|| self.counted.keys().next().copied());
        if let Some(object) = object {
            run(object, &mut self.panic);
        }
    }
}

/// Bytes that a listed object owns outside the heap, which is alive and where it is listed.
fn owned_bytes(object: ObjectRef) -> usize {
    // SAFETY: alive, hence intact, and it has not moved since it was found there. The program is stopped, so nothing of it
    // is borrowed.
    let object = unsafe { Object::at(object) };
    let Some(owned) = object.info().owned_bytes() else { return 0 };
    // SAFETY: an object of this type with this many elements.
    unsafe { owned(object.reference().payload().as_ptr(), object.count()) }
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
