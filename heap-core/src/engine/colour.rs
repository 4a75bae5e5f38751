//! Mark colours: which objects the present marking has reached, without ever clearing a mark.
//!
//! Three colours rotate. An object that does not have the colour of the present marking is white, whichever of the other
//! two it has. Two would do, were it not for markings that are given up half-way: they leave objects of two colours
//! behind, all alive, and the next marking needs a third.

use crate::object::{COLLECTOR_SHIFT, HeaderWord};

/// One of three mark colours: its header bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour(usize);

impl Colour {
    /// The header bits that hold the colour.
    pub const MASK: usize = 0b11 << COLLECTOR_SHIFT;
    /// Set in the header of a large array that was claimed and of which not all cards are scanned.
    pub const BUSY: usize = 1 << (COLLECTOR_SHIFT + 2);
    /// The colour of objects before the first marking.
    pub const FIRST: Colour = Colour(0);

    /// The header bits of this colour.
    #[inline]
    pub fn bits(self) -> usize {
        self.0
    }

    /// The colour of the next marking.
    #[must_use]
    pub fn next(self) -> Colour {
        let last = 2 << COLLECTOR_SHIFT;
        Colour(if self.0 == last { 0 } else { self.0 + (1 << COLLECTOR_SHIFT) })
    }

    /// True when the header has this colour.
    #[inline]
    pub fn is_on(self, word: HeaderWord) -> bool {
        word.bits() & Self::MASK == self.bits()
    }
}
