//! The policy: what to do at a safepoint.
//!
//! All quantities are bytes of the heap's own accounting. After a collection the heap gets a *budget*: as many bytes as
//! were alive, times the growth factor less one; a part of that for memory that no marking looks at; and at least an
//! allowance that grows with what the heap allocates. Memory handed out to the program is taken from the budget, whole holes
//! at a time, because a hole that is handed out is gone even if nothing fits its tail.
//!
//! *The heap's limit.* The budget never exceeds half of the room that is left below the limit, holes included. Half,
//! because a `mutate` cannot be interrupted: a program whose batches fit the other half is always collected in time, and
//! one whose batches are larger is collected after every batch.
//!
//! *Increments.* A cycle looks at most at what exists when it begins, `W` bytes, since objects born later are born
//! marked. For every byte handed out it looks at [`SPEED`] bytes, so it ends after `W / SPEED` bytes, and it begins when
//! that many are left in the budget. Its peak is then that of stopping the world. When a large `mutate` overran that
//! point, the speed rises so that the rest of the budget suffices; when nothing is left, the cycle is finished at once.
//! Bytes born during a cycle were not looked at, so they are charged to the next budget.

use heap_core::collector::growth_budget;

use crate::options::Options;

/// Bytes looked at for every byte handed out. Higher: the cycle is shorter, so less garbage floats and the barrier is
/// active for a shorter time, but pauses per allocated byte are longer. With 8 a cycle takes a quarter of the budget at
/// growth factor 2, and an increment of 256 KiB follows every block of 32 KiB.
const SPEED: f64 = 8.0;

/// The speed that is assumed when the start of a cycle is planned: a little less, so that rounding does not make the last
/// increment a long one.
const PLANNED: f64 = 7.0;

/// The least that is allocated between two collections when the limit is close: a block.
const LEAST: usize = 32 << 10;

/// What to do at a safepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Go on.
    Nothing,
    /// Begin a cycle or advance it by about this many bytes of objects.
    Increment(usize),
    /// Begin a cycle if there is none, and finish it.
    Finish,
}

/// What a cycle found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// Bytes alive, apart from those born during the cycle.
    pub(crate) alive: usize,
    /// How many of them a marking need not look at.
    pub(crate) light: usize,
    /// What the next burial takes, in bytes of marking.
    pub(crate) burial: usize,
    /// What can be allocated before the heap's limit is reached, if it has one.
    pub(crate) room: Option<usize>,
    /// Bytes that the heap has allocated: what its allowance follows.
    pub(crate) recent: u64,
}

/// The accounts.
#[derive(Clone, Debug)]
pub(crate) struct Pacing {
    options: Options,
    /// Bytes that may be handed out between two collections.
    budget: usize,
    /// Bytes handed out since the last collection.
    handed_out: usize,
    /// The value of `handed_out` at which the next safepoint is due.
    alarm: usize,
    /// Bytes that the next cycle has to look at, its burial among them, apart from what is handed out until then.
    heavy: usize,
    /// The least budget, grown with what the heap allocates.
    least: usize,
    /// Bytes owned outside the heap that were charged since the last collection, as far as they were handed out here.
    outside: usize,
    /// An allocation failed.
    pressed: bool,
    /// The cycle in progress, if it is spread over safepoints.
    cycle: Option<Cycle>,
}

#[derive(Clone, Copy, Debug)]
struct Cycle {
    /// `handed_out` when it began.
    began: usize,
    /// `handed_out` up to which its work is done.
    paid: usize,
    /// Bytes to look at for every byte handed out.
    speed: f64,
    /// What is dead is buried: what is left is the sweep, which need not hurry for the sake of the budget.
    buried: bool,
}

impl Pacing {
    pub(crate) fn new(options: Options, limit: Option<usize>) -> Self {
        let mut pacing = Pacing {
            options,
            budget: 0,
            handed_out: 0,
            alarm: 0,
            heavy: 0,
            least: 0,
            outside: 0,
            pressed: false,
            cycle: None,
        };
        pacing.cycle_ended(Found { room: limit, ..Found::default() });
        pacing
    }

