//! The pauses along a run, and the memory held before and after each: when, not only how long.
//!
//! There can be millions of pauses, and a record should stay small. So the list is bounded: when it is full, neighbours
//! that together span no more than a *resolution* are fused, and the resolution doubles until half of the list is free.
//! What remains is exact where it matters: a pause longer than the resolution is never part of anything else, a fused
//! span knows how long the program stood still in it, and no span is longer than the resolution unless it is one pause.
//! A utilisation over a window is therefore wrong by at most twice the resolution over the window. A run with fewer
//! pauses than [`MOST_SPANS`] has resolution 0: every span is one pause.

use serde::{Deserialize, Serialize};

/// The list never holds more.
pub const MOST_SPANS: usize = 2048;

/// What a pause did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseKind {
    /// A collection of what is young, or of what was written since the last; for counting, an epoch.
    Minor,
    /// A collection of the whole heap, or its beginning.
    Full,
    /// A step of a collection that began before, or nothing that has a name.
    Step,
    /// Several pauses of different kinds.
    Mixed,
}

/// One pause, or several that were fused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it began, in nanoseconds since the run began.
    pub start_ns: u64,
    /// From its beginning to its end.
    pub length_ns: u64,
    /// How long the program stood still in it: for one pause its length.
    pub paused_ns: u64,
    /// How many pauses it is.
    pub pauses: u64,
    /// What they did.
    pub kind: PauseKind,
    /// Bytes that the heaps held when it began; of several pauses the most. `None` where nobody told.
    pub held_before: Option<u64>,
    /// Bytes that the heaps held when it ended; of several pauses the least.
    pub held_after: Option<u64>,
    /// Bytes that it found alive, if it looked at all; of several pauses the last that did.
    pub live: Option<u64>,
}

impl Span {
    /// One pause of which no more is known.
    #[must_use]
    pub fn pause(start_ns: u64, length_ns: u64, kind: PauseKind) -> Self {
        let (pauses, paused_ns) = (1, length_ns);
        Self { start_ns, length_ns, paused_ns, pauses, kind, held_before: None, held_after: None, live: None }
    }

    /// When it ended.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.length_ns)
    }

    /// Takes in what followed.
    fn fuse(&mut self, next: &Self) {
        let end = self.end_ns().max(next.end_ns());
        self.length_ns = end - self.start_ns;
        self.paused_ns = self.paused_ns.saturating_add(next.paused_ns).min(self.length_ns);
        self.pauses += next.pauses;
        if self.kind != next.kind {
            self.kind = PauseKind::Mixed;
        }
        self.held_before = self.held_before.max(next.held_before);
        self.held_after = [self.held_after, next.held_after].into_iter().flatten().min();
        self.live = next.live.or(self.live);
    }
}

/// The pauses along a run, in order, at most [`MOST_SPANS`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Columns", into = "Columns")]
pub struct Timeline {
    resolution_ns: u64,
    spans: Vec<Span>,
}

impl Timeline {
    /// Adds a pause that began after all others.
    pub fn push(&mut self, pause: Span) {
        if self.spans.len() == MOST_SPANS {
            self.thin();
        }
        self.append(pause);
    }

    fn append(&mut self, span: Span) {
        match self.spans.last_mut() {
            Some(last) if span.end_ns().saturating_sub(last.start_ns) <= self.resolution_ns => last.fuse(&span),
            _ => self.spans.push(span),
        }
    }

    /// Coarsens until half of the list is free.
    fn thin(&mut self) {
        const FINEST_NS: u64 = 1_000;
        while self.spans.len() > MOST_SPANS / 2 {
            self.resolution_ns = self.resolution_ns.saturating_mul(2).max(FINEST_NS);
            for span in std::mem::take(&mut self.spans) {
                self.append(span);
            }
        }
    }

    /// The spans in order.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The longest that a span of several pauses can be; 0 when every span is one pause.
    #[must_use]
    pub fn resolution_ns(&self) -> u64 {
        self.resolution_ns
    }
}

/// A timeline in JSON: a list per property, all of the same length, that names stand once and a chart can take them as
/// they are.
#[derive(Serialize, Deserialize)]
struct Columns {
    resolution_ns: u64,
    start_ns: Vec<u64>,
    length_ns: Vec<u64>,
    paused_ns: Vec<u64>,
    pauses: Vec<u64>,
    kind: Vec<PauseKind>,
    held_before_bytes: Vec<Option<u64>>,
    held_after_bytes: Vec<Option<u64>>,
    live_bytes: Vec<Option<u64>>,
}

