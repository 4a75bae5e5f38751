//! A weak pointer is kept after `mutate`.
use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn heap() -> Heap<Rootable![Gc<'_, Node<'_>>]> {
    Heap::new(NoGc::default(), |mc| Gc::new(mc, Node { next: Lock::new(None) })).unwrap()
}

fn main() {
    let mut heap = heap();
    let weak = heap.mutate(|mc, root| Gc::downgrade(*root, mc));
    drop(heap);
    let _ = weak;
}
