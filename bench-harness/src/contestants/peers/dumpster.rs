//! dumpster: reference counting that finds garbage cycles by tracing from suspects. The single-threaded flavour.
//!
//! One count in front of each object. A pointer that is dropped without being the last one makes its object a suspect;
//! when more pointers were dropped than exist, all suspects' graphs are traced, with hash maps on the side, to tell
//! which counts come from inside. Nobody has to ask for it.
//!
//! Its pointer is a `Cell`, in which no value is left over to mean "none": a field that may be null is two words wide.
//! Links that are written once are `OnceCell`s, which adds nothing to that. `Cell` is traceable only for `Copy`
//! content, so the edges of `graph_mutate` share one `RefCell`.
//!
//! Dropping recurses, and so does tracing: `deep_list` overflows the stack.

use super::cells::{BORROW_FLAG_BYTES, once_cell_links, ref_cell_edges};
use super::shared::*;
use dumpster::Trace;
use dumpster::unsync::Gc;

/// What `Option` adds to a pointer.
const TAG_BYTES: u64 = (size_of::<Option<Gc<u64>>>() - size_of::<Gc<u64>>()) as u64;

// The nodes of `shared`, written out: this derive macro takes the names in its output from the place of a field's
// declaration, and so does not compile when that is inside another macro.

#[derive(Trace)]
struct Tree {
    left: Option<Gc<Tree>>,
    right: Option<Gc<Tree>>,
}

#[derive(Trace)]
struct BenchNode {
    left: Link<BenchNode>,
    right: Link<BenchNode>,
    i: i32,
    j: i32,
}

#[derive(Trace)]
struct ListNode {
    value: u64,
    next: Option<Gc<ListNode>>,
}

#[derive(Trace)]
struct RingNode {
    value: u64,
    next: Link<RingNode>,
    prev: Link<RingNode>,
}

#[derive(Trace)]
struct GraphNode {
    id: u64,
    edges: Edges,
}

#[derive(Trace)]
struct Trie {
    left: Option<Gc<Trie>>,
    right: Option<Gc<Trie>>,
    value: u64,
}

#[derive(Trace)]
struct Chained {
    key: u64,
    value: u64,
    next: Option<Gc<Chained>>,
}

#[derive(Trace)]
struct Pair {
    first: u64,
    second: u64,
}

#[derive(Trace)]
struct Message {
    number: u64,
    payload: Gc<Payload>,
}

#[derive(Trace)]
struct Payload {
    words: [u64; queue::WORDS],
}

#[derive(Trace)]
struct Quad {
    kids: [Option<Gc<Quad>>; quads::KIDS],
}

#[derive(Trace)]
struct Note {
    value: u64,
    next: Option<Gc<Note>>,
}

#[derive(Trace)]
struct Stored {
    id: u64,
    body: Gc<Body>,
}

#[derive(Trace)]
struct Body {
    words: [u64; event_loop::WORDS],
}

shared_owner_programs! {
    pointer: Gc,
    excess: Excess { pointer: TAG_BYTES, link: TAG_BYTES, edges: 4 * TAG_BYTES + BORROW_FLAG_BYTES },
    after_batch: nothing,
    collect: dumpster::unsync::collect,
    others: run_others,
}

once_cell_links!(Gc);
ref_cell_edges!(Gc);

type Slice = Gc<Box<[u8]>>;

fn slice(len: usize, byte: u8) -> Slice {
    Gc::new(vec![byte; len].into())
}

fn run_others(ready: &Ready) -> Result<Outcome, Unsupported> {
    match ready.workload {
        Workload::WeakRing | Workload::WeakNodes | Workload::Interning => Err(NO_WEAK),
        Workload::ManyHeaps => Err(ONE_HEAP),
        _ => Err(NOT_WRITTEN),
    }
}
