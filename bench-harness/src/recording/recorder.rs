//! [`Recorder`]: a collector that writes down what the program does.
//!
//! It collects as `gc-marksweep` does in one pause, to which it leaves all of that, and looks at the same moments:
//! objects that do not move have addresses for names. What is its own:
//!
//! - *Allocations.* The fast path finds no room, ever: what the collector's buffer has left is hidden between two
//!   allocations, so that each comes by here and is noted.
//! - *Writes.* Objects that are known and clean have the header bit `UNLOGGED`; the first write of a `mutate` takes it
//!   away and lists the object. Slices of more than a few elements keep it, and every write is listed, with its range.
//!   The inner collector's own bits in the barrier's mask stay, for marking in steps: it is asked when they say so.
//! - *Roots.* The heap tells which were made and which went, as it tells a collector that counts.
//! - *The end of each `mutate`*, which is always a safepoint. What new roots and what was written lead to, and has no
//!   number yet, is new or has come back; it gets one, and its slots are read. What was written is compared with the
//!   [`Shadow`]: what each known object's slots held when they were looked at last.
//! - *Deaths.* After each collection the shadow is searched from the roots, and numbers that are not found are used
//!   again. What lives on nevertheless, by an ephemeron, is announced anew when it is seen again.
//!
//! So each `mutate` costs what it did, not what there is, and a collection as much as it looks at. The shadow takes
//! half as much memory as the heap, and 40 bytes for each object. It is what makes a trace small, and the recorder
//! safe: no old value is ever read in the middle of a `mutate`.
//!
//! *What is free is empty in the shadow*, or a new object would be taken for what was there before. For that a
//! collection must not free memory before its deaths are noted: collections in steps are done at once here.
//!
//! When the file cannot be written, or has become too long, the trace ends there, well formed in the second case, and
//! the program goes on. So it does when the writer panics.

use std::fmt;
use std::io::Write;
use std::ops::Range;

use gc_marksweep::MarkSweep;
use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{
    AllocRequest, Allocation, Buffer, Capabilities, Collector, HeaderWord, HeapContext, HeapCore, Hole, Intact, Object,
    ObjectRef, Relocation, SlotSink, Snapshot, VerifyError,
};
use heap_core::{AllocError, CollectionKind};

use super::format::{Control, DEAD_SOON, LINKED, NONE, Numbers, OWNER, PLAIN};
use super::roots::RootSlots;
use super::shadow::Shadow;
use super::tape::{Report, Tape};

/// Stands for a number that is about to be given.
const PENDING: u32 = NONE - 1;

/// A write to a slice of more bytes is listed with its range.
const SMALL_SLICE: usize = 128;

/// A collector that records. See the front of its file.
pub struct Recorder {
    inner: MarkSweep,
    tape: Tape,
    /// What the inner collector's buffer has left.
    hidden: Option<Buffer>,
    /// Objects made in this `mutate`, and words of their payloads.
    fresh: Vec<(ObjectRef, usize)>,
    written: Vec<Written>,
    numbers: Numbers,
    /// What is known of each number.
    known: Vec<Option<Known>>,
    shadow: Shadow,
    roots: RootSlots,
    sink: SlotSink,
    /// Collections that the shadow knows of, and those that had been given up by the last of them.
    collections: u64,
    abandoned: u64,
    buffers: Buffers,
}

/// Memory for what lasts as long as a look at what happened.
#[derive(Default)]
struct Buffers {
    /// Roots that were made, and that went.
    created: Vec<ObjectRef>,
    released: Vec<ObjectRef>,
    /// What was met for the first time.
    found: Vec<ObjectRef>,
    /// What slots hold, by their addresses, and what memory outside that objects own does.
    slots: Vec<(usize, ObjectRef)>,
    outside: Vec<ObjectRef>,
    /// What was written holds.
    looks: Vec<Look>,
    /// Numbers, in the order in which they were given.
    order: Vec<u32>,
    /// For a search.
    pending: Vec<u32>,
}

/// An object that was written in this `mutate`, and which bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Written {
    object: ObjectRef,
    start: usize,
    /// Of a whole object, [`WHOLE`].
    end: usize,
}

const WHOLE: usize = usize::MAX;

/// What was found in an object: its part of the [`Buffers`].
struct Look {
    /// The addresses that were looked at.
    addresses: Range<usize>,
    is_whole: bool,
    /// In the order of their addresses.
    slots: Range<usize>,
    outside: Range<usize>,
}

