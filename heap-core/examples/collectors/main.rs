//! The collectors of the book's second part, on one program: `cargo run -p heap-core --example collectors`.

mod bump;
mod increments;
mod mark_sweep;
mod semispace;
mod sticky;

use heap_core::collector::Collector;
use heap_core::{AllocError, Gc, Heap, Mutator, Rootable, Trace};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

fn tree<'gc>(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = |mc| depth.checked_sub(1).map(|depth| tree(mc, depth));
    Gc::new(mc, Tree { left: child(mc), right: child(mc) })
}

/// Keeps one tree, makes many others, and says what that took.
fn run(collector: Box<dyn Collector>) -> Result<(), AllocError> {
    let mut heap = Heap::<Rootable![Gc<'_, Tree<'_>>]>::new(collector, |mc| tree(mc, 17))?;
    for _ in 0..10_000 {
        heap.mutate(|mc, _| {
            tree(mc, 6);
        });
    }
    let statistics = heap.statistics();
    println!(
        "{:12}{:6} collections{:8} KiB at most{:10.3} ms at most",
        heap.collector_name(),
        statistics.collections(),
        statistics.peak_heap_bytes >> 10,
        statistics.longest_pause.as_secs_f64() * 1e3,
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