    /// **The policy.** What a due safepoint does.
    pub(crate) fn plan(&self) -> Plan {
        let exhausted = match self.cycle {
            Some(Cycle { buried: true, .. }) => self.pressed,
            _ => self.pressed || self.handed_out >= self.budget,
        };
        match self.cycle {
            _ if exhausted => Plan::Finish,
            _ if self.handed_out < self.alarm => Plan::Nothing,
            None if !self.options.incremental => Plan::Finish,
            None => Plan::Increment(self.options.increment_bytes),
            Some(cycle) => {
                let owed = (self.handed_out - cycle.paid) as f64 * cycle.speed;
                Plan::Increment((owed as usize).max(self.options.increment_bytes))
            }
        }
    }

    /// Memory was handed out. True when a safepoint is due.
    #[inline]
    pub(crate) fn hand_out(&mut self, bytes: usize) -> bool {
        self.handed_out = self.handed_out.saturating_add(bytes);
        self.handed_out >= self.alarm
    }

    /// Bytes owned outside the heap have been charged, `fresh` in all since the last collection.
    pub(crate) fn note_outside(&mut self, fresh: usize) {
        self.hand_out(fresh.saturating_sub(self.outside));
        self.outside = fresh;
    }

    /// How many bytes owned outside the heap may be charged, in all since the last collection, until a safepoint is due.
    pub(crate) fn outside_allowance(&self) -> usize {
        self.outside.saturating_add(self.alarm.saturating_sub(self.handed_out).max(1))
    }

    /// An allocation failed: the next safepoint reclaims what it can.
    pub(crate) fn press(&mut self) {
        self.pressed = true;
    }

    /// A cycle began.
    pub(crate) fn cycle_began(&mut self) {
        let work = self.heavy.saturating_add(self.handed_out) as f64;
        let left = self.budget.saturating_sub(self.handed_out).max(1) as f64;
        let speed = SPEED.max(work / left);
        self.cycle = Some(Cycle { began: self.handed_out, paid: self.handed_out, speed, buried: false });
    }

    /// The cycle's dead are buried.
    pub(crate) fn buried(&mut self) {
        if let Some(cycle) = &mut self.cycle {
            cycle.buried = true;
        }
    }

    /// An increment was done.
    pub(crate) fn increment_done(&mut self) {
        if let Some(cycle) = &mut self.cycle {
            cycle.paid = self.handed_out;
            let pause = self.options.increment_bytes as f64 / cycle.speed;
            self.alarm = self.handed_out.saturating_add((pause as usize).max(1));
        }
    }

    /// A cycle ended.
    pub(crate) fn cycle_ended(&mut self, found: Found) {
        let born = self.cycle.map_or(0, |cycle| self.handed_out - cycle.began);
        let Options { growth, min_budget, incremental, .. } = self.options;
        self.least = min_budget.at(found.recent);
        let heavy = found.alive.saturating_sub(found.light);
        let wanted = growth_budget(growth, heavy, found.light).max(self.least);
        self.budget = wanted.saturating_sub(born).max(self.least / 4);
        if let Some(room) = found.room {
            self.budget = self.budget.min(room / 2).max(LEAST);
        }
        self.heavy = heavy.saturating_add(born).saturating_add(found.burial);
        self.handed_out = 0;
        self.outside = 0;
        self.pressed = false;
        self.cycle = None;
        self.alarm = self.budget;
        if incremental {
            // Solves: budget - start = (heavy + start) / PLANNED.
            let start = (self.budget as f64 * PLANNED - self.heavy as f64) / (PLANNED + 1.0);
            self.alarm = start.max(0.0) as usize;
        }
    }

    /// The system refused memory for marking: try again after a while, when there may be some.
    pub(crate) fn cycle_abandoned(&mut self) {
        self.pressed = false;
        self.budget = self.handed_out.saturating_add((self.least / 4).max(LEAST));
        self.alarm = self.budget;
    }

    /// Whether an allocation failed.
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// Bytes handed out since the cycle in progress began.
    pub(crate) fn born(&self) -> usize {
        self.cycle.map_or(0, |cycle| self.handed_out - cycle.began)
    }

