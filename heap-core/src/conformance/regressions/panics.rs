//! User code that unwinds, at every place where it can. The heap is consistent afterwards, and goes on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::super::tools::{ExpectedPanic, GluePanic, caught, unwind};
use super::{Counted, Counting, Kit, Node, counting, measure, prepend};
use crate::{AllocError, Gc, Heap, Lock, RefLock, Rootable, Static, Trace, field, store};

/// Panics when it is dropped, whatever else is going on.
struct Fragile {
    id: u32,
    drops: Rc<Cell<u64>>,
    panics: bool,
}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        if self.panics {
            std::panic::resume_unwind(Box::new(GluePanic(self.id)));
        }
    }
}

#[derive(Trace)]
struct Holder<'gc> {
    fragile: Static<Fragile>,
    name: String,
    next: Lock<Option<Gc<'gc, Holder<'gc>>>>,
}

type Holders = Rootable![Gc<'_, Lock<Option<Gc<'_, Holder<'_>>>>>];

fn holders(kit: &Kit, drops: &Rc<Cell<u64>>, count: u32, panics: fn(u32) -> bool) -> Heap<Holders> {
    let mut heap =
        Heap::<Holders>::with_options(Kit::options(), kit.collector(), |mc| Gc::new(mc, Lock::new(None))).unwrap();
    heap.mutate(|mc, root| {
        for id in 0..count {
            let fragile = Static(Fragile { id, drops: drops.clone(), panics: panics(id) });
            let next = Lock::new(root.get());
            root.set(mc, Some(Gc::new(mc, Holder { fragile, name: format!("holder {id}"), next })));
        }
    });
    heap
}

/// Every glue runs although some panic, the first panic comes out of the collection, and later collections are clean.
pub(in super::super) fn panic_in_drop_glue(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let mut heap = holders(kit, &drops, 20, |id| id % 5 == 3);
    kit.expect_verified(&mut heap, 21, 0);
    assert_eq!(drops.get(), 0, "drop glue of living objects ran");
    heap.mutate(|_, root| assert_eq!(root.get().unwrap().name, "holder 19"));
    // Some collectors reclaim at the end of the `mutate`, the others when they are told to.
    let outcome = caught(|| heap.mutate(|mc, root| root.set(mc, None)));
    if heap.capabilities().reclaims {
        let outcome = outcome.and_then(|()| caught(|| heap.collect()));
        let payload = outcome.expect_err("a panic of drop glue comes out of the collection");
        assert!(payload.is::<GluePanic>());
        assert_eq!(drops.get(), 20, "all glue ran, before and behind the panic");
        kit.expect_verified(&mut heap, 1, 0);
        assert_eq!(drops.get(), 20, "and no glue twice");
        assert_eq!(heap.statistics().dropped_objects, 20);
    }
    heap.mutate(|mc, root| {
        let fragile = Static(Fragile { id: 99, drops: drops.clone(), panics: false });
        root.set(mc, Some(Gc::new(mc, Holder { fragile, name: String::new(), next: Lock::new(None) })));
    });
    kit.expect_verified(&mut heap, 2, 0);
    let outcome = caught(|| drop(heap));
    assert_eq!(outcome.is_err(), drops.get() == 21 && kit.promise(&mut kit.list()) == super::Promise::KeepsAll);
    assert_eq!(drops.get(), 21);
}

/// Glue that panics while a heap is dropped, and while it is dropped by unwinding.
pub(in super::super) fn panic_in_drop_glue_of_a_dropped_heap(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let heap = holders(kit, &drops, 7, |id| id == 2 || id == 4);
    let payload = caught(|| drop(heap)).expect_err("the first panic comes out");
    assert!(payload.is::<GluePanic>());
    assert_eq!(drops.get(), 7);
    let payload = caught(|| {
        let _heap = holders(kit, &drops, 7, |id| id == 2 || id == 4);
        unwind();
    });
    assert!(payload.expect_err("it unwinds").is::<ExpectedPanic>(), "the panic that was there first goes on");
    assert_eq!(drops.get(), 14);
}

/// A `mutate` that unwinds keeps what it did until then, and takes no safepoint.
pub(in super::super) fn panic_in_mutate(kit: &Kit) {
    let mut heap = kit.list();
    // Before an allocation, after one, and with a lock open.
    let payload = caught(|| heap.mutate(|_, _| unwind()));
    assert!(payload.expect_err("it unwinds").is::<ExpectedPanic>());
    let _ = caught(|| {
        heap.mutate(|mc, root| {
            prepend(mc, *root, 0, 10);
            unwind();
        })
    });
    kit.expect_verified(&mut heap, 11, 0);
    let _ = caught(|| {
        heap.mutate(|mc, root| {
            prepend(mc, *root, 10, 10);
            let lost = Node::make(mc, 7, root.next.get());
            store!(mc, lost.other, Some(lost));
            unwind();
        })
    });
    kit.expect_verified(&mut heap, 21, 0);
    let _ = caught(|| {
        heap.mutate_root(|mc, root| {
            *root = Node::make(mc, 1, Some(*root));
            unwind();
        })
    });
    kit.expect_verified(&mut heap, 22, 0);
    let _ = caught(|| heap.try_mutate(|_, _| -> Result<(), AllocError> { unwind() }));
    // Collections that are due are not forgotten, and none runs while unwinding.
    for value in 0..300 {
        let pauses = heap.statistics().pauses;
        let _ = caught(|| {
            heap.mutate(|mc, root| {
                store!(mc, root.next, None);
                prepend(mc, *root, value, 1_000);
                mc.request_collection();
                unwind();
            })
        });
        assert!(heap.statistics().pauses <= pauses + 1);
    }
    heap.mutate(|_, root| assert_eq!(measure(root.next.get()).0, 1_000));
    kit.expect_verified(&mut heap, 1_001, 0);

    let mut heap =
        Heap::<Rootable![Gc<'_, RefLock<Vec<Gc<'_, u64>>>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            Gc::new(mc, RefLock::new(Vec::new()))
        })
        .unwrap();
    let _ = caught(|| {
        heap.mutate(|mc, root| {
            let mut items = root.borrow_mut(mc);
            items.push(Gc::new(mc, 1));
            items.push(Gc::new(mc, 2));
            unwind();
        })
    });
    kit.expect_verified(&mut heap, 3, 0);
    heap.mutate(|mc, root| {
        let sum: u64 = root.borrow_mut(mc).iter().map(|item| **item).sum();
        assert_eq!(sum, 3, "the guard was dropped by unwinding");
    });
}

