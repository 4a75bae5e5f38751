//! [`Trace`]: a trace that was read, and is known to be consistent.
//!
//! Reading it carries everything out on a model, which has for each object what its slots hold: who names an object
//! that is not there, or a slot that it does not have, is refused with the place. Two things come of that besides:
//! which objects are named after the `mutate` that made them (a replay needs a way to find those, and only those), and
//! what the heap must look like in the end.
//!
//! *Memory* is the file itself, and while it is read about 100 bytes for each object that is alive at once and 4 to 40
//! for each reference.

use std::collections::BTreeMap;
use std::io::Read;

use super::format::{
    Control, DEAD_SOON, LINKED, MAGIC, MOST_WORDS, NONE, Numbers, OBJECT, OUTSIDE, OWNER, PLAIN, SLOT, TraceError,
    unzigzag,
};

/// Sums over a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Objects made.
    pub objects: u64,
    /// Slots and roots that came to hold something else.
    pub stores: u64,
    /// Calls of `mutate` that did something.
    pub mutates: u64,
    /// The most objects that had a number at once.
    pub numbers: u64,
    /// The most roots at once.
    pub roots: u64,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An object is made, and dead when this `mutate` ends.
    DeadSoon {
        /// Words of its payload.
        words: usize,
    },
    /// An object is made, and gets the next number.
    Made {
        /// Words of its payload.
        words: usize,
        /// Whether there may be references in it.
        linked: bool,
        /// Whether it owns memory outside the heap.
        owner: bool,
    },
    /// A slot of an object holds something else now.
    Slot {
        /// The object.
        object: u32,
        /// The word of its payload.
        slot: usize,
        /// What it holds, or nothing.
        to: Option<u32>,
    },
    /// The memory that an object owns has room for so many references now.
    Outside {
        /// The object.
        object: u32,
        /// As many.
        len: usize,
    },
    /// One of them is another one now.
    OutsideSlot {
        /// The object.
        object: u32,
        /// Which, from 0.
        index: usize,
        /// What it holds.
        to: Option<u32>,
    },
    /// A root holds something else now.
    Root {
        /// Which, from 0.
        slot: usize,
        /// What it holds, or nothing.
        to: Option<u32>,
    },
    /// A `mutate` ends.
    End,
    /// The program asked for a collection, full or of what is young.
    Collect {
        /// Full.
        full: bool,
    },
    /// An object is dead, and its number may be given again.
    Dead {
        /// The object.
        object: u32,
    },
}

/// The space whose slots are being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Object,
    Outside,
    Roots,
}

/// The operations of a trace, in order.
#[derive(Clone, Debug)]
pub struct Steps<'t> {
    bytes: &'t [u8],
    at: usize,
    space: Space,
    object: u32,
    slot: u64,
    /// Objects of a list of dead ones that are still to come, and the one before.
    dead: (u64, u64),
}

