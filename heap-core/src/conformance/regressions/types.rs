//! Objects of every making; and under other types than their own: as `dyn`, as their first field, and back.

use std::cell::Cell;
use std::rc::Rc;

use super::{Counting, Kit, counting};
use crate::{
    Gc, GcDyn, HeaderSlice, Heap, Lock, Mutator, OnceLock, RefLock, Rootable, SliceBuilder, Static, Trace, Weak,
    dyn_trace, new_dyn, store, unsize,
};

trait Shape<'gc>: Trace<'gc> {
    fn area(&self) -> u64;
    fn scale(&self, mc: &Mutator<'gc>, this: Gc<'gc, ()>, factor: u64);
}
dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);

type Dyn<'gc> = dyn Shape<'gc> + 'gc;

/// A pointer, and more bytes than the other.
#[derive(Trace)]
struct Square<'gc> {
    padding: [u64; 9],
    side: Lock<Gc<'gc, u64>>,
}

impl<'gc> Shape<'gc> for Square<'gc> {
    fn area(&self) -> u64 {
        assert!(self.padding.iter().enumerate().all(|(index, &word)| word == index as u64));
        *self.side.get() * *self.side.get()
    }

    fn scale(&self, mc: &Mutator<'gc>, this: Gc<'gc, ()>, factor: u64) {
        let this = Gc::downcast::<Square>(this).expect("a square");
        store!(mc, this.side, Gc::new(mc, *self.side.get() * factor));
    }
}

/// Drop glue, and a box that leads to more of the kind.
#[derive(Trace)]
struct Group<'gc> {
    name: String,
    parts: RefLock<Vec<Box<Dyn<'gc>>>>,
}

impl<'gc> Shape<'gc> for Group<'gc> {
    fn area(&self) -> u64 {
        assert_eq!(self.name, "a group");
        self.parts.borrow().iter().map(|part| part.area()).sum()
    }

    fn scale(&self, mc: &Mutator<'gc>, this: Gc<'gc, ()>, factor: u64) {
        assert!(!Gc::is::<Square>(this));
        let parts = self.parts.borrow().len() as u64;
        let this = Gc::downcast::<Group>(this).expect("a group");
        crate::field!(mc, this.parts).borrow_mut().push(Box::new(square(mc, factor * parts)));
    }
}

fn square<'gc>(mc: &Mutator<'gc>, side: u64) -> Square<'gc> {
    Square { padding: core::array::from_fn(|index| index as u64), side: Lock::new(Gc::new(mc, side)) }
}

fn group<'gc>(mc: &Mutator<'gc>) -> Group<'gc> {
    Group { name: "a group".into(), parts: RefLock::new(vec![Box::new(square(mc, 2))]) }
}

#[derive(Trace)]
struct Shapes<'gc> {
    thin: RefLock<Vec<Gc<'gc, Dyn<'gc>>>>,
    wide: RefLock<Vec<GcDyn<'gc, Dyn<'gc>>>>,
    weak: RefLock<Vec<Weak<'gc, Dyn<'gc>>>>,
}

