//! Reference counts in the header, with an exact overflow.
//!
//! The collector's fourteen header bits are used like this:
//!
//! | bits | name | meaning |
//! |---|---|---|
//! | 0–10 | count | references from counted objects, handles and the root |
//! | 11 | `SPILLED` | a part of the count is in the side table |
//! | 12 | `GRAY` | the cycle collection in progress has subtracted what this object refers to |
//! | 13 | `BUFFERED` | the object is in the candidate buffer |
//!
//! A count must never wrap (the object would be freed while it is in use) and had better not stick either: a stuck count
//! leaks, and makes `ref_count` and the verifier inexact. So when the field is full, half of it moves to a side table
//! and `SPILLED` is set; when the field is half empty, a quarter comes back. An object with a million references thus
//! touches the table once in 512 steps, and a step is otherwise the same as for any object.
//!
//! The obvious alternative, a field that says "full, look into the table", needs no extra bit and a table access for
//! every step of exactly the objects that are counted most often.
//!
//! *A permanent object has all fourteen bits*, as no other object has: one in the buffer is not gray. It is counted, so
//! nothing scans it, and has been visited by every cycle collection. Both kinds of step take their rare path for it: an
//! increment because the field is full, a decrement because the field and `SPILLED` end in ten ones, as they do where a
//! quarter is to come back. There it is found to be permanent, and nothing is counted. So the common paths do not know
//! of such objects. (This is why it is not the empty field at which a part of the count comes back.)

use heap_core::collector::object::{COLLECTOR_BITS, COLLECTOR_SHIFT};
use heap_core::collector::{HeaderWord, ObjectMap, ObjectRef};

/// The count's least bit.
const ONE: usize = 1 << COLLECTOR_SHIFT;
/// The largest value of the field.
pub(crate) const FIELD_MAX: usize = 0x7ff;
const FIELD: usize = FIELD_MAX << COLLECTOR_SHIFT;
/// A part of the count is in the side table.
pub(crate) const SPILLED: usize = 1 << (COLLECTOR_SHIFT + 11);
/// Visited by the cycle collection in progress.
pub(crate) const GRAY: usize = 1 << (COLLECTOR_SHIFT + 12);
/// In the candidate buffer.
pub(crate) const BUFFERED: usize = 1 << (COLLECTOR_SHIFT + 13);
/// What moves between the field and the table at once.
const QUARTER: usize = 1 << 9;
/// What the field of a spilled count must not fall below: its lower half.
const LEAST: usize = FIELD_MAX / 2;
/// The bits that say whether a spilled field is at its least, or is that of a permanent object, or full.
const LOW: usize = SPILLED | LEAST << COLLECTOR_SHIFT;
/// What a permanent object's header has.
pub(crate) const PERMANENT_BITS: usize = COLLECTOR_BITS;

const _: () = assert!(4 * QUARTER == FIELD_MAX + 1 && 2 * LEAST + 1 == FIELD_MAX);
const _: () = assert!(FIELD | SPILLED | GRAY | BUFFERED == COLLECTOR_BITS);

/// True when the count is not zero: for every object that is alive after an epoch.
#[inline(always)]
pub(crate) fn is_counted(word: HeaderWord) -> bool {
    // The field of a spilled count may be zero for a moment only; the table's part never is.
    word.bits() & (FIELD | SPILLED) != 0
}

/// Whether the object is permanent: it is not counted, and alive.
#[inline]
pub(crate) fn is_permanent(word: HeaderWord) -> bool {
    word.has(PERMANENT_BITS)
}

/// The parts of counts that did not fit the headers.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    spilled: ObjectMap<u64>,
}

impl Counts {
    /// The word with a count that is one higher.
    #[inline(always)]
    pub(crate) fn increment(&mut self, object: ObjectRef, word: HeaderWord) -> HeaderWord {
        let field = word.bits() & FIELD;
        if field == FIELD {
            return self.spill(object, word);
        }
        word.replace(FIELD, field + ONE)
    }

