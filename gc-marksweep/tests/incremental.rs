//! The program changes the graph between increments, and nothing reachable is lost.

mod common;

use common::{Node, NodeHeap, Random, both, checked, grow, heap, list, litter, node, quiet};
use gc_marksweep::MarkSweep;
use heap_core::{Gc, Heap, HeapOptions, Lock, Rootable, Trace, Weak, store};

/// The shortest possible increment: one object.
const ONE: usize = 1;

#[test]
fn barrier_each_step() {
    for collector in both() {
        let mut heap = heap(collector);
        grow(&mut heap, 0..200);
        // Between two increments, the list loses its first node and gets it back at another place: what hid behind the
        // overwritten pointers is known to the snapshot alone.
        for round in 0..3 {
            let mut step = 0;
            while !heap.step(ONE) {
                step += 1;
                heap.mutate(|mc, root| {
                    let first = root.next.get().unwrap();
                    let second = first.next.get().unwrap();
                    store!(mc, root.next, Some(second));
                    let mut at = second;
                    for _ in 0..step % 190 {
                        at = at.next.get().unwrap();
                    }
                    store!(mc, first.next, at.next.get());
                    store!(mc, at.next, Some(first));
                });
            }
            assert!(step > 100, "round {round}: only {step} increments");
            let mut values = list(&mut heap);
            values.sort_unstable();
            assert_eq!(values, (0..200).collect::<Vec<_>>());
        }
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 202);
    }
}

#[test]
fn a_list_is_reversed_during_each_step() {
    let mut heap = heap(quiet(MarkSweep::incremental()));
    grow(&mut heap, 0..100);
    let mut forward: Vec<u64> = (0..100).rev().collect();
    while !heap.step(ONE) {
        heap.mutate(|mc, root| {
            let (mut reversed, mut at) = (None, root.next.get());
            while let Some(node) = at {
                at = node.next.get();
                store!(mc, node.next, reversed);
                reversed = Some(node);
            }
            store!(mc, root.next, reversed);
        });
        forward.reverse();
    }
    assert_eq!(list(&mut heap), forward);
}

#[test]
fn objects_born_during_a_cycle_survive_it_and_die_in_the_next() {
    let mut heap = heap(quiet(MarkSweep::incremental()));
    grow(&mut heap, 0..50);
    assert!(!heap.step(ONE));
    heap.mutate(|mc, root| {
        let newest = node(mc, 1000);
        let old = root.next.get();
        store!(mc, newest.next, old);
        store!(mc, root.next, Some(newest));
        node(mc, 2000);
    });
    while !heap.step(ONE) {}
    assert_eq!(list(&mut heap).len(), 51);
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 53);
}

/// Blocks of medium objects are filled one after the other, too: none may go on across the beginning of a cycle.
#[test]
fn medium_objects_born_during_a_cycle_survive_it() {
    type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, [usize]>>>]>];
    let mut heap = Heap::<Root>::with_options(checked(), quiet(MarkSweep::incremental()), |mc| {
        Gc::new_slice_with(mc, 20, |_| Lock::new(None))
    })
    .unwrap();
    for round in 0..5 {
        for index in 0..20 {
            heap.mutate(|mc, root| {
                let medium = Gc::new_slice_with(mc, 150, |i| round + index + i);
                store!(mc, (*root)[index], Some(medium));
            });
            heap.step(ONE);
        }
        while !heap.step(ONE) {}
        heap.mutate(|mc, root| {
            litter(mc, 1000);
            for (index, element) in root.iter().enumerate() {
                assert!(element.get().unwrap().iter().enumerate().all(|(i, &value)| value == round + index + i));
            }
        });
    }
}

#[test]
fn a_full_collection_finishes_the_cycle_and_is_exact() {
    let mut heap = heap(quiet(MarkSweep::incremental()));
    grow(&mut heap, 0..100);
    heap.step(ONE);
    heap.mutate(|mc, root| store!(mc, root.next, None));
    let before = heap.statistics().full_collections;
    heap.collect();
    assert_eq!(heap.statistics().full_collections, before + 2);
    assert_eq!(heap.statistics().live_objects, 2);
    assert_eq!(heap.verify().unwrap().objects, 2);
}

