//! The policy, all of it: how large the nursery is, when a full collection is due, when promotion is in place, when
//! objects are born old.
//!
//! Everything is decided by bytes of the heap's own accounting, never by time, process memory or numbers of objects.

use heap_core::collector::memory::{BLOCK_BYTES, Blocks, Memory};
use heap_core::collector::{HeapCore, Outside, Swept, growth_budget};

use crate::options::Options;

/// What the policy remembers.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Bytes that became old since the last full collection, large objects included.
    pub(crate) promoted: usize,
    /// The full collection is due when `promoted` gets here.
    budget: usize,
    /// What the next minor collection will promote, if it is like the last one.
    expected: usize,
    /// Bytes of blocks, and of the tables that describe them, that the old space should not outgrow.
    ceiling: usize,
    /// Bytes outside the heap whose owners became old since the last full collection.
    promoted_outside: usize,
    /// The full collection is due when `promoted_outside` gets here.
    budget_outside: usize,
    /// Minor collections in a row of which nearly everything survived.
    survived: u32,
    /// Full collections that a parked nursery stays parked for, and how many of them are still to come.
    patience: u32,
    parked_for: u32,
    /// An allocation failed.
    pressed: bool,
}

/// What a full collection found, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// Alive in the heap.
    pub(crate) live: usize,
    /// Of these, what was not looked at.
    pub(crate) light: usize,
    /// Owned by them outside the heap.
    pub(crate) outside: usize,
    /// What the heap has allocated: what allowances follow.
    pub(crate) recent: u64,
}

/// The nursery is parked when this many minor collections in a row kept nearly everything: one alone is a program
/// that builds something and then works with it.
const PARK_AFTER: u32 = 3;

/// A parked nursery is tried again after this many full collections at the latest. The first trial comes after one; each
/// that finds nearly everything alive doubles the time until the next, because a trial copies a nursery for nothing.
/// Measured on `list_churn`, milliseconds of processor time: 193 when every full collection was followed by one, 181 with
/// at most 2, 179 with 4, 190 with 8 (differences below 10 are noise).
const PATIENCE_MOST: u32 = 4;

/// Bytes that are not in use on lines that are: fewer are not worth an evacuation.
const WASTE_LEAST: usize = 256 << 10;

impl Policy {
    pub(crate) fn new(options: &Options) -> Self {
        let mut policy = Policy {
            promoted: 0,
            budget: 0,
            expected: 0,
            ceiling: 0,
            promoted_outside: 0,
            budget_outside: 0,
            survived: 0,
            patience: 1,
            parked_for: 0,
            pressed: false,
        };
        policy.full_done(options, Found::default());
        policy
    }

    /// A full collection was completed.
    ///
    /// The old space may grow by the growth factor, and by three quarters of a nursery, so that at its highest the heap is
    /// what the factor says and not quite two nurseries. A small one may grow as if it had a certain size: when little is
    /// alive, what a full collection costs hardly depends on it.
    ///
    /// Memory outside the heap is no object's that was looked at, so it has a budget of its own: of a small heap that owns
    /// much, a collection costs next to nothing. (With one budget for both, cyclic graphs of which 64 live and each owns
    /// 64 KiB grew to nine times the live bytes.)
    ///
    /// What lives may lie in twice as many blocks as it would fill, so blocks have a ceiling of their own: where the heap
    /// would be if all blocks were full. See [`wants_full`](Self::wants_full).
    pub(crate) fn full_done(&mut self, options: &Options, found: Found) {
        let Found { live, light, outside, recent } = found;
        (self.promoted, self.promoted_outside) = (0, 0);
        self.pressed = false;
        let heavy = live.saturating_sub(light);
        let least = options.full_min.at(recent);
        let nursery = options.nursery.at(recent);
        self.budget = growth_budget(options.growth, heavy.max(least), light)
            .saturating_add(least.saturating_sub(heavy))
            .saturating_add(nursery - nursery / 4)
            .max(BLOCK_BYTES);
        self.ceiling = live.saturating_add(self.budget);
        self.budget_outside = growth_budget(options.growth, heavy, outside).max(Outside::LEAST);
    }

