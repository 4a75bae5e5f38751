//! The proof for an object is taken through a pointer in it.
use heap_core::{Gc, Lock, Write};

fn f<'gc>(outer: &'gc Write<Gc<'gc, Lock<u64>>>) {
    outer.unlock().set(1);
    outer.as_deref().unlock().set(1);
}

fn main() {}
