//! `require_static` on what holds a pointer.
use heap_core::{Gc, Mutator, Trace};

#[derive(Trace)]
struct Field<'gc> {
    #[trace(require_static)]
    hidden: Vec<Gc<'gc, u64>>,
}

#[derive(Trace)]
#[trace(require_static)]
struct Whole<'gc> {
    hidden: Gc<'gc, u64>,
}

fn f<'gc>(mc: &Mutator<'gc>, hidden: Gc<'gc, u64>) {
    Gc::new(mc, Whole { hidden });
}

fn main() {}
