//! The minor collection without copying: young objects that are reached become old where they are.
//!
//! The same roots as a copying collection, but edges instead of slots: a young object that is reached gets the header
//! of an old one, and its lines the stamp of live ones. Then the nursery's used blocks become blocks of the old space;
//! those without a live line are free at once, those with holes are queued for promotion into them; and the nursery
//! moves on to the addresses behind ("re-homed").
//!
//! It needs no memory but a mark stack, so it is what remains under a heap limit (rule R17); and for a nursery that was
//! extended far beyond the caches it is faster than copying, and does not hold the survivors twice.
//!
//! If the system refuses the stack, the promotion is abandoned: nothing was freed, all young objects stay young, and
//! the epoch moves on, so that the next attempt does not take this one's marks for its own.

use core::ops::Range;

use heap_core::collector::memory::{LINE_SHIFT, Memory};
use heap_core::collector::object::{SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{Closure, EdgeSink, Intact, Keys, Lookahead, Measured, NoKeys, Object, ObjectRef, Refused};

use crate::epoch::{Epoch, Epochs};
use crate::remember::Card;

/// Elements of a large array whose edges are visited at a time.
const PIECE: usize = 1024;

/// A promotion in progress.
pub(crate) struct Promotion<'h> {
    memory: &'h Memory,
    /// Where young objects are.
    young: Range<usize>,
    sink: &'h mut EdgeSink,
    ahead: Lookahead,
    /// Objects with elements not yet visited, and the next of these.
    arrays: Vec<(Object<'h>, usize)>,
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
        sink.set_window(young.clone());
        Promotion {
            memory,
            young,
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
        self.sink.offer(object);
    }

    /// Reports the edges of an old object that may lead into the nursery.
    pub(crate) fn visit_old(&mut self, object: Object<'h>) {
        self.arrays.push((object, 0));
        self.drain();
    }

    /// Reports the edges in a dirty card of an array.
    pub(crate) fn visit_card(&mut self, array: Object<'h>, card: Card) {
        array.trace_elements(card.elements(&self.memory.lines, array), self.sink);
        self.drain();
    }

    /// Promotes everything that the pending edges reach.
    pub(crate) fn drain(&mut self) {
        self.drain_reporting(&mut NoKeys);
    }

    /// As [`drain`](Self::drain), and reports the keys that it promotes. False when it stopped because `keys` is full.
    fn drain_reporting<K: Keys>(&mut self, keys: &mut K) -> bool {
        loop {
            if let Some(object) = self.ahead.next(&mut self.sink.stack) {
                // SAFETY: the sink keeps only edges into the nursery; their targets are young, and intact: nothing is
                // moved or reclaimed during a promotion.
                self.promote(unsafe { Object::at(object) }, keys);
                if keys.is_full() {
                    return false;
                }
            } else if !self.piece() {
                return true;
            }
        }
    }

    /// Makes a young object old, if that was not done.
    #[inline]
    fn promote<K: Keys>(&mut self, object: Object<'h>, keys: &mut K) {
        let word = object.word();
        if self.epoch.is_on(word) {
            return;
        }
        object.header().store(self.epoch.put_on(word).with(UNLOGGED));
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object.reference());
        }
        match object.measure_small() {
            Some(object) => self.reached(&object),
            None => self.reached_other(object),
        }
    }

    /// As [`reached`](Self::reached), an object of any size. Apart, so that the loop need not bring both kinds
    /// together.
    #[inline(never)]
    fn reached_other(&mut self, object: Object<'h>) {
        self.reached(&object.measure());
    }

    /// An object became old: its lines live, and its edges are to be followed.
    #[inline(always)]
    fn reached(&mut self, object: &Measured<'h>) {
        self.memory.lines.mark(object.extent().start, object.extent().end, self.stamp);
        self.bytes += object.bytes();
        if object.count() > PIECE && object.info().trace().is_some() {
            self.arrays.push((object.object(), 0));
        } else {
            object.trace(self.sink);
        }
    }

    fn piece(&mut self) -> bool {
        let Some((array, from)) = self.arrays.pop() else { return false };
        let count = array.count();
        let piece = PIECE.min(count - from);
        if from + piece < count {
            self.arrays.push((array, from + piece));
        }
        array.trace_elements(from..from + piece, self.sink);
        true
    }

    /// Whether everything was reached that was to be, or edges were lost because the system refused memory.
    pub(crate) fn is_complete(&self) -> bool {
        !self.sink.overflowed()
    }
}

impl Drop for Promotion<'_> {
    fn drop(&mut self) {
        self.sink.stack.clear();
        self.sink.stack.shrink_to(1 << 16);
    }
}

// SAFETY: what is young and was reached has the promotion's epoch and survives where it is, and `drain` reaches all
// that it leads to. Everything else is old, and no old object dies in a minor collection.
unsafe impl Closure for Promotion<'_> {
    #[inline]
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        let reached = || self.epoch.is_on(object.header().load());
        (!self.young.contains(&object.reference().address()) || reached()).then_some(object.reference())
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        self.root(object.reference());
        if self.is_complete() { Ok(object.reference()) } else { Err(Refused) }
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        let complete = self.drain_reporting(keys);
        if self.is_complete() { Ok(complete) } else { Err(Refused) }
    }
}
