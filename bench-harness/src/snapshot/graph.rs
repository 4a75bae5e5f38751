//! The graph of a snapshot: columns, and the edges in compressed sparse rows.
//!
//! A snapshot has millions of nodes, so a node is an index and every property of it is a column: 8 bytes of size, 1 of
//! type, 4 of offset, and 4 bytes and 1 bit per edge. The edges of node `n` are `targets[offsets[n]..offsets[n + 1]]`,
//! which is the order in which V8 writes them: edges are grouped by the node that they leave.
//!
//! The numbers are 32 bits wide. A file that needs more (tens of gigabytes of text) is refused by the reader.

/// The objects of a program and the references between them, as V8 wrote them down.
///
/// Nodes are numbered from 0; one of them is the root. Every target is the number of a node of this graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotGraph {
    /// The node from which everything that is alive is reachable.
    pub(super) root: u32,
    pub(super) types: Vec<u8>,
    pub(super) type_names: Vec<String>,
    pub(super) self_sizes: Vec<u64>,
    /// One more than there are nodes; begins with 0, never decreases, ends with the number of edges.
    pub(super) offsets: Vec<u32>,
    pub(super) targets: Vec<u32>,
    /// One bit per edge, lowest bit first.
    pub(super) weak: Vec<u64>,
}

/// One reference out of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node that it points to.
    pub to: u32,
    /// V8's collector ignores it: it does not keep `to` alive.
    pub weak: bool,
}

impl SnapshotGraph {
    /// The root, from which everything that is alive is reachable. V8's is node 0.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// The number of nodes, with the root; at least 1.
    pub fn node_count(&self) -> u32 {
        self.types.len() as u32
    }

    /// The number of edges, strong and weak.
    pub fn edge_count(&self) -> u32 {
        self.targets.len() as u32
    }

    /// The number of weak edges; costs a pass over one bit per edge.
    pub fn weak_edge_count(&self) -> u32 {
        self.weak.iter().map(|word| word.count_ones()).sum()
    }

    /// The bytes of `node` itself, without what it points to.
    ///
    /// # Panics
    ///
    /// If `node` is not below [`node_count`](Self::node_count), as in every function here that takes a node.
    pub fn self_size(&self, node: u32) -> u64 {
        self.self_sizes[node as usize]
    }

    /// The sum of all self sizes in bytes, at most `u64::MAX`; costs a pass over the nodes.
    pub fn total_self_size(&self) -> u64 {
        self.self_sizes.iter().fold(0, |sum, size| sum.saturating_add(*size))
    }

    /// The type of `node` as an index into [`type_names`](Self::type_names).
    pub fn type_index(&self, node: u32) -> u8 {
        self.types[node as usize]
    }

    /// V8's name for the type of `node`: `"object"`, `"closure"`, `"string"`.
    pub fn type_name(&self, node: u32) -> &str {
        &self.type_names[usize::from(self.type_index(node))]
    }

    /// All types that the file declares. The list differs between versions of V8; an unknown name is no error.
    pub fn type_names(&self) -> &[String] {
        &self.type_names
    }

    /// The targets of all edges out of `node`, strong and weak, in the file's order.
    pub fn targets(&self, node: u32) -> &[u32] {
        let (from, to) = self.range(node);
        &self.targets[from..to]
    }

    /// The edges out of `node` in the file's order.
    pub fn edges(&self, node: u32) -> impl Iterator<Item = Edge> + '_ {
        let (from, to) = self.range(node);
        (from..to).map(|edge| Edge { to: self.targets[edge], weak: self.weak[edge / 64] >> (edge % 64) & 1 == 1 })
    }

    /// The targets of the strong edges out of `node`, in the file's order.
    pub fn strong_targets(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.edges(node).filter(|edge| !edge.weak).map(|edge| edge.to)
    }

    fn range(&self, node: u32) -> (usize, usize) {
        let node = node as usize;
        (self.offsets[node] as usize, self.offsets[node + 1] as usize)
    }
}
