//! `functional_map` on our heaps.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::functional_map::{KEPT, Parameters, Program, Update};

#[derive(Trace)]
struct Node<'gc> {
    left: Option<Gc<'gc, Node<'gc>>>,
    right: Option<Gc<'gc, Node<'gc>>>,
    value: u64,
}

type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>];

/// The program.
pub(super) struct Map {
    heap: Measured<Root>,
    depth: u32,
}

impl Map {
    /// A heap with an empty ring.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        let heap = setup.heap(|mc| Gc::try_new_slice_with(mc, KEPT, |_| Lock::new(None)));
        Map { heap, depth: parameters.depth }
    }
}

fn trie<'gc>(mc: &Mutator<'gc>, depth: u32) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    let (left, right) =
        if depth == 0 { (None, None) } else { (Some(trie(mc, depth - 1)?), Some(trie(mc, depth - 1)?)) };
    Gc::try_new(mc, Node { left, right, value: 0 })
}

/// The node with one leaf below it replaced, and the value of the leaf before.
fn updated<'gc>(
    mc: &Mutator<'gc>,
    node: Gc<'gc, Node<'gc>>,
    depth: u32,
    Update { key, value }: Update,
) -> Result<(Gc<'gc, Node<'gc>>, u64), AllocError> {
    if depth == 0 {
        return Ok((Gc::try_new(mc, Node { left: None, right: None, value })?, node.value));
    }
    let child = |child: Option<Gc<'gc, Node<'gc>>>| {
        updated(mc, child.expect("a node above the leaves has both"), depth - 1, Update { key: key >> 1, value })
    };
    let (left, right, old) = if key & 1 == 0 {
        let (left, old) = child(node.left)?;
        (Some(left), node.right, old)
    } else {
        let (right, old) = child(node.right)?;
        (node.left, Some(right), old)
    };
    Ok((Gc::try_new(mc, Node { left, right, value: 0 })?, old))
}

/// Adds value times position of the leaves below a node, of which so many are to its left.
fn sum(node: &Node<'_>, before: &mut u64) -> u64 {
    if let (Some(left), Some(right)) = (node.left, node.right) {
        let left = sum(&left, before);
        return left.wrapping_add(sum(&right, before));
    }
    *before += 1;
    node.value.wrapping_mul(*before)
}

impl Program for Map {
    fn fill(&mut self, depth: u32) {
        self.heap.batch(|mc, ring| {
            store!(mc, ring[0], Some(trie(mc, depth)?));
            Ok(())
        });
    }

    fn update(&mut self, from: usize, to: usize, updates: &[Update]) -> u64 {
        let depth = self.depth;
        self.heap.batch(|mc, ring| {
            let mut version = ring[from].get().expect("the version before");
            let mut total = 0_u64;
            for update in updates {
                let (new, old) = updated(mc, version, depth, *update)?;
                version = new;
                total = total.wrapping_add(old);
            }
            store!(mc, ring[to], Some(version));
            Ok(total)
        })
    }

    fn sum(&mut self, place: usize) -> u64 {
        self.heap.batch(|_, ring| Ok(ring[place].get().map_or(0, |version| sum(&version, &mut 0))))
    }
}
