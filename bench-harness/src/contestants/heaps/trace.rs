//! A recorded trace, run again on a heap.
//!
//! Each object of the trace becomes a slice here: of slots, if there were references in it, as many as it had words;
//! else of words that nobody reads. What is named again after the `mutate` that made it is found through a table of
//! weak pointers, and nothing else is in the table: so a replay keeps nothing alive that the program did not.
//!
//! *Weak pointers of the program* are lost in a trace, and with them the reason why an object was alive that only a map
//! by keys or a finalizer kept. Here it may be dead when it is named, on one collector sooner than on another; then the
//! operation is left out. The model of the trace says whether that may be: an object to which a root led must be there.
//!
//! In the end the whole heap is compared with what it must look like, unless operations were left out. The checksum is
//! made of the trace's sums and of that.

use std::collections::HashMap;
use std::mem::MaybeUninit;

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Static, Trace, Weak, store};

use super::Failure;
use super::heap::{Measured, Setup};
use crate::recording::{Numbers, Step, Steps, Trace as Recorded};
use crate::workloads::{Checksum, Outcome, Tally};

/// Words of an object that is worth no look: of what was dead soon nobody knows whether there were references in it.
const LARGE: usize = 512;

#[derive(Trace)]
struct Slot<'gc>(Lock<Option<Gc<'gc, ()>>>);

type Object<'gc> = Gc<'gc, [Slot<'gc>]>;

#[derive(Trace)]
struct State<'gc> {
    roots: Object<'gc>,
    /// Objects that are named again, by number.
    table: Gc<'gc, [Lock<Option<Entry<'gc>>>]>,
}

/// How an object is found that is named again.
#[derive(Trace, Clone, Copy)]
enum Entry<'gc> {
    /// Without references.
    Plain(Weak<'gc, ()>),
    /// With references, and with the memory that it owns, if it has any.
    Linked(Weak<'gc, [Slot<'gc>]>, Option<Weak<'gc, [Slot<'gc>]>>),
}

/// An object that was found, or was just made.
#[derive(Clone, Copy)]
enum Found<'gc> {
    Plain(Gc<'gc, ()>),
    Linked(Object<'gc>, Option<Object<'gc>>),
}

impl<'gc> Found<'gc> {
    fn erase(self) -> Gc<'gc, ()> {
        match self {
            Self::Plain(object) => object,
            Self::Linked(object, _) => Gc::erase(object),
        }
    }

    /// What only objects with references are asked: reading the trace has made sure of it.
    fn linked(self) -> (Object<'gc>, Option<Object<'gc>>) {
        match self {
            Self::Linked(object, outside) => (object, outside),
            Self::Plain(_) => unreachable!("the trace was read to its end: only linked objects are written"),
        }
    }

    fn weak(self, mc: &Mutator<'gc>) -> Result<Entry<'gc>, AllocError> {
        Ok(match self {
            Self::Plain(object) => Entry::Plain(Gc::try_downgrade(object, mc)?),
            Self::Linked(object, outside) => {
                let outside = outside.map(|outside| Gc::try_downgrade(outside, mc)).transpose()?;
                Entry::Linked(Gc::try_downgrade(object, mc)?, outside)
            }
        })
    }
}

impl<'gc> Entry<'gc> {
    fn upgrade(self, mc: &Mutator<'gc>) -> Option<Found<'gc>> {
        match self {
            Self::Plain(object) => object.upgrade(mc).map(Found::Plain),
            Self::Linked(object, outside) => {
                Some(Found::Linked(object.upgrade(mc)?, outside.and_then(|outside| outside.upgrade(mc))))
            }
        }
    }
}

type Heap = Measured<Rootable![Gc<'_, State<'_>>]>;

/// Where a replay stands between two calls of `mutate`.
struct Place<'t> {
    trace: &'t Recorded,
    steps: Steps<'t>,
    numbers: Numbers,
    /// Objects that got a number so far.
    made: usize,
    /// Operations that were left out.
    lost: u64,
}

/// What one `mutate` has done.
struct Done<'t> {
    steps: Steps<'t>,
    /// The trace ends here.
    is_over: bool,
    lost: u64,
    /// The first operation that was left out: its place, and the object that was gone.
    gone: Option<(usize, u32)>,
}

