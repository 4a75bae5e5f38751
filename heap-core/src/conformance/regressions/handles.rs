//! Roots that come and go at odd times, and heaps that do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::super::model::Promise;
use super::{Counted, Counting, Kit, List, Node, counting, measure, prepend};
use crate::{
    Gc, Handle, Heap, HeapOptions, Lock, Mutator, RootSet, Rootable, SetHandle, Static, Trace, WrongSet, store,
};

type NodeHandle = Handle<Rootable![Gc<'_, Node<'_>>]>;

fn stash<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) -> NodeHandle {
    mc.stash(node)
}

/// Handles are exactly as good as roots: made and dropped inside `mutate`, between, cloned, reused.
pub(in super::super) fn handles(kit: &Kit) {
    let mut heap = kit.list();
    let mut kept: Vec<NodeHandle> = Vec::new();
    for round in 0..60u64 {
        let handle = heap.mutate(|mc, _| {
            // Made and dropped at once: never seen by a safepoint.
            drop(stash(mc, Node::make(mc, 0, None)));
            stash(mc, Node::make(mc, round, Some(Node::make(mc, round, None))))
        });
        kept.push(handle.clone());
        if round % 3 == 0 {
            kept.remove(kept.len() / 2);
        }
        if round % 5 == 4 {
            heap.mutate(|mc, _| {
                let moved = mc.fetch(&kept[0]);
                kept[0] = stash(mc, moved);
            });
        }
        drop(handle);
        match round % 4 {
            0 => heap.collect_minor(),
            1 => {
                heap.step(32);
            }
            _ => {}
        }
        assert_eq!(heap.handles(), kept.len());
    }
    kit.expect_verified(&mut heap, 1 + 2 * kept.len() as u64, 0);
    let mut values: Vec<u64> = heap.mutate(|mc, _| kept.iter().map(|handle| mc.fetch(handle).value).collect());
    values.dedup();
    assert_eq!(values.len(), kept.len());
    kept.truncate(2);
    kit.expect_verified(&mut heap, 5, 0);
    kept.clear();
    kit.expect_verified(&mut heap, 1, 0);
}

/// A handle that is made while the root is.
pub(in super::super) fn handle_made_with_the_root(kit: &Kit) {
    let mut handle = None;
    let mut heap = Heap::<List>::with_options(Kit::options(), kit.collector(), |mc| {
        handle = Some(stash(mc, Node::make(mc, 5, None)));
        Node::make(mc, 1, None)
    })
    .unwrap();
    kit.expect_verified(&mut heap, 2, 0);
    let handle = handle.unwrap();
    heap.mutate(|mc, root| assert_eq!((root.value, mc.fetch(&handle).value), (1, 5)));
    drop(handle);
    kit.expect_verified(&mut heap, 1, 0);
}

/// A handle is good in its own heap only, and may outlive it.
pub(in super::super) fn handles_and_other_heaps(kit: &Kit) {
    let (mut first, mut second) = (kit.list(), kit.list());
    let handle = first.mutate(|mc, root| stash(mc, *root));
    assert_eq!(handle.heap_id(), first.id());
    second.mutate(|mc, _| assert!(mc.try_fetch(&handle).is_none(), "a handle of another heap"));
    assert!(first.mutate(|mc, _| mc.try_fetch(&handle).is_some()));
    drop(first);
    // A new heap may get the same memory, and must not get the same number.
    let mut third = kit.list();
    third.mutate(|mc, _| assert!(mc.try_fetch(&handle).is_none()));
    let more: Vec<NodeHandle> = std::iter::repeat_n(&handle, 10).cloned().collect();
    drop(handle);
    drop(more);
    kit.expect_verified(&mut third, 1, 0);
}

