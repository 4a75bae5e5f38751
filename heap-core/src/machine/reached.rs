//! [`Reached`]: what the program can reach, by a trace of its own, between two pauses.
//!
//! For the moment before a collection in which an interpreter wants to know what is about to die
//! ([`MarkedHeap`](crate::MarkedHeap)). The trace writes nothing: it marks in bitmaps of its own, one bit for every eight
//! bytes, which are dropped afterwards.
//!
//! *Why not the marks of the collection itself?* It would save one trace of two, or of three, in a collector that marks, where
//! the moment would lie between marking and sweeping. Then all that the program does there must be kept in step with a marking
//! that is complete: whatever it is given is to be marked with all that it leads to, without looking into objects that it has
//! borrowed; what it makes must not look dead, with all side tables; what the marking of a generation said must survive a
//! minor collection. And a counting collector has no marks. So there would be four mechanisms, one for each collector and one
//! for those of others, against one that is the same for all, third parties included, and asks nothing of them. A trace of
//! this kind costs about what a marking does.
//!
//! *Ephemerons* in one go: when one is reached whose key was not, key and value are noted; when a key is reached for which
//! some are noted, their values are. Each is looked at twice at most, in whatever order.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::core::HeapCore;
use crate::death::Ephemeron;
use crate::engine::Lookahead;
use crate::error::AllocError;
use crate::memory::{BLOCK_BYTES, BlockKind, ByteTable};
use crate::object::{EdgeSink, Object, ObjectMap, ObjectRef, SIDE_ENTRY, Shape};

/// Elements of a large array whose edges are looked at in one go.
const PIECE: usize = 1024;

/// Bytes of heap for each bit, and bits of a word of a bitmap.
const UNIT: usize = 8;
const WORD: usize = u64::BITS as usize;

/// A bit for each unit of a block.
type BlockBits = [u64; BLOCK_BYTES / UNIT / WORD];

/// What the program could reach at one moment.
pub(crate) struct Reached {
    start: NonNull<u8>,
    base: usize,
    /// Says which blocks are permanent.
    kinds: ByteTable,
    /// For each block below the heap's high-water mark, the number of its bitmap and one, or zero. There may be a gigabyte of
    /// addresses in which nothing is, so that bitmaps are made for blocks in which something was reached.
    blocks: Vec<u32>,
    bits: Vec<BlockBits>,
}

/// The trace in progress.
struct Trace {
    reached: Reached,
    sink: EdgeSink,
    ahead: Lookahead,
    /// Arrays of which not all elements were looked at, and the next one.
    arrays: Vec<(ObjectRef, usize)>,
    /// Values whose keys were not reached so far. Each names the next of the same key.
    values: Vec<(ObjectRef, Option<usize>)>,
    /// The first of these for each key.
    waiting: ObjectMap<usize>,
    /// How many of them there can be, as far as is known.
    ephemerons: usize,
}

impl Reached {
    /// Traces from these roots. Costs a look at everything that is reached, half a kilobyte for each block in which
    /// something was, and four bytes for every block.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(super) fn trace(core: &HeapCore, roots: impl Iterator<Item = ObjectRef>) -> Result<Self, AllocError> {
        let blocks = &core.memory.blocks;
        let start = blocks.base();
        let (base, kinds) = (start.addr().get(), blocks.kinds().clone());
        let mut reached = Reached { start, base, kinds, blocks: Vec::new(), bits: Vec::new() };
        let end = blocks.high_water().index();
        reached.blocks.try_reserve_exact(end).map_err(|_| AllocError::REFUSED)?;
        reached.blocks.resize(end, 0);
        let mut trace = Trace {
            reached,
            sink: EdgeSink::everything(),
            ahead: Lookahead::default(),
            arrays: Vec::new(),
            values: Vec::new(),
            waiting: ObjectMap::default(),
            ephemerons: core.death.ephemerons.len(),
        };
        roots.for_each(|root| trace.sink.push(root));
        trace.run()?;
        Ok(trace.reached)
    }

    /// Whether the object, which is intact, is not about to die: it could be reached, or is permanent. Not one that was
    /// made since.
    pub(crate) fn keeps(&self, object: ObjectRef) -> bool {
        let block = (object.address() - self.base) / BLOCK_BYTES;
        self.contains(object) || self.kinds.entry(block).load(Ordering::Relaxed) == BlockKind::Permanent as u8
    }

    /// Whether the object, which is intact, could be reached. Not one that was made since.
    pub(crate) fn contains(&self, object: ObjectRef) -> bool {
        let offset = object.address() - self.base;
        let unit = offset % BLOCK_BYTES / UNIT;
        match self.blocks.get(offset / BLOCK_BYTES) {
            Some(&number @ 1..) => self.bits[number as usize - 1][unit / WORD] >> (unit % WORD) & 1 != 0,
            _ => false,
        }
    }

    /// All objects that were reached, in the order of their addresses.
    pub(crate) fn objects(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let blocks = self.blocks.iter().enumerate().filter(|&(_, &number)| number != 0);
        blocks.flat_map(move |(block, &number)| {
            let words = self.bits[number as usize - 1].iter().enumerate();
            words.flat_map(move |(index, &word)| {
                let unit = move |bit| block * BLOCK_BYTES + (index * WORD + bit) * UNIT;
                set_bits(word)
                    .map(move |bit| ObjectRef::new(self.start.map_addr(|start| start.saturating_add(unit(bit)))))
            })
        })
    }

    /// Numbers the objects in the order of their addresses. Costs a look at all bitmaps, and eight bytes for each.
    pub(crate) fn numbers(&self) -> Result<Numbers<'_>, AllocError> {
        let mut before = Vec::new();
        before.try_reserve_exact(self.bits.len()).map_err(|_| AllocError::REFUSED)?;
        before.resize(self.bits.len(), 0);
        let mut count = 0;
        for &number in self.blocks.iter().filter(|&&number| number != 0) {
            let at = number as usize - 1;
            before[at] = count;
            count += self.bits[at].iter().map(|word| word.count_ones() as usize).sum::<usize>();
        }
        Ok(Numbers { reached: self, before, count })
    }

    /// Bytes between the beginning of the heap's addresses and the object.
    pub(crate) fn offset(&self, object: ObjectRef) -> usize {
        object.address() - self.base
    }

    /// Notes that the object was reached. False when it was before.
    #[inline]
    fn insert(&mut self, object: ObjectRef) -> Result<bool, AllocError> {
        let offset = object.address() - self.base;
        let unit = offset % BLOCK_BYTES / UNIT;
        let number = &mut self.blocks[offset / BLOCK_BYTES];
        if *number == 0 {
            self.bits.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            self.bits.push([0; BLOCK_BYTES / UNIT / WORD]);
            *number = self.bits.len() as u32;
        }
        let (word, bit) = (&mut self.bits[*number as usize - 1][unit / WORD], 1 << (unit % WORD));
        let fresh = *word & bit == 0;
        *word |= bit;
        Ok(fresh)
    }
}

