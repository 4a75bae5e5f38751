//! What a `dyn` type demands of its lifetimes is a condition of its being traced, and the macro sees to it.
use heap_core::{Gc, Heap, NoGc, Rootable, Trace, dyn_trace};

/// All values live as long as `'x`, and so does the type if it lives as long as the brand only.
trait Claims<'gc, 'x>: Trace<'gc> + 'x {}
dyn_trace!(<'gc, 'x> dyn Claims<'gc, 'x> + 'gc);

trait Static<'gc>: Trace<'gc> + 'static {}
dyn_trace!(<'gc> dyn Static<'gc> + 'gc);

trait Associated<'gc>: Trace<'gc> {
    type Type: ?Sized;
}
dyn_trace!(<'gc> dyn Associated<'gc, Type = &'static &'gc ()> + 'gc);
dyn_trace!(<'gc, 'x: 'static> dyn Associated<'gc, Type = fn(&'x &'gc ())> + 'gc);

/// The same behind a `for<'a>`, where the compiler looks less closely.
trait Higher<'gc, 'a>: Trace<'gc> {
    type Type;
}
dyn_trace!(<'gc> dyn for<'a> Higher<'gc, 'a, Type = (&'a (), &'static &'gc ())> + 'gc);

/// A trait whose parameter is never looked at.
trait Generic<'gc, T: ?Sized>: Trace<'gc> {}
dyn_trace!(<'gc, T: ?Sized> dyn Generic<'gc, T> + 'gc);

fn parameter() {
    type Root<'gc> = Option<Box<dyn Generic<'gc, &'static &'gc ()> + 'gc>>;
    let _ = Heap::<Rootable!['gc => Root<'gc>]>::new(NoGc::default(), |_| None);
}

/// What is said aloud is checked where the root is named.
trait Aloud<'gc, 'x>: Trace<'gc> + 'x {}
dyn_trace!(<'gc, 'x> dyn Aloud<'gc, 'x> + 'gc where 'gc: 'x);

fn aloud() {
    type Root<'gc> = Option<Box<dyn Aloud<'gc, 'static> + 'gc>>;
    let _ = Heap::<Rootable!['gc => Root<'gc>]>::new(NoGc::default(), |_| None);
}

fn aloud_behind_a_pointer() {
    type Root<'gc> = Option<Gc<'gc, dyn Aloud<'gc, 'static> + 'gc>>;
    let _ = Heap::<Rootable!['gc => Root<'gc>]>::new(NoGc::default(), |_| None);
}

/// Nor does the derive take for granted what the field's type demands.
#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct Field<'gc, 'x: 'static>(Option<Box<dyn Aloud<'gc, 'x> + 'gc>>);

/// What a trait demands by a condition the type does not promise, and nothing is concluded from it.
trait Condition<'gc, 'x>: Trace<'gc>
where
    'gc: 'x,
{
}
dyn_trace!(<'gc, 'x> dyn Condition<'gc, 'x> + 'gc);

fn condition(out: &mut Option<&'static u8>) {
    type Root<'gc> = Option<Box<dyn Condition<'gc, 'static> + 'gc>>;
    let mut heap = Heap::<Rootable!['gc => Root<'gc>]>::new(NoGc::default(), |_| None).unwrap();
    heap.mutate(|mc, _| *out = Some(Gc::as_ref(Gc::new(mc, 1))));
}

/// A name for the type is not the type.
type Alias<'gc> = dyn Claims<'gc, 'static> + 'gc;
dyn_trace!(<'gc> Alias<'gc>);

fn main() {}
