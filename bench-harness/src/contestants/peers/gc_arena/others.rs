//! The general and held-out programs on gc-arena, as far as they are written for it.
//!
//! Tables are a `Vec` in the root, as for the classic programs. gc-arena has no slices of its own: bytes are a box that
//! an object owns, which takes a second allocation.

use super::super::{NOT_WRITTEN, Unsupported};
use super::Pacing;
use crate::workloads::event_loop::{self, Latencies, Request};
use crate::workloads::{
    Checksum, Outcome, Ready, Workload, client_sessions, functional_map, handles, interleaved, interning, json_dom,
    large_buffers, lru_cache, many_heaps, matrices, quads, queue, retain, size_mix, weak_nodes, weak_ring,
};
use gc_arena::{Arena, Collect, DynamicRoot, DynamicRootSet, Gc, GcWeak, Lock, Mutation, Rootable, barrier::unlock};
use std::convert::Infallible;
use std::hint::black_box;
use std::ops::Range;

type Table<T> = Vec<Option<T>>;

fn empty<T>(len: usize) -> Table<T> {
    std::iter::repeat_with(|| None).take(len).collect()
}

/// An arena with this root.
macro_rules! arena {
    ($pacing:expr, $root:expr) => {{
        let arena = Arena::new($root);
        arena.metrics().set_pacing($pacing);
        arena
    }};
}

pub(super) fn run(ready: &Ready, latencies: &mut Latencies, pacing: Pacing) -> Result<Outcome, Unsupported> {
    let size = ready.size;
    Ok(match ready.workload {
        Workload::Retain => {
            let parameters = retain::Parameters::of(size);
            let arena = arena!(pacing, |_| empty(parameters.buckets));
            retain::run(parameters, Chains { arena, parameters })
        }
        Workload::Interleaved => {
            let parameters = interleaved::Parameters::of(size);
            let arena = arena!(pacing, |_| Vec::with_capacity(parameters.kept() as usize));
            interleaved::run(parameters, Pairs { arena })
        }
        Workload::Queue => {
            let parameters = queue::Parameters::of(size);
            let arena = arena!(pacing, |_| empty(parameters.capacity as usize));
            queue::run(parameters, Messages { arena, parameters })
        }
        Workload::SizeMix => {
            let parameters = size_mix::Parameters::of(size);
            size_mix::run(parameters, Slices { arena: arena!(pacing, |_| empty(parameters.slots as usize)) })
        }
        Workload::LargeBuffers => {
            let parameters = large_buffers::Parameters::of(size);
            large_buffers::run(parameters, Slices { arena: arena!(pacing, |_| empty(large_buffers::SLOTS)) })
        }
        Workload::Quads => quads::run(quads::Parameters::of(size), QuadTrees { arena: arena!(pacing, |_| None) }),
        Workload::Handles => {
            let parameters = handles::Parameters::of(size);
            let held = Vec::with_capacity(parameters.handles as usize);
            handles::run(parameters, Handles { held, arena: arena!(pacing, |mc| DynamicRootSet::new(mc)) })
        }
        Workload::EventLoop => {
            let parameters = event_loop::Parameters::of(size);
            let arena = arena!(pacing, |_| Vec::with_capacity(parameters.records as usize));
            event_loop::run(parameters, Server { arena }, latencies)
        }
        Workload::ManyHeaps => {
            let parameters = many_heaps::Parameters::of(size);
            many_heaps::run(parameters, Heaps { heaps: empty(parameters.alive), pacing })
        }
        Workload::WeakRing => {
            let arena = arena!(pacing, |_| Rings { weaks: empty(weak_ring::WEAKS), kept: empty(weak_ring::KEPT) });
            weak_ring::run(weak_ring::Parameters::of(size), Weaks { arena })
        }
        Workload::WeakNodes => {
            let parameters = weak_nodes::Parameters::of(size);
            let arena = arena!(pacing, |_| Vec::with_capacity(parameters.nodes as usize));
            weak_nodes::run(parameters, KnownNodes { arena, parameters })
        }
        Workload::Interning => {
            let parameters = interning::Parameters::of(size);
            let arena = arena!(pacing, |_| Strings {
                table: std::iter::repeat_with(Vec::new).take(parameters.buckets).collect(),
                ring: empty(parameters.ring as usize),
            });
            interning::run(parameters, ready.text(), Interner { arena, parameters })
        }
        Workload::ClientSessions => {
            let arena = arena!(pacing, |_| empty(client_sessions::KEPT));
            client_sessions::run(client_sessions::Parameters::of(size), Sessions { arena })
        }
        Workload::LruCache => {
            let parameters = lru_cache::Parameters::of(size);
            let arena = arena!(pacing, |_| Lists { table: empty(parameters.buckets), newest: None, oldest: None });
            lru_cache::run(parameters, Cache { arena, parameters, entries: 0 })
        }
        Workload::JsonDom => {
            let arena = arena!(pacing, |_| empty(json_dom::KEPT));
            json_dom::run(json_dom::Parameters::of(size), ready.documents(), Documents { arena })
        }
        Workload::FunctionalMap => {
            let parameters = functional_map::Parameters::of(size);
            let arena = arena!(pacing, |_| empty(functional_map::KEPT));
            functional_map::run(parameters, Versions { arena })
        }
        Workload::Matrices => {
            let parameters = matrices::Parameters::of(size);
            matrices::run(parameters, Matrices { arena: arena!(pacing, |_| empty(parameters.slots as usize)) })
        }
        _ => return Err(NOT_WRITTEN),
    })
}