/// An object with a number.
struct Known {
    object: ObjectRef,
    /// Words of its payload; none, if there can be no references in them.
    words: usize,
    /// What memory outside that it owns held when it was looked at last.
    outside: Vec<u32>,
}

impl Known {
    /// The addresses of its words.
    fn addresses(&self) -> Range<usize> {
        let begin = self.object.address();
        begin..begin + self.words * 8
    }
}

/// Whether every write to the object is reported, with its range.
fn is_ranged(object: Object<'_>) -> bool {
    let info = object.info();
    // Of what elements own outside nobody knows at which index it is: with those, the whole is looked at.
    info.is_slice() && info.drop().is_none() && object.count() * info.element_bytes() > SMALL_SLICE
}

impl Recorder {
    /// A recorder that writes to `out`, at most `limit` bytes. `out` need not be buffered.
    pub fn new(out: impl Write + Send + 'static, limit: u64) -> Self {
        Recorder {
            inner: MarkSweep::default(),
            tape: Tape::new(out, limit),
            hidden: None,
            fresh: Vec::new(),
            written: Vec::new(),
            numbers: Numbers::default(),
            known: Vec::new(),
            shadow: Shadow::default(),
            roots: RootSlots::default(),
            sink: SlotSink::everything(),
            collections: 0,
            abandoned: 0,
            buffers: Buffers::default(),
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
        self.record(heap, false);
        let result = inner(&mut self.inner, heap);
        let statistics = &heap.core.statistics;
        let (collections, abandoned) = (statistics.collections(), statistics.abandoned_collections);
        let is_complete = collections != self.collections;
        // One that was refused memory may go on in steps, and free something in any of them.
        if (is_complete || abandoned != self.abandoned) && !self.tape.is_over() {
            self.record(heap, true);
            self.bury();
        }
        if is_complete {
            (self.collections, self.abandoned) = (collections, abandoned);
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
            self.known = Vec::new();
            self.shadow = Shadow::default();
            self.roots = RootSlots::default();
            self.sink.release();
            self.buffers = Buffers::default();
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

    /// Makes room in the list of what was written: a program may write to one place for ever.
    #[cold]
    fn make_room(&mut self) {
        self.merge_written();
        let len = self.written.len();
        self.written.try_reserve(len.max(64)).expect("memory for the list of written objects");
    }

    /// Puts writes to one object beside each other, and makes overlapping ones one.
    fn merge_written(&mut self) {
        self.written.sort_unstable();
        self.written.dedup_by(|written, before| {
            let is_one = written.object == before.object && written.start <= before.end;
            if is_one {
                before.end = before.end.max(written.end);
            }
            is_one
        });
    }

    /// Writes down what happened since the last time; with `queue`, also which objects wait for their finalizers. (That
    /// changes in collections; that one was taken out matters before the next.)
    fn record(&mut self, heap: &mut HeapContext<'_>, queue: bool) {
        if self.tape.is_over() {
            heap.core.roots.settle();
            return;
        }
        let Buffers { created, released, .. } = &mut self.buffers;
        created.extend(heap.core.roots.created_targets());
        released.extend(heap.core.roots.released());
        if queue {
            look_at_queue(heap.core, &mut self.roots.queued, created, released);
        }
        let is_nothing = created.is_empty() && released.is_empty();
        if is_nothing && self.fresh.is_empty() && self.written.is_empty() {
            return;
        }
        heap.core.roots.settle();
        self.merge_written();
        let shadow = &self.shadow;
        // What has no number is looked at when it is met.
        self.written.retain(|written| shadow.number(written.object) != NONE);
        self.look_at_written();
        self.meet();
        self.announce();
        self.compare_written();
        self.compare_roots();
        self.tape.control(Control::End);
        self.tape.totals.mutates += 1;
        self.tape.totals.numbers = self.numbers.most().into();
        self.tape.commit();
    }

    /// Meets all that new roots and what was written lead to.
    fn meet(&mut self) {
        let (shadow, found) = (&mut self.shadow, &mut self.buffers.found);
        // SAFETY: the program is stopped between two calls of `mutate`, this is the only thread that looks, and nothing
        // is reclaimed before this returns.
        let mut slots = unsafe { self.sink.begin() };
        for root in &self.buffers.created {
            // SAFETY: roots are alive.
            meet(unsafe { Intact::at(*root) }, shadow, found, &mut slots);
        }
        let written = self.buffers.slots.iter().map(|(_, target)| target).chain(&self.buffers.outside);
        for target in written {
            // SAFETY: something alive leads there.
            meet(unsafe { Intact::at(*target) }, shadow, found, &mut slots);
        }
        while let Some(slot) = slots.take() {
            meet(slot.target(), shadow, found, &mut slots);
        }
    }

    /// Numbers what was met, in the order in which it was made, and writes it down, with its slots.
    fn announce(&mut self) {
        let mut order = std::mem::take(&mut self.buffers.order);
        let fresh = std::mem::take(&mut self.fresh);
        for &(object, words) in &fresh {
            if self.shadow.number(object) == PENDING {
                order.push(self.number(object, words));
            } else {
                debug_assert_eq!(self.shadow.number(object), NONE, "new memory has a number");
                self.tape.operation(DEAD_SOON, words as u64);
                self.tape.totals.objects += 1;
            }
        }
        self.fresh = fresh;
        self.fresh.clear();
        // What was known before, and lost.
        let mut found = std::mem::take(&mut self.buffers.found);
        if order.len() < found.len() {
            found.retain(|object| self.shadow.number(*object) == PENDING);
            found.sort_unstable();
            for &object in &found {
                // SAFETY: as in `meet`.
                let extent = unsafe { Object::at(object) }.extent();
                order.push(self.number(object, (extent.end - object.address()) / 8));
            }
        }
        found.clear();
        self.buffers.found = found;
        for number in order.drain(..) {
            let known = self.known[number as usize].as_ref().expect("it was just made");
            if known.words == 0 {
                continue;
            }
            // SAFETY: as in `meet`.
            let object = unsafe { Object::at(known.object) };
            let look = look_at(object, 0..WHOLE, &mut self.sink, &mut self.buffers);
            self.compare(number, &look);
            // What was written is still to be compared.
            self.buffers.slots.truncate(look.slots.start);
            self.buffers.outside.truncate(look.outside.start);
        }
        self.buffers.order = order;
    }

    /// Gives a number to an object of so many words.
    fn number(&mut self, object: ObjectRef, words: usize) -> u32 {
        // SAFETY: as in `meet`.
        let info = unsafe { Object::at(object) }.info();
        let has_slots = info.trace().is_some();
        let kind = match (has_slots, info.drop().is_some()) {
            (false, _) => PLAIN,
            (true, false) => LINKED,
            (true, true) => OWNER,
        };
        self.tape.operation(kind, words as u64);
        self.tape.totals.objects += 1;
        let known = Known { object, words: if has_slots { words } else { 0 }, outside: Vec::new() };
        debug_assert!(self.shadow.first_held(known.addresses()).is_none(), "something stands where nothing was");
        let number = self.numbers.take();
        if number as usize == self.known.len() {
            self.known.push(None);
        }
        self.known[number as usize] = Some(known);
        self.shadow.set_number(object, number);
        number
    }

    /// Looks at what was written, once: there may be large stacks among it.
    fn look_at_written(&mut self) {
        let mut looks = std::mem::take(&mut self.buffers.looks);
        for &Written { object, start, end } in &self.written {
            // SAFETY: it was alive when it was written, and nothing was reclaimed since. Otherwise as in `meet`.
            let object = unsafe { Object::at(object) };
            if end == WHOLE {
                object.header().insert(UNLOGGED);
            }
            looks.push(look_at(object, start..end, &mut self.sink, &mut self.buffers));
        }
        self.buffers.looks = looks;
    }

    /// Writes down how what was written has changed.
    fn compare_written(&mut self) {
        let (mut written, mut looks) = (std::mem::take(&mut self.written), std::mem::take(&mut self.buffers.looks));
        for (written, look) in written.drain(..).zip(&looks) {
            self.compare(self.shadow.number(written.object), look);
        }
        looks.clear();
        (self.written, self.buffers.looks) = (written, looks);
        self.buffers.slots.clear();
        self.buffers.outside.clear();
    }

    /// Writes down what an object holds now and did not before. Of a slice, only some bytes were looked at.
    fn compare(&mut self, number: u32, look: &Look) {
        let known = self.known[number as usize].as_mut().expect("it has a number");
        let (begin, shadow, tape) = (known.object.address(), &mut self.shadow, &mut self.tape);
        let mut at = look.addresses.start;
        for &(address, target) in &self.buffers.slots[look.slots.clone()] {
            lose(shadow, tape, number, begin, at..address);
            let target = shadow.number(target);
            if shadow.replace(address, target) != target {
                tape.object_slot(number, (address - begin) / 8, target);
            }
            at = address + 8;
        }
        lose(shadow, tape, number, begin, at..look.addresses.end);
        if look.is_whole {
            let outside = self.buffers.outside[look.outside.clone()].iter().map(|target| shadow.number(*target));
            compare_outside(tape, number, &mut known.outside, outside);
        }
    }

    /// Writes down which roots have come and gone.
    fn compare_roots(&mut self) {
        let Buffers { created, released, .. } = &mut self.buffers;
        // In this order, so that a root that replaces another takes its slot.
        released.drain(..).for_each(|object| self.roots.remove(self.shadow.number(object)));
        created.drain(..).for_each(|object| self.roots.add(self.shadow.number(object)));
        self.roots.write(&mut self.tape);
    }

    /// After a collection: numbers that the shadow does not lead to are used again.
    fn bury(&mut self) {
        if self.tape.is_over() {
            return;
        }
        let mut reached = vec![false; self.known.len()];
        let mut pending = std::mem::take(&mut self.buffers.pending);
        pending.extend(self.roots.objects());
        while let Some(number) = pending.pop() {
            if !std::mem::replace(&mut reached[number as usize], true) {
                let known = self.known[number as usize].as_ref().expect("what is reached has a number");
                pending.extend(self.shadow.held(known.addresses()));
                pending.extend(&known.outside);
            }
        }
        pending.extend(
            (0..)
                .zip(&self.known)
                .zip(reached)
                .filter_map(|((number, known), reached)| (known.is_some() && !reached).then_some(number)),
        );
        self.write_dead(&pending);
        pending.clear();
        self.buffers.pending = pending;
        self.tape.commit();
    }

    /// Forgets objects, whose numbers ascend, and writes that down.
    fn write_dead(&mut self, dead: &[u32]) {
        if dead.is_empty() {
            return;
        }
        self.tape.control(Control::Dead);
        self.tape.number(dead.len() as u64);
        let mut before = 0;
        for &number in dead {
            self.tape.number(u64::from(number - before));
            before = number;
            let known = self.known[number as usize].take().expect("it has a number");
            self.shadow.clear(known.addresses());
            self.shadow.set_number(known.object, NONE);
            self.numbers.give_back(number);
        }
    }

    /// The program asked for a collection.
    fn asked(&mut self, kind: CollectionKind) {
        if !self.tape.is_over() {
            self.tape.control(if kind == CollectionKind::Full { Control::Full } else { Control::Minor });
            self.tape.commit();
        }
    }
}

/// Meets what somebody leads to. If it has no number, it will get one, and its slots are followed.
fn meet<'p>(target: Intact<'p>, shadow: &mut Shadow, found: &mut Vec<ObjectRef>, slots: &mut Relocation<'p>) {
    let reference = target.reference();
    if shadow.number(reference) != NONE {
        return;
    }
    shadow.set_number(reference, PENDING);
    found.push(reference);
    let Ok(object) = target.look() else { unreachable!("nothing moves in a heap that is recorded") };
    if object.info().trace().is_some() {
        object.header().insert(UNLOGGED);
        slots.visit(&object.measure());
    }
}

/// Reads the slots of an object, or those of the elements of a slice that have some of these bytes.
fn look_at(object: Object<'_>, bytes: Range<usize>, sink: &mut SlotSink, buffers: &mut Buffers) -> Look {
    let (slots_before, outside_before) = (buffers.slots.len(), buffers.outside.len());
    let (begin, is_whole) = (object.reference().address(), bytes.end == WHOLE);
    // SAFETY: as in `Recorder::meet`.
    let mut relocation = unsafe { sink.begin() };
    let addresses = if is_whole {
        relocation.visit(&object.measure());
        begin..object.extent().end
    } else {
        let size = object.info().element_bytes();
        debug_assert!(size.is_multiple_of(8), "elements with slots are words");
        let elements = bytes.start / size..bytes.end.div_ceil(size);
        relocation.visit_elements(object, elements.clone());
        begin + elements.start * size..begin + elements.end * size
    };
    for slot in sink.list() {
        // SAFETY: as above: the slot was just reported by an object that nobody has touched since.
        let (at, target) = (slot.addr().get(), unsafe { slot.read() });
        if addresses.contains(&at) {
            buffers.slots.push((at, target));
        } else {
            buffers.outside.push(target);
        }
    }
    sink.clear();
    buffers.slots[slots_before..].sort_unstable_by_key(|(address, _)| *address);
    let (slots, outside) = (slots_before..buffers.slots.len(), outside_before..buffers.outside.len());
    Look { addresses, is_whole, slots, outside }
}

/// Writes down which of these addresses of an object that begins there held something: now they do not.
#[inline]
fn lose(shadow: &mut Shadow, tape: &mut Tape, number: u32, begin: usize, mut addresses: Range<usize>) {
    while let Some(lost) = shadow.first_held(addresses.clone()) {
        shadow.replace(lost, NONE);
        tape.object_slot(number, (lost - begin) / 8, NONE);
        addresses.start = lost + 8;
    }
}

/// Writes down how the memory outside that an object owns has changed.
fn compare_outside(
    tape: &mut Tape,
    number: u32,
    before: &mut Vec<u32>,
    now: impl ExactSizeIterator<Item = u32> + Clone,
) {
    if now.clone().eq(before.iter().copied()) {
        return;
    }
    tape.outside(number, now.len());
    before.truncate(now.len());
    for (index, target) in now.enumerate() {
        match before.get_mut(index) {
            Some(before) if *before == target => continue,
            Some(before) => *before = target,
            None => before.push(target),
        }
        tape.next_slot(index, target);
    }
}

/// Finds out which objects wait for their finalizers and did not `before`, and the other way round.
fn look_at_queue(
    core: &HeapCore,
    before: &mut Vec<ObjectRef>,
    created: &mut Vec<ObjectRef>,
    released: &mut Vec<ObjectRef>,
) {
    let mut now: Vec<ObjectRef> = core.death.finalizers.queued().collect();
    now.sort_unstable();
    let (mut old, mut new) = (before.iter().copied().peekable(), now.iter().copied().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(gone), other) if other.is_none_or(|other| gone < other) => released.extend(old.next()),
            (other, Some(come)) if other.is_none_or(|other| come < other) => created.extend(new.next()),
            _ => drop((old.next(), new.next())),
        }
    }
    *before = now;
}

