//! `graph_mutate` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::graph_mutate::{Draws, EDGES, Parameters, Program, Rewrite};

type Slot<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

#[derive(Trace)]
struct Node<'gc> {
    id: u64,
    edges: [Slot<'gc>; EDGES],
}

impl<'gc> Node<'gc> {
    fn new(id: u64, edges: [Option<Gc<'gc, Node<'gc>>>; EDGES]) -> Self {
        Node { id, edges: edges.map(Lock::new) }
    }
}

type Root = Rootable![Gc<'_, [Slot<'_>]>];

/// The program.
pub(super) struct Graph(Measured<Root>);

impl Graph {
    /// A heap with an array without nodes.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Graph(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.nodes as usize, |_| Lock::new(None))))
    }
}

const FULL: &str = "every place of the array has a node after `create`";

impl Program for Graph {
    fn create(&mut self, ids: Range<u64>) {
        self.0.batch(|mc, array| {
            for id in ids.clone() {
                store!(mc, array[id as usize], Some(Gc::try_new(mc, Node::new(id, [None; EDGES]))?));
            }
            Ok(())
        });
    }

    fn connect(&mut self, nodes: Range<usize>, draws: &mut Draws) {
        // Allocates nothing, so it runs once.
        self.0.batch(|mc, array| {
            for index in nodes.clone() {
                let node = array[index].get().expect(FULL);
                for edge in 0..EDGES {
                    store!(mc, node => edges[edge], array[draws.node()].get());
                }
            }
            Ok(())
        });
    }

    fn rewrite(&mut self, count: u32, draws: &mut Draws) {
        // A second attempt goes on with the rewrite whose allocation failed.
        let mut left = count;
        let mut failed: Option<Rewrite> = None;
        self.0.batch(|mc, array| {
            while left > 0 {
                let rewrite = failed.take().unwrap_or_else(|| draws.rewrite());
                let Rewrite { source, edge, target, fresh } = rewrite;
                let mut to = array[target].get().expect(FULL);
                if let Some(id) = fresh {
                    let old = to;
                    let edges = [0, 1, 2, 3].map(|edge: usize| old.edges[edge].get());
                    to = match Gc::try_new(mc, Node::new(id, edges)) {
                        Ok(new) => new,
                        Err(error) => {
                            failed = Some(rewrite);
                            return Err(error);
                        }
                    };
                    for edge in 0..EDGES {
                        store!(mc, old => edges[edge], None);
                    }
                    store!(mc, array[target], Some(to));
                }
                let from = array[source].get().expect(FULL);
                store!(mc, from => edges[edge], Some(to));
                left -= 1;
            }
            Ok(())
        });
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, array| {
            let mut digest = *checksum;
            for node in array.iter().filter_map(Lock::get) {
                digest.mix(node.id);
                for target in node.edges.iter().filter_map(Lock::get) {
                    digest.mix(target.id);
                }
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
