//! Ephemerons and finalizers: what is reached after everything that the roots reach.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::super::model::Promise;
use super::super::tools::Numbers;
use super::{Counting, Kit, counting};
use crate::{Ephemeron, FinalizerQueue, Gc, Heap, HeapOptions, Lock, Mutator, Rootable, Trace, Weak, fault, store};

type Pair<'gc> = Ephemeron<'gc, Thing<'gc>, Thing<'gc>>;

/// Key, value, and what lies between.
#[derive(Trace)]
struct Thing<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Thing<'gc>>>>,
    pair: Lock<Option<Pair<'gc>>>,
}

/// A root with places for things and for pairs.
#[derive(Trace)]
struct Places<'gc> {
    things: Gc<'gc, [Lock<Option<Gc<'gc, Thing<'gc>>>>]>,
    pairs: Gc<'gc, [Lock<Option<Pair<'gc>>>]>,
    weak: Lock<Option<Weak<'gc, Thing<'gc>>>>,
    dead: FinalizerQueue<'gc, Thing<'gc>>,
}

/// The root's object, and its two slices: the root object itself is not counted by `expect`.
const PLACES: u64 = 3;

type Root = Rootable![Gc<'_, Places<'_>>];

fn places(kit: &Kit, options: HeapOptions, things: usize, pairs: usize) -> Heap<Root> {
    Heap::with_options(options, kit.collector(), |mc| {
        let things = Gc::new_slice_with(mc, things, |_| Lock::new(None));
        let pairs = Gc::new_slice_with(mc, pairs, |_| Lock::new(None));
        Gc::new(mc, Places { things, pairs, weak: Lock::new(None), dead: FinalizerQueue::new(mc) })
    })
    .expect("a heap can be made")
}

fn thing<'gc>(mc: &Mutator<'gc>, number: u64, next: Option<Gc<'gc, Thing<'gc>>>) -> Gc<'gc, Thing<'gc>> {
    Gc::new(mc, Thing { number, next: Lock::new(next), pair: Lock::new(None) })
}

fn pair<'gc>(mc: &Mutator<'gc>, key: Gc<'gc, Thing<'gc>>, value: Gc<'gc, Thing<'gc>>) -> Pair<'gc> {
    Ephemeron::try_new(mc, key, value).expect("there is memory")
}

/// The numbers of the pair in the given place, while its key lives.
fn numbers(heap: &mut Heap<Root>, place: usize) -> Option<(u64, u64)> {
    heap.mutate(|mc, root| {
        let pair = root.pairs[place].get()?;
        let Some((key, value)) = pair.get(mc) else {
            assert!(pair.is_dropped() && pair.key(mc).is_none() && pair.value(mc).is_none());
            return None;
        };
        assert!(!pair.is_dropped() && pair.is_key(key) && pair.is_key(value) == Gc::ptr_eq(key, value));
        assert!(Gc::ptr_eq(key, pair.key(mc)?) && Gc::ptr_eq(value, pair.value(mc)?));
        Some((key.number, value.number))
    })
}

/// How a key may come to die: what it was through before.
const AGES: usize = 4;

fn age(heap: &mut Heap<Root>, age: usize) {
    match age {
        0 => {}
        1 => heap.collect_minor(),
        2 => heap.collect(),
        _ => {
            heap.collect_minor();
            heap.step(64);
            heap.collect();
        }
    }
}

/// A value lives as long as its key and the ephemeron, and no longer, whatever it points to.
pub(in super::super) fn ephemerons(kit: &Kit) {
    for before in 0..AGES {
        for after in 0..AGES {
            key_dies(kit, before, after);
            value_points_at_key(kit, before, after);
            value_points_at_its_pair(kit, before, after);
            pair_dies(kit, before, after);
            young_pair_of_an_old_key(kit, before, after);
        }
    }
    pairs_of_one_key(kit);
}

fn key_dies(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 1, 1);
    heap.mutate(|mc, root| {
        let key = thing(mc, 1, None);
        store!(mc, root.things[0], Some(key));
        store!(mc, root.pairs[0], Some(pair(mc, key, thing(mc, 2, Some(thing(mc, 3, None))))));
    });
    age(&mut heap, before);
    assert_eq!(numbers(&mut heap, 0), Some((1, 2)));
    kit.expect_verified(&mut heap, PLACES + 4, 0);
    heap.mutate(|mc, root| {
        let (_, value) = root.pairs[0].get().unwrap().get(mc).unwrap();
        assert_eq!(value.next.get().unwrap().number, 3);
        store!(mc, root.things[0], None);
    });
    age(&mut heap, after);
    kit.expect_verified(&mut heap, PLACES + 1, 0);
    assert_eq!(numbers(&mut heap, 0).is_some(), kit.promise(&mut heap) == Promise::KeepsAll);
    heap.mutate(|mc, root| store!(mc, root.pairs[0], None));
    kit.expect_verified(&mut heap, PLACES, 0);
}

