//! Long `mutate`s, tight limits, promotion in place, large graphs, several marking threads.

use gc_generational::Generational;
use heap_core::{AllocError, Gc, Heap, HeapOptions, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(
    mc: &Mutator<'gc>,
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    Gc::try_new(mc, Node { value, next: Lock::new(next) })
}

type List = Rootable![Lock<Option<Gc<'_, Node<'_>>>>];

fn heap(options: HeapOptions, collector: Generational) -> Heap<List> {
    Heap::with_options(options, collector, |_| Lock::new(None)).unwrap()
}

fn push_many(heap: &mut Heap<List>, count: u64) {
    heap.mutate_root(|mc, root| {
        for value in 0..count {
            *root = Lock::new(Some(node(mc, value, root.get()).unwrap()));
        }
    });
}

fn check(heap: &mut Heap<List>, count: u64) {
    heap.mutate(|_, root| {
        let mut at = root.get();
        for value in (0..count).rev() {
            let node = at.expect("the list is complete");
            assert_eq!(node.value, value);
            at = node.next.get();
        }
        assert!(at.is_none());
    });
}

#[test]
fn one_mutate_outgrows_the_nursery() {
    // The second size is far beyond the nursery, and promoted in place.
    for count in [20_000, 500_000] {
        let mut heap = heap(HeapOptions::default(), Generational::default().with_nursery_bytes(256 << 10));
        push_many(&mut heap, count);
        assert!(heap.statistics().minor_collections > 0, "it was due");
        heap.verify().unwrap();
        check(&mut heap, count);
        // New objects hang on promoted ones, and the other way round.
        for i in 0..20_000 {
            heap.mutate(|mc, root| {
                let first = root.get().unwrap();
                store!(mc, first.next, Some(node(mc, i, first.next.get()).unwrap()));
                store!(mc, first.next, first.next.get().unwrap().next.get());
            });
        }
        heap.collect_minor();
        heap.verify().unwrap();
        check(&mut heap, count);
        heap.collect();
        heap.verify().unwrap();
        assert_eq!(heap.statistics().live_objects, count + 1);
        heap.mutate_root(|_, root| *root = Lock::new(None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 1);
        assert!(heap.statistics().heap_bytes < 2 << 20, "an extended nursery is given back");
    }
}

/// Eight bytes that begin where no other object may have ended.
#[derive(Trace, Clone, Copy)]
#[repr(align(8192))]
struct Wide([u64; 0]);

/// Fills the room between two of those.
#[derive(Trace)]
struct Filler<'gc> {
    next: Option<Gc<'gc, Filler<'gc>>>,
    rest: [u64; 1020],
}

#[derive(Trace)]
struct Packed<'gc> {
    fillers: Lock<Option<Gc<'gc, Filler<'gc>>>>,
    wide: Gc<'gc, [Lock<Option<Gc<'gc, Wide>>>]>,
}

/// Wide objects and fillers leave no gap in the nursery. Each sort by itself, as they are copied, leaves many.
#[test]
fn survivors_that_need_more_room_than_they_had() {
    for count in 40..400 {
        let options = HeapOptions::default().with_limit(4 << 20);
        let collector = Generational::default().with_nursery_bytes(256 << 10);
        let mut heap = Heap::<Rootable![Packed<'_>]>::with_options(options, collector, |mc| Packed {
            fillers: Lock::new(None),
            wide: Gc::new_slice_with(mc, count, |_| Lock::new(None)),
        })
        .unwrap();
        // The table is old.
        heap.collect();
        let made = heap.mutate_root(|mc, root| {
            for made in 0..count {
                let Ok(wide) = Gc::try_new(mc, Wide([])) else { return made };
                let Ok(filler) = Gc::try_new(mc, Filler { next: root.fillers.get(), rest: [7; 1020] }) else {
                    return made;
                };
                store!(mc, (root.wide)[made], Some(wide));
                *root.fillers.get_mut() = Some(filler);
            }
            count
        });
        heap.collect_minor();
        heap.verify().unwrap();
        heap.mutate(|_, root| {
            assert!(root.wide[..made].iter().all(|wide| Gc::as_ptr(wide.get().unwrap()).addr().is_multiple_of(8192)));
            let fillers = std::iter::successors(root.fillers.get(), |filler| filler.next);
            assert_eq!(fillers.inspect(|filler| assert_eq!(filler.rest, [7; 1020])).count(), made);
        });
    }
}

