//! Sizes and alignments at the edges, borrow flags, and every container that can hold a pointer.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, LinkedList, VecDeque};
use std::sync::Mutex;

use super::{Kit, Node};
use crate::{Gc, Heap, Lock, Mutator, OnceLock, RefLock, Rootable, Static, Trace, Weak, field, store};

/// Slices about as large as the largest object that shares its blocks: where one word decides who marks what.
fn slices_at_the_boundary(kit: &Kit) {
    for len in 2040..=2052 {
        let mut heap = kit.table(len);
        for round in 0..6u64 {
            for index in [0, 1, len / 3, len / 2, len - 2, len - 1] {
                heap.mutate(|mc, root| {
                    // Garbage around it, whose holes are used again.
                    (0..200).for_each(|n| assert!(Node::make(mc, n, None).next.get().is_none()));
                    store!(mc, root[index], Some(Node::make(mc, round + index as u64, None)));
                });
                match index % 3 {
                    0 => heap.collect(),
                    1 => heap.collect_minor(),
                    _ => {
                        heap.step(512);
                    }
                }
            }
            heap.mutate(|_, root| {
                for index in [0, 1, len / 3, len / 2, len - 2, len - 1] {
                    assert_eq!(root[index].get().expect("stored").value, round + index as u64, "{len} elements");
                }
            });
        }
        kit.expect_verified(&mut heap, 6 + 1, 0);
    }
}

pub(in super::super) fn wide_slices(kit: &Kit) {
    slices_at_the_boundary(kit);
    const WIDTH: usize = 150_000;
    let mut heap = kit.table(WIDTH);
    // Filled in pieces, with collections between: the array is old and its elements are young.
    for piece in 0..10 {
        let range = piece * WIDTH / 10..(piece + 1) * WIDTH / 10;
        heap.mutate(|mc, root| {
            for index in range {
                store!(mc, root[index], Some(Node::make(mc, index as u64, None)));
            }
        });
        heap.collect_minor();
        heap.step(4096);
    }
    kit.expect_verified(&mut heap, WIDTH as u64 + 1, 0);
    heap.mutate(|mc, root| {
        assert!(root.iter().enumerate().all(|(index, slot)| slot.get().unwrap().value == index as u64));
        // One young object far from the others.
        store!(mc, root[WIDTH - 1], Some(Node::make(mc, 7, None)));
        store!(mc, root[WIDTH / 2], None);
    });
    heap.collect_minor();
    heap.mutate(|mc, root| {
        assert_eq!(root[WIDTH - 1].get().unwrap().value, 7);
        // Through a view of the whole slice.
        let all = Gc::write(mc, *root);
        for index in (0..WIDTH).step_by(2) {
            all[index].set(None);
        }
    });
    kit.expect_verified(&mut heap, WIDTH as u64 / 2 + 1, 0);
}

macro_rules! aligned {
    ($($name:ident $align:literal)*) => {$(
        #[derive(Trace)]
        #[repr(align($align))]
        struct $name<'gc> {
            value: u64,
            next: Lock<Option<Gc<'gc, Node<'gc>>>>,
        }

        impl<'gc> $name<'gc> {
            fn make(mc: &Mutator<'gc>, value: u64) -> Gc<'gc, Self> {
                Gc::new(mc, $name { value, next: Lock::new(Some(Node::make(mc, value, None))) })
            }

            fn check(gc: Gc<'gc, Self>, value: u64) {
                assert!(Gc::as_ptr(gc).addr().is_multiple_of($align), "{} is not aligned", stringify!($name));
                assert_eq!(gc.value, value);
                assert_eq!(gc.next.get().unwrap().value, value);
            }
        }
    )*};
}
aligned! { A16 16 A64 64 A1024 1024 A4096 4096 A65536 65_536 }

#[derive(Trace)]
struct Aligned<'gc> {
    a16: Gc<'gc, A16<'gc>>,
    a64: Gc<'gc, A64<'gc>>,
    a1024: Gc<'gc, A1024<'gc>>,
    a4096: Gc<'gc, A4096<'gc>>,
    a65536: Gc<'gc, A65536<'gc>>,
    slice: Gc<'gc, [A64<'gc>]>,
    erased: Gc<'gc, ()>,
    weak: Weak<'gc, ()>,
}

type AlignedRoot = Rootable![Gc<'_, RefLock<Vec<Aligned<'_>>>>];

