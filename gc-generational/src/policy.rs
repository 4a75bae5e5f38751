//! The policy, all of it: how large the nursery is, when a full collection is due, when promotion is in place, when
//! objects are born old.
//!
//! Everything is decided by bytes of the heap's own accounting, never by time, process memory or numbers of objects.

use heap_core::collector::memory::{BLOCK_BYTES, Blocks};

use crate::options::Options;

/// What the policy remembers.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Bytes that became old since the last full collection, large objects included.
    pub(crate) promoted: usize,
    /// The full collection is due when `promoted` gets here.
    budget: usize,
    /// Minor collections in a row of which nearly everything survived.
    survived: u32,
    /// An allocation failed.
    pressed: bool,
}

/// The nursery is parked when this many minor collections in a row kept nearly everything: one alone is a program
/// that builds something and then works with it.
const PARK_AFTER: u32 = 3;

impl Policy {
    pub(crate) fn new(options: &Options) -> Self {
        Policy { promoted: 0, budget: options.full_min_bytes, survived: 0, pressed: false }
    }

    /// A full collection left `live` bytes.
    pub(crate) fn full_done(&mut self, options: &Options, live: usize) {
        self.promoted = 0;
        self.pressed = false;
        self.budget = options.full_min_bytes.max((live as f64 * (options.growth - 1.0)) as usize);
    }

    /// A full collection was given up: the next one is as far away as after a complete one.
    pub(crate) fn abandoned(&mut self) {
        self.promoted = 0;
        self.pressed = false;
    }

    /// An allocation failed: the next safepoint reclaims what it can, because the program may have no better idea than to
    /// try again.
    pub(crate) fn press(&mut self) {
        self.pressed = true;
    }

    /// A minor collection promoted `promoted` of `used` bytes of a nursery whose size is `nursery` bytes. Whether the
    /// nursery should be parked. Seven eighths: below that, a copy saves marking and sweeping as much as it costs.
    pub(crate) fn parks(&mut self, options: &Options, used: usize, promoted: usize, nursery: usize) -> bool {
        // A nursery that was not full says little about what survives when it is.
        if used >= nursery - nursery / 8 {
            self.survived = if promoted >= used - used / 8 { self.survived + 1 } else { 0 };
        }
        options.pretenure && self.survived >= PARK_AFTER
    }

    /// The nursery was parked and is taken out again: its first collection decides anew.
    pub(crate) fn unparked(&mut self) {
        self.survived = PARK_AFTER - 1;
    }

    /// Whether the old space has grown enough for a full collection, or the limit is so near that the next minor
    /// collections would have to promote in place. `nursery` is what the nursery holds of the charge, in bytes.
    pub(crate) fn wants_full(&self, blocks: &Blocks, nursery: usize) -> bool {
        if self.pressed || self.promoted >= self.budget {
            return true;
        }
        // Under a limit: half of what the last full collection left free has been promoted into.
        blocks.limit().is_some() && self.promoted > 0 && {
            let free = blocks.headroom() + nursery;
            self.promoted >= free
        }
    }

    /// Bytes that may become old before a full collection is due.
    pub(crate) fn rest(&self) -> usize {
        self.budget.saturating_sub(self.promoted)
    }

    /// Bytes of free blocks that are worth keeping after a full collection: what will be promoted into them.
    pub(crate) fn keep_free(&self) -> usize {
        self.budget
    }
}

/// Blocks that the nursery should have: what was asked for, but at most a quarter of what a limit leaves free, so that
/// its survivors can be copied. `held` is what it has of the charge now, in bytes.
pub(crate) fn nursery_blocks(options: &Options, blocks: &Blocks, held: usize) -> usize {
    let asked = options.nursery_blocks();
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
