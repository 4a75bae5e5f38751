//! [`Recorder`]: a collector that writes down what the program does.
//!
//! It collects as `gc-marksweep` does in one pause, to which it leaves all of that, and looks at the same moments:
//! objects that do not move have addresses for names. What is its own:
//!
//! - *Allocations.* The fast path finds no room, ever: what the collector's buffer has left is hidden between two
//!   allocations, so that each comes by here and is noted.
//! - *Writes.* Objects that are known and clean have the header bit `UNLOGGED`; the first write of a `mutate` takes it
//!   away and lists the object. Large arrays keep it, and every write is listed, with its range. The inner collector's
//!   own bits in the barrier's mask stay, for marking in steps: it is asked when they say so.
//! - *The end of each `mutate`*, which is always a safepoint. What new roots and what was written lead to, and has no
//!   number yet, is new or has come back; it gets one, and its slots are read. What was written is compared with a
//!   *shadow*: what each known object's slots held when they were looked at last.
//! - *Deaths.* After each collection the shadow is searched from the roots, and numbers that are not found are used
//!   again. What lives on nevertheless, by an ephemeron or a finalizer, is announced anew when it is seen again.
//!
//! The shadow takes four bytes for each word of objects with references, and about a hundred for each object. It is what
//! makes a trace small, and the recorder safe: no old value is ever read in the middle of a `mutate`.
//!
//! When the file cannot be written, or has become too long, the trace ends there, well formed in the second case, and the
//! program goes on. So it does when the writer panics.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use gc_marksweep::MarkSweep;
use heap_core::collector::object::{CARDED, UNLOGGED};
use heap_core::collector::{
    AllocRequest, Allocation, Buffer, Capabilities, Collector, HeaderWord, HeapContext, HeapCore, Hole, Object,
    ObjectMap, ObjectRef, SlotSink, Snapshot, VerifyError,
};
use heap_core::{AllocError, CollectionKind};

use super::format::{
    CONTROL, Control, DEAD_SOON, LINKED, MAGIC, NONE, Numbers, OBJECT, OUTSIDE, OWNER, PLAIN, SLOT, put, put_target,
    zigzag,
};
use super::trace::Totals;

/// Roots that each `mutate` after which one is missing pays for. A look at all of them costs as many as there are, so
/// that a program with many handles may go on for some time before it is noted that one was dropped.
const ROOTS_A_MUTATE: usize = 64;

/// Stands for a number that is about to be given.
const PENDING: u32 = NONE;

/// A collector that records. See the front of its file.
pub struct Recorder {
    inner: MarkSweep,
    tape: Tape,
    /// What the inner collector's buffer has left.
    hidden: Option<Buffer>,
    /// Objects made in this `mutate`, and words of their payloads.
    fresh: Vec<(ObjectRef, usize)>,
    /// Objects that were written in this `mutate`; of arrays, which bytes.
    written: Vec<(ObjectRef, Option<Range<usize>>)>,
    /// The numbers of objects.
    numbers: Numbers,
    number_of: ObjectMap<u32>,
    /// What is known of each number.
    known: Vec<Option<Known>>,
    roots: RootSlots,
    sink: SlotSink,
    /// Collections that the shadow knows of.
    collections: u64,
}

/// An object as it was when it was last looked at.
struct Known {
    object: ObjectRef,
    /// What its words hold; empty for one without references.
    slots: Box<[u32]>,
    /// What memory outside that it owns holds.
    outside: Vec<u32>,
}

/// What an object's slots hold, read from the heap.
#[derive(Default)]
struct Seen {
    /// By word of the payload, ascending.
    slots: Vec<(usize, ObjectRef)>,
    outside: Vec<ObjectRef>,
}

/// How a recording went, or goes.
#[derive(Clone, Debug, Default)]
pub struct Report(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    totals: Totals,
    bytes: u64,
    /// Why it ended early.
    error: Option<io::Error>,
    is_cut: bool,
    is_finished: bool,
}

