//! `Box`: every object has one owner, and is freed when its owner goes.
//!
//! The price of manual memory management as Rust sells it: no header, no barrier, no pause, and no object that two
//! others may point to. So `rings` and `graph_mutate` cannot be expressed, short of indices into a table, which would
//! be another program.
//!
//! Drop glue recurses along the list, one frame per node: `deep_list` overflows the stack, and lists of a thousand
//! nodes do not. That is peer `box`. Peer `box-loop` is what people write after they met the overflow: a list type
//! whose `Drop` takes the nodes apart one by one.

use super::shared::*;
use crate::workloads::Size;

/// Peer `box`.
pub(super) fn run(ready: &Ready, latencies: &mut Latencies) -> Result<Outcome, Unsupported> {
    let size = ready.size;
    Ok(match ready.workload {
        Workload::BinaryTrees => binary_trees::run(binary_trees::Parameters::of(size), Trees::default()),
        Workload::GcBench => gcbench::run(gcbench::Parameters::of(size), BenchTrees::default()),
        Workload::ListChurn => churn::<Glue>(size),
        Workload::DeepList => deep::<Glue>(size),
        Workload::Retain
        | Workload::Interleaved
        | Workload::Queue
        | Workload::SizeMix
        | Workload::LargeBuffers
        | Workload::Quads
        | Workload::Handles
        | Workload::EventLoop => run_owned!(ready, latencies),
        Workload::JsonDom => json_dom::run(json_dom::Parameters::of(size), ready.documents(), Documents::default()),
        Workload::ManyHeaps => {
            let parameters = many_heaps::Parameters::of(size);
            many_heaps::run(parameters, Lists(empty(parameters.alive)))
        }
        Workload::Splay => splay::run(splay::Parameters::of(size), SplayTree::default()),
        Workload::Matrices => {
            let parameters = matrices::Parameters::of(size);
            matrices::run(parameters, Matrices::new(parameters))
        }
        Workload::Attributes => return Err(NOT_WRITTEN),
        _ => return Err(SHARED),
    })
}

/// Peer `box-loop`.
pub(super) fn run_with_loop(ready: &Ready) -> Result<Outcome, Unsupported> {
    match ready.workload {
        Workload::ListChurn => Ok(churn::<Loop>(ready.size)),
        Workload::DeepList => Ok(deep::<Loop>(ready.size)),
        Workload::Rings | Workload::GraphMutate => Err(SHARED),
        _ => Err(Unsupported { reason: "there are no long lists in it: the same program as with box" }),
    }
}

const SHARED: Unsupported = Unsupported { reason: "a Box has one owner, and here objects have several" };

// --- trees ---

/// Who owns a node may write to it without a cell.
type Link<T> = Option<Box<T>>;

struct Tree {
    left: Link<Tree>,
    right: Link<Tree>,
}

struct BenchNode {
    left: Link<BenchNode>,
    right: Link<BenchNode>,
    i: i32,
    j: i32,
}

binary_trees_on!(Box, Excess::NONE);
gcbench_on!(Box, Excess::NONE);

impl BenchNode {
    fn leaf(depth: u32, tree: u32) -> Box<BenchNode> {
        Box::new(BenchNode { left: None, right: None, i: depth as i32, j: tree as i32 })
    }

    fn populate(&mut self, depth: u32, tree: u32) {
        if depth == 0 {
            return;
        }
        let left = self.left.insert(BenchNode::leaf(depth - 1, tree));
        let right = self.right.insert(BenchNode::leaf(depth - 1, tree));
        left.populate(depth - 1, tree);
        right.populate(depth - 1, tree);
    }

    fn top_down(depth: u32, tree: u32) -> Box<BenchNode> {
        let mut root = BenchNode::leaf(depth, tree);
        root.populate(depth, tree);
        root
    }

    fn bottom_up(depth: u32, tree: u32) -> Box<BenchNode> {
        let child = || (depth > 0).then(|| BenchNode::bottom_up(depth - 1, tree));
        Box::new(BenchNode { left: child(), right: child(), i: depth as i32, j: tree as i32 })
    }

