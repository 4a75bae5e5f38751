//! When an epoch is due, and when a cycle collection.
//!
//! **Epochs** follow allocation: one whenever half of the counted bytes was allocated, within 4 and 16 MiB. Its cost
//! is what survived and what changed, so longer epochs are cheaper: more dies young, more writes coalesce. The memory that
//! the young objects hold is the collector's overhead, so it is kept in proportion to what is alive. Under a limit epochs
//! come sooner: half of what is left.
//!
//! **Cycle collections** follow the growth of what is counted. Acyclic garbage is uncounted in the epoch in which it
//! dies, so if the counted bytes have not grown since the last cycle collection, no new cycles can be holding more than
//! what was alive then and died since. The cost is bounded by what is alive and is paid for by growth in proportion to
//! it, so it is a constant number of visits for every byte that survives its epoch. Under a limit, also when the limit is
//! near, or an allocation failed.

use heap_core::collector::{HeapContext, HeapCore};

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
/// Nothing is lost by leaving the second-level cache (512 KiB there). Below 4 MiB a small heap would pay more time than
/// its memory is worth; above 16 MiB the pauses grow and the time does not shrink much.
const EPOCH_BYTES: core::ops::RangeInclusive<usize> = 4 << 20..=16 << 20;
/// The part of the counted bytes that is allocated between two epochs: a half.
///
/// Measured on `graph_mutate` (random writes into 22 MB that are alive; processor time in seconds, peak of the heap): an
/// epoch of 256 KiB 2.95, 1 MiB 2.72, 4 MiB (a fifth) 1.76 and 52 MB, 16 MiB 1.21 and 62 MB. There most writes hit a clean
/// object, so each epoch logs nearly everything, and fewer epochs log less. `list_churn` takes 0.67 to 0.72 with all four.
const EPOCH_PART: usize = 2;
/// The least under a limit: below, the fixed cost of an epoch shows.
const EPOCH_BYTES_MIN: usize = 64 << 10;
/// Growth of the counted bytes that pays for a cycle collection: a half of what the last one left, but at least this.
const CYCLES_MIN: u64 = 4 << 20;

#[derive(Debug)]
pub(crate) struct Pacing {
    /// What the program asked for.
    epoch_bytes: Option<usize>,
    /// Value of the allocation counter at the end of the last epoch.
    last: u64,
    /// Value of the allocation counter at which the next epoch is due.
    next: u64,
    /// Counted bytes at which the next cycle collection is due.
    cycles_at: u64,
    /// Bytes that had become counted, in total, when the last cycle collection ended.
    promoted: u64,
    failed: bool,
}

impl Pacing {
    pub(crate) fn new() -> Self {
        Pacing { epoch_bytes: None, last: 0, next: 0, cycles_at: CYCLES_MIN, promoted: 0, failed: false }
    }

    pub(crate) fn set_epoch_bytes(&mut self, bytes: usize) {
        self.epoch_bytes = Some(bytes.max(1));
    }

    /// The heap starts.
    pub(crate) fn start(&mut self, heap: &HeapContext<'_>) {
        self.epoch_ended(heap);
    }

    /// Asked whenever the allocator took new memory.
    #[inline]
    pub(crate) fn epoch_due(&self, heap: &HeapContext<'_>) -> bool {
        heap.fast.allocated_bytes() >= self.next
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
        self.failed || statistics.live_bytes >= self.cycles_at || near_limit()
    }

    pub(crate) fn epoch_ended(&mut self, heap: &HeapContext<'_>) {
        self.last = heap.fast.allocated_bytes();
        self.failed = false;
        let blocks = &heap.core.memory.blocks;
        let live = heap.core.statistics.live_bytes as usize;
        let mut bytes = self.epoch_bytes.unwrap_or((live / EPOCH_PART).clamp(*EPOCH_BYTES.start(), *EPOCH_BYTES.end()));
        if blocks.limit().is_some() {
            // Half of the memory between counted objects may be in holes too small to be of use.
            let scattered = blocks.used_bytes().saturating_sub(live) / 2;
            bytes = bytes.min(((blocks.headroom() + scattered) / 2).max(EPOCH_BYTES_MIN));
        }
        self.next = self.last + bytes as u64;
    }

    /// Bytes that will be allocated before the next epoch.
    pub(crate) fn epoch_budget(&self) -> usize {
        (self.next - self.last) as usize
    }

    pub(crate) fn cycles_collected(&mut self, core: &HeapCore) {
        let live = core.statistics.live_bytes;
        self.cycles_at = live + (live / 2).max(CYCLES_MIN);
        self.promoted = core.statistics.promoted_bytes;
    }
}
