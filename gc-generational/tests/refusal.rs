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