/// `dyn` objects of both sorts and boxes of them, written to while they are young, old and in the middle of a collection.
pub(in super::super) fn dyn_objects(kit: &Kit) {
    let options = Kit::options().with_zeal(true).with_verify(true);
    let mut heap = Heap::<Rootable![Gc<'_, Shapes<'_>>]>::with_options(options, kit.collector(), |mc| {
        Gc::new(mc, Shapes { thin: Default::default(), wide: Default::default(), weak: Default::default() })
    })
    .expect("a heap can be made");
    let mut hashes = Vec::new();
    for round in 1..=20 {
        heap.mutate(|mc, root| {
            let thin: [Gc<'_, Dyn<'_>>; 2] =
                [new_dyn!(mc, square(mc, round) => Dyn<'_>), new_dyn!(mc, group(mc) => Dyn<'_>)];
            crate::field!(mc, root.thin).borrow_mut().extend(thin);
            // Asked for its hash, an object gets another description when it moves.
            hashes.extend(thin.map(|gc| Gc::identity_hash(gc, mc)));
            crate::field!(mc, root.weak).borrow_mut().extend(thin.map(|gc| Gc::downgrade(gc, mc)));
            let wide = [unsize!(Gc::new(mc, square(mc, round)) => Dyn<'_>), unsize!(Gc::new(mc, group(mc)) => Dyn<'_>)];
            crate::field!(mc, root.wide).borrow_mut().extend(wide);
        });
        heap.mutate(|mc, root| {
            for shape in root.thin.borrow().iter() {
                shape.scale(mc, Gc::erase(*shape), 2);
            }
            for shape in root.wide.borrow().iter() {
                shape.scale(mc, GcDyn::erase(*shape), 2);
            }
        });
    }
    heap.mutate(|mc, root| {
        let areas = |round: u64| {
            let scaled = (round..=20).fold(round, |side, _| side * 2);
            let parts: u64 = (round..=20).enumerate().map(|(at, _)| (2 * (at as u64 + 1)).pow(2)).sum();
            [scaled * scaled, 4 + parts]
        };
        let expected: Vec<u64> = (1..=20).flat_map(areas).collect();
        let thin: Vec<u64> = root.thin.borrow().iter().map(|shape| shape.area()).collect();
        let wide: Vec<u64> = root.wide.borrow().iter().map(|shape| shape.area()).collect();
        let weak = root.weak.borrow().iter().map(|weak| weak.upgrade(mc).expect("held").area()).collect::<Vec<_>>();
        assert_eq!([&thin, &wide, &weak], [&expected; 3]);
        assert!(root.thin.borrow().iter().map(|&gc| Gc::identity_hash(gc, mc)).eq(hashes.iter().copied()));
        assert!(root.thin.borrow().iter().step_by(2).all(|&gc| Gc::is::<Square>(gc) && !Gc::is::<Group>(gc)));
        crate::field!(mc, root.thin).borrow_mut().clear();
        crate::field!(mc, root.wide).borrow_mut().clear();
    });
    heap.collect();
    if heap.capabilities().reclaims {
        heap.mutate(|mc, root| assert!(root.weak.borrow().iter().all(|weak| weak.is_dropped(mc))));
    }
}

#[derive(Trace)]
#[repr(C)]
struct Base<'gc> {
    kind: u64,
    owner: Lock<Option<Gc<'gc, Base<'gc>>>>,
}

#[derive(Trace)]
#[repr(C)]
struct Middle<'gc> {
    #[trace(prefix)]
    base: Base<'gc>,
    number: Gc<'gc, Lock<u64>>,
}

#[derive(Trace)]
#[repr(C)]
struct Leaf<'gc> {
    #[trace(prefix)]
    middle: Middle<'gc>,
    text: String,
    more: Static<Option<Box<u64>>>,
}

#[derive(Trace)]
struct Tree<'gc> {
    all: RefLock<Vec<Gc<'gc, Base<'gc>>>>,
}

/// What holds a value, or begins where one would, is none.
fn containers_are_not_their_elements(kit: &Kit) {
    use std::cmp::Reverse;
    use std::collections::{LinkedList, VecDeque};

    #[derive(Trace)]
    #[repr(C)]
    struct Plain {
        text: &'static str,
    }
    #[derive(Trace)]
    #[repr(C)]
    struct Hollow {
        #[trace(prefix)]
        nothing: [Plain; 0],
        number: u64,
    }
    let plain = || Plain { text: "text" };
    let mut heap = kit.list();
    heap.mutate(|mc, _| {
        macro_rules! are_not {
            ($($value:expr),* $(,)?) => {$(
                let gc = Gc::new(mc, $value);
                assert!(!Gc::is::<Plain>(gc) && !Gc::is::<Static<u64>>(gc), "{}", stringify!($value));
            )*};
        }
        are_not![
            Vec::<Plain>::new(),
            VecDeque::<Plain>::new(),
            LinkedList::<Plain>::new(),
            [plain()],
            [plain(), plain()],
            Some(plain()),
            OnceLock::<Plain>::new(),
            OnceLock::with_value(plain()),
            RefLock::new(plain()),
            Box::new(plain()),
            Reverse(plain()),
            std::num::Wrapping(7u64),
            (plain(),),
            (plain(), 1u8),
            plain()..plain(),
            Ok::<Plain, u8>(plain()),
            Hollow { nothing: [], number: 1 },
            Vec::<Static<u64>>::new(),
            Some(Static(1u64)),
            OnceLock::<Static<u64>>::new(),
            (Static(1u64),),
        ];
        let slice = Gc::new_slice_with(mc, 2, |_| plain());
        assert!(!Gc::is::<Plain>(slice));
        assert!(Gc::is::<Plain>(Gc::new(mc, plain())) && Gc::is::<Static<u64>>(Gc::new(mc, Static(1u64))));
        let hollow = Gc::new(mc, Hollow { nothing: [], number: 7 });
        let erased = Gc::erase(hollow);
        assert!(Gc::downcast::<Hollow>(erased).is_some_and(|hollow| hollow.number == 7 && hollow.nothing.is_empty()));
        assert_eq!(plain().text, "text");
    });
}

