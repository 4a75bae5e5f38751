//! What a program says of its heaps, read while it runs.
//!
//! The program is not ours and links `heap_core` with the feature `telemetry`; the form is described there. Nothing it
//! writes can hurt: a line that is none is counted and skipped, a heap that never ended has what its last pause said.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::time::Instant;

use serde::Deserialize;

use crate::contestants::meter::Meter;
use crate::contestants::meter::telling::{HeapNow, Heaps, PERIOD};
use crate::contestants::meter::timeline::{PauseKind, Span};

/// The version of the form that is read.
const VERSION: u32 = 1;

/// The longest line that is read: a pause has a few dozen phases.
const LONGEST_LINE: u64 = 64 << 10;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Pauses and totals, as our own heaps are metered.
    pub meter: Meter,
    /// What all heaps allocated, as far as their pauses and ends told.
    pub allocated_bytes: u64,
    /// How many heaps were made.
    pub heaps: u64,
    /// Lines that are none.
    pub not_understood: u64,
    /// The version of the form, if it is another one.
    pub other_version: Option<u32>,
    open: HashMap<u64, Heap>,
}

/// What is known of a heap that lives.
#[derive(Debug, Default)]
struct Heap {
    peak: u64,
    held: u64,
    live: u64,
    collections: u64,
    allocated: u64,
    last_pause_ns: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Version {
        heap_core_telemetry: u32,
    },
    Pause(Pause),
    End {
        heap: u64,
        end: End,
    },
    Made {
        heap: u64,
        #[serde(rename = "made")]
        _made: String,
    },
}

#[derive(Deserialize)]
struct Pause {
    heap: u64,
    at: u64,
    pause: u64,
    events: Vec<(String, u64)>,
    held: u64,
    live: u64,
    allocated: u64,
    collections: u64,
}

#[derive(Deserialize)]
struct End {
    peak: u64,
    allocated: u64,
    collections: u64,
}

