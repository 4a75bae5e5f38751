//! Immediate dominators: for each node the one node through which every path from the roots leads to it.
//!
//! Lengauer and Tarjan (1979) in the simple form, with path compression: the time is that of the edges times a logarithm
//! whatever the graph looks like. Iterations over sets (Cooper, Harvey and Kennedy, which petgraph has) are quadratic on
//! shapes that heaps have: a long list whose elements are also in a table.

use super::Rows;

const NONE: u32 = u32::MAX;

/// The tree in which each node hangs below its immediate dominator.
pub(super) struct Tree {
    /// For each node; node 0 is its own.
    pub(super) immediate: Vec<u32>,
    /// All nodes, each behind its dominator.
    order: Vec<u32>,
}

impl Tree {
    /// For each node the sum of sizes over all that it dominates, itself included. Node 0 has no size of its own.
    pub(super) fn sum(&self, rows: &Rows, size: impl Fn(u32) -> u64) -> Vec<u64> {
        let mut sums: Vec<u64> = (0..rows.nodes()).map(|node| if node == 0 { 0 } else { size(node) }).collect();
        for node in self.order[1..].iter().rev() {
            let above = self.immediate[*node as usize] as usize;
            sums[above] = sums[above].saturating_add(sums[*node as usize]);
        }
        sums
    }
}

/// The dominators of what node 0 reaches, which is everything.
pub(super) fn of(rows: &Rows) -> Tree {
    let count = rows.nodes() as usize;
    let (order, number, parent) = visit(rows);
    // From here on nodes are called by the time of their visit. Edges by their target:
    let mut first = vec![0_u32; count + 1];
    rows.targets.iter().for_each(|to| first[number[*to as usize] as usize + 1] += 1);
    for node in 0..count {
        first[node + 1] += first[node];
    }
    let mut fill = first.clone();
    let mut sources = vec![0_u32; rows.targets.len()];
    for (time, &node) in (0..).zip(&order) {
        for to in rows.of(node) {
            let place = &mut fill[number[*to as usize] as usize];
            sources[*place as usize] = time;
            *place += 1;
        }
    }
    drop((fill, number));

    let times = || 0..count as u32;
    let mut forest =
        Forest { above: vec![NONE; count], best: times().collect(), semi: times().collect(), path: Vec::new() };
    // The dominator of each, at first relative to its semidominator. Below each semidominator a list of who has it.
    let (mut dominator, mut head, mut next) = (vec![0_u32; count], vec![NONE; count], vec![NONE; count]);
    for node in (1..count).rev() {
        for &source in &sources[first[node] as usize..first[node + 1] as usize] {
            let best = forest.best_above(source);
            forest.semi[node] = forest.semi[node].min(forest.semi[best as usize]);
        }
        let semi = forest.semi[node] as usize;
        next[node] = std::mem::replace(&mut head[semi], node as u32);
        forest.above[node] = parent[node];
        let mut waiting = std::mem::replace(&mut head[parent[node] as usize], NONE);
        while waiting != NONE {
            let best = forest.best_above(waiting);
            let is_earlier = forest.semi[best as usize] < forest.semi[waiting as usize];
            dominator[waiting as usize] = if is_earlier { best } else { parent[node] };
            waiting = next[waiting as usize];
        }
    }
    for node in 1..count {
        if dominator[node] != forest.semi[node] {
            dominator[node] = dominator[dominator[node] as usize];
        }
    }
    let mut immediate = vec![0; count];
    for node in 1..count {
        immediate[order[node] as usize] = order[dominator[node] as usize];
    }
    Tree { immediate, order }
}

/// All nodes in the order of a search in depth from node 0; the time at which each is visited; by times, from where.
fn visit(rows: &Rows) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let count = rows.nodes() as usize;
    let (mut order, mut number, mut parent) = (vec![0], vec![NONE; count], vec![0]);
    number[0] = 0;
    let mut path = vec![(0_u32, rows.first[0])];
    while let Some((node, edge)) = path.last_mut() {
        if *edge == rows.first[*node as usize + 1] {
            path.pop();
            continue;
        }
        let (from, to) = (number[*node as usize], rows.targets[*edge as usize]);
        *edge += 1;
        if number[to as usize] == NONE {
            number[to as usize] = order.len() as u32;
            order.push(to);
            parent.push(from);
            path.push((to, rows.first[to as usize]));
        }
    }
    (order, number, parent)
}

/// The part of the search's tree that was handled, with shortcuts.
struct Forest {
    /// An ancestor of each handled node.
    above: Vec<u32>,
    /// The node with the earliest semidominator on the way there.
    best: Vec<u32>,
    semi: Vec<u32>,
    /// Scratch: the way up.
    path: Vec<u32>,
}

impl Forest {
    /// The node with the earliest semidominator among `node` and those above it that were handled.
    fn best_above(&mut self, node: u32) -> u32 {
        if self.above[node as usize] == NONE {
            return node;
        }
        let mut at = node;
        while self.above[self.above[at as usize] as usize] != NONE {
            self.path.push(at);
            at = self.above[at as usize];
        }
        // From the top down: each takes over what is above it, and a shortcut.
        while let Some(node) = self.path.pop() {
            let above = self.above[node as usize];
            if self.semi[self.best[above as usize] as usize] < self.semi[self.best[node as usize] as usize] {
                self.best[node as usize] = self.best[above as usize];
            }
            self.above[node as usize] = self.above[above as usize];
        }
        self.best[node as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node dominates another if removing it leaves the other out of reach.
    #[test]
    fn removing_a_dominator_cuts_off() {
        let mut state = 1_u64;
        let mut random = move |below: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32 % below
        };
        let mut chains = 0;
        for case in 0..200 {
            let count = 2 + case % 14;
            let mut rows = Rows { first: vec![0], targets: Vec::new() };
            for node in 0..count {
                // Everything is reachable: each leads to the next one or has it from an earlier one.
                if node + 1 < count {
                    rows.targets.push(node + 1);
                }
                for _ in 0..random(3) {
                    rows.targets.push(random(count));
                }
                rows.first.push(rows.targets.len() as u32);
            }
            let tree = of(&rows);
            let reached_without = |removed: u32| {
                let mut reached = vec![false; count as usize];
                let mut pending = vec![0];
                while let Some(node) = pending.pop() {
                    if node != removed && !std::mem::replace(&mut reached[node as usize], true) {
                        pending.extend(rows.of(node));
                    }
                }
                reached
            };
            for removed in 1..count {
                let reached = reached_without(removed);
                for node in 1..count {
                    let mut above = node;
                    while above != removed && above != 0 {
                        above = tree.immediate[above as usize];
                    }
                    assert_eq!(above == removed, !reached[node as usize], "case {case}: {removed} above {node}");
                    chains += u32::from(above == removed && node != removed);
                }
            }
        }
        assert!(chains > 1_000, "{chains}");
    }
}
