//! A mutator's brand is shortened, and lengthened.
use heap_core::Mutator;

fn shorter<'long: 'short, 'short>(mc: &'short Mutator<'long>) -> &'short Mutator<'short> {
    mc
}

fn longer<'long: 'short, 'short>(mc: &'short Mutator<'short>) -> &'short Mutator<'long> {
    mc
}

fn main() {}
