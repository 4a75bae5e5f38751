//! The collector through the typed API: moves, promotion, death, weak pointers, handles.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use gc_generational::Generational;
use heap_core::{Gc, Heap, HeapOptions, Lock, OnceLock, RefLock, Rootable, Static, Trace, Weak, field, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(mc: &heap_core::Mutator<'gc>, value: u64, next: Option<Gc<'gc, Node<'gc>>>) -> Gc<'gc, Node<'gc>> {
    Gc::new(mc, Node { value, next: Lock::new(next) })
}

fn checked() -> HeapOptions {
    HeapOptions::default().with_verify(true)
}

type ListHeap = Heap<Rootable![Lock<Option<Gc<'_, Node<'_>>>>]>;

fn list_heap(options: HeapOptions, collector: Generational) -> ListHeap {
    Heap::with_options(options, collector, |_| Lock::new(None)).unwrap()
}

fn values(heap: &mut ListHeap) -> Vec<u64> {
    heap.mutate(|_, root| {
        let mut all = Vec::new();
        let mut at = root.get();
        while let Some(node) = at {
            all.push(node.value);
            at = node.next.get();
        }
        all
    })
}

#[test]
fn survivors_move_once_and_stay() {
    let mut heap = list_heap(checked(), Generational::default());
    let address = |heap: &mut ListHeap| heap.mutate(|_, root| Gc::as_ptr(root.get().unwrap()) as usize);
    heap.mutate_root(|mc, root| *root = Lock::new(Some(node(mc, 7, None))));
    let young = address(&mut heap);
    heap.collect_minor();
    let old = address(&mut heap);
    assert_ne!(young, old);
    heap.collect_minor();
    heap.collect();
    heap.collect();
    assert_eq!(address(&mut heap), old);
    assert_eq!(values(&mut heap), [7]);
    assert_eq!(heap.statistics().live_objects, 2);
}

#[derive(Trace)]
enum Shape<'gc> {
    Empty,
    One(Gc<'gc, Node<'gc>>),
    Named { left: Gc<'gc, Node<'gc>>, _label: u8, right: Option<Gc<'gc, Node<'gc>>> },
}

#[derive(Trace)]
struct Everything<'gc> {
    field: Gc<'gc, Node<'gc>>,
    option: Option<Gc<'gc, Node<'gc>>>,
    boxed: Box<Gc<'gc, Node<'gc>>>,
    vector: Vec<Gc<'gc, Node<'gc>>>,
    map: HashMap<u32, Gc<'gc, Node<'gc>>>,
    tuple: (u8, Gc<'gc, Node<'gc>>),
    array: [Gc<'gc, Node<'gc>>; 3],
    shapes: [Shape<'gc>; 3],
    slice: Gc<'gc, [Gc<'gc, Node<'gc>>]>,
    text: Gc<'gc, str>,
    lock: Lock<Option<Gc<'gc, Node<'gc>>>>,
    cell: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
    once: OnceLock<Gc<'gc, Node<'gc>>>,
    weak: Weak<'gc, Node<'gc>>,
    erased: Gc<'gc, ()>,
}

