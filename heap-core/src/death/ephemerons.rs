//! Ephemerons: values that live as long as their keys do (Hayes, OOPSLA 1997).
//!
//! An ephemeron is a small object with a key and a value, neither of which is an edge: its `trace` reports nothing. The
//! value is reached when the ephemeron *and* its key were; so a value that points back at its key, or at the table that
//! the ephemeron is in, keeps neither alive. When the key dies, both are cleared. Key and value never change in between:
//! a table with weak keys is a table of pointers to ephemerons.
//!
//! *Tracing.* After the main trace every ephemeron that the collection concerns is considered once. If it was not reached,
//! it waits for itself; if its key was not, it waits for the key; else its value is reached. The trace then goes on and
//! reports what it reaches that has a side entry, and whoever waited for it is considered again. So each is considered
//! at most three times, and a chain of a million, whatever its order, takes linear time. Those that wait for one object
//! are chained through their payloads; the table `waiting` holds the first of each chain.
//!
//! *Minor collections.* An ephemeron made since the last collection may have an old key, which is alive then. An old one
//! has an old key and an old value, for all three were reached together: it is not looked at.
//!
//! *Counting.* The value is counted once, as long as the ephemeron and its key both are. When an epoch's increments have
//! been made, the same fixpoint runs over the ephemerons made since the last one; afterwards those whose keys are counted
//! *hold* their values, in a doubly linked chain for each key, whose first one
//! the table `held` names. The death of the ephemeron or of the key ends the hold and gives the reference back. Trial deletion takes the
//! reference away when the first of the two turns gray, and restores it when neither is. (Counting the value as an edge of
//! its key instead leaks: let the value point back at the table.)

use core::cell::Cell;

use super::{Scope, registered};
use crate::engine::{Closure, KeyBuffer, Refused};
use crate::error::AllocError;
use crate::memory::Aged;
use crate::object::{Object, ObjectMap, ObjectRef, Shape, TypeInfo, prefetch};

/// The payload of an ephemeron.
#[repr(C)]
pub(crate) struct Ephemeron {
    /// Key and value; both or none.
    key: Cell<Option<ObjectRef>>,
    value: Cell<Option<ObjectRef>>,
    /// The next that waits for the same object, or that is held by the same key.
    next: Cell<Option<ObjectRef>>,
    /// Counting: the one before in the chain of the key.
    previous: Cell<Option<ObjectRef>>,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum State {
    /// Neither of the following.
    Idle,
    /// Tracing, during a pause: it and its key were reached, and so was its value. Counting: its value is counted.
    Holds,
    /// Counting, during a trial deletion: it holds, and the reference was subtracted.
    Subtracted,
}

const _: () = assert!(size_of::<Ephemeron>() == 40);

/// Has the layout of an [`Ephemeron`] and, unlike it, a `Trace` implementation: the one for plain words.
type EphemeronPayload = [u64; 5];

impl Ephemeron {
    pub(crate) const INFO: &'static TypeInfo = &TypeInfo::of::<EphemeronPayload>(Shape::Ephemeron);

    pub(crate) fn new(key: ObjectRef, value: ObjectRef) -> Self {
        Ephemeron {
            key: Cell::new(Some(key)),
            value: Cell::new(Some(value)),
            next: Cell::new(None),
            previous: Cell::new(None),
            state: Cell::new(State::Idle),
        }
    }

    /// # Safety
    /// `ephemeron` must be one, and its memory intact.
    pub(crate) unsafe fn at<'a>(ephemeron: ObjectRef) -> &'a Ephemeron {
        // SAFETY: the caller's promise; an ephemeron's payload is an `Ephemeron`.
        unsafe { ephemeron.payload().cast::<Ephemeron>().as_ref() }
    }

    /// Key and value, while the key lives.
    pub(crate) fn pair(&self) -> Option<(ObjectRef, ObjectRef)> {
        self.key.get().zip(self.value.get())
    }

    fn clear(&self) {
        self.key.set(None);
        self.value.set(None);
        self.next.set(None);
        self.previous.set(None);
        self.state.set(State::Idle);
    }
}

/// A registered ephemeron.
fn ephemeron<'a>(reference: ObjectRef) -> &'a Ephemeron {
    // SAFETY: what is registered here, or chained to it, is an ephemeron, and intact: see `registered`. One that was
    // copied during this pause has left an intact payload behind.
    unsafe { Ephemeron::at(reference) }
}

/// The ephemerons of a heap.
#[derive(Default)]
pub struct Ephemerons {
    /// In a counting heap only the young.
    all: Aged<ObjectRef>,
    /// During a pause: the first of the chain that waits for each object.
    waiting: ObjectMap<ObjectRef>,
    /// During a pause: the first of the chain of those that wait no longer.
    ready: Option<ObjectRef>,
    /// Counting: the first of the chain of those that each key holds.
    held: ObjectMap<ObjectRef>,
    /// Counting: how many those are.
    holding: usize,
}

impl Ephemerons {
    /// Bytes of the tables.
    pub(super) fn side_bytes(&self) -> usize {
        let entries = self.waiting.capacity() + self.held.capacity();
        self.all.memory_bytes() + entries * (size_of::<(ObjectRef, ObjectRef)>() + 1)
    }

