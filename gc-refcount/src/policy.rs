//! When an epoch is due, and when a cycle collection.
//!
//! **Epochs** follow allocation: one whenever half of the counted bytes was allocated, but at most 16 MiB, and at least an
//! allowance that grows to 4 MiB with what the heap allocates. Its cost
//! is what survived, what died and what was written, so longer epochs are cheaper: more dies young, more writes coalesce.
//! The memory that the young objects hold is the collector's overhead, so it is kept in proportion to what is alive.
//! Where epochs are *dear*, that is, where the last one counted, uncounted and logged as many bytes as had been
//! allocated, they come half as often: then the heap grows to twice what is alive, which is what tracing collectors take
//! by default. Under a limit epochs come sooner: half of what is left.
//!
//! **Cycle collections** follow the growth of what is counted. Acyclic garbage is uncounted in the epoch in which it
//! dies, so if the counted bytes have not grown since the last cycle collection, no new cycles can be holding more than
//! what was alive then and died since. The cost is bounded by what is alive and is paid for by growth in proportion to
//! it, so it is a constant number of visits for every byte that survives its epoch. Bytes outside the heap have a
//! growth of their own, without the least that a small heap is given. Under a limit, also when the limit is
//! near, or an allocation failed.

use heap_core::collector::{Allowance, HeapContext, HeapCore, Outside};

/// The least and the most that is allocated between two epochs if the program does not say otherwise, in bytes.
///
/// Measured with the `workloads` example, user time in seconds (short-lived trees, lists that live for 2.2 MB, writes to
/// random places of 20 MB):
///
/// | epoch | trees | lists | graph |
/// |---|---|---|---|
/// | 512 KiB | 0.20 | 0.43 | 1.43 |
/// | 1 MiB | 0.25 | 0.39 | 1.10 |
/// | 2 MiB | 0.27 | 0.42 | 0.91 |
/// | 4 MiB | 0.24 | 0.28 | 0.67 |
/// | 8 MiB | 0.20 | 0.16 | 0.46 |
/// | 16 MiB | 0.19 | 0.11 | 0.35 |
///
/// Nothing is lost by leaving the second-level cache (512 KiB there). Below 4 MiB a heap that allocates much would pay more
/// time than its memory is worth; above 16 MiB the pauses grow and the time does not shrink much.
const EPOCH_LEAST: Allowance = Allowance::growing(64 << 10, 4 << 20);
const EPOCH_MOST: usize = 16 << 20;
/// What part of the counted bytes is allocated between two epochs: half, and all of it while epochs are dear.
///
/// Measured with fixed epochs (milliseconds, and MiB at the peak of the heap). Neither program's garbage dies young: lists
/// live for 24 MB of allocation, and random writes hit a clean object most of the time, so that each epoch logs nearly
/// everything that is alive.
///
/// | epoch | `list_churn`, 24 MB live | `graph_mutate`, 22 MB live |
/// |---|---|---|
/// | 4 MiB | 226, 27 | 416, 49 |
/// | 8 MiB | 212, 31 | 304, 53 |
/// | 11 MiB (half) | 209, 34 | 281, 56 |
/// | 16 MiB | 189, 39 | 231, 59 |
/// | 22 MiB (all) | 179, 45 | 224, 63 |
/// | 32 MiB | 153, 55 | 151, 64 |
const EPOCH_PART: usize = 2;
/// Weak cells that may survive an epoch. Each is entered in the index of all cells, at a random place, in 0.7 microseconds, so
/// without a bound a pause of an epoch is as long as its cells are many. Where a million nodes have one each, and are
/// replaced at random, epochs by allocation alone had 800 000 of them: 610 to 780 ms, and 185 MB where 32 are alive.
///
/// To let each count as some bytes of the epoch instead makes pauses as short, but it also makes epochs more frequent in
/// programs with few cells and much to do in each epoch: a weak table of strings took 40 % longer. Four times as many make
/// the nodes 25 % faster, because a large table is logged less often, but their longest pause is twice as long, and
/// `interning` took 5 % more.
const CELLS_MOST: usize = 1 << 16;
/// Survivors are copied after an epoch of which at most this part became counted, a quarter. Where more survives, blocks are
/// dense as they are. (With a half, `weak_ring` held 56 MB instead of 16.)
const COPIED_PART: u64 = 4;
/// Young objects that are to move are born in fresh blocks while at most this part of the counted bytes is in holes, a quarter,
/// or so many bytes: holes that copies do not fill must be of use to somebody.
const HOLES_PART: usize = 4;
const HOLES_LEAST: usize = 256 << 10;
/// The least under a limit: below, the fixed cost of an epoch shows.
const EPOCH_BYTES_MIN: usize = 64 << 10;
/// Growth of the counted bytes that pays for a cycle collection: a half of what the last one left, but at least this.
const CYCLES_LEAST: Allowance = Allowance::growing(64 << 10, 4 << 20);

