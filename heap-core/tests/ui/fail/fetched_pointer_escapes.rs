//! What a handle gives is good for one `mutate`.
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
    let handle = heap.mutate(|mc, root| mc.stash_as::<Rootable![Gc<'_, Node<'_>>]>(*root));
    let gc = heap.mutate(|mc, _| mc.fetch(&handle));
    heap.collect();
    gc.next.get();
}
