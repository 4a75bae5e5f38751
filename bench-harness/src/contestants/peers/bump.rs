//! bumpalo: allocation by moving a pointer, and all of an arena freed at once.
//!
//! The floor: what the workloads cost when freeing is free. It is no memory manager for these programs in general, as
//! it works only because the programmer knows when a whole tree or list dies. There is one arena for what dies
//! together: one per short-lived tree, one per list of `list_churn`, one for the rings of a batch that are not kept;
//! each is reset, not dropped, and serves again. What a workload keeps has an arena of its own. `graph_mutate` frees
//! nothing before the end, as nobody can tell when a replaced node is dead without being a collector.
//!
//! The references are plain `&` references that the borrow checker understands, except for the heads of
//! `list_churn`, which live beside the arena that they point into.

use super::Unsupported;
use crate::workloads::{
    Checksum, Outcome, Ready, Workload, binary_trees, deep_list, gcbench, graph_mutate, interleaved, list_churn,
    many_heaps, quads, retain, rings,
};
use bumpalo::Bump;
use std::cell::Cell;
use std::hint::black_box;
use std::ops::Range;
use std::ptr::NonNull;

/// Peer `bump`.
pub(super) fn run(ready: &Ready) -> Result<Outcome, Unsupported> {
    let keep = &Bump::new();
    let size = ready.size;
    Ok(match ready.workload {
        Workload::BinaryTrees => {
            let program = Trees { temporary: Bump::new(), keep, kept: None };
            binary_trees::run(binary_trees::Parameters::of(size), program)
        }
        Workload::GcBench => {
            let program = BenchTrees { temporary: Bump::new(), keep, tree: None, array: &[] };
            gcbench::run(gcbench::Parameters::of(size), program)
        }
        Workload::ListChurn => {
            let parameters = list_churn::Parameters::of(size);
            let table = (0..parameters.lists).map(|_| List::default()).collect();
            list_churn::run(parameters, Table(table))
        }
        Workload::Rings => {
            let program = Rings { temporary: Bump::new(), keep, kept: Vec::new() };
            rings::run(rings::Parameters::of(size), program)
        }
        Workload::GraphMutate => {
            let program = Graph { keep, nodes: Vec::new() };
            graph_mutate::run(graph_mutate::Parameters::of(size), program)
        }
        Workload::DeepList => deep_list::run(deep_list::Parameters::of(size), Deep { keep, list: None }),
        Workload::Quads => {
            quads::run(quads::Parameters::of(size), QuadTrees { temporary: Bump::new(), keep, kept: None })
        }
        Workload::Retain => {
            let parameters = retain::Parameters::of(size);
            retain::run(parameters, Chains { keep, table: vec![None; parameters.buckets], parameters })
        }
        Workload::Interleaved => {
            let parameters = interleaved::Parameters::of(size);
            interleaved::run(parameters, Pairs { temporary: Bump::new(), keep, kept: Vec::new() })
        }
        Workload::ManyHeaps => {
            let parameters = many_heaps::Parameters::of(size);
            many_heaps::run(parameters, Heaps((0..parameters.alive).map(|_| Bump::new()).collect()))
        }
        _ => return Err(NOTHING_DIES),
    })
}

/// Where single objects die while others live, an arena keeps everything: that is no floor, that is a leak.
const NOTHING_DIES: Unsupported = Unsupported { reason: "an arena frees no single object" };

// --- binary_trees ---

struct Tree<'a> {
    left: Option<&'a Tree<'a>>,
    right: Option<&'a Tree<'a>>,
}

const _: () = assert!(size_of::<Tree<'_>>() as u64 == binary_trees::NODE_BYTES);

impl<'a> Tree<'a> {
    fn new(arena: &'a Bump, depth: u32) -> &'a Tree<'a> {
        let child = || (depth > 0).then(|| Tree::new(arena, depth - 1));
        let (left, right) = (child(), child());
        arena.alloc(Tree { left, right })
    }

    fn count(&self) -> u64 {
        1 + self.left.map_or(0, Tree::count) + self.right.map_or(0, Tree::count)
    }
}

struct Trees<'a> {
    temporary: Bump,
    keep: &'a Bump,
    kept: Option<&'a Tree<'a>>,
}

