//! The cells of the standard library in which the nodes of [`shared`](super::shared) can be written to.
//!
//! One macro for each way in which at least two peers use them; a peer with a cell of its own supplies the same names.
//! Each macro defines a type of field and everything that the programs do to such fields. Whether a link is borrowed,
//! copied, or taken out and put back is the cell's business, and some of what is measured.
//!
//! What is done to edges is always inlined, so that a batch of `graph_mutate` is compiled as one loop: left to itself,
//! the compiler spends one more instruction per edge with some pointers.

/// `Link`s as `OnceCell`s: as wide as the optional pointer, and read without counting.
macro_rules! once_cell_links {
    ($Ptr:ident) => {
        type Link<T> = std::cell::OnceCell<$Ptr<T>>;

        impl BenchNode {
            fn leaf(depth: u32, tree: u32) -> $Ptr<BenchNode> {
                let (left, right) = (Link::new(), Link::new());
                $Ptr::new(BenchNode { left, right, i: depth as i32, j: tree as i32 })
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

            fn top_down(depth: u32, tree: u32) -> $Ptr<BenchNode> {
                let root = BenchNode::leaf(depth, tree);
                root.populate(depth, tree);
                root
            }

            fn bottom_up(depth: u32, tree: u32) -> $Ptr<BenchNode> {
                let child = || match depth {
                    0 => Link::new(),
                    _ => Link::from(BenchNode::bottom_up(depth - 1, tree)),
                };
                $Ptr::new(BenchNode { left: child(), right: child(), i: depth as i32, j: tree as i32 })
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
                let child = |c: &Link<BenchNode>| c.get().map_or(0, |n| n.sum());
                self.i as u64 + 1 + child(&self.left) + child(&self.right)
            }
        }

        impl RingNode {
            fn previous_value(&self) -> u64 {
                self.prev.get().map_or(0, |node| node.value)
            }
        }

        fn join(left: &$Ptr<RingNode>, right: &$Ptr<RingNode>) {
            let _ = left.next.set(right.clone());
            let _ = right.prev.set(left.clone());
        }

        fn round(first: &$Ptr<RingNode>, link: fn(&RingNode) -> &Link<RingNode>) -> u64 {
            let (mut node, mut digest) = (first, 0);
            loop {
                digest = rings::step(digest, node.value);
                match link(node).get() {
                    Some(next) if !$Ptr::ptr_eq(next, first) => node = next,
                    _ => return digest,
                }
            }
        }
    };
}

/// `Edges` as one `Cell` each: as wide as the optional pointers.
macro_rules! cell_edges {
    ($Ptr:ident) => {
        type Edges = [std::cell::Cell<Option<$Ptr<GraphNode>>>; graph_mutate::EDGES];

        impl GraphNode {
            /// Points every edge somewhere.
            #[inline(always)]
            fn connect(&self, mut target: impl FnMut() -> $Ptr<GraphNode>) {
                for edge in &self.edges {
                    edge.set(Some(target()));
                }
            }

            /// A new node with the edges of the old one, which loses them.
            #[inline(always)]
            fn successor(old: &$Ptr<GraphNode>, id: u64) -> $Ptr<GraphNode> {
                let edges = std::array::from_fn(|e| std::cell::Cell::new(old.edges[e].take()));
                $Ptr::new(GraphNode { id, edges })
            }

            #[inline(always)]
            fn rewrite(&self, edge: usize, target: $Ptr<GraphNode>) {
                self.edges[edge].set(Some(target));
            }

            fn mix_targets(&self, checksum: &mut Checksum) {
                for edge in &self.edges {
                    // A Cell does not lend its content: take it out, and put it back.
                    let target = edge.take();
                    checksum.mix(target.as_ref().map_or(u64::MAX, |t| t.id));
                    edge.set(target);
                }
            }
        }
    };
}

/// `Edges` behind one `RefCell`, whose borrow flag takes [`BORROW_FLAG_BYTES`].
macro_rules! ref_cell_edges {
    ($Ptr:ident) => {
        type Edges = std::cell::RefCell<[Option<$Ptr<GraphNode>>; graph_mutate::EDGES]>;

        impl GraphNode {
            /// Points every edge somewhere.
            #[inline(always)]
            fn connect(&self, mut target: impl FnMut() -> $Ptr<GraphNode>) {
                for edge in self.edges.borrow_mut().iter_mut() {
                    *edge = Some(target());
                }
            }

            /// A new node with the edges of the old one, which loses them.
            #[inline(always)]
            fn successor(old: &$Ptr<GraphNode>, id: u64) -> $Ptr<GraphNode> {
                let edges = Edges::new(old.edges.take());
                $Ptr::new(GraphNode { id, edges })
            }

            #[inline(always)]
            fn rewrite(&self, edge: usize, target: $Ptr<GraphNode>) {
                let old = self.edges.borrow_mut()[edge].replace(target);
                // The old target is released only now: a collector that runs meanwhile may look at this node.
                drop(old);
            }

            fn mix_targets(&self, checksum: &mut Checksum) {
                for edge in self.edges.borrow().iter() {
                    checksum.mix(edge.as_ref().map_or(u64::MAX, |target| target.id));
                }
            }
        }
    };
}

/// What a `RefCell` adds to its content.
pub(super) const BORROW_FLAG_BYTES: u64 = size_of::<std::cell::RefCell<()>>() as u64;

pub(super) use {cell_edges, once_cell_links, ref_cell_edges};
