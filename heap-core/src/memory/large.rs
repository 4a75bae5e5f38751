//! Large objects: each gets a run of whole blocks of its own.
//!
//! *What it represents.* A slab of entries, one per large object, and a map from a run's first block to its entry. An
//! object that dies gives its whole run back at once; it is never moved, and shares lines with nobody.
//!
//! *Invariant.* Every entry in use owns exactly one run of [`Blocks`], whose head block is in the map. The payload lies
//! in the head block, or, when it is aligned to a block or more, at the very start of the second one: so an entry is
//! found from its payload's address by at most two lookups.
//!
//! *Why no header at the start of the run.* Sweeping would then read a cold line, and probably a cold page-table entry,
//! for each large object. The slab is dense, and walking it touches no object.
//!
//! *Why not a tree by address.* Runs are exclusive, so the block number is already a perfect key.

use super::blocks::{BLOCK_BYTES, BlockIndex, BlockKind, BlockMap, Blocks, CHARGE_PAGE};
use crate::error::AllocError;
use core::ptr::NonNull;

/// One large object.
#[derive(Clone, Copy, Debug)]
pub struct LargeObject {
    /// Where the payload begins; the prefix lies before it.
    pub payload: NonNull<u8>,
    /// The first block of its run.
    pub head: BlockIndex,
    /// How many blocks the run has.
    pub blocks: u32,
    /// The payload's size in bytes.
    pub bytes: usize,
    /// Born since young objects were last taken or examined.
    pub young: bool,
}

/// The heap's large objects.
#[derive(Debug, Default)]
pub struct LargeSpace {
    slab: Vec<Option<LargeObject>>,
    vacant: Vec<u32>,
    by_head: BlockMap<u32>,
    /// Entries born since the last collection; may name entries that died or were examined already.
    young: Vec<u32>,
    bytes: usize,
    count: usize,
}

// SAFETY: the payload pointers are only addresses to this type: it never reads or writes through them, and hands them
// only to the code that owns the heap.
unsafe impl Send for LargeSpace {}
// SAFETY: as above; through a shared reference nothing changes.
unsafe impl Sync for LargeSpace {}

impl LargeSpace {
    /// A space without objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allocates `bytes` of payload at a multiple of `align` (at least 8), with at least `prefix` bytes in front of it
    /// that belong to the object. The contents are unspecified. The object is young.
    ///
    /// Charged are the 4 KiB pages that prefix and payload overlap.
    ///
    /// # Errors
    ///
    /// Any of [`AllocError`]; nothing has changed then.
    ///
    /// # Panics
    ///
    /// When `align` is not a power of two, or `prefix` is half a block or more.
    pub fn allocate(
        &mut self,
        blocks: &mut Blocks,
        bytes: usize,
        prefix: usize,
        align: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        assert!(align.is_power_of_two() && prefix < BLOCK_BYTES / 2, "no object has such a layout");
        let too_large = AllocError::TOO_LARGE;
        let refused = AllocError::REFUSED;
        // A payload aligned to blocks begins the second block, and its prefix ends the first one.
        let align = align.max(8);
        let offset = if align >= BLOCK_BYTES { BLOCK_BYTES } else { prefix.next_multiple_of(align) };
        let end = offset.checked_add(bytes.max(1)).ok_or(too_large)?;
        let n = end.div_ceil(BLOCK_BYTES);
        if n > blocks.total_blocks() {
            return Err(too_large);
        }
        let charge = end.next_multiple_of(CHARGE_PAGE) - (offset - prefix) / CHARGE_PAGE * CHARGE_PAGE;

        if self.vacant.is_empty() && self.slab.len() >= u32::MAX as usize {
            return Err(refused);
        }
        self.slab.try_reserve(1).map_err(|_| refused)?;
        // Room for every entry, so that freeing never allocates.
        self.vacant.try_reserve((self.slab.len() + 1).saturating_sub(self.vacant.len())).map_err(|_| refused)?;
        self.young.try_reserve(1).map_err(|_| refused)?;
        self.by_head.try_reserve(1).map_err(|_| refused)?;
        let head = blocks.allocate_run_with(n, BlockKind::LargeHead, BlockKind::LargeTail, charge, align)?;

        // SAFETY: `offset < end <= n * BLOCK_BYTES`, the length of the run just allocated.
        let payload = unsafe { blocks.address_of(head).add(offset) };
        debug_assert!(payload.addr().get().is_multiple_of(align));
        let object = LargeObject { payload, head, blocks: BlockIndex::new(n).0, bytes, young: true };
        let entry = match self.vacant.pop() {
            Some(entry) => entry,
            None => {
                self.slab.push(None);
                BlockIndex::new(self.slab.len() - 1).0
            }
        };
        self.slab[entry as usize] = Some(object);
        self.by_head.insert(head.0, entry);
        if self.young.len() > 2 * self.slab.len() {
            self.compact_young();
        }
        self.young.push(entry);
        self.bytes += bytes;
        self.count += 1;
        Ok(payload)
    }

