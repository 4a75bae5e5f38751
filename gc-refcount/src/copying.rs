//! Copying: what survives its first epoch moves together (an option of the collector).
//!
//! An object that nothing counted refers to when an epoch ends is never looked at, and its memory is free. What survives
//! lies between such objects, and stays where it is: a block with one survivor is a block with holes, through which the
//! program allocates next. With copying, young objects are born in fresh blocks, and those that become counted move out
//! of them, into the holes of older blocks. So the fresh blocks are empty after the epoch, the program goes on bumping
//! through whole blocks, and survivors lie side by side in the order in which they were reached. (Shahriyar, Blackburn, Yang
//! and McKinley, 2013, call it proactive copying; LXR evacuates its young objects too.)
//!
//! *Why it is possible.* An object that was counted may be referred to from anywhere, and a counting collector cannot find
//! these places. One that was not counted when the epoch began is referred to by new roots, by objects that were written in
//! the epoch, which are logged, and by others that became counted with it: three lists. So what moves are objects in blocks
//! that were fresh, in the epoch that first counts them, and never again (rule R55).
//!
//! *When.* After increments, decrements and the collection of cycles, before the burial. By then nothing waits on a work
//! list, and whatever the epoch found out about an object stands in its header, which moves too. Objects whose addresses a
//! table knows stay: those with a weak cell, an ephemeron or a finalizer ([`SIDE_ENTRY`]), weak cells and ephemerons
//! themselves, what was asked for its identity hash, candidates of the cycle collection, counts that do not fit their
//! header. So does what has blocks of its own. The lists name objects, and each object's slots are visited once.
//!
//! *Why not while counting*, as a scavenger does? A work list of slots instead of targets, of which each step would read
//! its target twice, and the log would have to be compared by what its slots were. And an object could die after it was
//! moved: the decrements come later.
//!
//! *When not.* Where most of what was allocated survives, blocks are dense as they are. What is listed is decided by the last
//! epoch; what moves, by what this one found.
//!
//! *What can fail.* If the system refuses memory for the lists, nothing moves in this epoch. If there is no room for a copy,
//! the object stays. Slots in a `Vec` that an object owns may need memory for the list of slots: if that is refused, the process
//! aborts as it does for any vector.

use core::ops::Range;

use heap_core::collector::memory::{LineTable, Memory, Segments};
use heap_core::collector::object::{FINALIZABLE, HASH_ASKED, HASH_STORED, SIDE_ENTRY};
use heap_core::collector::{Cards, HeapCore, Intact, Measured, Object, ObjectRef, Shape, SlotSink, prefetch};

use crate::count::{BUFFERED, SPILLED, is_counted};
use crate::space::Space;

/// A table may know the address of an object that has one of these.
const STAYS: usize = SIDE_ENTRY | FINALIZABLE | HASH_ASKED | HASH_STORED | BUFFERED | SPILLED;

/// Slots for which there is memory in advance: of an object that shares its blocks, or a piece of an array of pairs.
const SLOTS: usize = 2048;

/// Where slots may be that lead to objects which became counted in this epoch.
pub(crate) struct Survivors {
    /// These objects themselves.
    objects: Segments<ObjectRef>,
    /// Older objects that were written and refer to something that they did not refer to before: which elements.
    written: Segments<(ObjectRef, usize, usize)>,
    slots: SlotSink,
    refused: bool,
}

impl Default for Survivors {
    fn default() -> Self {
        Survivors {
            objects: Segments::default(),
            written: Segments::default(),
            slots: SlotSink::everything(),
            refused: false,
        }
    }
}

impl Survivors {
    /// An object became counted.
    #[inline(always)]
    pub(crate) fn list(&mut self, object: ObjectRef) {
        self.refused |= self.objects.try_push(object).is_err();
    }

    /// An object that was counted before was written, and refers to something else than before.
    pub(crate) fn list_written(&mut self, object: Object<'_>) {
        let count = object.count();
        self.refused |= self.written.try_push((object.reference(), 0, count)).is_err();
    }

