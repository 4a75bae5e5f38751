//! Immediate dominators: for each object, the one object through which every path from a root leads to it.
//!
//! What would die with an object is all that it dominates, so sizes summed over the dominator tree are *retained* sizes. The
//! algorithm is that of Lengauer and Tarjan (TOPLAS 1979) in its simple form, with path compression and without balanced
//! linking: `O(edges · log nodes)` whatever the graph looks like, and close to linear on heaps. Nothing recurses.
//!
//! *Why not Cooper, Harvey and Kennedy's iteration*, which is shorter and was faster on the control flow of functions? It
//! is quadratic on graphs that heaps have: a long list whose nodes are also in a table, back to front. *Why not a
//! crate?* petgraph's is that one, and keeps hash maps of nodes, several hundred bytes for each.
//!
//! *Memory.* 40 bytes for each node and 4 for each edge, besides the graph.

use crate::error::AllocError;

/// No node.
const NONE: u32 = u32::MAX;

/// A graph in rows: the edges of node `n` lead to `targets[first[n]..first[n + 1]]`.
pub(super) struct Rows {
    pub(super) first: Vec<usize>,
    pub(super) targets: Vec<u32>,
}

impl Rows {
    pub(super) fn nodes(&self) -> usize {
        self.first.len() - 1
    }

    pub(super) fn of(&self, node: u32) -> &[u32] {
        &self.targets[self.first[node as usize]..self.first[node as usize + 1]]
    }

    /// Those of pairs, which are counted first and then listed again.
    pub(super) fn of_pairs<I: Iterator<Item = (u32, u32)>>(
        nodes: usize,
        pairs: impl Fn() -> I,
    ) -> Result<Self, AllocError> {
        let mut first = filled(nodes + 1, 0_usize)?;
        let mut edges = 0;
        for (from, _) in pairs() {
            first[from as usize] += 1;
            edges += 1;
        }
        // Each row's end, from which it is filled down to its beginning.
        let mut end = 0;
        for row in &mut first {
            end += *row;
            *row = end;
        }
        let mut targets = filled(edges, 0)?;
        for (from, to) in pairs() {
            first[from as usize] -= 1;
            targets[first[from as usize]] = to;
        }
        Ok(Rows { first, targets })
    }
}

pub(super) fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>, AllocError> {
    let mut list = Vec::new();
    list.try_reserve_exact(len).map_err(|_| AllocError::REFUSED)?;
    list.resize(len, value);
    Ok(list)
}

/// The dominator tree of a graph, from node 0.
pub(super) struct Dominators {
    /// The nodes in an order in which each stands behind its dominator.
    pub(super) order: Vec<u32>,
    /// The immediate dominator of each node; of node 0 and of nodes that it does not reach, the node itself.
    pub(super) immediate: Vec<u32>,
}

impl Dominators {
    pub(super) fn of(graph: &Rows) -> Result<Self, AllocError> {
        let Visit { order, number, parent } = Visit::of(graph)?;
        let count = order.len();
        // From here on nodes are called by the order in which they were visited.
        let into = Rows::of_pairs(count, || {
            let edges =
                (0..count as u32).flat_map(|from| graph.of(order[from as usize]).iter().map(move |&to| (from, to)));
            edges.map(|(from, to)| (number[to as usize], from))
        })?;
        drop(number);
        let mut forest = Forest {
            ancestor: filled(count, NONE)?,
            label: (0..count as u32).collect(),
            semi: (0..count as u32).collect(),
            path: Vec::new(),
        };
        let (mut dominator, mut bucket, mut next) = (filled(count, 0)?, filled(count, NONE)?, filled(count, NONE)?);
        for node in (1..count as u32).rev() {
            for &from in into.of(node) {
                let best = forest.eval(from)?;
                let semi = forest.semi[best as usize].min(forest.semi[node as usize]);
                forest.semi[node as usize] = semi;
            }
            let semi = forest.semi[node as usize] as usize;
            next[node as usize] = core::mem::replace(&mut bucket[semi], node);
            let parent = parent[node as usize];
            forest.ancestor[node as usize] = parent;
            let mut waiting = core::mem::replace(&mut bucket[parent as usize], NONE);
            while waiting != NONE {
                let best = forest.eval(waiting)?;
                let is_less = forest.semi[best as usize] < forest.semi[waiting as usize];
                dominator[waiting as usize] = if is_less { best } else { parent };
                waiting = next[waiting as usize];
            }
        }
        for node in 1..count {
            if dominator[node] != forest.semi[node] {
                dominator[node] = dominator[dominator[node] as usize];
            }
        }
        let mut immediate: Vec<u32> = (0..graph.nodes() as u32).collect();
        for (node, &dominator) in dominator.iter().enumerate().skip(1) {
            immediate[order[node] as usize] = order[dominator as usize];
        }
        Ok(Dominators { order, immediate })
    }
}

/// A visit of all nodes, depth first, from node 0.
struct Visit {
    /// Nodes in the order of the visit.
    order: Vec<u32>,
    /// The place of each node in it.
    number: Vec<u32>,
    /// By places: from where each was visited.
    parent: Vec<u32>,
}