    /// Drops dead and repeated entries from the young list, so that a collector that never asks for young objects does
    /// not pay for them for ever. Amortised over the allocations that made the list twice as long as the slab.
    fn compact_young(&mut self) {
        let slab = &self.slab;
        self.young.clear();
        // The list was longer than the slab, so this stays within its capacity.
        self.young.extend(
            (0..).zip(slab).filter_map(|(entry, object): (u32, _)| {
                object.filter(|object: &LargeObject| object.young).map(|_| entry)
            }),
        );
    }

    fn entry_of(&self, blocks: &Blocks, payload: NonNull<u8>) -> Option<u32> {
        let address = payload.addr().get();
        if !blocks.contains(address) {
            return None;
        }
        let block = blocks.block_of(address).0;
        let entry = self.by_head.get(&block).or_else(|| self.by_head.get(&block.checked_sub(1)?))?;
        self.slab[*entry as usize].filter(|object| object.payload == payload).map(|_| *entry)
    }

    /// The object whose payload begins exactly here. O(1).
    pub fn get(&self, blocks: &Blocks, payload: NonNull<u8>) -> Option<&LargeObject> {
        let entry = self.entry_of(blocks, payload)?;
        self.slab[entry as usize].as_ref()
    }

    /// All objects, in no particular order. The objects themselves are not touched.
    pub fn iter(&self) -> impl Iterator<Item = &LargeObject> {
        self.slab.iter().flatten()
    }

    /// Frees one object, given its payload. Returns the bytes discharged.
    ///
    /// # Panics
    ///
    /// When no large object begins there.
    pub fn free(&mut self, blocks: &mut Blocks, payload: NonNull<u8>) -> usize {
        let entry = self.entry_of(blocks, payload).expect("freeing a large object that does not exist");
        self.free_entry(blocks, entry)
    }

    fn free_entry(&mut self, blocks: &mut Blocks, entry: u32) -> usize {
        let Some(object) = self.slab[entry as usize].take() else {
            return 0;
        };
        self.by_head.remove(&object.head.0);
        self.vacant.push(entry);
        self.bytes -= object.bytes;
        self.count -= 1;
        blocks.free_run(object.head)
    }

    /// Frees every object for which `keep` says no. Returns the bytes discharged. If `keep` panics, the objects not
    /// yet asked about stay.
    pub fn retain(&mut self, blocks: &mut Blocks, mut keep: impl FnMut(NonNull<u8>) -> bool) -> usize {
        let mut freed = 0;
        for entry in 0..self.slab.len() {
            if let Some(object) = self.slab[entry]
                && !keep(object.payload)
            {
                freed += self.free_entry(blocks, BlockIndex::new(entry).0);
            }
        }
        freed
    }

    /// Asks about the young objects only: those kept are old from now on, the others are freed. Returns the bytes
    /// discharged. Costs the young objects, however many old ones there are. If `keep` panics, the objects not yet
    /// asked about stay young.
    pub fn retain_young(&mut self, blocks: &mut Blocks, mut keep: impl FnMut(NonNull<u8>) -> bool) -> usize {
        let mut freed = 0;
        while let Some(&entry) = self.young.last() {
            // A dead or repeated entry is skipped: its object is gone, or not young any more.
            if let Some(object) = self.slab[entry as usize].filter(|object| object.young) {
                if keep(object.payload) {
                    self.set_old(entry);
                } else {
                    freed += self.free_entry(blocks, entry);
                }
            }
            self.young.pop();
        }
        freed
    }

    /// Makes all young objects old, calling `each` with the payload of every one.
    pub fn take_young(&mut self, mut each: impl FnMut(NonNull<u8>)) {
        while let Some(&entry) = self.young.last() {
            if let Some(object) = self.slab[entry as usize].filter(|object| object.young) {
                each(object.payload);
                self.set_old(entry);
            }
            self.young.pop();
        }
    }

    /// The payloads of all young objects.
    pub fn young(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.iter().filter(|object| object.young).map(|object| object.payload)
    }

    fn set_old(&mut self, entry: u32) {
        if let Some(object) = &mut self.slab[entry as usize] {
            object.young = false;
        }
    }

    /// Forgets all objects: their blocks are permanent.
    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// Bytes of the slab, the map and the lists.
    pub fn side_bytes(&self) -> usize {
        self.slab.capacity() * size_of::<Option<LargeObject>>()
            + self.by_head.capacity() * (2 * size_of::<u32>() + 1)
            + (self.vacant.capacity() + self.young.capacity()) * size_of::<u32>()
    }

    /// Payload bytes of all objects.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many objects there are.
    pub fn count(&self) -> usize {
        self.count
    }
}