/// Objects of three types behind pointers to what they begin with, among them some that only such pointers hold.
pub(in super::super) fn prefixes(kit: &Kit) {
    containers_are_not_their_elements(kit);
    let options = Kit::options().with_zeal(true).with_verify(true);
    let mut heap = Heap::<Rootable![Gc<'_, Tree<'_>>]>::with_options(options, kit.collector(), |mc| {
        Gc::new(mc, Tree { all: RefLock::default() })
    })
    .expect("a heap can be made");
    for kind in 0..90 {
        heap.mutate(|mc, root| {
            let owner = root.all.borrow().last().copied();
            let base = Base { kind, owner: Lock::new(None) };
            let middle = |base| Middle { base, number: Gc::new(mc, Lock::new(kind)) };
            let gc = match kind % 3 {
                0 => Gc::new(mc, base),
                1 => Gc::upcast(Gc::new(mc, middle(base))),
                _ => {
                    let more = Static(Some(Box::new(kind)));
                    Gc::upcast(Gc::upcast(Gc::new(mc, Leaf { middle: middle(base), text: kind.to_string(), more })))
                }
            };
            store!(mc, gc.owner, owner);
            let mut all = crate::field!(mc, root.all).borrow_mut();
            // The others are held by their successors only.
            all.clear();
            all.push(gc);
        });
    }
    heap.mutate(|mc, root| {
        let mut next = root.all.borrow().last().copied();
        let mut kind = 90;
        while let Some(base) = next {
            kind -= 1;
            assert_eq!(base.kind, kind);
            assert!(Gc::is::<Base>(base) && !Gc::is::<Tree>(base) && !Gc::is::<Static<u64>>(base));
            let middle = Gc::downcast::<Middle>(base);
            assert_eq!(middle.is_some(), kind % 3 > 0);
            if let Some(middle) = middle {
                assert_eq!(middle.number.get(), kind);
                middle.number.set(mc, kind + 1);
                assert!(Gc::ptr_eq(Gc::upcast(middle), base));
            }
            let leaf = Gc::downcast::<Leaf>(Gc::erase(base));
            assert_eq!(leaf.is_some(), kind % 3 == 2);
            if let Some(leaf) = leaf {
                assert_eq!((leaf.text.parse(), leaf.more.as_deref()), (Ok(kind), Some(&kind)));
            }
            // SAFETY: the address was that of this pointer, a moment ago.
            let again = unsafe { Gc::<Base<'_>>::from_ptr(Gc::as_ptr(base)) };
            assert!(Gc::ptr_eq(again, base));
            next = base.owner.get();
        }
        assert_eq!(kind, 0);
        // Elements are not objects.
        assert!(
            !Gc::is::<Static<u64>>(Gc::new_slice(mc, &[Static(1u64)]))
                && Gc::is::<Static<u64>>(Gc::new(mc, Static(1u64)))
        );
    });
}

/// A value whose type does not tell that it contains more of the kind.
trait Link<'gc>: Trace<'gc> {
    fn take_next(&mut self) -> Option<Box<dyn Link<'gc> + 'gc>>;
}
dyn_trace!(<'gc> dyn Link<'gc> + 'gc);

#[derive(Trace)]
struct Chained<'gc> {
    next: Option<Box<dyn Link<'gc> + 'gc>>,
    object: Gc<'gc, u64>,
}

impl<'gc> Link<'gc> for Chained<'gc> {
    fn take_next(&mut self) -> Option<Box<dyn Link<'gc> + 'gc>> {
        assert_eq!(*self.object, 7);
        self.next.take()
    }
}

