//! [`Outside`]: bytes that objects own outside the heap, counted against its limit and its pacing.
//!
//! A `Vec<u8>` of a megabyte is 24 bytes to the heap that holds it. So the bytes that a value says it owns
//! ([`Trace::owned_bytes`](crate::Trace::owned_bytes)) are charged when the object is made, and asked for again when the
//! heap looks at its objects: for young ones at the first collection that they survive, for all at a full one. Only
//! objects with drop glue can own anything, and those are [listed](crate::death::DropList); nobody else is asked, and pays
//! nothing.
//!
//! *In between a value may grow or shrink*, which the heap does not see.
//! [`Mutator::charge_external`](crate::Mutator::charge_external) says so by hand, until the next full collection makes it
//! exact. *What no field can tell* is told by a field of its own: [`ExternalBytes`](crate::ExternalBytes).
//!
//! *Why not asked for while marking* (rule R37): a marker may run beside the program, and what `owned_bytes` reads changes
//! then.
//!
//! *How it drives collections:* [`fresh`](Outside::fresh) is what was charged since the last pause that settled it.
//! A collector sets an [allowance](Outside::allow); when that is used up, a safepoint is due. What the collector lets pile
//! up inside the heap, it lets pile up outside to a [quarter](Outside::allow_beside): an object that owns memory took a
//! `malloc` and will take a `free`, which cost more than the object does, so more collections for as many bytes do not show.

use crate::death::Scope;
use crate::error::AllocError;
use crate::memory::Blocks;

/// The account of bytes owned outside the heap. All of it is [charged](Blocks::outside_bytes).
#[derive(Debug)]
pub struct Outside {
    /// Of objects that survived a collection, as they said then.
    old: usize,
    /// Of permanent objects, as they said when they became that.
    permanent: usize,
    /// Of objects made since.
    young: usize,
    /// What the program said since the last full collection, grown less shrunk.
    by_hand: isize,
    /// Charged since the last collection, by new objects and by hand.
    fresh: usize,
    allowance: usize,
}

impl Default for Outside {
    fn default() -> Self {
        Outside { old: 0, permanent: 0, young: 0, by_hand: 0, fresh: 0, allowance: usize::MAX }
    }
}

impl Outside {
    /// Bytes outside the heap that no collection is worth: as much as a small heap holds.
    pub const LEAST: usize = 256 << 10;

    /// Bytes that belong neither to objects made since the last collection nor to permanent ones.
    pub fn settled(&self) -> usize {
        self.old.saturating_add_signed(self.by_hand)
    }

    /// Bytes charged since the last collection.
    pub fn fresh(&self) -> usize {
        self.fresh
    }

    /// Lets so many bytes be charged since the last collection before a safepoint is due.
    pub fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    /// Lets as many bytes be charged as befits a collector that lets `bytes` bytes of young objects pile up: a quarter of
    /// that, or an eighth of what old objects own, but at least [`LEAST`](Self::LEAST).
    pub fn allow_beside(&mut self, bytes: usize) {
        self.allow((bytes / 4).max(self.settled() / 8).max(Self::LEAST));
    }

    /// Charges what a new object owns. Returns whether a safepoint is due.
    pub(super) fn charge(&mut self, blocks: &mut Blocks, bytes: usize) -> Result<bool, AllocError> {
        blocks.charge_outside(bytes)?;
        self.young = self.young.saturating_add(bytes);
        Ok(self.note(bytes))
    }

    /// Takes back the charge of an object that was not made.
    pub(super) fn take_back(&mut self, blocks: &mut Blocks, bytes: usize) {
        self.young = self.young.saturating_sub(bytes);
        self.fresh = self.fresh.saturating_sub(bytes);
        self.enter(blocks);
    }

    /// The program says that objects grew, or shrank. Returns whether a safepoint is due.
    pub(super) fn adjust(&mut self, blocks: &mut Blocks, change: isize) -> bool {
        // No more is taken back than is there.
        let all = self.permanent.saturating_add(self.old).saturating_add(self.young);
        let least = -isize::try_from(all).unwrap_or(isize::MAX);
        self.by_hand = self.by_hand.saturating_add(change).max(least);
        self.enter(blocks);
        change > 0 && self.note(change.unsigned_abs())
    }

    /// A collection looked at the objects of `scope`. All that have survived one own `bytes` bytes.
    pub(super) fn settle(&mut self, blocks: &mut Blocks, scope: Scope, bytes: usize) {
        self.old = bytes;
        if scope == Scope::All {
            self.by_hand = 0;
        }
        (self.young, self.fresh) = (0, 0);
        self.enter(blocks);
    }

    /// The objects that have survived a collection become permanent, which own `bytes` bytes.
    pub(super) fn make_permanent(&mut self, blocks: &mut Blocks, bytes: usize) {
        self.permanent = self.permanent.saturating_add(bytes);
        self.old = 0;
        self.enter(blocks);
    }

    fn note(&mut self, bytes: usize) -> bool {
        self.fresh = self.fresh.saturating_add(bytes);
        self.fresh >= self.allowance
    }

    fn enter(&self, blocks: &mut Blocks) {
        let all = self.permanent.saturating_add(self.old).saturating_add(self.young);
        blocks.set_outside(all.saturating_add_signed(self.by_hand));
    }
}
