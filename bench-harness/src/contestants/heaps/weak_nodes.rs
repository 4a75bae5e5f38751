//! `weak_nodes` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Mutator, Rootable, Trace, Weak, store};

use super::heap::{Measured, Setup};
use crate::workloads::weak_nodes::{Draws, Parameters, Program};

#[derive(Trace)]
struct Node<'gc> {
    id: u64,
    next: Lock<Option<Weak<'gc, Node<'gc>>>>,
}

type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>];

/// The program.
pub(super) struct Nodes {
    heap: Measured<Root>,
    nodes: usize,
}

impl Nodes {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        let nodes = parameters.nodes as usize;
        Nodes { heap: setup.heap(|mc| Gc::try_new_slice_with(mc, nodes, |_| Lock::new(None))), nodes }
    }
}

/// The id of the node that this one knows.
fn id_of_next<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) -> u64 {
    node.next.get().and_then(|next| next.upgrade(mc)).map_or(u64::MAX, |next| next.id)
}

const FULL: &str = "every place of the table has a node after `fill`";

impl Program for Nodes {
    fn fill(&mut self, mut ids: Range<u64>) {
        let last = self.nodes - 1;
        self.heap.batch(|mc, table| {
            while ids.start < ids.end {
                let (id, place) = (ids.start, ids.start as usize);
                let node = Gc::try_new(mc, Node { id, next: Lock::new(None) })?;
                let weak = Gc::try_downgrade(node, mc)?;
                if place == last {
                    let first = table[0].get().unwrap_or(node);
                    let first = Gc::try_downgrade(first, mc)?;
                    store!(mc, node.next, Some(first));
                }
                if let Some(before) = place.checked_sub(1).and_then(|before| table[before].get()) {
                    store!(mc, before.next, Some(weak));
                }
                store!(mc, table[place], Some(node));
                ids.start += 1;
            }
            Ok(())
        });
    }

    fn replace(&mut self, count: u64, draws: &mut Draws) -> u64 {
        // A second attempt goes on with the node that did not fit.
        let (nodes, mut left, mut sum) = (self.nodes, count, 0_u64);
        let mut failed = None;
        self.heap.batch(|mc, table| {
            while left > 0 {
                let replacement = failed.take().unwrap_or_else(|| draws.replacement());
                let (place, id) = replacement;
                let old = table[place].get().expect(FULL);
                let before = table[(place + nodes - 1) % nodes].get().expect(FULL);
                let made = Gc::try_new(mc, Node { id, next: Lock::new(old.next.get()) })
                    .and_then(|node| Ok((node, Gc::try_downgrade(node, mc)?)));
                let (node, weak) = match made {
                    Ok(made) => made,
                    Err(error) => {
                        failed = Some(replacement);
                        return Err(error);
                    }
                };
                store!(mc, before.next, Some(weak));
                store!(mc, table[place], Some(node));
                sum = sum.wrapping_add(id_of_next(mc, before)).wrapping_add(id_of_next(mc, node));
                left -= 1;
            }
            Ok(())
        });
        sum
    }
}
