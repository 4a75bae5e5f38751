//! The work list: objects whose count is to be changed, and whose edges may follow.
//!
//! A stack, so that a list of ten million links needs ten million iterations and no recursion (property P7), with a
//! [`Lookahead`] between popping an object and looking at it.
//!
//! *When the system refuses memory for the stack.* An increment phase cannot be given up half-way: some counts are
//! raised and others are not. So an object whose edges do not fit is put aside and traced again when the stack is empty,
//! which needs one word for it instead of one for each edge. Only if a single object's edges exceed all the stack there
//! is does the list insist, by an ordinary infallible allocation.

use heap_core::collector::{EdgeSink, Lookahead, ObjectRef, TraceFn};

/// How an object's edges are found: its trace function and its number of elements.
#[derive(Clone, Copy)]
pub(crate) struct Scan {
    pub(crate) trace: TraceFn,
    pub(crate) count: usize,
}

pub(crate) struct Worklist {
    sink: EdgeSink,
    postponed: Vec<(ObjectRef, Scan)>,
}

impl Default for Worklist {
    fn default() -> Self {
        Worklist { sink: EdgeSink::everything(), postponed: Vec::new() }
    }
}

impl Worklist {
    /// The objects that wait.
    pub(crate) fn stack(&mut self) -> &mut Vec<ObjectRef> {
        &mut self.sink.stack
    }

    /// Calls `visit` for every waiting object, and for the targets of the edges of those for which it asks for a scan,
    /// until none is left. Each time an object was pushed, it is visited once.
    ///
    /// # Safety
    /// All objects that wait, and all that they lead to, must be intact, and `visit` must return their own scan.
    #[inline]
    pub(crate) unsafe fn drain(&mut self, mut visit: impl FnMut(ObjectRef) -> Option<Scan>) {
        let mut ahead = Lookahead::default();
        loop {
            let Some(object) = ahead.next(&mut self.sink.stack) else {
                // SAFETY: the caller's promise.
                if unsafe { self.trace_postponed() } {
                    continue;
                }
                return;
            };
            if let Some(scan) = visit(object) {
                // SAFETY: the caller's promise.
                unsafe { self.trace(object, scan) };
            }
        }
    }

    /// Pushes the targets of an object's edges, now or later.
    #[inline]
    unsafe fn trace(&mut self, object: ObjectRef, scan: Scan) {
        let before = self.sink.stack.len();
        // SAFETY: an intact object with its own trace function and count; nothing else runs during a safepoint.
        unsafe { (scan.trace)(object.payload().as_ptr(), scan.count, &mut self.sink) };
        if self.sink.overflowed() {
            self.postpone(before, object, scan);
        }
    }

    #[cold]
    #[inline(never)]
    fn postpone(&mut self, before: usize, object: ObjectRef, scan: Scan) {
        self.sink.stack.truncate(before);
        self.sink.clear_overflow();
        self.postponed.push((object, scan));
    }

    /// Traces one object that was put aside. False when there is none.
    #[cold]
    #[inline(never)]
    unsafe fn trace_postponed(&mut self) -> bool {
        let Some((object, scan)) = self.postponed.pop() else { return false };
        // SAFETY: it was intact when it was put aside, and nothing is reclaimed before the list is empty.
        unsafe { self.trace_insisting(object, scan) };
        true
    }

    /// Pushes the targets of an object's edges and insists on the memory for them. Returns where they begin.
    ///
    /// # Safety
    /// The object must be intact and `scan` its own.
    pub(crate) unsafe fn trace_insisting(&mut self, object: ObjectRef, scan: Scan) -> usize {
        let before = self.sink.stack.len();
        loop {
            // SAFETY: the caller's promise.
            unsafe { (scan.trace)(object.payload().as_ptr(), scan.count, &mut self.sink) };
            if !self.sink.overflowed() {
                return before;
            }
            self.sink.stack.truncate(before);
            self.sink.clear_overflow();
            // Twice as much as there is, whatever of that is in use: the next attempt gets further than this one.
            let room = 2 * self.sink.stack.capacity().max(512);
            self.sink.stack.reserve(room - before);
        }
    }

    /// Gives back the memory of an unusually deep epoch.
    pub(crate) fn shrink(&mut self) {
        debug_assert!(self.sink.stack.is_empty());
        // 2^16 words, half a megabyte: less than one epoch allocates.
        self.sink.stack.shrink_to(1 << 16);
        self.postponed.shrink_to(1 << 10);
    }
}
