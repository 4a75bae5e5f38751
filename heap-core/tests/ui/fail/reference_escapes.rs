//! A reference into an object is kept after `mutate`.
use heap_core::{Gc, Heap, NoGc, Rootable};

fn main() {
    let mut heap = Heap::<Rootable![Gc<'_, str>]>::new(NoGc::default(), |mc| Gc::new_str(mc, "text")).unwrap();
    let text: &str = heap.mutate(|_, root| Gc::as_ref(*root));
    drop(heap);
    println!("{text}");
}
