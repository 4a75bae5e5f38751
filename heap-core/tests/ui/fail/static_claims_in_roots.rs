//! Roots whose type claims that a pointer lives for ever, in ways that a hole in the compiler once let pass.
use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;

use heap_core::{Gc, Heap, NoGc, Rootable, Static};

fn slice() {
    let _ = Heap::<Rootable![&'static [Gc<'_, u64>]]>::new(NoGc::default(), |mc| {
        Box::leak(Box::new([Gc::new(mc, 1)]))
    });
}

fn wrapper() {
    let _ = Heap::<Rootable![Static<Gc<'_, u64>>]>::new(NoGc::default(), |mc| Static(Gc::new(mc, 1)));
}

fn shared() {
    let _ = Heap::<Rootable![Rc<Gc<'_, u64>>]>::new(NoGc::default(), |mc| Rc::new(Gc::new(mc, 1)));
}

fn cell() {
    let _ = Heap::<Rootable![Cell<Gc<'_, u64>>]>::new(NoGc::default(), |mc| Cell::new(Gc::new(mc, 1)));
}

fn set() {
    let _ = Heap::<Rootable![HashSet<Gc<'_, u64>>]>::new(NoGc::default(), |mc| [Gc::new(mc, 1)].into());
}

fn main() {}
