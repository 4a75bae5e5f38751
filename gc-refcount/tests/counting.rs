//! Counts, deaths and memory, seen from the user's side of the heap. Every test runs with the verifier on.

use std::cell::Cell;
use std::rc::Rc;

use gc_refcount::RefCount;
use heap_core::{
    Gc, Heap, HeapOptions, Lock, Mutator, RefLock, Relocator, Rootable, Static, Trace, Tracer, Weak, field, store,
};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    other: Lock<Option<Gc<'gc, Node<'gc>>>>,
    items: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
    weak: Lock<Option<Weak<'gc, Node<'gc>>>>,
}

type Nodes = Rootable![Gc<'_, Node<'_>>];

fn node<'gc>(mc: &Mutator<'gc>, value: u64) -> Gc<'gc, Node<'gc>> {
    Gc::new(
        mc,
        Node {
            value,
            next: Lock::new(None),
            other: Lock::new(None),
            items: RefLock::new(Vec::new()),
            weak: Lock::new(None),
        },
    )
}

fn verified() -> HeapOptions {
    HeapOptions::default().with_verify(true)
}

fn heap_with(options: HeapOptions, collector: RefCount) -> Heap<Nodes> {
    Heap::with_options(options, collector, |mc| node(mc, 0)).unwrap()
}

fn heap(collector: RefCount) -> Heap<Nodes> {
    heap_with(verified(), collector)
}

fn all() -> [RefCount; 4] {
    [RefCount::pure(), RefCount::pure().with_eager(true), RefCount::default(), RefCount::default().with_eager(true)]
}

/// Counts its drops.
#[derive(Clone)]
struct Noisy(Rc<Cell<usize>>);

impl Drop for Noisy {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[derive(Trace)]
struct Owner<'gc> {
    noisy: Static<Noisy>,
    next: Lock<Option<Gc<'gc, Owner<'gc>>>>,
}

fn owner<'gc>(drops: &Rc<Cell<usize>>) -> Owner<'gc> {
    Owner { noisy: Static(Noisy(drops.clone())), next: Lock::new(None) }
}

/// Number of live objects, after all that can be reclaimed was.
fn live<R: ?Sized>(heap: &mut Heap<R>) -> u64 {
    heap.collect();
    heap.statistics().live_objects
}

#[test]
fn a_temporary_dies_uncounted_and_its_memory_is_used_again() {
    for collector in all() {
        let mut heap = heap_with(HeapOptions::default(), collector);
        heap.collect();
        let promoted = heap.statistics().promoted_bytes;
        for _ in 0..200 {
            heap.mutate(|mc, _| {
                for i in 0..2000 {
                    std::hint::black_box(node(mc, i));
                }
            });
        }
        heap.collect();
        let after = heap.statistics();
        assert!(after.allocated_bytes > 20 << 20);
        assert!(after.peak_heap_bytes < 10 << 20, "{}", after.peak_heap_bytes);
        assert_eq!(after.promoted_bytes, promoted, "nothing became counted");
        assert_eq!(after.live_objects, 2);
    }
}

#[test]
fn counts_are_those_of_the_heap_and_of_handles() {
    for collector in all() {
        let mut heap = heap(collector);
        heap.mutate(|mc, root| {
            let shared = node(mc, 1);
            assert_eq!(mc.ref_count(shared), Some(0), "not counted before the first epoch");
            store!(mc, root.next, Some(shared));
            store!(mc, root.other, Some(shared));
            store!(mc, shared.next, Some(shared));
        });
        heap.collect();
        heap.mutate(|mc, root| {
            let shared = root.next.get().unwrap();
            assert_eq!(mc.ref_count(shared), Some(3));
            assert_eq!(mc.ref_count(*root), Some(1));
            store!(mc, shared.next, None);
            store!(mc, root.other, Some(*root));
            store!(mc, root.other, None);
        });
        heap.collect();
        let (first, second) = heap.mutate(|mc, root| {
            let shared = root.next.get().unwrap();
            assert_eq!(mc.ref_count(shared), Some(1));
            assert_eq!(mc.ref_count(*root), Some(1));
            (mc.stash(shared), mc.stash(shared))
        });
        let clone = first.clone();
        heap.collect();
        heap.mutate(|mc, _| assert_eq!(mc.ref_count(mc.fetch(&clone)), Some(3)));
        drop(first);
        heap.collect();
        heap.mutate(|mc, root| {
            assert_eq!(mc.ref_count(mc.fetch(&clone)), Some(3), "a clone shares its root");
            store!(mc, root.next, None);
        });
        drop(clone);
        heap.collect();
        heap.mutate(|mc, _| assert_eq!(mc.ref_count(mc.fetch(&second)), Some(1)));
        drop(second);
        assert_eq!(live(&mut heap), 2);
    }
}

