//! Mark colours: which objects the present marking has reached, without ever clearing a mark.
//!
//! Three colours rotate. An object that does not have the colour of the present marking is white, whichever of the other
//! two it has. Two would do, were it not for markings that are given up half-way: they leave objects of two colours
//! behind, all alive, and the next marking needs a third.
//!
//! Each colour is a bit, and an object that was reached has one of them. A [permanent](crate::collector::Permanent)
//! object has all three: every marking finds that it was reached already, by the test that it makes of any object.

use crate::object::{COLLECTOR_SHIFT, HeaderWord};

/// One of three mark colours: its header bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour(usize);

impl Colour {
    /// The header bits of all colours: what a permanent object has.
    pub const MASK: usize = 0b111 << COLLECTOR_SHIFT;
    /// Set in the header of a large array that was claimed and of which not all cards are scanned.
    pub const BUSY: usize = 1 << (COLLECTOR_SHIFT + 3);
    /// The colour of objects before the first marking.
    pub const FIRST: Colour = Colour(1 << COLLECTOR_SHIFT);

    /// The header bit of this colour.
    #[inline]
    pub fn bits(self) -> usize {
        self.0
    }

    /// The colour of the next marking.
    #[must_use]
    pub fn next(self) -> Colour {
        let next = self.0 << 1;
        if next & Self::MASK == 0 { Self::FIRST } else { Colour(next) }
    }

    /// True when the header has this colour.
    #[inline]
    pub fn is_on(self, word: HeaderWord) -> bool {
        word.bits() & self.0 != 0
    }
}