// --- retain ---

#[derive(Collect)]
#[collect(no_drop)]
struct Chained<'gc> {
    key: u64,
    value: u64,
    next: Option<Gc<'gc, Chained<'gc>>>,
}

const _: () = assert!(size_of::<Chained<'_>>() as u64 == retain::RECORD_BYTES);

type ChainsRoot = Rootable![Table<Gc<'_, Chained<'_>>>];

struct Chains {
    arena: Arena<ChainsRoot>,
    parameters: retain::Parameters,
}

impl retain::Program for Chains {
    fn insert(&mut self, keys: Range<u64>) {
        let parameters = self.parameters;
        self.arena.mutate_root(|mc, table| {
            for key in keys {
                let chain = &mut table[parameters.bucket(key)];
                *chain = Some(Gc::new(mc, Chained { key, value: retain::value(key), next: *chain }));
            }
        });
        self.arena.collect_debt();
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, table| {
            for chain in table {
                let records = std::iter::successors(*chain, |record| record.next);
                checksum.mix(records.fold(0, |sum, r| sum.wrapping_add(r.key).wrapping_add(r.value)));
            }
        });
    }
}

// --- interleaved and handles ---

#[derive(Collect)]
#[collect(require_static)]
struct Pair {
    first: u64,
    second: u64,
}

const _: () = assert!(size_of::<Pair>() as u64 == interleaved::NODE_BYTES);
const _: () = assert!(interleaved::NODE_BYTES == handles::OBJECT_BYTES);
const _: () = assert!(interleaved::NODE_BYTES == weak_ring::OBJECT_BYTES);

type PairsRoot = Rootable![Vec<Gc<'_, Pair>>];

struct Pairs {
    arena: Arena<PairsRoot>,
}

impl interleaved::Program for Pairs {
    fn build(&mut self, ids: Range<u64>) {
        self.arena.mutate_root(|mc, table| {
            for id in ids {
                let pair = Gc::new(mc, Pair { first: id, second: interleaved::check(id) });
                black_box(&*pair);
                if id.is_multiple_of(interleaved::KEEP_ONE_OF) {
                    table.push(pair);
                }
            }
        });
        self.arena.collect_debt();
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, table| {
            for pair in table {
                checksum.mix(pair.first.wrapping_add(pair.second));
            }
        });
    }
}

type PairRoot = Rootable![Pair];

struct Handles {
    held: Vec<DynamicRoot<PairRoot>>,
    arena: Arena<Rootable![DynamicRootSet<'_>]>,
}

impl handles::Program for Handles {
    fn add(&mut self, number: u64) {
        let root = self.arena.mutate(|mc, roots| {
            roots.stash::<PairRoot>(mc, Gc::new(mc, Pair { first: number, second: handles::check(number) }))
        });
        self.held.push(root);
        self.arena.collect_debt();
    }

    fn replace(&mut self, handle: usize, number: u64) -> u64 {
        let held = &mut self.held[handle];
        let sum = self.arena.mutate(|mc, roots| {
            let old = roots.fetch(held);
            let sum = old.first.wrapping_add(old.second);
            *held = roots.stash(mc, Gc::new(mc, Pair { first: number, second: handles::check(number) }));
            sum
        });
        self.arena.collect_debt();
        sum
    }
}

// --- queue ---

#[derive(Collect)]
#[collect(no_drop)]
struct Message<'gc> {
    number: u64,
    payload: Gc<'gc, [u64; queue::WORDS]>,
}

