//! What the tests share: a node, a heap of nodes, and a source of numbers.

#![allow(dead_code, reason = "each test uses a part")]

use gc_marksweep::MarkSweep;
use heap_core::{Gc, Heap, HeapOptions, Lock, Mutator, RefLock, Rootable, Trace};

#[derive(Trace)]
pub(crate) struct Node<'gc> {
    pub(crate) value: u64,
    pub(crate) next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    pub(crate) edges: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
}

pub(crate) type NodeHeap = Heap<Rootable![Gc<'_, Node<'_>>]>;

pub(crate) fn node<'gc>(mc: &Mutator<'gc>, value: u64) -> Gc<'gc, Node<'gc>> {
    Gc::new(mc, Node { value, next: Lock::new(None), edges: RefLock::new(Vec::new()) })
}

/// Makes garbage.
pub(crate) fn litter(mc: &Mutator<'_>, count: u64) {
    for value in 0..count {
        node(mc, value);
    }
}

/// Both kinds of marking.
pub(crate) fn both() -> [MarkSweep; 2] {
    [quiet(MarkSweep::default()), quiet(MarkSweep::incremental()).with_increment_bytes(1 << 10)]
}

/// Verified after each pause, and poisoned.
pub(crate) fn checked() -> HeapOptions {
    HeapOptions::default().with_verify(true).with_poison(true)
}

pub(crate) fn heap(collector: MarkSweep) -> NodeHeap {
    NodeHeap::with_options(checked(), collector, |mc| node(mc, 0)).unwrap()
}

/// Puts nodes in front of the list under the root, the last value first.
pub(crate) fn grow(heap: &mut NodeHeap, values: core::ops::Range<u64>) {
    heap.mutate(|mc, root| {
        for value in values {
            let new = node(mc, value);
            heap_core::store!(mc, new.next, root.next.get());
            heap_core::store!(mc, root.next, Some(new));
        }
    });
}

/// The values of the list under the root.
pub(crate) fn list(heap: &mut NodeHeap) -> Vec<u64> {
    heap.mutate(|_, root| {
        let (mut values, mut at) = (Vec::new(), root.next.get());
        while let Some(node) = at {
            values.push(node.value);
            at = node.next.get();
        }
        values
    })
}

/// A small generator of pseudo-random numbers (Steele, Lea and Flood: SplitMix, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// The collector, which does not collect by itself before the program has allocated 4 MiB.
pub(crate) fn quiet(collector: MarkSweep) -> MarkSweep {
    collector.with_min_budget_bytes(4 << 20)
}
