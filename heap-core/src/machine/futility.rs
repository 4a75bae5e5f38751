//! [`Futility`]: noticing that collections no longer help.
//!
//! A heap that is almost full of live objects is collected for every few bytes that the program allocates. Nothing is
//! wrong with any single collection, so a program that is a little too large for its limit runs a thousand times slower
//! instead of being told. Other systems notice by the share of time that goes into collecting; this one by bytes, like every
//! decision (rule R64), so that a test can count, and a run can be repeated.
//!
//! A full collection is *futile* (rule R63) when it looked at more than so many times the bytes that it was for: those handed out
//! since the last one, or those that it reclaimed, whichever are more. (Bytes handed out are the measure while a heap
//! grows and nothing dies; bytes reclaimed are it after the program has let go of much without allocating.) After eight in
//! a row, allocations that need memory fail with [`AllocError::FUTILE`](crate::AllocError::FUTILE), and the safepoint that
//! follows collects again; the first collection that is not futile ends that, whoever asked for it.
//!
//! Only collections that the heap itself chose count: a program that asks for one between any two allocations, checks
//! with zeal, or verifies, has its reasons. And only those that leave less than an eighth of the limit: where there is
//! room, the program's own options made the collections frequent, and an error would help nobody.

/// Futile collections in a row after which allocations fail.
const PATIENCE: u32 = 8;

/// What is remembered about the last full collections.
#[derive(Debug, Default)]
pub(super) struct Futility {
    /// The pause in progress was the heap's own choice.
    pub(super) chosen: bool,
    /// The program asked for work since the last full collection: it may have begun the next one, or brought it nearer.
    pub(super) asked: bool,
    streak: u32,
    /// Allocated bytes, and live ones, when the last full collection ended.
    allocated: u64,
    live: u64,
}

/// The numbers of a full collection that was completed, all in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    /// Objects that it looked at.
    pub(super) looked_at: u64,
    /// Allocated since the heap was made.
    pub(super) allocated: u64,
    /// Found alive.
    pub(super) live: u64,
    /// Less than an eighth of the limit is left. False where there is no limit.
    pub(super) tight: bool,
}

impl Futility {
    /// A full collection was completed, which is futile when it looked at more than `overhead` times the bytes that it
    /// was for.
    pub(super) fn full_done(&mut self, full: Full, overhead: Option<u32>) {
        let handed_out = full.allocated - self.allocated;
        let reclaimed = (self.live + handed_out).saturating_sub(full.live);
        (self.allocated, self.live) = (full.allocated, full.live);
        let asked = std::mem::take(&mut self.asked);
        let Some(overhead) = overhead else { return self.forgive() };
        if !full.tight || full.looked_at <= handed_out.max(reclaimed).saturating_mul(overhead.into()) {
            self.forgive();
        } else if self.chosen && !asked {
            self.streak = self.streak.saturating_add(1);
        }
    }

    /// Whether allocations that need memory should fail.
    pub(super) fn is_hopeless(&self) -> bool {
        self.streak >= PATIENCE
    }

    /// The limit was raised, or collecting helped.
    pub(super) fn forgive(&mut self) {
        self.streak = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn heap() -> Futility {
        Futility { chosen: true, asked: false, live: 64 * MIB, allocated: 64 * MIB, streak: 0 }
    }

    fn full(allocated: u64, live: u64) -> Full {
        Full { looked_at: live, allocated, live, tight: true }
    }

    #[test]
    fn eight_in_a_row_are_hopeless_and_one_that_helps_ends_it() {
        let mut heap = heap();
        for n in 1..=8 {
            assert!(!heap.is_hopeless());
            heap.full_done(full(64 * MIB + n * MIB, 64 * MIB), Some(32));
        }
        assert!(heap.is_hopeless());
        heap.full_done(full(73 * MIB, 64 * MIB), Some(32));
        assert!(heap.is_hopeless());
        heap.full_done(full(73 * MIB, 60 * MIB), Some(32));
        assert!(!heap.is_hopeless(), "the program let go of four MiB");
    }

    #[test]
    fn growing_without_garbage_is_not_futile() {
        let mut heap = heap();
        for n in 2..100 {
            heap.full_done(full(n * 64 * MIB, n * 64 * MIB), Some(32));
            assert_eq!(heap.streak > 0, n > 32, "64 MiB more than {n} times as much");
            heap.forgive();
        }
        assert!(!heap.is_hopeless());
    }

    #[test]
    fn where_there_is_room_nothing_is_futile() {
        let mut heap = heap();
        for n in 0..100 {
            heap.full_done(Full { tight: false, ..full(64 * MIB + n, 64 * MIB) }, Some(32));
        }
        assert!(!heap.is_hopeless(), "a growth factor of next to one is the program's own choice");
    }

    #[test]
    fn what_the_program_asked_for_does_not_count() {
        let mut heap = Futility { chosen: false, ..heap() };
        for _ in 0..100 {
            heap.full_done(full(64 * MIB, 64 * MIB), Some(32));
        }
        assert!(!heap.is_hopeless());
        heap.chosen = true;
        for _ in 0..100 {
            heap.full_done(full(64 * MIB, 64 * MIB), None);
        }
        assert!(!heap.is_hopeless(), "switched off");
    }
}
