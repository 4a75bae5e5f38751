//! One test for each way in which this collector could go wrong.

mod common;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Node, NodeHeap, both, checked, grow, heap, list, litter, node, quiet};
use gc_marksweep::MarkSweep;
use heap_core::events::EventKind;
use heap_core::{AllocError, Gc, Heap, HeapOptions, Lock, Rootable, Trace, Weak, fault, store};

#[test]
fn line_stamps_wrap_around() {
    for collector in both() {
        let mut heap = heap(collector);
        grow(&mut heap, 0..300);
        for round in 0..600u64 {
            // One node of the list is replaced, so that lines empty and fill all the time.
            heap.mutate(|mc, root| {
                let mut at = *root;
                for _ in 0..round % 299 {
                    at = at.next.get().unwrap();
                }
                let old = at.next.get().unwrap();
                let new = node(mc, old.value);
                store!(mc, new.next, old.next.get());
                store!(mc, at.next, Some(new));
            });
            if round % 3 == 0 {
                while !heap.step(4 << 10) {}
            } else {
                heap.collect();
            }
            assert_eq!(heap.statistics().live_objects.min(302), 302);
        }
        assert_eq!(list(&mut heap), (0..300).rev().collect::<Vec<_>>());
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 302);
        assert!(heap.statistics().heap_bytes <= 4 * (32 << 10), "holes are reused after the wrap-around too");
    }
}

/// Lines that died 255 collections ago carry the present stamp again, unless they were cleared in between.
#[test]
fn no_line_looks_alive_because_of_an_old_stamp() {
    let options = HeapOptions::default().with_poison(true);
    let mut heap = NodeHeap::with_options(options, quiet(MarkSweep::default()), |mc| node(mc, 0)).unwrap();
    heap.mutate(|mc, root| {
        for value in 0..20_000 {
            let new = node(mc, value);
            // One node in ten lines or so lives: no block dies as a whole.
            if value % 50 == 0 {
                store!(mc, new.next, root.next.get());
                store!(mc, root.next, Some(new));
            }
        }
    });
    heap.collect();
    let bytes = heap.statistics().heap_bytes;
    assert!(bytes > 20 * (32 << 10));
    for _ in 0..254 {
        heap.collect();
    }
    heap.mutate(|mc, _| litter(mc, 10_000));
    assert!(heap.statistics().full_collections == 255, "nothing was collected since");
    let now = heap.mutate(|mc, _| mc.statistics().heap_bytes);
    assert!(now <= bytes + (32 << 10), "the holes were not used: {bytes} bytes became {now}");
    assert_eq!(list(&mut heap).len(), 400);
}

/// While the marking that follows the wrap-around is in progress, no line carries a stamp yet, and none is free.
#[test]
fn no_line_is_free_while_the_first_marking_after_the_wrap_around_is_in_progress() {
    let mut heap = NodeHeap::with_options(checked(), quiet(MarkSweep::default()), |mc| node(mc, 0)).unwrap();
    grow(&mut heap, 0..2000);
    for _ in 0..254 {
        heap.collect();
    }
    for _ in 0..3 {
        assert!(!heap.step(1), "a marking is in progress");
        heap.verify().unwrap();
        heap.mutate(|mc, _| litter(mc, 2000));
        assert_eq!(list(&mut heap), (0..2000).rev().collect::<Vec<_>>());
        heap.verify().unwrap();
        heap.collect();
    }
    assert_eq!(heap.statistics().live_objects, 2002);
}

#[test]
fn dead_memory_is_reused_and_given_back() {
    for collector in both() {
        let mut heap = heap(collector);
        for _ in 0..20 {
            grow(&mut heap, 0..10_000);
            heap.mutate(|mc, root| store!(mc, root.next, None));
            heap.collect();
            assert!(heap.statistics().heap_bytes <= 2 * (32 << 10), "{:?}", heap.statistics());
        }
        assert!(heap.statistics().peak_heap_bytes < 2 << 20);
    }
}

#[derive(Trace)]
#[repr(align(16))]
struct A16([u64; 2]);
#[derive(Trace)]
#[repr(align(512))]
struct A512(u8);
#[derive(Trace)]
#[repr(align(8192))]
struct A8192(u8);
#[derive(Trace)]
#[repr(align(16384))]
struct A16384(u8);
#[derive(Trace)]
#[repr(align(65536))]
struct A65536(u8);
#[derive(Trace)]
#[repr(align(32))]
struct Empty;

