//! gc-arena: incremental mark-sweep behind a branded API, the nearest relative of this workspace's own heap.
//!
//! Objects are allocated with malloc, with a header of two words, in one list per arena. Nothing is collected during
//! a `mutate`; its users call `collect_debt` between two of them, and so does this file, once after every batch. Two
//! pacings are peers of their own: the default, which spreads marking and sweeping over the batches, and
//! `Pacing::STOP_THE_WORLD`, which does a whole cycle as soon as it wakes up.
//!
//! What lives outside the graph is in the arena's root, and is written through `mutate_root`. For a root that holds a
//! large `Vec` of pointers this is also the cheapest: the root is traced again at most once per `collect_debt`, and
//! only while marking; a `Vec` in an object of its own would be treated in the same way.
//!
//! Marking and sweeping use queues, never the stack. No workload overflows it.

use super::Unsupported;
use crate::workloads::event_loop::Latencies;
use crate::workloads::{
    Checksum, Outcome, Ready, Workload, binary_trees, deep_list, gcbench, graph_mutate, list_churn, rings,
};
use gc_arena::barrier::{field, unlock};
use gc_arena::{Arena, Collect, Gc, Lock, Mutation, Rootable};
use std::array;
use std::ops::Range;

mod others;

pub(super) use gc_arena::metrics::Pacing;

/// Peers `gc-arena` and `gc-arena-stw`.
pub(super) fn run(ready: &Ready, latencies: &mut Latencies, pacing: Pacing) -> Result<Outcome, Unsupported> {
    let size = ready.size;
    Ok(match ready.workload {
        Workload::BinaryTrees => {
            let arena = Arena::new(|_| None);
            arena.metrics().set_pacing(pacing);
            binary_trees::run(binary_trees::Parameters::of(size), Trees { arena })
        }
        Workload::GcBench => {
            let arena = Arena::new(|_| BenchRoot { tree: None, array: Box::default() });
            arena.metrics().set_pacing(pacing);
            gcbench::run(gcbench::Parameters::of(size), BenchTrees { arena })
        }
        Workload::ListChurn => {
            let parameters = list_churn::Parameters::of(size);
            let arena = Arena::new(|_| vec![None; parameters.lists as usize]);
            arena.metrics().set_pacing(pacing);
            list_churn::run(parameters, Table { arena })
        }
        Workload::Rings => {
            let arena = Arena::new(|_| Vec::new());
            arena.metrics().set_pacing(pacing);
            rings::run(rings::Parameters::of(size), Rings { arena })
        }
        Workload::GraphMutate => {
            let arena = Arena::new(|_| Vec::new());
            arena.metrics().set_pacing(pacing);
            graph_mutate::run(graph_mutate::Parameters::of(size), Graph { arena })
        }
        Workload::DeepList => {
            let arena = Arena::new(|_| None);
            arena.metrics().set_pacing(pacing);
            deep_list::run(deep_list::Parameters::of(size), Deep { arena })
        }
        _ => return others::run(ready, latencies, pacing),
    })
}

// --- binary_trees ---

#[derive(Collect)]
#[collect(no_drop)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

const _: () = assert!(size_of::<Tree<'_>>() as u64 == binary_trees::NODE_BYTES);

impl<'gc> Tree<'gc> {
    fn new(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
        let child = || (depth > 0).then(|| Tree::new(mc, depth - 1));
        let (left, right) = (child(), child());
        Gc::new(mc, Tree { left, right })
    }

    fn count(&self) -> u64 {
        1 + self.left.map_or(0, |t| t.count()) + self.right.map_or(0, |t| t.count())
    }
}

type TreesRoot = Rootable![Option<Gc<'_, Tree<'_>>>];

struct Trees {
    arena: Arena<TreesRoot>,
}

impl binary_trees::Program for Trees {
    fn short_lived(&mut self, depth: u32) -> u64 {
        let nodes = self.arena.mutate(|mc, _| Tree::new(mc, depth).count());
        self.arena.collect_debt();
        nodes
    }

    fn keep(&mut self, depth: u32) {
        self.arena.mutate_root(|mc, root| *root = Some(Tree::new(mc, depth)));
        self.arena.collect_debt();
    }

    fn count_kept(&mut self) -> u64 {
        self.arena.mutate(|_, root| root.map_or(0, |t| t.count()))
    }
}

// --- gcbench ---

#[derive(Collect)]
#[collect(no_drop)]
struct BenchNode<'gc> {
    left: Lock<Option<Gc<'gc, BenchNode<'gc>>>>,
    right: Lock<Option<Gc<'gc, BenchNode<'gc>>>>,
    i: i32,
    j: i32,
}