    /// The same of some cards of an array.
    pub(crate) fn list_cards(&mut self, lines: &LineTable, array: Object<'_>, cards: Range<usize>) {
        let Range { start, end } = Cards::of(lines, array).elements(cards);
        self.refused |= self.written.try_push((array.reference(), start, end)).is_err();
    }

    /// Moves what may move, if everything is listed. Returns the bytes moved.
    pub(crate) fn move_all(&mut self, core: &mut HeapCore, space: &mut Space) -> usize {
        if self.refused || !self.slots.reserve(SLOTS) {
            return 0;
        }
        let moved = self.copy(&mut core.memory, space);
        if moved > 0 {
            self.update(core, space);
        }
        moved
    }

    /// Empties the lists, and keeps memory for as many entries as an ordinary epoch has.
    pub(crate) fn forget(&mut self) {
        const KEPT: usize = 1 << 16;
        self.refused = false;
        self.objects.clear();
        self.objects.shrink_to(KEPT);
        self.written.clear();
        self.written.shrink_to(KEPT);
    }

    /// Copies the objects that may move, and lists them where they are then.
    fn copy(&mut self, memory: &mut Memory, space: &mut Space) -> usize {
        let mut moved = 0;
        let mut has_room = true;
        self.objects.retain_from(0, prefetch, |_, reference| {
            // SAFETY: it became counted in this epoch and is listed once; the memory of what has died since is intact.
            let object = unsafe { Object::at(reference) };
            if !is_counted(object.word()) {
                return None;
            }
            if !has_room || object.word().bits() & STAYS != 0 || !space.is_fresh(memory, reference.address()) {
                return Some(reference);
            }
            let measured = object.measure();
            if !may_move(&measured) {
                return Some(reference);
            }
            let Some(payload) = space.place(memory, measured.request()) else {
                has_room = false;
                return Some(reference);
            };
            // SAFETY: the place was just found for an object like this one; the word is its own.
            let now = unsafe { measured.move_to(payload, object.word()) };
            space.release(memory, reference, measured.extent(), measured.info());
            space.retain(memory, now.extent(), now.info());
            moved += now.bytes();
            Some(now.object().reference())
        });
        moved
    }

    /// Updates all slots that may lead to what has moved. Headers are looked at in blocks that were fresh only: of a large
    /// array that was written as a whole, most targets are old and not in the cache.
    fn update(&mut self, core: &mut HeapCore, space: &Space) {
        let Survivors { objects, written, slots, .. } = self;
        let memory = &core.memory;
        let now = |target: Intact<'_>| {
            let is_fresh = space.is_fresh(memory, target.reference().address());
            if is_fresh { target.header().load().forwarded() } else { None }
        };
        // SAFETY: the program is stopped, and no memory is reused before the epoch is over. What is visited was not dropped.
        let mut slots = unsafe { slots.begin() };
        let everything = objects.iter().map(|object| (object, 0, usize::MAX));
        for (reference, from, to) in everything.chain(written.iter()) {
            // SAFETY: the lists name objects where they are now, and what has died in this epoch is intact.
            slots.update(unsafe { Object::at(reference) }, from..to, now);
        }
        core.roots.update_created(|root| {
            // SAFETY: a handle keeps its target alive, or did until this epoch; what has moved is intact.
            if let Some(now) = now(unsafe { Intact::at(*root) }) {
                *root = now;
            }
        });
    }

    /// Gives back all memory of the empty lists.
    pub(crate) fn give_back(&mut self) {
        self.objects.shrink_to(0);
        self.written.shrink_to(0);
        self.slots.release();
    }

    /// Bytes of the lists.
    pub(crate) fn side_bytes(&self) -> usize {
        self.objects.memory_bytes() + self.written.memory_bytes() + self.slots.touched_bytes()
    }
}

/// Whether an object can be moved as it is: it shares its blocks, and no list names it that does not stand in its header.
fn may_move(object: &Measured<'_>) -> bool {
    object.shares_blocks() && !matches!(object.info().shape(), Shape::WeakCell | Shape::Ephemeron)
}
