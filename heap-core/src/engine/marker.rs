//! The marking loop that tracing collectors share.
//!
//! Depth-first over an explicit stack, with a [`Lookahead`] between popping an object and looking at it. An object is
//! claimed when it is scanned, not when it is pushed: the barrier may then scan an object that waits on the stack without
//! asking whether it does, and duplicates on the stack cost one header load each.
//!
//! Marking an object does three things: it puts the marking's colour into the header, stamps the lines that the object
//! overlaps, and adds it to the census. Colours rotate instead of being cleared: an object that does not have the colour
//! of the present marking is white, whichever of the other two it has. Objects are born in the present colour, that is,
//! alive until the next marking begins.
//!
//! No edge is ever lost. When the system refuses memory for the stack in the middle of an object, the edges that the
//! object reported are taken back and the object waits again, white: the marking is stuck, not wrong, and may go on when
//! there is memory. That matters because colours are few. A marking that is given up leaves objects of two colours
//! behind, the next one uses the third, and then there is none left to give up that one too.
//!
//! Large arrays are scanned in pieces, so that increments stay short and the stack small. While pieces are left, the
//! array is `BUSY`: the write barrier must have the rest scanned before the array changes. At most one array is busy;
//! the others wait, white, so that the barrier finds the busy one without a search.

use core::ops::Range;

use super::closure::{Closure, Keys, NoKeys, Refused};
use super::colour::Colour;
use super::lookahead::Lookahead;
use crate::memory::{MEDIUM_FOOTPRINT_MAX, Memory};
use crate::object::{EdgeSink, Intact, ObjectRef, SIDE_ENTRY, TraceFn, TypeInfo};

/// Elements of a large array that are scanned in one piece: 8 KiB of pointers.
const PIECE: usize = 1024;

/// A marking in progress.
pub struct Marker {
    sink: EdgeSink,
    /// Popped from the stack, header on its way from memory. Kept between calls of [`Marker::drain`], because there may
    /// be no room on the stack to put them back.
    ahead: Lookahead,
    /// The busy array, and the index of its first element that was not scanned.
    array: Option<(ObjectRef, usize)>,
    /// Large arrays that wait; white, unless the barrier was faster.
    arrays: Vec<ObjectRef>,
    colour: Colour,
    stamp: u8,
    /// Objects of at most this many bytes are marked by stamping their lines, and nothing else. Zero while a marking is
    /// exact: then all take the slow path, and those that are not exact pay nothing for there being such markings.
    plain_bytes: usize,
    refused: bool,
    objects: u64,
    bytes: u64,
}

impl Default for Marker {
    fn default() -> Self {
        Marker {
            sink: EdgeSink::everything(),
            ahead: Lookahead::default(),
            array: None,
            arrays: Vec::new(),
            colour: Colour::FIRST,
            stamp: 0,
            plain_bytes: MEDIUM_FOOTPRINT_MAX,
            refused: false,
            objects: 0,
            bytes: 0,
        }
    }
}

impl Marker {
    /// Starts a marking in `colour`; reached lines get `stamp`. With `exact`, the units of reached objects are set in the
    /// next bitmap of the heap's occupancy, which must have been
    /// [prepared](crate::memory::Memory::prepare_occupancy).
    pub fn begin(&mut self, colour: Colour, stamp: u8, exact: bool) {
        self.sink.stack.clear();
        self.sink.clear_overflow();
        self.ahead.clear();
        self.array = None;
        self.arrays.clear();
        self.colour = colour;
        self.stamp = stamp;
        self.plain_bytes = if exact { 0 } else { MEDIUM_FOOTPRINT_MAX };
        self.refused = false;
        self.objects = 0;
        self.bytes = 0;
    }

