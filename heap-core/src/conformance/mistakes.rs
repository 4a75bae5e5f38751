//! Mistakes, made on purpose: a collector with one of them around it, which the kit must notice.
//!
//! A kit that never fails may check nothing. [`Mistaken`] passes everything on to a collector of yours and makes one mistake on
//! the way, of those that authors of collectors make. One line asks whether the kit notices each of them *on your collector*,
//! with your settings, and whether it says what is wrong:
//!
//! ```ignore
//! // tests/mistakes.rs
//! heap_core::conformance_mistakes!(MyCollector::default());
//! ```
//!
//! That makes one test of each mistake. It runs the [checks](Mistake::checks) that are known to notice the mistake, until one
//! fails; its report must name the [suspicion](Mistake::suspicion) that the mistake belongs to. With `--nocapture` it prints the
//! report: what you would have read, had the mistake been yours. A mistake that never came about passes as well, and says so: a
//! collector without a barrier forgets no writes, one that reclaims nothing clears no weak cell.
//!
//! *How they are made:* around the calls of the collector, with what it shares with the heap. A table of the heap's is hidden
//! from it during a pause, a root or an edge leads elsewhere meanwhile, a call is not passed on, a word of the fast path is
//! changed behind its back. So they need to know nothing about the collector. What only its own code could do wrong (to copy one
//! word too few) is not here; `tests/kit_detects.rs` has a collector of its own for those.
//!
//! *What counts is the effect.* A real mistake looks otherwise and does the same: whoever forgets to call `Death::bury`, and whoever
//! is not shown the weak cells, leaves pointers to memory that is used again.
//!
//! # Which check notices what
//!
#![doc = include_str!("mistakes.md")]
//!
//! The tests of these collectors compare the table with what happens. An empty place: there was no occasion to make the mistake.

use core::ops::Range;

use super::suspicions::{self, Suspicion};
use crate::collector::{
    Alive, AllocRequest, Allocation, Capabilities, Collector, Death, HeapContext, HeapCore, IntoCollector, Object,
    ObjectRef, SlotSink, Snapshot, VerifyError,
};
use crate::error::AllocError;
use crate::machine::events::CollectionKind;
use crate::object::{PERMANENT, SIDE_ENTRY};
use crate::trail::{self, Note};

macro_rules! mistakes {
    ($($(#[doc = $doc:literal])+ $name:ident $test:ident: $suspicion:ident, [$($check:ident)*])*) => {
        /// A mistake.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Mistake { $($(#[doc = $doc])+ $name),* }

        impl Mistake {
            /// All of them.
            pub const ALL: &'static [Mistake] = &[$(Mistake::$name),*];

            /// What is wrong, in a sentence.
            pub fn what(self) -> &'static str {
                match self { $(Mistake::$name => concat!($($doc),+).trim_ascii()),* }
            }

            /// The name of the test that [`conformance_mistakes!`](crate::conformance_mistakes!) makes of it.
            pub fn test(self) -> &'static str {
                match self { $(Mistake::$name => stringify!($test)),* }
            }

            /// The checks that notice it, the shortest first.
            pub fn checks(self) -> &'static [&'static str] {
                match self { $(Mistake::$name => &[$(stringify!($check)),*]),* }
            }

            /// What a report must suspect.
            pub fn suspicion(self) -> &'static Suspicion {
                match self { $(Mistake::$name => &suspicions::$suspicion),* }
            }
        }

        /// Asks of each [mistake](crate::conformance::mistakes) whether the kit notices it on a collector, one test for each:
        /// `conformance_mistakes!(MyCollector::default())`, or in a module of its own,
        /// `conformance_mistakes!(name => MyCollector::default())`.
        #[macro_export]
        macro_rules! conformance_mistakes {
            ($module:ident => $collector:expr) => {
                mod $module {
                    #[allow(unused_imports)]
                    use super::*;
                    $crate::conformance_mistakes!($collector);
                }
            };
            ($collector:expr) => {
                $(
                    #[test]
                    fn $test() {
                        use $crate::conformance::{Kit, mistakes::Mistake};
                        let test = ::core::stringify!($test);
                        Kit::new(|| $collector).notices(::core::module_path!(), test, Mistake::$name);
                    }
                )*
            };
        }
    };
}

