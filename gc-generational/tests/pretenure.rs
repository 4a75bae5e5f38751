//! A program of which everything survives: the nursery is parked, comes back, and the barrier with it.

use gc_generational::Generational;
use heap_core::{Gc, Heap, HeapOptions, Lock, Rootable, Trace, Weak, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    weak: Option<Weak<'gc, Node<'gc>>>,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

#[test]
fn everything_survives_and_then_nothing_does() {
    let collector = || Generational::default().with_nursery_bytes(64 << 10).with_full_min_bytes(512 << 10);
    let mut minor_collections = Vec::new();
    for pretenuring in [true, false] {
        let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, Node<'_>>>>]>::with_options(
            HeapOptions::default().with_verify(true),
            collector().with_pretenuring(pretenuring),
            |_| Lock::new(None),
        )
        .unwrap();
        let mut count = 0;
        for round in 0..120 {
            heap.mutate_root(|mc, root| {
                for _ in 0..500 {
                    let weak = root.get().map(|node| Gc::downgrade(node, mc));
                    *root = Lock::new(Some(Gc::new(mc, Node { value: count, weak, next: Lock::new(root.get()) })));
                    count += 1;
                }
                // Medium and large objects take other ways.
                if round % 8 == 0 {
                    Gc::new_slice_with(mc, 1000, |i| i as u64);
                    Gc::new_slice_with(mc, 5000, |_| root.get());
                }
            });
            if round % 20 == 19 {
                heap.collect_minor();
            }
            // Writes to objects of every age: what they lead to must survive, whatever comes next.
            heap.mutate(|mc, root| {
                let mut at = root.get().unwrap();
                for _ in 0..30 {
                    let next = at.next.get().unwrap();
                    let copy =
                        Gc::new(mc, Node { value: next.value, weak: next.weak, next: Lock::new(next.next.get()) });
                    store!(mc, at.next, Some(copy));
                    at = copy;
                }
            });
            if round % 40 == 39 {
                heap.collect();
            }
        }
        heap.mutate(|mc, root| {
            let mut at = root.get();
            for value in (0..count).rev() {
                let node = at.unwrap();
                assert_eq!(node.value, value);
                if let Some(target) = node.weak.and_then(|weak| weak.upgrade(mc)) {
                    assert_eq!(target.value, value - 1);
                }
                at = node.next.get();
            }
            assert!(at.is_none());
        });
        let minor = heap.statistics().minor_collections;
        minor_collections.push(minor);
        heap.mutate_root(|_, root| *root = Lock::new(None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 1);
        // The nursery is back, and most of this dies in it.
        for value in 0..1000 {
            heap.mutate(|mc, _| {
                for _ in 0..100 {
                    Gc::new(mc, Node { value, weak: None, next: Lock::new(None) });
                }
            });
        }
        heap.mutate_root(|mc, root| {
            *root = Lock::new(Some(Gc::new(mc, Node { value: 0, weak: None, next: Lock::new(None) })));
        });
        heap.verify().expect("objects are born young again");
        assert!(heap.statistics().minor_collections > minor + 20);
        assert!(heap.statistics().heap_bytes < 1 << 20);
    }
    assert!(
        minor_collections[0] * 3 < minor_collections[1] * 2,
        "the nursery was parked much of the time: {minor_collections:?}"
    );
}

#[test]
fn a_parked_nursery_comes_back_by_itself() {
    let collector = Generational::default().with_nursery_bytes(64 << 10).with_full_min_bytes(512 << 10);
    let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, Node<'_>>>>]>::new(collector, |_| Lock::new(None)).unwrap();
    for _ in 0..20 {
        // 300 KiB that stay: four nurseries and more.
        heap.mutate_root(|mc, root| {
            for value in 0..500 {
                *root = Lock::new(Some(Gc::new(mc, Node { value, weak: None, next: Lock::new(root.get()) })));
            }
        });
    }
    let before = heap.statistics();
    assert_eq!(before.full_collections, 0);
    for value in 0..1000 {
        heap.mutate(|mc, _| {
            for _ in 0..1000 {
                Gc::new(mc, Node { value, weak: None, next: Lock::new(None) });
            }
        });
    }
    let after = heap.statistics();
    assert_eq!(after.full_collections, 1, "one wrong guess, then the nursery");
    assert!(after.minor_collections > before.minor_collections + 300);
    assert!(after.peak_heap_bytes < 2 << 20);
}
