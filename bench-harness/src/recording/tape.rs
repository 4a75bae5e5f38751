//! The writing end of a trace, and what is told of it.
//!
//! Operations are collected and written in large pieces. What is written ends behind a *whole* operation of the
//! program: one that does not fit any more is taken back, so that a trace which becomes too long is well formed.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::format::{CONTROL, Control, MAGIC, OBJECT, OUTSIDE, SLOT, put, put_target, zigzag};
use super::trace::Totals;

/// Bytes that are collected before they are written.
const PIECE: usize = 64 << 10;

/// The most that the end of a trace takes.
const LAST_BYTES: usize = 64;

/// How a recording went, or goes.
#[derive(Clone, Debug, Default)]
pub struct Report(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    totals: Totals,
    bytes: u64,
    /// Why it ended early.
    error: Option<io::Error>,
    is_cut: bool,
    is_finished: bool,
}

impl Report {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was recorded, once the heap was dropped.
    ///
    /// # Errors
    /// When the file could not be written: what the system answered.
    pub fn outcome(&self) -> io::Result<Totals> {
        let mut state = self.state();
        match state.error.take() {
            Some(error) => Err(error),
            None => Ok(state.totals),
        }
    }

    /// Bytes of the trace.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Whether the trace ended before the program did, because it would have become too long.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// Whether the heap was dropped, and the trace is complete.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state().is_finished
    }

    pub(super) fn heap_is_gone(&self) {
        self.state().is_finished = true;
    }
}

/// The space whose slots are being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Roots,
    /// Of the object that was selected.
    Object,
    Outside,
}

/// The file.
pub(super) struct Tape {
    /// None when it is over: nothing is written any more, not even by what the writer does when it is dropped.
    out: Option<Box<dyn Write + Send>>,
    /// Operations that were not written yet.
    waiting: Vec<u8>,
    /// How many of these bytes are whole, and the sums up to there.
    whole: (usize, Totals),
    limit: u64,
    pub(super) totals: Totals,
    /// Bytes that were written.
    bytes: u64,
    space: Space,
    /// The object that slots are told of, and the next slot.
    object: u32,
    slot: u64,
    pub(super) report: Report,
}

impl Tape {
    pub(super) fn new(out: impl Write + Send + 'static, limit: u64) -> Self {
        let totals = Totals::default();
        Tape {
            out: Some(Box::new(out)),
            waiting: MAGIC.to_vec(),
            whole: (MAGIC.len(), totals),
            limit,
            totals,
            bytes: 0,
            space: Space::Roots,
            object: 0,
            slot: 0,
            report: Report::default(),
        }
    }

    #[inline]
    pub(super) fn operation(&mut self, kind: u64, number: u64) {
        put(number << 3 | kind, &mut self.waiting);
    }

    pub(super) fn control(&mut self, control: Control) {
        self.operation(CONTROL, control as u64);
    }

    /// Numbers behind an operation.
    pub(super) fn number(&mut self, number: u64) {
        put(number, &mut self.waiting);
    }

    /// The slots that follow are those of the object.
    fn select(&mut self, object: u32) {
        self.operation(OBJECT, zigzag(i64::from(object) - i64::from(self.object)));
        (self.space, self.object, self.slot) = (Space::Object, object, 0);
    }

    /// A slot of an object holds something else now.
    #[inline]
    pub(super) fn object_slot(&mut self, object: u32, slot: usize, target: u32) {
        if self.space != Space::Object || self.object != object || self.slot > slot as u64 {
            self.select(object);
        }
        self.next_slot(slot, target);
    }

    /// An object's references outside are so many, and the slots that follow are theirs.
    pub(super) fn outside(&mut self, object: u32, len: usize) {
        if self.space != Space::Object || self.object != object {
            self.select(object);
        }
        self.operation(OUTSIDE, len as u64);
        (self.space, self.slot) = (Space::Outside, 0);
    }

    /// The slots that follow are roots.
    pub(super) fn roots(&mut self) {
        self.control(Control::Roots);
        (self.space, self.object, self.slot) = (Space::Roots, 0, 0);
    }

    /// A slot behind those before holds something else now; nothing, if that is `NONE`.
    #[inline]
    pub(super) fn next_slot(&mut self, slot: usize, target: u32) {
        debug_assert!(slot as u64 >= self.slot, "slots ascend");
        self.operation(SLOT, slot as u64 - self.slot);
        put_target(target, self.object, &mut self.waiting);
        self.slot = slot as u64 + 1;
        self.totals.stores += 1;
    }

    /// Says that what was told so far is whole. The trace ends in front of that if it would become too long.
    pub(super) fn commit(&mut self) {
        if self.is_over() {
            return;
        }
        if self.bytes + (self.waiting.len() + LAST_BYTES) as u64 > self.limit {
            self.waiting.truncate(self.whole.0);
            self.totals = self.whole.1;
            self.report.state().is_cut = true;
            self.finish();
            return;
        }
        if self.waiting.len() >= PIECE {
            self.write();
        }
        self.whole = (self.waiting.len(), self.totals);
    }

    fn write(&mut self) {
        self.bytes += self.waiting.len() as u64;
        let waiting = std::mem::take(&mut self.waiting);
        self.ask(|out| out.write_all(&waiting));
        self.waiting = waiting;
        self.waiting.clear();
    }

    /// Asks something of the writer, which is the program's: when it fails, the trace is over. So it is when it panics,
    /// because a collector that is in the middle of a pause must come to its end.
    fn ask(&mut self, ask: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let Some(out) = &mut self.out else { return };
        let answer = catch_unwind(AssertUnwindSafe(|| ask(out))).unwrap_or_else(|payload| {
            // To drop it may be to panic again.
            std::mem::forget(payload);
            Err(io::Error::other("the writer of the trace panicked"))
        });
        if let Err(error) = answer {
            self.report.state().error = Some(error);
            self.close();
        }
    }

    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.out.is_none()
    }

    fn close(&mut self) {
        let out = self.out.take();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(out))) {
            std::mem::forget(payload);
        }
    }

    /// Writes the end.
    pub(super) fn finish(&mut self) {
        if !self.is_over() {
            self.control(Control::Last);
            let Totals { objects, stores, mutates, numbers, roots } = self.totals;
            [objects, stores, mutates, numbers, roots].into_iter().for_each(|sum| self.number(sum));
            self.write();
            self.ask(|out| out.flush());
            self.close();
        }
        let mut state = self.report.state();
        (state.totals, state.bytes) = (self.totals, self.bytes);
    }
}