mistakes! {
    /// No write is remembered: `barrier_slow` does nothing.
    BarrierMissing barrier_missing: BARRIER, [old_to_young hidden_behind_the_marker zeal_graph zeal_list_reversal]
    /// Every second write that is reported is forgotten.
    BarrierForgetful barrier_forgetful: BARRIER, [old_to_young hidden_behind_the_marker zeal_graph zeal_list_reversal]
    /// Writes to permanent objects are not remembered.
    PermanentForgotten permanent_forgotten: PERMANENT_WRITES, [frozen_heap]
    /// A weak pointer is upgraded in the middle of a cycle, and the collector does not hear of it.
    UpgradeUnheard upgrade_unheard: CELLS_EARLY, [weak_upgraded_in_time]
    /// After a safepoint the flag `due` is set.
    DueLeftSet due_left_set: DUE, [safepoints_end]
    /// No allocation ever sets the flag `due`.
    NeverDue never_due: NEVER_DUE, [automatic_collection]
    /// Handles are not roots.
    HandlesForgotten handles_forgotten: ROOTS, [handles many_references]
    /// One edge of one object is not followed, and not updated.
    EdgeForgotten edge_forgotten: EDGES, [double_indirection old_to_young zeal_list_reversal]
    /// Weak cells of dead objects are never cleared.
    CellsKept cells_kept: CELLS_LATE, [weak_kept_past_cycle cells_come_and_go]
    /// Weak cells of dead objects are cleared one collection late, when the memory was used again.
    CellsLate cells_late: CELLS_LATE, [weak_kept_past_cycle cells_come_and_go]
    /// A weak cell is cleared although its object lives.
    CellsOfTheLiving cells_of_the_living: CELLS_EARLY, [weak_upgraded_in_time handles_on_weak_pointers]
    /// Drop glue of what has died does not run before the memory is used again.
    GlueForgotten glue_forgotten: GLUE, [panic_in_drop_glue handles_dropped_in_drop_glue]
    /// Drop glue runs although the object lives, and again when it is dead.
    GlueOfTheLiving glue_of_the_living: GLUE, [panic_in_drop_glue handles_dropped_in_drop_glue]
    /// Values of ephemerons are not reached, and what died is not forgotten.
    EphemeronsForgotten ephemerons_forgotten: EPHEMERONS, [ephemerons]
    /// What has a finalizer is not brought back, and what waits for one is no root.
    FinalizersForgotten finalizers_forgotten: FINALIZERS, [finalizers]
    /// Every second full collection is none.
    FloatingGarbage floating_garbage: FLOATING, [cells_come_and_go double_indirection many_references]
    /// The number of live objects is wrong by one.
    Miscounted miscounted: COUNTERS, [statistics_and_events double_indirection]
    /// Collections are not counted.
    Uncounted uncounted: COUNTERS, [statistics_and_events]
    /// Large objects never die.
    LargeKept large_kept: LARGE, [recycled_memory]
    /// A step never says that the cycle has ended.
    StepsForEver steps_for_ever: STEPS, [steps_reclaim_the_old]
    /// Allocation does not look at the heap's limit.
    LimitForgotten limit_forgotten: LIMIT, [tiny_limit limit_outside]
    /// The next object overlaps the last by a word.
    Overlapping overlapping: MEMORY, [edge_sizes constructors]
    /// Identity hashes are others after a collection.
    HashesForgotten hashes_forgotten: HASHES, [identity_hashes]
    /// The header of an object forgets that a side table knows it.
    HeaderForgetful header_forgetful: HEADER, [cells_come_and_go random_programs]
}

/// A collector, and one mistake around it.
pub struct Mistaken {
    collector: Box<dyn Collector>,
    mistake: Mistake,
    /// How often there was an opportunity.
    turns: u64,
}

impl Mistaken {
    /// A collector that makes that mistake.
    pub fn new(collector: impl IntoCollector, mistake: Mistake) -> Self {
        Mistaken { collector: collector.into_collector(), mistake, turns: 0 }
    }

    /// Whether this is the mistake, and it matters now. Whoever asks makes it.
    fn makes(&self, mistake: Mistake, matters: bool) -> bool {
        let makes = self.mistake == mistake && matters;
        if makes {
            trail::count(Note::Mistakes);
        }
        makes
    }

    /// Every second time.
    fn turn(&mut self) -> bool {
        self.turns += 1;
        self.turns.is_multiple_of(2)
    }