type KeeperHandle = Handle<Rootable![Gc<'_, Keeper>]>;

/// Holds a handle, and releases it in its drop glue.
#[derive(Trace)]
struct Keeper {
    handle: Static<RefCell<Option<KeeperHandle>>>,
    counted: Static<Counted>,
}

/// The glue of each object releases the handle on the next: each full collection frees one.
pub(in super::super) fn handles_dropped_in_drop_glue(kit: &Kit) {
    const LENGTH: u64 = 6;
    let drops = Rc::new(Cell::new(0));
    let mut heap = kit.list();
    let mut first = None;
    for _ in 0..LENGTH {
        first = Some(heap.mutate(|mc, _| {
            let keeper = Keeper { handle: Static(RefCell::new(first.take())), counted: Static(Counted(drops.clone())) };
            mc.stash_as::<Rootable![Gc<'_, Keeper>]>(Gc::new(mc, keeper))
        }));
        heap.collect_minor();
    }
    kit.expect_verified(&mut heap, 1 + LENGTH, 0);
    drop(first);
    if heap.capabilities().reclaims {
        for dead in 1..=LENGTH {
            // The handle is released while the collection runs, so it counts from the next one on.
            kit.expect(&mut heap, 1 + LENGTH - dead, 0);
            assert_eq!(drops.get(), dead);
        }
        kit.expect_verified(&mut heap, 1, 0);
    }
    drop(heap);
    assert_eq!(drops.get(), LENGTH);
}

type Inner = Heap<Rootable![Gc<'_, Counting<'_>>]>;

/// Owns heaps; its glue drops one, collects another, and asks who is there.
#[derive(Trace)]
struct Owner {
    #[trace(require_static)]
    owned: Option<Inner>,
    #[trace(require_static)]
    shared: Rc<RefCell<Inner>>,
    #[trace(require_static)]
    nosy: Nosy,
}

struct Nosy(Rc<RefCell<Inner>>);

impl Drop for Nosy {
    fn drop(&mut self) {
        let mut inner = self.0.borrow_mut();
        inner.mutate(|mc, root| {
            let counted = root.counted.0.0.clone();
            counting(mc, &counted, Some(*root));
        });
        inner.collect();
        assert!(crate::registry::heaps().iter().any(|summary| summary.id == inner.id()));
    }
}

/// Glue that runs in a collection drops another heap and collects a third.
pub(in super::super) fn heaps_in_drop_glue(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let inner = |kit: &Kit| -> Inner {
        let mut heap = Inner::with_options(Kit::options(), kit.collector(), |mc| counting(mc, &drops, None)).unwrap();
        heap.mutate(|mc, root| store!(mc, root.next, Some(counting(mc, &drops, None))));
        heap
    };
    let shared = Rc::new(RefCell::new(inner(kit)));
    let mut heap = kit.list();
    heap.mutate(|mc, _| {
        Gc::new(mc, Owner { owned: Some(inner(kit)), shared: shared.clone(), nosy: Nosy(shared.clone()) });
    });
    kit.expect_verified(&mut heap, 1, 0);
    if kit.promise(&mut heap) != Promise::KeepsAll {
        assert_eq!(drops.get(), 3, "two of the heap that was dropped, one of the heap that was collected");
    }
    drop(heap);
    kit.expect_verified(&mut shared.borrow_mut(), 2, 0);
    drop(shared);
    assert_eq!(drops.get(), 5);
}

/// Clones are dropped by other threads while this one goes on.
pub(in super::super) fn handles_on_threads(kit: &Kit) {
    let mut heap = kit.list();
    for round in 0..8u64 {
        let handles: Vec<NodeHandle> =
            heap.mutate(|mc, _| (0..200).map(|value| stash(mc, Node::make(mc, value, None))).collect());
        let mut parts: Vec<Vec<NodeHandle>> = handles.chunks(50).map(<[NodeHandle]>::to_vec).collect();
        let keep = parts.pop().unwrap();
        drop(handles);
        std::thread::scope(|scope| {
            for part in parts {
                scope.spawn(move || part.into_iter().for_each(drop));
            }
            for _ in 0..5 {
                heap.mutate(|mc, root| {
                    prepend(mc, *root, round, 20);
                    assert!(keep.iter().zip(150..).all(|(handle, value)| mc.fetch(handle).value == value));
                });
                heap.collect_minor();
                heap.step(256);
            }
        });
        heap.mutate(|mc, root| store!(mc, root.next, None));
        kit.expect_verified(&mut heap, 51, 0);
    }
    kit.expect_verified(&mut heap, 1, 0);
}

/// Many heaps at once, used in turn, dropped in another order.
pub(in super::super) fn heaps_by_the_thousand(kit: &Kit) {
    let options = || HeapOptions::default().with_limit(1 << 20).with_reservation(4 << 20);
    let mut heaps: Vec<Heap<List>> = Vec::new();
    for _ in 0..if cfg!(miri) { 20 } else { 5_000 } {
        match Heap::with_options(options(), kit.collector(), |mc| Node::make(mc, 0, None)) {
            Ok(heap) => heaps.push(heap),
            Err(error) => panic!("heap number {}: {error}", heaps.len()),
        }
    }
    for round in 0..3u64 {
        for (number, heap) in heaps.iter_mut().enumerate() {
            heap.mutate(|mc, root| prepend(mc, *root, number as u64, 3));
            if (number as u64).is_multiple_of(round + 1) {
                heap.collect();
            }
        }
    }
    let mut turn = 0;
    while !heaps.is_empty() {
        turn = (turn + 617) % heaps.len();
        let mut heap = heaps.swap_remove(turn);
        let (length, _) = heap.mutate(|_, root| measure(root.next.get()));
        assert_eq!(length, 9);
    }
}

/// A heap is a value: it moves in memory while objects and handles stay good.
pub(in super::super) fn heaps_that_move(kit: &Kit) {
    let mut heaps = Vec::new();
    let mut handles = Vec::new();
    for number in 0..20u64 {
        let mut heap = kit.list();
        handles.push(heap.mutate(|mc, root| {
            prepend(mc, *root, 0, number);
            stash(mc, *root)
        }));
        // The vector grows and moves them all.
        heaps.push(Some(heap));
        heaps[number as usize / 2].as_mut().unwrap().collect_minor();
    }
    heaps.reverse();
    handles.reverse();
    for (slot, handle) in heaps.iter_mut().zip(&handles) {
        let mut heap = Box::new(slot.take().unwrap());
        let length = heap.mutate(|mc, root| {
            assert!(Gc::ptr_eq(*root, mc.fetch(handle)));
            measure(root.next.get()).0
        });
        kit.expect_verified(&mut heap, 1 + length, 0);
        *slot = Some(*heap);
    }
    std::mem::forget(heaps.swap_remove(3));
    std::mem::forget(handles.swap_remove(4));
}

/// Heaps that are used on one thread after another, while handles of theirs are dropped on others.
pub(in super::super) fn heaps_change_threads(kit: &Kit) {
    const ROUNDS: u64 = 12;
    let mut heap = kit.list();
    let mut handle = heap.mutate(|mc, root| stash(mc, *root));
    let mut sendable = heap.into_sendable().expect("nodes may be sent");
    for round in 0..ROUNDS {
        let before = handle.clone();
        let dropper = std::thread::spawn(move || drop(before));
        let worker = std::thread::spawn(move || {
            let mut heap = sendable.into_heap();
            handle = heap.mutate(|mc, root| {
                assert!(Gc::ptr_eq(*root, mc.fetch(&handle)));
                prepend(mc, *root, round * 100, 100);
                stash(mc, *root)
            });
            match round % 4 {
                0 => heap.collect(),
                1 => heap.collect_minor(),
                2 => {
                    heap.step(100);
                }
                _ => {}
            }
            (heap.into_sendable().expect("nodes may be sent"), handle)
        });
        (sendable, handle) = worker.join().expect("the worker does not panic");
        dropper.join().expect("dropping a handle does not panic");
    }
    let mut heap = sendable.into_heap();
    let sum = (0..ROUNDS * 100).sum();
    heap.mutate(|_, root| assert_eq!(measure(root.next.get()), (ROUNDS * 100, sum)));
    kit.expect_verified(&mut heap, 1 + ROUNDS * 100, 0);
    drop(handle);
    // It may also die elsewhere.
    let sendable = heap.into_sendable().expect("nodes may be sent");
    std::thread::spawn(move || drop(sendable)).join().expect("dropping a heap does not panic");
}

/// Views: shared, nested, without a safepoint, and collected for afterwards.
pub(in super::super) fn views(kit: &Kit) {
    for options in [Kit::options(), Kit::options().with_zeal(true).with_verify(true)] {
        let mut heap = kit.list_with(options);
        let rounds = if options.zeal { 200 } else { 20_000 };
        let pauses = heap.statistics().pauses;
        for n in 0..rounds {
            let handle = heap.view(|mc, root| {
                prepend(mc, *root, n, 1);
                heap.view(|mc, inner| {
                    // The store outside is seen, and this one is seen outside.
                    assert_eq!(inner.next.get().expect("just stored").value, n);
                    let other = Node::make(mc, n + 1, inner.next.get());
                    store!(mc, inner.other, Some(other));
                    super::slots(mc, 20);
                });
                assert_eq!(root.other.get().expect("stored inside").value, n + 1);
                if n % 100 == 0 {
                    // What is read stays where it is while the view lasts.
                    let kept = root.next.get().expect("just stored");
                    heap.view(|mc, _| (0..50).map(|_| super::slots(mc, 100).len()).sum::<usize>());
                    assert_eq!(kept.value, n);
                }
                stash(mc, *root)
            });
            let length = heap.mutate(|mc, root| {
                assert!(Gc::ptr_eq(*root, mc.fetch(&handle)));
                if n % 50 == 49 {
                    store!(mc, root.next, None);
                }
                measure(root.next.get()).0
            });
            assert_eq!(length, if n % 50 == 49 { 0 } else { n % 50 + 1 });
            heap.poll();
        }
        if kit.promise(&mut heap) != Promise::KeepsAll {
            assert!(heap.statistics().pauses > pauses, "what views allocate makes collections due");
        }
        heap.view(|mc, root| store!(mc, root.other, None));
        kit.expect_verified(&mut heap, 1, 0);
    }
}

/// A heap and its handles in thread-local variables, which are destroyed in no certain order; and leaked ones.
pub(in super::super) fn thread_local_heaps(kit: &Kit) {
    thread_local! {
        static BEFORE: RefCell<Option<NodeHandle>> = const { RefCell::new(None) };
        static HEAP: RefCell<Option<Heap<List>>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<NodeHandle>> = const { RefCell::new(None) };
    }
    for order in 0..2 {
        let kit = kit.clone();
        let thread = std::thread::spawn(move || {
            if order == 0 {
                BEFORE.set(None);
                AFTER.set(None);
            }
            let mut heap = kit.list();
            let handles = heap.mutate(|mc, root| {
                prepend(mc, *root, 0, 100);
                (stash(mc, *root), stash(mc, root.next.get().unwrap()), stash(mc, *root))
            });
            std::mem::forget(handles.2);
            HEAP.set(Some(heap));
            BEFORE.set(Some(handles.0));
            AFTER.set(Some(handles.1));
        });
        thread.join().expect("the thread ends");
    }
}

/// Handles keep what weak pointers lead to, and handles on weak pointers do not.
pub(in super::super) fn handles_on_weak_pointers(kit: &Kit) {
    let mut heap = kit.list();
    let (strong, weak) = heap.mutate(|mc, _| {
        let node = Node::make(mc, 3, None);
        (stash(mc, node), mc.stash(Gc::downgrade(node, mc)))
    });
    kit.expect_verified(&mut heap, 3, 0);
    heap.mutate(|mc, _| assert_eq!(mc.fetch(&weak).upgrade(mc).unwrap().value, 3));
    drop(strong);
    kit.expect_verified(&mut heap, 2, 0);
    let reclaims = heap.capabilities().reclaims;
    heap.mutate(|mc, _| assert_eq!(mc.fetch(&weak).upgrade(mc).is_none(), reclaims));
    drop(weak);
    kit.expect_verified(&mut heap, 1, 0);
}

/// Seventy thousand references to one object, from the heap and from handles, removed in pieces.
pub(in super::super) fn many_references(kit: &Kit) {
    const REFERENCES: usize = 70_000;
    let mut heap = kit.table(REFERENCES);
    let weak = heap.mutate(|mc, root| {
        let node = Node::make(mc, 9, None);
        for index in 0..REFERENCES {
            store!(mc, root[index], Some(node));
        }
        mc.stash(Gc::downgrade(node, mc))
    });
    let handles: Vec<NodeHandle> =
        heap.mutate(|mc, root| (0..5_000).map(|_| stash(mc, root[0].get().unwrap())).collect());
    kit.expect_verified(&mut heap, 3, 0);
    for piece in 0..10 {
        heap.mutate(|mc, root| {
            for index in piece * REFERENCES / 10..(piece + 1) * REFERENCES / 10 {
                store!(mc, root[index], None);
            }
        });
        heap.collect_minor();
    }
    kit.expect_verified(&mut heap, 3, 0);
    heap.mutate(|mc, _| assert_eq!(mc.fetch(&handles[4_999]).value, 9));
    let mut handles = handles;
    handles.truncate(1);
    kit.expect_verified(&mut heap, 3, 0);
    heap.mutate(|mc, _| assert_eq!(mc.fetch(&handles[0]).value, 9));
    drop(handles);
    kit.expect_verified(&mut heap, 2, 0);
    let reclaims = heap.capabilities().reclaims;
    heap.mutate(|mc, _| assert_eq!(mc.fetch(&weak).is_dropped(mc), reclaims));
}

type NodeSetHandle = SetHandle<Rootable![Gc<'_, Node<'_>>]>;
type CallbackHandle = SetHandle<Rootable![Gc<'_, Callback<'_>>]>;

/// Owns what its callback holds handles to.
#[derive(Trace)]
struct Window<'gc> {
    roots: RootSet<'gc>,
    callback: Lock<Option<Gc<'gc, Callback<'gc>>>>,
}

/// Knows its window by a pointer, and itself by a handle.
#[derive(Trace)]
struct Callback<'gc> {
    window: Lock<Option<Gc<'gc, Window<'gc>>>>,
    captured: Static<RefCell<Option<CallbackHandle>>>,
    counted: Static<Counted>,
}