const _: () = assert!(size_of::<BenchNode<'_>>() as u64 == gcbench::NODE_BYTES);

impl<'gc> BenchNode<'gc> {
    fn leaf(mc: &Mutation<'gc>, depth: u32, tree: u32) -> Gc<'gc, BenchNode<'gc>> {
        let (left, right) = (Lock::new(None), Lock::new(None));
        Gc::new(mc, BenchNode { left, right, i: depth as i32, j: tree as i32 })
    }

    fn populate(this: Gc<'gc, Self>, mc: &Mutation<'gc>, depth: u32, tree: u32) {
        if depth == 0 {
            return;
        }
        let left = BenchNode::leaf(mc, depth - 1, tree);
        let right = BenchNode::leaf(mc, depth - 1, tree);
        let node = Gc::write(mc, this);
        unlock!(node, BenchNode, left).set(Some(left));
        unlock!(node, BenchNode, right).set(Some(right));
        BenchNode::populate(left, mc, depth - 1, tree);
        BenchNode::populate(right, mc, depth - 1, tree);
    }

    fn top_down(mc: &Mutation<'gc>, depth: u32, tree: u32) -> Gc<'gc, BenchNode<'gc>> {
        let root = BenchNode::leaf(mc, depth, tree);
        BenchNode::populate(root, mc, depth, tree);
        root
    }

    fn bottom_up(mc: &Mutation<'gc>, depth: u32, tree: u32) -> Gc<'gc, BenchNode<'gc>> {
        let child = || Lock::new((depth > 0).then(|| BenchNode::bottom_up(mc, depth - 1, tree)));
        let (left, right) = (child(), child());
        Gc::new(mc, BenchNode { left, right, i: depth as i32, j: tree as i32 })
    }

    fn path_check(this: Gc<'gc, Self>, tree: u32) -> u64 {
        let mut node = this;
        let mut digest = gcbench::path_check(0, node.i, node.j);
        while let (Some(left), Some(right)) = (node.left.get(), node.right.get()) {
            node = if gcbench::goes_left(tree, node.i) { left } else { right };
            digest = gcbench::path_check(digest, node.i, node.j);
        }
        digest
    }

    fn sum(&self) -> u64 {
        let child = |c: &Lock<Option<Gc<'gc, Self>>>| c.get().map_or(0, |n| n.sum());
        self.i as u64 + 1 + child(&self.left) + child(&self.right)
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct BenchRoot<'gc> {
    tree: Option<Gc<'gc, BenchNode<'gc>>>,
    array: Box<[f64]>,
}

struct BenchTrees {
    arena: Arena<Rootable![BenchRoot<'_>]>,
}

impl gcbench::Program for BenchTrees {
    fn top_down(&mut self, depth: u32, tree: u32) -> u64 {
        let check = self.arena.mutate(|mc, _| BenchNode::path_check(BenchNode::top_down(mc, depth, tree), tree));
        self.arena.collect_debt();
        check
    }

    fn bottom_up(&mut self, depth: u32, tree: u32) -> u64 {
        let check = self.arena.mutate(|mc, _| BenchNode::path_check(BenchNode::bottom_up(mc, depth, tree), tree));
        self.arena.collect_debt();
        check
    }

    fn keep_tree(&mut self, depth: u32) {
        self.arena.mutate_root(|mc, root| root.tree = Some(BenchNode::top_down(mc, depth, 0)));
        self.arena.collect_debt();
    }

    fn keep_array(&mut self, len: usize) {
        self.arena.mutate_root(|_, root| root.array = gcbench::elements(len).collect());
        self.arena.collect_debt();
    }

    fn check_tree(&mut self) -> u64 {
        self.arena.mutate(|_, root| root.tree.map_or(0, |t| t.sum()))
    }

    fn check_array(&mut self) -> u64 {
        self.arena.mutate(|_, root| gcbench::sum_of_bits(&root.array))
    }
}

// --- list_churn and deep_list ---

#[derive(Collect)]
#[collect(no_drop)]
struct ListNode<'gc> {
    value: u64,
    next: Option<Gc<'gc, ListNode<'gc>>>,
}

const _: () = assert!(size_of::<ListNode<'_>>() as u64 == list_churn::NODE_BYTES);
const _: () = assert!(list_churn::NODE_BYTES == deep_list::NODE_BYTES);

type List<'gc> = Option<Gc<'gc, ListNode<'gc>>>;

fn list<'gc>(mc: &Mutation<'gc>, values: Range<u64>) -> List<'gc> {
    values.fold(None, |next, value| Some(Gc::new(mc, ListNode { value, next })))
}

fn sum(list: List<'_>, count: u64) -> u64 {
    std::iter::successors(list, |n| n.next).take(count as usize).fold(0, |sum, n| sum.wrapping_add(n.value))
}

type TableRoot = Rootable![Vec<List<'_>>];

struct Table {
    arena: Arena<TableRoot>,
}

impl list_churn::Program for Table {
    fn replace(&mut self, slot: usize, values: Range<u64>) -> Option<u64> {
        let old = self.arena.mutate_root(|mc, root| {
            let old = std::mem::replace(&mut root[slot], list(mc, values));
            old.map(|node| node.value)
        });
        self.arena.collect_debt();
        old
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, root| {
            for list in root {
                checksum.mix(sum(*list, u64::MAX));
            }
        });
    }
}

struct Deep {
    arena: Arena<Rootable![List<'_>]>,
}

impl deep_list::Program for Deep {
    fn build(&mut self, length: u64) {
        self.arena.mutate_root(|mc, root| *root = list(mc, 0..length));
        self.arena.collect_debt();
    }

    fn sum(&mut self, count: u64) -> u64 {
        self.arena.mutate(|_, root| sum(*root, count))
    }

    fn collect(&mut self) {
        self.arena.finish_cycle();
    }

    fn release(&mut self) {
        self.arena.mutate_root(|_, root| *root = None);
    }
}

// --- rings ---

#[derive(Collect)]
#[collect(no_drop)]
struct RingNode<'gc> {
    value: u64,
    next: Lock<Option<Ring<'gc>>>,
    prev: Lock<Option<Ring<'gc>>>,
}

type Ring<'gc> = Gc<'gc, RingNode<'gc>>;

const _: () = assert!(size_of::<RingNode<'_>>() as u64 == rings::NODE_BYTES);

fn join<'gc>(mc: &Mutation<'gc>, left: Ring<'gc>, right: Ring<'gc>) {
    unlock!(Gc::write(mc, left), RingNode, next).set(Some(right));
    unlock!(Gc::write(mc, right), RingNode, prev).set(Some(left));
}

fn ring<'gc>(mc: &Mutation<'gc>, values: Range<u64>) -> Ring<'gc> {
    let node = |value| Gc::new(mc, RingNode { value, next: Lock::new(None), prev: Lock::new(None) });
    let first = node(values.start);
    let mut last = first;
    for value in values.skip(1) {
        let new = node(value);
        join(mc, last, new);
        last = new;
    }
    join(mc, last, first);
    first
}

