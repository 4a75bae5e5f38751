//! The wrong lifetime is named as the brand, and one that is not there.
use heap_core::{Gc, Trace};

#[derive(Trace)]
#[trace(gc_lifetime = 'a)]
struct Wrong<'a, 'gc> {
    first: Gc<'a, u64>,
    second: Gc<'gc, u64>,
}

#[derive(Trace)]
#[trace(gc_lifetime = 'heap)]
struct Missing<'a, 'gc> {
    first: Gc<'a, u64>,
    second: Gc<'gc, u64>,
}

fn main() {}
