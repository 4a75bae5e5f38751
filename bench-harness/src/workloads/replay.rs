//! `snapshot`: the heap of a real program, rebuilt, mutated, and checked against a model after every round.
//!
//! One object of the snapshot becomes one object here, with as many pointer slots as it had references and padded with
//! empty slots to the size that it had. The padding is honest about size and a little unkind to collectors: the text of
//! a string is scanned as if it were empty references.
//!
//! What the model says is computed in [`Replay::prepare`], before the clock starts: the rounds of operations, and the
//! exact set of objects that must be alive after each. The replay finds objects through a table of weak pointers, and
//! that table is the check: after a full collection the entry of every object must upgrade exactly if the model says
//! that it is alive. Pure counting keeps the garbage that cycles hold, and `nogc` keeps everything: there, objects that
//! are alive must upgrade, and the others may.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, Weak, store};

use super::Failure;
use super::heap::{Measured, Setup};
use super::spec::{Checksum, Outcome};
use crate::snapshot::{Model, MutationPlan, Op, Reachable, RoundSize, SnapshotGraph};

/// Rounds of mutation; on the heap of a Node program half of the objects are dead after ten.
const ROUNDS: usize = 10;
/// Seed of the operations.
const SEED: u64 = 1;
/// Objects built, or operations carried out, in one `mutate`.
const BATCH: usize = 1_000;
/// What an object has in front of its slots, so that its size is that of the original.
const PREFIX_BYTES: u64 = 16;

/// A snapshot with everything that can be computed before the clock starts.
#[derive(Debug)]
pub struct Replay {
    model: Model,
    alive: Reachable,
    rounds: Vec<(Vec<Op>, Reachable)>,
}

impl Replay {
    /// Chooses the operations and computes what must be alive after each round.
    pub fn prepare(graph: &SnapshotGraph) -> Self {
        let model = Model::new(graph);
        let alive = model.reachable();
        let mut plan = MutationPlan::new(SEED, RoundSize::for_model(&model));
        let mut mutated = model.clone();
        let rounds = (0..ROUNDS)
            .map(|_| {
                let operations = plan.next_round(&mut mutated);
                (operations, mutated.reachable())
            })
            .collect();
        Replay { model, alive, rounds }
    }
}

#[derive(Trace)]
struct Slot<'gc>(Lock<Option<Object<'gc>>>);

type Object<'gc> = Gc<'gc, [Slot<'gc>]>;
type Entry<'gc> = Lock<Option<Weak<'gc, [Slot<'gc>]>>>;

#[derive(Trace)]
struct State<'gc> {
    /// While the heap is built: all objects, by number.
    building: Lock<Option<Gc<'gc, [Slot<'gc>]>>>,
    roots: Gc<'gc, [Slot<'gc>]>,
    table: Gc<'gc, [Entry<'gc>]>,
}

type Heap = Measured<Rootable![Gc<'_, State<'_>>]>;

/// Runs the replay.
///
/// # Errors
/// [`Failure::Wrong`] with the round and the object when the heap is not what the model says.
pub(super) fn run(setup: &Setup, replay: &Replay) -> Result<Outcome, Failure> {
    let Replay { model, alive, rounds } = replay;
    let mut outcome = Outcome { checksum: 0, allocated_objects: 0, allocated_bytes: 0 };
    let mut heap = build(setup, model, &mut outcome)?;
    let exact = heap.heap().reclaims() && heap.heap().reclaims_cycles();
    let mut checksum = Checksum::new();
    heap.collect();
    check(&mut heap, 0, model.node_count(), alive, exact, &mut checksum)?;
    for (round, (operations, alive)) in (1..).zip(rounds) {
        for batch in operations.chunks(BATCH) {
            apply(&mut heap, round, batch)?;
        }
        heap.collect();
        check(&mut heap, round, model.node_count(), alive, exact, &mut checksum)?;
    }
    outcome.checksum = checksum.value();
    Ok(outcome)
}

fn slots<'gc>(mc: &Mutator<'gc>, len: usize) -> Result<Object<'gc>, AllocError> {
    Gc::try_new_slice_with(mc, len, |_| Slot(Lock::new(None)))
}

fn build(setup: &Setup, model: &Model, outcome: &mut Outcome) -> Result<Heap, Failure> {
    let count = model.node_count() as usize;
    let root_count = model.roots().len();
    let mut heap: Heap = setup.heap(|mc| {
        let building = Lock::new(Some(slots(mc, count)?));
        let roots = slots(mc, root_count)?;
        let table = Gc::try_new_slice_with(mc, count, |_| Lock::new(None))?;
        Gc::try_new(mc, State { building, roots, table })
    });
    outcome.allocated_objects += 4;
    outcome.allocated_bytes += (2 * count + root_count + 3) as u64 * 8;

    let objects: Vec<u32> = model.objects().collect();
    for batch in objects.chunks(BATCH) {
        for &object in batch {
            let len = length(model, object);
            outcome.allocated_objects += 2;
            outcome.allocated_bytes += 8 * len as u64 + 8;
        }
        heap.batch(|mc, state| {
            let building = state.building.get().expect("the heap is being built");
            for &object in batch {
                let index = object as usize;
                let made = slots(mc, length(model, object))?;
                let weak = Gc::try_downgrade(made, mc)?;
                store!(mc, building => [index].0, Some(made));
                store!(mc, state.table[index], Some(weak));
            }
            Ok(())
        });
    }
    for batch in objects.chunks(BATCH) {
        heap.batch(|mc, state| {
            let building = state.building.get().expect("the heap is being built");
            for &object in batch {
                let from = building[object as usize].0.get().expect("every object is built");
                for (slot, to) in model.slots(object).enumerate() {
                    if let Some(to) = to {
                        store!(mc, from => [slot].0, building[to as usize].0.get());
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
                store!(mc, state.roots => [root].0, building[object as usize].0.get());
            }
        }
        store!(mc, state.building, None);
        Ok(())
    });
    Ok(heap)
}

/// Slots that give the object the size that it had, at least one for each reference.
fn length(model: &Model, object: u32) -> usize {
    let padded = model.self_size(object).saturating_sub(PREFIX_BYTES).div_ceil(8);
    (padded as usize).max(model.slot_count(object) as usize)
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
                Op::InsertEdge { from, slot, to } => store!(mc, find(from)? => [slot as usize].0, Some(find(to)?)),
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

fn check(
    heap: &mut Heap,
    round: usize,
    node_count: u32,
    alive: &Reachable,
    exact: bool,
    checksum: &mut Checksum,
) -> Result<(), Failure> {
    let wrong = heap.batch(|mc, state| {
        for object in 0..node_count {
            let found = state.table[object as usize].get().is_some_and(|weak| weak.upgrade(mc).is_some());
            let expected = alive.contains(object);
            if found != expected && (exact || expected) {
                return Ok(Some((object, expected)));
            }
        }
        Ok(None)
    });
    if let Some((object, expected)) = wrong {
        let (model, heap) = if expected { ("alive", "gone") } else { ("dead", "still there") };
        return Err(Failure::Wrong(format!(
            "round {round}: object {object} is {model} in the model and {heap} in the heap after a full collection"
        )));
    }
    checksum.mix(alive.objects());
    checksum.mix(alive.bytes());
    Ok(())
}
