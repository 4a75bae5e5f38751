//! Which lifetime is the brand?
use heap_core::{Gc, Trace};

#[derive(Trace)]
struct Two<'a, 'gc> {
    name: std::marker::PhantomData<&'a str>,
    pointer: Gc<'gc, u64>,
}

fn main() {}
