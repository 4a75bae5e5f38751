//! The remembered set: old objects, and parts of large arrays, that may point at young objects.
//!
//! It is a list of objects, not of slots. An old object is *clean* (its `UNLOGGED` bit is set) until its first write
//! since the last collection; the barrier then clears the bit and lists the object, so every object is listed once,
//! however often it is written. A minor collection visits the slots of every listed object, and cleans it again.
//!
//! **Large arrays have cards.** Visiting ten million references because one was written takes longer than everything else
//! that a minor collection does. So the header of such an array keeps saying "clean" after a write, every write is
//! reported with its byte range, and what is listed is the *card*: 256 bytes of the array. A card is dirty when its byte
//! in the heap's line table says so. Objects with blocks of their own need no lines, so their line bytes are free for it
//! (rule R8).
//!
//! *When most of an array is written*, reporting every write costs more than it saves. An array whose writes were
//! reported as often as a quarter of its cards, or to which a quarter may be written at once (a writable view of the
//! whole slice), becomes unclean as a whole until the next minor collection: then its writes are free and all of it is
//! visited, which costs at most four times what the cards would.
//!
//! Objects that are born old (large ones, and small ones when the nursery's address space is exhausted) may be
//! initialised with young pointers without a barrier, so they are born unclean and listed at birth (rule R10).

use core::ops::Range;
use core::sync::atomic::Ordering;
use std::collections::HashMap;

use heap_core::AllocError;
use heap_core::collector::memory::{LINE_BYTES, LineTable};
use heap_core::collector::object::{CARDED, UNLOGGED};
use heap_core::collector::{AllocRequest, Object, ObjectRef, TypeInfo};

/// Arrays of this many bytes and more have cards. Below, visiting all of it takes a few microseconds.
pub(crate) const CARDED_FROM: usize = 128 << 10;

/// The line byte of a dirty card.
const DIRTY: u8 = 1;

/// An array may be written through the barrier's slow path as often as it has cards, divided by this.
const WRITES_PER_CARDS: usize = 4;

/// A dirty card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    pub(crate) array: ObjectRef,
    /// The card's heap-wide line number.
    line: usize,
}

/// Everything old that is not clean.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    objects: Vec<ObjectRef>,
    cards: Vec<Card>,
    /// The array that was written last, and how many more of its writes may be reported.
    latest: Option<(ObjectRef, usize)>,
    /// The same for the others of which a card is dirty.
    others: HashMap<ObjectRef, usize>,
}

impl Remembered {
    /// Makes sure that the next [`add`](Self::add) succeeds.
    pub(crate) fn reserve(&mut self) -> Result<(), AllocError> {
        self.objects.try_reserve(1).map_err(|_| AllocError::REFUSED)
    }

    /// Lists an object that was born unclean.
    pub(crate) fn add(&mut self, object: ObjectRef) {
        self.objects.push(object);
    }

    /// A write to a clean object, in `range` of its payload, is about to happen: remembers it.
    ///
    /// # Panics
    /// When the system refuses memory for the list. The object has not been written to then.
    ///
    /// # Safety
    /// The object is live, and the range inside its payload.
    pub(crate) unsafe fn log(&mut self, lines: &LineTable, object: ObjectRef, range: Range<usize>) {
        // SAFETY: the caller's promise.
        let header = unsafe { object.header() };
        let word = header.load();
        // SAFETY: the caller's promise.
        if word.has(CARDED) && unsafe { self.log_cards(lines, object, word.type_info(), range) } {
            return;
        }
        self.reserve().unwrap_or_else(refused);
        header.store(word.without(UNLOGGED));
        self.add(object);
    }

    /// Remembers the cards that the range touches; false when the array should rather be remembered as a whole.
    ///
    /// # Safety
    /// The array is live, has cards, is of this type, and the range is inside its payload.
    unsafe fn log_cards(&mut self, lines: &LineTable, array: ObjectRef, info: &TypeInfo, range: Range<usize>) -> bool {
        let left = match self.latest {
            Some((latest, left)) if latest == array => left,
            // SAFETY: the caller's promise.
            _ => unsafe { self.switch_to(array, info) },
        };
        let touched = range.len() / LINE_BYTES;
        if left <= touched {
            return false;
        }
        self.latest = Some((array, left - touched - 1));
        if range.is_empty() {
            return true;
        }
        let first = lines.line_of(array.address() + range.start);
        let last = lines.line_of(array.address() + range.end - 1);
        self.cards.try_reserve(last - first + 1).map_err(|_| AllocError::REFUSED).unwrap_or_else(refused);
        for line in first..=last {
            let byte = lines.table().entry(line);
            if byte.load(Ordering::Relaxed) != DIRTY {
                byte.store(DIRTY, Ordering::Relaxed);
                self.cards.push(Card { array, line });
            }
        }
        true
    }

