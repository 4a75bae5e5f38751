//! The remembered set: old objects, and parts of large arrays, that may point at young objects.
//!
//! It is a list of objects, not of slots. An old object is *clean* (its `UNLOGGED` bit is set) until its first write
//! since the last collection; the barrier then clears the bit and lists the object, so every object is listed once,
//! however often it is written. A minor collection visits the slots of every listed object, and cleans it again.
//!
//! **Large arrays have cards** ([`Cards`]). Visiting ten million references because one was written takes longer than
//! everything else that a minor collection does. So the header of such an array keeps saying "clean" after a write,
//! every write is reported, and what is listed is the *dirty* card. An array of which most is written becomes unclean
//! as a whole until the next minor collection ([`CardBudget`]).
//!
//! Objects that are born old (large ones, and small ones when the nursery's address space is exhausted) may be
//! initialised with young pointers without a barrier, so they are born unclean and listed at birth (rule R10).

use core::ops::Range;

use heap_core::AllocError;
use heap_core::collector::memory::LineTable;
use heap_core::collector::object::{CARDED, PERMANENT, UNLOGGED};
use heap_core::collector::{AllocRequest, CardBudget, Cards, HeapCore, Object, ObjectRef, ObjectSet};

use crate::epoch::Epoch;

/// Arrays of this many bytes and more use their cards. Below, visiting all of it takes a few microseconds.
const CARDED_FROM: usize = 128 << 10;

/// The state of a dirty card. The others are blank.
const DIRTY: u8 = 1;

/// So many writes to the card that was written last count as one to another card. A write that is reported takes about
/// 8 nanoseconds, and a card's 32 references as long as three such writes; so a card may be written about as often as
/// its visit takes. (When each write counted, an array of 10 million references that was filled from front to back was
/// visited as a whole in every minor collection, and these took between 2.6 and 4.9 times as long.)
const REPEATS: usize = 8;

/// A dirty card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    array: ObjectRef,
    card: usize,
}

/// A remembered object.
fn remembered<'a>(object: ObjectRef) -> Object<'a> {
    // SAFETY: what is remembered was alive when it was listed, and old, unless an abandoned promotion has left it clean
    // and young: then it is forgotten before a collection moves what is young. Nothing old dies before the next full
    // collection, which begins with an empty list, and the list is looked at in pauses only.
    unsafe { Object::at(object) }
}

/// Everything old that is not clean.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    objects: Vec<ObjectRef>,
    cards: Vec<Card>,
    budget: CardBudget,
    /// The cards that were written last.
    latest: Range<usize>,
    /// Writes to these again.
    repeated: usize,
}

impl Remembered {
    /// Bytes of the lists.
    pub(crate) fn side_bytes(&self) -> usize {
        self.objects.capacity() * size_of::<ObjectRef>()
            + self.cards.capacity() * size_of::<Card>()
            + self.budget.side_bytes()
    }

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
    pub(crate) fn log(&mut self, core: &mut HeapCore, now: Epoch, object: Object<'_>, range: Range<usize>) {
        // What is seldom the case, tested at once.
        if object.word().bits() & (CARDED | PERMANENT) == 0 {
            self.log_whole(object);
        } else {
            self.log_rare(core, now, object, range);
        }
    }

    /// Remembers an array with cards, or a permanent object that was not written so far.
    #[inline(never)]
    fn log_rare(&mut self, core: &mut HeapCore, now: Epoch, mut object: Object<'_>, range: Range<usize>) {
        if object.word().has(PERMANENT) {
            object = core.permanent.thaw(object, now.bits());
        }
        if !object.word().has(CARDED) || !self.log_cards(&core.memory.lines, object, range) {
            self.log_whole(object);
        }
    }

    #[inline(always)]
    fn log_whole(&mut self, object: Object<'_>) {
        self.reserve().unwrap_or_else(refused);
        object.header().store(object.word().without(UNLOGGED));
        self.add(object.reference());
    }

    /// Remembers the cards that the range touches; false when the array should rather be remembered as a whole.
    fn log_cards(&mut self, lines: &LineTable, array: Object<'_>, range: Range<usize>) -> bool {
        let cards = Cards::of(lines, array);
        let touched = cards.touched(range);
        let counted = if touched == self.latest {
            self.repeated += 1;
            usize::from(self.repeated.is_multiple_of(REPEATS))
        } else {
            self.latest = touched.clone();
            touched.len()
        };
        if !self.budget.spend(&cards, counted).is_empty() {
            return false;
        }
        self.cards.try_reserve(touched.len()).map_err(|_| AllocError::REFUSED).unwrap_or_else(refused);
        for card in touched {
            if cards.state(card) != DIRTY {
                cards.set_state(card..card + 1, DIRTY);
                self.cards.push(Card { array: array.reference(), card });
            }
        }
        true
    }

    /// The objects that are remembered as a whole, each once.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        self.objects.iter().map(|&object| remembered(object))
    }

    /// The dirty cards, with their arrays, which may be remembered as a whole besides.
    pub(crate) fn cards(&self) -> impl Iterator<Item = (Object<'_>, Card)> {
        self.cards.iter().map(|&card| (remembered(card.array), card))
    }

    /// Takes objects off the list without cleaning them.
    pub(crate) fn forget(&mut self, which: impl Fn(ObjectRef) -> bool) {
        self.objects.retain(|&object| !which(object));
    }

    /// Cleans everything and empties the lists: their writes will be reported again. What they lead to is old.
    pub(crate) fn clean(&mut self, lines: &LineTable) {
        for object in self.objects.drain(..).map(remembered) {
            let word = object.word();
            if word.has(CARDED) && object.info().trace().is_none() {
                // It will never hold a pointer: without cards it would be reported once, with them at every write.
                continue;
            }
            object.header().store(word.with(UNLOGGED));
        }
        for Card { card, .. } in self.cards.drain(..) {
            lines.set_range(card..card + 1, 0);
        }
        self.budget.reset();
        self.latest = 0..0;
    }

    /// The objects that are listed as a whole, for the verifier.
    pub(crate) fn listed(&self) -> ObjectSet {
        self.objects.iter().copied().collect()
    }

    /// How many objects and cards are listed.
    pub(crate) fn len(&self) -> usize {
        self.objects.len() + self.cards.len()
    }
}

impl Card {
    /// The elements of the card; `array` is its array.
    pub(crate) fn elements(self, lines: &LineTable, array: Object<'_>) -> Range<usize> {
        Cards::of(lines, array).elements(self.card..self.card + 1)
    }
}

/// Whether an object that is born large uses cards: slices do, if there is anything to win.
pub(crate) fn has_cards(request: AllocRequest) -> bool {
    request.prefix == heap_core::collector::object::SLICE_PREFIX_BYTES && request.bytes >= CARDED_FROM
}

/// Whether the card of the element at these bytes of the payload is dirty, for the verifier.
pub(crate) fn is_dirty(lines: &LineTable, array: Object<'_>, bytes: Range<usize>) -> bool {
    let cards = Cards::of(lines, array);
    cards.touched(bytes).any(|card| cards.state(card) == DIRTY)
}

#[cold]
fn refused<T>(error: AllocError) -> T {
    panic!("the write barrier cannot remember an object: {error}")
}
