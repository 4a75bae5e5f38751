//! `retain` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::retain::{Parameters, Program, value};

#[derive(Trace)]
struct Record<'gc> {
    key: u64,
    value: u64,
    next: Option<Gc<'gc, Record<'gc>>>,
}

type Chain<'gc> = Lock<Option<Gc<'gc, Record<'gc>>>>;

type Root = Rootable![Gc<'_, [Chain<'_>]>];

/// The program.
pub(super) struct Records {
    heap: Measured<Root>,
    parameters: Parameters,
}

impl Records {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Records {
            heap: setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.buckets, |_| Lock::new(None))),
            parameters,
        }
    }
}

impl Program for Records {
    fn insert(&mut self, mut keys: Range<u64>) {
        // A second attempt goes on with the key whose record did not fit.
        let parameters = self.parameters;
        self.heap.batch(|mc, table| {
            while keys.start < keys.end {
                let key = keys.start;
                let bucket = parameters.bucket(key);
                let record = Gc::try_new(mc, Record { key, value: value(key), next: table[bucket].get() })?;
                store!(mc, table[bucket], Some(record));
                keys.start += 1;
            }
            Ok(())
        });
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.heap.batch(|_, table| {
            let mut digest = *checksum;
            for chain in table.iter() {
                let mut sum = 0_u64;
                let mut next = chain.get();
                while let Some(record) = next {
                    sum = sum.wrapping_add(record.key).wrapping_add(record.value);
                    next = record.next;
                }
                digest.mix(sum);
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