pub(in super::super) fn over_aligned(kit: &Kit) {
    const ROUNDS: usize = 12;
    let mut heap =
        Heap::<AlignedRoot>::with_options(Kit::options(), kit.collector(), |mc| Gc::new(mc, RefLock::new(Vec::new())))
            .expect("a heap can be made");
    for round in 0..ROUNDS as u64 {
        heap.mutate(|mc, root| {
            // Small objects between, so that nothing is aligned by accident.
            for _ in 0..round {
                Gc::new(mc, round);
            }
            let a4096 = A4096::make(mc, round);
            let slice = Gc::new_slice_with(mc, 5, |index| A64 {
                value: index as u64,
                next: Lock::new(Some(Node::make(mc, round, None))),
            });
            let aligned = Aligned {
                a16: A16::make(mc, round),
                a64: A64::make(mc, round),
                a1024: A1024::make(mc, round),
                a4096,
                a65536: A65536::make(mc, round),
                slice,
                erased: Gc::erase(a4096),
                weak: Gc::downgrade(Gc::erase(slice), mc),
            };
            root.borrow_mut(mc).push(aligned);
        });
        if round.is_multiple_of(3) {
            heap.collect_minor();
        }
    }
    let check = |heap: &mut Heap<AlignedRoot>| {
        heap.mutate(|mc, root| {
            for (round, aligned) in root.borrow().iter().enumerate() {
                let round = round as u64;
                A16::check(aligned.a16, round);
                A64::check(aligned.a64, round);
                A1024::check(aligned.a1024, round);
                A4096::check(aligned.a4096, round);
                A65536::check(aligned.a65536, round);
                assert!(Gc::as_ptr(aligned.slice).addr().is_multiple_of(64));
                for (index, element) in aligned.slice.iter().enumerate() {
                    assert_eq!((element.value, element.next.get().unwrap().value), (index as u64, round));
                }
                assert!(Gc::ptr_eq(aligned.erased, Gc::erase(aligned.a4096)));
                assert!(Gc::ptr_eq(aligned.weak.upgrade(mc).unwrap(), Gc::erase(aligned.slice)));
            }
        });
    };
    check(&mut heap);
    // Each holds five objects, a slice, ten nodes and a cell.
    kit.expect_verified(&mut heap, 1 + ROUNDS as u64 * 17, 0);
    check(&mut heap);
    heap.mutate(|mc, root| root.borrow_mut(mc).truncate(1));
    kit.expect_verified(&mut heap, 1 + 17, 0);
    check(&mut heap);
}

type Arrays = Rootable![Gc<'_, [Lock<Option<Gc<'_, [u64]>>>]>];

/// Footprints of one line, of half a block, which is the largest that shares one, and of a block, and a few words less
/// and more.
pub(in super::super) fn edge_sizes(kit: &Kit) {
    let words: Vec<usize> = [32, 2048, 4096].into_iter().flat_map(|edge| edge - 6..edge + 6).collect();
    let mut heap = Heap::<Arrays>::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new_slice_with(mc, words.len(), |_| Lock::new(None))
    })
    .expect("a heap can be made");
    let content = |round: usize, index: usize, word: usize| (round << 40 | index << 20 | word) as u64;
    let mut rounds = vec![0; words.len()];
    for round in 0..12 {
        heap.mutate(|mc, root| {
            for (index, &len) in words.iter().enumerate() {
                // Garbage of the same size on both sides, so that there is something to reuse.
                Gc::new_slice_with(mc, len, |_| u64::MAX);
                if (index + round) % 3 == 0 {
                    let array = Gc::new_slice_with(mc, len, |word| content(round, index, word));
                    store!(mc, root[index], Some(array));
                    rounds[index] = round;
                }
                Gc::new_slice_with(mc, len, |_| u64::MAX);
            }
        });
        match round % 4 {
            0 => heap.collect_minor(),
            1 => {
                heap.step(1 << 14);
            }
            _ => heap.collect(),
        }
        heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
        heap.mutate(|_, root| {
            for (index, array) in root.iter().enumerate() {
                let intact = |array: Gc<'_, [u64]>| {
                    array.len() == words[index]
                        && array.iter().enumerate().all(|(word, &w)| w == content(rounds[index], index, word))
                };
                assert!(array.get().is_none_or(intact), "the array of {} words has changed", words[index]);
            }
        });
    }
    kit.expect_verified(&mut heap, 1 + words.len() as u64, 0);
}

thread_local! {
    static NOTHINGS: Cell<u64> = const { Cell::new(0) };
}

/// Has no size, and drop glue.
struct Nothing;

impl Drop for Nothing {
    fn drop(&mut self) {
        NOTHINGS.set(NOTHINGS.get() + 1);
    }
}