fn value_points_at_key(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 1, 1);
    heap.mutate(|mc, root| {
        let key = thing(mc, 1, None);
        store!(mc, root.things[0], Some(key));
        store!(mc, root.pairs[0], Some(pair(mc, key, thing(mc, 2, Some(key)))));
    });
    age(&mut heap, before);
    kit.expect_verified(&mut heap, PLACES + 3, 0);
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    age(&mut heap, after);
    heap.collect();
    let left = numbers(&mut heap, 0);
    match kit.promise(&mut heap) {
        // The value's reference to the key is the last.
        Promise::KeepsCycles | Promise::KeepsAll => assert_eq!(left, Some((1, 2))),
        Promise::Exact => {
            assert_eq!(left, None);
            kit.expect_verified(&mut heap, PLACES + 1, 0);
        }
    }
}

fn value_points_at_its_pair(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 1, 1);
    heap.mutate(|mc, root| {
        let key = thing(mc, 1, None);
        store!(mc, root.things[0], Some(key));
        let value = thing(mc, 2, None);
        let pair = pair(mc, key, value);
        store!(mc, value.pair, Some(pair));
        store!(mc, root.pairs[0], Some(pair));
    });
    age(&mut heap, before);
    kit.expect_verified(&mut heap, PLACES + 3, 0);
    heap.mutate(|mc, root| store!(mc, root.pairs[0], None));
    age(&mut heap, after);
    // The key lives on; pair and value held each other.
    kit.expect_verified(&mut heap, PLACES + 1, 2);
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    kit.expect_verified(&mut heap, PLACES, 0);
}

fn pair_dies(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 2, 2);
    heap.mutate(|mc, root| {
        let (key, value) = (thing(mc, 1, None), thing(mc, 2, None));
        store!(mc, root.things[0], Some(key));
        store!(mc, root.pairs[0], Some(pair(mc, key, value)));
        store!(mc, root.pairs[1], Some(pair(mc, value, thing(mc, 3, None))));
    });
    age(&mut heap, before);
    kit.expect_verified(&mut heap, PLACES + 5, 0);
    heap.mutate(|mc, root| store!(mc, root.pairs[0], None));
    age(&mut heap, after);
    // With the first pair goes its value, which is the key of the second.
    kit.expect_verified(&mut heap, PLACES + 2, 0);
    assert_eq!(numbers(&mut heap, 1).is_some(), kit.promise(&mut heap) == Promise::KeepsAll);
}

/// Key, value and pair of different ages, the older ones from before a collection.
fn young_pair_of_an_old_key(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 2, 1);
    heap.mutate(|mc, root| store!(mc, root.things[0], Some(thing(mc, 1, None))));
    age(&mut heap, before);
    heap.mutate(|mc, root| {
        let key = root.things[0].get().unwrap();
        store!(mc, root.pairs[0], Some(pair(mc, key, thing(mc, 2, None))));
        // Never in any place: it dies young, its key lives.
        pair(mc, key, thing(mc, 3, None));
    });
    age(&mut heap, after);
    assert_eq!(numbers(&mut heap, 0), Some((1, 2)));
    kit.expect_verified(&mut heap, PLACES + 3, 0);
    // A key that gets its last reference and loses it in one epoch, with a pair that lives.
    heap.mutate(|mc, root| {
        store!(mc, root.things[1], Some(thing(mc, 4, None)));
        store!(mc, root.pairs[0], Some(pair(mc, root.things[1].get().unwrap(), thing(mc, 5, None))));
        store!(mc, root.things[1], None);
    });
    age(&mut heap, after);
    kit.expect_verified(&mut heap, PLACES + 2, 0);
}

