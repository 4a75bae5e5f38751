//! Collections in stages: what is dead is known before it dies, and the program has a say.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::model::Promise;
use super::super::tools::Numbers;
use super::{Kit, Node};
use crate::{
    Ephemeron, FinalizerQueue, Gc, Heap, HeapOptions, Lock, MarkedHeap, Mutator, Rootable, Trace, Weak, fault, store,
};

type N<'gc> = Gc<'gc, Node<'gc>>;
type Pair<'gc> = Ephemeron<'gc, Node<'gc>, Node<'gc>>;

/// Strong and weak places.
#[derive(Trace)]
struct Places<'gc> {
    nodes: Gc<'gc, [Lock<Option<N<'gc>>>]>,
    weaks: Gc<'gc, [Lock<Option<Weak<'gc, Node<'gc>>>>]>,
    pairs: Gc<'gc, [Lock<Option<Pair<'gc>>>]>,
    closing: FinalizerQueue<'gc, Node<'gc>>,
}

type Root = Rootable![Gc<'_, Places<'_>>];

/// Objects besides the root object.
const PLACES: u64 = 4;

fn places(kit: &Kit, options: HeapOptions, len: usize) -> Heap<Root> {
    Heap::with_options(options, kit.collector(), |mc| {
        let nodes = Gc::new_slice_with(mc, len, |_| Lock::new(None));
        let weaks = Gc::new_slice_with(mc, len, |_| Lock::new(None));
        let pairs = Gc::new_slice_with(mc, len, |_| Lock::new(None));
        Gc::new(mc, Places { nodes, weaks, pairs, closing: FinalizerQueue::new(mc) })
    })
    .expect("a heap can be made")
}

pub(in super::super) fn stages(kit: &Kit) {
    for before in 0..3 {
        tables_of_an_interpreter(kit, before);
        resurrected_once(kit, before);
        panics(kit, before);
    }
    refused(kit);
    for seed in 0..if cfg!(miri) { 2 } else { 40 } {
        random_graph(kit, seed);
    }
}

/// Something happens before: a minor collection, or a part of a cycle.
fn age(heap: &mut Heap<Root>, age: usize) {
    match age {
        0 => {}
        1 => heap.collect_minor(),
        _ => {
            heap.collect();
            heap.step(1);
        }
    }
}

/// Takes away what place 0 keeps, where no safepoint follows.
fn lose(marked: &mut MarkedHeap<'_, Root>) {
    marked.finalize(|fc, root| store!(fc, root.nodes[0], None)).expect("there is memory");
}

/// The rules of Lua: dead weak values go, dead objects with finalizers come back with what they lead to, dead keys go.
fn tables_of_an_interpreter(kit: &Kit, before: usize) {
    let mut heap = places(kit, Kit::options(), 4);
    let promise = kit.promise(&mut heap);
    heap.mutate(|mc, root| {
        // Only the first leads to its friend. All are weak values, and weak keys.
        let friend = Node::make(mc, 1, None);
        let nodes = [Node::make(mc, 0, Some(friend)), friend, Node::make(mc, 2, None), Node::make(mc, 3, None)];
        for (at, &node) in nodes.iter().enumerate() {
            store!(mc, root.weaks[at], Some(Gc::downgrade(node, mc)));
            store!(mc, root.pairs[at], Some(Ephemeron::new(mc, node, Node::make(mc, 10 + at as u64, None))));
        }
        store!(mc, root.nodes[0], Some(nodes[0]));
        store!(mc, root.nodes[3], Some(nodes[3]));
    });
    age(&mut heap, before);
    let mut marked = heap.mark();
    lose(&mut marked);
    let told = marked.finalize(|fc, root| {
        let closable = root.weaks[0].get().unwrap();
        let mut dead = Vec::new();
        for place in root.weaks.iter() {
            let weak = place.get().unwrap();
            if weak.is_dead(fc) {
                dead.push(weak.upgrade(fc).map(|node| (node.value, Gc::is_dead(node, fc))));
                store!(fc, root.weaks[dead.len() - 1], None);
            }
        }
        assert!(dead[..2] == [Some((0, true)), Some((1, true))] && dead.len() == 3, "{dead:?}");
        // Into a queue of its own; it has to be resurrected or stored, not both.
        store!(fc, root.nodes[1], closable.upgrade(fc));
    });
    told.expect("there is memory");
    let dead_keys = marked.finalize(|fc, root| {
        let pairs = root.pairs.iter().map(|place| place.get().unwrap());
        pairs.map(|pair| pair.is_dead(fc)).collect::<Vec<_>>()
    });
    assert_eq!(dead_keys.expect("there is memory"), [false, false, true, false]);
    marked.collect();
    heap.mutate(|mc, root| {
        let value = |at: usize| root.pairs[at].get().unwrap().value(mc).map(|value| value.value);
        assert_eq!((value(0), value(1), value(3)), (Some(10), Some(11), Some(13)));
        assert_eq!(value(2).is_some(), promise == Promise::KeepsAll);
        assert_eq!(root.nodes[1].get().unwrap().next.get().unwrap().value, 1);
    });
    // Three nodes with values, four pairs, one weak cell.
    kit.expect_verified(&mut heap, PLACES + 6 + 4 + 1, 0);
}

