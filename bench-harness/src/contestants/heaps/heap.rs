//! A heap under measurement: the collector by name, the pauses as they happen, the totals when it is dropped.
//!
//! Programs are driven through a trait whose methods cannot fail, and a heap with a limit can. A program therefore
//! allocates by the fallible forms inside `try_mutate`, which collects and retries once, and what then still does not
//! fit unwinds to [`guarded`] without a message: running out of memory is a result here, not an accident.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use heap_core::events::{CollectionKind, Event, EventKind, Listener};
use heap_core::{AllocError, CollectorChoice, Heap, HeapOptions, Mutator, Root, Rootable, Statistics, collector};

use super::Failure;
use crate::contestants::collector::{Collector, Mode};
use crate::contestants::meter::Meter;
use crate::contestants::meter::telling::HeapNow;
use crate::contestants::meter::timeline::{PauseKind, Span};
use crate::recording::Recorder;
use crate::workloads::event_loop::Latencies;

/// How to make a heap for one run.
#[derive(Clone)]
pub(super) struct Setup {
    mode: Mode,
    /// What makes a collector with settings.
    choice: Option<CollectorChoice>,
    limit: Option<usize>,
    meter: Rc<RefCell<Meter>>,
    probe: Probe,
    /// Who gets the first heap, where it is to be recorded.
    recorder: Option<Rc<FirstHeap>>,
}

/// A recorder for the first heap that a program makes, and how many it makes.
#[derive(Debug)]
pub(super) struct FirstHeap {
    recorder: RefCell<Option<Recorder>>,
    pub(super) heaps: Cell<u32>,
}

impl FirstHeap {
    pub(super) fn new(recorder: Recorder) -> Rc<Self> {
        Rc::new(FirstHeap { recorder: RefCell::new(Some(recorder)), heaps: Cell::new(0) })
    }
}

/// Whether to look, by a full collection, how much is alive after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// No: a run to be measured.
    Never,
    /// After each so many batches.
    Every(u32),
}

/// A heap whose pauses and totals are recorded.
pub(super) struct Measured<R: ?Sized> {
    heap: Heap<R>,
    setup: Setup,
    /// What of this heap's peak the meter knows.
    noted: u64,
    batches: u32,
}

/// Runs a program with heaps that record into `meter`, and turns running out of memory into a result.
///
/// # Errors
/// [`Failure::OutOfMemory`], or what the program reports.
pub(super) fn guarded<T>(
    collector: Collector,
    limit: Option<u64>,
    probe: Probe,
    meter: &mut Meter,
    program: impl FnOnce(&Setup) -> Result<T, Failure>,
) -> Result<T, Failure> {
    guarded_and_recorded(collector, None, limit, probe, meter, program)
}

/// As [`guarded`], with somebody else for the first heap.
pub(super) fn guarded_and_recorded<T>(
    collector: Collector,
    recorder: Option<Rc<FirstHeap>>,
    limit: Option<u64>,
    probe: Probe,
    meter: &mut Meter,
    program: impl FnOnce(&Setup) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let shared = Rc::new(RefCell::new(std::mem::take(meter)));
    let limit = limit.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let setup =
        Setup { mode: collector.mode(), choice: collector.choice(), limit, meter: shared.clone(), probe, recorder };
    // The heap is dropped while unwinding; nothing else is shared with the closure.
    let result = catch_unwind(AssertUnwindSafe(|| program(&setup)));
    *meter = std::mem::take(&mut shared.borrow_mut());
    result.unwrap_or_else(|payload| match payload.downcast::<AllocError>() {
        Ok(error) => Err(Failure::OutOfMemory(error.to_string())),
        Err(payload) => resume_unwind(payload),
    })
}

fn out_of_memory(error: AllocError) -> ! {
    // No hook, no message: `guarded` is waiting for it.
    resume_unwind(Box::new(error))
}

impl Setup {
    /// Makes the heap.
    pub(super) fn heap<R, F>(&self, root: F) -> Measured<R>
    where
        R: ?Sized + for<'gc> Rootable<'gc>,
        F: for<'gc> FnOnce(&'gc Mutator<'gc>) -> Result<Root<'gc, R>, AllocError>,
    {
        let mut heap = Heap::<R>::try_with_options(self.options(), self.collector(), root)
            .unwrap_or_else(|error: AllocError| out_of_memory(error));
        heap.set_listener(Some(self.listener(&heap.statistics())));
        Measured { heap, setup: self.clone(), noted: 0, batches: 0 }
    }

