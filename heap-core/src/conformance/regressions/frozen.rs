//! Frozen heaps: what is alive at one moment stays, and what is written to it afterwards is seen.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::super::model::Promise;
use super::{Counted, Kit, Node, slots};
use crate::collections::{Interner, List, Map, WeakMap, WeakValueMap};
use crate::{Ephemeron, FinalizerQueue, Gc, Handle, Heap, HeapOptions, Lock, Mutator, RefLock, RootSet};
use crate::{Rootable, Static, Trace, Weak};
use crate::{fault, store};

type N<'gc> = Gc<'gc, Node<'gc>>;

/// A root with places of every kind.
#[derive(Trace)]
struct World<'gc> {
    node: Lock<Option<N<'gc>>>,
    /// With cards.
    wide: Gc<'gc, [Lock<Option<N<'gc>>>]>,
    owned: Gc<'gc, RefLock<Vec<N<'gc>>>>,
    glue: Lock<Option<Gc<'gc, Static<Counted>>>>,
    weak: Lock<Option<Weak<'gc, Node<'gc>>>>,
    pair: Lock<Option<Ephemeron<'gc, Node<'gc>, Node<'gc>>>>,
    queue: FinalizerQueue<'gc, Node<'gc>>,
}

type Root = Rootable![Gc<'_, World<'_>>];

const WIDE: usize = 40_000;

fn world(kit: &Kit, options: HeapOptions) -> Heap<Root> {
    Heap::with_options(options, kit.collector(), |mc| {
        let (wide, owned) = (slots(mc, WIDE), Gc::new(mc, RefLock::new(Vec::new())));
        let (node, glue, weak, pair) = Default::default();
        Gc::new(mc, World { node, wide, owned, glue, weak, pair, queue: FinalizerQueue::new(mc) })
    })
    .expect("a heap can be made")
}

/// Freezes, and says whether the collector can.
fn freeze<R: ?Sized>(heap: &mut Heap<R>) -> bool {
    let freezes = heap.capabilities().freezes;
    let before = heap.statistics().freezes;
    heap.freeze().expect("there is memory");
    assert_eq!(heap.statistics().freezes, before + u64::from(freezes));
    heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    freezes
}

/// Objects that are alive after a full collection, permanent ones included.
fn objects<R: ?Sized>(heap: &mut Heap<R>) -> u64 {
    heap.collect();
    heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    heap.statistics().live_objects + heap.statistics().permanent_objects
}

/// Collections of all kinds.
fn collect_all<R: ?Sized>(heap: &mut Heap<R>) {
    heap.collect_minor();
    for _ in 0..3 {
        heap.step(1);
        heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    }
    heap.collect();
    heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
}

/// A trace looks at no element of what holds no pointers: there may be more than anybody can count.
fn what_has_no_size(kit: &Kit) {
    let made = Heap::<Rootable![Gc<'_, [()]>]>::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::from_vec(mc, vec![(); usize::MAX >> 8])
    });
    let mut heap = made.expect("a heap can be made");
    freeze(&mut heap);
    heap.mutate(|_, root| assert_eq!(root.len(), usize::MAX >> 8));
}

pub(in super::super) fn frozen_heap(kit: &Kit) {
    if !freeze(&mut world(kit, Kit::options())) {
        return;
    }
    what_has_no_size(kit);
    what_is_alive_stays(kit);
    for moment in 0..4 {
        writes_are_seen(kit, moment);
    }
    arrays_after_many_markings(kit);
    death_beside_permanent_objects(kit);
    cycles_and_permanent_objects(kit);
    cells_that_garbage_holds(kit);
    garbage_that_a_weak_pointer_knows(kit);
    frozen_again(kit);
    collections_and_root_sets(kit);
    glue_with_handles(kit);
    owned_outside(kit);
    limits(kit, 10_000);
    // Most of the limit.
    limits(kit, 40_000);
    refused(kit);
}

