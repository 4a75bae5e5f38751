//! `Rc`: counted references without a cycle collector.
//!
//! The usual answer in Rust when objects have several owners. A link that is written once is an `OnceCell`, one that
//! is rewritten a `Cell`, so every link is one pointer wide; `Rc` adds two counts in front of each object.
//!
//! What it does not free: the rings of `rings`, kept or not. Making `prev` a `Weak` would not help, for `next` alone
//! closes the cycle, and making one `next` in each ring special would be another program. The graph of `graph_mutate`
//! leaks when its array is dropped at the end; replaced nodes are freed, as their edges were moved away.
//!
//! Dropping recurses: `deep_list` overflows the stack.
//!
//! Where a program says when an object is no longer needed, the general workloads with shared or cyclic objects are
//! written as one would free them by hand: a session that leaves the ring, an entry that leaves the cache, and what is
//! left at the end have their cycles broken.

use super::boxed::Matrices;
use super::cells::{cell_edges, once_cell_links};
use super::shared::*;
use super::weak::weak_programs;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

nodes!(Rc, derive());
owned_nodes!(Rc, derive());

shared_owner_programs! {
    pointer: Rc,
    excess: Excess::NONE,
    after_batch: nothing,
    collect: nothing,
    others: run_others,
}

once_cell_links!(Rc);
cell_edges!(Rc);

type Slice = Rc<[u8]>;

fn slice(len: usize, byte: u8) -> Slice {
    std::iter::repeat_n(byte, len).collect()
}

fn run_others(ready: &Ready) -> Result<Outcome, Unsupported> {
    let size = ready.size;
    Ok(match ready.workload {
        Workload::WeakRing | Workload::Interning => run_weak(ready),
        Workload::JsonDom => json_dom::run(json_dom::Parameters::of(size), ready.documents(), Documents::default()),
        Workload::ManyHeaps => {
            let parameters = many_heaps::Parameters::of(size);
            many_heaps::run(parameters, Lists(empty(parameters.alive)))
        }
        Workload::ClientSessions => {
            client_sessions::run(client_sessions::Parameters::of(size), Sessions(empty(client_sessions::KEPT)))
        }
        Workload::LruCache => {
            let parameters = lru_cache::Parameters::of(size);
            lru_cache::run(parameters, Cache::new(parameters))
        }
        Workload::WeakNodes => {
            let parameters = weak_nodes::Parameters::of(size);
            weak_nodes::run(parameters, Ring { table: Vec::with_capacity(parameters.nodes as usize), parameters })
        }
        Workload::Attributes => attributes::run(attributes::Parameters::of(size), Objects::default()),
        Workload::Matrices => {
            let parameters = matrices::Parameters::of(size);
            matrices::run(parameters, Matrices::new(parameters))
        }
        _ => return Err(NOT_WRITTEN),
    })
}

weak_programs!(Rc, Weak, Rc::downgrade, str, Rc::from);
json_dom_on!(Rc);
lists_as_heaps!(Rc);

// --- client_sessions ---

struct Session {
    id: u64,
    first: Cell<Option<Rc<Request>>>,
    buffer: client_sessions::Buffer,
}

struct Request {
    number: u64,
    next: Cell<Option<Rc<Request>>>,
    session: Option<Rc<Session>>,
}

const _: () = assert!(size_of::<Session>() as u64 == client_sessions::SESSION_BYTES);
const _: () = assert!(size_of::<Request>() as u64 == client_sessions::REQUEST_BYTES);

struct Sessions(Vec<Option<Rc<Session>>>);

impl Session {
    fn new(id: u64) -> Rc<Session> {
        let buffer = client_sessions::Buffer::new(id);
        let session = Rc::new(Session { id, first: Cell::new(None), buffer });
        let request = |number, next| {
            let (number, session) = (client_sessions::number(id, number), Some(session.clone()));
            Rc::new(Request { number, next: Cell::new(next), session })
        };
        let last = request(client_sessions::REQUESTS - 1, None);
        let others = (0..client_sessions::REQUESTS - 1).rev();
        let first = others.fold(last.clone(), |next, number| request(number, Some(next)));
        last.next.set(Some(first.clone()));
        session.first.set(Some(first));
        session
    }

