//! `many_heaps` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::many_heaps::{Parameters, Program};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

#[derive(Trace)]
struct Kept<'gc> {
    list: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type Root = Rootable![Gc<'_, Kept<'_>>];

/// The program.
pub(super) struct Heaps {
    setup: Setup,
    heaps: Vec<Option<Measured<Root>>>,
}

impl Heaps {
    /// No heap yet.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Heaps { setup: setup.clone(), heaps: (0..parameters.alive).map(|_| None).collect() }
    }
}

impl Program for Heaps {
    fn renew(&mut self, slot: usize, values: Range<u64>) -> u64 {
        self.heaps[slot] = None;
        let heap = self.heaps[slot].insert(self.setup.heap(|mc| Gc::try_new(mc, Kept { list: Lock::new(None) })));
        heap.batch(|mc, kept| {
            let mut head = None;
            for value in values.clone() {
                head = Some(Gc::try_new(mc, Node { value, next: head })?);
            }
            store!(mc, kept.list, head);
            Ok(())
        });
        let sum = heap.batch(|_, kept| {
            let mut sum = 0_u64;
            let mut next = kept.list.get();
            while let Some(node) = next {
                sum = sum.wrapping_add(node.value);
                next = node.next;
            }
            Ok(sum)
        });
        heap.note_peak();
        sum
    }
}