impl Visit {
    fn of(graph: &Rows) -> Result<Self, AllocError> {
        let mut visit = Visit { order: Vec::new(), number: filled(graph.nodes(), NONE)?, parent: Vec::new() };
        visit.order.try_reserve_exact(graph.nodes()).map_err(|_| AllocError::REFUSED)?;
        visit.parent.try_reserve_exact(graph.nodes()).map_err(|_| AllocError::REFUSED)?;
        // Nodes whose edges are being followed, and the next edge.
        let mut path = vec![(visit.enter(0, 0), graph.first[0])];
        while let Some((place, edge)) = path.last_mut() {
            let (from, node) = (*place, visit.order[*place as usize] as usize);
            if *edge == graph.first[node + 1] {
                path.pop();
                continue;
            }
            let to = graph.targets[*edge];
            *edge += 1;
            if visit.number[to as usize] == NONE {
                path.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
                path.push((visit.enter(to, from), graph.first[to as usize]));
            }
        }
        Ok(visit)
    }

    fn enter(&mut self, node: u32, from: u32) -> u32 {
        let place = self.order.len() as u32;
        self.number[node as usize] = place;
        self.order.push(node);
        self.parent.push(from);
        place
    }
}

/// The forest of Lengauer and Tarjan: nodes linked to their parents in the visit, paths compressed.
struct Forest {
    ancestor: Vec<u32>,
    label: Vec<u32>,
    semi: Vec<u32>,
    /// Memory for a path.
    path: Vec<u32>,
}

impl Forest {
    /// The node with the least semidominator on the way from `node` to its root in the forest, the root excluded.
    fn eval(&mut self, node: u32) -> Result<u32, AllocError> {
        let Forest { ancestor, label, semi, path } = self;
        if ancestor[node as usize] == NONE {
            return Ok(node);
        }
        let mut at = node;
        while ancestor[ancestor[at as usize] as usize] != NONE {
            path.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            path.push(at);
            at = ancestor[at as usize];
        }
        while let Some(at) = path.pop() {
            let above = ancestor[at as usize] as usize;
            if semi[label[above] as usize] < semi[label[at as usize] as usize] {
                label[at as usize] = label[above];
            }
            ancestor[at as usize] = ancestor[above];
        }
        Ok(label[node as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(nodes: usize, edges: &[(u32, u32)]) -> Rows {
        Rows::of_pairs(nodes, || edges.iter().copied()).expect("there is memory")
    }

    /// By the definition: `d` dominates `n` if `n` cannot be reached without it. The immediate one is dominated by the others.
    fn slowly(graph: &Rows) -> Vec<u32> {
        let nodes = graph.nodes() as u32;
        let reach = |without: u32| {
            let mut seen = vec![false; nodes as usize];
            let mut pending = if without == 0 { vec![] } else { vec![0] };
            while let Some(node) = pending.pop() {
                if node != without && !core::mem::replace(&mut seen[node as usize], true) {
                    pending.extend(graph.of(node));
                }
            }
            seen
        };
        let (all, without): (_, Vec<Vec<bool>>) = (reach(NONE), (0..nodes).map(reach).collect());
        let dominates = |d: u32, n: u32| d != n && all[n as usize] && !without[d as usize][n as usize];
        let immediate = |n: u32| {
            let mut candidates = (0..nodes).filter(|&d| all[d as usize] && dominates(d, n));
            candidates.find(|&d| (0..nodes).all(|other| !dominates(other, n) || other == d || dominates(other, d)))
        };
        (0..nodes).map(|n| immediate(n).unwrap_or(n)).collect()
    }

    fn check(graph: &Rows) {
        let Dominators { order, immediate } = Dominators::of(graph).expect("there is memory");
        assert_eq!(immediate, slowly(graph));
        let mut seen = vec![false; graph.nodes()];
        for &node in &order {
            assert!(node == 0 || seen[immediate[node as usize] as usize], "dominators come first");
            seen[node as usize] = true;
        }
    }

    #[test]
    fn small_graphs_by_the_definition() {
        check(&rows(1, &[]));
        check(&rows(4, &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 0)]));
        // The example of Lengauer and Tarjan's paper.
        let paper = "01 02 03 14 21 24 25 36 37 4c 58 69 7a 79 85 8b 9b a9 b9 b0 c8";
        let digit = |c: u8| (c as char).to_digit(16).expect("a digit");
        let edges: Vec<(u32, u32)> =
            paper.split(' ').map(|e| (digit(e.as_bytes()[0]), digit(e.as_bytes()[1]))).collect();
        check(&rows(13, &edges));
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let nodes = 1 + random(14);
            let edges = random(3 * nodes);
            let edges: Vec<(u32, u32)> = (0..edges).map(|_| (random(nodes) as u32, random(nodes) as u32)).collect();
            check(&rows(nodes as usize, &edges));
        }
    }

    #[test]
    fn a_long_list_that_is_in_a_table_too_takes_no_stack_and_no_square() {
        let n = 200_000;
        let list = (0..n).map(|node| (node, node + 1));
        let edges: Vec<(u32, u32)> = list.chain((1..=n).rev().map(|node| (0, node))).collect();
        let tree = Dominators::of(&rows(n as usize + 1, &edges)).expect("there is memory");
        assert!(tree.immediate.iter().all(|&dominator| dominator == 0));
        let alone: Vec<(u32, u32)> = (0..n).map(|node| (node, node + 1)).collect();
        let tree = Dominators::of(&rows(n as usize + 1, &alone)).expect("there is memory");
        assert!((1..=n).all(|node| tree.immediate[node as usize] == node - 1));
    }
}
