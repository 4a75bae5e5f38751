//! `deep_list` on our heaps.

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::deep_list::Program;

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
pub(super) struct List(Measured<Root>);

impl List {
    /// An empty heap.
    pub(super) fn new(setup: &Setup) -> Self {
        List(setup.heap(|mc| Gc::try_new(mc, Kept { list: Lock::new(None) })))
    }
}

impl Program for List {
    fn build(&mut self, length: u64) {
        self.0.batch(|mc, kept| {
            let mut head = None;
            for value in 0..length {
                head = Some(Gc::try_new(mc, Node { value, next: head })?);
            }
            store!(mc, kept.list, head);
            Ok(())
        });
    }

    fn sum(&mut self, count: u64) -> u64 {
        self.0.batch(|_, kept| {
            let mut sum = 0_u64;
            let mut next = kept.list.get();
            let mut left = count;
            while let Some(node) = next.filter(|_| left > 0) {
                sum = sum.wrapping_add(node.value);
                next = node.next;
                left -= 1;
            }
            Ok(sum)
        })
    }

    fn collect(&mut self) {
        self.0.collect();
    }

    fn release(&mut self) {
        self.0.batch(|mc, kept| {
            store!(mc, kept.list, None);
            Ok(())
        });
    }
}
