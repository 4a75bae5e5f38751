//! `snapshot`: the heap of a real program, rebuilt, mutated, and checked against a model after every round.
//!
//! One object of the snapshot becomes one object here, with as many pointer slots as it had references and padded with
//! empty slots to the size that it had. The padding is honest about size and a little unkind to collectors: the text of
//! a string is scanned as if it were empty references. Where it would be a page or more, there is an object without
//! pointers instead, to which the last slot leads: buffers and long strings are not scanned, and nobody touches them, so
//! gigabytes of them take address space and no memory.
//!
//! What the model says is computed in [`Replay::prepare`], before the clock starts: the rounds of operations, and the
//! exact set of objects that must be alive after each. The replay finds objects through a table of weak pointers, and
//! that table is the check: after a full collection the entry of every object must upgrade exactly if the model says
//! that it is alive. Pure counting keeps the garbage that cycles hold, and `nogc` keeps everything: there, objects that
//! are alive must upgrade, and the others may; they are counted as leaked.
//!
//! Who is alive is not yet the whole heap: a collector could keep every object and mix up what they point to. So after
//! the last round every slot of every object that is alive is compared with the model. The checksum is made of what was
//! found in the heap there, lengths and pointers, and of nothing that the model alone knows.

use std::collections::HashSet;
use std::iter;
use std::mem::MaybeUninit;

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Static, Trace, Weak, store};

use super::Failure;
use super::heap::{Measured, Setup};
use crate::snapshot::{Model, Op, Reachable, Replay, Shape};
use crate::workloads::{Checksum, Outcome, Tally};

/// Objects built, or operations carried out, in one `mutate`.
const BATCH: usize = 1_000;

/// Leads to an object or, the last one of some, to a payload.
#[derive(Trace)]
struct Slot<'gc>(Lock<Option<Gc<'gc, ()>>>);

type Object<'gc> = Gc<'gc, [Slot<'gc>]>;
type Place<'gc> = Lock<Option<Object<'gc>>>;
type Entry<'gc> = Lock<Option<Weak<'gc, [Slot<'gc>]>>>;

#[derive(Trace)]
struct State<'gc> {
    /// While the heap is built: all objects, by number.
    building: Lock<Option<Gc<'gc, [Place<'gc>]>>>,
    roots: Gc<'gc, [Slot<'gc>]>,
    table: Gc<'gc, [Entry<'gc>]>,
}

type Heap = Measured<Rootable![Gc<'_, State<'_>>]>;

/// Runs the replay.
///
/// # Errors
/// [`Failure::Wrong`] with the round and the object when the heap is not what the model says.
pub(super) fn run(setup: &Setup, replay: &Replay) -> Result<Outcome, Failure> {
    let Replay { model, alive, rounds, last } = replay;
    let mut tally = Tally::default();
    let mut heap = build(setup, model, &mut tally)?;
    let exact = heap.heap().capabilities().reclaims && heap.heap().capabilities().reclaims_cycles;
    let mut checksum = Checksum::new();
    heap.collect();
    let mut found = check(&mut heap, 0, model, alive, exact)?;
    checksum.mix(found.alive);
    for (round, (operations, alive)) in (1..).zip(rounds) {
        for batch in operations.chunks(BATCH) {
            apply(&mut heap, round, batch)?;
        }
        heap.collect();
        found = check(&mut heap, round, model, alive, exact)?;
        checksum.mix(found.alive);
    }
    heap.leaked(found.dead);
    let alive = rounds.last().map_or(alive, |(_, alive)| alive);
    compare(&mut heap, last, alive, &mut checksum)?;
    Ok(tally.outcome(checksum))
}

fn slots<'gc>(mc: &Mutator<'gc>, len: usize) -> Result<Object<'gc>, AllocError> {
    Gc::try_new_slice_with(mc, len, |_| Slot(Lock::new(None)))
}