impl binary_trees::Program for Trees<'_> {
    fn short_lived(&mut self, depth: u32) -> u64 {
        let nodes = Tree::new(&self.temporary, depth).count();
        self.temporary.reset();
        nodes
    }

    fn keep(&mut self, depth: u32) {
        self.kept = Some(Tree::new(self.keep, depth));
    }

    fn count_kept(&mut self) -> u64 {
        self.kept.map_or(0, Tree::count)
    }
}

// --- gcbench ---

struct BenchNode<'a> {
    left: Cell<Option<&'a BenchNode<'a>>>,
    right: Cell<Option<&'a BenchNode<'a>>>,
    i: i32,
    j: i32,
}

const _: () = assert!(size_of::<BenchNode<'_>>() as u64 == gcbench::NODE_BYTES);

impl<'a> BenchNode<'a> {
    fn leaf(arena: &'a Bump, depth: u32, tree: u32) -> &'a BenchNode<'a> {
        let (left, right) = (Cell::new(None), Cell::new(None));
        arena.alloc(BenchNode { left, right, i: depth as i32, j: tree as i32 })
    }

    fn populate(&self, arena: &'a Bump, depth: u32, tree: u32) {
        if depth == 0 {
            return;
        }
        let left = BenchNode::leaf(arena, depth - 1, tree);
        let right = BenchNode::leaf(arena, depth - 1, tree);
        self.left.set(Some(left));
        self.right.set(Some(right));
        left.populate(arena, depth - 1, tree);
        right.populate(arena, depth - 1, tree);
    }

    fn top_down(arena: &'a Bump, depth: u32, tree: u32) -> &'a BenchNode<'a> {
        let root = BenchNode::leaf(arena, depth, tree);
        root.populate(arena, depth, tree);
        root
    }

    fn bottom_up(arena: &'a Bump, depth: u32, tree: u32) -> &'a BenchNode<'a> {
        let child = || Cell::new((depth > 0).then(|| BenchNode::bottom_up(arena, depth - 1, tree)));
        let (left, right) = (child(), child());
        arena.alloc(BenchNode { left, right, i: depth as i32, j: tree as i32 })
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
        let child = |c: &Cell<Option<&BenchNode<'_>>>| c.get().map_or(0, BenchNode::sum);
        self.i as u64 + 1 + child(&self.left) + child(&self.right)
    }
}

struct BenchTrees<'a> {
    temporary: Bump,
    keep: &'a Bump,
    tree: Option<&'a BenchNode<'a>>,
    array: &'a [f64],
}

impl gcbench::Program for BenchTrees<'_> {
    fn top_down(&mut self, depth: u32, tree: u32) -> u64 {
        let check = BenchNode::top_down(&self.temporary, depth, tree).path_check(tree);
        self.temporary.reset();
        check
    }

    fn bottom_up(&mut self, depth: u32, tree: u32) -> u64 {
        let check = BenchNode::bottom_up(&self.temporary, depth, tree).path_check(tree);
        self.temporary.reset();
        check
    }

    fn keep_tree(&mut self, depth: u32) {
        self.tree = Some(BenchNode::top_down(self.keep, depth, 0));
    }

    fn keep_array(&mut self, len: usize) {
        self.array = self.keep.alloc_slice_fill_iter(gcbench::elements(len));
    }

    fn check_tree(&mut self) -> u64 {
        self.tree.map_or(0, BenchNode::sum)
    }

    fn check_array(&mut self) -> u64 {
        gcbench::sum_of_bits(self.array)
    }
}

// --- list_churn and deep_list ---

struct ListNode<'a> {
    value: u64,
    next: Option<&'a ListNode<'a>>,
}

const _: () = assert!(size_of::<ListNode<'_>>() as u64 == list_churn::NODE_BYTES);
const _: () = assert!(list_churn::NODE_BYTES == deep_list::NODE_BYTES);

fn list(arena: &Bump, values: Range<u64>) -> Option<&ListNode<'_>> {
    values.fold(None, |next, value| Some(arena.alloc(ListNode { value, next })))
}

fn sum(list: Option<&ListNode<'_>>, count: u64) -> u64 {
    std::iter::successors(list, |n| n.next).take(count as usize).fold(0, |sum, n| sum.wrapping_add(n.value))
}

/// A list and the arena that holds it.
#[derive(Default)]
struct List {
    arena: Bump,
    /// The first node in `arena`. The lifetime is a stand-in: it is never handed out, see [`List::head`].
    head: Option<NonNull<ListNode<'static>>>,
}

