//! `weak_ring` on our heaps.

use std::ops::Range;

use heap_core::{Gc, Lock, Rootable, Trace, Weak, store};

use super::heap::{Measured, Setup};
use crate::workloads::weak_ring::{KEPT, Program, WEAKS, check, earlier, is_kept, kept_place, weak_place};

#[derive(Trace)]
struct Object {
    number: u64,
    check: u64,
}

#[derive(Trace)]
struct Rings<'gc> {
    weaks: Gc<'gc, [Lock<Option<Weak<'gc, Object>>>]>,
    kept: Gc<'gc, [Lock<Option<Gc<'gc, Object>>>]>,
}

type Root = Rootable![Gc<'_, Rings<'_>>];

/// The program.
pub(super) struct Weaks(Measured<Root>);

impl Weaks {
    /// A heap with empty rings.
    pub(super) fn new(setup: &Setup) -> Self {
        Weaks(setup.heap(|mc| {
            let weaks = Gc::try_new_slice_with(mc, WEAKS, |_| Lock::new(None))?;
            let kept = Gc::try_new_slice_with(mc, KEPT, |_| Lock::new(None))?;
            Gc::try_new(mc, Rings { weaks, kept })
        }))
    }
}

impl Program for Weaks {
    fn make(&mut self, mut numbers: Range<u64>) -> u64 {
        // A second attempt goes on with the object that did not fit.
        let mut sum = 0_u64;
        self.0.batch(|mc, rings| {
            while numbers.start < numbers.end {
                let number = numbers.start;
                let object = Gc::try_new(mc, Object { number, check: check(number) })?;
                let weak = Gc::try_downgrade(object, mc)?;
                sum = sum.wrapping_add(weak.upgrade(mc).map_or(u64::MAX, |object| object.check));
                store!(mc, rings.weaks => [weak_place(number)], Some(weak));
                if is_kept(number) {
                    store!(mc, rings.kept => [kept_place(number)], Some(object));
                }
                if let Some(earlier) = earlier(number) {
                    let object = rings.weaks[weak_place(earlier)].get().and_then(|weak| weak.upgrade(mc));
                    sum = sum.wrapping_add(object.map_or(u64::MAX, |object| object.number));
                }
                numbers.start += 1;
            }
            Ok(())
        });
        sum
    }
}
