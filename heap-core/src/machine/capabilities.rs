//! What a collector promises, for programs that choose one and for the parts of a heap that depend on it.

/// What a collector promises.
///
/// ```
/// use heap_core::{Heap, NoGc, Rootable};
/// let mut heap = Heap::<Rootable![u64]>::new(NoGc::default(), |_| 1).unwrap();
/// assert!(!heap.capabilities().reclaims);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// A full collection frees what the program has lost, apart from cycles.
    pub reclaims: bool,
    /// A full collection frees cycles too.
    pub reclaims_cycles: bool,
    /// Objects may move at a safepoint.
    pub moves: bool,
    /// Objects have reference counts, and die when they fall to nothing.
    pub counts: bool,
    /// Collections run beside the program.
    pub concurrent: bool,
    /// Collections are spread over short pauses, and short pauses are what the program chose this collector for.
    pub incremental: bool,
    /// [`Heap::freeze`](crate::Heap::freeze) makes what is alive permanent. Without this it is a full collection.
    pub freezes: bool,
}

impl Capabilities {
    /// Those of a collector that promises nothing. Set what it does with struct update and the methods below.
    pub const NONE: Capabilities = Capabilities {
        reclaims: false,
        reclaims_cycles: false,
        moves: false,
        counts: false,
        concurrent: false,
        incremental: false,
        freezes: false,
    };
    /// Those of a collector that traces: everything that the program has lost is freed.
    pub const TRACING: Capabilities = Capabilities { reclaims: true, reclaims_cycles: true, ..Self::NONE };
    /// Those of a collector that counts references.
    pub const COUNTING: Capabilities = Capabilities { reclaims: true, counts: true, ..Self::NONE };

    /// The same, and objects may move.
    #[must_use]
    pub const fn and_moves(self) -> Self {
        Capabilities { moves: true, ..self }
    }

    /// The same, and what is alive can be made permanent.
    #[must_use]
    pub const fn and_freezes(self) -> Self {
        Capabilities { freezes: true, ..self }
    }

    /// The same, and collections are spread over short pauses, or not.
    #[must_use]
    pub const fn with_increments(self, incremental: bool) -> Self {
        Capabilities { incremental, ..self }
    }

    /// The same, and cycles are reclaimed, or not.
    #[must_use]
    pub const fn with_cycles(self, reclaimed: bool) -> Self {
        Capabilities { reclaims_cycles: reclaimed, ..self }
    }
}