/// What is alive stays when the last reference to it is gone, whole, and is dropped with the heap, once.
fn what_is_alive_stays(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let mut heap = world(kit, Kit::options());
    let (hash, handle) = heap.mutate(|mc, root| {
        let node = Node::make(mc, 1, Some(Node::make(mc, 2, None)));
        store!(mc, root.node, Some(node));
        store!(mc, root.weak, Some(Gc::downgrade(node, mc)));
        store!(mc, root.glue, Some(Gc::new(mc, Static(Counted(drops.clone())))));
        root.owned.borrow_mut(mc).push(node);
        (Gc::identity_hash(node, mc), mc.stash_as::<Rootable![N<'_>]>(Node::make(mc, 3, None)))
    });
    assert!(freeze(&mut heap));
    let statistics = heap.statistics();
    // The root and what it is, the array, what is owned, three nodes, a cell, what has glue.
    assert_eq!((statistics.permanent_objects, statistics.live_objects), (9, 0));
    assert!((8 * WIDE as u64..8 * WIDE as u64 + 1000).contains(&statistics.permanent_bytes));
    assert!((statistics.permanent_bytes..=statistics.heap_bytes).contains(&statistics.permanent_block_bytes));
    assert_eq!(heap.mutate(|mc, root| mc.ref_count(root.node.get().unwrap())), None);
    drop(handle);
    heap.mutate(|mc, root| {
        store!(mc, root.node, None);
        store!(mc, root.glue, None);
        root.owned.borrow_mut(mc).clear();
    });
    collect_all(&mut heap);
    heap.mutate(|mc, root| {
        let node = root.weak.get().unwrap().upgrade(mc).expect("permanent");
        assert_eq!((node.value, node.next.get().unwrap().value, Gc::identity_hash(node, mc)), (1, 2, hash));
    });
    assert_eq!((objects(&mut heap), drops.get()), (9, 0));
    drop(heap);
    assert_eq!(drops.get(), 1);
}

/// The only references to new objects are in permanent ones; they are replaced, and what was there before dies.
fn writes_are_seen(kit: &Kit, moment: usize) {
    let mut heap = world(kit, Kit::options());
    heap.mutate(|mc, root| store!(mc, root.node, Some(Node::make(mc, 0, None))));
    assert!(freeze(&mut heap));
    let before = objects(&mut heap);
    for round in 0..4u64 {
        match moment {
            0 => {}
            1 => heap.collect_minor(),
            2 => drop(heap.step(1)),
            _ => heap.collect(),
        }
        heap.mutate(|mc, root| {
            let make = |value| Node::make(mc, value, Some(Node::make(mc, value + 100, None)));
            store!(mc, root.node.get().unwrap().next, Some(make(round)));
            store!(mc, root.wide[17], Some(make(round + 10)));
            store!(mc, root.wide[WIDE - 1], Some(make(round + 20)));
            let mut owned = root.owned.borrow_mut(mc);
            owned.clear();
            owned.push(make(round + 30));
        });
        collect_all(&mut heap);
        heap.mutate(|_, root| {
            let owned = root.owned.borrow()[0];
            let places =
                [root.node.get().unwrap().next.get(), root.wide[17].get(), root.wide[WIDE - 1].get(), Some(owned)];
            for (place, at) in places.into_iter().zip([0, 10, 20, 30]) {
                let node = place.unwrap();
                assert_eq!((node.value, node.next.get().unwrap().value), (round + at, round + at + 100));
            }
        });
        assert_eq!(objects(&mut heap), before + 8, "what was replaced is gone");
    }
    // What only an unreachable permanent object leads to is kept: nobody looks for it.
    heap.mutate(|mc, root| store!(mc, root.node, None));
    assert_eq!(objects(&mut heap), before + 8);
    let reached = heap.verify().expect("sound").objects;
    assert_eq!(reached, before + 8 - 3);
}

/// The stamps of markings come again; what the cards of a permanent array say is not mistaken for one of them.
fn arrays_after_many_markings(kit: &Kit) {
    for collections in [0, 1, 253, 254, 255, 256, 257] {
        let mut heap = world(kit, Kit::options());
        assert!(freeze(&mut heap));
        (0..collections).for_each(|_| heap.collect());
        heap.step(1);
        heap.mutate(|mc, root| {
            for at in (0..WIDE).step_by(1000) {
                store!(mc, root.wide[at], Some(Node::make(mc, at as u64, None)));
            }
        });
        collect_all(&mut heap);
        heap.mutate(|_, root| {
            assert!((0..WIDE).step_by(1000).all(|at| root.wide[at].get().unwrap().value == at as u64));
        });
    }
}

/// Weak cells, ephemerons and finalizers between permanent objects and others.
fn death_beside_permanent_objects(kit: &Kit) {
    let mut heap = world(kit, Kit::options());
    heap.mutate(|mc, root| {
        let (key, value) = (Node::make(mc, 1, None), Node::make(mc, 2, None));
        root.queue.register(mc, key);
        store!(mc, root.node, Some(key));
        store!(mc, root.pair, Some(Ephemeron::new(mc, key, value)));
        // One that waits in the queue when the heap is frozen.
        root.queue.register(mc, Node::make(mc, 3, None));
    });
    heap.collect();
    assert!(freeze(&mut heap));
    let before = objects(&mut heap);
    let handles = heap.mutate(|mc, root| {
        let waiting = root.queue.next(mc).expect("it was queued before");
        assert_eq!((waiting.value, root.queue.next(mc).is_none()), (3, true));
        let key = root.node.get().unwrap();
        let (_, value) = root.pair.get().unwrap().get(mc).expect("both are permanent");
        assert_eq!(value.value, 2);
        // The value lives as long as the ephemeron does, in this one's list.
        let pair = Ephemeron::new(mc, key, Node::make(mc, 4, Some(Node::make(mc, 5, None))));
        let list = Gc::new(mc, Lock::new(Some(pair)));
        // A weak pointer to a permanent object, and one to another, in permanent objects and in others.
        let mortal = Node::make(mc, 6, None);
        root.queue.register(mc, mortal);
        let weak = Gc::downgrade(key, mc);
        store!(mc, root.weak, Some(Gc::downgrade(mortal, mc)));
        (
            mc.stash_as::<Rootable![Gc<'_, Lock<Option<Ephemeron<'_, Node<'_>, Node<'_>>>>>]>(list),
            mc.stash_as::<Rootable![Weak<'_, Node<'_>>]>(weak),
        )
    });
    collect_all(&mut heap);
    heap.mutate(|mc, root| {
        let (_, value) = mc.fetch(&handles.0).get().unwrap().get(mc).expect("the key never dies");
        assert_eq!((value.value, value.next.get().unwrap().value), (4, 5));
        assert_eq!(mc.fetch(&handles.1).upgrade(mc).expect("permanent").value, 1);
        let revived = root.queue.next(mc).expect("its finalizer is due");
        assert_eq!((revived.value, root.queue.next(mc).is_none()), (6, true));
    });
    collect_all(&mut heap);
    heap.mutate(|mc, root| {
        assert!(root.weak.get().unwrap().upgrade(mc).is_none());
        store!(mc, root.node, None);
        store!(mc, root.pair, None);
    });
    collect_all(&mut heap);
    heap.mutate(|mc, _| {
        let pair = mc.fetch(&handles.0).get().unwrap();
        let (key, value) = pair.get(mc).expect("the key is not reachable but by this, and permanent");
        assert_eq!((key.value, value.value), (1, 4));
    });
    drop(handles);
    collect_all(&mut heap);
    heap.mutate(|mc, root| assert!(root.queue.next(mc).is_none(), "what is permanent needs no finalizer"));
    // A cell of a permanent object, and the cleared one.
    let left = objects(&mut heap);
    assert!((before..=before + 2).contains(&left), "{before} before, {left} after");
}

/// Garbage cycles that lead to permanent objects, live ones too, with an ephemeron in each whose key is permanent.
fn cycles_and_permanent_objects(kit: &Kit) {
    #[derive(Trace)]
    struct Ring<'gc> {
        next: Lock<Option<Gc<'gc, Ring<'gc>>>>,
        node: N<'gc>,
        pair: Lock<Option<Ephemeron<'gc, Node<'gc>, Node<'gc>>>>,
    }
    fn ring<'gc>(mc: &Mutator<'gc>, node: N<'gc>) -> Gc<'gc, Ring<'gc>> {
        let pair = Ephemeron::new(mc, node, Node::make(mc, 7, None));
        let last = Gc::new(mc, Ring { next: Lock::new(None), node, pair: Lock::new(Some(pair)) });
        let first = Gc::new(mc, Ring { next: Lock::new(Some(last)), node, pair: Lock::new(None) });
        store!(mc, last.next, Some(first));
        first
    }
    let mut heap = kit.list();
    assert!(freeze(&mut heap));
    let promise = kit.promise(&mut heap);
    let before = objects(&mut heap);
    let handles: Vec<_> =
        heap.mutate(|mc, root| (0..4).map(|_| mc.stash_as::<Rootable![Gc<'_, Ring<'_>>]>(ring(mc, *root))).collect());
    let twins = handles.clone();
    assert_eq!(objects(&mut heap), before + 16);
    // Each loses a reference, two of them the last.
    drop(handles);
    let kept: Vec<_> = twins.into_iter().take(2).collect();
    heap.mutate(|mc, root| {
        for handle in &kept {
            let again = mc.stash_as::<Rootable![Gc<'_, Ring<'_>>]>(mc.fetch(handle));
            drop(again);
        }
        store!(mc, root.next, None);
    });
    let left = if promise == Promise::KeepsCycles { 16 } else { 8 };
    assert_eq!(objects(&mut heap), before + left);
    // One counted reference to each goes, and another stays, so that trial deletion looks at the living too.
    for _ in 0..2 {
        let more: Vec<_> = heap.mutate(|mc, _| kept.iter().map(|handle| mc.stash(mc.fetch(handle))).collect());
        assert_eq!(objects(&mut heap), before + left);
        drop(more);
        let before_and_left = objects(&mut heap);
        assert_eq!(before_and_left, before + left);
        heap.mutate(|mc, root| {
            for handle in &kept {
                let first = mc.fetch(handle);
                assert!(Gc::ptr_eq(first.node, *root));
                let last = first.next.get().unwrap();
                let (key, value) = last.pair.get().unwrap().get(mc).expect("the key is permanent");
                assert!(Gc::ptr_eq(key, *root) && value.value == 7);
                // Written: its old references are given up, to the first one too.
                store!(mc, last.next, None);
                store!(mc, last.next, Some(first));
                store!(mc, first.next, Some(last));
            }
        });
    }
    drop(kept);
    assert_eq!(objects(&mut heap), before + if promise == Promise::KeepsCycles { 16 } else { 0 });
}

