//! Casts that would lie.
use std::marker::PhantomData;

use heap_core::{Gc, Heap, Mutator, NoGc, Rootable, Trace, dyn_trace, new_dyn, unsize};

/// The name does not say which `'x`.
#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Token<'gc, 'x>(Gc<'gc, u8>, #[trace(require_static)] PhantomData<&'x ()>)
where
    'x: 'static;

/// Nor which `T`.
#[derive(Trace)]
struct Generic<'gc, T>(T, Gc<'gc, u8>);

fn to_a_type_with_another_lifetime<'gc>(gc: Gc<'gc, ()>) -> Option<Gc<'gc, Token<'gc, 'static>>> {
    Gc::downcast(gc)
}

fn to_a_type_with_a_parameter<'gc>(gc: Gc<'gc, ()>) -> Option<Gc<'gc, Generic<'gc, u8>>> {
    Gc::downcast(gc)
}

fn to_another_brand<'a, 'b>(gc: Gc<'a, ()>) -> Option<Gc<'b, Named<'b>>> {
    Gc::downcast(gc)
}

#[derive(Trace)]
struct Named<'gc>(Gc<'gc, u8>);

fn to_a_prefix_that_is_none<'gc>(gc: Gc<'gc, Named<'gc>>) -> Gc<'gc, Gc<'gc, u8>> {
    Gc::upcast(gc)
}

trait Shape<'gc>: Trace<'gc> {}
dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);
impl<'gc> Shape<'gc> for Named<'gc> {}

fn to_a_dyn_that_lives_longer<'gc>(gc: Gc<'gc, Named<'gc>>) -> &'static dyn Shape<'static> {
    heap_core::GcDyn::as_ref(unsize!(gc => dyn Shape<'gc> + 'gc))
}

fn to_a_dyn_of_another_trait<'gc>(gc: Gc<'gc, u64>) {
    unsize!(gc => dyn Shape<'gc> + 'gc);
}

/// The length of a slice is in front of an object that was allocated as one.
fn to_a_slice<'gc>(mc: &Mutator<'gc>) -> Gc<'gc, [u8]> {
    let _ = new_dyn!(mc, 1u8 => dyn std::fmt::Debug);
    new_dyn!(mc, [1u8, 2] => [u8])
}

fn by_hand<'gc>(gc: Gc<'gc, u64>, other: Gc<'gc, u64>) {
    heap_core::GcDyn::<'gc, dyn std::fmt::Debug + 'gc>::__new(gc, |payload| payload);
    Gc::<'gc, u64>::from_ptr(Gc::as_ptr(other));
}

fn escapes() {
    let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
    let _ = heap.mutate(|mc, ()| unsize!(Gc::new(mc, Named(Gc::new(mc, 1))) => dyn Shape<'_> + '_));
}

fn main() {}
