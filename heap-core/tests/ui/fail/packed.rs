//! A packed type has no references to its fields.
use heap_core::{Gc, Trace};

#[derive(Trace)]
#[repr(C, packed(2))]
struct Packed<'gc> {
    byte: u8,
    pointer: Gc<'gc, u64>,
}

fn main() {}