fn pairs_of_one_key(kit: &Kit) {
    const PAIRS: usize = 500;
    let mut heap = places(kit, Kit::options(), 1, PAIRS);
    heap.mutate(|mc, root| {
        let key = thing(mc, 0, None);
        store!(mc, root.things[0], Some(key));
        for n in 0..PAIRS {
            store!(mc, root.pairs[n], Some(pair(mc, key, thing(mc, n as u64, None))));
        }
    });
    kit.expect_verified(&mut heap, PLACES + 1 + 2 * PAIRS as u64, 0);
    // Every third goes: from the middle of whatever a collector keeps for the key.
    heap.mutate(|mc, root| {
        for n in (0..PAIRS).step_by(3) {
            store!(mc, root.pairs[n], None);
        }
    });
    let left = (0..PAIRS).filter(|n| n % 3 != 0).count() as u64;
    kit.expect_verified(&mut heap, PLACES + 1 + 2 * left, 0);
    for n in [1, 2, 4, 499] {
        assert_eq!(numbers(&mut heap, n), (n % 3 != 0).then_some((0, n as u64)));
    }
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    kit.expect_verified(&mut heap, PLACES + left, 0);
}

/// A hundred thousand ephemerons, the value of each the key of another, with and without an object between, in several
/// orders: linear, or this takes hours.
pub(in super::super) fn chained_ephemerons(kit: &Kit) {
    const PAIRS: usize = 100_000;
    for between in [false, true] {
        for order in 0..3 {
            let mut heap = places(kit, HeapOptions::default(), 1, PAIRS);
            let links = PAIRS as u64 * if between { 2 } else { 1 };
            heap.mutate(|mc, root| {
                let mut key = thing(mc, 0, None);
                store!(mc, root.things[0], Some(key));
                for n in 0..PAIRS {
                    let next = thing(mc, n as u64 + 1, None);
                    let value = if between { thing(mc, 0, Some(next)) } else { next };
                    let place = match order {
                        0 => n,
                        1 => PAIRS - 1 - n,
                        // Odd, and prime to the number of places.
                        _ => n * 7_919 % PAIRS,
                    };
                    store!(mc, root.pairs[place], Some(pair(mc, key, value)));
                    key = next;
                }
            });
            if order == 1 {
                heap.collect_minor();
            }
            kit.expect(&mut heap, PLACES + 1 + links + PAIRS as u64, 0);
            heap.mutate(|mc, root| {
                let alive = root.pairs.iter().filter(|place| place.get().unwrap().get(mc).is_some());
                assert_eq!(alive.count(), PAIRS);
                store!(mc, root.things[0], None);
            });
            kit.expect(&mut heap, PLACES + PAIRS as u64, 0);
            if kit.promise(&mut heap) != Promise::KeepsAll {
                heap.mutate(|mc, root| assert!(root.pairs.iter().all(|place| place.get().unwrap().get(mc).is_none())));
            }
        }
    }
}

/// Where random ephemerons and their keys and values are.
const SOME: usize = 12;

/// Random ephemerons between random objects, compared with a fixpoint over numbers.
pub(in super::super) fn random_ephemerons(kit: &Kit) {
    for seed in 0..60 {
        random_program(kit, seed);
    }
}

/// The model's object: its successor, and the number of its pair.
#[derive(Clone, Copy, Default)]
struct Shadow {
    next: Option<usize>,
    pair: Option<usize>,
}

#[derive(Default)]
struct Shadows {
    things: Vec<Shadow>,
    /// Key and value.
    pairs: Vec<(usize, usize)>,
    thing_places: [Option<usize>; SOME],
    pair_places: [Option<usize>; SOME],
}

impl Shadows {
    /// The numbers of the things and pairs that are reachable.
    fn alive(&self) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut things, mut pairs) = (BTreeSet::new(), BTreeSet::new());
        let mut pending: Vec<usize> = self.thing_places.iter().flatten().copied().collect();
        pairs.extend(self.pair_places.iter().flatten().copied());
        loop {
            while let Some(thing) = pending.pop() {
                if things.insert(thing) {
                    pending.extend(self.things[thing].next);
                    pairs.extend(self.things[thing].pair);
                }
            }
            let values = pairs.iter().map(|&pair| self.pairs[pair]);
            pending
                .extend(values.filter(|(key, value)| things.contains(key) && !things.contains(value)).map(|(_, v)| v));
            if pending.is_empty() {
                return (things, pairs);
            }
        }
    }
}