impl List {
    /// Frees the list and builds another.
    fn refill(&mut self, values: Range<u64>) {
        self.head = None;
        self.arena.reset();
        self.head = list(&self.arena, values).map(|first| NonNull::from(first).cast());
    }

    fn head(&self) -> Option<&ListNode<'_>> {
        // SAFETY: the pointer comes from a reference to a node that `refill` allocated in `self.arena`, whose
        // chunks do not move when the `Bump` itself does. Only `reset` and dropping the arena free it: `refill`
        // forgets the pointer before it resets, nothing else touches the arena, and the result borrows `self`, so
        // neither can happen while it is in use. The node's own lifetime is shortened from the stand-in to that
        // same borrow. Nodes are never written after they were built, so shared references are all there is.
        self.head.map(|head| unsafe { head.cast::<ListNode<'_>>().as_ref() })
    }
}

struct Table(Vec<List>);

impl list_churn::Program for Table {
    fn replace(&mut self, slot: usize, values: Range<u64>) -> Option<u64> {
        let slot = &mut self.0[slot];
        let old = slot.head().map(|first| first.value);
        slot.refill(values);
        old
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for list in &self.0 {
            checksum.mix(sum(list.head(), u64::MAX));
        }
    }
}

struct Deep<'a> {
    keep: &'a Bump,
    list: Option<&'a ListNode<'a>>,
}

impl deep_list::Program for Deep<'_> {
    fn build(&mut self, length: u64) {
        self.list = list(self.keep, 0..length);
    }

    fn sum(&mut self, count: u64) -> u64 {
        sum(self.list, count)
    }

    fn collect(&mut self) {}

    fn release(&mut self) {
        self.list = None;
    }
}

// --- rings ---

struct RingNode<'a> {
    value: u64,
    next: Cell<Option<&'a RingNode<'a>>>,
    prev: Cell<Option<&'a RingNode<'a>>>,
}

const _: () = assert!(size_of::<RingNode<'_>>() as u64 == rings::NODE_BYTES);

fn join<'a>(left: &'a RingNode<'a>, right: &'a RingNode<'a>) {
    left.next.set(Some(right));
    right.prev.set(Some(left));
}

fn ring(arena: &Bump, values: Range<u64>) -> &RingNode<'_> {
    let node = |value| arena.alloc(RingNode { value, next: Cell::new(None), prev: Cell::new(None) });
    let first: &RingNode<'_> = node(values.start);
    let mut last = first;
    for value in values.skip(1) {
        let new = node(value);
        join(last, new);
        last = new;
    }
    join(last, first);
    first
}

fn round<'a>(first: &'a RingNode<'a>, link: fn(&RingNode<'a>) -> Option<&'a RingNode<'a>>) -> u64 {
    let (mut node, mut digest) = (first, 0);
    loop {
        digest = rings::step(digest, node.value);
        match link(node) {
            Some(next) if !std::ptr::eq(next, first) => node = next,
            _ => return digest,
        }
    }
}

struct Rings<'a> {
    temporary: Bump,
    keep: &'a Bump,
    kept: Vec<&'a RingNode<'a>>,
}

impl rings::Program for Rings<'_> {
    fn build(&mut self, numbers: Range<u64>) -> u64 {
        let last = |first: &RingNode<'_>| first.prev.get().map_or(0, |last| last.value);
        let mut sum = 0;
        for number in numbers {
            if rings::is_kept(number) {
                let first = ring(self.keep, rings::values(number));
                sum += last(first);
                self.kept.push(first);
            } else {
                sum += last(ring(&self.temporary, rings::values(number)));
            }
        }
        self.temporary.reset();
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for first in &self.kept {
            checksum.mix(round(first, |n| n.next.get()));
            checksum.mix(round(first, |n| n.prev.get()));
        }
    }
}

// --- graph_mutate ---

struct GraphNode<'a> {
    id: u64,
    edges: [Cell<Option<&'a GraphNode<'a>>>; graph_mutate::EDGES],
}

const _: () = assert!(size_of::<GraphNode<'_>>() as u64 == graph_mutate::NODE_BYTES);

struct Graph<'a> {
    keep: &'a Bump,
    nodes: Vec<&'a GraphNode<'a>>,
}