/// A weak cell that only a garbage cycle holds, of a permanent object: a collector that keeps the cycle finds the cell
/// again, in memory that is permanent.
fn cells_that_garbage_holds(kit: &Kit) {
    #[derive(Trace)]
    struct Selfish<'gc> {
        me: Lock<Option<Gc<'gc, Selfish<'gc>>>>,
        weak: Weak<'gc, Node<'gc>>,
    }
    let mut heap = kit.list();
    let handle = heap.mutate(|mc, root| {
        let selfish = Gc::new(mc, Selfish { me: Lock::new(None), weak: Gc::downgrade(*root, mc) });
        store!(mc, selfish.me, Some(selfish));
        mc.stash_as::<Rootable![Gc<'_, Selfish<'_>>]>(selfish)
    });
    heap.collect();
    drop(handle);
    assert!(freeze(&mut heap));
    for _ in 0..3 {
        let handle = heap.mutate(|mc, root| mc.stash_as::<Rootable![Weak<'_, Node<'_>>]>(Gc::downgrade(*root, mc)));
        collect_all(&mut heap);
        heap.mutate(|mc, root| assert!(Gc::ptr_eq(mc.fetch(&handle).upgrade(mc).expect("permanent"), *root)));
        drop(handle);
        collect_all(&mut heap);
    }
}

