//! `size_mix` on our heaps.

use heap_core::{Gc, Lock, Rootable, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::size_mix::{Draws, Parameters, Program, Replacement, digest};

type Slot<'gc> = Lock<Option<Gc<'gc, [u8]>>>;

type Root = Rootable![Gc<'_, [Slot<'_>]>];

/// The program.
pub(super) struct Slices(Measured<Root>);

impl Slices {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Slices(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.slots as usize, |_| Lock::new(None))))
    }
}

impl Program for Slices {
    fn replace(&mut self, count: u64, draws: &mut Draws) -> u64 {
        // A second attempt goes on with the slice that did not fit.
        let (mut left, mut sum) = (count, 0_u64);
        let mut failed: Option<Replacement> = None;
        self.0.batch(|mc, table| {
            while left > 0 {
                let replacement = failed.take().unwrap_or_else(|| draws.replacement());
                let Replacement { slot, len, byte } = replacement;
                let slice = match Gc::try_new_slice_with(mc, len, |_| byte) {
                    Ok(slice) => slice,
                    Err(error) => {
                        failed = Some(replacement);
                        return Err(error);
                    }
                };
                sum = sum.wrapping_add(table[slot].get().map_or(0, |old| digest(&old)));
                store!(mc, table[slot], Some(slice));
                left -= 1;
            }
            Ok(())
        });
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|_, table| {
            let mut sum = *checksum;
            for slot in table.iter() {
                sum.mix(slot.get().map_or(0, |slice| digest(&slice)));
            }
            Ok(sum)
        });
        *checksum = digest;
    }
}