fn random_program(kit: &Kit, seed: u64) {
    let mut dice = Numbers::new(seed);
    let mut heap = places(kit, Kit::options().with_verify(seed.is_multiple_of(3)), SOME, SOME);
    let promise = kit.promise(&mut heap);
    let mut model = Shadows::default();
    for _ in 0..40 {
        for _ in 0..dice.below(12) {
            let (at, other, what) = (dice.below(SOME), dice.below(SOME), dice.below(9));
            heap.mutate(|mc, root| match what {
                0 | 1 => {
                    let number = model.things.len();
                    model.things.push(Shadow { next: model.thing_places[other], pair: None });
                    let fresh = thing(mc, number as u64, root.things[other].get());
                    store!(mc, root.things[at], Some(fresh));
                    model.thing_places[at] = Some(number);
                }
                2 => {
                    store!(mc, root.things[at], None);
                    model.thing_places[at] = None;
                }
                3 | 4 => {
                    let third = (at + other) % SOME;
                    if let (Some(key), Some(value)) = (root.things[at].get(), root.things[other].get()) {
                        let made = pair(mc, key, value);
                        model.pairs.push((key.number as usize, value.number as usize));
                        store!(mc, root.pairs[third], Some(made));
                        model.pair_places[third] = Some(model.pairs.len() - 1);
                    }
                }
                5 => {
                    store!(mc, root.pairs[at], None);
                    model.pair_places[at] = None;
                }
                6 => {
                    if let (Some(from), to) = (root.things[at].get(), root.things[other].get()) {
                        store!(mc, from.next, to);
                        model.things[from.number as usize].next = to.map(|to| to.number as usize);
                    }
                }
                7 => {
                    if let Some(from) = root.things[at].get() {
                        store!(mc, from.pair, root.pairs[other].get());
                        model.things[from.number as usize].pair = model.pair_places[other];
                    }
                }
                _ => {
                    // What a pair gives out is as good as any other object.
                    let Some((key, value)) = root.pairs[at].get().and_then(|pair| pair.get(mc)) else { return };
                    let given = if other % 2 == 0 { key } else { value };
                    store!(mc, root.things[other], Some(given));
                    model.thing_places[other] = Some(given.number as usize);
                }
            });
        }
        if dice.below(3) == 0 {
            let (things, _) = model.alive();
            let told = heap.mark().finalize(|fc, root| {
                for (place, number) in root.pairs.iter().zip(model.pair_places) {
                    let (Some(pair), Some(number)) = (place.get(), number) else { continue };
                    let alive = things.contains(&model.pairs[number].0);
                    assert_eq!(pair.is_dead(fc), !alive, "seed {seed}: pair {number}");
                }
            });
            told.expect("there is memory");
        }
        let full = match dice.below(4) {
            0 => {
                heap.collect();
                true
            }
            1 => {
                heap.collect_minor();
                false
            }
            _ => {
                heap.step(1 + dice.below(400));
                false
            }
        };
        let (things, pairs) = model.alive();
        heap.mutate(|mc, root| {
            for (place, number) in root.pairs.iter().zip(model.pair_places) {
                let (Some(pair), Some(number)) = (place.get(), number) else { continue };
                let (key, value) = model.pairs[number];
                let got = pair.get(mc).map(|(key, value)| (key.number as usize, value.number as usize));
                if things.contains(&key) || got.is_some() {
                    assert_eq!(got, Some((key, value)), "seed {seed}: pair {number}");
                }
                if full && promise == Promise::Exact {
                    assert_eq!(got.is_some(), things.contains(&key), "seed {seed}: pair {number} after a collection");
                }
            }
        });
        if full && promise == Promise::Exact {
            let alive = things.len() + pairs.len();
            assert_eq!(heap.statistics().live_objects, alive as u64 + PLACES + 1, "seed {seed}");
            let census = heap.verify().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(census.objects, alive as u64 + PLACES + 1, "seed {seed}: the verifier's census");
        }
    }
}

/// Takes everything out of the queue. With `keep`, the things stay in the places that their numbers name.
fn drain(heap: &mut Heap<Root>, keep: bool) -> Vec<u64> {
    heap.mutate(|mc, root| {
        let mut all = Vec::new();
        let waiting = root.dead.len(mc);
        while let Some(thing) = root.dead.next(mc) {
            all.push(thing.number);
            if keep {
                store!(mc, root.things[thing.number as usize], Some(thing));
            }
        }
        assert!(all.len() == waiting && root.dead.is_empty(mc));
        all.sort_unstable();
        all
    })
}

/// Collects and empties the queue until nothing is queued any more.
fn settle(heap: &mut Heap<Root>) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        heap.collect();
        let queued = drain(heap, false);
        if queued.is_empty() {
            all.sort_unstable();
            return all;
        }
        all.extend(queued);
    }
}

