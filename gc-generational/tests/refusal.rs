//! The system refuses memory for mark stacks: collections are abandoned, nothing is lost, and the next one completes.

use gc_generational::Generational;
use heap_core::collector::memory::os::fault;
use heap_core::fault::{refuse_mark_stack_requests, refuse_mark_stacks};
use heap_core::{AllocError, Gc, Handle, Heap, HeapOptions, Lock, Rootable, Trace, store};

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
            Generational::default().with_in_place_factor(factor).with_marking_threads(1).with_nursery_bytes(4 << 20),
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

type Slice = Rootable![Gc<'_, [Gc<'_, Node<'_>>]>];
type Nodes = Rootable![Lock<Option<Gc<'_, [Gc<'_, Node<'_>>]>>>];

/// An array of nodes with a node behind each.
fn fill(heap: &mut Heap<Nodes>, len: usize) {
    heap.mutate_root(|mc, root: &mut Lock<_>| {
        *root = Lock::new(Some(Gc::new_slice_with(mc, len, |i| {
            let behind = Gc::new(mc, Node { value: i as u64, next: Lock::new(None) });
            Gc::new(mc, Node { value: i as u64, next: Lock::new(Some(behind)) })
        })));
    });
}

/// A handle to the first 200 nodes. What handles hold is reached before what an old root does, and that many edges fit the
/// stack that an array of all of them does not.
fn reached_first(heap: &mut Heap<Nodes>) -> Handle<Slice> {
    heap.mutate(|mc, root| {
        let all = root.get().unwrap();
        mc.stash_as::<Slice>(Gc::new_slice_with(mc, 200, |i| all[i]))
    })
}

/// A stack that is refused half-way leaves some young objects looking promoted; the next attempt must not believe it.
#[test]
fn a_promotion_abandoned_half_way_is_done_again() {
    for refusals in 1..4 {
        // A stack that has grown asks for nothing more: each round has its own.
        let collector =
            Generational::default().with_in_place_factor(0).with_marking_threads(1).with_nursery_bytes(4 << 20);
        let mut heap = Heap::<Nodes>::new(collector, |_| Lock::new(None)).unwrap();
        // The stacks get their first 256 entries.
        fill(&mut heap, 10);
        heap.collect();
        fill(&mut heap, 700);
        let _first = reached_first(&mut heap);
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
        assert_eq!(heap.statistics().live_objects, 402, "what the handle leads to, and the root");
    }
}

/// What an abandoned attempt stamped is not alive because of that: blocks in which everything has died since are free.
#[test]
fn blocks_that_an_abandoned_promotion_looked_at_are_freed_when_they_are_dead() {
    let collector = Generational::default().with_nursery_bytes(1).with_in_place_factor(0).with_marking_threads(1);
    let mut heap = Heap::<Nodes>::new(collector, |_| Lock::new(None)).unwrap();
    let first = heap.mutate_root(|mc, root| {
        // A thousand lists of twenty nodes, 500 KB.
        *root = Lock::new(Some(Gc::new_slice_with(mc, 1_000, |_| {
            let list = (0..20).fold(None, |next, value| Some(Gc::new(mc, Node { value, next: Lock::new(next) })));
            list.unwrap()
        })));
        // The stack has room for those that the handle leads to: its second request is refused.
        refuse_mark_stack_requests(0b10);
        let all = root.get().unwrap();
        mc.stash_as::<Slice>(Gc::new_slice_with(mc, 200, |i| all[i]))
    });
    refuse_mark_stack_requests(0);
    assert_eq!(heap.statistics().abandoned_collections, 1);
    drop(first);
    heap.mutate_root(|_, root| *root = Lock::new(None));
    heap.collect_minor();
    assert_eq!(heap.statistics().full_collections, 0);
    let held = heap.statistics().heap_bytes;
    assert!(held <= 96 << 10, "{held} bytes are held");
}

/// After a promotion was abandoned, young objects are clean and are listed when they are written. The next collection
/// copies: they are not old, and may have moved when their turn comes.
#[test]
fn a_copy_after_an_abandoned_promotion_does_not_take_young_objects_for_old_ones() {
    let mut heap =
        Heap::<Nodes>::new(Generational::default().with_marking_threads(1).with_nursery_bytes(4 << 20), |_| {
            Lock::new(None)
        })
        .unwrap();
    // The old space gets its first 4 MiB.
    fill(&mut heap, 10);
    heap.collect();
    fill(&mut heap, 40_000);
    let _first = reached_first(&mut heap);
    // No room for a copy, nor for the stack of a promotion in place beyond its first 256 entries.
    fault::refuse_commits(true);
    refuse_mark_stack_requests(0b10);
    heap.collect_minor();
    refuse_mark_stack_requests(0);
    fault::refuse_commits(false);
    assert_eq!(heap.statistics().abandoned_collections, 1);
    heap.mutate(|mc, root| {
        for node in root.get().unwrap().iter() {
            let behind = Gc::new(mc, Node { value: node.value + 1, next: Lock::new(None) });
            store!(mc, node.next, Some(behind));
        }
    });
    let young = heap.mutate(|_, root| Gc::as_ptr(root.get().unwrap()[0]));
    heap.collect_minor();
    heap.verify().unwrap();
    heap.mutate(|_, root| {
        let nodes = root.get().unwrap();
        assert_ne!(Gc::as_ptr(nodes[0]), young, "it was copied");
        for (i, node) in nodes.iter().enumerate() {
            assert_eq!((node.value, node.next.get().unwrap().value), (i as u64, i as u64 + 1));
        }
    });
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 80_003);
}

/// Hundreds of refusals in a row are survived, and when there is memory again, everything is as before.
#[test]
fn a_heap_that_was_refused_hundreds_of_times_recovers() {
    for factor in [0, 8] {
        let collector =
            Generational::default().with_in_place_factor(factor).with_marking_threads(1).with_nursery_bytes(4 << 20);
        let mut heap = Heap::<Nodes>::new(collector, |_| Lock::new(None)).unwrap();
        fill(&mut heap, 10);
        heap.collect();
        fill(&mut heap, 2_000);
        refuse_mark_stacks(true);
        for _ in 0..600 {
            heap.collect();
        }
        heap.verify().unwrap();
        refuse_mark_stacks(false);
        assert_eq!(heap.statistics().abandoned_collections, 600, "factor {factor}");
        for _ in 0..3 {
            heap.collect();
            heap.verify().unwrap();
            assert_eq!(heap.statistics().live_objects, 4_002, "factor {factor}");
        }
        heap.mutate_root(|_, root| *root = Lock::new(None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 1, "factor {factor}");
    }
}

/// More refusals in a row than there are epochs: nothing is lost, and as soon as there is memory, garbage goes again.
#[test]
fn a_heap_that_was_refused_more_often_than_there_are_epochs_recovers() {
    let collector = Generational::default().with_in_place_factor(0).with_marking_threads(1).with_nursery_bytes(4 << 20);
    let mut heap = Heap::<Nodes>::new(collector, |_| Lock::new(None)).unwrap();
    fill(&mut heap, 10);
    heap.collect();
    fill(&mut heap, 700);
    refuse_mark_stacks(true);
    for _ in 0..17_000 {
        heap.collect();
    }
    // There is no epoch left for a promotion in place either.
    for value in 0..3 {
        heap.collect();
        heap.verify().unwrap();
        heap.mutate(|mc, root| {
            for (i, node) in root.get().unwrap().iter().enumerate() {
                assert_eq!((node.value, node.next.get().unwrap().value), (i as u64, i as u64));
                let behind = Gc::new(mc, Node { value: i as u64, next: Lock::new(None) });
                store!(mc, node.next, Some(behind));
            }
            Gc::new(mc, value);
        });
    }
    assert_eq!(heap.statistics().live_objects, 22, "that was counted before");
    // When there is no room for a copy either, the young objects stay where they are.
    fill(&mut heap, 40_000);
    fault::refuse_commits(true);
    let abandoned = heap.statistics().abandoned_collections;
    for attempt in 1..5 {
        heap.collect_minor();
        assert_eq!(heap.statistics().abandoned_collections, abandoned + attempt);
    }
    fault::refuse_commits(false);
    refuse_mark_stacks(false);
    heap.collect();
    heap.verify().unwrap();
    assert_eq!(heap.statistics().abandoned_collections, abandoned + 4);
    let full = heap.statistics().full_collections;
    for n in 1..100 {
        heap.collect();
        assert_eq!(heap.statistics().full_collections, full + n, "all epochs are free again");
    }
    heap.mutate(|_, root| assert!((0..).zip(root.get().unwrap().iter()).all(|(i, node)| node.value == i)));
}

/// The same under a limit: once there is memory again, a program that keeps a little and drops the rest never fails. (It
/// failed four times out of five.)
#[test]
fn a_limited_heap_that_was_refused_more_often_than_there_are_epochs_reclaims() {
    let options = HeapOptions::default().with_limit(4 << 20);
    let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::with_options(options, Generational::default(), |mc| {
        Gc::new(mc, Node { value: 0, next: Lock::new(None) })
    })
    .unwrap();
    heap.mutate(|mc, root| store!(mc, root.next, Some(Gc::new(mc, Node { value: 1, next: Lock::new(None) }))));
    refuse_mark_stacks(true);
    for _ in 0..16_400 {
        heap.collect();
    }
    let abandoned = heap.statistics().abandoned_collections;
    assert!(abandoned > 16_000);
    refuse_mark_stacks(false);
    for value in 0..1000 {
        let kept = heap.try_mutate(|mc, root| {
            let mut list = None;
            for _ in 0..2000 {
                list = Some(Gc::try_new(mc, Node { value, next: Lock::new(list) })?);
            }
            store!(mc, root.next, list);
            Ok::<_, AllocError>(())
        });
        assert_eq!(kept, Ok(()), "{value}: {:?}", heap.statistics());
    }
    assert!(heap.statistics().full_collections > 1 && heap.statistics().abandoned_collections == abandoned);
    heap.verify().unwrap();
}
