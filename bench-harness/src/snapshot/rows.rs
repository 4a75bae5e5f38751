//! From a flat array of integers to columns.
//!
//! V8 writes `snapshot`, which says what the integers mean, before `nodes` and `edges`. Then every integer goes straight
//! to its column or is dropped, and nothing but the columns is ever held. JSON promises no order, though. Integers that
//! come before their meaning are parked, one to ten bytes each (seven bits per byte, lowest first, as in LEB128), and
//! sent through the same columns later. An integer never takes more bytes there than its digits took in the text.
//!
//! No capacity is taken from a declared count for the same reason: columns grow with what was read.

use super::error::SnapshotError;
use super::graph::SnapshotGraph;
use super::layout::{Claims, EdgeLayout, NodeLayout};

/// Where the integers of one array go, one after the other.
pub(super) trait Rows {
    /// The array's name.
    const ARRAY: &'static str;

    fn push(&mut self, value: u64) -> Result<(), SnapshotError>;
}

/// Integers whose meaning is not known yet.
#[derive(Default)]
pub(super) struct Parked {
    bytes: Vec<u8>,
}

impl Parked {
    pub(super) fn push(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Sends all integers to `rows` in the order in which they were parked.
    pub(super) fn replay(self, rows: &mut impl Rows) -> Result<(), SnapshotError> {
        let (mut value, mut shift) = (0, 0);
        for byte in self.bytes {
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                rows.push(value)?;
                (value, shift) = (0, 0);
            }
        }
        Ok(())
    }
}

/// Where in its rows an array stands.
struct Position {
    array: &'static str,
    /// Integers per row, at least 1.
    width: usize,
    /// The position in the row that is being read, below `width`.
    at: usize,
    /// Complete rows.
    rows: u64,
}

impl Position {
    fn new(array: &'static str, width: usize) -> Self {
        Self { array, width, at: 0, rows: 0 }
    }

    /// Steps to the next integer. Was this one the last of its row?
    #[inline]
    fn advance(&mut self) -> bool {
        self.at += 1;
        let complete = self.at == self.width;
        if complete {
            self.at = 0;
            self.rows += 1;
        }
        complete
    }

    /// Something is wrong with the integer at this position.
    fn wrong(&self, problem: String) -> SnapshotError {
        SnapshotError::Value { array: self.array, index: self.rows * self.width as u64 + self.at as u64, problem }
    }

    fn unknown_type(&self, value: u64, known: usize) -> SnapshotError {
        self.wrong(format!("type {value} is not one of the {known} types that meta lists"))
    }

    /// The number of rows, if the array ends here.
    fn finish(&self) -> Result<u64, SnapshotError> {
        if self.at == 0 {
            return Ok(self.rows);
        }
        Err(self.wrong(format!("the array ends here, inside a row of {} integers", self.width)))
    }
}

/// The columns of `nodes`.
pub(super) struct NodeRows {
    layout: NodeLayout,
    position: Position,
    types: Vec<u8>,
    self_sizes: Vec<u64>,
    /// Where the edges of each node begin, and last where they end.
    offsets: Vec<u32>,
}

impl NodeRows {
    pub(super) fn new(layout: NodeLayout) -> Self {
        Self {
            position: Position::new(Self::ARRAY, layout.width),
            layout,
            types: Vec::new(),
            self_sizes: Vec::new(),
            offsets: vec![0],
        }
    }
}

impl Rows for NodeRows {
    const ARRAY: &'static str = "nodes";

    #[inline]
    fn push(&mut self, value: u64) -> Result<(), SnapshotError> {
        let at = self.position.at;
        if at == self.layout.type_at {
            let known = self.layout.type_names.len();
            if value >= known as u64 && !self.layout.is_unlisted_v8_type(value) {
                return Err(self.position.unknown_type(value, known));
            }
            self.types.push(value as u8);
        } else if at == self.layout.self_size_at {
            self.self_sizes.push(value);
        } else if at == self.layout.edge_count_at {
            let begin = self.offsets[self.offsets.len() - 1];
            let end = u32::try_from(value).ok().and_then(|count| begin.checked_add(count)).ok_or_else(|| {
                self.position.wrong(format!("an edge_count of {value} is more than 32-bit numbers can count"))
            })?;
            self.offsets.push(end);
        }
        if self.position.advance() && self.position.rows >= u64::from(u32::MAX) {
            return Err(self.position.wrong("there are more nodes than 32-bit numbers can count".into()));
        }
        Ok(())
    }
}

