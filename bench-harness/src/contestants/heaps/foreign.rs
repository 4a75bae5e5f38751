//! Workloads of other crates: what they run on.
//!
//! Such a program is one function. It makes its heaps by [`Bench::heap`], which chooses collector and limit and records
//! what the heaps do, uses them like any heap, and returns a checksum. The workloads of this crate are driven through
//! traits because peers run them too; a foreign one has no peers, so nothing stands between it and its heap.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use heap_core::{AllocError, Heap, Mutator, Root, Rootable};

use super::Failure;
use super::heap::Setup;
use crate::workloads::{Outcome, Size};

/// A program of another crate: makes heaps, works, and returns the checksum of what it computed.
///
/// The checksum must depend on the size only: not on the collector, on addresses or on the clock. Running out of memory
/// is a result and ends the function with the heap's error.
pub type Run = fn(&Bench<'_>) -> Result<u64, AllocError>;

static RUNS: OnceLock<Vec<(&'static str, Run)>> = OnceLock::new();

/// Sets how they run.
///
/// # Panics
/// When it was set before.
pub(crate) fn set(runs: Vec<(&'static str, Run)>) {
    assert!(RUNS.set(runs).is_ok(), "the workloads of other crates are added once");
}

/// Runs the workload of that name.
pub(super) fn run(setup: &Setup, name: &str, size: Size) -> Result<Outcome, Failure> {
    let runs = RUNS.get().map_or(&[][..], Vec::as_slice);
    let Some((_, run)) = runs.iter().find(|(known, _)| *known == name) else {
        return Err(Failure::Unsupported("this program does not have that workload".to_owned()));
    };
    match run(&Bench { setup, size }) {
        Ok(checksum) => Ok(Outcome { checksum, allocated_objects: None, allocated_bytes: None }),
        Err(error) => Err(Failure::OutOfMemory(error.to_string())),
    }
}

/// What a workload of another crate runs on: says how large it shall be, and makes its heaps.
pub struct Bench<'a> {
    setup: &'a Setup,
    size: Size,
}

impl Bench<'_> {
    /// How much work to do: small ends in milliseconds, classic takes about a second, large ten times as long.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Makes a heap with the collector and the limit that were chosen. Its pauses and its peak are recorded until it is
    /// dropped.
    ///
    /// # Errors
    /// When the root does not fit into the limit.
    pub fn heap<R, F>(&self, root: F) -> Result<BenchHeap<'_, R>, AllocError>
    where
        R: ?Sized + for<'gc> Rootable<'gc>,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>) -> Result<Root<'gc, R>, AllocError>,
    {
        let mut heap = Heap::<R>::try_with_options(self.setup.options(), self.setup.collector(), root)?;
        heap.set_listener(Some(self.setup.listener(&heap.statistics())));
        Ok(BenchHeap { heap, setup: self.setup })
    }
}

/// A heap that is measured; otherwise a [`Heap`].
///
/// Its listener is in use: a program that sets another one is measured without pauses.
pub struct BenchHeap<'a, R: ?Sized> {
    heap: Heap<R>,
    setup: &'a Setup,
}

impl<R: ?Sized> Deref for BenchHeap<'_, R> {
    type Target = Heap<R>;

    fn deref(&self) -> &Heap<R> {
        &self.heap
    }
}

impl<R: ?Sized> DerefMut for BenchHeap<'_, R> {
    fn deref_mut(&mut self) -> &mut Heap<R> {
        &mut self.heap
    }
}

impl<R: ?Sized> Drop for BenchHeap<'_, R> {
    fn drop(&mut self) {
        self.setup.note_end(&self.heap.statistics(), 0);
    }
}
