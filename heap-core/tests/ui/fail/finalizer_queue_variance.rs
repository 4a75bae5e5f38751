//! A queue for functions that take any text is used as one for functions that want to keep it.
use heap_core::{FinalizerQueue, Static};

type Any = Static<for<'a> fn(&'a str)>;
type Keeps = Static<fn(&'static str)>;

fn weaker<'gc>(queue: FinalizerQueue<'gc, Any>) -> FinalizerQueue<'gc, Keeps> {
    queue
}

fn shorter<'long: 'short, 'short>(queue: FinalizerQueue<'long, u64>) -> FinalizerQueue<'short, u64> {
    queue
}

fn main() {}