/// An object of this shape. Its payload is never written.
fn object<'gc>(mc: &Mutator<'gc>, shape: Shape) -> Result<Object<'gc>, AllocError> {
    let object = slots(mc, shape.slots)?;
    if shape.payload > 0 {
        let payload = Gc::try_new_slice_with(mc, shape.payload, |_| Static(MaybeUninit::<u64>::uninit()))?;
        store!(mc, object => [shape.slots - 1].0, Some(Gc::erase(payload)));
    }
    Ok(object)
}

fn build(setup: &Setup, model: &Model, tally: &mut Tally) -> Result<Heap, Failure> {
    let count = model.node_count() as usize;
    let root_count = model.roots().len();
    let mut heap: Heap = setup.heap(|mc| {
        let building = Lock::new(Some(Gc::try_new_slice_with(mc, count, |_| Lock::new(None))?));
        let roots = slots(mc, root_count)?;
        let table = Gc::try_new_slice_with(mc, count, |_| Lock::new(None))?;
        Gc::try_new(mc, State { building, roots, table })
    });
    tally.objects += 4;
    tally.bytes += (2 * count + root_count + 3) as u64 * 8;

    let objects: Vec<u32> = model.objects().collect();
    for batch in objects.chunks(BATCH) {
        for &object in batch {
            let shape = Replay::shape(model, object);
            // The object, its weak pointer, and the payload.
            tally.objects += 2 + u64::from(shape.payload > 0);
            // A file may claim any size; no heap will have room for it.
            let bytes = (shape.slots as u64).saturating_add(shape.payload as u64).saturating_mul(8).saturating_add(8);
            tally.bytes = tally.bytes.saturating_add(bytes);
        }
        heap.batch(|mc, state| {
            let building = state.building.get().expect("the heap is being built");
            for &object in batch {
                let index = object as usize;
                let made = self::object(mc, Replay::shape(model, object))?;
                let weak = Gc::try_downgrade(made, mc)?;
                store!(mc, building => [index], Some(made));
                store!(mc, state.table[index], Some(weak));
            }
            Ok(())
        });
    }
    for batch in objects.chunks(BATCH) {
        heap.batch(|mc, state| {
            let building = state.building.get().expect("the heap is being built");
            for &object in batch {
                let from = building[object as usize].get().expect("every object is built");
                for (slot, to) in model.slots(object).enumerate() {
                    if let Some(to) = to {
                        store!(mc, from => [slot].0, building[to as usize].get().map(Gc::erase));
                    }
                }
            }
            Ok(())
        });
    }
    heap.batch(|mc, state| {
        let building = state.building.get().expect("the heap is being built");
        for (root, object) in model.roots().enumerate() {
            if let Some(object) = object {
                store!(mc, state.roots => [root].0, building[object as usize].get().map(Gc::erase));
            }
        }
        store!(mc, state.building, None);
        Ok(())
    });
    Ok(heap)
}

fn apply(heap: &mut Heap, round: usize, operations: &[Op]) -> Result<(), Failure> {
    let lost = heap.batch(|mc, state| {
        let find = |object: u32| {
            let weak = state.table[object as usize].get();
            weak.and_then(|weak| weak.upgrade(mc)).ok_or(object)
        };
        let carry_out = |operation: Op| -> Result<(), u32> {
            match operation {
                Op::RemoveEdge { from, slot } => store!(mc, find(from)? => [slot as usize].0, None),
                Op::InsertEdge { from, slot, to } => {
                    store!(mc, find(from)? => [slot as usize].0, Some(Gc::erase(find(to)?)))
                }
                Op::DropRoot { root } => store!(mc, state.roots => [root as usize].0, None),
            }
            Ok(())
        };
        Ok(operations.iter().try_for_each(|&operation| carry_out(operation)).err())
    });
    match lost {
        None => Ok(()),
        Some(object) => Err(Failure::Wrong(format!(
            "round {round}: object {object} is reachable, yet its weak pointer was cleared"
        ))),
    }
}

/// How many entries of the table upgrade.
struct Found {
    /// Of those that the model calls alive: all, or the check fails.
    alive: u64,
    /// Of the others.
    dead: u64,
}

