//! How deep a sink is inside the value that it is shown, and what of it waits. Why, is told where values
//! [descend](crate::Tracer::descend).

use core::ptr::NonNull;

/// Levels that are traced by calling. Each costs the frames of one type's containers: a few hundred bytes, or a few
/// thousand without optimisation, so that all of them fit the smallest stack that threads are given.
pub(crate) const DEPTH_MAX: u32 = 32;

/// Entries whose memory is kept for the next deep value.
const KEEP: usize = 1024;

/// Where a sink is inside the value that it is shown, and what of it is left.
///
/// Between two calls of `trace` or `relocate` the depth is zero and nothing waits: the outermost descent sees to that.
pub(crate) struct Descent<S> {
    depth: u32,
    waiting: Vec<Waiting<S>>,
}

/// A value that was too deep, and the function that shows it to the sink.
struct Waiting<S> {
    value: NonNull<()>,
    show: unsafe fn(NonNull<()>, &mut S),
}

// SAFETY: a sink goes to another thread only between two calls of `trace` or `relocate`, and then nothing waits. Within
// a call, the pointers are used by the thread that made them.
unsafe impl<S> Send for Descent<S> {}

impl<S> Default for Descent<S> {
    fn default() -> Self {
        Descent { depth: 0, waiting: Vec::new() }
    }
}

impl<S> Descent<S> {
    /// Whether the sink is between two values, with nothing left to do.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.depth == 0 && self.waiting.is_empty()
    }

    /// Goes one level down. False when that is deep enough.
    #[inline]
    pub(crate) fn enter(&mut self) -> bool {
        let may = self.depth < DEPTH_MAX;
        self.depth += u32::from(may);
        may
    }

    /// Comes back up. True when this was the outermost level and there is something left to do.
    #[inline]
    pub(crate) fn leave(&mut self) -> bool {
        self.depth -= 1;
        self.depth == 0 && !self.waiting.is_empty()
    }

    /// Notes a value for later. False when the system refuses memory.
    #[cold]
    pub(crate) fn wait(&mut self, value: NonNull<()>, show: unsafe fn(NonNull<()>, &mut S)) -> bool {
        let granted = !crate::fault::refuse() && self.waiting.try_reserve(1).is_ok();
        if granted {
            self.waiting.push(Waiting { value, show });
        }
        granted
    }
}

/// Shows a sink everything that waits. `descent` finds the state in the sink.
///
/// # Safety
/// The values that wait must be alive, and accessible as their functions demand.
#[cold]
pub(crate) unsafe fn show_waiting<S>(sink: &mut S, descent: fn(&mut S) -> &mut Descent<S>) {
    // These values are one level down, so that what they show does not come here again.
    descent(sink).depth = 1;
    while let Some(Waiting { value, show }) = descent(sink).waiting.pop() {
        // SAFETY: the caller's promise.
        unsafe { show(value, sink) };
    }
    let descent = descent(sink);
    descent.depth = 0;
    descent.waiting.shrink_to(KEEP);
}