const _: () = assert!(size_of::<Message<'_>>() as u64 == queue::MESSAGE_BYTES);

type MessagesRoot = Rootable![Table<Gc<'_, Message<'_>>>];

struct Messages {
    arena: Arena<MessagesRoot>,
    parameters: queue::Parameters,
}

impl queue::Program for Messages {
    fn pass(&mut self, numbers: Range<u64>) -> u64 {
        let parameters = self.parameters;
        let sum = self.arena.mutate_root(|mc, ring| {
            let mut sum = 0_u64;
            for number in numbers {
                let message = Gc::new(mc, Message { number, payload: Gc::new(mc, queue::payload(number)) });
                if let Some(old) = ring[parameters.place(number)].replace(message) {
                    sum = sum.wrapping_add(old.number).wrapping_add(queue::digest(&old.payload));
                }
            }
            sum
        });
        self.arena.collect_debt();
        sum
    }
}

// --- size_mix and large_buffers ---

type Bytes<'gc> = Gc<'gc, Box<[u8]>>;

fn bytes<'gc>(mc: &Mutation<'gc>, len: usize, byte: u8) -> Bytes<'gc> {
    // The arena does not know what the box owns unless it is told, and it is told when it goes, too.
    Gc::new(mc, vec![byte; len].into())
}

type SlicesRoot = Rootable![Table<Bytes<'_>>];

struct Slices {
    arena: Arena<SlicesRoot>,
}

impl size_mix::Program for Slices {
    fn replace(&mut self, count: u64, draws: &mut size_mix::Draws) -> u64 {
        let sum = self.arena.mutate_root(|mc, slots| {
            let mut sum = 0_u64;
            for _ in 0..count {
                let size_mix::Replacement { slot, len, byte } = draws.replacement();
                if let Some(old) = slots[slot].replace(bytes(mc, len, byte)) {
                    sum = sum.wrapping_add(size_mix::digest(&old));
                }
            }
            sum
        });
        self.arena.collect_debt();
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, slots| {
            for slot in slots {
                checksum.mix(slot.as_ref().map_or(0, |slice| size_mix::digest(slice)));
            }
        });
    }
}

impl large_buffers::Program for Slices {
    fn replace(&mut self, slot: usize, len: usize, byte: u8) -> u64 {
        let sum = self.arena.mutate_root(|mc, slots| {
            slots[slot].replace(bytes(mc, len, byte)).map_or(0, |old| large_buffers::digest(&old))
        });
        self.arena.collect_debt();
        sum
    }
}

// --- matrices ---

type MatricesRoot = Rootable![Table<Gc<'_, Box<[f64]>>>];

struct Matrices {
    arena: Arena<MatricesRoot>,
}

impl matrices::Program for Matrices {
    fn replace(&mut self, round: &matrices::Round) -> u64 {
        let sum = self.arena.mutate_root(|mc, slots| {
            let sources = round.of.map(|slot| slots[slot].as_ref().map_or(&[][..], |matrix| &matrix[..]));
            let new = (0..round.len).map(|index| round.element(sources, index)).collect();
            slots[round.slot].replace(Gc::new(mc, new)).map_or(0, |old| matrices::digest(&old))
        });
        self.arena.collect_debt();
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, slots| {
            for slot in slots {
                checksum.mix(slot.as_ref().map_or(0, |matrix| matrices::sum_of_bits(matrix)));
            }
        });
    }
}

// --- quads ---

#[derive(Collect)]
#[collect(no_drop)]
struct Quad<'gc> {
    kids: [Option<Gc<'gc, Quad<'gc>>>; quads::KIDS],
}

const _: () = assert!(size_of::<Quad<'_>>() as u64 == quads::NODE_BYTES);

impl<'gc> Quad<'gc> {
    fn new(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Quad<'gc>> {
        let kids = std::array::from_fn(|_| (depth > 0).then(|| Quad::new(mc, depth - 1)));
        Gc::new(mc, Quad { kids })
    }

    fn count(&self) -> u64 {
        1 + self.kids.iter().flatten().map(|kid| kid.count()).sum::<u64>()
    }
}

type QuadsRoot = Rootable![Option<Gc<'_, Quad<'_>>>];

struct QuadTrees {
    arena: Arena<QuadsRoot>,
}

impl quads::Program for QuadTrees {
    fn keep(&mut self, depth: u32) {
        self.arena.mutate_root(|mc, root| *root = Some(Quad::new(mc, depth)));
        self.arena.collect_debt();
    }

    fn short_lived(&mut self, trees: u64) {
        self.arena.mutate(|mc, _| {
            for _ in 0..trees {
                black_box(&*Quad::new(mc, quads::SHORT_DEPTH));
            }
        });
        self.arena.collect_debt();
    }

    fn count(&mut self) -> u64 {
        self.arena.mutate(|_, root| root.map_or(0, |quad| quad.count()))
    }
}

// --- event_loop and many_heaps ---

#[derive(Collect)]
#[collect(no_drop)]
struct Note<'gc> {
    value: u64,
    next: Option<Gc<'gc, Note<'gc>>>,
}

