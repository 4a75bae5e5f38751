//! The collectors of the book's second part, on one program: `cargo run -p heap-core --example collectors`.

mod bump;
mod increments;
mod mark_sweep;
mod semispace;
mod sticky;

use heap_core::collector::Collector;
use heap_core::{AllocError, Gc, Heap, Lock, Mutator, Rootable, Trace, store};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

fn tree<'gc>(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = |mc| depth.checked_sub(1).map(|depth| tree(mc, depth));
    Gc::new(mc, Tree { left: child(mc), right: child(mc) })
}

/// Trees that are kept at a time.
const KEPT: usize = 2_000;

type Trees = Rootable![Gc<'_, [Lock<Option<Gc<'_, Tree<'_>>>>]>];

/// Makes many trees, of which every eighth is kept for a while, and says what that took.
fn run(collector: Box<dyn Collector>) -> Result<(), AllocError> {
    let mut heap = Heap::<Trees>::new(collector, |mc| Gc::new_slice_with(mc, KEPT, |_| Lock::new(None)))?;
    for round in 0..40_000 {
        heap.mutate(|mc, trees| {
            let tree = tree(mc, 6);
            if round % 8 == 0 {
                store!(mc, trees[round / 8 % KEPT], Some(tree));
            }
        });
    }
    let statistics = heap.statistics();
    println!(
        "{:12}{:4} collections in{:5} pauses of{:8.3} ms on average;{:7} KiB at most",
        heap.collector_name(),
        statistics.collections(),
        statistics.pauses,
        statistics.pause_time.as_secs_f64() * 1e3 / statistics.pauses.max(1) as f64,
        statistics.peak_heap_bytes >> 10,
    );
    Ok(())
}

fn main() -> Result<(), AllocError> {
    run(Box::new(bump::Bump))?;
    run(Box::<mark_sweep::MarkSweep>::default())?;
    run(Box::<semispace::Semispace>::default())?;
    run(Box::<sticky::Sticky>::default())?;
    run(Box::<increments::Increments>::default())
}