type Slots<'gc> = [Lock<Option<Gc<'gc, Node<'gc>>>>];
type Array<'gc> = Gc<'gc, Slots<'gc>>;

#[derive(Trace)]
struct Weaks<'gc> {
    filler: Lock<Option<Gc<'gc, Node<'gc>>>>,
    strong: Lock<Option<Gc<'gc, Node<'gc>>>>,
    weak: Lock<Option<Weak<'gc, Node<'gc>>>>,
    big: Lock<Option<Weak<'gc, Slots<'gc>>>>,
}

type WeakHeap = Heap<Rootable![Gc<'_, Weaks<'_>>]>;

fn weak_heap() -> WeakHeap {
    let mut heap = WeakHeap::with_options(checked(), quiet(MarkSweep::incremental()), |mc| {
        let weaks =
            Weaks { filler: Lock::new(None), strong: Lock::new(None), weak: Lock::new(None), big: Lock::new(None) };
        Gc::new(mc, weaks)
    })
    .unwrap();
    heap.mutate(|mc, root| {
        for value in 0..100 {
            let next = node(mc, value);
            store!(mc, next.next, root.filler.get());
            store!(mc, root.filler, Some(next));
        }
    });
    heap
}

#[test]
fn a_weak_pointer_upgraded_during_marking_keeps_its_target() {
    let mut heap = weak_heap();
    heap.mutate(|mc, root| {
        let target = node(mc, 7);
        store!(mc, target.next, Some(node(mc, 8)));
        let weak = Gc::downgrade(target, mc);
        store!(mc, root.weak, Some(weak));
    });
    for _ in 0..3 {
        heap.step(ONE);
    }
    heap.mutate(|mc, root| {
        let target = root.weak.get().unwrap().upgrade(mc).expect("nothing was reclaimed yet");
        store!(mc, root.strong, Some(target));
    });
    while !heap.step(ONE) {}
    heap.mutate(|mc, root| {
        let target = root.strong.get().unwrap();
        assert_eq!((target.value, target.next.get().unwrap().value), (7, 8));
        assert!(root.weak.get().unwrap().upgrade(mc).is_some());
        store!(mc, root.strong, None);
    });
    heap.collect();
    heap.mutate(|mc, root| assert!(root.weak.get().unwrap().upgrade(mc).is_none()));
}

#[test]
fn a_weak_pointer_upgraded_into_a_handle_during_marking_keeps_its_target() {
    let mut heap = weak_heap();
    heap.mutate(|mc, root| {
        let weak = Gc::downgrade(node(mc, 7), mc);
        store!(mc, root.weak, Some(weak));
    });
    heap.step(ONE);
    let handle = heap.mutate(|mc, root| {
        let target = root.weak.get().unwrap().upgrade(mc).unwrap();
        mc.stash(target)
    });
    while !heap.step(ONE) {}
    assert_eq!(heap.mutate(|mc, _| mc.fetch(&handle).value), 7);
}

#[test]
fn a_weak_cell_that_nothing_reached_comes_back_during_marking() {
    let mut heap = weak_heap();
    heap.mutate(|mc, root| {
        let target = node(mc, 7);
        store!(mc, root.strong, Some(target));
        // The cell is garbage at once; its target is not, and remembers the cell.
        Gc::downgrade(target, mc);
    });
    heap.step(ONE);
    heap.mutate(|mc, root| {
        let weak = Gc::downgrade(root.strong.get().unwrap(), mc);
        store!(mc, root.weak, Some(weak));
    });
    while !heap.step(ONE) {}
    // Were the cell reclaimed, new objects would be allocated over it.
    heap.mutate(|mc, _| litter(mc, 1000));
    heap.mutate(|mc, root| assert_eq!(root.weak.get().unwrap().upgrade(mc).unwrap().value, 7));
}