type Windows = Rootable![Gc<'_, [Lock<Option<Gc<'_, Window<'_>>>>]>];

/// Two windows.
fn windows(kit: &Kit) -> Heap<Windows> {
    Heap::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new_slice_with(mc, 2, |_| {
            Lock::new(Some(Gc::new(mc, Window { roots: RootSet::new(mc), callback: Lock::new(None) })))
        })
    })
    .unwrap()
}

/// A set keeps what its handles lead to, and no other does.
pub(in super::super) fn root_sets(kit: &Kit) {
    let (mut heap, mut other) = (windows(kit), windows(kit));
    // The slice, two windows, two sets.
    const ALL: u64 = 5;
    let handle: NodeSetHandle = heap.mutate(|mc, root| {
        let roots = root[0].get().unwrap().roots;
        drop(roots.stash(mc, Node::make(mc, 0, None)));
        roots.stash(mc, Node::make(mc, 7, Some(Node::make(mc, 8, None))))
    });
    assert_eq!(handle.heap_id(), heap.id());
    for _ in 0..3 {
        heap.collect_minor();
        // Two nodes and the pair.
        kit.expect_verified(&mut heap, ALL + 3, 0);
        heap.mutate(|mc, root| {
            let [first, second] = [0, 1].map(|n| root[n].get().unwrap().roots);
            let node = first.fetch(mc, &handle.clone());
            assert_eq!((node.value, measure(node.next.get())), (7, (1, 8)));
            assert!(first.contains(mc, &handle) && !second.contains(mc, &handle));
            assert_eq!(second.try_fetch(mc, &handle).err(), Some(WrongSet::OtherSet));
        });
    }
    other.mutate(|mc, root| {
        let roots = root[0].get().unwrap().roots;
        assert!(!roots.contains(mc, &handle));
        assert_eq!(roots.try_fetch(mc, &handle).err(), Some(WrongSet::OtherHeap));
        let panicked = super::super::tools::caught(|| roots.fetch(mc, &handle).value).unwrap_err();
        assert!(panicked.downcast_ref::<String>().unwrap().contains("another heap"));
    });
    // A pointer that was weak is one still.
    let weak = heap.mutate(|mc, root| {
        let roots = root[1].get().unwrap().roots;
        roots.stash(mc, Gc::downgrade(root[0].get().unwrap().roots.fetch(mc, &handle), mc))
    });
    kit.expect_verified(&mut heap, ALL + 5, 0);
    heap.mutate(|mc, root| {
        let weak = root[1].get().unwrap().roots.fetch(mc, &weak);
        assert_eq!(weak.upgrade(mc).map(|node| node.value), Some(7));
    });
    // The set dies, and the handle keeps nothing but the dead pair.
    let heap_reclaims = heap.capabilities().reclaims;
    heap.mutate(|mc, root| store!(mc, root[0], None));
    kit.expect(&mut heap, ALL - 2 + 3, 0);
    heap.mutate(|mc, root| {
        let roots = root[1].get().unwrap().roots;
        if heap_reclaims {
            assert!(roots.fetch(mc, &weak).is_dropped(mc));
        }
        assert_eq!(roots.try_fetch(mc, &handle).err(), Some(WrongSet::OtherSet));
    });
    drop((handle, weak));
    kit.expect_verified(&mut heap, ALL - 2, 0);

    // Cycles through Rust's half die with the set; those through the heap's half as all cycles do.
    for by_pointer in [false, true] {
        let drops = Rc::new(Cell::new(0));
        let mut heap = windows(kit);
        for round in 0..2 {
            heap.mutate(|mc, root| {
                let window = root[round].get().unwrap();
                let callback = Gc::new(
                    mc,
                    Callback {
                        window: Lock::new(by_pointer.then_some(window)),
                        captured: Static(RefCell::default()),
                        counted: Static(Counted(drops.clone())),
                    },
                );
                *callback.captured.0.borrow_mut() = Some(window.roots.stash(mc, callback));
                // The first is known to its window, the second only to itself.
                if round == 0 {
                    store!(mc, window.callback, Some(callback));
                }
            });
            heap.collect_minor();
        }
        kit.expect_verified(&mut heap, ALL + 4, 0);
        heap.mutate(|mc, root| {
            for place in [0, 1] {
                store!(mc, root[place], None);
            }
        });
        heap.collect();
        let promise = kit.promise(&mut heap);
        // The handle is dropped by the callback's glue, and its pair is garbage from then on.
        let leaks = by_pointer && promise == Promise::KeepsCycles;
        kit.expect(&mut heap, 1, if by_pointer { 8 } else { 0 });
        let dropped = if leaks || promise == Promise::KeepsAll { 0 } else { 2 };
        assert_eq!(drops.get(), dropped, "by pointer: {by_pointer}");
        drop(heap);
        assert_eq!(drops.get(), 2);
    }
}