    /// Whatever the collector does in a pause.
    fn pause<T>(
        &mut self,
        heap: &mut HeapContext<'_>,
        work: impl FnOnce(&mut dyn Collector, &mut HeapContext<'_>) -> T,
    ) -> T {
        let reclaims = self.capabilities().reclaims;
        let core = &mut *heap.core;
        if self.makes(Mistake::GlueOfTheLiving, !core.death.drops.is_empty()) {
            core.death.drops.run_one();
        }
        let late = self.mistake == Mistake::CellsLate && self.turn();
        let death = &mut core.death;
        let has_cells = death.weak.some().is_some();
        let has_such = match self.mistake {
            Mistake::CellsKept => has_cells,
            Mistake::CellsLate => has_cells && late,
            Mistake::GlueForgotten => !death.drops.is_empty(),
            Mistake::EphemeronsForgotten => !death.ephemerons.is_empty(),
            Mistake::FinalizersForgotten => !death.finalizers.is_empty(),
            _ => false,
        };
        let hides = self.makes(self.mistake, reclaims && has_such);
        let mut hidden = Death::default();
        if hides {
            exchange(self.mistake, &mut hidden, death);
        }
        let has_large = core.memory.large.count() > 0;
        let large =
            self.makes(Mistake::LargeKept, reclaims && has_large).then(|| core::mem::take(&mut core.memory.large));
        let has_handles = core.roots.handles() > 0;
        let handles = self.makes(Mistake::HandlesForgotten, reclaims && has_handles).then(|| core.roots.hide_handles());
        let edge = (self.mistake == Mistake::EdgeForgotten && reclaims).then(|| mislead(core)).flatten();
        let edge = edge.filter(|_| self.makes(Mistake::EdgeForgotten, true));
        let before = core.statistics;

        let result = work(&mut *self.collector, heap);

        let core = &mut *heap.core;
        if let Some(to) = edge {
            lead_back(core, to);
        }
        if let Some(handles) = handles {
            core.roots.show_handles(handles);
        }
        if let Some(large) = large {
            core.memory.large = large;
        }
        if hides {
            exchange(self.mistake, &mut hidden, &mut core.death);
        }
        if let Some((target, cell)) = core.death.weak.some() {
            if self.makes(Mistake::CellsOfTheLiving, true) {
                core.death.weak.clear(cell);
            }
            if self.makes(Mistake::HeaderForgetful, true) {
                // SAFETY: the collection has left it in the table, so it lives.
                unsafe { target.header() }.remove(SIDE_ENTRY);
            }
        }
        if self.makes(Mistake::HashesForgotten, core.identity.was_asked()) {
            core.identity.forget();
        }
        let counters = &mut core.statistics;
        if self.makes(Mistake::Miscounted, counters.full_collections > before.full_collections) {
            counters.live_objects += 1;
        }
        if self.makes(Mistake::Uncounted, counters.collections() > before.collections()) {
            counters.minor_collections = before.minor_collections;
            counters.full_collections = before.full_collections;
            counters.epochs = before.epochs;
        }
        if self.makes(Mistake::DueLeftSet, true) {
            heap.fast.due.set(true);
        }
        result
    }
}

/// Hides the table that the mistake is about, and puts it back.
fn exchange(mistake: Mistake, hidden: &mut Death, death: &mut Death) {
    match mistake {
        Mistake::CellsKept | Mistake::CellsLate => core::mem::swap(&mut hidden.weak, &mut death.weak),
        Mistake::GlueForgotten => core::mem::swap(&mut hidden.drops, &mut death.drops),
        Mistake::EphemeronsForgotten => core::mem::swap(&mut hidden.ephemerons, &mut death.ephemerons),
        _ => core::mem::swap(&mut hidden.finalizers, &mut death.finalizers),
    }
}

/// The last edge of the first object that the root leads to. Root and object do not move while this is looked at.
fn victim(core: &HeapCore) -> Option<core::ptr::NonNull<ObjectRef>> {
    let mut slots = SlotSink::everything();
    let mut slots_of = |object: ObjectRef| {
        slots.clear();
        // SAFETY: reachable between two pauses, or at the beginning or end of one, so alive and where that says.
        let object = unsafe { Object::at(object) };
        if let Some(relocate) = object.info().relocate() {
            // SAFETY: of this type, and the program is stopped.
            unsafe { relocate(object.reference().payload().as_ptr(), object.count(), &mut slots) };
        }
        slots.list().to_vec()
    };
    let first = *slots_of(core.roots.root()?).first()?;
    // SAFETY: a slot of an object that is alive.
    slots_of(unsafe { first.read() }).last().copied()
}

/// Leads an edge elsewhere, so that a collection does not see where it really leads. Says where that is.
fn mislead(core: &mut HeapCore) -> Option<ObjectRef> {
    let (slot, root) = (victim(core)?, core.roots.root()?);
    // SAFETY: a slot of an object that is alive, while the program is stopped. No collector knows what type it is for.
    unsafe { Some(slot.replace(root)) }
}

/// Leads it back to where it led.
fn lead_back(core: &mut HeapCore, to: ObjectRef) {
    if let Some(slot) = victim(core) {
        // SAFETY: as above.
        unsafe { slot.write(to) };
    }
}

// SAFETY: everything is passed on to the collector, but for one mistake. That it is unsafe is the point.
unsafe impl Collector for Mistaken {
    fn name(&self) -> &'static str {
        self.collector.name()
    }
    fn capabilities(&self) -> Capabilities {
        self.collector.capabilities()
    }
    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.collector.start(heap)
    }
    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        let limit = heap.core.memory.blocks.limit();
        let ignores = self.makes(Mistake::LimitForgotten, limit.is_some());
        if ignores {
            heap.core.memory.blocks.set_limit(None);
        }
        let allocation = self.collector.allocate_slow(heap, request);
        if ignores {
            heap.core.memory.blocks.set_limit(limit);
        }
        if self.makes(Mistake::NeverDue, heap.fast.due.get()) {
            heap.fast.due.set(false);
        }
        if let Ok(allocation) = &allocation {
            // SAFETY: an object ends behind its payload.
            let end = unsafe { allocation.payload.byte_add(request.bytes - request.prefix) };
            if self.makes(Mistake::Overlapping, heap.fast.cursor.get() == end) {
                // SAFETY: an object has more than eight bytes.
                heap.fast.cursor.set(unsafe { end.byte_sub(8) });
            }
        }
        allocation
    }
    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        let makes = match self.mistake {
            Mistake::BarrierMissing => true,
            Mistake::BarrierForgetful => self.turn(),
            Mistake::PermanentForgotten => object.word().has(PERMANENT),
            _ => false,
        };
        if self.makes(self.mistake, makes) {
            return;
        }
        self.collector.barrier_slow(heap, object, range);
    }
    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) -> bool {
        let matters = self.capabilities().incremental;
        self.makes(Mistake::UpgradeUnheard, matters) || self.collector.weak_upgraded(heap, object)
    }
    fn is_dead(&self, object: ObjectRef) -> bool {
        self.collector.is_dead(object)
    }
    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        self.pause(heap, |collector, heap| collector.safepoint(heap));
    }
    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        let (full, reclaims) = (kind == CollectionKind::Full, self.capabilities().reclaims);
        let floats = self.mistake == Mistake::FloatingGarbage && full && self.turn();
        if self.makes(Mistake::FloatingGarbage, floats && reclaims) {
            heap.fast.due.set(false);
            return;
        }
        self.pause(heap, |collector, heap| collector.collect(heap, kind));
    }
    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
        let idle = self.pause(heap, |collector, heap| collector.step(heap, bytes));
        idle && !self.makes(Mistake::StepsForEver, true)
    }
    super::tools::passed_on!();
}

