//! A lock is opened without the barrier.
use heap_core::{Gc, Lock};

fn f<'gc>(lock: &Lock<Option<Gc<'gc, u64>>>, gc: Gc<'gc, u64>) {
    lock.unlock().set(Some(gc));
}

fn main() {}