    fn path_check(&self, tree: u32) -> u64 {
        let mut node = self;
        let mut digest = gcbench::path_check(0, node.i, node.j);
        while let (Some(left), Some(right)) = (&node.left, &node.right) {
            node = if gcbench::goes_left(tree, node.i) { left } else { right };
            digest = gcbench::path_check(digest, node.i, node.j);
        }
        digest
    }

    fn sum(&self) -> u64 {
        let child = |c: &Link<BenchNode>| c.as_ref().map_or(0, |n| n.sum());
        self.i as u64 + 1 + child(&self.left) + child(&self.right)
    }
}

// --- list_churn and deep_list ---

struct Node {
    value: u64,
    next: Link<Node>,
}

const _: () = assert!(size_of::<Node>() as u64 == list_churn::NODE_BYTES);
const _: () = assert!(list_churn::NODE_BYTES == deep_list::NODE_BYTES);

/// A list by the way it is dropped.
trait List: Default {
    fn head(&self) -> &Link<Node>;
    fn head_mut(&mut self) -> &mut Link<Node>;

    fn push(&mut self, value: u64) {
        let head = self.head_mut();
        let next = head.take();
        *head = Some(Box::new(Node { value, next }));
    }

    fn values(&self) -> impl Iterator<Item = u64> {
        std::iter::successors(self.head().as_deref(), |n| n.next.as_deref()).map(|n| n.value)
    }

    fn sum(&self, count: u64) -> u64 {
        self.values().take(count as usize).fold(0, u64::wrapping_add)
    }
}

/// Dropped by the drop glue of its nodes.
#[derive(Default)]
struct Glue(Link<Node>);

impl List for Glue {
    fn head(&self) -> &Link<Node> {
        &self.0
    }

    fn head_mut(&mut self) -> &mut Link<Node> {
        &mut self.0
    }
}

/// Dropped by a loop.
#[derive(Default)]
struct Loop(Link<Node>);

impl List for Loop {
    fn head(&self) -> &Link<Node> {
        &self.0
    }

