//! A standard cell would be a lock without a barrier.
use heap_core::{Gc, Trace};

use std::cell::{Cell, OnceCell, RefCell};

#[derive(Trace)]
struct InCell<'gc> {
    cell: Cell<Option<Gc<'gc, u64>>>,
}

#[derive(Trace)]
struct InRefCell<'gc> {
    cell: RefCell<Vec<Gc<'gc, u64>>>,
}

#[derive(Trace)]
struct InOnceCell<'gc> {
    cell: OnceCell<Gc<'gc, u64>>,
}

fn main() {}
