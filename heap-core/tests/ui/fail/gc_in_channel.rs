//! A pointer is sent through a channel, to oneself.
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
    let (sender, receiver) = std::sync::mpsc::channel();
    heap.mutate(|_, root| sender.send(*root).unwrap());
    heap.collect();
    drop(receiver.recv());
}