const _: () = assert!(size_of::<Note<'_>>() as u64 == event_loop::NOTE_BYTES);
const _: () = assert!(event_loop::NOTE_BYTES == many_heaps::NODE_BYTES);

fn sum<'gc>(list: Option<Gc<'gc, Note<'gc>>>) -> u64 {
    std::iter::successors(list, |note| note.next).fold(0, |sum, note| sum.wrapping_add(note.value))
}

#[derive(Collect)]
#[collect(no_drop)]
struct Stored<'gc> {
    id: u64,
    body: Gc<'gc, [u64; event_loop::WORDS]>,
}

const _: () = assert!(size_of::<Stored<'_>>() as u64 == event_loop::RECORD_BYTES);

fn stored<'gc>(mc: &Mutation<'gc>, id: u64) -> Gc<'gc, Stored<'gc>> {
    Gc::new(mc, Stored { id, body: Gc::new(mc, event_loop::body(id)) })
}

type ServerRoot = Rootable![Vec<Gc<'_, Stored<'_>>>];

struct Server {
    arena: Arena<ServerRoot>,
}

impl event_loop::Program for Server {
    fn fill(&mut self, ids: Range<u64>) {
        self.arena.mutate_root(|mc, table| table.extend(ids.map(|id| stored(mc, id))));
        self.arena.collect_debt();
    }

    fn serve(&mut self, mut request: Request) -> u64 {
        let sum = self.arena.mutate_root(|mc, table| {
            let mut list = None;
            for _ in 0..event_loop::NOTES / event_loop::NOTES_PER_RECORD {
                let record = table[request.place()];
                for note in 0..event_loop::NOTES_PER_RECORD {
                    let value = record.id.wrapping_add(record.body[Request::word(note)]);
                    list = Some(Gc::new(mc, Note { value, next: list }));
                }
            }
            table[request.place()] = stored(mc, request.id);
            sum(list)
        });
        self.arena.collect_debt();
        sum
    }
}

type NotesRoot = Rootable![Option<Gc<'_, Note<'_>>>];

struct Heaps {
    heaps: Table<Arena<NotesRoot>>,
    pacing: Pacing,
}

impl many_heaps::Program for Heaps {
    fn renew(&mut self, slot: usize, values: Range<u64>) -> u64 {
        self.heaps[slot] = None;
        let heap = self.heaps[slot].insert(arena!(self.pacing, |_| None));
        heap.mutate_root(|mc, root| {
            *root = values.fold(None, |next, value| Some(Gc::new(mc, Note { value, next })));
        });
        heap.collect_debt();
        let sum = heap.mutate(|_, root| sum(*root));
        heap.collect_debt();
        sum
    }
}

// --- weak_ring and weak_nodes ---

#[derive(Collect)]
#[collect(no_drop)]
struct Rings<'gc> {
    weaks: Table<GcWeak<'gc, Pair>>,
    kept: Table<Gc<'gc, Pair>>,
}