// SAFETY: memory is handed out, moved (never) and reclaimed by the inner collector alone, which has the fast path's
// buffer whenever its code runs, and hears of every write and upgrade that it asked for. It does not use the bit
// `UNLOGGED`; the recorder uses nothing else of the header. It looks into objects only while the program is stopped,
// and only into those that roots lead to, or did when the last collection ended.
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
        heap.core.roots.tell_released();
        self.shadow = Shadow::new(heap.core.memory.blocks.base().addr().get());
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
        if self.written.len() == self.written.capacity() {
            self.make_room();
        }
        if Self::concerns_inner(heap, object.word()) {
            self.inner.barrier_slow(heap, object, range.clone());
            self.share_barrier(heap);
        }
        if object.word().has(UNLOGGED) && !self.tape.is_over() {
            let written = if is_ranged(object) {
                range
            } else {
                // The inner collector may have changed the header since it was looked at.
                object.header().remove(UNLOGGED);
                0..WHOLE
            };
            self.written.push(Written { object: object.reference(), start: written.start, end: written.end });
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
        self.record(heap, true);
        self.asked(kind);
        self.pause(heap, |inner, heap| inner.collect(heap, kind));
    }

    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        self.pause(heap, |inner, heap| inner.step(heap, usize::MAX))
    }

    fn rest(&mut self, heap: &mut HeapContext<'_>) {
        self.pause(heap, |inner, heap| inner.rest(heap));
        self.fresh.shrink_to_fit();
        self.written.shrink_to_fit();
        self.buffers = Buffers::default();
        self.shadow.trim();
    }

    fn side_bytes(&self) -> usize {
        // The shadow is the instrument's: with it the heap would look larger than it is.
        self.inner.side_bytes()
    }

    fn finish(&mut self, heap: &mut HeapContext<'_>) {
        self.show(heap);
        self.tape.finish();
        self.tape.report.heap_is_gone();
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
        f.debug_struct("Recorder").field("numbers", &self.numbers.most()).field("totals", &self.tape.totals).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_core::{Gc, Heap, Lock, Rootable};
    use std::io;

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