/// An object is brought back once, whole, with all that it leads to; the next time, it dies.
pub(in super::super) fn finalizers(kit: &Kit) {
    if kit.promise(&mut places(kit, Kit::options(), 1, 1)) == Promise::KeepsAll {
        return;
    }
    for before in 0..AGES {
        for after in 0..AGES {
            queued_once(kit, before, after);
            brought_back_for_good(kit, before, after);
            held_by_another(kit, before, after);
            keys_of_the_dead(kit, before, after);
            dead_keys(kit, before, after);
            no_zombie(kit, before, after);
        }
        in_a_cycle(kit, before);
        registered_again(kit, before);
    }
    several_queues(kit);
    many_finalizers(kit);
}

/// The dead are keys themselves, of values that lead back to them, or of themselves, or of others: the pairs hold until the
/// keys die for good.
fn dead_keys(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options().with_verify(true), 4, 3);
    heap.mutate(|mc, root| {
        for number in 1..4 {
            let key = thing(mc, number, None);
            let value = match number {
                1 => key,
                2 => thing(mc, 20, Some(key)),
                _ => thing(mc, 30, None),
            };
            store!(mc, root.pairs[number as usize - 1], Some(pair(mc, key, value)));
            assert!(root.dead.register(mc, key));
            store!(mc, root.things[number as usize], Some(key));
        }
    });
    age(&mut heap, before);
    heap.mutate(|mc, root| (1..4).for_each(|n| store!(mc, root.things[n], None)));
    age(&mut heap, after);
    heap.collect();
    let exact = kit.promise(&mut heap) == Promise::Exact;
    // With pure counting, a value that leads back to its key keeps it, if both were counted ever.
    let queued = drain(&mut heap, true);
    assert!(queued == [1, 2, 3] || !exact && queued == [3], "{queued:?}");
    for (place, held) in [(1, 1), (2, 20), (3, 30)] {
        assert_eq!(numbers(&mut heap, place as usize - 1), Some((place, held)), "ages {before} and {after}");
    }
    heap.mutate(|mc, root| (1..4).for_each(|n| store!(mc, root.things[n], None)));
    assert!(settle(&mut heap).is_empty(), "once for each registration");
    if exact {
        assert!((0..3).all(|place| numbers(&mut heap, place).is_none()));
        // What is left are the dead pairs, to which places lead.
        kit.expect_verified(&mut heap, PLACES + 3, 0);
    }
}

/// Once for each registration: anew when it was taken out, anew while it waits, and not twice at a time.
fn registered_again(kit: &Kit, before: usize) {
    let mut heap = places(kit, Kit::options(), 4, 1);
    heap.mutate(|mc, root| {
        let thing = finalizable(mc, root, 1, None);
        assert!(!root.dead.register(mc, thing), "it is registered");
        store!(mc, root.weak, Some(Gc::downgrade(thing, mc)));
        store!(mc, root.things[1], Some(thing));
    });
    for round in 0..4 {
        age(&mut heap, before);
        heap.mutate(|_, root| assert!(root.things[1].get().is_some(), "it lives"));
        heap.mutate(|mc, root| store!(mc, root.things[1], None));
        heap.collect();
        heap.mutate(|mc, root| {
            assert_eq!(root.dead.len(mc), 1);
            let waiting = root.weak.get().unwrap().upgrade(mc).expect("it waits");
            if round % 2 == 0 {
                assert!(root.dead.register(mc, waiting), "it is registered no more");
            }
        });
        age(&mut heap, before);
        heap.mutate(|mc, root| {
            assert_eq!(root.dead.len(mc), 1, "what waits is alive");
            let thing = root.dead.next(mc).unwrap();
            assert_eq!(root.dead.register(mc, thing), round % 2 != 0);
            store!(mc, root.things[1], Some(thing));
        });
        heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    }
    heap.mutate(|mc, root| store!(mc, root.things[1], None));
    assert_eq!(settle(&mut heap), [1]);
    kit.expect_verified(&mut heap, PLACES + 1, 0);
}