#[derive(Debug)]
pub(crate) struct Pacing {
    /// What the program asked for.
    epoch_bytes: Option<usize>,
    /// Value of the allocation counter at the end of the last epoch.
    last: u64,
    /// The most that was allocated in an epoch of late, less an eighth for each epoch since.
    of_late: u64,
    /// Value of the allocation counter at which the next epoch is due.
    next: u64,
    /// Counted bytes at which the next cycle collection is due.
    cycles_at: u64,
    /// Bytes that counted objects own outside the heap at which it is due, too.
    cycles_at_outside: u64,
    /// Bytes that had become counted, in total, when the last cycle collection ended.
    promoted: u64,
    /// The same when the last epoch ended, and the bytes that were counted then.
    then: (u64, u64),
    failed: bool,
    /// New weak cells with which the next epoch is due, too.
    cells_at: usize,
    copying_pays: bool,
}

impl Pacing {
    pub(crate) fn new() -> Self {
        Pacing {
            epoch_bytes: None,
            last: 0,
            of_late: 0,
            next: 0,
            cycles_at: 0,
            cycles_at_outside: 0,
            promoted: 0,
            then: (0, 0),
            failed: false,
            cells_at: CELLS_MOST,
            // Nothing is known of the first epoch, in which programs build what they keep.
            copying_pays: false,
        }
    }

    pub(crate) fn set_epoch_bytes(&mut self, bytes: usize) {
        self.epoch_bytes = Some(bytes.max(1));
    }

    /// The heap starts.
    pub(crate) fn start(&mut self, heap: &mut HeapContext<'_>) {
        self.cycles_collected(heap);
        self.epoch_ended(heap, 0);
    }

    /// Asked whenever the allocator took new memory.
    #[inline]
    pub(crate) fn epoch_due(&self, heap: &HeapContext<'_>) -> bool {
        heap.fast.allocated_bytes() >= self.next || heap.core.death.weak.young() >= self.cells_at
    }

    /// Of `young` weak cells, `kept` survived the epoch: of those of the next one probably as large a part.
    pub(crate) fn note_cells(&mut self, young: usize, kept: usize) {
        if young > 0 {
            self.cells_at = CELLS_MOST.saturating_mul(young) / kept.max(1);
        }
    }

    /// Whether anything was allocated since the last epoch.
    pub(crate) fn allocated(&self, heap: &HeapContext<'_>) -> bool {
        heap.fast.allocated_bytes() != self.last
    }

    /// An allocation failed.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }

    /// Whether an allocation failed since the last epoch.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether this epoch should collect cycles, if there are candidates.
    pub(crate) fn cycles_due(&self, core: &HeapCore) -> bool {
        let statistics = &core.statistics;
        let near_limit = || {
            let blocks = &core.memory.blocks;
            blocks.limit().is_some_and(|limit| {
                blocks.used_bytes() > limit - limit / 8 && statistics.promoted_bytes - self.promoted > limit as u64 / 16
            })
        };
        self.failed
            || statistics.live_bytes >= self.cycles_at
            || core.outside.settled() as u64 >= self.cycles_at_outside
            || near_limit()
    }

