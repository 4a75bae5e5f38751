//! Options that do not exist.
use heap_core::{Gc, Trace};

#[derive(Trace)]
#[trace(no_drop)]
struct Type<'gc> {
    pointer: Gc<'gc, u64>,
}

#[derive(Trace)]
struct Field<'gc> {
    #[trace(skip)]
    pointer: Gc<'gc, u64>,
}

fn main() {}
