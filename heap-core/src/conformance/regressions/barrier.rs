//! Stores at the worst moment; small programs with a collection after each of their steps.

use std::cell::Cell;

use super::super::tools::Numbers;
use super::{Kit, List, Node, Slots, measure, prepend};
use crate::{Gc, Heap, HeapOptions, Lock, Mutator, RefLock, Relocator, Rootable, Trace, Tracer, store};

/// While a marking is under way, the only pointer to an object moves from a place that was not looked at yet to one that
/// was. Tried at every point of the marking.
pub(in super::super) fn hidden_behind_the_marker(kit: &Kit) {
    const NODES: usize = 60;
    for budget in [1, 40, 100, 333] {
        let mut heap = kit.table(NODES);
        for (round, (from, to)) in (0..NODES).flat_map(|at| [(at, NODES - 1 - at), (NODES - 1 - at, at)]).enumerate() {
            heap.mutate(|mc, root| {
                for index in 0..NODES {
                    if root[index].get().is_none() {
                        store!(mc, root[index], Some(Node::make(mc, index as u64, None)));
                    }
                }
                let secret = Node::make(mc, 1_000, Some(Node::make(mc, 1_001, None)));
                store!(mc, root[from].get().unwrap().next, Some(secret));
                store!(mc, root[to].get().unwrap().next, None);
            });
            // Everything is old, and the marking stops somewhere.
            heap.collect();
            for _ in 0..round % 40 {
                heap.step(budget);
            }
            heap.mutate(|mc, root| {
                let (from, to) = (root[from].get().unwrap(), root[to].get().unwrap());
                let secret = from.next.get();
                store!(mc, from.next, None);
                store!(mc, to.next, secret);
                // And out of the slice into an object that is new.
                let fresh = Node::make(mc, to.value, to.next.get());
                store!(mc, to.next, None);
                store!(mc, to.other, Some(fresh));
            });
            for _ in 0..4 {
                heap.step(budget);
                // What was not marked may still be intact, on a line with others.
                heap.verify().unwrap_or_else(|error| panic!("the verifier, in round {round}: {error}"));
            }
            let (length, sum) = heap.mutate(|_, root| measure(root[to].get().unwrap().other.get()));
            assert_eq!((length, sum), (3, to as u64 + 2_001), "round {round}, increments of {budget} bytes");
            heap.mutate(|mc, root| store!(mc, root[to].get().unwrap().other, None));
        }
        let survivors = heap.mutate(|_, root| root.iter().filter(|slot| slot.get().is_some()).count() as u64);
        kit.expect_verified(&mut heap, 1 + survivors, 0);
    }
}

type Shelves = Rootable![Gc<'_, [Slots<'_>]>];

