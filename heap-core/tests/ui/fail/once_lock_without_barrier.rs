//! A cell in an object is set without the barrier.
use heap_core::{Gc, OnceLock};

fn f<'gc>(cell: &OnceLock<Gc<'gc, u64>>, gc: Gc<'gc, u64>) {
    cell.get_or_init(|| gc);
}

fn main() {}