/// Runs the trace.
///
/// # Errors
/// [`Failure::Wrong`] with the object, when the heap is not what the trace says.
pub(super) fn run(setup: &Setup, trace: &Recorded) -> Result<Outcome, Failure> {
    let totals = trace.totals();
    let mut tally = Tally::default();
    let mut heap: Heap = setup.heap(|mc| {
        let table = Gc::try_new_slice_with(mc, totals.numbers as usize, |_| Lock::new(None))?;
        Gc::try_new(mc, State { roots: slots(mc, totals.roots as usize)?, table })
    });
    tally.objects = totals.objects + 3;
    tally.bytes = trace.live_bytes();
    let mut place = Place { trace, steps: trace.steps(), numbers: Numbers::default(), made: 0, lost: 0 };
    let mut gone = None;
    while !one_mutate(&mut heap, &mut place, &mut gone) {
        between(&mut heap, &mut place);
    }
    if let Some((byte, object)) = gone
        && trace.was_reachable(byte, object)
    {
        return Err(Failure::Wrong(format!(
            "at byte {byte} of the trace object {object} is reachable, yet it is gone"
        )));
    }
    let mut checksum = Checksum::new();
    [totals.objects, totals.stores, totals.mutates].into_iter().for_each(|sum| checksum.mix(sum));
    if place.lost == 0 {
        compare(&mut heap, trace)?;
    }
    Ok(tally.outcome(checksum))
}

fn slots<'gc>(mc: &Mutator<'gc>, len: usize) -> Result<Object<'gc>, AllocError> {
    Gc::try_new_slice_with(mc, len, |_| Slot(Lock::new(None)))
}

fn words<'gc>(mc: &Mutator<'gc>, len: usize) -> Result<Gc<'gc, ()>, AllocError> {
    Gc::try_new_slice_with(mc, len, |_| Static(MaybeUninit::<u64>::uninit())).map(Gc::erase)
}

/// Carries out operations up to the end of a `mutate`. True when the trace has ended.
fn one_mutate(heap: &mut Heap, place: &mut Place<'_>, gone: &mut Option<(usize, u32)>) -> bool {
    let Place { trace, steps, numbers, made, lost } = place;
    // A `mutate` for which there was no room begins again, after a collection: numbers go back in the order that gives
    // them again.
    let mut taken: Vec<u32> = Vec::new();
    let done = heap.batch(|mc, state| {
        taken.drain(..).rev().for_each(|number| numbers.give_back(number));
        let mut done = Done { steps: steps.clone(), is_over: false, lost: 0, gone: None };
        let mut batch = Batch { mc, state, new: HashMap::new() };
        loop {
            let at = done.steps.at();
            let Some(step) = done.steps.next_step().expect("the trace was read to its end") else {
                done.is_over = true;
                return Ok(done);
            };
            let carried_out = match step {
                Step::Made { words, linked, owner } => {
                    let number = numbers.take();
                    let is_named = trace.is_named_later(*made + taken.len());
                    taken.push(number);
                    batch.make(number, words, linked, owner, is_named)?;
                    Ok(())
                }
                Step::End => return Ok(done),
                step => batch.carry_out(step)?,
            };
            if let Err(number) = carried_out {
                done.lost += 1;
                done.gone.get_or_insert((at, number));
            }
        }
    });
    *made += taken.len();
    *steps = done.steps;
    *lost += done.lost;
    *gone = gone.or(done.gone);
    done.is_over
}

/// The number of an object that is gone.
type Gone = u32;

/// One `mutate`.
struct Batch<'gc> {
    mc: &'gc Mutator<'gc>,
    state: &'gc State<'gc>,
    /// Made in it, by number.
    new: HashMap<u32, Found<'gc>>,
}

