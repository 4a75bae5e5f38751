//! Pointers in statics and thread-locals.
use heap_core::{Gc, Heap, NoGc, Rootable};

use std::cell::Cell;

static POINTER: Option<Gc<'static, u64>> = None;

thread_local! {
    static SAVED: Cell<Option<Gc<'static, u64>>> = const { Cell::new(None) };
}

fn main() {
    let mut heap = Heap::<Rootable![Gc<'_, u64>]>::new(NoGc::default(), |mc| Gc::new(mc, 1)).unwrap();
    heap.mutate(|_, root| SAVED.set(Some(*root)));
}
