//! `binary_trees` on our heaps. A node's fields never change, so they need no lock.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::binary_trees::Program;

#[derive(Trace)]
struct Node<'gc> {
    left: Option<Gc<'gc, Node<'gc>>>,
    right: Option<Gc<'gc, Node<'gc>>>,
}

#[derive(Trace)]
struct Kept<'gc> {
    tree: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type Root = Rootable![Gc<'_, Kept<'_>>];

/// The program.
pub(super) struct Trees(Measured<Root>);

impl Trees {
    /// An empty heap.
    pub(super) fn new(setup: &Setup) -> Self {
        Trees(setup.heap(|mc| Gc::try_new(mc, Kept { tree: Lock::new(None) })))
    }
}

fn build<'gc>(mc: &Mutator<'gc>, depth: u32) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    let (left, right) =
        if depth == 0 { (None, None) } else { (Some(build(mc, depth - 1)?), Some(build(mc, depth - 1)?)) };
    Gc::try_new(mc, Node { left, right })
}

fn count(node: &Node<'_>) -> u64 {
    1 + node.left.map_or(0, |left| count(&left)) + node.right.map_or(0, |right| count(&right))
}

impl Program for Trees {
    fn short_lived(&mut self, depth: u32) -> u64 {
        self.0.batch(|mc, _| Ok(count(&*build(mc, depth)?)))
    }

    fn keep(&mut self, depth: u32) {
        self.0.batch(|mc, kept| {
            store!(mc, kept.tree, Some(build(mc, depth)?));
            Ok(())
        });
    }

    fn count_kept(&mut self) -> u64 {
        self.0.batch(|_, kept| Ok(kept.tree.get().map_or(0, |tree| count(&tree))))
    }
}