#[test]
fn a_handle_that_lives_within_one_epoch_leaves_no_trace() {
    for collector in all() {
        let mut heap = heap(collector);
        heap.mutate(|mc, root| {
            drop(mc.stash(*root));
            drop(mc.stash(node(mc, 1)));
        });
        heap.collect();
        heap.mutate(|mc, root| assert_eq!(mc.ref_count(*root), Some(1)));
        assert_eq!(live(&mut heap), 2);
    }
}

#[test]
fn more_references_than_the_header_can_hold() {
    for collector in [RefCount::pure(), RefCount::default()] {
        let mut heap = heap(collector);
        const MANY: usize = 10_000;
        heap.mutate(|mc, root| {
            let popular = node(mc, 7);
            field!(mc, root.items).unlock().borrow_mut().resize(MANY, popular);
            store!(mc, root.next, Some(popular));
        });
        heap.collect();
        heap.mutate(|mc, root| assert_eq!(mc.ref_count(root.next.get().unwrap()), Some(MANY as u64 + 1)));
        for left in [MANY - 1, 2048, 2047, 2046, 1024, 1023, 3000, 1, 0] {
            heap.mutate(|mc, root| {
                let popular = root.next.get().unwrap();
                field!(mc, root.items).unlock().borrow_mut().resize(left, popular);
            });
            heap.collect();
            heap.mutate(|mc, root| {
                let popular = root.next.get().unwrap();
                assert_eq!(mc.ref_count(popular), Some(left as u64 + 1));
                assert_eq!(popular.value, 7);
            });
        }
        heap.mutate(|mc, root| store!(mc, root.next, None));
        assert_eq!(live(&mut heap), 2);
    }
}

#[test]
fn an_object_that_moves_from_place_to_place_stays() {
    for collector in all() {
        let mut heap = heap(collector);
        heap.mutate(|mc, root| {
            store!(mc, root.next, Some(node(mc, 1)));
            store!(mc, root.next.get().unwrap().next, Some(node(mc, 2)));
        });
        heap.collect();
        for turn in 0..20 {
            heap.mutate(|mc, root| {
                let carrier = root.next.get().unwrap();
                let moving = carrier.next.get().or(root.other.get()).unwrap();
                assert_eq!(moving.value, 2);
                if turn % 2 == 0 {
                    store!(mc, carrier.next, None);
                    store!(mc, root.other, Some(moving));
                } else {
                    // Into an object that nobody has counted yet, whose holder is written in the same epoch.
                    store!(mc, root.other, None);
                    let fresh = node(mc, 1);
                    store!(mc, fresh.next, Some(moving));
                    store!(mc, root.next, Some(fresh));
                }
            });
            if turn % 3 == 0 {
                heap.collect_minor();
            }
        }
        assert_eq!(live(&mut heap), 4);
    }
}

#[test]
fn a_chain_from_an_old_object_through_new_ones_to_an_old_one() {
    for collector in all() {
        let mut heap = heap(collector);
        heap.mutate(|mc, root| store!(mc, root.next, Some(node(mc, 1))));
        heap.collect();
        heap.mutate(|mc, root| {
            let mut chain = root.next.get().unwrap();
            for i in 0..100 {
                let fresh = node(mc, 100 + i);
                store!(mc, fresh.next, Some(chain));
                chain = fresh;
            }
            store!(mc, root.next, Some(chain));
        });
        assert_eq!(live(&mut heap), 103);
        heap.mutate(|mc, root| store!(mc, root.next, root.next.get().unwrap().next.get()));
        assert_eq!(live(&mut heap), 102);
        heap.mutate(|mc, root| store!(mc, root.next, None));
        assert_eq!(live(&mut heap), 2);
    }
}

