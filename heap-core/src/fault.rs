//! Fault injection: makes the system refuse memory for mark stacks, so that the handling of refusal is tested.
//!
//! Compiled to nothing unless the conformance kit or the crate's own tests are built.

#[cfg(any(test, feature = "conformance"))]
mod enabled {
    use std::cell::Cell;
    #[cfg(feature = "conformance")]
    use std::sync::atomic::{AtomicBool, Ordering};

    #[cfg(feature = "conformance")]
    static FIRST: AtomicBool = AtomicBool::new(false);

    thread_local! {
        static REFUSE: Cell<bool> = const { Cell::new(false) };
        static PATTERN: Cell<u64> = const { Cell::new(0) };
        static TIGHT: Cell<bool> = const { Cell::new(false) };
        static PAUSED: Cell<bool> = const { Cell::new(false) };
        static LISTS: Cell<bool> = const { Cell::new(false) };
    }

    /// Mark stacks of heaps on this thread are refused memory while `on`.
    pub fn refuse_mark_stacks(on: bool) {
        REFUSE.set(on);
    }

    /// Of the next requests for mark stacks on this thread, those are refused whose bit is set, the least bit first. Zero
    /// cancels.
    pub fn refuse_mark_stack_requests(pattern: u64) {
        PATTERN.set(pattern);
    }

    /// Mark stacks on this thread grow by a few entries at a time while `on`: stacks that are large at once ask too
    /// rarely for refusals to hit every place.
    pub fn tight_mark_stacks(on: bool) {
        TIGHT.set(on);
    }

    /// Lists that grow with the program (weak cells, drop glue, ephemerons, finalizers) are refused memory on this thread
    /// while `on`.
    pub fn refuse_lists_while(on: bool) {
        LISTS.set(on);
    }

    /// Heaps that are verified after every pause are verified before it, too: on all threads, from now on.
    #[cfg(feature = "conformance")]
    pub(crate) fn verify_pauses_first() {
        FIRST.store(true, Ordering::Relaxed);
    }

    #[cfg(feature = "conformance")]
    pub(crate) fn are_pauses_verified_first() -> bool {
        FIRST.load(Ordering::Relaxed)
    }

    pub(crate) fn refuse_lists() -> bool {
        LISTS.get() && !PAUSED.get()
    }

    /// Nothing is refused, and no refusal is used up, until this is dropped: for the verifier, which is not what is tested.
    pub(crate) struct Pause(bool);

    pub(crate) fn pause() -> Pause {
        Pause(PAUSED.replace(true))
    }

    impl Drop for Pause {
        fn drop(&mut self) {
            PAUSED.set(self.0);
        }
    }

    pub(crate) fn refuse() -> bool {
        if PAUSED.get() {
            return false;
        }
        let pattern = PATTERN.get();
        PATTERN.set(pattern >> 1);
        REFUSE.get() || pattern & 1 != 0
    }

    pub(crate) fn are_tight() -> bool {
        TIGHT.get()
    }
}

#[cfg(feature = "conformance")]
pub(crate) use enabled::{are_pauses_verified_first, verify_pauses_first};
#[cfg(any(test, feature = "conformance"))]
pub(crate) use enabled::{are_tight, pause, refuse, refuse_lists};
#[cfg(any(test, feature = "conformance"))]
pub use enabled::{refuse_lists_while, refuse_mark_stack_requests, refuse_mark_stacks, tight_mark_stacks};

#[cfg(not(any(test, feature = "conformance")))]
#[inline(always)]
pub(crate) fn refuse() -> bool {
    false
}

#[cfg(not(any(test, feature = "conformance")))]
#[inline(always)]
pub(crate) fn are_tight() -> bool {
    false
}

#[cfg(not(any(test, feature = "conformance")))]
#[inline(always)]
pub(crate) fn refuse_lists() -> bool {
    false
}

#[cfg(not(any(test, feature = "conformance")))]
pub(crate) struct Pause;

#[cfg(not(any(test, feature = "conformance")))]
#[inline(always)]
pub(crate) fn pause() -> Pause {
    Pause
}
