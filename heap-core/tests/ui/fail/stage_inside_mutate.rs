//! No stage begins while the program holds pointers.
use heap_core::{Gc, Heap, NoGc, Rootable};

fn main() {
    let mut heap = Heap::<Rootable![Gc<'_, u64>]>::new(NoGc::default(), |mc| Gc::new(mc, 1)).unwrap();
    heap.mutate(|_, root| {
        heap.collect_with(|fc, _| Gc::is_dead(*root, fc)).unwrap();
    });
}