/// The numbers of the bits that are set.
fn set_bits(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            bit
        })
    })
}

/// The objects that were reached, with numbers from zero in the order of their addresses. The number of an object is that
/// of the bits before its own, so it takes no table: the bitmaps are one, an eighth of a byte for each eight bytes.
pub(crate) struct Numbers<'r> {
    reached: &'r Reached,
    /// For each bitmap, the number of the first object in its block.
    before: Vec<usize>,
    count: usize,
}

impl Numbers<'_> {
    /// How many objects there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The number of an object; `None` when it was not reached.
    pub(crate) fn of(&self, object: ObjectRef) -> Option<usize> {
        if !self.reached.contains(object) {
            return None;
        }
        let offset = self.reached.offset(object);
        let at = self.reached.blocks[offset / BLOCK_BYTES] as usize - 1;
        let (unit, bits) = (offset % BLOCK_BYTES / UNIT, &self.reached.bits[at]);
        let in_words = bits[..unit / WORD].iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let below = bits[unit / WORD] & ((1 << (unit % WORD)) - 1);
        Some(self.before[at] + in_words + below.count_ones() as usize)
    }
}

impl Trace {
    fn run(&mut self) -> Result<(), AllocError> {
        loop {
            if let Some(object) = self.ahead.next(&mut self.sink.stack) {
                if self.reached.insert(object)? {
                    // SAFETY: a root, or led to by what the program can reach, so it is alive; and the program is stopped.
                    self.look(unsafe { Object::at(object) })?;
                }
            } else if let Some((array, from)) = self.arrays.pop() {
                // SAFETY: as above.
                let array = unsafe { Object::at(array) };
                let to = array.count().min(from + PIECE);
                array.trace_elements(from..to, &mut self.sink);
                if to < array.count() {
                    // There is room: one was taken out.
                    self.arrays.push((array.reference(), to));
                }
            } else if !self.sink.overflowed() {
                return Ok(());
            }
            if self.sink.overflowed() {
                return Err(AllocError::REFUSED);
            }
        }
    }

    /// Looks at an object that was just reached.
    fn look(&mut self, object: Object<'_>) -> Result<(), AllocError> {
        if object.word().has(SIDE_ENTRY) {
            self.look_beside(object)?;
        }
        if object.count() > PIECE && object.info().trace().is_some() {
            self.arrays.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            self.arrays.push((object.reference(), 0));
        } else {
            object.trace(&mut self.sink);
        }
        Ok(())
    }

    /// The object may be an ephemeron, or the key of some.
    fn look_beside(&mut self, object: Object<'_>) -> Result<(), AllocError> {
        let mut next = self.waiting.remove(&object.reference());
        while let Some(index) = next {
            let (value, following) = self.values[index];
            self.sink.push(value);
            next = following;
        }
        if object.info().shape() == Shape::Ephemeron
            // SAFETY: an ephemeron that is alive.
            && let Some((key, value)) = unsafe { Ephemeron::at(object.reference()) }.pair()
        {
            if self.reached.keeps(key) {
                self.sink.push(value);
                return Ok(());
            }
            if self.values.is_empty() {
                self.waiting.try_reserve(self.ephemerons).map_err(|_| AllocError::REFUSED)?;
            }
            self.values.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            self.waiting.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            let first = self.waiting.insert(key, self.values.len());
            self.values.push((value, first));
        }
        Ok(())
    }
}
