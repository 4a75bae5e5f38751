//! The pool: one mapping of the process, in which every heap has a slot of addresses that can become longer.
//!
//! *What it represents.* A pool is one range from the system, up to 64 TiB, of which nothing is resident until it is
//! touched. Heaps [claim](claim) slots of it, in granules of 4 MiB. A slot is contiguous, and what lies between its end
//! and the next slot belongs to nobody yet: a heap that needs more claims more of it, in place. A newcomer takes the
//! largest gap there is, and leaves the heap before it what that may still want, up to half of the gap. So the first
//! thousand heaps have 64 GiB each to grow into, ten thousand have 4 GiB, a hundred thousand half a gibibyte; and nobody
//! asked beforehand how many there would be.
//!
//! *Why one mapping.* A reservation for each heap costs a few system calls to make and to undo, about 40 microseconds
//! with its tables, and two or three of the 65 530 mappings of a process; 64 GiB for each end after 2 047 heaps.
//!
//! *Why a slot in one piece, and not regions of growing size.* Then "which block?" and "which entry of a table?" stay a
//! subtraction and a shift against the heap's own base, block numbers start at zero, so that what a collector keeps by
//! block is as long as the heap and not as the pool, and a nursery of a gigabyte or a large object finds its run without
//! asking how regions lie. With four regions of 256 KiB, 16 MiB, 1 GiB and 64 GiB a first `mutate` that builds much would
//! leave its nursery after 256 KiB. The price: heaps lie far apart, and each has page tables of its own (about 20 KiB
//! with its first pages of the side tables); and a heap among a hundred thousand may meet its neighbour. That is an
//! allocation error; a heap that says its limit or its reservation when it is made has that much from the beginning.
//!
//! *Side tables* lie beside the pool, as columns: each has an entry for every 2^shift bytes of the pool, so that a slot's
//! part of it is found by the same shift, and making a heap reserves nothing. A column's memory is touched only where a
//! heap uses its own, and that is zero again when the slot changes hands.
//!
//! *Invariant.* Slots do not overlap; a gap is a maximal range of granules in no slot; `gaps` holds exactly the gaps. The
//! entries of every column that belong to a gap are zero, and the pages of a gap are as the system made them.
//!
//! *Several pools.* Where a process may have little address space (`RLIMIT_AS`), a pool is an eighth of what is left, and
//! the next one follows when that is full; a heap stays in its pool. Where untouched memory cannot be had for nothing
//! (Windows, WebAssembly, the Miri interpreter), each heap has a pool to itself, which goes with it; so has a heap that
//! asks for more than the eighth. The pools that are shared stay for the life of the process.
//!
//! *Sealed slots.* When memory is poisoned or a sanitizer looks on, the slot of a dropped heap becomes untouchable, so
//! that a pointer that outlived its heap is noticed. The last [`SEALED_MAX`] stay so; each is a mapping.

use super::os::{self, OsError, RESERVATION_ALIGN};
use core::ptr::NonNull;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The unit of slots, in bytes. A multiple of the largest page on every column with one byte for 256 bytes of heap, where
/// pages are of 4 KiB or 16 KiB.
pub(super) const GRANULE: usize = RESERVATION_ALIGN;

/// What a pool asks the system for: half of what a process can address on x86-64. Halved when it is refused.
const POOL_BYTES: usize = if cfg!(target_pointer_width = "64") { 1 << (usize::BITS - 18) } else { 256 << 20 };
/// The least that is worth being shared.
const POOL_MIN: usize = 8 * GRANULE;
/// A pool takes one part in so many of the address space that the process has left.
const POOL_SHARE: usize = 8;
/// Whether the system grants memory that costs nothing until it is touched, in amounts to be shared.
const CAN_SHARE: bool = cfg!(all(unix, not(miri)));

/// How many slots stay sealed.
const SEALED_MAX: usize = 1024;

#[derive(Debug)]
struct Pool {
    base: NonNull<u8>,
    bytes: usize,
    /// Everything can be read and written; otherwise it is committed piece by piece.
    committed: bool,
    /// One heap's own.
    whole: bool,
    slots: Mutex<Slots>,
    columns: Mutex<Vec<(u32, Arc<Column>)>>,
}

// SAFETY: the range belongs to the pool; what is done with the memory behind `base` is argued by those who claim it.
unsafe impl Send for Pool {}
// SAFETY: as above; everything that changes is behind locks.
unsafe impl Sync for Pool {}

