//! Identity hashes: a number for an object that stays the same when the object moves.
//!
//! *What it represents.* An object that never moved since it was asked has no number: it is computed from where the object
//! is, in the heap's own addresses, and from the *generation* of its block, which rises when living objects have left the
//! block. So a nursery, which uses the same addresses again and again, gives out other numbers each time. A collector that
//! moves an object with the header bit `HASH_ASKED` puts the number into one word behind the payload and sets
//! `HASH_STORED`; from then on it is read there, wherever the object goes.
//!
//! *What it costs.* Nothing to an object that is never asked: no word in its header, and no branch where objects are
//! measured, since the copy's header names a description of its own, whose size includes the word
//! ([`TypeInfo::with_hash`](crate::collector::TypeInfo::with_hash)). A collector that copies young objects asks once
//! whether any was asked since the last time, and runs the loop that does not look if none was. A heap whose objects do not
//! move sets no bit: addresses of what is alive differ.
//!
//! *Why not the address itself?* It changes. *Why not a counter,* as some runtimes have it? Then every object that is asked
//! must have a place for its number at once, moved or not: a table by address, which is looked up each time, and must
//! follow moves and deaths. *Why are two numbers never promised to differ?* Because addresses are used again when an object
//! has died, and because 64 bits are not more than the objects that a long run makes; maps compare identity as well.
//!
//! Numbers depend on the heap's number, on addresses within the heap and on what was done before, not on the place of the
//! heap in memory: a run can be repeated.

use core::ops::Range;

use crate::memory::{BLOCK_BYTES, BlockIndex};
use crate::object::{HASH_ASKED, Object, ObjectRef};

/// What a heap knows about the identity hashes that it gave out. See the front of its file.
#[derive(Debug)]
pub struct Identity {
    seed: u64,
    /// First address of the heap.
    base: usize,
    /// Objects of the heap may move.
    moves: bool,
    /// Objects that were asked for the first time since the last [`settle`](Self::settle).
    asked: usize,
    /// Some object was asked at some time: only then does it matter what became of a place.
    ever_asked: bool,
    /// For each block, as far as it is not zero, how often objects have moved out.
    generations: Vec<u32>,
}

impl Identity {
    pub(super) fn new(heap: u64, base: usize, moves: bool) -> Self {
        Identity { seed: mix(heap), base, moves, asked: 0, ever_asked: false, generations: Vec::new() }
    }

    /// Bytes of the table.
    pub(super) fn side_bytes(&self) -> usize {
        self.generations.capacity() * size_of::<u32>()
    }

    /// The identity hash of an object, which stays the same from now on.
    pub(super) fn ask(&mut self, object: Object<'_>) -> u64 {
        if let Some(stored) = object.stored_hash() {
            return stored;
        }
        if self.moves && !object.word().has(HASH_ASKED) {
            object.header().insert(HASH_ASKED);
            self.asked += 1;
            self.ever_asked = true;
        }
        self.of_place(object.reference())
    }

    /// The hash of an object with [`HASH_ASKED`], which is still where it was asked.
    pub fn of_place(&self, object: ObjectRef) -> u64 {
        let offset = object.address() - self.base;
        let generation = self.generations.get(offset / BLOCK_BYTES).copied().unwrap_or(0);
        // Objects are multiples of eight bytes apart, and a heap has less than 2^46 bytes: until a block is in its two
        // million and first generation, no two of these are equal, nor is what `mix` makes of them.
        mix(self.seed ^ (offset as u64 >> 3) ^ u64::from(generation) << 43)
    }

    /// How many objects were asked since the last [`settle`](Self::settle): no fewer than there are young ones which a copy
    /// of must have a word more.
    #[inline]
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// No young object was asked, because there are none.
    pub fn settle(&mut self) {
        self.asked = 0;
    }

    /// Whether some object was asked at some time.
    #[cfg(feature = "conformance")]
    pub(crate) fn was_asked(&self) -> bool {
        self.ever_asked || !self.moves
    }

    /// From now on all hashes are others.
    #[cfg(feature = "conformance")]
    pub(crate) fn forget(&mut self) {
        self.seed = mix(self.seed);
    }

    /// What lived in these blocks has moved out, and objects that come there now shall have other hashes. No object is there.
    pub fn emptied(&mut self, blocks: Range<BlockIndex>) {
        if !self.ever_asked {
            return;
        }
        let (first, end) = (blocks.start.index(), blocks.end.index());
        let missing = end.saturating_sub(self.generations.len());
        if self.generations.try_reserve(missing).is_err() {
            // Some hashes will be given out twice, which is slow and right.
            return;
        }
        self.generations.resize(self.generations.len() + missing, 0);
        for generation in &mut self.generations[first..end] {
            *generation = generation.wrapping_add(1);
        }
    }
}

/// Makes every bit of the result depend on every bit of the argument; one to one (the finalizer of SplitMix64: Steele, Lea and
/// Flood, OOPSLA 2014).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