impl graph_mutate::Program for Graph<'_> {
    fn create(&mut self, ids: Range<u64>) {
        for id in ids {
            self.nodes.push(self.keep.alloc(GraphNode { id, edges: Default::default() }));
        }
    }

    fn connect(&mut self, nodes: Range<usize>, draws: &mut graph_mutate::Draws) {
        for node in &self.nodes[nodes] {
            for edge in &node.edges {
                edge.set(Some(self.nodes[draws.node()]));
            }
        }
    }

    fn rewrite(&mut self, count: u32, draws: &mut graph_mutate::Draws) {
        for _ in 0..count {
            let rewrite = draws.rewrite();
            if let Some(id) = rewrite.fresh {
                let old = self.nodes[rewrite.target];
                let edges = std::array::from_fn(|e| Cell::new(old.edges[e].take()));
                self.nodes[rewrite.target] = self.keep.alloc(GraphNode { id, edges });
            }
            let target = self.nodes[rewrite.target];
            self.nodes[rewrite.source].edges[rewrite.edge].set(Some(target));
        }
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for node in &self.nodes {
            checksum.mix(node.id);
            for edge in &node.edges {
                checksum.mix(edge.get().map_or(u64::MAX, |target| target.id));
            }
        }
    }
}

// --- quads ---

struct Quad<'a> {
    kids: [Option<&'a Quad<'a>>; quads::KIDS],
}

const _: () = assert!(size_of::<Quad<'_>>() as u64 == quads::NODE_BYTES);

impl<'a> Quad<'a> {
    fn new(arena: &'a Bump, depth: u32) -> &'a Quad<'a> {
        let kids = std::array::from_fn(|_| (depth > 0).then(|| Quad::new(arena, depth - 1)));
        arena.alloc(Quad { kids })
    }

    fn count(&self) -> u64 {
        1 + self.kids.iter().flatten().map(|kid| kid.count()).sum::<u64>()
    }
}

struct QuadTrees<'a> {
    temporary: Bump,
    keep: &'a Bump,
    kept: Option<&'a Quad<'a>>,
}

impl quads::Program for QuadTrees<'_> {
    fn keep(&mut self, depth: u32) {
        self.kept = Some(Quad::new(self.keep, depth));
    }

    fn short_lived(&mut self, trees: u64) {
        for _ in 0..trees {
            black_box(Quad::new(&self.temporary, quads::SHORT_DEPTH));
            self.temporary.reset();
        }
    }

    fn count(&mut self) -> u64 {
        self.kept.map_or(0, Quad::count)
    }
}

// --- retain ---

struct Chained<'a> {
    key: u64,
    value: u64,
    next: Option<&'a Chained<'a>>,
}

const _: () = assert!(size_of::<Chained<'_>>() as u64 == retain::RECORD_BYTES);

struct Chains<'a> {
    keep: &'a Bump,
    table: Vec<Option<&'a Chained<'a>>>,
    parameters: retain::Parameters,
}

impl retain::Program for Chains<'_> {
    fn insert(&mut self, keys: Range<u64>) {
        for key in keys {
            let chain = &mut self.table[self.parameters.bucket(key)];
            *chain = Some(self.keep.alloc(Chained { key, value: retain::value(key), next: *chain }));
        }
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for chain in &self.table {
            let records = std::iter::successors(*chain, |record| record.next);
            checksum.mix(records.fold(0, |sum, r| sum.wrapping_add(r.key).wrapping_add(r.value)));
        }
    }
}

// --- interleaved: the programmer knows which objects stay ---

struct Pair {
    id: u64,
    check: u64,
}

struct Pairs<'a> {
    temporary: Bump,
    keep: &'a Bump,
    kept: Vec<&'a Pair>,
}

impl interleaved::Program for Pairs<'_> {
    fn build(&mut self, ids: Range<u64>) {
        for id in ids {
            let pair = Pair { id, check: interleaved::check(id) };
            if id.is_multiple_of(interleaved::KEEP_ONE_OF) {
                self.kept.push(black_box(self.keep.alloc(pair)));
            } else {
                black_box(self.temporary.alloc(pair));
            }
        }
        self.temporary.reset();
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for pair in &self.kept {
            checksum.mix(pair.id.wrapping_add(pair.check));
        }
    }
}

// --- many_heaps ---

const _: () = assert!(list_churn::NODE_BYTES == many_heaps::NODE_BYTES);

struct Heaps(Vec<Bump>);

impl many_heaps::Program for Heaps {
    fn renew(&mut self, slot: usize, values: Range<u64>) -> u64 {
        // Dropped, not reset: a heap that comes and goes is what is asked for.
        self.0[slot] = Bump::new();
        sum(list(&self.0[slot], values), u64::MAX)
    }
}
