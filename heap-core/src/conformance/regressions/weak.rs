//! Weak pointers, and what they lead to.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use super::super::model::Promise;
use super::super::tools::Numbers;
use super::{Counting, Kit, Node, counting, measure, prepend};
use crate::{Gc, Heap, Lock, Mutator, RefLock, Rootable, Trace, Weak, field, store};

/// A weak pointer, and a place for a strong one.
#[derive(Trace)]
struct Pair<'gc> {
    weak: Lock<Option<Weak<'gc, Node<'gc>>>>,
    strong: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type PairRoot = Rootable![Gc<'_, Pair<'_>>];

fn pair(kit: &Kit) -> Heap<PairRoot> {
    Heap::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new(mc, Pair { weak: Lock::new(None), strong: Lock::new(None) })
    })
    .expect("a heap can be made")
}

/// Weak pointers to cycles of one, two and many objects are held past the cycles' end.
pub(in super::super) fn weak_kept_past_cycle(kit: &Kit) {
    for length in [1u64, 2, 500] {
        let mut heap = pair(kit);
        heap.mutate(|mc, root| {
            let first = Node::make(mc, 0, None);
            let mut last = first;
            for value in 1..length {
                last = Node::make(mc, value, Some(last));
            }
            store!(mc, first.next, Some(last));
            store!(mc, root.strong, Some(first));
            store!(mc, root.weak, Some(Gc::downgrade(first, mc)));
        });
        kit.expect_verified(&mut heap, 2 + length, 0);
        heap.mutate(|mc, root| {
            assert!(Gc::ptr_eq(root.weak.get().unwrap().upgrade(mc).unwrap(), root.strong.get().unwrap()));
            store!(mc, root.strong, None);
        });
        kit.expect_verified(&mut heap, 2, length);
        let dead = kit.promise(&mut heap) == Promise::Exact;
        for _ in 0..3 {
            heap.mutate(|mc, root| {
                let weak = root.weak.get().unwrap();
                assert_eq!(weak.upgrade(mc).is_none(), dead);
                assert_eq!(weak.is_dropped(mc), dead);
                assert!(Weak::ptr_eq(weak, root.weak.get().unwrap()));
            });
            heap.collect();
        }
        heap.mutate(|mc, root| store!(mc, root.weak, None));
        kit.expect_verified(&mut heap, 1, length);
    }
}

/// An object that has lost its last strong pointer is upgraded in the middle of a cycle, and stays.
pub(in super::super) fn weak_upgraded_in_time(kit: &Kit) {
    for budget in [1, 8, 64, 200, 1_000, 10_000] {
        for wait in 0..6 {
            let mut heap = pair(kit);
            heap.mutate(|mc, root| {
                let node = Node::make(mc, 42, None);
                prepend(mc, node, 0, 50);
                store!(mc, root.strong, Some(node));
                store!(mc, root.weak, Some(Gc::downgrade(node, mc)));
            });
            heap.collect();
            heap.mutate(|mc, root| store!(mc, root.strong, None));
            for _ in 0..wait {
                heap.step(budget);
            }
            let back = heap.mutate(|mc, root| {
                let node = root.weak.get().unwrap().upgrade(mc);
                store!(mc, root.strong, node);
                node.is_some()
            });
            for _ in 0..10 {
                heap.step(budget);
            }
            heap.collect_minor();
            kit.expect_verified(&mut heap, 2 + if back { 51 } else { 0 }, 0);
            heap.mutate(|mc, root| {
                let weak = root.weak.get().unwrap();
                assert_eq!(weak.upgrade(mc).is_some(), back);
                if back {
                    let node = root.strong.get().unwrap();
                    assert_eq!((node.value, measure(node.next.get())), (42, (50, 49 * 25)));
                }
            });
        }
    }
}

