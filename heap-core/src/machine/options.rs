//! What a program can ask of a heap, independent of the collector.

use crate::memory::Retirement;

/// Options of a heap. `HeapOptions::default()` has no limit and no checking.
///
/// ```
/// use heap_core::HeapOptions;
/// let options = HeapOptions::default().with_limit(64 << 20).with_verify(true);
/// assert_eq!(options.limit, Some(64 << 20));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HeapOptions {
    /// Hard limit in bytes for what the heap holds: blocks and large objects. Allocation fails rather than exceed it.
    pub limit: Option<usize>,
    /// Bytes of address space to have from the beginning, and never more. By default a heap has its limit, or 16 MiB, and
    /// grows as long as no other heap is in the way: up to eight times its limit, or 64 GiB. That it stays alone is sure for
    /// the first thousand heaps of a process; under a limit of the address space (`ulimit -v`) a heap gets an eighth of
    /// what is left, unless it says here that it wants more.
    pub reservation: Option<usize>,
    /// Collect at every safepoint, alternating minor and full collections: slow, and finds missing barriers and roots.
    pub zeal: bool,
    /// Verify the whole heap after every pause and panic when an invariant is broken: very slow.
    pub verify: bool,
    /// Fill reclaimed memory with `0xDD` before it is reused. Always on in builds with debug assertions.
    pub poison: bool,
    /// Near the limit, a full collection is futile when it looked at more than this many times the bytes that were handed
    /// out since the last one, or that it reclaimed. After eight futile ones in a row allocations fail with
    /// [`AllocErrorKind::Futile`](crate::AllocErrorKind::Futile) instead of being collected for again and again; `None` for
    /// never. Collections that the program asks for do not count. Default: 32.
    pub overhead_limit: Option<u32>,
    /// Ask the system for huge pages once the heap holds more than 8 MiB (Linux, where they are not switched off): fewer
    /// page faults and faster access, for up to 2 MiB more of resident memory. On by default. A program that needs the
    /// last microsecond of its longest pause may not want them: on a virtual machine the first touch of one can take 40
    /// milliseconds. That is paid for by all others: four programs with incremental marking took 1.3 to 2.4 times the processor time without.
    pub huge_pages: bool,
    /// Let no other heap get what this one leaves behind. Otherwise up to 64 KiB of a dropped heap pass as they are to one
    /// made later, which never shows them to safe code. Costs the writing of what the heap had touched, or the system's.
    pub wipe: bool,
}

impl Default for HeapOptions {
    fn default() -> Self {
        HeapOptions {
            limit: None,
            reservation: None,
            zeal: false,
            verify: false,
            poison: false,
            overhead_limit: Some(32),
            huge_pages: true,
            wipe: false,
        }
    }
}

impl HeapOptions {
    /// Sets the hard limit in bytes.
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// Sets the bytes of address space to reserve.
    pub fn with_reservation(mut self, bytes: usize) -> Self {
        self.reservation = Some(bytes);
        self
    }

    /// Collects at every safepoint.
    pub fn with_zeal(mut self, on: bool) -> Self {
        self.zeal = on;
        self
    }

    /// Verifies the heap after every pause.
    pub fn with_verify(mut self, on: bool) -> Self {
        self.verify = on;
        self
    }

    /// Fills reclaimed memory before it is reused.
    pub fn with_poison(mut self, on: bool) -> Self {
        self.poison = on;
        self
    }

    /// Sets from which overhead on a full collection is futile; `None` switches the check off.
    pub fn with_overhead_limit(mut self, times: Option<u32>) -> Self {
        self.overhead_limit = times;
        self
    }

    /// Asks the system for huge pages, or not.
    pub fn with_huge_pages(mut self, on: bool) -> Self {
        self.huge_pages = on;
        self
    }

    /// Wipes the heap's memory when the heap is dropped, or not.
    pub fn with_wipe(mut self, on: bool) -> Self {
        self.wipe = on;
        self
    }

    /// What becomes of the heap's memory. Who looks for errors wants a pointer that outlived its heap to be noticed.
    pub(crate) fn retirement(&self) -> Retirement {
        if self.poisons() || self.verify || cfg!(heap_core_sanitized) {
            Retirement::Sealed
        } else if self.wipe {
            Retirement::Wiped
        } else {
            Retirement::Warm
        }
    }

    /// Whether reclaimed memory is filled before reuse.
    pub fn poisons(&self) -> bool {
        self.poison || cfg!(debug_assertions)
    }
}