/// Each object comes out of the queue that it was registered with, of whatever type that is, in the order of their deaths.
fn several_queues(kit: &Kit) {
    #[derive(Trace)]
    struct Queues<'gc> {
        texts: FinalizerQueue<'gc, str>,
        slices: FinalizerQueue<'gc, [Lock<Option<Gc<'gc, str>>>]>,
        numbers: [FinalizerQueue<'gc, u64>; 2],
        counted: FinalizerQueue<'gc, Counting<'gc>>,
    }
    let drops = Rc::new(Cell::new(0));
    let mut heap = Heap::<Rootable![Gc<'_, Queues<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        let numbers = [FinalizerQueue::new(mc), FinalizerQueue::new(mc)];
        let (texts, slices) = (FinalizerQueue::new(mc), FinalizerQueue::new(mc));
        Gc::new(mc, Queues { texts, slices, numbers, counted: FinalizerQueue::new(mc) })
    })
    .expect("a heap can be made");
    for round in 0..20 {
        heap.mutate(|mc, root| {
            let text = Gc::new_str(mc, &format!("text {round}"));
            assert!(root.texts.register(mc, text));
            assert!(root.slices.register(mc, Gc::new_slice_with(mc, 4_000, |_| Lock::new(Some(text)))));
            assert!(root.numbers[round % 2].register(mc, Gc::new(mc, round as u64)));
            assert!(root.counted.register(mc, counting(mc, &drops, None)));
        });
        heap.collect_minor();
    }
    heap.collect();
    // What has drop glue is dropped when it dies for good.
    assert_eq!(drops.get(), 0);
    let mut all = [0; 4];
    // A panic while a queue is emptied loses what was taken out, and nothing else.
    let emptied = catch_unwind(AssertUnwindSafe(|| {
        heap.mutate(|mc, root| {
            assert_eq!(&*root.texts.next(mc).expect("it was queued"), "text 0");
            std::panic::resume_unwind(Box::new("a finalizer that panics"));
        })
    }));
    assert!(emptied.is_err());
    loop {
        let before = all;
        heap.mutate(|mc, root| {
            while let Some(text) = root.texts.next(mc) {
                assert!(text.starts_with("text "));
                all[0] += 1;
            }
            while let Some(slice) = root.slices.next(mc) {
                assert!(slice.len() == 4_000 && slice[3_999].get().unwrap().starts_with("text "));
                all[1] += 1;
            }
            for (which, queue) in root.numbers.iter().enumerate() {
                let mut last = None;
                while let Some(number) = queue.next(mc) {
                    assert!(*number as usize % 2 == which && last < Some(*number), "in the order of their deaths");
                    last = Some(*number);
                    all[2] += 1;
                }
            }
            while let Some(object) = root.counted.next(mc) {
                assert!(object.counted.0.0.get() < 20);
                all[3] += 1;
            }
        });
        if before == all {
            break;
        }
        heap.collect();
    }
    assert_eq!(all, [19, 20, 20, 20]);
    kit.expect_verified(&mut heap, 1, 0);
    assert_eq!(drops.get(), 20);
    // Whoever is registered when the heap is dropped is dropped, and not queued.
    heap.mutate(|mc, root| assert!(root.counted.register(mc, counting(mc, &drops, None))));
    drop(heap);
    assert_eq!(drops.get(), 21);
}

fn finalizable<'gc>(
    mc: &Mutator<'gc>,
    root: &Places<'gc>,
    number: u64,
    next: Option<Gc<'gc, Thing<'gc>>>,
) -> Gc<'gc, Thing<'gc>> {
    let thing = thing(mc, number, next);
    assert!(root.dead.register(mc, thing));
    thing
}

fn queued_once(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 3, 1);
    heap.mutate(|mc, root| {
        let thing = finalizable(mc, root, 1, Some(thing(mc, 2, None)));
        // Asked for twice, queued once.
        assert!(!root.dead.register(mc, thing));
        store!(mc, root.things[0], Some(thing));
        store!(mc, root.weak, Some(Gc::downgrade(thing, mc)));
    });
    age(&mut heap, before);
    assert_eq!(drain(&mut heap, false), [], "it lives");
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    age(&mut heap, after);
    // Queued, it is a root. Its weak cell was not cleared.
    kit.expect_verified(&mut heap, PLACES + 3, 0);
    kit.expect_verified(&mut heap, PLACES + 3, 0);
    heap.mutate(|mc, root| {
        let thing = root.dead.next(mc).expect("it was queued");
        assert_eq!((thing.number, thing.next.get().unwrap().number), (1, 2));
        assert!(Gc::ptr_eq(root.weak.get().unwrap().upgrade(mc).expect("it lives"), thing));
    });
    kit.expect_verified(&mut heap, PLACES + 1, 0);
    heap.mutate(|mc, root| assert!(root.weak.get().unwrap().upgrade(mc).is_none()));
    assert_eq!(settle(&mut heap), []);
}