#[test]
fn an_object_can_become_counted_and_die_within_one_epoch() {
    for collector in [RefCount::pure(), RefCount::default()] {
        let mut heap = heap(collector);
        let drops = Rc::new(Cell::new(0));
        let old = heap.mutate(|mc, _| mc.stash(node(mc, 1)));
        heap.collect();
        let weak = heap.mutate(|mc, root| {
            // The logged object refers to a new one, and loses its own last reference before the epoch.
            let old = mc.fetch(&old);
            let fresh = node(mc, 2);
            store!(mc, old.next, Some(fresh));
            store!(mc, root.weak, Some(Gc::downgrade(fresh, mc)));
            let noisy = Gc::new(mc, owner(&drops));
            mc.stash(noisy)
        });
        drop((old, weak));
        heap.collect();
        assert_eq!(drops.get(), 1);
        heap.mutate(|mc, root| assert!(root.weak.get().unwrap().is_dropped(mc)));
        assert_eq!(live(&mut heap), 3, "root object, its node, the weak cell");
    }
}

#[test]
fn weak_pointers_are_cleared_when_their_target_dies() {
    for collector in all() {
        let mut heap = heap(collector);
        heap.mutate(|mc, root| {
            let target = node(mc, 1);
            store!(mc, root.next, Some(target));
            store!(mc, root.weak, Some(Gc::downgrade(target, mc)));
        });
        heap.collect();
        heap.mutate(|mc, root| {
            let target = root.weak.get().unwrap().upgrade(mc).unwrap();
            assert_eq!(target.value, 1);
            assert_eq!(mc.ref_count(target), Some(1), "a weak pointer does not count");
            store!(mc, root.next, None);
            // Revived, in time.
            store!(mc, root.other, Some(target));
        });
        heap.collect();
        heap.mutate(|mc, root| {
            assert_eq!(root.weak.get().unwrap().upgrade(mc).unwrap().value, 1);
            store!(mc, root.other, None);
        });
        heap.collect();
        heap.mutate(|mc, root| {
            assert!(root.weak.get().unwrap().upgrade(mc).is_none());
            // The cell dies, and memory is used again: a new target gets a new cell.
            store!(mc, root.weak, None);
        });
        heap.collect();
        heap.mutate(|mc, root| {
            let target = node(mc, 2);
            store!(mc, root.weak, Some(Gc::downgrade(target, mc)));
        });
        heap.collect();
        heap.mutate(|mc, root| assert!(root.weak.get().unwrap().upgrade(mc).is_none(), "a young target"));
        assert_eq!(live(&mut heap), 3);
    }
}

#[test]
fn a_cell_may_die_before_its_target() {
    for collector in all() {
        let mut heap = heap(collector);
        for _ in 0..3 {
            heap.mutate(|mc, root| {
                let target = root.next.get().unwrap_or_else(|| node(mc, 1));
                store!(mc, root.next, Some(target));
                store!(mc, root.weak, Some(Gc::downgrade(target, mc)));
            });
            heap.collect();
            heap.mutate(|mc, root| store!(mc, root.weak, None));
            heap.collect();
            // The cell's memory is used for something else.
            heap.mutate(|mc, root| {
                field!(mc, root.items).unlock().borrow_mut().extend((0..1000).map(|value| node(mc, value)));
            });
            heap.mutate(|mc, root| field!(mc, root.items).unlock().borrow_mut().clear());
            heap.collect();
        }
        heap.mutate(|mc, root| store!(mc, root.next, None));
        assert_eq!(live(&mut heap), 2);
    }
}

