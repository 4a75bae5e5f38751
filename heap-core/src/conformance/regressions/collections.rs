//! Collections in the heap, compared with std's, under collections of garbage at any moment.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::super::model::Promise;
use super::super::tools::{Numbers, caught};
use super::{Kit, Node};
use crate::collections::{ByIdentity, Changed, Interner, KeyRule, List, Map, Set, WeakMap, WeakSet, WeakValueMap};
use crate::{Gc, Heap, HeapOptions, Lock, Mutator, Rootable, Trace, store};

type NodeRef<'gc> = Gc<'gc, Node<'gc>>;

/// One of each kind: with elements that are traced, with numbers, with no bytes at all.
#[derive(Trace)]
struct Shelf<'gc> {
    nodes: Lock<List<'gc, NodeRef<'gc>>>,
    bytes: List<'gc, u8>,
    nothing: List<'gc, ()>,
    by_number: Map<'gc, u64, NodeRef<'gc>>,
    by_text: Map<'gc, Gc<'gc, str>, u64>,
    plain: Map<'gc, u64, u64>,
    seen: Set<'gc, (u64, bool)>,
    colliding: Map<'gc, u64, u64, Colliding>,
}

type Root = Rootable![Gc<'_, Shelf<'_>>];

/// All keys have one hash.
struct Colliding;

impl<'gc> KeyRule<'gc, u64> for Colliding {
    fn hash(_: &Mutator<'gc>, _: &u64) -> u64 {
        5
    }
    fn same(_: &Mutator<'gc>, key: &u64, asked: &u64) -> bool {
        key == asked
    }
}

fn shelf(kit: &Kit, options: HeapOptions) -> Heap<Root> {
    Heap::with_options(options, kit.collector(), |mc| {
        let shelf = Shelf {
            nodes: Lock::new(List::new(mc)),
            bytes: List::with_capacity(mc, 3),
            nothing: List::new(mc),
            by_number: Map::new(mc),
            by_text: Map::new(mc),
            plain: Map::new(mc),
            seen: Set::new(mc),
            colliding: Map::new(mc),
        };
        Gc::new(mc, shelf)
    })
    .expect("a heap can be made")
}

/// A map as std would have it, if it remembered the order of insertion.
#[derive(Default)]
struct Ordered<K, V>(Vec<(K, V)>);

