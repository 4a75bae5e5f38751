//! The classic programs, once, for every peer whose pointer is an owner like `Rc`.
//!
//! Such a pointer is made by `new`, lends its content by `Deref`, is copied by `clone`, and frees what it points to by
//! being dropped or forgotten. Five peers offer one, and a program on one of them is a program on another, up to names.
//! So each program is a macro here, `..._on!`, and a peer's file says only what is special about the peer. `Box` shares
//! two of them, those with trees.
//!
//! Why macros, and not functions that are generic in the pointer: a node has to contain pointers to its own type, and
//! each crate bounds that type by a trait of its own, which its derive macro implements for plain structs and for
//! little else. An expansion is the code that one would write for this pointer alone, so nobody has to argue that the
//! sharing costs nothing, and the nodes are types of the peer's module, which can trace them by hand.
//!
//! **What differs** between the pointers is where a node can be written to, for that needs a cell that the crate knows
//! how to trace. Nodes whose links never change after `new` need none. For the others the peer's module supplies, from
//! [`cells`](super::cells) if its cell is found there:
//!
//! - `Link<T>`: null, or written once. With it, for `gcbench`, how a `BenchNode` is built and walked (`top_down`,
//!   `bottom_up`, `path_check`, `sum`), and for `rings`, `join`, `round` and `RingNode::previous_value`;
//! - `Edges`: the rewritten links of `graph_mutate`. With them, the four things that the program does to the edges
//!   of a `GraphNode`: `connect`, `successor`, `rewrite`, `mix_targets`.
//!
//! The macros speak of these names, of the nodes, and of what is imported here: their users import all of this module.

pub(super) use super::owners::*;
pub(super) use super::{NO_WEAK, NOT_WRITTEN, ONE_HEAP, Unsupported};
pub(super) use crate::workloads::event_loop::{self, Latencies};
pub(super) use crate::workloads::{
    Checksum, Outcome, Ready, Workload, attributes, binary_trees, client_sessions, deep_list, functional_map, gcbench,
    graph_mutate, handles, interleaved, interning, json_dom, large_buffers, list_churn, lru_cache, many_heaps,
    matrices, quads, queue, retain, rings, size_mix, splay, weak_nodes, weak_ring,
};
pub(super) use std::convert::Infallible;
pub(super) use std::hint::black_box;
pub(super) use std::ops::Range;

/// How many bytes a peer's fields take beyond the shapes of the programs, in which every pointer is
/// [`POINTER_BYTES`](crate::workloads::POINTER_BYTES) wide. Asserted for every node.
pub(super) struct Excess {
    /// A pointer that may be null and is never rewritten.
    pub(super) pointer: u64,
    /// A `Link`.
    pub(super) link: u64,
    /// All `Edges` of a node together.
    pub(super) edges: u64,
}

impl Excess {
    /// Every field is as small as a pointer.
    pub(super) const NONE: Excess = Excess { pointer: 0, link: 0, edges: 0 };
}

/// For peers that have nothing to do at some occasion.
pub(super) fn nothing() {}

/// The nodes of all programs.
///
/// - `Ptr`: the pointer, by its name in the peer's module;
/// - `trace`: the attribute that lets the crate trace a node; `derive()` if that is not derived.
macro_rules! nodes {
    ($Ptr:ident, $trace:meta) => {
        #[$trace]
        struct Tree {
            left: Option<$Ptr<Tree>>,
            right: Option<$Ptr<Tree>>,
        }

        #[$trace]
        struct BenchNode {
            left: Link<BenchNode>,
            right: Link<BenchNode>,
            i: i32,
            j: i32,
        }

        #[$trace]
        struct ListNode {
            value: u64,
            next: Option<$Ptr<ListNode>>,
        }

        #[$trace]
        struct RingNode {
            value: u64,
            next: Link<RingNode>,
            prev: Link<RingNode>,
        }

        #[$trace]
        struct GraphNode {
            id: u64,
            edges: Edges,
        }

        #[$trace]
        struct Trie {
            left: Option<$Ptr<Trie>>,
            right: Option<$Ptr<Trie>>,
            value: u64,
        }
    };
}