/// Compares the table with the model.
fn check(heap: &mut Heap, round: usize, model: &Model, alive: &Reachable, exact: bool) -> Result<Found, Failure> {
    let found = heap.batch(|mc, state| {
        let mut found = Found { alive: 0, dead: 0 };
        for object in 0..model.node_count() {
            let upgrades = state.table[object as usize].get().is_some_and(|weak| weak.upgrade(mc).is_some());
            match (alive.contains(object), upgrades) {
                (true, true) => found.alive += 1,
                (false, true) if !exact => found.dead += 1,
                (false, false) => {}
                (expected, _) => return Ok(Err((object, expected))),
            }
        }
        Ok(Ok(found))
    });
    found.map_err(|(object, expected)| {
        let (model, heap) = if expected { ("alive", "gone") } else { ("dead", "still there") };
        Failure::Wrong(format!(
            "round {round}: object {object} is {model} in the model and {heap} in the heap after a full collection"
        ))
    })
}

/// Compares everything that is alive with the model, slot by slot, and digests it.
fn compare(heap: &mut Heap, model: &Model, alive: &Reachable, checksum: &mut Checksum) -> Result<(), Failure> {
    let compared = heap.batch(|mc, state| {
        let find = |object: u32| state.table[object as usize].get().and_then(|weak| weak.upgrade(mc));
        let objects: Vec<_> = (0..model.node_count()).map(|n| alive.contains(n).then(|| find(n)).flatten()).collect();
        let found = objects.iter().flatten().map(|object| Gc::as_ptr(*object));
        let numbers: HashSet<*const ()> = found.collect();
        let mut digest = *checksum;
        if let Some(root) = difference(&state.roots, model.roots(), &objects, &mut digest) {
            return Ok(Err(format!("root {root}")));
        }
        for (object, slots) in (0..).zip(&objects) {
            let Some(slots) = slots else { continue };
            let shape = Replay::shape(model, object);
            if slots.len() != shape.slots {
                return Ok(Err(format!("the length of object {object}")));
            }
            let (own, payload) = slots.split_at(shape.slots - usize::from(shape.payload > 0));
            // No object of the model has its payload.
            if payload.iter().any(|slot| slot.0.get().is_none_or(|held| numbers.contains(&Gc::as_ptr(held)))) {
                return Ok(Err(format!("the payload of object {object}")));
            }
            if let Some(slot) = difference(own, model.slots(object), &objects, &mut digest) {
                return Ok(Err(format!("slot {slot} of object {object}")));
            }
        }
        Ok(Ok(digest))
    });
    let wrong = |what| Failure::Wrong(format!("after the last round {what} is not what the model says"));
    *checksum = compared.map_err(wrong)?;
    Ok(())
}