/// The root is never made.
pub(in super::super) fn panic_in_the_first_root(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let outcome = caught(|| {
        Heap::<Rootable![Gc<'_, Counting<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            let first = counting(mc, &drops, None);
            let _ = counting(mc, &drops, Some(first));
            unwind();
        })
    });
    assert!(outcome.is_err());
    assert_eq!(drops.get(), 2, "glue of what was made runs when the heap goes");
    let outcome = Heap::<Rootable![Gc<'_, Counting<'_>>]>::try_with_options(Kit::options(), kit.collector(), |mc| {
        counting(mc, &drops, None);
        Err(Failure::Own)
    });
    assert!(matches!(outcome, Err(Failure::Own)));
    assert_eq!(drops.get(), 3);
}

#[derive(Debug)]
enum Failure {
    Own,
    Memory,
}

impl From<AllocError> for Failure {
    fn from(_: AllocError) -> Self {
        Failure::Memory
    }
}

/// A slice whose elements are made by code that allocates, and unwinds in the middle.
pub(in super::super) fn panic_in_a_slice(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let mut heap = Heap::<Rootable![Gc<'_, RefLock<Vec<Gc<'_, Counting<'_>>>>>]>::with_options(
        Kit::options(),
        kit.collector(),
        |mc| Gc::new(mc, RefLock::new(Vec::new())),
    )
    .unwrap();
    for (made, of) in [(0, 4), (3, 4), (100, 1_000), (3_000, 5_000)] {
        let before = drops.get();
        heap.mutate(|mc, root| {
            let outcome = caught(|| {
                Gc::new_slice_with(mc, of, |index| {
                    if index == made {
                        unwind();
                    }
                    // Elements refer to objects that are made meanwhile, one of which is kept.
                    let fresh = counting(mc, &drops, None);
                    if index == 1 {
                        root.borrow_mut(mc).push(fresh);
                    }
                    (fresh, Static(Counted(drops.clone())))
                })
            });
            assert!(outcome.is_err());
            assert_eq!(drops.get() - before, made as u64, "the elements that were made are dropped, once");
        });
        let kept = heap.mutate(|_, root| root.borrow().len() as u64);
        kit.expect_verified(&mut heap, 1 + kept, 0);
    }
    let kept = heap.mutate(|_, root| root.borrow().len());
    assert_eq!(kept, 3);
}

