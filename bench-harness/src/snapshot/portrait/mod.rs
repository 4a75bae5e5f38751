//! What a heap looks like: how large, how deep, how wide, how entangled, and what holds what.
//!
//! A heap's size says little about what it costs to collect. A list of a million elements and a table of a million are
//! the same to an allocator; the first is marked one by one, whatever the number of threads, and the second is one
//! large array of which a collector must find out what was written. So this describes the graph: levels from the roots
//! (how much can be done at once), strongly connected parts (what counting alone cannot free), dominators (what dies
//! together), degrees.
//!
//! Everything is one pass or one search over what is reachable and strong; only dominators take a logarithm more.
//! Nothing recurses. Memory is about 60 bytes for each object and 12 for each reference, besides the snapshot.

mod components;
mod dominators;

use super::graph::SnapshotGraph;
use super::reachability::Model;

/// A graph in rows, of what is reachable. Node 0 is a list of all roots; the others stand in the order in which a
/// search in breadth finds them, so that nodes of one distance from the roots stand beside each other.
struct Rows {
    /// The edges of node `n` lead to `targets[first[n]..first[n + 1]]`.
    first: Vec<u32>,
    targets: Vec<u32>,
}

impl Rows {
    fn nodes(&self) -> u32 {
        self.first.len() as u32 - 1
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.targets[self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
    }
}

/// Some objects, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub objects: u64,
    /// Their own sizes, as the snapshot gives them.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// An object, and what is remarkable about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notable {
    /// Its number among the nodes of the snapshot, from 0.
    pub node: u32,
    /// The snapshot's name for its type.
    pub kind: String,
    /// Its own size in bytes.
    pub bytes: u64,
    /// What it has much of.
    pub value: u64,
}

/// How many of something the objects have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Half of the objects have no more.
    pub median: u64,
    /// 99 of 100 objects have no more.
    pub most: u64,
    /// The one that has the most.
    pub largest: Notable,
}

/// What a heap looks like. Unless it says otherwise, only what is reachable by strong references counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portrait {
    /// What is reachable.
    pub alive: Amount,
    /// What is in the snapshot and not reachable.
    pub dead: Amount,
    /// References from roots.
    pub roots: u64,
    /// References between objects.
    pub references: u64,
    /// References of the snapshot that keep nothing alive.
    pub weak: u64,
    /// The kinds with the most bytes, at most [`LISTED`].
    pub kinds: Vec<(String, Amount)>,
    /// Sizes in bytes.
    pub sizes: Option<Spread>,
    /// References out of an object.
    pub out: Option<Spread>,
    /// References to an object, those of roots included.
    pub into: Option<Spread>,
    /// Objects with no reference out of them.
    pub leaves: Amount,
    /// Objects with [`MANY`] references or more.
    pub wide: Amount,
    /// Objects to which more references lead than [`COUNTED`].
    pub popular: u64,
    /// How many objects are so many references away from a root: from 1.
    pub levels: Vec<u64>,
    /// Objects that can be reached from themselves.
    pub entangled: Amount,
    /// Largest sets of them that all reach each other.
    pub knots: u64,
    /// The largest such set.
    pub largest_knot: Amount,
    /// Objects that no single other object holds.
    pub independent: u64,
    /// The objects with which the most bytes would die, those alone that no other of them holds; at most [`LISTED`].
    pub retainers: Vec<Notable>,
}

/// As many lines of a kind are shown.
pub const LISTED: usize = 5;

/// So many references make an object wide: 64 KiB of them.
pub const MANY: u32 = 8_192;

/// The largest count that the header of an object has room for in `gc-refcount`.
pub const COUNTED: u32 = 2_047;

