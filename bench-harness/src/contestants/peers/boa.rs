//! boa_gc: the mark-sweep collector of the Boa JavaScript engine.
//!
//! A fork of rust-gc whose roots are found by counting: before each collection, every pointer in the heap is visited
//! to learn which objects have more handles than that. Objects are boxes in one vector per thread, behind a header of
//! two words (both counts, and a pointer to their type's functions). A collection starts by itself, when an allocation
//! finds more bytes in use than a threshold that grows with what survived.
//!
//! Links that are written once are `OnceCell`, those that are rewritten `Cell`: boa_gc can trace both, the latter by
//! taking the content out and putting it back, and both are one pointer wide. Its own `GcRefCell` would add a borrow
//! flag to every link.
//!
//! Marking uses a queue, so deep lists do not overflow the stack.

use super::cells::{cell_edges, once_cell_links};
use super::shared::*;
use super::weak::weak_programs;
use boa_gc::{Finalize, Gc, Trace, WeakGc};

nodes!(Gc, derive(Trace, Finalize));
owned_nodes!(Gc, derive(Trace, Finalize));

shared_owner_programs! {
    pointer: Gc,
    excess: Excess::NONE,
    after_batch: nothing,
    collect: boa_gc::force_collect,
    others: run_others,
}

once_cell_links!(Gc);
cell_edges!(Gc);

type Slice = Gc<Box<[u8]>>;

fn slice(len: usize, byte: u8) -> Slice {
    Gc::new(vec![byte; len].into())
}

fn run_others(ready: &Ready) -> Result<Outcome, Unsupported> {
    match ready.workload {
        Workload::WeakRing | Workload::Interning => Ok(run_weak(ready)),
        Workload::ManyHeaps => Err(ONE_HEAP),
        _ => Err(NOT_WRITTEN),
    }
}

weak_programs!(Gc, WeakGc, WeakGc::new, String, |word: &str| Gc::new(word.to_owned()));
