//! A pointer to something that could not be an object.
use heap_core::{Gc, Trace};

struct Foreign;

#[derive(Trace)]
struct Node<'gc> {
    foreign: Option<Gc<'gc, Foreign>>,
}

fn main() {}
