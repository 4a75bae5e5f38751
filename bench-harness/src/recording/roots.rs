//! [`RootSlots`]: which slot each root has in the trace.

use heap_core::collector::ObjectRef;

use super::format::{NONE, Numbers};
use super::tape::Tape;

/// Which slots the roots have. An object is a root as often as it has slots; they are a list, in the slots themselves,
/// so that a root comes and goes without a look at others.
#[derive(Default)]
pub(super) struct RootSlots {
    numbers: Numbers,
    slots: Vec<Slot>,
    /// By the number of an object: its slot that was taken last.
    first: Vec<u32>,
    /// Slots that changed since the last [`write`](Self::write).
    changed: Vec<u32>,
    /// What waited for its finalizer when that was looked at: such objects are roots meanwhile.
    pub(super) queued: Vec<ObjectRef>,
}

struct Slot {
    /// The number of what it holds.
    object: u32,
    /// Another slot that holds it.
    next: u32,
}

impl RootSlots {
    pub(super) fn add(&mut self, object: u32) {
        let number = object as usize;
        if number >= self.first.len() {
            self.first.resize(number + 1, NONE);
        }
        let taken = self.numbers.take();
        let slot = Slot { object, next: std::mem::replace(&mut self.first[number], taken) };
        match self.slots.get_mut(taken as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.changed.push(taken);
    }

    pub(super) fn remove(&mut self, object: u32) {
        let first = self.first.get_mut(object as usize).filter(|first| **first != NONE);
        debug_assert!(first.is_some(), "object {object} is no root");
        let Some(first) = first else { return };
        let slot = &mut self.slots[*first as usize];
        slot.object = NONE;
        self.numbers.give_back(*first);
        self.changed.push(*first);
        *first = slot.next;
    }

    /// Writes down what has changed.
    pub(super) fn write(&mut self, tape: &mut Tape) {
        if self.changed.is_empty() {
            return;
        }
        // A slot that was given back and taken again has changed once.
        self.changed.sort_unstable();
        self.changed.dedup();
        tape.roots();
        for slot in self.changed.drain(..) {
            tape.next_slot(slot as usize, self.slots[slot as usize].object);
        }
        tape.totals.roots = self.numbers.most().into();
    }

    /// The numbers of what is a root.
    pub(super) fn objects(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().map(|slot| slot.object).filter(|object| *object != NONE)
    }
}