/// A cell dies with the last weak pointer, and a new one is made for the same target.
pub(in super::super) fn cells_come_and_go(kit: &Kit) {
    let mut heap = pair(kit);
    heap.mutate(|mc, root| store!(mc, root.strong, Some(Node::make(mc, 1, None))));
    for round in 0..12 {
        heap.mutate(|mc, root| {
            let target = root.strong.get().unwrap();
            for _ in 0..10 {
                let weak = Gc::downgrade(target, mc);
                assert!(Weak::ptr_eq(weak, Gc::downgrade(target, mc)), "one cell for a target");
                store!(mc, root.weak, Some(weak));
            }
        });
        if round % 2 == 0 {
            kit.expect_verified(&mut heap, 3, 0);
        } else {
            heap.collect_minor();
        }
        heap.mutate(|mc, root| {
            assert_eq!(root.weak.get().unwrap().upgrade(mc).unwrap().value, 1);
            store!(mc, root.weak, None);
            // Found again before or after it was reclaimed.
            if round % 3 == 0 {
                Gc::downgrade(root.strong.get().unwrap(), mc);
            }
        });
        if round % 3 == 1 {
            kit.expect_verified(&mut heap, 2, 0);
        } else {
            heap.collect_minor();
        }
    }
    kit.expect_verified(&mut heap, 2, 0);
}

/// Objects with drop glue, and weak pointers to them in a second table.
#[derive(Trace)]
struct Watched<'gc> {
    strong: Gc<'gc, [Lock<Option<Gc<'gc, Counting<'gc>>>>]>,
    weak: Gc<'gc, [Lock<Option<Weak<'gc, Counting<'gc>>>>]>,
}

/// While cells are cleared and glue runs in steps: what is dead stays dead, what is alive has one cell.
pub(in super::super) fn cells_cleared_in_steps(kit: &Kit) {
    const SLOTS: usize = 240;
    for budget in [64, 300, 4_000] {
        let drops = Rc::new(Cell::new(0));
        let mut heap = Heap::<Rootable![Watched<'_>]>::with_options(Kit::options(), kit.collector(), |mc| Watched {
            strong: Gc::new_slice_with(mc, SLOTS, |_| Lock::new(None)),
            weak: Gc::new_slice_with(mc, SLOTS, |_| Lock::new(None)),
        })
        .expect("a heap can be made");
        let fill = |heap: &mut Heap<Rootable![Watched<'_>]>, at: usize| {
            heap.mutate(|mc, root| {
                let object = counting(mc, &drops, None);
                store!(mc, root.strong[at], Some(object));
                store!(mc, root.weak[at], Some(Gc::downgrade(object, mc)));
            });
        };
        (0..SLOTS).for_each(|at| fill(&mut heap, at));
        heap.collect();
        heap.mutate(|mc, root| {
            for at in 0..SLOTS {
                match at % 4 {
                    // The object dies, with its cell or without.
                    0 => store!(mc, root.strong[at], None),
                    1 => {
                        store!(mc, root.strong[at], None);
                        store!(mc, root.weak[at], None);
                    }
                    // The cell dies.
                    2 => store!(mc, root.weak[at], None),
                    _ => {}
                }
            }
        });
        let mut dead = [false; SLOTS];
        for step in 0..4 * SLOTS {
            heap.step(budget);
            if step % 16 == 0 || step > 4 * SLOTS - 8 {
                heap.verify().unwrap();
            }
            heap.mutate(|mc, root| {
                for at in (0..SLOTS).step_by(4) {
                    let weak = root.weak[at].get().unwrap();
                    // To ask whether it is dead does not bring it back; the upgrade would.
                    let now = weak.is_dropped(mc);
                    assert!(now || !dead[at], "what was dead is alive");
                    dead[at] = now;
                    if now {
                        assert!(weak.upgrade(mc).is_none());
                    }
                }
                // Objects whose cell may wait to be forgotten get it back, or another one.
                for at in [(4 * step + 2) % SLOTS, (4 * step + 3) % SLOTS] {
                    let object = root.strong[at].get().unwrap();
                    let weak = Gc::downgrade(object, mc);
                    assert!(Weak::ptr_eq(weak, Gc::downgrade(object, mc)), "one cell for a target");
                    assert!(!weak.is_dropped(mc) && Gc::ptr_eq(weak.upgrade(mc).unwrap(), object));
                    if let Some(other) = root.weak[at].get() {
                        assert!(Weak::ptr_eq(weak, other), "one cell for a target");
                    }
                    store!(mc, root.weak[at], if step % 3 == 0 { None } else { Some(weak) });
                }
            });
            // Slots of the dead get new objects.
            if step % 5 == 0 {
                fill(&mut heap, (4 * step / 5) % SLOTS + 1);
            }
        }
        heap.collect();
        if kit.promise(&mut heap) == Promise::Exact {
            heap.mutate(|mc, root| {
                for at in (0..SLOTS).step_by(4) {
                    assert!(root.weak[at].get().unwrap().is_dropped(mc));
                }
            });
            let alive = heap.mutate(|_, root| root.strong.iter().filter(|slot| slot.get().is_some()).count() as u64);
            let made = SLOTS as u64 + (0..4 * SLOTS as u64).filter(|step| step % 5 == 0).count() as u64;
            assert_eq!(drops.get(), made - alive, "each is dropped once");
        }
    }
}

