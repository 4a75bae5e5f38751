//! Which objects must be alive: an independent model of a heap that was rebuilt from a snapshot.
//!
//! A collector is right if, after a full collection, it holds the objects that are reachable, no more and no less. The
//! model answers which those are, without knowing anything of a collector: it has a list of roots, a fixed number of
//! edge slots per object (the strong edges that the snapshot gives it) that hold another object or nothing, and one
//! loop that follows them. The loop has its own stack, because real heaps contain lists of a million elements.
//!
//! **Which nodes are objects.** The root is not an object of the program but V8's list of roots, and so are the nodes
//! below it that V8 invents to sort the roots: `(GC roots)`, `(Strong roots)`, `(Handle scope)` and some thirty more,
//! of type `synthetic` and size 0. Taken as objects they would spoil the replay: the heap would have five roots, and
//! dropping one would free nearly everything. So every edge from such a node to an object is one root; the nodes
//! themselves are not rebuilt, and an edge from an object back to one of them becomes an empty slot. Everything else is
//! an object, also the few that nothing keeps alive: the first collection must find them.
//!
//! **Weak edges** of the snapshot are left out: they decide nothing about who is alive. (V8 writes the key and value
//! edges of its weak maps as ordinary strong edges of the table.)

use std::sync::Arc;

use super::graph::SnapshotGraph;
use super::mutation::Op;

/// Stands for "no object" in a slot or root.
pub(super) const NOTHING: u32 = u32::MAX;

/// A heap as it should be: objects, their slots, and the roots. Objects have the numbers of the snapshot's nodes.
///
/// A copy shares what no operation changes: it costs four bytes for each slot and root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub(super) frame: Arc<Frame>,
    pub(super) slots: Vec<u32>,
    pub(super) roots: Vec<u32>,
}

/// The part of a model that no operation changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) self_sizes: Vec<u64>,
    /// One bit per node: is it an object, or one of V8's lists of roots?
    pub(super) objects: Bits,
    /// The slots of node `n` are `slots[offsets[n]..offsets[n + 1]]`.
    pub(super) offsets: Vec<u32>,
}

/// The objects that can be reached from some roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    pub(super) members: Bits,
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

impl Model {
    /// The heap that `graph` describes, before any [`Op`]. The graph's columns become the model's, in place.
    pub fn new(graph: SnapshotGraph) -> Self {
        let (lists, roots) = roots_of(&graph);
        let SnapshotGraph { self_sizes, mut offsets, targets: mut slots, weak, .. } = graph;
        let mut objects = Bits::new(self_sizes.len() as u32);
        // Slots are moved down over edges that are none; what was read is never needed again.
        let (mut begin, mut kept) = (0, 0);
        for node in 0..self_sizes.len() {
            let end = offsets[node + 1] as usize;
            if !lists.get(node as u32) {
                objects.set(node as u32);
                for edge in begin..end {
                    let to = slots[edge];
                    if weak[edge / 64] >> (edge % 64) & 1 == 0 {
                        slots[kept] = if lists.get(to) { NOTHING } else { to };
                        kept += 1;
                    }
                }
            }
            offsets[node + 1] = kept as u32;
            begin = end;
        }
        slots.truncate(kept);
        slots.shrink_to_fit();
        Self { frame: Arc::new(Frame { self_sizes, objects, offsets }), slots, roots }
    }

    /// One more than the largest object's number: the length of a table that is indexed by objects.
    pub fn node_count(&self) -> u32 {
        self.frame.self_sizes.len() as u32
    }

