//! Members that make no sense for every brand, hidden in function pointers, trait objects, projections and conditions; and
//! members that make sense although their names contain something that does not, from which nothing may be concluded.
use std::marker::PhantomData;

use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Static, Trace};

type Senseless<'gc> = &'static &'gc ();

fn function() {
    let _ = Heap::<Rootable!['gc => PhantomData<fn(Senseless<'gc>)>]>::new(NoGc::default(), |_| PhantomData);
}

fn higher_ranked_function() {
    let _ = Heap::<Rootable!['gc => PhantomData<for<'x> fn(&'x &'gc ())>]>::new(NoGc::default(), |_| PhantomData);
}

trait Branded<'a> {
    type Out;
}

fn trait_object() {
    type Object<'gc> = Static<Box<dyn Branded<'gc, Out = ()> + 'static>>;
    let _ = Heap::<Rootable!['gc => Object<'gc>]>::new(NoGc::default(), |_| unreachable!());
}

fn trait_object_with_a_projection() {
    let _ = Heap::<Rootable!['gc => PhantomData<dyn Branded<'gc, Out = Senseless<'gc>> + 'static>]>::new(
        NoGc::default(),
        |_| PhantomData,
    );
}

trait Project {
    type Kept;
    type Forgotten;
}

impl<'x, 'y> Project for &'x &'y () {
    type Kept = PhantomData<&'x &'y ()>;
    type Forgotten = u8;
}

fn projection() {
    let _ = Heap::<Rootable!['gc => <Senseless<'gc> as Project>::Kept]>::new(NoGc::default(), |_| PhantomData);
}

fn forgetful_projection(out: &mut Option<&'static u8>) {
    type Family = Rootable!['gc => <Senseless<'gc> as Project>::Forgotten];
    Heap::<Family>::new(NoGc::default(), |_| 1).unwrap().mutate(|mc, _| *out = Some(Gc::as_ref(Gc::new(mc, 1))));
}

fn forgetful_target(out: &mut Option<&'static u8>) {
    type Family = Rootable!['gc => Option<Gc<'gc, <Senseless<'gc> as Project>::Forgotten>>];
    Heap::<Family>::new(NoGc::default(), |_| None).unwrap().mutate(|mc, _| *out = Some(Gc::as_ref(Gc::new(mc, 1))));
}

/// Implemented for a type that outlives `'static` only if it makes sense.
trait Forever: 'static {}

struct Inner<'a, 'x: 'static>(PhantomData<&'x &'a ()>);

impl<'a, 'x: 'static> Forever for Inner<'a, 'x> {}

#[derive(Trace)]
#[trace(gc_lifetime = 'gc, bound = "")]
struct Outer<'gc, T: Forever>(Lock<Option<Gc<'gc, u8>>>, #[trace(require_static)] PhantomData<T>);

fn supertrait() {
    let _ = Heap::<Rootable!['gc => Outer<'gc, Inner<'gc, 'static>>]>::new(NoGc::default(), |_| {
        Outer(Lock::new(None), PhantomData)
    });
}

/// A condition from which the compiler concludes what the type demands.
trait Lives<'a, W: ?Sized>: 'a {}

struct Mark<'b>(PhantomData<fn(&'b ())>);

impl<'a, 'b> Lives<'a, &'a &'b ()> for Mark<'b> {}

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Promised<'gc, 'x: 'static>(Lock<Option<Gc<'gc, u8>>>, #[trace(require_static)] PhantomData<&'x &'gc ()>)
where
    Mark<'gc>: Lives<'x, &'x &'gc ()>;

fn condition() {
    let _ = Heap::<Rootable!['gc => Promised<'gc, 'static>]>::new(NoGc::default(), |_| {
        Promised(Lock::new(None), PhantomData)
    });
}

fn main() {}