/// Arrays that are looked at in pieces, several at a time: their elements change places in and between them at every stage
/// of a marking, and each is referred to from one place only.
pub(in super::super) fn arrays_behind_the_marker(kit: &Kit) {
    const ARRAYS: usize = 4;
    const WIDTH: usize = 2_500;
    // Where pieces may begin and end.
    const PLACES: [usize; 7] = [0, 1, 1_023, 1_024, 2_047, 2_048, WIDTH - 1];
    for budget in [1, 9_000, 60_000] {
        let mut heap = Heap::<Shelves>::with_options(Kit::options(), kit.collector(), |mc| {
            Gc::new_slice_with(mc, ARRAYS, |array| {
                Gc::new_slice_with(mc, WIDTH, |place| {
                    let behind = Node::make(mc, place as u64, None);
                    Lock::new(Some(Node::make(mc, array as u64, Some(behind))))
                })
            })
        })
        .expect("a heap can be made");
        let mut offset = 0;
        for stage in 0..14 {
            heap.collect();
            for _ in 0..stage {
                heap.step(budget);
            }
            // From array to array, each time another one first.
            heap.mutate(|mc, root| {
                for place in PLACES {
                    let first = root[stage % ARRAYS][place].get();
                    for array in stage..stage + ARRAYS - 1 {
                        let next = root[(array + 1) % ARRAYS][place].get();
                        store!(mc, root[array % ARRAYS][place], next);
                    }
                    store!(mc, root[(stage + ARRAYS - 1) % ARRAYS][place], first);
                }
                offset += 1;
            });
            heap.step(budget);
            heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
            // Within an array, far from where they were, and back.
            for _ in 0..2 {
                heap.mutate(|mc, root| {
                    let array = root[stage % ARRAYS];
                    for place in PLACES {
                        let (a, b) = (array[place].get(), array[WIDTH / 2 - place / 3].get());
                        store!(mc, array[place], b);
                        store!(mc, array[WIDTH / 2 - place / 3], a);
                    }
                });
                heap.step(budget);
                heap.mutate(|mc, root| {
                    let array = root[stage % ARRAYS];
                    for place in PLACES.into_iter().rev() {
                        let (a, b) = (array[place].get(), array[WIDTH / 2 - place / 3].get());
                        store!(mc, array[place], b);
                        store!(mc, array[WIDTH / 2 - place / 3], a);
                    }
                });
            }
            kit.expect_verified(&mut heap, (1 + ARRAYS + 2 * ARRAYS * WIDTH) as u64, 0);
            heap.mutate(|_, root| {
                for (array, slots) in root.iter().enumerate() {
                    for (place, slot) in slots.iter().enumerate() {
                        let moved = if PLACES.contains(&place) { offset } else { 0 };
                        let node = slot.get().expect("nothing was removed");
                        assert_eq!(node.value, ((array + moved) % ARRAYS) as u64, "array {array}, place {place}");
                        assert_eq!(node.next.get().expect("it leads to one more").value, place as u64);
                    }
                }
            });
        }
    }
}

/// Old objects get young ones, which get older ones, across minor collections.
pub(in super::super) fn old_to_young(kit: &Kit) {
    let mut heap = kit.table(64);
    let mut numbers = Numbers::new(3);
    for round in 0..600u64 {
        heap.mutate(|mc, root| {
            let at = numbers.below(64);
            match root[at].get() {
                // The old end of a list gets a young node, which leads to another old list.
                Some(list) if round % 3 != 0 => {
                    let mut last = list;
                    while let Some(next) = last.next.get() {
                        last = next;
                    }
                    let node = Node::make(mc, list.value, None);
                    store!(mc, node.other, root[numbers.below(64)].get());
                    store!(mc, last.next, Some(node));
                }
                _ => store!(mc, root[at], Some(Node::make(mc, at as u64, None))),
            }
        });
        match round % 7 {
            0 | 2 | 4 => heap.collect_minor(),
            5 => {
                heap.step(500);
            }
            _ => {}
        }
        heap.mutate(|_, root| {
            for (at, list) in root.iter().enumerate().filter_map(|(at, slot)| Some((at, slot.get()?))) {
                let (length, sum) = measure(Some(list));
                assert_eq!(sum, length * at as u64, "the list at {at} in round {round}");
            }
        });
    }
    heap.collect();
    heap.verify().expect("the heap is sound");
}

/// A binary tree.
#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

impl<'gc> Tree<'gc> {
    fn make(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
        let child = || (depth > 0).then(|| Tree::make(mc, depth - 1));
        Gc::new(mc, Tree { left: child(), right: child() })
    }

    fn count(&self) -> u64 {
        1 + self.left.map_or(0, |tree| tree.count()) + self.right.map_or(0, |tree| tree.count())
    }
}

fn zealous() -> HeapOptions {
    Kit::options().with_zeal(true).with_verify(true)
}