/// A side table for all of a pool.
#[derive(Debug)]
pub(super) struct Column {
    base: NonNull<u8>,
    bytes: usize,
    committed: bool,
}

// SAFETY: as for the pool: only the address is kept here.
unsafe impl Send for Column {}
// SAFETY: nothing changes.
unsafe impl Sync for Column {}

/// The addresses of one heap: a slot of a pool, given back on drop.
#[derive(Debug)]
pub(super) struct Claim {
    pool: Arc<Pool>,
    /// Offset of the slot in the pool, in bytes.
    start: usize,
    /// The slot's length at present, in bytes.
    bytes: usize,
}

/// All shared pools. Only appended to.
static POOLS: Mutex<Vec<Arc<Pool>>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing behind these locks calls anything that panics between two states, apart from running out of memory.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Claims at least `least` bytes of addresses, which may grow to `most`. Costs a search in a tree; the first heap of a
/// process makes the pool. `make_room` is called when the pools are full, before another one is made.
pub(super) fn claim(least: usize, most: usize, make_room: impl FnOnce()) -> Result<Claim, OsError> {
    debug_assert!(0 < least && least <= most);
    #[cfg(any(test, feature = "conformance"))]
    if os::fault::commits_on_demand() {
        return claim_alone(least, most);
    }
    if !CAN_SHARE || least > POOL_BYTES {
        return claim_alone(least, most);
    }
    if let Some(claim) = claim_shared(&lock(&POOLS), least, most) {
        return Ok(claim);
    }
    make_room();
    let mut pools = lock(&POOLS);
    pools.iter().for_each(Pool::unseal_all);
    if let Some(claim) = claim_shared(&pools, least, most) {
        return Ok(claim);
    }
    let share = os::address_space_left().map_or(POOL_BYTES, |left| (left / POOL_SHARE).min(POOL_BYTES));
    let share = share / GRANULE * GRANULE;
    if share < least.max(POOL_MIN) {
        // Not more than was asked for: the rest of the program has little enough.
        return claim_alone(least, least.max(share.min(most)));
    }
    let pool = Pool::map_halving(share, least.max(POOL_MIN), false)?;
    let claim = pool.claim(least, most).ok_or(OsError::OUT_OF_RANGE);
    pools.push(pool);
    claim
}

fn claim_shared(pools: &[Arc<Pool>], least: usize, most: usize) -> Option<Claim> {
    pools.iter().rev().find_map(|pool| pool.claim(least, most))
}

fn claim_alone(least: usize, most: usize) -> Result<Claim, OsError> {
    let pool = Pool::map_halving(most, least, true)?;
    let bytes = pool.bytes;
    Ok(Claim { pool, start: 0, bytes })
}

impl Pool {
    fn map_halving(bytes: usize, least: usize, whole: bool) -> Result<Arc<Self>, OsError> {
        let round = |bytes: usize| bytes.checked_next_multiple_of(os::RESERVATION_GRANULE).ok_or(OsError::OUT_OF_RANGE);
        let (mut bytes, least) = (round(bytes)?, round(least)?);
        loop {
            match os::reserve(bytes) {
                Ok((base, committed)) => {
                    let slots = Mutex::new(Slots::new(bytes / GRANULE));
                    return Ok(Arc::new(Self { base, bytes, committed, whole, slots, columns: Mutex::default() }));
                }
                Err(error) if bytes <= least => return Err(error),
                Err(_) => bytes = round(bytes / 2)?.max(least),
            }
        }
    }

    fn claim(self: &Arc<Self>, least: usize, most: usize) -> Option<Claim> {
        let granules = least.div_ceil(GRANULE);
        let start = lock(&self.slots).take(granules, most.div_ceil(GRANULE))?;
        Some(Claim { pool: self.clone(), start: start * GRANULE, bytes: granules * GRANULE })
    }

    /// The slot's addresses, untouchable or as new, if the system can.
    fn replace(&self, start: usize, granules: usize, committed: bool) -> Result<(), OsError> {
        // SAFETY: a slot lies in the pool, at multiples of 4 MiB; only slots without a heap are replaced.
        unsafe { os::replace(self.base.add(start * GRANULE), granules * GRANULE, committed) }
    }

    /// Opens the slot that was sealed first. One that the system does not open is never used again.
    fn unseal_first(&self, slots: &mut Slots) {
        if let Some((start, granules)) = slots.sealed.pop_front()
            && self.replace(start, granules, self.committed).is_ok()
        {
            slots.give_back(start);
        }
    }

