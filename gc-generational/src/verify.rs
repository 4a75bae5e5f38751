//! What must be true of every object, checked by the heap's verifier.

use heap_core::collector::memory::{BlockKind, MEDIUM_FOOTPRINT_MAX};
use heap_core::collector::object::{CARDED, UNLOGGED};
use heap_core::collector::{EdgeSink, HeapCore, Object, ObjectRef};

use crate::{Generational, remember};

impl Generational {
    /// Checks one reachable object and its edges.
    pub(crate) fn check(&self, heap: &HeapCore, object: ObjectRef, edges: &[ObjectRef]) -> Result<(), String> {
        // SAFETY: the verifier passes reachable objects.
        let word = unsafe { object.header() }.load();
        let clean = word.has(UNLOGGED);
        if self.nursery.contains(object.address()) {
            let epochs = &self.old.epochs;
            if epochs.now().is_on(word) {
                return Err("a young object looks promoted".into());
            }
            // An abandoned promotion in place leaves some of them clean; that costs time and nothing else.
            if clean && epochs.are_settled() {
                return Err("a young object is clean: its writes are reported".into());
            }
            return Ok(());
        }
        let blocks = &heap.memory.blocks;
        let kind = blocks.kind(blocks.block_of(object.address()));
        if kind == BlockKind::Nursery {
            return Err("the object lies in a nursery block outside of the nursery".into());
        }
        // SAFETY: reachable, not forwarded: the verifier checked that.
        let info = unsafe { word.type_info() };
        let never_clean = word.has(CARDED) && info.trace().is_none();
        if !clean && !never_clean && !self.remembered.contains(object) {
            return Err("an old object is neither clean nor remembered: its writes are lost".into());
        }
        if clean && word.has(CARDED) {
            self.check_cards(heap, object)?;
        } else if clean && let Some(young) = edges.iter().find(|edge| self.nursery.contains(edge.address())) {
            return Err(format!("an old object that is not remembered points at the young {young:?}"));
        }
        if !self.old.epochs.is_plausible(word) {
            return Err(format!("the epoch in {word:?} is not one of those in use ({:?})", self.old.epochs));
        }
        // SAFETY: reachable, not forwarded: the verifier checked that.
        let extent = unsafe { object.extent(info) };
        if extent.len() > MEDIUM_FOOTPRINT_MAX {
            return Ok(());
        }
        let lines = &heap.memory.lines;
        for line in lines.line_of(extent.start)..=lines.line_of(extent.end - 1) {
            let stamp = lines.table().entry(line).load(core::sync::atomic::Ordering::Relaxed);
            if kind == BlockKind::Small && !self.old.epochs.is_live_stamp(stamp) {
                return Err(format!("line {line} has stamp {stamp} and looks free ({:?})", self.old.epochs));
            }
        }
        Ok(())
    }

    /// Checks that every element of a clean array which leads to a young object belongs to a dirty card.
    fn check_cards(&self, heap: &HeapCore, array: ObjectRef) -> Result<(), String> {
        // SAFETY: reachable, not forwarded, and nothing else runs.
        let array = unsafe { Object::at(array) };
        let bytes = array.info().element_bytes();
        let mut young = EdgeSink::default();
        young.set_window(self.nursery.low()..self.nursery.low() + self.nursery.committed_bytes());
        for index in 0..array.count() {
            array.trace_elements(index..index + 1, &mut young);
            if let Some(target) = young.stack.pop() {
                if !remember::is_dirty(&heap.memory.lines, array, index * bytes..(index + 1) * bytes) {
                    return Err(format!("element {index} points at the young {target:?}, and its card is clean"));
                }
                young.stack.clear();
            }
        }
        Ok(())
    }
}