#[test]
fn drop_glue_runs_once_for_young_counted_and_remaining_objects() {
    for collector in all() {
        let drops = Rc::new(Cell::new(0));
        let made = {
            let mut heap =
                Heap::<Rootable![Lock<Option<Gc<'_, Owner<'_>>>>]>::with_options(verified(), collector, |_| {
                    Lock::new(None)
                })
                .unwrap();
            heap.mutate_root(|mc, root| {
                for _ in 0..10 {
                    Gc::new(mc, owner(&drops));
                }
                let mut list = None;
                for _ in 0..10 {
                    let next = Gc::new(mc, owner(&drops));
                    store!(mc, next.next, list);
                    list = Some(next);
                }
                *root.get_mut() = list;
            });
            heap.collect();
            assert_eq!(drops.get(), 10, "the young ones");
            heap.mutate_root(|mc, root| {
                let second = root.get_mut().unwrap().next.get().unwrap();
                store!(mc, second.next, None);
            });
            heap.collect();
            assert_eq!(drops.get(), 18);
            assert_eq!(heap.statistics().dropped_objects, 18);
            20
        };
        assert_eq!(drops.get(), made, "the heap drops what is left");
    }
}

#[test]
fn a_panic_in_drop_glue_leaves_the_heap_whole() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                panic!("boom");
            }
        }
    }
    type Bombs = Rootable![Gc<'_, Static<Bomb>>];
    for collector in all() {
        let mut heap = heap(collector);
        let handles: Vec<_> = heap.mutate(|mc, root| {
            store!(mc, root.next, Some(node(mc, 1)));
            (0..5).map(|i| mc.stash_as::<Bombs>(Gc::new(mc, Static(Bomb(i == 2))))).collect()
        });
        heap.collect();
        drop(handles);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| heap.collect()));
        assert!(panic.is_err());
        assert_eq!(heap.statistics().dropped_objects, 5);
        heap.mutate(|_, root| assert_eq!(root.next.get().unwrap().value, 1));
        assert_eq!(live(&mut heap), 3);
    }
}

#[test]
fn eager_mode_reclaims_at_the_end_of_the_mutate() {
    for collector in [RefCount::pure().with_eager(true), RefCount::default().with_eager(true)] {
        let drops = Rc::new(Cell::new(0));
        type Root = Rootable![Lock<Option<Gc<'_, Owner<'_>>>>];
        let mut heap = Heap::<Root>::with_options(verified(), collector, |_| Lock::new(None)).unwrap();
        heap.mutate_root(|mc, root| {
            *root.get_mut() = Some(Gc::new(mc, owner(&drops)));
        });
        assert_eq!(drops.get(), 0);
        heap.mutate_root(|_, root| {
            *root.get_mut() = None;
            assert_eq!(drops.get(), 0);
        });
        assert_eq!(drops.get(), 1);
        let handle = heap.mutate(|mc, _| {
            let owner = Gc::new(mc, owner(&drops));
            mc.stash(owner)
        });
        heap.mutate(|mc, _| {
            assert_eq!(mc.ref_count(mc.fetch(&handle)), Some(1));
            drop(handle);
        });
        assert_eq!(drops.get(), 2);
        heap.mutate(|mc, _| {
            Gc::new(mc, owner(&drops));
        });
        assert_eq!(drops.get(), 3, "one that was never stored");
    }
}

#[test]
fn a_limit_is_honoured_and_the_heap_is_usable_afterwards() {
    for collector in all() {
        let limit = 2 << 20;
        let mut heap = heap_with(HeapOptions::default().with_limit(limit), collector);
        let error = heap.mutate(|mc, _| {
            let mut list: Option<Gc<'_, Node<'_>>> = None;
            loop {
                let node = Node {
                    value: 0,
                    next: Lock::new(list),
                    other: Lock::new(None),
                    items: RefLock::new(Vec::new()),
                    weak: Lock::new(None),
                };
                match Gc::try_new(mc, node) {
                    Ok(node) => list = Some(node),
                    Err(error) => return error,
                }
            }
        });
        assert!(error.is_limit());
        for _ in 0..50 {
            heap.mutate(|mc, root| {
                let mut list: Option<Gc<'_, Node<'_>>> = None;
                for i in 0..5000 {
                    let fresh = node(mc, i);
                    store!(mc, fresh.next, list);
                    list = Some(fresh);
                }
                store!(mc, root.next, list);
            });
        }
        assert!(heap.statistics().heap_bytes <= limit as u64);
        heap.mutate(|mc, root| store!(mc, root.next, None));
        assert_eq!(live(&mut heap), 2);
        heap.verify().unwrap();
    }
}