impl<K: PartialEq, V> Ordered<K, V> {
    fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.0.iter_mut().find(|entry| entry.0 == key) {
            Some(entry) => Some(std::mem::replace(&mut entry.1, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }
    fn remove(&mut self, key: &K) -> Option<V> {
        let index = self.0.iter().position(|entry| entry.0 == *key)?;
        Some(self.0.remove(index).1)
    }
}

#[derive(Default)]
struct Model {
    nodes: Vec<u64>,
    bytes: Vec<u8>,
    nothing: usize,
    by_number: Ordered<u64, u64>,
    by_text: Ordered<String, u64>,
    plain: Ordered<u64, u64>,
    seen: Ordered<(u64, bool), ()>,
    colliding: Ordered<u64, u64>,
}

impl Model {
    fn compare<'gc>(&self, shelf: &Gc<'gc, Shelf<'gc>>) {
        assert!(shelf.nodes.get().iter().map(|node| node.value).eq(self.nodes.iter().copied()));
        assert!(shelf.bytes.iter().eq(self.bytes.iter().copied()));
        assert_eq!(shelf.nothing.iter().count(), self.nothing);
        assert!(shelf.by_number.iter().map(|(key, node)| (key, node.value)).eq(self.by_number.0.iter().copied()));
        assert!(shelf.by_text.iter().map(|(key, value)| (key.to_string(), value)).eq(self.by_text.0.iter().cloned()));
        assert!(shelf.plain.iter().eq(self.plain.0.iter().copied()));
        assert!(shelf.seen.iter().eq(self.seen.0.iter().map(|entry| entry.0)));
        assert!(shelf.colliding.iter().eq(self.colliding.0.iter().copied()));
    }

    /// One random operation on the heap and on the model, whose results must be equal.
    fn step<'gc>(&mut self, mc: &Mutator<'gc>, shelf: &Gc<'gc, Shelf<'gc>>, random: &mut Numbers) {
        let nodes = shelf.nodes.get();
        let number = random.below(1 << 20) as u64;
        let at = |random: &mut Numbers, len: usize| if len == 0 { None } else { Some(random.below(len)) };
        match random.below(25) {
            0..4 => {
                nodes.push(mc, Node::make(mc, number, None));
                self.nodes.push(number);
            }
            4 => {
                let index = random.below(self.nodes.len() + 1);
                nodes.insert(mc, index, Node::make(mc, number, None));
                self.nodes.insert(index, number);
            }
            5 => {
                if let Some(index) = at(random, self.nodes.len()) {
                    assert_eq!(nodes.remove(mc, index).value, self.nodes.remove(index));
                }
                assert_eq!(nodes.pop(mc).map(|node| node.value), self.nodes.pop());
            }
            6 => {
                if let Some(index) = at(random, self.nodes.len()) {
                    assert_eq!(nodes.swap_remove(mc, index).value, self.nodes.swap_remove(index));
                }
                if let Some(index) = at(random, self.nodes.len()) {
                    nodes.swap(mc, 0, index);
                    self.nodes.swap(0, index);
                    let old = nodes.set(mc, index, Node::make(mc, number, None));
                    assert_eq!(old.value, std::mem::replace(&mut self.nodes[index], number));
                }
            }
            7 => match random.below(12) {
                0 => {
                    nodes.retain(mc, |node| node.value % 3 != 0);
                    self.nodes.retain(|value| value % 3 != 0);
                }
                1 => {
                    nodes.sort_by(mc, |a, b| a.value.cmp(&b.value));
                    self.nodes.sort();
                }
                2 => {
                    nodes.truncate(mc, self.nodes.len() / 2);
                    self.nodes.truncate(self.nodes.len() / 2);
                    nodes.shrink_to_fit(mc);
                    assert_eq!(nodes.capacity(), self.nodes.len());
                }
                3 => {
                    nodes.clear(mc);
                    self.nodes.clear();
                }
                4 => {
                    store!(mc, shelf.nodes, List::from_slice(mc, &nodes.to_vec()));
                }
                _ => {
                    let more = nodes.to_vec();
                    nodes.extend_from_slice(mc, &more[..more.len().min(50)]);
                    self.nodes.extend_from_within(..more.len().min(50));
                }
            },
            8..10 => {
                shelf.bytes.extend(mc, (0..random.below(40) as u8).map(|byte| byte ^ number as u8));
                let new = shelf.bytes.len() - self.bytes.len();
                self.bytes.extend((0..new as u8).map(|byte| byte ^ number as u8));
                shelf.nothing.push(mc, ());
                self.nothing += 1;
            }
            10 => {
                let len = random.below(self.bytes.len() + 1);
                shelf.bytes.truncate(mc, len);
                self.bytes.truncate(len);
                assert_eq!(shelf.nothing.pop(mc).is_some(), self.nothing > 0);
                self.nothing = self.nothing.saturating_sub(1);
            }
            11..16 => {
                let key = number % 300;
                let old = shelf.by_number.insert(mc, key, Node::make(mc, number, None)).map(|node| node.value);
                assert_eq!(old, self.by_number.insert(key, number));
                let text = format!("key {}", key / 2);
                let old = shelf.by_text.insert(mc, Gc::new_str(mc, &text), number);
                assert_eq!(old, self.by_text.insert(text, number));
                assert_eq!(shelf.plain.insert(mc, key, number), self.plain.insert(key, number));
                let key = (number % 50, number.is_multiple_of(2));
                assert_eq!(shelf.seen.insert(mc, key), self.seen.insert(key, ()).is_none());
                assert_eq!(shelf.colliding.insert(mc, number % 40, number), self.colliding.insert(number % 40, number));
            }
            16..20 => {
                let key = number % 300;
                assert_eq!(shelf.by_number.remove(mc, &key).map(|node| node.value), self.by_number.remove(&key));
                let text = format!("key {}", key / 2);
                assert_eq!(shelf.by_text.remove(mc, text.as_str()), self.by_text.remove(&text));
                assert_eq!(shelf.plain.remove(mc, &key), self.plain.remove(&key));
                let key = (number % 50, number.is_multiple_of(2));
                assert_eq!(shelf.seen.remove(mc, &key), self.seen.remove(&key).map(|()| key));
                assert_eq!(shelf.colliding.remove(mc, &(number % 40)), self.colliding.remove(&(number % 40)));
            }
            20 => {
                let first = shelf.by_number.pop_first(mc).map(|(key, node)| (key, node.value));
                assert_eq!(first, (!self.by_number.0.is_empty()).then(|| self.by_number.0.remove(0)));
                let key = number % 300;
                let value = shelf.plain.get_or_insert_with(mc, key, || number);
                let known = self.plain.0.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
                assert_eq!(value, known.unwrap_or(number));
                self.plain.insert(key, value);
            }
            21 if random.below(20) == 0 => {
                shelf.by_number.clear(mc);
                self.by_number.0.clear();
                shelf.plain.retain(mc, |key, _| key % 2 == 0);
                self.plain.0.retain(|(key, _)| key % 2 == 0);
                shelf.by_text.shrink_to_fit(mc);
                shelf.colliding.reserve(mc, 30);
            }
            _ => {
                let key = number % 300;
                let known = self.by_number.0.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
                assert_eq!(shelf.by_number.get(mc, &key).map(|node| node.value), known);
                assert_eq!(shelf.by_number.contains_key(mc, &key), known.is_some());
                let text = format!("key {}", key / 2);
                let known = self.by_text.0.iter().find(|entry| entry.0 == text).map(|entry| entry.1);
                assert_eq!(shelf.by_text.get(mc, text.as_str()), known);
                assert_eq!(nodes.get(key as usize).map(|node| node.value), self.nodes.get(key as usize).copied());
            }
        }
    }
}