    /// The objects to build, in ascending order, reachable or not.
    pub fn objects(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.node_count()).filter(|node| self.frame.objects.get(*node))
    }

    /// The size of `object` in bytes, as V8 measured it.
    ///
    /// # Panics
    ///
    /// If `object` is not below [`node_count`](Self::node_count), as in every function here that takes an object.
    pub fn self_size(&self, object: u32) -> u64 {
        self.frame.self_sizes[object as usize]
    }

    /// The number of slots of `object`. It never changes.
    pub fn slot_count(&self, object: u32) -> u32 {
        self.frame.offsets[object as usize + 1] - self.frame.offsets[object as usize]
    }

    /// What the slots of `object` hold, in their order.
    pub fn slots(&self, object: u32) -> impl ExactSizeIterator<Item = Option<u32>> + '_ {
        let offsets = &self.frame.offsets;
        let (from, to) = (offsets[object as usize], offsets[object as usize + 1]);
        self.slots[from as usize..to as usize].iter().map(|to| some(*to))
    }

    /// What one slot of `object` holds.
    ///
    /// # Panics
    ///
    /// If `object` has no such slot.
    pub fn slot(&self, object: u32, slot: u32) -> Option<u32> {
        some(self.slots[self.slot_index(object, slot)])
    }

    /// What the roots hold, in their order; a dropped root holds nothing. Several roots may hold the same object.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = Option<u32>> + '_ {
        self.roots.iter().map(|object| some(*object))
    }

    /// What one root holds.
    ///
    /// # Panics
    ///
    /// If there is no such root.
    pub fn root(&self, root: u32) -> Option<u32> {
        some(self.roots[root as usize])
    }

    /// Carries out one operation.
    ///
    /// # Panics
    ///
    /// If there is no such object, slot or root. Operations that [`MutationPlan`](super::MutationPlan) makes for this
    /// model, applied in order, never panic.
    pub fn apply(&mut self, op: Op) {
        match op {
            Op::RemoveEdge { from, slot } => {
                let index = self.slot_index(from, slot);
                self.slots[index] = NOTHING;
            }
            Op::InsertEdge { from, slot, to } => {
                assert!(self.frame.objects.get(to), "node {to} is not an object");
                let index = self.slot_index(from, slot);
                self.slots[index] = to;
            }
            Op::DropRoot { root } => self.roots[root as usize] = NOTHING,
        }
    }

    /// What a correct heap holds after a full collection. Time and memory are linear in the model.
    pub fn reachable(&self) -> Reachable {
        self.reachable_from(self.roots().flatten())
    }

    /// What can be reached from these objects, they included.
    pub fn reachable_from(&self, roots: impl IntoIterator<Item = u32>) -> Reachable {
        let mut reachable = Reachable { members: Bits::new(self.node_count()), objects: 0, bytes: 0 };
        let mut pending: Vec<u32> = Vec::new();
        for root in roots {
            pending.push(root);
            while let Some(object) = pending.pop() {
                if !reachable.members.set(object) {
                    continue;
                }
                reachable.objects += 1;
                reachable.bytes = reachable.bytes.saturating_add(self.self_size(object));
                pending.extend(self.slots(object).flatten());
            }
        }
        reachable
    }

    fn slot_index(&self, object: u32, slot: u32) -> usize {
        assert!(slot < self.slot_count(object), "object {object} has no slot {slot}");
        (self.frame.offsets[object as usize] + slot) as usize
    }
}

impl Reachable {
    /// Is this object reachable?
    ///
    /// # Panics
    ///
    /// If it is not below the model's [`node_count`](Model::node_count).
    pub fn contains(&self, object: u32) -> bool {
        self.members.get(object)
    }

    /// How many objects are reachable.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// The sum of their self sizes, in bytes of V8's heap; at most `u64::MAX`.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// V8's lists of roots, and what they hold: one entry per edge from a list to an object.
fn roots_of(graph: &SnapshotGraph) -> (Bits, Vec<u32>) {
    let is_list = |node: u32| graph.type_name(node) == "synthetic" && graph.self_size(node) == 0;
    let mut lists = Bits::new(graph.node_count());
    let mut roots = Vec::new();
    let mut pending = vec![graph.root()];
    lists.set(graph.root());
    while let Some(list) = pending.pop() {
        for to in graph.strong_targets(list) {
            if lists.get(to) {
                continue;
            }
            if is_list(to) {
                lists.set(to);
                pending.push(to);
            } else {
                roots.push(to);
            }
        }
    }
    (lists, roots)
}

fn some(object: u32) -> Option<u32> {
    (object != NOTHING).then_some(object)
}

/// A set of small numbers, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits(pub(super) Vec<u64>);

impl Bits {
    pub(super) fn new(len: u32) -> Self {
        Self(vec![0; (len as usize).div_ceil(64)])
    }

