//! Trait objects in boxes, of every kind that the macro must accept.
#![forbid(unsafe_code)]
use std::pin::Pin;

use heap_core::{
    Gc, GcDyn, Heap, Lock, NoGc, RefLock, Rootable, Static, Trace, dyn_trace, field, new_dyn, try_new_dyn, unsize,
};

trait Sequence<'gc>: Trace<'gc> {
    fn poll(self: Pin<&mut Self>) -> Option<u64>;
}
dyn_trace!(<'gc> dyn Sequence<'gc> + 'gc);

#[derive(Trace)]
struct Frame<'gc> {
    sequence: RefLock<Pin<Box<dyn Sequence<'gc> + 'gc>>>,
    others: Vec<Option<Box<dyn Sequence<'gc> + 'gc>>>,
}

#[derive(Trace)]
struct Once<'gc>(Lock<Option<Gc<'gc, u64>>>);

impl<'gc> Sequence<'gc> for Once<'gc> {
    fn poll(mut self: Pin<&mut Self>) -> Option<u64> {
        self.0.get_mut().take().map(|gc| *gc)
    }
}

/// Parameters, traced and not; associated types; lifetimes; other traits beside.
trait Handler<'gc, E, T: 'static>: Trace<'gc> {
    type Output;
    fn handle(&self, event: E) -> Self::Output;
}
dyn_trace!(<'gc, E: Trace<'gc>, T> dyn Handler<'gc, E, T, Output = Gc<'gc, u8>> + 'gc where T: Copy);
dyn_trace!(<'gc, E: Trace<'gc>, O: Trace<'gc>> dyn Handler<'gc, E, str_of::Text, Output = Option<O>> + Send);

mod str_of {
    pub struct Text;
}

trait Named<'a, 'gc>: Trace<'gc>
where
    'gc: 'a,
{
}
dyn_trace! { <'gc, 'a> dyn Named<'a, 'gc> + 'gc where 'gc: 'a; }

trait Many<'gc>: Named<'gc, 'gc> {}
dyn_trace!(<'gc> dyn Many<'gc>);

/// A boxed object in a generic type that need not be sized.
#[derive(Trace)]
struct Boxed<T: ?Sized>(Box<T>);

type Roots<'gc> = (Boxed<dyn Sequence<'gc> + 'gc>, Gc<'gc, Frame<'gc>>);

/// What holds no pointer is a family by itself.
fn family<R: for<'a> Rootable<'a> + 'static>() {}

/// A name that knows where it begins, and parameters that are known.
#[derive(Trace)]
#[repr(C, align(16))]
struct Outer<'gc, T: 'static, const N: usize>(#[trace(prefix)] Inner<'gc>, #[trace(require_static)] [T; N]);

#[derive(Trace)]
struct Inner<'gc>(Gc<'gc, u64>);

fn casts() {
    let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
    heap.mutate(|mc, ()| {
        let number = Gc::new(mc, 3);
        let outer = Gc::new(mc, Outer(Inner(number), ["one", "two"]));
        let inner = Gc::upcast(outer);
        assert_eq!(*inner.0, 3);
        assert!(Gc::downcast::<Outer<&'static str, 2>>(inner).is_some());
        assert!(Gc::downcast::<Outer<&'static str, 3>>(inner).is_none());
        assert!(Gc::downcast::<Outer<u64, 2>>(inner).is_none());
        assert!(Gc::is::<Inner>(inner) && !Gc::is::<Once>(inner));

        let once = Gc::new(mc, Once(Lock::new(Some(number))));
        let wide: GcDyn<'_, dyn Sequence<'_> + '_> = unsize!(once => dyn Sequence<'_> + '_);
        assert_eq!(size_of_val(&*wide), size_of::<Once>());
        assert!(GcDyn::downcast::<Once>(wide).is_some_and(|gc| Gc::ptr_eq(gc, once)));
        let bytes: GcDyn<'_, [u8]> = unsize!(Gc::new(mc, [1u8, 2, 3]) => [u8]);
        assert_eq!(*bytes, [1, 2, 3]);
        let thin = new_dyn!(mc, Once(Lock::new(None)) => dyn Sequence<'_> + '_);
        let _: Gc<'_, dyn Sequence<'_> + '_> = thin;
        assert_eq!((size_of_val(&*thin), size_of_val(&Some(thin))), (size_of::<Once>(), 8));
        assert!(Gc::downcast::<Once>(thin).is_some());
        assert!(try_new_dyn!(mc, Once(Lock::new(None)) => dyn Sequence<'_> + '_).is_ok());
    });
}

fn main() {
    casts();
    family::<Static<std::time::Instant>>();
    let mut heap = Heap::<Rootable![Roots<'_>]>::new(NoGc::default(), |mc| {
        let once = |n| Once(Lock::new(Some(Gc::new(mc, n))));
        let frame = Frame { sequence: RefLock::new(Box::pin(once(7))), others: vec![Some(Box::new(once(8))), None] };
        (Boxed(Box::new(once(9))), Gc::new(mc, frame))
    })
    .unwrap();
    heap.collect();
    heap.mutate(|mc, (_, frame)| {
        let mut sequence = field!(mc, frame.sequence).borrow_mut();
        assert_eq!(sequence.as_mut().poll(), Some(7));
        assert_eq!(sequence.as_mut().poll(), None);
        assert!(frame.others[0].is_some());
    });
    heap.mutate(|_, (boxed, _)| assert_eq!(size_of_val(&*boxed.0), size_of::<Once>()));
    heap.verify().unwrap();
}