/// Handles of sets are dropped by other threads while this one goes on; some outlive set and heap.
pub(in super::super) fn root_sets_on_threads(kit: &Kit) {
    let mut heap = windows(kit);
    let mut late = Vec::new();
    for round in 0..4u64 {
        let mut handles: Vec<NodeSetHandle> = heap.mutate(|mc, root| {
            let roots = root[round as usize % 2].get().unwrap().roots;
            (0..100).map(|value| roots.stash(mc, Node::make(mc, value, None))).collect()
        });
        let keep = handles.split_off(50);
        late.push(keep[0].clone());
        std::thread::scope(|scope| {
            scope.spawn(move || drop(handles));
            for _ in 0..5 {
                heap.mutate(|mc, root| {
                    let roots = root[round as usize % 2].get().unwrap().roots;
                    assert!(keep.iter().zip(50..).all(|(handle, value)| roots.fetch(mc, handle).value == value));
                });
                heap.collect_minor();
                heap.step(256);
            }
        });
    }
    // Those in `late`: each a node and its pair.
    kit.expect_verified(&mut heap, 5 + 2 * late.len() as u64, 0);
    let sent = heap.into_sendable().unwrap_or_else(|_| panic!("nothing in it is bound to its thread"));
    let late = std::thread::spawn(move || {
        let mut heap = sent.into_heap();
        heap.mutate(|mc, root| {
            let roots = root[0].get().unwrap().roots;
            assert_eq!(roots.fetch(mc, &late[0]).value, 50);
        });
        late
    })
    .join()
    .unwrap();
    drop(late);
}
