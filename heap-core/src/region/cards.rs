//! Cards: the parts of a large array.
//!
//! A barrier speaks of an object. When the object is an array of ten million references, one store would make a collector
//! look at all of them: scan them before they change, copy what they were, or visit them because one of them may lead to
//! a young object. So a slice with blocks of its own has *cards*, 256 bytes each, and a collector keeps for every card what it
//! otherwise keeps for an object: scanned, logged, dirty. Its header goes on saying that writes are interesting, every
//! write is reported with the bytes that it touches, and costs one card at most (rules R8, R35).
//!
//! *Where the state is.* Every 256 bytes of the heap have a byte of metadata, their line's, which says what lives there. An
//! object with blocks of its own needs none of them, so they are its cards' state, and what they mean is the
//! collector's business; zero when the array is born. The header says [`CARDED`].
//!
//! *Which elements belong to a card:* those that begin in it. So every element belongs to one card, however elements and
//! cards are aligned, and a write belongs to the cards of the elements that it touches. Were it all elements that overlap
//! the card, one between two cards would be scanned twice: harmless for a marking, wrong for counts, and a data race for
//! a marker on another thread.
//!
//! *When most of an array is written*, reporting every write costs more than it saves: see [`CardBudget`]. What opens all of
//! an array at once (a writable view of a whole slice) costs in proportion to it, once in each cycle.
//!
//! *Why not for slices in shared blocks?* Their lines have other neighbours, and they have 16 KiB at the most.

use core::ops::Range;
use core::sync::atomic::Ordering;
use std::collections::HashMap;

use crate::memory::{LINE_BYTES, LineTable};
use crate::object::{AllocRequest, CARDED, EdgeSink, Object, ObjectRef, SLICE_PREFIX_BYTES};

/// An array may be written through the barrier's slow path as often as it has cards, divided by this.
const WRITES_PER_CARDS: usize = 4;

/// The header bits of an object that is being born large: [`CARDED`] for slices. Their cards are made blank.
pub(crate) fn birth(lines: &LineTable, payload: usize, request: AllocRequest) -> usize {
    if request.prefix != SLICE_PREFIX_BYTES {
        return 0;
    }
    let bytes = request.bytes - request.prefix;
    lines.set_range(lines.line_of(payload)..lines.line_of(payload + bytes - 1) + 1, 0);
    CARDED
}

/// A large array, as its cards see it. A card is named by the heap-wide number of its line.
#[derive(Clone, Copy)]
pub struct Cards<'a> {
    lines: &'a LineTable,
    array: Object<'a>,
    element_bytes: usize,
    count: usize,
}

impl<'a> Cards<'a> {
    /// The cards of an array, which must be [`CARDED`].
    #[inline]
    pub fn of(lines: &'a LineTable, array: Object<'a>) -> Self {
        debug_assert!(array.word().has(CARDED) && array.info().element_bytes() > 0);
        Cards { lines, array, element_bytes: array.info().element_bytes(), count: array.count() }
    }

    /// All cards.
    #[inline]
    pub fn all(&self) -> Range<usize> {
        self.touched(0..self.element_bytes * self.count)
    }

    /// The cards of the elements that these bytes of the payload touch.
    #[inline]
    pub fn touched(&self, bytes: Range<usize>) -> Range<usize> {
        if bytes.is_empty() {
            return 0..0;
        }
        let card_of = |byte: usize| {
            let element = byte / self.element_bytes;
            self.lines.line_of(self.array.reference().address() + element * self.element_bytes)
        };
        card_of(bytes.start)..card_of(bytes.end - 1) + 1
    }

    /// The elements of some cards. There may be none where elements are larger than a card.
    #[inline]
    pub fn elements(&self, cards: Range<usize>) -> Range<usize> {
        // Where a card begins, seen from the payload; the first one may begin in front of it.
        let begin = |card: usize| {
            let offset = self.lines.address_of(card).saturating_sub(self.array.reference().address());
            offset.div_ceil(self.element_bytes).min(self.count)
        };
        begin(cards.start)..begin(cards.end)
    }

    /// Reports the edges of some cards, as [`Object::trace`] does.
    #[inline]
    pub fn trace(&self, cards: Range<usize>, sink: &mut EdgeSink) -> bool {
        self.array.trace_elements(self.elements(cards), sink)
    }

    /// A card's state.
    #[inline]
    pub fn state(&self, card: usize) -> u8 {
        self.lines.table().entry(card).load(Ordering::Relaxed)
    }

    /// Changes the state of some cards.
    #[inline]
    pub fn set_state(&self, cards: Range<usize>, state: u8) {
        self.lines.set_range(cards, state);
    }

    /// The maximal runs among some cards that are not in this state.
    pub fn runs_without(&self, state: u8, cards: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let this = *self;
        let Range { start: mut at, end } = cards;
        core::iter::from_fn(move || {
            let start = (at..end).find(|&card| this.state(card) != state)?;
            let stop = (start..end).find(|&card| this.state(card) == state).unwrap_or(end);
            at = stop;
            Some(start..stop)
        })
    }
}

/// How often writes to arrays were reported.
///
/// An array with as many reported writes as a quarter of its cards is better treated as a whole until the next collection:
/// then its writes are free and all of it is looked at, which costs at most four times what the cards would.
#[derive(Debug, Default)]
pub struct CardBudget {
    /// The array that was written last, and the cards that its writes touched, one card as often as it was.
    latest: Option<(ObjectRef, usize)>,
    /// The same for the others.
    others: HashMap<ObjectRef, usize>,
}

impl CardBudget {
    /// A write to `touched` cards of the array is reported. Returns which of the touches beyond the budget these are, the
    /// first being number 0; an empty range while there is budget left.
    #[inline]
    pub fn spend(&mut self, cards: &Cards<'_>, touched: usize) -> Range<usize> {
        let spent = match self.latest {
            Some((latest, spent)) if latest == cards.array.reference() => spent,
            _ => self.switch_to(cards.array.reference()),
        };
        self.latest = Some((cards.array.reference(), spent.saturating_add(touched)));
        let budget = cards.element_bytes * cards.count / LINE_BYTES / WRITES_PER_CARDS;
        spent.saturating_sub(budget)..spent.saturating_add(touched).saturating_sub(budget)
    }

    #[cold]
    fn switch_to(&mut self, array: ObjectRef) -> usize {
        if let Some((other, spent)) = self.latest {
            self.others.insert(other, spent);
        }
        self.others.get(&array).copied().unwrap_or(0)
    }

    /// Bytes of the table.
    pub fn side_bytes(&self) -> usize {
        self.others.capacity() * (size_of::<(ObjectRef, usize)>() + 1)
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.latest = None;
        self.others.clear();
    }
}
