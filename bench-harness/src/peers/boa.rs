//! boa_gc: the mark-sweep collector of the Boa JavaScript engine.
//!
//! A fork of rust-gc whose roots are found by counting: before each collection, every pointer in the heap is visited
//! to learn which objects have more handles than that. Objects are boxes in one vector per thread, behind a header of
//! two words (both counts, and a pointer to their type's functions). A collection starts by itself, when an allocation finds more
//! bytes in use than a threshold that grows with what survived.
//!
//! Links that are written once are `OnceCell`, those that are rewritten `Cell`: boa_gc can trace both, the latter by
//! taking the content out and putting it back, and both are one pointer wide. Its own `GcRefCell` would add a borrow
//! flag to every link.
//!
//! Marking uses a queue, so deep lists do not overflow the stack.

use super::Unsupported;
use crate::workloads::spec::{
    Checksum, Outcome, Size, Workload, binary_trees, deep_list, gcbench, graph_mutate, list_churn, rings,
};
use boa_gc::{Finalize, Gc, Trace};
use std::array;
use std::cell::{Cell, OnceCell};
use std::ops::Range;

/// Peer `boa_gc`.
pub(super) fn run(workload: Workload, size: Size) -> Result<Outcome, Unsupported> {
    Ok(match workload {
        Workload::BinaryTrees => binary_trees::run(binary_trees::Parameters::of(size), Trees::default()),
        Workload::GcBench => gcbench::run(gcbench::Parameters::of(size), BenchTrees::default()),
        Workload::ListChurn => {
            let parameters = list_churn::Parameters::of(size);
            list_churn::run(parameters, Table(vec![None; parameters.lists as usize]))
        }
        Workload::Rings => rings::run(rings::Parameters::of(size), Rings::default()),
        Workload::GraphMutate => graph_mutate::run(graph_mutate::Parameters::of(size), Graph::default()),
        Workload::DeepList => deep_list::run(deep_list::Parameters::of(size), Deep::default()),
    })
}

// --- binary_trees ---

#[derive(Trace, Finalize)]
struct Tree {
    left: Option<Gc<Tree>>,
    right: Option<Gc<Tree>>,
}

const _: () = assert!(size_of::<Tree>() as u64 == binary_trees::NODE_BYTES);

impl Tree {
    fn new(depth: u32) -> Gc<Tree> {
        let child = || (depth > 0).then(|| Tree::new(depth - 1));
        Gc::new(Tree { left: child(), right: child() })
    }

    fn count(&self) -> u64 {
        1 + self.left.as_ref().map_or(0, |t| t.count()) + self.right.as_ref().map_or(0, |t| t.count())
    }
}

#[derive(Default)]
struct Trees {
    kept: Option<Gc<Tree>>,
}

impl binary_trees::Program for Trees {
    fn short_lived(&mut self, depth: u32) -> u64 {
        Tree::new(depth).count()
    }

    fn keep(&mut self, depth: u32) {
        self.kept = Some(Tree::new(depth));
    }

    fn count_kept(&mut self) -> u64 {
        self.kept.as_ref().map_or(0, |t| t.count())
    }
}

// --- gcbench ---

#[derive(Trace, Finalize)]
struct BenchNode {
    left: OnceCell<Gc<BenchNode>>,
    right: OnceCell<Gc<BenchNode>>,
    i: i32,
    j: i32,
}

const _: () = assert!(size_of::<BenchNode>() as u64 == gcbench::NODE_BYTES);

impl BenchNode {
    fn leaf(depth: u32, tree: u32) -> Gc<BenchNode> {
        let (left, right) = (OnceCell::new(), OnceCell::new());
        Gc::new(BenchNode { left, right, i: depth as i32, j: tree as i32 })
    }

    fn populate(&self, depth: u32, tree: u32) {
        if depth == 0 {
            return;
        }
        let left = self.left.get_or_init(|| BenchNode::leaf(depth - 1, tree));
        let right = self.right.get_or_init(|| BenchNode::leaf(depth - 1, tree));
        left.populate(depth - 1, tree);
        right.populate(depth - 1, tree);
    }

    fn top_down(depth: u32, tree: u32) -> Gc<BenchNode> {
        let root = BenchNode::leaf(depth, tree);
        root.populate(depth, tree);
        root
    }

    fn bottom_up(depth: u32, tree: u32) -> Gc<BenchNode> {
        let child = || match depth {
            0 => OnceCell::new(),
            _ => OnceCell::from(BenchNode::bottom_up(depth - 1, tree)),
        };
        Gc::new(BenchNode { left: child(), right: child(), i: depth as i32, j: tree as i32 })
    }

    fn path_check(&self, tree: u32) -> u64 {
        let mut node = self;
        let mut digest = gcbench::path_check(0, node.i, node.j);
        while let (Some(left), Some(right)) = (node.left.get(), node.right.get()) {
            node = if gcbench::goes_left(tree, node.i) { left } else { right };
            digest = gcbench::path_check(digest, node.i, node.j);
        }
        digest
    }

    fn sum(&self) -> u64 {
        let child = |c: &OnceCell<Gc<BenchNode>>| c.get().map_or(0, |n| n.sum());
        self.i as u64 + 1 + child(&self.left) + child(&self.right)
    }
}

#[derive(Default)]
struct BenchTrees {
    tree: Option<Gc<BenchNode>>,
    array: Box<[f64]>,
}

impl gcbench::Program for BenchTrees {
    fn top_down(&mut self, depth: u32, tree: u32) -> u64 {
        BenchNode::top_down(depth, tree).path_check(tree)
    }

    fn bottom_up(&mut self, depth: u32, tree: u32) -> u64 {
        BenchNode::bottom_up(depth, tree).path_check(tree)
    }

