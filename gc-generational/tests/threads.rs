//! Which threads a heap starts. The only test of its file, because it counts the threads of the process.
#![cfg(target_os = "linux")]

use gc_generational::Generational;
use heap_core::{Gc, Heap, Lock, Rootable, Trace};

#[derive(Trace)]
struct Tree<'gc> {
    children: [Lock<Option<Gc<'gc, Tree<'gc>>>>; 2],
}

fn tree<'gc>(mc: &heap_core::Mutator<'gc>, depth: usize) -> Gc<'gc, Tree<'gc>> {
    let child = |_| Lock::new((depth > 0).then(|| tree(mc, depth - 1)));
    Gc::new(mc, Tree { children: [0, 1].map(child) })
}

fn markers() -> usize {
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task?.path().join("comm"));
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks.filter_map(|task| name(task).ok()).filter(|name| name.starts_with("gc-generational")).count()
}

#[test]
fn helpers_are_started_for_work_and_never_thousands() {
    let collector = Generational::default().with_marking_threads(100_000).with_parallel_min_bytes(0);
    let mut heap = Heap::<Rootable![Gc<'_, Tree<'_>>]>::new(collector, |mc| tree(mc, 2)).unwrap();
    heap.collect();
    assert_eq!(markers(), 0, "seven objects need no help");
    heap.mutate_root(|mc, root| *root = tree(mc, 12));
    heap.collect();
    assert_eq!(heap.statistics().live_objects, (1 << 13) - 1 + 1);
    // A thread has its name from when it first runs, which may be after the others did all the work.
    for _ in 0..10_000 {
        if markers() >= 63 {
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(markers(), 63, "as many as are ever of use, but for the program's own thread");
    drop(heap);
}