struct Weaks {
    arena: Arena<Rootable![Rings<'_>]>,
}

impl weak_ring::Program for Weaks {
    fn make(&mut self, numbers: Range<u64>) -> u64 {
        let sum = self.arena.mutate_root(|mc, rings| {
            let mut sum = 0_u64;
            for number in numbers {
                let object = Gc::new(mc, Pair { first: number, second: weak_ring::check(number) });
                let weak = Gc::downgrade(object);
                sum = sum.wrapping_add(weak.upgrade(mc).map_or(u64::MAX, |object| object.second));
                rings.weaks[weak_ring::weak_place(number)] = Some(weak);
                if weak_ring::is_kept(number) {
                    rings.kept[weak_ring::kept_place(number)] = Some(object);
                }
                if let Some(earlier) = weak_ring::earlier(number) {
                    let object = rings.weaks[weak_ring::weak_place(earlier)].and_then(|weak| weak.upgrade(mc));
                    sum = sum.wrapping_add(object.map_or(u64::MAX, |object| object.first));
                }
            }
            sum
        });
        self.arena.collect_debt();
        sum
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Known<'gc> {
    id: u64,
    next: Lock<Option<GcWeak<'gc, Known<'gc>>>>,
}

const _: () = assert!(size_of::<Known<'_>>() as u64 == weak_nodes::NODE_BYTES);

fn know<'gc>(mc: &Mutation<'gc>, node: Gc<'gc, Known<'gc>>, next: Gc<'gc, Known<'gc>>) {
    unlock!(Gc::write(mc, node), Known, next).set(Some(Gc::downgrade(next)));
}

fn id_of_next<'gc>(mc: &Mutation<'gc>, node: Gc<'gc, Known<'gc>>) -> u64 {
    node.next.get().and_then(|next| next.upgrade(mc)).map_or(u64::MAX, |next| next.id)
}

type KnownRoot = Rootable![Vec<Gc<'_, Known<'_>>>];

struct KnownNodes {
    arena: Arena<KnownRoot>,
    parameters: weak_nodes::Parameters,
}

impl weak_nodes::Program for KnownNodes {
    fn fill(&mut self, ids: Range<u64>) {
        let nodes = self.parameters.nodes as usize;
        self.arena.mutate_root(|mc, table| {
            for id in ids {
                let node = Gc::new(mc, Known { id, next: Lock::new(None) });
                if let Some(before) = table.last() {
                    know(mc, *before, node);
                }
                table.push(node);
            }
            if table.len() == nodes {
                know(mc, table[nodes - 1], table[0]);
            }
        });
        self.arena.collect_debt();
    }

    fn replace(&mut self, count: u64, draws: &mut weak_nodes::Draws) -> u64 {
        let sum = self.arena.mutate_root(|mc, table| {
            let mut sum = 0_u64;
            for _ in 0..count {
                let (place, id) = draws.replacement();
                let node = Gc::new(mc, Known { id, next: Lock::new(table[place].next.get()) });
                let before = table[(place + table.len() - 1) % table.len()];
                know(mc, before, node);
                table[place] = node;
                sum = sum.wrapping_add(id_of_next(mc, before)).wrapping_add(id_of_next(mc, node));
            }
            sum
        });
        self.arena.collect_debt();
        sum
    }
}

// --- interning: chains are vectors of links ---

#[derive(Collect)]
#[collect(no_drop)]
struct Strings<'gc> {
    table: Vec<Vec<(u64, GcWeak<'gc, String>)>>,
    ring: Table<Gc<'gc, String>>,
}

struct Interner {
    arena: Arena<Rootable![Strings<'_>]>,
    parameters: interning::Parameters,
}

/// Finds or makes the string of a word. Takes links of dead strings out of the chain on the way.
fn find<'gc>(mc: &Mutation<'gc>, chain: &mut Vec<(u64, GcWeak<'gc, String>)>, word: &str) -> Gc<'gc, String> {
    let hash = interning::hash(word);
    let mut at = 0;
    while let Some((its_hash, weak)) = chain.get(at) {
        match weak.upgrade(mc) {
            Some(text) if *its_hash == hash && **text == *word => return text,
            Some(_) => at += 1,
            None => drop(chain.swap_remove(at)),
        }
    }
    let text = Gc::new(mc, word.to_owned());
    chain.push((hash, Gc::downgrade(text)));
    text
}

impl interning::Program for Interner {
    fn intern(&mut self, first: u64, line: &str) -> u64 {
        let parameters = self.parameters;
        let sum = self.arena.mutate_root(|mc, strings| {
            let mut sum = 0_u64;
            for (number, word) in (first..).zip(line.split(' ')) {
                let chain = &mut strings.table[parameters.bucket(interning::hash(word))];
                let text = find(mc, chain, word);
                sum = sum.wrapping_add(interning::hash(&text));
                strings.ring[parameters.place(number)] = Some(text);
            }
            sum
        });
        self.arena.collect_debt();
        sum
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, strings| {
            for text in strings.ring.iter().flatten() {
                checksum.mix(interning::hash(text));
            }
        });
    }
}

// --- client_sessions ---

/// The buffer counts itself in `drop`, which gc-arena allows for what holds no pointers.
#[derive(Collect)]
#[collect(require_static)]
struct Outside(client_sessions::Buffer);

#[derive(Collect)]
#[collect(no_drop)]
struct Session<'gc> {
    id: u64,
    first: Lock<Option<Gc<'gc, ClientRequest<'gc>>>>,
    buffer: Outside,
}

#[derive(Collect)]
#[collect(no_drop)]
struct ClientRequest<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, ClientRequest<'gc>>>>,
    session: Option<Gc<'gc, Session<'gc>>>,
}

