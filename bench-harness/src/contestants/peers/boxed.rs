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

/// Peer `box`.
pub(super) fn run(workload: Workload, size: Size) -> Result<Outcome, Unsupported> {
    match workload {
        Workload::BinaryTrees => Ok(binary_trees::run(binary_trees::Parameters::of(size), Trees::default())),
        Workload::GcBench => Ok(gcbench::run(gcbench::Parameters::of(size), BenchTrees::default())),
        Workload::ListChurn => Ok(churn::<Glue>(size)),
        Workload::DeepList => Ok(deep::<Glue>(size)),
        Workload::Rings | Workload::GraphMutate => Err(SHARED),
        Workload::Names => Err(OURS_ALONE),
    }
}

/// Peer `box-loop`.
pub(super) fn run_with_loop(workload: Workload, size: Size) -> Result<Outcome, Unsupported> {
    match workload {
        Workload::ListChurn => Ok(churn::<Loop>(size)),
        Workload::DeepList => Ok(deep::<Loop>(size)),
        Workload::BinaryTrees | Workload::GcBench => {
            Err(Unsupported { reason: "there are no lists in it: the same program as with box" })
        }
        Workload::Rings | Workload::GraphMutate => Err(SHARED),
        Workload::Names => Err(OURS_ALONE),
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
