//! `Static` holds a pointer.
use heap_core::{Gc, Mutator, Static, Trace};

fn f<'gc>(mc: &Mutator<'gc>, gc: Gc<'gc, u64>) {
    Gc::new(mc, Static(gc));
}

#[derive(Trace)]
struct Root<'gc> {
    hidden: Static<Gc<'gc, u64>>,
}

fn main() {}