#[derive(Trace)]
struct Shapes<'gc> {
    unit: Gc<'gc, ()>,
    empty: Gc<'gc, Empty>,
    none: Gc<'gc, [u64]>,
    a16: Gc<'gc, [A16]>,
    a512: Gc<'gc, A512>,
    a8192: Gc<'gc, A8192>,
    a16384: Gc<'gc, A16384>,
    a65536: Gc<'gc, A65536>,
}

#[test]
fn zero_sized_and_over_aligned_objects() {
    for collector in both() {
        let mut heap = Heap::<Rootable![Gc<'_, Lock<Vec2<'_>>>]>::with_options(checked(), collector, |mc| {
            Gc::new(mc, Lock::new(None))
        })
        .unwrap();
        for round in 0..20u8 {
            heap.mutate(|mc, root| {
                let mut keep = None;
                for tag in 0..4 {
                    let shapes = Gc::new(
                        mc,
                        Shapes {
                            unit: Gc::new(mc, ()),
                            empty: Gc::new(mc, Empty),
                            none: Gc::new_slice(mc, &[]),
                            a16: Gc::new_slice_with(mc, 3, |i| A16([i as u64, u64::from(round)])),
                            a512: Gc::new(mc, A512(tag + round)),
                            a8192: Gc::new(mc, A8192(tag + round)),
                            a16384: Gc::new(mc, A16384(tag + round)),
                            a65536: Gc::new(mc, A65536(tag + round)),
                        },
                    );
                    if tag == 2 {
                        keep = Some(shapes);
                    }
                }
                Gc::write(mc, *root).unlock().set(keep);
            });
            heap.step(100);
            heap.collect();
            assert_eq!(heap.statistics().live_objects, 11);
            heap.mutate(|_, root| {
                let shapes = root.get().unwrap();
                assert_eq!(shapes.a16[2].0, [2, u64::from(round)]);
                let tags = [shapes.a512.0, shapes.a8192.0, shapes.a16384.0, shapes.a65536.0];
                assert_eq!(tags, [2 + round; 4]);
                assert_eq!(Gc::as_ptr(shapes.empty).addr() % 32, 0);
                assert_eq!(Gc::as_ptr(shapes.a65536).addr() % 65536, 0);
                assert!(shapes.none.is_empty());
                assert_eq!(*shapes.unit, ());
            });
        }
    }
}

type Vec2<'gc> = Option<Gc<'gc, Shapes<'gc>>>;

#[test]
fn batches_that_fit_half_the_room_never_reach_the_limit() {
    for collector in both() {
        let options = HeapOptions::default().with_limit(2 << 20).with_poison(true);
        let mut heap = NodeHeap::with_options(options, collector, |mc| node(mc, 0)).unwrap();
        // 48 bytes each: about 1 MiB stays alive, in a heap of 2 MiB.
        grow(&mut heap, 0..20_000);
        for _ in 0..500 {
            heap.mutate(|mc, _| litter(mc, 2000));
        }
        assert_eq!(list(&mut heap).len(), 20_000);
        assert!(heap.statistics().heap_bytes <= 2 << 20);
    }
}

#[test]
fn a_full_heap_reports_and_recovers() {
    for collector in both() {
        let options = checked().with_limit(1 << 20);
        let mut heap = NodeHeap::with_options(options, collector, |mc| node(mc, 0)).unwrap();
        let mut made = 0u64;
        let error = heap.mutate(|mc, root| {
            loop {
                let new = Node { value: made, next: Lock::new(root.next.get()), edges: Default::default() };
                match Gc::try_new(mc, new) {
                    Ok(new) => store!(mc, root.next, Some(new)),
                    Err(error) => return error,
                }
                made += 1;
            }
        });
        assert!(error.is_limit(), "{error}");
        assert!(made > 15_000, "{made} nodes in 1 MiB");
        assert_eq!(list(&mut heap).len() as u64, made);
        heap.mutate(|mc, root| store!(mc, root.next, None));
        heap.mutate(|mc, _| {
            assert!(Gc::try_new_slice_with(mc, 80_000, |_| 0u64).is_err(), "nothing was collected yet")
        });
        // That failure made a collection due, and it has happened.
        heap.mutate(|mc, _| assert!(Gc::try_new_slice_with(mc, 80_000, |_| 0u64).is_ok()));
    }
}

