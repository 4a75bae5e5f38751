//! What is true between two pauses, checked for every reachable object when the heap is verified.
//!
//! The interesting invariant is that of a cycle in progress: every reachable white object *will be reached*, that is, a
//! chain of white objects leads to it from one that waits in the marker, or it is the value of an ephemeron of which the
//! same is true, and of its key. Such a chain may lead through garbage, which is why the snapshot has all that
//! [waits](heap_core::collector::Collector::waiting) too.
//!
//! The stronger rule that no black object points to a white one does not hold and is not needed: a store into a black
//! object reports nothing, because the snapshot at the beginning already protects its target.

use core::ops::Range;
use core::sync::atomic::Ordering;

use heap_core::collector::memory::{BlockKind, LINE_BYTES};
use heap_core::collector::{Cards, Colour, EdgeSink, HeapCore, ObjectRef, Seen, Snapshot, VerifyError};

use crate::MarkSweep;

impl MarkSweep {
    /// Whether bytes of an object can be its own: all lines of a small block are alive. After a cycle that was given up,
    /// lines of two stamps are.
    pub(crate) fn check_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        let memory = &heap.memory;
        if self.given_up || memory.blocks.kind(memory.blocks.block_of(bytes.start)) != BlockKind::Small {
            return Ok(());
        }
        for address in (bytes.start / LINE_BYTES * LINE_BYTES..bytes.end).step_by(LINE_BYTES) {
            let line = memory.lines.line_of(address);
            let stamp = memory.lines.table().entry(line).load(Ordering::Relaxed);
            if !self.stamps.is_live(stamp) {
                return Err(format!("line {line} has stamp {stamp} and counts as free ({:?})", self.stamps));
            }
        }
        Ok(())
    }

    /// What a marking in progress will still look at. What ephemerons name is not an edge, and decides with them.
    pub(crate) fn still_waiting(&self, heap: &HeapCore) -> Vec<ObjectRef> {
        if !self.marking {
            return Vec::new();
        }
        let pairs = heap.death.ephemerons.pairs().flat_map(|(ephemeron, key, value)| [ephemeron, key, value]);
        self.marker.waiting().chain(pairs).collect()
    }

    /// Checks every reachable object.
    pub(crate) fn check(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        let reached = if self.marking { self.white_from_waiting(heap, snapshot) } else { Vec::new() };
        for (number, seen) in snapshot.reachable().iter().enumerate() {
            self.check_colour(heap, seen, || reached[number]).map_err(|what| snapshot.error(seen, what))?;
        }
        Ok(())
    }

    fn check_colour(
        &self,
        heap: &HeapCore,
        seen: &Seen<'_>,
        will_be_reached: impl Fn() -> bool,
    ) -> Result<(), &'static str> {
        let word = seen.object().word();
        let permanent = word.has(Colour::MASK) && !heap.permanent.is_empty();
        if (word.bits() & Colour::MASK).count_ones() != 1 && !permanent {
            return Err("its header has colours that no marking gives");
        }
        let black = self.colour.is_on(word);
        if word.has(Colour::BUSY) && !(self.marking && black) {
            return Err("it is busy, yet no marking has claimed it");
        }
        if !self.marking && !self.given_up && !black {
            return Err("it is reachable, yet the last marking did not reach it");
        }
        if self.marking && !black && !will_be_reached() {
            return Err("it is reachable and white, yet the marking will not reach it");
        }
        Ok(())
    }

    /// For every object of the snapshot, whether it is white, or busy, and the marking will reach it.
    fn white_from_waiting(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Vec<bool> {
        let objects = snapshot.objects();
        let mut reached = vec![false; objects.len()];
        let mut sink = EdgeSink::everything();
        let number = |object| snapshot.number(object).expect("what waits is in the snapshot");
        let mut pending: Vec<usize> = self.marker.waiting().chain(heap.death.finalizers.queued()).map(number).collect();
        let is_black = |number: usize| self.colour.is_on(objects[number].object().word());
        loop {
            while let Some(next) = pending.pop() {
                let object = objects[next].object();
                let busy = object.word().has(Colour::BUSY);
                if (is_black(next) && !busy) || core::mem::replace(&mut reached[next], true) {
                    continue;
                }
                if busy {
                    let cards = Cards::of(&heap.memory.lines, object);
                    for run in cards.runs_without(self.stamps.present(), cards.all()) {
                        cards.trace(run, &mut sink);
                    }
                    pending.extend(sink.stack.drain(..).map(number));
                } else {
                    pending.extend(snapshot.edges(&objects[next]).iter().map(|edge| edge.target));
                }
            }
            let will_be = |object: usize| is_black(object) || reached[object];
            pending.extend(heap.death.ephemerons.pairs().filter_map(|(ephemeron, key, value)| {
                let value = number(value);
                (will_be(number(ephemeron)) && will_be(number(key)) && !will_be(value)).then_some(value)
            }));
            if pending.is_empty() {
                return reached;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use heap_core::collector::{Collector, HeaderWord, HeapContext};
    use heap_core::conformance::damaged::{Family, verdict};

    use super::*;

    type Damage = fn(&mut MarkSweep, &mut HeapContext<'_>, Family);

    fn change(object: ObjectRef, change: impl FnOnce(HeaderWord) -> HeaderWord) {
        // SAFETY: an object of the heap that is damaged; the program is stopped.
        let header = unsafe { object.header() };
        header.store(change(header.load()));
    }

    #[track_caller]
    fn says(collector: MarkSweep, damage: Damage, parts: &[&str]) {
        let error = verdict(collector, true, damage);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }

    const AT_FIRST_FIELD: &str = "; the slot at byte 0 of object 0x";

    #[test]
    fn colours() {
        let unmarked: Damage = |collector, _, family| {
            let white = collector.colour.next();
            change(family.old, |word| word.replace(Colour::MASK, white.bits()));
        };
        says(MarkSweep::default(), unmarked, &["yet the last marking did not reach it", AT_FIRST_FIELD]);
        let busy: Damage = |_, _, family| change(family.old, |word| word.with(Colour::BUSY));
        says(MarkSweep::default(), busy, &["it is busy, yet no marking has claimed it", AT_FIRST_FIELD]);
        let none: Damage = |_, _, family| change(family.parent, |word| word.without(Colour::MASK));
        says(MarkSweep::default(), none, &["colours that no marking gives", "of object 0x"]);
        let all: Damage = |_, _, family| change(family.parent, |word| word.with(Colour::MASK));
        says(MarkSweep::default(), all, &["colours that no marking gives", "of object 0x"]);
    }

    #[test]
    fn lines() {
        let stale: Damage = |collector, heap, family| {
            let lines = &heap.core.memory.lines;
            let line = lines.line_of(family.old.address());
            lines.set_range(line..line + 1, collector.stamps.next());
        };
        // All of these small objects share the line; the first that is looked at is the root.
        says(MarkSweep::default(), stale, &["has stamp", "and counts as free", "; it is the root object"]);
    }

    #[test]
    fn what_waits() {
        // The root is marked, or waits. That which waits is forgotten.
        let lost: Damage = |collector, heap, _| {
            assert!(!collector.step(heap, 1), "a cycle is in progress");
            assert!(collector.marker.waiting().next().is_some());
            let exact = collector.exact;
            collector.marker.begin(collector.colour, collector.stamps.present(), exact);
        };
        says(MarkSweep::incremental(), lost, &["it is reachable and white, yet the marking will not reach it"]);
    }
}
