//! What an interpreter and an engine that moved here could not say before: each small program compiles and is right. On every
//! collector the same is checked by the kit (`dyn_objects`, `foreign_containers`, `views`, `prefixes`); that maps of the standard
//! library refuse pointers as keys, and name what to use instead, by `tests/ui/fail/containers_with_pointers.rs`.

use std::any::TypeId;
use std::cell::RefCell;
use std::pin::Pin;
use std::time::Instant;

use heap_core::collections::Map;
use heap_core::{Gc, Heap, HeapOptions, NoGc, RefLock, Rootable, Static, Trace, dyn_trace, field};

/// A coroutine of the host, which holds pointers.
trait Coroutine<'gc>: Trace<'gc> {
    fn resume(&mut self) -> Option<Gc<'gc, str>>;
}
dyn_trace!(<'gc> dyn Coroutine<'gc> + 'gc);

#[derive(Trace)]
struct Words<'gc>(Vec<Gc<'gc, str>>);

impl<'gc> Coroutine<'gc> for Words<'gc> {
    fn resume(&mut self) -> Option<Gc<'gc, str>> {
        self.0.pop()
    }
}

#[derive(Trace)]
struct Activation<'gc> {
    coroutine: RefLock<Box<dyn Coroutine<'gc> + 'gc>>,
    pinned: Pin<Box<Gc<'gc, str>>>,
    kind: TypeId,
    code: *const u8,
}

#[test]
fn activations_hold_coroutines_and_foreign_values() {
    static CODE: [u8; 2] = [1, 2];
    let mut heap = Heap::<Rootable![Gc<'_, Activation<'_>>]>::new(NoGc::default(), |mc| {
        let words = Words(vec![Gc::new_str(mc, "last"), Gc::new_str(mc, "first")]);
        let activation = Activation {
            coroutine: RefLock::new(Box::new(words)),
            pinned: Box::pin(Gc::new_str(mc, "here")),
            kind: TypeId::of::<u8>(),
            code: CODE.as_ptr(),
        };
        Gc::new(mc, activation)
    })
    .unwrap();
    heap.mutate(|mc, activation| {
        let next = || field!(mc, activation.coroutine).unlock().borrow_mut().resume();
        assert_eq!((next().as_deref(), next().as_deref(), next()), (Some("first"), Some("last"), None));
        assert_eq!((&**activation.pinned, activation.kind), ("here", TypeId::of::<u8>()));
        assert_eq!(activation.code, CODE.as_ptr());
    });
    heap.verify().unwrap();
}

#[test]
fn keys_may_be_texts_of_the_heap() {
    let mut heap = Heap::<Rootable![Map<'_, Gc<'_, str>, u64>]>::new(NoGc::default(), |mc| Map::new(mc)).unwrap();
    heap.mutate(|mc, table| {
        table.insert(mc, Gc::new_str(mc, "length"), 7);
        assert_eq!(table.get(mc, "length"), Some(7));
    });
}

#[test]
fn what_is_static_is_a_family_of_its_own() {
    fn kept<R: for<'a> Rootable<'a, Root = Static<Instant>> + 'static>(at: Instant) -> Instant {
        let mut heap = Heap::<R>::new(NoGc::default(), |_| Static(at)).unwrap();
        heap.mutate(|_, root| root.0)
    }
    let now = Instant::now();
    assert_eq!(kept::<Static<Instant>>(now), now);
}

#[test]
fn a_look_inside_a_look_sees_the_heap() {
    let options = HeapOptions::default().with_zeal(true).with_verify(true);
    let heap = Heap::<Rootable![Gc<'_, RefLock<Vec<u64>>>]>::with_options(options, NoGc::default(), |mc| {
        Gc::new(mc, RefLock::new(vec![1]))
    });
    let heap = RefCell::new(heap.unwrap());
    heap.borrow().view(|mc, numbers| {
        numbers.borrow_mut(mc).push(2);
        // As when a panic handler looks at the player that panicked.
        let seen = heap.try_borrow().map(|heap| heap.view(|_, numbers| numbers.borrow().len()));
        assert_eq!(seen.ok(), Some(2));
        assert!(heap.try_borrow_mut().is_err());
    });
    heap.borrow_mut().poll();
}
