//! What happens in a heap, told to whoever listens.
//!
//! The vocabulary follows that of tracing tools for collectors: a pause begins with `Requested`, ends with `Resumed`,
//! and the phases between them are marked when they end. Events are stamped when they happen and delivered when the
//! pause is over, because a listener is user code and must not run in the middle of a collection. Without a listener
//! nothing is recorded.

use std::time::Instant;

/// How much a collection looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum CollectionKind {
    /// What was allocated since the last collection; collectors without generations do a full one.
    Minor,
    /// The whole heap.
    Full,
}

/// One thing that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A pause began: the program has stopped.
    PauseStart,
    /// A collection of this kind began.
    PrepareGc(CollectionKind),
    /// Roots and logs were traced or counted.
    RootsTraced,
    /// Everything reachable was marked, copied or counted.
    HeapTraced,
    /// An increment of marking ended before everything was reached.
    IncrementEnded,
    /// Weak cells of dead objects were cleared.
    WeakCleared,
    /// Drop glue of dead objects was run.
    DropGlueRun {
        /// How many objects were dropped.
        objects: usize,
    },
    /// The bytes that survived.
    LiveDataSize {
        /// Bytes, headers included.
        bytes: usize,
    },
    /// The bytes that the heap holds from the system, counted against its limit: told when a pause begins and when it
    /// ends.
    HeapResized {
        /// Bytes.
        bytes: usize,
    },
    /// The collection could not be completed because the system refused memory; nothing was reclaimed.
    Abandoned,
    /// The pause ended: the program goes on.
    PauseEnd,
}

#[cfg(feature = "conformance")]
impl EventKind {
    /// Takes a note of the event in the trail of a check.
    pub(super) fn leave_a_note(&self, heap: u64) {
        use crate::trail::{Note, count, note};
        let event = match self {
            EventKind::PauseStart => {
                count(Note::Pauses);
                note(Note::Heap, heap);
                note(Note::Kind, 0);
                0
            }
            EventKind::PrepareGc(kind) => {
                note(Note::Kind, 1 + *kind as u64);
                1
            }
            EventKind::RootsTraced => 2,
            EventKind::HeapTraced => 3,
            EventKind::IncrementEnded => 4,
            EventKind::WeakCleared => 5,
            EventKind::DropGlueRun { .. } => 6,
            EventKind::LiveDataSize { .. } => 7,
            EventKind::HeapResized { .. } => 8,
            EventKind::Abandoned => 9,
            EventKind::PauseEnd => 10,
        };
        note(Note::Event, event);
    }
}

/// An event and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub kind: EventKind,
}

/// Receives events, after each pause.
pub type Listener = Box<dyn FnMut(&Event)>;

/// The events of the pause in progress.
#[derive(Default)]
pub struct Events {
    listener: Option<Listener>,
    pending: Vec<Event>,
    /// Somebody else than the listener reads them.
    #[cfg(feature = "telemetry")]
    always: bool,
}

impl Events {
    pub(crate) fn push(&mut self, kind: EventKind) {
        #[cfg(feature = "telemetry")]
        let is_read = self.always || self.listener.is_some();
        #[cfg(not(feature = "telemetry"))]
        let is_read = self.listener.is_some();
        if is_read {
            self.pending.push(Event { at: Instant::now(), kind });
        }
    }

    pub(crate) fn set_listener(&mut self, listener: Option<Listener>) {
        self.pending.clear();
        self.listener = listener;
    }

    /// Whether events are recorded without a listener too.
    #[cfg(feature = "telemetry")]
    pub(super) fn record_always(&mut self, always: bool) {
        self.always = always;
    }

    /// What happened in the pause that ends.
    #[cfg(feature = "telemetry")]
    pub(super) fn pending(&self) -> &[Event] {
        &self.pending
    }

    /// Whether somebody listens.
    pub(crate) fn has_listener(&self) -> bool {
        self.listener.is_some()
    }

    /// Calls the listener for every pending event. A listener that panics is not called again for these events.
    pub(crate) fn deliver(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        if let Some(listener) = &mut self.listener {
            for event in pending.drain(..) {
                listener(&event);
            }
        }
        pending.clear();
        self.pending = pending;
    }
}