#[test]
fn a_large_array_is_upgraded_and_scanned_during_marking() {
    let mut heap = weak_heap();
    heap.mutate(|mc, root| {
        let big = Gc::new_slice_with(mc, 5000, |i| Lock::new(Some(node(mc, i as u64))));
        let weak = Gc::downgrade(big, mc);
        store!(mc, root.big, Some(weak));
    });
    heap.step(ONE);
    let handle = heap.mutate(|mc, root| {
        let big = root.big.get().unwrap().upgrade(mc).unwrap();
        mc.stash_as::<Rootable![Array<'_>]>(big)
    });
    while !heap.step(2 << 10) {}
    heap.mutate(|mc, _| {
        for (index, element) in mc.fetch(&handle).iter().enumerate() {
            assert_eq!(element.get().unwrap().value, index as u64);
        }
    });
}

#[test]
fn large_arrays_are_written_while_they_are_busy() {
    const LENGTH: usize = 5000;
    for stop_after in 1..12 {
        let mut heap = Heap::<Rootable![Gc<'_, [Array<'_>; 3]>]>::with_options(
            checked().with_verify(false),
            quiet(MarkSweep::incremental()),
            |mc| {
                let array =
                    |offset: usize| Gc::new_slice_with(mc, LENGTH, |i| Lock::new(Some(node(mc, (offset + i) as u64))));
                Gc::new(mc, [array(0), array(10_000), array(20_000)])
            },
        )
        .unwrap();
        heap.collect();
        for _ in 0..stop_after {
            assert!(!heap.step(8 << 10));
        }
        heap.verify().unwrap();
        heap.mutate(|mc, root| {
            for array in root.iter() {
                // Turns the array around: whatever its second half held now stands in front.
                for index in 0..LENGTH / 2 {
                    let mirror = LENGTH - 1 - index;
                    let (low, high) = (array[index].get(), array[mirror].get());
                    store!(mc, (*array)[index], high);
                    store!(mc, (*array)[mirror], low);
                }
            }
        });
        heap.verify().unwrap();
        while !heap.step(8 << 10) {}
        heap.mutate(|mc, root| {
            litter(mc, 1000);
            for (number, array) in root.iter().enumerate() {
                for index in 0..LENGTH {
                    let expected = (number * 10_000 + LENGTH - 1 - index) as u64;
                    assert_eq!(array[index].get().unwrap().value, expected);
                }
            }
        });
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 3 * (LENGTH as u64 + 1) + 2);
    }
}

#[test]
fn increments_are_short_even_in_one_huge_array() {
    let mut heap = Heap::<Rootable![Array<'_>]>::with_options(checked(), quiet(MarkSweep::incremental()), |mc| {
        Gc::new_slice_with(mc, 100_000, |_| Lock::new(None))
    })
    .unwrap();
    let mut steps = 0;
    while !heap.step(8 << 10) {
        steps += 1;
    }
    assert!(steps >= 90, "800 KB in steps of 8 KiB took {steps} steps");
}

#[test]
fn the_program_drives_cycles_by_allocating() {
    let collector = MarkSweep::incremental().with_min_budget_bytes(256 << 10).with_increment_bytes(8 << 10);
    let options = checked().with_verify(false);
    let mut heap = NodeHeap::with_options(options, collector, |mc| node(mc, 0)).unwrap();
    grow(&mut heap, 0..10_000);
    for round in 0..300 {
        heap.mutate(|mc, root| {
            litter(mc, 300);
            // Rotates the list by one.
            let first = root.next.get().unwrap();
            store!(mc, root.next, first.next.get());
            let mut last = first;
            while let Some(next) = last.next.get() {
                last = next;
            }
            store!(mc, first.next, None);
            store!(mc, last.next, Some(first));
        });
        if round % 50 == 0 {
            assert_eq!(list(&mut heap).len(), 10_000);
        }
    }
    let statistics = heap.statistics();
    assert!(statistics.full_collections > 2, "{statistics:?}");
    assert!(statistics.pauses > 3 * statistics.full_collections, "{statistics:?}");
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 10_002);
}

