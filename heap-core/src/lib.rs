//! A private, garbage-collected heap behind one safe typed API, with interchangeable collectors.
//!
//! A [`Heap`] owns all objects and data structures that live in it; its API is the only way to allocate there, and
//! nothing is ever released by hand. Which collector reclaims the garbage is an expression, chosen when the heap is
//! made and not visible in any type: reference counting (`gc-refcount`), mark-sweep (`gc-marksweep`), generational
//! copying (`gc-generational`), or none ([`NoGc`], in this crate).
//!
//! ```
//! use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace, store};
//!
//! // A type whose values live in the heap. `'gc` brands its pointers: they cannot leave the heap.
//! #[derive(Trace)]
//! struct Node<'gc> {
//!     value: u64,
//!     next: Lock<Option<Gc<'gc, Node<'gc>>>>, // a field that changes sits in a lock
//! }
//!
//! // The root keeps everything else alive.
//! let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(NoGc::default(), |mc| {
//!     Gc::new(mc, Node { value: 0, next: Lock::new(None) })
//! })?;
//!
//! heap.mutate(|mc, root| {
//!     let node = Gc::new(mc, Node { value: 1, next: Lock::new(None) });
//!     store!(mc, root.next, Some(node)); // through the write barrier: there is no other way
//!     assert_eq!(root.next.get().unwrap().value, 1);
//! }); // a safepoint: here the heap collects, by itself, when it is due
//! # Ok::<(), heap_core::AllocError>(())
//! ```
//!
//! # Where to begin
//!
//! [`guide`] is a book: [a start in ten minutes](guide::start), then a chapter for each thing that has to be understood. A program
//! that was written for gc-arena moves by renames: [`guide::from_gc_arena`].
//!
//! # Why it is safe
//!
//! 1. **Pointers are branded.** The closure given to [`Heap::mutate`] must work for every lifetime `'gc`, and a
//!    [`Gc<'gc, T>`](Gc) is invariant in it. So a pointer can be stored in objects of the same heap and nowhere else:
//!    not in a variable outside, not in another heap, not in the result of the closure.
//! 2. **Mutation or collection, never both.** Objects move and die only at safepoints, and everything that contains a
//!    safepoint takes `&mut Heap`. While any `Gc` exists, the heap is borrowed; when a collection runs, no `Gc` is on
//!    any Rust stack. Roots are therefore exact, and moving objects is as safe as freeing them.
//! 3. **A store needs a proof.** Fields change only inside [`Lock`], [`RefLock`] and [`OnceLock`], which open only
//!    through a [`Write`], which exists only after the write barrier of that object ran. A store without a barrier is a
//!    type error.
//! 4. **Dead objects run no code of their own.** A traced type cannot implement `Drop`, so no destructor can follow a
//!    pointer into a dead neighbour. Fields that own plain data (`String`, `Vec<u8>`) are dropped when the object dies.
//!
//! Users write no `unsafe`. [`Trace`] is unsafe to implement and derived by `#[derive(Trace)]`.
//!
//! # What there is
//!
//! | for | use |
//! |---|---|
//! | objects, slices, strings | [`Gc::new`], [`Gc::new_slice`], [`Gc::new_slice_with`], [`Gc::new_str`]; each with a `try_` form |
//! | slices of vectors, of iterators, made in place; objects that know themselves | [`Gc::from_vec`], [`Gc::from_iter`], [`SliceBuilder`], [`Gc::new_cyclic`] |
//! | a value and a slice in one object | [`Gc::new_header_slice`], [`HeaderSlice`] |
//! | values of a type that is chosen at run time | [`dyn_trace!`], `Box<dyn Trait<'gc> + 'gc>`, [`GcDyn`], [`WeakDyn`], [`new_dyn!`] |
//! | an object under another type | [`unsize!`], [`Gc::upcast`], [`Gc::downcast`] |
//! | changing fields | [`store!`], [`field!`], [`Gc::write`], [`Lock`], [`RefLock`], [`OnceLock`] |
//! | weak pointers, values that live as long as a key | [`Gc::downgrade`], [`Weak`], [`Ephemeron`] |
//! | identity | [`Gc::ptr_eq`], [`Gc::identity_hash`] |
//! | something to be done when an object is dead | [`FinalizerQueue`] |
//! | a say in what dies | [`Heap::mark`], [`Heap::collect_with`], [`Finalization`] |
//! | roots between calls of `mutate` | [`Mutator::stash`], [`Mutator::fetch`], [`Handle`]; [`Rebrand`] |
//! | roots that live as long as an object does | [`RootSet`], [`SetHandle`] |
//! | looks into a heap that is being looked at | [`Heap::view`], [`Heap::poll`] |
//! | what is loaded once, and never collected | [`Heap::freeze`] |
//! | heaps on other threads | [`Heap::into_sendable`], [`SendHeap`] |
//! | a full heap as a result | [`Heap::try_mutate`], [`Heap::reserve`], [`HeapOptions::with_limit`] |
//! | memory outside the heap | `owned_bytes`, derived; [`ExternalBytes`], [`Mutator::charge_external`] |
//! | a collector and its settings from the command line | [`Collectors`], [`CollectorChoice`] |
//! | asking for a collection | [`Heap::idle`], [`Heap::collect`], [`Heap::collect_minor`], [`Heap::step`], [`Mutator::request_collection`] |
//! | looking inside | [`Heap::statistics`], [`Heap::set_listener`], [`Heap::verify`], [`Heap::inspect`], [`Heap::report`], [`Heap::dump`]: see [`inspect`]; with the feature `registry` all heaps of a process, with `telemetry` from outside of it |
//! | debugging your `Trace` | [`HeapOptions::with_zeal`], [`HeapOptions::with_verify`] |
//!
//! Every pointer is one word, `Option<Gc<T>>` too; an object costs eight bytes of header (slices sixteen).
//!
//! # Limits
//!
//! * Inside one `mutate` nothing is reclaimed. A program that allocates much should return from it often: an empty call
//!   costs a few nanoseconds. [`Mutator::should_yield`] says when the heap would like it.
//! * A heap belongs to one thread at a time. It [moves](Heap::into_sendable) to another as a whole, if all that was ever in it
//!   may.
//! * A brand is as good as the compiler's lifetimes. There are old holes in them (rust-lang/rust#25860, #84366,
//!   #152489), through which a program without `unsafe` that looks for them lengthens any lifetime, and so a brand as
//!   well: a pointer then leaves its `mutate` and dangles. None is met by accident; [`Rootable`](trait@Rootable) says
//!   what they look like.
//! * Drop glue recurses as everywhere in Rust: one object that owns a chain of a million boxes can be collected, moved
//!   and verified, but must be taken apart before it dies. Chains of objects have no such limit.
//! * 64-bit platforms only; the process reserves addresses for all its heaps in advance (64 TiB, or what it may have).
//!
//! # For authors of collectors
//!
//! [`guide::collectors`] writes five collectors, one in each chapter. [`collector`] is the other half of this crate: the interface,
//! the memory, the marking loop. The feature `conformance` adds a kit of property tests and regressions that every collector must pass.

