//! What must be true of every object, checked by the heap's verifier.

use core::ops::Range;
use core::sync::atomic::Ordering;

use heap_core::collector::memory::BlockKind;
use heap_core::collector::object::{CARDED, UNLOGGED};
use heap_core::collector::{EdgeSink, HeapCore, Object, ObjectSet, Seen, Snapshot, VerifyError};

use crate::{Generational, epoch, remember};

impl Generational {
    /// Whether bytes of an object can be its own: in the nursery, or on lines that count as live.
    pub(crate) fn check_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        let blocks = &heap.memory.blocks;
        match blocks.kind(blocks.block_of(bytes.start)) {
            BlockKind::Nursery if self.nursery.is_parked() => Err("it lies in the nursery, which is out of use".into()),
            BlockKind::Nursery if !self.nursery.contains(bytes.start) => {
                Err("it lies in a nursery block outside of the nursery".into())
            }
            BlockKind::Small => {
                let (lines, epochs) = (&heap.memory.lines, &self.old.epochs);
                let stamp = |line: usize| lines.table().entry(line).load(Ordering::Relaxed);
                let dead = |&line: &usize| !epochs.is_live_stamp(stamp(line));
                match (lines.line_of(bytes.start)..=lines.line_of(bytes.end - 1)).find(dead) {
                    Some(line) => Err(format!("line {line} has stamp {} and looks free ({epochs:?})", stamp(line))),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Checks every reachable object and its edges.
    pub(crate) fn check(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        let remembered = self.remembered.listed();
        for seen in snapshot.reachable() {
            let young = self.nursery.contains(seen.object().reference().address());
            let checked =
                if young { self.check_young(seen) } else { self.check_old(heap, snapshot, &remembered, seen) };
            checked.map_err(|what| snapshot.error(seen, what))?;
        }
        Ok(())
    }

    fn check_young(&self, seen: &Seen<'_>) -> Result<(), String> {
        let (word, epochs) = (seen.object().word(), &self.old.epochs);
        if epochs.now().is_on(word) {
            return Err("a young object looks promoted".into());
        }
        // An abandoned promotion in place leaves some of them clean; that costs time and nothing else.
        if word.has(UNLOGGED) && epochs.are_settled() {
            return Err("a young object is clean: its writes are reported".into());
        }
        Ok(())
    }

    fn check_old(
        &self,
        heap: &HeapCore,
        snapshot: &Snapshot<'_>,
        remembered: &ObjectSet,
        seen: &Seen<'_>,
    ) -> Result<(), String> {
        let object = seen.object();
        let word = object.word();
        let clean = word.has(UNLOGGED);
        let never_clean = word.has(CARDED) && object.info().trace().is_none();
        if !clean && !never_clean && !remembered.contains(&object.reference()) {
            return Err("an old object is neither clean nor remembered: its writes are lost".into());
        }
        if !self.old.epochs.is_plausible(word) || (epoch::is_permanent(word) && heap.permanent.is_empty()) {
            return Err(format!("its epoch is not one of those in use ({:?})", self.old.epochs));
        }
        let target = |number: usize| snapshot.objects()[number].object();
        let is_young = |number: usize| self.nursery.contains(target(number).reference().address());
        match snapshot.edges(seen).iter().find(|edge| clean && is_young(edge.target)) {
            None => Ok(()),
            Some(_) if word.has(CARDED) => self.check_cards(heap, object),
            Some(edge) => {
                let at = edge.offset.map_or("in memory that it owns".into(), |offset| format!("at byte {offset}"));
                let target = target(edge.target);
                Err(format!("an old object that is not remembered points, {at}, at the young {target:?}"))
            }
        }
    }

    /// Checks that every element of a clean array which leads to a young object belongs to a dirty card.
    fn check_cards(&self, heap: &HeapCore, array: Object<'_>) -> Result<(), String> {
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

#[cfg(test)]
mod tests {
    use heap_core::collector::{HeaderWord, HeapContext, ObjectRef};
    use heap_core::conformance::damaged::{Family, verdict};

    use super::*;

    type Damage = fn(&mut Generational, &mut HeapContext<'_>, Family);

    fn change(object: ObjectRef, change: impl FnOnce(HeaderWord) -> HeaderWord) {
        // SAFETY: an object of the heap that is damaged; the program is stopped.
        let header = unsafe { object.header() };
        header.store(change(header.load()));
    }

    #[track_caller]
    fn says(settled: bool, damage: Damage, what: &str, field: usize) {
        let error = verdict(Generational::default(), settled, damage);
        let whence = format!("; the slot at byte {field} of object 0x");
        assert!(error.contains(what) && error.contains(&whence), "{error}");
    }

    #[test]
    fn the_remembered_set() {
        let lost: Damage = |_, _, family| change(family.parent, |word| word.with(UNLOGGED));
        says(false, lost, "an old object that is not remembered points, at byte 8, at the young", 0);
        let unclean: Damage = |_, _, family| change(family.old, |word| word.without(UNLOGGED));
        says(true, unclean, "an old object is neither clean nor remembered: its writes are lost", 0);
        let clean: Damage = |_, _, family| change(family.new, |word| word.with(UNLOGGED));
        says(false, clean, "a young object is clean: its writes are reported", 8);
    }

    #[test]
    fn epochs_and_stamps() {
        let promoted: Damage = |collector, _, family| {
            let epoch = collector.old.epochs.now();
            change(family.new, |word| epoch.put_on(word));
        };
        says(false, promoted, "a young object looks promoted", 8);
        let young: Damage = |_, _, family| change(family.old, |word| word.with(epoch::YOUNG));
        says(true, young, "its epoch is not one of those in use", 0);
        let permanent: Damage = |_, _, family| change(family.old, |word| word.without(epoch::YOUNG));
        says(true, permanent, "its epoch is not one of those in use", 0);
        let stale: Damage = |collector, heap, family| {
            let lines = &heap.core.memory.lines;
            let line = lines.line_of(family.old.address());
            lines.set_range(line..line + 1, collector.old.epochs.stamp().wrapping_add(7));
        };
        let error = verdict(Generational::default(), true, stale);
        // All of these small objects share the line; the first that is looked at is the root.
        assert!(error.contains("looks free") && error.ends_with("; it is the root object"), "{error}");
    }

    #[test]
    fn the_nursery() {
        let parked: Damage = |collector, heap, _| {
            let cursor = heap.fast.cursor.get();
            collector.nursery.park(&mut heap.core.memory.blocks, heap.fast);
            heap.fast.cursor.set(cursor);
        };
        says(false, parked, "it lies in the nursery, which is out of use", 8);
    }
}
