//! A pointer is smuggled in the hasher of a map.
use heap_core::{Gc, Trace};

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher};

struct Hasher<'gc>(Gc<'gc, u64>);

impl BuildHasher for Hasher<'_> {
    type Hasher = DefaultHasher;
    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher::new()
    }
}

#[derive(Trace)]
struct Smuggler<'gc> {
    map: HashMap<u8, Gc<'gc, u64>, Hasher<'gc>>,
}

fn main() {}
