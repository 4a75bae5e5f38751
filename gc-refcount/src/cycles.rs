//! Cycle collection: trial deletion over a buffer of candidates.
//!
//! A garbage cycle comes into being only when some object loses a reference and keeps others, so the search starts from
//! the objects to which that happened (Martínez, Wachenchauzer and Lins, 1990), all at once, so that it is linear
//! (Bacon and Rajan, ECOOP 2001):
//!
//! 1. *Subtract.* Everything reachable from a candidate becomes gray, and every reference found on the way is taken
//!    from its target's count. What is left of a gray object's count is references from elsewhere.
//! 2. *Restore.* A gray object with a count left is alive, and so is what it leads to: black again, references restored.
//! 3. *Collect.* What is still gray is held by nothing but itself. Its references to black objects were subtracted and
//!    not restored, so nothing is left to decrement, and one pass finds all there is: garbage held by garbage turned
//!    gray with it.
//!
//! The gray objects are listed, breadth first: the list is work list, visited set and inventory at once. Because of it
//! no third colour is needed, a pass that the system refuses memory for can be undone, and headers are prefetched
//! exactly. It costs a word for each object visited.
//!
//! *Why not subtraction over all objects, as in CPython?* It needs a list of all containers, two words for each; this
//! heap has none, and dead young objects are never touched at all. *Why not a trace from the roots?* It needs the
//! inventory too: to lower the counts of what dead objects refer to, one must find the dead objects.
//!
//! *Known to be imperfect:* it runs in one pause, whose length is proportional to what the candidates reach.

use heap_core::collector::object::ObjectRef;
use heap_core::collector::{EdgeSink, HeapCore, prefetch};
use heap_core::events::EventKind;

use crate::RefCount;
use crate::count::{BUFFERED, GRAY, is_counted};
use crate::epoch::{Census, bury};
use crate::space::Space;
use crate::work::Scan;

/// Edges that are collected, and prefetched, before any of them is looked at.
const BATCH: usize = 64;

/// Dead objects' bytes that may stay in the buffer, or a sixteenth of the heap's limit, if that is less: see
/// [`Candidates::purge_if_worthwhile`].
const RETAINED_MAX: usize = 1 << 20;

/// Objects that lost a reference and lived.
///
/// Each is in the buffer at most once, its `BUFFERED` bit says so. One that dies later keeps its memory until the buffer
/// is emptied or purged, so that every entry has a header to look at.
#[derive(Default)]
pub(crate) struct Candidates {
    objects: Vec<ObjectRef>,
    dead: usize,
    dead_bytes: usize,
}

impl Candidates {
    #[inline]
    pub(crate) fn push(&mut self, object: ObjectRef) {
        self.objects.push(object);
    }

    /// An object in the buffer, of so many bytes, has died.
    #[inline]
    pub(crate) fn note_dead(&mut self, bytes: usize) {
        self.dead += 1;
        self.dead_bytes += bytes;
    }

    /// True when no object waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects that wait, dead ones among them.
    pub(crate) fn objects(&self) -> &[ObjectRef] {
        &self.objects
    }

    /// Removes the dead when they are a quarter of all, or hold much memory: then the look at every candidate is paid
    /// for.
    pub(crate) fn purge_if_worthwhile(&mut self, core: &mut HeapCore, space: &mut Space) {
        let most = core.memory.blocks.limit().map_or(RETAINED_MAX, |limit| RETAINED_MAX.min(limit / 16));
        if self.dead > self.objects.len() / 4 || self.dead_bytes > most {
            self.purge(core, space);
        }
    }

    fn purge(&mut self, core: &mut HeapCore, space: &mut Space) {
        if self.dead == 0 {
            return;
        }
        let mut at = 0;
        while at < self.objects.len() {
            if let Some(&ahead) = self.objects.get(at + 16) {
                prefetch(ahead);
            }
            let object = self.objects[at];
            // SAFETY: the memory of an object in the buffer is kept until it leaves it, here.
            let word = unsafe { object.header() }.load();
            if is_counted(word) {
                at += 1;
                continue;
            }
            // Dead and buried; it leaves the buffer, so this happens once.
            // SAFETY: intact, of this type.
            let (info, extent) = unsafe { (word.type_info(), object.extent(word.type_info())) };
            space.release(&core.memory, object, extent, info);
            // The order of candidates means nothing.
            self.objects.swap_remove(at);
        }
        self.dead = 0;
        self.dead_bytes = 0;
    }
}