/// A random graph, and the same graph in ordinary vectors.
/// Between two steps of a sweep the program gets memory from blocks that were swept, from blocks that were not, and from
/// fresh ones; all of it lives, and what was dead before comes back.
#[test]
fn the_program_allocates_while_the_heap_is_swept() {
    // Of so many nodes in a row half are garbage: short holes, and long ones.
    for (exact, row) in [(false, 20), (true, 20), (false, 200), (true, 200)] {
        let options = HeapOptions::default().with_poison(true);
        let collector = quiet(MarkSweep::incremental()).with_exact_marking(exact);
        let mut heap = NodeHeap::with_options(options, collector, |mc| node(mc, 0)).unwrap();
        // Ninety blocks, and those with garbage are swept last.
        grow(&mut heap, 0..50_000);
        for _ in 0..3 {
            heap.mutate(|mc, root| {
                let mut at = root.next.get();
                for _ in 0..25_000 / row {
                    let last = (1..row / 2).fold(at.unwrap(), |node, _| node.next.get().unwrap());
                    at = (0..=row / 2).try_fold(last, |node, _| node.next.get());
                    store!(mc, last.next, at);
                }
            });
            let mut values = list(&mut heap);
            let (mut steps, mut born) = (0, 50_000);
            // Eight blocks each.
            while !heap.step(2 << 10) {
                grow(&mut heap, born..born + 12);
                values.splice(0..0, (born..born + 12).rev());
                born += 12;
                steps += 1;
                if steps % 16 == 0 {
                    heap.verify().unwrap();
                }
            }
            assert!(steps > 100, "{steps} steps");
            heap.verify().unwrap();
            assert_eq!(list(&mut heap), values);
            let held = heap.statistics().heap_bytes;
            grow(&mut heap, 0..2_000);
            values.splice(0..0, (0..2_000).rev());
            assert_eq!(list(&mut heap), values);
            assert_eq!(heap.statistics().heap_bytes, held, "the holes have room for more");
        }
    }
}

/// Small and medium objects are born and die while exact markings go on: what is left of a hole is given back in one cycle or
/// in the next, and must be free in the bitmap that counts then.
#[test]
fn rests_of_holes_are_given_back_during_exact_markings() {
    const PLACES: usize = 600;
    // Small ones for each medium one, the largest medium one in words, how far a step goes, births in each `mutate`.
    for (small, most, step, births) in [(1, 100, 150, 10), (1, 100, 150, 25), (2, 100, 64, 10)] {
        let collector = MarkSweep::incremental().with_increment_bytes(3000).with_exact_marking(true);
        let mut heap = Heap::<Rootable![Gc<'_, [Lock<Option<Gc<'_, [u64]>>>]>]>::new(collector, |mc| {
            Gc::new_slice_with(mc, PLACES, |_| Lock::new(None))
        })
        .unwrap();
        let (mut random, mut lengths) = (Random(1), vec![0; PLACES]);
        for _ in 0..1_500 {
            heap.mutate(|mc, root| {
                for _ in 0..births {
                    let place = random.below(PLACES);
                    let len = if random.below(small + 1) > 0 { 1 + random.below(8) } else { 33 + random.below(most) };
                    store!(mc, root[place], Some(Gc::new_slice_with(mc, len, |_| place as u64)));
                    lengths[place] = len;
                }
            });
            for _ in 0..random.below(4) {
                heap.step(step);
            }
        }
        heap.verify().unwrap();
        heap.mutate(|_, root| {
            for (place, slot) in root.iter().enumerate() {
                let len = slot.get().map_or(0, |slice| slice.iter().filter(|&&value| value == place as u64).count());
                assert_eq!(len, lengths[place], "the contents of {place}");
            }
        });
    }
}

