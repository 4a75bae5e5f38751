//! A pointer is written with the other heap's mutator.
use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn heap() -> Heap<Rootable![Gc<'_, Node<'_>>]> {
    Heap::new(NoGc::default(), |mc| Gc::new(mc, Node { next: Lock::new(None) })).unwrap()
}

fn main() {
    let (mut first, mut second) = (heap(), heap());
    first.mutate(|_, theirs| {
        second.mutate(|mc, _| heap_core::store!(mc, theirs.next, None));
    });
}