    /// Number of ephemerons that are not known to be dead or cleared.
    pub fn len(&self) -> usize {
        self.all.len() + self.holding
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for one more, through its life and death. With `counts`, for a counting heap.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve(&mut self, counts: bool) -> Result<(), AllocError> {
        self.all.reserve().map_err(|_| AllocError::REFUSED)?;
        // As many chains as there are ephemerons that a pause looks at.
        let most = self.all.len() + 1;
        if self.waiting.capacity() > 16 * most + (1 << 10) {
            // A crowd of former times.
            self.waiting = ObjectMap::default();
        }
        self.waiting.try_reserve(most).map_err(|_| AllocError::REFUSED)?;
        if counts {
            self.held.try_reserve(most).map_err(|_| AllocError::REFUSED)?;
        }
        Ok(())
    }

    /// Registers an ephemeron, for which there is room.
    pub(crate) fn register(&mut self, object: ObjectRef) {
        self.all.push(object);
    }

    /// The ephemerons and their keys.
    pub(super) fn known(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let young = self.all.iter_from(0).flat_map(|object| [Some(object), ephemeron(object).key.get()]);
        young.flatten().chain(self.held.iter().flat_map(|(&key, &first)| [key, first]))
    }

    /// Every ephemeron with its key and value.
    pub(super) fn named(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let chains = self
            .held
            .values()
            .flat_map(|&first| core::iter::successors(Some(first), |&reference| ephemeron(reference).next.get()));
        let pair = |object| ephemeron(object).pair().map(|(key, value)| [object, key, value]);
        self.all.iter_from(0).chain(chains).filter_map(pair).flatten()
    }

    /// Every ephemeron of a heap that does not count, with key and value, some of them garbage. For verification.
    pub fn pairs(&self) -> impl Iterator<Item = (ObjectRef, ObjectRef, ObjectRef)> + '_ {
        self.all.iter_from(0).filter_map(|object| {
            let (key, value) = ephemeron(object).pair()?;
            Some((object, key, value))
        })
    }

    /// Key and value of an ephemeron of the heap, while its key lives. For the verifier.
    pub(crate) fn pair_of(&self, object: ObjectRef) -> Option<(ObjectRef, ObjectRef)> {
        ephemeron(object).pair()
    }

    /// Looks once at each ephemeron that the collection concerns.
    pub(super) fn consider<C: Closure>(&mut self, scope: Scope, closure: &mut C) -> Result<(), Refused> {
        for index in scope.start(self.all.old())..self.all.len() {
            let object = self.all.get(index);
            // An earlier attempt, which was refused memory, may have left it otherwise.
            ephemeron(closure.locate(registered(object)).unwrap_or(object)).state.set(State::Idle);
            self.consider_one(object, closure)?;
        }
        Ok(())
    }

    /// Looks at an ephemeron, named by the address that it had when the collection began.
    fn consider_one<C: Closure>(&mut self, object: ObjectRef, closure: &mut C) -> Result<(), Refused> {
        let Some(now) = closure.locate(registered(object)) else {
            self.wait(object, object);
            return Ok(());
        };
        let this = ephemeron(now);
        let Some((key, value)) = this.pair() else { return Ok(()) };
        let Some(key_now) = closure.locate(registered(key)) else {
            self.wait(object, key);
            return Ok(());
        };
        let value_now = closure.retain(registered(value))?;
        this.key.set(Some(key_now));
        this.value.set(Some(value_now));
        this.state.set(State::Holds);
        // Whoever reaches by copying has reached the value just now, and reports only what it drains.
        self.wake(value);
        Ok(())
    }

    fn wait(&mut self, object: ObjectRef, what: ObjectRef) {
        let next = self.waiting.insert(what, object);
        ephemeron(object).next.set(next);
    }

    /// Those that waited for an object are ready. It is named by the address that it had when the collection began.
    pub(super) fn wake(&mut self, reached: ObjectRef) {
        let Some(first) = self.waiting.remove(&reached) else { return };
        let mut last = first;
        while let Some(next) = ephemeron(last).next.get() {
            last = next;
        }
        ephemeron(last).next.set(self.ready.replace(first));
    }

    /// Drains the closure, and reaches values, until nothing changes.
    pub(super) fn fixpoint<C: Closure>(&mut self, closure: &mut C, keys: &mut KeyBuffer) -> Result<(), Refused> {
        loop {
            while let Some(object) = self.ready {
                self.ready = ephemeron(object).next.get();
                self.consider_one(object, closure)?;
            }
            let complete = closure.drain(keys)?;
            while let Some(key) = keys.pop() {
                self.wake(key);
            }
            if complete && self.ready.is_none() {
                return Ok(());
            }
        }
    }

