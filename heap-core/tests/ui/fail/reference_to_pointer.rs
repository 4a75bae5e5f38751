//! A reference to a pointer is not a pointer.
use heap_core::{Gc, Trace};

#[derive(Trace)]
struct Reference<'gc> {
    reference: &'gc Gc<'gc, u64>,
}

fn main() {}
