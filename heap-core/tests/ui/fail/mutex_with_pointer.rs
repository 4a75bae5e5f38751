//! A mutex or an atomic pointer would be a lock without a barrier.
use heap_core::{Gc, Trace};

use std::sync::{Mutex, RwLock};

#[derive(Trace)]
struct InMutex<'gc> {
    mutex: Mutex<Option<Gc<'gc, u64>>>,
}

#[derive(Trace)]
struct InRwLock<'gc> {
    lock: RwLock<Option<Gc<'gc, u64>>>,
}

fn main() {}