    /// Gives the marking up: no array is busy any more. Which objects were marked stays in their headers.
    pub fn give_up(&mut self) {
        if let Some((array, _)) = self.array.take() {
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
    /// [`drain`](Self::drain) or [`mark_completely`](Self::mark_completely). What was pushed before is still there:
    /// draining again goes on.
    pub fn overflowed(&self) -> bool {
        self.refused
    }

    /// Bytes of memory that the stack holds.
    pub fn stack_bytes(&self) -> usize {
        (self.sink.stack.capacity() + self.arrays.capacity()) * size_of::<ObjectRef>()
    }

    /// Gives the stack's memory back, down to `keep` entries.
    pub fn shrink(&mut self, keep: usize) {
        self.sink.stack.shrink_to(keep);
        self.arrays.shrink_to(keep);
    }

    /// The objects that wait: those on the stack, and large arrays, the busy one included. Some may be marked already.
    /// For verification.
    pub fn waiting(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let busy = self.array.map(|(array, _)| array);
        self.sink.stack.iter().copied().chain(self.ahead.iter()).chain(self.arrays.iter().copied()).chain(busy)
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
                Some(object) => self.mark(memory, object, keys).inspect_err(|_| self.ahead.put_back(object)),
                None => match self.scan_piece(memory, keys) {
                    Some(outcome) => outcome,
                    None => break true,
                },
            };
            match looked_at {
                Ok(bytes) => work = work.saturating_add(bytes),
                Err(Refused) => break false,
            }
            if work >= budget || keys.is_full() {
                break false;
            }
        };
        done || (!self.refused && self.waiting().next().is_none())
    }