#[derive(Trace)]
#[repr(align(64))]
struct Aligned<'gc> {
    next: Lock<Option<Gc<'gc, Aligned<'gc>>>>,
    weight: u8,
}

#[derive(Trace)]
#[repr(align(16384))]
struct Page(u64);

#[test]
fn sizes_and_alignments() {
    #[derive(Trace)]
    struct Mixed<'gc> {
        nothing: Lock<Option<Gc<'gc, ()>>>,
        aligned: Lock<Option<Gc<'gc, Aligned<'gc>>>>,
        page: Lock<Option<Gc<'gc, Page>>>,
        text: Lock<Option<Gc<'gc, str>>>,
        medium: Lock<Option<Gc<'gc, [u64]>>>,
        large: Lock<Option<Gc<'gc, [Gc<'gc, Aligned<'gc>>]>>>,
    }
    type Root = Rootable![Gc<'_, Mixed<'_>>];
    for collector in all() {
        let mut heap = Heap::<Root>::with_options(verified(), collector, |mc| {
            Gc::new(
                mc,
                Mixed {
                    nothing: Lock::new(None),
                    aligned: Lock::new(None),
                    page: Lock::new(None),
                    text: Lock::new(None),
                    medium: Lock::new(None),
                    large: Lock::new(None),
                },
            )
        })
        .unwrap();
        for round in 0..5u64 {
            heap.mutate(|mc, root| {
                store!(mc, root.nothing, Some(Gc::new(mc, ())));
                let first = Gc::new(mc, Aligned { next: Lock::new(None), weight: round as u8 });
                store!(mc, first.next, root.aligned.get());
                store!(mc, root.aligned, Some(first));
                store!(mc, root.page, Some(Gc::new(mc, Page(round))));
                store!(mc, root.text, Some(Gc::new_str(mc, "a text")));
                store!(mc, root.medium, Some(Gc::new_slice(mc, &[round; 300])));
                let large = Gc::new_slice_with(mc, 5000, |i| {
                    if i % 2 == 0 { first } else { Gc::new(mc, Aligned { next: Lock::new(None), weight: 9 }) }
                });
                store!(mc, root.large, Some(large));
                // Large and temporary.
                Gc::new_slice(mc, &[0u8; 100_000]);
            });
            heap.collect();
            heap.mutate(|mc, root| {
                assert_eq!(root.aligned.get().unwrap().weight, round as u8);
                assert_eq!(mc.ref_count(root.aligned.get().unwrap()), Some(2501));
                assert_eq!(root.page.get().unwrap().0, round);
                assert_eq!(Gc::as_ptr(root.page.get().unwrap()).addr() % 16384, 0);
                assert!(root.medium.get().unwrap().iter().all(|&word| word == round));
                assert_eq!(&*root.text.get().unwrap(), "a text");
            });
            assert_eq!(heap.statistics().live_objects, 2 + 1 + (round + 1) + 1 + 1 + 1 + 1 + 2500);
        }
        heap.mutate(|mc, root| {
            store!(mc, root.large, None);
            store!(mc, root.page, None);
            store!(mc, root.medium, None);
            store!(mc, root.aligned, None);
            store!(mc, root.nothing, None);
            store!(mc, root.text, None);
        });
        assert_eq!(live(&mut heap), 2);
        assert_eq!(heap.statistics().heap_bytes, 32 << 10, "one block for the two objects");
    }
}

#[test]
fn elements_of_a_large_array_are_written() {
    type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, u64>>>]>];
    for collector in all() {
        let mut heap =
            Heap::<Root>::with_options(verified(), collector, |mc| Gc::new_slice_with(mc, 10_000, |_| Lock::new(None)))
                .unwrap();
        heap.collect();
        for round in 0..10u64 {
            heap.mutate(|mc, root| {
                for index in (0..10_000usize).step_by(1 + round as usize * 7) {
                    let value = (!index.is_multiple_of(3)).then(|| Gc::new(mc, index as u64 + round));
                    store!(mc, root[index], value);
                }
            });
            heap.collect_minor();
            let expected = heap.mutate(|mc, root| {
                let filled = root.iter().filter_map(Lock::get);
                filled.inspect(|&gc| assert_eq!(mc.ref_count(gc), Some(1))).count() as u64
            });
            assert_eq!(heap.statistics().live_objects, expected + 2);
        }
    }
}

