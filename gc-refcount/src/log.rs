//! The barrier's log: what changed objects referred to when the epoch began.
//!
//! Coalescing (Levanoni and Petrank, 2001): however often a field is written during an epoch, only its value at the
//! beginning loses a reference and only its value at the end gains one. So the first write to an object copies its
//! referents, *before* they change, and says so in the header; further writes to the object cost one test.
//!
//! At the end the old referents are compared with the present ones. Those that are the same in the same place cancel
//! without their headers being touched, which matters for a large array of which a few elements changed, and for nodes
//! of which one field did: their other referents would be raised and lowered again, be taken for candidates of the cycle
//! collection, and cost two cache misses each. What remains are the increments and decrements of this epoch.
//!
//! **Large arrays are logged by card** ([`Cards`]): the array stays clean, so every write is reported, and the first to
//! each card copies the card's referents. When much of an array is written ([`CardBudget`]), each write logs a few more
//! cards, in order; once all are, it is clean no more and further writes are free. So one element's store never copies more
//! than 256 references; a writable view of the whole array copies all of them, once an epoch.

use core::ops::Range;

use heap_core::collector::memory::LineTable;
use heap_core::collector::object::{CARDED, PERMANENT, UNLOGGED};
use heap_core::collector::{CardBudget, Cards, EdgeSink, HeapCore, Object, ObjectRef, ObjectSet, prefetch};

use crate::count::PERMANENT_BITS;
use crate::work::Worklist;

/// The state of a card that was logged in this epoch. The others are blank.
const LOGGED: u8 = 1;

/// Cards that a write to an array beyond its budget logs besides its own: 256 references in all.
const EXTRA: usize = 7;

/// Consecutive cards of an array.
struct Run {
    array: ObjectRef,
    cards: Range<usize>,
}

/// Parts of the heap and their referents before they were written.
struct Record<P> {
    /// Each part, and where its referents begin; they end where those of the next begin.
    parts: Vec<(P, usize)>,
    referents: EdgeSink,
    /// Words that the last epoch needed for referents.
    kept: usize,
}

/// What was written since the last epoch, as it was before that.
#[derive(Default)]
pub(crate) struct Log {
    objects: Record<ObjectRef>,
    cards: Record<Run>,
    budget: CardBudget,
}

/// Entries whose memory is kept in any case: half a megabyte of words.
const KEPT: usize = 1 << 16;

/// Whether a write to the object is not reported and logged as usual.
#[inline(always)]
pub(crate) fn is_rare(object: Object<'_>) -> bool {
    object.word().bits() & (CARDED | PERMANENT) != 0
}

impl<P> Default for Record<P> {
    fn default() -> Self {
        Record { parts: Vec::new(), referents: EdgeSink::everything(), kept: KEPT }
    }
}

impl<P> Record<P> {
    fn side_bytes(&self) -> usize {
        self.parts.capacity() * size_of::<(P, usize)>() + self.referents.stack.capacity() * size_of::<ObjectRef>()
    }

    fn give_back(&mut self) {
        self.parts.shrink_to(0);
        self.referents.stack.shrink_to(0);
    }
}

impl Log {
    /// Bytes of the log.
    pub(crate) fn side_bytes(&self) -> usize {
        self.objects.side_bytes() + self.cards.side_bytes() + self.budget.side_bytes()
    }

    /// Gives back all memory of the empty log.
    pub(crate) fn give_back(&mut self) {
        self.objects.give_back();
        self.cards.give_back();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.parts.is_empty() && self.cards.parts.is_empty()
    }

    /// Logs an object that is about to be written for the first time in this epoch.
    ///
    /// # Panics
    /// When the system refuses memory for the log. The object is then unchanged and still clean, and so is the log: the
    /// write that did not happen can be tried again (rule R17).
    #[inline]
    pub(crate) fn record(&mut self, object: Object<'_>) {
        // What of it may be mutably borrowed is logged, and not looked at again.
        debug_assert!(object.word().has(UNLOGGED) && !is_rare(object));
        if object.info().trace().is_some() {
            self.objects.add(object.reference(), |sink| object.trace(sink));
        }
        object.header().store(object.word().without(UNLOGGED));
    }

