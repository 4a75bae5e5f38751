//! The same for a generic type.
use heap_core::Trace;

#[derive(Trace)]
struct Guard<T> {
    value: T,
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {}
}

fn main() {}
