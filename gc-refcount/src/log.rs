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
//! *Known to be imperfect:* a large array is copied whole when one element changes. The copy is sequential, about a
//! millisecond for a million elements; cards would bound it.

use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{EdgeSink, Object, ObjectRef, prefetch};

use crate::work::Worklist;

#[derive(Clone, Copy)]
struct Entry {
    object: ObjectRef,
    /// Where its old referents begin; they end where those of the next entry begin.
    first: usize,
}

/// Objects written since the last epoch and their referents before that.
pub(crate) struct Log {
    entries: Vec<Entry>,
    referents: EdgeSink,
    /// Words that the last epoch needed for referents.
    kept: usize,
}

/// Entries whose memory is kept in any case: half a megabyte of words.
const KEPT: usize = 1 << 16;

impl Default for Log {
    fn default() -> Self {
        Log { entries: Vec::new(), referents: EdgeSink::everything(), kept: KEPT }
    }
}

impl Log {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Logs an object that is about to be written for the first time in this epoch.
    ///
    /// # Panics
    /// When the system refuses memory for the log. The object is then unchanged and still clean, and so is the log: the
    /// write that did not happen can be tried again (rule R17).
    ///
    /// # Safety
    /// The object must be alive, clean, and not yet modified.
    #[inline]
    pub(crate) unsafe fn record(&mut self, object: ObjectRef) {
        // SAFETY: alive by the caller's promise. The mutator is inside the barrier and has not yet made a reference to what
        // it will write: no cell of the object is mutably borrowed, because borrowing one needs the barrier first and the
        // object would not be clean.
        let object = unsafe { Object::at(object) };
        debug_assert!(object.word().has(UNLOGGED));
        if object.info().trace().is_some() {
            if self.entries.try_reserve(1).is_err() {
                refused();
            }
            let first = self.referents.stack.len();
            loop {
                object.trace(&mut self.referents);
                if !self.referents.overflowed() {
                    break;
                }
                self.referents.stack.truncate(first);
                self.referents.clear_overflow();
                // A sink refuses for the sake of collections that can be given up. This is the program's own write, so
                // the system is asked again before the program is told.
                // Twice as much as there is, whatever of that is in use: the next attempt gets further than this one.
                let room = 2 * self.referents.stack.capacity().max(512);
                if self.referents.stack.try_reserve(room - first).is_err() {
                    refused();
                }
            }
            self.entries.push(Entry { object: object.reference(), first });
        }
        object.header().store(object.word().without(UNLOGGED));
    }

    /// Makes all logged objects clean. Pushes what they refer to now and did not before on `work`, calling `drain`
    /// whenever there is enough for it; what they referred to before and do not now is left for
    /// [`take_decrements`](Self::take_decrements). Returns the bytes of all that they had referred to.
    pub(crate) fn settle(&mut self, work: &mut Worklist, mut drain: impl FnMut(&mut Worklist)) -> usize {
        let mut kept = 0;
        let end = self.referents.stack.len();
        for index in 0..self.entries.len() {
            if let Some(ahead) = self.entries.get(index + 8) {
                prefetch(ahead.object);
            }
            let Entry { object, first } = self.entries[index];
            let last = self.entries.get(index + 1).map_or(end, |next| next.first);
            // SAFETY: logged objects were counted, and nothing dies before all increments are done.
            let object = unsafe { Object::at(object) };
            object.header().store(object.word().with(UNLOGGED));
            let base = work.trace_insisting(object);
            let Changes { gained, lost } = cancel(&mut work.stack()[base..], &mut self.referents.stack[first..last]);
            work.stack().truncate(base + gained);
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
        self.entries.shrink_to(KEPT.max(self.entries.len()));
        self.entries.clear();
        self.kept = KEPT.max(end);
        end * size_of::<ObjectRef>()
    }

    /// Appends the references that were lost to the work list and forgets them.
    pub(crate) fn take_decrements(&mut self, work: &mut Worklist) {
        // Copied, and not swapped with the work list's memory, which is given back when it is empty.
        work.stack().append(&mut self.referents.stack);
        self.referents.stack.shrink_to(self.kept);
    }

    /// The objects that are logged, for the verifier.
    pub(crate) fn contains(&self, object: ObjectRef) -> bool {
        self.entries.iter().any(|entry| entry.object == object)
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