    /// A collector for a heap; for a program that makes its heap itself.
    pub(super) fn collector(&self) -> Box<dyn collector::Collector> {
        if let Some(first) = &self.recorder {
            first.heaps.set(first.heaps.get() + 1);
            if let Some(recorder) = first.recorder.take() {
                return Box::new(recorder);
            }
        }
        self.choice.as_ref().map_or_else(|| self.mode.make(), CollectorChoice::make)
    }

    /// The options of a heap.
    pub(super) fn options(&self) -> HeapOptions {
        let mut options = HeapOptions::default();
        options.limit = self.limit;
        options
    }

    /// Whether to look how much is alive.
    pub(super) fn probe(&self) -> Probe {
        self.probe
    }

    /// Tells the meter how much was alive after a full collection.
    pub(super) fn note_live(&self, statistics: &Statistics) {
        let mut meter = self.meter.borrow_mut();
        meter.probed_live_bytes = meter.probed_live_bytes.max(statistics.live_bytes);
    }

    /// Tells the meter the totals of a heap that ends, of whose peak it knows `noted` bytes.
    pub(super) fn note_end(&self, statistics: &Statistics, noted: u64) {
        let mut meter = self.meter.borrow_mut();
        meter.collections += statistics.collections();
        meter.note_peak(noted, statistics.peak_heap_bytes);
        meter.note_peak(statistics.peak_heap_bytes, 0);
    }

    /// Who records a heap's pauses, as soon as it is made.
    pub(super) fn listener(&self, made: &Statistics) -> Listener {
        let mut meter = self.meter.borrow_mut();
        // Making a large root can end in a pause, before anybody listens. It is one at most.
        if made.pauses > 0 {
            let length = u64::try_from(made.pause_time.as_nanos()).unwrap_or(u64::MAX);
            let start = meter.since_begin_ns(Instant::now()).saturating_sub(length);
            meter.pauses.record(Span::pause(start, length, PauseKind::Step));
        }
        meter.note_held(0, made.heap_bytes);
        let id = meter.telling.as_mut().map_or(0, |telling| telling.heap_made(made.heap_bytes));
        let now = HeapNow { id, held: made.heap_bytes, ..HeapNow::default() };
        let mut watch = Watch { meter: self.meter.clone(), now, pause: None };
        Box::new(move |event: &Event| watch.see(event))
    }

    /// Runs a program whose requests are timed.
    pub(super) fn latencies<T>(&self, program: impl FnOnce(&mut Latencies) -> T) -> T {
        let mut latencies = Latencies::default();
        let result = program(&mut latencies);
        self.meter.borrow_mut().latencies = latencies;
        result
    }
}

/// Puts the events of one heap together to pauses.
struct Watch {
    meter: Rc<RefCell<Meter>>,
    /// What is known of the heap now.
    now: HeapNow,
    pause: Option<(Instant, Span)>,
}

impl Watch {
    fn see(&mut self, event: &Event) {
        let mut meter = self.meter.borrow_mut();
        if event.kind == EventKind::PauseStart {
            let start = meter.since_begin_ns(event.at);
            self.pause = Some((event.at, Span::pause(start, 0, PauseKind::Step)));
        }
        let Some((start, pause)) = &mut self.pause else { return };
        self.now.collections += u64::from(matches!(event.kind, EventKind::PrepareGc(_)));
        match event.kind {
            EventKind::PrepareGc(CollectionKind::Minor) if pause.kind == PauseKind::Step => {
                pause.kind = PauseKind::Minor;
            }
            // A young collection that does not suffice is followed by a full one in the same pause.
            EventKind::PrepareGc(_) => pause.kind = PauseKind::Full,
            EventKind::LiveDataSize { bytes } => {
                self.now.live = bytes as u64;
                pause.live = Some(bytes as u64);
            }
            EventKind::HeapResized { bytes } => {
                let held = meter.note_held(self.now.held, bytes as u64);
                self.now.held = bytes as u64;
                pause.held_before = pause.held_before.or(Some(held));
                pause.held_after = Some(held);
            }
            EventKind::PauseEnd => {
                let length = event.at - *start;
                pause.length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
                pause.paused_ns = pause.length_ns;
                meter.pauses.record(*pause);
                self.now.last_pause_ns = pause.length_ns;
                if let Some(telling) = &mut meter.telling {
                    telling.pause_ended(self.now, event.at);
                }
                self.pause = None;
            }
            _ => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut meter = self.meter.borrow_mut();
        meter.note_held(self.now.held, 0);
        if let Some(telling) = &mut meter.telling {
            telling.heap_gone(self.now.id);
        }
    }
}

impl<R: ?Sized + for<'gc> Rootable<'gc>> Measured<R> {
    /// One batch: one `mutate`, run once more after a collection when the heap was full. The closure must be able to
    /// start again.
    #[inline]
    pub(super) fn batch<T>(
        &mut self,
        f: impl for<'gc> FnMut(&'gc Mutator<'gc>, &'gc Root<'gc, R>) -> Result<T, AllocError>,
    ) -> T {
        let result = match self.heap.try_mutate(f) {
            Ok(result) => result,
            Err(error) => out_of_memory(error),
        };
        if let Probe::Every(batches) = self.setup.probe {
            self.look(batches);
        }
        result
    }

