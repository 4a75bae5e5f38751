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

use super::Unsupported;
use crate::workloads::spec::{
    Checksum, Outcome, Size, Workload, binary_trees, deep_list, gcbench, graph_mutate, list_churn, rings,
};
use bacon_rajan_cc::{Cc, Trace, Tracer, collect_cycles, number_of_roots_buffered};
use std::cell::{OnceCell, RefCell};
use std::ops::Range;

/// So many possible roots are a reason to look for cycles.
const MAX_ROOTS: usize = 10_000;

/// Peer `bacon_rajan_cc`.
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

/// What its manual leaves to the program: look for cycles when many objects are suspected.
fn after_batch() {
    if number_of_roots_buffered() > MAX_ROOTS {
        collect_cycles();
    }
}

// --- binary_trees ---

struct Tree {
    left: Option<Cc<Tree>>,
    right: Option<Cc<Tree>>,
}

impl Trace for Tree {
    fn trace(&self, tracer: &mut Tracer) {
        self.left.trace(tracer);
        self.right.trace(tracer);
    }
}

const _: () = assert!(size_of::<Tree>() as u64 == binary_trees::NODE_BYTES);

impl Tree {
    fn new(depth: u32) -> Cc<Tree> {
        let child = || (depth > 0).then(|| Tree::new(depth - 1));
        Cc::new(Tree { left: child(), right: child() })
    }

    fn count(&self) -> u64 {
        1 + self.left.as_ref().map_or(0, |t| t.count()) + self.right.as_ref().map_or(0, |t| t.count())
    }
}

#[derive(Default)]
struct Trees {
    kept: Option<Cc<Tree>>,
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

struct BenchNode {
    left: OnceCell<Cc<BenchNode>>,
    right: OnceCell<Cc<BenchNode>>,
    i: i32,
    j: i32,
}

impl Trace for BenchNode {
    fn trace(&self, tracer: &mut Tracer) {
        for link in [self.left.get(), self.right.get()].into_iter().flatten() {
            link.trace(tracer);
        }
    }
}

const _: () = assert!(size_of::<BenchNode>() as u64 == gcbench::NODE_BYTES);

impl BenchNode {
    fn leaf(depth: u32, tree: u32) -> Cc<BenchNode> {
        let (left, right) = (OnceCell::new(), OnceCell::new());
        Cc::new(BenchNode { left, right, i: depth as i32, j: tree as i32 })
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

    fn top_down(depth: u32, tree: u32) -> Cc<BenchNode> {
        let root = BenchNode::leaf(depth, tree);
        root.populate(depth, tree);
        root
    }

    fn bottom_up(depth: u32, tree: u32) -> Cc<BenchNode> {
        let child = || match depth {
            0 => OnceCell::new(),
            _ => OnceCell::from(BenchNode::bottom_up(depth - 1, tree)),
        };
        Cc::new(BenchNode { left: child(), right: child(), i: depth as i32, j: tree as i32 })
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
        let child = |c: &OnceCell<Cc<BenchNode>>| c.get().map_or(0, |n| n.sum());
        self.i as u64 + 1 + child(&self.left) + child(&self.right)
    }
}

#[derive(Default)]
struct BenchTrees {
    tree: Option<Cc<BenchNode>>,
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

struct ListNode {
    value: u64,
    next: Option<Cc<ListNode>>,
}

impl Trace for ListNode {
    fn trace(&self, tracer: &mut Tracer) {
        self.next.trace(tracer);
    }
}

const _: () = assert!(size_of::<ListNode>() as u64 == list_churn::NODE_BYTES);
const _: () = assert!(list_churn::NODE_BYTES == deep_list::NODE_BYTES);

fn list(values: Range<u64>) -> Option<Cc<ListNode>> {
    values.fold(None, |next, value| Some(Cc::new(ListNode { value, next })))
}

fn sum(list: &Option<Cc<ListNode>>, count: u64) -> u64 {
    std::iter::successors(list.as_deref(), |n| n.next.as_deref())
        .take(count as usize)
        .fold(0, |sum, n| sum.wrapping_add(n.value))
}

struct Table(Vec<Option<Cc<ListNode>>>);

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
    list: Option<Cc<ListNode>>,
}

impl deep_list::Program for Deep {
    fn build(&mut self, length: u64) {
        self.list = list(0..length);
    }

