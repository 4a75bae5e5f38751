//! A proof of the barrier is made of a shared reference.
use heap_core::{Gc, Lock, Write};

fn f<'gc>(lock: &Lock<Option<Gc<'gc, u64>>>) {
    Write::from_mut(lock).unlock().set(None);
    Write(lock);
    let _: &Write<_> = unsafe { Write::assume(lock) };
}

fn main() {}