/// The programs that all of these peers share, and `run`, which chooses among them.
///
/// - `pointer`: the type, by its name in the peer's module;
/// - `others`: a function that runs the other programs, or says why it cannot;
/// - `excess`: an [`Excess`];
/// - `after_batch`: a function called after each batch of the programs that make cyclic garbage;
/// - `collect`: a function that finds all garbage now.
macro_rules! shared_owner_programs {
    (
        pointer: $Ptr:ident,
        excess: $excess:expr,
        after_batch: $after_batch:path,
        collect: $collect:path,
        others: $others:path $(,)?
    ) => {
        /// Runs the workload with this peer.
        pub(super) fn run(ready: &Ready, latencies: &mut Latencies) -> Result<Outcome, Unsupported> {
            let size = ready.size;
            Ok(match ready.workload {
                Workload::BinaryTrees => binary_trees::run(binary_trees::Parameters::of(size), Trees::default()),
                Workload::GcBench => gcbench::run(gcbench::Parameters::of(size), BenchTrees::default()),
                Workload::ListChurn => {
                    let parameters = list_churn::Parameters::of(size);
                    list_churn::run(parameters, Table(vec![None; parameters.lists as usize]))
                }
                Workload::Rings => rings::run(rings::Parameters::of(size), Rings::default()),
                Workload::GraphMutate => graph_mutate::run(graph_mutate::Parameters::of(size), Graph::default()),
                Workload::DeepList => deep_list::run(deep_list::Parameters::of(size), Deep::default()),
                Workload::FunctionalMap => {
                    functional_map::run(functional_map::Parameters::of(size), Versions::default())
                }
                Workload::Retain
                | Workload::Interleaved
                | Workload::Queue
                | Workload::SizeMix
                | Workload::LargeBuffers
                | Workload::Quads
                | Workload::Handles
                | Workload::EventLoop => run_owned!(ready, latencies),
                _ => return $others(ready),
            })
        }

        binary_trees_on!($Ptr, $excess);
        gcbench_on!($Ptr, $excess);
        lists_on!($Ptr, $excess, $collect);
        rings_on!($Ptr, $excess, $after_batch);
        graph_mutate_on!($Ptr, $excess, $after_batch);
        owned_programs!($Ptr, $excess.pointer);
        functional_map_on!($Ptr);
    };
}