#[test]
fn a_failed_allocation_is_retried_after_a_collection() {
    let options = checked().with_limit(1 << 20);
    let mut heap = Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, [u64]>>>>]>::with_options(
        options,
        quiet(MarkSweep::incremental()),
        |mc| Gc::new(mc, Lock::new(None)),
    )
    .unwrap();
    for round in 0..10u64 {
        heap.try_mutate(|mc, root| {
            Gc::write(mc, *root).unlock().set(None);
            let array = Gc::try_new_slice_with(mc, 100_000, |_| round)?;
            Gc::write(mc, *root).unlock().set(Some(array));
            Ok::<_, AllocError>(())
        })
        .unwrap();
        assert_eq!(heap.mutate(|_, root| root.get().unwrap()[99_999]), round);
    }
}

/// Makes the system refuse memory for mark stacks until dropped.
struct Refusing;

impl Refusing {
    fn new() -> Self {
        fault::refuse_mark_stacks(true);
        Refusing
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        fault::refuse_mark_stacks(false);
    }
}

/// A heap whose mark stack has room for a few hundred entries, and an object with more edges than that.
fn wide_heap(collector: MarkSweep) -> NodeHeap {
    // The verifier's own stack would be refused memory too.
    let options = checked().with_verify(false);
    let mut heap = NodeHeap::with_options(options, collector, |mc| node(mc, 0)).unwrap();
    heap.collect();
    heap.mutate(|mc, root| {
        let hub = node(mc, 1);
        for value in 0..900 {
            let leaf = node(mc, value);
            store!(mc, leaf.next, Some(node(mc, 10_000 + value)));
            Gc::write(mc, hub).project(|hub| &hub.edges).unlock().borrow_mut().push(leaf);
        }
        store!(mc, root.next, Some(hub));
    });
    heap
}

const WIDE: u64 = 2 + 1 + 2 * 900;

#[test]
fn a_marking_that_is_refused_memory_waits_and_goes_on() {
    for collector in both() {
        let mut heap = wide_heap(collector);
        let events = std::rc::Rc::new(RefCell::new(0));
        let seen = events.clone();
        heap.set_listener(Some(Box::new(move |event| {
            *seen.borrow_mut() += u32::from(event.kind == EventKind::Abandoned)
        })));
        let garbage = heap.statistics().heap_bytes;
        {
            let _refusing = Refusing::new();
            for attempt in 1..=5 {
                heap.collect();
                assert_eq!(heap.statistics().abandoned_collections, attempt);
                assert_eq!(*events.borrow(), attempt as u32);
                assert!(heap.statistics().heap_bytes >= garbage, "nothing is reclaimed");
                heap.mutate(|mc, _| litter(mc, 100));
            }
        }
        heap.collect();
        assert_eq!(heap.statistics().live_objects, WIDE);
        heap.mutate(|_, root| {
            let hub = root.next.get().unwrap();
            let sum: u64 = hub.edges.borrow().iter().map(|leaf| leaf.next.get().unwrap().value - leaf.value).sum();
            assert_eq!(sum, 900 * 10_000);
        });
    }
}

#[test]
fn a_marking_whose_barrier_is_refused_memory_is_given_up() {
    for collector in both() {
        let mut heap = wide_heap(collector);
        for _ in 0..4 {
            {
                let _refusing = Refusing::new();
                heap.collect();
                // The hub is white, and there is no room for its edges.
                heap.mutate(|mc, root| {
                    let hub = root.next.get().unwrap();
                    let all = std::mem::take(&mut *Gc::write(mc, hub).project(|hub| &hub.edges).unlock().borrow_mut());
                    let new = node(mc, 1);
                    *Gc::write(mc, new).project(|new| &new.edges).unlock().borrow_mut() = all;
                    store!(mc, root.next, Some(new));
                });
                heap.mutate(|mc, _| litter(mc, 3000));
            }
            heap.verify().unwrap();
            heap.collect();
            assert_eq!(heap.statistics().live_objects, WIDE);
            heap.mutate(|_, root| {
                for leaf in root.next.get().unwrap().edges.borrow().iter() {
                    assert_eq!(leaf.next.get().unwrap().value, leaf.value + 10_000);
                }
            });
        }
    }
}