#[test]
fn half_of_what_is_promoted_in_place_is_garbage() {
    let mut heap = heap(HeapOptions::default(), Generational::default().with_nursery_bytes(32 << 10));
    for round in 0..5 {
        heap.mutate_root(|mc, root| {
            *root = Lock::new(None);
            for value in 0..50_000 {
                if value < 25_000 {
                    *root = Lock::new(Some(node(mc, value, root.get()).unwrap()));
                }
                node(mc, 0, None).unwrap();
            }
        });
        heap.verify().unwrap();
        check(&mut heap, 25_000);
        let before = heap.statistics().heap_bytes;
        heap.collect();
        heap.verify().unwrap();
        assert!(heap.statistics().heap_bytes <= before);
        assert_eq!(heap.statistics().live_objects, 25_001, "round {round}");
    }
}

#[test]
fn a_limited_heap_is_usable_up_to_its_limit_and_after() {
    let mut heap = heap(HeapOptions::default().with_limit(2 << 20).with_verify(true), Generational::default());
    for _ in 0..3 {
        let mut count = 0;
        // As many as fit, a thousand at a time.
        while heap
            .try_mutate(|mc, root| {
                let mut list = root.get();
                for i in 0..1000 {
                    list = Some(node(mc, count + i, list)?);
                }
                let holder = list;
                Ok::<_, AllocError>(mc.stash(holder.unwrap()))
            })
            .map(|handle| heap.mutate_root(|mc, root| *root = Lock::new(Some(mc.fetch(&handle)))))
            .is_ok()
        {
            count += 1000;
            assert!(count < 1 << 20);
            assert!(heap.statistics().heap_bytes <= 2 << 20);
        }
        assert!(count * 24 > 1 << 20, "more than half of the limit is usable: {count} nodes");
        check(&mut heap, count);
        heap.mutate_root(|_, root| *root = Lock::new(None));
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 1);
    }
}

#[test]
fn when_the_address_space_of_the_nursery_ends_objects_are_born_old() {
    let options = HeapOptions::default().with_reservation(8 << 20).with_verify(true);
    let mut heap = heap(options, Generational::default().with_nursery_bytes(64 << 10));
    push_many(&mut heap, 100_000);
    check(&mut heap, 100_000);
    heap.mutate(|mc, root| {
        let first = root.get().unwrap();
        store!(mc, first.next, Some(node(mc, 7, first.next.get()).unwrap()));
    });
    heap.collect_minor();
    heap.mutate(|_, root| assert_eq!(root.get().unwrap().next.get().unwrap().value, 7));
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 100_002);
    heap.mutate_root(|_, root| *root = Lock::new(None));
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 1);
    push_many(&mut heap, 100_000);
    check(&mut heap, 100_000);
}

#[derive(Trace)]
struct Vertex<'gc> {
    edges: [Lock<Option<Gc<'gc, Vertex<'gc>>>>; 4],
}

/// A random graph of which about half is reachable; how many objects a full collection finds, and what a walk finds.
fn random_graph(threads: usize) -> (u64, u64, u64) {
    let collector =
        Generational::default().with_marking_threads(threads).with_parallel_min_bytes(0).with_nursery_bytes(1 << 20);
    let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, [Gc<'_, Vertex<'_>>]>>>]>::with_options(
        HeapOptions::default(),
        collector,
        |_| Lock::new(None),
    )
    .unwrap();
    const N: usize = 100_000;
    heap.mutate_root(|mc, root| {
        *root = Lock::new(Some(Gc::new_slice_with(mc, N, |_| Gc::new(mc, Vertex { edges: Default::default() }))));
    });
    let mut random = 1u64;
    let mut draw = move || {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) as usize
    };
    for _ in 0..100 {
        heap.mutate(|mc, root| {
            let all = root.get().unwrap();
            for _ in 0..1500 {
                let source = all[draw() % N];
                heap_core::field!(mc, source.edges)[draw() % 4].unlock().set(Some(all[draw() % N]));
            }
        });
    }
    heap.collect();
    assert_eq!(heap.statistics().live_objects, N as u64 + 2);
    // Only what the first thousand reach stays.
    heap.mutate_root(|mc, root| {
        let all = root.get().unwrap();
        *root = Lock::new(Some(Gc::new_slice_with(mc, 1000, |i| all[i])));
    });
    heap.collect();
    let census = heap.verify().unwrap();
    (heap.statistics().live_objects, heap.statistics().live_bytes, census.objects)
}

