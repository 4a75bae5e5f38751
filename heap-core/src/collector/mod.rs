//! The collector author's half of the library.
//!
//! A collector is **data for the fast paths and code for the slow paths**. The fast paths (allocation, the write
//! barrier, visiting an edge) are inlined into the user's program once, the same for every collector; a collector steers
//! them by the words in [`FastPath`] and by the address windows of [`EdgeSink`] and [`SlotSink`]. Everything else goes
//! through the object-safe [`Collector`] trait, whose methods are rare and large, so that choosing the collector at run
//! time costs nothing that can be measured.
//!
//! | fast path | what it does | data the collector sets |
//! |---|---|---|
//! | allocate | bump `cursor` towards `limit`, write the header | [`FastPath::cursor`], [`FastPath::limit`], [`FastPath::birth`] |
//! | write barrier | `(header ^ flip) & mask != 0`? then slow path | [`FastPath::barrier_flip`], [`FastPath::barrier_mask`] |
//! | visit an edge | `address - low < span`? then push | the window of the sink |
//! | end of `mutate` | is a safepoint due? | [`FastPath::due`] |
//!
//! # One barrier
//!
//! All collectors use the same *object-logging* barrier. The first write to an object since it was last clean calls
//! [`Collector::barrier_slow`] with the object and the byte range **before** the object is modified. That one hook
//! serves remembering (generational), coalesced counting (the old referents are still there to be logged) and marking
//! while the program runs (the object is scanned before it changes, which keeps the snapshot at the beginning).
//!
//! A large array may have cards: its header goes on saying "clean", so that every write is reported, and the byte range
//! says which card it touches ([`CARDED`](object::CARDED); `gc-generational` does so).
//!
//! # The order of a safepoint
//!
//! Safepoints happen only between calls of `mutate` (property P3), so no pointer is on the Rust stack. Every collector
//! keeps this order, because each step relies on the ones before:
//!
//! 1. bring roots and logs up to date (`Roots::synchronize`, called by the heap before the collector);
//! 2. mark, copy or count;
//! 3. the ephemeron fixpoint: values whose keys were reached, until nothing changes *(place kept: between 2 and 4, inside
//!    [`HeapCore::process_dead`])*;
//! 4. clear the weak cells of everything dead;
//! 5. queue finalizable dead objects, each once, revive them, and detect again *(place kept: as 3)*;
//! 6. run drop glue of the dead, while their memory is intact, panics caught;
//! 7. only now make memory available for reuse.
//!
//! Steps 3 to 6 are [`HeapCore::process_dead`]: a collector calls it once, with a function that says where an object is
//! now, and frees memory after it returns.
//!
//! # What is not here yet, and where it will go
//!
//! The interface was drawn with these in mind; none of them changes a signature.
//!
//! * **`dyn` objects** stay one word: the vtable goes into [`TypeInfo::metadata`], one description per (type, trait)
//!   pair, and `Pointee for dyn Trait` builds the fat reference from the header. Relocation already copies the allocated
//!   size ([`ObjectRef::size`]), never `size_of` of a static type.
//! * **Finalization and ephemerons**: inside `process_dead`, as said above. The `FINALIZED` bit is reserved.
//! * **Identity hash**: two header bits are reserved (none, asked, stored behind the object); a copying collector extends
//!   the copy when the state is "asked".
//! * **Permanent objects**: the `PERMANENT` bit is in every collector's mask once there are such objects, so that the
//!   first write lists the object as a root.
//! * **Bytes owned outside the heap**: [`TypeInfo::owned_bytes`] is derived; a full mark adds it up, allocation charges
//!   it to the pacing.
//! * **Marking on a background thread**: the header is one atomic word; `trace` takes `&self` and never writes; the
//!   barrier loads with Acquire and calls the collector before the first write, which scans or waits.
//! * **Heaps that move to another thread**: types say whether they are bound to their thread
//!   ([`Trace::THREAD_BOUND`](crate::Trace::THREAD_BOUND)); the heap refuses bound types once it was made sendable.
//! * **Heap dumps** walk from the roots with [`TypeInfo::trace`], as the verifier does, and take names from the
//!   descriptions.
//!
//! # Writing a collector
//!
//! [`NoGc`] is the commented example: it allocates and never frees. A new collector starts as a copy of it and runs the
//! conformance kit (`feature = "conformance"`) from its first day.

pub mod memory;

mod dead;
mod fast_path;
mod holes;
mod lookahead;
mod mark;
mod no_gc;
pub mod object;
pub(crate) mod roots;
mod sweep;
mod type_info;
mod verify;
pub(crate) mod weak_table;

pub use dead::DropList;
pub use fast_path::{AllocRequest, Allocation, FastPath};
pub use holes::{Hole, HoleAllocator, LinePolicy};
pub use lookahead::Lookahead;
pub use mark::{Colour, Marker, prefetch};
pub use no_gc::NoGc;
pub use object::{Header, HeaderWord, ObjectRef};
pub use roots::Roots;
pub use sweep::{Swept, sweep};
pub use type_info::{DropFn, OwnedBytesFn, RelocateFn, Shape, TraceFn, TypeInfo};
pub use verify::{Verifier, VerifyError};
pub use weak_table::WeakTable;

