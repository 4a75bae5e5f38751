//! The roots: the root object, and the slots behind handles, as a collector sees them.
//!
//! A root never changes its target between its creation and its release (a moving collector updates the address). So a
//! safepoint need not scan them all: it looks at those created and those released since the last one (rule R6), and a
//! counting collector knows for every root whether it was counted (rule R4): counted exactly when it is settled.
//!
//! ```text
//!             create              settle              release              settle
//!   free ───────────────▶ created ───────▶ settled ───────────▶ released ───────▶ free
//!     ▲                      │                │
//!     │                      │                └ release, if the collector does not count
//!     └──────────────────────┴ release: no collector has ever heard of it
//! ```
//!
//! All lists are links in the slots themselves, or in chunks of them, so that none needs memory, and taking note of
//! what happened costs what happened, not what there is. A slot that can be used again at once may be created again
//! before the next settling, and is a created one once. Settling visits no slot but those that a counting collector was
//! told of: created ones are bits of their chunks.
//!
//! *The dropped are taken note of soon*, when 64 roots were made since the last time, although nobody needs that: their
//! slots are still in the cache then. (A program that replaces 200 000 handles at random took 700 milliseconds of
//! processor time when it was left until the table was full and each settling visited the created slots, and takes
//! 300.)

use core::sync::atomic::{AtomicU64, Ordering};

use super::handles::{HandleSlot, List, Refused, Slot, Slots};
use crate::object::ObjectRef;

/// Numbers heaps; never reused (rule R6).
static NEXT_HEAP: AtomicU64 = AtomicU64::new(1);

/// Roots that are made before the dropped ones are taken note of: as many as a chunk has slots.
const CREDIT: u32 = 64;

/// The roots of a heap.
pub struct Roots {
    heap: u64,
    root: Option<ObjectRef>,
    root_is_created: bool,
    /// Made with the first handle.
    slots: Option<Slots>,
    /// Whether the collector must hear of roots that were released.
    tells: bool,
    /// Roots that may be made before the dropped ones are taken note of.
    credit: u32,
    released: List,
}

impl Roots {
    /// No roots yet. A collector that counts must hear of each that is released.
    pub(crate) fn new(counts: bool) -> Self {
        Roots {
            heap: NEXT_HEAP.fetch_add(1, Ordering::Relaxed),
            root: None,
            root_is_created: false,
            slots: None,
            tells: counts,
            credit: CREDIT,
            released: List::EMPTY,
        }
    }

    /// The heap's number, unique for the life of the process.
    pub fn heap_id(&self) -> u64 {
        self.heap
    }

    pub(crate) fn set_root(&mut self, object: ObjectRef) {
        debug_assert!(self.root.is_none(), "a heap has one root");
        self.root = Some(object);
        self.root_is_created = true;
    }

    /// Makes a root for a handle.
    ///
    /// # Panics
    /// When the system refuses memory for it.
    pub(crate) fn create(&mut self, object: ObjectRef) -> HandleSlot {
        self.try_create(object).unwrap_or_else(|Refused| refused())
    }

    #[inline]
    fn try_create(&mut self, object: ObjectRef) -> Result<HandleSlot, Refused> {
        if self.credit == 0 || self.slots.as_ref().is_none_or(Slots::is_full) {
            self.make_room()?;
        }
        let Some(slots) = &mut self.slots else { return Err(Refused) };
        let handle = slots.create()?;
        self.credit -= 1;
        handle.slot().object.set(Some(object));
        Ok(handle)
    }

