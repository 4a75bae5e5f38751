//! A lock in an object is borrowed mutably without the barrier.
use heap_core::{Gc, Mutator, RefLock, Trace};

#[derive(Trace)]
struct Bag<'gc> {
    items: RefLock<Vec<Gc<'gc, u64>>>,
}

fn f<'gc>(mc: &Mutator<'gc>, bag: Gc<'gc, Bag<'gc>>) {
    bag.items.borrow_mut().push(Gc::new(mc, 1));
}

fn main() {}