/// One object that owns a long chain of boxed `dyn` values, on a small stack.
pub(in super::super) fn deep_dyn_value(kit: &Kit) {
    type Chain<'gc> = RefLock<Option<Box<dyn Link<'gc> + 'gc>>>;
    super::depth::on_a_small_stack(kit, |kit| {
        const LINKS: u64 = 30_000;
        let mut heap = Heap::<Rootable![Gc<'_, Chain<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            Gc::new(mc, RefLock::new(None))
        })
        .expect("a heap can be made");
        heap.mutate(|mc, root| {
            for _ in 0..LINKS {
                let next = root.borrow_mut(mc).take();
                *root.borrow_mut(mc) = Some(Box::new(Chained { next, object: Gc::new(mc, 7) }));
            }
        });
        heap.collect_minor();
        kit.expect_verified(&mut heap, LINKS + 1, 0);
        heap.mutate(|mc, root| {
            let (mut rest, mut count) = (root.borrow_mut(mc).take(), 0);
            while let Some(mut link) = rest {
                rest = link.take_next();
                count += 1;
            }
            assert_eq!(count, LINKS);
        });
        kit.expect_verified(&mut heap, 1, 0);
    });
}

/// A pointer in every container of other crates that is traced.
#[derive(Trace)]
struct Foreign<'gc> {
    list: allocator_api2::vec::Vec<Number<'gc>>,
    boxed: allocator_api2::boxed::Box<Number<'gc>>,
    array: arrayvec::ArrayVec<Number<'gc>, 4>,
    by_enum: enum_map::EnumMap<bool, Number<'gc>>,
    map: hashbrown::HashMap<u64, Number<'gc>, FixedState>,
    table: hashbrown::HashTable<(u64, Number<'gc>)>,
    ordered: indexmap::IndexMap<Gc<'gc, str>, Number<'gc>, FixedState>,
    set: indexmap::IndexSet<Gc<'gc, str>, FixedState>,
    slots: slotmap::SlotMap<slotmap::DefaultKey, Number<'gc>>,
    dense: slotmap::DenseSlotMap<slotmap::DefaultKey, Number<'gc>>,
    secondary: slotmap::SecondaryMap<slotmap::DefaultKey, Number<'gc>>,
    sparse: slotmap::SparseSecondaryMap<slotmap::DefaultKey, Number<'gc>, FixedState>,
    small: smallvec::SmallVec<[Number<'gc>; 2]>,
    large: smallvec::SmallVec<[Number<'gc>; 2]>,
    ranges: (std::ops::Range<Number<'gc>>, std::cmp::Reverse<Number<'gc>>),
    function: fn(Number<'gc>) -> u64,
    text: std::borrow::Cow<'static, str>,
}

type Number<'gc> = Gc<'gc, Lock<u64>>;
type FixedState = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

impl<'gc> Foreign<'gc> {
    fn new(mc: &Mutator<'gc>, first: u64) -> Self {
        let mut next = first;
        let mut number = || {
            next += 1;
            Gc::new(mc, Lock::new(next - 1))
        };
        let key = |text: &str| Gc::new_str(mc, text);
        let mut slots = slotmap::SlotMap::new();
        let id = slots.insert(number());
        let mut dense = slotmap::DenseSlotMap::new();
        dense.insert(number());
        Foreign {
            list: [number(), number()].into_iter().collect(),
            boxed: allocator_api2::boxed::Box::new(number()),
            array: [number(), number()].into_iter().collect(),
            by_enum: enum_map::EnumMap::from_fn(|_| number()),
            map: [(1, number()), (2, number())].into_iter().collect(),
            table: {
                let mut table = hashbrown::HashTable::new();
                table.insert_unique(7, (7, number()), |(hash, _)| *hash);
                table
            },
            ordered: [(key("one"), number()), (key("two"), number())].into_iter().collect(),
            set: [key("three"), key("four")].into_iter().collect(),
            secondary: [(id, number())].into_iter().collect(),
            sparse: [(id, number())].into_iter().collect(),
            slots,
            dense,
            small: [number()].into_iter().collect(),
            large: (0..5).map(|_| number()).collect(),
            ranges: (number()..number(), std::cmp::Reverse(number())),
            function: |number| number.get(),
            text: first.to_string().into(),
        }
    }

    /// All numbers, in the order in which they were made.
    fn numbers(&self) -> Vec<u64> {
        let id = self.slots.keys().next().expect("one slot");
        let (range, reverse) = &self.ranges;
        let in_order = (self.slots.values().chain(self.dense.values()))
            .chain(self.list.iter())
            .chain([&*self.boxed])
            .chain(&self.array)
            .chain(self.by_enum.values())
            .chain([&self.map[&1], &self.map[&2]])
            .chain(self.table.iter().map(|(_, number)| number))
            .chain([&self.ordered["one"], &self.ordered["two"]])
            .chain([&self.secondary[id], &self.sparse[id]])
            .chain(&self.small)
            .chain(&self.large)
            .chain([&range.start, &range.end, &reverse.0]);
        in_order.map(|&number| (self.function)(number)).collect()
    }
}

/// Containers of other crates, young and old, moved and written to.
pub(in super::super) fn foreign_containers(kit: &Kit) {
    type Root<'gc> = Gc<'gc, RefLock<Vec<Foreign<'gc>>>>;
    let options = Kit::options().with_zeal(true).with_verify(true);
    let mut heap =
        Heap::<Rootable![Root<'_>]>::with_options(options, kit.collector(), |mc| Gc::new(mc, RefLock::default()))
            .expect("a heap can be made");
    const NUMBERS: u64 = 25;
    for round in 0..20 {
        heap.mutate(|mc, root| {
            root.borrow_mut(mc).push(Foreign::new(mc, round * 100));
            for (index, foreign) in root.borrow().iter().enumerate() {
                let first = index as u64 * 100;
                assert_eq!(foreign.numbers(), (first..first + NUMBERS).collect::<Vec<_>>());
                assert!(foreign.set.contains("three") && foreign.set.contains("four") && !foreign.set.contains("one"));
                assert_eq!(foreign.text, first.to_string());
            }
        });
    }
    heap.mutate(|mc, root| root.borrow_mut(mc).clear());
    kit.expect_verified(&mut heap, 1, 0);
}

/// An iterator that is wrong about its length.
struct Wrong {
    said: usize,
    left: u64,
}

impl Iterator for Wrong {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        Some(self.left)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.said, Some(self.said))
    }
}

#[derive(Trace)]
struct Actor<'gc> {
    this: Weak<'gc, Actor<'gc>>,
    number: Gc<'gc, u64>,
}

#[derive(Trace)]
struct Made<'gc> {
    slices: RefLock<Vec<Gc<'gc, [Gc<'gc, Counting<'gc>>]>>>,
    owners: RefLock<Vec<Gc<'gc, [String]>>>,
    actors: RefLock<Vec<Gc<'gc, Actor<'gc>>>>,
    weak: RefLock<Vec<Weak<'gc, Actor<'gc>>>>,
}