impl Report {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was recorded, once the heap was dropped.
    ///
    /// # Errors
    /// When the file could not be written: what the system answered.
    pub fn outcome(&self) -> io::Result<Totals> {
        let mut state = self.state();
        match state.error.take() {
            Some(error) => Err(error),
            None => Ok(state.totals),
        }
    }

    /// Bytes of the trace.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Whether the trace ended before the program did, because it would have become too long.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// Whether the heap was dropped, and the trace is complete.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state().is_finished
    }
}

/// The file.
struct Tape {
    /// None when it is over: nothing is written any more, not even by what the writer does when it is dropped.
    out: Option<Out>,
    /// Operations of this `mutate`.
    waiting: Vec<u8>,
    limit: u64,
    totals: Totals,
    bytes: u64,
    /// The object whose slots are being written, and the next slot.
    object: u32,
    slot: u64,
    report: Report,
}

type Out = BufWriter<Box<dyn Write + Send>>;

impl Tape {
    fn operation(&mut self, kind: u64, number: u64) {
        put(number << 3 | kind, &mut self.waiting);
    }

    fn control(&mut self, control: Control) {
        self.operation(CONTROL, control as u64);
    }

    fn select(&mut self, object: u32) {
        self.operation(OBJECT, zigzag(i64::from(object) - i64::from(self.object)));
        (self.object, self.slot) = (object, 0);
    }

    /// A slot of what was selected, behind those before.
    fn slot(&mut self, slot: usize, target: u32) {
        self.operation(SLOT, slot as u64 - self.slot);
        put_target(target, self.object, &mut self.waiting);
        self.slot = slot as u64 + 1;
        self.totals.stores += 1;
    }

    /// Writes what is waiting, unless the file would become too long: then it ends in front of that.
    fn flush(&mut self, totals_before: Totals) {
        const LAST_BYTES: u64 = 64;
        if self.bytes + self.waiting.len() as u64 + LAST_BYTES > self.limit {
            self.totals = totals_before;
            self.waiting.clear();
            self.report.state().is_cut = true;
            self.finish();
            return;
        }
        self.write();
    }

    fn write(&mut self) {
        self.bytes += self.waiting.len() as u64;
        let waiting = std::mem::take(&mut self.waiting);
        self.ask(|out| out.write_all(&waiting));
        self.waiting = waiting;
        self.waiting.clear();
    }

    /// Asks something of the writer, which is the program's: when it fails, the trace is over. So it is when it panics, because
    /// a collector that is in the middle of a pause must come to its end.
    fn ask(&mut self, ask: impl FnOnce(&mut Out) -> io::Result<()>) {
        let Some(out) = &mut self.out else { return };
        let answer = catch_unwind(AssertUnwindSafe(|| ask(out))).unwrap_or_else(|payload| {
            // To drop it may be to panic again.
            std::mem::forget(payload);
            Err(io::Error::other("the writer of the trace panicked"))
        });
        if let Err(error) = answer {
            self.report.state().error = Some(error);
            self.close();
        }
    }

    fn is_over(&self) -> bool {
        self.out.is_none()
    }

    /// Drops the writer, without what the buffer still has.
    fn close(&mut self) {
        let writer = self.out.take().map(BufWriter::into_parts);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(writer))) {
            std::mem::forget(payload);
        }
    }

    fn finish(&mut self) {
        if !self.is_over() {
            self.control(Control::Last);
            let Totals { objects, stores, mutates, numbers, roots } = self.totals;
            for sum in [objects, stores, mutates, numbers, roots] {
                put(sum, &mut self.waiting);
            }
            self.write();
            self.ask(Out::flush);
            self.close();
        }
        let mut state = self.report.state();
        (state.totals, state.bytes) = (self.totals, self.bytes);
    }
}

/// Which slots the roots have in the trace.
#[derive(Default)]
struct RootSlots {
    slots: Numbers,
    /// Of each object that is a root: its slots.
    of: HashMap<u32, Vec<u32>>,
    /// How many roots there are in the trace.
    count: usize,
    /// How many objects waited for their finalizers, which are roots meanwhile.
    queued: usize,
    /// What has been saved up for a look at all roots.
    credit: usize,
}