impl Portrait {
    /// Looks at the heap that `graph` describes.
    #[must_use]
    pub fn of(graph: SnapshotGraph) -> Self {
        let weak = u64::from(graph.weak_edge_count());
        let (types, names) = (graph.types.clone(), graph.type_names.clone());
        let model = Model::new(graph);
        let (rows, nodes, levels) = reachable(&model);
        let size = |node: u32| model.self_size(nodes[node as usize]);
        let notable = |node: u32, value| {
            let original = nodes[node as usize];
            let kind = names[usize::from(types[original as usize])].clone();
            Notable { node: original, kind, bytes: model.self_size(original), value }
        };
        let alive_nodes = 1..rows.nodes();
        let sum = |which: &mut dyn Iterator<Item = u32>| {
            let mut amount = Amount::default();
            which.for_each(|node| amount.add(size(node)));
            amount
        };

        let alive = sum(&mut alive_nodes.clone());
        let mut all = Amount::default();
        model.objects().for_each(|object| all.add(model.self_size(object)));
        let dead = Amount { objects: all.objects - alive.objects, bytes: all.bytes.saturating_sub(alive.bytes) };

        let mut kinds: Vec<(String, Amount)> = names.iter().map(|name| (name.clone(), Amount::default())).collect();
        alive_nodes.clone().for_each(|node| kinds[usize::from(types[nodes[node as usize] as usize])].1.add(size(node)));
        kinds.sort_by_key(|(_, amount)| std::cmp::Reverse((amount.bytes, amount.objects)));
        kinds.retain(|(_, amount)| amount.objects > 0);
        kinds.truncate(LISTED);

        let mut into = vec![0_u32; rows.nodes() as usize];
        rows.targets.iter().for_each(|to| into[*to as usize] += 1);
        let out = |node: u32| rows.of(node).len() as u64;
        let spread = |value: &dyn Fn(u32) -> u64| spread(alive_nodes.clone(), value, notable);

        let parts = components::of(&rows);
        let entangled =
            |node: &u32| parts.sizes[parts.of[*node as usize] as usize] > 1 || rows.of(*node).contains(node);
        let largest = parts.largest();
        let tree = dominators::of(&rows);
        let retained = tree.sum(&rows, size);
        Portrait {
            alive,
            dead,
            roots: rows.of(0).len() as u64,
            references: rows.targets.len() as u64 - rows.of(0).len() as u64,
            weak,
            kinds,
            sizes: spread(&|node| size(node)),
            out: spread(&out),
            into: spread(&|node| into[node as usize].into()),
            leaves: sum(&mut alive_nodes.clone().filter(|node| rows.of(*node).is_empty())),
            wide: sum(&mut alive_nodes.clone().filter(|node| rows.of(*node).len() >= MANY as usize)),
            popular: alive_nodes.clone().filter(|node| into[*node as usize] > COUNTED).count() as u64,
            levels,
            entangled: sum(&mut alive_nodes.clone().filter(entangled)),
            knots: parts.sizes.iter().filter(|size| **size > 1).count() as u64
                + alive_nodes
                    .clone()
                    .filter(|node| parts.sizes[parts.of[*node as usize] as usize] == 1 && entangled(node))
                    .count() as u64,
            largest_knot: largest.map_or_else(Amount::default, |part| {
                sum(&mut alive_nodes.clone().filter(|node| parts.of[*node as usize] == part))
            }),
            independent: alive_nodes.clone().filter(|node| tree.immediate[*node as usize] == 0).count() as u64,
            retainers: {
                let mut top: Vec<u32> =
                    alive_nodes.clone().filter(|node| tree.immediate[*node as usize] == 0).collect();
                top.sort_by_key(|node| std::cmp::Reverse(retained[*node as usize]));
                top.truncate(LISTED);
                top.into_iter().map(|node| notable(node, retained[node as usize])).collect()
            },
        }
    }

    /// References from a root to the object that is farthest away, the one from the root included.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// How many times as fast as one thread so many could mark it at best, if each object took the same time and
    /// nothing else did: an object cannot be marked before one that leads to it.
    #[must_use]
    pub fn speedup(&self, threads: u64) -> f64 {
        let rounds: u64 = self.levels.iter().map(|width| width.div_ceil(threads)).sum();
        if rounds == 0 { 1.0 } else { self.alive.objects as f64 / rounds as f64 }
    }
}

/// The graph of what is reachable; the model's numbers of its nodes; how many nodes each level has.
fn reachable(model: &Model) -> (Rows, Vec<u32>, Vec<u64>) {
    const NONE: u32 = u32::MAX;
    let mut number = vec![NONE; model.node_count() as usize];
    // Node 0 is no object.
    let mut nodes = vec![NONE];
    let mut rows = Rows { first: vec![0], targets: Vec::new() };
    let mut levels = Vec::new();
    let mut follow = |nodes: &mut Vec<u32>, rows: &mut Rows, targets: &mut dyn Iterator<Item = u32>| {
        for to in targets {
            let known = &mut number[to as usize];
            if *known == NONE {
                *known = nodes.len() as u32;
                nodes.push(to);
            }
            rows.targets.push(*known);
        }
        rows.first.push(rows.targets.len() as u32);
    };
    follow(&mut nodes, &mut rows, &mut model.roots().flatten());
    let mut done = 1;
    while done < nodes.len() {
        let end = nodes.len();
        levels.push((end - done) as u64);
        for place in done..end {
            let object = nodes[place];
            follow(&mut nodes, &mut rows, &mut model.slots(object).flatten());
        }
        done = end;
    }
    (rows, nodes, levels)
}