#[derive(Trace)]
struct Zeros<'gc> {
    unit: Gc<'gc, ()>,
    array: Gc<'gc, [u64; 0]>,
    units: Gc<'gc, [()]>,
    empty: Gc<'gc, [Gc<'gc, u64>]>,
    text: Gc<'gc, str>,
    none: Gc<'gc, [Gc<'gc, u64>; 0]>,
    many: Gc<'gc, [[Gc<'gc, u64>; 0]]>,
    list: Vec<[Gc<'gc, u64>; 0]>,
    boxed: Box<[[Gc<'gc, u64>; 0]]>,
    glue: Gc<'gc, Static<Nothing>>,
    glues: Gc<'gc, [Static<Nothing>]>,
}

pub(in super::super) fn zero_sized(kit: &Kit) {
    type Root = Rootable![Gc<'_, Lock<Option<Gc<'_, Zeros<'_>>>>>];
    NOTHINGS.set(0);
    // Longer than anything could be looked at one by one.
    const MANY: usize = usize::MAX / 64;
    let mut heap =
        Heap::<Root>::with_options(Kit::options(), kit.collector(), |mc| Gc::new(mc, Lock::new(None))).unwrap();
    heap.mutate(|mc, root| {
        let zeros = Zeros {
            unit: Gc::new(mc, ()),
            array: Gc::new(mc, []),
            units: Gc::new_slice(mc, &[(); 1000]),
            empty: Gc::new_slice_with(mc, 0, |_| unreachable!()),
            text: Gc::new_str(mc, ""),
            none: Gc::new(mc, []),
            many: Gc::new_slice(mc, &[[]; MANY]),
            list: (Box::new([[]; MANY]) as Box<[_]>).into_vec(),
            boxed: Box::new([[]; MANY]),
            glue: Gc::new(mc, Static(Nothing)),
            glues: Gc::new_slice_with(mc, 1000, |_| Static(Nothing)),
        };
        let addresses = [Gc::as_ptr(zeros.unit), Gc::as_ptr(zeros.array), Gc::as_ptr(zeros.none)];
        assert!(addresses[0] != addresses[1] && addresses[1] != addresses[2], "objects have addresses of their own");
        root.set(mc, Some(Gc::new(mc, zeros)));
    });
    for _ in 0..3 {
        kit.expect_verified(&mut heap, 11, 0);
        heap.mutate(|_, root| {
            let zeros = root.get().unwrap();
            assert_eq!((zeros.units.len(), zeros.many.len(), zeros.glues.len()), (1000, MANY, 1000));
            assert!(zeros.empty.is_empty() && zeros.text.is_empty());
            let _: (&(), &[u64; 0], &Nothing) = (&zeros.unit, &zeros.array, &zeros.glue.0);
            assert!(zeros.none.is_empty());
            assert_eq!((zeros.list.len(), zeros.boxed.len()), (MANY, MANY));
        });
        heap.collect_minor();
    }
    assert_eq!(NOTHINGS.get(), 0);
    heap.mutate(|mc, root| root.set(mc, None));
    kit.expect_verified(&mut heap, 1, 0);
    assert_eq!(NOTHINGS.get(), if heap.capabilities().reclaims { 1001 } else { 0 });
    drop(heap);
    assert_eq!(NOTHINGS.get(), 1001);
}

#[derive(Trace)]
struct Bag<'gc> {
    items: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
    lock: Static<Mutex<u64>>,
}

/// A guard that is forgotten leaves its flag set for ever. Collections go on, and see what is inside.
pub(in super::super) fn forgotten_borrow(kit: &Kit) {
    let mut heap = Heap::<Rootable![Gc<'_, Bag<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new(mc, Bag { items: RefLock::new(Vec::new()), lock: Static(Mutex::new(5)) })
    })
    .expect("a heap can be made");
    heap.mutate(|mc, root| {
        let mut items = field!(mc, root.items).borrow_mut();
        items.extend((0..100).map(|value| Node::make(mc, value, None)));
        std::mem::forget(items);
        std::mem::forget(root.lock.0.lock().unwrap());
    });
    for _ in 0..3 {
        heap.collect_minor();
        heap.step(64);
        kit.expect_verified(&mut heap, 101, 0);
    }
    heap.mutate(|mc, root| {
        assert!(root.items.try_borrow().is_err(), "the flag is still set");
        assert!(root.lock.0.try_lock().is_err());
        assert!(field!(mc, root.items).unlock().try_borrow_mut().is_err());
    });
    // The same with a shared borrow: what is inside can still be read.
    heap.mutate(|mc, root| {
        let bag = Gc::new(mc, RefLock::new(vec![Node::make(mc, 1, None)]));
        std::mem::forget(bag.borrow());
        assert!(bag.try_borrow_mut(mc).is_err());
        assert_eq!(bag.borrow()[0].value, 1);
        assert_eq!(root.items.try_borrow().err().map(|_| ()), Some(()));
    });
    kit.expect_verified(&mut heap, 101, 0);
}

type P<'gc> = Gc<'gc, u64>;

/// Every container that may hold pointers.
#[derive(Trace)]
struct Containers<'gc> {
    option: Option<P<'gc>>,
    ok: Result<P<'gc>, u8>,
    err: Result<u8, P<'gc>>,
    boxed: Box<P<'gc>>,
    slice: Box<[P<'gc>]>,
    vector: Vec<Option<P<'gc>>>,
    queue: VecDeque<P<'gc>>,
    list: LinkedList<P<'gc>>,
    array: [P<'gc>; 3],
    hashed: HashMap<String, P<'gc>>,
    sorted: BTreeMap<u8, Vec<P<'gc>>>,
    tuple: (P<'gc>, u8, (P<'gc>,)),
    lock: Lock<P<'gc>>,
    shared: RefLock<VecDeque<P<'gc>>>,
    once: OnceLock<P<'gc>>,
    unset: OnceLock<P<'gc>>,
    weak: Lock<Option<Weak<'gc, u64>>>,
}

impl<'gc> Containers<'gc> {
    /// Pointers in it, weak ones not counted.
    const POINTERS: usize = 31;

    fn new(p: &mut impl FnMut() -> P<'gc>) -> Self {
        let mut queue = VecDeque::with_capacity(4);
        // A queue that wraps around the end of its buffer.
        queue.extend([p(), p(), p()]);
        queue.rotate_left(2);
        queue.push_back(p());
        Containers {
            option: Some(p()),
            ok: Ok(p()),
            err: Err(p()),
            boxed: Box::new(p()),
            slice: vec![p(), p()].into(),
            vector: vec![Some(p()), None, Some(p())],
            queue,
            list: [p(), p()].into(),
            array: [p(), p(), p()],
            hashed: (0..5).map(|key: u32| (key.to_string(), p())).collect(),
            sorted: [(1, vec![p()]), (2, vec![]), (3, vec![p(), p()])].into(),
            tuple: (p(), 0, (p(),)),
            lock: Lock::new(p()),
            shared: RefLock::new([p(), p()].into()),
            once: OnceLock::with_value(p()),
            unset: OnceLock::new(),
            weak: Lock::new(None),
        }
    }

    fn all(&self) -> Vec<P<'gc>> {
        let mut all = vec![self.option.unwrap(), self.ok.unwrap(), self.err.unwrap_err(), *self.boxed];
        all.extend(&*self.slice);
        all.extend(self.vector.iter().flatten());
        all.extend(&self.queue);
        all.extend(&self.list);
        all.extend(&self.array);
        all.extend(self.hashed.values());
        all.extend(self.sorted.values().flatten());
        all.extend([self.tuple.0, self.tuple.2.0, self.lock.get(), *self.once.get().unwrap()]);
        all.extend(self.shared.borrow().iter());
        all
    }
}

