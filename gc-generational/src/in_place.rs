//! The minor collection without copying: young objects that are reached become old where they are.
//!
//! The same roots as a copying collection, but edges instead of slots: a young object that is reached gets the header of
//! an old one, and its lines the stamp of live ones. Then the nursery's used blocks become blocks of the old space;
//! those without a live line are free at once, those with holes are queued for promotion into them; and the nursery
//! moves on to the addresses behind ("re-homed").
//!
//! It needs no memory but a mark stack, so it is what remains under a heap limit (rule R17); and for a nursery that was
//! extended far beyond the caches it is faster than copying, and does not hold the survivors twice.
//!
//! If the system refuses the stack, the promotion is abandoned: nothing was freed, all young objects stay young, and the
//! epoch moves on, so that the next attempt does not take this one's marks for its own.

use core::ops::Range;

use heap_core::collector::memory::{LINE_SHIFT, Memory};
use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{EdgeSink, Lookahead, ObjectRef};

use crate::epoch::{Epoch, Epochs};
use crate::remember::Card;

/// Elements of a large array whose edges are visited at a time.
const PIECE: usize = 1024;

/// A promotion in progress.
pub(crate) struct Promotion<'h> {
    memory: &'h Memory,
    sink: &'h mut EdgeSink,
    ahead: Lookahead,
    arrays: Vec<(ObjectRef, usize)>,
    epoch: Epoch,
    stamp: u8,
    /// Bytes promoted.
    pub(crate) bytes: usize,
}

impl<'h> Promotion<'h> {
    /// Begins a promotion of the young objects, all of which lie in `young`.
    pub(crate) fn begin(memory: &'h Memory, sink: &'h mut EdgeSink, epochs: &Epochs, young: Range<usize>) -> Self {
        // The lines may still carry stamps of an earlier life.
        if !young.is_empty() {
            let last = memory.lines.line_of(young.end - 1);
            memory.lines.set_range(memory.lines.line_of(young.start)..(last | ((1 << (15 - LINE_SHIFT)) - 1)) + 1, 0);
        }
        sink.stack.clear();
        sink.clear_overflow();
        sink.set_window(young);
        Promotion {
            memory,
            sink,
            ahead: Lookahead::default(),
            arrays: Vec::new(),
            epoch: epochs.now(),
            stamp: epochs.stamp(),
            bytes: 0,
        }
    }

    /// A root: reached, whatever it is.
    pub(crate) fn root(&mut self, object: ObjectRef) {
        self.sink.visit(object);
    }

    /// Reports the edges of an old object that may lead into the nursery.
    ///
    /// # Safety
    /// The object is live and old.
    pub(crate) unsafe fn visit_old(&mut self, object: ObjectRef) {
        self.arrays.push((object, 0));
        self.drain();
    }

    /// Reports the edges in a dirty card.
    ///
    /// # Safety
    /// The card's array is live and old.
    pub(crate) unsafe fn visit_card(&mut self, card: Card) {
        // SAFETY: nothing is forwarded outside of a copying collection.
        let info = unsafe { card.array.header().load().type_info() };
        // SAFETY: live, of this type; so are the elements, and the program is stopped.
        unsafe {
            let elements = card.elements(&self.memory.lines, info, card.array.count(info));
            if let Some(trace) = info.trace() {
                let first = card.array.payload().as_ptr().byte_add(elements.start * info.element_bytes());
                trace(first, elements.len(), self.sink);
            }
        }
        self.drain();
    }

    /// Promotes everything that the pending edges reach.
    pub(crate) fn drain(&mut self) {
        loop {
            if let Some(object) = self.ahead.next(&mut self.sink.stack) {
                // SAFETY: the sink keeps only edges into the nursery; their targets are young and live.
                unsafe { self.promote(object) };
            } else if !self.piece() {
                return;
            }
        }
    }

    /// # Safety
    /// The object is young and live.
    #[inline]
    unsafe fn promote(&mut self, object: ObjectRef) {
        // SAFETY: the caller's promise.
        let header = unsafe { object.header() };
        let word = header.load();
        if self.epoch.is_on(word) {
            return;
        }
        // SAFETY: nothing is forwarded outside of a copying collection.
        let info = unsafe { word.type_info() };
        header.store(self.epoch.put_on(word).with(UNLOGGED));
        // SAFETY: live, of this type.
        let (extent, count) = unsafe { object.measure(info) };
        self.memory.lines.mark(extent.start, extent.end, self.stamp);
        self.bytes += extent.end - extent.start;
        match info.trace() {
            Some(_) if count > PIECE => self.arrays.push((object, 0)),
            // SAFETY: `count` live elements, and the program is stopped.
            Some(trace) => unsafe { trace(object.payload().as_ptr(), count, self.sink) },
            None => {}
        }
    }

    fn piece(&mut self) -> bool {
        let Some((array, from)) = self.arrays.pop() else { return false };
        // SAFETY: objects on the list are live and not forwarded.
        let info = unsafe { array.header().load().type_info() };
        // SAFETY: as above.
        let count = unsafe { array.count(info) };
        let piece = PIECE.min(count - from);
        if from + piece < count {
            self.arrays.push((array, from + piece));
        }
        if let Some(trace) = info.trace() {
            // SAFETY: the elements `from .. from + piece` exist and are live.
            unsafe { trace(array.payload().as_ptr().byte_add(from * info.element_bytes()), piece, self.sink) };
        }
        true
    }

    /// Ends the promotion: whether everything was reached.
    pub(crate) fn complete(self) -> bool {
        self.sink.stack.shrink_to(1 << 16);
        !self.sink.overflowed()
    }
}
