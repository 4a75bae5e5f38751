//! How much memory scattered lifetimes take: see `heap_core::conformance::footprint`.

use gc_refcount::RefCount;
use heap_core::conformance::footprint;
use heap_core::{AllocError, Gc, Heap, HeapOptions, Lock, Rootable, Trace, Weak, store};

fn both() -> [RefCount; 2] {
    [RefCount::pure(), RefCount::default()].map(|collector| collector.with_epoch_bytes(256 << 10))
}

#[test]
fn mixed_sizes() {
    for collector in both() {
        let ratio = footprint::mixed_sizes(collector, 2000);
        assert!(ratio < 1.7, "{ratio:.2} times what is alive");
    }
}

#[test]
fn interleaved_lifetimes() {
    for collector in both() {
        let ratio = footprint::interleaved(collector, 20_000);
        assert!(ratio < 2.2, "{ratio:.2} times what is alive");
    }
}

#[derive(Trace)]
struct Node<'gc> {
    values: [u64; 2],
    weak: Option<Weak<'gc, Node<'gc>>>,
    glue: Option<Box<u64>>,
    other: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

/// Heaps that fill three quarters of their limit before lifetimes scatter: all blocks count lines by then. Objects refer to
/// others, so that there are garbage cycles, weak cells and drop glue.
#[test]
fn scattered_lifetimes_near_the_limit() {
    scatter(HeapOptions::default(), 100_000);
    scatter(HeapOptions::default().with_verify(true), 20_000);
}

fn scatter(options: HeapOptions, nodes: usize) {
    let live = nodes * (48 + 8) + nodes / 16 * (24 + 48 + 8);
    let options = options.with_limit(live + live * 3 / 10);
    let mut heap =
        Heap::<Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>]>::with_options(options, RefCount::default(), |mc| {
            Gc::new_slice_with(mc, nodes, |_| Lock::new(None))
        })
        .unwrap();
    let mut random = 1u64;
    let mut below = |n: usize| {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) as usize % n
    };
    let batch = nodes / 100;
    for round in 0..500 {
        let places: Vec<_> = (0..batch).map(|i| if round < 100 { round * batch + i } else { below(nodes) }).collect();
        let outcome = heap.try_mutate(|mc, root| {
            for &place in &places {
                let special = place % 16 == 0;
                let values = [place as u64; 2];
                let glue = special.then(|| Box::new(place as u64));
                let new = Gc::try_new(mc, Node { values, weak: None, glue, other: Lock::new(None) })?;
                if special {
                    // A cycle of two, with a weak cell.
                    let weak = Some(Gc::try_downgrade(new, mc)?);
                    let other = Gc::try_new(mc, Node { values, weak, glue: None, other: Lock::new(Some(new)) })?;
                    store!(mc, new.other, Some(other));
                }
                store!(mc, root[place], Some(new));
            }
            Ok::<_, AllocError>(())
        });
        outcome.unwrap_or_else(|error| panic!("round {round}: {error} {:?}", heap.statistics()));
    }
    heap.verify().unwrap();
    heap.mutate(|mc, root| {
        for (place, node) in root.iter().enumerate() {
            let node = node.get().unwrap();
            assert_eq!(node.values, [place as u64; 2]);
            assert_eq!(node.glue.as_deref().is_some_and(|glue| *glue == place as u64), place % 16 == 0);
            if let Some(other) = node.other.get() {
                let found = other.weak.and_then(|weak| weak.upgrade(mc)).unwrap();
                assert!(Gc::ptr_eq(found, node) && other.values == node.values);
            }
        }
    });
}
