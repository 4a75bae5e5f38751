//! Permanent memory: everything that is alive at one moment is never looked at, moved or freed again.
//!
//! A program that loads its library of classes, its tables, its prelude, and then runs, pays for them in every full
//! collection. After [`Heap::freeze`](crate::Heap::freeze) it does not.
//!
//! *What it represents.* Freezing completes a full collection and then makes all that is alive permanent, and with it
//! all blocks in use: [`BlockKind::Permanent`](crate::memory::BlockKind). Memory of that kind is outside of sweep,
//! allocation and evacuation, because all three ask for blocks of another kind. What is free between the living of such
//! a block is lost; [`Statistics`](crate::Statistics) says how much it is.
//!
//! *How a collector knows.* Not by a test: a program that never freezes would pay for it. A permanent object's header
//! says that it was reached, to whatever marking asks: all colours, an epoch that lacks nothing, the count that never
//! changes. So it is found marked by the one test that is made of every object, and nothing that only permanent objects
//! lead to is looked at.
//!
//! *Writes.* What is alive at one moment leads only to what is alive at that moment. So a permanent object leads to
//! permanent ones, as long as nobody writes to it, and while that is known its header has
//! [`PERMANENT`](crate::object::PERMANENT), which is in the barrier's mask from then on. The first write *thaws* the
//! object: from then on it is an object like any other, for barrier and collector, apart from two things. It is on a
//! list of roots for ever, and its memory is never given back. A marking reaches it in its turn and with it what it
//! leads to now; a counting collector counts from then on what it gains, and does not count what it loses, which is
//! permanent. So no collector has a way of its own for written permanent objects, and the snapshot that a marking in
//! progress keeps is not concerned: at its beginning the object led to permanent ones only. What holds no pointers need
//! not thaw.
//!
//! *Freezing again* adds what was made since, and the written objects are as on the first day: what they lead to is
//! permanent now.
//!
//! *Which are alive* is found by a trace of its own, the same for every collector ([`Alive`](super::Alive)). In a
//! counting heap also what only a garbage cycle holds may come back through a weak pointer; so all that the tables of
//! death name is taken along. The tables are not frozen: they change with what is weak, and are walked as before. But
//! lists of drop glue are, and run when the heap is dropped.
//!
//! *Why the whole heap, and not some objects?* Where nothing moves, a part of it cannot be gathered in blocks of its
//! own. *Why is there no way back?* The counts are lost, the holes between the living too, and nobody could tell which
//! of the objects the program still reaches without a look at all of them: a full collection of a heap in which nothing
//! is permanent. *Why not one range of addresses,* below which nothing is traced? It would have to contain all blocks
//! that were in use at that moment and the free ones between them, which nobody could use then.

use crate::memory::{BlockKind, Memory, Segments};
use crate::object::{COLLECTOR_BITS, Object, ObjectRef, ObjectSet, PERMANENT};

/// What of a heap is permanent.
#[derive(Default)]
pub struct Permanent {
    /// Permanent objects that were written: roots. In segments, because a barrier appends to them: none of it is ever
    /// copied.
    written: Segments<ObjectRef>,
    /// Bytes of those that are looked at.
    written_bytes: u64,
    /// The collector's bits in the headers of those that were not.
    bits: usize,
    /// Permanent objects that no collection looks at, and their bytes.
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// Blocks, and the bytes that they are charged.
    pub(super) blocks: usize,
    pub(super) block_bytes: u64,
}

impl Permanent {
    /// Whether nothing is permanent.
    pub fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    /// The permanent objects that were written: they never die, and may lead to any object.
    pub fn written(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.written.iter()
    }

    /// Bytes of the permanent objects that a marking looks at, because they were written: what it reaches and no sweep
    /// finds.
    pub fn written_bytes(&self) -> usize {
        self.written_bytes as usize
    }

