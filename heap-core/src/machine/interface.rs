//! [`Collector`]: the interface between a heap and the code that reclaims its garbage.

use core::ops::Range;

use super::alive::Alive;
use super::capabilities::Capabilities;
use super::core::{HeapContext, HeapCore};
use super::events::CollectionKind;
use super::snapshot::{Snapshot, VerifyError};
use crate::error::AllocError;
use crate::object::{AllocRequest, Allocation, Object, ObjectRef};

/// A garbage collector: the code behind the slow paths.
///
/// All methods run on the heap's own thread. `heap` gives access to the fast-path words and to the parts that all
/// collectors share. A method may trace, relocate and copy objects, because inside it no other code of the program runs.
///
/// The trait is safe to implement only in the sense that the compiler accepts it; a wrong collector frees live objects.
/// It is therefore `unsafe`.
///
/// # Safety
/// Between two safepoints no object may be moved or reclaimed. At a safepoint every object that is reachable from
/// [`HeapCore::every_root`] must survive with its content and its edges intact (moved edges updated), weak cells of reclaimed
/// objects must be cleared before their memory is reused, and drop glue must run at most once per object.
/// `allocate_slow` must return memory inside the heap's reservation that nothing else uses, and so must lie what the fast path
/// is given to bump through. `barrier_slow` must not look at elements of a clean array that were reported before.
pub unsafe trait Collector: Send {
    /// A short name for tables: `marksweep`.
    fn name(&self) -> &'static str;

    /// Called once, before the first allocation: claim side structures, set the fast-path words.
    ///
    /// # Errors
    /// When the memory cannot be had; the heap is then not created.
    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError>;

    /// Makes room for `request` and takes it: called when the bump allocation of the fast path does not fit, for
    /// alignments above eight bytes, and for objects that are [large](AllocRequest::is_large). It never collects.
    ///
    /// # Errors
    /// When the heap's limit is reached or the system refuses memory.
    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError>;

    /// The first write to a clean object is about to happen, in `range` (bytes from the payload's start). Nothing of the
    /// object is mutably borrowed yet, but for an array that stays clean (see [`Cards`](crate::collector::Cards)): elements
    /// that were reported before may be, and must not be looked at.
    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>);

    /// A weak pointer was upgraded to `object`, or is about to be: a collector with a cycle in progress must keep the
    /// object alive for that cycle (rule R3). False when it is dead, and its cell waits to be cleared (rule R44); a weak
    /// cell that is dead and for which somebody asks must come back instead. Called only when the barrier test says
    /// that the object is not clean for the collector.
    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) -> bool {
        let _ = (heap, object);
        true
    }

    /// Whether `object` is dead, and its weak cell waits to be cleared. Called as above.
    fn is_dead(&self, object: ObjectRef) -> bool {
        let _ = object;
        false
    }

    /// A due safepoint: decide what to do, do it, and clear [`FastPath::due`](crate::collector::FastPath::due).
    fn safepoint(&mut self, heap: &mut HeapContext<'_>);

    /// A collection the program asked for. `Full` first finishes any cycle in progress, then does a complete one.
    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind);

    /// A bounded piece of work: about `bytes` bytes of objects looked at. Returns true when no cycle is in progress
    /// afterwards. Collectors without increments do nothing or all.
    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool;

    /// The program will not use the heap for a while; a full collection was just completed. Memory of the collector's own
    /// that it can get again goes back, and what it keeps for the program's next allocations is as small as in a new heap.
    fn rest(&mut self, heap: &mut HeapContext<'_>) {
        let _ = heap;
    }

    /// A full collection was just completed, in the same pause, and `alive` is all that it left: makes it
    /// [permanent](Alive::make_permanent), after giving up all memory that was about to be handed out, and begins its
    /// pacing anew, as if the heap were empty. A collector that cannot lets go of the list, and nothing changes.
    fn freeze(&mut self, heap: &mut HeapContext<'_>, alive: Alive) {
        let _ = (heap, alive);
    }

    /// Bytes of memory that the collector holds for structures of its own: mark stacks, logs, remembered sets. Asked at the
    /// beginning and the end of each pause.
    fn side_bytes(&self) -> usize {
        0
    }

    /// The heap is being dropped: stop background work.
    fn finish(&mut self, heap: &mut HeapContext<'_>) {
        let _ = heap;
    }

    /// What the collector promises. Always the same for one collector.
    fn capabilities(&self) -> Capabilities;

    /// The object's reference count, for collectors that count.
    fn ref_count(&self, heap: &HeapCore, object: ObjectRef) -> Option<u64> {
        let _ = (heap, object);
        None
    }

    // ---- for the verifier, between two pauses ----

    /// Whether bytes of an object, of its header to begin with, can be its own, as far as the collector knows. The heap
    /// has found them in blocks in use, in no hole of the index, and not beyond the bump pointer.
    ///
    /// # Errors
    /// A clause that says why not: "its line has an old stamp".
    fn verify_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
        let _ = (heap, bytes);
        Ok(())
    }

    /// What a cycle in progress will still look at, reachable or not. It and all that it leads to become a part of the
    /// snapshot, so their memory must be as it was left.
    fn waiting(&self, heap: &HeapCore) -> Vec<ObjectRef> {
        let _ = heap;
        Vec::new()
    }

    /// Checks the collector's own invariants on a snapshot of all objects that can be reached.
    ///
    /// # Errors
    /// The first broken invariant: [`Snapshot::error`] about an object.
    fn verify(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
        let _ = (heap, snapshot);
        Ok(())
    }
}

/// A collector by value or in a box: what [`Heap::new`](crate::Heap::new) accepts.
pub trait IntoCollector {
    /// The collector as a trait object.
    fn into_collector(self) -> Box<dyn Collector>;
}

impl<C: Collector + 'static> IntoCollector for C {
    fn into_collector(self) -> Box<dyn Collector> {
        Box::new(self)
    }
}

impl IntoCollector for Box<dyn Collector> {
    fn into_collector(self) -> Box<dyn Collector> {
        self
    }
}
