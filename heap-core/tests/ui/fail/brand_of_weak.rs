//! A weak pointer's brand is shortened, and lengthened.
use heap_core::Weak;

fn shorter<'long: 'short, 'short>(weak: Weak<'long, u64>) -> Weak<'short, u64> {
    weak
}

fn longer<'long: 'short, 'short>(weak: Weak<'short, u64>) -> Weak<'long, u64> {
    weak
}

fn main() {}
