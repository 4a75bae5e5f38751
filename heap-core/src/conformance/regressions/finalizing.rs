//! Random programs with finalizers, compared with a graph of numbers.
//!
//! Which collection queues what is the collector's choice; so the comparison is of what does not depend on it. What comes out
//! of a queue was registered with it, could not be reached at some time since, and leads to what it led to. When everything
//! was collected and taken out, until nothing comes any more, it came once for each time that it was registered.

use std::collections::{BTreeMap, BTreeSet};

use super::super::model::Promise;
use super::super::tools::Numbers;
use super::{Kit, Node};
use crate::{FinalizerQueue, Gc, Heap, Lock, Mutator, Rootable, Trace, store};

type Finalizable<'gc> = Gc<'gc, Node<'gc>>;

#[derive(Trace)]
struct Places<'gc> {
    nodes: Gc<'gc, [Lock<Option<Finalizable<'gc>>>]>,
    queues: [FinalizerQueue<'gc, Node<'gc>>; 2],
}

type Root = Rootable![Gc<'_, Places<'_>>];

/// Objects besides the root object.
const PLACES: u64 = 2;
const LEN: usize = 10;

#[derive(Default)]
struct Model {
    /// Both pointers of each node.
    edges: Vec<[Option<usize>; 2]>,
    places: [Option<usize>; LEN],
    /// What is registered, with which queue, and whether it could not be reached at some time.
    registered: BTreeMap<usize, (usize, bool)>,
}

impl Model {
    fn reachable(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut pending: Vec<usize> = from.into_iter().collect();
        while let Some(node) = pending.pop() {
            if reached.insert(node) {
                pending.extend(self.edges[node].into_iter().flatten());
            }
        }
        reached
    }

    fn alive(&self) -> BTreeSet<usize> {
        self.reachable(self.places.into_iter().flatten())
    }

    /// A safepoint: notes what may be queued by it.
    fn note_lost(&mut self) {
        let alive = self.alive();
        self.registered.iter_mut().for_each(|(node, (_, lost))| *lost |= !alive.contains(node));
    }
}

/// Follows an object and the model in step.
fn check<'gc>(model: &Model, from: Option<Finalizable<'gc>>, number: Option<usize>, seed: u64) {
    let mut seen = BTreeSet::new();
    let mut pending = vec![(from, number)];
    while let Some((node, number)) = pending.pop() {
        assert_eq!(node.map(|node| node.value as usize), number, "seed {seed}: an edge has changed");
        if let (Some(node), Some(number)) = (node, number)
            && seen.insert(number)
        {
            pending.extend([(node.next.get(), model.edges[number][0]), (node.other.get(), model.edges[number][1])]);
        }
    }
}

pub(in super::super) fn random_finalizers(kit: &Kit) {
    for seed in 0..if cfg!(miri) { 2 } else { 60 } {
        random_program(kit, seed);
    }
}

