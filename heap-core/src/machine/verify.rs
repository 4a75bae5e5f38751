//! The heap verifier: a slow, independent walk that checks what every collector promises.
//!
//! It starts at the roots and follows edges by [`TypeInfo::trace`](crate::collector::TypeInfo::trace) and `relocate` and
//! a table of what it has seen, sharing no state with any collector's marking. The walk makes a [`Snapshot`]; the
//! collector compares it with its own state ([`Collector::verify`]); its [`Census`] is the truth that the conformance kit
//! compares with the model.
//!
//! *Memory first.* A header is read only where an object can be: in the heap's addresses, in a block in use, at the
//! beginning of a large run or else in no hole, not where the next object will be put, and where the collector
//! [agrees](Collector::verify_allocated). So what a collector forgot to update or to keep is usually reported as what it
//! is, rather than by a crash; what was reused since cannot be told from the right object, but for its overlapping another one.
//!
//! Of every object it is checked
//! * that the header is one, not that of an object that has moved away, and that the address suits the type;
//! * that it is allocated to its end, and overlaps no other object;
//! * that a side table, and the list of objects with finalizers, know it exactly when its header says so;
//! * that a permanent object lies in a permanent block, looks reached, and leads to others such only, or was written
//!   and is a root; and that permanent blocks are as many as they were, and no hole of theirs is offered;
//! * that `relocate` reports exactly the edges that `trace` reports, and no slot twice;
//! * that what it names without an edge, as a weak cell or an ephemeron does, is allocated too.

use super::core::HeapCore;
use super::fast_path::FastPath;
use super::interface::Collector;
use super::snapshot::{Edge, Parent, Seen, Snapshot, TypeOf, VerifyError};
use crate::death::WeakCell;
use crate::memory::POISON;
use crate::object::{
    EdgeSink, FINALIZABLE, HASH_ASKED, HASH_STORED, HEADER_BYTES, Intact, Object, ObjectRef, ObjectSet, SIDE_ENTRY,
    STATE_BITS, Shape, SlotSink,
};

/// What the verifier found that the program can reach.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Objects reached, weak cells included.
    pub objects: u64,
    /// Bytes of their footprints, headers included.
    pub bytes: u64,
    /// Of the objects, how many are weak cells.
    pub weak_cells: u64,
    /// Edges between them.
    pub edges: u64,
}

/// Verifies a heap between two pauses.
///
/// # Errors
/// The first broken invariant.
pub(crate) fn verify(fast: &FastPath, core: &HeapCore, collector: &dyn Collector) -> Result<Census, VerifyError> {
    let _pause = crate::fault::pause();
    let mut walk = Walk {
        fast,
        core,
        collector,
        known: core.death.known().collect(),
        finalizable: core.death.finalizers.known().collect(),
        written: core.permanent.written().collect(),
        snapshot: Snapshot::default(),
        scanned: 0,
        ephemerons: Vec::new(),
        edges: EdgeSink::everything(),
        slots: SlotSink::everything(),
    };
    if let Some(root) = core.roots.root() {
        walk.reach(root, Parent::Root)?;
    }
    for object in core.roots.in_handles() {
        walk.reach(object, Parent::Handle)?;
    }
    for object in core.death.finalizers.queued() {
        walk.reach(object, Parent::Queue)?;
    }
    walk.close()?;
    let census = walk.census();
    for object in core.permanent.written() {
        walk.reach(object, Parent::Permanent)?;
    }
    walk.close()?;
    walk.snapshot.reachable = walk.snapshot.objects.len();
    for object in collector.waiting(core) {
        walk.reach(object, Parent::Collector)?;
    }
    walk.close()?;
    walk.check_weak()?;
    walk.check_overlaps()?;
    core.permanent.check_memory(&core.memory).map_err(VerifyError::new)?;
    collector.verify(core, &walk.snapshot)?;
    Ok(census)
}

/// The walk in progress.
struct Walk<'h> {
    fast: &'h FastPath,
    core: &'h HeapCore,
    collector: &'h dyn Collector,
    /// What side tables know.
    known: ObjectSet,
    /// What is registered to be queued when it is dead.
    finalizable: ObjectSet,
    /// Permanent objects that were written.
    written: ObjectSet,
    snapshot: Snapshot<'h>,
    /// Number of the first object whose edges were not followed.
    scanned: usize,
    /// Ephemerons whose values were not reached.
    ephemerons: Vec<usize>,
    edges: EdgeSink,
    slots: SlotSink,
}

impl<'h> Walk<'h> {
    /// A reference was found: the number of the object.
    fn reach(&mut self, reference: ObjectRef, parent: Parent) -> Result<usize, VerifyError> {
        let by_program = self.snapshot.reachable == 0;
        if let Some(number) = self.snapshot.number(reference) {
            self.snapshot.objects[number].references += u64::from(by_program);
            return Ok(number);
        }
        let object = self.look(reference, parent)?;
        let extent = object.extent();
        let number = self.snapshot.objects.len();
        if object.info().shape() == Shape::Ephemeron {
            self.ephemerons.push(number);
        }
        self.snapshot.numbers.insert(reference, number);
        self.snapshot.objects.push(Seen { object, extent, parent, edges: 0..0, references: u64::from(by_program) });
        Ok(number)
    }