    /// A minor collection promoted so many bytes of a nursery of `nursery` bytes, beside which `large` bytes of large
    /// objects were born, and `outside` bytes that these objects own outside the heap.
    pub(crate) fn minor_done(&mut self, promoted: usize, large: usize, outside: usize, nursery: usize) {
        self.promoted += promoted + large;
        self.promoted_outside = self.promoted_outside.saturating_add(outside);
        // Not what a `mutate` left that outgrew the nursery by far: it was one structure.
        self.expected = promoted.min(nursery);
    }

    /// The nursery is parked.
    pub(crate) fn parked(&mut self) {
        self.expected = 0;
    }

    /// A full collection was given up: the next one is as far away as after a complete one.
    pub(crate) fn abandoned(&mut self) {
        (self.promoted, self.promoted_outside) = (0, 0);
        self.pressed = false;
    }

    /// An allocation failed: the next safepoint reclaims what it can, because the program may have no better idea than
    /// to try again.
    pub(crate) fn press(&mut self) {
        self.pressed = true;
    }

    /// Whether an allocation failed since the last full collection.
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// A minor collection promoted `promoted` of `used` bytes of a nursery whose size is `nursery` bytes. Whether the
    /// nursery should be parked. Seven eighths: below that, a copy saves marking and sweeping as much as it costs.
    pub(crate) fn parks(&mut self, options: &Options, used: usize, promoted: usize, nursery: usize) -> bool {
        // A nursery that was not full says little about what survives when it is.
        if used >= nursery - nursery / 8 {
            if promoted < used - used / 8 {
                (self.survived, self.patience) = (0, 1);
            } else {
                self.survived += 1;
            }
        }
        let parks = options.pretenure && self.survived >= PARK_AFTER;
        if parks {
            self.parked_for = self.patience;
            self.patience = (2 * self.patience).min(PATIENCE_MOST);
        }
        parks
    }

    /// The nursery is parked, and a full collection was completed. Whether the nursery is taken out again: then its first
    /// collection decides anew.
    pub(crate) fn unparks(&mut self) -> bool {
        self.parked_for = self.parked_for.saturating_sub(1);
        let unparks = self.parked_for == 0;
        if unparks {
            self.survived = PARK_AFTER - 1;
        }
        unparks
    }

    /// Whether the old space has grown enough for a full collection, or the limit is so near that the next minor
    /// collections would have to promote in place. `nursery` is what the nursery holds of the charge, in bytes.
    ///
    /// The old space has grown enough if the next minor collection would exceed its budget. (Asking whether the last one
    /// did let it grow by half a nursery more on average, and a whole one at the most.) It has also grown enough when its
    /// blocks are about to pass the ceiling, unless less than half of the budget was promoted: a heap whose holes nothing fits
    /// is not collected more than twice as often for them. Where 40 MB live in slices of all sizes, that made 119 MB of blocks
    /// 108, and lasted as long.
    pub(crate) fn wants_full(&self, core: &HeapCore, nursery: usize) -> bool {
        let ahead = self.promoted.saturating_add(self.expected);
        if self.pressed || ahead >= self.budget || self.promoted_outside >= self.budget_outside {
            return true;
        }
        let HeapCore { memory, permanent, .. } = core;
        let blocks = &memory.blocks;
        let old = blocks.block_bytes() - nursery - permanent.frozen_bytes() + memory.side_bytes();
        if self.promoted > self.budget / 2 && old + self.expected > self.ceiling {
            return true;
        }
        // Under a limit: half of what the last full collection left free has been promoted into.
        let promoted = self.promoted.saturating_add(self.promoted_outside);
        blocks.limit().is_some() && promoted > 0 && promoted >= blocks.headroom() + nursery
    }