/// What is resurrected survives one collection, with all that it leads to, and is not queued by it.
fn resurrected_once(kit: &Kit, before: usize) {
    for registered in [false, true] {
        let mut heap = places(kit, Kit::options(), 2);
        let promise = kit.promise(&mut heap);
        heap.mutate(|mc, root| {
            let node = Node::make(mc, 1, Some(Node::make(mc, 2, None)));
            store!(mc, root.nodes[0], Some(node));
            store!(mc, root.weaks[0], Some(Gc::downgrade(node, mc)));
            store!(mc, root.weaks[1], Some(Gc::downgrade(node.next.get().unwrap(), mc)));
            if registered {
                root.closing.register(mc, node);
            }
        });
        age(&mut heap, before);
        let mut marked = heap.mark();
        lose(&mut marked);
        let told = marked.finalize(|fc, root| {
            let (weak, child) = (root.weaks[0].get().unwrap(), root.weaks[1].get().unwrap());
            assert!(weak.is_dead(fc) && child.is_dead(fc));
            assert_eq!(weak.resurrect(fc).expect("nothing was reclaimed").value, 1);
            // Once more does no harm.
            Gc::resurrect(weak.upgrade(fc).unwrap(), fc);
        });
        told.expect("there is memory");
        let dead = marked.finalize(|fc, root| root.weaks.iter().any(|weak| weak.get().unwrap().is_dead(fc)));
        assert!(!dead.expect("there is memory"));
        marked.collect();
        heap.mutate(|mc, root| {
            let node = root.weaks[0].get().unwrap().upgrade(mc).expect("it was resurrected");
            assert!(node.next.get().unwrap().value == 2 && root.closing.is_empty(mc));
        });
        // Not resurrected again: it is dead, or found dead by a collector that does not wait, and then it is queued, or gone.
        let dead = heap.collect_with(|fc, root| root.weaks[0].get().unwrap().is_dead(fc) || !root.closing.is_empty(fc));
        assert!(dead.expect("there is memory"));
        heap.mutate(|mc, root| {
            let queued = root.closing.next(mc).map(|node| node.value);
            assert_eq!(queued, (registered && promise != Promise::KeepsAll).then_some(1));
        });
        kit.expect_verified(&mut heap, PLACES + 2, 0);
        heap.mutate(|mc, root| {
            assert_eq!(root.weaks[0].get().unwrap().is_dropped(mc), promise != Promise::KeepsAll);
        });
    }
}

/// A panic in a stage goes on at once, and nothing was collected.
fn panics(kit: &Kit, before: usize) {
    let mut heap = places(kit, Kit::options(), 1);
    heap.mutate(|mc, root| {
        let node = Node::make(mc, 1, None);
        store!(mc, root.nodes[0], Some(node));
        store!(mc, root.weaks[0], Some(Gc::downgrade(node, mc)));
    });
    age(&mut heap, before);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        heap.collect_with(|fc, root| {
            root.weaks[0].get().unwrap().resurrect(fc);
            Node::make(fc, 2, None);
            std::panic::resume_unwind(Box::new("a stage that panics"));
        })
    }));
    assert!(panicked.is_err());
    kit.expect_verified(&mut heap, PLACES + 2, 0);
    assert_eq!(heap.handles(), 0, "what was resurrected is kept by nobody");
}

/// Without memory to find out what is reachable, the program is told so, and not called.
fn refused(kit: &Kit) {
    struct Refusals;
    impl Drop for Refusals {
        fn drop(&mut self) {
            fault::refuse_mark_stack_requests(0);
            fault::tight_mark_stacks(false);
        }
    }
    let _end = Refusals;
    let mut heap = places(kit, Kit::options(), 50);
    heap.mutate(|mc, root| {
        for place in root.nodes.iter().enumerate() {
            store!(mc, root.nodes[place.0], Some(Node::make(mc, 1, None)));
        }
    });
    fault::tight_mark_stacks(true);
    for moment in 0..10 {
        fault::refuse_mark_stack_requests(1 << moment);
        let mut called = false;
        let result = heap.mark().finalize(|_, _| called = true);
        fault::refuse_mark_stack_requests(0);
        assert_eq!(result.is_ok(), called);
        assert!(moment > 0 || !called, "the first request was refused");
    }
    kit.expect_verified(&mut heap, PLACES + 50, 0);
}

