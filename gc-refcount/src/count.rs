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
//! and `SPILLED` is set; when the field runs empty, half a field comes back. An object with a million references thus
//! touches the table once in 1024 steps, and a step is otherwise the same as for any object.
//!
//! The obvious alternative, a field that says "full, look into the table", needs no extra bit and a table access for
//! every step of exactly the objects that are counted most often.

use heap_core::collector::object::COLLECTOR_SHIFT;
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
const HALF: usize = 1 << 10;

const _: () = assert!(2 * HALF == FIELD_MAX + 1);
const _: () = assert!(FIELD | SPILLED | GRAY | BUFFERED == heap_core::collector::object::COLLECTOR_BITS);

/// True when the count is not zero: for every object that is alive after an epoch.
#[inline(always)]
pub(crate) fn is_counted(word: HeaderWord) -> bool {
    // The field of a spilled count may be zero for a moment only; the table's part never is.
    word.bits() & (FIELD | SPILLED) != 0
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
        let field = word.bits() & FIELD;
        if field == ONE && word.has(SPILLED) {
            return self.fetch(object, word);
        }
        word.replace(FIELD, field.wrapping_sub(ONE) & FIELD)
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, object: ObjectRef, word: HeaderWord) -> HeaderWord {
        *self.spilled.entry(object).or_insert(0) += HALF as u64;
        word.replace(FIELD | SPILLED, (FIELD_MAX + 1 - HALF) << COLLECTOR_SHIFT | SPILLED)
    }

    /// The field would become zero: half a field comes back from the table, which only ever receives whole halves.
    #[cold]
    #[inline(never)]
    fn fetch(&mut self, object: ObjectRef, word: HeaderWord) -> HeaderWord {
        let excess = self.spilled.get_mut(&object).expect("a spilled count has an entry");
        *excess -= HALF as u64;
        let more = *excess > 0;
        if !more {
            self.spilled.remove(&object);
        }
        word.replace(FIELD | SPILLED, HALF << COLLECTOR_SHIFT | if more { SPILLED } else { 0 })
    }

    /// The whole count.
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