impl Recorder {
    /// A recorder that writes to `out`, at most `limit` bytes. `out` need not be buffered.
    pub fn new(out: impl Write + Send + 'static, limit: u64) -> Self {
        let report = Report::default();
        let mut tape = Tape {
            out: Some(BufWriter::with_capacity(1 << 16, Box::new(out))),
            waiting: MAGIC.to_vec(),
            limit,
            totals: Totals::default(),
            bytes: 0,
            object: 0,
            slot: 0,
            report,
        };
        tape.write();
        Recorder {
            inner: MarkSweep::default(),
            tape,
            hidden: None,
            fresh: Vec::new(),
            written: Vec::new(),
            numbers: Numbers::default(),
            number_of: ObjectMap::default(),
            known: Vec::new(),
            roots: RootSlots::default(),
            sink: SlotSink::everything(),
            collections: 0,
        }
    }

    /// Tells how the recording went, also when the recorder is gone.
    #[must_use]
    pub fn report(&self) -> Report {
        self.tape.report.clone()
    }

    /// Gives the inner collector its buffer back.
    fn show(&mut self, heap: &HeapContext<'_>) {
        if let Some(rest) = self.hidden.take() {
            heap.fast.extend_buffer(rest.into_rest());
        }
    }

    /// Takes what the buffer has left, so that the next allocation comes by.
    fn hide(&mut self, heap: &HeapContext<'_>) {
        debug_assert!(self.hidden.is_none());
        let room = heap.fast.room();
        if room > 0 && !self.tape.is_over() {
            // SAFETY: it is what the inner collector gave to the fast path, which gives it up in the next line.
            self.hidden = Some(unsafe { Hole::new(heap.fast.cursor.get(), room) }.into());
            heap.fast.clear_buffer();
        }
    }

