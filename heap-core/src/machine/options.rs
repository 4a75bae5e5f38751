//! What a program can ask of a heap, independent of the collector.

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
    /// Bytes of address space to reserve; by default 64 GiB, or a multiple of the limit. Halved when the system refuses.
    pub reservation: Option<usize>,
    /// Collect at every safepoint, alternating minor and full collections: slow, and finds missing barriers and roots.
    pub zeal: bool,
    /// Verify the whole heap after every pause and panic when an invariant is broken: very slow.
    pub verify: bool,
    /// Fill reclaimed memory with `0xDD` before it is reused. Always on in builds with debug assertions.
    pub poison: bool,
    /// Ask the system for huge pages once the heap holds more than 8 MiB (Linux, where they are not switched off): fewer
    /// page faults and faster access, for up to 2 MiB more of resident memory. On by default; a program that needs the
    /// last microsecond of its worst case may not want the system to look for them.
    pub huge_pages: bool,
}

impl Default for HeapOptions {
    fn default() -> Self {
        HeapOptions { limit: None, reservation: None, zeal: false, verify: false, poison: false, huge_pages: true }
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

    /// Asks the system for huge pages, or not.
    pub fn with_huge_pages(mut self, on: bool) -> Self {
        self.huge_pages = on;
        self
    }

    /// Whether reclaimed memory is filled before reuse.
    pub fn poisons(&self) -> bool {
        self.poison || cfg!(debug_assertions)
    }
}