    fn keep_tree(&mut self, depth: u32) {
        self.tree = Some(BenchNode::top_down(depth, 0));
    }

    fn keep_array(&mut self, len: usize) {
        self.array = gcbench::elements(len).collect();
    }

    fn check_tree(&mut self) -> u64 {
        self.tree.as_ref().map_or(0, |t| t.sum())
    }

    fn check_array(&mut self) -> u64 {
        gcbench::sum_of_bits(&self.array)
    }
}

// --- list_churn and deep_list ---

#[derive(Trace, Finalize)]
struct ListNode {
    value: u64,
    next: Option<Gc<ListNode>>,
}

const _: () = assert!(size_of::<ListNode>() as u64 == list_churn::NODE_BYTES);
const _: () = assert!(list_churn::NODE_BYTES == deep_list::NODE_BYTES);

fn list(values: Range<u64>) -> Option<Gc<ListNode>> {
    values.fold(None, |next, value| Some(Gc::new(ListNode { value, next })))
}

fn sum(list: &Option<Gc<ListNode>>, count: u64) -> u64 {
    std::iter::successors(list.as_deref(), |n| n.next.as_deref())
        .take(count as usize)
        .fold(0, |sum, n| sum.wrapping_add(n.value))
}

struct Table(Vec<Option<Gc<ListNode>>>);

impl list_churn::Program for Table {
    fn replace(&mut self, slot: usize, values: Range<u64>) -> Option<u64> {
        let old = std::mem::replace(&mut self.0[slot], list(values));
        old.map(|node| node.value)
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for list in &self.0 {
            checksum.mix(sum(list, u64::MAX));
        }
    }
}

#[derive(Default)]
struct Deep {
    list: Option<Gc<ListNode>>,
}

impl deep_list::Program for Deep {
    fn build(&mut self, length: u64) {
        self.list = list(0..length);
    }

    fn sum(&mut self, count: u64) -> u64 {
        sum(&self.list, count)
    }

    fn collect(&mut self) {
        boa_gc::force_collect();
    }

    fn release(&mut self) {
        self.list = None;
    }
}

// --- rings ---

#[derive(Trace, Finalize)]
struct RingNode {
    value: u64,
    next: OnceCell<Gc<RingNode>>,
    prev: OnceCell<Gc<RingNode>>,
}

const _: () = assert!(size_of::<RingNode>() as u64 == rings::NODE_BYTES);

fn join(left: &Gc<RingNode>, right: &Gc<RingNode>) {
    let _ = left.next.set(right.clone());
    let _ = right.prev.set(left.clone());
}

fn ring(values: Range<u64>) -> Gc<RingNode> {
    let node = |value| Gc::new(RingNode { value, next: OnceCell::new(), prev: OnceCell::new() });
    let first = node(values.start);
    let mut last = first.clone();
    for value in values.skip(1) {
        let new = node(value);
        join(&last, &new);
        last = new;
    }
    join(&last, &first);
    first
}

fn round(first: &Gc<RingNode>, link: fn(&RingNode) -> &OnceCell<Gc<RingNode>>) -> u64 {
    let (mut node, mut digest) = (first, 0);
    loop {
        digest = rings::step(digest, node.value);
        match link(node).get() {
            Some(next) if !Gc::ptr_eq(next, first) => node = next,
            _ => return digest,
        }
    }
}

#[derive(Default)]
struct Rings {
    kept: Vec<Gc<RingNode>>,
}

impl rings::Program for Rings {
    fn build(&mut self, numbers: Range<u64>) -> u64 {
        let mut sum = 0;
        for number in numbers {
            let first = ring(rings::values(number));
            sum += first.prev.get().map_or(0, |last| last.value);
            if rings::is_kept(number) {
                self.kept.push(first);
            }
        }
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for first in &self.kept {
            checksum.mix(round(first, |n| &n.next));
            checksum.mix(round(first, |n| &n.prev));
        }
    }
}

// --- graph_mutate ---

#[derive(Trace, Finalize)]
struct GraphNode {
    id: u64,
    edges: [Cell<Option<Gc<GraphNode>>>; graph_mutate::EDGES],
}

const _: () = assert!(size_of::<GraphNode>() as u64 == graph_mutate::NODE_BYTES);

#[derive(Default)]
struct Graph {
    nodes: Vec<Gc<GraphNode>>,
}

impl graph_mutate::Program for Graph {
    fn create(&mut self, ids: Range<u64>) {
        self.nodes.extend(ids.map(|id| Gc::new(GraphNode { id, edges: Default::default() })));
    }

    fn connect(&mut self, nodes: Range<usize>, draws: &mut graph_mutate::Draws) {
        for node in &self.nodes[nodes] {
            for edge in &node.edges {
                edge.set(Some(self.nodes[draws.node()].clone()));
            }
        }
    }

    fn rewrite(&mut self, count: u32, draws: &mut graph_mutate::Draws) {
        for _ in 0..count {
            let rewrite = draws.rewrite();
            if let Some(id) = rewrite.fresh {
                let old = &mut self.nodes[rewrite.target];
                let edges = array::from_fn(|e| Cell::new(old.edges[e].take()));
                *old = Gc::new(GraphNode { id, edges });
            }
            let target = self.nodes[rewrite.target].clone();
            self.nodes[rewrite.source].edges[rewrite.edge].set(Some(target));
        }
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for node in &self.nodes {
            checksum.mix(node.id);
            for edge in &node.edges {
                // A Cell does not lend its content: take it out, and put it back.
                let target = edge.take();
                checksum.mix(target.as_ref().map_or(u64::MAX, |t| t.id));
                edge.set(target);
            }
        }
    }
}