const _: () = assert!(size_of::<Session<'_>>() as u64 == client_sessions::SESSION_BYTES);
const _: () = assert!(size_of::<ClientRequest<'_>>() as u64 == client_sessions::REQUEST_BYTES);

type SessionsRoot = Rootable![Table<Gc<'_, Session<'_>>>];

struct Sessions {
    arena: Arena<SessionsRoot>,
}

fn session<'gc>(mc: &Mutation<'gc>, id: u64) -> Gc<'gc, Session<'gc>> {
    let buffer = Outside(client_sessions::Buffer::new(id));
    let session = Gc::new(mc, Session { id, first: Lock::new(None), buffer });
    let request = |number, next| {
        let number = client_sessions::number(id, number);
        Gc::new(mc, ClientRequest { number, next: Lock::new(next), session: Some(session) })
    };
    let last = request(client_sessions::REQUESTS - 1, None);
    let first = (0..client_sessions::REQUESTS - 1).rev().fold(last, |next, number| request(number, Some(next)));
    unlock!(Gc::write(mc, last), ClientRequest, next).set(Some(first));
    unlock!(Gc::write(mc, session), Session, first).set(Some(first));
    session
}

fn read(session: &Session<'_>) -> u64 {
    let mut sum = session.id.wrapping_add(session.buffer.0.digest());
    let first = session.first.get();
    let mut next = first;
    while let Some(request) = next {
        sum = sum.wrapping_add(request.number);
        debug_assert!(request.session.is_some());
        next = request.next.get().filter(|next| first.is_some_and(|first| !Gc::ptr_eq(*next, first)));
    }
    sum
}

impl client_sessions::Program for Sessions {
    fn serve(&mut self, id: u64) -> u64 {
        let sum = self.arena.mutate_root(|mc, kept| {
            let old = kept[id as usize % client_sessions::KEPT].replace(session(mc, id));
            old.map_or(0, |old| read(&old))
        });
        self.arena.collect_debt();
        sum
    }
}

// --- lru_cache ---

#[derive(Collect)]
#[collect(no_drop)]
struct Entry<'gc> {
    key: u64,
    value: Bytes<'gc>,
    chain: Lock<Link<'gc>>,
    newer: Lock<Link<'gc>>,
    older: Lock<Link<'gc>>,
}

type Link<'gc> = Option<Gc<'gc, Entry<'gc>>>;

const _: () = assert!(size_of::<Entry<'_>>() as u64 == lru_cache::ENTRY_BYTES);

#[derive(Collect)]
#[collect(no_drop)]
struct Lists<'gc> {
    table: Vec<Link<'gc>>,
    newest: Link<'gc>,
    oldest: Link<'gc>,
}

struct Cache {
    arena: Arena<Rootable![Lists<'_>]>,
    parameters: lru_cache::Parameters,
    entries: u32,
}

impl<'gc> Lists<'gc> {
    /// Takes an entry out of the list by age.
    fn unlink(&mut self, mc: &Mutation<'gc>, entry: Gc<'gc, Entry<'gc>>) {
        let (newer, older) = (entry.newer.get(), entry.older.get());
        match newer {
            Some(newer) => unlock!(Gc::write(mc, newer), Entry, older).set(older),
            None => self.newest = older,
        }
        match older {
            Some(older) => unlock!(Gc::write(mc, older), Entry, newer).set(newer),
            None => self.oldest = newer,
        }
    }

    /// Makes an entry that is not in the list by age its newest.
    fn push(&mut self, mc: &Mutation<'gc>, entry: Gc<'gc, Entry<'gc>>) {
        let written = Gc::write(mc, entry);
        unlock!(written, Entry, newer).set(None);
        unlock!(written, Entry, older).set(self.newest);
        match self.newest {
            Some(newest) => unlock!(Gc::write(mc, newest), Entry, newer).set(Some(entry)),
            None => self.oldest = Some(entry),
        }
        self.newest = Some(entry);
    }

