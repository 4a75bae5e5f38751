//! What moves when survivors are copied, what stays, and who is told.

use gc_refcount::RefCount;
use heap_core::{
    Ephemeron, FinalizerQueue, Gc, Handle, Heap, HeapOptions, Lock, RefLock, Rootable, Trace, Weak, field, store,
};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    others: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(mc: &heap_core::Mutator<'gc>, value: u64) -> Gc<'gc, Node<'gc>> {
    Gc::new(mc, Node { value, next: Lock::new(None), others: RefLock::new(Vec::new()) })
}

/// A node between garbage, so that its block is worth leaving.
fn scattered<'gc>(mc: &heap_core::Mutator<'gc>, value: u64) -> Gc<'gc, Node<'gc>> {
    for garbage in 0..100 {
        node(mc, garbage);
    }
    node(mc, value)
}

type Pointer = Rootable![Gc<'_, Node<'_>>];
type WeakPointer = Rootable![Weak<'_, Node<'_>>];
type Table = Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>];

fn heap(places: usize) -> Heap<Table> {
    let collector = RefCount::default().with_copying(true);
    let mut heap = Heap::<Table>::with_options(HeapOptions::default().with_verify(true), collector, |mc| {
        Gc::new_slice_with(mc, places, |_| Lock::new(None))
    })
    .unwrap();
    heap.collect();
    waste(&mut heap);
    heap
}

/// An epoch in which all die young: survivors of the next one are worth moving.
fn waste<R: ?Sized + for<'gc> Rootable<'gc>>(heap: &mut Heap<R>) {
    heap.mutate(|mc, _| {
        scattered(mc, 0);
    });
    heap.collect();
}

fn address(node: Gc<'_, Node<'_>>) -> usize {
    Gc::as_ptr(node).addr()
}

/// Whether what `place` leads to is elsewhere after a collection.
fn moves(heap: &mut Heap<Table>, place: usize) -> bool {
    let before = heap.mutate(|_, root| address(root[place].get().unwrap()));
    heap.collect();
    heap.mutate(|_, root| address(root[place].get().unwrap())) != before
}

#[test]
fn survivors_move_once() {
    let mut heap = heap(10);
    heap.mutate(|mc, root| store!(mc, root[3], Some(scattered(mc, 7))));
    assert!(moves(&mut heap, 3));
    assert!(!moves(&mut heap, 3), "it was counted before");
    let moved = heap.statistics().evacuated_bytes;
    assert!(moved > 0 && moved < 200, "{moved}");
    assert_eq!(heap.mutate(|mc, root| mc.ref_count(root[3].get().unwrap())), Some(1));
}

#[test]
fn every_kind_of_place_follows() {
    let mut heap = heap(4);
    // Written in the epoch: a field, a vector inside an object, a card of a large array, another survivor.
    heap.mutate(|mc, root| store!(mc, root[0], Some(scattered(mc, 0))));
    heap.collect();
    let handle: Handle<Pointer> = heap.mutate(|mc, root| {
        let old = root[0].get().unwrap();
        let (a, b) = (scattered(mc, 1), scattered(mc, 2));
        store!(mc, b.next, Some(a));
        store!(mc, old.next, Some(b));
        field!(mc, old.others).borrow_mut().extend([a, b, a]);
        mc.stash(a)
    });
    let before = heap.mutate(|mc, _| address(mc.fetch(&handle)));
    heap.collect();
    heap.mutate(|mc, root| {
        let (old, a) = (root[0].get().unwrap(), mc.fetch(&handle));
        let b = old.next.get().unwrap();
        assert_ne!(address(a), before);
        assert_eq!((a.value, b.value), (1, 2));
        assert!(Gc::ptr_eq(b.next.get().unwrap(), a));
        let others: Vec<_> = old.others.borrow().iter().map(|&other| address(other)).collect();
        assert_eq!(others, [a, b, a].map(address));
        assert_eq!(mc.ref_count(a), Some(4));
    });
}

