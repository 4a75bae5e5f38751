//! Named regressions: what collectors have got wrong before, ours or others', each as a small program.
//!
//! | file | what can go wrong there |
//! |---|---|
//! | `depth` | recursion: long chains on small stacks |
//! | `layout` | sizes and alignments at the edges, borrow flags, every container |
//! | `room` | memory that is reused, limits, memory that the system refuses |
//! | `panics` | user code that unwinds, at every place where it can |
//! | `types` | objects of every making, as `dyn`, as their first field, and back |
//! | `handles` | roots that come and go at odd times, heaps that do |
//! | `weak` | weak pointers, and what they lead to |
//! | `dying` | ephemerons and finalizers |
//! | `collections` | lists, maps, sets and weak tables in the heap |
//! | `identity` | identity hashes |
//! | `finalizing` | random finalizers |
//! | `stages` | collections in which the program has a say |
//! | `frozen` | permanent objects, and what is written to them |
//! | `barrier` | stores at the worst moment; small programs under zeal |
//! | `pacing` | what makes collections due, what the heap holds, and what it keeps |
//! | `observation` | what a heap says about itself |
//! | `inspecting` | looks into whole heaps |

pub(super) mod barrier;
pub(super) mod collections;
pub(super) mod depth;
pub(super) mod dying;
pub(super) mod finalizing;
pub(super) mod frozen;
pub(super) mod handles;
pub(super) mod identity;
pub(super) mod inspecting;
pub(super) mod layout;
pub(super) mod observation;
pub(super) mod pacing;
pub(super) mod panics;
pub(super) mod room;
pub(super) mod stages;
pub(super) mod types;
pub(super) mod weak;

use std::cell::Cell;
use std::rc::Rc;

use super::Kit;
use super::model::Promise;
use crate::{AllocError, Gc, Heap, HeapOptions, Lock, Mutator, Rootable, Static, Trace, store};

/// The common object: a number and two pointers.
#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    other: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

impl<'gc> Node<'gc> {
    fn make(mc: &Mutator<'gc>, value: u64, next: Option<Gc<'gc, Node<'gc>>>) -> Gc<'gc, Node<'gc>> {
        Gc::new(mc, Node { value, next: Lock::new(next), other: Lock::new(None) })
    }
}

/// A root that is one node.
type List = Rootable![Gc<'_, Node<'_>>];
type Slots<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, Node<'gc>>>>]>;
/// A root that is a slice of nodes.
type Table = Rootable![Slots<'_>];

fn slots<'gc>(mc: &Mutator<'gc>, len: usize) -> Slots<'gc> {
    Gc::new_slice_with(mc, len, |_| Lock::new(None))
}

impl Kit {
    pub(super) fn options() -> HeapOptions {
        // The verifier names whoever points at what is gone, where the program would crash.
        let verify = std::env::var_os(super::report::VERIFY).is_some();
        if verify {
            crate::fault::verify_pauses_first();
        }
        HeapOptions::default().with_poison(true).with_verify(verify)
    }

    fn list(&self) -> Heap<List> {
        self.list_with(Self::options())
    }

    fn list_with(&self, options: HeapOptions) -> Heap<List> {
        Heap::with_options(options, self.collector(), |mc| Node::make(mc, 0, None)).expect("a heap can be made")
    }

    fn try_list(&self, options: HeapOptions) -> Result<Heap<List>, AllocError> {
        Heap::try_with_options(options, self.collector(), |mc| {
            Gc::try_new(mc, Node { value: 0, next: Lock::new(None), other: Lock::new(None) })
        })
    }

    fn table(&self, len: usize) -> Heap<Table> {
        Heap::with_options(Self::options(), self.collector(), |mc| slots(mc, len)).expect("a heap can be made")
    }

    /// Collects, and demands that `alive` objects are left besides the root object, `cycles` of them because a garbage
    /// cycle holds them. The number of cells is part of `alive`.
    #[track_caller]
    fn expect<R: ?Sized>(&self, heap: &mut Heap<R>, alive: u64, cycles: u64) {
        heap.collect();
        let promise = self.promise(heap);
        let held = if promise == Promise::KeepsCycles { cycles } else { 0 };
        if promise != Promise::KeepsAll {
            let live = heap.statistics().live_objects;
            assert_eq!(live, alive + held + 1, "objects alive after a full collection, the root object counted");
        }
    }

    /// As [`expect`](Self::expect), with a second opinion: the verifier's census.
    #[track_caller]
    fn expect_verified<R: ?Sized>(&self, heap: &mut Heap<R>, alive: u64, cycles: u64) {
        self.expect(heap, alive, cycles);
        let census = heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
        assert_eq!(census.objects, alive + 1, "objects reachable after a full collection, the root object counted");
    }
}

/// Counts its drops.
struct Counted(Rc<Cell<u64>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// An object with drop glue that counts, and a pointer.
#[derive(Trace)]
struct Counting<'gc> {
    next: Lock<Option<Gc<'gc, Counting<'gc>>>>,
    counted: Static<Counted>,
}

fn counting<'gc>(
    mc: &Mutator<'gc>,
    drops: &Rc<Cell<u64>>,
    next: Option<Gc<'gc, Counting<'gc>>>,
) -> Gc<'gc, Counting<'gc>> {
    Gc::new(mc, Counting { next: Lock::new(next), counted: Static(Counted(drops.clone())) })
}

/// Prepends `count` nodes to the list behind `head`, valued `from ..`.
fn prepend<'gc>(mc: &Mutator<'gc>, head: Gc<'gc, Node<'gc>>, from: u64, count: u64) {
    for value in from..from + count {
        let node = Node::make(mc, value, head.next.get());
        store!(mc, head.next, Some(node));
    }
}

/// Length and sum of the list that begins with `node`.
fn measure<'gc>(mut node: Option<Gc<'gc, Node<'gc>>>) -> (u64, u64) {
    let (mut length, mut sum) = (0, 0u64);
    while let Some(current) = node {
        length += 1;
        sum = sum.wrapping_add(current.value);
        node = current.next.get();
    }
    (length, sum)
}
