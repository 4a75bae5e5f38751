//! Death: what happens between "everything reachable was found" and "the memory may be reused".
//!
//! | file | one idea |
//! |---|---|
//! | `weak_table` | weak cells, and which of them to clear |
//! | `ephemerons` | values that live as long as their keys do |
//! | `finalizers` | objects that are brought back once, and the queue that the program drains |
//! | `drops` | objects with drop glue |
//!
//! It comes in two calls, because one of them reaches and the other one kills. [`Death::reach`] follows a collection's
//! main trace and may fail: it reaches the values of ephemerons whose keys were reached, brings dead objects with
//! finalizers back, and looks at the ephemerons again, until nothing changes. From then on what was not reached is dead.
//! [`Death::bury`] cannot fail: it clears the weak cells of all the dead, forgets their ephemerons, follows what has
//! moved, and runs drop glue. Afterwards the memory of the dead may be reused.
//!
//! *Why not one call.* A counting collector finds the dead by its decrements, and every count that rises from nothing must
//! do so before the first decrement: else an object could lose its last reference and be buried, and then be found to
//! lead from one that a finalizer brings back. So it reaches at the end of its increments and buries after its
//! decrements. And a tracing collector that is refused memory while it reaches gives up, or tries again later: nothing
//! was cleared, nothing is lost.
//!
//! *Nothing here asks for memory during a pause.* What a pause may put into a list was registered by the program before,
//! and registration makes the room for it, or reports that there is none. Lists are processed in place.

mod drops;
mod ephemerons;
mod finalizers;
mod weak_table;

pub use drops::DropList;
pub(crate) use ephemerons::Ephemeron;
pub use ephemerons::Ephemerons;
pub use finalizers::Finalizers;
pub(crate) use finalizers::QueueNumber;
pub(crate) use weak_table::WeakCell;
pub use weak_table::WeakTable;

use crate::engine::{Closure, KeyBuffer, NoKeys, Refused};
use crate::error::AllocError;
use crate::object::{FINALIZABLE, Intact, Object, ObjectRef, SIDE_ENTRY};

/// Which objects a collection looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Only objects allocated since the last collection; all others are alive.
    Young,
    /// All objects.
    All,
}

impl Scope {
    /// Where a list begins whose first `old` entries are old.
    fn start(self, old: usize) -> usize {
        match self {
            Scope::Young => old,
            Scope::All => 0,
        }
    }
}

/// What drop glue takes, in other entries of lists.
const GLUE_ENTRIES: usize = 4;

/// A burial in progress: see [`Death::begin_burial`].
#[derive(Debug)]
pub struct Burial {
    /// When it began, an object without a weak cell could have another side entry.
    shared: bool,
    /// The first pair of the weak table that was not looked at.
    weak: usize,
    /// The first object with drop glue that was not looked at.
    drops: usize,
    /// How many objects were dropped.
    pub dropped: usize,
}

/// Everything that a heap knows about the death of its objects.
#[derive(Default)]
pub struct Death {
    /// Weak cells.
    pub weak: WeakTable,
    /// Ephemerons.
    pub ephemerons: Ephemerons,
    /// Objects with finalizers.
    pub finalizers: Finalizers,
    /// Objects with drop glue.
    pub drops: DropList,
    /// There was an ephemeron, or an object with a finalizer, at some time.
    shared: bool,
}

