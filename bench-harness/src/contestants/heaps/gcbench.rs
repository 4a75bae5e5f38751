//! `gcbench` on our heaps.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::gcbench::{Program, element, goes_left, path_check, sum_of_bits};

#[derive(Trace)]
struct Node<'gc> {
    left: Lock<Option<Gc<'gc, Node<'gc>>>>,
    right: Lock<Option<Gc<'gc, Node<'gc>>>>,
    i: i32,
    j: i32,
}

#[derive(Trace)]
struct Kept<'gc> {
    tree: Lock<Option<Gc<'gc, Node<'gc>>>>,
    array: Lock<Option<Gc<'gc, [f64]>>>,
}

type Root = Rootable![Gc<'_, Kept<'_>>];

/// The program.
pub(super) struct GcBench(Measured<Root>);

impl GcBench {
    /// An empty heap.
    pub(super) fn new(setup: &Setup) -> Self {
        GcBench(setup.heap(|mc| Gc::try_new(mc, Kept { tree: Lock::new(None), array: Lock::new(None) })))
    }
}

fn node<'gc>(mc: &Mutator<'gc>, height: u32, tree: u32) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    Gc::try_new(mc, Node { left: Lock::new(None), right: Lock::new(None), i: height as i32, j: tree as i32 })
}

/// Boehm's `Populate`.
fn populate<'gc>(mc: &Mutator<'gc>, parent: Gc<'gc, Node<'gc>>, depth: u32, tree: u32) -> Result<(), AllocError> {
    if depth == 0 {
        return Ok(());
    }
    let (left, right) = (node(mc, depth - 1, tree)?, node(mc, depth - 1, tree)?);
    store!(mc, parent.left, Some(left));
    store!(mc, parent.right, Some(right));
    populate(mc, left, depth - 1, tree)?;
    populate(mc, right, depth - 1, tree)
}

/// Boehm's `MakeTree`.
fn make_tree<'gc>(mc: &Mutator<'gc>, depth: u32, tree: u32) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    if depth == 0 {
        return node(mc, 0, tree);
    }
    let left = Lock::new(Some(make_tree(mc, depth - 1, tree)?));
    let right = Lock::new(Some(make_tree(mc, depth - 1, tree)?));
    Gc::try_new(mc, Node { left, right, i: depth as i32, j: tree as i32 })
}

fn top_down<'gc>(mc: &Mutator<'gc>, depth: u32, tree: u32) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    let root = node(mc, depth, tree)?;
    populate(mc, root, depth, tree)?;
    Ok(root)
}

fn path<'gc>(root: Gc<'gc, Node<'gc>>, tree: u32) -> u64 {
    let mut digest = 0;
    let mut next = Some(root);
    while let Some(node) = next {
        digest = path_check(digest, node.i, node.j);
        next = match node.i {
            0 => None,
            i if goes_left(tree, i) => node.left.get(),
            _ => node.right.get(),
        };
    }
    digest
}

fn sum(node: &Node<'_>) -> u64 {
    let below = node.left.get().into_iter().chain(node.right.get());
    below.fold(node.i as u64 + 1, |total, child| total.wrapping_add(sum(&child)))
}

impl Program for GcBench {
    fn top_down(&mut self, depth: u32, tree: u32) -> u64 {
        self.0.batch(|mc, _| Ok(path(top_down(mc, depth, tree)?, tree)))
    }

    fn bottom_up(&mut self, depth: u32, tree: u32) -> u64 {
        self.0.batch(|mc, _| Ok(path(make_tree(mc, depth, tree)?, tree)))
    }

    fn keep_tree(&mut self, depth: u32) {
        self.0.batch(|mc, kept| {
            store!(mc, kept.tree, Some(top_down(mc, depth, 0)?));
            Ok(())
        });
    }

    fn keep_array(&mut self, len: usize) {
        self.0.batch(|mc, kept| {
            let array = Gc::try_new_slice_with(mc, len, |k| element(k, len))?;
            store!(mc, kept.array, Some(array));
            Ok(())
        });
    }

    fn check_tree(&mut self) -> u64 {
        self.0.batch(|_, kept| Ok(kept.tree.get().map_or(0, |tree| sum(&tree))))
    }

    fn check_array(&mut self) -> u64 {
        self.0.batch(|_, kept| Ok(kept.array.get().map_or(0, |array| sum_of_bits(&array))))
    }
}
