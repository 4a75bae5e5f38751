//! A pointer of one heap is stored into another, inside nested `mutate`s.
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
    first.mutate(|mc, theirs| {
        second.mutate(|_, ours| heap_core::store!(mc, theirs.next, Some(*ours)));
    });
}
