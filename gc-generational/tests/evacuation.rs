//! Evacuation: what it makes room for, when it happens, and what becomes of it when the system refuses memory.

use gc_generational::Generational;
use heap_core::collector::memory::os::fault;
use heap_core::fault::{refuse_lists_while, refuse_mark_stack_requests};
use heap_core::{Gc, Heap, HeapOptions, Lock, Rootable, Statistics, Trace, Weak, store};

#[derive(Trace)]
struct Small<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Small<'gc>>>>,
}

#[derive(Trace)]
struct Medium<'gc> {
    next: Option<Gc<'gc, Medium<'gc>>>,
    words: [u64; 373],
}

#[derive(Trace)]
struct Lists<'gc> {
    small: Lock<Option<Gc<'gc, Small<'gc>>>>,
    medium: Lock<Option<Gc<'gc, Medium<'gc>>>>,
    /// To the first of the small ones that are kept.
    weak: Lock<Option<Weak<'gc, Small<'gc>>>>,
}

type Root = Rootable![Gc<'_, Lists<'_>>];

fn heap(options: HeapOptions, collector: Generational) -> Heap<Root> {
    Heap::with_options(options, collector, |mc| {
        Gc::new(mc, Lists { small: Lock::new(None), medium: Lock::new(None), weak: Lock::new(None) })
    })
    .unwrap()
}

/// Makes a thousand small objects. False when there is no room, the second time that it is tried.
fn make_small(heap: &mut Heap<Root>, first: u64) -> bool {
    let mut made = 0;
    for _ in 0..2 {
        let attempt = heap.mutate(|mc, root| {
            while made < 1000 {
                let next = Lock::new(root.small.get());
                store!(mc, root.small, Some(Gc::try_new(mc, Small { value: first + made, next })?));
                made += 1;
            }
            Ok::<(), heap_core::AllocError>(())
        });
        if attempt.is_ok() {
            return true;
        }
    }
    false
}

/// Keeps one small object in so many.
fn thin_out(heap: &mut Heap<Root>, one_in: usize) {
    heap.mutate(|mc, root| {
        let mut at = root.small.get();
        while let Some(node) = at {
            at = node.next.get();
            for _ in 1..one_in {
                at = at.and_then(|node| node.next.get());
            }
            store!(mc, node.next, at);
        }
    });
    heap.collect();
    heap.mutate(|mc, root| {
        store!(mc, root.weak, root.small.get().map(|first| Gc::downgrade(first, mc)));
    });
}

/// Makes objects of 3 kB until there is no room, the second time that it is tried.
fn fill_with_medium(heap: &mut Heap<Root>) -> u64 {
    let (mut made, mut failures) = (0, 0);
    while failures < 2 {
        let outcome = heap.mutate(|mc, root| {
            let medium = Gc::try_new(mc, Medium { next: root.medium.get(), words: [made; 373] })?;
            store!(mc, root.medium, Some(medium));
            Ok::<(), heap_core::AllocError>(())
        });
        match outcome {
            Ok(()) => (made, failures) = (made + 1, 0),
            Err(_) => failures += 1,
        }
    }
    made
}

/// Looks at everything. Returns how many small objects there are, each `one_in` apart from the next.
fn check(heap: &mut Heap<Root>, one_in: u64) -> u64 {
    heap.verify().unwrap();
    heap.mutate(|mc, root| {
        let first = root.weak.get().and_then(|weak| weak.upgrade(mc));
        assert!(first.zip(root.small.get()).is_none_or(|(weak, first)| Gc::ptr_eq(weak, first)));
        let mut small = 0;
        for node in std::iter::successors(root.small.get(), |node| node.next.get()) {
            assert!(node.next.get().is_none_or(|next| next.value + one_in == node.value));
            small += 1;
        }
        let mut last = None;
        for medium in std::iter::successors(root.medium.get(), |medium| medium.next) {
            assert!(medium.words.iter().all(|&word| word == medium.words[0]));
            assert!(last.is_none_or(|last| medium.words[0] + 1 == last));
            last = Some(medium.words[0]);
        }
        small
    })
}

/// A heap is filled with objects of 24 bytes, of which one in a few stays. No hole between those is as long as 3 kB, and no
/// block is free. Returns the share of the limit that is alive when such objects have filled the heap again.
fn fill_between(limit: usize, one_in: usize) -> (f64, Statistics) {
    let mut heap = heap(HeapOptions::default().with_limit(limit), Generational::default());
    let mut made = 0;
    while make_small(&mut heap, made) {
        made += 1000;
    }
    thin_out(&mut heap, one_in);
    fill_with_medium(&mut heap);
    assert!(check(&mut heap, one_in as u64) >= made / one_in as u64);
    heap.collect();
    let statistics = heap.statistics();
    (statistics.live_bytes as f64 / limit as f64, statistics)
}