impl Steps<'_> {
    fn of(bytes: &[u8]) -> Steps<'_> {
        Steps { bytes, at: MAGIC.len(), space: Space::Roots, object: 0, slot: 0, dead: (0, 0) }
    }

    /// Bytes in front of the next operation.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    fn wrong(&self, problem: impl Into<String>) -> TraceError {
        TraceError::Wrong { byte: self.at, problem: problem.into() }
    }

    #[inline]
    fn number(&mut self) -> Result<u64, TraceError> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let Some(&byte) = self.bytes.get(self.at) else { return Err(self.wrong("it is cut off")) };
            if shift == 63 && byte > 1 {
                return Err(self.wrong("a number has more than 64 bits"));
            }
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
    }

    fn object(&self, number: i64) -> Result<u32, TraceError> {
        u32::try_from(number)
            .ok()
            .filter(|number| *number != NONE)
            .ok_or_else(|| self.wrong(format!("{number} is no number of an object")))
    }

    /// The next operation; nothing at the end.
    ///
    /// # Errors
    /// [`TraceError::Wrong`]; never in a [`Trace`], which was read to its end.
    pub fn next_step(&mut self) -> Result<Option<Step>, TraceError> {
        if self.dead.0 > 0 {
            let number = self.dead.1.saturating_add(self.number()?);
            self.dead = (self.dead.0 - 1, number);
            let object = self.object(i64::try_from(number).unwrap_or(-1))?;
            return Ok(Some(Step::Dead { object }));
        }
        loop {
            let begin = self.at;
            let operation = self.number()?;
            let rest = operation >> 3;
            let words = || usize::try_from(rest).ok().filter(|_| rest < MOST_WORDS);
            let too_large = TraceError::Wrong { byte: begin, problem: format!("an object of {rest} words") };
            return Ok(Some(match operation & 7 {
                DEAD_SOON => Step::DeadSoon { words: words().ok_or(too_large)? },
                kind @ (PLAIN | LINKED | OWNER) => {
                    let words = words().ok_or(too_large)?;
                    Step::Made { words, linked: kind != PLAIN, owner: kind == OWNER }
                }
                OBJECT => {
                    self.object = self.object(i64::from(self.object).saturating_add(unzigzag(rest)))?;
                    (self.space, self.slot) = (Space::Object, 0);
                    continue;
                }
                OUTSIDE => {
                    if self.space != Space::Object {
                        return Err(self.wrong("references outside, of no object"));
                    }
                    (self.space, self.slot) = (Space::Outside, 0);
                    Step::Outside { object: self.object, len: words().ok_or(too_large)? }
                }
                SLOT => {
                    let slot = self.slot.saturating_add(rest);
                    let target = self.number()?;
                    let to = match target {
                        0 => None,
                        _ => Some(self.object(i64::from(self.object).saturating_add(unzigzag(target - 1)))?),
                    };
                    self.slot = slot.saturating_add(1);
                    let slot = usize::try_from(slot).unwrap_or(usize::MAX);
                    match self.space {
                        Space::Object => Step::Slot { object: self.object, slot, to },
                        Space::Outside => Step::OutsideSlot { object: self.object, index: slot, to },
                        Space::Roots => Step::Root { slot, to },
                    }
                }
                _ => match Control::ALL.get(usize::try_from(rest).unwrap_or(usize::MAX)) {
                    Some(Control::End) => Step::End,
                    Some(Control::Minor) => Step::Collect { full: false },
                    Some(Control::Full) => Step::Collect { full: true },
                    Some(Control::Dead) => {
                        self.dead = (self.number()?, 0);
                        return if self.dead.0 == 0 {
                            Err(self.wrong("a list of no dead objects"))
                        } else {
                            self.next_step()
                        };
                    }
                    Some(Control::Roots) => {
                        (self.space, self.object, self.slot) = (Space::Roots, 0, 0);
                        continue;
                    }
                    Some(Control::Last) => return Ok(None),
                    None => {
                        return Err(TraceError::Wrong {
                            byte: begin,
                            problem: format!("there is no operation {operation}"),
                        });
                    }
                },
            }));
        }
    }
}

/// A trace, whole and consistent.
#[derive(Clone, Debug)]
pub struct Trace {
    bytes: Vec<u8>,
    totals: Totals,
    /// For each object that got a number, in order: is it named after the `mutate` that made it?
    named: Vec<bool>,
    live_bytes: u64,
    last: Model,
}

