//! `interleaved` on our heaps.

use std::hint::black_box;
use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::interleaved::{KEEP_ONE_OF, Parameters, Program, check};

#[derive(Trace)]
struct Node {
    id: u64,
    check: u64,
}

type Slot<'gc> = Lock<Option<Gc<'gc, Node>>>;

type Root = Rootable![Gc<'_, [Slot<'_>]>];

/// The program.
pub(super) struct Nodes(Measured<Root>);

impl Nodes {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Nodes(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.kept() as usize, |_| Lock::new(None))))
    }
}

impl Program for Nodes {
    fn build(&mut self, ids: Range<u64>) {
        self.0.batch(|mc, table| {
            for id in ids.clone() {
                let node = Gc::try_new(mc, Node { id, check: check(id) })?;
                black_box(&*node);
                if id.is_multiple_of(KEEP_ONE_OF) {
                    store!(mc, table[(id / KEEP_ONE_OF) as usize], Some(node));
                }
            }
            Ok(())
        });
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, table| {
            let mut digest = *checksum;
            for node in table.iter().filter_map(Lock::get) {
                digest.mix(node.id.wrapping_add(node.check));
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