/// Slices of vectors, of iterators that know their length, do not, and lie; builders, some of which are given up; objects that
/// know themselves.
pub(in super::super) fn constructors(kit: &Kit) {
    let drops = Rc::new(Cell::new(0));
    let options = Kit::options().with_zeal(true).with_verify(true);
    let mut heap = Heap::<Rootable![Gc<'_, Made<'_>>]>::with_options(options, kit.collector(), |mc| {
        let (slices, owners) = (RefLock::default(), RefLock::default());
        Gc::new(mc, Made { slices, owners, actors: RefLock::default(), weak: RefLock::default() })
    })
    .expect("a heap can be made");
    for round in 0..12u64 {
        heap.mutate(|mc, root| {
            let node = |_| counting(mc, &drops, None);
            let by_hint = Gc::from_iter(mc, (0..5).map(node));
            let by_vec = Gc::from_iter(mc, (0..10).filter(|n| n % 2 == 0).map(node));
            let moved = Gc::from_vec(mc, (0..5).map(node).collect());
            let mut builder = SliceBuilder::new(mc, 5);
            builder.extend((0..4).map(node));
            assert_eq!((builder.missing(), builder.as_slice().len()), (1, 4));
            builder.push(node(4));
            crate::field!(mc, root.slices).borrow_mut().extend([by_hint, by_vec, moved, builder.finish()]);

            let text = |n: u64| format!("{round} and {n}");
            let mut owners = crate::field!(mc, root.owners).borrow_mut();
            owners.push(Gc::from_vec(mc, (0..3).map(text).collect()));
            owners.push(Gc::from_iter(mc, (0..3).map(text)));
            let mut given_up = SliceBuilder::new(mc, 3);
            given_up.push(String::from("given up"));
            given_up.as_mut_slice()[0].push('!');

            for (said, yields) in [(0, 3), (2, 3), (5, 3), (3, 3), (3, 0)] {
                let wrong = Gc::from_iter(mc, Wrong { said, left: yields });
                assert!(wrong.iter().copied().eq((0..yields).rev()), "said {said}, yielded {yields}");
            }

            let actor = Gc::new_cyclic(mc, |this| {
                assert!(this.upgrade(mc).is_none() && this.is_dropped(mc));
                Actor { this, number: Gc::new(mc, round) }
            });
            let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Gc::new_cyclic(mc, |this| {
                    crate::field!(mc, root.weak).borrow_mut().push(this);
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
            }));
            assert!(failed.is_err() && root.weak.borrow().last().is_some_and(|weak| weak.is_dropped(mc)));
            assert!(Gc::ptr_eq(Gc::downgrade(actor, mc).upgrade(mc).expect("held"), actor));
            crate::field!(mc, root.weak).borrow_mut().push(actor.this);
            if round % 2 == 0 {
                crate::field!(mc, root.actors).borrow_mut().push(actor);
            }
        });
    }
    heap.mutate(|mc, root| {
        assert!(root.slices.borrow().iter().all(|slice| slice.len() == 5));
        let texts = |round: u64| (0..6).map(move |n| format!("{round} and {}", n % 3));
        let owners = root.owners.borrow();
        assert!(owners.iter().flat_map(|slice| slice.iter().cloned()).eq((0..12).flat_map(texts)));
        let actors = root.actors.borrow();
        assert!(actors.iter().map(|actor| *actor.number).eq((0..12).step_by(2)));
        assert!(actors.iter().all(|actor| Gc::ptr_eq(actor.this.upgrade(mc).expect("held"), *actor)));
    });
    assert_eq!(drops.get(), 0);
    if heap.capabilities().reclaims {
        heap.collect();
        heap.mutate(|mc, root| {
            let alive = root.weak.borrow().iter().filter(|weak| !weak.is_dropped(mc)).count();
            // An actor's pointer to itself is weak: nothing else holds those of the odd rounds.
            assert_eq!(alive, 6);
            crate::field!(mc, root.slices).borrow_mut().clear();
        });
        heap.collect();
        assert_eq!(drops.get(), 12 * 20);
    }
}