#[test]
fn random_programs_agree_with_a_model() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let [stop, incremental] = both();
        let mut heap = heap(if seed % 4 == 0 { stop } else { incremental });
        // The model: the values of the nodes hanging off the root's vector, and the edges of each node by value.
        let mut roots: Vec<u64> = Vec::new();
        let mut edges: std::collections::BTreeMap<u64, Vec<u64>> = Default::default();
        let mut fresh = 1;
        for _ in 0..400 {
            match random.below(10) {
                0..4 => {
                    let value = fresh;
                    fresh += 1;
                    // A new node that takes over all roots from a random one on, as its edges.
                    let at = if roots.is_empty() { 0 } else { random.below(roots.len() + 1) };
                    let taken = roots.split_off(at);
                    roots.push(value);
                    edges.insert(value, taken);
                    heap.mutate(|mc, root| {
                        let new = node(mc, value);
                        let mut list = Gc::write(mc, *root).project(|root| &root.edges).unlock().borrow_mut();
                        let taken = list.split_off(at);
                        *Gc::write(mc, new).project(|new| &new.edges).unlock().borrow_mut() = taken;
                        list.push(new);
                    });
                }
                4..6 if !roots.is_empty() => {
                    // The edges of one root become roots, and the root loses them.
                    let at = random.below(roots.len());
                    let value = roots[at];
                    let moved = std::mem::take(edges.get_mut(&value).unwrap());
                    roots.extend(&moved);
                    heap.mutate(|mc, root| {
                        let from = root.edges.borrow()[at];
                        let moved =
                            std::mem::take(&mut *Gc::write(mc, from).project(|from| &from.edges).unlock().borrow_mut());
                        Gc::write(mc, *root).project(|root| &root.edges).unlock().borrow_mut().extend(moved);
                    });
                }
                6 if roots.len() > 1 => {
                    // One root gets an edge to another.
                    let (from, to) = (random.below(roots.len()), random.below(roots.len()));
                    edges.get_mut(&roots[from]).unwrap().push(roots[to]);
                    heap.mutate(|mc, root| {
                        let (from, to) = (root.edges.borrow()[from], root.edges.borrow()[to]);
                        Gc::write(mc, from).project(|from| &from.edges).unlock().borrow_mut().push(to);
                    });
                }
                7 if roots.len() > 4 => {
                    let at = random.below(roots.len());
                    roots.swap_remove(at);
                    heap.mutate(|mc, root| {
                        Gc::write(mc, *root).project(|root| &root.edges).unlock().borrow_mut().swap_remove(at);
                    });
                }
                8 => {
                    heap.step(random.below(300));
                }
                _ => drop(heap.step(1)),
            }
        }
        heap.collect();
        // What the model reaches.
        let mut reached = std::collections::BTreeSet::new();
        let mut pending = roots.clone();
        while let Some(value) = pending.pop() {
            if reached.insert(value) {
                pending.extend(&edges[&value]);
            }
        }
        assert_eq!(heap.statistics().live_objects, reached.len() as u64 + 2, "seed {seed}");
        heap.mutate(|_, root| {
            assert_eq!(root.edges.borrow().iter().map(|node| node.value).collect::<Vec<_>>(), roots);
            let mut pending: Vec<_> = root.edges.borrow().clone();
            let mut seen = std::collections::BTreeSet::new();
            while let Some(node) = pending.pop() {
                if seen.insert(node.value) {
                    let list = node.edges.borrow();
                    assert_eq!(list.iter().map(|node| node.value).collect::<Vec<_>>(), edges[&node.value]);
                    pending.extend(list.iter());
                }
            }
            assert_eq!(seen, reached);
        });
    }
}

#[test]
fn settings_of_any_size_are_sums_that_do_not_overflow() {
    let sizes = [0, 1, usize::MAX / 2 + 1, usize::MAX];
    for (budget, increment) in sizes.iter().flat_map(|&budget| sizes.map(|increment| (budget, increment))) {
        for growth in [1.0 + f64::EPSILON, f64::INFINITY] {
            let collector = MarkSweep::incremental()
                .with_min_budget_bytes(budget)
                .with_increment_bytes(increment)
                .with_growth(growth);
            let options = HeapOptions::default().with_verify(true);
            let mut heap =
                Heap::<Rootable![Vec<Gc<'_, usize>>]>::with_options(options, collector, |_| Vec::new()).unwrap();
            for _ in 0..4 {
                heap.mutate_root(|mc, root| root.extend((0..2_000).map(|n| Gc::new(mc, n))));
                heap.step(usize::MAX);
                heap.step(0);
            }
            heap.collect();
            assert_eq!(heap.statistics().live_objects, 8_001, "budget {budget}, increment {increment}");
        }
    }
}
