//! Identity hashes: what stays the same when everything moves.

use std::collections::{HashMap, HashSet};

use super::super::tools::Numbers;
use super::Kit;
use crate::{Gc, Heap, HeapOptions, Lock, Rootable, Trace, Weak, store};

/// Anything, with its number.
#[derive(Trace)]
enum Any<'gc> {
    Nothing(Gc<'gc, ()>),
    Number(Gc<'gc, u64>),
    Text(Gc<'gc, str>),
    Bytes(Gc<'gc, [u8]>),
    Pairs(Gc<'gc, [(u64, u64)]>),
    Aligned(Gc<'gc, Aligned<'gc>>),
    Wide(Gc<'gc, Wide>),
    Medium(Gc<'gc, [u64; 2045]>),
    MediumMost(Gc<'gc, [u64; 2046]>),
    Large(Gc<'gc, [u64; 2047]>),
    Larger(Gc<'gc, [u64; 2048]>),
    Owner(Gc<'gc, String>),
    Cell(Gc<'gc, Lock<Option<Weak<'gc, u64>>>>),
}

#[derive(Trace)]
#[repr(align(64))]
struct Aligned<'gc>(u8, Lock<Option<Gc<'gc, u64>>>);

#[derive(Trace)]
#[repr(align(2048))]
struct Wide(u8);

const KINDS: usize = 13;
const PLACES: usize = 60;

type Places<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, (u64, Any<'gc>)>>>]>;
type Root = Rootable![Places<'_>];

fn any<'gc>(mc: &crate::Mutator<'gc>, kind: usize, number: u64, len: usize) -> Any<'gc> {
    let fill = number as u8;
    match kind {
        0 => Any::Nothing(Gc::new(mc, ())),
        1 => Any::Number(Gc::new(mc, number)),
        2 => Any::Text(Gc::new_str(mc, &number.to_string())),
        3 => Any::Bytes(Gc::new_slice_with(mc, len, |_| fill)),
        4 => Any::Pairs(Gc::new_slice_with(mc, len / 16, |_| (number, number))),
        5 => Any::Aligned(Gc::new(mc, Aligned(fill, Lock::new(Some(Gc::new(mc, number)))))),
        6 => Any::Wide(Gc::new(mc, Wide(fill))),
        7 => Any::Medium(Gc::new(mc, [number; 2045])),
        8 => Any::MediumMost(Gc::new(mc, [number; 2046])),
        9 => Any::Large(Gc::new(mc, [number; 2047])),
        10 => Any::Larger(Gc::new(mc, [number; 2048])),
        11 => Any::Owner(Gc::new(mc, number.to_string())),
        _ => Any::Cell(Gc::new(mc, Lock::new(Some(Gc::downgrade(Gc::new(mc, number), mc))))),
    }
}

impl<'gc> Any<'gc> {
    fn erase(&self) -> Gc<'gc, ()> {
        match *self {
            Any::Nothing(gc) => gc,
            Any::Number(gc) => Gc::erase(gc),
            Any::Text(gc) => Gc::erase(gc),
            Any::Bytes(gc) => Gc::erase(gc),
            Any::Pairs(gc) => Gc::erase(gc),
            Any::Aligned(gc) => Gc::erase(gc),
            Any::Wide(gc) => Gc::erase(gc),
            Any::Medium(gc) => Gc::erase(gc),
            Any::MediumMost(gc) => Gc::erase(gc),
            Any::Large(gc) => Gc::erase(gc),
            Any::Larger(gc) => Gc::erase(gc),
            Any::Owner(gc) => Gc::erase(gc),
            Any::Cell(gc) => Gc::erase(gc),
        }
    }

    fn is(&self, number: u64) -> bool {
        let all = |words: &[u64]| words.iter().all(|&word| word == number);
        match self {
            Any::Nothing(_) | Any::Cell(_) => true,
            Any::Number(gc) => **gc == number,
            Any::Text(gc) => **gc == *number.to_string(),
            Any::Bytes(gc) => gc.iter().all(|&byte| byte == number as u8),
            Any::Pairs(gc) => gc.iter().all(|&pair| pair == (number, number)),
            Any::Aligned(gc) => gc.0 == number as u8 && *gc.1.get().unwrap() == number,
            Any::Wide(gc) => gc.0 == number as u8,
            Any::Medium(gc) => all(&**gc),
            Any::MediumMost(gc) => all(&**gc),
            Any::Large(gc) => all(&**gc),
            Any::Larger(gc) => all(&**gc),
            Any::Owner(gc) => **gc == number.to_string(),
        }
    }
}

pub(in super::super) fn identity_hashes(kit: &Kit) {
    for seed in 0..if cfg!(miri) { 2 } else { 30 } {
        random_objects(kit, seed);
    }
    one_place(kit);
}

/// Objects of all sizes come, are asked, and go, across collections of every kind.
fn random_objects(kit: &Kit, seed: u64) {
    let mut dice = Numbers::new(seed);
    let options = Kit::options().with_verify(seed.is_multiple_of(3)).with_zeal(seed % 7 == 1);
    let mut heap =
        Heap::<Root>::with_options(options, kit.collector(), |mc| Gc::new_slice_with(mc, PLACES, |_| Lock::new(None)))
            .expect("a heap can be made");
    // What was asked, by the objects' numbers.
    let mut asked: HashMap<u64, u64> = HashMap::new();
    let mut next = 0;
    for round in 0..if cfg!(miri) { 6 } else { 60 } {
        heap.mutate(|mc, root| {
            for _ in 0..dice.below(if cfg!(miri) { 10 } else { 30 }) {
                let (at, kind) = (dice.below(PLACES), dice.below(KINDS));
                let lengths = [0, 7, 8, 100, 255, 256, 1_000, 3_000, 16_360, 16_368, 16_376, 20_000];
                // Under Miri, which takes a microsecond for each byte, only some are large.
                let few = cfg!(miri) && dice.below(20) != 0;
                let (kind, len) =
                    if few { (kind % 6, lengths[dice.below(6)]) } else { (kind, lengths[dice.below(12)]) };
                let made = any(mc, kind, next, len);
                if dice.below(3) == 0 {
                    asked.insert(next, Gc::identity_hash(made.erase(), mc));
                }
                store!(mc, root => [at], Some(Gc::new(mc, (next, made))));
                next += 1;
            }
            for (at, place) in root.iter().enumerate() {
                let Some(entry) = place.get() else { continue };
                let (number, any) = &*entry;
                assert!(any.is(*number), "seed {seed}, round {round}: object {number} has changed");
                if let Some(&hash) = asked.get(number) {
                    assert_eq!(Gc::identity_hash(any.erase(), mc), hash, "seed {seed}, round {round}: object {number}");
                } else if dice.below(10) == 0 {
                    asked.insert(*number, Gc::identity_hash(any.erase(), mc));
                }
                if dice.below(6) == 0 {
                    store!(mc, root => [at], None);
                }
            }
            let alive = root.iter().filter_map(|place| place.get()).filter_map(|entry| asked.get(&entry.0));
            let mut seen = HashSet::new();
            assert!(alive.into_iter().all(|hash| seen.insert(*hash)), "seed {seed}: two living objects have one hash");
        });
        match dice.below(4) {
            0 => heap.collect(),
            1 => heap.collect_minor(),
            2 => _ = heap.step(1 << dice.below(16)),
            _ => {}
        }
        if dice.below(8) == 0 {
            heap.verify().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
    }
    heap.verify().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}

/// Objects that are born one after the other, perhaps in the same place each, have different hashes, and take a word more if
/// they were asked and moved.
fn one_place(kit: &Kit) {
    const ALL: usize = if cfg!(miri) { 40 } else { 2_000 };
    let mut live_bytes = [0, 0];
    for asks in [false, true] {
        let mut heap = Heap::<Rootable![Slots<'_>]>::with_options(HeapOptions::default(), kit.collector(), |mc| {
            Gc::new_slice_with(mc, ALL, |_| Lock::new(None))
        })
        .expect("a heap can be made");
        let mut hashes = HashSet::new();
        for n in 0..ALL {
            heap.mutate(|mc, root| {
                let object = Gc::new(mc, n as u64);
                if asks {
                    assert!(hashes.insert(Gc::identity_hash(object, mc)), "object {n} has the hash of another");
                }
                store!(mc, root => [n], Some(object));
            });
            heap.collect_minor();
        }
        heap.collect();
        if asks {
            heap.mutate(|mc, root| {
                let known = |object| hashes.contains(&Gc::identity_hash(object, mc));
                assert!(root.iter().all(|place| place.get().is_some_and(known)));
            });
        }
        live_bytes[usize::from(asks)] = heap.statistics().live_bytes;
    }
    let (more, words) = (live_bytes[1] - live_bytes[0], 8 * ALL as u64);
    assert!(more == 0 || more == words, "{more} bytes for {ALL} hashes");
}

type Slots<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, u64>>>]>;