    /// Reads the session, and takes its ring apart on the way.
    fn close(self: Rc<Session>) -> u64 {
        let mut sum = self.id.wrapping_add(self.buffer.digest());
        let mut next = self.first.take();
        while let Some(request) = next {
            sum = sum.wrapping_add(request.number);
            // The first request has no next any more when the way leads back to it.
            next = request.next.take();
            if next.as_ref().is_some_and(|next| next.number == client_sessions::number(self.id, 0)) {
                next = None;
            }
            debug_assert!(request.session.is_some());
        }
        sum
    }
}

impl client_sessions::Program for Sessions {
    fn serve(&mut self, id: u64) -> u64 {
        let old = self.0[id as usize % client_sessions::KEPT].replace(Session::new(id));
        old.map_or(0, Session::close)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.0.drain(..).flatten().for_each(|session| {
            session.close();
        });
    }
}

// --- lru_cache ---

struct Entry {
    key: u64,
    value: Rc<[u8]>,
    chain: RefCell<Option<Rc<Entry>>>,
    newer: RefCell<Option<Rc<Entry>>>,
    older: RefCell<Option<Rc<Entry>>>,
}

struct Cache {
    table: Vec<Option<Rc<Entry>>>,
    newest: Option<Rc<Entry>>,
    oldest: Option<Rc<Entry>>,
    entries: u32,
    parameters: lru_cache::Parameters,
}

impl Cache {
    fn new(parameters: lru_cache::Parameters) -> Self {
        Cache { table: empty(parameters.buckets), newest: None, oldest: None, entries: 0, parameters }
    }

    fn find(&self, key: u64) -> Option<Rc<Entry>> {
        let mut next = self.table[self.parameters.bucket(key)].clone();
        while let Some(entry) = next {
            if entry.key == key {
                return Some(entry);
            }
            next = entry.chain.borrow().clone();
        }
        None
    }

    /// Takes an entry out of the list by age.
    fn unlink(&mut self, entry: &Entry) {
        let (newer, older) = (entry.newer.take(), entry.older.take());
        match &newer {
            Some(newer) => *newer.older.borrow_mut() = older.clone(),
            None => self.newest = older.clone(),
        }
        match older {
            Some(older) => *older.newer.borrow_mut() = newer,
            None => self.oldest = newer,
        }
    }

    /// Makes an entry that is not in the list by age its newest.
    fn push(&mut self, entry: Rc<Entry>) {
        match &self.newest {
            Some(newest) => *newest.newer.borrow_mut() = Some(entry.clone()),
            None => self.oldest = Some(entry.clone()),
        }
        *entry.older.borrow_mut() = self.newest.replace(entry.clone());
    }

    /// Takes an entry out of its chain.
    fn unchain(&mut self, entry: &Rc<Entry>) {
        let after = entry.chain.take();
        let bucket = self.parameters.bucket(entry.key);
        let mut before: Option<Rc<Entry>> = None;
        let mut next = self.table[bucket].clone();
        while let Some(here) = next.filter(|here| !Rc::ptr_eq(here, entry)) {
            next = here.chain.borrow().clone();
            before = Some(here);
        }
        match before {
            Some(before) => *before.chain.borrow_mut() = after,
            None => self.table[bucket] = after,
        }
    }
}

