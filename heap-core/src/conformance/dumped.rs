//! Reads what [`Heap::dump`](crate::Heap::dump) writes, as far as the kit needs it: to compare with the model.
//!
//! For text of exactly that form, no more; that others read it too is tested with a reader of somebody else's.

use std::collections::HashMap;

/// An object of a dump.
pub(super) struct Node {
    pub(super) name: String,
    /// Where its payload is, in bytes from the beginning of the heap's addresses.
    pub(super) offset: usize,
    pub(super) bytes: u64,
    /// Type and name of each edge, and the number of the node that it leads to.
    pub(super) edges: Vec<(u64, String, usize)>,
}

/// A dump: node 0 has an edge for each root.
pub(super) struct Dumped {
    pub(super) nodes: Vec<Node>,
    pub(super) by_offset: HashMap<usize, usize>,
}

/// The types of edges that are told apart here.
pub(super) const ELEMENT: u64 = 1;
pub(super) const WEAK: u64 = 6;

impl Dumped {
    /// Reads a dump.
    ///
    /// # Panics
    /// When it is none.
    pub(super) fn read(file: &[u8]) -> Self {
        let text = std::str::from_utf8(file).expect("text");
        let (nodes, edges) = (integers(text, "nodes"), integers(text, "edges"));
        assert_eq!((nodes.len() % 7, edges.len() % 3), (0, 0), "rows are complete");
        let claim = |what: &str| -> usize {
            let (_, rest) = text.split_once(&format!("\"{what}\":")).expect("the head says how many there are");
            rest[..rest.find(',').expect("something follows")].parse().expect("a number")
        };
        assert_eq!((claim("node_count"), claim("edge_count")), (nodes.len() / 7, edges.len() / 3));
        let strings: Vec<&str> =
            text.split_once("\"strings\":[").expect("strings").1.split('"').skip(1).step_by(2).collect();
        let mut rest = edges.chunks(3).map(|edge| {
            let name = if edge[0] == ELEMENT { format!("[{}]", edge[1]) } else { strings[edge[1] as usize].into() };
            assert!(edge[2] % 7 == 0 && edge[2] < nodes.len() as u64, "an edge leads to the beginning of a row");
            (edge[0], name, edge[2] as usize / 7)
        });
        let node = |row: &[u64]| Node {
            name: strings[row[1] as usize].into(),
            offset: (row[2] as usize).saturating_sub(3) * 4,
            bytes: row[3],
            edges: rest.by_ref().take(row[4] as usize).collect(),
        };
        let nodes: Vec<Node> = nodes.chunks(7).map(node).collect();
        assert!(rest.next().is_none(), "every edge belongs to a node");
        let by_offset: HashMap<usize, usize> = (1..nodes.len()).map(|number| (nodes[number].offset, number)).collect();
        assert_eq!(by_offset.len() + 1, nodes.len(), "no two objects are in one place");
        Dumped { nodes, by_offset }
    }
}

fn integers(text: &str, array: &str) -> Vec<u64> {
    let (_, rest) = text.split_once(&format!("\"{array}\":[")).expect("the array is there");
    let list = &rest[..rest.find(']').expect("it ends")];
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.parse().expect("a number")).collect()
}
