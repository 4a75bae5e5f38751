//! `quads` on our heaps.

use std::hint::black_box;

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::quads::{KIDS, Program, SHORT_DEPTH};

#[derive(Trace)]
struct Quad<'gc> {
    kids: [Option<Gc<'gc, Quad<'gc>>>; KIDS],
}

#[derive(Trace)]
struct Kept<'gc> {
    tree: Lock<Option<Gc<'gc, Quad<'gc>>>>,
}

type Root = Rootable![Gc<'_, Kept<'_>>];

/// The program.
pub(super) struct Quads(Measured<Root>);

impl Quads {
    /// An empty heap.
    pub(super) fn new(setup: &Setup) -> Self {
        Quads(setup.heap(|mc| Gc::try_new(mc, Kept { tree: Lock::new(None) })))
    }
}

fn build<'gc>(mc: &Mutator<'gc>, depth: u32) -> Result<Gc<'gc, Quad<'gc>>, AllocError> {
    let mut kids = [None; KIDS];
    if depth > 0 {
        for kid in &mut kids {
            *kid = Some(build(mc, depth - 1)?);
        }
    }
    Gc::try_new(mc, Quad { kids })
}

fn count(quad: &Quad<'_>) -> u64 {
    1 + quad.kids.iter().flatten().map(|kid| count(kid)).sum::<u64>()
}

impl Program for Quads {
    fn keep(&mut self, depth: u32) {
        self.0.batch(|mc, kept| {
            store!(mc, kept.tree, Some(build(mc, depth)?));
            Ok(())
        });
    }

    fn short_lived(&mut self, trees: u64) {
        self.0.batch(|mc, _| {
            for _ in 0..trees {
                black_box(&*build(mc, SHORT_DEPTH)?);
            }
            Ok(())
        });
    }

    fn count(&mut self) -> u64 {
        self.0.batch(|_, kept| Ok(kept.tree.get().map_or(0, |tree| count(&tree))))
    }
}
