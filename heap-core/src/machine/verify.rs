//! The heap verifier: a slow, independent walk from the roots that checks what every collector promises.
//!
//! It follows edges with `trace` and an ordinary set of visited objects, sharing no state with any collector's marking,
//! and checks for every object it reaches: that it lies in a block in use and in no hole of the index, that its header is neither forwarded nor a
//! description that makes no sense, that it ends in a block of the same kind, that it has a weak cell exactly when its header
//! says so, that `relocate` reports exactly the edges that
//! `trace` reported, and whatever the collector says about its own state
//! ([`Collector::verify_object`]). Its census is the truth that the conformance kit compares with the model.

use std::collections::{HashMap, HashSet};

use super::core::HeapCore;
use super::interface::Collector;
use crate::memory::BlockKind;
use crate::object::{EdgeSink, Object, ObjectRef, ObjectSet, SIDE_ENTRY, STATE_BITS, Shape, SlotSink};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyError {
    /// What is wrong, with the object's address and type.
    pub message: String,
}

impl core::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for VerifyError {}

/// What a walk from the roots found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verifier {
    /// Objects reached, weak cells included.
    pub objects: u64,
    /// Bytes of their footprints, headers included.
    pub bytes: u64,
    /// Of the objects, how many are weak cells.
    pub weak_cells: u64,
    /// Edges between them.
    pub edges: u64,
}

impl Verifier {
    /// Walks the heap.
    ///
    /// # Errors
    /// The first broken invariant.
    pub(crate) fn run(core: &mut HeapCore, collector: &dyn Collector) -> Result<Self, VerifyError> {
        let _pause = crate::fault::pause();
        let mut census = Verifier::default();
        let mut incoming: HashMap<ObjectRef, u64> = HashMap::new();
        let mut pending: Vec<ObjectRef> = core.every_root().collect();
        let known: ObjectSet = core.death.known().collect();
        let mut edges = EdgeSink::everything();
        let mut slots = SlotSink::everything();
        let mut ephemerons: Vec<ObjectRef> = Vec::new();
        loop {
            let Some(object) = pending.pop() else {
                // Everything else was reached: an ephemeron whose key was leads to its value.
                ephemerons.retain(|&ephemeron| match core.death.ephemerons.pair_of(ephemeron) {
                    Some((key, value)) if incoming.contains_key(&key) => {
                        pending.push(value);
                        false
                    }
                    pair => pair.is_some(),
                });
                if pending.is_empty() {
                    break;
                }
                continue;
            };
            let references = incoming.entry(object).or_default();
            *references += 1;
            if *references > 1 {
                continue;
            }
            let fail = |what: &str| Err(VerifyError { message: format!("{object:?}: {what}") });
            if !object.address().is_multiple_of(8) {
                return fail("the address is not a multiple of 8");
            }
            if !core.memory.blocks.contains(object.address()) {
                return fail("the address is outside the heap's reservation");
            }
            let block = core.memory.blocks.block_of(object.address());
            if block >= core.memory.blocks.high_water() {
                return fail("the address is in a block that was never used");
            }
            let kind = core.memory.blocks.kind(block);
            if kind == BlockKind::Free {
                return fail("the object lies in a free block");
            }
            // SAFETY: the address lies in a committed block in use and was reported by an edge or a root, so there is a
            // header in front of it; if the collector reclaimed it, the memory is still mapped and the checks below say
            // so as well as they can.
            let word = unsafe { object.header() }.load();
            if let Some(to) = word.forwarded() {
                return fail(&format!("an edge was not updated: the object moved to {to:?}"));
            }
            if word.bits() & !STATE_BITS == 0 {
                return fail("the header is null");
            }
            // SAFETY: as above; the header is not forwarded.
            let info = unsafe { word.type_info() };
            let in_type = |what: &str| Err(VerifyError { message: format!("{object:?} ({}): {what}", info.name()) });
            if !object.address().is_multiple_of(info.align()) {
                return in_type("the payload is not aligned as its type asks");
            }
            // SAFETY: the object is live by what was checked.
            let (extent, count) = unsafe { object.measure(info) };
            // A block promoted in place may hold an object that reaches into the next one; both must be in use.
            let last = core.memory.blocks.block_of(extent.end - 1);
            if kind == BlockKind::Small && core.memory.blocks.kind(last) != BlockKind::Small {
                return in_type("the object reaches into a block that is not a small one");
            }
            if kind == BlockKind::Small && core.memory.is_offered(extent.clone()) {
                return in_type("the object lies where the allocator will put the next one");
            }
            match (word.has(SIDE_ENTRY), known.contains(&object)) {
                (false, true) => return in_type("a side table knows it, and its header denies that"),
                (false, false) if info.shape() > Shape::Slice => {
                    return in_type("it belongs to a side table, and its header denies that");
                }
                (true, false) if info.shape() <= Shape::Slice && !core.death.has_shared_side_entries() => {
                    return in_type("its header says that a side table knows it, and none does");
                }
                _ => {}
            }
            census.objects += 1;
            census.bytes += (extent.end - extent.start) as u64;
            match info.shape() {
                Shape::WeakCell => census.weak_cells += 1,
                Shape::Ephemeron => ephemerons.push(object),
                Shape::Sized | Shape::Slice => {}
            }
            edges.stack.clear();
            slots.slots.clear();
            // SAFETY: the object is live by what was checked, and nothing else runs.
            unsafe { Object::at(object) }.trace(&mut edges);
            if edges.overflowed() {
                return in_type("the system refuses the memory to look at its edges");
            }
            if let Some(relocate) = info.relocate() {
                // SAFETY: as above; the heap is exclusively borrowed.
                unsafe { relocate(object.payload().as_ptr(), count, &mut slots) };
            }
            // SAFETY: the slots were reported by this object and it was not borrowed since.
            let mut by_slot: Vec<ObjectRef> = slots.slots.iter().map(|slot| unsafe { slot.read() }).collect();
            let distinct: HashSet<_> = slots.slots.iter().collect();
            if distinct.len() != slots.slots.len() {
                return in_type("`relocate` reports a slot twice");
            }
            let mut by_edge = edges.stack.clone();
            by_slot.sort_unstable();
            by_edge.sort_unstable();
            if by_slot != by_edge {
                return in_type(&format!(
                    "`trace` reports {} edges and `relocate` {}: the implementation of `Trace` is wrong",
                    by_edge.len(),
                    by_slot.len()
                ));
            }
            if let Err(what) = collector.verify_object(core, object, &edges.stack) {
                return in_type(&what);
            }
            census.edges += edges.stack.len() as u64;
            pending.extend_from_slice(&edges.stack);
        }
        collector.verify_references(core, &incoming).map_err(|message| VerifyError { message })?;
        Ok(census)
    }
}
