//! `large_buffers` on our heaps.

use heap_core::{Gc, Lock, Rootable, store};

use super::heap::{Measured, Setup};
use crate::workloads::large_buffers::{Program, SLOTS, digest};

type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, [u8]>>>]>];

/// The program.
pub(super) struct Buffers(Measured<Root>);

impl Buffers {
    /// A heap with empty slots.
    pub(super) fn new(setup: &Setup) -> Self {
        Buffers(setup.heap(|mc| Gc::try_new_slice_with(mc, SLOTS, |_| Lock::new(None))))
    }
}

impl Program for Buffers {
    fn replace(&mut self, slot: usize, len: usize, byte: u8) -> u64 {
        self.0.batch(|mc, slots| {
            let buffer = Gc::try_new_slice_with(mc, len, |_| byte)?;
            let old = slots[slot].get().map_or(0, |old| digest(&old));
            store!(mc, slots[slot], Some(buffer));
            Ok(old)
        })
    }
}
