//! Large arrays: a minor collection visits the cards that were written, and nothing is lost between them.

use std::cell::Cell;

use gc_generational::Generational;
use heap_core::{Gc, Heap, HeapOptions, Lock, Relocator, Rootable, Trace, Tracer, store};

thread_local! {
    /// Elements whose slots a minor collection looked at.
    static VISITED: Cell<usize> = const { Cell::new(0) };
}

/// An element that counts how often it is relocated, with pointers at both ends and as many bytes between as the test
/// wants.
#[repr(C)]
struct Element<'gc, const PADDING: usize> {
    pointer: Lock<Option<Gc<'gc, u64>>>,
    middle: [u64; PADDING],
    last: Lock<Option<Gc<'gc, u64>>>,
}

// SAFETY: two edges, two slots, each reported once; the padding holds nothing.
unsafe impl<'gc, const PADDING: usize> Trace<'gc> for Element<'gc, PADDING> {
    type Facts = heap_core::Known<true, true>;
    fn trace(&self, tracer: &mut Tracer<'gc>) {
        self.pointer.trace(tracer);
        self.last.trace(tracer);
    }
    fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
        VISITED.set(VISITED.get() + 1);
        self.pointer.relocate(relocator);
        self.last.relocate(relocator);
    }
}

fn element<'gc, const PADDING: usize>(pointer: Option<Gc<'gc, u64>>) -> Element<'gc, PADDING> {
    Element { pointer: Lock::new(pointer), middle: [7; PADDING], last: Lock::new(None) }
}

type Root<const PADDING: usize> = Rootable![Gc<'_, [Element<'_, PADDING>]>];

/// A heap whose root is an old, clean array.
fn heap<const PADDING: usize>(collector: Generational, verify: bool, len: usize) -> Heap<Root<PADDING>> {
    let options = HeapOptions::default().with_verify(verify);
    let mut heap =
        Heap::<Root<PADDING>>::with_options(options, collector, |mc| Gc::new_slice_with(mc, len, |_| element(None)))
            .unwrap();
    heap.collect_minor();
    VISITED.set(0);
    heap
}

fn visited() -> usize {
    VISITED.replace(0)
}

#[test]
fn one_write_costs_one_card() {
    let mut heap = heap::<0>(Generational::default(), false, 1_000_000);
    for index in [0, 15, 16, 500_000, 999_999] {
        heap.mutate(|mc, array| store!(mc, array => [index].pointer, Some(Gc::new(mc, index as u64))));
        heap.collect_minor();
        let visited = visited();
        assert!((1..=16).contains(&visited), "{visited} elements for one write");
        heap.mutate(|_, array| assert_eq!(*array[index].pointer.get().unwrap(), index as u64));
    }
    heap.collect_minor();
    assert_eq!(visited(), 0, "the cards are clean again");
    heap.verify().unwrap();
}

#[test]
fn an_array_written_everywhere_is_visited_once() {
    const LEN: usize = 100_000;
    let mut heap = heap::<0>(Generational::default(), false, LEN);
    for _ in 0..3 {
        heap.mutate(|mc, array| {
            for index in 0..LEN {
                store!(mc, array => [index].pointer, Some(Gc::new(mc, index as u64)));
            }
        });
        heap.collect_minor();
        let visited = visited();
        // The cards that were dirty before the array became so as a whole are visited again: a quarter.
        assert!((LEN + 1..=LEN + LEN / 3).contains(&visited), "{visited}");
        heap.mutate(|_, array| {
            for index in 0..LEN {
                assert_eq!(*array[index].pointer.get().unwrap(), index as u64);
            }
        });
    }
}

/// A write to a card that is dirty already is no reason to look at more than that card.
#[test]
fn an_array_that_is_filled_in_order_is_visited_where_it_was_filled() {
    const FILLED: usize = 50_000;
    let mut heap = heap::<0>(Generational::default(), false, 1_000_000);
    heap.mutate(|mc, array| {
        for index in 0..FILLED {
            store!(mc, array => [index].pointer, Some(Gc::new(mc, index as u64)));
        }
    });
    heap.collect_minor();
    let visited = visited();
    assert!((FILLED..=FILLED + 16).contains(&visited), "{visited} elements for {FILLED} writes");
}

#[test]
fn a_writable_view_of_the_whole_slice_remembers_the_whole_slice() {
    const LEN: usize = 50_000;
    let mut heap = heap::<0>(Generational::default(), true, LEN);
    heap.mutate(|mc, array| {
        let view = Gc::write(mc, *array);
        for index in [0, 1, LEN / 2, LEN - 1] {
            view[index].project(|e| &e.pointer).unlock().set(Some(Gc::new(mc, index as u64)));
        }
    });
    heap.collect_minor();
    assert_eq!(visited(), LEN + LEN, "once by the collection, once by the verifier");
    heap.mutate(|_, array| {
        for index in [0, 1, LEN / 2, LEN - 1] {
            assert_eq!(*array[index].pointer.get().unwrap(), index as u64);
        }
    });
}

#[test]
fn a_writable_view_of_a_part_remembers_that_part() {
    const LEN: usize = 100_000;
    let mut heap = heap::<0>(Generational::default(), true, LEN);
    heap.mutate(|mc, array| {
        let part = Gc::project(*array, mc, |array| &array[1_000..1_100]);
        for index in 0..100 {
            part[index].project(|e| &e.last).unlock().set(Some(Gc::new(mc, index as u64)));
        }
    });
    heap.collect_minor();
    let visited = visited() - LEN;
    assert!((100..=132).contains(&visited), "{visited} beyond what the verifier looks at");
    heap.mutate(|_, array| {
        assert!((0..100).all(|index| *array[1_000 + index].last.get().unwrap() == index as u64));
    });
}