    /// Marks one object if it is white: claims it and reports its edges. Returns the bytes looked at. Large arrays are
    /// left busy or waiting.
    #[inline]
    fn mark<K: Keys>(&mut self, memory: &Memory, object: ObjectRef, keys: &mut K) -> Result<usize, Refused> {
        // SAFETY: everything on the stack was reported by a live object or is a root, and nothing is reclaimed or moved
        // while a marking is in progress.
        let header = unsafe { object.header() };
        let word = header.load();
        if self.colour.is_on(word) {
            return Ok(0);
        }
        // SAFETY: headers of objects reached by a marking are not forwarded.
        let info = unsafe { word.type_info() };
        // SAFETY: live, of this type.
        let (extent, count) = unsafe { object.measure(info) };
        if let Some(trace) = info.trace() {
            if count > PIECE {
                return self.meet_array(memory, object, info, keys);
            }
            self.report(trace, object.payload().as_ptr(), count)?;
        }
        header.store(word.replace(Colour::MASK, self.colour.bits()));
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object);
        }
        Ok(self.account(memory, extent))
    }

    /// Reports the edges of some elements, all or none.
    #[inline]
    fn report(&mut self, trace: TraceFn, first: *const u8, count: usize) -> Result<(), Refused> {
        let before = self.sink.stack.len();
        // SAFETY: the callers pass `count` live elements; the program is stopped, or is about to write for the first
        // time.
        unsafe { trace(first, count, &mut self.sink) };
        if self.sink.overflowed() {
            return self.take_back(before);
        }
        Ok(())
    }

    #[cold]
    fn take_back(&mut self, before: usize) -> Result<(), Refused> {
        self.sink.stack.truncate(before);
        self.sink.clear_overflow();
        self.refused = true;
        Err(Refused)
    }

    /// A white large array was reached.
    fn meet_array<K: Keys>(
        &mut self,
        memory: &Memory,
        array: ObjectRef,
        info: &TypeInfo,
        keys: &mut K,
    ) -> Result<usize, Refused> {
        if self.array.is_none() {
            // SAFETY: reached by the marking, hence live.
            let header = unsafe { array.header() };
            header.store(header.load().replace(Colour::MASK, self.colour.bits()).with(Colour::BUSY));
            if K::WANTED && header.load().has(SIDE_ENTRY) {
                keys.report(array);
            }
            // SAFETY: as above, of this type.
            self.account(memory, unsafe { array.extent(info) });
            self.array = Some((array, 0));
        } else {
            let full = self.arrays.len() == self.arrays.capacity();
            if full && (crate::fault::refuse() || self.arrays.try_reserve(self.arrays.len().max(16)).is_err()) {
                self.refused = true;
                return Err(Refused);
            }
            self.arrays.push(array);
        }
        Ok(0)
    }

    /// Marks one object and all of its elements now: what the barrier does before an object's first write. False when
    /// the system refused memory for the stack; nothing has changed then.
    ///
    /// # Safety
    /// As for [`push`](Self::push), and no part of the object may be mutably borrowed.
    pub unsafe fn mark_completely(&mut self, memory: &Memory, object: ObjectRef) -> bool {
        self.refused = false;
        self.sink.clear_overflow();
        // SAFETY: live by the caller's promise.
        let header = unsafe { object.header() };
        let word = header.load();
        let white = !self.colour.is_on(word);
        let from = match self.array {
            _ if white => 0,
            Some((array, from)) if array == object => from,
            _ => return true,
        };
        // SAFETY: live, and not forwarded: objects do not move during a marking.
        let info = unsafe { word.type_info() };
        // SAFETY: live, of this type.
        let count = unsafe { object.count(info) } - from;
        if let Some(trace) = info.trace() {
            let first = object.payload().as_ptr().wrapping_add(from * info.element_bytes());
            if self.report(trace, first, count).is_err() {
                return false;
            }
        }
        if white {
            // SAFETY: live, of this type.
            self.account(memory, unsafe { object.extent(info) });
        } else {
            self.array = None;
        }
        header.store(word.replace(Colour::MASK | Colour::BUSY, self.colour.bits()));
        true
    }

    /// Scans one piece of a large array and returns its bytes. `None` when there is no array.
    #[cold]
    fn scan_piece<K: Keys>(&mut self, memory: &Memory, keys: &mut K) -> Option<Result<usize, Refused>> {
        let (array, from) = loop {
            if let Some(busy) = self.array {
                break busy;
            }
            let array = self.arrays.pop()?;
            // SAFETY: reached by the marking, hence live; not forwarded.
            let (word, info) = unsafe { (array.header().load(), array.header().load().type_info()) };
            if !self.colour.is_on(word) {
                // There is no busy array, so this makes it one and needs no memory.
                let _ = self.meet_array(memory, array, info, keys);
            }
        };
        // SAFETY: as above; the busy array is alive and marked.
        let (header, info) = unsafe { (array.header(), array.header().load().type_info()) };
        // SAFETY: as above.
        let len = unsafe { array.count(info) };
        let count = PIECE.min(len - from);
        if let Some(trace) = info.trace() {
            let first = array.payload().as_ptr().wrapping_add(from * info.element_bytes());
            if let Err(refused) = self.report(trace, first, count) {
                return Some(Err(refused));
            }
        }
        if from + count == len {
            self.array = None;
            header.store(header.load().without(Colour::BUSY));
        } else {
            self.array = Some((array, from + count));
        }
        Some(Ok(count * info.element_bytes()))
    }

    /// The closure of what was marked, once the marking is complete.
    pub fn closure<'m>(&'m mut self, memory: &'m Memory) -> Tracing<'m> {
        Tracing { marker: self, memory }
    }

    #[inline]
    fn account(&mut self, memory: &Memory, extent: Range<usize>) -> usize {
        let bytes = extent.end - extent.start;
        self.objects += 1;
        self.bytes += bytes as u64;
        if bytes <= self.plain_bytes {
            memory.lines.mark(extent.start, extent.end, self.stamp);
        } else {
            self.account_rare(memory, extent);
        }
        bytes
    }

    /// A large object, or any in an exact marking.
    #[inline(never)]
    fn account_rare(&self, memory: &Memory, extent: Range<usize>) {
        if extent.len() > MEDIUM_FOOTPRINT_MAX {
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
