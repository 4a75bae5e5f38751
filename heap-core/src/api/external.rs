//! [`ExternalBytes`]: what an object owns outside the heap and its fields cannot tell.

use core::cell::Cell;

use crate::trace::{Known, Relocator, Trace, Tracer};

/// Stands for memory that an object owns outside the heap and none of its fields can tell the size of: a texture, a file
/// that is mapped, a buffer of a foreign library. A field of this type makes the object count for so many bytes against
/// the heap's limit and in its pacing, for as long as the object is alive.
///
/// Vectors, strings, boxes and maps tell their size by themselves.
///
/// ```
/// use heap_core::{ExternalBytes, Gc, Heap, NoGc, Rootable, Static, Trace};
///
/// #[derive(Trace)]
/// struct Texture {
///     name: Static<u32>, // of the graphics library
///     pixels: ExternalBytes,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Texture>]>::new(NoGc::default(), |mc| {
///     Gc::new(mc, Texture { name: Static(7), pixels: ExternalBytes::new(1024 * 1024 * 4) })
/// })?;
/// assert!(heap.statistics().outside_bytes >= 1024 * 1024 * 4);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Debug, Default)]
pub struct ExternalBytes(Cell<usize>);

impl ExternalBytes {
    /// So many bytes.
    pub const fn new(bytes: usize) -> Self {
        ExternalBytes(Cell::new(bytes))
    }

    /// How many bytes it stands for.
    pub fn get(&self) -> usize {
        self.0.get()
    }

    /// Changes the number of bytes. The heap learns of it at the next full collection; to tell it at once, call
    /// [`Mutator::charge_external`](crate::Mutator::charge_external) with the difference too.
    pub fn set(&self, bytes: usize) {
        self.0.set(bytes);
    }
}

impl Drop for ExternalBytes {
    /// Does nothing. That the type has drop glue is what makes the heap keep a list of the objects that contain it.
    fn drop(&mut self) {}
}

// SAFETY: it holds no pointer into the heap. `owned_bytes` reads a cell, at safepoints of the heap's own thread.
unsafe impl<'gc> Trace<'gc> for ExternalBytes {
    type Facts = Known<false, false>;

    fn trace(&self, _: &mut Tracer<'gc>) {}

    fn relocate(&mut self, _: &mut Relocator<'gc>) {}

    fn owned_bytes(&self) -> usize {
        self.0.get()
    }
}