impl Trace {
    /// Reads a trace of at most `limit` bytes.
    ///
    /// # Errors
    /// [`TraceError`], with the place.
    pub fn read(stream: &mut impl Read, limit: u64) -> Result<Self, TraceError> {
        let mut bytes = Vec::new();
        stream.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|source| TraceError::Read { source })?;
        if bytes.len() as u64 > limit {
            return Err(TraceError::TooLong { limit });
        }
        if !bytes.starts_with(MAGIC) {
            let named = &MAGIC[..MAGIC.len() - 2];
            return Err(TraceError::Other {
                problem: match bytes.starts_with(named) {
                    true => "this is a heap trace of another version: record it again with this one".to_owned(),
                    false => "this is no heap trace".to_owned(),
                },
            });
        }
        let mut reading = Reading::default();
        let mut steps = Steps::of(&bytes);
        loop {
            let at = steps.at();
            let Some(step) = steps.next_step()? else { break };
            reading.carry_out(step).map_err(|problem| TraceError::Wrong { byte: at, problem })?;
        }
        if reading.is_within_mutate {
            return Err(steps.wrong("its last `mutate` does not end"));
        }
        if let Some(lost) = reading.model.reached_and_dead() {
            return Err(steps.wrong(format!("object {lost} is dead, and roots lead to it")));
        }
        let mut sums = [0; 5];
        for sum in &mut sums {
            *sum = steps.number()?;
        }
        let [objects, stores, mutates, numbers, roots] = sums;
        let (claimed, found) = (Totals { objects, stores, mutates, numbers, roots }, reading.totals());
        if claimed != found {
            return Err(steps.wrong(format!(
                "it ends with {} objects, {} stores and {} mutates, but holds {}, {} and {}, or other roots and numbers",
                claimed.objects, claimed.stores, claimed.mutates, found.objects, found.stores, found.mutates
            )));
        }
        if steps.at < bytes.len() {
            return Err(steps.wrong("it goes on behind its end"));
        }
        let Reading { named, live_bytes: (_, live_bytes), model, .. } = reading;
        Ok(Self { bytes, totals: found, named, live_bytes, last: model })
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sums over it.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Its operations.
    #[must_use]
    pub fn steps(&self) -> Steps<'_> {
        Steps::of(&self.bytes)
    }

    /// Whether the object that was the `ordinal`th to get a number is named after the `mutate` that made it.
    #[must_use]
    pub fn is_named_later(&self, ordinal: usize) -> bool {
        self.named[ordinal]
    }

    /// The most bytes that had a number at the end of a `mutate`, in objects with headers of 16 bytes.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// What the heap must look like in the end.
    pub(crate) fn last(&self) -> &Model {
        &self.last
    }

    /// The same, with another idea of the end: for a test of who compares.
    #[cfg(test)]
    pub(crate) fn with_another_end(&self) -> Self {
        let mut other = self.clone();
        let reachable = other.last.reachable();
        let lost = (0..reachable.len()).find(|number| {
            let object = self.last.objects[*number].as_ref();
            reachable[*number] && object.is_some_and(|object| !object.slots().is_empty() && self.named[object.ordinal])
        });
        let object = other.last.objects[lost.expect("something leads somewhere")].as_mut().expect("it is alive");
        let (slot, _) = object.slots()[0];
        object.set(slot, None);
        other
    }

    /// Whether a root led to an object when the `mutate` began that has the operation at `byte`.
    pub(crate) fn was_reachable(&self, byte: usize, object: u32) -> bool {
        let (mut reading, mut steps) = (Reading::default(), self.steps());
        // Where that `mutate` begins.
        let mut begin = steps.at();
        while steps.at() < byte {
            match steps.next_step() {
                Ok(Some(Step::End)) if steps.at() <= byte => begin = steps.at(),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        let mut steps = self.steps();
        while steps.at() < begin {
            let Ok(Some(step)) = steps.next_step() else { break };
            reading.carry_out(step).expect("the trace was read to its end");
        }
        reading.model.reachable().get(object as usize).copied().unwrap_or(false)
    }
}

/// What a slot or a few hold.
#[derive(Clone, Debug)]
enum Held {
    /// All slots of a small object.
    Few(Vec<u32>),
    /// Slots of a large one that hold something.
    Some(BTreeMap<usize, u32>),
}

/// An object of the model.
#[derive(Clone, Debug)]
pub(crate) struct Modelled {
    pub(crate) words: usize,
    pub(crate) linked: bool,
    pub(crate) owner: bool,
    held: Held,
    /// What the memory that it owns holds, and for how many there is room.
    outside: (BTreeMap<usize, u32>, usize),
    ordinal: usize,
    born: u64,
}

/// A heap as it should be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) objects: Vec<Option<Modelled>>,
    roots: BTreeMap<usize, u32>,
}

/// Up to so many slots are all there.
const FEW: usize = 32;