/// A value with drop glue and a pointer, and an odd size.
#[derive(Trace)]
struct Front<'gc> {
    text: String,
    first: Lock<Option<Gc<'gc, u64>>>,
    odd: u8,
}

/// One that wants an alignment of its own.
#[derive(Trace)]
#[repr(align(64))]
struct Aligned<'gc>(Gc<'gc, u64>);

type Table<'gc, H, T> = Gc<'gc, HeaderSlice<H, [T]>>;
type Tables<'gc, H, T> = RefLock<Vec<Table<'gc, H, T>>>;
type Glue = Static<super::Counted>;

#[derive(Trace)]
struct Behind<'gc> {
    fronts: Tables<'gc, Front<'gc>, Lock<Option<Gc<'gc, u64>>>>,
    aligned: Tables<'gc, Aligned<'gc>, u8>,
    counted: Tables<'gc, (), Table<'gc, Glue, Glue>>,
}

/// Values with slices behind them: of no elements and of many, aligned, with glue, given up half-way, asked for their hash and
/// moved, written to while they are young and old.
pub(in super::super) fn header_slices(kit: &Kit) {
    const LENS: [usize; 7] = [0, 1, 2, 3, 40, 3_000, 40_000];
    let drops = Rc::new(Cell::new(0));
    let counted = || Static(super::Counted(drops.clone()));
    let mut heap = Heap::<Rootable![Gc<'_, Behind<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
        Gc::new(mc, Behind { fronts: RefLock::default(), aligned: RefLock::default(), counted: RefLock::default() })
    })
    .expect("a heap can be made");
    let mut hashes = Vec::new();
    for (round, &len) in LENS.iter().enumerate() {
        heap.mutate(|mc, root| {
            let front = Front { text: format!("{len} behind"), first: Lock::new(None), odd: round as u8 };
            let front = Gc::new_header_slice(mc, front, len, |at| Lock::new(Some(Gc::new(mc, at as u64))));
            hashes.push(Gc::identity_hash(front, mc));
            crate::field!(mc, root.fronts).borrow_mut().push(front);
            let aligned = Aligned(Gc::new(mc, round as u64));
            let aligned = Gc::new_header_slice(mc, aligned, len.min(5_000), |at| at as u8);
            crate::field!(mc, root.aligned).borrow_mut().push(aligned);
            let inner = |at| Gc::new_header_slice(mc, counted(), at % 4, |_| counted());
            crate::field!(mc, root.counted).borrow_mut().push(Gc::new_header_slice(mc, (), len.min(100), inner));
            let given_up = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Gc::new_header_slice(mc, counted(), 9, |at| {
                    if at == 5 {
                        std::panic::resume_unwind(Box::new("on purpose"));
                    }
                    counted()
                });
            }));
            assert!(given_up.is_err());
        });
        assert_eq!(drops.take(), 6, "the value and five elements were dropped, and nothing else yet");
        heap.collect_minor();
        heap.mutate(|mc, root| {
            for front in root.fronts.borrow().iter() {
                store!(mc, front => header.first, Some(Gc::new(mc, round as u64)));
                if let Some(last) = front.slice.len().checked_sub(1) {
                    store!(mc, front => slice[last], Some(Gc::new(mc, round as u64)));
                }
            }
        });
        heap.collect();
        heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    }
    let last = LENS.len() as u64 - 1;
    heap.mutate(|mc, root| {
        for (round, (&len, front)) in LENS.iter().zip(root.fronts.borrow().iter()).enumerate() {
            assert_eq!((front.header.text.as_str(), front.header.odd), (&*format!("{len} behind"), round as u8));
            assert_eq!((front.header.first.get().as_deref(), front.slice.len()), (Some(&last), len));
            assert_eq!(Gc::identity_hash(*front, mc), hashes[round]);
            for (at, number) in front.slice.iter().enumerate() {
                let expected = if at + 1 == len { last } else { at as u64 };
                assert_eq!(number.get().as_deref(), Some(&expected));
            }
        }
        for (round, aligned) in root.aligned.borrow().iter().enumerate() {
            assert!(core::ptr::from_ref(&**aligned).addr().is_multiple_of(64) && *aligned.header.0 == round as u64);
            assert!(aligned.slice.iter().enumerate().all(|(at, &byte)| byte == at as u8));
        }
        crate::field!(mc, root.counted).borrow_mut().clear();
    });
    heap.collect();
    if heap.capabilities().reclaims {
        let made: usize = LENS.iter().flat_map(|&len| 0..len.min(100)).map(|at| 1 + at % 4).sum();
        assert_eq!(drops.get(), made as u64);
    }
}