impl RefCount {
    /// Collects the garbage cycles that the candidates reach. False when the system refused memory; then nothing has
    /// changed.
    pub(crate) fn collect_cycles(&mut self, core: &mut HeapCore) -> bool {
        self.candidates.purge(core, &mut self.space);
        let mut gray = std::mem::take(&mut self.candidates.objects);
        let candidates = gray.len();
        for &object in &gray {
            // SAFETY: candidates that were not purged are alive.
            let header = unsafe { object.header() };
            header.store(header.load().without(BUFFERED).with(GRAY));
        }
        if let Err(subtracted) = self.subtract(&mut gray) {
            self.undo(&gray, subtracted);
            gray.truncate(candidates);
            for &object in &gray {
                // SAFETY: alive, as above.
                let header = unsafe { object.header() };
                header.store(header.load().with(BUFFERED));
            }
            self.candidates.objects = gray;
            core.statistics.abandoned_collections += 1;
            core.event(EventKind::Abandoned);
            return false;
        }
        self.restore(&gray);
        let mut died = Census::default();
        for &object in &gray {
            // SAFETY: nothing was reclaimed.
            let header = unsafe { object.header() };
            let word = header.load();
            if !word.has(GRAY) {
                continue;
            }
            debug_assert!(!is_counted(word), "{object:?} is held from outside and was not restored");
            header.store(word.without(GRAY));
            // SAFETY: the object was counted until now, is intact, of this type, and gray only once in the list. What it
            // refers to needs no decrement: subtraction did that.
            unsafe {
                let info = word.type_info();
                let extent = object.extent(info);
                died.add(&extent);
                bury(core, &mut self.droppable, object, word, info);
                self.space.release(&core.memory, object, extent, info);
            }
        }
        died.leave(core);
        gray.clear();
        gray.shrink_to(1 << 16);
        self.candidates.objects = gray;
        core.statistics.full_collections += 1;
        self.pacing.cycles_collected(core);
        true
    }

    /// Makes everything reachable from the listed gray objects gray, appends it to the list, and subtracts every
    /// reference found. On refusal of memory returns the number of objects whose references were subtracted.
    fn subtract(&mut self, gray: &mut Vec<ObjectRef>) -> Result<(), usize> {
        let mut edges = EdgeSink::everything();
        let mut traced = 0;
        while traced < gray.len() {
            let subtracted = traced;
            while traced < gray.len() && edges.stack.len() < BATCH {
                if let Some(&ahead) = gray.get(traced + 8) {
                    prefetch(ahead);
                }
                if let Some((object, scan)) = scan_of(gray[traced]) {
                    // SAFETY: alive, its own scan.
                    unsafe { (scan.trace)(object.payload().as_ptr(), scan.count, &mut edges) };
                }
                traced += 1;
            }
            if edges.overflowed() || gray.try_reserve(edges.stack.len()).is_err() {
                return Err(subtracted);
            }
            edges.stack.iter().copied().for_each(prefetch);
            for target in edges.stack.drain(..) {
                // SAFETY: referred to by a counted object, so counted itself, and alive until this is over.
                let header = unsafe { target.header() };
                let word = self.counts.decrement(target, header.load());
                header.store(word.with(GRAY));
                if !word.has(GRAY) {
                    gray.push(target);
                }
            }
        }
        Ok(())
    }

    /// Gives back the references of all gray objects that are held from elsewhere, and of what they lead to; those are
    /// not gray afterwards.
    fn restore(&mut self, gray: &[ObjectRef]) {
        let RefCount { work, counts, .. } = self;
        let mut drain = |work: &mut crate::work::Worklist| {
            // SAFETY: edges of live objects lead to live objects; nothing is reclaimed; the scan is the object's own.
            unsafe {
                work.drain(|object| {
                    let header = object.header();
                    let word = counts.increment(object, header.load());
                    header.store(word.without(GRAY));
                    if word.has(GRAY) { scan_of(object).map(|(_, scan)| scan) } else { None }
                });
            }
        };
        for (index, &object) in gray.iter().enumerate() {
            if let Some(&ahead) = gray.get(index + 16) {
                prefetch(ahead);
            }
            // SAFETY: nothing was reclaimed.
            let header = unsafe { object.header() };
            let word = header.load();
            if word.has(GRAY) && is_counted(word) {
                header.store(word.without(GRAY));
                if let Some((object, scan)) = scan_of(object) {
                    // SAFETY: alive, its own scan.
                    unsafe { work.trace_insisting(object, scan) };
                }
                if work.stack().len() > 512 {
                    drain(work);
                }
            }
        }
        drain(work);
    }

    /// Undoes a subtraction that got as far as the first `subtracted` objects of the list.
    fn undo(&mut self, gray: &[ObjectRef], subtracted: usize) {
        let RefCount { work, counts, .. } = self;
        for (index, &object) in gray.iter().enumerate() {
            // SAFETY: alive: nothing was found dead.
            let header = unsafe { object.header() };
            header.store(header.load().without(GRAY));
            if index < subtracted
                && let Some((object, scan)) = scan_of(object)
            {
                // SAFETY: alive, its own scan; the edges are those that were subtracted, because nothing has run since.
                unsafe {
                    work.trace_insisting(object, scan);
                    work.drain(|target| {
                        let header = target.header();
                        header.store(counts.increment(target, header.load()));
                        None
                    });
                }
            }
        }
    }
}

/// How to find the edges of an intact object that may have some.
#[inline]
fn scan_of(object: ObjectRef) -> Option<(ObjectRef, Scan)> {
    // SAFETY: called for intact objects only: those in the gray list and what they refer to.
    unsafe {
        let info = object.header().load().type_info();
        info.trace().map(|trace| (object, Scan { trace, count: object.count(info) }))
    }
}
