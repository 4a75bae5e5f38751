//! What the verifier says about frozen heaps that were damaged by hand.

use gc_marksweep::MarkSweep;
use heap_core::collector::memory::{BlockKind, LineSet};
use heap_core::collector::object::PERMANENT;
use heap_core::collector::{Colour, HeaderWord, HeapContext, ObjectRef};
use heap_core::conformance::damaged::Damaged;
use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    leaf: Lock<Option<Gc<'gc, u64>>>,
}

fn node<'gc>(next: Option<Gc<'gc, Node<'gc>>>) -> Node<'gc> {
    Node { next: Lock::new(next), leaf: Lock::new(None) }
}

/// The root is a pointer to an object that was written and leads to an object that was made since. A handle leads to
/// one that was not written.
fn verdict(damage: fn(&mut MarkSweep, &mut HeapContext<'_>)) -> String {
    let collector = Damaged { collector: MarkSweep::default(), damage };
    let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(collector, |mc| Gc::new(mc, node(None))).unwrap();
    let handle = heap.mutate(|mc, _| {
        let last = Gc::new(mc, node(None));
        store!(mc, last.leaf, Some(Gc::new(mc, 7)));
        mc.stash_as::<Rootable![Gc<'_, Node<'_>>]>(Gc::new(mc, node(Some(last))))
    });
    heap.freeze().unwrap();
    heap.mutate(|mc, root| store!(mc, root.next, Some(Gc::new(mc, node(None)))));
    heap.verify().expect("undamaged");
    heap.step(0);
    let error = heap.verify().expect_err("damaged").to_string();
    std::mem::forget((heap, handle));
    error
}

fn change(object: ObjectRef, change: impl FnOnce(HeaderWord) -> HeaderWord) {
    // SAFETY: an object of the heap that is damaged; the program is stopped.
    let header = unsafe { object.header() };
    header.store(change(header.load()));
}

fn root(heap: &HeapContext<'_>) -> ObjectRef {
    next(heap.core.every_root().next().unwrap())
}

fn kept(heap: &HeapContext<'_>) -> ObjectRef {
    heap.core.every_root().nth(1).unwrap()
}

/// What an object's first field leads to.
fn next(object: ObjectRef) -> ObjectRef {
    // SAFETY: the first field is a pointer.
    unsafe { object.payload().cast::<ObjectRef>().read() }
}

#[track_caller]
fn says(damage: fn(&mut MarkSweep, &mut HeapContext<'_>), what: &str) {
    let error = verdict(damage);
    assert!(error.contains(what), "{error}");
}

#[test]
fn headers_of_permanent_objects() {
    says(
        |_, heap| change(next(kept(heap)), |word| word.without(Colour::FIRST.bits())),
        "lacks the bits by which a collector finds it reached",
    );
    says(|_, heap| change(kept(heap), |word| word.without(PERMANENT)), "it is not among the roots");
    says(|_, heap| change(root(heap), |word| word.with(PERMANENT | Colour::MASK)), "it leads to what may die");
    says(|_, heap| change(next(root(heap)), |word| word.with(PERMANENT)), "it is permanent, and its block is not");
    says(|_, heap| change(next(root(heap)), |word| word.with(Colour::MASK)), "and its block is not permanent");
    // What leads to it is not permanent either, but that is found first.
    says(
        |_, heap| {
            // SAFETY: both are objects of this type, and nothing of them is borrowed.
            unsafe { kept(heap).payload().cast::<ObjectRef>().write(next(root(heap))) };
        },
        "no write was noted, and it leads to what may die",
    );
}

#[test]
fn memory_of_permanent_objects() {
    says(
        |_, heap| {
            let memory = &mut heap.core.memory;
            let block = memory.blocks.blocks_of_kind(BlockKind::Permanent).next().unwrap();
            memory.holes.file(block, LineSet(1 << 127));
        },
        "holes of 1 permanent blocks are offered",
    );
}
