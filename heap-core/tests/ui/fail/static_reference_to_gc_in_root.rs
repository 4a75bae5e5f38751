//! A `&'static` reference claims that a pointer lives for ever.
use heap_core::{Gc, Heap, NoGc, Rootable};

fn main() {
    let _ = Heap::<Rootable![&'static Gc<'_, u64>]>::new(NoGc::default(), |mc| {
        Box::leak(Box::new(Gc::new(mc, 1)))
    });
}
