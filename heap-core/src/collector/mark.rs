//! The marking loop that tracing collectors share.
//!
//! Depth-first over an explicit stack, with a small queue between popping an object and looking at it, so that its
//! header is on the way from memory when it is needed (Cher, Hosking and Vitek, 2004). An object is claimed when it is
//! scanned, not when it is pushed: the barrier may then scan an object that waits on the stack without asking whether it
//! does, and duplicates on the stack cost one header load each.
//!
//! Marking an object does three things: it puts the marking's colour into the header, stamps the lines that the object
//! overlaps, and adds it to the census. Colours rotate instead of being cleared: an object that does not have the colour
//! of the present marking is white, whichever of the other two it has. Objects are born in the present colour, that is,
//! alive until the next marking begins. If a marking has to be abandoned because the system refuses memory for the
//! stack, the next one simply uses the third colour.
//!
//! Large arrays are scanned in pieces, so that increments stay short and the stack small. While pieces are left, the
//! array is `BUSY`: the write barrier must have the rest scanned before the array changes.

use super::memory::{MEDIUM_FOOTPRINT_MAX, Memory};
use super::object::{COLLECTOR_SHIFT, HEADER_BYTES, HeaderWord, ObjectRef};
use super::type_info::TypeInfo;
use crate::trace::EdgeSink;

/// One of three mark colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour(u8);

impl Colour {
    /// The header bits that hold the colour.
    pub const MASK: usize = 0b11 << COLLECTOR_SHIFT;
    /// Set in the header of a large array that was claimed and is not completely scanned.
    pub const BUSY: usize = 1 << (COLLECTOR_SHIFT + 2);
    /// The colour of objects before the first marking.
    pub const FIRST: Colour = Colour(0);

    /// The header bits of this colour.
    #[inline]
    pub fn bits(self) -> usize {
        (self.0 as usize) << COLLECTOR_SHIFT
    }

    /// The colour of the next marking.
    #[must_use]
    pub fn next(self) -> Colour {
        Colour((self.0 + 1) % 3)
    }

    /// True when the header has this colour.
    #[inline]
    pub fn is_on(self, word: HeaderWord) -> bool {
        word.bits() & Self::MASK == self.bits()
    }
}

/// Elements of a large array that are scanned in one piece: 8 KiB of pointers.
const PIECE: usize = 1024;

/// How many objects wait between being popped and being looked at.
const AHEAD: usize = 8;

/// A marking in progress.
pub struct Marker {
    sink: EdgeSink,
    arrays: Vec<(ObjectRef, usize)>,
    colour: Colour,
    stamp: u8,
    objects: u64,
    bytes: u64,
}

impl Default for Marker {
    fn default() -> Self {
        Marker {
            sink: EdgeSink::everything(),
            arrays: Vec::new(),
            colour: Colour::FIRST,
            stamp: 0,
            objects: 0,
            bytes: 0,
        }
    }
}

impl Marker {
    /// Starts a marking in `colour`; reached lines get `stamp`.
    pub fn begin(&mut self, colour: Colour, stamp: u8) {
        self.sink.stack.clear();
        self.sink.clear_overflow();
        self.arrays.clear();
        self.colour = colour;
        self.stamp = stamp;
        self.objects = 0;
        self.bytes = 0;
    }

    /// Adds an object to be marked.
    #[inline]
    pub fn push(&mut self, object: ObjectRef) {
        self.sink.push(object);
    }

    /// Objects marked so far.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Bytes of the objects marked so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True when the system refused memory for the stack: edges were lost, and the marking must be abandoned.
    pub fn overflowed(&self) -> bool {
        self.sink.overflowed()
    }

    /// Bytes of memory that the stack holds.
    pub fn stack_bytes(&self) -> usize {
        self.sink.stack.capacity() * size_of::<ObjectRef>()
    }

    /// Gives the stack's memory back, down to `keep` entries.
    pub fn shrink(&mut self, keep: usize) {
        self.sink.stack.shrink_to(keep);
    }