/// Numbers for what is alive, in the order in which nodes were made.
#[derive(Default)]
struct Model {
    /// Successors.
    edges: Vec<Option<usize>>,
    nodes: [Option<usize>; LEN],
    weaks: [Option<usize>; LEN],
    /// Key and value.
    pairs: [Option<(usize, usize)>; LEN],
}

const LEN: usize = 10;

impl Model {
    fn alive(&self, more: &[usize]) -> BTreeSet<usize> {
        let mut alive = BTreeSet::new();
        let mut pending: Vec<usize> = self.nodes.iter().flatten().chain(more).copied().collect();
        loop {
            while let Some(node) = pending.pop() {
                if alive.insert(node) {
                    pending.extend(self.edges[node]);
                }
            }
            let values = self.pairs.iter().flatten();
            pending.extend(values.filter(|(key, value)| alive.contains(key) && !alive.contains(value)).map(|(_, v)| v));
            if pending.is_empty() {
                return alive;
            }
        }
    }
}

/// Random graphs, in which random objects are lost, told of, resurrected, stored, and collected.
fn random_graph(kit: &Kit, seed: u64) {
    let mut dice = Numbers::new(seed);
    let options = Kit::options().with_verify(seed.is_multiple_of(4)).with_zeal(seed % 5 == 1);
    let mut heap = places(kit, options, LEN);
    let promise = kit.promise(&mut heap);
    let mut model = Model::default();
    for _ in 0..if cfg!(miri) { 8 } else { 30 } {
        let told = heap.mark().finalize(|fc, root| change(fc, root, &mut model, &mut dice));
        told.expect("there is memory");
        let mut resurrected = Vec::new();
        let mut marked = heap.mark();
        for _ in 0..dice.below(4) {
            let alive = model.alive(&resurrected);
            let told = marked.finalize(|fc, root| {
                for (place, number) in root.weaks.iter().zip(model.weaks) {
                    let (Some(weak), Some(number)) = (place.get(), number) else { continue };
                    assert_eq!(weak.is_dead(fc), !alive.contains(&number), "seed {seed}: node {number}");
                    if weak.is_dropped(fc) || dice.below(3) != 0 {
                        continue;
                    }
                    if dice.below(2) == 0 {
                        assert_eq!(weak.resurrect(fc).expect("it is there").value, number as u64);
                        resurrected.push(number);
                    } else {
                        let at = dice.below(LEN);
                        store!(fc, root.nodes[at], weak.upgrade(fc));
                        model.nodes[at] = Some(number);
                    }
                }
                change(fc, root, &mut model, &mut dice);
            });
            told.expect("there is memory");
        }
        let alive = model.alive(&resurrected);
        let collects = dice.below(3) != 0;
        if collects {
            marked.collect();
        }
        heap.mutate(|mc, root| {
            for (place, number) in root.weaks.iter().zip(model.weaks) {
                let (Some(weak), Some(number)) = (place.get(), number) else { continue };
                let here = alive.contains(&number);
                assert!(!here || !weak.is_dropped(mc), "seed {seed}: node {number} was reclaimed");
                let exact = collects && promise == Promise::Exact;
                assert!(here || !exact || weak.is_dropped(mc), "seed {seed}: node {number} was not reclaimed");
            }
        });
        match dice.below(4) {
            0 => heap.collect(),
            1 => heap.collect_minor(),
            2 => _ = heap.step(1 + dice.below(300)),
            _ => {}
        }
    }
    heap.verify().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}

/// A few random changes.
fn change<'gc>(mc: &Mutator<'gc>, root: &Places<'gc>, model: &mut Model, dice: &mut Numbers) {
    for _ in 0..dice.below(20) {
        let (at, other) = (dice.below(LEN), dice.below(LEN));
        match dice.below(7) {
            0 | 1 => {
                let number = model.edges.len();
                model.edges.push(model.nodes[other]);
                model.nodes[at] = Some(number);
                store!(mc, root.nodes[at], Some(Node::make(mc, number as u64, root.nodes[other].get())));
            }
            2 | 3 => {
                model.nodes[at] = None;
                store!(mc, root.nodes[at], None);
            }
            4 => {
                if let (Some(from), Some(to)) = (root.nodes[at].get(), root.nodes[other].get()) {
                    model.edges[from.value as usize] = Some(to.value as usize);
                    store!(mc, from.next, Some(to));
                }
            }
            5 => {
                if let Some(target) = root.nodes[at].get() {
                    model.weaks[other] = Some(target.value as usize);
                    store!(mc, root.weaks[other], Some(Gc::downgrade(target, mc)));
                }
            }
            _ => {
                if let (Some(key), Some(value)) = (root.nodes[at].get(), root.nodes[other].get()) {
                    let place = (at + other) % LEN;
                    model.pairs[place] = Some((key.value as usize, value.value as usize));
                    store!(mc, root.pairs[place], Some(Ephemeron::new(mc, key, value)));
                }
            }
        }
    }
}