    /// Whether what has survived the epoch that is about to end is worth moving.
    pub(crate) fn few_survived(&self, heap: &HeapContext<'_>) -> bool {
        let counted = heap.core.statistics.promoted_bytes - self.then.0;
        counted <= (heap.fast.allocated_bytes() - self.last) / COPIED_PART
    }

    /// Whether what survives this epoch will probably be worth moving, so that it should be listed.
    pub(crate) fn copying_pays(&self) -> bool {
        self.copying_pays
    }

    /// Whether young objects should be born in fresh blocks, to move out of them.
    pub(crate) fn fresh_blocks_pay(&self, core: &HeapCore) -> bool {
        let few = (core.statistics.live_bytes as usize / HOLES_PART).max(HOLES_LEAST);
        self.copying_pays && core.memory.holes.free_bytes() <= few
    }

    /// An epoch ended for which `logged` bytes of references had been copied.
    pub(crate) fn epoch_ended(&mut self, heap: &mut HeapContext<'_>, logged: usize) {
        let statistics = &heap.core.statistics;
        let allocated = heap.fast.allocated_bytes() - self.last;
        let counted = statistics.promoted_bytes - self.then.0;
        let uncounted = self.then.1 + counted - statistics.live_bytes;
        let dear = counted + uncounted + logged as u64 >= allocated;
        self.copying_pays = self.few_survived(heap);
        self.then = (statistics.promoted_bytes, statistics.live_bytes);
        self.last = heap.fast.allocated_bytes();
        self.of_late = allocated.max(self.of_late - self.of_late.div_ceil(8));
        self.failed = false;
        let HeapCore { memory, permanent, .. } = &*heap.core;
        let blocks = &memory.blocks;
        let live = statistics.live_bytes as usize;
        let (part, most) = if dear { (1, EPOCH_MOST * EPOCH_PART) } else { (EPOCH_PART, EPOCH_MOST) };
        let least = EPOCH_LEAST.at(heap.recent_bytes());
        let mut bytes = self.epoch_bytes.unwrap_or((live / part).clamp(least, most));
        if blocks.limit().is_some() {
            // Half of the memory between counted objects may be in holes too small to be of use.
            let scattered = (blocks.block_bytes() - permanent.frozen_bytes()).saturating_sub(live) / 2;
            bytes = bytes.min(((blocks.headroom() + scattered) / 2).max(EPOCH_BYTES_MIN));
        }
        self.next = self.last.saturating_add(bytes as u64);
        heap.core.outside.allow_beside(bytes);
    }

    /// Bytes of free blocks that are worth keeping: what will be allocated before the next epoch, or was of late, because a
    /// `mutate` may overrun it.
    pub(crate) fn keep_free(&self) -> usize {
        let most = (self.next - self.last).max(self.of_late);
        usize::try_from(most.saturating_add(most / 4)).unwrap_or(usize::MAX)
    }

    /// The heap will not be used for a while.
    pub(crate) fn rest(&mut self) {
        self.of_late = 0;
    }

    /// All that was counted is permanent: the heap begins anew.
    pub(crate) fn frozen(&mut self, heap: &mut HeapContext<'_>) {
        let statistics = &heap.core.statistics;
        self.then = (statistics.promoted_bytes, statistics.live_bytes);
        self.cycles_collected(heap);
        self.epoch_ended(heap, 0);
    }

    /// A cycle collection ended.
    pub(crate) fn cycles_collected(&mut self, heap: &HeapContext<'_>) {
        let (live, outside) = (heap.core.statistics.live_bytes, heap.core.outside.settled() as u64);
        self.cycles_at = live + (live / 2).max(CYCLES_LEAST.at(heap.recent_bytes()) as u64);
        // What is looked at is in the heap: growth of half of that pays for it, wherever it is.
        self.cycles_at_outside = outside.saturating_add((outside / 2).max(live / 2).max(Outside::LEAST as u64));
        self.promoted = heap.core.statistics.promoted_bytes;
    }
}
