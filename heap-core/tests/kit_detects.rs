//! The conformance kit must fail on wrong collectors.
//!
//! Here is a small but complete one, copying, with a generation of young objects and a write barrier, and a list of
//! single mistakes that it can be told to make. Unspoilt it passes the kit; with any one mistake it must not. A mistake
//! usually ends in memory that holds something else, so each runs in a process of its own, and a crash counts as found.
#![cfg(feature = "conformance")]

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::process::{Command, Stdio};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use heap_core::collector::memory::{BLOCK_BYTES, BlockIndex, BlockKind, Memory, poison};
use heap_core::collector::object::{FORWARDED, HASH_ASKED, HASH_BYTES, HASH_STORED, HeaderWord, SIDE_ENTRY, UNLOGGED};
use heap_core::collector::{
    AllocRequest, Allocation, Capabilities, Closure, Collector, HeapContext, HeapCore, Hole, Identity, Intact, Keys,
    NoKeys, Object, ObjectRef, Refused, Scope, Shape, SlotSink,
};
use heap_core::error::AllocError;
use heap_core::events::CollectionKind;

/// What the collector does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mistake {
    /// Nothing.
    None,
    /// Handles are not roots.
    Handles,
    /// The barrier remembers nothing.
    Barrier,
    /// The barrier remembers, but only the first time an object is written.
    BarrierOnce,
    /// One edge of each object with several is not followed and not updated.
    LostEdge,
    /// The last word of an object with more than 64 bytes is not copied.
    TornCopy,
    /// Moved objects lose the bit that says they have a weak cell.
    LostState,
    /// Weak cells of objects that live are cleared.
    WeakOfTheLiving,
    /// Weak cells are not cleared, and drop glue does not run.
    DeadNotProcessed,
    /// Values of ephemerons are not reached, and objects with finalizers not brought back.
    NothingReached,
    /// They are, but not what they lead to.
    ReachedNotDrained,
    /// They are, after the dead were buried.
    ReachedTooLate,
    /// Drop glue runs although the object lives.
    GlueOfTheLiving,
    /// Drop glue runs twice.
    GlueTwice,
    /// Every second full collection is a minor one.
    FloatingGarbage,
    /// The number of live objects is wrong by one.
    Miscount,
    /// Large objects never die.
    LargeLeak,
    /// Large objects that only old objects refer to die in minor collections.
    LargeLost,
}

const ALL: &[Mistake] = &[
    Mistake::None,
    Mistake::Handles,
    Mistake::Barrier,
    Mistake::BarrierOnce,
    Mistake::LostEdge,
    Mistake::TornCopy,
    Mistake::LostState,
    Mistake::WeakOfTheLiving,
    Mistake::DeadNotProcessed,
    Mistake::NothingReached,
    Mistake::ReachedNotDrained,
    Mistake::ReachedTooLate,
    Mistake::GlueOfTheLiving,
    Mistake::GlueTwice,
    Mistake::FloatingGarbage,
    Mistake::Miscount,
    Mistake::LargeLeak,
    Mistake::LargeLost,
];

/// Copies what lives, and frees the blocks that it leaves.
struct Copying {
    mistake: Mistake,
    young: HashSet<BlockIndex>,
    old: HashSet<BlockIndex>,
    remembered: Vec<ObjectRef>,
    full: u32,
}

impl Copying {
    fn new(mistake: Mistake) -> Self {
        Copying { mistake, young: HashSet::new(), old: HashSet::new(), remembered: Vec::new(), full: 0 }
    }

