//! `splay` on our heaps.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::splay::{DEPTH, Program, values};

#[derive(Trace)]
struct Branch<'gc> {
    left: Option<Gc<'gc, Branch<'gc>>>,
    right: Option<Gc<'gc, Branch<'gc>>>,
    values: [u64; 2],
}

#[derive(Trace)]
struct Node<'gc> {
    key: u64,
    left: Link<'gc>,
    right: Link<'gc>,
    payload: Gc<'gc, Branch<'gc>>,
}

type Tree<'gc> = Option<Gc<'gc, Node<'gc>>>;
type Link<'gc> = Lock<Tree<'gc>>;

#[derive(Trace)]
struct Kept<'gc> {
    tree: Link<'gc>,
}

type Root = Rootable![Gc<'_, Kept<'_>>];

/// The program.
pub(super) struct Splay(Measured<Root>);

impl Splay {
    /// An empty heap.
    pub(super) fn new(setup: &Setup) -> Self {
        Splay(setup.heap(|mc| Gc::try_new(mc, Kept { tree: Lock::new(None) })))
    }
}

fn payload<'gc>(mc: &Mutator<'gc>, depth: u32, key: u64) -> Result<Gc<'gc, Branch<'gc>>, AllocError> {
    let (left, right) = if depth == 0 {
        (None, None)
    } else {
        (Some(payload(mc, depth - 1, key)?), Some(payload(mc, depth - 1, key)?))
    };
    Gc::try_new(mc, Branch { left, right, values: values(key) })
}

fn sum(branch: &Branch<'_>) -> u64 {
    let kids = [branch.left, branch.right].into_iter().flatten();
    let own = branch.values[0].wrapping_add(branch.values[1]);
    kids.fold(own, |total, kid| total.wrapping_add(sum(&kid)))
}

/// The tree with the node that has the key, or the last one on the way to it, at the root (top-down splaying).
fn splay<'gc>(mc: &Mutator<'gc>, root: Gc<'gc, Node<'gc>>, key: u64) -> Gc<'gc, Node<'gc>> {
    let mut node = root;
    // Trees of what is less and of what is greater, and the node below which the next part is hung.
    let (mut less, mut greater): (Tree<'gc>, Tree<'gc>) = (None, None);
    let (mut less_end, mut greater_end): (Tree<'gc>, Tree<'gc>) = (None, None);
    loop {
        if key < node.key {
            let Some(mut child) = node.left.get() else { break };
            if key < child.key {
                store!(mc, node.left, child.right.get());
                store!(mc, child.right, Some(node));
                node = child;
                match node.left.get() {
                    Some(next) => child = next,
                    None => break,
                }
            }
            match greater_end {
                Some(end) => store!(mc, end.left, Some(node)),
                None => greater = Some(node),
            }
            greater_end = Some(node);
            node = child;
        } else if key > node.key {
            let Some(mut child) = node.right.get() else { break };
            if key > child.key {
                store!(mc, node.right, child.left.get());
                store!(mc, child.left, Some(node));
                node = child;
                match node.right.get() {
                    Some(next) => child = next,
                    None => break,
                }
            }
            match less_end {
                Some(end) => store!(mc, end.right, Some(node)),
                None => less = Some(node),
            }
            less_end = Some(node);
            node = child;
        } else {
            break;
        }
    }
    let (left, right) = (node.left.get(), node.right.get());
    match less_end {
        Some(end) => store!(mc, end.right, left),
        None => less = left,
    }
    match greater_end {
        Some(end) => store!(mc, end.left, right),
        None => greater = right,
    }
    store!(mc, node.left, less);
    store!(mc, node.right, greater);
    node
}

/// Inserts a node, which becomes the root. Nothing is changed before everything is allocated.
fn insert<'gc>(mc: &Mutator<'gc>, kept: Gc<'gc, Kept<'gc>>, key: u64) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    let payload = payload(mc, DEPTH, key)?;
    let node = Gc::try_new(mc, Node { key, left: Lock::new(None), right: Lock::new(None), payload })?;
    if let Some(root) = kept.tree.get() {
        let root = splay(mc, root, key);
        if key < root.key {
            store!(mc, node.left, root.left.get());
            store!(mc, node.right, Some(root));
            store!(mc, root.left, None);
        } else {
            store!(mc, node.right, root.right.get());
            store!(mc, node.left, Some(root));
            store!(mc, root.right, None);
        }
    }
    store!(mc, kept.tree, Some(node));
    Ok(node)
}

/// Removes the node with the greatest key below that of the root, or the root if there is none, and returns it.
fn remove_below<'gc>(mc: &Mutator<'gc>, kept: Gc<'gc, Kept<'gc>>, root: Gc<'gc, Node<'gc>>) -> Gc<'gc, Node<'gc>> {
    match root.left.get() {
        Some(left) => {
            let greatest = splay(mc, left, root.key);
            store!(mc, root.left, greatest.left.get());
            greatest
        }
        None => {
            store!(mc, kept.tree, root.right.get());
            root
        }
    }
}

impl Program for Splay {
    fn insert(&mut self, keys: &[u64]) {
        // A second attempt goes on with the key whose node did not fit.
        let mut done = 0;
        self.0.batch(|mc, kept| {
            while done < keys.len() {
                insert(mc, *kept, keys[done])?;
                done += 1;
            }
            Ok(())
        });
    }

    fn exchange(&mut self, keys: &[u64]) -> u64 {
        let (mut done, mut total) = (0, 0_u64);
        self.0.batch(|mc, kept| {
            while done < keys.len() {
                let root = insert(mc, *kept, keys[done])?;
                total = total.wrapping_add(sum(&remove_below(mc, *kept, root).payload));
                done += 1;
            }
            Ok(())
        });
        total
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, kept| {
            let mut digest = *checksum;
            let (mut next, mut path) = (kept.tree.get(), Vec::new());
            loop {
                if let Some(node) = next {
                    path.push(node);
                    next = node.left.get();
                } else if let Some(node) = path.pop() {
                    digest.mix(node.key);
                    next = node.right.get();
                } else {
                    return Ok(digest);
                }
            }
        });
        *checksum = digest;
    }
}
