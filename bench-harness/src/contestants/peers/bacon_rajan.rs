//! bacon_rajan_cc: reference counting with trial deletion (Bacon and Rajan, 2001).
//!
//! Two counts, a colour and a flag in each object, behind its fields. A pointer that is dropped without being the last
//! one puts its object into a buffer of possible roots; `collect_cycles` subtracts the counts that come from inside the
//! graphs below them, and frees what is left without any. The crate never does so by itself: its manual suggests to
//! watch the size of the buffer, so this file looks at it after each batch of the workloads that can make cycles.
//!
//! A type's `Trace` is written by hand, so links may be `OnceCell`s, one pointer wide, although the crate knows only
//! `RefCell`. The edges of `graph_mutate` are written often, and share one `RefCell`.
//!
//! Dropping, and each phase of the collection, recurses: `deep_list` overflows the stack, and so does `graph_mutate`,
//! where every node reaches nearly all others by some long path.

use super::cells::{BORROW_FLAG_BYTES, once_cell_links, ref_cell_edges};
use super::shared::*;
use super::weak::weak_programs;
use bacon_rajan_cc::{Cc, Trace, Tracer, Weak, collect_cycles, number_of_roots_buffered};

/// So many possible roots are a reason to look for cycles.
const MAX_ROOTS: usize = 10_000;

/// What its manual leaves to the program: look for cycles when many objects are suspected.
fn collect_if_suspicious() {
    if number_of_roots_buffered() > MAX_ROOTS {
        collect_cycles();
    }
}

nodes!(Cc, derive());
owned_nodes!(Cc, derive());

shared_owner_programs! {
    pointer: Cc,
    excess: Excess { edges: BORROW_FLAG_BYTES, ..Excess::NONE },
    after_batch: collect_if_suspicious,
    collect: collect_cycles,
    others: run_others,
}

once_cell_links!(Cc);
ref_cell_edges!(Cc);

impl Trace for Tree {
    fn trace(&self, tracer: &mut Tracer) {
        self.left.trace(tracer);
        self.right.trace(tracer);
    }
}

impl Trace for BenchNode {
    fn trace(&self, tracer: &mut Tracer) {
        for link in [self.left.get(), self.right.get()].into_iter().flatten() {
            link.trace(tracer);
        }
    }
}

impl Trace for ListNode {
    fn trace(&self, tracer: &mut Tracer) {
        self.next.trace(tracer);
    }
}

impl Trace for RingNode {
    fn trace(&self, tracer: &mut Tracer) {
        for link in [self.next.get(), self.prev.get()].into_iter().flatten() {
            link.trace(tracer);
        }
    }
}

impl Trace for GraphNode {
    fn trace(&self, tracer: &mut Tracer) {
        for edge in self.edges.borrow().iter() {
            edge.trace(tracer);
        }
    }
}

type Slice = Cc<Box<[u8]>>;

fn slice(len: usize, byte: u8) -> Slice {
    Cc::new(vec![byte; len].into())
}

fn run_others(ready: &Ready) -> Result<Outcome, Unsupported> {
    match ready.workload {
        Workload::WeakRing | Workload::Interning => Ok(run_weak(ready)),
        Workload::ManyHeaps => Err(ONE_HEAP),
        _ => Err(NOT_WRITTEN),
    }
}

weak_programs!(Cc, Weak, Cc::downgrade, String, |word: &str| Cc::new(word.to_owned()));

/// Objects without pointers.
macro_rules! leaves {
    ($($Leaf:ident),*) => {
        $(impl Trace for $Leaf {
            fn trace(&self, _: &mut Tracer) {}
        })*
    };
}

leaves!(Pair, Payload, Body);

impl Trace for Chained {
    fn trace(&self, tracer: &mut Tracer) {
        self.next.trace(tracer);
    }
}

impl Trace for Message {
    fn trace(&self, tracer: &mut Tracer) {
        self.payload.trace(tracer);
    }
}

impl Trace for Quad {
    fn trace(&self, tracer: &mut Tracer) {
        self.kids.iter().for_each(|kid| kid.trace(tracer));
    }
}

impl Trace for Note {
    fn trace(&self, tracer: &mut Tracer) {
        self.next.trace(tracer);
    }
}

impl Trace for Stored {
    fn trace(&self, tracer: &mut Tracer) {
        self.body.trace(tracer);
    }
}

impl Trace for Trie {
    fn trace(&self, tracer: &mut Tracer) {
        self.left.trace(tracer);
        self.right.trace(tracer);
    }
}