    pub(super) fn get(&self, index: u32) -> bool {
        self.0[index as usize / 64] >> (index % 64) & 1 == 1
    }

    /// Puts `index` in; was it missing?
    pub(super) fn set(&mut self, index: u32) -> bool {
        let word = &mut self.0[index as usize / 64];
        let bit = 1 << (index % 64);
        let missing = *word & bit == 0;
        *word |= bit;
        missing
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A snapshot from edge lists; `weak` says whether an edge is weak. Nodes are objects of 16 bytes.
    pub(in super::super) fn graph(edges: &[&[(u32, bool)]]) -> SnapshotGraph {
        let mut graph = SnapshotGraph {
            root: 0,
            types: vec![0; edges.len()],
            type_names: vec!["object".into(), "synthetic".into()],
            self_sizes: vec![16; edges.len()],
            offsets: vec![0],
            targets: Vec::new(),
            weak: Vec::new(),
        };
        graph.types[0] = 1;
        graph.self_sizes[0] = 0;
        for (to, weak) in edges.iter().copied().flatten() {
            let edge = graph.targets.len();
            graph.weak.resize(edge / 64 + 1, 0);
            graph.weak[edge / 64] |= u64::from(*weak) << (edge % 64);
            graph.targets.push(*to);
        }
        let mut end = 0;
        for edges in edges {
            end += edges.len() as u32;
            graph.offsets.push(end);
        }
        graph
    }

    const S: bool = false;
    const W: bool = true;

    #[test]
    fn strong_edges_keep_alive_and_weak_ones_do_not() {
        let model = Model::new(graph(&[&[(1, S), (4, W)], &[(2, S), (3, W)], &[(1, S)], &[], &[(1, S)]]));
        let reachable = model.reachable();
        let alive: Vec<_> = model.objects().filter(|o| reachable.contains(*o)).collect();
        assert_eq!(alive, [1, 2]);
        assert_eq!((reachable.objects(), reachable.bytes()), (2, 32));
        assert_eq!(model.slot_count(1), 1);
        assert_eq!(model.objects().count(), 4);
    }

    #[test]
    fn lists_of_roots_are_roots_and_not_objects() {
        // 0 -> (GC roots) 1 -> (Handle scope) 2 -> 3, 3; 3 -> 1 leads back; 4 is synthetic but has a size.
        let mut graph = graph(&[&[(1, S), (4, S)], &[(2, S), (0, S)], &[(3, S), (3, S)], &[(1, S), (4, S)], &[]]);
        graph.types = vec![1, 1, 1, 0, 1];
        graph.self_sizes = vec![0, 0, 0, 16, 100];
        let model = Model::new(graph);
        assert_eq!(model.objects().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(model.roots().collect::<Vec<_>>(), [Some(4), Some(3), Some(3)]);
        assert_eq!(model.slots(3).collect::<Vec<_>>(), [None, Some(4)]);
        assert_eq!(model.reachable().bytes(), 116);
    }

    #[test]
    fn operations_change_what_is_reachable() {
        let mut model = Model::new(graph(&[&[(1, S), (3, S)], &[(2, S), (2, S)], &[(1, S)], &[]]));
        let count = |model: &Model| model.reachable().objects();
        assert_eq!(count(&model), 3);
        model.apply(Op::RemoveEdge { from: 1, slot: 0 });
        assert_eq!(count(&model), 3);
        model.apply(Op::InsertEdge { from: 1, slot: 1, to: 3 });
        assert_eq!(count(&model), 2);
        model.apply(Op::DropRoot { root: 1 });
        assert_eq!(count(&model), 2);
        model.apply(Op::DropRoot { root: 0 });
        assert_eq!(count(&model), 0);
        assert_eq!(model.reachable_from([2]).objects(), 3);
    }

    #[test]
    fn a_list_of_a_million_does_not_overflow_the_stack() {
        let edges: Vec<[(u32, bool); 1]> = (1..1_000_000).map(|to| [(to, S)]).collect();
        let mut lists: Vec<&[(u32, bool)]> = edges.iter().map(|edge| &edge[..]).collect();
        lists.push(&[]);
        assert_eq!(Model::new(graph(&lists)).reachable().objects(), 999_999);
    }
}
