//! The fast paths that are the same for every collector, measured on the one that does nothing else.
//!
//! `cargo bench -p heap-core`. The collectors' own benchmarks add their slow paths.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use heap_core::{Gc, Heap, HeapOptions, Lock, NoGc, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    left: Lock<Option<Gc<'gc, Node<'gc>>>>,
    right: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>() -> Node<'gc> {
    Node { left: Lock::new(None), right: Lock::new(None) }
}

type Root = Rootable![Gc<'_, Node<'_>>];

fn heap() -> Heap<Root> {
    Heap::new(NoGc::default(), |mc| Gc::new(mc, node())).expect("no limit is set")
}

/// Objects of one measured batch: few enough that they stay in the second-level cache.
const BATCH: usize = 10_000;

fn paths(c: &mut Criterion) {
    c.bench_function("nogc/allocate 24 bytes x 10 000", |b| {
        b.iter_batched_ref(
            heap,
            |heap| {
                heap.mutate(|mc, _| {
                    for _ in 0..BATCH {
                        black_box(Gc::new(mc, node()));
                    }
                });
            },
            BatchSize::LargeInput,
        );
    });

    let mut heap = heap();
    c.bench_function("nogc/empty mutate", |b| b.iter(|| heap.mutate(|_, root| black_box(Gc::as_ptr(*root)))));
    c.bench_function("nogc/store, barrier not taken x 1 000", |b| {
        b.iter(|| {
            heap.mutate(|mc, root| {
                for _ in 0..1_000 {
                    store!(mc, root.left, black_box(Some(*root)));
                }
            });
        });
    });
    c.bench_function("nogc/dereference x 1 000", |b| {
        b.iter(|| {
            heap.mutate(|_, root| {
                let mut node = *root;
                for _ in 0..1_000 {
                    node = black_box(node).left.get().unwrap_or(node);
                }
                black_box(Gc::as_ptr(node));
            });
        });
    });
}

/// What a program pays that makes a heap for each request.
fn lives(c: &mut Criterion) {
    let make = |options| {
        let mut heap: Heap<Root> = Heap::with_options(options, NoGc::default(), |mc| Gc::new(mc, node())).unwrap();
        heap.mutate(|mc, _| {
            for _ in 0..100 {
                black_box(Gc::new(mc, node()));
            }
        });
        heap
    };
    c.bench_function("nogc/heap made, 100 objects, dropped", |b| b.iter(|| make(HeapOptions::default())));
    c.bench_function("nogc/heap made, 100 objects, dropped and wiped", |b| {
        b.iter(|| make(HeapOptions::default().with_wipe(true)));
    });
    c.bench_function("nogc/heap made, 100 objects, dropped and sealed", |b| {
        b.iter(|| make(HeapOptions::default().with_poison(true)));
    });
}

criterion_group!(benches, paths, lives);
criterion_main!(benches);