impl<'gc> Batch<'gc> {
    fn find(&self, number: u32) -> Result<Found<'gc>, Gone> {
        let named = || self.state.table[number as usize].get().and_then(|entry| entry.upgrade(self.mc));
        self.new.get(&number).copied().or_else(named).ok_or(number)
    }

    fn target(&self, to: Option<u32>) -> Result<Option<Gc<'gc, ()>>, Gone> {
        to.map(|to| self.find(to).map(Found::erase)).transpose()
    }

    fn make(&mut self, number: u32, len: usize, linked: bool, owner: bool, is_named: bool) -> Result<(), AllocError> {
        let mc = self.mc;
        // An owner has one slot more, for what it owns.
        let found = if linked {
            Found::Linked(slots(mc, len + usize::from(owner))?, None)
        } else {
            Found::Plain(words(mc, len)?)
        };
        self.new.insert(number, found);
        let entry = &self.state.table[number as usize];
        if is_named || entry.get().is_some() {
            let weak = if is_named { Some(found.weak(mc)?) } else { None };
            store!(mc, self.state.table[number as usize], weak);
        }
        Ok(())
    }

    /// Carries out what needs no new number; or says which object is gone.
    fn carry_out(&mut self, step: Step) -> Result<Result<(), Gone>, AllocError> {
        let mc = self.mc;
        Ok(match step {
            Step::DeadSoon { words: len } => {
                if len < LARGE {
                    slots(mc, len).map(drop)?
                } else {
                    words(mc, len).map(drop)?
                }
                Ok(())
            }
            Step::Slot { object, slot, to } => self.find(object).and_then(|from| {
                let (from, _) = from.linked();
                let to = self.target(to)?;
                store!(mc, from => [slot].0, to);
                Ok(())
            }),
            Step::Outside { object, len } => match self.find(object) {
                Ok(found) => {
                    self.make_room(object, found, len)?;
                    Ok(())
                }
                Err(gone) => Err(gone),
            },
            Step::OutsideSlot { object, index, to } => self.find(object).and_then(|from| {
                let (_, outside) = from.linked();
                let (outside, to) = (outside.ok_or(object)?, self.target(to)?);
                store!(mc, outside => [index].0, to);
                Ok(())
            }),
            Step::Root { slot, to } => self.target(to).map(|to| store!(mc, self.state.roots => [slot].0, to)),
            Step::Made { .. } | Step::End | Step::Collect { .. } | Step::Dead { .. } => {
                unreachable!("others see to these")
            }
        })
    }

    /// Makes the memory that an object owns as large as it was: in a slice of its own, which the last slot leads to.
    fn make_room(&mut self, number: u32, found: Found<'gc>, len: usize) -> Result<(), AllocError> {
        let mc = self.mc;
        let (object, before) = found.linked();
        let room = before.map_or(0, |before| before.len());
        if len > room {
            let now = slots(mc, len.next_power_of_two())?;
            for (index, slot) in before.iter().flat_map(|before| before.iter()).enumerate() {
                store!(mc, now => [index].0, slot.0.get());
            }
            let last = object.len() - 1;
            store!(mc, object => [last].0, Some(Gc::erase(now)));
            let found = Found::Linked(object, Some(now));
            if self.state.table[number as usize].get().is_some() {
                store!(mc, self.state.table[number as usize], Some(found.weak(mc)?));
            }
            if let Some(new) = self.new.get_mut(&number) {
                *new = found;
            }
        } else if let Some(before) = before {
            // What is not there any more keeps nothing alive.
            for index in len..room {
                if before[index].0.get().is_some() {
                    store!(mc, before => [index].0, None);
                }
            }
        }
        Ok(())
    }
}

/// What stands between two calls of `mutate`: collections that were asked for, and deaths.
fn between(heap: &mut Heap, place: &mut Place<'_>) {
    loop {
        let mut ahead = place.steps.clone();
        match ahead.next_step().expect("the trace was read to its end") {
            Some(Step::Collect { full: true }) => heap.collect(),
            Some(Step::Collect { full: false }) => heap.heap().collect_minor(),
            Some(Step::Dead { object }) => place.numbers.give_back(object),
            _ => return,
        }
        place.steps = ahead;
    }
}

/// Compares the roots, and all objects that are named again and alive, with what the trace says.
fn compare(heap: &mut Heap, trace: &Recorded) -> Result<(), Failure> {
    heap.collect();
    let model = trace.last();
    let reachable = model.reachable();
    let different = heap.batch(|mc, state| {
        let find = |number: usize| state.table[number].get().and_then(|entry| entry.upgrade(mc));
        let known: Vec<Option<Found<'_>>> =
            (0..reachable.len()).map(|n| reachable[n].then(|| find(n)).flatten()).collect();
        if !holds(state.roots.iter(), &model.roots(), &known) {
            return Ok(Some("the roots are".to_owned()));
        }
        for (number, expected) in model.objects.iter().enumerate().filter(|(number, _)| reachable[*number]) {
            let (Some(expected), true) = (expected, state.table[number].get().is_some()) else { continue };
            let Some(found) = known[number] else { return Ok(Some(format!("object {number} is gone and is"))) };
            let Found::Linked(object, outside) = found else { continue };
            let owned = outside.iter().flat_map(|outside| outside.iter());
            if object.len() < expected.words
                || !holds(object[..expected.words].iter(), &expected.slots(), &known)
                || !holds(owned, &expected.outside(), &known)
            {
                return Ok(Some(format!("the slots of object {number} are")));
            }
        }
        Ok(None)
    });
    let wrong = |what| Failure::Wrong(format!("after the last operation {what} not what the trace says"));
    different.map(wrong).map_or(Ok(()), Err)
}

