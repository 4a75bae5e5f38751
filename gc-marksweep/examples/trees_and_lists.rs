//! Two programs in miniature, on both kinds of marking: perfect binary trees that die at once beside one that stays,
//! and a table of linked lists of which a random one is replaced again and again.
//!
//! ```text
//! cargo run --release -p gc-marksweep --example trees_and_lists -- [stop|incremental] [depth] [trees|lists]
//! ```

use std::time::Instant;

use gc_marksweep::MarkSweep;
use heap_core::{Gc, Heap, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

fn build<'gc>(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    if depth == 0 {
        return Gc::new(mc, Tree { left: None, right: None });
    }
    let (left, right) = (build(mc, depth - 1), build(mc, depth - 1));
    Gc::new(mc, Tree { left: Some(left), right: Some(right) })
}

fn count(tree: Gc<'_, Tree<'_>>) -> u64 {
    1 + tree.left.map_or(0, count) + tree.right.map_or(0, count)
}

fn trees(collector: MarkSweep, depth: u32) {
    let start = Instant::now();
    let mut heap =
        Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, Tree<'_>>>>>]>::new(collector, |mc| Gc::new(mc, Lock::new(None)))
            .expect("address space for a heap");
    let mut nodes = heap.mutate(|mc, _| count(build(mc, depth + 1)));
    heap.mutate(|mc, root| {
        let tree = build(mc, depth);
        Gc::write(mc, *root).unlock().set(Some(tree));
    });
    for shallow in (4..=depth).step_by(2) {
        for _ in 0..1 << (depth - shallow + 4) {
            nodes += heap.mutate(|mc, _| count(build(mc, shallow)));
        }
    }
    nodes += heap.mutate(|_, root| count(root.get().expect("the tree that stays")));
    report("trees", &heap.statistics(), start, nodes);
}

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

type List<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

fn lists(collector: MarkSweep) {
    const LISTS: usize = 1000;
    let start = Instant::now();
    let mut heap =
        Heap::<Rootable![Gc<'_, [List<'_>]>]>::new(collector, |mc| Gc::new_slice_with(mc, LISTS, |_| Lock::new(None)))
            .expect("address space for a heap");
    let mut random = 3u64;
    let mut nodes = 0;
    for round in 0..21 * LISTS {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let slot = if round < LISTS { round } else { (random >> 33) as usize % LISTS };
        heap.mutate(|mc, table| {
            let mut list = None;
            for value in 0..1000 {
                list = Some(Gc::new(mc, Node { value, next: list }));
            }
            store!(mc, (*table)[slot], list);
        });
        nodes += 1000;
    }
    let sum = heap.mutate(|_, table| {
        let mut sum = 0;
        for list in table.iter() {
            let mut at = list.get();
            while let Some(node) = at {
                sum += node.value;
                at = node.next;
            }
        }
        sum
    });
    assert_eq!(sum, 1000 * 999 * 500);
    report("lists", &heap.statistics(), start, nodes);
}

fn report(name: &str, statistics: &heap_core::Statistics, start: Instant, nodes: u64) {
    let elapsed = start.elapsed();
    println!(
        "{name}: {nodes} nodes in {:.0} ms, {:.1} ns each; {} collections, {} pauses, {:.1} ms in pauses, \
         longest {:.2} ms; heap at most {:.1} MiB",
        elapsed.as_secs_f64() * 1e3,
        elapsed.as_secs_f64() * 1e9 / nodes as f64,
        statistics.full_collections,
        statistics.pauses,
        statistics.pause_time.as_secs_f64() * 1e3,
        statistics.longest_pause.as_secs_f64() * 1e3,
        statistics.peak_heap_bytes as f64 / f64::from(1 << 20),
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next();
    let depth = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(14);
    let only = arguments.next();
    for (name, collector) in
        [("stop", MarkSweep::default as fn() -> MarkSweep), ("incremental", MarkSweep::incremental)]
    {
        if mode.as_deref().is_none_or(|mode| mode == name) {
            println!("{name}");
            if only.as_deref() != Some("lists") {
                trees(collector(), depth);
            }
            if only.as_deref() != Some("trees") {
                lists(collector());
            }
        }
    }
}