/// The columns of `edges`.
pub(super) struct EdgeRows {
    layout: EdgeLayout,
    position: Position,
    /// The weak bit of the row that is being read: its fields may come in any order.
    is_weak: bool,
    targets: Vec<u32>,
    weak: Vec<u64>,
}

impl EdgeRows {
    pub(super) fn new(layout: EdgeLayout) -> Self {
        Self {
            position: Position::new(Self::ARRAY, layout.width),
            layout,
            is_weak: false,
            targets: Vec::new(),
            weak: Vec::new(),
        }
    }

    fn target(&self, to_node: u64) -> Result<u32, SnapshotError> {
        let width = self.layout.node_width as u64;
        if !to_node.is_multiple_of(width) {
            return Err(self
                .position
                .wrong(format!("to_node {to_node} is not a multiple of {width}, the number of fields of a node")));
        }
        u32::try_from(to_node / width)
            .map_err(|_| self.position.wrong(format!("to_node {to_node} is more than 32-bit numbers can count")))
    }

    /// Every target is one of `node_count` nodes.
    fn check_targets(&self, node_count: u64) -> Result<(), SnapshotError> {
        let outside = |to: &u32| u64::from(*to) >= node_count;
        let Some(row) = self.targets.iter().position(outside) else {
            return Ok(());
        };
        let to_node = u64::from(self.targets[row]) * self.layout.node_width as u64;
        let place = Position { at: self.layout.to_node_at, rows: row as u64, ..self.position };
        Err(place.wrong(format!("to_node {to_node} lies behind the last of the {node_count} nodes")))
    }
}

impl Rows for EdgeRows {
    const ARRAY: &'static str = "edges";

    #[inline]
    fn push(&mut self, value: u64) -> Result<(), SnapshotError> {
        let at = self.position.at;
        if at == self.layout.type_at {
            let known = &self.layout.is_weak;
            let index = usize::try_from(value).unwrap_or(usize::MAX);
            self.is_weak = *known.get(index).ok_or_else(|| self.position.unknown_type(value, known.len()))?;
        } else if at == self.layout.to_node_at {
            let target = self.target(value)?;
            self.targets.push(target);
        }
        if self.position.advance() {
            let edge = self.position.rows - 1;
            if edge.is_multiple_of(64) {
                self.weak.push(0);
            }
            if let Some(word) = self.weak.last_mut() {
                *word |= u64::from(self.is_weak) << (edge % 64);
            }
        }
        Ok(())
    }
}

/// Joins the columns, after the checks that need both arrays: counts agree, and every edge leads to a node.
pub(super) fn join(nodes: NodeRows, edges: EdgeRows, claims: Claims) -> Result<SnapshotGraph, SnapshotError> {
    let node_count = nodes.position.finish()?;
    let edge_count = edges.position.finish()?;
    if node_count == 0 {
        return Err(SnapshotError::Missing { what: "nodes[0]" });
    }
    agree("snapshot.node_count", claims.nodes, node_count, "nodes")?;
    agree("snapshot.edge_count", claims.edges, edge_count, "edges")?;
    let sum = nodes.offsets.last().map(|end| u64::from(*end));
    agree("the sum of all edge_count", sum, edge_count, "edges")?;
    edges.check_targets(node_count)?;

    let width = nodes.layout.width as u64;
    let root = claims.root / width;
    if !claims.root.is_multiple_of(width) || root >= node_count {
        let problem = format!("root_index {} is not where one of the {node_count} nodes begins", claims.root);
        return Err(SnapshotError::Meta { problem });
    }

    let mut graph = SnapshotGraph {
        root: root as u32,
        types: nodes.types,
        type_names: nodes.layout.type_names,
        self_sizes: nodes.self_sizes,
        offsets: nodes.offsets,
        targets: edges.targets,
        weak: edges.weak,
    };
    graph.types.shrink_to_fit();
    graph.self_sizes.shrink_to_fit();
    graph.offsets.shrink_to_fit();
    graph.targets.shrink_to_fit();
    graph.weak.shrink_to_fit();
    Ok(graph)
}

fn agree(claim: &'static str, claimed: Option<u64>, found: u64, unit: &'static str) -> Result<(), SnapshotError> {
    match claimed {
        Some(claimed) if claimed != found => Err(SnapshotError::Mismatch { claim, claimed, found, unit }),
        _ => Ok(()),
    }
}
