//! Roots and handles of every shape.
use heap_core::{Gc, Handle, Heap, Lock, NoGc, Rootable, Trace, Weak};

#[derive(Trace)]
struct World<'gc, T> {
    things: Vec<Gc<'gc, T>>,
}

type Generic<T> = Rootable!['gc => World<'gc, T>];

struct Application<T: 'static>
where
    for<'gc> T: Trace<'gc>,
{
    heap: Heap<Generic<T>>,
    first: Handle<Rootable!['gc => Gc<'gc, T>]>,
}

impl<T: 'static> Application<T>
where
    for<'gc> T: Trace<'gc>,
{
    fn new(thing: T) -> Self {
        let mut heap = Heap::<Generic<T>>::new(NoGc::default(), |_| World { things: Vec::new() }).unwrap();
        let first = heap.mutate_root(|mc, world| {
            let thing = Gc::new(mc, thing);
            world.things.push(thing);
            mc.stash_as::<Rootable!['gc => Gc<'gc, T>]>(thing)
        });
        Application { heap, first }
    }
}

fn main() {
    let mut application = Application::new(String::from("thing"));
    let handle = application.first.clone();
    let length = application.heap.mutate(|mc, world| {
        assert!(Gc::ptr_eq(world.things[0], mc.fetch(&handle)));
        world.things[0].len()
    });
    assert_eq!(length, 5);

    Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
    Heap::<Rootable![&'static str]>::new(NoGc::default(), |_| "text").unwrap();
    Heap::<Rootable![(Gc<'_, str>, Weak<'_, str>)]>::new(NoGc::default(), |mc| {
        let text = Gc::new_str(mc, "text");
        (text, Gc::downgrade(text, mc))
    })
    .unwrap();
    let boxed: Box<dyn heap_core::collector::Collector> = Box::new(NoGc::default());
    let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, [u8]>>>]>::new(boxed, |_| Lock::new(None)).unwrap();
    heap.mutate_root(|mc, root| *root.get_mut() = Some(Gc::new_slice(mc, b"bytes")));
    // Two heaps at once.
    let mut other = Heap::<Rootable![Gc<'_, str>]>::new(NoGc::default(), |mc| Gc::new_str(mc, "other")).unwrap();
    let length = heap.mutate(|_, root| other.mutate(|_, text| text.len() + root.get().unwrap().len()));
    assert_eq!(length, 10);
}