impl Modelled {
    /// The slots that hold something, in order.
    pub(crate) fn slots(&self) -> Vec<(usize, u32)> {
        match &self.held {
            Held::Few(slots) => slots.iter().copied().enumerate().filter(|(_, to)| *to != NONE).collect(),
            Held::Some(slots) => slots.iter().map(|(slot, to)| (*slot, *to)).collect(),
        }
    }

    /// The references outside, in order.
    pub(crate) fn outside(&self) -> Vec<(usize, u32)> {
        self.outside.0.iter().map(|(slot, to)| (*slot, *to)).collect()
    }

    fn set(&mut self, slot: usize, to: Option<u32>) {
        match &mut self.held {
            Held::Few(slots) => slots[slot] = to.unwrap_or(NONE),
            Held::Some(slots) => set(slots, slot, to),
        }
    }
}

fn set(slots: &mut BTreeMap<usize, u32>, slot: usize, to: Option<u32>) {
    match to {
        Some(to) => slots.insert(slot, to),
        None => slots.remove(&slot),
    };
}

impl Model {
    /// The roots that hold something, in order.
    pub(crate) fn roots(&self) -> Vec<(usize, u32)> {
        self.roots.iter().map(|(slot, to)| (*slot, *to)).collect()
    }

    /// A number that the roots lead to, of an object that died.
    fn reached_and_dead(&self) -> Option<u32> {
        (0..)
            .zip(&self.objects)
            .zip(self.reachable())
            .find_map(|((number, object), reached)| (reached && object.is_none()).then_some(number))
    }

    /// For each number: do the roots lead there?
    pub(crate) fn reachable(&self) -> Vec<bool> {
        let mut reached = vec![false; self.objects.len()];
        let mut pending: Vec<u32> = self.roots.values().copied().collect();
        while let Some(number) = pending.pop() {
            if std::mem::replace(&mut reached[number as usize], true) {
                continue;
            }
            if let Some(object) = &self.objects[number as usize] {
                pending.extend(object.slots().into_iter().chain(object.outside()).map(|(_, to)| to));
            }
        }
        reached
    }
}

/// A trace that is being read.
#[derive(Default)]
struct Reading {
    model: Model,
    numbers: Numbers,
    named: Vec<bool>,
    /// Now, and the most.
    live_bytes: (u64, u64),
    totals: Totals,
    /// Something was read since a `mutate` ended.
    is_within_mutate: bool,
}

impl Reading {
    fn totals(&self) -> Totals {
        Totals { numbers: self.numbers.most().into(), ..self.totals }
    }