/// Random operations on every kind of collection, garbage collections between, compared with std's.
pub(in super::super) fn collections(kit: &Kit) {
    for (options, steps) in [(Kit::options(), 12_000), (Kit::options().with_zeal(true).with_verify(true), 700)] {
        let mut heap = shelf(kit, options);
        let (mut model, mut random) = (Model::default(), Numbers::new(steps as u64));
        let mut left = steps;
        while left > 0 {
            let batch = random.below(60).min(left) + 1;
            left -= batch.min(left);
            heap.mutate(|mc, shelf| (0..batch).for_each(|_| model.step(mc, shelf, &mut random)));
            match random.below(8) {
                0 => heap.collect(),
                1..4 => heap.collect_minor(),
                4 => {
                    heap.step(300);
                }
                _ => {}
            }
            heap.mutate(|_, shelf| model.compare(shelf));
        }
        // What is left are the shelf and the eight collections, without storage.
        heap.mutate(|mc, shelf| {
            shelf.by_number.clear(mc);
            shelf.by_text.clear(mc);
            shelf.plain.clear(mc);
            shelf.seen.clear(mc);
            shelf.colliding.clear(mc);
            shelf.bytes.clear(mc);
            shelf.nothing.clear(mc);
            store!(mc, shelf.nodes, List::new(mc));
        });
        kit.expect_verified(&mut heap, 9, 0);
    }
}

