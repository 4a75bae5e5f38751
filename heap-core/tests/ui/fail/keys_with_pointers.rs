//! Keys and elements of ordered collections cannot be updated in place.
use heap_core::{Gc, Trace};

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

#[derive(Trace)]
struct InHashMap<'gc> {
    keys: HashMap<Gc<'gc, u64>, u8>,
}

#[derive(Trace)]
struct InBTreeMap<'gc> {
    keys: BTreeMap<Gc<'gc, u64>, u8>,
}

#[derive(Trace)]
struct InHashSet<'gc> {
    keys: HashSet<Gc<'gc, u64>>,
}

#[derive(Trace)]
struct InBTreeSet<'gc> {
    keys: BTreeSet<Gc<'gc, u64>>,
}

#[derive(Trace)]
struct InBinaryHeap<'gc> {
    keys: BinaryHeap<Gc<'gc, u64>>,
}


fn main() {}
