//! A union does not know which of its fields is alive.
use heap_core::{Gc, Trace};

#[derive(Clone, Copy, Trace)]
union Either<'gc> {
    number: u64,
    pointer: Gc<'gc, u64>,
}

fn main() {}
