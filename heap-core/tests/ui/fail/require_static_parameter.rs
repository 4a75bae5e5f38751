//! `require_static` on a parameter that holds a pointer.
use heap_core::{Gc, Mutator, Trace};

#[derive(Trace)]
#[trace(bound = "")]
struct Hidden<T> {
    #[trace(require_static)]
    hidden: T,
}

fn f<'gc>(mc: &Mutator<'gc>, hidden: Gc<'gc, u64>) {
    Gc::new(mc, Hidden { hidden });
}

fn main() {}
