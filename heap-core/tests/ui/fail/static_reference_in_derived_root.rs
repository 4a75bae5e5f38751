//! The same behind a derived type that assumes what is not so.
use heap_core::{Gc, Heap, NoGc, Rootable, Trace};

#[derive(Trace)]
struct Evil<'gc>
where
    'gc: 'static,
{
    leaked: &'static Gc<'gc, u64>,
}

fn main() {
    let _ = Heap::<Rootable![Evil<'_>]>::new(NoGc::default(), |mc| Evil { leaked: Box::leak(Box::new(Gc::new(mc, 1))) });
}
