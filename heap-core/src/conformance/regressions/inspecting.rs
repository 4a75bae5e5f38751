//! Looks into whole heaps: what they say must be what is there, whatever the collector is doing.

use std::io::{self, Write};

use super::super::dumped::{Dumped, WEAK};
use super::{Kit, Node, prepend};
use crate::inspect::sites::SiteProfile;
use crate::{
    AllocError, Ephemeron, FinalizerQueue, Gc, Heap, Lock, Mutator, RefLock, Rootable, Static, Trace, Weak, field,
    store,
};

/// A type that objects can be asked for.
type Number = Static<u64>;

/// A pointer in every kind of place.
#[derive(Trace)]
struct Places<'gc> {
    one: Lock<Option<Gc<'gc, Number>>>,
    many: RefLock<Vec<Gc<'gc, Number>>>,
    inside: Inside<'gc>,
    either: Either<'gc>,
    boxed: Box<Inside<'gc>>,
    chain: Option<Box<Chain<'gc>>>,
    shape: Box<dyn Shape<'gc> + 'gc>,
    slice: Gc<'gc, [Inside<'gc>]>,
    weak: Weak<'gc, Number>,
    gone: Weak<'gc, Number>,
    pair: Ephemeron<'gc, Number, Number>,
    queue: FinalizerQueue<'gc, Number>,
    by_name: std::collections::BTreeMap<u8, Gc<'gc, Number>>,
}

#[derive(Trace, Clone, Copy)]
struct Inside<'gc>(u64, Gc<'gc, Number>);

#[derive(Trace)]
enum Either<'gc> {
    #[allow(dead_code)]
    This,
    That {
        r#type: (u64, [Gc<'gc, Number>; 2]),
    },
}

#[derive(Trace)]
struct Chain<'gc> {
    link: Gc<'gc, Number>,
    next: Option<Box<Chain<'gc>>>,
}

trait Shape<'gc>: Trace<'gc> {}
crate::dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);
impl<'gc> Shape<'gc> for Inside<'gc> {}

type Root = Rootable![Gc<'_, Places<'_>>];

