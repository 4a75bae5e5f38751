//! The `gc` crate, known as rust-gc: mark-sweep whose roots are counted.
//!
//! A pointer knows by its lowest bit whether it is in the heap or outside; moving it in or out adjusts a count of
//! roots in its object. Objects are boxes in one linked list per thread, each behind a header of three words (the
//! count, and a link with its vtable). A collection starts by itself, when an allocation finds more bytes in use than
//! a threshold that grows with what survived.
//!
//! Its pointer is a `Cell`, in which no value is left over to mean "none": a field that may be null is two words wide.
//! The only mutable field that it can trace is its `GcCell`, which adds a word of flags.
//!
//! Marking recurses, in a form that the optimiser can turn into a loop for a list whose link is the last field.

#![expect(non_local_definitions, reason = "its derive macro puts the implementations into a constant")]

use super::shared::*;
use gc::{Finalize, Gc, GcCell, Trace};
use std::array;

/// What `Option` adds to a pointer.
const TAG_BYTES: u64 = (size_of::<Option<Gc<u64>>>() - size_of::<Gc<u64>>()) as u64;

/// What `GcCell` adds to its content.
const FLAGS_BYTES: u64 = (size_of::<GcCell<u64>>() - size_of::<u64>()) as u64;

/// What one link or edge takes beyond a pointer.
const LINK_BYTES: u64 = TAG_BYTES + FLAGS_BYTES;

nodes!(Gc, derive(Trace, Finalize));
owned_nodes!(Gc, derive(Trace, Finalize));

shared_owner_programs! {
    pointer: Gc,
    excess: Excess { pointer: TAG_BYTES, link: LINK_BYTES, edges: 4 * LINK_BYTES },
    after_batch: nothing,
    collect: gc::force_collect,
    others: run_others,
}

// --- links: a `GcCell` lends its content only under a guard, so whoever walks along links copies pointers ---

type Link<T> = GcCell<Option<Gc<T>>>;

impl BenchNode {
    fn leaf(depth: u32, tree: u32) -> Gc<BenchNode> {
        let (left, right) = (GcCell::new(None), GcCell::new(None));
        Gc::new(BenchNode { left, right, i: depth as i32, j: tree as i32 })
    }

    fn populate(&self, depth: u32, tree: u32) {
        if depth == 0 {
            return;
        }
        let left = BenchNode::leaf(depth - 1, tree);
        let right = BenchNode::leaf(depth - 1, tree);
        *self.left.borrow_mut() = Some(left.clone());
        *self.right.borrow_mut() = Some(right.clone());
        left.populate(depth - 1, tree);
        right.populate(depth - 1, tree);
    }

    fn top_down(depth: u32, tree: u32) -> Gc<BenchNode> {
        let root = BenchNode::leaf(depth, tree);
        root.populate(depth, tree);
        root
    }

    fn bottom_up(depth: u32, tree: u32) -> Gc<BenchNode> {
        let child = || GcCell::new((depth > 0).then(|| BenchNode::bottom_up(depth - 1, tree)));
        let (left, right) = (child(), child());
        Gc::new(BenchNode { left, right, i: depth as i32, j: tree as i32 })
    }

    fn path_check(this: &Gc<BenchNode>, tree: u32) -> u64 {
        let mut node = this.clone();
        let mut digest = gcbench::path_check(0, node.i, node.j);
        loop {
            let child = if node.i > 0 && !gcbench::goes_left(tree, node.i) { &node.right } else { &node.left };
            let Some(next) = child.borrow().clone() else {
                return digest;
            };
            node = next;
            digest = gcbench::path_check(digest, node.i, node.j);
        }
    }

    fn sum(&self) -> u64 {
        let child = |c: &Link<BenchNode>| c.borrow().as_ref().map_or(0, |n| n.sum());
        self.i as u64 + 1 + child(&self.left) + child(&self.right)
    }
}

impl RingNode {
    fn previous_value(&self) -> u64 {
        self.prev.borrow().as_ref().map_or(0, |node| node.value)
    }
}

fn join(left: &Gc<RingNode>, right: &Gc<RingNode>) {
    *left.next.borrow_mut() = Some(right.clone());
    *right.prev.borrow_mut() = Some(left.clone());
}

fn round(first: &Gc<RingNode>, link: fn(&RingNode) -> &Link<RingNode>) -> u64 {
    let (mut node, mut digest) = (first.clone(), 0);
    loop {
        digest = rings::step(digest, node.value);
        let next = link(&node).borrow().clone();
        match next {
            Some(next) if !Gc::ptr_eq(&next, first) => node = next,
            _ => return digest,
        }
    }
}

// --- edges, inlined for the reason given in `cells` ---

type Edges = [GcCell<Option<Gc<GraphNode>>>; graph_mutate::EDGES];

impl GraphNode {
    /// Points every edge somewhere.
    #[inline(always)]
    fn connect(&self, mut target: impl FnMut() -> Gc<GraphNode>) {
        for edge in &self.edges {
            *edge.borrow_mut() = Some(target());
        }
    }

    /// A new node with the edges of the old one, which loses them. Every edge is reached through the pointer, and pays
    /// for its check, as it would where the program has nothing else in hand.
    #[inline(always)]
    fn successor(old: &Gc<GraphNode>, id: u64) -> Gc<GraphNode> {
        let edges = array::from_fn(|e| GcCell::new(old.edges[e].borrow_mut().take()));
        Gc::new(GraphNode { id, edges })
    }

    #[inline(always)]
    fn rewrite(&self, edge: usize, target: Gc<GraphNode>) {
        *self.edges[edge].borrow_mut() = Some(target);
    }

    fn mix_targets(&self, checksum: &mut Checksum) {
        for edge in &self.edges {
            checksum.mix(edge.borrow().as_ref().map_or(u64::MAX, |target| target.id));
        }
    }
}

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