extern crate self as heap_core;

#[doc(hidden)]
pub mod __private;
mod api;
pub mod collections;
pub mod collector;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod death;
pub mod engine;
pub mod error;
pub mod fault;
pub mod guide;
pub mod inspect;
pub mod machine;
pub mod memory;
pub mod object;
pub mod region;
pub mod trace;
#[cfg(feature = "conformance")]
mod trail;

pub use api::alloc::SliceBuilder;
pub use api::casts::{GcDyn, WeakDyn};
pub use api::ephemeron::Ephemeron;
pub use api::external::ExternalBytes;
pub use api::finalizer::FinalizerQueue;
#[doc(hidden)]
pub use api::gc::DynPointee;
pub use api::gc::{Gc, Pointee};
pub use api::handle::{Handle, HasFamily, Pointer};
pub use api::header_slice::HeaderSlice;
pub use api::heap::Heap;
pub use api::inspection::{Inspection, Reference};
pub use api::lock::{Lock, OnceLock, RefLock};
pub use api::marked::{Finalization, MarkedHeap};
pub use api::mutator::Mutator;
pub use api::root_set::{RootSet, SetHandle, WrongSet};
#[doc(hidden)]
pub use api::rootable::__DynRootable;
pub use api::rootable::{Root, Rootable};
pub use api::send::{NotSendable, SendHeap};
pub use api::weak::Weak;
pub use api::write::{Unlock, Write};
pub use error::{AllocError, AllocErrorKind};
pub use heap_core_derive::Trace;
#[doc(hidden)]
pub use heap_core_derive::{__dyn_trace, __unelide_lifetimes};
pub use machine::events::CollectionKind;
#[cfg(feature = "registry")]
pub use machine::registry;
pub use machine::settings::{CollectorChoice, Collectors, SettingsError};
#[cfg(feature = "telemetry")]
pub use machine::telemetry;
pub use machine::{Capabilities, HeapOptions, NoGc, Statistics, events};
pub use trace::{Content, Downcast, Facts, HasPrefix, Known, Rebrand, Relocator, Static, Trace, Tracer};

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
