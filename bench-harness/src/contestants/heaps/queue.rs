//! `queue` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::queue::{Parameters, Program, WORDS, digest, payload};

#[derive(Trace)]
struct Message<'gc> {
    number: u64,
    payload: Gc<'gc, [u64; WORDS]>,
}

type Place<'gc> = Lock<Option<Gc<'gc, Message<'gc>>>>;

type Root = Rootable![Gc<'_, [Place<'_>]>];

/// The program.
pub(super) struct Queue {
    heap: Measured<Root>,
    parameters: Parameters,
}

impl Queue {
    /// A heap with an empty ring.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        let capacity = parameters.capacity as usize;
        Queue { heap: setup.heap(|mc| Gc::try_new_slice_with(mc, capacity, |_| Lock::new(None))), parameters }
    }
}

impl Program for Queue {
    fn pass(&mut self, mut numbers: Range<u64>) -> u64 {
        // A second attempt goes on with the message that did not fit.
        let (parameters, mut sum) = (self.parameters, 0_u64);
        self.heap.batch(|mc, ring| {
            while numbers.start < numbers.end {
                let number = numbers.start;
                let payload = Gc::try_new(mc, payload(number))?;
                let message = Gc::try_new(mc, Message { number, payload })?;
                let place = parameters.place(number);
                if let Some(old) = ring[place].get() {
                    sum = sum.wrapping_add(old.number).wrapping_add(digest(&old.payload));
                }
                store!(mc, ring[place], Some(message));
                numbers.start += 1;
            }
            Ok(())
        });
        sum
    }
}
