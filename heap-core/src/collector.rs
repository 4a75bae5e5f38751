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
//! | write barrier | `(header ^ flip) & mask != 0`? then slow path | [`FastPath::barrier_flip`], [`FastPath::set_barrier_mask`] |
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
//! A large array has cards ([`Cards`]): its header goes on saying that writes are interesting, so that every one is
//! reported, and the byte range says which card it touches. All collectors here use them, so that one store never costs
//! more than a card.
//!
//! # The order of a safepoint
//!
//! Safepoints happen only between calls of `mutate` (property P3), so no pointer is on the Rust stack. Every collector
//! keeps this order, because each step relies on the ones before:
//!
//! 1. bring roots and logs up to date (`Roots::synchronize`, called by the heap before the collector);
//! 2. mark, copy or count;
//! 3. *reach* ([`Death::reach`]): values of ephemerons whose keys were reached, until nothing changes; what is dead and
//!    has a finalizer is queued, once, and brought back with everything that it leads to; ephemerons again. This may fail,
//!    when the system refuses memory: nothing was cleared or freed then;
//! 4. *bury* ([`Death::bury`]): clear the weak cells of everything dead, forget what the tables knew of it, run its drop
//!    glue while its memory is intact, panics caught. This cannot fail;
//! 5. only now make memory available for reuse.
//!
//! Both take the collection's [`Closure`]: what was reached, and how to reach more. A counting collector reaches when its
//! increments are made and buries after its decrements, because nothing may rise from zero once the first reference was
//! given up.
//!
//! # Objects that move
//!
//! A collector that moves objects follows the tables of [`Death`] through [`Closure::locate`], the roots through
//! [`HeapCore::update_every_root`], and keeps identity hashes: an object with the header bit
//! [`HASH_ASKED`](object::HASH_ASKED) is moved by [`Measured::move_with_hash`], with what [`Identity::of_place`] says, into
//! memory that [`Measured::request_with_hash`] asked for. [`Identity::asked`] says whether there can be such objects among
//! the young ones. When it has emptied blocks by moving, it tells [`Identity::emptied`].
//!
//! A copy with a hash may be as large as an object that was born with blocks of its own. So no collector tells the two by
//! their size: [`Measured::shares_blocks`] knows.
//!
//! # Permanent objects
//!
//! A collector that can [freeze](Collector::freeze) chooses header bits with which it finds an object reached whenever
//! it asks. The barrier is called for the first write to a permanent object too, whatever the mask: such an object has
//! [`PERMANENT`](object::PERMANENT) then, and the collector [thaws](Permanent::thaw) it.
//!
//! # What is not here yet, and where it will go
//!
//! The interface was drawn with **marking on a background thread** in mind, which changes no signature: the header is one
//! atomic word; `trace` takes `&self` and never writes; the barrier loads with Acquire and calls the collector before the
//! first write, which scans or waits.
//!
//! # Writing a collector
//!
//! [`guide::collectors`](crate::guide::collectors) writes five, from one that only allocates ([`NoGc`]) to one that marks in
//! increments, and has the contract in tables: who writes which word, bit and counter, and what may panic. A new collector
//! runs the conformance kit (`feature = "conformance"`) from its first day.
//!
//! What a collector believes of the heap, the verifier checks: it takes a [`Snapshot`] of all objects and edges, asks the
//! collector whether their memory is allocated ([`Collector::verify_allocated`]) and hands it over to
//! [`Collector::verify`]. [`HeapOptions::verify`](crate::HeapOptions::verify) does so after every pause.

pub use crate::death::{Burial, Death, DropList, Ephemerons, Finalizers, Scope, WeakTable};
pub use crate::engine::{Closure, Colour, KeyBuffer, Keys, Lookahead, Marker, NoKeys, Refused, Tracing};
pub use crate::machine::settings::{FromSettings, Settings, parse_collector};
pub use crate::machine::{
    Alive, Allowance, Capabilities, Census, Collector, Edge, FastPath, HeapContext, HeapCore, Identity, IntoCollector,
    NoGc, Outside, Permanent, Roots, Seen, Snapshot, VerifyError, growth_budget,
};
pub use crate::object::{
    AddressHasher, AllocRequest, Allocation, DropFn, EdgeSink, Header, HeaderWord, Intact, Measured, Object, ObjectMap,
    ObjectRef, ObjectSet, OwnedBytesFn, RelocateFn, Relocation, Shape, Slot, SlotSink, TraceFn, TypeInfo, prefetch,
};
pub use crate::region::{
    Buffer, CardBudget, Cards, Hole, HoleAllocator, LinePolicy, NO_STAMP, Noted, Room, Sweep, Swept, file, is_wasteful,
    sweep, sweep_blocks,
};
pub use crate::{memory, object};