    fn run(&mut self, heap: &mut HeapContext<'_>, mut scope: Scope) {
        if scope == Scope::All {
            self.full += 1;
            if self.mistake == Mistake::FloatingGarbage && self.full.is_multiple_of(2) {
                scope = Scope::Young;
            }
        }
        // What is copied may for a moment exceed the limit, and must not be refused in the middle. Copies lie in another
        // order and may be padded more.
        let limit = heap.core.memory.blocks.limit();
        heap.core.memory.blocks.set_limit(None);
        if heap.core.memory.blocks.prepare(2 * (self.young.len() + self.old.len()) + 8).is_err() {
            heap.core.memory.blocks.set_limit(limit);
            heap.core.statistics.abandoned_collections += 1;
            heap.fast.due.set(false);
            return;
        }
        let mut from = std::mem::take(&mut self.young);
        if scope == Scope::All {
            from.extend(self.old.drain());
        }
        let memory = &heap.core.memory;
        let mut evacuation = Evacuation {
            base: memory.blocks.base().addr().get(),
            all_large: memory.large.iter().map(|large| (ObjectRef::new(large.payload), large.young)).collect(),
            mistake: self.mistake,
            scope,
            from,
            to: HashSet::new(),
            room: (NonNull::dangling(), 0),
            large: HashSet::new(),
            pending: Vec::new(),
            slots: SlotSink::everything(),
            live: 0,
            live_bytes: 0,
        };
        let mut roots: Vec<ObjectRef> = heap.core.every_root().collect();
        if self.mistake == Mistake::Handles {
            roots.truncate(1);
        }
        for root in roots {
            evacuation.evacuate(&mut heap.core.memory, &heap.core.identity, root, &mut NoKeys);
        }
        for object in self.remembered.drain(..) {
            if scope == Scope::Young {
                if self.mistake != Mistake::BarrierOnce {
                    // SAFETY: remembered objects are old, and old objects do not die in a minor collection.
                    let header = unsafe { object.header() };
                    header.store(header.load().with(UNLOGGED));
                }
                evacuation.pending.push(object);
            }
        }
        evacuation.scan(&mut heap.core.memory, &heap.core.identity, &mut NoKeys);
        let moved: Vec<ObjectRef> = heap.core.every_root().map(|root| evacuation.at(root).unwrap_or(root)).collect();
        let mut moved = moved.into_iter();
        heap.core.update_every_root(|slot| *slot = moved.next().expect("as many roots as before"));
        evacuation.bury(heap.core);
        evacuation.release(heap.core);
        self.old.extend(evacuation.to);
        heap.core.memory.blocks.set_limit(limit);
        heap.core.roots.settle();
        heap.fast.clear_buffer();
        heap.fast.due.set(false);
        match scope {
            Scope::Young => heap.core.statistics.minor_collections += 1,
            Scope::All => {
                heap.core.statistics.full_collections += 1;
                heap.core.statistics.live_bytes = evacuation.live_bytes;
                heap.core.statistics.live_as_of = Some(heap.fast.allocated_bytes());
                heap.core.statistics.live_objects = evacuation.live + u64::from(self.mistake == Mistake::Miscount);
            }
        }
    }
}

/// One collection.
struct Evacuation {
    mistake: Mistake,
    scope: Scope,
    /// The address of block 0.
    base: usize,
    /// Large objects, and whether they are young.
    all_large: HashMap<ObjectRef, bool>,
    /// Blocks that will be free.
    from: HashSet<BlockIndex>,
    /// Blocks with copies.
    to: HashSet<BlockIndex>,
    room: (NonNull<u8>, usize),
    /// Large objects that were reached.
    large: HashSet<ObjectRef>,
    pending: Vec<ObjectRef>,
    slots: SlotSink,
    live: u64,
    live_bytes: u64,
}

impl Evacuation {
    /// Whether the object may die in this collection.
    fn concerns(&self, object: ObjectRef) -> bool {
        match self.all_large.get(&object) {
            Some(young) => *young || self.scope == Scope::All || self.mistake == Mistake::LargeLost,
            None => self.from.contains(&BlockIndex::new((object.address() - self.base) / BLOCK_BYTES)),
        }
    }

