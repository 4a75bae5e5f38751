//! `handles` on our heaps.

use heap_core::{Gc, Handle, Rootable, Trace};

use super::heap::{Measured, Setup};
use crate::workloads::handles::{Parameters, Program, check};

#[derive(Trace)]
struct Object {
    number: u64,
    check: u64,
}

type Held = Rootable![Gc<'_, Object>];

/// The program.
pub(super) struct Handles {
    handles: Vec<Handle<Held>>,
    heap: Measured<Rootable![()]>,
}

impl Handles {
    /// An empty heap.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Handles { handles: Vec::with_capacity(parameters.handles as usize), heap: setup.heap(|_| Ok(())) }
    }
}

impl Program for Handles {
    fn add(&mut self, number: u64) {
        let handle = self.heap.batch(|mc, ()| {
            let object = Gc::try_new(mc, Object { number, check: check(number) })?;
            Ok(mc.stash_as::<Held>(object))
        });
        self.handles.push(handle);
    }

    fn replace(&mut self, handle: usize, number: u64) -> u64 {
        let held = &mut self.handles[handle];
        self.heap.batch(|mc, ()| {
            let object = Gc::try_new(mc, Object { number, check: check(number) })?;
            let old = mc.fetch(held);
            let sum = old.number.wrapping_add(old.check);
            *held = mc.stash_as::<Held>(object);
            Ok(sum)
        })
    }
}
