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
//! *Ephemerons.* The reference to a value is subtracted when the first of ephemeron and key turns gray, and restored when
//! neither is. *Finalizers.* A gray object that is held by nothing but garbage, and whose finalizer was not queued, is
//! queued: that is a reference from elsewhere, and it is restored with all that it leads to.
//!
//! *Permanent objects* look gray and in the buffer from the beginning, and their counts do not change: they are never
//! listed, and what they lead to is held from elsewhere.
//!
//! *Known to be imperfect:* it runs in one pause, whose length is proportional to what the candidates reach.

use heap_core::collector::object::{FINALIZABLE, SIDE_ENTRY};
use heap_core::collector::{Collector, Death, EdgeSink, HeapCore, NoKeys, Object, ObjectRef, prefetch};
use heap_core::events::EventKind;

use crate::RefCount;
use crate::count::{BUFFERED, GRAY, is_counted, is_permanent};
use crate::epoch::Census;
use crate::space::Space;

/// Edges that are collected, and prefetched, before any of them is looked at.
const BATCH: usize = 64;

/// Bytes of the smallest object that has a reference: what each object that is looked at counts for.
const LEAST_OBJECT: usize = 16;

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
            // SAFETY: the memory of an object in the buffer is kept until it leaves it, here.
            let object = unsafe { Object::at(self.objects[at]) };
            if is_counted(object.word()) {
                at += 1;
                continue;
            }
            // Dead and buried; it leaves the buffer, so this happens once.
            space.release(&core.memory, object.reference(), object.extent(), object.info());
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
        // What a program does not use costs it nothing: the loops exist with and without ephemerons and permanent
        // objects.
        let plain = core.death.ephemerons.is_empty() && core.permanent.is_empty();
        if plain { self.delete::<false>(core) } else { self.delete::<true>(core) }
    }

    fn delete<const SPECIAL: bool>(&mut self, core: &mut HeapCore) -> bool {
        let mut gray = std::mem::take(&mut self.candidates.objects);
        let candidates = gray.len();
        for &object in &gray {
            let object = visited(object);
            object.header().store(object.word().without(BUFFERED).with(GRAY));
        }
        if let Err(subtracted) = self.subtract::<SPECIAL>(&mut gray, &core.death) {
            self.undo::<SPECIAL>(&gray, subtracted, &core.death);
            gray.truncate(candidates);
            for &object in &gray {
                let object = visited(object);
                object.header().store(object.word().with(BUFFERED));
            }
            self.candidates.objects = gray;
            core.statistics.abandoned_collections += 1;
            core.event(EventKind::Abandoned);
            return false;
        }
        self.restore::<SPECIAL>(&gray, &core.death);
        if self.queue_finalizable(&gray, &mut core.death) {
            self.restore::<SPECIAL>(&gray, &core.death);
        }
        let mut died = Census::default();
        for &object in &gray {
            let object = visited(object);
            if !object.word().has(GRAY) {
                continue;
            }
            debug_assert!(!is_counted(object.word()), "{object:?} is held from outside and was not restored");
            object.header().store(object.word().without(GRAY));
            if Death::concerns(object) {
                // What ephemerons held was subtracted too.
                core.death.died(object, &mut |held| unreachable!("{held:?} is held by garbage"));
            }
            // It was counted until now, and is gray only once in the list. What it refers to needs no decrement:
            // subtraction did that.
            let measured = object.measure();
            died.add(&measured);
            self.space.release(&core.memory, object.reference(), measured.extent(), object.info());
        }
        died.leave(&mut core.statistics);
        self.looked_at = (gray.len() * LEAST_OBJECT) as u64;
        core.note_held(self.side_bytes() + gray.capacity() * size_of::<ObjectRef>());
        gray.clear();
        gray.shrink_to(1 << 16);
        self.candidates.objects = gray;
        core.statistics.full_collections += 1;
        true
    }

    /// Makes everything reachable from the listed gray objects gray, appends it to the list, and subtracts every
    /// reference found. On refusal of memory returns the number of objects whose references were subtracted.
    fn subtract<const SPECIAL: bool>(&mut self, gray: &mut Vec<ObjectRef>, death: &Death) -> Result<(), usize> {
        let mut edges = EdgeSink::everything();
        let mut traced = 0;
        while traced < gray.len() {
            let subtracted = traced;
            while traced < gray.len() && edges.stack.len() < BATCH {
                if let Some(&ahead) = gray.get(traced + 8) {
                    prefetch(ahead);
                }
                visited(gray[traced]).trace(&mut edges);
                traced += 1;
            }
            if edges.overflowed() || gray.try_reserve(edges.stack.len()).is_err() {
                return Err(subtracted);
            }
            edges.stack.iter().copied().for_each(prefetch);
            self.subtract_edges(gray, &mut edges);
            if SPECIAL {
                for index in subtracted..traced {
                    let object = visited(gray[index]);
                    if object.word().has(SIDE_ENTRY) {
                        let holds = death.ephemerons.holds(object);
                        if gray.try_reserve(holds).is_err() || edges.stack.try_reserve(holds).is_err() {
                            return Err(traced);
                        }
                        death.ephemerons.suspend(object, |value| edges.stack.push(value));
                        self.subtract_edges(gray, &mut edges);
                    }
                }
            }
        }
        Ok(())
    }

    /// Subtracts the collected references. There is room in the list.
    #[inline]
    fn subtract_edges(&mut self, gray: &mut Vec<ObjectRef>, edges: &mut EdgeSink) {
        for target in edges.stack.drain(..) {
            // Referred to by a counted object, so counted itself.
            let target = visited(target);
            let word = self.counts.decrement(target.reference(), target.word());
            target.header().store(word.with(GRAY));
            if !word.has(GRAY) {
                gray.push(target.reference());
            }
        }
    }

    /// Gives back the references of all gray objects that are held from elsewhere, and of what they lead to; those are
    /// not gray afterwards.
    fn restore<const SPECIAL: bool>(&mut self, gray: &[ObjectRef], death: &Death) {
        let RefCount { work, counts, .. } = self;
        let resume = |object: Object<'_>, stack: &mut Vec<ObjectRef>| {
            if SPECIAL && object.word().has(SIDE_ENTRY) {
                death.ephemerons.resume(object, is_gray, |value| stack.push(value));
            }
        };
        let mut drain = |work: &mut crate::work::Worklist| {
            // SAFETY: edges of live objects lead to live objects, and nothing is reclaimed or moved.
            let waiting = unsafe { work.waiting() };
            waiting.drain(&mut NoKeys, |object, stack, _| {
                let word = counts.increment(object.reference(), object.word());
                if SPECIAL && is_permanent(word) {
                    return None;
                }
                object.header().store(word.without(GRAY));
                if !word.has(GRAY) {
                    return None;
                }
                resume(object, stack);
                Some(object.measure())
            });
        };
        for (index, &object) in gray.iter().enumerate() {
            if let Some(&ahead) = gray.get(index + 16) {
                prefetch(ahead);
            }
            let object = visited(object);
            if object.word().has(GRAY) && is_counted(object.word()) {
                object.header().store(object.word().without(GRAY));
                work.trace_insisting(|sink| object.trace(sink));
                resume(object, work.stack());
                if work.stack().len() > 512 {
                    drain(work);
                }
            }
        }
        drain(work);
    }

    /// Queues what is garbage and has a finalizer: the queue holds it from now on. True when there was any.
    fn queue_finalizable(&mut self, gray: &[ObjectRef], death: &mut Death) -> bool {
        let mut any = false;
        if !death.finalizers.is_empty() {
            for &object in gray {
                let object = visited(object);
                if object.word().has(GRAY) && death.intercept(object) {
                    let word = self.counts.increment(object.reference(), object.word());
                    object.header().store(word.without(FINALIZABLE));
                    any = true;
                }
            }
        }
        any
    }

    /// Undoes a subtraction that got as far as the first `subtracted` objects of the list.
    fn undo<const SPECIAL: bool>(&mut self, gray: &[ObjectRef], subtracted: usize, death: &Death) {
        let RefCount { work, counts, .. } = self;
        for (index, &object) in gray.iter().enumerate() {
            let object = visited(object);
            object.header().store(object.word().without(GRAY));
            if index < subtracted {
                // The edges are those that were subtracted, because nothing has run since.
                work.trace_insisting(|sink| object.trace(sink));
            }
            if SPECIAL && object.word().has(SIDE_ENTRY) {
                death.ephemerons.resume(object, is_gray, |value| work.stack().push(value));
            }
            // SAFETY: edges of live objects lead to live objects: nothing was found dead.
            let waiting = unsafe { work.waiting() };
            waiting.drain(&mut NoKeys, |target, _, _| {
                target.header().store(counts.increment(target.reference(), target.word()));
                None
            });
        }
    }
}

fn is_gray(object: ObjectRef) -> bool {
    let word = visited(object).word();
    word.has(GRAY) && !is_permanent(word)
}

/// An object that the trial deletion in progress has in its list, or that such an object refers to.
#[inline(always)]
fn visited<'a>(object: ObjectRef) -> Object<'a> {
    // SAFETY: candidates that were not purged are alive, and so is what they lead to; nothing is reclaimed before the
    // deletion is over, survivors move after it, and the program is stopped.
    unsafe { Object::at(object) }
}