    /// Makes `array` the one that was written last. Returns how many more of its writes may be reported.
    ///
    /// # Safety
    /// The array is live and of this type.
    #[cold]
    unsafe fn switch_to(&mut self, array: ObjectRef, info: &TypeInfo) -> usize {
        if let Some((other, left)) = self.latest {
            self.others.insert(other, left);
        }
        // SAFETY: the caller's promise.
        let all = || unsafe { array.size(info) } / LINE_BYTES / WRITES_PER_CARDS;
        let left = self.others.get(&array).copied().unwrap_or_else(all);
        self.latest = Some((array, left));
        left
    }

    /// The objects that are remembered as a whole.
    pub(crate) fn objects(&self) -> &[ObjectRef] {
        &self.objects
    }

    /// The dirty cards, of arrays that may be remembered as a whole besides.
    pub(crate) fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// Takes objects off the list without cleaning them.
    pub(crate) fn forget(&mut self, which: impl Fn(ObjectRef) -> bool) {
        self.objects.retain(|&object| !which(object));
    }

    /// Cleans everything and empties the lists: their writes will be reported again.
    ///
    /// # Safety
    /// All that is remembered must still have its header, and hold no young pointer.
    pub(crate) unsafe fn clean(&mut self, lines: &LineTable) {
        for object in self.objects.drain(..) {
            // SAFETY: the caller's promise.
            let header = unsafe { object.header() };
            let word = header.load();
            // SAFETY: as above; nothing old is forwarded.
            if word.has(CARDED) && unsafe { word.type_info() }.trace().is_none() {
                // It will never hold a pointer: without cards it would be reported once, with them at every write.
                continue;
            }
            header.store(word.with(UNLOGGED));
        }
        for card in self.cards.drain(..) {
            lines.table().entry(card.line).store(0, Ordering::Relaxed);
        }
        self.latest = None;
        self.others.clear();
    }

    /// Whether an object is listed. Slow: for the verifier.
    pub(crate) fn contains(&self, object: ObjectRef) -> bool {
        self.objects.contains(&object)
    }

    /// How many objects and cards are listed.
    pub(crate) fn len(&self) -> usize {
        self.objects.len() + self.cards.len()
    }
}

impl Card {
    /// The elements of the card's array that overlap the card.
    pub(crate) fn elements(self, lines: &LineTable, array: Object<'_>) -> Range<usize> {
        let (payload, bytes) = (array.reference().address(), array.info().element_bytes());
        // The card's first byte, seen from the payload; the first card may begin in front of it.
        let start = lines.address_of(self.line).saturating_sub(payload);
        let end = lines.address_of(self.line + 1).saturating_sub(payload);
        start / bytes..end.div_ceil(bytes).min(array.count())
    }
}

/// Whether an object that is born large gets cards: slices do, if there is anything to win.
pub(crate) fn has_cards(request: AllocRequest) -> bool {
    request.prefix == heap_core::collector::object::SLICE_PREFIX_BYTES && request.bytes >= CARDED_FROM
}

/// Prepares the line bytes of an array that is being born. Whatever lay there before left its own.
pub(crate) fn prepare_cards(lines: &LineTable, payload: usize, bytes: usize) {
    lines.set_range(lines.line_of(payload)..(lines.line_of(payload + bytes - 1) + 1), 0);
}

/// Whether any card that overlaps these bytes is dirty, for the verifier.
pub(crate) fn is_dirty(lines: &LineTable, bytes: Range<usize>) -> bool {
    (lines.line_of(bytes.start)..=lines.line_of(bytes.end - 1))
        .any(|line| lines.table().entry(line).load(Ordering::Relaxed) == DIRTY)
}

#[cold]
fn refused<T>(error: AllocError) -> T {
    panic!("the write barrier cannot remember an object: {error}")
}
