//! What a program did to its heap, in a file: to run it again on other collectors.
//!
//! A heap dump is one moment. A *trace* is the whole life of a heap: which objects were made, how large, what was
//! stored where, which roots came and went. [`Recorder`] is a collector that writes one: give it to any program on
//! [`heap_core`] in place of its collector, and `bench-harness replay FILE` runs what it wrote on all of them.
//! ([`Trace`] reads it.)
//!
//! ```
//! use bench_harness::recording::{Recorder, Trace};
//! use heap_core::{Gc, Heap, Lock, Rootable, store};
//!
//! let file = tempfile::tempfile()?;
//! let recorder = Recorder::new(file.try_clone()?, u64::MAX);
//! let report = recorder.report();
//! let mut heap = Heap::<Rootable![Gc<'_, Lock<Option<Gc<'_, u64>>>>]>::new(recorder, |mc| Gc::new(mc, Lock::new(None)))?;
//! heap.mutate(|mc, root| root.set(mc, Some(Gc::new(mc, 7))));
//! drop(heap);
//!
//! // One of them holds the root.
//! assert_eq!(report.outcome()?.objects, 3);
//! let mut file = file;
//! std::io::Seek::rewind(&mut file)?;
//! assert_eq!(Trace::read(&mut file, u64::MAX)?.totals().stores, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **What is an event.** The write barrier tells a collector of the *first* write to an object and of no other, so what
//! is recorded are the net changes of each `mutate`: an object made, with its size; a slot that holds something else at
//! the end than at the beginning; a root likewise. That is what coalescing counting sees, and what makes a trace small.
//! Objects that are dead when the `mutate` ends in which they were made are recorded with their size only.
//!
//! **What is lost**, and said by [`NOT_REPRODUCED`]: values, destructors, finalizers, weak pointers and ephemerons as
//! such, time between operations, reads.
//!
//! The form of the file is in `format`, the collector in `recorder`.

mod format;
mod recorder;
#[cfg(test)]
mod recorder_tests;
mod roots;
mod shadow;
mod tape;
mod trace;

pub(crate) use format::Numbers;
pub use format::{MAGIC, TraceError, is_trace};
pub use recorder::Recorder;
pub use tape::Report;
pub use trace::{Step, Steps, Totals, Trace};

/// What a replay of a trace cannot reproduce, for people.
pub const NOT_REPRODUCED: &str = "\
A trace has what was made, what was stored where and which roots there were, as
it was at the end of each `mutate`. A replay has none of this: what a program
computed and read; time between operations; several stores to one slot within a
`mutate`; destructors and finalizers; weak pointers and maps, which are plain
objects here (what only they kept alive is made anew when it is seen again); the
contents of buffers. Vectors that objects own become objects of their own, every
object has a header of 16 bytes, and objects that are named again later are
found by weak pointers, which cost time and a cell.";