#[test]
fn a_mutate_that_panics_is_caught_up_with() {
    for collector in all() {
        let mut heap = heap(collector);
        heap.mutate(|mc, root| store!(mc, root.next, Some(node(mc, 1))));
        heap.collect();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            heap.mutate(|mc, root| {
                let old = root.next.get().unwrap();
                let fresh = node(mc, 2);
                store!(mc, fresh.next, Some(old));
                store!(mc, root.next, Some(fresh));
                panic!("in the middle");
            })
        }));
        assert!(panic.is_err());
        heap.verify().unwrap();
        heap.mutate(|_, root| assert_eq!(root.next.get().unwrap().next.get().unwrap().value, 1));
        assert_eq!(live(&mut heap), 4);
    }
}

#[test]
fn glue_of_an_object_that_becomes_counted_and_dies_in_one_epoch_runs_once() {
    type Owners = Rootable![Gc<'_, Owner<'_>>];
    for collector in [RefCount::pure(), RefCount::default()] {
        let drops = Rc::new(Cell::new(0));
        let mut heap = heap(collector);
        let old = heap.mutate(|mc, _| mc.stash_as::<Owners>(Gc::new(mc, owner(&drops))));
        heap.collect();
        heap.mutate(|mc, _| {
            // The old object is logged, so what it refers to is counted, before it dies in the same epoch.
            let fresh = Gc::new(mc, owner(&drops));
            store!(mc, mc.fetch(&old).next, Some(fresh));
        });
        drop(old);
        heap.collect();
        assert_eq!(drops.get(), 2);
    }
}

/// Objects of all sizes replace each other at random places; none may be found in the memory of another.
#[test]
fn memory_is_used_again_and_never_twice() {
    type Slots = Rootable![Gc<'_, [Lock<Option<Gc<'_, [u64]>>>]>];
    for epoch in [1, 20 << 10, 300 << 10] {
        for collector in all() {
            let mut heap = Heap::<Slots>::new(collector.with_epoch_bytes(epoch), |mc| {
                Gc::new_slice_with(mc, 1000, |_| Lock::new(None))
            })
            .unwrap();
            let mut state = 1u64;
            let mut random = move |below: u64| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) % below
            };
            for round in 0..300 {
                heap.mutate(|mc, root| {
                    for _ in 0..100 {
                        let slot = random(1000) as usize;
                        let length = match random(100) {
                            0 => random(5000),
                            1..10 => random(500),
                            _ => random(20),
                        } as usize;
                        let value = random(1 << 30);
                        let fresh = Gc::new_slice_with(mc, length, |_| value);
                        match random(4) {
                            0 => store!(mc, root[slot], None),
                            1 => {}
                            _ => store!(mc, root[slot], Some(fresh)),
                        }
                    }
                    if round % 10 == 0 {
                        for slice in root.iter().filter_map(Lock::get) {
                            assert!(slice.iter().all(|word| *word == slice[0]));
                        }
                    }
                });
            }
            heap.verify().unwrap();
            let bytes = heap.statistics();
            assert!(bytes.peak_heap_bytes < 6 << 20, "{} {}", bytes.peak_heap_bytes, bytes.live_bytes);
        }
    }
}

/// A `mutate` that only makes or releases a handle ends an epoch too, in eager mode.
#[test]
fn handles_alone_are_counted_at_once_in_eager_mode() {
    let mut heap = heap(RefCount::pure().with_eager(true));
    heap.mutate(|mc, root| store!(mc, root.next, Some(node(mc, 1))));
    let count = |heap: &mut Heap<Nodes>| heap.mutate(|mc, root| mc.ref_count(root.next.get().unwrap()));
    assert_eq!(count(&mut heap), Some(1));
    let handle = heap.mutate(|mc, root| mc.stash(root.next.get().unwrap()));
    assert_eq!(count(&mut heap), Some(2));
    drop(handle);
    heap.mutate(|_, _| {});
    assert_eq!(count(&mut heap), Some(1));
}