    fn unseal_all(self: &Arc<Self>) {
        let mut slots = lock(&self.slots);
        while !slots.sealed.is_empty() {
            self.unseal_first(&mut slots);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: base and length are those of the reservation made in the constructor; every claim and every column
        // handle keeps the pool, so nobody uses the range any more.
        unsafe { os::release(self.base, self.bytes) }
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        // SAFETY: as for the pool.
        unsafe { os::release(self.base, self.bytes) }
    }
}

impl Column {
    /// Whether all of it can be read and written.
    pub(super) fn is_committed(&self) -> bool {
        self.committed
    }

    /// The entry that stands for the pool's byte at `offset`, when an entry stands for `1 << shift` bytes.
    pub(super) fn part(&self, offset: usize, shift: u32) -> NonNull<u8> {
        debug_assert!(offset >> shift < self.bytes);
        // SAFETY: offsets are inside the pool, and the column has an entry for each of them.
        unsafe { self.base.add(offset >> shift) }
    }

    /// Makes the entries from `start` readable and writable, and whatever shares their pages.
    ///
    /// # Safety
    ///
    /// The `bytes` entries from `start` lie in this column.
    pub(super) unsafe fn commit(&self, start: NonNull<u8>, bytes: usize) -> Result<(), OsError> {
        let page = os::page_bytes();
        let first = (start.addr().get() - self.base.addr().get()) / page * page;
        let end = (start.addr().get() + bytes - self.base.addr().get()).next_multiple_of(page).min(self.bytes);
        // SAFETY: rounded to pages, and inside the column, whose length is a multiple of every page size.
        unsafe { os::commit(self.base.add(first), end - first) }
    }
}

impl Claim {
    /// The slot's first byte: the provenance of everything in it is the pool's.
    pub(super) fn base(&self) -> NonNull<u8> {
        // SAFETY: a slot begins inside its pool.
        unsafe { self.pool.base.add(self.start) }
    }

    /// The slot's length at present, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How long the slot could become at present, in bytes, if it wanted `most`.
    pub(super) fn room(&self, most: usize) -> usize {
        if self.pool.whole {
            return self.bytes;
        }
        let start = self.start / GRANULE;
        ((lock(&self.pool.slots).gap_end(start + 1) - start) * GRANULE).min(most)
    }

    /// The number of bytes from the slot's start to the end of its pool: what tables can describe.
    pub(super) fn horizon(&self) -> usize {
        self.pool.bytes - self.start
    }

    /// Whether the slot's memory can be read and written without being committed.
    pub(super) fn is_committed(&self) -> bool {
        self.pool.committed
    }

    /// Whether the slot is all of its pool, and goes back to the system with it.
    pub(super) fn is_alone(&self) -> bool {
        self.pool.whole
    }

    /// Makes the slot at least `bytes` long, and longer if that is to be had, but not more than `most`.
    pub(super) fn grow(&mut self, bytes: usize, most: usize) -> Result<(), OsError> {
        if self.pool.whole {
            return if bytes <= self.bytes { Ok(()) } else { Err(OsError::OUT_OF_RANGE) };
        }
        let (wanted, most) = (bytes.div_ceil(GRANULE), most.div_ceil(GRANULE));
        let granules = lock(&self.pool.slots).grow(self.start / GRANULE, wanted, most).ok_or(OsError::OUT_OF_RANGE)?;
        self.bytes = granules * GRANULE;
        Ok(())
    }

    /// The `ordinal`-th column of the pool with an entry for `1 << shift` bytes, made when nobody wanted it before.
    pub(super) fn column(&self, shift: u32, ordinal: usize) -> Result<(Arc<Column>, NonNull<u8>), OsError> {
        let mut columns = lock(&self.pool.columns);
        let column = match columns.iter().filter(|(other, _)| *other == shift).nth(ordinal) {
            Some((_, column)) => column.clone(),
            None => {
                let bytes = self.pool.bytes.div_ceil(1 << shift).next_multiple_of(os::RESERVATION_GRANULE);
                let (base, committed) = os::reserve(bytes)?;
                let column = Arc::new(Column { base, bytes, committed });
                columns.push((shift, column.clone()));
                column
            }
        };
        let part = column.part(self.start, shift);
        Ok((column, part))
    }

    /// Makes the slot as it was when it was claimed, then gives it back.
    pub(super) fn renew(self) {
        let granules = self.bytes / GRANULE;
        if !self.pool.whole && self.pool.replace(self.start / GRANULE, granules, self.pool.committed).is_err() {
            self.abandon();
        }
    }