/// Words, each once: found by their text through weak pointers.
#[derive(Trace)]
struct Interner<'gc> {
    table: RefLock<HashMap<String, Weak<'gc, str>>>,
    recent: Gc<'gc, [Lock<Option<Gc<'gc, str>>>]>,
}

impl<'gc> Interner<'gc> {
    fn intern(this: Gc<'gc, Self>, mc: &Mutator<'gc>, word: &str) -> Gc<'gc, str> {
        let known = this.table.borrow().get(word).copied();
        if let Some(found) = known.and_then(|weak| weak.upgrade(mc)) {
            return found;
        }
        let fresh = Gc::new_str(mc, word);
        field!(mc, this.table).borrow_mut().insert(word.to_owned(), Gc::downgrade(fresh, mc));
        fresh
    }
}

/// An intern table with weak values across collections of every kind: what is in use is found, and is the same object.
pub(in super::super) fn intern_table(kit: &Kit) {
    const RECENT: usize = 40;
    let mut heap = Heap::<Rootable![Gc<'_, Interner<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        let recent = Gc::new_slice_with(mc, RECENT, |_| Lock::new(None));
        Gc::new(mc, Interner { table: RefLock::new(HashMap::new()), recent })
    })
    .expect("a heap can be made");
    let mut numbers = Numbers::new(1);
    for round in 0..400 {
        heap.mutate(|mc, root| {
            for _ in 0..5 {
                let word = format!("word {}", numbers.below(120));
                let found = Interner::intern(*root, mc, &word);
                assert_eq!(&*found, word);
                for other in root.recent.iter().filter_map(Lock::get) {
                    assert_eq!(*other == *found, Gc::ptr_eq(other, found), "an object for each word: {word}");
                }
                store!(mc, root.recent[numbers.below(RECENT)], Some(found));
            }
        });
        match round % 10 {
            1 | 4 | 7 => heap.collect_minor(),
            2 | 5 => {
                heap.step(300);
            }
            9 => heap.collect(),
            _ => {}
        }
    }
    heap.collect();
    let (alive, cells) = heap.mutate(|mc, root| {
        let table = root.table.borrow();
        (table.values().filter(|weak| weak.upgrade(mc).is_some()).count() as u64, table.len() as u64)
    });
    let in_use = heap.mutate(|_, root| {
        let mut words: Vec<String> = root.recent.iter().filter_map(|slot| Some(slot.get()?.to_string())).collect();
        words.sort_unstable();
        words.dedup();
        words.len() as u64
    });
    if heap.capabilities().reclaims {
        assert_eq!(alive, in_use, "after a full collection the words in use are left");
    }
    kit.expect_verified(&mut heap, 2 + in_use + cells, 0);
}

/// Pointers to pointers to pointers.
pub(in super::super) fn double_indirection(kit: &Kit) {
    type Deep<'gc> = Gc<'gc, Gc<'gc, Gc<'gc, u64>>>;
    let mut heap =
        Heap::<Rootable![Gc<'_, RefLock<Vec<Deep<'_>>>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            Gc::new(mc, RefLock::new(Vec::new()))
        })
        .expect("a heap can be made");
    for round in 0..20 {
        heap.mutate(|mc, root| {
            let inner = Gc::new(mc, Gc::new(mc, round));
            // The middle is shared by two.
            root.borrow_mut(mc).extend([Gc::new(mc, inner), Gc::new(mc, inner)]);
        });
        heap.collect_minor();
    }
    kit.expect_verified(&mut heap, 1 + 20 * 4, 0);
    heap.mutate(|mc, root| {
        let mut items = root.borrow_mut(mc);
        assert!(items.iter().enumerate().all(|(index, item)| ****item == index as u64 / 2));
        assert!(items.chunks(2).all(|two| Gc::ptr_eq(*two[0], *two[1]) && !Gc::ptr_eq(two[0], two[1])));
        // One of each pair goes.
        let mut odd = false;
        items.retain(|_| {
            odd = !odd;
            odd
        });
    });
    kit.expect_verified(&mut heap, 1 + 20 * 3, 0);
}
