//! A look gives out pointers of its own brand, and of no shorter one.
use heap_core::{Gc, Inspection};

fn shorten<'short, 'long: 'short>(look: &'short Inspection<'long>) -> impl Iterator<Item = Gc<'short, ()>> {
    let shorter: &'short Inspection<'short> = look;
    shorter.objects()
}

fn main() {}
