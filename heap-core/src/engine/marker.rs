//! The marking loop that tracing collectors share.
//!
//! Depth-first over an explicit stack, with a [`Lookahead`] between popping an object and looking at it. An object is
//! claimed when it is scanned, not when it is pushed: the barrier may then scan an object that waits on the stack
//! without asking whether it does, and duplicates on the stack cost one header load each.
//!
//! Marking an object does three things: it puts the marking's colour into the header, stamps the lines that the object
//! overlaps, and adds it to the census. Colours rotate instead of being cleared: an object that does not have the
//! colour of the present marking is white, whichever of the other two it has. Objects are born in the present colour,
//! that is, alive until the next marking begins.
//!
//! No edge is ever lost. When the system refuses memory for the stack in the middle of an object, the edges that the
//! object reported are taken back and the object waits again, white: the marking is stuck, not wrong, and may go on
//! when there is memory. That matters because colours are few. A marking that is given up leaves objects of two colours
//! behind, the next one uses the third, and then there is none left to give up that one too.
//!
//! Large arrays are scanned in pieces, so that increments stay short and the stack small. An array is claimed when it
//! is reached: it has the colour then, and is `BUSY` until all of it is scanned. What of it is scanned is the business
//! of its cards ([`Cards`]), which are scanned in any order: the marker goes through them from the first to the last,
//! and the write barrier has the card scanned that is about to change, and no other. A scanned card has the marking's
//! stamp, as a line that was reached has. No card is cleared for that: an array is born with blank cards, a complete
//! marking leaves its stamp on all cards of the arrays that it reached, and at most one marking in a row is given up;
//! so a card can only have the stamps of the last two markings, never one that was in use 255 markings ago.

use core::ops::Range;

use super::closure::{Closure, Keys, NoKeys, Refused};
use super::colour::Colour;
use super::lookahead::Lookahead;
use crate::memory::{LINE_BYTES, Memory};
use crate::object::{
    CARDED, EdgeSink, Header, HeaderWord, Intact, MEDIUM_BORN_MAX, Measured, Object, ObjectRef, SIDE_ENTRY,
};
use crate::region::Cards;

/// Cards of a large array that are scanned in one piece: 8 KiB.
const PIECE: usize = 32;

/// A marking in progress.
pub struct Marker {
    sink: EdgeSink,
    /// Popped from the stack, header on its way from memory. Kept between calls of [`Marker::drain`], because there may
    /// be no room on the stack to put all of them back.
    ahead: Lookahead,
    /// The busy arrays, each with the number of cards in front of which all are scanned.
    arrays: Vec<(ObjectRef, usize)>,
    /// Apart from `bytes`: neighbours are added to as one vector, with six instructions instead of two.
    objects: u64,
    colour: Colour,
    stamp: u8,
    /// Objects of at most this many bytes are marked by stamping their lines, and nothing else. Zero while a marking is
    /// exact: then all take the slow path, and those that are not exact pay nothing for there being such markings.
    plain_bytes: usize,
    refused: bool,
    bytes: u64,
}

impl Default for Marker {
    fn default() -> Self {
        Marker {
            sink: EdgeSink::everything(),
            ahead: Lookahead::default(),
            arrays: Vec::new(),
            objects: 0,
            colour: Colour::FIRST,
            stamp: 0,
            plain_bytes: MEDIUM_BORN_MAX,
            refused: false,
            bytes: 0,
        }
    }
}

impl Marker {
    /// Starts a marking in `colour`; reached lines get `stamp`. With `exact`, the units of reached objects are set in
    /// the next bitmap of the heap's occupancy, which must have been
    /// [prepared](crate::memory::Memory::prepare_occupancy).
    pub fn begin(&mut self, colour: Colour, stamp: u8, exact: bool) {
        self.sink.stack.clear();
        self.sink.clear_overflow();
        self.ahead.clear();
        self.arrays.clear();
        self.colour = colour;
        self.stamp = stamp;
        self.plain_bytes = if exact { 0 } else { MEDIUM_BORN_MAX };
        self.refused = false;
        self.objects = 0;
        self.bytes = 0;
    }

    /// Gives the marking up: no array is busy any more. Which objects were marked stays in their headers.
    pub fn give_up(&mut self) {
        for (array, _) in self.arrays.drain(..) {
            // SAFETY: the marking reached the array, and nothing is reclaimed while a marking is in progress.
            let header = unsafe { array.header() };
            header.store(header.load().without(Colour::BUSY));
        }
    }

    /// Adds an object to be marked. When [`overflowed`](Self::overflowed) says so afterwards, it was not added.
    ///
    /// # Safety
    /// The object must be live, and neither be reclaimed nor moved until the marking is over or the next one
    /// [begins](Self::begin); the same goes for everything that it leads to.
    #[inline]
    pub unsafe fn push(&mut self, object: ObjectRef) {
        self.sink.push(object);
        self.refused |= self.sink.overflowed();
    }

