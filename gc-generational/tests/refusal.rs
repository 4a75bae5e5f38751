//! The system refuses memory for mark stacks: collections are abandoned, nothing is lost, and the next one completes.

use gc_generational::Generational;
use heap_core::fault::refuse_mark_stacks;
use heap_core::{Gc, Heap, HeapOptions, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

#[test]
fn abandoned_collections_lose_nothing() {
    for factor in [0, 8] {
        // Fresh stacks are refused at once, those that have grown are not asked for more: so each heap is refused first.
        let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, Node<'_>>>>]>::with_options(
            HeapOptions::default(),
            Generational::default().with_in_place_factor(factor).with_marking_threads(1),
            |_| Lock::new(None),
        )
        .unwrap();
        let mut count = 0;
        for round in 0..450 {
            heap.mutate_root(|mc, root| {
                *root = Lock::new(Some(Gc::new(mc, Node { value: count, next: Lock::new(root.get()) })));
                count += 1;
                // Writes to objects that an abandoned promotion may have left clean.
                if let Some(second) = root.get().unwrap().next.get() {
                    let third = second.next.get();
                    let copy = Gc::new(mc, Node { value: second.value, next: Lock::new(third) });
                    store!(mc, root.get().unwrap().next, Some(copy));
                    store!(mc, second.next, Some(copy));
                }
            });
            refuse_mark_stacks(round % 150 < 140);
            if round % 3 == 0 {
                heap.collect()
            } else {
                heap.collect_minor()
            }
            refuse_mark_stacks(false);
            heap.verify().unwrap();
            heap.mutate(|_, root| {
                let mut at = root.get();
                for value in (0..count).rev() {
                    assert_eq!(at.unwrap().value, value);
                    at = at.unwrap().next.get();
                }
                assert!(at.is_none());
            });
            if round % 150 == 149 {
                heap.collect();
                assert_eq!(heap.statistics().live_objects, count + 1);
            }
        }
        assert!(heap.statistics().abandoned_collections > 0, "factor {factor}");
    }
}

/// A stack that is refused half-way leaves some young objects looking promoted; the next attempt must not believe it.
#[test]
fn a_promotion_abandoned_half_way_is_done_again() {
    type Nodes = Rootable![Lock<Option<Gc<'_, [Gc<'_, Node<'_>>]>>>];
    let fill = |heap: &mut Heap<Nodes>, len: usize| {
        heap.mutate_root(|mc, root: &mut Lock<_>| {
            *root = Lock::new(Some(Gc::new_slice_with(mc, len, |i| {
                let behind = Gc::new(mc, Node { value: i as u64, next: Lock::new(None) });
                Gc::new(mc, Node { value: i as u64, next: Lock::new(Some(behind)) })
            })));
        });
    };
    for refusals in 1..4 {
        // A stack that has grown asks for nothing more: each round has its own.
        let collector = Generational::default().with_in_place_factor(0).with_marking_threads(1);
        let mut heap = Heap::<Nodes>::new(collector, |_| Lock::new(None)).unwrap();
        // The stacks get their first 256 entries.
        fill(&mut heap, 10);
        heap.collect();
        fill(&mut heap, 700);
        for _ in 0..refusals {
            refuse_mark_stacks(true);
            heap.collect_minor();
            refuse_mark_stacks(false);
            heap.verify().unwrap();
        }
        assert_eq!(heap.statistics().abandoned_collections, refusals);
        heap.collect_minor();
        heap.verify().unwrap();
        heap.mutate(|_, root| {
            for (i, node) in root.get().unwrap().iter().enumerate() {
                assert_eq!((node.value, node.next.get().unwrap().value), (i as u64, i as u64));
            }
        });
        // Garbage of abandoned attempts is garbage still.
        heap.mutate_root(|_, root| *root = Lock::new(None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 1);
    }
}
