//! What counting costs, path by path: `cargo bench -p gc-refcount`.
//!
//! Batches are small enough to stay in the second-level cache, so these are costs of instructions; what memory adds is
//! seen in the `workloads` example.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gc_refcount::RefCount;
use heap_core::{Gc, Heap, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    left: Lock<Option<Gc<'gc, Node<'gc>>>>,
    right: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(mc: &Mutator<'gc>, left: Option<Gc<'gc, Node<'gc>>>) -> Gc<'gc, Node<'gc>> {
    Gc::new(mc, Node { left: Lock::new(left), right: Lock::new(None) })
}

type Root = Rootable![Gc<'_, [Gc<'_, Node<'_>>]>];

const BATCH: usize = 10_000;

/// A heap whose root is an array of so many counted nodes.
fn heap(collector: RefCount, nodes: usize) -> Heap<Root> {
    let mut heap =
        Heap::<Root>::new(collector, |mc| Gc::new_slice_with(mc, nodes, |_| node(mc, None))).expect("no limit is set");
    heap.collect();
    heap
}

fn mutator(c: &mut Criterion) {
    let mut one = heap(RefCount::pure(), 1);
    c.bench_function("refcount/empty mutate", |b| b.iter(|| one.mutate(|_, root| black_box(Gc::as_ptr(*root)))));
    let mut eager = heap(RefCount::pure().with_eager(true), 1);
    c.bench_function("refcount/empty mutate, eager", |b| {
        b.iter(|| eager.mutate(|_, root| black_box(Gc::as_ptr(*root))));
    });
    c.bench_function("refcount/allocate 24 bytes x 10 000, dead at the epoch", |b| {
        b.iter(|| {
            one.mutate(|mc, _| {
                for _ in 0..BATCH {
                    black_box(node(mc, None));
                }
            });
        });
    });
    c.bench_function("refcount/store, barrier not taken x 1 000", |b| {
        b.iter(|| {
            one.mutate(|mc, root| {
                let node = root[0];
                for _ in 0..1_000 {
                    store!(mc, node.left, black_box(Some(node)));
                }
            });
        });
    });
    c.bench_function("refcount/dereference x 1 000", |b| {
        b.iter(|| {
            one.mutate(|_, root| {
                let mut node = root[0];
                for _ in 0..1_000 {
                    node = black_box(node).left.get().unwrap_or(node);
                }
                black_box(Gc::as_ptr(node));
            });
        });
    });
    c.bench_function("refcount/store, barrier taken x 10 000", |b| {
        b.iter_batched_ref(
            || heap(RefCount::pure(), BATCH),
            |heap| {
                heap.mutate(|mc, root| {
                    for &node in root.iter() {
                        store!(mc, node.left, Some(node));
                    }
                });
            },
            BatchSize::LargeInput,
        );
    });
}

fn epochs(c: &mut Criterion) {
    let mut idle = heap(RefCount::pure(), BATCH);
    c.bench_function("refcount/epoch with nothing to do, 10 000 live", |b| b.iter(|| idle.collect_minor()));
    c.bench_function("refcount/epoch that counts 10 000 objects", |b| {
        b.iter_batched_ref(
            || {
                let mut heap = heap(RefCount::pure(), 1);
                heap.mutate(|mc, root| {
                    let list = (0..BATCH).fold(None, |list, _| Some(node(mc, list)));
                    store!(mc, root[0] => left, list);
                });
                heap
            },
            Heap::collect_minor,
            BatchSize::LargeInput,
        );
    });
    c.bench_function("refcount/epoch in which 10 000 objects die", |b| {
        b.iter_batched_ref(
            || {
                let mut heap = heap(RefCount::pure(), 1);
                heap.mutate(|mc, root| {
                    let list = (0..BATCH).fold(None, |list, _| Some(node(mc, list)));
                    store!(mc, root[0] => left, list);
                });
                heap.collect();
                heap.mutate(|mc, root| store!(mc, root[0] => left, None));
                heap
            },
            Heap::collect_minor,
            BatchSize::LargeInput,
        );
    });
    for garbage in [true, false] {
        let name = if garbage { "in which 10 000 objects die" } else { "that finds 10 000 objects alive" };
        c.bench_function(&format!("refcount/cycle collection {name}"), |b| {
            b.iter_batched_ref(
                || {
                    let mut heap = heap(RefCount::default(), 1);
                    heap.mutate(|mc, root| {
                        let last = node(mc, None);
                        let first = (1..BATCH).fold(last, |list, _| node(mc, Some(list)));
                        store!(mc, last.left, Some(first));
                        store!(mc, root[0] => left, Some(first));
                        store!(mc, root[0] => right, Some(first));
                    });
                    heap.collect();
                    heap.mutate(|mc, root| {
                        store!(mc, root[0] => left, None);
                        if garbage {
                            store!(mc, root[0] => right, None);
                        }
                    });
                    heap
                },
                Heap::collect,
                BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(benches, mutator, epochs);
criterion_main!(benches);