/// What holds weakly hands out what lives, and forgets the rest, without growing.
pub(in super::super) fn weak_collections(kit: &Kit) {
    #[derive(Trace)]
    struct Holder<'gc> {
        weak: WeakValueMap<'gc, u64, Node<'gc>>,
        symbols: Interner<'gc, str>,
        kept: List<'gc, NodeRef<'gc>>,
        names: List<'gc, Gc<'gc, str>>,
    }
    let mut heap = Heap::<Rootable![Gc<'_, Holder<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        let holder = Holder {
            weak: WeakValueMap::new(mc),
            symbols: Interner::new(mc),
            kept: List::new(mc),
            names: List::new(mc),
        };
        Gc::new(mc, holder)
    })
    .expect("a heap can be made");
    let exact = kit.promise(&mut heap) == Promise::Exact;
    let reclaims = kit.promise(&mut heap) != Promise::KeepsAll;
    let mut model = BTreeMap::new();
    for round in 0..40u64 {
        heap.mutate(|mc, root| {
            for key in 0..100 {
                let node = Node::make(mc, round * 100 + key, None);
                root.weak.insert(mc, key, node);
                let symbol = root.symbols.intern(mc, &format!("symbol {}", round * 50 + key));
                let known = root.names.iter().find(|name| **name == *symbol);
                assert!(known.is_none_or(|known| Gc::ptr_eq(known, symbol)), "there are two of one symbol");
                if key % 10 == round % 10 {
                    root.kept.push(mc, node);
                    root.names.push(mc, symbol);
                    model.insert(key, node.value);
                } else {
                    model.remove(&key);
                }
            }
        });
        if round % 2 == 0 {
            heap.collect()
        } else {
            heap.collect_minor()
        }
        heap.mutate(|mc, root| {
            for (key, value) in &model {
                assert_eq!(root.weak.get(mc, key).map(|node| node.value), Some(*value));
            }
            if exact && round % 2 == 0 {
                let alive: Vec<_> = root.weak.iter(mc).map(|(key, node)| (key, node.value)).collect();
                assert!(model.iter().all(|(key, value)| alive.contains(&(*key, *value))));
                assert!(alive.len() <= 100 && alive.iter().all(|(_, value)| *value < (round + 1) * 100));
                root.weak.purge(mc);
                root.symbols.purge(mc);
                assert_eq!(root.weak.len_with_dead(), alive.len());
            }
        });
    }
    heap.mutate(|mc, root| {
        root.kept.clear(mc);
        root.names.clear(mc);
    });
    heap.collect();
    heap.mutate(|mc, root| {
        if reclaims {
            assert_eq!(root.weak.iter(mc).count(), 0);
            assert!(root.symbols.get(mc, "symbol 0").is_none());
        }
        root.weak.clear(mc);
        root.symbols.purge(mc);
    });
}

/// Maps and sets by identity, weak and strong, while their keys move and die. Values lead back to their keys.
pub(in super::super) fn collections_by_identity(kit: &Kit) {
    const KEYS: usize = 300;
    type Notes<'gc> = Map<'gc, NodeRef<'gc>, u64, ByIdentity>;
    #[derive(Trace)]
    struct Register<'gc> {
        keys: List<'gc, Option<NodeRef<'gc>>>,
        notes: Notes<'gc>,
        shapes: WeakMap<'gc, Node<'gc>, Node<'gc>>,
        open: WeakSet<'gc, Node<'gc>>,
    }
    for options in [Kit::options(), Kit::options().with_zeal(true).with_verify(true)] {
        let mut heap = Heap::<Rootable![Gc<'_, Register<'_>>]>::with_options(options, kit.collector(), |mc| {
            let (keys, notes) = (List::new(mc), Map::new(mc));
            (0..KEYS).for_each(|_| keys.push(mc, None));
            Gc::new(mc, Register { keys, notes, shapes: WeakMap::new(mc), open: WeakSet::new(mc) })
        })
        .expect("a heap can be made");
        let exact = kit.promise(&mut heap) == Promise::Exact;
        let mut random = Numbers::new(11);
        /// Of a place: the number of its key, the note on it, its shape's number, whether it is open.
        type Known = (u64, Option<u64>, Option<u64>, bool);
        let mut model: Vec<Option<Known>> = vec![None; KEYS];
        for round in 0..if options.zeal { 25 } else { 150u64 } {
            heap.mutate(|mc, root| {
                for n in 0..40 {
                    let place = random.below(KEYS);
                    let number = round * 1000 + n;
                    match (random.below(7), root.keys.get(place).flatten()) {
                        (0, Some(key)) => {
                            root.notes.remove(mc, &key);
                            root.keys.set(mc, place, None);
                            model[place] = None;
                        }
                        (1, Some(key)) => {
                            let shape = Node::make(mc, number, Some(key));
                            let before = root.shapes.insert(mc, key, shape).map(|shape| shape.value);
                            let known = model[place].as_mut().expect("it is there");
                            assert_eq!(before, known.2.replace(number));
                        }
                        (2, Some(key)) => {
                            let known = model[place].as_mut().expect("it is there");
                            assert_eq!(root.notes.insert(mc, key, number), known.1.replace(number));
                        }
                        (3, Some(key)) => {
                            let known = model[place].as_mut().expect("it is there");
                            assert_eq!(root.open.insert(mc, key), !known.3);
                            known.3 = true;
                        }
                        (4, Some(key)) => {
                            let known = model[place].as_mut().expect("it is there");
                            assert_eq!(root.open.remove(mc, key), std::mem::take(&mut known.3));
                            assert_eq!(root.shapes.remove(mc, key).map(|shape| shape.value), known.2.take());
                        }
                        (_, None) => {
                            root.keys.set(mc, place, Some(Node::make(mc, number, None)));
                            model[place] = Some((number, None, None, false));
                        }
                        _ => {}
                    }
                }
            });
            match round % 5 {
                0 => heap.collect(),
                1 | 2 => heap.collect_minor(),
                3 => {
                    heap.step(200);
                }
                _ => {}
            }
            heap.mutate(|mc, root| {
                for (place, known) in model.iter().enumerate() {
                    let key = root.keys.get(place).flatten();
                    assert_eq!(key.map(|key| key.value), known.map(|known| known.0));
                    let Some((key, known)) = key.zip(*known) else { continue };
                    assert_eq!(root.notes.get(mc, &key), known.1);
                    assert_eq!(root.shapes.get(mc, key).map(|shape| shape.value), known.2);
                    assert_eq!(root.open.contains(mc, key), known.3);
                }
                if exact && round % 5 == 0 {
                    assert_eq!(root.shapes.iter(mc).count(), model.iter().flatten().filter(|k| k.2.is_some()).count());
                    assert_eq!(root.open.iter(mc).count(), model.iter().flatten().filter(|k| k.3).count());
                    assert!(root.shapes.iter(mc).all(|(key, shape)| Gc::ptr_eq(shape.next.get().unwrap(), key)));
                    root.shapes.purge(mc);
                    assert_eq!(root.shapes.iter(mc).count(), root.shapes.len_with_dead());
                }
            });
        }
        heap.mutate(|mc, root| {
            root.keys.clear(mc);
            root.notes.clear(mc);
        });
        heap.collect();
        if exact {
            heap.mutate(|mc, root| {
                assert_eq!((root.shapes.iter(mc).count(), root.open.iter(mc).count()), (0, 0));
                root.shapes.clear(mc);
                root.open.clear(mc);
            });
            kit.expect_verified(&mut heap, 5, 0);
        }
    }
}

