//! Fields that are no prefix.
use heap_core::{Gc, Trace};

#[derive(Trace)]
struct NotInOrder {
    #[trace(prefix)]
    base: u64,
}

#[derive(Trace)]
#[repr(C)]
struct NotFirst {
    first: u64,
    #[trace(prefix)]
    base: u64,
}

#[derive(Trace)]
#[repr(C)]
enum NotAStruct {
    _One(#[trace(prefix)] u64),
}

#[derive(Trace)]
#[repr(C)]
struct NotTraced<'gc> {
    #[trace(prefix, require_static)]
    base: u64,
    gc: Gc<'gc, u8>,
}

fn main() {}
