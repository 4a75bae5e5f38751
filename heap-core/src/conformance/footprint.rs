//! What a heap occupies beside what is alive in it, for patterns of lifetimes that scatter the living.
//!
//! Each program runs until it is in a steady state and says how large the heap is then, as a multiple of the bytes that
//! are alive: headers counted, and everything that the heap counts against its limit. Nothing is timed. A collector's own
//! tests hold the results against what it promises; what a *good* figure is depends on whether objects may move, and on
//! how much may be allocated between two collections.

use super::objects::mix;
use crate::collector::Collector;
use crate::{Gc, Heap, HeapOptions, Lock, Rootable, Trace, store};

type Bytes<'gc> = Gc<'gc, [u8]>;
type Slots<'gc> = Gc<'gc, [Lock<Option<Bytes<'gc>>>]>;
type Mixed = Rootable![Slots<'_>];

/// The most that the heap held at the ends of the last half of `rounds` calls of `round`, divided by what is alive.
fn steady<R: ?Sized>(heap: &mut Heap<R>, rounds: u64, mut round: impl FnMut(&mut Heap<R>, u64)) -> f64 {
    let mut most = 0;
    for number in 0..rounds {
        round(heap, number);
        if number >= rounds / 2 {
            most = most.max(heap.statistics().heap_bytes);
        }
    }
    heap.collect();
    heap.verify().unwrap_or_else(|error| panic!("the verifier: {error}"));
    most as f64 / heap.statistics().live_bytes as f64
}

/// A table of `slots` byte slices, replaced at random; their sizes are between 16 and 4096 bytes, as many between 16 and
/// 32 as between 2048 and 4096.
pub fn mixed_sizes(collector: impl Collector + 'static, slots: usize) -> f64 {
    let mut heap =
        Heap::<Mixed>::with_options(options(), collector, |mc| Gc::new_slice_with(mc, slots, |_| Lock::new(None)))
            .expect("a heap can be made");
    let mut seed = 1;
    steady(&mut heap, slots as u64 / 4, |heap, _| {
        heap.mutate(|mc, root| {
            for _ in 0..40 {
                seed = mix(seed);
                let octave = seed % 8;
                let size = (16 << octave) + (seed >> 8) as usize % (16 << octave);
                let slot = (seed >> 32) as usize % slots;
                if let Some(old) = root[slot].get() {
                    assert!(old.iter().all(|&byte| byte == old.len() as u8), "the content of a slice has changed");
                }
                store!(mc, root[slot], Some(Gc::new_slice_with(mc, size, |_| size as u8)));
            }
        });
    })
}

#[derive(Trace)]
struct Pair {
    number: u64,
    check: u64,
}

type Pairs<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, Pair>>>]>;
type Interleaved = Rootable![Pairs<'_>];

/// A table of `slots` objects of 24 bytes, replaced at random; for each one that is kept there are four that are not, so
/// that the living are scattered from birth.
pub fn interleaved(collector: impl Collector + 'static, slots: usize) -> f64 {
    let mut heap = Heap::<Interleaved>::with_options(options(), collector, |mc| {
        Gc::new_slice_with(mc, slots, |_| Lock::new(None))
    })
    .expect("a heap can be made");
    let mut seed = 1;
    steady(&mut heap, slots as u64 / 8, |heap, _| {
        heap.mutate(|mc, root| {
            for _ in 0..80 {
                for _ in 0..5 {
                    seed = mix(seed);
                    let slot = (seed >> 32) as usize % slots;
                    let pair = Gc::new(mc, Pair { number: seed, check: mix(seed) });
                    if seed % 5 == 0 {
                        if let Some(old) = root[slot].get() {
                            assert_eq!(mix(old.number), old.check, "the content of an object has changed");
                        }
                        store!(mc, root[slot], Some(pair));
                    }
                }
            }
        });
    })
}

fn options() -> HeapOptions {
    HeapOptions::default().with_poison(true)
}