/// Whoever asks changes the map that is asked.
struct Meddler<'a, 'gc> {
    mc: &'a Mutator<'gc>,
    map: Map<'gc, u64, NodeRef<'gc>, Meddling>,
    meddle: Cell<u32>,
    asked: u64,
}

struct Meddling;

impl<'gc> KeyRule<'gc, u64> for Meddling {
    fn hash(_: &Mutator<'gc>, asked: &u64) -> u64 {
        asked % 4
    }
    fn same(_: &Mutator<'gc>, key: &u64, asked: &u64) -> bool {
        key == asked
    }
}

impl<'gc> KeyRule<'gc, u64, Meddler<'_, 'gc>> for Meddling {
    fn hash(_: &Mutator<'gc>, meddler: &Meddler<'_, 'gc>) -> u64 {
        meddler.asked % 4
    }
    fn same(_: &Mutator<'gc>, key: &u64, meddler: &Meddler<'_, 'gc>) -> bool {
        let left = meddler.meddle.get();
        if left > 0 {
            meddler.meddle.set(left - 1);
            let (mc, map) = (meddler.mc, meddler.map);
            match left % 4 {
                0 => map.clear(mc),
                1 => (0..100).for_each(|n| {
                    map.insert(mc, 1000 + n, Node::make(mc, n, None));
                }),
                2 => {
                    map.remove(mc, key);
                }
                _ => map.shrink_to_fit(mc),
            }
            map.insert(mc, meddler.asked, Node::make(mc, 77, None));
        }
        *key == meddler.asked
    }
}

