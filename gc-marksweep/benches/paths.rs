//! The fast paths and one full collection: `cargo bench -p gc-marksweep`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gc_marksweep::MarkSweep;
use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type NodeHeap = Heap<Rootable![Gc<'_, Node<'_>>]>;

fn heap(collector: MarkSweep) -> NodeHeap {
    NodeHeap::new(collector, |mc| Gc::new(mc, Node { value: 1, next: Lock::new(None) })).unwrap()
}

/// Hangs a list of `length` nodes under the root.
fn grow(heap: &mut NodeHeap, length: u64) {
    heap.mutate(|mc, root| {
        for value in 0..length {
            let node = Gc::new(mc, Node { value, next: Lock::new(root.next.get()) });
            store!(mc, root.next, Some(node));
        }
    });
}

fn allocate(c: &mut Criterion) {
    const OBJECTS: u64 = 1000;
    let mut group = c.benchmark_group("allocate");
    group.throughput(Throughput::Elements(OBJECTS));
    let mut stop = heap(MarkSweep::default());
    group.bench_function("24 bytes, all die, collections included", |b| {
        b.iter(|| {
            stop.mutate(|mc, _| {
                for value in 0..OBJECTS {
                    black_box(Gc::new(mc, Node { value, next: Lock::new(None) }));
                }
            });
        });
    });
    let mut scattered = heap(MarkSweep::default());
    // One object in thirty lives, about one in every third line: holes are short.
    scattered.mutate(|mc, root| {
        for value in 0..1_000_000 {
            let node = Gc::new(mc, Node { value, next: Lock::new(root.next.get()) });
            if value % 30 == 0 {
                store!(mc, root.next, Some(node));
            }
        }
    });
    scattered.collect();
    group.bench_function("24 bytes, into short holes, collections included", |b| {
        b.iter(|| {
            scattered.mutate(|mc, _| {
                for value in 0..OBJECTS {
                    black_box(Gc::new(mc, Node { value, next: Lock::new(None) }));
                }
            });
        });
    });
    group.finish();
}

fn barrier(c: &mut Criterion) {
    const WRITES: u64 = 1000;
    let mut group = c.benchmark_group("barrier");
    group.throughput(Throughput::Elements(WRITES));
    let mut idle = heap(MarkSweep::default());
    group.bench_function("no cycle in progress", |b| {
        b.iter(|| {
            idle.mutate(|mc, root| {
                for _ in 0..WRITES {
                    store!(mc, black_box(*root) => next, Some(*root));
                }
            });
        });
    });
    let mut marking = heap(MarkSweep::incremental());
    grow(&mut marking, 1_000_000);
    marking.collect();
    assert!(!marking.step(1), "a cycle is in progress");
    group.bench_function("in a cycle, object marked already", |b| {
        b.iter(|| {
            marking.mutate(|mc, root| {
                let head = root.next.get();
                for _ in 0..WRITES {
                    store!(mc, black_box(*root) => next, head);
                }
            });
        });
    });
    let mut taken = heap(MarkSweep::incremental());
    grow(&mut taken, WRITES);
    group.bench_function("in a cycle, first write to each object", |b| {
        b.iter_custom(|rounds| {
            let mut time = std::time::Duration::ZERO;
            for _ in 0..rounds {
                taken.collect();
                taken.step(1);
                let start = std::time::Instant::now();
                taken.mutate(|mc, root| {
                    let mut at = root.next.get();
                    while let Some(node) = at {
                        at = node.next.get();
                        store!(mc, node.next, at);
                    }
                });
                time += start.elapsed();
            }
            time
        });
    });
    group.finish();
}

fn mutate_and_read(c: &mut Criterion) {
    let mut heap = heap(MarkSweep::default());
    c.bench_function("empty mutate", |b| b.iter(|| heap.mutate(|_, root| black_box(root.value))));
    const NODES: u64 = 1000;
    grow(&mut heap, NODES);
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(NODES));
    group.bench_function("follow a list", |b| {
        b.iter(|| {
            heap.mutate(|_, root| {
                let (mut sum, mut at) = (0, root.next.get());
                while let Some(node) = at {
                    sum += node.value;
                    at = node.next.get();
                }
                sum
            })
        });
    });
    group.finish();
}

#[derive(Trace)]
struct Tree<'gc> {
    children: Option<[Gc<'gc, Tree<'gc>>; 2]>,
}

fn tree<'gc>(mc: &heap_core::Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let children = depth.checked_sub(1).map(|depth| [tree(mc, depth), tree(mc, depth)]);
    Gc::new(mc, Tree { children })
}

fn full_collection(c: &mut Criterion) {
    let mut group = c.benchmark_group("full collection");
    group.sample_size(20);
    for depth in [10, 16] {
        let objects = (2u64 << depth) - 1;
        let mut heap = Heap::<Rootable![Gc<'_, Tree<'_>>]>::new(MarkSweep::default(), |mc| tree(mc, depth)).unwrap();
        group.throughput(Throughput::Elements(objects));
        group.bench_function(format!("binary tree of {objects} objects"), |b| b.iter(|| heap.collect()));
    }
    group.finish();
}

criterion_group!(benches, allocate, barrier, mutate_and_read, full_collection);
criterion_main!(benches);