    /// The word with a count that is one lower. The count must not be zero.
    #[inline(always)]
    pub(crate) fn decrement(&mut self, object: ObjectRef, word: HeaderWord) -> HeaderWord {
        debug_assert!(is_counted(word), "a decrement without an increment: {object:?}");
        if word.has(LOW) {
            return self.decrement_rare(object, word);
        }
        word.replace(FIELD, (word.bits() & FIELD).wrapping_sub(ONE) & FIELD)
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, object: ObjectRef, word: HeaderWord) -> HeaderWord {
        if is_permanent(word) {
            return word;
        }
        *self.spilled.entry(object).or_insert(0) += QUARTER as u64;
        word.replace(FIELD | SPILLED, (FIELD_MAX + 1 - QUARTER) << COLLECTOR_SHIFT | SPILLED)
    }

    /// The object is permanent, or its field would fall below its least, or it is full. In the second case a quarter
    /// comes back from the table, which only ever receives whole ones.
    #[cold]
    #[inline(never)]
    fn decrement_rare(&mut self, object: ObjectRef, word: HeaderWord) -> HeaderWord {
        if is_permanent(word) {
            return word;
        }
        let field = word.bits() & FIELD;
        if field == FIELD {
            return word.replace(FIELD, field - ONE);
        }
        let excess = self.spilled.get_mut(&object).expect("a spilled count has an entry");
        *excess -= QUARTER as u64;
        let more = *excess > 0;
        if !more {
            self.spilled.remove(&object);
        }
        word.replace(FIELD | SPILLED, (LEAST - 1 + QUARTER) << COLLECTOR_SHIFT | if more { SPILLED } else { 0 })
    }

    /// The object becomes permanent: its count is never asked for again.
    pub(crate) fn forget(&mut self, object: ObjectRef, word: HeaderWord) {
        if word.has(SPILLED) && !is_permanent(word) {
            self.spilled.remove(&object);
        }
    }

    /// The whole count, of an object that is not permanent.
    pub(crate) fn get(&self, object: ObjectRef, word: HeaderWord) -> u64 {
        let field = ((word.bits() & FIELD) >> COLLECTOR_SHIFT) as u64;
        if word.has(SPILLED) { field + self.spilled.get(&object).copied().unwrap_or(0) } else { field }
    }

    /// Objects whose count does not fit their header.
    pub(crate) fn spilled_objects(&self) -> usize {
        self.spilled.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;
    use heap_core::collector::TypeInfo;

    #[test]
    fn counts_are_exact_far_beyond_the_field() {
        let object = ObjectRef::new(NonNull::<u64>::dangling().cast());
        let mut counts = Counts::default();
        let mut word = HeaderWord::new(TypeInfo::RAW_BYTES, BUFFERED);
        assert!(!is_counted(word));
        let top = 3 * FIELD_MAX as u64 + 5;
        for n in 1..=top {
            word = counts.increment(object, word);
            assert_eq!(counts.get(object, word), n);
            assert!(is_counted(word) && word.has(BUFFERED) && !word.has(GRAY));
        }
        assert_eq!(counts.spilled_objects(), 1);
        for n in (0..top).rev() {
            word = counts.decrement(object, word);
            assert_eq!(counts.get(object, word), n);
            assert_eq!(is_counted(word), n > 0);
        }
        assert_eq!(counts.spilled_objects(), 0);
        assert_eq!(word, HeaderWord::new(TypeInfo::RAW_BYTES, BUFFERED));
    }

    #[test]
    fn permanent_objects_are_not_counted() {
        let object = ObjectRef::new(NonNull::<u64>::dangling().cast());
        let mut counts = Counts::default();
        let word = HeaderWord::new(TypeInfo::RAW_BYTES, PERMANENT_BITS);
        assert!(is_permanent(word) && is_counted(word));
        assert_eq!((counts.increment(object, word), counts.decrement(object, word)), (word, word));
        assert_eq!(counts.spilled_objects(), 0);
    }

    #[test]
    fn going_back_and_forth_over_the_edge_rarely_touches_the_table() {
        let object = ObjectRef::new(NonNull::<u64>::dangling().cast());
        let mut counts = Counts::default();
        let mut word = HeaderWord::new(TypeInfo::RAW_BYTES, 0);
        for _ in 0..=FIELD_MAX {
            word = counts.increment(object, word);
        }
        let spilled = counts.spilled[&object];
        for _ in 0..100 {
            word = counts.decrement(object, word);
            word = counts.increment(object, word);
        }
        assert_eq!(counts.spilled[&object], spilled);
        assert_eq!(counts.get(object, word), FIELD_MAX as u64 + 1);
    }
}