impl Death {
    /// Makes room for one ephemeron more.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve_ephemeron(&mut self, counts: bool) -> Result<(), AllocError> {
        self.shared = true;
        self.ephemerons.reserve(counts)
    }

    /// Makes room for one object with a finalizer more.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(crate) fn reserve_finalizer(&mut self, queue: QueueNumber, counts: bool) -> Result<(), AllocError> {
        self.shared = true;
        self.finalizers.reserve(queue, counts)
    }

    /// Reaches what is to be reached after the main trace, when everything that the roots reach was. Collections of
    /// [`Scope::Young`] look at what was registered since the last one. A counting collector calls this at the end of
    /// its increments.
    ///
    /// # Errors
    /// When the system refuses memory. Nothing was cleared; objects that are queued for the program stay queued, and are
    /// roots. The collection may be given up, or this be called again in the same one.
    pub fn reach<C: Closure>(&mut self, scope: Scope, closure: &mut C) -> Result<(), Refused> {
        if self.ephemerons.is_empty() {
            // The usual case: no key is of interest to anybody.
            if self.finalizers.revive(scope, closure, |_| ())? {
                while !closure.drain(&mut NoKeys)? {}
            }
        } else {
            let outcome = self.reach_with_ephemerons(scope, closure);
            self.ephemerons.stop_waiting();
            outcome?;
        }
        if C::COUNTS {
            self.ephemerons.hold_counted(closure);
            self.finalizers.watch_counted();
        }
        Ok(())
    }

    fn reach_with_ephemerons<C: Closure>(&mut self, scope: Scope, closure: &mut C) -> Result<(), Refused> {
        let mut keys = KeyBuffer::new();
        self.ephemerons.consider(scope, closure)?;
        self.ephemerons.fixpoint(closure, &mut keys)?;
        let Death { ephemerons, finalizers, .. } = self;
        if finalizers.revive(scope, closure, |key| ephemerons.wake(key))? {
            self.ephemerons.fixpoint(closure, &mut keys)?;
        }
        Ok(())
    }

    /// What was not reached is dead. Clears the weak cells of all of it, forgets or follows what is registered, and runs
    /// drop glue; returns how many objects were dropped. Their memory must be intact until this returns, and may be
    /// reused afterwards.
    pub fn bury<C: Closure>(&mut self, scope: Scope, closure: &C) -> usize {
        let mut burial = self.begin_burial(scope, closure);
        while !self.bury_some(&mut burial, closure, usize::MAX) {}
        burial.dropped
    }

    /// Begins to [`bury`](Self::bury) in steps. Ephemerons and finalizers are dealt with at once. Afterwards only weak cells
    /// lead to what is dead, and the list of objects with drop glue.
    ///
    /// Until [`bury_some`](Self::bury_some) says that it was the last step, the memory of the dead must stay as it is, and the
    /// closure too; what is allocated meanwhile is reached. Nobody may be given what a weak cell leads to that is dead
    /// ([`Collector::weak_upgraded`](crate::collector::Collector::weak_upgraded)).
    pub fn begin_burial<C: Closure>(&mut self, scope: Scope, closure: &C) -> Burial {
        let shared = self.shares_side_entries();
        self.ephemerons.bury(scope, closure);
        self.finalizers.bury(scope, closure);
        let (weak, drops) = (self.weak.begin_burial(scope), self.drops.begin_burial::<C>(scope));
        Burial { shared, weak, drops, dropped: 0 }
    }

    /// Goes on with a burial: looks at about `most` entries of lists. True when nothing is left.
    pub fn bury_some<C: Closure>(&mut self, burial: &mut Burial, closure: &C, most: usize) -> bool {
        // Meanwhile the program may have registered others.
        let shared = burial.shared || self.shares_side_entries();
        let left = self.weak.left(burial.weak);
        burial.weak = self.weak.bury_some(burial.weak, most, closure, shared);
        // User code: last, when no dead object can be found any more.
        let most = most.saturating_sub(left).div_ceil(GLUE_ENTRIES);
        if most > 0 {
            burial.drops = self.drops.bury_some(burial.drops, most, closure, &mut burial.dropped);
        }
        self.weak.left(burial.weak) == 0 && self.drops.left(burial.drops) == 0
    }

    /// About as many entries will a burial of [`Scope::All`] look at.
    pub fn entries(&self) -> usize {
        self.weak.left(0) + GLUE_ENTRIES * self.drops.left(0)
    }

    /// Whether an object may have a side entry that is no weak cell.
    fn shares_side_entries(&self) -> bool {
        !self.ephemerons.is_empty() || !self.finalizers.is_empty()
    }

    /// Bytes of all lists and tables.
    pub(crate) fn side_bytes(&self) -> usize {
        self.weak.side_bytes() + self.ephemerons.side_bytes() + self.finalizers.side_bytes() + self.drops.side_bytes()
    }

    /// All objects that the tables name, weak cells and values of ephemerons included; some several times. After a
    /// complete collection all of them are alive.
    pub(crate) fn named(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let weak = self.weak.known().chain(self.weak.cells());
        weak.chain(self.ephemerons.named()).chain(self.finalizers.known())
    }

    // ---- for the verifier ----

    /// All objects that the tables name, keys of ephemerons included; some several times.
    pub(crate) fn known(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.weak.known().chain(self.ephemerons.known()).chain(self.finalizers.known())
    }

    /// Whether side entries that were no weak cells may have left their mark in headers.
    pub(crate) fn has_shared_side_entries(&self) -> bool {
        self.shared
    }

    // ---- for collectors that learn of deaths one by one ----

    /// Whether anything must happen at the death of the object besides the release of what it refers to and of its
    /// memory: then [`died`](Self::died) is called.
    #[inline(always)]
    pub fn concerns(object: Object<'_>) -> bool {
        object.word().has(SIDE_ENTRY) || object.info().drop().is_some()
    }

    /// A counting collector's object has lost its last reference. True when it must not die yet, because it is
    /// registered with a queue: now it is in it, and the queue holds it by one reference. Its header is the collector's to
    /// change: it counts one reference and is not `FINALIZABLE` any more. To be asked before the object's
    /// own references are looked at.
    #[inline]
    pub fn intercept(&mut self, object: Object<'_>) -> bool {
        object.word().has(FINALIZABLE) && self.finalizers.intercept(object)
    }

    /// A counting collector's object is dead: lets go of ephemerons, orders its drop glue, and sees to it that its weak cell is
    /// cleared, at the latest when the next burial begins. So one must follow before the program goes on. The references
    /// that ephemerons held and now give up are appended to `released`.
    pub fn died(&mut self, object: Object<'_>, released: &mut impl FnMut(ObjectRef)) {
        let shared = self.shares_side_entries();
        if !self.ephemerons.is_empty() {
            self.ephemerons.died(object, released);
        }
        self.weak.died(object, shared);
        if object.info().drop().is_some() {
            self.drops.died(object.reference());
        }
    }
}

/// A registered object.
fn registered<'a>(object: ObjectRef) -> Intact<'a> {
    // SAFETY: what is registered is brought up to date by `bury`, or taken out by `died`, before the collector may reuse
    // the memory of the dead; so its memory is intact. The tables are used at safepoints, when the program is stopped,
    // and by the program's own calls, which touch headers only.
    unsafe { Intact::at(object) }
}
