//! Whether a trace says what the heap was: what random programs leave behind is compared with the end of their traces.

use std::collections::HashMap;
use std::io::{Seek, Write};

use heap_core::{FinalizerQueue, Gc, Handle, Heap, Lock, RefLock, Root, Rootable, Trace as Traced, field, store};

use super::trace::Model;
use super::{Recorder, Trace};

/// A recorded program: runs `program` and gives what it leaves, and the trace.
fn recorded<R, T>(
    root: impl for<'gc> FnOnce(&'gc heap_core::Mutator<'gc>) -> Root<'gc, R>,
    program: impl FnOnce(&mut Heap<R>) -> T,
) -> (T, Trace)
where
    R: ?Sized + for<'gc> Rootable<'gc>,
{
    let mut file = tempfile::tempfile().unwrap();
    let recorder = Recorder::new(file.try_clone().unwrap(), u64::MAX);
    let report = recorder.report();
    let mut heap = Heap::<R>::new(recorder, root).unwrap();
    let left = program(&mut heap);
    heap.verify().unwrap();
    drop(heap);
    report.outcome().unwrap();
    file.flush().unwrap();
    file.rewind().unwrap();
    (left, Trace::read(&mut file, u64::MAX).unwrap())
}

#[derive(Traced)]
struct Slot<'gc>(Lock<Option<Slice<'gc>>>);

type Slice<'gc> = Gc<'gc, [Slot<'gc>]>;

/// On both sides of what is looked at by ranges, and of what has cards.
const LENGTHS: [usize; 5] = [1, 5, 17, 100, 3_000];

/// Objects in the order in which a search from the first of them finds them: how long each is, and where its slots
/// lead.
type Shape = Vec<(usize, Vec<(usize, usize)>)>;

/// Searches from an object, given the length of each and its slots that hold something.
fn shape<K: Copy + Eq + std::hash::Hash>(first: K, look: impl Fn(K) -> (usize, Vec<(usize, K)>)) -> Shape {
    let (mut order, mut found) = (HashMap::from([(first, 0)]), vec![first]);
    let mut shape = Shape::new();
    while shape.len() < found.len() {
        let (len, slots) = look(found[shape.len()]);
        let numbered = slots.into_iter().map(|(slot, target)| {
            let number = *order.entry(target).or_insert_with(|| {
                found.push(target);
                found.len() - 1
            });
            (slot, number)
        });
        let numbered = numbered.collect();
        shape.push((len, numbered));
    }
    shape
}

fn shape_of_heap(root: Slice<'_>) -> Shape {
    let address = |slice: Slice<'_>| std::ptr::from_ref::<[Slot<'_>]>(&slice).addr();
    let objects = std::cell::RefCell::new(HashMap::from([(address(root), root)]));
    shape(address(root), |at| {
        let slice = objects.borrow()[&at];
        let held = slice.iter().enumerate().filter_map(|(slot, held)| Some((slot, held.0.get()?)));
        let slots = held.map(|(slot, target)| {
            objects.borrow_mut().insert(address(target), target);
            (slot, address(target))
        });
        (slice.len(), slots.collect())
    })
}

