//! The typed API on the smallest collector.

use heap_core::{Gc, Heap, HeapOptions, Lock, NoGc, RefLock, Rootable, Trace, Weak, field, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    items: RefLock<Vec<Weak<'gc, Node<'gc>>>>,
}

fn node<'gc>(value: u64) -> Node<'gc> {
    Node { value, next: Lock::new(None), items: RefLock::new(Vec::new()) }
}

#[test]
fn objects_links_weaks_and_handles() {
    let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::with_options(
        HeapOptions::default().with_verify(true),
        NoGc::default(),
        |mc| Gc::new(mc, node(0)),
    )
    .unwrap();
    let handle = heap.mutate(|mc, root| {
        let other = Gc::new(mc, node(1));
        store!(mc, root.next, Some(other));
        let weak = Gc::downgrade(other, mc);
        assert!(Weak::ptr_eq(weak, Gc::downgrade(other, mc)), "one cell per target");
        field!(mc, root.items).unlock().borrow_mut().push(weak);
        mc.stash(other)
    });
    heap.collect();
    heap.mutate(|mc, root| {
        let next = root.next.get().unwrap();
        assert!(Gc::ptr_eq(next, mc.fetch(&handle)));
        assert_eq!(next.value, 1);
        let weak = root.items.borrow()[0];
        assert!(Gc::ptr_eq(weak.upgrade(mc).unwrap(), next));
    });
    let census = heap.verify().unwrap();
    assert_eq!((census.objects, census.weak_cells), (4, 1), "the root object, two nodes and a weak cell");
}

#[test]
#[should_panic(expected = "not inside this object")]
fn a_projection_through_another_object_is_refused() {
    let mut heap =
        Heap::<Rootable![Gc<'_, Gc<'_, Node<'_>>>]>::new(NoGc::default(), |mc| Gc::new(mc, Gc::new(mc, node(0))))
            .unwrap();
    heap.mutate(|mc, root| {
        Gc::project(*root, mc, |outer| &outer.next);
    });
}

#[test]
fn slices_and_strings() {
    let mut heap = Heap::<Rootable![Gc<'_, [Gc<'_, str>]>]>::new(NoGc::default(), |mc| {
        Gc::new_slice_with(mc, 1000, |i| Gc::new_str(mc, &format!("number {i}")))
    })
    .unwrap();
    heap.mutate(|_, root| {
        assert_eq!(root.len(), 1000);
        assert_eq!(&*root[617], "number 617");
    });
    assert_eq!(heap.verify().unwrap().objects, 1002);
}
