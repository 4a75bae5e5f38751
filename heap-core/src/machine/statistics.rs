//! Counters of one heap.

use std::time::Duration;

/// What a heap did so far. Bytes include headers and padding to eight bytes.
///
/// Numbers of what happened are exact from the beginning: a collector that does not do a thing has done it zero times. What
/// must be looked for says when it was ([`live_as_of`](Self::live_as_of)), or that nobody knows
/// ([`resident_bytes`](Self::resident_bytes)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Bytes allocated since the heap was made.
    pub allocated_bytes: u64,
    /// Minor collections that were completed.
    pub minor_collections: u64,
    /// Full collections that were completed; for counting collectors, runs of the cycle collection.
    pub full_collections: u64,
    /// Of the full collections, how many marked exactly, to 8 bytes and not to lines, because the heap was fragmented.
    pub exact_collections: u64,
    /// Epochs that a counting collector processed.
    pub epochs: u64,
    /// Collections that were given up because the system refused memory.
    pub abandoned_collections: u64,
    /// Pauses: safepoints that did something, and collections that were asked for.
    pub pauses: u64,
    /// Wall time of all pauses.
    pub pause_time: Duration,
    /// Wall time of the longest pause.
    pub longest_pause: Duration,
    /// Objects that the last complete look at the heap found alive; see [`live_as_of`](Self::live_as_of). Counting collectors
    /// keep it current at every epoch.
    pub live_objects: u64,
    /// Bytes of these objects.
    pub live_bytes: u64,
    /// Bytes that had been allocated when `live_objects` and `live_bytes` were found: what was allocated since is in neither.
    /// `None` when nobody has looked so far, or ever will; then both are zero, and say nothing.
    pub live_as_of: Option<u64>,
    /// Times that the heap was [frozen](crate::Heap::freeze).
    pub freezes: u64,
    /// Permanent objects that no collection looks at ([`Heap::freeze`](crate::Heap::freeze)). They are not among the
    /// live ones. A tracing collector counts one that was written as live instead.
    pub permanent_objects: u64,
    /// Bytes of these objects.
    pub permanent_bytes: u64,
    /// Bytes of the blocks that permanent objects lie in, as far as they count against the limit. What of it is not
    /// `permanent_bytes`, and not of written ones, is lost between them.
    pub permanent_block_bytes: u64,
    /// Bytes that survived a young collection and were promoted, in total.
    pub promoted_bytes: u64,
    /// Full collections after which old objects were moved together, because the heap was fragmented.
    pub evacuations: u64,
    /// Bytes of the old objects that were moved so, in total. For a counting collector that copies: of the survivors that it
    /// moved.
    pub evacuated_bytes: u64,
    /// Objects whose drop glue was run.
    pub dropped_objects: u64,
    /// Bytes that the heap holds now, counted against its limit: blocks, large objects, and what objects own outside.
    pub heap_bytes: u64,
    /// Of these, bytes that objects own outside the heap: as they said when they were made or last looked at.
    pub outside_bytes: u64,
    /// Bytes of the structures that describe the heap, which do not count against its limit: side tables, the collector's
    /// stacks, logs and remembered sets, the handle table, lists of weak cells and of objects with drop glue.
    pub side_bytes: u64,
    /// The most that the heap held: `heap_bytes` at any time, and with `side_bytes` at the beginning and end of each pause.
    pub peak_heap_bytes: u64,
    /// Bytes of memory that the heap may have from the system now, in all: what it holds, and free memory that it has not
    /// given back. `None` where the system takes nothing back, so that nobody knows.
    pub resident_bytes: Option<u64>,
}

impl Statistics {
    /// Completed collections of every kind.
    pub fn collections(&self) -> u64 {
        self.minor_collections + self.full_collections + self.epochs
    }
}