fn round<'gc>(first: Ring<'gc>, link: fn(&RingNode<'gc>) -> Option<Ring<'gc>>) -> u64 {
    let (mut node, mut digest) = (first, 0);
    loop {
        digest = rings::step(digest, node.value);
        match link(&node) {
            Some(next) if !Gc::ptr_eq(next, first) => node = next,
            _ => return digest,
        }
    }
}

type RingsRoot = Rootable![Vec<Ring<'_>>];

struct Rings {
    arena: Arena<RingsRoot>,
}

impl rings::Program for Rings {
    fn build(&mut self, numbers: Range<u64>) -> u64 {
        let sum = self.arena.mutate_root(|mc, root| {
            let mut sum = 0;
            for number in numbers {
                let first = ring(mc, rings::values(number));
                sum += first.prev.get().map_or(0, |last| last.value);
                if rings::is_kept(number) {
                    root.push(first);
                }
            }
            sum
        });
        self.arena.collect_debt();
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, root| {
            for first in root {
                checksum.mix(round(*first, |n| n.next.get()));
                checksum.mix(round(*first, |n| n.prev.get()));
            }
        });
    }
}

// --- graph_mutate ---

#[derive(Collect)]
#[collect(no_drop)]
struct GraphNode<'gc> {
    id: u64,
    edges: [Lock<Option<Gc<'gc, GraphNode<'gc>>>>; graph_mutate::EDGES],
}

const _: () = assert!(size_of::<GraphNode<'_>>() as u64 == graph_mutate::NODE_BYTES);

type GraphRoot = Rootable![Vec<Gc<'_, GraphNode<'_>>>];

struct Graph {
    arena: Arena<GraphRoot>,
}

impl graph_mutate::Program for Graph {
    fn create(&mut self, ids: Range<u64>) {
        self.arena.mutate_root(|mc, nodes| {
            for id in ids {
                let edges = array::from_fn(|_| Lock::new(None));
                nodes.push(Gc::new(mc, GraphNode { id, edges }));
            }
        });
        self.arena.collect_debt();
    }

    fn connect(&mut self, range: Range<usize>, draws: &mut graph_mutate::Draws) {
        self.arena.mutate(|mc, nodes| {
            for node in &nodes[range] {
                let edges = field!(Gc::write(mc, *node), GraphNode, edges);
                for edge in 0..graph_mutate::EDGES {
                    edges[edge].unlock().set(Some(nodes[draws.node()]));
                }
            }
        });
        self.arena.collect_debt();
    }

    fn rewrite(&mut self, count: u32, draws: &mut graph_mutate::Draws) {
        self.arena.mutate_root(|mc, nodes| {
            for _ in 0..count {
                let rewrite = draws.rewrite();
                if let Some(id) = rewrite.fresh {
                    let old = field!(Gc::write(mc, nodes[rewrite.target]), GraphNode, edges);
                    let edges = array::from_fn(|e| Lock::new(old[e].unlock().take()));
                    nodes[rewrite.target] = Gc::new(mc, GraphNode { id, edges });
                }
                let target = nodes[rewrite.target];
                let source = Gc::write(mc, nodes[rewrite.source]);
                field!(source, GraphNode, edges)[rewrite.edge].unlock().set(Some(target));
            }
        });
        self.arena.collect_debt();
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, nodes| {
            for node in nodes {
                checksum.mix(node.id);
                for edge in &node.edges {
                    checksum.mix(edge.get().map_or(u64::MAX, |target| target.id));
                }
            }
        });
    }
}
