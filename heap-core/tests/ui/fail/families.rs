//! A family that is not known must be named, one that was told wrongly is found out, and none claims more than it may.

use heap_core::{Gc, Heap, NoGc, Rebrand, Rootable, Trace};

#[derive(Trace)]
struct Tree<'gc, T>(Gc<'gc, T>);

#[derive(Trace)]
struct Liar<'gc, T>(Gc<'gc, T>);

// Another type, or the same with other arguments: a handle would be fetched as what was not stashed.
impl<'gc, T> Rebrand<'gc> for Liar<'gc, T> {
    type With<'a> = Tree<'a, u64>;
}

struct Claim<T>(T);

// The claim is that every brand outlives `'static`.
impl<'gc> Rebrand<'gc> for Claim<&'gc ()> {
    type With<'a> = Gc<'a, &'static &'a ()>;
}

fn main() {
    let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
    heap.mutate(|mc, _| mc.stash(Gc::new(mc, Tree(Gc::new(mc, 1u64)))));
    heap.mutate(|mc, _| mc.stash(Gc::new(mc, Liar(Gc::new(mc, 1u8)))));
    heap.mutate(|mc, _| mc.stash(1u64));
}
