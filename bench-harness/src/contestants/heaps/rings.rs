//! `rings` on our heaps.

use std::ops::Range;

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::rings::{KEEP_ONE_OF, Parameters, Program, is_kept, step, values};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    prev: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type Kept<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

type Root = Rootable![Gc<'_, [Kept<'_>]>];

/// The program.
pub(super) struct Rings(Measured<Root>);

impl Rings {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Rings(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.kept() as usize, |_| Lock::new(None))))
    }
}

fn ring<'gc>(mc: &Mutator<'gc>, mut values: Range<u64>) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    let node = |value, prev| Gc::try_new(mc, Node { value, next: Lock::new(None), prev: Lock::new(prev) });
    let first = node(values.next().unwrap_or(0), None)?;
    let mut last = first;
    for value in values {
        let next = node(value, Some(last))?;
        store!(mc, last.next, Some(next));
        last = next;
    }
    store!(mc, last.next, Some(first));
    store!(mc, first.prev, Some(last));
    Ok(first)
}

/// The digest of one round, by whichever link.
fn round<'gc>(first: Gc<'gc, Node<'gc>>, link: impl Fn(&Node<'gc>) -> Option<Gc<'gc, Node<'gc>>>) -> u64 {
    let mut digest = 0;
    let mut next = Some(first);
    while let Some(node) = next {
        digest = step(digest, node.value);
        next = link(&node).filter(|&next| !Gc::ptr_eq(next, first));
    }
    digest
}

impl Program for Rings {
    fn build(&mut self, rings: Range<u64>) -> u64 {
        self.0.batch(|mc, kept| {
            let mut sum = 0_u64;
            for number in rings.clone() {
                let first = ring(mc, values(number))?;
                sum = sum.wrapping_add(first.prev.get().map_or(0, |last| last.value));
                if is_kept(number) {
                    store!(mc, kept[(number / KEEP_ONE_OF) as usize], Some(first));
                }
            }
            Ok(sum)
        })
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, kept| {
            let mut digest = *checksum;
            for first in kept.iter().filter_map(Lock::get) {
                digest.mix(round(first, |node| node.next.get()));
                digest.mix(round(first, |node| node.prev.get()));
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
