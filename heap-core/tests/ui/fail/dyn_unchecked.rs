//! A `dyn` type that nobody checked is traced nowhere: it may demand of the brand what is not so.
use heap_core::{Content, Gc, Handle, Heap, Lock, NoGc, RefLock, Rootable, Trace, Weak};

trait Claims<'gc, 'x>: Trace<'gc> + 'x {}

type Alias<'gc> = dyn Claims<'gc, 'static> + 'gc;

fn boxed() {
    let _ = Heap::<Rootable!['gc => Option<Box<dyn Claims<'gc, 'static> + 'gc>>]>::new(NoGc::default(), |_| None);
}

fn pinned() {
    type Root<'gc> = Option<std::pin::Pin<Box<Alias<'gc>>>>;
    let _ = Heap::<Rootable!['gc => Root<'gc>]>::new(NoGc::default(), |_| None);
}

fn pointer() {
    let _ = Heap::<Rootable!['gc => Option<Gc<'gc, Alias<'gc>>>]>::new(NoGc::default(), |_| None);
}

fn weak() {
    let _ = Heap::<Rootable!['gc => Option<Weak<'gc, RefLock<Alias<'gc>>>>]>::new(NoGc::default(), |_| None);
}

fn handle(heap: &mut Heap<Rootable![()]>, handle: &Handle<Rootable!['gc => Gc<'gc, Lock<Option<Box<Alias<'gc>>>>>]>) {
    heap.mutate(|mc, _| {
        mc.fetch(handle);
    });
}

#[derive(Trace)]
struct Field<'gc> {
    field: Box<dyn Unclaiming<'gc> + 'gc>,
}

trait Unclaiming<'gc>: Trace<'gc> {}

/// What the macro writes is not inherited.
trait Inherits<'gc>: Content<'gc> {}

fn inherits<'gc>(_: Box<dyn Inherits<'gc> + 'gc>) {}

fn main() {}