    /// As [`record`](Self::record), of an array with cards that is about to be written in `range` of its payload, for
    /// the first time or not, or of a permanent object: the references that it loses are to permanent objects, which
    /// nobody counts, but those that it gains count.
    #[inline(never)]
    pub(crate) fn record_rare(&mut self, core: &mut HeapCore, mut object: Object<'_>, range: Range<usize>) {
        if object.word().has(PERMANENT) {
            object = core.permanent.thaw(object, PERMANENT_BITS);
        }
        debug_assert!(object.word().has(UNLOGGED));
        if object.info().trace().is_some() {
            if !object.word().has(CARDED) {
                self.objects.add(object.reference(), |sink| object.trace(sink));
            } else if self.record_cards(&core.memory.lines, object, range) {
                return;
            }
        }
        object.header().store(object.word().without(UNLOGGED));
    }

    /// Logs the cards of an array that were not and that a write is about to touch. False when all of it is logged now.
    fn record_cards(&mut self, lines: &LineTable, array: Object<'_>, range: Range<usize>) -> bool {
        let cards = Cards::of(lines, array);
        let all = cards.all();
        let touched = cards.touched(range);
        let beyond = self.budget.spend(&cards, touched.len());
        let mut record = |which: Range<usize>| {
            for run in cards.runs_without(LOGGED, which) {
                let part = Run { array: array.reference(), cards: run.clone() };
                self.cards.add(part, |sink| cards.trace(run.clone(), sink));
                cards.set_state(run, LOGGED);
            }
        };
        record(touched.clone());
        if touched == all {
            return false;
        }
        let extra = |touches: usize| all.end.min(all.start.saturating_add(touches.saturating_mul(EXTRA)));
        let extra = extra(beyond.start)..extra(beyond.end);
        record(extra.clone());
        beyond.is_empty() || extra.end < all.end
    }

    /// Makes all that is logged clean. Pushes what it refers to now and did not before on `work`, calling `drain`
    /// whenever there is enough for it; what it referred to before and does not now is left for
    /// [`take_decrements`](Self::take_decrements). Returns the bytes of all that it had referred to. `gained` is told each
    /// object that refers to something that it did not refer to before, and of an array, the cards.
    pub(crate) fn settle(
        &mut self,
        lines: &LineTable,
        work: &mut Worklist,
        mut drain: impl FnMut(&mut Worklist),
        mut gained: impl FnMut(Object<'_>, Option<Range<usize>>),
    ) -> usize {
        self.budget.reset();
        fn logged<'a>(object: ObjectRef) -> Object<'a> {
            // SAFETY: logged objects were counted, and nothing dies before all increments are done.
            unsafe { Object::at(object) }
        }
        let cleaned = |object| {
            let object = logged(object);
            object.header().store(object.word().with(UNLOGGED));
            object
        };
        let objects = self.objects.settle(
            work,
            &mut drain,
            |&object| object,
            |&object, work| {
                let object = cleaned(object);
                work.trace_insisting(|sink| object.trace(sink))
            },
            |&object| gained(logged(object), None),
        );
        let runs = self.cards.settle(
            work,
            &mut drain,
            |run| run.array,
            |run, work| {
                let cards = Cards::of(lines, cleaned(run.array));
                cards.set_state(run.cards.clone(), 0);
                work.trace_insisting(|sink| cards.trace(run.cards.clone(), sink))
            },
            |run| gained(logged(run.array), Some(run.cards.clone())),
        );
        objects + runs
    }

    /// Appends the references that were lost to the work list and forgets them.
    pub(crate) fn take_decrements(&mut self, work: &mut Worklist) {
        self.objects.take_decrements(work);
        self.cards.take_decrements(work);
    }

    /// The objects that are logged, as a whole or in part; for the verifier.
    pub(crate) fn logged(&self) -> ObjectSet {
        let cards = self.cards.parts.iter().map(|(run, _)| run.array);
        self.objects.parts.iter().map(|&(object, _)| object).chain(cards).collect()
    }
}

impl<P> Record<P> {
    /// Copies the referents that `trace` reports.
    ///
    /// # Panics
    /// When the system refuses memory; nothing was added then.
    #[inline]
    fn add(&mut self, part: P, trace: impl Fn(&mut EdgeSink) -> bool) {
        if self.parts.try_reserve(1).is_err() {
            refused();
        }
        let first = self.referents.stack.len();
        while !trace(&mut self.referents) {
            self.referents.clear_overflow();
            // A sink refuses for the sake of collections that can be given up. This is the program's own write, so
            // the system is asked again before the program is told.
            // Twice as much as there is, whatever of that is in use: the next attempt gets further than this one.
            let room = 2 * self.referents.stack.capacity().max(512);
            if self.referents.stack.try_reserve(room - first).is_err() {
                refused();
            }
        }
        self.parts.push((part, first));
    }

