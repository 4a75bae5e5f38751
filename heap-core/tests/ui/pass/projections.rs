//! Every form of a path that `field!` and `store!` accept.
use heap_core::{Gc, Heap, Lock, NoGc, RefLock, Rootable, Trace, field, store};

type Edge<'gc> = Lock<Option<Gc<'gc, u64>>>;

#[derive(Trace, Default)]
struct Inner<'gc> {
    edge: Edge<'gc>,
    deeper: (u8, Edge<'gc>),
}

#[derive(Trace, Default)]
struct Outer<'gc> {
    edge: Edge<'gc>,
    inner: Inner<'gc>,
    array: [Edge<'gc>; 4],
    grid: [[Inner<'gc>; 2]; 2],
    boxed: Box<Inner<'gc>>,
    list: Vec<Inner<'gc>>,
    maybe: Option<Inner<'gc>>,
    items: RefLock<Vec<Gc<'gc, u64>>>,
    other: Lock<Option<Gc<'gc, Outer<'gc>>>>,
}

#[derive(Trace)]
struct Pair<'gc>(Edge<'gc>, Edge<'gc>);

struct Wrapper<'gc> {
    outer: Gc<'gc, Outer<'gc>>,
    all: Vec<Gc<'gc, Pair<'gc>>>,
}

fn main() {
    let mut heap = Heap::<Rootable![Gc<'_, Outer<'_>>]>::new(NoGc::default(), |mc| Gc::new(mc, Outer::default())).unwrap();
    heap.mutate(|mc, root| {
        let one = Gc::new(mc, 1);
        let index = 2;
        store!(mc, root.edge, Some(one));
        store!(mc, (*root).edge, Some(one),);
        field!(mc, root.items).unlock().borrow_mut().extend([one, one]);
        field!(mc, root.items).borrow_mut().push(one);

        let pair = Gc::new(mc, Pair(Lock::new(None), Lock::new(None)));
        store!(mc, pair.0, Some(one));
        store!(mc, pair.1, pair.0.get());

        let slice = Gc::new_slice_with(mc, 5, |_| Lock::new(None));
        store!(mc, slice[index + 1], Some(one));
        store!(mc, slice[slice.len() - 1], slice[3].get());
        let pairs = Gc::new_slice_with(mc, 5, |_| Pair(Lock::new(None), Lock::new(None)));
        store!(mc, pairs => [index].1, Some(one));
        field!(mc, pairs[index]).project(|pair| &pair.0).set(Some(one));

        store!(mc, root => inner.edge, Some(one));
        store!(mc, root => inner.deeper.1, Some(one));
        store!(mc, root => array[index], Some(one));
        store!(mc, root => grid[1][index - 1].deeper.1, Some(one));
        field!(mc, root.boxed).as_deref().project(|inner| &inner.deeper.1).set(Some(one));
        if let Some(inner) = field!(mc, root.maybe).as_write() {
            inner.project(|inner| &inner.edge).set(Some(one));
        }
        for inner in 0..root.list.len() {
            field!(mc, root.list).as_deref()[inner].project(|inner| &inner.edge).set(Some(one));
        }
        let whole = Gc::write(mc, *root);
        whole.project(|outer| &outer.array)[3].set(Some(one));
        whole.project(|outer| &outer.inner.deeper.1).unlock().replace(None);

        let wrapper = Wrapper { outer: *root, all: vec![pair] };
        store!(mc, wrapper.outer.edge, None);
        store!(mc, (wrapper.all[0]).1, None);
        store!(mc, (wrapper.outer.other.get().unwrap_or(*root)) => grid[0][0].edge, Some(one));
        store!(mc, root.other, Some(Gc::new(mc, Outer::default())));
        store!(mc, (root.other.get().unwrap()).edge, Some(one));
        assert!(root.other.get().unwrap().edge.get().is_some());

        let lock = Gc::new(mc, Lock::new(Some(one)));
        lock.set(mc, None);
        let bag = Gc::new(mc, RefLock::new(vec![one]));
        bag.borrow_mut(mc).clear();
    });
}
