//! Pointers stay on their thread.
use heap_core::{Gc, Weak};

fn send<T: Send>(_: T) {}
fn share<T: Sync>(_: &T) {}

fn f<'gc>(gc: Gc<'gc, u64>, weak: Weak<'gc, u64>) {
    send(gc);
    share(&gc);
    send(weak);
    share(&weak);
}

fn main() {}
