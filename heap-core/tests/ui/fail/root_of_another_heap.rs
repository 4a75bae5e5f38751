//! A root is made of a pointer from another heap.
use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn heap() -> Heap<Rootable![Gc<'_, Node<'_>>]> {
    Heap::new(NoGc::default(), |mc| Gc::new(mc, Node { next: Lock::new(None) })).unwrap()
}

fn main() {
    let mut first = heap();
    first.mutate(|_, root| {
        Heap::<Rootable![Gc<'_, Node<'_>>]>::new(NoGc::default(), |_| *root).unwrap();
    });
}
