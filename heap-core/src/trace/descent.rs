//! Tracing a value that contains itself, however deep it is.
//!
//! The graph of objects is traced with a stack in memory, and no depth of it matters. But one object may own a chain of
//! a million boxes, `struct Chain { next: Option<Box<Chain>> }`, built one by one and meant to be taken apart one by
//! one, and plain Rust accepts that. Tracing it by calling the field's `trace` would overflow the stack, in a
//! collection that the program did not ask for, on a marker's thread perhaps, whose stack is smaller than the
//! program's.
//!
//! So a field that leads back to its own type is traced by *descending*: up to 32 levels by calling, which is all that
//! most such values ever need, and what lies deeper is noted as a pointer and a function, and traced when the outermost
//! descent is about to return. The derive knows which fields these are (`recursion` in its source), because it may not
//! ask them for their constants: a circle of types without such a field does not compile, since `NEEDS_TRACE` would
//! depend on itself. Types that do not contain themselves never come here and pay nothing.
//!
//! *Why not a limit at allocation?* The depth is not known there: chains grow behind a lock, long after. *Why not on
//! the mark stack?* Its entries are objects, and every loop over it would have to ask what an entry is.
//!
//! *Dropping* such a chain recurses in Rust's own glue, inside the heap as outside. A program that owns one takes it
//! apart before it lets go of it, or keeps it in many objects: behind a `Gc` no depth matters, for drop glue either.

use core::cell::Cell;
use core::ptr::NonNull;

use super::{Relocator, Trace, Tracer};
use crate::object::descent::{DEPTH_MAX, show_waiting};
use crate::object::{EdgeSink, SlotSink};

unsafe fn trace_value<'gc, T: Trace<'gc>>(value: NonNull<()>, sink: &mut EdgeSink) {
    // SAFETY: the caller passes a live `T` that nobody writes to.
    unsafe { value.cast::<T>().as_ref() }.trace(Tracer::brand(sink));
}

unsafe fn relocate_value<'gc, T: Trace<'gc>>(value: NonNull<()>, sink: &mut SlotSink) {
    // SAFETY: the caller passes a live `T` that nobody else accesses.
    unsafe { value.cast::<T>().as_mut() }.relocate(Relocator::brand(sink));
}

impl<'gc> Tracer<'gc> {
    /// Traces a value that is part of the one being traced and may contain another of the same type, and so on, however
    /// deep: the stack does not grow with it. Costs a counter; beyond 32 levels, 16 bytes for a while.
    ///
    /// The derive does this for fields that lead back to their own type.
    #[inline]
    pub fn descend<T: Trace<'gc>>(&mut self, value: &T) {
        if !self.sink.descent.enter() {
            // Without memory to note it, its edges are lost, and the sink says so.
            if !self.sink.descent.wait(NonNull::from(value).cast(), trace_value::<T>) {
                self.sink.lose();
            }
            return;
        }
        value.trace(self);
        if self.sink.descent.leave() {
            // SAFETY: what waits are parts of `value`, found by following what it owns, and `value` is borrowed until
            // this returns: nothing in it can be dropped or written.
            unsafe { show_waiting(&mut self.sink, |sink| &mut sink.descent) };
        }
    }

    /// What a value owns outside the heap that is part of another and may contain more of the same type. Levels below the
    /// thirty-second are not asked, and count for nothing: the account is for pacing, and a stack that overflows is worse.
    pub fn owned_bytes<T: Trace<'gc>>(value: &T) -> usize {
        thread_local! {
            static DEPTH: Cell<u32> = const { Cell::new(0) };
        }
        DEPTH.with(|depth| {
            let level = depth.get();
            if level >= DEPTH_MAX {
                return 0;
            }
            depth.set(level + 1);
            let bytes = value.owned_bytes();
            depth.set(level);
            bytes
        })
    }
}

impl<'gc> Relocator<'gc> {
    /// As [`Tracer::descend`].
    #[inline]
    pub fn descend<T: Trace<'gc>>(&mut self, value: &mut T) {
        if !self.sink.descent.enter() {
            let waits = self.sink.descent.wait(NonNull::from(&mut *value).cast(), relocate_value::<T>);
            if !waits {
                // A slot must not be lost. There is still the stack.
                value.relocate(self);
            }
            return;
        }
        value.relocate(self);
        if self.sink.descent.leave() {
            // SAFETY: what waits are parts of `value`, noted through references that were derived from it and have
            // ended, and `value` is exclusively borrowed until this returns. They are distinct parts: every value is
            // visited once.
            unsafe { show_waiting(&mut self.sink, |sink| &mut sink.descent) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gc, Heap, NoGc, Rootable, Trace};

    #[derive(Trace)]
    struct Tree<'gc> {
        children: Vec<Tree<'gc>>,
        gc: Gc<'gc, u64>,
    }

    fn tree<'gc>(depth: usize, gc: Gc<'gc, u64>) -> Tree<'gc> {
        let children = if depth == 0 { 0 } else { 1 + depth % 2 };
        Tree { children: (0..children).map(|_| tree(depth - 1, gc)).collect(), gc }
    }

    /// The number of values in a tree.
    fn size(tree: &Tree<'_>) -> usize {
        1 + tree.children.iter().map(size).sum::<usize>()
    }

    #[test]
    fn every_edge_and_slot_is_reported_once_however_deep() {
        let mut heap = Heap::<Rootable![Gc<'_, u64>]>::new(NoGc::default(), |mc| Gc::new(mc, 7)).unwrap();
        heap.mutate(|_, &gc| {
            for depth in [0, 1, 31, 32, 33, 34, 40] {
                let mut tree = tree(depth.min(36), gc);
                let expected = size(&tree);
                let mut edges = EdgeSink::everything();
                edges.stack.reserve(expected);
                tree.trace(Tracer::brand(&mut edges));
                assert_eq!(edges.stack.len(), expected);
                let mut slots = SlotSink::everything();
                tree.relocate(Relocator::brand(&mut slots));
                let mut list = slots.list().to_vec();
                list.sort();
                list.dedup();
                assert_eq!(list.len(), expected);
                assert!(edges.descent.is_idle() && slots.descent.is_idle());
            }
        });
    }
}