    /// Whether a full collection that left `alive` bytes, and whose sweep found this, should be followed by an evacuation;
    /// then, how many blocks it should empty at the least. With `pressed`, the collection came because an allocation
    /// had failed. [`full_done`](Self::full_done) was called.
    ///
    /// An evacuation takes about as long as the collection before it, so it should make at least as much room as there is.
    /// It should empty an eighth of the blocks, when
    ///
    /// * more than half of what lines hold is not in use, and cannot be handed out by lines; or
    /// * there is more room in blocks, in holes or between the living, than will be needed before the next full collection:
    ///   as long as something lives on a block, the system cannot have it back; or
    /// * the heap has a limit, and there is more room in blocks than outside of them: it is the free blocks, which a nursery
    ///   can have, that decide how soon a full collection is due again.
    ///
    /// Any are enough when an allocation failed: it may have been one that no hole is long enough for.
    pub(crate) fn evacuates(
        &self,
        options: &Options,
        swept: &Swept,
        alive: usize,
        pressed: bool,
        memory: &Memory,
    ) -> Option<usize> {
        if pressed || options.evacuate {
            return Some(1);
        }
        let (blocks, alive) = (&memory.blocks, alive.saturating_sub(memory.large.bytes()));
        let room = (swept.blocks * BLOCK_BYTES).saturating_sub(alive);
        let wasted = swept.line_bytes.saturating_sub(alive);
        let evacuates = wasted > (swept.line_bytes / 2).max(WASTE_LEAST)
            || room > self.keep_free().saturating_add(alive)
            || (blocks.limit().is_some() && room > blocks.headroom());
        evacuates.then_some(swept.blocks.div_ceil(8))
    }

    /// Bytes that may become old before a full collection is due.
    pub(crate) fn rest(&self) -> usize {
        self.budget.saturating_sub(self.promoted)
    }

    /// Bytes of free blocks that are worth keeping after a full collection: what will be promoted into them, and a quarter
    /// more, because a cycle now and then overruns its budget by a `mutate` or by what lies in the gaps between objects. A
    /// block that goes back and is needed again costs as much as a copy of what it holds.
    pub(crate) fn keep_free(&self) -> usize {
        self.budget.saturating_add(self.budget / 4)
    }
}

/// Blocks that the nursery should have: what was asked for, but at most a quarter of the addresses there are, and of what
/// a limit leaves free, so that its survivors can be copied. `held` is what it has of the charge now, in bytes, `recent`
/// what the heap has allocated.
pub(crate) fn nursery_blocks(options: &Options, blocks: &Blocks, held: usize, recent: u64) -> usize {
    let asked = options.nursery.at(recent).div_ceil(BLOCK_BYTES).min(blocks.total_blocks() / 4).max(1);
    match blocks.limit() {
        None => asked,
        Some(_) => asked.min((blocks.headroom() + held) / 4 / BLOCK_BYTES).max(1),
    }
}

/// Whether a nursery with `used` bytes should be promoted in place, where it is, although it could be copied.
///
/// A nursery that one `mutate` outgrew by far is usually a data structure being built. Copying it takes as long as
/// marking it in place (5 million list nodes: 0.48 s of processor time for the whole program, either way), and twice
/// the memory (251 against 137 MiB). For an ordinary nursery of which nearly all survives copying is faster, 0.55 s
/// against 0.95 s for the list churn: the nursery's pages stay warm, and promotion fills holes.
pub(crate) fn promotes_in_place(options: &Options, used: usize, nursery_blocks: usize) -> bool {
    used > nursery_blocks.saturating_mul(BLOCK_BYTES).saturating_mul(options.in_place_factor)
}

/// Blocks that copying survivors can need which fill `copied` bytes, the gaps in front of over-aligned ones included.
///
/// A block is left when the next object does not fit, so what lies in it and what begins the next one exceed a block
/// together: any two neighbours hold more than one block's worth, whatever the sizes are. Small and medium objects have
/// blocks of their own, and each kind may leave one nearly empty at its end.
pub(crate) fn copy_reserve(copied: usize) -> usize {
    copied.div_ceil(BLOCK_BYTES) * 2 + 4
}