/// A garbage cycle that a weak pointer leads to: where it is kept it is permanent, even when it is found again and broken.
fn garbage_that_a_weak_pointer_knows(kit: &Kit) {
    let mut heap = world(kit, Kit::options());
    heap.mutate(|mc, root| {
        let node = Node::make(mc, 1, None);
        store!(mc, node.next, Some(node));
        store!(mc, root.weak, Some(Gc::downgrade(node, mc)));
        store!(mc, root.node, Some(node));
    });
    // Counted before it is lost: what dies young does, on a cycle or not.
    heap.collect();
    heap.mutate(|mc, root| store!(mc, root.node, None));
    assert!(freeze(&mut heap));
    let kept = heap.mutate(|mc, root| {
        let node = root.weak.get().unwrap().upgrade(mc);
        if let Some(node) = node {
            store!(mc, node.next, None);
        }
        node.is_some()
    });
    collect_all(&mut heap);
    let value = heap.mutate(|mc, root| root.weak.get().unwrap().upgrade(mc).map(|node| node.value));
    assert_eq!(value, kept.then_some(1));
}

/// Each freeze adds what is new, and what was written is as before.
fn frozen_again(kit: &Kit) {
    let mut heap = kit.list();
    let mut blocks = 0;
    for round in 1..=5u64 {
        heap.mutate(|mc, root| store!(mc, root.next, Some(Node::make(mc, round, root.next.get()))));
        assert!(freeze(&mut heap));
        let statistics = heap.statistics();
        assert_eq!((statistics.permanent_objects, statistics.live_objects), (round + 2, 0));
        assert!(statistics.permanent_block_bytes > blocks);
        blocks = statistics.permanent_block_bytes;
        // Nothing new, nothing more.
        assert!(freeze(&mut heap));
        assert_eq!((heap.statistics().permanent_objects, heap.statistics().permanent_block_bytes), (round + 2, blocks));
    }
    collect_all(&mut heap);
    heap.mutate(|_, root| {
        let mut values = Vec::new();
        let mut next = root.next.get();
        while let Some(node) = next {
            values.push(node.value);
            next = node.next.get();
        }
        assert_eq!(values, [5, 4, 3, 2, 1]);
    });
}

