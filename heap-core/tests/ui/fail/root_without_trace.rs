//! A root that is not `Trace` is told the cure, where the heap is made and where it is entered.

use heap_core::{Gc, Heap, NoGc, Rootable};

struct Plain<'gc>(Gc<'gc, u64>);

fn main() {
    let mut heap = Heap::<Rootable![Plain<'_>]>::new(NoGc::default(), |mc| Plain(Gc::new(mc, 1))).unwrap();
    heap.mutate(|_, root| *root.0);
}
