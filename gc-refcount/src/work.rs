//! The work list: objects whose count is to be changed, and whose edges may follow.
//!
//! A stack, so that a list of ten million links needs ten million iterations and no recursion (property P7), with a
//! [`Lookahead`] between popping an object and looking at it.
//!
//! *When the system refuses memory for the stack.* An increment phase cannot be given up half-way: some counts are
//! raised and others are not. So an object whose edges do not fit is put aside and traced again when the stack is empty,
//! which needs one word for it instead of one for each edge. Only if a single object's edges exceed all the stack there
//! is does the list insist, by an ordinary infallible allocation.

use heap_core::collector::{EdgeSink, Keys, Lookahead, Measured, Object, ObjectRef};

pub(crate) struct Worklist {
    sink: EdgeSink,
    postponed: Vec<ObjectRef>,
}

/// A work list whose objects may be looked at.
pub(crate) struct Waiting<'w>(&'w mut Worklist);

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

    /// The list, once somebody has argued that what waits may be looked at.
    ///
    /// # Safety
    /// While the view is used, all objects that wait, are pushed, or are led to by these, must be intact and not have moved.
    #[inline]
    pub(crate) unsafe fn waiting(&mut self) -> Waiting<'_> {
        Waiting(self)
    }

    #[cold]
    #[inline(never)]
    fn postpone(&mut self, object: ObjectRef) {
        self.sink.clear_overflow();
        self.postponed.push(object);
    }

    /// Traces an object that was put aside.
    #[cold]
    #[inline(never)]
    fn trace_again(&mut self, object: Object<'_>) {
        self.trace_insisting(|sink| object.trace(sink));
    }

    /// Pushes the targets of the edges that `trace` reports, and insists on the memory for them: then they are reported again.
    /// Returns where they begin.
    #[inline]
    pub(crate) fn trace_insisting(&mut self, trace: impl Fn(&mut EdgeSink) -> bool) -> usize {
        let before = self.sink.stack.len();
        loop {
            if trace(&mut self.sink) {
                return before;
            }
            self.sink.clear_overflow();
            // Twice as much as there is, whatever of that is in use: the next attempt gets further than this one.
            let room = 2 * self.sink.stack.capacity().max(512);
            self.sink.stack.reserve(room - before);
        }
    }

    /// Bytes of the lists.
    pub(crate) fn side_bytes(&self) -> usize {
        (self.sink.stack.capacity() + self.postponed.capacity()) * size_of::<ObjectRef>()
    }

    /// Gives back all memory of the empty lists.
    pub(crate) fn give_back(&mut self) {
        self.sink.stack.shrink_to(0);
        self.postponed.shrink_to(0);
    }

    /// Gives back the memory of an unusually deep epoch.
    pub(crate) fn shrink(&mut self) {
        debug_assert!(self.sink.stack.is_empty());
        // 2^16 words, half a megabyte: less than one epoch allocates.
        self.sink.stack.shrink_to(1 << 16);
        self.postponed.shrink_to(1 << 10);
    }
}

impl Waiting<'_> {
    /// Calls `visit` for every waiting object, and for the targets of the edges of those which it gives back, until none is
    /// left. Each time an object was pushed, it is visited once. `visit` gets the stack, and may push too. False when it
    /// stopped because `keys` is full.
    #[inline]
    pub(crate) fn drain<K: Keys>(
        self,
        keys: &mut K,
        mut visit: impl for<'o> FnMut(Object<'o>, &mut Vec<ObjectRef>, &mut K) -> Option<Measured<'o>>,
    ) -> bool {
        let Waiting(work) = self;
        // SAFETY: `Worklist::waiting` was promised that these may be looked at.
        let look = |object| unsafe { Object::at(object) };
        let mut ahead = Lookahead::default();
        loop {
            let Some(object) = ahead.next(&mut work.sink.stack) else {
                let Some(postponed) = work.postponed.pop() else { return true };
                work.trace_again(look(postponed));
                continue;
            };
            if let Some(scan) = visit(look(object), &mut work.sink.stack, keys)
                && !scan.trace(&mut work.sink)
            {
                work.postpone(object);
            }
            if keys.is_full() {
                work.sink.stack.extend(ahead.iter());
                return false;
            }
        }
    }
}