    /// # Errors
    /// What is wrong with it.
    fn carry_out(&mut self, step: Step) -> Result<(), String> {
        if matches!(step, Step::Collect { .. } | Step::Dead { .. }) {
            if self.is_within_mutate || self.totals.mutates == 0 {
                return Err("a collection within a `mutate`".to_owned());
            }
        } else {
            self.is_within_mutate = !matches!(step, Step::End);
        }
        match step {
            Step::DeadSoon { .. } => self.totals.objects += 1,
            Step::Made { words, linked, owner } => {
                self.totals.objects += 1;
                let number = self.numbers.take() as usize;
                if number >= NONE as usize {
                    return Err("more objects than 32-bit numbers can count".to_owned());
                }
                if number == self.model.objects.len() {
                    self.model.objects.push(None);
                }
                let held = if !linked {
                    Held::Few(Vec::new())
                } else if words <= FEW {
                    Held::Few(vec![NONE; words])
                } else {
                    Held::Some(BTreeMap::new())
                };
                let (ordinal, born) = (self.named.len(), self.totals.mutates);
                self.named.push(false);
                let outside = (BTreeMap::new(), 0);
                self.model.objects[number] = Some(Modelled { words, linked, owner, held, outside, ordinal, born });
                self.live_bytes.0 = self.live_bytes.0.saturating_add(words as u64 * 8 + 16);
            }
            Step::Slot { object, slot, to } => {
                self.name(to)?;
                let own = self.named_object(object)?;
                if !own.linked || slot >= own.words {
                    return Err(format!("object {object} has no slot {slot}"));
                }
                own.set(slot, to);
                self.totals.stores += 1;
            }
            Step::Outside { object, len } => {
                let own = self.named_object(object)?;
                if !own.owner {
                    return Err(format!("object {object} owns nothing outside"));
                }
                own.outside.1 = len;
                let _ = own.outside.0.split_off(&len);
            }
            Step::OutsideSlot { object, index, to } => {
                self.name(to)?;
                let own = self.named_object(object)?;
                if index >= own.outside.1 {
                    return Err(format!("object {object} has no reference {index} outside"));
                }
                set(&mut own.outside.0, index, to);
                self.totals.stores += 1;
            }
            Step::Root { slot, to } => {
                self.name(to)?;
                // Roots are numbered without gaps.
                if slot as u64 > self.totals.roots {
                    return Err(format!("there is no root {slot}"));
                }
                self.totals.roots = self.totals.roots.max(slot as u64 + 1);
                set(&mut self.model.roots, slot, to);
                self.totals.stores += 1;
            }
            Step::End => {
                self.totals.mutates += 1;
                self.live_bytes.1 = self.live_bytes.1.max(self.live_bytes.0);
            }
            Step::Collect { .. } => {}
            Step::Dead { object } => {
                let dead = self.model.objects.get_mut(object as usize).and_then(Option::take);
                let dead = dead.ok_or_else(|| format!("object {object} is not there and cannot die"))?;
                self.live_bytes.0 = self.live_bytes.0.saturating_sub(dead.words as u64 * 8 + 16);
                self.numbers.give_back(object);
            }
        }
        Ok(())
    }

    fn named_object(&mut self, number: u32) -> Result<&mut Modelled, String> {
        let mutates = self.totals.mutates;
        let object = self.model.objects.get_mut(number as usize).and_then(Option::as_mut);
        let object = object.ok_or_else(|| format!("there is no object {number}"))?;
        if object.born != mutates {
            self.named[object.ordinal] = true;
        }
        Ok(object)
    }

    fn name(&mut self, to: Option<u32>) -> Result<(), String> {
        to.map_or(Ok(()), |to| self.named_object(to).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::put;
    use super::super::{Recorder, Report};
    use super::*;
    use heap_core::{Gc, Heap, Lock, RefLock, Rootable, Trace as Traced, field, store};
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[derive(Traced)]
    struct Node<'gc> {
        first: Lock<Option<Gc<'gc, Node<'gc>>>>,
        number: u64,
        second: Lock<Option<Gc<'gc, Node<'gc>>>>,
        more: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
    }

    impl Node<'_> {
        fn new(number: u64) -> Self {
            Node { first: Lock::new(None), number, second: Lock::new(None), more: RefLock::new(Vec::new()) }
        }
    }

    type Nodes = Heap<Rootable![Gc<'_, Node<'_>>]>;

    fn recorded(limit: u64, program: impl FnOnce(&mut Nodes)) -> (Vec<u8>, Report) {
        let out = Shared::default();
        let recorder = Recorder::new(out.clone(), limit);
        let report = recorder.report();
        let mut heap = Nodes::new(recorder, |mc| Gc::new(mc, Node::new(0))).unwrap();
        program(&mut heap);
        drop(heap);
        assert!(report.is_finished());
        let bytes = out.0.lock().unwrap().clone();
        (bytes, report)
    }

    fn example() -> Vec<u8> {
        let (bytes, report) = recorded(u64::MAX, |heap| {
            heap.mutate(|mc, root| {
                let _dead = Gc::new(mc, Node::new(1));
                let kept = Gc::new(mc, Node::new(2));
                store!(mc, root.second, Some(kept));
                store!(mc, kept.first, Some(*root));
            });
            // Several stores are one, and one that changes nothing is none.
            heap.mutate(|mc, root| {
                let kept = root.second.get().unwrap();
                store!(mc, kept.second, Some(kept));
                store!(mc, kept.second, None);
                field!(mc, root.more).borrow_mut().push(kept);
            });
            let handle = heap.mutate(|mc, root| mc.stash(root.second.get().unwrap()));
            heap.mutate(|mc, root| {
                store!(mc, root.second, None);
                field!(mc, root.more).borrow_mut().clear();
            });
            drop(handle);
            heap.collect();
            heap.mutate(|mc, root| assert_eq!(Gc::new(mc, Node::new(3)).number + root.number, 3));
        });
        // Four nodes, and the object that holds the root.
        assert_eq!(report.outcome().unwrap().objects, 5);
        assert_eq!(report.bytes(), bytes.len() as u64);
        bytes
    }