#[test]
fn every_kind_of_slot_is_updated() {
    for in_place in [false, true] {
        let n = Cell::new(0);
        let mut heap = Heap::<Rootable![Gc<'_, Everything<'_>>]>::with_options(
            checked(),
            if in_place { Generational::default().with_in_place_factor(0) } else { Generational::default() },
            |mc| {
                let next = || {
                    n.set(n.get() + 1);
                    node(mc, n.get(), None)
                };
                let field = next();
                let all = Everything {
                    field,
                    option: Some(next()),
                    boxed: Box::new(next()),
                    vector: (0..5).map(|_| next()).collect(),
                    map: (0..5).map(|key| (key, next())).collect(),
                    tuple: (0, next()),
                    array: [next(), next(), next()],
                    shapes: [
                        Shape::Empty,
                        Shape::One(next()),
                        Shape::Named { left: next(), _label: 1, right: Some(next()) },
                    ],
                    slice: Gc::new_slice_with(mc, 100, |_| next()),
                    text: Gc::new_str(mc, "kept"),
                    lock: Lock::new(Some(next())),
                    cell: RefLock::new((0..5).map(|_| next()).collect()),
                    once: OnceLock::new(),
                    weak: Gc::downgrade(field, mc),
                    erased: Gc::erase(next()),
                };
                Gc::new(mc, all)
            },
        )
        .unwrap();
        for round in 0..3 {
            heap.mutate(|mc, root| {
                let mut sum = root.field.value + root.option.unwrap().value + root.boxed.value + root.tuple.1.value;
                sum += root.vector.iter().map(|n| n.value).sum::<u64>();
                sum += root.map.values().map(|n| n.value).sum::<u64>();
                sum += root.array.iter().map(|n| n.value).sum::<u64>();
                sum += root.slice.iter().map(|n| n.value).sum::<u64>();
                sum += root.cell.borrow().iter().map(|n| n.value).sum::<u64>();
                sum += root.lock.get().unwrap().value;
                for shape in &root.shapes {
                    sum += match shape {
                        Shape::Empty => 0,
                        Shape::One(node) => node.value,
                        Shape::Named { left, right, .. } => left.value + right.unwrap().value,
                    };
                }
                assert_eq!(sum, (n.get() - 1) * n.get() / 2, "all but the erased one, in round {round}");
                assert_eq!(&*root.text, "kept");
                assert!(Gc::ptr_eq(root.weak.upgrade(mc).unwrap(), root.field));
                assert!(root.once.get().is_none());
                let _ = root.erased;
            });
            heap.collect_minor();
            if round == 1 {
                heap.collect();
            }
        }
    }
}

#[test]
fn writes_to_old_objects_are_remembered_until_the_next_collection() {
    let mut heap = list_heap(checked(), Generational::default());
    heap.mutate_root(|mc, root| *root = Lock::new(Some(node(mc, 0, None))));
    heap.collect_minor();
    for round in 1..50 {
        heap.mutate(|mc, root| {
            let first = root.get().unwrap();
            // Twice in one epoch: the second write takes the fast path.
            store!(mc, first.next, Some(node(mc, 1000, None)));
            store!(mc, first.next, Some(node(mc, round, first.next.get())));
        });
        heap.verify().unwrap();
        heap.collect_minor();
        assert_eq!(values(&mut heap), [0, round, 1000]);
    }
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 4);
}

#[test]
fn a_remembered_object_is_visited_once_and_forgotten() {
    let mut heap = list_heap(checked(), Generational::default());
    heap.mutate_root(|mc, root| *root = Lock::new(Some(node(mc, 0, None))));
    heap.collect_minor();
    heap.mutate(|mc, root| store!(mc, root.get().unwrap().next, Some(node(mc, 1, None))));
    heap.collect_minor();
    let promoted = heap.statistics().promoted_bytes;
    // Unlinking is a write, but nothing young hangs on it.
    heap.mutate(|mc, root| store!(mc, root.get().unwrap().next, None));
    heap.mutate(|mc, _| _ = node(mc, 2, None));
    heap.collect_minor();
    assert_eq!(heap.statistics().promoted_bytes, promoted);
    heap.collect();
    assert_eq!(heap.statistics().live_objects, 2);
}

#[test]
fn handles_and_weak_cells_follow_moves() {
    let mut heap = list_heap(checked(), Generational::default());
    let (strong, weak, dying) = heap.mutate(|mc, _| {
        let kept = node(mc, 1, Some(node(mc, 2, None)));
        let lost = node(mc, 3, None);
        (mc.stash(kept), mc.stash(Gc::downgrade(kept, mc)), mc.stash(Gc::downgrade(lost, mc)))
    });
    heap.collect_minor();
    let look = |heap: &mut ListHeap| {
        heap.mutate(|mc, _| {
            let kept = mc.fetch(&strong);
            assert_eq!((kept.value, kept.next.get().unwrap().value), (1, 2));
            assert!(Gc::ptr_eq(kept, mc.fetch(&weak).upgrade(mc).unwrap()));
            assert!(Weak::ptr_eq(mc.fetch(&weak), Gc::downgrade(kept, mc)), "one cell per target, also after a move");
            assert!(mc.fetch(&dying).upgrade(mc).is_none());
        });
    };
    look(&mut heap);
    heap.collect();
    look(&mut heap);
    drop(strong);
    heap.collect_minor();
    heap.mutate(|mc, _| assert!(mc.fetch(&weak).upgrade(mc).is_some(), "old objects die in full collections"));
    heap.collect();
    heap.mutate(|mc, _| assert!(mc.fetch(&weak).upgrade(mc).is_none()));
    assert_eq!(heap.statistics().live_objects, 3, "the root and two cells");
}