/// Do the slots hold these objects, as far as they are known, and nothing else?
fn holds<'a, 'gc: 'a>(
    slots: impl IntoIterator<Item = &'a Slot<'gc>>,
    expected: &[(usize, u32)],
    known: &[Option<Found<'gc>>],
) -> bool {
    let mut expected = expected.iter().peekable();
    let right = slots.into_iter().enumerate().all(|(index, slot)| {
        match (slot.0.get(), expected.next_if(|(at, _)| *at == index)) {
            (None, None) => true,
            (Some(held), Some((_, number))) => {
                known[*number as usize].is_none_or(|found| Gc::ptr_eq(held, found.erase()))
            }
            _ => false,
        }
    });
    right && expected.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::heap::{Probe, guarded};
    use super::*;
    use crate::contestants::collector::Collector;
    use crate::contestants::meter::Meter;
    use crate::recording::Recorder;
    use heap_core::{Heap, RefLock, field};

    type Next<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

    #[derive(Trace)]
    struct Node<'gc> {
        next: Next<'gc>,
        more: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
        table: Lock<Option<Gc<'gc, [Next<'gc>]>>>,
    }

    fn node<'gc>(mc: &Mutator<'gc>, next: Option<Gc<'gc, Node<'gc>>>) -> Gc<'gc, Node<'gc>> {
        let node = Node { next: Lock::new(next), more: RefLock::new(Vec::new()), table: Lock::new(None) };
        Gc::new(mc, node)
    }

    /// Lists that are cut, vectors that grow and shrink, a large table with a few entries, handles, garbage.
    fn recorded() -> Recorded {
        let file = tempfile::tempfile().unwrap();
        let recorder = Recorder::new(file.try_clone().unwrap(), u64::MAX);
        let report = recorder.report();
        let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(recorder, |mc| node(mc, None)).unwrap();
        heap.mutate(|mc, root| {
            let table = Gc::new_slice_with(mc, 20_000, |_| Lock::new(None));
            store!(mc, root.table, Some(table));
        });
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let mut handles = Vec::new();
        for round in 0..4_000 {
            let (what, where_) = (random(8), random(20_000) as usize);
            let handle = heap.mutate(|mc, root| {
                let table = root.table.get().unwrap();
                for _ in 0..random(3) {
                    node(mc, None);
                }
                let new = node(mc, root.next.get());
                match what {
                    0 => store!(mc, root.next, None),
                    1 => store!(mc, table => [where_], root.next.get()),
                    2 => store!(mc, table => [where_], None),
                    3 => field!(mc, root.more).borrow_mut().push(new),
                    4 if round % 500 == 0 => field!(mc, root.more).borrow_mut().clear(),
                    4 => drop(field!(mc, root.more).borrow_mut().pop()),
                    5 => field!(mc, new.more).borrow_mut().extend(root.next.get()),
                    _ => store!(mc, root.next, Some(new)),
                }
                (what == 7).then(|| mc.stash(new))
            });
            handles.extend(handle);
            if handles.len() > 20 {
                handles.swap_remove(random(20) as usize);
            }
            if round % 1_000 == 999 {
                heap.collect();
            }
        }
        drop((heap, handles));
        assert!(report.outcome().unwrap().objects > 8_000);
        let mut file = file;
        std::io::Seek::rewind(&mut file).unwrap();
        Recorded::read(&mut file, u64::MAX).unwrap()
    }

    fn replay(trace: &Recorded, collector: Collector, limit: Option<u64>) -> Result<Outcome, Failure> {
        guarded(collector, limit, Probe::Never, &mut Meter::default(), |setup| run(setup, trace))
    }

    #[test]
    fn every_collector_does_what_was_recorded() {
        let trace = recorded();
        let expected = replay(&trace, Collector::MARKSWEEP, None).unwrap();
        for collector in Collector::ALL {
            assert_eq!(replay(&trace, collector, None), Ok(expected), "{collector:?}");
            // Where there is hardly room, `mutate`s begin again.
            let tight = replay(&trace, collector, Some(1 << 20));
            assert!(
                matches!(tight, Ok(outcome) if outcome == expected) || matches!(tight, Err(Failure::OutOfMemory(_)))
            );
        }
        assert_eq!(replay(&trace, Collector::GENERATIONAL, Some(8 << 20)), Ok(expected));
    }

    #[test]
    fn a_heap_that_differs_from_the_trace_is_noticed() {
        let trace = recorded();
        let other = trace.with_another_end();
        let error = replay(&other, Collector::MARKSWEEP, None).unwrap_err().to_string();
        assert!(error.contains("not what the trace says"), "{error}");
    }
}
