//! Strongly connected parts: largest sets of nodes that all reach each other.
//!
//! Tarjan's algorithm (1972), with a stack of its own: each node and each edge once.

use super::Rows;

/// Which part each node belongs to.
pub(super) struct Parts {
    /// For each node: its part.
    pub(super) of: Vec<u32>,
    /// For each part: how many nodes it has.
    pub(super) sizes: Vec<u32>,
}

impl Parts {
    /// The part with the most nodes, if one has more than one.
    pub(super) fn largest(&self) -> Option<u32> {
        let parts = 0..self.sizes.len() as u32;
        parts.max_by_key(|part| self.sizes[*part as usize]).filter(|part| self.sizes[*part as usize] > 1)
    }
}

/// The parts of what node 0 reaches, which is everything.
pub(super) fn of(rows: &Rows) -> Parts {
    const NONE: u32 = u32::MAX;
    let count = rows.nodes() as usize;
    let mut parts = Parts { of: vec![NONE; count], sizes: Vec::new() };
    // When each node was visited, from 0; and the earliest that is known to be reachable from it and open.
    let (mut visited, mut low) = (vec![NONE; count], vec![NONE; count]);
    // Nodes whose part is not known yet, in the order of their visit.
    let mut open = Vec::new();
    // Nodes whose edges are being followed, and the next edge.
    let mut path: Vec<(u32, u32)> = Vec::new();
    let mut clock = 0;
    let mut next = Some(0);
    loop {
        if let Some(node) = next.take() {
            (visited[node as usize], low[node as usize]) = (clock, clock);
            clock += 1;
            open.push(node);
            path.push((node, rows.first[node as usize]));
        }
        let Some((node, edge)) = path.last_mut() else { return parts };
        let node = *node;
        if *edge < rows.first[node as usize + 1] {
            let to = rows.targets[*edge as usize];
            *edge += 1;
            if visited[to as usize] == NONE {
                next = Some(to);
            } else if parts.of[to as usize] == NONE {
                low[node as usize] = low[node as usize].min(visited[to as usize]);
            }
            continue;
        }
        path.pop();
        if let Some((parent, _)) = path.last() {
            low[*parent as usize] = low[*parent as usize].min(low[node as usize]);
        }
        if low[node as usize] == visited[node as usize] {
            let part = parts.sizes.len() as u32;
            let begin = open.iter().rposition(|other| *other == node).expect("it is open");
            parts.sizes.push((open.len() - begin) as u32);
            open.drain(begin..).for_each(|member| parts.of[member as usize] = part);
        }
    }
}