/// Each container reports each pointer once, and moves with it.
pub(in super::super) fn containers(kit: &Kit) {
    let count = Cell::new(0);
    let mut heap = Heap::<Rootable![Gc<'_, Containers<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        let mut p = || {
            count.set(count.get() + 1);
            Gc::new(mc, count.get())
        };
        let mut containers = Containers::new(&mut p);
        containers.weak = Lock::new(Some(Gc::downgrade(containers.lock.get(), mc)));
        Gc::new(mc, containers)
    })
    .expect("a heap can be made");
    let pointers = Containers::POINTERS as u64;
    assert_eq!(count.get(), pointers);
    let census = heap.verify().unwrap();
    assert_eq!(census.edges, pointers + 2, "and the root's, and the one to the weak cell");
    for _ in 0..3 {
        heap.mutate(|mc, root| {
            let mut values: Vec<u64> = root.all().into_iter().map(|p| *p).collect();
            values.sort_unstable();
            assert!(values.into_iter().eq(1..=pointers));
            assert!(Gc::ptr_eq(root.weak.get().unwrap().upgrade(mc).unwrap(), root.lock.get()));
            let fresh = Gc::new(mc, *root.lock.get());
            store!(mc, root.lock, fresh);
            store!(mc, root.weak, Some(Gc::downgrade(fresh, mc)));
        });
        heap.collect_minor();
        kit.expect_verified(&mut heap, pointers + 2, 0);
    }
}