/// How a value is spread over nodes; nothing if there are none.
fn spread(
    nodes: std::ops::Range<u32>,
    value: &dyn Fn(u32) -> u64,
    notable: impl Fn(u32, u64) -> Notable,
) -> Option<Spread> {
    let largest = nodes.clone().max_by_key(|node| (value(*node), std::cmp::Reverse(*node)))?;
    let mut values: Vec<u64> = nodes.map(value).collect();
    let mut at = |share: usize| {
        let place = (values.len() * share).div_ceil(100).max(1) - 1;
        *values.select_nth_unstable(place).1
    };
    Some(Spread { median: at(50), most: at(99), largest: notable(largest, value(largest)) })
}

#[cfg(test)]
mod tests {
    use super::super::reachability::tests::graph;
    use super::super::{builtin, read};
    use super::*;

    #[test]
    fn a_small_heap_in_figures() {
        // A root holds 1 and 5. 1 -> 2 -> 3 -> 1 is a circle, 2 -> 4; 5 -> 4, 5 -> 5; 6 is dead and leads to 1 weakly.
        let s = |to: u32| (to, false);
        let graph = graph(&[&[s(1), s(5)], &[s(2)], &[s(3), s(4)], &[s(1)], &[], &[s(4), s(5)], &[(1, true)]]);
        let portrait = Portrait::of(graph);
        let amount = |objects| Amount { objects, bytes: 16 * objects };
        assert_eq!((portrait.alive, portrait.dead), (amount(5), amount(1)));
        assert_eq!((portrait.roots, portrait.references, portrait.weak), (2, 6, 1));
        assert_eq!(portrait.levels, [2, 2, 1]);
        assert_eq!(portrait.depth(), 3);
        assert!((portrait.speedup(2) - 5.0 / 3.0).abs() < 1e-9);
        assert_eq!((portrait.entangled, portrait.knots, portrait.largest_knot), (amount(4), 2, amount(3)));
        assert_eq!(portrait.leaves, amount(1));
        // Two lead to 4, so neither holds it.
        assert_eq!(portrait.independent, 3);
        let retained: Vec<_> = portrait.retainers.iter().map(|notable| (notable.node, notable.value)).collect();
        assert_eq!(retained, [(1, 48), (5, 16), (4, 16)]);
        let out = portrait.out.unwrap();
        assert_eq!((out.median, out.most, out.largest.node), (1, 2, 5));
        assert_eq!(portrait.into.unwrap().largest.value, 2);
        assert_eq!(portrait.kinds, [("object".to_owned(), amount(5))]);
    }

    #[test]
    fn nothing_is_a_heap_too() {
        let portrait = Portrait::of(graph(&[&[]]));
        assert_eq!((portrait.alive, portrait.depth(), portrait.sizes), (Amount::default(), 0, None));
        assert!(portrait.retainers.is_empty());
    }

    #[test]
    fn a_long_list_that_a_table_leads_into_backwards() {
        let count = 300_000_u32;
        let table: Vec<(u32, bool)> = (2..count).rev().map(|to| (to, false)).collect();
        let next: Vec<[(u32, bool); 1]> = (2..count).map(|node| [((node + 1) % count, false)]).collect();
        let root = [(1, false), (2, false)];
        let mut edges: Vec<&[(u32, bool)]> = vec![&root, &table];
        edges.extend(next.iter().map(|edge| &edge[..]));
        let portrait = Portrait::of(graph(&edges));
        assert_eq!(portrait.alive.objects, u64::from(count) - 1);
        assert_eq!((portrait.wide.objects, portrait.independent), (1, u64::from(count) - 1));
        assert_eq!(portrait.entangled.objects, 0);
    }

    /// The whole is the sum of what the roots' children hold.
    #[test]
    fn what_is_held_adds_up() {
        let model = Model::new(read(builtin()).unwrap());
        let (rows, nodes, levels) = reachable(&model);
        let size = |node: u32| model.self_size(nodes[node as usize]);
        let tree = dominators::of(&rows);
        let retained = tree.sum(&rows, size);
        let tops = (1..rows.nodes()).filter(|node| tree.immediate[*node as usize] == 0);
        assert_eq!(tops.map(|node| retained[node as usize]).sum::<u64>(), model.reachable().bytes());
        assert_eq!(levels.iter().sum::<u64>(), model.reachable().objects());
        let parts = components::of(&rows);
        assert_eq!(parts.sizes.iter().map(|size| u64::from(*size)).sum::<u64>(), u64::from(rows.nodes()));
    }
}
