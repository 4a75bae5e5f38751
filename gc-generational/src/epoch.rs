//! Epochs: which marking or promotion saw an object last.
//!
//! The collector's fourteen header bits hold the number of the last tracing that reached the object. A tracing that
//! completes leaves every live object with its number, so an object with another number is dead. Young objects have the
//! number zero, which no tracing has.
//!
//! *Why not the three colours that the shared marker rotates.* A tracing that is abandoned, because the system refused
//! memory for its stack, leaves some objects with its number. The next must use a number that no live object has. With
//! three colours the second abandoned tracing in a row leaves none; with 16383 numbers the program survives as many
//! refusals in a row, less two. After that survivors are only copied, and a full collection is begun only when the memory for
//! the largest stack that it could need is there in advance: it takes the last number, completes, and all others are free
//! again.
//!
//! Lines have stamps for the same purpose, but there a stamp too many only keeps a line too long. So an abandoned
//! marking keeps its stamp for the next one, and until one completes, lines with either stamp are alive.

use heap_core::collector::object::{COLLECTOR_BITS, COLLECTOR_SHIFT};
use heap_core::collector::{HeaderWord, LinePolicy, Noted};

/// The header bits that hold the epoch.
const MASK: usize = COLLECTOR_BITS;
/// The largest number.
const LAST: u16 = (COLLECTOR_BITS >> COLLECTOR_SHIFT) as u16;

/// The number of a tracing, as header bits. Never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Epoch(u16);

impl Epoch {
    /// The state bits of this epoch.
    #[inline]
    pub(crate) fn bits(self) -> usize {
        (self.0 as usize) << COLLECTOR_SHIFT
    }

    /// Whether the tracing reached the object with this header.
    #[inline]
    pub(crate) fn is_on(self, word: HeaderWord) -> bool {
        word.bits() & MASK == self.bits()
    }

    /// The header with this epoch.
    #[inline]
    pub(crate) fn put_on(self, word: HeaderWord) -> HeaderWord {
        word.replace(MASK, self.bits())
    }

    fn next(self) -> Epoch {
        Epoch(if self.0 == LAST { 1 } else { self.0 + 1 })
    }
}

/// Epochs and stamps in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epochs {
    /// The oldest epoch that a live old object can have.
    oldest: Epoch,
    /// What promoted objects get.
    now: Epoch,
    last_stamp: u8,
    stamp: u8,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Epochs { oldest: Epoch(1), now: Epoch(1), last_stamp: 1, stamp: 1 }
    }

    /// The epoch of objects that become old now.
    #[inline]
    pub(crate) fn now(&self) -> Epoch {
        self.now
    }

    /// The stamp of lines that get objects now.
    #[inline]
    pub(crate) fn stamp(&self) -> u8 {
        self.stamp
    }

    /// What becomes of lines that are handed out.
    #[inline]
    pub(crate) fn policy(&self) -> LinePolicy {
        LinePolicy::Stamps { stamp: self.stamp, noted: Noted::Nowhere }
    }

    /// Whether a live old object may have this header.
    pub(crate) fn is_plausible(&self, word: HeaderWord) -> bool {
        let mut epoch = self.oldest;
        loop {
            if epoch.is_on(word) {
                return true;
            }
            if epoch == self.now {
                return false;
            }
            epoch = epoch.next();
        }
    }

    /// Whether nothing was abandoned since the last complete marking.
    pub(crate) fn are_settled(&self) -> bool {
        self.oldest == self.now
    }

    /// Whether a line with this stamp counts as live.
    pub(crate) fn is_live_stamp(&self, stamp: u8) -> bool {
        stamp == self.stamp || stamp == self.last_stamp
    }

    /// Whether a promotion in place may begin: it must be possible to move on if it is abandoned, and one epoch more is
    /// kept for the marking that makes all others free.
    pub(crate) fn can_promote(&self) -> bool {
        let mut ahead = *self;
        ahead.advance() && ahead.advance()
    }

    /// Moves on to an epoch that no live object has; false, and nothing changes, when there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let next = self.now.next();
        // One number stays unused, so that the range of numbers in use is never the whole circle.
        if next.next() == self.oldest {
            return false;
        }
        self.now = next;
        true
    }

    /// Begins a marking of everything, in a fresh epoch and with a stamp of its own. False when no epoch is left.
    pub(crate) fn begin_marking(&mut self) -> bool {
        let advanced = self.advance();
        if advanced {
            self.change_stamp();
        }
        advanced
    }

    /// Begins a marking in the very last epoch: one that will not be abandoned, because nothing can follow it before it is
    /// complete. False when even that is taken.
    pub(crate) fn begin_last_marking(&mut self) -> bool {
        let next = self.now.next();
        if next == self.oldest {
            return false;
        }
        self.now = next;
        self.change_stamp();
        true
    }

    fn change_stamp(&mut self) {
        if self.stamp == self.last_stamp {
            self.stamp = if self.stamp == u8::MAX { 1 } else { self.stamp + 1 };
        }
    }

    /// The marking reached everything: no live object has an older epoch, and no live line another stamp.
    pub(crate) fn complete_marking(&mut self) {
        self.oldest = self.now;
        self.last_stamp = self.stamp;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use heap_core::collector::TypeInfo;

    #[test]
    fn abandoned_tracings_never_reuse_a_number() {
        let mut epochs = Epochs::new();
        for _ in 0..LAST {
            assert!(epochs.begin_marking());
            epochs.complete_marking();
        }
        let mut seen = HashSet::from([epochs.now()]);
        let live = epochs.stamp();
        while epochs.begin_marking() {
            assert!(!seen.contains(&epochs.now()));
            assert!(epochs.is_live_stamp(live), "lines of the last complete marking stay alive");
            seen.insert(epochs.now());
        }
        assert!(seen.len() > LAST as usize - 5);
        for epoch in seen.iter().take(100) {
            assert!(epochs.is_plausible(epoch.put_on(HeaderWord::new(TypeInfo::RAW_BYTES, 0))));
        }
        assert!(!epochs.is_plausible(HeaderWord::new(TypeInfo::RAW_BYTES, 0)), "young objects are not old");
        assert!(!epochs.begin_marking());
        assert!(epochs.begin_last_marking() && !seen.contains(&epochs.now()), "one was kept");
        assert!(!epochs.begin_last_marking());
        epochs.complete_marking();
        assert!(epochs.are_settled() && epochs.begin_marking(), "all numbers but one are free again");
    }
}
