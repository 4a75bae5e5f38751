//! Shared owners would be visited once for each.
use heap_core::{Gc, Mutator, Trace};

use std::rc::Rc;
use std::sync::Arc;

#[derive(Trace)]
struct InRc<'gc> {
    shared: Rc<Gc<'gc, u64>>,
}

#[derive(Trace)]
struct InArc<'gc> {
    shared: Arc<Gc<'gc, u64>>,
}

#[derive(Trace)]
struct InWeak<'gc> {
    shared: std::rc::Weak<Gc<'gc, u64>>,
}

fn f<'gc>(mc: &Mutator<'gc>, gc: Gc<'gc, u64>) {
    Gc::new(mc, Rc::new(gc));
}

fn main() {}