#[test]
fn cards_of_a_large_array_follow() {
    let places = 100_000;
    let mut heap = heap(places);
    heap.collect();
    for round in 0..20 {
        heap.mutate(|mc, root| {
            (0..50).for_each(|i| store!(mc, root[(i * 1777 + round) % places], Some(scattered(mc, i as u64))));
        });
        heap.collect();
        heap.mutate(|_, root| {
            (0..50).for_each(|i| assert_eq!(root[(i * 1777 + round) % places].get().unwrap().value, i as u64));
        });
    }
    assert!(heap.statistics().evacuated_bytes > 10_000);
}

#[test]
fn what_a_table_knows_stays() {
    let mut heap = heap(4);
    let weak: Handle<WeakPointer> = heap.mutate(|mc, root| {
        let target = scattered(mc, 1);
        store!(mc, root[0], Some(target));
        mc.stash(Gc::downgrade(target, mc))
    });
    assert!(!moves(&mut heap, 0));
    heap.mutate(|mc, root| {
        assert!(Gc::ptr_eq(mc.fetch(&weak).upgrade(mc).unwrap(), root[0].get().unwrap()));
    });

    let hash = heap.mutate(|mc, root| {
        store!(mc, root[1], Some(scattered(mc, 2)));
        Gc::identity_hash(root[1].get().unwrap(), mc)
    });
    assert!(!moves(&mut heap, 1));
    assert_eq!(heap.mutate(|mc, root| Gc::identity_hash(root[1].get().unwrap(), mc)), hash);
}

#[derive(Trace)]
struct Deaths<'gc> {
    key: Gc<'gc, Node<'gc>>,
    entry: Ephemeron<'gc, Node<'gc>, Node<'gc>>,
    queue: FinalizerQueue<'gc, Node<'gc>>,
}

#[test]
fn values_of_ephemerons_and_what_is_queued_keep_their_places() {
    let options = HeapOptions::default().with_verify(true);
    let mut heap = Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, Deaths<'_>>>>>]>::with_options(
        options,
        RefCount::default().with_copying(true),
        |mc| Gc::new(mc, Lock::new(None)),
    )
    .unwrap();
    waste(&mut heap);
    heap.mutate(|mc, root| {
        let (key, value, queue) = (scattered(mc, 1), scattered(mc, 2), FinalizerQueue::new(mc));
        queue.register(mc, scattered(mc, 3));
        root.set(mc, Some(Gc::new(mc, Deaths { key, entry: Ephemeron::new(mc, key, value), queue })));
    });
    let before =
        heap.mutate(|mc, root| root.get().unwrap().entry.get(mc).map(|(key, value)| (address(key), address(value))));
    heap.collect();
    heap.mutate(|mc, root| {
        let pair = root.get().unwrap().entry.get(mc);
        assert!(Gc::ptr_eq(pair.unwrap().0, root.get().unwrap().key));
        assert_eq!(pair.map(|(key, value)| (address(key), address(value))), before);
        assert_eq!(root.get().unwrap().queue.next(mc).unwrap().value, 3);
    });
    heap.collect();
    heap.mutate(|mc, root| assert_eq!(root.get().unwrap().entry.value(mc).unwrap().value, 2));
    assert!(heap.statistics().evacuated_bytes > 0, "the object that holds them moved");
    let rest = heap.verify().unwrap();
    assert_eq!(rest.objects, heap.statistics().live_objects);
}

/// Where most of what is allocated survives, blocks are dense as they are.
#[test]
fn nothing_moves_where_most_survives() {
    let mut heap = heap(1000);
    let mut moved = Vec::new();
    for _ in 0..3 {
        heap.mutate(|mc, root| (0..1000).for_each(|i| store!(mc, root[i], Some(node(mc, i as u64)))));
        heap.collect();
        moved.push(heap.statistics().evacuated_bytes);
    }
    assert_eq!(moved[1], moved[2], "the first epochs had nothing to go by");
}
