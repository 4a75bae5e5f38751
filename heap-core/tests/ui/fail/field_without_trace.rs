//! A field's type is not traceable.
use heap_core::{Gc, Trace};

struct Foreign;

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
    foreign: Foreign,
    many: Vec<Foreign>,
}

fn main() {}
