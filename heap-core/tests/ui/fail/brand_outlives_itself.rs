//! Roots whose type makes sense only if the brand is `'static`: inside the closure the program could rely on it.
use std::cell::Cell;

use heap_core::{Gc, Heap, Mutator, NoGc, Rootable, Trace, Weak};

thread_local! {
    static ESCAPED: Cell<Option<Gc<'static, u64>>> = const { Cell::new(None) };
}

fn target() {
    type Root = Rootable!['gc => Option<Gc<'gc, &'static &'gc ()>>];
    let mut heap = Heap::<Root>::new(NoGc::default(), |_| None).unwrap();
    heap.mutate(|mc, _| ESCAPED.set(Some(Gc::new(mc, 1))));
}

fn weak_target() {
    fn first<'gc>(mc: &'gc Mutator<'gc>) -> Option<Weak<'gc, &'static &'gc ()>> {
        ESCAPED.set(Some(Gc::new(mc, 1)));
        None
    }
    let _ = Heap::<Rootable!['gc => Option<Weak<'gc, &'static &'gc ()>>]>::new(NoGc::default(), first);
}

/// Not even the derive is satisfied by a parameter of which it uses nothing.
#[derive(Trace)]
#[trace(bound = "")]
struct Parameter<T: Number>(#[trace(require_static)] T::Type);

trait Number {
    type Type: 'static;
}

impl<'a, 'b> Number for &'a &'b () {
    type Type = u8;
}

fn parameter() {
    type Root = Rootable!['gc => Parameter<&'static &'gc ()>];
    let mut heap = Heap::<Root>::new(NoGc::default(), |_| Parameter(1)).unwrap();
    heap.mutate(|mc, _| ESCAPED.set(Some(Gc::new(mc, 1))));
}

fn main() {}