fn brought_back_for_good(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 3, 1);
    heap.mutate(|mc, root| store!(mc, root.things[0], Some(finalizable(mc, root, 1, Some(thing(mc, 2, None))))));
    age(&mut heap, before);
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    age(&mut heap, after);
    heap.collect();
    assert_eq!(drain(&mut heap, true), [1]);
    age(&mut heap, before);
    kit.expect_verified(&mut heap, PLACES + 2, 0);
    heap.mutate(|mc, root| {
        assert_eq!(root.things[1].get().unwrap().next.get().unwrap().number, 2);
        store!(mc, root.things[1], None);
    });
    age(&mut heap, after);
    kit.expect_verified(&mut heap, PLACES, 0);
    assert_eq!(drain(&mut heap, false), [], "once in its life");
}

fn held_by_another(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 5, 1);
    heap.mutate(|mc, root| {
        let first = finalizable(mc, root, 1, None);
        let second = finalizable(mc, root, 2, Some(thing(mc, 0, Some(first))));
        store!(mc, root.things[0], Some(finalizable(mc, root, 3, Some(second))));
    });
    age(&mut heap, before);
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    age(&mut heap, after);
    assert_eq!([drain(&mut heap, false), settle(&mut heap)].concat().len(), 3);
    kit.expect_verified(&mut heap, PLACES, 0);
}

/// What lives by a key that only the dead know is brought back with it.
fn keys_of_the_dead(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 2, 2);
    heap.mutate(|mc, root| {
        let key = thing(mc, 1, None);
        let value = thing(mc, 2, None);
        store!(mc, root.things[0], Some(finalizable(mc, root, 0, Some(key))));
        store!(mc, root.pairs[0], Some(pair(mc, value, thing(mc, 3, None))));
        store!(mc, root.pairs[1], Some(pair(mc, key, value)));
    });
    age(&mut heap, before);
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    age(&mut heap, after);
    kit.expect_verified(&mut heap, PLACES + 6, 0);
    assert_eq!((numbers(&mut heap, 0), numbers(&mut heap, 1)), (Some((2, 3)), Some((1, 2))));
    assert_eq!(drain(&mut heap, false), [0]);
    kit.expect_verified(&mut heap, PLACES + 2, 0);
    assert_eq!((numbers(&mut heap, 0), numbers(&mut heap, 1)), (None, None));
}

/// The object that a counted reference holds is given to a new object with a finalizer, and the reference goes, all in one
/// `mutate`: whoever buries before it brings back frees what the finalizer will see.
fn no_zombie(kit: &Kit, before: usize, after: usize) {
    let mut heap = places(kit, Kit::options(), 2, 1);
    heap.mutate(|mc, root| store!(mc, root.things[0], Some(thing(mc, 7, Some(thing(mc, 8, None))))));
    age(&mut heap, before);
    heap.mutate(|mc, root| {
        finalizable(mc, root, 1, root.things[0].get());
        store!(mc, root.things[0], None);
    });
    age(&mut heap, after);
    heap.collect();
    // Recycled memory would be seen.
    heap.mutate(|mc, _| (0..1000).for_each(|n| _ = thing(mc, 1 << 40 | n, None)));
    heap.mutate(|mc, root| {
        let thing = root.dead.next(mc).expect("it was queued");
        let next = thing.next.get().unwrap();
        assert_eq!((thing.number, next.number, next.next.get().unwrap().number), (1, 7, 8));
    });
    kit.expect_verified(&mut heap, PLACES, 0);
}

fn in_a_cycle(kit: &Kit, before: usize) {
    let mut heap = places(kit, Kit::options(), 4, 1);
    heap.mutate(|mc, root| {
        let last = finalizable(mc, root, 1, None);
        let first = finalizable(mc, root, 2, Some(thing(mc, 0, Some(last))));
        store!(mc, last.next, Some(first));
        store!(mc, root.things[0], Some(first));
    });
    age(&mut heap, before);
    // Counted for certain: a counting collector without a cycle collection loses it.
    heap.collect();
    heap.mutate(|mc, root| store!(mc, root.things[0], None));
    let queued = settle(&mut heap);
    if kit.promise(&mut heap) == Promise::Exact {
        assert_eq!(queued, [1, 2]);
        kit.expect_verified(&mut heap, PLACES, 0);
    } else {
        assert_eq!(queued, []);
        kit.expect_verified(&mut heap, PLACES, 3);
    }
}

