//! A guard of a lock is kept after `mutate`.
use heap_core::{Gc, Heap, NoGc, RefLock, Rootable};

fn main() {
    let mut heap = Heap::<Rootable![Gc<'_, RefLock<Vec<Gc<'_, u64>>>>]>::new(NoGc::default(), |mc| {
        Gc::new(mc, RefLock::new(Vec::new()))
    })
    .unwrap();
    let guard = heap.mutate(|mc, root| root.borrow_mut(mc));
    heap.collect();
    drop(guard);
}
