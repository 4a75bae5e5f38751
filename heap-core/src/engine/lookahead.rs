//! The queue between popping an object from a stack and looking at it.
//!
//! Looking at an object begins with its header, which is usually not in the cache. So an object is popped, its header
//! is asked for, and it waits here while [`AHEAD`] others that were asked for before are looked at: first in, first
//! out, although the stack is last in, first out (Cher, Hosking and Vitek, 2004). As many cache misses are under way at
//! a time.
//!
//! *Where objects lie in visiting order* all that costs time and buys nothing: the header of what was popped last is in
//! the cache, or will be when it is needed, because it is next to the object that was looked at last, and that is what
//! processors prefetch by themselves. A tree that was built depth first, a list, an array of new objects are like that.
//! So an object that lies in the same [`NEAR`] bytes as the last one passes through without being stored; the others
//! wait as said. In a binary tree that takes three comparisons instead of a turn of the queue for every object; in a
//! random graph it is as good as never the case.
//!
//! A list whose nodes lie anywhere has no two objects that could wait at the same time: each link is known when the one
//! before was looked at. An object that is alone passes through too. (Rotating through eight empty places for every
//! link took a third of `deep_list`'s time in the collector.)

use core::ptr::NonNull;

use crate::object::{ObjectRef, prefetch, prefetch_whole};

/// How many objects wait.
///
/// Measured with 8, 16 and 32 (milliseconds in the collector, same run): `graph_mutate` on `refcount` 145, 129, 116, on
/// `marksweep` 37, 31, 28; `binary_trees` on `marksweep` 313, 312, 301; lists and the snapshot do not care.
const AHEAD: usize = 32;

/// How many wait, between two calls, while there are more on the stack: there is a place for one that is put back. Then
/// one goes in and one comes out, which is a path of its own. (With a loop for all cases a turn took 38 instructions,
/// and takes 17: a tenth of all that `graph_mutate` executes on `marksweep`, a twelfth on `refcount`.)
const TURNING: usize = AHEAD - 1;

/// Bytes of a piece of memory in which objects are near each other, a power of two. Distances of 64 bytes, 256, 1 024,
/// 4 096 and 32 768 were measured and differ by less than the noise: a tree of a million nodes 5.4 to 5.8 ms (8.8 when
/// everything waited), a random graph of as many 62 to 64 (68). Only the top of the stack is asked: asking each object
/// that is popped cost the graph 10 %.
const NEAR: usize = 4 << 10;

/// Objects whose headers are on their way from memory.
pub struct Lookahead {
    /// Where the object lies that was looked at last.
    last: usize,
    slots: [ObjectRef; AHEAD],
    /// The place of what has waited longest. Places are numbers modulo [`AHEAD`].
    first: usize,
    len: usize,
}

impl Default for Lookahead {
    fn default() -> Self {
        Lookahead { last: 0, slots: [ObjectRef::new(NonNull::dangling()); AHEAD], first: 0, len: 0 }
    }
}

impl Lookahead {
    /// The next object to look at: the top of `stack` if it lies near the last one or is all there is, else the one
    /// that has waited longest, after as many as possible were popped to wait too. `None` when nothing waits and the
    /// stack is empty.
    #[inline(always)]
    pub fn next(&mut self, stack: &mut Vec<ObjectRef>) -> Option<ObjectRef> {
        self.next_fetched(stack, prefetch)
    }

    /// As [`next`](Self::next), and asks for the second cache line too that a small object may have: for one of several
    /// markers. It is an instruction more for each object. Objects of 48 bytes, a random graph of 517 MB, processor
    /// time of one thread that claims as several do: 1 162 ms, and 1 415 without it.
    #[inline(always)]
    pub fn next_whole(&mut self, stack: &mut Vec<ObjectRef>) -> Option<ObjectRef> {
        self.next_fetched(stack, prefetch_whole)
    }

    #[inline(always)]
    fn next_fetched(&mut self, stack: &mut Vec<ObjectRef>, fetch: impl Fn(ObjectRef)) -> Option<ObjectRef> {
        if let Some(&top) = stack.last() {
            if self.is_near(top) || (self.len == 0 && stack.len() == 1) {
                stack.pop();
                self.last = top.address();
                return Some(top);
            }
            if self.len == TURNING {
                stack.pop();
                fetch(top);
                let object = self.slots[self.first % AHEAD];
                self.slots[self.first.wrapping_add(TURNING) % AHEAD] = top;
                self.first = self.first.wrapping_add(1);
                self.last = object.address();
                return Some(object);
            }
        }
        // Fields are copied: for all that the compiler knows, a store to a place changes them.
        let (first, mut len) = (self.first, self.len);
        while len < AHEAD
            && let Some(object) = stack.pop()
        {
            fetch(object);
            self.slots[first.wrapping_add(len) % AHEAD] = object;
            len += 1;
        }
        if len == 0 {
            return None;
        }
        let object = self.slots[first % AHEAD];
        (self.first, self.len) = (first.wrapping_add(1), len - 1);
        self.last = object.address();
        Some(object)
    }

    #[inline(always)]
    fn is_near(&self, object: ObjectRef) -> bool {
        object.address() ^ self.last < NEAR
    }

    /// Takes back the object that [`next`](Self::next) has just returned from the same stack, when it could not be
    /// dealt with: it is the next again. Needs no memory, because `next` has made room: on the stack if it popped
    /// something from there, or else among those that wait.
    pub fn put_back(&mut self, stack: &mut Vec<ObjectRef>, object: ObjectRef) {
        debug_assert!(self.last == object.address());
        if stack.len() < stack.capacity() {
            // It is near itself.
            stack.push(object);
            return;
        }
        assert!(self.len < AHEAD, "what was taken out has left its place");
        self.first = self.first.wrapping_sub(1);
        self.slots[self.first % AHEAD] = object;
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
        (0..self.len).map(|index| self.slots[self.first.wrapping_add(index) % AHEAD])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No two are near each other.
    fn object(n: usize) -> ObjectRef {
        ObjectRef::new(NonNull::without_provenance((n * 2 * NEAR).try_into().unwrap()))
    }

    fn number(object: ObjectRef) -> usize {
        object.address() / (2 * NEAR)
    }

    #[test]
    fn everything_that_goes_in_comes_out_once() {
        let mut ahead = Lookahead::default();
        let mut stack: Vec<ObjectRef> = (1..=100).map(object).collect();
        let mut seen = Vec::new();
        let mut pushed = 100;
        while let Some(next) = ahead.next(&mut stack) {
            if number(next).is_multiple_of(7) && !seen.contains(&next) && pushed < 200 {
                // Could not be dealt with the first time.
                ahead.put_back(&mut stack, next);
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
    fn what_lies_near_the_last_object_passes_what_waits() {
        let mut ahead = Lookahead::default();
        let near =
            |n: usize, bytes: usize| ObjectRef::new(object(n).payload().map_addr(|a| a.saturating_add(bytes)).cast());
        let mut stack: Vec<ObjectRef> = (1..=5).map(object).collect();
        assert_eq!(ahead.next(&mut stack), Some(object(5)));
        stack.extend([object(9), near(5, 64), near(5, NEAR - 8), near(5, NEAR / 2)]);
        assert_eq!(ahead.next(&mut stack), Some(near(5, NEAR / 2)));
        assert_eq!(ahead.next(&mut stack), Some(near(5, NEAR - 8)));
        assert_eq!(ahead.next(&mut stack), Some(near(5, 64)));
        assert_eq!(ahead.next(&mut stack), Some(object(4)));
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