    /// Bytes of free blocks that are worth keeping: what will probably be handed out before the next collection.
    pub(crate) fn keep_free(&self) -> usize {
        self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_core::collector::Allowance;

    const MIB: usize = 1 << 20;

    fn pacing(incremental: bool) -> Pacing {
        let options = Options { min_budget: Allowance::fixed(4 * MIB), incremental, ..Options::default() };
        Pacing::new(options, None)
    }

    fn alive(bytes: usize) -> Found {
        Found { alive: bytes, ..Found::default() }
    }

    #[test]
    fn what_no_marking_looks_at_is_given_back_sooner() {
        let mut pacing = pacing(false);
        pacing.cycle_ended(Found { light: 80 * MIB, ..alive(100 * MIB) });
        assert_eq!(pacing.budget, 60 * MIB);
    }

    #[test]
    fn the_least_budget_follows_what_the_heap_allocates() {
        let mut pacing = Pacing::new(Options::default(), None);
        assert_eq!(pacing.budget, 64 << 10);
        pacing.cycle_ended(Found { recent: 2 << 20, ..alive(1000) });
        assert_eq!(pacing.budget, MIB);
        pacing.cycle_ended(Found { recent: 1 << 30, ..alive(1000) });
        assert_eq!(pacing.budget, 4 * MIB);
    }

    #[test]
    fn the_budget_follows_what_is_alive() {
        let mut pacing = pacing(false);
        assert!(!pacing.hand_out(4 * MIB - 1));
        assert_eq!(pacing.plan(), Plan::Nothing);
        assert!(pacing.hand_out(1));
        assert_eq!(pacing.plan(), Plan::Finish);
        pacing.cycle_ended(alive(100 * MIB));
        assert!(!pacing.hand_out(100 * MIB - 1));
        assert!(pacing.hand_out(1));
    }

    #[test]
    fn half_of_the_room_below_the_limit_is_the_most() {
        let mut pacing = pacing(false);
        pacing.cycle_ended(Found { room: Some(10 * MIB), ..alive(100 * MIB) });
        assert!(pacing.hand_out(5 * MIB));
        pacing.cycle_ended(Found { room: Some(0), ..alive(100 * MIB) });
        assert!(!pacing.hand_out(LEAST - 1), "a full heap is not collected at every safepoint");
        assert!(pacing.hand_out(1));
    }

    #[test]
    fn a_cycle_ends_within_the_budget() {
        let mut pacing = pacing(true);
        pacing.cycle_ended(alive(100 * MIB));
        while !pacing.hand_out(32 << 10) {}
        let work = 100 * MIB + pacing.handed_out;
        let Plan::Increment(mut done) = pacing.plan() else { panic!("a cycle begins") };
        pacing.cycle_began();
        pacing.increment_done();
        while done < work {
            while !pacing.hand_out(32 << 10) {}
            match pacing.plan() {
                Plan::Increment(bytes) => done += bytes,
                other => panic!("the budget ran out: {other:?} after {done} of {work} bytes"),
            }
            pacing.increment_done();
        }
        assert!(pacing.handed_out > 70 * MIB, "a cycle does not begin needlessly early");
        pacing.cycle_ended(alive(100 * MIB));
        assert!(pacing.budget > 70 * MIB);
    }

    #[test]
    fn a_batch_that_overruns_the_start_speeds_the_cycle_up() {
        let mut pacing = pacing(true);
        pacing.cycle_ended(alive(100 * MIB));
        assert!(pacing.hand_out(99 * MIB));
        assert!(matches!(pacing.plan(), Plan::Increment(_)));
        pacing.cycle_began();
        pacing.increment_done();
        assert!(pacing.hand_out(MIB / 2));
        match pacing.plan() {
            Plan::Increment(bytes) => assert!(bytes > 99 * MIB),
            other => panic!("{other:?}"),
        }
        assert!(pacing.hand_out(MIB / 2));
        assert_eq!(pacing.plan(), Plan::Finish, "the budget is exhausted");
    }

    #[test]
    fn a_failed_allocation_asks_for_everything() {
        let mut pacing = pacing(true);
        pacing.press();
        assert_eq!(pacing.plan(), Plan::Finish);
        pacing.cycle_ended(alive(0));
        assert_eq!(pacing.plan(), Plan::Nothing);
    }
}
