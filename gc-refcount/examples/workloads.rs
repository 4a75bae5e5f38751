//! Four programs in miniature and what they cost: `cargo run --release --example workloads -- trees 16 cycles`.
//!
//! The arguments are a program (`trees`, `lists`, `graph`, `rings`), its size, any of `pure`, `cycles` and `eager`, and
//! `epoch=<KiB>`.

use std::time::Instant;

use gc_refcount::RefCount;
use heap_core::{Gc, Heap, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

fn tree<'gc>(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = || (depth > 0).then(|| tree(mc, depth - 1));
    let (left, right) = (child(), child());
    Gc::new(mc, Tree { left, right })
}

fn nodes(tree: Gc<'_, Tree<'_>>) -> u64 {
    1 + [tree.left, tree.right].into_iter().flatten().map(nodes).sum::<u64>()
}

/// Short-lived trees beside one that stays.
fn trees(collector: RefCount, depth: u32) -> Heap<impl ?Sized> {
    type Root = Rootable![Lock<Option<Gc<'_, Tree<'_>>>>];
    let mut heap = Heap::<Root>::new(collector, |_| Lock::new(None)).unwrap();
    heap.mutate_root(|mc, root| *root.get_mut() = Some(tree(mc, depth)));
    let mut sum = 0;
    for depth_of_round in (4..=depth).step_by(2) {
        for _ in 0..1 << (depth - depth_of_round + 4) {
            sum += heap.mutate(|mc, _| nodes(tree(mc, depth_of_round)));
        }
    }
    sum += heap.mutate(|_, root| nodes(root.get().unwrap()));
    println!("{sum} nodes");
    heap
}

#[derive(Trace)]
struct Link<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Link<'gc>>>>,
}

/// Lists that live for a while: the oldest of a hundred is replaced by a new one.
fn lists(collector: RefCount, thousands: u32) -> Heap<impl ?Sized> {
    type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, Link<'_>>>>]>];
    let mut heap = Heap::<Root>::new(collector, |mc| Gc::new_slice_with(mc, 100, |_| Lock::new(None))).unwrap();
    for turn in 0..thousands as usize {
        heap.mutate(|mc, root| {
            let mut list = None;
            for value in 0..1000 {
                list = Some(Gc::new(mc, Link { value, next: Lock::new(list) }));
            }
            store!(mc, root[turn % 100], list);
        });
    }
    heap
}

#[derive(Trace)]
struct Vertex<'gc> {
    id: u64,
    edges: [Lock<Option<Gc<'gc, Vertex<'gc>>>>; 4],
}

fn vertex<'gc>(id: u64) -> Vertex<'gc> {
    Vertex { id, edges: [const { Lock::new(None) }; 4] }
}

/// Random writes into a large array of old objects; one in four replaces its target by a new object.
fn graph(collector: RefCount, thousands: u32) -> Heap<impl ?Sized> {
    const VERTICES: u64 = 200_000;
    type Root = Rootable![Gc<'_, [Lock<Gc<'_, Vertex<'_>>>]>];
    let mut heap = Heap::<Root>::new(collector, |mc| {
        Gc::new_slice_with(mc, VERTICES as usize, |i| Lock::new(Gc::new(mc, vertex(i as u64))))
    })
    .unwrap();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let start = Instant::now();
    for _ in 0..thousands {
        heap.mutate(|mc, root| {
            for _ in 0..1000 {
                let bits = random();
                let (source, target) = ((bits >> 32) % VERTICES, (bits >> 8 & 0xff_ffff) % VERTICES);
                if bits & 0xc == 0 {
                    let old = root[target as usize].get();
                    let fresh = Gc::new(mc, vertex(old.id + VERTICES));
                    for edge in 0..4 {
                        store!(mc, fresh => edges[edge], old.edges[edge].get());
                        store!(mc, old => edges[edge], None);
                    }
                    store!(mc, root[target as usize], fresh);
                }
                let (source, target) = (root[source as usize].get(), root[target as usize].get());
                store!(mc, source => edges[bits as usize & 3], Some(target));
            }
        });
    }
    println!("{:.0} ns for a rewrite", start.elapsed().as_nanos() as f64 / f64::from(thousands) / 1000.0);
    heap
}

/// Rings of a hundred links that become garbage.
fn rings(collector: RefCount, thousands: u32) -> Heap<impl ?Sized> {
    type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, Link<'_>>>>]>];
    let mut heap = Heap::<Root>::new(collector, |mc| Gc::new_slice_with(mc, 1000, |_| Lock::new(None))).unwrap();
    for turn in 0..thousands as usize {
        heap.mutate(|mc, root| {
            for ring in 0..10 {
                let first = Gc::new(mc, Link { value: 0, next: Lock::new(None) });
                let mut last = first;
                for value in 1..100 {
                    last = Gc::new(mc, Link { value, next: Lock::new(Some(last)) });
                }
                store!(mc, first.next, Some(last));
                store!(mc, root[(turn * 10 + ring) % 1000], Some(first));
            }
        });
    }
    let sum: u64 = heap.mutate(|_, root| root.iter().filter_map(|slot| slot.get()).map(|link| link.value).sum());
    assert_eq!(sum, 0);
    heap
}

fn report<R: ?Sized>(start: Instant, mut heap: Heap<R>) {
    let elapsed = start.elapsed();
    let s = heap.statistics();
    println!(
        "{elapsed:.1?}, {} MB allocated, {} epochs, {} cycle collections, {:.1?} in pauses (longest {:.2?}), peak {:.1} MB, \
         live {:.1} MB",
        s.allocated_bytes >> 20,
        s.epochs,
        s.full_collections,
        s.pause_time,
        s.longest_pause,
        s.peak_heap_bytes as f64 / (1 << 20) as f64,
        s.live_bytes as f64 / (1 << 20) as f64,
    );
    let collect = Instant::now();
    heap.collect();
    let s = heap.statistics();
    println!("full collection {:.1?}, then live {:.1} MB", collect.elapsed(), s.live_bytes as f64 / (1 << 20) as f64);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let number = arguments.iter().find_map(|argument| argument.parse().ok());
    let mut collector = if has("pure") { RefCount::pure() } else { RefCount::default() };
    collector = collector.with_eager(has("eager"));
    if let Some(kib) = arguments.iter().find_map(|argument| argument.strip_prefix("epoch=")) {
        collector = collector.with_epoch_bytes(kib.parse::<usize>().expect("epoch=<KiB>") << 10);
    }
    let start = Instant::now();
    match arguments.first().map_or("trees", |name| name.as_str()) {
        "lists" => report(start, lists(collector, number.unwrap_or(20_000))),
        "graph" => report(start, graph(collector, number.unwrap_or(5_000))),
        "rings" => report(start, rings(collector, number.unwrap_or(20_000))),
        _ => report(start, trees(collector, number.unwrap_or(16))),
    }
}
