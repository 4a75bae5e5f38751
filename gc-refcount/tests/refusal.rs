//! The system refuses memory for the stacks of an epoch: increments and decrements are made once all the same, a cycle
//! collection is given up and changes nothing.

use gc_refcount::RefCount;
use heap_core::fault::{refuse_mark_stack_requests, refuse_mark_stacks, tight_mark_stacks};
use heap_core::{AllocError, Gc, Heap, HeapOptions, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type Nodes<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, Node<'gc>>>>]>;
type Root = Rootable![Gc<'_, Lock<Option<Nodes<'_>>>>];

fn heap(collector: RefCount) -> Heap<Root> {
    Heap::with_options(HeapOptions::default().with_verify(true), collector, |mc| Gc::new(mc, Lock::new(None))).unwrap()
}

/// An array of nodes, each of which leads to the next and the last to the first, if they are to be a ring.
fn wide<'gc>(mc: &Mutator<'gc>, len: usize, ring: bool) -> Nodes<'gc> {
    let nodes: Nodes<'gc> = Gc::new_slice_with(mc, len, |index| {
        Lock::new(Some(Gc::new(mc, Node { value: index as u64, next: Lock::new(None) })))
    });
    if ring {
        for index in 0..len {
            store!(mc, nodes[index].get().unwrap().next, nodes[(index + 1) % len].get());
        }
    }
    nodes
}

fn counts(heap: &mut Heap<Root>) -> Vec<u64> {
    heap.mutate(|mc, root| {
        let nodes = root.get().unwrap();
        nodes.iter().map(|node| mc.ref_count(node.get().unwrap()).unwrap()).collect()
    })
}

#[test]
fn increments_and_decrements_are_made_once() {
    for collector in [RefCount::pure(), RefCount::default()] {
        let mut heap = heap(collector);
        for round in 0..3 {
            // Becomes counted while every request is refused.
            heap.mutate(|mc, root| root.set(mc, Some(wide(mc, 700 << round, false))));
            refuse_mark_stacks(true);
            heap.collect_minor();
            refuse_mark_stacks(false);
            assert!(counts(&mut heap).iter().all(|&count| count == 1), "round {round}");
            heap.collect();
            assert_eq!(heap.statistics().live_objects, 3 + (700 << round));
            // Half of the nodes are kept by another array when theirs dies.
            heap.mutate(|mc, root| {
                let old = root.get().unwrap();
                let kept = Gc::new_slice_with(mc, 350 << round, |index| Lock::new(old[2 * index].get()));
                root.set(mc, Some(kept));
            });
            refuse_mark_stacks(true);
            heap.collect_minor();
            refuse_mark_stacks(false);
            assert!(counts(&mut heap).iter().all(|&count| count == 1), "round {round}");
            heap.collect();
            assert_eq!(heap.statistics().live_objects, 3 + (350 << round));
        }
        heap.mutate(|mc, root| root.set(mc, None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 2);
    }
}

/// Refused at each of its requests in turn, the search changes no count; the next one finds everything.
#[test]
fn a_cycle_collection_refused_at_any_request_changes_nothing() {
    struct Loose;
    impl Drop for Loose {
        fn drop(&mut self) {
            tight_mark_stacks(false);
        }
    }
    let _loose = Loose;
    tight_mark_stacks(true);
    let mut heap = heap(RefCount::default());
    let mut abandoned = 0;
    for request in 0..60 {
        // A ring that lives, because the root leads to its members, and one that has lost its array.
        heap.mutate(|mc, root| root.set(mc, Some(wide(mc, 300, true))));
        heap.collect_minor();
        heap.mutate(|mc, root| root.set(mc, Some(wide(mc, 300, true))));
        heap.collect_minor();
        heap.mutate(|mc, root| {
            let nodes = root.get().unwrap();
            for index in 0..nodes.len() {
                // Every member loses a reference and keeps another.
                store!(mc, nodes[index], nodes[(index + 7) % nodes.len()].get());
            }
        });
        refuse_mark_stack_requests(1 << request);
        heap.collect();
        refuse_mark_stack_requests(0);
        if heap.statistics().abandoned_collections > abandoned {
            abandoned += 1;
            heap.verify().unwrap();
        }
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 3 + 300, "request {request}");
        heap.verify().unwrap();
        heap.mutate(|mc, root| root.set(mc, None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 2, "request {request}");
    }
    assert!(abandoned > 3, "{abandoned} collections were refused");
}

/// The barrier's log asks again when it is refused, with room for what was refused and not for what is in use.
#[test]
fn a_wide_array_is_logged_although_the_system_refuses_at_first() {
    let mut heap = heap(RefCount::pure());
    heap.mutate(|mc, root| root.set(mc, Some(wide(mc, 5_000, false))));
    heap.collect();
    refuse_mark_stacks(true);
    heap.mutate(|mc, root| store!(mc, root.get().unwrap()[17], None));
    refuse_mark_stacks(false);
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 2 + 5_000);
}

/// A failed allocation is followed by a cycle collection although none is due, and although nothing else happened.
#[test]
fn a_failed_allocation_is_followed_by_a_cycle_collection() {
    let options = HeapOptions::default().with_limit(3 << 20);
    let mut heap =
        Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, [u64]>>>>]>::with_options(options, RefCount::default(), |mc| {
            Gc::new(mc, Lock::new(None))
        })
        .unwrap();
    let ring = heap.mutate(|mc, _| mc.stash_as::<Rootable![Nodes<'_>]>(wide(mc, 30_000, true)));
    heap.collect_minor();
    drop(ring);
    heap.collect_minor();
    let counted = heap.statistics().live_bytes;
    assert!((700 << 10..2 << 20).contains(&counted), "the ring holds {counted} bytes");
    let mut attempt = || {
        heap.mutate(|mc, root| {
            root.set(mc, Some(Gc::try_new_slice_with(mc, (5 << 19) / 8, |index| index as u64)?));
            Ok::<(), AllocError>(())
        })
    };
    assert!(attempt().unwrap_err().is_limit());
    assert_eq!(attempt(), Ok(()));
}
