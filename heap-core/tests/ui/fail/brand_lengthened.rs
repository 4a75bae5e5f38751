//! A brand is lengthened: pointers would be contravariant in it.
use heap_core::Gc;

fn longer<'long: 'short, 'short>(gc: Gc<'short, u64>) -> Gc<'long, u64> {
    gc
}

fn main() {}