    /// The fixpoint is over, or was given up: nobody waits.
    pub(super) fn stop_waiting(&mut self) {
        self.waiting.clear();
        self.ready = None;
    }

    /// Forgets the dead, clears those whose keys died, and follows the others.
    pub(super) fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) {
        self.all.retain_from(scope.start(self.all.old()), prefetch, |_, object| {
            let now = closure.locate(registered(object))?;
            let this = ephemeron(now);
            if this.state.replace(State::Idle) == State::Holds {
                if C::MOVES_LAST {
                    let follow = |place: &Cell<Option<ObjectRef>>| {
                        place.set(place.get().and_then(|object| closure.locate(registered(object))));
                    };
                    follow(&this.key);
                    follow(&this.value);
                }
                return Some(now);
            }
            this.clear();
            None
        });
        self.all.age();
    }

    // ---- counting ----

    /// The increments of an epoch are made: of the young ephemerons, those hold whose values were counted; for the others
    /// it is too late.
    pub(super) fn hold_counted<C: Closure>(&mut self, closure: &C) {
        let Ephemerons { all, held, holding, .. } = self;
        all.retain_from(0, prefetch, |_, object| {
            closure.locate(registered(object))?;
            let this = ephemeron(object);
            match (this.state.get(), this.key.get()) {
                (State::Holds, Some(key)) => {
                    let next = held.insert(key, object);
                    if let Some(next) = next {
                        ephemeron(next).previous.set(Some(object));
                    }
                    this.next.set(next);
                    *holding += 1;
                }
                _ => this.clear(),
            }
            None
        });
    }

    /// An object is dead. The references that it kept alive are given to `released`.
    pub(super) fn died(&mut self, object: Object<'_>, released: &mut impl FnMut(ObjectRef)) {
        let mut end = |this: &Ephemeron| {
            if let (State::Holds, Some(value)) = (this.state.get(), this.value.get()) {
                released(value);
            }
            this.clear();
        };
        if object.info().shape() == Shape::Ephemeron {
            let this = ephemeron(object.reference());
            if this.state.get() != State::Idle {
                self.unlink(this);
                end(this);
            }
        }
        let mut next = self.held.remove(&object.reference());
        while let Some(this) = next.map(ephemeron) {
            next = this.next.get();
            self.holding -= 1;
            end(this);
        }
    }

    fn unlink(&mut self, this: &Ephemeron) {
        let (previous, next) = (this.previous.get(), this.next.get());
        if let Some(next) = next {
            ephemeron(next).previous.set(previous);
        }
        match (previous, next, this.key.get()) {
            (Some(previous), ..) => ephemeron(previous).next.set(next),
            (None, Some(next), Some(key)) => {
                self.held.insert(key, next);
            }
            (None, None, Some(key)) => {
                self.held.remove(&key);
            }
            (None, _, None) => unreachable!("an ephemeron that holds has a key"),
        }
        self.holding -= 1;
    }

    /// Calls `each` for every ephemeron that holds and that the object is, or is the key of.
    fn holds_of(&self, object: Object<'_>, mut each: impl FnMut(ObjectRef, &Ephemeron)) {
        if object.info().shape() == Shape::Ephemeron && ephemeron(object.reference()).state.get() != State::Idle {
            each(object.reference(), ephemeron(object.reference()));
        }
        let mut next = self.held.get(&object.reference()).copied();
        while let Some(reference) = next {
            let this = ephemeron(reference);
            each(reference, this);
            next = this.next.get();
        }
    }

    /// How many references the object keeps alive, as an ephemeron or as a key.
    pub fn holds(&self, object: Object<'_>) -> usize {
        let mut holds = 0;
        self.holds_of(object, |_, _| holds += 1);
        holds
    }

    /// Trial deletion: the object, which has a side entry, has turned gray. The references that this suspends, as the
    /// first of ephemeron and key, are given to `lost`.
    pub fn suspend(&self, object: Object<'_>, mut lost: impl FnMut(ObjectRef)) {
        self.holds_of(object, |_, this| {
            if this.state.get() == State::Holds {
                this.state.set(State::Subtracted);
                this.value.get().into_iter().for_each(&mut lost);
            }
        });
    }

    /// Trial deletion: the object is not gray any more. The references that hold again, because neither ephemeron nor key
    /// is gray, are given to `gained`.
    pub fn resume(&self, object: Object<'_>, is_gray: impl Fn(ObjectRef) -> bool, mut gained: impl FnMut(ObjectRef)) {
        self.holds_of(object, |reference, this| {
            let gray = is_gray(reference) || this.key.get().is_some_and(&is_gray);
            if this.state.get() == State::Subtracted && !gray {
                this.state.set(State::Holds);
                this.value.get().into_iter().for_each(&mut gained);
            }
        });
    }
}
