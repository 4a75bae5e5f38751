//! Where tracing puts what it finds: edges by value.
//!
//! A sink is data, not code: a window of addresses and a stack. The inlined visit compares and pushes, and nothing is
//! called per edge, so that one concrete sink serves every collector and user types are compiled once. (Slots, which are
//! edges by address, have a sink of their own: [`SlotSink`](super::SlotSink).)

use super::descent::Descent;
use super::reference::ObjectRef;

/// Reports the edges of so many elements, the first of which the pointer leads to.
pub type TraceFn = unsafe fn(*const u8, usize, &mut EdgeSink);

/// Collects the targets of edges, unbranded: the collector's side of a [`Tracer`](crate::Tracer).
///
/// An edge is kept when its target lies in `low .. low + span`. The stack grows fallibly: when the system refuses
/// memory, edges are dropped and [`overflowed`](Self::overflowed) says so; the collector must then abandon what it was
/// doing.
///
/// *Why a vector and not reserved address space:* a vector that grows by `try_reserve` is portable, reports refusal in
/// the same way everywhere, and costs one comparison per push, as the end-of-region check of a reserved stack would.
#[derive(Default)]
pub struct EdgeSink {
    low: usize,
    span: usize,
    /// Targets that were reported and not yet taken.
    pub stack: Vec<ObjectRef>,
    /// Edges that were dropped because the stack was full, and will be reported again.
    dropped: usize,
    overflowed: bool,
    pub(crate) descent: Descent<EdgeSink>,
}

impl EdgeSink {
    /// A sink that keeps every edge.
    pub fn everything() -> Self {
        EdgeSink { low: 0, span: usize::MAX, ..EdgeSink::default() }
    }

    /// Keeps only edges whose target lies in `window` from now on.
    pub fn set_window(&mut self, window: core::ops::Range<usize>) {
        self.low = window.start;
        self.span = window.end - window.start;
    }

    /// True when an edge was lost because the system refused memory, or because a [`TraceFn`](super::TraceFn) was called
    /// by other ways than [`Object`](super::Object) and there was no room.
    #[inline]
    pub fn overflowed(&self) -> bool {
        self.overflowed || self.dropped > 0
    }

    /// Says that edges were lost.
    pub(crate) fn lose(&mut self) {
        self.overflowed = true;
        self.dropped += 1;
    }

    /// Forgets that edges were lost.
    pub fn clear_overflow(&mut self) {
        self.overflowed = false;
        self.dropped = 0;
    }

    /// Reports one edge: what the code of traced types does. When the stack is full the edge is dropped, and
    /// [`collect`](Self::collect) has all of them reported again. So nothing is ever called here, and a type's trace
    /// function is a leaf that saves no registers: twelve instructions of the thirty-eight for an object with two pointers.
    #[inline(always)]
    pub(crate) fn visit(&mut self, target: ObjectRef) {
        if target.address().wrapping_sub(self.low) < self.span {
            if self.stack.len() == self.stack.capacity() {
                self.dropped += 1;
                return;
            }
            // The capacity was checked above, so this compiles to a store and an increment.
            self.stack.push(target);
        }
    }

    /// Has a trace function report the edges of some elements: all of them or, when the system refuses memory, none. Then
    /// this says false, and the sink has overflowed.
    ///
    /// # Safety
    /// As the function demands.
    #[inline(always)]
    pub(super) unsafe fn collect(&mut self, trace: TraceFn, first: *const u8, count: usize) -> bool {
        let before = self.stack.len();
        // SAFETY: the caller's promise.
        unsafe { trace(first, count, self) };
        // SAFETY: as above.
        self.dropped == 0 || unsafe { self.collect_again(before, trace, first, count) }
    }

    /// # Safety
    /// As for [`collect`](Self::collect).
    #[cold]
    #[inline(never)]
    unsafe fn collect_again(&mut self, before: usize, trace: TraceFn, first: *const u8, count: usize) -> bool {
        while self.dropped > 0 {
            let edges = self.stack.len() - before + core::mem::take(&mut self.dropped);
            self.stack.truncate(before);
            if self.overflowed || !self.grow(edges) {
                return false;
            }
            // SAFETY: the caller's promise; tracing only reads, so it may be done again.
            unsafe { trace(first, count, self) };
        }
        true
    }

    /// As [`collect`](Self::collect), of whatever `trace` reports, which must report the same each time.
    pub(crate) fn collect_by(&mut self, trace: &mut dyn FnMut(&mut EdgeSink)) -> bool {
        let before = self.stack.len();
        loop {
            trace(self);
            if self.dropped == 0 {
                return true;
            }
            let edges = self.stack.len() - before + core::mem::take(&mut self.dropped);
            self.stack.truncate(before);
            if self.overflowed || !self.grow(edges) {
                return false;
            }
        }
    }

    /// Gets memory for so many entries, so that the stack need not grow for them. False when the system refuses it.
    pub fn reserve(&mut self, entries: usize) -> bool {
        !crate::fault::refuse() && self.stack.try_reserve_exact(entries).is_ok()
    }

    /// Pushes a target if it lies in the window.
    #[inline]
    pub fn offer(&mut self, target: ObjectRef) {
        if target.address().wrapping_sub(self.low) < self.span {
            self.push(target);
        }
    }

    /// Pushes without looking at the window.
    #[inline]
    pub fn push(&mut self, target: ObjectRef) {
        if self.stack.len() == self.stack.capacity() && !self.grow(1) {
            return;
        }
        self.stack.push(target);
    }

    /// Makes room for some more edges, and enough for some time.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, edges: usize) -> bool {
        let refused = crate::fault::refuse()
            || if crate::fault::are_tight() {
                self.stack.try_reserve_exact(edges.max(8)).is_err()
            } else {
                self.stack.try_reserve(edges.max(256)).is_err()
            };
        self.overflowed |= refused;
        !refused
    }
}