impl From<Timeline> for Columns {
    fn from(Timeline { resolution_ns, spans }: Timeline) -> Self {
        let numbers = |of: fn(&Span) -> u64| spans.iter().map(of).collect();
        let known = |of: fn(&Span) -> Option<u64>| spans.iter().map(of).collect();
        Self {
            resolution_ns,
            start_ns: numbers(|span| span.start_ns),
            length_ns: numbers(|span| span.length_ns),
            paused_ns: numbers(|span| span.paused_ns),
            pauses: numbers(|span| span.pauses),
            kind: spans.iter().map(|span| span.kind).collect(),
            held_before_bytes: known(|span| span.held_before),
            held_after_bytes: known(|span| span.held_after),
            live_bytes: known(|span| span.live),
        }
    }
}

impl TryFrom<Columns> for Timeline {
    type Error = String;

    fn try_from(columns: Columns) -> Result<Self, String> {
        let Columns { resolution_ns, start_ns, length_ns, paused_ns, pauses, kind, .. } = &columns;
        let Columns { held_before_bytes, held_after_bytes, live_bytes, .. } = &columns;
        let count = start_ns.len();
        let others = [length_ns.len(), paused_ns.len(), pauses.len(), kind.len(), live_bytes.len()];
        if others.iter().chain(&[held_before_bytes.len(), held_after_bytes.len()]).any(|length| *length != count) {
            return Err("the lists of a timeline have different lengths".to_owned());
        }
        if !start_ns.is_sorted() {
            return Err("the pauses of a timeline are not in order".to_owned());
        }
        let spans = (0..count).map(|at| Span {
            start_ns: start_ns[at],
            length_ns: length_ns[at],
            paused_ns: paused_ns[at].min(length_ns[at]),
            pauses: pauses[at],
            kind: kind[at],
            held_before: held_before_bytes[at],
            held_after: held_after_bytes[at],
            live: live_bytes[at],
        });
        Ok(Self { resolution_ns: *resolution_ns, spans: spans.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn timeline(gaps_and_lengths: &[(u64, u64)]) -> (Timeline, Vec<Span>) {
        let (mut timeline, mut all, mut now) = (Timeline::default(), Vec::new(), 0);
        for &(gap, length) in gaps_and_lengths {
            let mut pause =
                Span::pause(now + gap, length, if length > 500 { PauseKind::Full } else { PauseKind::Minor });
            pause.held_before = Some(gap + length);
            pause.held_after = Some(length);
            now = pause.end_ns();
            timeline.push(pause);
            all.push(pause);
        }
        (timeline, all)
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let (timeline, all) = timeline(&vec![(10, 5); MOST_SPANS]);
        assert_eq!((timeline.resolution_ns(), timeline.spans()), (0, &*all));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn fusing_loses_no_pause_and_no_long_one(
            pauses in prop::collection::vec((0_u64..20_000, prop_oneof![0_u64..1_000, 0_u64..1_000_000]), MOST_SPANS..9_000)
        ) {
            let (timeline, all) = timeline(&pauses);
            let spans = timeline.spans();
            prop_assert!(spans.len() <= MOST_SPANS);
            prop_assert_eq!(spans.iter().map(|span| span.pauses).sum::<u64>(), all.len() as u64);
            let paused = |spans: &[Span]| spans.iter().map(|span| span.paused_ns).sum::<u64>();
            prop_assert_eq!(paused(spans), paused(&all));
            prop_assert_eq!(spans.iter().map(|span| span.held_before).max(), all.iter().map(|span| span.held_before).max());
            prop_assert!(spans.windows(2).all(|pair| pair[0].end_ns() <= pair[1].start_ns));
            for span in spans {
                prop_assert!(span.pauses == 1 || span.length_ns <= timeline.resolution_ns());
            }
            for long in all.iter().filter(|pause| pause.length_ns > timeline.resolution_ns()) {
                prop_assert!(spans.contains(long));
            }
            let text = serde_json::to_string(&timeline).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timeline>(&text).unwrap(), timeline);
        }
    }

    #[test]
    fn a_timeline_that_contradicts_itself_is_refused() {
        let (timeline, _) = timeline(&[(1, 2), (3, 4)]);
        let good = serde_json::to_string(&timeline).unwrap();
        for (part, replacement, says) in [
            ("\"pauses\":[1,1]", "\"pauses\":[1]", "lengths"),
            ("\"start_ns\":[1,6]", "\"start_ns\":[6,1]", "in order"),
        ] {
            let bad = good.replace(part, replacement);
            assert_ne!(bad, good);
            let sentence = serde_json::from_str::<Timeline>(&bad).unwrap_err().to_string();
            assert!(sentence.contains(says), "{sentence}");
        }
    }
}
