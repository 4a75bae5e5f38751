//! What compiles and is refused when it runs: projections that leave the object whose barrier ran. And what must not be
//! `Send` or `Sync`.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use heap_core::{Gc, Handle, Heap, Lock, Mutator, NoGc, Rootable, Trace, Weak, Write, field, store};

type Edge<'gc> = Lock<Option<Gc<'gc, u64>>>;

#[derive(Trace)]
struct Part<'gc> {
    edge: Edge<'gc>,
}

/// Looks like the part that it leads to.
#[derive(Trace)]
struct Pointer<'gc>(Gc<'gc, Part<'gc>>);

impl<'gc> Deref for Pointer<'gc> {
    type Target = Part<'gc>;
    fn deref(&self) -> &Part<'gc> {
        &self.0
    }
}

#[derive(Trace)]
struct Object<'gc> {
    first: Edge<'gc>,
    inline: Part<'gc>,
    pointer: Gc<'gc, Part<'gc>>,
    looks_inline: Pointer<'gc>,
    boxed: Box<Part<'gc>>,
    list: Vec<Part<'gc>>,
    fixed: [Part<'gc>; 2],
    nothing: [Part<'gc>; 0],
    last: Edge<'gc>,
}

type Root = Rootable![Gc<'_, Object<'_>>];

fn heap() -> Heap<Root> {
    fn part<'gc>() -> Part<'gc> {
        Part { edge: Lock::new(None) }
    }
    Heap::<Root>::new(NoGc::default(), |mc| {
        let object = Object {
            first: Lock::new(None),
            inline: part(),
            pointer: Gc::new(mc, part()),
            looks_inline: Pointer(Gc::new(mc, part())),
            boxed: Box::new(part()),
            list: vec![part(), part()],
            fixed: [part(), part()],
            nothing: [],
            last: Lock::new(None),
        };
        Gc::new(mc, object)
    })
    .unwrap()
}

/// Asserts that the path is refused, and that the message says what to do.
#[track_caller]
fn refused(path: impl for<'gc> FnOnce(&'gc Mutator<'gc>, Gc<'gc, Object<'gc>>)) {
    let outcome = catch_unwind(AssertUnwindSafe(|| heap().mutate(|mc, root| path(mc, *root))));
    let payload = outcome.expect_err("the path leaves the object and was not refused");
    let message = payload.downcast_ref::<&str>().map(|text| text.to_string());
    let message = message.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    assert!(message.contains("not inside this object") && message.contains("as_deref"), "{message}");
}

#[test]
fn paths_that_leave_the_object_are_refused() {
    refused(|mc, root| store!(mc, root => pointer.edge, None));
    refused(|mc, root| store!(mc, root => looks_inline.edge, None));
    refused(|mc, root| store!(mc, root => boxed.edge, None));
    refused(|mc, root| store!(mc, root => list[0].edge, None));
    refused(|mc, root| {
        Gc::project(root, mc, |object| &object.pointer.edge);
    });
    refused(|mc, root| {
        Gc::project(root, mc, |object| &*object.looks_inline);
    });
    refused(|mc, root| {
        Gc::project(root, mc, |object| object.list.as_slice());
    });
    // Something else altogether: another object, a leaked one.
    refused(|mc, root| {
        let other = Gc::new(mc, Part { edge: Lock::new(None) });
        Gc::project(root, mc, |_| &Gc::as_ref(other).edge).set(None);
    });
    refused(|mc, root| {
        let leaked: &'static u64 = Box::leak(Box::new(1));
        Gc::project(root, mc, |_| leaked);
    });
    refused(|mc, root| {
        static NUMBER: u64 = 1;
        Gc::project(root, mc, |_| &NUMBER);
    });
    // One step further from a proof.
    refused(|mc, root| {
        field!(mc, root.inline);
        Gc::write(mc, root).project(|object| &object.pointer.edge).set(None);
    });
    refused(|mc, root| {
        // A neighbour inside the same object is outside of the part.
        let object = Gc::as_ref(root);
        field!(mc, root.inline).project(|_| &object.last).set(None);
    });
    refused(|mc, root| {
        let object = Gc::as_ref(root);
        field!(mc, root => fixed[0]).project(|_| &object.fixed[1]);
    });
    refused(|mc, root| {
        // The whole is not inside its part.
        let object = Gc::as_ref(root);
        field!(mc, root.inline).project(|_| object);
    });
    refused(|_, root| {
        // A proof made from something exclusive does not reach into the heap.
        let mut pointer = root;
        Write::from_mut(&mut pointer).project(|pointer| &pointer.last).set(None);
    });
    refused(|mc, _| {
        // Elements beyond the one that was named.
        let slice = Gc::new_slice_with(mc, 3, |_| Part { edge: Lock::new(None) });
        let whole = Gc::as_ref(slice);
        field!(mc, slice[1]).project(|_| &whole[0..2]);
    });
}

#[test]
fn paths_inside_the_object_are_not() {
    heap().mutate(|mc, root| {
        let one = Some(Gc::new(mc, 1));
        store!(mc, root.first, one);
        store!(mc, root.last, one);
        store!(mc, root => inline.edge, one);
        store!(mc, root => fixed[1].edge, one);
        Gc::project(*root, mc, |object| object);
        Gc::project(*root, mc, |object| &object.fixed[1..]);
        // Nothing at the very end, and nothing at all.
        Gc::project(*root, mc, |object| &object.fixed[2..]);
        Gc::project(*root, mc, |object| &object.nothing);
        field!(mc, root.boxed).as_deref().project(|part| &part.edge).set(one);
        field!(mc, root.list).as_deref()[1].project(|part| &part.edge).set(one);
        let edges = [root.first.get(), root.last.get(), root.inline.edge.get(), root.fixed[1].edge.get()];
        assert!(edges.iter().all(Option::is_some));
        assert!(root.boxed.edge.get().is_some() && root.list[1].edge.get().is_some());
        assert!(root.pointer.edge.get().is_none() && root.looks_inline.edge.get().is_none());
    });
}

/// `Probe::<T>::SEND` is true when the compiler can prove it: an associated constant of the type itself, if its bounds
/// hold, goes before one of a trait.
struct Probe<T: ?Sized>(std::marker::PhantomData<T>);

trait Not {
    const SEND: bool = false;
    const SYNC: bool = false;
}
impl<T: ?Sized> Not for Probe<T> {}

mod send {
    use super::Probe;
    impl<T: ?Sized + Send> Probe<T> {
        pub(super) const SEND: bool = true;
    }
}

mod sync {
    use super::Probe;
    impl<T: ?Sized + Sync> Probe<T> {
        pub(super) const SYNC: bool = true;
    }
}

#[test]
fn what_may_go_to_other_threads() {
    const {
        assert!(!Probe::<Gc<'static, u64>>::SEND && !Probe::<Gc<'static, u64>>::SYNC);
        assert!(!Probe::<Weak<'static, u64>>::SEND && !Probe::<Weak<'static, u64>>::SYNC);
        assert!(!Probe::<Mutator<'static>>::SEND && !Probe::<Mutator<'static>>::SYNC);
        assert!(!Probe::<&'static Mutator<'static>>::SEND);
        assert!(!Probe::<Heap<Root>>::SEND && !Probe::<Heap<Root>>::SYNC);
        assert!(!Probe::<&'static Write<Lock<u64>>>::SEND);
        assert!(!Probe::<Lock<u64>>::SYNC);
        // A handle is a number, and may be dropped anywhere.
        assert!(Probe::<Handle<Root>>::SEND && Probe::<Handle<Root>>::SYNC);
        assert!(Probe::<heap_core::AllocError>::SEND && Probe::<heap_core::AllocError>::SYNC);
    }
}

#[test]
fn no_header_word_leads_to_nothing() {
    use heap_core::collector::object::FORWARDED;
    use heap_core::collector::{HeaderWord, TypeInfo};
    // Words are values that anybody may make up: one that says "moved, to nowhere" is no pointer.
    let word = HeaderWord::new(TypeInfo::RAW_BYTES, 0).replace(usize::MAX, FORWARDED);
    assert!(word.forwarded().is_none());
}

#[test]
fn the_root_may_be_read_but_is_no_object_of_the_program() {
    let mut heap = heap();
    // Two heaps of the same shape at the same time: what belongs to one is not found in the other.
    let mut other = self::heap();
    let handle = heap.mutate(|mc, root| mc.stash_as::<Root>(*root));
    other.mutate(|mc, _| assert!(mc.try_fetch(&handle).is_none()));
    let outcome = catch_unwind(AssertUnwindSafe(|| other.mutate(|mc, _| mc.fetch(&handle).first.get().is_some())));
    assert!(outcome.is_err());
}
