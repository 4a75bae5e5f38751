//! A type without `Trace` is allocated.
use heap_core::{Gc, Mutator};

struct Foreign;

fn f<'gc>(mc: &Mutator<'gc>) {
    Gc::new(mc, Foreign);
    Gc::new_slice_with(mc, 3, |_| Foreign);
}

fn main() {}