    /// See [`Log::settle`]. `object` says where a part's header is; `scan` makes the part clean, pushes what it refers to
    /// now, and says where that begins; `note` is told the parts that refer to something new.
    #[inline]
    fn settle(
        &mut self,
        work: &mut Worklist,
        drain: &mut impl FnMut(&mut Worklist),
        object: impl Fn(&P) -> ObjectRef,
        scan: impl Fn(&P, &mut Worklist) -> usize,
        mut note: impl FnMut(&P),
    ) -> usize {
        let mut kept = 0;
        let end = self.referents.stack.len();
        for index in 0..self.parts.len() {
            if let Some((ahead, _)) = self.parts.get(index + 8) {
                prefetch(object(ahead));
            }
            let (part, first) = &self.parts[index];
            let first = *first;
            let last = self.parts.get(index + 1).map_or(end, |&(_, next)| next);
            let base = scan(part, work);
            let Changes { gained, lost } = cancel(&mut work.stack()[base..], &mut self.referents.stack[first..last]);
            work.stack().truncate(base + gained);
            if gained > 0 {
                note(part);
            }
            self.referents.stack.copy_within(first..first + lost, kept);
            kept += lost;
            // Small enough to stay in the cache, large enough to have something to prefetch.
            if work.stack().len() > 512 {
                drain(work);
            }
        }
        drain(work);
        self.referents.stack.truncate(kept);
        // The next epoch will probably log as much: memory that went back to the system would come again page by page,
        // zeroed, which took a fifth of `graph_mutate`. After an unusually large epoch it takes one more to let go.
        self.parts.shrink_to(KEPT.max(self.parts.len()));
        self.parts.clear();
        self.kept = KEPT.max(end);
        end * size_of::<ObjectRef>()
    }

    fn take_decrements(&mut self, work: &mut Worklist) {
        // Copied, and not swapped with the work list's memory, which is given back when it is empty.
        work.stack().append(&mut self.referents.stack);
        self.referents.stack.shrink_to(self.kept);
    }
}

#[cold]
#[inline(never)]
fn refused() -> ! {
    panic!(
        "the system refused memory for the log of the write barrier; the object was not written: drop references and \
         collect, then try again"
    )
}

#[derive(Debug, PartialEq, Eq)]
struct Changes {
    gained: usize,
    lost: usize,
}

/// Removes what both lists have in the same place. What remains of each is moved to its front.
fn cancel(new: &mut [ObjectRef], old: &mut [ObjectRef]) -> Changes {
    if new.len() == old.len() {
        let mut kept = 0;
        for index in 0..new.len() {
            if new[index] != old[index] {
                (new[kept], old[kept]) = (new[index], old[index]);
                kept += 1;
            }
        }
        return Changes { gained: kept, lost: kept };
    }
    // An optional field came or went, or a vector changed its length: everything before and behind that is as it was.
    let shorter = new.len().min(old.len());
    let head = new.iter().zip(&*old).take_while(|(new, old)| new == old).count();
    let tail = new.iter().rev().zip(old.iter().rev()).take(shorter - head).take_while(|(new, old)| new == old).count();
    let (gained, lost) = (new.len() - head - tail, old.len() - head - tail);
    new.copy_within(head..head + gained, 0);
    old.copy_within(head..head + lost, 0);
    Changes { gained, lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;

    fn objects(addresses: &[usize]) -> Vec<ObjectRef> {
        addresses.iter().map(|&a| ObjectRef::new(NonNull::without_provenance(a.try_into().unwrap()))).collect()
    }

    #[test]
    fn what_did_not_change_cancels() {
        for (new, old, gained, lost) in [
            (&[1usize, 2, 3][..], &[1usize, 2, 3][..], &[][..], &[][..]),
            (&[1, 9, 3], &[1, 2, 3], &[9], &[2]),
            (&[1, 2, 3, 4], &[1, 2, 3], &[4], &[]),
            (&[2, 3], &[1, 2, 3], &[], &[1]),
            (&[], &[5, 6], &[], &[5, 6]),
            (&[7], &[], &[7], &[]),
            (&[1, 1, 1], &[1, 1], &[1], &[]),
            (&[1, 2], &[1, 5, 6, 2], &[], &[5, 6]),
            (&[1, 8, 2], &[1, 5, 6, 2], &[8], &[5, 6]),
        ] {
            let (mut n, mut o) = (objects(new), objects(old));
            let changes = cancel(&mut n, &mut o);
            assert_eq!(n[..changes.gained], objects(gained), "{new:?} {old:?}");
            assert_eq!(o[..changes.lost], objects(lost), "{new:?} {old:?}");
        }
    }
}