/// After a cycle was given up, lines of two stamps are alive, and the next cycle adds a third.
#[test]
fn no_hole_is_used_between_a_cycle_given_up_and_the_next() {
    for collector in both() {
        let options = checked().with_verify(false);
        let mut heap = NodeHeap::with_options(options, collector, |mc| node(mc, 0)).unwrap();
        heap.mutate(|mc, root| {
            for value in 0..10_000 {
                let new = node(mc, value);
                if value % 20 == 0 {
                    store!(mc, new.next, root.next.get());
                    store!(mc, root.next, Some(new));
                }
            }
        });
        // Now there are holes.
        heap.collect();
        heap.mutate(|mc, root| {
            let hub = node(mc, 1);
            for value in 0..900 {
                let leaf = node(mc, value);
                Gc::write(mc, hub).project(|hub| &hub.edges).unlock().borrow_mut().push(leaf);
            }
            Gc::write(mc, *root).project(|root| &root.edges).unlock().borrow_mut().push(hub);
        });
        {
            let _refusing = Refusing::new();
            heap.collect();
            heap.mutate(|mc, root| {
                let hub = root.edges.borrow()[0];
                store!(mc, hub.next, None);
            });
        }
        assert_eq!(heap.statistics().abandoned_collections, 2, "one was stuck and then given up");
        assert!(!heap.step(1), "the next cycle is in progress");
        heap.mutate(|mc, _| litter(mc, 10_000));
        heap.verify().unwrap();
        assert_eq!(list(&mut heap), (0..500).rev().map(|index| index * 20).collect::<Vec<_>>());
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 2 + 500 + 901);
    }
}

/// Once a cycle has ended, the next one may be given up again.
#[test]
fn cycles_are_given_up_again_and_again() {
    let mut heap = wide_heap(quiet(MarkSweep::incremental()));
    let mut leaves = 900;
    for abandoned in [2, 4, 6] {
        {
            let _refusing = Refusing::new();
            heap.collect();
            heap.mutate(|mc, root| {
                let hub = root.next.get().unwrap();
                store!(mc, hub.next, None);
            });
        }
        assert_eq!(heap.statistics().abandoned_collections, abandoned, "one was stuck and then given up");
        // The stack grows by this collection, and the hub outgrows it again.
        heap.collect();
        heap.mutate(|mc, root| {
            let hub = root.next.get().unwrap();
            for value in 0..2 * leaves {
                let leaf = node(mc, value);
                Gc::write(mc, hub).project(|hub| &hub.edges).unlock().borrow_mut().push(leaf);
            }
        });
        leaves *= 3;
    }
    heap.verify().unwrap();
}

/// An array that was being scanned when the cycle was given up is not busy any more.
#[test]
fn no_array_stays_busy_when_a_cycle_is_given_up() {
    type Arrays = Rootable![Gc<'_, [Lock<Option<Gc<'_, [Lock<Option<Gc<'_, u64>>>]>>>]>];
    let mut heap = Heap::<Arrays>::with_options(checked(), quiet(MarkSweep::default()), |mc| {
        Gc::new_slice_with(mc, 2, |_| {
            Lock::new(Some(Gc::new_slice_with(mc, 3_000, |index| Lock::new(Some(Gc::new(mc, index as u64))))))
        })
    })
    .unwrap();
    for _ in 0..3 {
        // Both arrays are reached, and one has a piece left.
        while heap.step(1 << 10) {}
        for _ in 0..20 {
            heap.step(1 << 10);
        }
        {
            let _refusing = Refusing::new();
            heap.mutate(|mc, root| {
                for array in root.iter().filter_map(Lock::get) {
                    let first = array[0].get();
                    store!(mc, array[0], first);
                }
            });
        }
        heap.verify().unwrap();
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 2 + 2 + 6_000);
        // The stack is small again for the next round.
        fault::tight_mark_stacks(true);
        heap.collect();
        fault::tight_mark_stacks(false);
    }
}

#[test]
fn the_second_refusal_panics_before_the_write() {
    let mut heap = wide_heap(quiet(MarkSweep::default()));
    {
        let _refusing = Refusing::new();
        for panics in [false, true, true] {
            heap.collect();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                heap.mutate(|mc, root| {
                    let hub = root.next.get().unwrap();
                    store!(mc, hub.next, Some(node(mc, 5)));
                });
            }));
            assert_eq!(outcome.is_err(), panics);
        }
    }
    heap.collect();
    assert_eq!(heap.statistics().live_objects, WIDE + 1, "the first write happened, the others did not");
    heap.verify().unwrap();
}

#[derive(Trace)]
struct Loud<'gc> {
    #[trace(require_static)]
    noise: Noise,
    weak: Lock<Option<Weak<'gc, Loud<'gc>>>>,
}

