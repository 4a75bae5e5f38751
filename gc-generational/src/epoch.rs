//! Epochs: which marking or promotion saw an object last.
//!
//! The collector's fourteen header bits hold the number of the last tracing that reached the object. A tracing that
//! completes leaves every live object with its number, so an object with another number is dead. Young objects have all
//! bits, which is no number.
//!
//! *Numbers are sets of seven of the fourteen bits.* None of these contains another one, so "has no bit besides those
//! of this number" and "has this number" are the same, and that is one instruction. But an object that has none of the
//! fourteen bits was reached by every tracing there is: that is what [permanent](heap_core::collector::Permanent)
//! objects are, for which no loop has a test of its own. There are 3432 such sets, the most for which this holds
//! (Sperner, 1928).
//!
//! *Why not the three colours that the shared marker rotates.* A tracing that is abandoned, because the system refused
//! memory for its stack, leaves some objects with its number. The next must use a number that no live object has. With
//! three colours the second abandoned tracing in a row leaves none; with 3432 numbers the program survives as many
//! refusals in a row, less two. After that survivors are only copied, and a full collection is begun only when the memory for
//! the largest stack that it could need is there in advance: it takes the last number, completes, and all others are free
//! again.
//!
//! Lines have stamps for the same purpose, but there a stamp too many only keeps a line too long. So an abandoned
//! marking keeps its stamp for the next one, and until one completes, lines with either stamp are alive.

use heap_core::collector::object::{COLLECTOR_BITS, COLLECTOR_SHIFT};
use heap_core::collector::{HeaderWord, LinePolicy, Noted};

/// The header bits that hold the epoch. A permanent object has none of them.
const MASK: usize = COLLECTOR_BITS;
/// The bits of a young object.
pub(crate) const YOUNG: usize = MASK;
/// The bits of a permanent object.
pub(crate) const PERMANENT: usize = 0;
/// Whether this is the header of a permanent object.
pub(crate) fn is_permanent(word: HeaderWord) -> bool {
    word.bits() & MASK == PERMANENT
}

/// The number of a tracing: the seven header bits that an object which it reached has not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Epoch(usize);

impl Epoch {
    /// The lowest seven bits.
    const FIRST: Epoch = Epoch(0x7f << COLLECTOR_SHIFT);

    /// The state bits of this epoch.
    #[inline]
    pub(crate) fn bits(self) -> usize {
        self.0 ^ MASK
    }

    /// Whether the tracing reached the object with this header, or it is permanent.
    #[inline]
    pub(crate) fn is_on(self, word: HeaderWord) -> bool {
        word.bits() & self.0 == 0
    }

    /// The header with this epoch.
    #[inline]
    pub(crate) fn put_on(self, word: HeaderWord) -> HeaderWord {
        // All bits, and then not those.
        word.with(MASK).without(self.0)
    }

    /// The next larger number with as many bits (Gosper: HAKMEM, item 175), or the first again.
    fn next(self) -> Epoch {
        let bits = self.0 >> COLLECTOR_SHIFT;
        let lowest = bits & bits.wrapping_neg();
        let carried = bits + lowest;
        let next = ((carried ^ bits) / lowest) >> 2 | carried;
        if next > COLLECTOR_BITS >> COLLECTOR_SHIFT { Self::FIRST } else { Epoch(next << COLLECTOR_SHIFT) }
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
        Epochs { oldest: Epoch::FIRST, now: Epoch::FIRST, last_stamp: 1, stamp: 1 }
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
                // Or it is permanent.
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

    /// Sets of seven among fourteen.
    const NUMBERS: usize = 3432;

    #[test]
    fn no_number_contains_another_and_each_contains_nothing() {
        let epoch = Epoch::FIRST;
        let numbers: Vec<Epoch> = core::iter::successors(Some(epoch), |last| Some(last.next())).take(NUMBERS).collect();
        assert_eq!(numbers[NUMBERS - 1].next(), epoch, "they are all there are");
        let word = |bits| HeaderWord::new(TypeInfo::RAW_BYTES, bits);
        for (index, &epoch) in numbers.iter().enumerate() {
            assert!(epoch.is_on(word(PERMANENT)) && !epoch.is_on(word(YOUNG)));
            assert_eq!(epoch.put_on(word(YOUNG)), word(epoch.bits()));
            let on = numbers.iter().enumerate().step_by(if cfg!(miri) { 100 } else { 1 });
            assert!(on.filter(|(_, other)| epoch.is_on(word(other.bits()))).all(|(other, _)| other == index));
        }
    }

    #[test]
    fn abandoned_tracings_never_reuse_a_number() {
        let mut epochs = Epochs::new();
        for _ in 0..NUMBERS {
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
        assert!(seen.len() > NUMBERS - 5);
        for epoch in seen.iter().take(100) {
            assert!(epochs.is_plausible(epoch.put_on(HeaderWord::new(TypeInfo::RAW_BYTES, 0))));
        }
        assert!(!epochs.is_plausible(HeaderWord::new(TypeInfo::RAW_BYTES, YOUNG)), "young objects are not old");
        assert!(!epochs.begin_marking());
        assert!(epochs.begin_last_marking() && !seen.contains(&epochs.now()), "one was kept");
        assert!(!epochs.begin_last_marking());
        epochs.complete_marking();
        assert!(epochs.are_settled() && epochs.begin_marking(), "all numbers but one are free again");
    }
}
