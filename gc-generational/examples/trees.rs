//! Short-lived trees beside one that stays, and what the collector did about them.
//!
//! `cargo run --release -p gc-generational --example trees -- [workload] [size] [nursery KiB]`: `trees` with a depth, `churn`, or `built` with a number
//! of nodes built in one `mutate`.

use std::time::Instant;

use gc_generational::Generational;
use heap_core::{Gc, Heap, Lock, Rootable, Trace};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

fn build<'gc>(mc: &heap_core::Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = || (depth > 0).then(|| build(mc, depth - 1));
    let (left, right) = (child(), child());
    Gc::new(mc, Tree { left, right })
}

fn count(tree: Gc<'_, Tree<'_>>) -> u64 {
    1 + tree.left.map_or(0, count) + tree.right.map_or(0, count)
}

fn trees(collector: Generational, depth: u32) {
    let mut heap = Heap::<Rootable![Option<Gc<'_, Tree<'_>>>]>::new(collector, |_| None).expect("a heap");
    heap.mutate(|mc, _| println!("stretch tree: {} nodes", count(build(mc, depth + 1))));
    heap.mutate_root(|mc, root| *root = Some(build(mc, depth)));
    for d in (4..=depth).step_by(2) {
        let trees = 1u64 << (depth - d + 4);
        let nodes: u64 = (0..trees).map(|_| heap.mutate(|mc, _| count(build(mc, d)))).sum();
        println!("{trees} trees of depth {d}: {nodes} nodes");
    }
    heap.mutate(|_, root| println!("long-lived tree: {} nodes", count(root.expect("it stays"))));
    report(&mut heap);
}

#[derive(Trace)]
struct Link<'gc> {
    value: u64,
    next: Option<Gc<'gc, Link<'gc>>>,
}

type Lists<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, Link<'gc>>>>]>;

fn churn(collector: Generational, replacements: u64) {
    let mut heap = Heap::<Rootable![Lists<'_>]>::new(collector, |mc| Gc::new_slice_with(mc, 1000, |_| Lock::new(None)))
        .expect("a heap");
    let mut random = 3u64;
    for number in 0..1000 + replacements {
        let slot = if number < 1000 {
            number as usize
        } else {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (random >> 33) as usize % 1000
        };
        heap.mutate(|mc, &root| {
            let mut list = None;
            for k in 0..1000 {
                list = Some(Gc::new(mc, Link { value: number * 1000 + k, next: list }));
            }
            Gc::write(mc, root)[slot].unlock().set(list);
        });
    }
    let sum = heap.mutate(|_, root| {
        let mut sum = 0u64;
        for list in root.iter() {
            let mut at = list.get();
            while let Some(link) = at {
                sum = sum.wrapping_add(link.value);
                at = link.next;
            }
        }
        sum
    });
    println!("sum {sum}");
    report(&mut heap);
}

fn built(collector: Generational, nodes: u64) {
    let mut heap = Heap::<Rootable![Option<Gc<'_, Link<'_>>>]>::new(collector, |_| None).expect("a heap");
    let start = Instant::now();
    heap.mutate_root(|mc, root| {
        for value in 0..nodes {
            *root = Some(Gc::new(mc, Link { value, next: *root }));
        }
    });
    println!("built after {:?}", start.elapsed());
    heap.collect();
    report(&mut heap);
}

fn report<R: ?Sized>(heap: &mut Heap<R>) {
    let s = heap.statistics();
    println!(
        "{} minor, {} full collections; {} MiB allocated, {} MiB promoted; pauses {:?} in total, {:?} at most; peak {} MiB",
        s.minor_collections,
        s.full_collections,
        s.allocated_bytes >> 20,
        s.promoted_bytes >> 20,
        s.pause_time,
        s.longest_pause,
        s.peak_heap_bytes >> 20
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let workload = arguments.next().unwrap_or_else(|| "trees".into());
    let size: Option<u64> = arguments.next().and_then(|text| text.parse().ok());
    let mut collector = Generational::default();
    if let Some(kib) = arguments.next().and_then(|text| text.parse::<usize>().ok()) {
        collector = collector.with_nursery_bytes(kib << 10);
    }
    if let Some(threads) = arguments.next().and_then(|text| text.parse::<usize>().ok()) {
        collector = collector.with_marking_threads(threads);
    }
    let start = Instant::now();
    match workload.as_str() {
        "churn" => churn(collector, size.unwrap_or(20_000)),
        "built" => built(collector, size.unwrap_or(1_000_000)),
        _ => trees(collector, size.unwrap_or(14) as u32),
    }
    println!("{:?}", start.elapsed());
}
