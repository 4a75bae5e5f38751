//! An object could outlive what it borrows.
use heap_core::{Gc, Mutator, Trace};

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Borrows<'a, 'gc> {
    text: &'a str,
    next: Option<Gc<'gc, u64>>,
}

fn f<'gc>(mc: &Mutator<'gc>, text: &str) {
    Gc::new(mc, (text, 1));
}

fn main() {}
