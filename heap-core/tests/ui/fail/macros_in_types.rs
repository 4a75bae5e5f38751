//! A macro in a type may say something else each time that it is expanded.
use heap_core::{Gc, Trace, dyn_trace};

macro_rules! pointer {
    ($gc:lifetime) => { Gc<$gc, u8> };
}

#[derive(Trace)]
struct Field<'gc>(Option<pointer!('gc)>);

#[derive(Trace)]
struct Condition<'gc, T>(Gc<'gc, T>)
where
    T: Trace<'gc> + 'gc + PartialEq<pointer!('gc)>;

type Pointer<'gc> = pointer!('gc);

#[derive(Trace)]
struct Named<'gc>(Option<Pointer<'gc>>);

trait Shape<'gc, T>: Trace<'gc> {}

dyn_trace!(<'gc> dyn Shape<'gc, pointer!('gc)> + 'gc);

fn main() {}
