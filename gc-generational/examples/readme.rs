//! The program of the workspace's README. A test compares the two.

use gc_generational::Generational;
use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

fn main() -> Result<(), heap_core::AllocError> {
    let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(Generational::default(), |mc| {
        Gc::new(mc, Node { value: 0, next: Lock::new(None) })
    })?;
    for value in 1..=1_000_000 {
        heap.mutate(|mc, root| {
            let node = Gc::new(mc, Node { value, next: Lock::new(None) });
            store!(mc, root.next, Some(node)); // the one that was there is garbage now
        }); // a safepoint: the heap collects here, by itself, when it is due
    }
    println!("{:?}", heap.statistics());
    Ok(())
}