    /// Makes the slot untouchable and keeps it so for a while.
    pub(super) fn seal(self) {
        let (start, granules) = (self.start / GRANULE, self.bytes / GRANULE);
        if self.pool.whole {
            return; // It goes back to the system, which is as good.
        }
        if self.pool.replace(start, granules, false).is_ok() {
            let mut slots = lock(&self.pool.slots);
            slots.sealed.push_back((start, granules));
            if slots.sealed.len() > SEALED_MAX {
                self.pool.unseal_first(&mut slots);
            }
        }
        self.abandon();
    }

    /// Keeps the addresses for ever: nobody gets them again.
    pub(super) fn abandon(self) {
        core::mem::forget(self);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.pool.whole {
            lock(&self.pool.slots).give_back(self.start / GRANULE);
        }
    }
}

/// Who has which granules of a pool.
#[derive(Debug)]
struct Slots {
    total: usize,
    /// Start to end of each slot, and how far it may grow at the most.
    taken: BTreeMap<usize, (usize, usize)>,
    /// Length and start of each gap.
    gaps: BTreeSet<(usize, usize)>,
    /// Start and length of the slots that are sealed, which are taken too.
    sealed: VecDeque<(usize, usize)>,
}

impl Slots {
    fn new(total: usize) -> Self {
        let gaps = (total > 0).then_some((total, 0)).into_iter().collect();
        Self { total, taken: BTreeMap::new(), gaps, sealed: VecDeque::new() }
    }

    /// Where the gap ends that begins at `start`.
    fn gap_end(&self, start: usize) -> usize {
        self.taken.range(start..).next().map_or(self.total, |(next, _)| *next)
    }

    fn insert_gap(&mut self, start: usize, end: usize) {
        if start < end {
            self.gaps.insert((end - start, start));
        }
    }

    fn remove_gap(&mut self, start: usize, end: usize) {
        if start < end {
            let was_there = self.gaps.remove(&(end - start, start));
            debug_assert!(was_there, "a gap that is in no slot is in the set");
        }
    }

    /// Takes `granules` of the largest gap, for somebody who may want `most` in the end. Returns where they begin.
    fn take(&mut self, granules: usize, most: usize) -> Option<usize> {
        let &(length, gap) = self.gaps.last()?;
        if length < granules {
            return None;
        }
        let before = self.taken.range(..gap).next_back().map_or(0, |(_, (end, most))| most - end);
        let start = gap + before.min(length / 2).min(length - granules);
        self.remove_gap(gap, gap + length);
        self.insert_gap(gap, start);
        self.insert_gap(start + granules, gap + length);
        self.taken.insert(start, (start + granules, start + most));
        Some(start)
    }

    /// Makes a slot at least `wanted` granules long, and twice as long as it was if there is room. Returns its length.
    fn grow(&mut self, start: usize, wanted: usize, most: usize) -> Option<usize> {
        let (end, _) = *self.taken.get(&start)?;
        let gap_end = self.gap_end(end);
        let new_end = (start + wanted.max(2 * (end - start)).min(most)).min(gap_end).max(end);
        if new_end < start + wanted {
            return None;
        }
        self.remove_gap(end, gap_end);
        self.insert_gap(new_end, gap_end);
        self.taken.insert(start, (new_end, start + most));
        Some(new_end - start)
    }