/// Collections of the heap, and handles that belong to an object, change in a frozen heap as in any.
fn collections_and_root_sets(kit: &Kit) {
    #[derive(Trace)]
    struct Library<'gc> {
        list: List<'gc, N<'gc>>,
        map: Map<'gc, u64, N<'gc>>,
        notes: WeakMap<'gc, Node<'gc>, Node<'gc>>,
        known: WeakValueMap<'gc, u64, Node<'gc>>,
        names: Interner<'gc, str>,
        name: Lock<Option<Gc<'gc, str>>>,
        roots: RootSet<'gc>,
    }
    type Books = Rootable![Gc<'_, Library<'_>>];
    let mut heap = Heap::<Books>::with_options(Kit::options(), kit.collector(), |mc| {
        let (list, map, notes) = (List::new(mc), Map::new(mc), WeakMap::new(mc));
        let (known, names, name, roots) = (WeakValueMap::new(mc), Interner::new(mc), Lock::new(None), RootSet::new(mc));
        Gc::new(mc, Library { list, map, notes, known, names, name, roots })
    })
    .expect("a heap can be made");
    let add = |heap: &mut Heap<Books>, from: u64| {
        heap.mutate(|mc, books| {
            for value in from..from + 100 {
                let node = Node::make(mc, value, None);
                books.list.push(mc, node);
                books.map.insert(mc, value, node);
                books.notes.insert(mc, node, Node::make(mc, value + 1000, None));
                // Known only as long as somebody else does; what was alive at a freeze is for ever.
                books.known.insert(mc, value, Node::make(mc, value + 2000, None));
            }
            store!(mc, books.name, Some(books.names.intern(mc, &format!("name {from}"))));
            books.roots.stash(mc, Node::make(mc, from + 3000, None))
        })
    };
    let mut handles = Vec::new();
    for round in 0..4 {
        handles.push(add(&mut heap, 100 * round));
        if round % 2 == 0 {
            assert!(freeze(&mut heap));
        } else {
            heap.mutate(|mc, books| {
                assert_eq!(books.list.remove(mc, 0).value, round / 2);
                books.map.remove(mc, &(100 * (round - 1) + 50)).expect("it was frozen");
            });
        }
        collect_all(&mut heap);
        heap.mutate(|mc, books| {
            for node in books.list.iter() {
                assert_eq!(books.notes.get(mc, node).expect("the key lives").value, node.value + 1000);
                let known = books.known.get(mc, &node.value).map(|node| node.value);
                assert!(known.is_none_or(|value| value == node.value + 2000));
            }
            let removed = round.div_ceil(2);
            assert_eq!(books.map.len() as u64, 100 * (round + 1) - removed);
            assert!(books.map.iter().all(|(key, node)| key == node.value));
            assert_eq!(&*books.name.get().unwrap(), format!("name {}", 100 * round));
            assert!(books.names.get(mc, "name 0").is_some(), "permanent");
            for (handle, round) in handles.iter().zip(0..) {
                assert_eq!(books.roots.fetch(mc, handle).value, 3000 + 100 * round);
            }
        });
    }
    handles.clear();
    collect_all(&mut heap);
}