/// A map that is changed by whoever asks it, and by whoever walks through it.
pub(in super::super) fn collections_changed_meanwhile(kit: &Kit) {
    type Meddled = Rootable![Map<'_, u64, NodeRef<'_>, Meddling>];
    for meddle in 0..12 {
        for size in [3, 8, 9, 200] {
            let options = Kit::options().with_verify(true);
            let mut heap =
                Heap::<Meddled>::with_options(options, kit.collector(), |mc| Map::new(mc)).expect("a heap can be made");
            heap.mutate(|mc, map| {
                (0..size).for_each(|n| {
                    map.insert(mc, n, Node::make(mc, n, None));
                })
            });
            heap.collect_minor();
            heap.mutate(|mc, map| {
                let meddler = Meddler { mc, map: *map, meddle: Cell::new(meddle), asked: 2 };
                let found = map.get(mc, &meddler).map(|node| node.value);
                assert_eq!(found, Some(if meddle == 0 { 2 } else { 77 }));
                let meddler = Meddler { mc, map: *map, meddle: Cell::new(meddle), asked: 1 };
                assert!(map.remove(mc, &meddler).is_some());
                assert!(!map.contains_key(mc, &1));
                assert_eq!(map.iter().count(), map.len());
            });
            heap.collect();
        }
    }
    let mut heap = shelf(kit, Kit::options());
    heap.mutate(|mc, shelf| {
        let (map, list) = (shelf.plain, shelf.bytes);
        (0..20).for_each(|key| {
            map.insert(mc, key, key);
        });
        // Values may change and keys go while one walks.
        let mut visited = Vec::new();
        for (key, _) in map {
            visited.push(key);
            map.insert(mc, key, 0);
            map.remove(mc, &(key + 1));
        }
        assert_eq!(visited, (0..20).step_by(2).collect::<Vec<_>>());
        // New keys may not come.
        let mut iter = map.iter();
        assert!(matches!(iter.try_next(), Ok(Some((0, 0)))));
        map.insert(mc, 100, 0);
        assert_eq!(iter.try_next(), Err(Changed));
        let told = caught(|| {
            map.iter().for_each(|(key, _)| {
                map.insert(mc, key + 1000, 0);
            })
        })
        .expect_err("a panic");
        assert!(told.downcast_ref::<String>().is_some_and(|told| told.contains("changed during iteration")));
        // Lists are walked by index.
        list.extend_from_slice(mc, &[3, 2, 1]);
        let seen: Vec<u8> = list
            .iter()
            .inspect(|&n| {
                if n > 1 {
                    list.push(mc, n - 1)
                }
            })
            .collect();
        assert_eq!(seen, [3, 2, 1, 2, 1, 1]);
        list.retain(mc, |n| {
            if n == 3 {
                list.truncate(mc, 2);
            }
            n == 2
        });
        assert_eq!(list.to_vec(), [2]);
        assert!(caught(|| list.set(mc, 1, 0)).is_err() && caught(|| list.remove(mc, 1)).is_err());
        assert!(caught(|| list.insert(mc, 2, 0)).is_err() && caught(|| list.sort_by(mc, |_, _| panic!())).is_ok());
        assert_eq!(list.try_reserve(mc, usize::MAX).map_err(|_| ()), Err(()));
        assert_eq!(map.try_reserve(mc, usize::MAX).map_err(|_| ()), Err(()));
        assert_eq!(list.to_vec(), [2]);
    });
}

/// A full heap leaves collections as they were.
pub(in super::super) fn collections_in_a_full_heap(kit: &Kit) {
    for limit in [1 << 20, (1 << 20) + 40_000, 3 << 20] {
        let mut heap = shelf(kit, Kit::options().with_limit(limit));
        let mut model = Model::default();
        for round in 0..6 {
            heap.mutate(|mc, shelf| {
                let nodes = shelf.nodes.get();
                for n in 0.. {
                    let Ok(node) = Gc::try_new(mc, Node { value: n, next: Lock::new(None), other: Lock::new(None) })
                    else {
                        break;
                    };
                    let pushed = nodes.try_push(mc, node).is_ok();
                    if pushed {
                        model.nodes.push(n);
                    }
                    let inserted = shelf.by_number.try_insert(mc, n, node);
                    if let Ok(old) = inserted {
                        assert_eq!(old.map(|node| node.value), model.by_number.0.get(n as usize).map(|entry| entry.1));
                        if n as usize >= model.by_number.0.len() {
                            model.by_number.0.push((n, n));
                        }
                    }
                    if !pushed || inserted.is_err() || n > 20_000 {
                        break;
                    }
                }
                model.compare(shelf);
            });
            heap.mutate(|_, shelf| model.compare(shelf));
            heap.mutate(|mc, shelf| {
                shelf.nodes.get().clear(mc);
                model.nodes.clear();
                if round % 2 == 0 {
                    shelf.by_number.clear(mc);
                    model.by_number.0.clear();
                }
            });
            heap.collect();
        }
    }
}