#[test]
fn weak_pointers_to_old_objects_made_later() {
    let mut heap = list_heap(checked(), Generational::default());
    heap.mutate_root(|mc, root| *root = Lock::new(Some(node(mc, 0, None))));
    heap.collect();
    let weak = heap.mutate(|mc, root| mc.stash(Gc::downgrade(root.get().unwrap(), mc)));
    heap.collect_minor();
    heap.mutate(|mc, root| assert!(Gc::ptr_eq(mc.fetch(&weak).upgrade(mc).unwrap(), root.get().unwrap())));
    heap.mutate_root(|_, root| *root = Lock::new(None));
    heap.collect_minor();
    heap.mutate(|mc, _| assert!(mc.fetch(&weak).upgrade(mc).is_some()));
    heap.collect();
    heap.mutate(|mc, _| assert!(mc.fetch(&weak).upgrade(mc).is_none()));
}

/// An interning table over weak pointers: what a language runtime does with its strings.
#[test]
fn interning_across_minor_collections() {
    #[derive(Trace)]
    struct Interner<'gc> {
        table: RefLock<HashMap<String, Weak<'gc, str>>>,
        kept: RefLock<Vec<Gc<'gc, str>>>,
    }
    fn intern<'gc>(mc: &'gc heap_core::Mutator<'gc>, table: Gc<'gc, Interner<'gc>>, text: &str) -> Gc<'gc, str> {
        if let Some(found) = table.table.borrow().get(text).and_then(|weak| weak.upgrade(mc)) {
            return found;
        }
        let made = Gc::new_str(mc, text);
        field!(mc, table.table).unlock().borrow_mut().insert(text.to_owned(), Gc::downgrade(made, mc));
        made
    }
    let mut heap = Heap::<Rootable![Gc<'_, Interner<'_>>]>::with_options(checked(), Generational::default(), |mc| {
        Gc::new(mc, Interner { table: RefLock::new(HashMap::new()), kept: RefLock::new(Vec::new()) })
    })
    .unwrap();
    for round in 0..30 {
        heap.mutate(|mc, &root| {
            for i in 0..20 {
                let text = intern(mc, root, &format!("name {i}"));
                assert!(Gc::ptr_eq(text, intern(mc, root, &format!("name {i}"))));
                if i < 10 && round == 0 {
                    field!(mc, root.kept).unlock().borrow_mut().push(text);
                }
                if i < 10 {
                    assert!(Gc::ptr_eq(text, root.kept.borrow()[i]));
                }
            }
        });
        heap.collect_minor();
        heap.mutate(|mc, root| {
            for i in 10..20 {
                assert!(root.table.borrow()[&format!("name {i}")].is_dropped(mc), "only the table held it, weakly");
            }
        });
        if round % 7 == 0 {
            heap.collect();
        }
    }
}

struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[derive(Trace)]
struct Owner<'gc> {
    owned: Static<Counted>,
    next: Lock<Option<Gc<'gc, Owner<'gc>>>>,
}

