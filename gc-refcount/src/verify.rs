//! What the verifier checks about counts.
//!
//! Between an epoch and the next allocation or write, everything reachable is counted, and a count is at least the
//! number of references that the verifier found: it may be higher by references from garbage cycles. After a complete
//! cycle collection there are none, and counts, inventory and references must agree exactly.

use core::ops::Range;

use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{HeapCore, ObjectSet, Seen, Snapshot, VerifyError};

use crate::RefCount;
use crate::count::{BUFFERED, GRAY, is_counted, is_permanent};

impl RefCount {
    /// Whether bytes of an object can be its own: when nothing was allocated since the last epoch, all lines in use are
    /// counted.
    pub(crate) fn check_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        if self.fresh || self.space.are_counted(&heap.memory, bytes) {
            return Ok(());
        }
        Err("no counted object is on its lines, and none was allocated since the last epoch".into())
    }

    pub(crate) fn check(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        let logged = self.log.logged();
        for seen in snapshot.reachable() {
            self.check_object(heap, &logged, seen).map_err(|what| snapshot.error(seen, what))?;
        }
        let released = heap.death.finalizers.has_released();
        if self.fresh || !self.log.is_empty() || !heap.roots.are_settled() || released {
            return Ok(());
        }
        let buffered: ObjectSet = self.candidates.objects().iter().copied().collect();
        for seen in snapshot.reachable() {
            self.check_count(seen, &buffered).map_err(|what| snapshot.error(seen, what))?;
        }
        let dies = |seen: &&Seen<'_>| !is_permanent(seen.object().word());
        let (counted, reached) =
            (heap.statistics.live_objects, snapshot.reachable().iter().filter(dies).count() as u64);
        if counted < reached || (self.exact && counted != reached) {
            return Err(VerifyError::new(format!("{counted} objects are counted and {reached} are reachable")));
        }
        Ok(())
    }

    fn check_object(&self, heap: &HeapCore, logged: &ObjectSet, seen: &Seen<'_>) -> Result<(), &'static str> {
        let object = seen.object();
        let word = object.word();
        if word.has(GRAY) && !is_permanent(word) {
            return Err("it was left gray by a cycle collection");
        }
        if !is_counted(word) {
            return if self.fresh { Ok(()) } else { Err("it is reachable, but its count is zero") };
        }
        if !self.space.are_counted(&heap.memory, seen.extent()) {
            return Err("it is counted, but its lines are free");
        }
        if object.info().trace().is_some() && !word.has(UNLOGGED) && !logged.contains(&object.reference()) {
            return Err("it is neither clean nor logged: the next write would not be noticed");
        }
        Ok(())
    }

    /// An epoch was settled: counts are what they should be.
    fn check_count(&self, seen: &Seen<'_>, buffered: &ObjectSet) -> Result<(), String> {
        let (object, references) = (seen.object(), seen.references());
        if is_permanent(object.word()) {
            return Ok(());
        }
        let count = self.counts.get(object.reference(), object.word());
        if count < references || (self.exact && count != references) {
            return Err(format!("it has a count of {count}, and {references} references lead to it"));
        }
        if object.word().has(BUFFERED) != buffered.contains(&object.reference()) {
            return Err("its header and the candidate buffer disagree about its being there".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use heap_core::collector::{HeaderWord, HeapContext, ObjectRef};
    use heap_core::conformance::damaged::{Family, verdict};

    use super::*;

    type Damage = fn(&mut RefCount, &mut HeapContext<'_>, Family);

    fn change(object: ObjectRef, change: impl FnOnce(HeaderWord) -> HeaderWord) {
        // SAFETY: an object of the heap that is damaged; the program is stopped.
        let header = unsafe { object.header() };
        header.store(change(header.load()));
    }

    #[track_caller]
    fn says(damage: Damage, what: &str, field: usize) {
        let error = verdict(RefCount::default(), true, damage);
        let whence = format!("; the slot at byte {field} of object 0x");
        assert!(error.contains(what) && error.contains(&whence), "{error}");
    }

    #[test]
    fn counts() {
        let gray: Damage = |_, _, family| change(family.old, |word| word.with(GRAY));
        says(gray, "it was left gray by a cycle collection", 0);
        let less: Damage =
            |collector, _, family| change(family.old, |word| collector.counts.decrement(family.old, word));
        says(less, "it is reachable, but its count is zero", 0);
        let more: Damage =
            |collector, _, family| change(family.new, |word| collector.counts.increment(family.new, word));
        says(more, "it has a count of 2, and 1 references lead to it", 8);
        let buffered: Damage = |_, _, family| change(family.new, |word| word.with(BUFFERED));
        says(buffered, "its header and the candidate buffer disagree", 8);
    }

    #[test]
    fn lines_and_logs() {
        let free: Damage = |_, heap, family| {
            let lines = &heap.core.memory.lines;
            let line = lines.line_of(family.old.address());
            lines.set_range(line..line + 1, 0);
        };
        let error = verdict(RefCount::default(), true, free);
        // All of these small objects share the line; the first that is looked at is the root.
        assert!(
            error.contains("no counted object is on its lines") && error.ends_with("; it is the root object"),
            "{error}"
        );
        let error = verdict(RefCount::default(), true, |_, _, family| {
            change(family.parent, |word| word.without(UNLOGGED));
        });
        assert!(error.contains("the next write would not be noticed; the slot at byte 0 of object 0x"), "{error}");
    }

    #[test]
    fn totals() {
        let error = verdict(RefCount::default(), true, |_, heap, _| heap.core.statistics.live_objects += 1);
        assert_eq!(error, "5 objects are counted and 4 are reachable");
    }
}