    fn give_back(&mut self, start: usize) {
        let Some((end, _)) = self.taken.remove(&start) else { return };
        let before = self.taken.range(..start).next_back().map_or(0, |(_, (end, _))| *end);
        let after = self.gap_end(end);
        self.remove_gap(before, start);
        self.remove_gap(end, after);
        self.insert_gap(before, after);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
    use super::*;

    fn check(slots: &Slots) {
        let mut at = 0;
        let mut gaps = BTreeSet::new();
        for (&start, &(end, most)) in &slots.taken {
            assert!(at <= start && start < end && end <= most, "slots overlap, or have outgrown their most");
            if at < start {
                gaps.insert((start - at, at));
            }
            at = end;
        }
        assert!(at <= slots.total);
        if at < slots.total {
            gaps.insert((slots.total - at, at));
        }
        assert_eq!(slots.gaps, gaps);
    }

    #[test]
    fn slots_never_overlap_and_gaps_are_what_is_left() {
        for seed in 0..if cfg!(miri) { 3 } else { 60 } {
            let mut random = Random::new(seed);
            let mut slots = Slots::new(1 + random.below(3000));
            let mut mine: Vec<(usize, usize, usize)> = Vec::new();
            for _ in 0..if cfg!(miri) { 50 } else { 600 } {
                match random.below(5) {
                    0 | 1 => {
                        let least = 1 + random.below(20);
                        let most = least + random.below(4) * random.below(200);
                        match slots.take(least, most) {
                            Some(start) => mine.push((start, least, most)),
                            None => assert!(slots.gaps.last().is_none_or(|(length, _)| *length < least)),
                        }
                    }
                    2 if !mine.is_empty() => {
                        let at = random.below(mine.len());
                        let (start, length, most) = mine[at];
                        let wanted = random.below(most + 1);
                        let room = slots.gap_end(start + length) - start;
                        match slots.grow(start, wanted, most) {
                            Some(new) => {
                                assert!(new >= wanted && new >= length && new <= most.min(room));
                                mine[at].1 = new;
                            }
                            None => assert!(wanted > room),
                        }
                    }
                    3 if !mine.is_empty() => slots.give_back(mine.swap_remove(random.below(mine.len())).0),
                    _ => {}
                }
                assert_eq!(slots.taken.len(), mine.len());
                for (start, length, _) in &mine {
                    assert_eq!(slots.taken[start].0, start + length);
                }
                check(&slots);
            }
            mine.drain(..).for_each(|(start, ..)| slots.give_back(start));
            assert_eq!(slots.gaps.into_iter().collect::<Vec<_>>(), [(slots.total, 0)]);
        }
    }

    /// The figures of the module's text.
    #[test]
    #[cfg(not(miri))]
    fn a_hundred_thousand_heaps_have_room_and_a_thousand_have_all_they_may_want() {
        let (gib, mib) = (|n: usize| (n << 30) / GRANULE, |n: usize| (n << 20) / GRANULE);
        let mut slots = Slots::new(gib(64 << 10));
        let room = |slots: &Slots, start: usize| slots.gap_end(slots.taken[&start].0) - start;
        let mut starts = Vec::new();
        for n in 1..=100_000 {
            starts.push(slots.take(mib(16), gib(64)).unwrap());
            let least = match n {
                1_000 => gib(64),
                10_000 => gib(4) - mib(16),
                100_000 => mib(512) - mib(16),
                _ => continue,
            };
            assert!(starts.iter().all(|&start| room(&slots, start) >= least), "{n}");
        }
        check(&slots);
        // When the others go, what they had is there for those who stay.
        starts.drain(1..).for_each(|start| slots.give_back(start));
        assert_eq!(slots.grow(starts[0], gib(64), gib(64)), Some(gib(64)));
    }

    #[test]
    #[cfg(all(unix, not(miri)))]
    fn a_slot_grows_in_place_until_it_meets_another() {
        let pool = Pool::map_halving(32 * GRANULE, 32 * GRANULE, false).unwrap();
        let mut first = pool.claim(GRANULE, 64 * GRANULE).unwrap();
        let second = pool.claim(GRANULE, GRANULE).unwrap();
        let room = second.base().addr().get() - first.base().addr().get();
        assert!(room >= 15 * GRANULE, "half of the gap is left to the one before");
        first.grow(room, 64 * GRANULE).unwrap();
        assert!(first.grow(room + 1, 64 * GRANULE).is_err());
        assert_eq!(first.bytes(), room);
        drop(second);
        first.grow(32 * GRANULE, 64 * GRANULE).unwrap();
        assert!(pool.claim(1, 1).is_none());
        drop(first);
        assert_eq!(pool.claim(32 * GRANULE, 32 * GRANULE).unwrap().bytes(), pool.bytes);
    }

    #[test]
    #[cfg(all(unix, not(miri)))]
    fn sealed_slots_come_back_when_room_is_short() {
        let pool = Pool::map_halving(16 * GRANULE, 16 * GRANULE, false).unwrap();
        let claims: Vec<_> = (0..4).map(|_| pool.claim(4 * GRANULE, 4 * GRANULE).unwrap()).collect();
        claims.into_iter().for_each(Claim::seal);
        assert!(pool.claim(1, 1).is_none());
        pool.unseal_all();
        let claim = pool.claim(16 * GRANULE, 16 * GRANULE).unwrap();
        if claim.is_committed() {
            // SAFETY: the slot is the test's own, and committed.
            unsafe { claim.base().add(5 * GRANULE).write(1) };
        }
    }
}