impl lru_cache::Program for Cache {
    fn access(&mut self, keys: &[u64; lru_cache::BATCH]) -> lru_cache::Accessed {
        let mut all = lru_cache::Accessed::default();
        for &key in keys {
            let entry = match self.find(key) {
                Some(entry) => {
                    if entry.newer.borrow().is_some() {
                        self.unlink(&entry);
                        self.push(entry.clone());
                    }
                    entry
                }
                None => {
                    let value = slice(lru_cache::value_len(key), lru_cache::value_byte(key));
                    all.misses += 1;
                    all.bytes += value.len() as u64;
                    let chain = &mut self.table[self.parameters.bucket(key)];
                    let entry = Rc::new(Entry {
                        key,
                        value,
                        chain: RefCell::new(chain.take()),
                        newer: RefCell::default(),
                        older: RefCell::default(),
                    });
                    *chain = Some(entry.clone());
                    self.push(entry.clone());
                    self.entries += 1;
                    if self.entries > self.parameters.entries
                        && let Some(oldest) = self.oldest.clone()
                    {
                        self.unlink(&oldest);
                        self.unchain(&oldest);
                        self.entries -= 1;
                    }
                    entry
                }
            };
            all.sum = all.sum.wrapping_add(lru_cache::digest(&entry.value));
        }
        all
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let mut next = self.newest.clone();
        while let Some(entry) = next {
            checksum.mix(entry.key);
            next = entry.older.borrow().clone();
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.oldest = None;
        let mut next = self.newest.take();
        while let Some(entry) = next {
            entry.newer.take();
            next = entry.older.take();
        }
    }
}

// --- weak_nodes ---

struct Known {
    id: u64,
    next: Cell<Option<Weak<Known>>>,
}

const _: () = assert!(size_of::<Known>() as u64 == weak_nodes::NODE_BYTES);

impl Known {
    /// The id of the node that this one knows.
    fn id_of_next(&self) -> u64 {
        // A `Cell` does not lend its content: take it out, and put it back.
        let next = self.next.take();
        let id = next.as_ref().and_then(Weak::upgrade).map_or(u64::MAX, |next| next.id);
        self.next.set(next);
        id
    }
}

struct Ring {
    table: Vec<Rc<Known>>,
    parameters: weak_nodes::Parameters,
}

impl weak_nodes::Program for Ring {
    fn fill(&mut self, ids: Range<u64>) {
        for id in ids {
            let node = Rc::new(Known { id, next: Cell::new(None) });
            if let Some(before) = self.table.last() {
                before.next.set(Some(Rc::downgrade(&node)));
            }
            self.table.push(node);
        }
        if self.table.len() == self.parameters.nodes as usize {
            self.table[self.table.len() - 1].next.set(Some(Rc::downgrade(&self.table[0])));
        }
    }

    fn replace(&mut self, count: u64, draws: &mut weak_nodes::Draws) -> u64 {
        let nodes = self.table.len();
        let mut sum = 0_u64;
        for _ in 0..count {
            let (place, id) = draws.replacement();
            let node = Rc::new(Known { id, next: Cell::new(self.table[place].next.take()) });
            let before = (place + nodes - 1) % nodes;
            self.table[before].next.set(Some(Rc::downgrade(&node)));
            self.table[place] = node;
            sum = sum.wrapping_add(self.table[before].id_of_next()).wrapping_add(self.table[place].id_of_next());
        }
        sum
    }
}

// --- attributes ---

struct Object {
    id: u64,
}

struct Attributes {
    owner: u64,
    value: u64,
}

const _: () = assert!(size_of::<Object>() as u64 == attributes::OBJECT_BYTES);
const _: () = assert!(size_of::<Attributes>() as u64 == attributes::ATTRIBUTES_BYTES);

/// The map does not know when an object dies: whoever drops one removes its attributes.
#[derive(Default)]
struct Objects {
    objects: Vec<Rc<Object>>,
    attributes: HashMap<u64, Rc<Attributes>>,
}

impl Objects {
    /// A new object, with attributes.
    fn object(&mut self, id: u64) -> Rc<Object> {
        self.attributes.insert(id, Rc::new(Attributes { owner: id, value: attributes::value(id) }));
        Rc::new(Object { id })
    }

    /// The sum of the owner and the value of the attributes of an object.
    fn sum(&self, object: &Object) -> u64 {
        let attributes = self.attributes.get(&object.id);
        attributes.map_or(u64::MAX, |attributes| attributes.owner.wrapping_add(attributes.value))
    }
}

impl attributes::Program for Objects {
    fn fill(&mut self, ids: Range<u64>) {
        for id in ids {
            let object = self.object(id);
            self.objects.push(object);
        }
    }

    fn replace(&mut self, count: u64, draws: &mut attributes::Draws) -> u64 {
        let mut sum = 0_u64;
        for _ in 0..count {
            let attributes::Round { place, id, asked } = draws.round();
            let new = self.object(id);
            let old = std::mem::replace(&mut self.objects[place], new);
            self.attributes.remove(&old.id);
            sum = sum.wrapping_add(self.sum(&self.objects[asked]));
        }
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        for object in &self.objects {
            checksum.mix(self.sum(object));
        }
    }
}