    fn sum(&mut self, count: u64) -> u64 {
        sum(&self.list, count)
    }

    fn collect(&mut self) {
        collect_cycles();
    }

    fn release(&mut self) {
        self.list = None;
    }
}

// --- rings ---

struct RingNode {
    value: u64,
    next: OnceCell<Cc<RingNode>>,
    prev: OnceCell<Cc<RingNode>>,
}

impl Trace for RingNode {
    fn trace(&self, tracer: &mut Tracer) {
        for link in [self.next.get(), self.prev.get()].into_iter().flatten() {
            link.trace(tracer);
        }
    }
}

const _: () = assert!(size_of::<RingNode>() as u64 == rings::NODE_BYTES);

fn join(left: &Cc<RingNode>, right: &Cc<RingNode>) {
    let _ = left.next.set(right.clone());
    let _ = right.prev.set(left.clone());
}

fn ring(values: Range<u64>) -> Cc<RingNode> {
    let node = |value| Cc::new(RingNode { value, next: OnceCell::new(), prev: OnceCell::new() });
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

fn round(first: &Cc<RingNode>, link: fn(&RingNode) -> &OnceCell<Cc<RingNode>>) -> u64 {
    let (mut node, mut digest) = (first, 0);
    loop {
        digest = rings::step(digest, node.value);
        match link(node).get() {
            Some(next) if !Cc::ptr_eq(next, first) => node = next,
            _ => return digest,
        }
    }
}

#[derive(Default)]
struct Rings {
    kept: Vec<Cc<RingNode>>,
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
        after_batch();
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

struct GraphNode {
    id: u64,
    edges: RefCell<Edges>,
}

impl Trace for GraphNode {
    fn trace(&self, tracer: &mut Tracer) {
        for edge in self.edges.borrow().iter() {
            edge.trace(tracer);
        }
    }
}

type Edges = [Option<Cc<GraphNode>>; graph_mutate::EDGES];

// One borrow flag for all edges.
const _: () = assert!(size_of::<GraphNode>() as u64 == graph_mutate::NODE_BYTES + 8);

#[derive(Default)]
struct Graph {
    nodes: Vec<Cc<GraphNode>>,
}

impl graph_mutate::Program for Graph {
    fn create(&mut self, ids: Range<u64>) {
        self.nodes.extend(ids.map(|id| Cc::new(GraphNode { id, edges: RefCell::default() })));
    }

    fn connect(&mut self, nodes: Range<usize>, draws: &mut graph_mutate::Draws) {
        for node in &self.nodes[nodes] {
            for edge in node.edges.borrow_mut().iter_mut() {
                *edge = Some(self.nodes[draws.node()].clone());
            }
        }
    }

    fn rewrite(&mut self, count: u32, draws: &mut graph_mutate::Draws) {
        for _ in 0..count {
            let rewrite = draws.rewrite();
            if let Some(id) = rewrite.fresh {
                let old = &mut self.nodes[rewrite.target];
                let edges = RefCell::new(old.edges.take());
                *old = Cc::new(GraphNode { id, edges });
            }
            let target = self.nodes[rewrite.target].clone();
            let source = &self.nodes[rewrite.source];
            let old = source.edges.borrow_mut()[rewrite.edge].replace(target);
            drop(old);
        }
        after_batch();
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for node in &self.nodes {
            checksum.mix(node.id);
            for edge in node.edges.borrow().iter() {
                checksum.mix(edge.as_ref().map_or(u64::MAX, |target| target.id));
            }
        }
    }
}
