//! What static, permanent and dynamic memory cost: a tree of a million nodes is made, walked, written and released, as
//! leaked boxes, as objects of a heap, and as objects of a frozen heap, on each collector.
//!
//! `cargo run --release -p bench-harness --example freeze [depth]` prints the least of five times, in milliseconds.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use heap_core::collector::Collector;
use heap_core::{Gc, Heap, Lock, Mutator, Rootable, Trace, store};

/// Times that everything is done.
const RUNS: usize = 5;

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    left: Lock<Option<Gc<'gc, Node<'gc>>>>,
    right: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn make<'gc>(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Node<'gc>> {
    let child = |mc| (depth > 0).then(|| make(mc, depth - 1));
    let (left, right) = (Lock::new(child(mc)), Lock::new(child(mc)));
    Gc::new(mc, Node { value: depth.into(), left, right })
}

fn sum(node: Gc<'_, Node<'_>>) -> u64 {
    node.value + node.left.get().map_or(0, sum) + node.right.get().map_or(0, sum)
}

/// Exchanges the children of every node.
fn mirror<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) {
    let (left, right) = (node.left.get(), node.right.get());
    store!(mc, node.left, right);
    store!(mc, node.right, left);
    left.into_iter().chain(right).for_each(|child| mirror(mc, child));
}

struct Boxed {
    value: u64,
    left: Cell<Option<&'static Boxed>>,
    right: Cell<Option<&'static Boxed>>,
}

fn leak(depth: u32) -> &'static Boxed {
    let child = || (depth > 0).then(|| leak(depth - 1));
    Box::leak(Box::new(Boxed { value: depth.into(), left: Cell::new(child()), right: Cell::new(child()) }))
}

fn sum_leaked(node: &'static Boxed) -> u64 {
    node.value + node.left.get().map_or(0, sum_leaked) + node.right.get().map_or(0, sum_leaked)
}

fn mirror_leaked(node: &'static Boxed) {
    let (left, right) = (node.left.get(), node.right.get());
    node.left.set(right);
    node.right.set(left);
    left.into_iter().chain(right).for_each(mirror_leaked);
}

/// The least time of each step.
struct Times(Vec<(&'static str, Duration)>);

impl Times {
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = black_box(work());
        let time = start.elapsed();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, least)) => *least = time.min(*least),
            None => self.0.push((name, time)),
        }
        result
    }

    fn print(&self, title: &str) {
        println!("{title}");
        self.0.iter().for_each(|(name, time)| println!("  {name:28} {:9.3}", time.as_secs_f64() * 1e3));
    }
}

fn heap(collector: fn() -> Box<dyn Collector>, depth: u32, freezes: bool) {
    let (mut times, mut title) = (Times(Vec::new()), String::new());
    for _ in 0..RUNS {
        type Root = Rootable![Lock<Option<Gc<'_, Node<'_>>>>];
        let mut heap = Heap::<Root>::new(collector(), |_| Lock::new(None)).expect("memory");
        times.step("make", || {
            heap.mutate_root(|mc, root| *root.get_mut() = Some(make(mc, depth)));
        });
        heap.collect();
        times.step("full collection", || heap.collect());
        if freezes {
            times.step("freeze", || heap.freeze().expect("memory"));
            times.step("full collection, frozen", || heap.collect());
        }
        times.step("walk", || heap.mutate(|_, root| sum(root.get().unwrap())));
        times.step("write all, the first time", || heap.mutate(|mc, root| mirror(mc, root.get().unwrap())));
        times.step("write all, again", || heap.mutate(|mc, root| mirror(mc, root.get().unwrap())));
        heap.collect();
        times.step("full collection, all written", || heap.collect());
        if freezes {
            times.step("freeze again", || heap.freeze().expect("memory"));
            times.step("full collection, frozen again", || heap.collect());
            let statistics = heap.statistics();
            let (objects, bytes) = (statistics.permanent_objects, statistics.permanent_bytes);
            let lost = statistics.permanent_block_bytes - bytes;
            title = format!("{objects} objects of {bytes} bytes, and {lost} bytes lost in their blocks; ");
        }
        let name = heap.collector_name();
        title.truncate(title.find("; ").map_or(0, |at| at + 2));
        title += name;
        times.step("release", || drop(heap));
    }
    times.print(&format!("{}: {title}", if freezes { "permanent" } else { "dynamic" }));
}

fn main() {
    let depth = std::env::args().nth(1).map_or(19, |depth| depth.parse().expect("the depth of the tree"));
    let mut times = Times(Vec::new());
    for _ in 0..RUNS {
        let tree = times.step("make", || leak(depth));
        times.step("walk", || sum_leaked(tree));
        times.step("write all, the first time", || mirror_leaked(tree));
        times.step("write all, again", || mirror_leaked(tree));
    }
    times.print("static: leaked boxes");
    let collectors: [fn() -> Box<dyn Collector>; 5] = [
        || Box::new(gc_refcount::RefCount::pure()),
        || Box::new(gc_refcount::RefCount::default()),
        || Box::new(gc_marksweep::MarkSweep::default()),
        || Box::new(gc_marksweep::MarkSweep::incremental()),
        || Box::new(gc_generational::Generational::default()),
    ];
    for collector in collectors {
        heap(collector, depth, false);
        heap(collector, depth, true);
    }
}
