//! A type that says aloud what it demands of the brand is no root: the demand is checked where the root is named.
use std::marker::PhantomData;

use heap_core::{Gc, Handle, Heap, Lock, NoGc, Rootable, Trace};

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Aloud<'gc, 'x: 'static>(Lock<Option<Gc<'gc, u8>>>, #[trace(require_static)] PhantomData<&'x ()>)
where
    'gc: 'x;

fn root() {
    let _ = Heap::<Rootable!['gc => Aloud<'gc, 'static>]>::new(NoGc::default(), |_| Aloud(Lock::new(None), PhantomData));
}

fn behind_pointers() {
    let _ = Heap::<Rootable!['gc => Option<Gc<'gc, [Aloud<'gc, 'static>]>>]>::new(NoGc::default(), |_| None);
}

type Family = Rootable!['gc => Gc<'gc, Aloud<'gc, 'static>>];

fn handle(heap: &mut Heap<Rootable![()]>, handle: &Handle<Family>) {
    heap.mutate(|mc, _| {
        mc.fetch(handle);
    });
}

fn main() {}