/// Blocks in which something lives are offered to the allocator after every epoch, not only after the first.
#[test]
fn holes_are_used_again_and_again() {
    for collector in [RefCount::pure(), RefCount::default()] {
        let mut heap = heap_with(HeapOptions::default(), collector.with_epoch_bytes(64 << 20));
        heap.mutate(|mc, root| {
            for value in 0..20_000 {
                let new = node(mc, value);
                // One in fifty lives: no block dies as a whole, and most lines do.
                if value % 50 == 0 {
                    store!(mc, new.next, root.next.get());
                    store!(mc, root.next, Some(new));
                }
            }
        });
        heap.collect_minor();
        let bytes = heap.statistics().heap_bytes;
        for round in 0..20 {
            let now = heap.mutate(|mc, _| {
                for value in 0..4_000 {
                    node(mc, value);
                }
                mc.statistics().heap_bytes
            });
            assert!(now <= bytes + (32 << 10), "round {round}: {bytes} bytes became {now}");
            heap.collect_minor();
        }
    }
}

#[test]
fn epochs_of_any_size_are_sums_that_do_not_overflow() {
    for bytes in [0, 1, usize::MAX / 2 + 1, usize::MAX] {
        for collector in all() {
            let mut heap = Heap::<Rootable![Vec<Gc<'_, usize>>]>::with_options(
                verified(),
                collector.with_epoch_bytes(bytes),
                |_| Vec::new(),
            )
            .unwrap();
            for _ in 0..3 {
                heap.mutate_root(|mc, root| root.extend((0..2_000).map(|n| Gc::new(mc, n))));
                heap.collect_minor();
            }
            assert_eq!(live(&mut heap), 6_001, "epochs of {bytes} bytes");
        }
    }
}

thread_local! {
    /// Elements that somebody traced.
    static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// An element that counts how often it is traced.
struct Probe<'gc>(Lock<Option<Gc<'gc, Node<'gc>>>>);

// SAFETY: one edge, one slot, each reported once.
unsafe impl<'gc> Trace<'gc> for Probe<'gc> {
    type Facts = heap_core::Known<true, true>;
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        LOOKED_AT.set(LOOKED_AT.get() + 1);
        self.0.trace(tracer);
    }
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        self.0.relocate(relocator);
    }
}

/// What an epoch looks at follows what was written of a large array, not its size.
#[test]
fn an_epoch_looks_at_the_cards_that_were_written() {
    const LEN: usize = 1_000_000;
    let mut heap = Heap::<Rootable![Gc<'_, [Probe<'_>]>]>::new(RefCount::default(), |mc| {
        Gc::new_slice_with(mc, LEN, |_| Probe(Lock::new(None)))
    })
    .unwrap();
    heap.collect();
    for round in 0..3 {
        LOOKED_AT.set(0);
        heap.mutate(|mc, array| {
            for index in [0, 31, 32, 500_000, LEN - 1] {
                store!(mc, array => [index].0, Some(node(mc, index as u64)));
                store!(mc, array => [index].0, Some(node(mc, round + index as u64)));
            }
        });
        heap.collect_minor();
        // Four or five cards of 32 elements, logged and compared.
        assert!(LOOKED_AT.get() <= 2 * 5 * 32, "{} elements", LOOKED_AT.get());
        assert_eq!(heap.statistics().live_objects, 2 + 5, "the root, the array, and what was stored last");
        // When much of it is written, all of it is logged, and none of it twice.
        // In the first round the log has no memory yet: what did not fit is looked at again.
        let most = if round == 0 { 2 * LEN } else { LEN };
        LOOKED_AT.set(0);
        heap.mutate(|mc, array| {
            for index in (0..LEN).step_by(20) {
                store!(mc, array => [index].0, None);
            }
            let all = LOOKED_AT.get();
            assert!(all > LEN / 2 && all <= most, "{all} elements were logged");
            for index in (0..LEN).rev() {
                store!(mc, array => [index].0, None);
            }
            assert!(LOOKED_AT.get() <= most, "{} elements were logged", LOOKED_AT.get());
        });
        heap.collect_minor();
        assert!(LOOKED_AT.get() <= most + LEN);
        assert_eq!(heap.statistics().live_objects, 2, "the root and the array");
        heap.verify().unwrap();
    }
}
