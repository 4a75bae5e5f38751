//! `list_churn` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::list_churn::{Parameters, Program};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

type Head<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

type Root = Rootable![Gc<'_, [Head<'_>]>];

/// The program.
pub(super) struct Lists(Measured<Root>);

impl Lists {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Lists(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.lists as usize, |_| Lock::new(None))))
    }
}

impl Program for Lists {
    fn replace(&mut self, slot: usize, values: Range<u64>) -> Option<u64> {
        self.0.batch(|mc, table| {
            let old = table[slot].get().map(|head| head.value);
            let mut head = None;
            for value in values.clone() {
                head = Some(Gc::try_new(mc, Node { value, next: head })?);
            }
            store!(mc, table[slot], head);
            Ok(old)
        })
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, table| {
            let mut digest = *checksum;
            for head in table.iter() {
                let mut sum = 0_u64;
                let mut next = head.get();
                while let Some(node) = next {
                    sum = sum.wrapping_add(node.value);
                    next = node.next;
                }
                digest.mix(sum);
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