    /// Objects marked so far.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Bytes of the objects marked so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True when the system refused memory for the stack during the last call of [`push`](Self::push),
    /// [`drain`](Self::drain) or [`mark_before_write`](Self::mark_before_write). What was pushed before is still there:
    /// draining again goes on.
    pub fn overflowed(&self) -> bool {
        self.refused
    }

    /// Bytes of memory that the stack holds.
    pub fn stack_bytes(&self) -> usize {
        self.sink.stack.capacity() * size_of::<ObjectRef>() + self.arrays.capacity() * size_of::<(ObjectRef, usize)>()
    }

    /// Gives the stack's memory back, down to `keep` entries.
    pub fn shrink(&mut self, keep: usize) {
        self.sink.stack.shrink_to(keep);
        self.arrays.shrink_to(keep);
    }

    /// The objects that wait: those on the stack, and busy arrays. Some may be marked already. For verification.
    pub fn waiting(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.sink.stack.iter().copied().chain(self.ahead.iter()).chain(self.arrays.iter().map(|&(array, _)| array))
    }

    /// Marks until nothing is left or about `budget` bytes of objects were looked at. True when nothing is left.
    ///
    /// One object is the least that is looked at, and an object that is not an array is always looked at as a whole.
    pub fn drain(&mut self, memory: &Memory, budget: usize) -> bool {
        self.drain_reporting(memory, budget, &mut NoKeys)
    }

    /// As [`drain`](Self::drain), and reports the keys that it marks. Stops when `keys` is full.
    pub fn drain_reporting<K: Keys>(&mut self, memory: &Memory, budget: usize, keys: &mut K) -> bool {
        self.refused = false;
        self.sink.clear_overflow();
        let mut work = 0usize;
        let done = loop {
            let looked_at = match self.ahead.next(&mut self.sink.stack) {
                Some(object) => {
                    self.mark(memory, object, keys).inspect_err(|_| self.ahead.put_back(&mut self.sink.stack, object))
                }
                None => match self.scan_piece(memory) {
                    Some(outcome) => outcome,
                    None => break true,
                },
            };
            match looked_at {
                Ok(bytes) => work += bytes,
                Err(Refused) => break false,
            }
            if work >= budget || keys.is_full() {
                break false;
            }
        };
        done || (!self.refused && self.waiting().next().is_none())
    }

    /// Marks one object if it is white: claims it and reports its edges. Returns the bytes looked at. Large arrays are
    /// left busy.
    #[inline(always)]
    fn mark<K: Keys>(&mut self, memory: &Memory, object: ObjectRef, keys: &mut K) -> Result<usize, Refused> {
        // SAFETY: everything on the stack was reported by a live object or is a root, and nothing is reclaimed or moved
        // while a marking is in progress.
        let object = unsafe { Object::at(object) };
        let word = object.word();
        if self.colour.is_on(word) {
            return Ok(0);
        }
        match object.measure_small() {
            Some(object) => self.claim(memory, &object, keys),
            None => self.claim_other(memory, object, keys),
        }
    }

    /// Claims a white object of any size. Apart, so that the loop need not bring both kinds together.
    #[inline(never)]
    fn claim_other<K: Keys>(&mut self, memory: &Memory, object: Object<'_>, keys: &mut K) -> Result<usize, Refused> {
        if object.word().has(CARDED) && object.info().trace().is_some() {
            return self.claim_array(memory, object, keys);
        }
        self.claim(memory, &object.measure(), keys)
    }

    /// Claims a white object that is no large array.
    #[inline(always)]
    fn claim<K: Keys>(&mut self, memory: &Memory, measured: &Measured<'_>, keys: &mut K) -> Result<usize, Refused> {
        let object = measured.object();
        if !measured.trace(&mut self.sink) {
            return self.stuck();
        }
        object.header().store(object.word().replace(Colour::MASK, self.colour.bits()));
        if K::WANTED && object.word().has(SIDE_ENTRY) {
            keys.report(object.reference());
        }
        Ok(self.account(memory, object.header(), measured.extent()))
    }

    /// The system refused memory for the edges of an object; none was reported.
    #[cold]
    fn stuck<T>(&mut self) -> Result<T, Refused> {
        self.sink.clear_overflow();
        self.refused = true;
        Err(Refused)
    }

