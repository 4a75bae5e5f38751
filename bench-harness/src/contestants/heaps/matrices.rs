//! `matrices` on our heaps.

use heap_core::{Gc, Lock, Rootable, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::matrices::{Parameters, Program, Round, digest, sum_of_bits};

type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, [f64]>>>]>];

/// The program.
pub(super) struct Matrices(Measured<Root>);

impl Matrices {
    /// A heap with empty slots.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Matrices(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.slots as usize, |_| Lock::new(None))))
    }
}

impl Program for Matrices {
    fn replace(&mut self, round: &Round) -> u64 {
        self.0.batch(|mc, slots| {
            let others = round.of.map(|slot| slots[slot].get());
            let sources = others.each_ref().map(|other| other.as_deref().unwrap_or_default());
            let new = Gc::try_new_slice_with(mc, round.len, |index| round.element(sources, index))?;
            let old = slots[round.slot].get().map_or(0, |old| digest(&old));
            store!(mc, slots[round.slot], Some(new));
            Ok(old)
        })
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, slots| {
            let mut digest = *checksum;
            for slot in slots.iter() {
                digest.mix(slot.get().map_or(0, |matrix| sum_of_bits(&matrix)));
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
