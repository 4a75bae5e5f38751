//! [`Alive`]: all that is alive at one moment, when the heap is frozen.
//!
//! What it is for, and why it is a trace of its own, is told in [`permanent`](super::permanent).

use super::core::{HeapContext, HeapCore};
use crate::error::AllocError;
use crate::memory::Segments;
use crate::object::{CARDED, COLLECTOR_BITS, EdgeSink, Object, ObjectRef, PERMANENT, prefetch};
use crate::region::Cards;

/// Elements of a large array whose edges are looked at in one go.
const PIECE: usize = 1024;
/// So many objects ahead a header is asked for.
const AHEAD: usize = 8;

/// Everything that is alive and not permanent, or was written since it is: marked by [`PERMANENT`], until it is made
/// permanent or this is dropped.
pub struct Alive {
    objects: Segments<ObjectRef>,
}

impl Alive {
    /// Lists everything, after a complete full collection. The list is what a breadth-first trace has before it and
    /// behind it: it needs a word for each object, and no stack.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(super) fn list(core: &HeapCore) -> Result<Self, AllocError> {
        let mut alive = Alive { objects: Segments::default() };
        let mut sink = EdgeSink::everything();
        for object in core.every_root().chain(core.death.named()) {
            sink.push(object);
            alive.take(&mut sink)?;
        }
        let mut at = 0;
        while at < alive.objects.len() {
            if at + AHEAD < alive.objects.len() {
                prefetch(alive.objects.get(at + AHEAD));
            }
            let object = looked_at(alive.objects.get(at));
            // What holds no pointers may have any number of elements, if they have no size.
            let count = if object.info().trace().is_some() { object.count() } else { 0 };
            for first in (0..count).step_by(PIECE) {
                object.trace_elements(first..count.min(first + PIECE), &mut sink);
                alive.take(&mut sink)?;
            }
            at += 1;
        }
        Ok(alive)
    }

    /// Bytes of the list.
    pub(super) fn side_bytes(&self) -> usize {
        self.objects.memory_bytes()
    }

    /// Lists what the sink has, if it is not listed.
    fn take(&mut self, sink: &mut EdgeSink) -> Result<(), AllocError> {
        let most = self.objects.len() + sink.stack.len();
        if sink.overflowed() || crate::fault::refuse() || self.objects.reserve_total(most).is_err() {
            return Err(AllocError::REFUSED);
        }
        for reference in sink.stack.drain(..) {
            let object = looked_at(reference);
            if !object.word().has(PERMANENT) {
                object.header().store(object.word().with(PERMANENT));
                self.objects.push(reference);
            }
        }
        Ok(())
    }

    /// Makes all of it permanent: `bits` are the collector's bits by which an object is found reached for ever. `each`
    /// is told of every object before its header changes. All memory in use becomes permanent; nobody may be about to
    /// hand out a part of it, other than what the [index of holes](crate::memory::HoleIndex) offers.
    pub fn make_permanent(mut self, heap: &mut HeapContext<'_>, bits: usize, mut each: impl FnMut(Object<'_>)) {
        debug_assert!(bits & !COLLECTOR_BITS == 0);
        let HeapCore { memory, death, outside, permanent, statistics, .. } = &mut *heap.core;
        let (mut objects, mut bytes) = (0, 0);
        for object in self.objects.iter().map(looked_at) {
            let word = object.word();
            each(object);
            if word.bits() & COLLECTOR_BITS != bits {
                objects += 1;
                bytes += object.size() as u64;
            }
            // What holds no pointer may be written at will.
            let noted = if object.info().trace().is_some() { PERMANENT } else { 0 };
            object.header().store(word.without(PERMANENT).replace(COLLECTOR_BITS, bits).with(noted));
            if word.has(CARDED) {
                // Blank, as those of a new array: for its first write, which is too late for a look at all of them.
                let cards = Cards::of(&memory.lines, object);
                cards.set_state(cards.all(), 0);
            }
        }
        self.objects.clear();
        permanent.add(memory, bits, objects, bytes);
        statistics.freezes += 1;
        statistics.live_objects = statistics.live_objects.saturating_sub(objects);
        statistics.live_bytes = statistics.live_bytes.saturating_sub(bytes);
        outside.make_permanent(&mut memory.blocks, death.drops.make_permanent());
        heap.fast.watch_permanent();
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        for object in self.objects.iter().map(looked_at) {
            object.header().store(object.word().without(PERMANENT));
        }
    }
}

/// An object that is alive, in the pause in which the heap is frozen.
fn looked_at<'a>(object: ObjectRef) -> Object<'a> {
    // SAFETY: reached from roots, or named by a table, after a complete collection; the program is stopped, and nothing
    // is reclaimed or moved in the rest of the pause.
    unsafe { Object::at(object) }
}