fn shape_of_model(model: &Model, root: u32) -> Shape {
    shape(root, |number| {
        let object = model.objects[number as usize].as_ref().expect("what is named is there");
        (object.words, object.slots())
    })
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

type Slices = Rootable![Slice<'_>];

fn one_mutate(heap: &mut Heap<Slices>, random: &mut Random, handles: &mut Vec<Handle<Slices>>) {
    let old = (!handles.is_empty()).then(|| random.below(handles.len()));
    let (old, taken) = match random.below(6) {
        0 | 1 => (None, old.map(|old| handles.swap_remove(old))),
        _ => (old.map(|old| handles[old].clone()), None),
    };
    let stashed = heap.mutate(|mc, root| {
        let mut stashed = None;
        for _ in 0..random.below(6) {
            let target = root[random.below(root.len())].0.get();
            let fetched = old.as_ref().map(|old| mc.fetch(old));
            let at = root[random.below(root.len())].0.get().or(fetched).unwrap_or(*root);
            match random.below(9) {
                0 | 1 => {
                    let len = LENGTHS[random.below(LENGTHS.len())];
                    let every = if len > 100 { 500 } else { 3 };
                    let held = |slot| target.filter(|_| slot % every == 0);
                    let new = Gc::new_slice_with(mc, len, |slot| Slot(Lock::new(held(slot))));
                    let place = random.below(root.len());
                    store!(mc, root => [place].0, Some(new));
                }
                2 => {
                    let place = random.below(root.len());
                    store!(mc, root => [place].0, None);
                }
                3 => {
                    let place = random.below(at.len());
                    store!(mc, at => [place].0, target);
                }
                4 => {
                    for _ in 0..200 {
                        let place = random.below(at.len());
                        store!(mc, at => [place].0, if random.below(2) == 0 { None } else { Some(at) });
                    }
                }
                5 => {
                    let all = Gc::write(mc, at);
                    for _ in 0..3 {
                        all[random.below(at.len())].project(|slot| &slot.0).unlock().set(target);
                    }
                }
                6 => drop(Gc::new_slice_with(mc, 4, |_| Slot(Lock::new(Some(at))))),
                7 => stashed = Some(mc.stash(at)),
                // Nobody has it when this ends.
                _ => drop(mc.stash(at)),
            }
        }
        stashed
    });
    drop(taken);
    handles.extend(stashed);
}

#[test]
fn what_a_trace_ends_with_is_what_the_heap_was() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let (mut handles, len) = (Vec::new(), if seed % 2 == 0 { 12 } else { 64 });
        let (mut left, trace) = recorded::<Slices, _>(
            |mc| Gc::new_slice_with(mc, len, |_| Slot(Lock::new(None))),
            |heap| {
                for _ in 0..150 {
                    one_mutate(heap, &mut random, &mut handles);
                    match random.below(40) {
                        0 => heap.collect(),
                        1 => heap.collect_minor(),
                        2 => assert!(heap.step(1), "a recorded heap collects at once"),
                        _ => {}
                    }
                }
                // What was dropped since is noted when something happens.
                heap.collect();
                let mut left = vec![heap.mutate(|_, root| shape_of_heap(*root))];
                left.extend(handles.iter().map(|handle| heap.mutate(|mc, _| shape_of_heap(mc.fetch(handle)))));
                left
            },
        );
        let model = trace.last();
        let holder = model.objects[model.roots()[0].1 as usize].as_ref().unwrap();
        let mut roots: Vec<u32> = model.roots()[1..].iter().map(|(_, to)| *to).collect();
        roots.push(holder.slots()[0].1);
        let mut told: Vec<Shape> = roots.into_iter().map(|root| shape_of_model(model, root)).collect();
        told.sort();
        left.sort();
        assert!(told == left, "seed {seed}: the trace ends with another heap");
        // All that is dead was said to be.
        let reachable = model.reachable();
        let forgotten = model.objects.iter().zip(&reachable).filter(|(object, reached)| object.is_some() && !**reached);
        assert_eq!(forgotten.count(), 0, "seed {seed}");
    }
}

#[test]
fn what_waits_for_its_finalizer_is_a_root_and_keeps_its_number() {
    #[derive(Traced)]
    struct State<'gc> {
        queue: FinalizerQueue<'gc, u64>,
    }
    type States = Rootable![Gc<'_, State<'_>>];
    let (waiting, trace) = recorded::<States, _>(
        |mc| Gc::new(mc, State { queue: FinalizerQueue::new(mc) }),
        |heap| {
            let handles: Vec<_> = (0..5)
                .map(|number| {
                    heap.mutate(|mc, state| {
                        let object = Gc::new(mc, number);
                        state.queue.register(mc, object);
                        mc.stash_as::<Rootable![Gc<'_, u64>]>(object)
                    })
                })
                .collect();
            drop(handles);
            heap.collect();
            // Two are taken out, and dead then.
            heap.mutate(|mc, state| assert!(state.queue.next(mc).is_some() && state.queue.next(mc).is_some()));
            heap.collect();
            heap.mutate(|mc, state| state.queue.len(mc))
        },
    );
    let model = trace.last();
    assert_eq!((waiting, model.roots().len()), (3, 1 + 3));
    // The state and what holds it are the others; none was made anew.
    assert_eq!((model.objects.iter().flatten().count(), trace.totals().objects), (2 + 3, 2 + 5));
}

#[test]
fn vectors_in_a_large_slice_are_looked_at() {
    #[derive(Traced)]
    struct Bag<'gc>(RefLock<Vec<Gc<'gc, u64>>>);
    type Bags = Rootable![Gc<'_, [Bag<'_>]>];
    for len in [1, 20, 2_000] {
        let ((), trace) = recorded::<Bags, _>(
            |mc| Gc::new_slice_with(mc, len, |_| Bag(RefLock::new(Vec::new()))),
            |heap| {
                for number in 0..10 {
                    heap.mutate(|mc, bags| {
                        let object = Gc::new(mc, number);
                        field!(mc, bags => [number as usize % len].0).borrow_mut().push(object);
                    });
                }
            },
        );
        let outside: usize = trace.last().objects.iter().flatten().map(|object| object.outside().len()).sum();
        assert_eq!(outside, 10, "in a slice of {len}");
    }
}