    /// Takes an entry out of its chain.
    fn unchain(&mut self, mc: &Mutation<'gc>, bucket: usize, entry: Gc<'gc, Entry<'gc>>) {
        let after = entry.chain.get();
        let mut before: Link<'gc> = None;
        let mut next = self.table[bucket];
        while let Some(here) = next.filter(|here| !Gc::ptr_eq(*here, entry)) {
            before = Some(here);
            next = here.chain.get();
        }
        match before {
            Some(before) => unlock!(Gc::write(mc, before), Entry, chain).set(after),
            None => self.table[bucket] = after,
        }
    }
}

impl lru_cache::Program for Cache {
    fn access(&mut self, keys: &[u64; lru_cache::BATCH]) -> lru_cache::Accessed {
        let (parameters, entries) = (self.parameters, &mut self.entries);
        let all = self.arena.mutate_root(|mc, lists| {
            let mut all = lru_cache::Accessed::default();
            for &key in keys {
                let bucket = parameters.bucket(key);
                let found = std::iter::successors(lists.table[bucket], |entry| entry.chain.get());
                let entry = match found.into_iter().find(|entry| entry.key == key) {
                    Some(entry) => {
                        if entry.newer.get().is_some() {
                            lists.unlink(mc, entry);
                            lists.push(mc, entry);
                        }
                        entry
                    }
                    None => {
                        let value = bytes(mc, lru_cache::value_len(key), lru_cache::value_byte(key));
                        all.misses += 1;
                        all.bytes += value.len() as u64;
                        let chain = Lock::new(lists.table[bucket]);
                        let (newer, older) = (Lock::new(None), Lock::new(None));
                        let entry = Gc::new(mc, Entry { key, value, chain, newer, older });
                        lists.table[bucket] = Some(entry);
                        lists.push(mc, entry);
                        *entries += 1;
                        if *entries > parameters.entries
                            && let Some(oldest) = lists.oldest
                        {
                            lists.unlink(mc, oldest);
                            lists.unchain(mc, parameters.bucket(oldest.key), oldest);
                            *entries -= 1;
                        }
                        entry
                    }
                };
                all.sum = all.sum.wrapping_add(lru_cache::digest(&entry.value));
            }
            all
        });
        self.arena.collect_debt();
        all
    }

    fn check(&mut self, checksum: &mut Checksum) {
        self.arena.mutate(|_, lists| {
            let entries = std::iter::successors(lists.newest, |entry| entry.older.get());
            entries.for_each(|entry| checksum.mix(entry.key));
        });
    }
}

// --- json_dom ---

#[derive(Collect)]
#[collect(no_drop)]
enum Value<'gc> {
    Null,
    Bool(bool),
    Number(i64),
    String(Gc<'gc, String>),
    Array(Gc<'gc, Vec<Value<'gc>>>),
    Object(Gc<'gc, Vec<Member<'gc>>>),
}

#[derive(Collect)]
#[collect(no_drop)]
struct Member<'gc> {
    name: Gc<'gc, String>,
    value: Value<'gc>,
}

const _: () = assert!(size_of::<Value<'_>>() as u64 == json_dom::VALUE_BYTES);
const _: () = assert!(size_of::<Member<'_>>() as u64 == json_dom::MEMBER_BYTES);

struct Dom<'a, 'gc>(&'a Mutation<'gc>);

impl<'gc> json_dom::Builder for Dom<'_, 'gc> {
    type Value = Value<'gc>;
    type Member = Member<'gc>;
    type Text = Gc<'gc, String>;
    type Error = Infallible;

    fn text(&mut self, text: &str) -> Result<Gc<'gc, String>, Infallible> {
        Ok(Gc::new(self.0, text.to_owned()))
    }

    fn scalar(&mut self, scalar: json_dom::Scalar) -> Value<'gc> {
        match scalar {
            json_dom::Scalar::Null => Value::Null,
            json_dom::Scalar::Bool(bool) => Value::Bool(bool),
            json_dom::Scalar::Number(number) => Value::Number(number),
        }
    }

    fn string(&mut self, text: Gc<'gc, String>) -> Value<'gc> {
        Value::String(text)
    }

    fn array(&mut self, values: &mut Vec<Value<'gc>>) -> Result<Value<'gc>, Infallible> {
        Ok(Value::Array(Gc::new(self.0, std::mem::take(values))))
    }

    fn member(&mut self, name: Gc<'gc, String>, value: Value<'gc>) -> Member<'gc> {
        Member { name, value }
    }

    fn object(&mut self, members: &mut Vec<Member<'gc>>) -> Result<Value<'gc>, Infallible> {
        Ok(Value::Object(Gc::new(self.0, std::mem::take(members))))
    }

    fn view<'v>(value: &'v Value<'gc>) -> json_dom::View<'v, Value<'gc>, Member<'gc>> {
        match value {
            Value::Null => json_dom::View::Scalar(json_dom::Scalar::Null),
            Value::Bool(bool) => json_dom::View::Scalar(json_dom::Scalar::Bool(*bool)),
            Value::Number(number) => json_dom::View::Scalar(json_dom::Scalar::Number(*number)),
            Value::String(text) => json_dom::View::String(text),
            Value::Array(values) => json_dom::View::Array(values),
            Value::Object(members) => json_dom::View::Object(members),
        }
    }

    fn parts<'m>(member: &'m Member<'gc>) -> (&'m str, &'m Value<'gc>) {
        (&member.name, &member.value)
    }
}