    #[test]
    fn what_is_done_is_what_is_recorded() {
        let trace = Trace::read(&mut &example()[..], u64::MAX).unwrap();
        let mut steps = trace.steps();
        let mut all = Vec::new();
        while let Some(step) = steps.next_step().unwrap() {
            all.push(step);
        }
        let words = size_of::<Node<'_>>() / 8;
        let made = Step::Made { words, linked: true, owner: true };
        let holder = Step::Made { words: 1, linked: true, owner: false };
        let slot = |object, slot, to| Step::Slot { object, slot, to };
        let root = |slot, to| Step::Root { slot, to };
        // Which word is which field is up to the compiler.
        let [Step::Slot { slot: first, .. }, Step::Slot { slot: second, .. }] = all[7..9] else { panic!("{all:?}") };
        let expected = [
            made,
            holder,
            slot(1, 0, Some(0)),
            root(0, Some(1)),
            Step::End,
            Step::DeadSoon { words },
            made,
            slot(2, first, Some(0)),
            slot(0, second, Some(2)),
            Step::End,
            Step::Outside { object: 0, len: 1 },
            Step::OutsideSlot { object: 0, index: 0, to: Some(2) },
            Step::End,
            root(1, Some(2)),
            Step::End,
            slot(0, second, None),
            Step::Outside { object: 0, len: 0 },
            Step::End,
            root(1, None),
            Step::End,
            Step::Collect { full: true },
            Step::Dead { object: 2 },
            Step::DeadSoon { words },
            Step::End,
        ];
        assert_eq!(all, expected);
        assert_ne!(first, second);
        assert_eq!(trace.totals(), Totals { objects: 5, stores: 8, mutates: 7, numbers: 3, roots: 2 });
        assert_eq!([0, 1, 2].map(|ordinal| trace.is_named_later(ordinal)), [true, false, true]);
        assert_eq!(trace.live_bytes(), 2 * (words as u64 * 8 + 16) + 24);
        assert_eq!(trace.last().roots(), [(0, 1)]);
    }

    #[test]
    fn a_trace_that_becomes_too_long_ends_in_front_of_that() {
        let program = |heap: &mut Nodes| {
            for _ in 0..1_000 {
                heap.mutate(|mc, root| store!(mc, root.first, Some(Gc::new(mc, Node::new(1)))));
            }
        };
        let whole = recorded(u64::MAX, program).0.len() as u64;
        for limit in [200, 1_000, whole - 1] {
            let (bytes, report) = recorded(limit, program);
            assert!(report.is_cut() && bytes.len() as u64 <= limit, "{} of {limit}", bytes.len());
            let trace = Trace::read(&mut &bytes[..], u64::MAX).unwrap();
            assert!(trace.totals().mutates > 0 && trace.totals().mutates < 1_001);
        }
    }

    #[test]
    fn a_small_trace_takes_few_bytes() {
        // A list of ten thousand, one element a `mutate`: an object, two stores.
        let (bytes, report) = recorded(u64::MAX, |heap| {
            for number in 0..10_000 {
                heap.mutate(|mc, root| {
                    let node = Gc::new(mc, Node::new(number));
                    store!(mc, node.first, root.first.get());
                    store!(mc, root.first, Some(node));
                });
            }
        });
        let totals = report.outcome().unwrap();
        let events = totals.objects + totals.stores;
        assert_eq!(events, 10_002 + 20_001);
        assert!((bytes.len() as u64) < 6 * events, "{} bytes for {events} events", bytes.len());
    }