fn random_program(kit: &Kit, seed: u64) {
    let mut dice = Numbers::new(seed);
    let options = Kit::options().with_verify(seed.is_multiple_of(3)).with_zeal(seed % 5 == 1);
    let mut heap = Heap::<Root>::with_options(options, kit.collector(), |mc| {
        let nodes = Gc::new_slice_with(mc, LEN, |_| Lock::new(None));
        Gc::new(mc, Places { nodes, queues: [FinalizerQueue::new(mc), FinalizerQueue::new(mc)] })
    })
    .expect("a heap can be made");
    let promise = kit.promise(&mut heap);
    let mut model = Model::default();
    for round in 0..if cfg!(miri) { 12 } else { 40 } {
        heap.mutate(|mc, root| {
            for (place, number) in root.nodes.iter().zip(model.places) {
                check(&model, place.get(), number, seed);
            }
            for _ in 0..dice.below(16) {
                change(mc, root, &mut model, &mut dice);
            }
        });
        model.note_lost();
        match dice.below(5) {
            0 => heap.collect(),
            1 => heap.collect_minor(),
            2 => _ = heap.step(1 + dice.below(400)),
            _ => {}
        }
        heap.mutate(|mc, root| take(mc, root, &mut model, &mut dice, 1 << (round % 4), seed));
        model.note_lost();
    }
    // Nobody keeps or registers anything from here on.
    let expected: BTreeSet<usize> = {
        let alive = model.alive();
        model.registered.keys().copied().filter(|node| !alive.contains(node)).collect()
    };
    let mut came = BTreeSet::new();
    loop {
        heap.collect();
        let before = came.len();
        heap.mutate(|mc, root| {
            for queue in root.queues {
                while let Some(node) = queue.next(mc) {
                    assert!(came.insert(node.value as usize), "seed {seed}: it came twice");
                }
            }
        });
        if came.len() == before {
            break;
        }
    }
    // What waited already may have become reachable since.
    let lost: BTreeSet<usize> = model.registered.iter().filter(|(_, (_, lost))| *lost).map(|(&node, _)| node).collect();
    match promise {
        Promise::Exact => assert!(came.is_superset(&expected), "seed {seed}: {expected:?} was to come, {came:?} came"),
        Promise::KeepsCycles => {}
        Promise::KeepsAll => assert!(came.is_empty()),
    }
    assert!(came.is_subset(&lost), "seed {seed}: {came:?} came, and only {lost:?} was lost");
    if promise == Promise::Exact {
        kit.expect_verified(&mut heap, PLACES + model.alive().len() as u64, 0);
    }
    heap.verify().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}

/// Takes a few objects out, keeps some of them, and registers some again.
fn take<'gc>(mc: &Mutator<'gc>, root: &Places<'gc>, model: &mut Model, dice: &mut Numbers, most: usize, seed: u64) {
    for _ in 0..most {
        let which = dice.below(2);
        let Some(node) = root.queues[which].next(mc) else { continue };
        let number = node.value as usize;
        let (queue, lost) = model.registered.remove(&number).expect("it was registered");
        assert!(queue == which && lost, "seed {seed}: node {number} came from another queue, or was never lost");
        check(model, Some(node), Some(number), seed);
        if dice.below(3) == 0 {
            let at = dice.below(LEN);
            store!(mc, root.nodes[at], Some(node));
            model.places[at] = Some(number);
        }
        if dice.below(4) == 0 {
            assert!(root.queues[which].register(mc, node));
            model.registered.insert(number, (which, false));
        }
    }
}

/// One random change.
fn change<'gc>(mc: &Mutator<'gc>, root: &Places<'gc>, model: &mut Model, dice: &mut Numbers) {
    let (at, other, which) = (dice.below(LEN), dice.below(LEN), dice.below(2));
    match dice.below(8) {
        0..3 => {
            let number = model.edges.len();
            model.edges.push([model.places[other], model.places[(at + other) % LEN]]);
            let node = Node::make(mc, number as u64, root.nodes[other].get());
            store!(mc, node.other, root.nodes[(at + other) % LEN].get());
            if dice.below(2) == 0 {
                assert!(root.queues[which].register(mc, node));
                model.registered.insert(number, (which, false));
            }
            store!(mc, root.nodes[at], Some(node));
            model.places[at] = Some(number);
        }
        3 | 4 => {
            store!(mc, root.nodes[at], None);
            model.places[at] = None;
        }
        5 | 6 => {
            if let Some(from) = root.nodes[at].get() {
                let to = root.nodes[other].get();
                if which == 0 {
                    store!(mc, from.next, to);
                } else {
                    store!(mc, from.other, to);
                }
                model.edges[from.value as usize][which] = to.map(|to| to.value as usize);
            }
        }
        _ => {
            if let Some(node) = root.nodes[at].get() {
                // While it waits in a queue, having been lost and found, it is registered no more, and the model does not
                // know which of both it is: so it is not asked then.
                let number = node.value as usize;
                if model.registered.get(&number).is_none_or(|&(_, lost)| !lost) {
                    let fresh = !model.registered.contains_key(&number);
                    assert_eq!(root.queues[which].register(mc, node), fresh);
                    model.registered.entry(number).or_insert((which, false));
                }
            }
        }
    }
}