    fn evacuate<K: Keys>(
        &mut self,
        memory: &mut Memory,
        identity: &Identity,
        object: ObjectRef,
        keys: &mut K,
    ) -> ObjectRef {
        if !self.concerns(object) {
            return object;
        }
        // SAFETY: the object was reached, and nothing was freed yet.
        let header = unsafe { object.header() };
        let word = header.load();
        if let Some(to) = word.forwarded() {
            return to;
        }
        if self.all_large.contains_key(&object) {
            if self.large.insert(object) {
                if K::WANTED && word.has(SIDE_ENTRY) {
                    keys.report(object);
                }
                header.store(word.with(UNLOGGED));
                self.live += 1;
                // SAFETY: alive, and large objects are never forwarded.
                self.live_bytes += unsafe { object.size(word.type_info()) } as u64;
                self.pending.push(object);
            }
            return object;
        }
        // SAFETY: not forwarded.
        let info = unsafe { word.type_info() };
        // SAFETY: alive, of this type.
        let size = unsafe { object.size(info) };
        // A copy of an object that was asked for its identity hash has a word more, and a description that says so.
        let hash = word.has(HASH_ASKED).then(|| identity.of_place(object));
        let bytes = size + if hash.is_some() { HASH_BYTES } else { 0 };
        let (prefix, align) = (info.prefix_bytes(), info.align().max(8));
        let payload = loop {
            let (cursor, room) = self.room;
            let padding = (cursor.addr().get() + prefix).wrapping_neg() & (align - 1);
            if padding + bytes <= room {
                // SAFETY: padding and object fit into the rest of the block.
                let (payload, end) = unsafe { (cursor.byte_add(padding + prefix), cursor.byte_add(padding + bytes)) };
                self.room = (end, room - padding - bytes);
                break payload;
            }
            let block = memory.blocks.allocate(BlockKind::Small).expect("the system has memory");
            self.to.insert(block);
            self.room = (memory.blocks.address_of(block), BLOCK_BYTES);
        };
        let torn = if self.mistake == Mistake::TornCopy && size > 64 { 8 } else { 0 };
        // SAFETY: the copy's memory is fresh and as large as the object; it begins with the same prefix.
        unsafe {
            payload.byte_sub(prefix).copy_from_nonoverlapping(object.payload().byte_sub(prefix), size - torn);
            if let Some(hash) = hash {
                payload.byte_add(size - prefix).cast::<u64>().write(hash);
            }
        }
        let to = ObjectRef::new(payload);
        let state = if self.mistake == Mistake::LostState { 0 } else { word.state() & !FORWARDED };
        let (info, state) = match hash {
            Some(_) => (info.with_hash().expect("it was asked"), state & !HASH_ASKED | HASH_STORED),
            None => (info, state),
        };
        // SAFETY: the copy is an object now.
        unsafe { to.header() }.store(HeaderWord::new(info, state | UNLOGGED));
        header.store(HeaderWord::forwarding(to));
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object);
        }
        self.live += 1;
        self.live_bytes += bytes as u64;
        self.pending.push(to);
        to
    }

    /// Copies what the slots of the pending objects lead to. False when it stopped because `keys` is full.
    fn scan<K: Keys>(&mut self, memory: &mut Memory, identity: &Identity, keys: &mut K) -> bool {
        loop {
            while let Some(slot) = self.slots.pop() {
                // SAFETY: an object that is alive has reported the slot, and nobody else has looked at it since.
                unsafe { slot.write(self.evacuate(memory, identity, slot.read(), keys)) };
                if keys.is_full() {
                    return false;
                }
            }
            let Some(object) = self.pending.pop() else { return true };
            // SAFETY: pending objects are alive and not forwarded.
            let info = unsafe { object.header().load().type_info() };
            let Some(relocate) = info.relocate() else { continue };
            // SAFETY: alive, of this type; nothing else looks at it.
            unsafe { relocate(object.payload().as_ptr(), object.count(info), &mut self.slots) };
            if self.mistake == Mistake::LostEdge && self.slots.list().len() > 1 {
                self.slots.pop();
            }
        }
    }

    /// Where a root is now.
    fn at(&self, root: ObjectRef) -> Option<ObjectRef> {
        // SAFETY: the memory of what roots led to is intact until `release`.
        self.locate(unsafe { Intact::at(root) })
    }

    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        let reference = object.reference();
        if !self.concerns(reference) {
            Some(reference)
        } else if self.all_large.contains_key(&reference) {
            self.large.contains(&reference).then_some(reference)
        } else {
            object.header().load().forwarded()
        }
    }

    fn bury(&mut self, core: &mut HeapCore) {
        let (scope, mistake) = (self.scope, self.mistake);
        let mut closure = Reaching {
            evacuation: self,
            memory: &mut core.memory,
            identity: &core.identity,
            burying: false,
            dead: RefCell::default(),
        };
        if !matches!(mistake, Mistake::NothingReached | Mistake::ReachedTooLate) {
            core.death.reach(scope, &mut closure).expect("there is room");
        }
        closure.burying = true;
        let dropped = if mistake == Mistake::DeadNotProcessed { 0 } else { core.death.bury(scope, &closure) };
        if mistake == Mistake::ReachedTooLate {
            closure.burying = false;
            core.death.reach(scope, &mut closure).expect("there is room");
        }
        if mistake == Mistake::GlueTwice {
            for object in closure.dead.into_inner() {
                // SAFETY: intact, and not moved. That its glue has run already is the mistake.
                unsafe {
                    let info = object.header().load().type_info();
                    if let Some(glue) = info.drop() {
                        glue(object.payload().as_ptr(), object.count(info));
                    }
                }
            }
        }
        core.buried(scope, dropped);
    }

    fn release(&mut self, core: &mut HeapCore) {
        let memory = &mut core.memory;
        for &block in &self.from {
            // SAFETY: everything alive was copied out of the block.
            unsafe { poison(memory.blocks.address_of(block), BLOCK_BYTES) };
            core.identity.emptied(block..BlockIndex::new(block.index() + 1));
            memory.blocks.free(block);
        }
        if self.mistake == Mistake::LargeLeak {
            memory.large.take_young(|_| {});
            return;
        }
        match self.scope {
            Scope::Young if self.mistake != Mistake::LargeLost => {
                memory.large.retain_young(&mut memory.blocks, |payload| self.large.contains(&ObjectRef::new(payload)));
            }
            _ => {
                memory.large.retain(&mut memory.blocks, |payload| self.large.contains(&ObjectRef::new(payload)));
                memory.large.take_young(|_| {});
            }
        }
    }
}