/// A listener is user code too; it runs when the collection is over.
pub(in super::super) fn panic_in_a_listener(kit: &Kit) {
    let mut heap = kit.list();
    heap.set_listener(Some(Box::new(|_| unwind())));
    for _ in 0..3 {
        // A collector may do something at the end of this, too.
        let _ = caught(|| heap.mutate(|mc, root| prepend(mc, *root, 0, 10)));
        assert!(caught(|| heap.collect()).is_err());
    }
    heap.set_listener(None);
    kit.expect_verified(&mut heap, 31, 0);
}

/// A panic of glue and one of the listener at once: one comes out, nothing is lost.
pub(in super::super) fn panics_at_once(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let mut heap = holders(kit, &drops, 5, |_| true);
    let seen = Rc::new(RefCell::new(0));
    let count = seen.clone();
    heap.set_listener(Some(Box::new(move |_| {
        *count.borrow_mut() += 1;
        unwind();
    })));
    let pauses = 1 + u32::from(caught(|| heap.mutate(|mc, root| root.set(mc, None))).is_err());
    assert!(caught(|| heap.collect()).is_err());
    assert_eq!(*seen.borrow(), pauses);
    heap.set_listener(None);
    let _ = caught(|| heap.collect());
    kit.expect_verified(&mut heap, 1, 0);
    let _ = caught(|| drop(heap));
    assert_eq!(drops.get(), 5);
}

/// The payload of a panic is a value with drop glue of its own, which may panic again.
pub(in super::super) fn panic_payloads_that_panic(kit: &Kit) {
    struct Bomb(Rc<Cell<u64>>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            if !std::thread::panicking() {
                unwind();
            }
        }
    }
    // A payload must be `Send`, and this one stays on its thread.
    struct Payload(#[expect(dead_code, reason = "held for its drop glue")] Bomb);
    // SAFETY: payloads are caught on the thread that made them.
    unsafe impl Send for Payload {}

    struct Thrower(Rc<Cell<u64>>, Rc<Cell<u64>>);
    impl Drop for Thrower {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            std::panic::resume_unwind(Box::new(Payload(Bomb(self.1.clone()))));
        }
    }
    let (drops, bombs) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let mut heap = kit.list();
    // The objects may die at the end of the `mutate`, or in the collection.
    let mut payloads = Vec::new();
    let first = caught(|| {
        heap.mutate(|mc, root| {
            for value in 0..10 {
                let node = Node::make(mc, value, root.next.get());
                store!(mc, root.next, Some(node));
                Gc::new(mc, (Static(Thrower(drops.clone(), bombs.clone())), Some(node)));
            }
        })
    });
    payloads.extend(first.err());
    payloads.extend(caught(|| heap.collect()).err());
    assert_eq!(payloads.len(), usize::from(heap.capabilities().reclaims), "one panic of drop glue comes out");
    std::mem::forget(payloads);
    assert_eq!((drops.get(), bombs.get()), (if heap.capabilities().reclaims { 10 } else { 0 }, 0));
    kit.expect_verified(&mut heap, 11, 0);
    heap.mutate(|_, root| assert_eq!(measure(root.next.get()), (10, 45)));
    if let Err(payload) = caught(|| drop(heap)) {
        std::mem::forget(payload);
    }
    assert_eq!((drops.get(), bombs.get()), (10, 0));
}

/// A hash function of the program that panics in the middle of an insertion leaves a map that can be traced.
pub(in super::super) fn panic_in_a_key(kit: &Kit) {
    use std::collections::HashMap;
    use std::hash::{Hash, Hasher};

    #[derive(PartialEq, Eq)]
    struct Key(u64, Rc<Cell<bool>>);
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            if self.1.get() {
                unwind();
            }
            self.0.hash(state);
        }
    }

    #[derive(Trace)]
    struct Map<'gc> {
        map: RefLock<HashMap<Key, Gc<'gc, u64>>>,
    }
    let angry = Rc::new(Cell::new(false));
    let mut heap = Heap::<Rootable![Gc<'_, Map<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new(mc, Map { map: RefLock::new(HashMap::new()) })
    })
    .unwrap();
    for key in 0..200 {
        angry.set(key % 3 == 2);
        let _ = caught(|| {
            heap.mutate(|mc, root| {
                field!(mc, root.map).borrow_mut().insert(Key(key, angry.clone()), Gc::new(mc, key));
            })
        });
        angry.set(false);
        heap.collect_minor();
    }
    let len = heap.mutate(|_, root| {
        let map = root.map.borrow();
        assert!(map.iter().all(|(key, value)| key.0 == **value));
        map.len() as u64
    });
    kit.expect_verified(&mut heap, 1 + len, 0);
}