fn places(kit: &Kit) -> Heap<Root> {
    Heap::with_options(Kit::options(), kit.collector(), |mc| {
        let number = |value: u64| Gc::new(mc, Static(value));
        let inside = |value: u64| Inside(value, number(value));
        let [key, value] = [20, 21].map(number);
        let chain = |link, next| Some(Box::new(Chain { link: number(link), next }));
        Gc::new(
            mc,
            Places {
                one: Lock::new(Some(number(1))),
                many: RefLock::new(vec![number(2), number(3), key]),
                inside: inside(4),
                either: Either::That { r#type: (0, [number(5), number(6)]) },
                boxed: Box::new(inside(7)),
                chain: chain(8, chain(9, None)),
                shape: Box::new(inside(10)),
                slice: Gc::new_slice_with(mc, 2, |index| inside(11 + index as u64)),
                weak: Gc::downgrade(key, mc),
                gone: Gc::downgrade(number(0), mc),
                pair: Ephemeron::new(mc, key, value),
                queue: FinalizerQueue::new(mc),
                by_name: [(7, number(13)), (8, number(14))].into(),
            },
        )
    })
    .expect("a heap can be made")
}

/// A dump, and the names of the edges of the object behind the root's only edge.
fn dump_of(heap: &mut Heap<Root>) -> (Dumped, Vec<String>) {
    let mut file = Vec::new();
    let summary = heap.dump(&mut file).expect("a vector takes everything");
    let dumped = Dumped::read(&file);
    let edges: usize = dumped.nodes.iter().map(|node| node.edges.len()).sum();
    assert_eq!((summary.objects + 1, summary.edges), (dumped.nodes.len() as u64, edges as u64));
    assert_eq!((dumped.nodes[0].edges[0].1.as_str(), dumped.nodes[0].bytes), ("root", 0));
    let root = dumped.nodes[0].edges[0].2;
    let places = dumped.nodes[root].edges[0].2;
    assert!(dumped.nodes[places].name.ends_with("::Places"), "{}", dumped.nodes[places].name);
    let names = dumped.nodes[places].edges.iter().map(|edge| edge.1.clone()).collect();
    (dumped, names)
}

/// A dump has every object and edge once, with names, and nothing that is garbage.
pub(in super::super) fn dumps(kit: &Kit) {
    let mut heap = places(kit);
    for round in 0..4 {
        let (dumped, names) = dump_of(&mut heap);
        let expected = [
            "one",
            "many[0]",
            "many[1]",
            "many[2]",
            "inside.1",
            "either.type.1[0]",
            "either.type.1[1]",
            "boxed.1",
            "chain.link",
            "chain.next",
            "shape",
            "slice",
            "weak",
            "gone",
            "pair",
            "by_name[0]",
            "by_name[1]",
        ];
        assert_eq!(names, expected);
        let find = |name: &str| dumped.nodes.iter().find(|node| node.name == name).expect("it is there");
        let slice = dumped.nodes.iter().find(|node| node.name.starts_with('[') && node.name.ends_with("::Inside]"));
        let slice: Vec<&str> = slice.expect("a slice").edges.iter().map(|edge| edge.1.as_str()).collect();
        assert_eq!(slice, ["[0].1", "[1].1"]);
        let pair: Vec<&str> = find("ephemeron").edges.iter().map(|edge| edge.1.as_str()).collect();
        assert_eq!(pair, ["key", "value"]);
        let cells: Vec<usize> =
            dumped.nodes.iter().filter(|node| node.name == "weak cell").map(|cell| cell.edges.len()).collect();
        assert!(cells.len() == 2 && cells.iter().sum::<usize>() == 1, "the target of one is garbage: {cells:?}");
        let verified = heap.verify().expect("a heap that is whole");
        let of_handles = dumped.nodes[0].edges.len() as u64;
        let weak = dumped.nodes.iter().flat_map(|node| &node.edges).filter(|edge| edge.0 == WEAK).count() as u64;
        let edges: u64 = dumped.nodes.iter().map(|node| node.edges.len() as u64).sum();
        // The value of the ephemeron is no edge to the verifier.
        assert_eq!((dumped.nodes.len() as u64 - 1, edges - of_handles - weak - 1), (verified.objects, verified.edges));
        match round {
            0 => {
                heap.step(1000);
            }
            1 => heap.collect_minor(),
            2 => heap.collect(),
            _ => {}
        }
    }

    let handle = heap.mutate(|mc, root| {
        store!(mc, root.one, None);
        let kept = Gc::new(mc, Static(30));
        root.queue.register(mc, Gc::new(mc, Static(31)));
        mc.stash_as::<Rootable![Gc<'_, Number>]>(kept)
    });
    let objects = dump_of(&mut heap).0.nodes.len();
    heap.collect();
    heap.collect();
    let (dumped, names) = dump_of(&mut heap);
    assert!(!names.iter().any(|name| name == "one"));
    let roots: Vec<&str> = dumped.nodes[0].edges.iter().map(|edge| edge.1.as_str()).collect();
    if heap.capabilities().reclaims {
        assert_eq!(roots, ["root", "handle", "finalizer queue"]);
        // It was garbage before, unless the end of the `mutate` had found it dead already.
        assert!((objects..=objects + 1).contains(&dumped.nodes.len()), "what waits in the queue is reachable");
    }
    drop(handle);
    let (dumped, _) = dump_of(&mut heap);
    assert!(!dumped.nodes[0].edges.iter().any(|edge| edge.1 == "handle"));
}

/// Takes some bytes, and then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 && !bytes.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A dump to a disk that is full at some place, or that the system refuses memory for, is an error, and harms nothing.
pub(in super::super) fn dumps_that_fail(kit: &Kit) {
    let mut heap = places(kit);
    heap.mutate(|mc, root| {
        let more: Vec<_> = (0..5000).map(|value| Gc::new(mc, Static(value))).collect();
        *field!(mc, root.many).unlock().borrow_mut() = more;
    });
    let mut file = Vec::new();
    let summary = heap.dump(&mut file).expect("a vector takes everything");
    let names = Dumped::read(&file).nodes.iter().flat_map(|node| &node.edges).map(|edge| edge.1.clone()).collect();
    let names: std::collections::BTreeSet<String> = names;
    assert!(names.contains("many[99]") && names.contains("many[100..]") && names.len() < 200, "names are bounded");
    for room in [0, 1, 1000, file.len() / 2, file.len() - 1] {
        let error = heap.dump(Full(room)).expect_err("it does not fit");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
    heap.verify().expect("a heap that is whole");
    assert_eq!(heap.dump(Full(file.len())).expect("it fits"), summary);
    let outcomes = (0..64).map(|request| {
        crate::fault::refuse_mark_stack_requests(1 << request);
        let outcome = heap.dump(&mut io::sink());
        crate::fault::refuse_mark_stack_requests(0);
        outcome.map_err(|error| assert_eq!(error.kind(), io::ErrorKind::OutOfMemory))
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert!(outcomes[0].is_err() && outcomes[1].is_err() && outcomes[63] == Ok(summary), "{outcomes:?}");
    heap.collect();
    heap.verify().expect("a heap that is whole");
}

/// Objects, referents, referrers and paths agree with each other and with the verifier.
pub(in super::super) fn inspections(kit: &Kit) {
    let mut heap = places(kit);
    let handle = heap.mutate(|mc, _| {
        let _garbage = Gc::new(mc, Static(99));
        mc.stash_as::<Rootable![Gc<'_, Number>]>(Gc::new(mc, Static(40)))
    });
    for round in 0..4 {
        let census = heap.verify().expect("a heap that is whole");
        let looked = heap.inspect(|look, root| {
            let objects: Vec<Gc<'_, ()>> = look.objects().collect();
            assert_eq!(objects.len() as u64, census.objects);
            assert_eq!(objects.iter().map(|&gc| look.size(gc) as u64).sum::<u64>(), census.bytes);
            let mut numbers: Vec<u64> = look.objects_of::<Number>().map(|number| number.0).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..=14).chain([20, 21, 40]).collect::<Vec<u64>>());
            let places: Vec<_> = look.objects_of::<Places<'_>>().collect();
            assert!(places.len() == 1 && Gc::ptr_eq(places[0], *root) && look.owned_bytes(*root) >= 3 * 8);

            let (mut there, mut back) = (Vec::new(), Vec::new());
            for &gc in &objects {
                let key = |from: Gc<'_, ()>, to: Gc<'_, ()>, place| (Gc::as_ptr(from), Gc::as_ptr(to), place);
                there.extend(look.referents(gc)?.into_iter().map(|to| key(gc, to.object, to.place)));
                back.extend(look.referrers(gc)?.into_iter().map(|from| key(from.object, gc, from.place)));
                assert!(look.may_refer(gc) || look.referents(gc)?.len() <= 1);
            }
            there.sort_unstable();
            back.sort_unstable();
            assert!(there == back && there.len() as u64 == census.edges + 1, "and the value of the ephemeron");

            for &gc in &objects {
                let path = look.path_to(gc)?;
                let (first, last) = (&path.steps()[0], path.steps().last().expect("a step"));
                assert!(["root", "handle"].contains(&first.place.as_str()), "{path}");
                assert_eq!(last.type_name, look.type_name(gc));
                assert_eq!(path.steps().len() == 1, !look.roots_at(gc).is_empty());
            }
            let key = *root.many.borrow().last().expect("three");
            let shown = look.path_to(key)?.to_string();
            assert!(shown.contains("many[2]") && shown.ends_with("Static<u64>\n"), "{shown}");
            let ephemeron = look.referents(*root)?.into_iter().find(|to| to.place == "pair").expect("a field");
            let value = &look.referents(ephemeron.object)?[0];
            assert_eq!(
                (value.place.as_str(), Gc::downcast::<Number>(value.object).as_deref()),
                ("value", Some(&Static(21)))
            );
            Ok::<_, AllocError>(look.ref_count(*root).is_some())
        });
        let counted = looked.expect("there is memory").expect("there is memory");
        assert_eq!(counted, heap.capabilities().counts);
        match round {
            0 => {
                heap.step(1000);
            }
            1 => heap.collect_minor(),
            2 => heap.collect(),
            _ => {}
        }
    }
    drop(handle);
    crate::fault::refuse_mark_stacks(true);
    let refused = heap.inspect(|_, _| ());
    crate::fault::refuse_mark_stacks(false);
    refused.expect_err("there is no memory");
}

/// Retained sizes are what would be free; the text is as wide as a terminal.
pub(in super::super) fn reports(kit: &Kit) {
    let mut heap = kit.list();
    heap.mutate(|mc, root| {
        prepend(mc, *root, 1, 100);
        // The middle of the list is shared, so that what is behind it is nobody's but the root's.
        let mut middle = *root;
        (0..50).for_each(|_| middle = middle.next.get().expect("a hundred"));
        store!(mc, root.other, Some(middle));
    });
    let report = heap.report().expect("there is memory");
    let census = heap.verify().expect("a heap that is whole");
    assert_eq!((report.objects, report.bytes, report.outside_bytes), (census.objects, census.bytes, 0));
    let size = heap.inspect(|look, root| look.size(*root) as u64).expect("there is memory");
    let nodes = report.types.iter().find(|row| row.name.ends_with("::Node")).expect("there are nodes");
    assert_eq!((nodes.objects, nodes.shallow, nodes.retained), (101, 101 * size, 101 * size));
    let retained: Vec<u64> = report.largest.iter().map(|object| object.retained / size).collect();
    // The root object and the first node keep all, the middle what is behind it, and all nodes before it what is before it.
    assert_eq!(retained, [101, 101, 51, 50, 49, 49, 48, 48, 47, 47]);
    let text = report.to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("regressions::Node") && text.contains("other"), "{text}");

    // Everything that a report says is in the heap's own words: deep lists take no stack.
    let deep = std::thread::Builder::new().stack_size(256 << 10);
    let kit = kit.clone();
    let check = move || {
        let mut heap = kit.list();
        for _ in 0..10 {
            heap.mutate(|mc, root| prepend(mc, *root, 0, 10_000));
        }
        let report = heap.report().expect("there is memory");
        assert_eq!(report.objects, 100_002);
        assert!(report.to_string().len() < 20_000);
        heap.dump(io::sink()).expect("nothing is written");
        let last = heap.inspect(|look, _| {
            look.objects_of::<Node<'_>>().find(|node| node.next.get().is_none()).map(|n| look.path_to(n))
        });
        let path = last.expect("there is memory").expect("a last one").expect("there is memory");
        assert_eq!(path.steps().len(), 100_002);
        assert!(path.to_string().lines().count() < 30);
    };
    deep.spawn(check).expect("a thread").join().expect("no overflow");
}

#[track_caller]
fn make<'gc>(mc: &Mutator<'gc>, value: u64) -> Gc<'gc, Node<'gc>> {
    Gc::new(mc, Node { value, next: Lock::new(None), other: Lock::new(None) })
}

/// Objects know where they were allocated, wherever they are moved, and other collections are as before.
pub(in super::super) fn allocation_sites(kit: &Kit) {
    let mut heap = kit.table(1000);
    assert!(!heap.notes_sites());
    let find = |profile: &SiteProfile, line: u32| {
        let mut sites = profile.sites.iter().filter(|site| site.place.is_some_and(|place| place.line() == line));
        sites.next().map_or((0, 0), |site| {
            assert!(site.place.is_some_and(|place| place.file().ends_with("inspecting.rs")), "{site:?}");
            (site.objects, site.bytes)
        })
    };
    let before = heap.site_profile().expect("there is memory");
    assert!(before.sites.iter().all(|site| site.place.is_none()), "{before}");
    heap.note_sites(true);
    let (mut here, mut there) = (0, 0);
    for round in 0..10 {
        heap.mutate(|mc, root| {
            for at in (round * 100)..(round + 1) * 100 {
                here = line!() + 1;
                let first = make(mc, at);
                there = line!() + 1;
                let second = make(mc, at);
                store!(mc, first.next, Some(second));
                store!(mc, root[at as usize], Some(first));
                Gc::identity_hash(second, mc);
                let _garbage = make(mc, at);
            }
        });
        match round % 3 {
            0 => heap.collect_minor(),
            1 => {
                heap.step(10_000);
            }
            _ => heap.collect(),
        }
    }
    heap.verify().expect("a heap that is whole");
    let full = heap.site_profile().expect("there is memory");
    assert_eq!((find(&full, here).0, find(&full, there).0), (1000, 1000), "{full}");
    assert!(find(&full, here).1 == 32_000 && find(&full, there).1 >= 32_000);
    let all: u64 = full.sites.iter().map(|site| site.objects).sum();
    assert_eq!(all, heap.verify().expect("a heap that is whole").objects);

    heap.note_sites(false);
    heap.mutate(|mc, root| {
        for at in 0..500 {
            store!(mc, root[at], Some(make(mc, 0)));
        }
    });
    heap.collect();
    let later = heap.site_profile().expect("there is memory");
    let changes = later.since(&full);
    let change = |line| changes.sites.iter().find(|site| site.place.is_some_and(|place| place.line() == line));
    assert_eq!(
        (change(here).expect("fewer").objects, change(there).expect("fewer").objects),
        (-500, -500),
        "{changes}"
    );
    assert_eq!(changes.sites.iter().map(|site| site.objects).sum::<i64>(), -500);
    assert!(later.since(&later).sites.is_empty());
    for text in [later.to_string(), changes.to_string()] {
        assert!(text.lines().all(|line| line.chars().count() <= 80) && text.contains("inspecting.rs"), "{text}");
    }
    heap.mutate(|_, root| {
        let first = root[700].get().expect("stored");
        assert!(first.value == 700 && first.next.get().expect("stored").value == 700);
    });
}