/// The first slot that does not hold the object that it should. Behind the model's slots there are empty ones.
fn difference<'gc>(
    slots: &[Slot<'gc>],
    model: impl Iterator<Item = Option<u32>>,
    objects: &[Option<Object<'gc>>],
    digest: &mut Checksum,
) -> Option<usize> {
    digest.mix(slots.len() as u64);
    for (index, (slot, expected)) in slots.iter().zip(model.chain(iter::repeat(None))).enumerate() {
        match (slot.0.get(), expected) {
            (None, None) => {}
            (Some(held), Some(number)) if objects[number as usize].is_some_and(|o| Gc::ptr_eq(held, Gc::erase(o))) => {
                digest.mix(index as u64);
                digest.mix(number.into());
            }
            _ => return Some(index),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::heap::{Probe, guarded};
    use super::*;
    use crate::contestants::collector::Collector;
    use crate::contestants::meter::Meter;
    use crate::snapshot::{CHECKSUM_OF_BUILTIN, builtin, read};

    fn replay(replay: &Replay, collector: Collector) -> (Result<Outcome, Failure>, Meter) {
        let mut meter = Meter::default();
        let result = guarded(collector, None, Probe::Never, &mut meter, |setup| run(setup, replay));
        (result, meter)
    }

    #[test]
    fn every_collector_rebuilds_the_same_heap_and_says_what_it_left() {
        let prepared = Replay::prepare(read(builtin()).unwrap());
        let dead = prepared.model.objects().count() as u64 - prepared.rounds.last().unwrap().1.objects();
        let (expected, _) = replay(&prepared, Collector::MARKSWEEP);
        assert_eq!(expected.as_ref().unwrap().checksum, CHECKSUM_OF_BUILTIN);
        for collector in Collector::ALL {
            let (outcome, meter) = replay(&prepared, collector);
            assert_eq!(outcome, expected, "{collector:?}");
            let left = meter.leaked_objects.unwrap();
            match collector {
                Collector::NOGC => assert_eq!(left, dead),
                Collector::REFCOUNT => assert!((1..dead).contains(&left), "{left} of {dead}"),
                _ => assert_eq!(left, 0, "{collector:?}"),
            }
        }
    }

    /// What a collector that lost or mixed up a store would look like: the heap and the model carry out different
    /// operations from some point on.
    #[test]
    fn a_heap_that_differs_from_the_model_is_noticed() {
        let prepared = Replay::prepare(read(builtin()).unwrap());
        let alive = &prepared.rounds.last().unwrap().1;
        let object = prepared.last.objects().find(|o| alive.contains(*o) && prepared.last.slot_count(*o) > 1).unwrap();
        let wrong = |change: &dyn Fn(&mut Model)| {
            let mut changed = prepared.clone();
            change(&mut changed.last);
            replay(&changed, Collector::MARKSWEEP).0.unwrap_err().to_string()
        };
        let held = prepared.last.slot(object, 0);
        let another = prepared.last.objects().find(|o| alive.contains(*o) && Some(*o) != held).unwrap();
        let expected = format!("after the last round slot 0 of object {object} is not what the model says");
        assert_eq!(wrong(&|model| model.apply(Op::InsertEdge { from: object, slot: 0, to: another })), expected);
        let root = prepared.last.roots().position(|root| root.is_some()).unwrap() as u32;
        let expected = format!("after the last round root {root} is not what the model says");
        assert_eq!(wrong(&|model| model.apply(Op::DropRoot { root })), expected);
    }

    #[test]
    fn the_checksum_depends_on_where_the_pointers_lead() {
        let prepared = Replay::prepare(read(builtin()).unwrap());
        // Another reference to something alive does not change who is alive.
        let alive = &prepared.rounds.last().unwrap().1;
        let has_room = |object: &u32| alive.contains(*object) && prepared.last.slots(*object).any(|s| s.is_none());
        let object = prepared.last.objects().find(has_room).unwrap();
        let slot = prepared.last.slots(object).position(|slot| slot.is_none()).unwrap() as u32;
        let mut changed = prepared.clone();
        let edge = Op::InsertEdge { from: object, slot, to: object };
        changed.rounds.last_mut().unwrap().0.push(edge);
        changed.last.apply(edge);
        let checksum = |prepared| replay(prepared, Collector::GENERATIONAL).0.unwrap().checksum;
        assert_ne!(checksum(&prepared), checksum(&changed));
    }

    #[test]
    fn sizes_that_no_heap_has_are_a_result() {
        let text = r#"{"snapshot":{"meta":{
            "node_fields":["type","self_size","edge_count"],"node_types":[["synthetic","object"]],
            "edge_fields":["type","to_node"],"edge_types":[["property"]]}},
            "nodes":[0,0,2, 1,18446744073709551615,0, 1,18446744073709551615,0],"edges":[0,3,0,6]}"#;
        let prepared = Replay::prepare(read(text.as_bytes()).unwrap());
        for collector in Collector::ALL {
            let (outcome, _) = replay(&prepared, collector);
            assert!(matches!(outcome, Err(Failure::OutOfMemory(_))), "{collector:?}: {outcome:?}");
        }
    }
}
