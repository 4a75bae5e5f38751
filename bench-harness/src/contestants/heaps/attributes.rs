//! `attributes` on our heaps.

use std::ops::Range;

use heap_core::collections::WeakMap;
use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::attributes::{Draws, Parameters, Program, Round, value};

#[derive(Trace)]
struct Object {
    id: u64,
}

#[derive(Trace)]
struct Attributes {
    owner: u64,
    value: u64,
}

#[derive(Trace)]
struct Kept<'gc> {
    objects: Gc<'gc, [Lock<Option<Gc<'gc, Object>>>]>,
    attributes: WeakMap<'gc, Object, Attributes>,
}

type Root = Rootable![Gc<'_, Kept<'_>>];

/// The program.
pub(super) struct Objects(Measured<Root>);

impl Objects {
    /// A heap with empty places.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Objects(setup.heap(|mc| {
            let objects = Gc::try_new_slice_with(mc, parameters.objects as usize, |_| Lock::new(None))?;
            Gc::try_new(mc, Kept { objects, attributes: WeakMap::try_new(mc)? })
        }))
    }
}

impl<'gc> Kept<'gc> {
    /// Puts an object with attributes at a place. Nothing is kept unless everything fits.
    fn put(&self, mc: &Mutator<'gc>, place: usize, id: u64) -> Result<(), AllocError> {
        let object = Gc::try_new(mc, Object { id })?;
        let attributes = Gc::try_new(mc, Attributes { owner: object.id, value: value(id) })?;
        self.attributes.try_insert(mc, object, attributes)?;
        store!(mc, self.objects => [place], Some(object));
        Ok(())
    }

    /// The sum of the owner and the value of the attributes of an object.
    fn sum(&self, mc: &Mutator<'gc>, place: usize) -> u64 {
        let attributes = self.objects[place].get().and_then(|object| self.attributes.get(mc, object));
        attributes.map_or(u64::MAX, |attributes| attributes.owner.wrapping_add(attributes.value))
    }
}

impl Program for Objects {
    fn fill(&mut self, mut ids: Range<u64>) {
        self.0.batch(|mc, kept| {
            while ids.start < ids.end {
                kept.put(mc, ids.start as usize, ids.start)?;
                ids.start += 1;
            }
            Ok(())
        });
    }

    fn replace(&mut self, count: u64, draws: &mut Draws) -> u64 {
        // A second attempt goes on with the object that did not fit.
        let (mut left, mut sum) = (count, 0_u64);
        let mut failed: Option<Round> = None;
        self.0.batch(|mc, kept| {
            while left > 0 {
                let round = failed.take().unwrap_or_else(|| draws.round());
                if let Err(error) = kept.put(mc, round.place, round.id) {
                    failed = Some(round);
                    return Err(error);
                }
                sum = sum.wrapping_add(kept.sum(mc, round.asked));
                left -= 1;
            }
            Ok(())
        });
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.0.batch(|mc, kept| {
            let mut digest = *checksum;
            for place in 0..kept.objects.len() {
                digest.mix(kept.sum(mc, place));
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