impl Said {
    /// Reads to the end. Now and then, what the heaps hold just then is passed to `show`.
    pub(super) fn read(mut from: impl BufRead, show: impl Fn(&Heaps)) -> Self {
        let mut said = Self::default();
        let mut line = Vec::new();
        let mut shown = None;
        loop {
            line.clear();
            match from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {
                    said.take(&line);
                    if shown.is_none_or(|shown: Instant| shown.elapsed() >= PERIOD) {
                        shown = Some(Instant::now());
                        show(&said.now());
                    }
                }
            }
        }
        let lost: Vec<_> = said.open.drain().collect();
        lost.iter().for_each(|(_, heap)| said.close(heap));
        said
    }

    /// What the heaps hold, as far as they told.
    fn now(&self) -> Heaps {
        Heaps::of(self.open.iter().map(|(id, heap)| HeapNow {
            id: *id,
            held: heap.held,
            live: heap.live,
            collections: heap.collections,
            last_pause_ns: heap.last_pause_ns,
        }))
    }

    fn take(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(Line::Version { heap_core_telemetry: VERSION }) => {}
            Ok(Line::Version { heap_core_telemetry: other }) => self.other_version = Some(other),
            Ok(Line::Made { heap, .. }) => {
                self.heaps += 1;
                // A process that starts others has several heaps of one number.
                if let Some(before) = self.open.insert(heap, Heap::default()) {
                    self.close(&before);
                }
            }
            Ok(Line::Pause(pause)) => self.pause(&pause),
            Ok(Line::End { heap, end: End { peak, allocated, collections } }) => {
                let mut ended = self.open.remove(&heap).unwrap_or_default();
                self.meter.note_peak(ended.peak, peak);
                ended = Heap { peak, allocated, collections, ..ended };
                self.close(&ended);
            }
            Err(_) => self.not_understood += 1,
        }
    }

    fn pause(&mut self, pause: &Pause) {
        let heap = self.open.entry(pause.heap).or_default();
        let before = std::mem::replace(&mut heap.held, pause.held);
        let peak = heap.peak.max(pause.held);
        self.meter.note_peak(std::mem::replace(&mut heap.peak, peak), peak);
        let collected = pause.collections > heap.collections;
        (heap.collections, heap.allocated) = (pause.collections, pause.allocated);
        (heap.live, heap.last_pause_ns) = (pause.live, pause.pause);
        let held_before = self.meter.note_held(0, 0);
        let held_after = self.meter.note_held(before, pause.held);
        let has = |name: &str| pause.events.iter().any(|(event, _)| event == name);
        let kind = match () {
            () if has("full") => PauseKind::Full,
            () if has("minor") => PauseKind::Minor,
            () => PauseKind::Step,
        };
        let pauses = &mut self.meter.pauses;
        pauses.durations.record_ns(pause.pause);
        // Heaps of several threads pause at the same time, and a timeline is of one program: what was a pause already
        // is not one again.
        let start = pauses.timeline.spans().last().map_or(pause.at, |last| pause.at.max(last.end_ns()));
        if let Some(length) = pause.at.saturating_add(pause.pause).checked_sub(start) {
            pauses.timeline.push(Span {
                held_before: Some(held_before),
                held_after: Some(held_after),
                live: Some(pause.live).filter(|_| collected),
                ..Span::pause(start, length, kind)
            });
        }
    }

    /// A heap is no more.
    fn close(&mut self, heap: &Heap) {
        self.meter.collections += heap.collections;
        self.allocated_bytes += heap.allocated;
        self.meter.note_held(heap.held, 0);
        self.meter.note_peak(heap.peak, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heaps_are_added_up() {
        let text = r#"{"heap_core_telemetry":1}
{"heap":1,"at":0,"made":"generational","limit":null}
{"heap":1,"at":100,"pause":7,"events":[["minor",1],["heap_traced",3]],"held":1000,"live":10,"allocated":2000,"collections":1}
{"heap":2,"at":120,"made":"generational","limit":1048576,"more":[1]}
{"heap":2,"at":200,"pause":9,"events":[["full",1]],"held":500,"live":10,"allocated":600,"collections":1}
{"heap":1,"at":300,"end":{"held":1000,"peak":1200,"live":0,"allocated":2100,"collections":2,"pauses":1,"pause_ns":7}}
not a line
{"heap":2,"at":400,"pau"#;
        let said = Said::read(text.as_bytes(), |_| ());
        assert_eq!((said.heaps, said.not_understood, said.other_version), (2, 2, None));
        assert_eq!((said.meter.collections, said.allocated_bytes), (3, 2700));
        assert_eq!(said.meter.peak_heap_bytes, 1700);
        assert_eq!((said.meter.pauses.durations.count(), said.meter.pauses.durations.total_ns()), (2, 16));
        let kinds: Vec<_> = said.meter.pauses.timeline.spans().iter().map(|span| (span.start_ns, span.kind)).collect();
        assert_eq!(kinds, [(100, PauseKind::Minor), (200, PauseKind::Full)]);
    }

    #[test]
    fn pauses_at_the_same_time_are_one_in_the_timeline() {
        let pause = |heap: u64, at: u64, length: u64| {
            format!(
                r#"{{"heap":{heap},"at":{at},"pause":{length},"events":[],"held":0,"live":0,"allocated":0,"collections":0}}"#
            )
        };
        let said = Said::read([pause(1, 100, 50), pause(2, 90, 80), pause(3, 95, 10)].join("\n").as_bytes(), |_| ());
        let spans = said.meter.pauses.timeline.spans().iter().map(|span| (span.start_ns, span.length_ns));
        assert_eq!(spans.collect::<Vec<_>>(), [(100, 50), (150, 20)]);
        assert_eq!(said.meter.pauses.durations.total_ns(), 140);
    }

    #[test]
    fn another_version_is_told() {
        assert_eq!(Said::read(&b"{\"heap_core_telemetry\":2}\n"[..], |_| ()).other_version, Some(2));
    }

    #[test]
    fn nothing_is_nothing() {
        let said = Said::read(&b""[..], |_| ());
        assert_eq!((said.heaps, said.meter.pauses.durations.count()), (0, 0));
    }
}
