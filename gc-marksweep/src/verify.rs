//! What is true between two pauses, checked for every reachable object when the heap is verified.
//!
//! The interesting invariant is that of a cycle in progress: every reachable white object *will be reached*, that is, a
//! chain of white objects leads to it from one that waits in the marker, or it is the value of an ephemeron of which the
//! same is true, and of its key. The chains are followed once after each pause,
//! and the set of their objects is kept until the marker next does something. In between it stays right: a write changes
//! only black objects, and new objects are black.
//!
//! The stronger rule that no black object points to a white one does not hold and is not needed: a store into a black
//! object reports nothing, because the snapshot already protects its target.

use std::collections::HashSet;

use heap_core::collector::memory::{BlockKind, LINE_BYTES};
use heap_core::collector::{Cards, Colour, EdgeSink, HeapCore, Object, ObjectRef};

use crate::MarkSweep;

impl MarkSweep {
    /// Checks one reachable object.
    pub(crate) fn check(&self, heap: &HeapCore, object: ObjectRef) -> Result<(), String> {
        // SAFETY: the verifier reached the object.
        let word = unsafe { object.header() }.load();
        let colours = [Colour::FIRST, Colour::FIRST.next(), Colour::FIRST.next().next()];
        if !colours.iter().any(|colour| colour.is_on(word)) {
            return Err("its header has a colour that no marking uses".into());
        }
        let black = self.colour.is_on(word);
        let busy = word.has(Colour::BUSY);
        if busy && !(self.marking && black) {
            return Err("it is busy, yet no marking has claimed it".into());
        }
        if !self.marking && !self.given_up && !black {
            return Err("it is reachable, yet the last marking did not reach it".into());
        }
        if self.marking && !black {
            let mut cache = self.will_be_reached.borrow_mut();
            if !cache.get_or_insert_with(|| self.white_from_waiting(heap)).contains(&object) {
                return Err("it is reachable and white, yet the marking will not reach it".into());
            }
        }
        if !self.given_up {
            self.check_lines(heap, object)?;
        }
        Ok(())
    }

    /// All lines of an object in a small block are alive.
    fn check_lines(&self, heap: &HeapCore, object: ObjectRef) -> Result<(), String> {
        let memory = &heap.memory;
        if memory.blocks.kind(memory.blocks.block_of(object.address())) != BlockKind::Small {
            return Ok(());
        }
        // SAFETY: the verifier reached the object, and nothing is forwarded here.
        let extent = unsafe { object.extent(object.header().load().type_info()) };
        for address in (extent.start / LINE_BYTES * LINE_BYTES..extent.end).step_by(LINE_BYTES) {
            let line = memory.lines.line_of(address);
            let byte = memory.lines.table().entry(line).load(core::sync::atomic::Ordering::Relaxed);
            if !self.stamps.is_live(byte) {
                return Err(format!(
                    "it lies on line {line} with stamp {byte}, which counts as free: {:?}",
                    self.stamps
                ));
            }
        }
        Ok(())
    }

    /// The white objects that the marking will reach, and the busy ones.
    fn white_from_waiting(&self, heap: &HeapCore) -> HashSet<ObjectRef> {
        let mut reached = HashSet::new();
        let mut sink = EdgeSink::everything();
        let mut pending: Vec<ObjectRef> = self.marker.waiting().chain(heap.death.finalizers.queued()).collect();
        // SAFETY: what waits in the marker, and what an ephemeron knows, was not reclaimed since the cycle began.
        let look = |object| unsafe { Object::at(object) };
        let is_black = |object| self.colour.is_on(look(object).word());
        loop {
            while let Some(object) = pending.pop() {
                let word = look(object).word();
                if (self.colour.is_on(word) && !word.has(Colour::BUSY)) || !reached.insert(object) {
                    continue;
                }
                let look = look(object);
                if word.has(Colour::BUSY) {
                    let cards = Cards::of(&heap.memory.lines, look);
                    for run in cards.runs_without(self.stamps.present(), cards.all()) {
                        cards.trace(run, &mut sink);
                    }
                } else {
                    look.trace(&mut sink);
                }
                pending.append(&mut sink.stack);
            }
            let will_be = |object| is_black(object) || reached.contains(&object);
            pending.extend(heap.death.ephemerons.pairs().filter_map(|(ephemeron, key, value)| {
                (will_be(ephemeron) && will_be(key) && !will_be(value)).then_some(value)
            }));
            if pending.is_empty() {
                return reached;
            }
        }
    }
}