/// Binary trees with a collection and a verification at every safepoint.
pub(in super::super) fn zeal_binary_trees(kit: &Kit) {
    type Root = Rootable![Gc<'_, Lock<Option<Gc<'_, Tree<'_>>>>>];
    let mut heap = Heap::<Root>::with_options(zealous(), kit.collector(), |mc| Gc::new(mc, Lock::new(None))).unwrap();
    let pauses = heap.statistics().pauses;
    for depth in [0, 1, 5, 8, 3, 7, 0] {
        for _ in 0..4 {
            heap.mutate(|mc, root| {
                Tree::make(mc, depth / 2);
                root.set(mc, Some(Tree::make(mc, depth)));
                Tree::make(mc, depth / 2);
            });
            heap.mutate(|_, root| assert_eq!(root.get().unwrap().count(), (2 << depth) - 1));
        }
    }
    assert_eq!(heap.statistics().pauses - pauses, 7 * 4 * 2, "one collection for each `mutate`");
    kit.expect_verified(&mut heap, 2, 0);
}

/// A list is built, reversed and sorted in place, node by node.
pub(in super::super) fn zeal_list_reversal(kit: &Kit) {
    const LENGTH: u64 = 60;
    let mut heap: Heap<List> = kit.list_with(zealous());
    for value in 0..LENGTH {
        heap.mutate(|mc, root| prepend(mc, *root, value, 1));
    }
    // `other` holds the part that is reversed already.
    for _ in 0..LENGTH {
        heap.mutate(|mc, root| {
            let node = root.next.get().unwrap();
            store!(mc, root.next, node.next.get());
            store!(mc, node.next, root.other.get());
            store!(mc, root.other, Some(node));
        });
    }
    heap.mutate(|_, root| {
        let (mut node, mut value) = (root.other.get(), 0);
        while let Some(current) = node {
            assert_eq!(current.value, value);
            value += 1;
            node = current.next.get();
        }
        assert_eq!(value, LENGTH);
    });
    kit.expect_verified(&mut heap, 1 + LENGTH, 0);
}

/// Nodes with any number of neighbours.
#[derive(Trace)]
struct Vertex<'gc> {
    number: usize,
    neighbours: RefLock<Vec<Gc<'gc, Vertex<'gc>>>>,
}

/// A graph changes at random and is compared with the same graph in ordinary vectors.
pub(in super::super) fn zeal_graph(kit: &Kit) {
    const VERTICES: usize = 24;
    type Root = Rootable![Gc<'_, RefLock<Vec<Gc<'_, Vertex<'_>>>>>];
    let mut heap = Heap::<Root>::with_options(zealous(), kit.collector(), |mc| {
        let vertices = (0..VERTICES).map(|number| Gc::new(mc, Vertex { number, neighbours: RefLock::default() }));
        Gc::new(mc, RefLock::new(vertices.collect()))
    })
    .unwrap();
    let mut mirror = vec![Vec::new(); VERTICES];
    let mut numbers = Numbers::new(9);
    for _ in 0..150 {
        let (from, to) = (numbers.below(VERTICES), numbers.below(VERTICES));
        heap.mutate(|mc, root| {
            let vertices = root.borrow();
            let mut neighbours = crate::field!(mc, (vertices[from]).neighbours).borrow_mut();
            if numbers.below(3) > 0 || neighbours.is_empty() {
                neighbours.push(vertices[to]);
                mirror[from].push(to);
            } else {
                let at = numbers.below(neighbours.len());
                neighbours.swap_remove(at);
                mirror[from].swap_remove(at);
            }
        });
        heap.mutate(|_, root| {
            for (vertex, expected) in root.borrow().iter().zip(&mirror) {
                assert!(vertex.neighbours.borrow().iter().map(|to| to.number).eq(expected.iter().copied()));
            }
        });
    }
    kit.expect_verified(&mut heap, 1 + VERTICES as u64, 0);
}

/// Requests from inside, and from inside a panic, are honoured once, at the end.
pub(in super::super) fn requested_collections(kit: &Kit) {
    let mut heap = kit.list();
    // None for most collectors, one for those that do something after every `mutate`.
    let each = heap.statistics().pauses;
    heap.mutate(|_, _| {});
    let each = heap.statistics().pauses - each;
    heap.mutate(|mc, root| prepend(mc, *root, 0, 10));
    let before = heap.statistics();
    heap.mutate(|mc, root| {
        store!(mc, root.next, None);
        mc.request_collection();
        mc.request_collection();
        assert!(mc.should_yield());
        assert_eq!(mc.statistics().pauses, before.pauses, "nothing happens inside");
    });
    let after = heap.statistics();
    assert_eq!(after.pauses, before.pauses + 1);
    if heap.capabilities().reclaims {
        assert_eq!(after.live_objects, 2, "a requested collection is a full one");
    }
    heap.mutate(|_, _| {});
    assert_eq!(heap.statistics().pauses, after.pauses + each, "and is not repeated");
}

thread_local! {
    /// Elements that somebody traced.
    static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// An element that counts how often it is traced. Twenty-four bytes, so that elements and cards are out of step.
struct Probe<'gc> {
    number: u64,
    first: Lock<Option<Gc<'gc, Node<'gc>>>>,
    second: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

// SAFETY: two edges, two slots, each reported once.
unsafe impl<'gc> Trace<'gc> for Probe<'gc> {
    type Facts = heap_core::Known<true, true>;
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        LOOKED_AT.set(LOOKED_AT.get() + 1);
        self.first.trace(tracer);
        self.second.trace(tracer);
    }
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        self.first.relocate(relocator);
        self.second.relocate(relocator);
    }
}