/// Drop glue drops and clones handles in the pause that freezes the heap.
fn glue_with_handles(kit: &Kit) {
    type Handles = RefCell<Vec<Handle<Rootable![N<'_>]>>>;
    struct Plays(Rc<Handles>);
    impl Drop for Plays {
        fn drop(&mut self) {
            let mut handles = self.0.borrow_mut();
            // The last object gets a handle more, in the place of the first one.
            let last = handles.last().cloned();
            handles.extend(last);
            handles.swap_remove(0);
        }
    }
    for moment in 0..3 {
        let handles = Rc::new(Handles::default());
        let mut heap = world(kit, Kit::options());
        heap.mutate(|mc, root| {
            let values = 0..6;
            handles
                .borrow_mut()
                .extend(values.map(|value| mc.stash_as(Node::make(mc, value, Some(Node::make(mc, value + 10, None))))));
            store!(mc, root.glue, None);
            Gc::new(mc, Static(Plays(handles.clone())));
        });
        match moment {
            0 => {}
            1 => heap.collect_minor(),
            _ => drop(heap.step(1)),
        }
        assert!(freeze(&mut heap));
        for _ in 0..3 {
            heap.mutate(|mc, root| {
                for handle in handles.borrow().iter() {
                    let node = mc.fetch(handle);
                    assert_eq!(node.next.get().unwrap().value, node.value + 10);
                    store!(mc, root.node, Some(Node::make(mc, 7, Some(node))));
                }
            });
            collect_all(&mut heap);
        }
        handles.borrow_mut().clear();
        collect_all(&mut heap);
        assert!(freeze(&mut heap));
        drop(heap);
    }
}

/// What permanent objects own outside the heap stays charged, and is no reason to collect.
fn owned_outside(kit: &Kit) {
    const OWNED: usize = 1 << 20;
    let mut heap =
        Heap::<Rootable![Lock<Option<Gc<'_, Vec<u8>>>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            Lock::new(Some(Gc::new(mc, vec![1; OWNED])))
        })
        .expect("a heap can be made");
    assert_eq!(heap.statistics().outside_bytes, OWNED as u64);
    assert!(freeze(&mut heap));
    collect_all(&mut heap);
    assert_eq!(heap.statistics().outside_bytes, OWNED as u64);
    // It never dies; what is new does.
    heap.mutate_root(|mc, root| *root.get_mut() = Some(Gc::new(mc, vec![2; OWNED])));
    collect_all(&mut heap);
    assert_eq!(heap.statistics().outside_bytes, 2 * OWNED as u64);
    heap.mutate_root(|_, root| *root.get_mut() = None);
    collect_all(&mut heap);
    assert_eq!(heap.statistics().outside_bytes, OWNED as u64);
}