/// What a collection has reached.
struct Reaching<'e> {
    evacuation: &'e mut Evacuation,
    memory: &'e mut Memory,
    identity: &'e Identity,
    burying: bool,
    /// Objects that were found dead.
    dead: RefCell<HashSet<ObjectRef>>,
}

// SAFETY: unsafe exactly when it is told to make a mistake.
unsafe impl Closure for Reaching<'_> {
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        let now = self.evacuation.locate(object);
        if !self.burying {
            return now;
        }
        let info = match object.look() {
            Ok(object) => object.info(),
            // SAFETY: the copy is alive.
            Err(to) => unsafe { Object::at(to) }.info(),
        };
        match self.evacuation.mistake {
            Mistake::WeakOfTheLiving => now.filter(|_| info.shape() != Shape::Sized || info.drop().is_some()),
            Mistake::GlueOfTheLiving => now.filter(|_| info.drop().is_none()),
            _ => {
                if now.is_none() {
                    self.dead.borrow_mut().insert(object.reference());
                }
                now
            }
        }
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        Ok(self.evacuation.evacuate(self.memory, self.identity, object.reference(), &mut NoKeys))
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        if self.evacuation.mistake == Mistake::ReachedNotDrained {
            return Ok(true);
        }
        Ok(self.evacuation.scan(self.memory, self.identity, keys))
    }
}

// SAFETY: unsafe exactly when it is told to make a mistake.
unsafe impl Collector for Copying {
    fn name(&self) -> &'static str {
        "copying"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TRACING.and_moves()
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        heap.fast.set_barrier_mask(UNLOGGED);
        heap.core.outside.allow(4 << 20);
        // Every collection needs addresses for all copies and more. Where there are none to spare it would be given up each
        // time, and the kit rightly asks that garbage goes.
        if heap.core.memory.blocks.reserved_bytes() < 4 << 20 {
            return Err(AllocError::ADDRESS_SPACE);
        }
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        if request.is_large() {
            return heap.allocate_large(request);
        }
        loop {
            if let Some(allocation) = heap.fast.bump(request) {
                return Ok(allocation);
            }
            let block = heap.core.memory.blocks.allocate(BlockKind::Small)?;
            self.young.insert(block);
            if self.young.len() > 4 {
                heap.fast.due.set(true);
            }
            // SAFETY: the block was just taken, and belongs to nobody else.
            heap.fast.set_buffer(unsafe { Hole::new(heap.core.memory.blocks.address_of(block), BLOCK_BYTES) });
        }
    }

    fn barrier_slow(&mut self, _: &mut HeapContext<'_>, object: Object<'_>, _: Range<usize>) {
        object.header().store(object.word().without(UNLOGGED));
        if self.mistake != Mistake::Barrier {
            self.remembered.push(object.reference());
        }
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        let much = heap.core.outside.settled() > 8 << 20;
        self.run(heap, if much { Scope::All } else { Scope::Young });
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        self.run(heap, if kind == CollectionKind::Full { Scope::All } else { Scope::Young });
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.run(heap, Scope::All);
        true
    }
}

heap_core::conformance!(unspoilt => Copying::new(Mistake::None));