    /// A program that makes and drops handles and allocates nothing never meets a safepoint: before the table grows,
    /// released slots are taken back.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> Result<(), Refused> {
        if self.slots.is_none() {
            self.slots = Some(Slots::new(self.heap)?);
        }
        self.synchronize();
        self.credit = CREDIT;
        Ok(())
    }

    /// The object that a handle keeps; `None` when the handle belongs to another heap.
    #[inline]
    pub(crate) fn get(&self, handle: &HandleSlot) -> Option<ObjectRef> {
        if self.slots.as_ref()?.owns(handle) { handle.slot().object.get() } else { None }
    }

    /// The root object, once the heap has one.
    pub fn root(&self) -> Option<ObjectRef> {
        self.root
    }

    /// Takes note of the handles that were dropped. Roots that were created and released since the last
    /// [`settle`](Self::settle) vanish without a trace, and so do all if the collector does not hear of them; the
    /// objects of the others are [`released`](Self::released).
    pub(crate) fn synchronize(&mut self) {
        let Some(slots) = &mut self.slots else { return };
        let (tells, released) = (self.tells, &mut self.released);
        slots.take_released(|slots, slot| {
            // SAFETY: a slot of our own table, which was just taken.
            unsafe {
                if tells && !slots.is_created(slot) {
                    slots.set_aside(slot, released);
                } else {
                    slots.free(slot);
                }
            }
        });
    }

    /// The created slots, those that came and went among them.
    fn created_slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flat_map(Slots::created)
    }

    /// Copies of the targets of the roots created since the last [`settle`](Self::settle).
    pub fn created_targets(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        let root = self.root.filter(|_| self.root_is_created);
        root.into_iter().chain(self.created_slots().filter_map(|slot| slot.object.get()))
    }

    /// Updates the roots created since the last [`settle`](Self::settle).
    pub fn update_created(&mut self, mut update: impl FnMut(&mut ObjectRef)) {
        if self.root_is_created {
            self.root.iter_mut().for_each(&mut update);
        }
        self.created_slots().for_each(|slot| update_slot(slot, &mut update));
    }

    /// The collector wants to hear of [`released`](Self::released) roots, although it does not count. To be said when
    /// it [starts](crate::collector::Collector::start).
    pub fn tell_released(&mut self) {
        debug_assert!(self.slots.is_none(), "handles have come and gone already");
        self.tells = true;
    }

    /// Objects that lost a root that had been settled: for a collector that counts, or [asked](Self::tell_released) to
    /// be told. Others are not, since the slots are used again at once.
    pub fn released(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.released.objects()
    }

    /// Whether no root was created and none released since the last [`settle`](Self::settle), but for those that came
    /// and went.
    pub fn are_settled(&self) -> bool {
        self.released.is_empty() && self.created_targets().next().is_none()
    }

    /// The collector has taken note of all created and released roots.
    pub fn settle(&mut self) {
        self.root_is_created = false;
        if let Some(slots) = &mut self.slots {
            slots.settle_created();
            while let Some(slot) = self.released.pop() {
                // SAFETY: a slot of our own table that was taken, in no list any more.
                unsafe { slots.free(slot) };
            }
        }
    }

    /// The slots in use, and those that are free.
    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flat_map(Slots::iter)
    }

    /// The root object and what the handles hold.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.root.into_iter().chain(self.in_handles())
    }

    /// What the handles hold.
    pub(crate) fn in_handles(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.slots().filter_map(|slot| slot.object.get())
    }

    /// Updates the root object and what the handles hold. What waits for its finalizer is a root too:
    /// [`HeapCore::update_every_root`](crate::collector::HeapCore::update_every_root) has both.
    pub fn update(&mut self, mut update: impl FnMut(&mut ObjectRef)) {
        self.root.iter_mut().for_each(&mut update);
        self.slots().for_each(|slot| update_slot(slot, &mut update));
    }

    /// The heap is used on this thread only, until it [leaves](Self::leave).
    pub(crate) fn stay_here(&self) {
        self.slots.iter().for_each(Slots::stay_here);
    }

    /// The heap is about to be sent to another thread, where it [stays](Self::stay_here) or is dropped.
    pub(crate) fn leave(&self) {
        self.slots.iter().for_each(Slots::leave);
    }

    /// Bytes of the handle table.
    pub(super) fn side_bytes(&self) -> usize {
        self.slots.as_ref().map_or(0, Slots::side_bytes)
    }

    /// Number of live handles, the root not counted.
    pub fn handles(&self) -> usize {
        self.slots.as_ref().map_or(0, Slots::in_use)
    }
}

/// The handles of a heap, hidden from its collector.
#[cfg(feature = "conformance")]
pub(crate) struct HiddenHandles(Option<Slots>);

/// For mistakes that are made on purpose.
#[cfg(feature = "conformance")]
impl Roots {
    /// Only the root object is a root, until the handles are shown again.
    pub(crate) fn hide_handles(&mut self) -> HiddenHandles {
        HiddenHandles(self.slots.take())
    }

    /// There they are again, settled all of them.
    pub(crate) fn show_handles(&mut self, hidden: HiddenHandles) {
        self.slots = hidden.0;
        self.slots.iter_mut().for_each(Slots::settle_created);
    }
}

fn update_slot(slot: &Slot, update: &mut impl FnMut(&mut ObjectRef)) {
    if let Some(mut object) = slot.object.get() {
        update(&mut object);
        slot.object.set(Some(object));
    }
}

