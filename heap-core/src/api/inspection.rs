//! Looks into a whole heap, from outside: a dump.

use std::io;

use super::heap::Heap;
use crate::inspect::{DumpSummary, dump};

impl<R: ?Sized> Heap<R> {
    /// Writes everything that the program can reach as a `.heapsnapshot`: a file for the memory panel of Chrome's developer
    /// tools, with the names of types and, where `Trace` is derived, of fields. What is garbage is not in it, collected or
    /// not. What the columns mean is said in [`inspect`](crate::inspect#a-dump).
    ///
    /// Nothing is collected and nothing changes. Costs four looks at everything reachable. Besides the file's strings, which are
    /// names out of the program's source, it needs half a kilobyte for each block of 32 KiB in use.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Tree<'gc> {
    ///     left: Lock<Option<Gc<'gc, Tree<'gc>>>>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![Gc<'_, Tree<'_>>]>::new(NoGc::default(), |mc| {
    ///     let leaf = Gc::new(mc, Tree { left: Lock::new(None) });
    ///     Gc::new(mc, Tree { left: Lock::new(Some(leaf)) })
    /// })?;
    /// let mut file = Vec::new();
    /// let summary = heap.dump(&mut file)?;
    /// assert_eq!((summary.objects, summary.edges), (3, 3)); // the root object is one
    /// assert!(String::from_utf8(file)?.contains("\"left\""));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The writer's: a full disk, a closed pipe. What was written until then is no file of that kind. And
    /// [`OutOfMemory`](io::ErrorKind::OutOfMemory), when the system refuses the memory for the trace.
    pub fn dump(&mut self, mut to: impl io::Write) -> io::Result<DumpSummary> {
        let reached = self.machine.reached().map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
        dump(self.machine.parts().1.core, &reached, &mut to)
    }
}
