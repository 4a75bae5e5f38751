//! The queue between popping an object from a stack and looking at it.
//!
//! Looking at an object begins with its header, which is usually not in the cache. So an object is popped, its header is
//! asked for, and it waits here while [`AHEAD`] others that were asked for before are looked at: first in, first out,
//! although the stack is last in, first out (Cher, Hosking and Vitek, 2004). As many cache misses are under way at a time.
//!
//! A list has no two objects that could wait at the same time: each link is known when the one before was looked at. An
//! object that is alone passes through without being stored, and the queue never turns past empty places to find it.
//! (Rotating through eight empty places for every link took a third of `deep_list`'s time in the collector.)

use core::ptr::NonNull;

use crate::object::{ObjectRef, prefetch};

/// How many objects wait.
///
/// Measured with 8, 16 and 32 (milliseconds in the collector, same run): `graph_mutate` on `refcount` 145, 129, 116, on
/// `marksweep` 37, 31, 28; `binary_trees` on `marksweep` 313, 312, 301; lists and the snapshot do not care.
const AHEAD: usize = 32;

/// Objects whose headers are on their way from memory.
pub struct Lookahead {
    slots: [ObjectRef; AHEAD],
    first: usize,
    len: usize,
}

impl Default for Lookahead {
    fn default() -> Self {
        Lookahead { slots: [ObjectRef::new(NonNull::dangling()); AHEAD], first: 0, len: 0 }
    }
}

impl Lookahead {
    /// The next object to look at: the one that has waited longest, after as many as possible were popped from `stack`
    /// to wait too. `None` when nothing waits and the stack is empty.
    #[inline(always)]
    pub fn next(&mut self, stack: &mut Vec<ObjectRef>) -> Option<ObjectRef> {
        if self.len == 0
            && let [alone] = stack[..]
        {
            stack.clear();
            return Some(alone);
        }
        while self.len < AHEAD
            && let Some(object) = stack.pop()
        {
            prefetch(object);
            self.slots[(self.first + self.len) % AHEAD] = object;
            self.len += 1;
        }
        if self.len == 0 {
            return None;
        }
        let object = self.slots[self.first];
        self.first = (self.first + 1) % AHEAD;
        self.len -= 1;
        Some(object)
    }

    /// Takes back the object that [`next`](Self::next) returned last, when it could not be dealt with: it will be the
    /// next again. Needs no memory.
    pub fn put_back(&mut self, object: ObjectRef) {
        debug_assert!(self.len < AHEAD);
        self.first = (self.first + AHEAD - 1) % AHEAD;
        self.slots[self.first] = object;
        self.len += 1;
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The objects that wait.
    pub fn iter(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        (0..self.len).map(|index| self.slots[(self.first + index) % AHEAD])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(n: usize) -> ObjectRef {
        ObjectRef::new(NonNull::without_provenance(n.try_into().unwrap()))
    }

    #[test]
    fn everything_that_goes_in_comes_out_once() {
        let mut ahead = Lookahead::default();
        let mut stack: Vec<ObjectRef> = (1..=100).map(object).collect();
        let mut seen = Vec::new();
        let mut pushed = 100;
        while let Some(next) = ahead.next(&mut stack) {
            if next.address() % 7 == 0 && !seen.contains(&next) && pushed < 200 {
                // Could not be dealt with the first time.
                ahead.put_back(next);
                assert_eq!(ahead.next(&mut stack), Some(next));
                pushed += 1;
                stack.push(object(pushed));
            }
            seen.push(next);
        }
        assert!(ahead.is_empty() && stack.is_empty());
        seen.sort();
        assert_eq!(seen, (1..=pushed).map(object).collect::<Vec<_>>());
    }

    #[test]
    fn a_chain_passes_through() {
        let mut ahead = Lookahead::default();
        let mut stack = vec![object(1)];
        for n in 1..1000 {
            assert_eq!(ahead.next(&mut stack), Some(object(n)));
            assert!(ahead.is_empty());
            stack.push(object(n + 1));
        }
    }

    #[test]
    fn what_waits_can_be_listed_and_forgotten() {
        let mut ahead = Lookahead::default();
        let mut stack: Vec<ObjectRef> = (1..=5).map(object).collect();
        assert_eq!(ahead.next(&mut stack), Some(object(5)));
        assert_eq!(ahead.iter().collect::<Vec<_>>(), [4, 3, 2, 1].map(object));
        ahead.clear();
        assert_eq!(ahead.next(&mut stack), None);
    }
}