fn many_finalizers(kit: &Kit) {
    const ALL: u64 = 5_000;
    let mut heap = places(kit, Kit::options(), 4, 1);
    let mut queued = Vec::new();
    for round in 0..50 {
        heap.mutate(|mc, root| {
            for n in 0..ALL / 50 {
                let thing = finalizable(mc, root, round * (ALL / 50) + n, root.things[1].get());
                store!(mc, root.things[n as usize % 4], Some(thing));
            }
        });
        match round % 5 {
            0 => heap.collect(),
            1 | 3 => heap.collect_minor(),
            _ => {
                heap.step(500);
            }
        }
        if round % 3 == 0 {
            queued.extend(drain(&mut heap, false));
        }
    }
    heap.mutate(|mc, root| (0..4).for_each(|n| store!(mc, root.things[n], None)));
    queued.extend(settle(&mut heap));
    queued.sort_unstable();
    assert!(queued.into_iter().eq(0..ALL), "each once");
    kit.expect_verified(&mut heap, PLACES, 0);
}

/// The system refuses memory at every possible moment while the dead are dealt with. Nothing is lost, nothing is queued
/// twice, and what could not be registered is reported.
pub(in super::super) fn refused_while_dying(kit: &Kit) {
    if kit.promise(&mut places(kit, Kit::options(), 1, 1)) == Promise::KeepsAll {
        return;
    }
    /// Ends all refusals, also when a check fails.
    struct Refusals;
    impl Drop for Refusals {
        fn drop(&mut self) {
            fault::refuse_mark_stack_requests(0);
            fault::tight_mark_stacks(false);
            fault::refuse_lists_while(false);
        }
    }
    let _end = Refusals;
    fault::tight_mark_stacks(true);
    for minor in [false, true] {
        for moment in 0..40 {
            let mut heap = places(kit, Kit::options().with_verify(true), 60, 40);
            if !minor {
                heap.collect();
            }
            heap.mutate(|mc, root| {
                // Everything hangs on one key, and that on an object with a finalizer: all of it is reached after the roots.
                let mut key = thing(mc, 0, None);
                let last = finalizable(mc, root, 50, Some(key));
                store!(mc, root.things[0], Some(finalizable(mc, root, 51, Some(last))));
                for n in 0..40 {
                    let next = thing(mc, n as u64 + 1, None);
                    let mut value = next;
                    for _ in 0..n {
                        value = thing(mc, 100, Some(value));
                    }
                    store!(mc, root.pairs[n], Some(pair(mc, key, value)));
                    key = next;
                }
            });
            if !minor {
                heap.collect();
            }
            heap.mutate(|mc, root| store!(mc, root.things[0], None));
            for _ in 0..4 {
                fault::refuse_mark_stack_requests(1 << moment);
                if minor {
                    heap.collect_minor()
                } else {
                    heap.collect()
                }
                fault::refuse_mark_stack_requests(0);
                for n in 0..40 {
                    assert_eq!(numbers(&mut heap, n).map(|(key, _)| key), Some(n as u64), "moment {moment}");
                }
            }
            let mut queued = drain(&mut heap, true);
            queued.extend(settle(&mut heap));
            heap.mutate(|mc, root| (50..52).for_each(|n| store!(mc, root.things[n], None)));
            queued.extend(settle(&mut heap));
            assert_eq!(queued.len(), 2, "moment {moment}: {queued:?}");
            kit.expect_verified(&mut heap, PLACES + 40, 0);
        }
    }
    // Lists that cannot grow are reported before anything is made.
    let mut heap = places(kit, Kit::options().with_verify(true), 1, 1);
    fault::refuse_lists_while(true);
    let (mut pairs, mut finalizers, mut weaks) = (0, 0, 0);
    heap.mutate(|mc, root| {
        for _ in 0..10_000 {
            let object = thing(mc, 0, None);
            pairs += u64::from(Ephemeron::try_new(mc, object, object).is_ok());
            finalizers += u64::from(root.dead.try_register(mc, object).is_ok());
            weaks += u64::from(Gc::try_downgrade(object, mc).is_ok());
        }
    });
    fault::refuse_lists_while(false);
    assert!(pairs < 10_000 && finalizers < 10_000 && weaks < 10_000, "{pairs} {finalizers} {weaks}");
    assert_eq!(settle(&mut heap).len() as u64, finalizers);
    kit.expect_verified(&mut heap, PLACES, 0);
}