    #[test]
    fn damaged_traces_are_refused_with_the_place() {
        let bytes = example();
        for cut in 0..bytes.len() {
            let sentence = Trace::read(&mut &bytes[..cut], u64::MAX).unwrap_err().to_string();
            let expected = if cut < MAGIC.len() { "no heap trace" } else { "cut off" };
            let expected = if cut == MAGIC.len() - 1 || cut == MAGIC.len() - 2 { "another version" } else { expected };
            assert!(sentence.contains(expected), "{cut}: {sentence}");
        }
        let mut other = bytes.clone();
        other[MAGIC.len() - 2] = b'2';
        let sentence = Trace::read(&mut &other[..], u64::MAX).unwrap_err().to_string();
        assert_eq!(sentence, "this is a heap trace of another version: record it again with this one");
        assert!(Trace::read(&mut &bytes[..], 20).unwrap_err().to_string().contains("the limit of 20 bytes"));
        let longer = [&bytes[..], b"x"].concat();
        assert!(Trace::read(&mut &longer[..], u64::MAX).unwrap_err().to_string().contains("goes on behind its end"));
        let wrong = |operations: &[u64]| {
            let mut bytes = MAGIC.to_vec();
            operations.iter().for_each(|operation| put(*operation, &mut bytes));
            Trace::read(&mut &bytes[..], u64::MAX).unwrap_err().to_string()
        };
        for (operations, expected) in [
            (&[6][..], "at byte 14: references outside, of no object"),
            (&[4, 5, 1], "at byte 13: there is no object 0"),
            (&[8 | 2, 4, 8 | 5, 0], "at byte 14: object 0 has no slot 1"),
            (&[8 | 1, 4, 5, 0], "object 0 has no slot 0"),
            (&[8 | 2, 4, 8 | 6], "object 0 owns nothing outside"),
            (&[8 | 3, 4, 8 | 6, 8 | 5, 0], "object 0 has no reference 1 outside"),
            (&[5 << 3 | 7], "cut off"),
            (&[5 << 3 | 7, 1, 0, 0, 0, 0], "it ends with 1 objects, 0 stores"),
            (&[8 | 2, 5 << 3 | 7, 1, 0, 0, 1, 0], "its last `mutate` does not end"),
            (&[9 << 3 | 7], "at byte 13: there is no operation 79"),
            (&[7, 3 << 3 | 7, 1, 0], "object 0 is not there and cannot die"),
            (&[8 | 2, 4 << 3 | 7, 5, 1, 7, 3 << 3 | 7, 1, 0, 5 << 3 | 7], "object 0 is dead, and roots lead to it"),
            (&[2 << 3 | 7], "at byte 13: a collection within a `mutate`"),
            (&[7, 8 | 2, 2 << 3 | 7], "at byte 15: a collection within a `mutate`"),
            (&[7, 8 | 2, 3 << 3 | 7, 1, 0], "at byte 15: a collection within a `mutate`"),
            (&[!7 | 2], "an object of 2305843009213693951 words"),
            (&[4 << 3 | 7, 8 | 5, 0], "there is no root 1"),
        ] {
            let sentence = wrong(operations);
            assert!(sentence.contains(expected), "{operations:?}: {sentence}");
        }
    }

    #[test]
    fn mutants_of_a_trace_do_not_panic() {
        let bytes = example();
        let mut state = 0x5EED_u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut accepted = 0;
        for _ in 0..20_000 {
            let mut bytes = bytes.clone();
            for _ in 0..=random(3) {
                let at = MAGIC.len() + random(bytes.len() - MAGIC.len());
                if random(3) == 0 {
                    bytes.insert(at, random(256) as u8);
                } else {
                    bytes[at] = random(256) as u8;
                }
            }
            match Trace::read(&mut &bytes[..], u64::MAX) {
                Ok(trace) => accepted += u32::from(trace.last().reachable().len() < 1_000),
                Err(error) => assert!(!error.to_string().contains('\n')),
            }
        }
        assert!(accepted > 20, "{accepted}");
    }
}