    fn head_mut(&mut self) -> &mut Link<Node> {
        &mut self.0
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

struct Table<L>(Vec<L>);

fn churn<L: List>(size: Size) -> Outcome {
    let parameters = list_churn::Parameters::of(size);
    let mut table = Vec::new();
    table.resize_with(parameters.lists as usize, L::default);
    list_churn::run(parameters, Table(table))
}

impl<L: List> list_churn::Program for Table<L> {
    fn replace(&mut self, slot: usize, values: Range<u64>) -> Option<u64> {
        let mut list = L::default();
        values.for_each(|value| list.push(value));
        let old = std::mem::replace(&mut self.0[slot], list);
        old.head().as_ref().map(|node| node.value)
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for list in &self.0 {
            checksum.mix(list.sum(u64::MAX));
        }
    }
}

struct Deep<L>(L);

fn deep<L: List>(size: Size) -> Outcome {
    deep_list::run(deep_list::Parameters::of(size), Deep(L::default()))
}

impl<L: List> deep_list::Program for Deep<L> {
    fn build(&mut self, length: u64) {
        (0..length).for_each(|value| self.0.push(value));
    }

    fn sum(&mut self, count: u64) -> u64 {
        self.0.sum(count)
    }

    fn collect(&mut self) {}

    fn release(&mut self) {
        self.0 = L::default();
    }
}

// --- what has one owner ---

owned_nodes!(Box, derive());
owned_programs!(Box, 0);
lists_as_heaps!(Box);
json_dom_on!(Box);

type Slice = Box<[u8]>;

fn slice(len: usize, byte: u8) -> Slice {
    vec![byte; len].into()
}

// --- splay ---

struct Branch {
    left: Link<Branch>,
    right: Link<Branch>,
    values: [u64; 2],
}

struct SplayNode {
    key: u64,
    left: Link<SplayNode>,
    right: Link<SplayNode>,
    payload: Box<Branch>,
}

const _: () = assert!(size_of::<Branch>() as u64 == splay::BRANCH_BYTES);
const _: () = assert!(size_of::<SplayNode>() as u64 == splay::NODE_BYTES);

impl Branch {
    fn new(depth: u32, key: u64) -> Box<Branch> {
        let child = || (depth > 0).then(|| Branch::new(depth - 1, key));
        Box::new(Branch { left: child(), right: child(), values: splay::values(key) })
    }

    fn sum(&self) -> u64 {
        let kids = [&self.left, &self.right].into_iter().flatten();
        kids.fold(self.values[0].wrapping_add(self.values[1]), |sum, kid| sum.wrapping_add(kid.sum()))
    }
}

/// The tree with the node that has the key, or the last one on the way to it, at the root (top-down splaying).
fn splayed(mut node: Box<SplayNode>, key: u64) -> Box<SplayNode> {
    let (mut less, mut greater) = (None, None);
    // Where the next part is hung: right of the greatest of what is less, left of the least of what is greater.
    let (mut less_end, mut greater_end): (&mut Link<SplayNode>, &mut Link<SplayNode>) = (&mut less, &mut greater);
    loop {
        if key < node.key {
            let Some(mut child) = node.left.take() else { break };
            if key < child.key {
                node.left = child.right.take();
                child.right = Some(node);
                node = child;
                match node.left.take() {
                    Some(next) => child = next,
                    None => break,
                }
            }
            greater_end = &mut greater_end.insert(node).left;
            node = child;
        } else if key > node.key {
            let Some(mut child) = node.right.take() else { break };
            if key > child.key {
                node.right = child.left.take();
                child.left = Some(node);
                node = child;
                match node.right.take() {
                    Some(next) => child = next,
                    None => break,
                }
            }
            less_end = &mut less_end.insert(node).right;
            node = child;
        } else {
            break;
        }
    }
    *less_end = node.left.take();
    *greater_end = node.right.take();
    (node.left, node.right) = (less, greater);
    node
}

#[derive(Default)]
struct SplayTree(Link<SplayNode>);

impl SplayTree {
    /// Inserts a node, which becomes the root.
    fn insert_one(&mut self, key: u64) {
        let mut node = Box::new(SplayNode { key, left: None, right: None, payload: Branch::new(splay::DEPTH, key) });
        if let Some(root) = self.0.take() {
            let mut root = splayed(root, key);
            if key < root.key {
                node.left = root.left.take();
                node.right = Some(root);
            } else {
                node.right = root.right.take();
                node.left = Some(root);
            }
        }
        self.0 = Some(node);
    }

    /// Removes the node with the greatest key below that of the root, or the root if there is none.
    fn remove_below(&mut self) -> Link<SplayNode> {
        let mut root = self.0.take()?;
        match root.left.take() {
            Some(left) => {
                let mut greatest = splayed(left, root.key);
                root.left = greatest.left.take();
                self.0 = Some(root);
                Some(greatest)
            }
            None => {
                self.0 = root.right.take();
                Some(root)
            }
        }
    }
}

impl splay::Program for SplayTree {
    fn insert(&mut self, keys: &[u64]) {
        keys.iter().for_each(|key| self.insert_one(*key));
    }

    fn exchange(&mut self, keys: &[u64]) -> u64 {
        let mut total = 0_u64;
        for &key in keys {
            self.insert_one(key);
            total = total.wrapping_add(self.remove_below().map_or(0, |removed| removed.payload.sum()));
        }
        total
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let (mut next, mut path) = (self.0.as_deref(), Vec::new());
        loop {
            if let Some(node) = next {
                path.push(node);
                next = node.left.as_deref();
            } else if let Some(node) = path.pop() {
                checksum.mix(node.key);
                next = node.right.as_deref();
            } else {
                return;
            }
        }
    }
}

// --- matrices ---

/// The program, for every peer that frees by hand: a matrix has one owner.
pub(super) struct Matrices(Vec<Option<Box<[f64]>>>);

impl Matrices {
    /// Empty slots.
    pub(super) fn new(parameters: matrices::Parameters) -> Self {
        Matrices(empty(parameters.slots as usize))
    }
}

impl matrices::Program for Matrices {
    fn replace(&mut self, round: &matrices::Round) -> u64 {
        let sources = round.of.map(|slot| self.0[slot].as_deref().unwrap_or_default());
        let new = (0..round.len).map(|index| round.element(sources, index)).collect();
        self.0[round.slot].replace(new).map_or(0, |old| matrices::digest(&old))
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for slot in &self.0 {
            checksum.mix(slot.as_deref().map_or(0, matrices::sum_of_bits));
        }
    }
}
