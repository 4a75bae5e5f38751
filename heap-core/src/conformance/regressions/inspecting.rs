//! Looks into whole heaps: what they say must be what is there, whatever the collector is doing.

use std::io::{self, Write};

use super::super::dumped::{Dumped, WEAK};
use super::Kit;
use crate::{Ephemeron, FinalizerQueue, Gc, Heap, Lock, RefLock, Rootable, Trace, Weak, field, store};

/// A pointer in every kind of place.
#[derive(Trace)]
struct Places<'gc> {
    one: Lock<Option<Gc<'gc, u64>>>,
    many: RefLock<Vec<Gc<'gc, u64>>>,
    inside: Inside<'gc>,
    either: Either<'gc>,
    boxed: Box<Inside<'gc>>,
    chain: Option<Box<Chain<'gc>>>,
    shape: Box<dyn Shape<'gc> + 'gc>,
    slice: Gc<'gc, [Inside<'gc>]>,
    weak: Weak<'gc, u64>,
    gone: Weak<'gc, u64>,
    pair: Ephemeron<'gc, u64, u64>,
    queue: FinalizerQueue<'gc, u64>,
    by_name: std::collections::BTreeMap<u8, Gc<'gc, u64>>,
}

#[derive(Trace, Clone, Copy)]
struct Inside<'gc>(u64, Gc<'gc, u64>);

#[derive(Trace)]
enum Either<'gc> {
    #[allow(dead_code)]
    This,
    That {
        r#type: (u64, [Gc<'gc, u64>; 2]),
    },
}

#[derive(Trace)]
struct Chain<'gc> {
    link: Gc<'gc, u64>,
    next: Option<Box<Chain<'gc>>>,
}

trait Shape<'gc>: Trace<'gc> {}
crate::dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);
impl<'gc> Shape<'gc> for Inside<'gc> {}

type Root = Rootable![Gc<'_, Places<'_>>];

fn places(kit: &Kit) -> Heap<Root> {
    Heap::with_options(Kit::options(), kit.collector(), |mc| {
        let number = |value: u64| Gc::new(mc, value);
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
        let kept = Gc::new(mc, 30);
        root.queue.register(mc, Gc::new(mc, 31));
        mc.stash::<Rootable![Gc<'_, u64>]>(kept)
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
        let more: Vec<_> = (0..5000).map(|value| Gc::new(mc, value)).collect();
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
