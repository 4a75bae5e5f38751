//! What is resurrected is good for one stage, as the knowledge of what is dead.
use heap_core::{Finalization, Gc, Heap, NoGc, Rootable, Weak};

fn main() {
    let mut heap = Heap::<Rootable![Weak<'_, u64>]>::new(NoGc::default(), |mc| Gc::downgrade(Gc::new(mc, 1), mc)).unwrap();
    let mut marked = heap.mark();
    let gc = marked.finalize(|fc, root| root.resurrect(fc)).unwrap();
    let known: &Finalization<'_> = marked.finalize(|fc, _| fc).unwrap();
    marked.collect();
    drop((gc, known));
}