#[test]
fn glue_of_moved_and_dead_objects_runs_exactly_once() {
    let drops = Rc::new(Cell::new(0));
    let mut heap =
        Heap::<Rootable![Lock<Option<Gc<'_, Owner<'_>>>>]>::with_options(checked(), Generational::default(), |_| {
            Lock::new(None)
        })
        .unwrap();
    heap.mutate_root(|mc, root| {
        for i in 0..100 {
            let owner = Gc::new(mc, Owner { owned: Static(Counted(drops.clone())), next: Lock::new(root.get()) });
            if i % 2 == 0 {
                *root = Lock::new(Some(owner));
            }
        }
    });
    assert_eq!(drops.get(), 0);
    heap.collect_minor();
    assert_eq!(drops.get(), 50, "the dead ones");
    heap.collect_minor();
    heap.collect();
    assert_eq!(drops.get(), 50);
    heap.mutate(|mc, root| {
        let tenth = (0..9).fold(root.get().unwrap(), |at, _| at.next.get().unwrap());
        store!(mc, tenth.next, None);
    });
    heap.collect_minor();
    assert_eq!(drops.get(), 50);
    heap.collect();
    assert_eq!(drops.get(), 90);
    assert_eq!(heap.statistics().dropped_objects, 90);
    heap.mutate(|_, root| _ = &root.get().unwrap().owned);
    drop(heap);
    assert_eq!(drops.get(), 100);
}

#[test]
fn a_panic_in_drop_leaves_the_heap_consistent() {
    struct Bomb(Rc<Cell<usize>>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            panic!("bang");
        }
    }
    let drops = Rc::new(Cell::new(0));
    let mut heap = list_heap(checked(), Generational::default());
    heap.mutate_root(|mc, root| {
        *root = Lock::new(Some(node(mc, 1, None)));
        for _ in 0..3 {
            Gc::new(mc, Static(Bomb(drops.clone())));
        }
    });
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| heap.collect_minor()));
    assert!(outcome.is_err());
    assert_eq!(drops.get(), 3, "the others ran too");
    heap.verify().unwrap();
    heap.collect();
    assert_eq!(values(&mut heap), [1]);
    assert_eq!(drops.get(), 3);
}

macro_rules! aligned {
    ($($name:ident $align:literal),*) => {$(
        #[derive(Trace)]
        #[repr(align($align))]
        struct $name(u64);
    )*};
}
aligned!(A16 16, A64 64, A256 256, A4096 4096, A8192 8192, A16384 16384, A65536 65536);

#[derive(Trace)]
struct Aligned<'gc> {
    a16: Gc<'gc, A16>,
    a64: Gc<'gc, A64>,
    a256: Gc<'gc, A256>,
    a4096: Gc<'gc, A4096>,
    a8192: Gc<'gc, A8192>,
    a16384: Gc<'gc, A16384>,
    a65536: Gc<'gc, A65536>,
    slice: Gc<'gc, [A64]>,
    nothing: Gc<'gc, ()>,
    empty: Gc<'gc, [u64]>,
    no_text: Gc<'gc, str>,
    next: Option<Gc<'gc, Aligned<'gc>>>,
}

#[test]
fn over_aligned_and_zero_sized_objects_survive_moves() {
    for limit in [None, Some(4 << 20)] {
        let mut options = checked();
        options.limit = limit;
        let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, Aligned<'_>>>>]>::with_options(
            options,
            Generational::default(),
            |_| Lock::new(None),
        )
        .unwrap();
        heap.mutate_root(|mc, root| {
            for i in 0..5 {
                let next = root.get();
                *root = Lock::new(Some(Gc::new(
                    mc,
                    Aligned {
                        a16: Gc::new(mc, A16(i)),
                        a64: Gc::new(mc, A64(i)),
                        a256: Gc::new(mc, A256(i)),
                        a4096: Gc::new(mc, A4096(i)),
                        a8192: Gc::new(mc, A8192(i)),
                        a16384: Gc::new(mc, A16384(i)),
                        a65536: Gc::new(mc, A65536(i)),
                        slice: Gc::new_slice_with(mc, 9, |k| A64(i + k as u64)),
                        nothing: Gc::new(mc, ()),
                        empty: Gc::new_slice(mc, &[]),
                        no_text: Gc::new_str(mc, ""),
                        next,
                    },
                )));
            }
        });
        for round in 0..4 {
            if round == 2 {
                heap.collect()
            } else {
                heap.collect_minor()
            }
            heap.mutate(|_, root| {
                let mut at = root.get();
                for i in (0..5).rev() {
                    let all = at.unwrap();
                    let numbers =
                        [all.a16.0, all.a64.0, all.a256.0, all.a4096.0, all.a8192.0, all.a16384.0, all.a65536.0];
                    assert_eq!(numbers, [i; 7]);
                    assert!(all.slice.iter().map(|a| a.0).eq(i..i + 9));
                    assert!((Gc::as_ptr(all.a65536) as usize).is_multiple_of(65536));
                    assert_eq!((all.empty.len(), all.no_text.len(), *all.nothing), (0, 0, ()));
                    at = all.next;
                }
            });
        }
    }
}