/// A store into an element of a large array makes the barrier look at 256 elements at the most, whatever happened to the
/// array before; a view of all of it, at each element once. Nothing is lost by that: each node is moved about by stores to
/// elements next to each other and far from each other, at every stage of a marking.
pub(in super::super) fn one_store_looks_at_one_card(kit: &Kit) {
    const LEN: usize = 30_000;
    const STEP: usize = 997;
    let mut heap = Heap::<Rootable![Gc<'_, [Probe<'_>]>]>::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new_slice_with(mc, LEN, |number| {
            let node = (number % STEP == 0).then(|| Node::make(mc, number as u64, None));
            Probe { number: number as u64, first: Lock::new(node), second: Lock::new(None) }
        })
    })
    .expect("a heap can be made");
    let nodes = LEN.div_ceil(STEP);
    for stage in 0..8 {
        heap.collect();
        for _ in 0..stage {
            heap.step(30_000);
        }
        heap.mutate(|mc, array| {
            for at in (0..LEN).step_by(STEP) {
                // Each stage moves every node by one.
                let from = at + stage;
                let node = array[from % LEN].first.get();
                assert_eq!(node.expect("it is there").value, at as u64);
                let to = (from + 1) % LEN;
                LOOKED_AT.set(0);
                store!(mc, array => [to].first, node);
                store!(mc, array => [to].second, node);
                store!(mc, array => [from % LEN].first, None);
                store!(mc, array => [from % LEN].second, None);
                // Two elements, on one card or on two.
                assert!(LOOKED_AT.get() <= 2 * 256, "four stores looked at {} elements", LOOKED_AT.get());
            }
            if stage % 2 == 1 {
                // Again and again, everywhere: no store makes up for those before it.
                for at in (0..LEN).step_by(7) {
                    LOOKED_AT.set(0);
                    store!(mc, array => [at].second, array[at].first.get());
                    assert!(LOOKED_AT.get() <= 256, "one store looked at {} elements", LOOKED_AT.get());
                }
            }
            if stage % 3 == 2 {
                LOOKED_AT.set(0);
                let all = Gc::write(mc, *array);
                for at in 0..LEN {
                    all.project(|array| &array[at].second).unlock().set(None);
                }
                assert!(LOOKED_AT.get() <= LEN, "a view of all looked at {} elements", LOOKED_AT.get());
            }
        });
        heap.step(10_000);
        heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
        kit.expect_verified(&mut heap, 1 + nodes as u64, 0);
    }
    heap.mutate(|_, array| assert!(array.iter().enumerate().all(|(at, probe)| probe.number == at as u64)));
}