/// Says to [`with_a_mistake`] which one.
const VARIABLE: &str = "KIT_DETECTS_MISTAKE";

/// Runs in a process of its own.
#[test]
#[ignore = "started by `the_kit_finds_every_mistake`"]
fn with_a_mistake() {
    let name = std::env::var(VARIABLE).expect("the test is not run by itself");
    let mistake = *ALL.iter().find(|mistake| format!("{mistake:?}") == name).expect("a known mistake");
    let kit = heap_core::conformance::Kit::new(move || Copying::new(mistake));
    kit.recycled_memory();
    kit.ephemerons();
    kit.finalizers();
    kit.random_programs();
    kit.random_programs_with_zeal();
}

#[test]
fn the_kit_finds_every_mistake() {
    let mut missed = Vec::new();
    for &mistake in ALL {
        let mut child = Command::new(std::env::current_exe().expect("a test has a file"))
            .args(["--exact", "with_a_mistake", "--ignored", "--test-threads=1"])
            .env(VARIABLE, format!("{mistake:?}"))
            .env("PROPTEST_CASES", "300")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test can be started again");
        // A broken heap may run in circles; that is found too.
        let start = Instant::now();
        let found = loop {
            match child.try_wait().expect("the child can be waited for") {
                Some(status) => break !status.success(),
                None if start.elapsed() > Duration::from_secs(120) => {
                    child.kill().expect("the child can be stopped");
                    child.wait().expect("the child can be waited for");
                    break true;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        println!("{mistake:?}: {} after {:?}", if found { "found" } else { "not found" }, start.elapsed());
        if found == (mistake == Mistake::None) {
            missed.push(mistake);
        }
    }
    assert!(missed.is_empty(), "the kit said the wrong thing about {missed:?}");
}

/// A check that fails as a user sees it, on a collector that remembers no write.
mod broken {
    use super::*;

    #[test]
    #[ignore = "started by `a_failing_program_is_shown_and_run_again`"]
    fn random_programs() {
        let kit = heap_core::conformance::Kit::new(|| Copying::new(Mistake::Barrier));
        kit.test(module_path!(), "random_programs", heap_core::conformance::Kit::random_programs);
    }
}

/// What the broken check prints, with a file to run again, or a seed.
fn report(replay: Option<&std::path::Path>) -> String {
    let mut test = Command::new(std::env::current_exe().expect("a test has a file"));
    test.args(["--exact", "broken::random_programs", "--ignored", "--nocapture"]).env("HEAP_CONFORMANCE_SEED", "7");
    test.envs(replay.map(|file| ("HEAP_CONFORMANCE_REPLAY", file)));
    let output = test.output().expect("the test can be started again");
    assert!(!output.status.success(), "it fails");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_failing_program_is_shown_and_run_again() {
    let first = report(None);
    println!("{first}");
    // The shortest program that needs the barrier: an object becomes old, gets a young one, and is looked into.
    let listing = first.split_once("the shortest program found that fails:\n").expect("there is a listing").1;
    let listing: Vec<&str> = listing.lines().take_while(|line| line.starts_with("    |")).collect();
    assert!(listing.len() < 20 && listing.iter().any(|line| line.contains("store!(mc, ")), "{listing:#?}");
    assert!(listing.iter().any(|line| line.ends_with("// <- here")), "{listing:#?}");
    assert!(first.contains("- a write is not seen"), "what the shortest program does is a hint");
    let (_, rest) = first.split_once("HEAP_CONFORMANCE_REPLAY=").expect("the file is named");
    let file = std::path::Path::new(rest.split(' ').next().expect("a path"));
    let again = report(Some(file));
    println!("{again}");
    assert!(again.contains(&listing.join("\n")), "the same program fails in the same way");

    // A letter is lost.
    let directory = tempfile::tempdir().expect("a directory");
    let damaged = directory.path().join("damaged");
    let text = std::fs::read_to_string(file).expect("it was saved");
    let line = 1 + text.lines().position(|line| line == "mutate").expect("it writes something");
    std::fs::write(&damaged, text.replacen("mutate", "mutte", 1)).expect("it can be written");
    let refused = report(Some(&damaged));
    assert!(refused.contains(&format!("line {line}, column 1: expected one of `mutate_root`")), "{refused}");
    assert!(refused.contains("found `mutte`"), "{refused}");
}