/// Permanent memory counts against the limit. What is left of it can be used as ever.
fn limits(kit: &Kit, nodes: u64) {
    const LIMIT: usize = 2 << 20;
    let mut heap = kit.list_with(Kit::options().with_limit(LIMIT));
    heap.mutate(|mc, root| {
        for value in 0..nodes {
            store!(mc, root.next, Some(Node::make(mc, value, root.next.get())));
        }
    });
    assert!(freeze(&mut heap));
    let permanent = heap.statistics().permanent_block_bytes as usize;
    assert!((nodes as usize * 32..LIMIT / 4 * 3).contains(&permanent), "{permanent}");
    let mut made = 0u64;
    // Ten times the limit of garbage, in small portions.
    while made < 10 * LIMIT as u64 {
        heap.mutate(|mc, root| {
            for value in 0..500 {
                store!(mc, root.other, Some(Node::make(mc, value, None)));
            }
        });
        made += 500 * 32;
        assert!(heap.statistics().heap_bytes as usize <= LIMIT);
    }
    // And then too much.
    let mut kept = 0;
    let full = (0..10 * LIMIT / 32).any(|_| {
        let outcome = heap.try_mutate(|mc, root| {
            let node = Gc::try_new(mc, Node { value: 0, next: Lock::new(root.other.get()), other: Lock::new(None) })?;
            store!(mc, root.other, Some(node));
            Ok::<(), crate::AllocError>(())
        });
        kept += usize::from(outcome.is_ok());
        outcome.is_err()
    });
    assert!(full && kept * 32 < LIMIT - permanent, "{kept} objects beside {permanent} bytes");
    heap.mutate(|mc, root| store!(mc, root.other, None));
    heap.collect();
    let verified = heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    assert_eq!(verified.objects, nodes + 2);
}

/// A system that refuses memory freezes nothing, or all.
fn refused(kit: &Kit) {
    for at in 0..if cfg!(miri) { 4 } else { 40 } {
        let mut heap = world(kit, Kit::options());
        heap.mutate(|mc, root| {
            for value in 0..1000 {
                store!(mc, root.node, Some(Node::make(mc, value, root.node.get())));
            }
        });
        heap.collect();
        fault::tight_mark_stacks(true);
        fault::refuse_mark_stack_requests(1 << at);
        let outcome = heap.freeze();
        fault::refuse_mark_stack_requests(0);
        fault::tight_mark_stacks(false);
        let statistics = heap.statistics();
        assert_eq!((statistics.freezes, statistics.permanent_objects > 0), (outcome.is_ok().into(), outcome.is_ok()));
        heap.mutate(|mc, root| {
            for value in 0..10 {
                store!(mc, root.node, Some(Node::make(mc, value, root.node.get())));
            }
        });
        assert_eq!(objects(&mut heap), 1014);
        assert!(freeze(&mut heap));
        assert_eq!(objects(&mut heap), 1014);
    }
}