    #[cold]
    fn look(&mut self, every: u32) {
        self.batches += 1;
        if self.batches.is_multiple_of(every) {
            self.heap.collect();
            self.setup.note_live(&self.heap.statistics());
        }
    }

    /// Tells the meter this heap's peak while it lives, for programs that have several heaps.
    pub(super) fn note_peak(&mut self) {
        let peak = self.heap.statistics().peak_heap_bytes;
        self.setup.meter.borrow_mut().note_peak(self.noted, peak);
        self.noted = peak;
    }

    /// A full collection.
    pub(super) fn collect(&mut self) {
        self.heap.collect();
    }

    /// Notes how many objects were garbage and still there after the last full collection.
    pub(super) fn leaked(&mut self, objects: u64) {
        self.setup.meter.borrow_mut().leaked_objects = Some(objects);
    }

    /// The heap itself.
    pub(super) fn heap(&mut self) -> &mut Heap<R> {
        &mut self.heap
    }
}

impl<R: ?Sized> Drop for Measured<R> {
    fn drop(&mut self) {
        self.setup.note_end(&self.heap.statistics(), self.noted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::meter::Pauses;
    use heap_core::{Gc, Lock};

    type Numbers = Rootable![Gc<'_, [Lock<Option<Gc<'_, u64>>>]>];

    /// As many pauses as the heap itself counts, those at its making included.
    #[test]
    fn no_pause_is_missed() {
        for collector in Collector::ALL {
            let mut meter = Meter::default();
            let statistics = guarded(collector, None, Probe::Never, &mut meter, |setup| {
                // 40 MB: enough that every collector finds a collection due.
                let mut heap: Measured<Numbers> =
                    setup.heap(|mc| Gc::try_new_slice_with(mc, 5_000_000, |_| Lock::new(None)));
                for number in 0..100_000 {
                    heap.batch(|mc, _| Gc::try_new(mc, number).map(drop));
                }
                heap.collect();
                Ok(heap.heap().statistics())
            });
            let statistics = statistics.unwrap();
            let Pauses { durations, timeline } = &meter.pauses;
            assert_eq!(durations.count(), statistics.pauses, "{collector:?}");
            assert_eq!(timeline.spans().iter().map(|span| span.pauses).sum::<u64>(), statistics.pauses);
            let (ours, theirs) = (durations.total_ns() as f64, statistics.pause_time.as_nanos() as f64);
            assert!(ours <= theirs && theirs - ours < 0.1 * theirs + 1e6, "{collector:?}: {ours} of {theirs} ns");
            // The last pause was the collection that was asked for.
            let last = timeline.spans().last().unwrap();
            let kind = if collector.reclaims() { PauseKind::Full } else { PauseKind::Step };
            assert_eq!(last.kind, kind, "{collector:?}");
            assert_eq!(last.held_after, Some(statistics.heap_bytes), "{collector:?}");
            assert!(last.held_before >= last.held_after, "{collector:?}: {last:?}");
            assert_eq!(meter.note_held(0, 0), 0, "{collector:?}: a heap that is gone holds nothing");
        }
    }
}
