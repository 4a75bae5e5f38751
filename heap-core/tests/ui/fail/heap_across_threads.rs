//! A heap, a look at one, and pointers, on another thread.
use heap_core::{Gc, Heap, NoGc, Rootable};

fn heap(mut heap: Heap<Rootable![()]>) {
    std::thread::spawn(move || heap.collect());
}

fn shared(heap: &Heap<Rootable![()]>) {
    std::thread::scope(|scope| {
        scope.spawn(|| heap.statistics());
    });
}

fn mutator_and_pointer() {
    let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
    heap.mutate(|mc, ()| {
        let gc = Gc::new(mc, 7);
        std::thread::scope(|scope| {
            scope.spawn(|| mc.statistics());
            scope.spawn(move || *gc);
        });
    });
}

fn main() {}
