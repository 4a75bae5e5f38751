//! A type parameter that cannot be traced.
use heap_core::{Gc, Mutator, Trace};

#[derive(Trace)]
struct Wrapper<T> {
    value: T,
}

struct Foreign;

fn f<'gc>(mc: &Mutator<'gc>) {
    Gc::new(mc, Wrapper { value: Foreign });
}

fn main() {}
