//! What happens to dead objects before their memory is reused: weak cells are cleared, drop glue runs.
//!
//! Objects whose type has drop glue (a `String`, a `Vec` of plain data; traced types themselves cannot implement `Drop`)
//! are listed when they are allocated, which is decided at compile time, and glue runs only from these lists (rule R11).
//! All other objects are never touched when they die. Because a traced type has no destructor of its own, glue can never
//! follow a `Gc` into a dead neighbour: the oldest family of holes in Rust collectors cannot exist here.
//!
//! Glue is still user code: it may panic, drop handles, drop another heap. So it runs after every cell is cleared and
//! before any memory is reused, no lock is held, panics are caught, and the first one resumes when the collection is
//! complete.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Scope;
use crate::object::ObjectRef;

/// Objects with drop glue.
#[derive(Default)]
pub struct DropList {
    young: Vec<ObjectRef>,
    old: Vec<ObjectRef>,
    condemned: Vec<ObjectRef>,
    panic: Option<Box<dyn Any + Send>>,
}

impl DropList {
    #[inline]
    pub(crate) fn register(&mut self, object: ObjectRef) {
        self.young.push(object);
    }

    /// Number of listed objects.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// True when no object with drop glue is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands the objects that survived their first collection over to a collector that learns of deaths one by one and
    /// keeps them itself. They come back through [`condemn`](Self::condemn) or [`adopt`](Self::adopt).
    pub fn take_old(&mut self) -> Vec<ObjectRef> {
        std::mem::take(&mut self.old)
    }

    /// Lists an object again, as old.
    pub fn adopt(&mut self, object: ObjectRef) {
        self.old.push(object);
    }

    /// An object that is in neither list any more is dead: its glue runs with the next [`HeapCore::process_dead`](crate::collector::HeapCore::process_dead).
    pub fn condemn(&mut self, object: ObjectRef) {
        self.condemned.push(object);
    }

    pub(crate) fn sort(&mut self, scope: Scope, mut locate: impl FnMut(ObjectRef) -> Option<ObjectRef>) {
        let DropList { young, old, condemned, .. } = self;
        if scope == Scope::All {
            old.retain_mut(|object| match locate(*object) {
                Some(now) => {
                    *object = now;
                    true
                }
                None => {
                    condemned.push(*object);
                    false
                }
            });
        }
        for object in young.drain(..) {
            match locate(object) {
                Some(now) => old.push(now),
                None => condemned.push(object),
            }
        }
    }

    pub(crate) fn run(&mut self) -> usize {
        let condemned = std::mem::take(&mut self.condemned);
        for &object in &condemned {
            // SAFETY: the object is dead and in no list any more, so its glue runs once; its memory is intact until
            // `process_dead` returns.
            let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { drop_in_place(object) }));
            match outcome {
                Err(payload) if self.panic.is_none() => self.panic = Some(payload),
                // The payload is a value of the program too: dropping it here could panic again, and unwind through a
                // collector that is half done.
                Err(payload) => std::mem::forget(payload),
                Ok(()) => {}
            }
        }
        let count = condemned.len();
        // Keep the allocation: the next collection will need about as much.
        self.condemned = condemned;
        self.condemned.clear();
        count
    }

    /// The first panic of drop glue since the last call.
    pub(crate) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        self.panic.take()
    }

    /// The heap is going away: everything listed is dead.
    pub(crate) fn run_all(&mut self) {
        self.condemned.append(&mut self.young);
        self.condemned.append(&mut self.old);
        self.run();
    }
}

/// # Safety
/// The object must be initialised, and never used again.
unsafe fn drop_in_place(object: ObjectRef) {
    // SAFETY: the header of a dead, not moved object still names its type.
    let info = unsafe { object.header().load().type_info() };
    if let Some(glue) = info.drop() {
        // SAFETY: the caller's promise.
        unsafe { glue(object.payload().as_ptr(), object.count(info)) };
    }
}
