//! Containers of the standard library that cannot hold pointers: what to use instead, once for each.
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Mutex;

use heap_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    cell: Cell<Option<Gc<'gc, u64>>>,
    ref_cell: RefCell<Vec<Gc<'gc, u64>>>,
    once: OnceCell<Gc<'gc, u64>>,
    shared: Option<Rc<Node<'gc>>>,
    mutex: Mutex<Gc<'gc, u64>>,
    set: HashSet<Gc<'gc, str>>,
    queue: Vec<BinaryHeap<Gc<'gc, u64>>>,
    map: HashMap<Gc<'gc, str>, Gc<'gc, u64>>,
    sorted: BTreeMap<(u8, Gc<'gc, str>), u64>,
}

#[derive(Trace)]
enum Choice<'gc> {
    _One(RefCell<Gc<'gc, u64>>),
}

fn main() {}