type DocumentsRoot = Rootable![Table<Gc<'_, Value<'_>>>];

struct Documents {
    arena: Arena<DocumentsRoot>,
}

impl json_dom::Program for Documents {
    fn convert(&mut self, place: usize, document: &str) -> u64 {
        let sum = self.arena.mutate_root(|mc, ring| {
            let Ok(parsed) = json_dom::parse(&mut Dom(mc), document).map(|value| Gc::new(mc, value));
            let Ok(transformed) = json_dom::transform(&mut Dom(mc), &parsed).map(|value| Gc::new(mc, value));
            ring[place].replace(transformed).map_or(0, |old| json_dom::digest::<Dom<'_, '_>>(&old))
        });
        self.arena.collect_debt();
        sum
    }
}

// --- functional_map ---

#[derive(Collect)]
#[collect(no_drop)]
struct Trie<'gc> {
    left: Option<Gc<'gc, Trie<'gc>>>,
    right: Option<Gc<'gc, Trie<'gc>>>,
    value: u64,
}

const _: () = assert!(size_of::<Trie<'_>>() as u64 == functional_map::NODE_BYTES);

impl<'gc> Trie<'gc> {
    fn new(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Trie<'gc>> {
        let child = || (depth > 0).then(|| Trie::new(mc, depth - 1));
        let (left, right) = (child(), child());
        Gc::new(mc, Trie { left, right, value: 0 })
    }

    /// This node with one leaf below it replaced, and the value of the leaf before.
    fn updated(&self, mc: &Mutation<'gc>, key: u32, value: u64) -> (Gc<'gc, Trie<'gc>>, u64) {
        let (left, right, own, old) = match (self.left, self.right) {
            (Some(left), right) if key & 1 == 0 => {
                let (left, old) = left.updated(mc, key >> 1, value);
                (Some(left), right, 0, old)
            }
            (left, Some(right)) => {
                let (right, old) = right.updated(mc, key >> 1, value);
                (left, Some(right), 0, old)
            }
            _ => (None, None, value, self.value),
        };
        (Gc::new(mc, Trie { left, right, value: own }), old)
    }

    /// Adds value times position of the leaves below this node, of which so many are to its left.
    fn sum(&self, before: &mut u64) -> u64 {
        if let (Some(left), Some(right)) = (self.left, self.right) {
            let left = left.sum(before);
            return left.wrapping_add(right.sum(before));
        }
        *before += 1;
        self.value.wrapping_mul(*before)
    }
}

type VersionsRoot = Rootable![Table<Gc<'_, Trie<'_>>>];

struct Versions {
    arena: Arena<VersionsRoot>,
}

impl functional_map::Program for Versions {
    fn fill(&mut self, depth: u32) {
        self.arena.mutate_root(|mc, ring| ring[0] = Some(Trie::new(mc, depth)));
        self.arena.collect_debt();
    }

    fn update(&mut self, from: usize, to: usize, updates: &[functional_map::Update]) -> u64 {
        let total = self.arena.mutate_root(|mc, ring| {
            let mut version = ring[from].expect("the version before");
            let mut total = 0_u64;
            for update in updates {
                let (new, old) = version.updated(mc, update.key, update.value);
                version = new;
                total = total.wrapping_add(old);
            }
            ring[to] = Some(version);
            total
        });
        self.arena.collect_debt();
        total
    }

    fn sum(&mut self, place: usize) -> u64 {
        self.arena.mutate(|_, ring| ring[place].map_or(0, |version| version.sum(&mut 0)))
    }
}
