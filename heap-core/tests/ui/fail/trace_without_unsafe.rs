//! `Trace` is implemented by hand, without `unsafe`.
use heap_core::{Relocator, Trace, Tracer};

struct Mine;

impl<'gc> Trace<'gc> for Mine {
    type Facts = heap_core::Known<true, true>;
    fn trace(&self, _: &mut Tracer<'gc>) {}
    fn relocate(&mut self, _: &mut Relocator<'gc>) {}
}

fn main() {}