    /// Bytes of permanent blocks that no collection has to do with, because nothing in them was written: what a
    /// collector that paces itself by the blocks in use takes off.
    pub fn frozen_bytes(&self) -> usize {
        self.block_bytes.saturating_sub(self.written_bytes) as usize
    }

    /// Bytes of the list.
    pub(super) fn side_bytes(&self) -> usize {
        self.written.memory_bytes()
    }

    /// An object with [`PERMANENT`] is about to be written for the first time: it is an ordinary object from now on,
    /// with these collector bits, and a root. With the bits of a permanent object, for a collector that counts, it goes
    /// on being counted among those that no collection looks at.
    ///
    /// # Panics
    /// When the system refuses memory for the list of roots. Nothing has changed then.
    #[cold]
    #[inline(never)]
    pub fn thaw<'h>(&mut self, object: Object<'h>, bits: usize) -> Object<'h> {
        let word = object.word();
        debug_assert!(word.has(PERMANENT) && bits & !COLLECTOR_BITS == 0);
        assert!(
            self.written.try_push(object.reference()).is_ok(),
            "the write barrier is refused memory to note that a permanent object changes; the object was not changed"
        );
        let thawed = word.without(PERMANENT).replace(COLLECTOR_BITS, bits);
        if thawed != word.without(PERMANENT) {
            self.objects -= 1;
            self.bytes -= object.size() as u64;
            self.written_bytes += object.size() as u64;
        }
        object.header().store(thawed);
        // SAFETY: the same look at the same object, for as long.
        unsafe { Object::at(object.reference()) }
    }

    /// So many objects more are permanent, with these collector bits, and all memory in use. What was written leads to
    /// permanent objects only now.
    pub(super) fn add(&mut self, memory: &mut Memory, bits: usize, objects: u64, bytes: u64) {
        self.written = Segments::default();
        self.written_bytes = 0;
        self.bits = bits;
        self.objects += objects;
        self.bytes += bytes;
        let (blocks, block_bytes) = memory.make_permanent();
        self.blocks += blocks;
        self.block_bytes += block_bytes as u64;
    }

    // ---- for the verifier ----

    /// What is wrong with an object, of which it is known whether it lies in permanent memory, and whether all that it
    /// leads to does. `written` are the objects that were.
    pub(super) fn check(
        &self,
        object: Object<'_>,
        is_permanent: bool,
        leads_to_mortal: bool,
        written: &ObjectSet,
    ) -> Result<(), &'static str> {
        let (word, written) = (object.word(), written.contains(&object.reference()));
        if self.is_empty() {
            return if word.has(PERMANENT) {
                Err("its header says that it is permanent, and nothing is")
            } else {
                Ok(())
            };
        }
        match (is_permanent, word.has(PERMANENT), word.bits() & COLLECTOR_BITS == self.bits) {
            (false, true, _) => Err("its header says that it is permanent, and its block is not"),
            (false, _, true) => Err("it has the bits of a permanent object, and its block is not permanent"),
            (true, true, false) => Err("it is permanent, and lacks the bits by which a collector finds it reached"),
            (true, true, true) if leads_to_mortal => {
                Err("it is permanent, no write was noted, and it leads to what may die")
            }
            (true, true, _) if written => Err("it is permanent, and listed as written, and its header denies that"),
            (true, false, bits) if !written && (object.info().trace().is_some() || !bits) => {
                Err("it is permanent, its writes are not noted, and it is not among the roots")
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with permanent memory.
    pub(super) fn check_memory(&self, memory: &Memory) -> Result<(), String> {
        let (mut blocks, mut offered) = (0, 0);
        for block in memory.blocks.blocks_of_kind(BlockKind::Permanent) {
            blocks += 1;
            offered += usize::from(!memory.holes.free_lines(block).is_empty() || memory.holes.is_by_units(block));
        }
        if blocks != self.blocks {
            return Err(format!("{} blocks became permanent, and {blocks} are", self.blocks));
        }
        if offered > 0 {
            return Err(format!("holes of {offered} permanent blocks are offered to new objects"));
        }
        Ok(())
    }
}
