//! Frozen heaps: what is permanent is no reason to collect, and does not move.

use gc_generational::Generational;
use heap_core::{Gc, Heap, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

fn list<'gc>(mc: &Mutator<'gc>, len: u64) -> Option<Gc<'gc, Node<'gc>>> {
    (0..len).fold(None, |next, value| Some(Gc::new(mc, Node { next: Lock::new(next), value })))
}

type Lists = Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>];

/// Lists of which the last forty live.
const LIVING: usize = 40;

/// How many full collections a program needs that replaces lists beside a list of so many permanent nodes.
fn full_collections(permanent: u64) -> u64 {
    let collector = Generational::default().with_nursery_bytes(128 << 10).with_full_min_bytes(1 << 20);
    let mut heap =
        Heap::<Lists>::new(collector, |mc| Gc::new_slice_with(mc, LIVING, |_| Lock::new(list(mc, permanent / 40))))
            .unwrap();
    heap.freeze().unwrap();
    let before = heap.statistics().full_collections;
    for round in 0..2000 {
        heap.mutate(|mc, lists| store!(mc, lists[round % LIVING], list(mc, 1000)));
    }
    assert!(heap.statistics().permanent_bytes >= 24 * permanent);
    heap.statistics().full_collections - before
}

/// A collector that took permanent blocks for such as it might empty would collect twice as often.
#[test]
fn permanent_blocks_are_no_reason_to_collect() {
    let (alone, beside) = (full_collections(0), full_collections(400_000));
    assert!((5..1000).contains(&alone), "{alone}");
    assert!(beside.abs_diff(alone) <= alone / 10, "{alone} full collections, and {beside} beside permanent objects");
}

/// Permanent objects lie as sparsely as any can, and evacuations leave them where they are.
#[test]
fn evacuations_leave_permanent_objects_where_they_are() {
    const ROUNDS: u64 = 50;
    let collector = Generational::default().with_nursery_bytes(64 << 10).with_evacuation(true);
    let mut heap = Heap::<Lists>::new(collector, |mc| Gc::new_slice_with(mc, LIVING, |_| Lock::new(None))).unwrap();
    // Each survivor has two thousand dead neighbours.
    let scatter = |heap: &mut Heap<Lists>, round: u64| {
        heap.mutate(|mc, lists| {
            for place in 0..LIVING {
                list(mc, 2000);
                let next = Lock::new(lists[place].get());
                store!(mc, lists[place], Some(Gc::new(mc, Node { next, value: round })));
            }
        });
    };
    // Where the nodes of the first rounds are: behind those of the others.
    let permanent = |heap: &mut Heap<Lists>| {
        heap.mutate(|_, lists| {
            let mut addresses = Vec::new();
            for place in lists.iter() {
                let mut next = place.get();
                while let Some(node) = next {
                    if node.value < ROUNDS {
                        addresses.push(Gc::as_ptr(node).addr());
                    }
                    next = node.next.get();
                }
            }
            addresses
        })
    };
    (0..ROUNDS).for_each(|round| scatter(&mut heap, round));
    heap.freeze().unwrap();
    let (before, moved) = (permanent(&mut heap), heap.statistics().evacuated_bytes);
    assert_eq!(before.len(), LIVING * ROUNDS as usize);
    (ROUNDS..2 * ROUNDS).for_each(|round| scatter(&mut heap, round));
    heap.collect();
    heap.verify().unwrap();
    assert!(heap.statistics().evacuated_bytes > moved, "what is new moves");
    assert_eq!(permanent(&mut heap), before);
}
