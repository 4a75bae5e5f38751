//! Families that are written by hand are checked like any impl.
use std::marker::PhantomData;

use heap_core::{Gc, Heap, NoGc, Rootable, Trace};

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Aloud<'gc, 'x: 'static>(Gc<'gc, u8>, #[trace(require_static)] PhantomData<&'x ()>)
where
    'gc: 'x;

struct Family;

impl<'gc> Rootable<'gc> for Family {
    type Root = Aloud<'gc, 'static>;
}

struct Conditional;

impl<'gc> Rootable<'gc> for Conditional
where
    'gc: 'static,
{
    type Root = Aloud<'gc, 'static>;
}

fn conditional() {
    let _ = Heap::<Conditional>::new(NoGc::default(), |mc| Aloud(Gc::new(mc, 1), PhantomData));
}

fn main() {}