/// What the documentation says of the check that notices a mistake on the collectors of this project; `None` for others.
pub(super) fn documented(collector: &str, mistake: Mistake) -> Option<&'static str> {
    let bare = |cell: &'static str| {
        let cell = cell.trim();
        cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or(cell)
    };
    let mut rows = include_str!("mistakes.md").lines().map(|row| row.split('|').map(bare));
    let column = rows.next()?.position(|name| name == collector)?;
    let mut row = rows.find(|row| row.clone().nth(1) == Some(mistake.test()))?;
    row.nth(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_mistake_and_what_is_suspected() {
        for mistake in Mistake::ALL {
            let suspected =
                documented("what is suspected", *mistake).unwrap_or_else(|| panic!("{mistake:?} is missing"));
            assert!(
                mistake.suspicion().what.starts_with(suspected) && suspected.len() > 10,
                "{mistake:?}: {suspected}"
            );
        }
        let rows = include_str!("mistakes.md").lines().count();
        assert_eq!(rows, 2 + Mistake::ALL.len());
    }

    #[test]
    fn mistakes_name_checks_that_exist() {
        for check in Mistake::ALL.iter().flat_map(|mistake| mistake.checks()) {
            assert!(super::super::Kit::CHECKS.iter().any(|(name, _)| name == check), "there is no check `{check}`");
        }
    }
}
