//! Types of which the compiler infers that the brand outlives something. A program that sees such a type in the signature
//! of its closure believes it; the derive does not lend it the belief.
use std::marker::PhantomData;

use heap_core::{Gc, Lock, Trace};

/// `'gc: 'x`, because of a field that is not traced.
#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Untraced<'gc, 'x: 'static>(#[trace(require_static)] PhantomData<&'x &'gc ()>);

/// What `Holder` says aloud, `Quiet` lets the compiler infer.
#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Holder<'gc, 'x, T: 'x>(Lock<Option<Gc<'gc, u8>>>, Option<T>, #[trace(require_static)] PhantomData<&'x ()>);

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Quiet<'gc, 'x: 'static>(Holder<'gc, 'x, Gc<'gc, u8>>);

/// The same of a parameter.
#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Parameter<'gc, 'x: 'static, T>(Gc<'gc, u8>, Holder<'gc, 'x, T>);

/// The same of what a parameter is associated with.
trait Associated {
    type Type;
}

#[derive(Trace)]
#[trace(gc_lifetime = 'gc, bound = "A: Trace<'gc>, A::Type: Trace<'gc>")]
struct Projection<'gc, 'x: 'static, A: Associated>(Holder<'gc, 'x, A::Type>, Gc<'gc, A>);

/// Conditions in which something is inferred about the type itself.
trait For<T: ?Sized> {}
impl<T: ?Sized, U: ?Sized> For<T> for U {}

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Condition<'gc, 'x: 'static>(Gc<'gc, u8>, #[trace(require_static)] PhantomData<&'x ()>)
where
    Gc<'gc, u8>: For<&'x &'gc ()>;

/// In an enum, in a function's signature, in an array, behind an alias.
type Alias<'x, 'gc> = fn(&'x &'gc ());

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
enum Choice<'gc, 'x: 'static, const N: usize> {
    _Nothing(Gc<'gc, u8>),
    _Function(#[trace(require_static)] [Alias<'x, 'gc>; N]),
}

fn main() {}