/// Random writes with every element size that lies oddly on cards, verified after every pause.
fn scattered<const PADDING: usize>(collector: Generational) {
    const LEN: usize = 20_000;
    let mut heap = heap::<PADDING>(collector, true, LEN);
    let mut model = vec![None; LEN];
    let mut random = 1u64;
    for round in 0..40 {
        heap.mutate(|mc, array| {
            for _ in 0..[1, 3, 40, 700][round % 4] {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let index = (random >> 33) as usize % LEN;
                model[index] = (random >> 20 & 7 != 0).then_some(random);
                let value = model[index].map(|value| Gc::new(mc, value));
                // At one end of the element, and only there: the other may lie on a card that stays clean.
                let (written, other) = match random & 1 {
                    0 => (&array[index].pointer, &array[index].last),
                    _ => (&array[index].last, &array[index].pointer),
                };
                Gc::project(*array, mc, |_| written).unlock().set(value);
                if other.get().is_some() {
                    Gc::project(*array, mc, |_| other).unlock().set(None);
                }
            }
        });
        if round % 10 == 9 {
            heap.collect()
        } else {
            heap.collect_minor()
        }
        heap.mutate(|_, array| {
            for (element, &value) in array.iter().zip(&model) {
                assert_eq!(element.pointer.get().or(element.last.get()).map(|gc| *gc), value);
                assert_eq!(element.middle, [7; PADDING]);
            }
        });
    }
}

#[test]
fn elements_of_any_size() {
    scattered::<0>(Generational::default());
    scattered::<2>(Generational::default());
    scattered::<31>(Generational::default());
    scattered::<32>(Generational::default());
    scattered::<100>(Generational::default());
}

#[test]
fn cards_and_promotion_in_place() {
    scattered::<2>(Generational::default().with_in_place_factor(0));
}

#[test]
fn cards_and_a_parked_nursery() {
    const LEN: usize = 40_000;
    let collector = Generational::default().with_nursery_bytes(64 << 10).with_full_min_bytes(2 << 20);
    let mut heap = heap::<0>(collector, false, LEN);
    // Everything survives, so the nursery is parked, and taken out again by the full collections in between.
    for round in 0..20u64 {
        for index in 0..LEN {
            heap.mutate(|mc, array| {
                store!(mc, array => [index].pointer, Some(Gc::new(mc, round * LEN as u64 + index as u64)));
            });
        }
        heap.verify().unwrap();
        heap.mutate(|_, array| {
            for index in 0..LEN {
                assert_eq!(*array[index].pointer.get().unwrap(), round * LEN as u64 + index as u64);
            }
        });
    }
    assert!(heap.statistics().full_collections > 1);
}

#[test]
fn arrays_come_and_go_where_small_objects_were() {
    type Root = Rootable![Lock<Option<Gc<'_, [Lock<Option<Gc<'_, u64>>>]>>>];
    let options = HeapOptions::default().with_verify(true);
    let collector = Generational::default().with_nursery_bytes(64 << 10);
    let mut heap = Heap::<Root>::with_options(options, collector, |_| Lock::new(None)).unwrap();
    for round in 0..30u64 {
        // Small survivors stamp the lines of blocks that the next array gets: first with the stamp that there is before
        // any full collection, then with others.
        for _ in 0..40 {
            heap.mutate_root(|mc, root| {
                let small = Gc::new_slice_with(mc, 1_500, |i| Lock::new(Some(Gc::new(mc, i as u64))));
                let last = root.get();
                *root.get_mut() = Some(Gc::new_slice_with(mc, 1_500, |i| match last {
                    Some(last) if i < 1_499 => Lock::new(last[i].get()),
                    _ => Lock::new(small[i].get()),
                }));
            });
            heap.collect_minor();
        }
        heap.mutate_root(|_, root| *root.get_mut() = None);
        heap.collect();
        heap.mutate_root(|mc, root| {
            *root.get_mut() = Some(Gc::new_slice_with(mc, 30_000, |i| {
                Lock::new((i % 1_000 == 0).then(|| Gc::new(mc, i as u64 + round)))
            }));
        });
        heap.collect_minor();
        heap.mutate(|mc, root| {
            let array = root.get().unwrap();
            store!(mc, array[17], Some(Gc::new(mc, 17)));
            store!(mc, array[29_999], Some(Gc::new(mc, round)));
        });
        heap.collect_minor();
        heap.mutate(|_, root| {
            let array = root.get().unwrap();
            assert_eq!(array[17].get().map(|gc| *gc), Some(17));
            assert_eq!(array[29_999].get().map(|gc| *gc), Some(round));
            assert!((0..30).all(|k| array[k * 1_000].get().map(|gc| *gc) == Some(k as u64 * 1_000 + round)));
        });
    }
}

#[test]
fn an_array_of_numbers_reports_no_write() {
    let mut heap = Heap::<Rootable![Gc<'_, [Lock<f64>]>]>::new(Generational::default(), |mc| {
        Gc::new_slice_with(mc, 100_000, |_| Lock::new(0.0))
    })
    .unwrap();
    heap.collect_minor();
    heap.mutate(|mc, array| {
        for index in 0..100_000 {
            store!(mc, array[index], index as f64);
        }
    });
    heap.collect_minor();
    heap.verify().unwrap();
    heap.mutate(|_, array| assert_eq!(array[99_999].get(), 99_999.0));
}
