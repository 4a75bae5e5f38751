//! Frozen heaps in which survivors move.

use gc_refcount::RefCount;
use heap_core::{Gc, Heap, HeapOptions, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

/// A place that was frozen is written, and what it leads to then moves. Permanent objects do not, and the slots that lead to
/// what moves are found in them.
#[test]
fn survivors_move_out_of_slots_of_permanent_objects() {
    const PLACES: usize = 500;
    type Places = Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>];
    for exact in [false, true] {
        let collector = RefCount::default().with_copying(true).with_exact_blocks(exact).with_epoch_bytes(64 << 10);
        let options = HeapOptions::default().with_poison(true).with_verify(true);
        let mut heap = Heap::<Places>::with_options(options, collector, |mc| {
            let node = |value| Gc::new(mc, Node { next: Lock::new(None), value });
            Gc::new_slice_with(mc, PLACES, |place| Lock::new(Some(node(place as u64))))
        })
        .unwrap();
        heap.freeze().unwrap();
        let permanent: Vec<usize> =
            heap.mutate(|_, places| places.iter().map(|place| Gc::as_ptr(place.get().unwrap()).addr()).collect());
        for round in 1..60u64 {
            heap.mutate(|mc, places| {
                for number in 0..4000 {
                    let node = Gc::new(mc, Node { next: Lock::new(None), value: round * 10_000 + number });
                    // One in a hundred survives, in a permanent object or in one that such an object leads to.
                    let number = number as usize;
                    match number % 200 {
                        0 => store!(mc, places[7 * number % PLACES].get().unwrap().next, Some(node)),
                        101 => {
                            store!(mc, node.next, places[number % PLACES].get());
                            store!(mc, places[number % PLACES], Some(node));
                        }
                        _ => {}
                    }
                }
            });
        }
        let statistics = heap.statistics();
        assert!(statistics.evacuated_bytes > 0, "survivors move");
        heap.collect();
        heap.mutate(|mc, places| {
            for (number, (place, &at)) in places.iter().zip(&permanent).enumerate() {
                let mut node = place.get().unwrap();
                while node.value != number as u64 {
                    node = node.next.get().expect("what was there from the beginning comes last");
                }
                assert_eq!((Gc::as_ptr(node).addr(), mc.ref_count(node)), (at, None));
            }
        });
    }
}