#[cold]
#[inline(never)]
fn refused() -> ! {
    panic!("the system refuses memory for another handle: drop some that are not needed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;

    fn object(address: usize) -> ObjectRef {
        ObjectRef::new(NonNull::without_provenance(address.try_into().unwrap()))
    }

    fn all_slots(roots: &Roots) -> usize {
        roots.slots.as_ref().map_or(0, Slots::capacity)
    }

    /// Safepoints follow allocation, so there may be none for as long as a program only passes handles around.
    #[test]
    fn handles_that_come_and_go_without_a_safepoint_use_the_same_slots() {
        let mut roots = Roots::new(true);
        roots.set_root(object(8));
        let kept: Vec<HandleSlot> = (0..10).map(|n| roots.create(object(16 + 8 * n))).collect();
        roots.settle();
        let settled = roots.create(object(800));
        roots.settle();
        drop(settled);
        for _ in 0..100_000 {
            let handle = roots.create(object(1600));
            assert_eq!(roots.get(&handle), Some(object(1600)));
        }
        assert!(all_slots(&roots) < 100, "{} slots for {} handles", all_slots(&roots), kept.len());
        roots.synchronize();
        assert_eq!(
            roots.released().collect::<Vec<_>>(),
            [object(800)],
            "what was settled has left a trace, the rest none"
        );
        assert_eq!(roots.created_targets().count(), 0);
        assert_eq!(roots.handles(), kept.len());
        roots.settle();
        assert!(roots.are_settled());
        for (n, handle) in kept.iter().enumerate() {
            assert_eq!(roots.get(handle), Some(object(16 + 8 * n)));
        }
        assert_eq!(roots.iter().count(), 1 + kept.len());
    }

    /// A full table makes no handle dearer: every released slot is taken back once, and nothing else is looked at.
    #[test]
    fn a_full_table_takes_back_what_was_released_and_no_more() {
        for kept in [63, 64, 1000, 1023, 1024] {
            let mut roots = Roots::new(true);
            let mut handles: Vec<HandleSlot> = (0..kept).map(|_| roots.create(object(8))).collect();
            roots.settle();
            let before = all_slots(&roots);
            for _ in 0..1000 {
                handles.pop();
                handles.push(roots.create(object(16)));
            }
            // One settled slot waits to be settled as released; the others are used again, before the table grows.
            assert!(all_slots(&roots) <= before + 64);
            assert!(roots.created_slots().count() <= 64);
            roots.synchronize();
            assert_eq!((roots.created_targets().count(), roots.released().count()), (1, 1));
        }
    }

    /// A collector that does not count looks at created roots and at all roots. Its slots are free as soon as they are
    /// released, whenever they were made.
    #[test]
    fn a_collector_that_does_not_count_hears_of_no_release() {
        let mut roots = Roots::new(false);
        let mut handles: Vec<HandleSlot> = (0..64).map(|n| roots.create(object(8 + 8 * n))).collect();
        roots.settle();
        for round in 0..1000 {
            // The settled and the created are replaced in turn.
            let place = round * 7 % handles.len();
            handles[place] = roots.create(object(8000 + 8 * round));
            if round % 10 == 0 {
                roots.synchronize();
                let mut created: Vec<_> = roots.created_targets().map(ObjectRef::address).collect();
                created.sort_unstable();
                let first = if round == 0 { 0 } else { round - 9 };
                assert_eq!(created, (first..=round).map(|round| 8000 + 8 * round).collect::<Vec<_>>());
                roots.settle();
                assert!(roots.are_settled());
            }
        }
        roots.synchronize();
        assert!(all_slots(&roots) <= 192, "{}", all_slots(&roots));
        let mut all: Vec<_> = roots.iter().map(ObjectRef::address).collect();
        let mut kept: Vec<_> = handles.iter().map(|handle| roots.get(handle).unwrap().address()).collect();
        all.sort_unstable();
        kept.sort_unstable();
        assert_eq!(all, kept);
    }

    #[test]
    fn roots_are_created_settled_and_released_once_each() {
        let mut roots = Roots::new(true);
        roots.set_root(object(8));
        assert_eq!(roots.created_targets().collect::<Vec<_>>(), [object(8)]);
        let first = roots.create(object(16));
        let again = first.clone();
        roots.update_created(|object| {
            *object = ObjectRef::new(object.payload().map_addr(|a| a.checked_add(800).unwrap()))
        });
        roots.settle();
        assert!(roots.are_settled() && roots.released().next().is_none());
        drop(first);
        roots.synchronize();
        assert!(roots.are_settled(), "a clone still holds it");
        drop(again);
        roots.synchronize();
        assert_eq!(roots.released().collect::<Vec<_>>(), [object(816)]);
        assert_eq!(roots.iter().collect::<Vec<_>>(), [object(808)], "a released root is none");
        roots.update(|_| {});
        roots.settle();
        assert_eq!(roots.handles(), 0);
        // Its slot serves again, and is new to the collector.
        let second = roots.create(object(24));
        assert_eq!(roots.created_targets().collect::<Vec<_>>(), [object(24)]);
        assert_eq!(
            roots.iter().collect::<Vec<_>>(),
            [object(808), object(24)],
            "a slot that serves again is a root again"
        );
        assert_eq!(all_slots(&roots), 64);
        drop(second);
    }

    #[test]
    fn handles_of_many_threads_outlive_the_heap() {
        let mut roots = Roots::new(true);
        let handles: Vec<HandleSlot> = (0..1000).map(|n| roots.create(object(8 + 8 * n))).collect();
        let other = Roots::new(true);
        assert!(other.get(&handles[0]).is_none());
        let heap = roots.heap_id();
        std::thread::scope(|scope| {
            for part in handles.chunks(300) {
                scope.spawn(move || {
                    for _ in 0..20 {
                        let clones: Vec<HandleSlot> = part.to_vec();
                        assert!(clones.iter().all(|clone| clone.heap() == heap));
                    }
                });
            }
            for _ in 0..100 {
                roots.synchronize();
                drop(roots.create(object(8)));
            }
        });
        let (late, early): (Vec<_>, Vec<_>) = handles.into_iter().enumerate().partition(|(n, _)| n % 3 == 0);
        std::thread::scope(|scope| {
            scope.spawn(move || drop(early));
            drop(roots);
        });
        assert!(late.iter().all(|(_, handle)| handle.heap() == heap));
    }
}