#[test]
fn parallel_marking_finds_exactly_what_serial_marking_finds() {
    let serial = random_graph(1);
    assert_eq!(serial.0, serial.2);
    assert!(serial.0 > 2000);
    for threads in [2, 3, 8] {
        assert_eq!(random_graph(threads), serial);
    }
}

/// Every heap has threads of its own.
#[test]
fn parallel_marking_of_several_heaps_at_once() {
    let serial = random_graph(1);
    std::thread::scope(|scope| {
        let heaps: Vec<_> = [2, 3, 4, 1].map(|threads| scope.spawn(move || random_graph(threads))).into();
        for heap in heaps {
            assert_eq!(heap.join().unwrap(), serial);
        }
    });
}

/// The heap lives on a thread of somebody else's pool, whose other jobs must not run in the middle of a collection: they
/// would find the heap's thread busy with them (rule R21).
#[test]
fn parallel_marking_from_inside_a_pool_of_the_program() {
    thread_local! {
        static COLLECTING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    let serial = random_graph(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|scope| {
                for _ in 0..50 {
                    scope.spawn(|_| assert!(!COLLECTING.get(), "a job of the program ran inside a collection"));
                }
                COLLECTING.set(true);
                assert_eq!(random_graph(3), serial);
                COLLECTING.set(false);
            });
        }
    });
}

#[test]
fn a_large_array_is_marked_by_several_threads() {
    let collector = Generational::default().with_marking_threads(4).with_parallel_min_bytes(0);
    let mut heap = Heap::<Rootable![Gc<'_, [Gc<'_, u64>]>]>::new(collector, |mc| {
        Gc::new_slice_with(mc, 300_000, |i| Gc::new(mc, i as u64))
    })
    .unwrap();
    for _ in 0..3 {
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 300_002);
    }
    heap.mutate(|_, root| assert!(root.iter().map(|n| **n).eq(0..300_000)));
}

#[test]
fn ten_million_links_on_a_small_stack() {
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(|| {
            let mut heap = heap(HeapOptions::default(), Generational::default());
            // Half is built in one go and promoted in place, half in pieces and copied.
            push_many(&mut heap, 5_000_000);
            for piece in 0..50 {
                heap.mutate_root(|mc, root| {
                    for i in 0..100_000 {
                        let value = 5_000_000 + piece * 100_000 + i;
                        *root = Lock::new(Some(node(mc, value, root.get()).unwrap()));
                    }
                });
            }
            heap.collect();
            assert_eq!(heap.statistics().live_objects, 10_000_001);
            check(&mut heap, 10_000_000);
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_steady_program_stays_within_bounds() {
    let mut heap = heap(HeapOptions::default().with_limit(16 << 20), Generational::default());
    push_many(&mut heap, 100_000);
    for round in 0..300u64 {
        heap.mutate(|mc, root| {
            // Replaces a stretch in the middle, so that the old space gets holes.
            let mut at = root.get().unwrap();
            for _ in 0..(round * 7919) % 90_000 {
                at = at.next.get().unwrap();
            }
            for _ in 0..5000 {
                let old = at.next.get().unwrap();
                store!(mc, at.next, Some(node(mc, old.value, old.next.get()).unwrap()));
                at = at.next.get().unwrap();
            }
        });
    }
    check(&mut heap, 100_000);
    heap.collect();
    heap.verify().unwrap();
    assert!(heap.statistics().full_collections > 1);
}
