//! What the paths through the collector cost: allocation, barrier, access, safepoint, collections.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gc_generational::Generational;
use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type ListHeap = Heap<Rootable![Gc<'_, Node<'_>>]>;

fn heap() -> ListHeap {
    let mut heap =
        Heap::new(Generational::default(), |mc| Gc::new(mc, Node { value: 0, next: Lock::new(None) })).expect("a heap");
    heap.collect();
    heap
}

/// Puts `count` nodes behind the root.
fn grow(heap: &mut ListHeap, count: u64) {
    heap.mutate(|mc, root| {
        let mut list = None;
        for value in 0..count {
            list = Some(Gc::new(mc, Node { value, next: Lock::new(list) }));
        }
        store!(mc, root.next, list);
    });
}

fn mutator(c: &mut Criterion) {
    let mut group = c.benchmark_group("mutator");
    let mut heap = heap();
    group.bench_function("empty mutate", |b| b.iter(|| heap.mutate(|_, _| ())));
    group.throughput(Throughput::Elements(1000));
    group.bench_function("allocate 1000 nodes that die", |b| {
        b.iter(|| {
            heap.mutate(|mc, _| {
                for value in 0..1000 {
                    std::hint::black_box(Gc::new(mc, Node { value, next: Lock::new(None) }));
                }
            });
        });
    });
    group.bench_function("allocate 1000 nodes that are promoted", |b| b.iter(|| grow(&mut heap, 1000)));
    group.bench_function("1000 writes to one old object", |b| {
        b.iter(|| {
            heap.mutate(|mc, &root| {
                for _ in 0..1000 {
                    store!(mc, root.next, std::hint::black_box(None));
                }
            });
        });
    });
    grow(&mut heap, 1000);
    heap.collect();
    group.bench_function("first write to each of 1000 old objects, and the minor collection", |b| {
        b.iter(|| {
            heap.mutate(|mc, &root| {
                let mut at = root;
                while let Some(next) = at.next.get() {
                    store!(mc, at.next, Some(next));
                    at = next;
                }
            });
            heap.collect_minor();
        });
    });
    group.bench_function("follow 1000 links", |b| {
        b.iter(|| {
            heap.mutate(|_, &root| {
                let (mut at, mut sum) = (root, 0);
                while let Some(next) = at.next.get() {
                    sum += next.value;
                    at = next;
                }
                sum
            })
        });
    });
}

fn collections(c: &mut Criterion) {
    let mut group = c.benchmark_group("collection");
    group.sample_size(10);
    for count in [1_000, 100_000] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("minor, {count} survivors"), |b| {
            let mut heap = heap();
            b.iter_custom(|rounds| {
                let before = heap.statistics().pause_time;
                for _ in 0..rounds {
                    grow(&mut heap, count);
                    heap.collect_minor();
                }
                heap.statistics().pause_time - before
            });
        });
    }
    // The first bar of large arrays: one write must cost at most a hundredth of looking at all of it.
    group.throughput(Throughput::Elements(10_000_000));
    for whole in [false, true] {
        let name = if whole { "the whole" } else { "one element" };
        group.bench_function(format!("minor, {name} of an array of 10000000 written"), |b| {
            type Edge<'gc> = Lock<Option<Gc<'gc, u64>>>;
            let mut heap = Heap::<Rootable![Gc<'_, [Edge<'_>]>]>::new(Generational::default(), |mc| {
                Gc::new_slice_with(mc, 10_000_000, |_| Lock::new(None))
            })
            .expect("a heap");
            heap.collect_minor();
            b.iter_custom(|rounds| {
                let before = heap.statistics().pause_time;
                for round in 0..rounds {
                    heap.mutate(|mc, array| {
                        let value = Some(Gc::new(mc, round));
                        if whole {
                            Gc::write(mc, *array)[5_000_000].unlock().set(value);
                        } else {
                            store!(mc, array[5_000_000], value);
                        }
                    });
                    heap.collect_minor();
                }
                heap.statistics().pause_time - before
            });
        });
    }
    group.throughput(Throughput::Elements(1_000_000));
    for threads in [1, 2] {
        group.bench_function(format!("full, 1000000 objects, {threads} threads"), |b| {
            let collector = Generational::default().with_marking_threads(threads).with_parallel_min_bytes(0);
            let mut heap = Heap::<Rootable![Gc<'_, [Gc<'_, u64>]>]>::new(collector, |mc| {
                Gc::new_slice_with(mc, 1_000_000, |i| Gc::new(mc, i as u64))
            })
            .expect("a heap");
            b.iter(|| heap.collect());
        });
    }
}

criterion_group!(benches, mutator, collections);
criterion_main!(benches);