struct Noise(&'static str);

thread_local! {
    static HEARD: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

impl Drop for Noise {
    fn drop(&mut self) {
        HEARD.with_borrow_mut(|heard| heard.push(self.0));
        assert_ne!(self.0, "panics", "drop glue may panic");
    }
}

fn heard() -> Vec<&'static str> {
    HEARD.take()
}

fn loud<'gc>(mc: &heap_core::Mutator<'gc>, name: &'static str) -> Gc<'gc, Loud<'gc>> {
    Gc::new(mc, Loud { noise: Noise(name), weak: Lock::new(None) })
}

#[test]
fn drop_glue_runs_once_in_order_and_before_reuse() {
    for collector in both() {
        let mut heap =
            Heap::<Rootable![Gc<'_, Loud<'_>>]>::with_options(checked(), collector, |mc| loud(mc, "root")).unwrap();
        heap.mutate(|mc, root| {
            let first = loud(mc, "first");
            store!(mc, root.weak, Some(Gc::downgrade(first, mc)));
            loud(mc, "second");
            loud(mc, "third");
        });
        assert!(heard().is_empty());
        heap.collect();
        assert_eq!(heard(), ["first", "second", "third"], "in the order of allocation");
        heap.mutate(|mc, root| assert!(root.weak.get().unwrap().upgrade(mc).is_none()));
        heap.collect();
        assert!(heard().is_empty());
        assert_eq!(heap.statistics().dropped_objects, 3);
        drop(heap);
        assert_eq!(heard(), ["root"]);
    }
}

#[test]
fn a_panic_in_drop_leaves_the_heap_whole() {
    for collector in both() {
        let mut heap =
            Heap::<Rootable![Gc<'_, Loud<'_>>]>::with_options(checked(), collector, |mc| loud(mc, "root")).unwrap();
        heap.mutate(|mc, _| {
            loud(mc, "before");
            loud(mc, "panics");
            loud(mc, "after");
        });
        assert!(catch_unwind(AssertUnwindSafe(|| heap.collect())).is_err());
        assert_eq!(heard(), ["before", "panics", "after"]);
        assert_eq!(heap.statistics().live_objects, 2);
        heap.verify().unwrap();
        heap.mutate(|mc, _| {
            loud(mc, "later");
        });
        heap.collect();
        assert_eq!(heard(), ["later"]);
        drop(heap);
        heard();
    }
}

#[test]
fn every_safepoint_collects_when_asked_to() {
    for collector in both() {
        let mut heap = NodeHeap::with_options(checked().with_zeal(true), collector, |mc| node(mc, 0)).unwrap();
        for value in 0..100 {
            grow(&mut heap, value..value + 1);
        }
        assert_eq!(list(&mut heap), (0..100).rev().collect::<Vec<_>>());
        assert!(heap.statistics().full_collections >= 100);
    }
}

/// A marking must not recurse: a chain as long as the heap is deep.
#[test]
fn depth_does_not_matter() {
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(|| {
            for collector in both() {
                let mut heap = NodeHeap::new(collector, |mc| node(mc, 0)).unwrap();
                grow(&mut heap, 0..1_000_000);
                heap.collect();
                assert_eq!(heap.statistics().live_objects, 1_000_002);
            }
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn medium_objects_share_blocks_with_small_ones() {
    for collector in both() {
        let mut heap = Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, [Gc<'_, [u64]>]>>>>]>::with_options(
            checked(),
            collector,
            |mc| Gc::new(mc, Lock::new(None)),
        )
        .unwrap();
        for round in 0..8u64 {
            heap.mutate(|mc, root| {
                let all = Gc::new_slice_with(mc, 200, |index| {
                    Gc::new_slice_with(mc, (index * 37) % 2500, |_| 1);
                    Gc::new_slice_with(mc, (index * 53) % 2500, |i| round + (index * i) as u64)
                });
                Gc::write(mc, *root).unlock().set(Some(all));
            });
            heap.step(1000);
            heap.collect();
            assert_eq!(heap.statistics().live_objects, 203);
            heap.mutate(|_, root| {
                for (index, array) in root.get().unwrap().iter().enumerate() {
                    assert_eq!(array.len(), (index * 53) % 2500);
                    assert!(array.iter().enumerate().all(|(i, value)| *value == round + (index * i) as u64));
                }
            });
        }
    }
}

#[test]
#[should_panic(expected = "greater than 1")]
fn a_growth_factor_of_one_is_refused() {
    let _ = MarkSweep::default().with_growth(1.0);
}