#[test]
fn large_arrays_hold_and_get_young_pointers() {
    let mut heap = Heap::<Rootable![Gc<'_, [Lock<Option<Gc<'_, u64>>>]>]>::with_options(
        checked(),
        Generational::default(),
        |mc| Gc::new_slice_with(mc, 100_000, |i| Lock::new((i % 3 == 0).then(|| Gc::new(mc, i as u64)))),
    )
    .unwrap();
    heap.collect_minor();
    for round in 0..3 {
        heap.mutate(|mc, &root| {
            for i in (1..100_000).step_by(1009) {
                Gc::write(mc, root)[i].unlock().set(Some(Gc::new(mc, i as u64 + round)));
            }
        });
        heap.verify().unwrap();
        heap.collect_minor();
        heap.mutate(|_, root| {
            for i in (1..100_000).step_by(1009) {
                assert_eq!(*root[i].get().unwrap(), i as u64 + round);
            }
            assert_eq!(*root[99_999].get().unwrap(), 99_999);
        });
    }
    heap.collect();
    let expected = 2 + (0..100_000).filter(|i| i % 3 == 0 || i % 1009 == 1).count() as u64;
    assert_eq!(heap.statistics().live_objects, expected);
}

#[test]
fn dead_large_objects_are_reclaimed_without_being_asked() {
    let mut heap = list_heap(HeapOptions::default(), Generational::default());
    for _ in 0..1000 {
        heap.mutate(|mc, _| _ = Gc::new_slice_with(mc, 1 << 17, |i| i as u64));
    }
    assert!(heap.statistics().full_collections > 20);
    assert!(heap.statistics().peak_heap_bytes < 64 << 20);
}

#[test]
fn a_collection_at_every_safepoint() {
    let mut heap = list_heap(checked().with_zeal(true), Generational::default().with_nursery_bytes(1));
    let mut model = Vec::new();
    for i in 0..300 {
        heap.mutate(|mc, root| {
            let all = node(mc, i, root.get());
            Gc::new_slice_with(mc, 50, |_| all);
        });
        model.insert(0, i);
        heap.mutate_root(|mc, root| *root = Lock::new(Some(node(mc, i, root.get()))));
        if i % 10 == 0 {
            assert_eq!(values(&mut heap), model);
        }
    }
}

/// The edges of an object that owns many are on the stack all at once; other markers are given the last of them.
#[test]
fn several_markers_share_the_edges_of_one_object() {
    const NODES: u64 = 100_000;
    let collector = Generational::default().with_marking_threads(3).with_parallel_min_bytes(0);
    let mut heap =
        Heap::<Rootable![RefLock<Vec<Gc<'_, Node<'_>>>>]>::with_options(HeapOptions::default(), collector, |_| {
            RefLock::new(Vec::new())
        })
        .unwrap();
    heap.mutate_root(|mc, root| {
        root.get_mut().extend((0..NODES).map(|value| node(mc, value, Some(node(mc, NODES + value, None)))));
    });
    for _ in 0..5 {
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 2 * NODES + 1);
        heap.verify().unwrap();
    }
    heap.mutate(|_, root| {
        for (value, node) in (0..).zip(root.borrow().iter()) {
            assert_eq!((node.value, node.next.get().unwrap().value), (value, NODES + value));
        }
    });
}