/// `binary_trees`.
macro_rules! binary_trees_on {
    ($Ptr:ident, $excess:expr) => {
        const _: () = assert!(size_of::<Tree>() as u64 == binary_trees::NODE_BYTES + 2 * $excess.pointer);

        impl Tree {
            fn new(depth: u32) -> $Ptr<Tree> {
                let child = || (depth > 0).then(|| Tree::new(depth - 1));
                $Ptr::new(Tree { left: child(), right: child() })
            }

            fn count(&self) -> u64 {
                1 + self.left.as_ref().map_or(0, |t| t.count()) + self.right.as_ref().map_or(0, |t| t.count())
            }
        }

        #[derive(Default)]
        struct Trees {
            kept: Option<$Ptr<Tree>>,
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
    };
}

/// `gcbench`, from trees that the peer's `BenchNode` knows how to build and to walk.
macro_rules! gcbench_on {
    ($Ptr:ident, $excess:expr) => {
        const _: () = assert!(size_of::<BenchNode>() as u64 == gcbench::NODE_BYTES + 2 * $excess.link);

        #[derive(Default)]
        struct BenchTrees {
            tree: Option<$Ptr<BenchNode>>,
            array: Box<[f64]>,
        }

        impl gcbench::Program for BenchTrees {
            fn top_down(&mut self, depth: u32, tree: u32) -> u64 {
                BenchNode::path_check(&BenchNode::top_down(depth, tree), tree)
            }

            fn bottom_up(&mut self, depth: u32, tree: u32) -> u64 {
                BenchNode::path_check(&BenchNode::bottom_up(depth, tree), tree)
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
    };
}

/// `list_churn` and `deep_list`, which have their nodes in common.
macro_rules! lists_on {
    ($Ptr:ident, $excess:expr, $collect:path) => {
        const _: () = assert!(size_of::<ListNode>() as u64 == list_churn::NODE_BYTES + $excess.pointer);
        const _: () = assert!(list_churn::NODE_BYTES == deep_list::NODE_BYTES);

        fn list(values: Range<u64>) -> Option<$Ptr<ListNode>> {
            values.fold(None, |next, value| Some($Ptr::new(ListNode { value, next })))
        }

        fn sum(list: &Option<$Ptr<ListNode>>, count: u64) -> u64 {
            std::iter::successors(list.as_deref(), |n| n.next.as_deref())
                .take(count as usize)
                .fold(0, |sum, n| sum.wrapping_add(n.value))
        }

        struct Table(Vec<Option<$Ptr<ListNode>>>);

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
            list: Option<$Ptr<ListNode>>,
        }

        impl deep_list::Program for Deep {
            fn build(&mut self, length: u64) {
                self.list = list(0..length);
            }

            fn sum(&mut self, count: u64) -> u64 {
                sum(&self.list, count)
            }

            fn collect(&mut self) {
                $collect();
            }

            fn release(&mut self) {
                self.list = None;
            }
        }
    };
}

/// `rings`, where the peer's `join` writes the links between two nodes and its `round` follows them.
macro_rules! rings_on {
    ($Ptr:ident, $excess:expr, $after_batch:path) => {
        const _: () = assert!(size_of::<RingNode>() as u64 == rings::NODE_BYTES + 2 * $excess.link);

        fn ring(values: Range<u64>) -> $Ptr<RingNode> {
            let node = |value| $Ptr::new(RingNode { value, next: Link::default(), prev: Link::default() });
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

        #[derive(Default)]
        struct Rings {
            kept: Vec<$Ptr<RingNode>>,
        }

        impl rings::Program for Rings {
            fn build(&mut self, numbers: Range<u64>) -> u64 {
                let mut sum = 0;
                for number in numbers {
                    let first = ring(rings::values(number));
                    sum += first.previous_value();
                    if rings::is_kept(number) {
                        self.kept.push(first);
                    }
                }
                $after_batch();
                sum
            }

            fn check(&mut self, checksum: &mut Checksum) {
                for first in &self.kept {
                    checksum.mix(round(first, |n| &n.next));
                    checksum.mix(round(first, |n| &n.prev));
                }
            }
        }
    };
}

/// `graph_mutate`, where the peer's `GraphNode` knows how to write its edges.
macro_rules! graph_mutate_on {
    ($Ptr:ident, $excess:expr, $after_batch:path) => {
        const _: () = assert!(size_of::<GraphNode>() as u64 == graph_mutate::NODE_BYTES + $excess.edges);

        #[derive(Default)]
        struct Graph {
            nodes: Vec<$Ptr<GraphNode>>,
        }

        impl graph_mutate::Program for Graph {
            fn create(&mut self, ids: Range<u64>) {
                self.nodes.extend(ids.map(|id| $Ptr::new(GraphNode { id, edges: Edges::default() })));
            }

            fn connect(&mut self, nodes: Range<usize>, draws: &mut graph_mutate::Draws) {
                for node in &self.nodes[nodes] {
                    node.connect(|| self.nodes[draws.node()].clone());
                }
            }

            fn rewrite(&mut self, count: u32, draws: &mut graph_mutate::Draws) {
                for _ in 0..count {
                    let rewrite = draws.rewrite();
                    if let Some(id) = rewrite.fresh {
                        let old = &mut self.nodes[rewrite.target];
                        *old = GraphNode::successor(old, id);
                    }
                    let target = self.nodes[rewrite.target].clone();
                    self.nodes[rewrite.source].rewrite(rewrite.edge, target);
                }
                $after_batch();
            }

            fn check(&mut self, checksum: &mut Checksum) {
                for node in &self.nodes {
                    checksum.mix(node.id);
                    node.mix_targets(checksum);
                }
            }
        }
    };
}

pub(super) use {binary_trees_on, gcbench_on, graph_mutate_on, lists_on, nodes, rings_on, shared_owner_programs};