#[test]
fn objects_that_no_hole_is_long_enough_for_find_room() {
    for limit in [2, 8, 24] {
        for one_in in [8, 32, 200] {
            let (share, statistics) = fill_between(limit << 20, one_in);
            assert!(share >= 0.8, "{limit} MiB, one in {one_in}: {share:.2} of the limit is alive ({statistics:?})");
            assert!(statistics.evacuations > 0 && statistics.evacuated_bytes > 0);
        }
    }
}

/// A peak that leaves one object in twenty behind: as long as those hold their blocks, the system cannot have them back.
#[test]
fn what_is_left_of_a_peak_does_not_hold_its_blocks() {
    let mut heap = heap(HeapOptions::default(), Generational::default());
    for first in 0..1000 {
        assert!(make_small(&mut heap, first * 1000));
    }
    heap.collect();
    assert_eq!(heap.statistics().evacuations, 0, "nothing is sparse yet");
    thin_out(&mut heap, 20);
    assert_eq!(check(&mut heap, 20), 50_000);
    let statistics = heap.statistics();
    assert_eq!(statistics.evacuations, 1);
    assert!(statistics.heap_bytes < 3 * statistics.live_bytes + (4 << 20), "{statistics:?}");
    heap.idle();
    let statistics = heap.statistics();
    assert!(statistics.heap_bytes < statistics.live_bytes * 5 / 4, "{statistics:?}");
    assert_eq!(check(&mut heap, 20), 50_000);
}

/// What an evacuation marked is not alive because of that in the collection that follows.
#[test]
fn what_was_moved_is_free_when_it_dies() {
    let mut heap = heap(HeapOptions::default(), Generational::default().with_evacuation(true));
    for first in 0..100 {
        assert!(make_small(&mut heap, first * 1000));
    }
    heap.collect();
    let statistics = heap.statistics();
    assert!(statistics.evacuations > 0 && statistics.heap_bytes > 2 << 20, "{statistics:?}");
    heap.mutate(|mc, root| store!(mc, root.small, None));
    heap.collect();
    let statistics = heap.statistics();
    assert!(statistics.heap_bytes < 1 << 20, "{statistics:?}");
}

/// Where neighbours live and die together nothing is evacuated.
#[test]
fn lists_of_neighbours_stay_where_they_are() {
    let collector = Generational::default().with_nursery_bytes(64 << 10).with_full_min_bytes(256 << 10);
    let mut heap = Heap::<Rootable![Gc<'_, [Lock<Option<Gc<'_, Small<'_>>>>]>]>::new(collector, |mc| {
        Gc::new_slice_with(mc, 64, |_| Lock::new(None))
    })
    .unwrap();
    for round in 0..4000 {
        heap.mutate(|mc, root| {
            let list = (0..500).fold(None, |next, value| Some(Gc::new(mc, Small { value, next: Lock::new(next) })));
            store!(mc, root[round * 7 % 64], list);
        });
    }
    let statistics = heap.statistics();
    assert!(statistics.full_collections > 10, "{statistics:?}");
    assert_eq!((statistics.evacuations, statistics.evacuated_bytes), (0, 0));
}

/// The system refuses memory at every moment of an evacuation: it is given up, or moves less; nothing is lost, and the next
/// one is complete.
#[test]
fn an_evacuation_that_is_refused_memory_loses_nothing() {
    let mut outcomes = [0; 2];
    for way in 0..20 {
        // A stack that has grown asks for nothing more: each round has its own heap.
        let collector = Generational::default().with_nursery_bytes(64 << 10).with_marking_threads(1);
        let mut heap = heap(HeapOptions::default(), collector.with_evacuation(true));
        for first in 0..20 {
            assert!(make_small(&mut heap, first * 1000));
        }
        heap.mutate(|mc, root| {
            // Many edges at once.
            for word in 0..400 {
                let medium = Gc::new(mc, Medium { next: root.medium.get(), words: [word; 373] });
                store!(mc, root.medium, Some(medium));
            }
        });
        thin_out(&mut heap, 4);
        let before = heap.statistics();
        match way {
            0 => refuse_lists_while(true),
            1 => fault::refuse_commits(true),
            _ => refuse_mark_stack_requests(1 << (way - 2)),
        }
        heap.collect();
        refuse_lists_while(false);
        fault::refuse_commits(false);
        refuse_mark_stack_requests(0);
        assert_eq!(check(&mut heap, 4), 5_000);
        let after = heap.statistics();
        let abandoned = after.abandoned_collections - before.abandoned_collections;
        if after.full_collections > before.full_collections && abandoned > 0 {
            outcomes[0] += 1;
            assert_eq!(after.evacuated_bytes, before.evacuated_bytes, "way {way}");
        }
        for _ in 0..2 {
            heap.collect();
            assert_eq!(check(&mut heap, 4), 5_000);
            outcomes[1] += u64::from(heap.statistics().evacuated_bytes > after.evacuated_bytes);
        }
        assert_eq!(
            heap.statistics().live_objects,
            5_000 + 400 + 3,
            "nodes, arrays, the weak cell, the lists, the root"
        );
    }
    assert!(outcomes[0] >= 2, "some evacuations were given up after the marking: {outcomes:?}");
    assert_eq!(outcomes[1], 40, "and all later ones moved objects");
}