pub use crate::trace::{EdgeSink, SlotSink};

use core::ops::Range;
use std::collections::HashMap;

use crate::error::AllocError;
use crate::events::{CollectionKind, EventKind, Events};
use crate::options::HeapOptions;
use crate::statistics::Statistics;
use memory::Memory;

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
/// [`HeapCore::roots`] must survive with its content and its edges intact (moved edges updated), weak cells of reclaimed
/// objects must be cleared before their memory is reused, and drop glue must run at most once per object.
/// `allocate_slow` must return memory inside the heap's reservation that nothing else uses.
pub unsafe trait Collector {
    /// A short name for tables: `marksweep`.
    fn name(&self) -> &'static str;

    /// Called once, before the first allocation: claim side structures, set the fast-path words.
    ///
    /// # Errors
    /// When the memory cannot be had; the heap is then not created.
    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError>;

    /// Makes room for `request` and takes it: called when the bump allocation of the fast path does not fit, for
    /// alignments above eight bytes, and for objects larger than [`memory::MEDIUM_FOOTPRINT_MAX`]. It never collects.
    ///
    /// # Errors
    /// When the heap's limit is reached or the system refuses memory.
    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError>;

    /// The first write to a clean object is about to happen, in `range` (bytes from the payload's start).
    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef, range: Range<usize>);

    /// A weak pointer was upgraded to `object`, or is about to be: a collector with a cycle in progress must keep the
    /// object alive for that cycle (rule R3). Called only when the barrier test says that the object is not clean for
    /// the collector.
    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) {
        let _ = (heap, object);
    }

    /// A due safepoint: decide what to do, do it, and clear [`FastPath::due`].
    fn safepoint(&mut self, heap: &mut HeapContext<'_>);

    /// A collection the program asked for. `Full` first finishes any cycle in progress, then does a complete one.
    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind);

    /// A bounded piece of work: about `bytes` bytes of objects looked at. Returns true when no cycle is in progress
    /// afterwards. Collectors without increments do nothing or all.
    fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool;

    /// The heap is being dropped: stop background work. Objects with drop glue that the collector keeps outside
    /// [`HeapCore::drops`] are handed over here.
    fn finish(&mut self, heap: &mut HeapContext<'_>) {
        let _ = heap;
    }

    /// Whether cycles are reclaimed by a full collection. Pure reference counting says no.
    fn reclaims_cycles(&self) -> bool {
        true
    }

    /// Whether a full collection frees anything at all. [`NoGc`] says no.
    fn reclaims(&self) -> bool {
        true
    }

    /// The object's reference count, for collectors that count.
    fn ref_count(&self, heap: &HeapCore, object: ObjectRef) -> Option<u64> {
        let _ = (heap, object);
        None
    }

    /// Checks one reachable object against the collector's own invariants; called by the verifier at safepoints for every object that it reaches, with the
    /// object's edges.
    ///
    /// # Errors
    /// A sentence that names the broken invariant.
    fn verify_object(&self, heap: &HeapCore, object: ObjectRef, edges: &[ObjectRef]) -> Result<(), String> {
        let _ = (heap, object, edges);
        Ok(())
    }

    /// Checks the heap as a whole, after every object was checked by itself: `incoming` holds each reachable object with
    /// the number of references that lead to it, from reachable objects, the root and handles.
    ///
    /// # Errors
    /// A sentence that names the broken invariant.
    fn verify_references(&self, heap: &HeapCore, incoming: &HashMap<ObjectRef, u64>) -> Result<(), String> {
        let _ = (heap, incoming);
        Ok(())
    }
}

/// What a collector's methods work on.
pub struct HeapContext<'h> {
    /// The words that steer the fast paths.
    pub fast: &'h FastPath,
    /// Everything that all collectors share.
    pub core: &'h mut HeapCore,
}

/// The parts of a heap that all collectors share.
pub struct HeapCore {
    /// Blocks, lines and large objects in one reservation.
    pub memory: Memory,
    /// The root object and the handles.
    pub roots: Roots,
    /// Weak cells.
    pub weak: WeakTable,
    /// Objects with drop glue.
    pub drops: DropList,
    /// Counters that the user can read.
    pub statistics: Statistics,
    /// Events of the current pause, delivered after it.
    pub events: Events,
    /// What the user asked for.
    pub options: HeapOptions,
}

impl HeapContext<'_> {
    /// Allocates a large object. Its payload is aligned, its header not yet written.
    ///
    /// # Errors
    /// When the heap's limit is reached or the system refuses memory.
    pub fn allocate_large(&mut self, request: AllocRequest) -> Result<Allocation, AllocError> {
        let memory = &mut self.core.memory;
        let payload_bytes = request.bytes - request.prefix;
        let payload = memory.large.allocate(&mut memory.blocks, payload_bytes, request.prefix, request.align)?;
        self.fast.count_allocated(request.bytes);
        Ok(Allocation { payload, birth: self.fast.birth.get() })
    }
}

impl HeapCore {
    /// Records an event of the pause in progress.
    pub fn event(&mut self, kind: EventKind) {
        self.events.push(kind);
    }
}

/// Which objects a collection looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Only objects allocated since the last collection; all others are alive.
    Young,
    /// All objects.
    All,
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