    /// Marks until nothing is left or about `budget` bytes of objects were looked at. True when nothing is left.
    pub fn drain(&mut self, memory: &Memory, budget: usize) -> bool {
        let mut ahead = [None; AHEAD];
        let mut at = 0;
        let mut waiting = 0;
        let stop = self.bytes.saturating_add(budget as u64);
        loop {
            let next = self.sink.stack.pop();
            if let Some(object) = next {
                prefetch(object);
                waiting += 1;
            } else if waiting == 0 {
                if !self.scan_piece() {
                    return true;
                }
                continue;
            }
            let object = core::mem::replace(&mut ahead[at], next);
            at = (at + 1) % AHEAD;
            if let Some(object) = object {
                waiting -= 1;
                self.mark(memory, object);
                if self.bytes >= stop {
                    break;
                }
            }
        }
        for object in ahead.into_iter().flatten() {
            self.sink.push(object);
        }
        self.sink.stack.is_empty() && self.arrays.is_empty()
    }

    /// Marks one object if it is white: claims it and reports its edges. Large arrays are left busy.
    #[inline]
    fn mark(&mut self, memory: &Memory, object: ObjectRef) {
        // SAFETY: everything on the stack was reported by a live object or is a root, and nothing is reclaimed or moved
        // while a marking is in progress.
        let header = unsafe { object.header() };
        let word = header.load();
        if self.colour.is_on(word) {
            return;
        }
        // SAFETY: headers of objects reached by a marking are not forwarded.
        let info = unsafe { word.type_info() };
        // SAFETY: live, of this type.
        let count = unsafe { object.count(info) };
        let mut word = word.replace(Colour::MASK, self.colour.bits());
        self.account(memory, object, info);
        match info.trace() {
            Some(_) if count > PIECE => {
                word = word.with(Colour::BUSY);
                self.arrays.push((object, 0));
            }
            // SAFETY: `count` live elements; the program is stopped, or is about to write for the first time.
            Some(trace) => unsafe { trace(object.payload().as_ptr(), count, &mut self.sink) },
            None => {}
        }
        header.store(word);
    }

    /// Marks one object and all of its elements now: what the barrier does before an object's first write.
    pub fn mark_completely(&mut self, memory: &Memory, object: ObjectRef) {
        self.mark(memory, object);
        // SAFETY: the barrier is given live objects.
        let header = unsafe { object.header() };
        if header.load().has(Colour::BUSY) {
            let position = self.arrays.iter().position(|&(array, _)| array == object);
            let (_, from) = self.arrays.swap_remove(position.expect("a busy array is listed"));
            self.scan_elements(object, from, usize::MAX);
            header.store(header.load().without(Colour::BUSY));
        }
    }

    /// Scans one piece of the last large array. False when there is none.
    fn scan_piece(&mut self) -> bool {
        let Some(&mut (array, ref mut next)) = self.arrays.last_mut() else { return false };
        let from = *next;
        *next += PIECE;
        if self.scan_elements(array, from, PIECE) {
            self.arrays.pop();
            // SAFETY: the array was marked in this marking, so it is alive.
            let header = unsafe { array.header() };
            header.store(header.load().without(Colour::BUSY));
        }
        true
    }

    /// Scans up to `most` elements from index `from`. True when the end was reached.
    fn scan_elements(&mut self, array: ObjectRef, from: usize, most: usize) -> bool {
        // SAFETY: arrays on the list are alive and marked; their headers name their types.
        let info = unsafe { array.header().load().type_info() };
        // SAFETY: as above.
        let len = unsafe { array.count(info) };
        let count = most.min(len - from);
        if let Some(trace) = info.trace() {
            // SAFETY: the elements `from .. from + count` exist and are live.
            unsafe { trace(array.payload().as_ptr().add(from * info.element_bytes()), count, &mut self.sink) };
        }
        from + count == len
    }

    #[inline]
    fn account(&mut self, memory: &Memory, object: ObjectRef, info: &TypeInfo) {
        // SAFETY: live, of this type.
        let extent = unsafe { object.extent(info) };
        let bytes = extent.end - extent.start;
        self.objects += 1;
        self.bytes += bytes as u64;
        if bytes <= MEDIUM_FOOTPRINT_MAX {
            memory.lines.mark(extent.start, extent.end, self.stamp);
        }
    }
}

/// Starts loading an object's header into the cache.
#[inline(always)]
pub fn prefetch(object: ObjectRef) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let header = object.payload().as_ptr().wrapping_byte_sub(HEADER_BYTES);
        // SAFETY: a prefetch may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(header.cast::<i8>()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (object, HEADER_BYTES);
}