    /// The inner collector's turn, between two calls of `mutate`.
    fn pause<T>(
        &mut self,
        heap: &mut HeapContext<'_>,
        inner: impl FnOnce(&mut MarkSweep, &mut HeapContext<'_>) -> T,
    ) -> T {
        self.show(heap);
        self.record(heap);
        let result = inner(&mut self.inner, heap);
        let collections = heap.core.statistics.collections();
        if collections != self.collections && !self.tape.is_over() {
            self.collections = collections;
            self.bury();
        }
        self.watch(heap);
        result
    }

    /// Sets the fast paths so that everything comes by; or, when the trace has ended, nothing.
    fn watch(&mut self, heap: &HeapContext<'_>) {
        let on = !self.tape.is_over();
        self.share_barrier(heap);
        heap.fast.always_due.set(on);
        heap.fast.due.set(on || heap.fast.due.get());
        if on {
            self.hide(heap);
        } else {
            // The program may go on for long.
            self.fresh = Vec::new();
            self.written = Vec::new();
            self.number_of = ObjectMap::default();
            self.known = Vec::new();
        }
    }

    /// Adds the recorder's bit to the mask that the inner collector has set.
    fn share_barrier(&self, heap: &HeapContext<'_>) {
        let recorded = if self.tape.is_over() { 0 } else { UNLOGGED };
        heap.fast.set_barrier_mask(heap.fast.barrier_mask() & !UNLOGGED | recorded);
    }

    /// Is a write to an object with this header of interest to the inner collector?
    fn concerns_inner(heap: &HeapContext<'_>, word: HeaderWord) -> bool {
        (word.bits() ^ heap.fast.barrier_flip.get()) & heap.fast.barrier_mask() & !UNLOGGED != 0
    }

    /// Writes down what happened since the last time.
    fn record(&mut self, heap: &mut HeapContext<'_>) {
        if self.tape.is_over() {
            return;
        }
        let new_roots: Vec<ObjectRef> = heap.core.roots.created_targets().collect();
        let queued = heap.core.death.finalizers.queued().count();
        let roots_now = heap.core.roots.handles() + queued + usize::from(heap.core.roots.root().is_some());
        // Roots that went away are found by a look at all of them, which they must have paid for.
        let some_went = roots_now < self.roots.count + new_roots.len();
        self.roots.credit += if some_went { ROOTS_A_MUTATE } else { 0 };
        let all_roots = queued != self.roots.queued || some_went && self.roots.credit >= self.roots.count;
        if self.fresh.is_empty() && self.written.is_empty() && new_roots.is_empty() && !all_roots {
            return;
        }
        heap.core.roots.settle();
        let roots: Vec<ObjectRef> = if all_roots { heap.core.every_root().collect() } else { new_roots };
        self.forget_reused();
        let totals = self.tape.totals;

        let mut pending = Vec::new();
        roots.iter().for_each(|root| self.meet(*root, &mut pending));
        let changed = self.look_at_written(&mut pending);
        let found = self.look_at_new(pending);
        self.announce(found);
        for (number, seen, range) in changed {
            self.compare(number, &seen, range);
        }
        if all_roots || !roots.is_empty() {
            let roots = roots.iter().map(|root| self.number_of[root]).collect();
            self.compare_roots(roots, all_roots);
            (self.roots.queued, self.roots.credit) = (queued, if all_roots { 0 } else { self.roots.credit });
        }
        self.tape.control(Control::End);
        self.tape.totals.mutates += 1;
        self.tape.totals.numbers = self.numbers.most().into();
        self.tape.totals.roots = self.roots.slots.most().into();
        self.tape.flush(totals);
    }

    /// Is this the object with that number?
    #[inline]
    fn is(&self, number: u32, object: ObjectRef) -> bool {
        let known = self.known.get(number as usize).and_then(Option::as_ref);
        known.is_some_and(|known| known.object == object)
    }

    /// Makes sure that an object has a number, or will get one.
    fn meet(&mut self, object: ObjectRef, pending: &mut Vec<ObjectRef>) {
        if let std::collections::hash_map::Entry::Vacant(entry) = self.number_of.entry(object) {
            entry.insert(PENDING);
            pending.push(object);
        }
    }

    /// Reads the slots of an object, or of some bytes of an array, and meets what they lead to and did not before.
    fn look(
        &mut self,
        object: Object<'_>,
        number: Option<u32>,
        bytes: Option<&Range<usize>>,
        pending: &mut Vec<ObjectRef>,
    ) -> Seen {
        // SAFETY: the program is stopped between two calls of `mutate`, this is the only thread that looks, and nothing
        // is reclaimed before this returns.
        let mut relocation = unsafe { self.sink.begin() };
        match bytes {
            None => relocation.visit(&object.measure()),
            Some(bytes) => {
                let size = object.info().element_bytes().max(1);
                relocation.visit_elements(object, bytes.start / size..bytes.end.div_ceil(size).min(object.count()));
            }
        }
        let (begin, end) = (object.reference().address(), object.extent().end);
        let mut seen = Seen::default();
        for slot in self.sink.list() {
            let at = slot.addr().get();
            // SAFETY: as above: the slot was just reported by an object that nobody has touched since.
            let target = unsafe { slot.read() };
            if (begin..end).contains(&at) {
                seen.slots.push(((at - begin) / 8, target));
            } else {
                seen.outside.push(target);
            }
        }
        self.sink.clear();
        seen.slots.sort_unstable_by_key(|(word, _)| *word);
        let new = |target: &ObjectRef, before: Option<&u32>| before.is_none_or(|before| !self.is(*before, *target));
        let known = number.and_then(|number| self.known[number as usize].as_ref());
        let slots = seen.slots.iter().map(|(word, target)| (target, known.and_then(|known| known.slots.get(*word))));
        let outside = seen.outside.iter().enumerate();
        let outside = outside.map(|(index, target)| (target, known.and_then(|known| known.outside.get(index))));
        let met: Vec<ObjectRef> =
            slots.chain(outside).filter(|(target, before)| new(target, *before)).map(|(target, _)| *target).collect();
        met.into_iter().for_each(|target| self.meet(target, pending));
        seen
    }

    /// What was written: its number, what it holds now, and of an array, which words were looked at.
    fn look_at_written(&mut self, pending: &mut Vec<ObjectRef>) -> Vec<(u32, Seen, Option<Range<usize>>)> {
        let mut written = std::mem::take(&mut self.written);
        // An array's writes beside each other, in order, and overlapping ones as one.
        written.sort_unstable_by_key(|(object, bytes)| (object.address(), bytes.as_ref().map(|bytes| bytes.start)));
        written.dedup_by(|(object, bytes), (before, until)| match (bytes, until) {
            (Some(bytes), Some(until)) if object == before && bytes.start <= until.end => {
                until.end = until.end.max(bytes.end);
                true
            }
            (None, None) => object == before,
            _ => false,
        });
        let mut changed = Vec::new();
        for (reference, bytes) in &written {
            // What nothing was known to lead to any more may be here: it is looked at when it is met.
            let Some(&number) = self.number_of.get(reference) else { continue };
            if number == PENDING {
                continue;
            }
            // SAFETY: it was alive when it was written, and nothing was reclaimed since.
            let object = unsafe { Object::at(*reference) };
            object.header().insert(UNLOGGED);
            let seen = self.look(object, Some(number), bytes.as_ref(), pending);
            let words = object.extent().end.saturating_sub(reference.address()) / 8;
            let range = bytes.as_ref().map(|bytes| {
                // Whole elements were looked at.
                let size = object.info().element_bytes().max(1);
                bytes.start / size * size / 8..(bytes.end.div_ceil(size) * size).div_ceil(8).min(words)
            });
            changed.push((number, seen, range));
        }
        written.clear();
        self.written = written;
        changed
    }

    /// What was met for the first time, and all that is reached through it.
    fn look_at_new(&mut self, mut pending: Vec<ObjectRef>) -> HashMap<ObjectRef, Seen> {
        let mut found = HashMap::new();
        while let Some(reference) = pending.pop() {
            // SAFETY: something alive leads there, and nothing was reclaimed since.
            let object = unsafe { Object::at(reference) };
            object.header().insert(UNLOGGED);
            let seen = if object.info().trace().is_some() {
                self.look(object, None, None, &mut pending)
            } else {
                Seen::default()
            };
            found.insert(reference, seen);
        }
        found
    }

    /// Numbers what was found, in the order in which it was made, and writes it down, with its slots.
    fn announce(&mut self, mut found: HashMap<ObjectRef, Seen>) {
        let mut order = Vec::with_capacity(found.len());
        let fresh = std::mem::take(&mut self.fresh);
        for &(reference, words) in &fresh {
            self.tape.totals.objects += 1;
            match found.remove(&reference) {
                Some(seen) => order.push((reference, seen)),
                None => self.tape.operation(DEAD_SOON, words as u64),
            }
            if let Some((reference, _)) = order.last().filter(|(last, _)| *last == reference) {
                self.number(*reference, words);
            }
        }
        self.fresh = fresh;
        self.fresh.clear();
        // What was known before, and lost.
        let mut late: Vec<_> = found.into_iter().collect();
        late.sort_unstable_by_key(|(reference, _)| reference.address());
        for (reference, seen) in late {
            // SAFETY: as in `look_at_new`.
            let object = unsafe { Object::at(reference) };
            self.tape.totals.objects += 1;
            self.number(reference, (object.extent().end - reference.address()) / 8);
            order.push((reference, seen));
        }
        for (reference, seen) in order {
            self.compare(self.number_of[&reference], &seen, None);
        }
    }

    /// Gives a number to an object of so many words.
    fn number(&mut self, reference: ObjectRef, words: usize) {
        // SAFETY: as in `look_at_new`.
        let info = unsafe { Object::at(reference) }.info();
        let has_slots = info.trace().is_some();
        let kind = match (has_slots, info.drop().is_some()) {
            (false, _) => PLAIN,
            (true, false) => LINKED,
            (true, true) => OWNER,
        };
        self.tape.operation(kind, words as u64);
        let number = self.numbers.take();
        if number as usize == self.known.len() {
            self.known.push(None);
        }
        let slots = vec![NONE; if has_slots { words } else { 0 }].into_boxed_slice();
        self.known[number as usize] = Some(Known { object: reference, slots, outside: Vec::new() });
        self.number_of.insert(reference, number);
    }

    /// Writes down what an object holds now and did not before. Of an array, only some words were looked at.
    fn compare(&mut self, number: u32, seen: &Seen, words: Option<Range<usize>>) {
        // Taken out, so that what it leads to can be asked for its address, which is cheaper than to look for its number.
        let mut own = self.known[number as usize].take().expect("it has a number");
        let mut is_selected = false;
        let mut select = |tape: &mut Tape| {
            if !std::mem::replace(&mut is_selected, true) {
                tape.select(number);
            }
        };
        let number_of = |recorder: &Self, before: Option<u32>, target: ObjectRef| match before {
            Some(before) if recorder.is(before, target) => before,
            _ => recorder.number_of[&target],
        };
        let is_whole = words.is_none();
        let words = words.unwrap_or(0..own.slots.len());
        let mut at = words.start;
        let ends = [(words.end, None)];
        let now = seen.slots.iter().map(|(word, target)| (*word, Some(*target)));
        for (word, target) in now.filter(|(word, _)| words.contains(word)).chain(ends) {
            // What is empty now, and was not.
            while let Some(lost) = first_held(&own.slots[at..word]) {
                own.slots[at + lost] = NONE;
                select(&mut self.tape);
                self.tape.slot(at + lost, NONE);
                at += lost + 1;
            }
            let Some(target) = target else { break };
            let target = number_of(self, Some(own.slots[word]), target);
            if own.slots[word] != target {
                own.slots[word] = target;
                select(&mut self.tape);
                self.tape.slot(word, target);
            }
            at = word + 1;
        }
        let outside = seen.outside.iter().enumerate();
        let outside: Vec<u32> =
            outside.map(|(index, target)| number_of(self, own.outside.get(index).copied(), *target)).collect();
        if is_whole && outside != own.outside {
            select(&mut self.tape);
            self.tape.operation(OUTSIDE, outside.len() as u64);
            self.tape.slot = 0;
            for (index, target) in outside.iter().enumerate() {
                if own.outside.get(index) != Some(target) {
                    self.tape.slot(index, *target);
                }
            }
            own.outside = outside;
        }
        self.known[number as usize] = Some(own);
    }

    /// Writes down which roots have come and gone. `now` has an object as often as it is a root: all roots, or new ones.
    fn compare_roots(&mut self, now: Vec<u32>, all: bool) {
        let mut more: HashMap<u32, usize> = HashMap::new();
        now.into_iter().for_each(|object| *more.entry(object).or_default() += 1);
        let mut changes = Vec::new();
        let RootSlots { slots, of, count, .. } = &mut self.roots;
        // New ones alone must not cost a look at all.
        if all {
            of.retain(|object, own| {
                let wanted = more.remove(object).unwrap_or(0);
                while own.len() > wanted {
                    let slot = own.pop().expect("it has more");
                    changes.push((slot, NONE));
                }
                if wanted > own.len() {
                    more.insert(*object, wanted - own.len());
                }
                !own.is_empty() || wanted > 0
            });
        }
        changes.sort_unstable();
        changes.iter().for_each(|(slot, _)| slots.give_back(*slot));
        let mut more: Vec<_> = more.into_iter().collect();
        more.sort_unstable();
        *count -= changes.len();
        for (object, missing) in more {
            *count += missing;
            for _ in 0..missing {
                let slot = slots.take();
                of.entry(object).or_default().push(slot);
                changes.push((slot, object));
            }
        }
        if changes.is_empty() {
            return;
        }
        // A slot that was given back and taken again holds what it was taken for.
        changes.sort_by_key(|(slot, _)| *slot);
        let mut last: Vec<(u32, u32)> = Vec::with_capacity(changes.len());
        for change in changes {
            match last.last_mut() {
                Some(before) if before.0 == change.0 => *before = change,
                _ => last.push(change),
            }
        }
        self.tape.control(Control::Roots);
        (self.tape.object, self.tape.slot) = (0, 0);
        last.into_iter().for_each(|(slot, target)| self.tape.slot(slot as usize, target));
    }

    /// Memory of an object that is known is another object's now: it died since the shadow was searched last.
    fn forget_reused(&mut self) {
        let dead = self.fresh.iter().filter_map(|(object, _)| self.number_of.get(object).copied());
        let mut dead: Vec<u32> = dead.collect();
        dead.sort_unstable();
        self.write_dead(&dead);
    }

    /// After a collection: numbers that the shadow does not lead to are used again.
    fn bury(&mut self) {
        let mut reached = vec![false; self.known.len()];
        let mut pending: Vec<u32> = self.roots.of.keys().copied().collect();
        while let Some(number) = pending.pop() {
            if number != NONE && !std::mem::replace(&mut reached[number as usize], true) {
                let known = self.known[number as usize].as_ref().expect("what is reached has a number");
                pending.extend(known.slots.iter().chain(&known.outside));
            }
        }
        let dead: Vec<u32> =
            (0..reached.len()).filter(|n| !reached[*n] && self.known[*n].is_some()).map(|n| n as u32).collect();
        self.write_dead(&dead);
        let totals = self.tape.totals;
        self.tape.flush(totals);
    }

    /// Forgets objects, whose numbers ascend, and writes that down.
    fn write_dead(&mut self, dead: &[u32]) {
        if dead.is_empty() {
            return;
        }
        self.tape.control(Control::Dead);
        put(dead.len() as u64, &mut self.tape.waiting);
        let mut before = 0;
        for &number in dead {
            put(u64::from(number - before), &mut self.tape.waiting);
            before = number;
            let known = self.known[number as usize].take().expect("it has a number");
            self.number_of.remove(&known.object);
            self.numbers.give_back(number);
        }
    }

    /// The program asked for a collection.
    fn asked(&mut self, kind: CollectionKind) {
        if !self.tape.is_over() {
            self.tape.control(if kind == CollectionKind::Full { Control::Full } else { Control::Minor });
            let totals = self.tape.totals;
            self.tape.flush(totals);
        }
    }
}

/// The first slot that holds something. Most slots of a large object hold nothing: they are passed over many at a time.
fn first_held(slots: &[u32]) -> Option<usize> {
    const MANY: usize = 64;
    let is_empty = |slots: &[u32]| slots.iter().fold(NONE, |all, slot| all & slot) == NONE;
    let begin = slots.chunks(MANY).take_while(|chunk| is_empty(chunk)).count() * MANY;
    let rest = slots.get(begin..)?;
    rest.iter().position(|slot| *slot != NONE).map(|at| begin + at)
}

// SAFETY: memory is handed out, moved (never) and reclaimed by the inner collector alone, which has the fast path's
// buffer whenever its code runs, and hears of every write and upgrade that it asked for. It does not use the bit
// `UNLOGGED`; the recorder uses nothing else of the header, and looks into objects only while the program is stopped,
// before the inner collector reclaims.
unsafe impl Collector for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn capabilities(&self) -> Capabilities {
        // A permanent object would be written without being listed.
        let mut capabilities = self.inner.capabilities();
        capabilities.freezes = false;
        capabilities
    }

    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.inner.start(heap)?;
        self.watch(heap);
        Ok(())
    }

    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        self.show(heap);
        let bumped = if request.is_large() { None } else { heap.fast.bump(request) };
        let allocation = match bumped {
            Some(allocation) => Ok(allocation),
            None => self.inner.allocate_slow(heap, request),
        };
        if !self.tape.is_over() {
            self.hide(heap);
            if let Ok(allocation) = &allocation {
                self.fresh.push((ObjectRef::new(allocation.payload), (request.bytes - request.prefix) / 8));
            }
            heap.fast.due.set(true);
        }
        allocation
    }

    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        // Before anything changes: a panic leaves the object as it was.
        self.written.try_reserve(1).expect("memory for the list of written objects");
        if Self::concerns_inner(heap, object.word()) {
            self.inner.barrier_slow(heap, object, range.clone());
            self.share_barrier(heap);
        }
        if object.word().has(UNLOGGED) && !self.tape.is_over() {
            if object.word().has(CARDED) {
                self.written.push((object.reference(), Some(range)));
            } else {
                // The inner collector may have changed the header since it was looked at.
                object.header().remove(UNLOGGED);
                self.written.push((object.reference(), None));
            }
        }
    }

    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) -> bool {
        // SAFETY: a weak cell leads there, so its header is intact.
        if !Self::concerns_inner(heap, unsafe { object.header() }.load()) {
            return true;
        }
        let may = self.inner.weak_upgraded(heap, object);
        self.share_barrier(heap);
        may
    }

    fn is_dead(&self, object: ObjectRef) -> bool {
        self.inner.is_dead(object)
    }

    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        self.pause(heap, |inner, heap| inner.safepoint(heap));
    }

    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        self.show(heap);
        self.record(heap);
        self.asked(kind);
        self.pause(heap, |inner, heap| inner.collect(heap, kind));
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        self.pause(heap, |inner, heap| inner.step(heap, bytes))
    }

    fn rest(&mut self, heap: &mut HeapContext<'_>) {
        self.pause(heap, |inner, heap| inner.rest(heap));
        self.fresh.shrink_to_fit();
        self.written.shrink_to_fit();
    }

    fn side_bytes(&self) -> usize {
        // The shadow is the instrument's: with it the heap would look larger than it is.
        self.inner.side_bytes()
    }

    fn finish(&mut self, heap: &mut HeapContext<'_>) {
        self.show(heap);
        self.tape.finish();
        self.tape.report.state().is_finished = true;
        self.inner.finish(heap);
    }

    fn verify_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        self.inner.verify_allocated(heap, bytes)
    }

    fn waiting(&self, heap: &HeapCore) -> Vec<ObjectRef> {
        self.inner.waiting(heap)
    }

    fn verify(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        self.inner.verify(heap, snapshot)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("known", &self.number_of.len()).field("totals", &self.tape.totals).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_core::{Gc, Heap, Lock, Rootable};

    /// Panics at its nth call, and when it is dropped.
    struct Hostile(u32);

    impl Write for Hostile {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.wrapping_sub(1);
            if self.0 == 0 { panic!("a writer that panics, on purpose") } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            self.write(&[]).map(drop)
        }
    }

    impl Drop for Hostile {
        fn drop(&mut self) {
            panic!("a writer that panics when it is dropped, on purpose");
        }
    }

    #[test]
    fn a_writer_that_panics_ends_the_trace_and_nothing_else() {
        for calls in 1..6 {
            let recorder = Recorder::new(Hostile(calls), u64::MAX);
            let report = recorder.report();
            let mut heap =
                Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, u64>>>>]>::new(recorder, |mc| Gc::new(mc, Lock::new(None)))
                    .unwrap();
            for number in 0..100_000 {
                heap.mutate(|mc, root| root.set(mc, Some(Gc::new(mc, number))));
            }
            heap.collect();
            heap.verify().unwrap();
            assert_eq!(heap.mutate(|_, root| *root.get().unwrap()), 99_999);
            drop(heap);
            let error = report.outcome().unwrap_err();
            assert_eq!(error.to_string(), "the writer of the trace panicked", "after {calls} calls");
        }
    }
}
