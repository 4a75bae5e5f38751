//! A brand is shortened: pointers would be covariant in it.
use heap_core::Gc;

fn shorter<'long: 'short, 'short>(gc: Gc<'long, u64>) -> Gc<'short, u64> {
    gc
}

fn main() {}
