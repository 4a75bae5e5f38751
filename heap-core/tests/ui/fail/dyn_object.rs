//! A boxed trait object cannot say what it holds.
use heap_core::Trace;

trait Shape {}

#[derive(Trace)]
struct Drawing<'gc> {
    shape: Box<dyn Shape + 'gc>,
}

fn main() {}