    /// Looks at an object for the first time.
    fn look(&self, reference: ObjectRef, parent: Parent) -> Result<Object<'h>, VerifyError> {
        let broken = |what: &str| Err(self.snapshot.broken(reference, parent, what));
        let address = reference.address();
        if !address.is_multiple_of(8) {
            return broken("the address is not a multiple of 8");
        }
        if let Err(what) = self.check_allocated(reference, address - HEADER_BYTES..address) {
            return broken(&what);
        }
        // SAFETY: the header's memory is committed and in use by an object, as far as anybody knows, and the program is
        // stopped. If it was reclaimed and nobody knows, it is still mapped, and the checks below say so as well as they can.
        let intact = unsafe { Intact::at(reference) };
        let word = intact.header().load();
        if word.bits() == usize::from_ne_bytes([POISON; size_of::<usize>()]) {
            return broken("it was reclaimed: its header is poisoned");
        }
        let object = match intact.look() {
            Ok(object) => object,
            Err(to) => {
                return broken(&format!("it has moved to {:p}, and this reference was not updated", to.payload()));
            }
        };
        let description = word.bits() & !STATE_BITS;
        if description == 0 {
            return broken("its header is null");
        }
        if self.core.memory.blocks.contains(description) {
            return broken(&format!("its header is none: {word:?} names a type description inside the heap"));
        }
        let name = || TypeOf(object);
        if !address.is_multiple_of(object.info().align()) {
            return broken(&format!("the address is not aligned as {} asks", name()));
        }
        let bytes = match object.info().shape() {
            // SAFETY: its header says so, and names a description.
            Shape::HeaderSlice => Some(unsafe { reference.slice_len() }),
            _ => object.count().checked_mul(object.info().element_bytes()),
        };
        if bytes.is_none_or(|bytes| bytes > self.core.memory.blocks.reserved_bytes()) {
            return broken(&format!("as {} it has an absurd length: {}", name(), object.count()));
        }
        if let Err(what) = self.check_allocated(reference, object.extent()) {
            return broken(&format!("not all of this ({}) is allocated: {what}", name()));
        }
        Ok(object)
    }

    /// Whether bytes of an object can be its own, as far as memory, allocator and collector know.
    fn check_allocated(&self, object: ObjectRef, bytes: core::ops::Range<usize>) -> Result<(), String> {
        self.core.memory.check_allocated(object.payload(), bytes.clone())?;
        let (cursor, limit) = (self.fast.cursor.get().addr().get(), self.fast.limit.get().addr().get());
        if cursor < limit && bytes.end > cursor && bytes.start < limit {
            return Err("it lies beyond the bump pointer, where the next object will be".into());
        }
        self.collector.verify_allocated(self.core, bytes)
    }

    /// Follows all edges, and the values of ephemerons whose keys were reached.
    fn close(&mut self) -> Result<(), VerifyError> {
        loop {
            while self.scanned < self.snapshot.objects.len() {
                self.scan(self.scanned)?;
                self.scanned += 1;
            }
            let mut ephemerons = core::mem::take(&mut self.ephemerons);
            let mut error = None;
            ephemerons.retain(|&number| match self.pair(number) {
                Some((key, value)) if self.lives(key) => {
                    error = self.reach(value, Parent::ValueOf(number)).err().or(error.take());
                    false
                }
                pair => pair.is_some(),
            });
            // Whatever was found meanwhile comes behind those that wait.
            ephemerons.append(&mut self.ephemerons);
            self.ephemerons = ephemerons;
            if let Some(error) = error {
                return Err(error);
            }
            if self.scanned == self.snapshot.objects.len() {
                return Ok(());
            }
        }
    }

    /// Checks an object that was seen, and reaches what it refers to.
    fn scan(&mut self, number: usize) -> Result<(), VerifyError> {
        let seen = &self.snapshot.objects[number];
        let object = seen.object;
        if let Err(what) = self.check_side_entry(object) {
            return Err(self.snapshot.error(seen, what));
        }
        self.edges.stack.clear();
        self.slots.clear();
        if !object.trace(&mut self.edges) {
            return Err(self.snapshot.error(seen, "the system refuses the memory to look at its edges"));
        }
        let reference = object.reference();
        if let Some(relocate) = object.info().relocate() {
            // SAFETY: the object is sound by what was checked, and nothing else looks at it.
            unsafe { relocate(reference.payload().as_ptr(), object.count(), &mut self.slots) };
        }
        let sink = core::mem::take(&mut self.slots);
        let slots = sink.list();
        // SAFETY: the slots were reported by this object and it was not borrowed since.
        let targets: Vec<ObjectRef> = slots.iter().map(|slot| unsafe { slot.read() }).collect();
        let sorted = |mut list: Vec<ObjectRef>| {
            list.sort_unstable();
            list
        };
        let mut distinct = slots.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != slots.len() {
            return Err(self.snapshot.error(seen, "`relocate` reports a slot twice"));
        }
        if sorted(targets.clone()) != sorted(self.edges.stack.clone()) {
            let (by_edge, by_slot) = (self.edges.stack.len(), slots.len());
            let what = format!(
                "`trace` reports {by_edge} edges and `relocate` {by_slot}, or others: the implementation of `Trace` is wrong"
            );
            return Err(self.snapshot.error(seen, what));
        }
        let is_permanent = |object: ObjectRef| self.core.memory.blocks.is_permanent(object.address());
        let leads_to_mortal = self.edges.stack.iter().any(|&target| !is_permanent(target));
        let permanent = &self.core.permanent;
        if let Err(what) = permanent.check(object, is_permanent(reference), leads_to_mortal, &self.written) {
            return Err(self.snapshot.error(seen, what));
        }
        let (first, extent) = (self.snapshot.edges.len(), seen.extent());
        for (slot, target) in slots.iter().zip(targets) {
            let at = slot.addr().get();
            let offset = extent.contains(&at).then(|| at - reference.address());
            let target = self.reach(target, Parent::Slot { parent: number, offset })?;
            self.snapshot.edges.push(Edge { target, offset });
        }
        self.snapshot.objects[number].edges = first..self.snapshot.edges.len();
        self.slots = sink;
        Ok(())
    }

    fn check_side_entry(&self, object: Object<'_>) -> Result<(), &'static str> {
        let (asked, stored) = (object.word().has(HASH_ASKED), object.word().has(HASH_STORED));
        if asked && (stored || !self.core.capabilities.moves) || stored != (object.info().hash_bytes() != 0) {
            return Err("its header contradicts itself about its identity hash");
        }
        if object.word().has(FINALIZABLE) != self.finalizable.contains(&object.reference()) {
            return Err("its header and the list of objects with finalizers disagree");
        }
        let in_table = object.info().shape() > Shape::Slice;
        match (object.word().has(SIDE_ENTRY), self.known.contains(&object.reference())) {
            (false, true) => Err("a side table knows it, and its header denies that"),
            (false, false) if in_table => Err("it belongs to a side table, and its header denies that"),
            (true, false) if !in_table && !self.core.death.has_shared_side_entries() => {
                Err("its header says that a side table knows it, and none does")
            }
            _ => Ok(()),
        }
    }

    /// Whether the key of an ephemeron was reached, or never dies.
    fn lives(&self, key: ObjectRef) -> bool {
        self.snapshot.numbers.contains_key(&key) || self.core.memory.blocks.is_permanent(key.address())
    }

    /// Key and value of an ephemeron.
    fn pair(&self, number: usize) -> Option<(ObjectRef, ObjectRef)> {
        self.core.death.ephemerons.pair_of(self.snapshot.objects[number].object.reference())
    }

    /// What is named without an edge is reachable or garbage, and intact in any case.
    fn check_weak(&self) -> Result<(), VerifyError> {
        let check = |object: ObjectRef, parent| match self.snapshot.number(object) {
            Some(_) => Ok(()),
            None => self.look(object, parent).map(|_| ()),
        };
        for (number, seen) in self.snapshot.objects.iter().enumerate() {
            match seen.object.info().shape() {
                Shape::WeakCell => {
                    // SAFETY: a weak cell that is alive.
                    if let Some(target) = unsafe { WeakCell::at(seen.object.reference()) }.target() {
                        check(target, Parent::WeakCell(number))?;
                    }
                }
                Shape::Ephemeron => {
                    if let Some((key, value)) = self.pair(number) {
                        check(key, Parent::KeyOf(number))?;
                        check(value, Parent::ValueOf(number))?;
                    }
                }
                Shape::Sized | Shape::HeaderSlice | Shape::Slice => {}
            }
        }
        Ok(())
    }

    fn check_overlaps(&self) -> Result<(), VerifyError> {
        let mut by_address: Vec<&Seen<'h>> = self.snapshot.objects.iter().collect();
        by_address.sort_unstable_by_key(|seen| seen.extent.start);
        match by_address.windows(2).find(|pair| pair[1].extent.start < pair[0].extent.end) {
            Some(pair) => Err(self.snapshot.overlap(pair[1], pair[0])),
            None => Ok(()),
        }
    }

    fn census(&self) -> Census {
        let is_cell = |seen: &&Seen<'_>| seen.object.info().shape() == Shape::WeakCell;
        Census {
            objects: self.snapshot.objects.len() as u64,
            bytes: self.snapshot.objects.iter().map(|seen| seen.extent.len() as u64).sum(),
            weak_cells: self.snapshot.objects.iter().filter(is_cell).count() as u64,
            edges: self.snapshot.edges.len() as u64,
        }
    }
}