    /// A white large array was reached.
    #[cold]
    fn claim_array<K: Keys>(&mut self, memory: &Memory, array: Object<'_>, keys: &mut K) -> Result<usize, Refused> {
        let full = self.arrays.len() == self.arrays.capacity();
        if full && (crate::fault::refuse() || self.arrays.try_reserve(self.arrays.len().max(16)).is_err()) {
            self.refused = true;
            return Err(Refused);
        }
        self.arrays.push((array.reference(), 0));
        array.header().store(array.word().replace(Colour::MASK, self.colour.bits()).with(Colour::BUSY));
        if K::WANTED && array.word().has(SIDE_ENTRY) {
            keys.report(array.reference());
        }
        self.account(memory, array.header(), array.extent());
        Ok(0)
    }

    /// Marks an object now, because `range` of its payload is about to change for the first time: all of it, or, of a
    /// large array, the cards that the range touches. False when the system refused memory for the stack; no edge is
    /// lost then.
    ///
    /// # Safety
    /// As for [`push`](Self::push). Of a large array, elements of which this marking was told may be mutably borrowed.
    pub unsafe fn mark_before_write(&mut self, memory: &Memory, array: Object<'_>, range: Range<usize>) -> bool {
        self.refused = false;
        self.sink.clear_overflow();
        let word = array.word();
        if !(word.has(CARDED) && array.info().trace().is_some()) {
            return self.mark(memory, array.reference(), &mut NoKeys).is_ok();
        }
        if !self.colour.is_on(word) {
            if self.claim_array(memory, array, &mut NoKeys).is_err() {
                return false;
            }
        } else if !word.has(Colour::BUSY) {
            return true;
        }
        let cards = Cards::of(&memory.lines, array);
        self.scan_cards(&cards, cards.touched(range)).is_ok()
    }

    /// Scans those of some cards of a busy array that were not.
    fn scan_cards(&mut self, cards: &Cards<'_>, which: Range<usize>) -> Result<(), Refused> {
        for run in cards.runs_without(self.stamp, which) {
            if !cards.trace(run.clone(), &mut self.sink) {
                return self.stuck();
            }
            cards.set_state(run, self.stamp);
        }
        Ok(())
    }

    /// Scans a piece of a busy array and returns its bytes. `None` when there is none.
    #[cold]
    fn scan_piece(&mut self, memory: &Memory) -> Option<Result<usize, Refused>> {
        let (array, done) = *self.arrays.last()?;
        // SAFETY: reached by the marking, hence live, and not moved.
        let array = unsafe { Object::at(array) };
        let cards = Cards::of(&memory.lines, array);
        let all = cards.all();
        let piece = all.start + done..all.end.min(all.start + done + PIECE);
        if let Err(refused) = self.scan_cards(&cards, piece.clone()) {
            return Some(Err(refused));
        }
        if piece.end == all.end {
            self.arrays.pop();
            array.header().store(array.word().without(Colour::BUSY));
        } else if let Some((_, done)) = self.arrays.last_mut() {
            *done += piece.len();
        }
        Some(Ok(piece.len() * LINE_BYTES))
    }

    /// The closure of what was marked, once the marking is complete.
    pub fn closure<'m>(&'m mut self, memory: &'m Memory) -> Tracing<'m> {
        Tracing { marker: self, memory }
    }

    #[inline]
    fn account(&mut self, memory: &Memory, header: &Header, extent: Range<usize>) -> usize {
        let bytes = extent.end - extent.start;
        self.objects += 1;
        self.bytes += bytes as u64;
        if bytes <= self.plain_bytes {
            memory.lines.mark(extent.start, extent.end, self.stamp);
        } else {
            self.account_rare(memory, header.load(), extent);
        }
        bytes
    }

    /// A large object, or any in an exact marking.
    #[inline(never)]
    fn account_rare(&self, memory: &Memory, word: HeaderWord, extent: Range<usize>) {
        if !word.shares_blocks(extent.len()) {
            // Its lines are the state of its cards.
            return;
        }
        memory.lines.mark(extent.start, extent.end, self.stamp);
        if let Some(occupancy) = &memory.occupancy {
            occupancy.next.set(extent);
        }
    }
}

/// A complete marking, as a [`Closure`].
pub struct Tracing<'m> {
    marker: &'m mut Marker,
    memory: &'m Memory,
}

// SAFETY: what has the marking's colour survives where it is, and `drain` marks all that it leads to.
unsafe impl Closure for Tracing<'_> {
    #[inline]
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        self.marker.colour.is_on(object.header().load()).then_some(object.reference())
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        self.marker.refused = false;
        self.marker.sink.clear_overflow();
        // SAFETY: the object is intact, and was alive until this marking, during which nothing is reclaimed or moved.
        unsafe { self.marker.push(object.reference()) };
        if self.marker.refused { Err(Refused) } else { Ok(object.reference()) }
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        let complete = self.marker.drain_reporting(self.memory, usize::MAX, keys);
        if self.marker.refused { Err(Refused) } else { Ok(complete) }
    }
}
