//! Fault injection: makes the system refuse memory for mark stacks, so that the handling of refusal is tested.
//!
//! Compiled to nothing unless the conformance kit or the crate's own tests are built.

#[cfg(any(test, feature = "conformance"))]
mod enabled {
    use std::cell::Cell;

    thread_local! {
        static REFUSE: Cell<bool> = const { Cell::new(false) };
    }

    /// Mark stacks of heaps on this thread are refused memory while `on`.
    pub fn refuse_mark_stacks(on: bool) {
        REFUSE.set(on);
    }

    pub(crate) fn refuse() -> bool {
        REFUSE.get()
    }
}

#[cfg(any(test, feature = "conformance"))]
pub(crate) use enabled::refuse;
#[cfg(any(test, feature = "conformance"))]
pub use enabled::refuse_mark_stacks;

#[cfg(not(any(test, feature = "conformance")))]
#[inline(always)]
pub(crate) fn refuse() -> bool {
    false
}
