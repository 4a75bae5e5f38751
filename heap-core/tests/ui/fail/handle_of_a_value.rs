//! A handle keeps a pointer, not a value.
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
    heap.mutate(|mc, _| mc.stash_as::<Rootable![u64]>(1));
    heap.mutate(|mc, root| mc.stash_as::<Rootable![Option<Gc<'_, Node<'_>>>]>(root.next.get()));
}
