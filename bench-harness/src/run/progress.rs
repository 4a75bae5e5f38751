//! What a waiting person sees on standard error: a bar on a terminal, otherwise one plain line per run.
//!
//! Standard output stays clean for the results. The bar advances by the nominal time of each run, so that its estimate
//! is not fooled by many short runs before a few long ones.
//!
//! Below the bar stands what the heaps of the running program hold just now, a line for each, or their sum where they
//! are many. The program is asked for that only where there is a bar to show it under
//! ([`telling`](crate::contestants::meter::telling)).

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::analysis::summary;
use crate::contestants::meter::telling::{HeapNow, Heaps};
use crate::record::{Record, Status};
use crate::run::agenda::{Agenda, Step};
use crate::run::job::Job;
use crate::run::plan;
use crate::text::format;

/// Shows how far a comparison is.
#[derive(Debug)]
pub struct Progress {
    view: View,
    runs: usize,
    finished: usize,
}

#[derive(Debug)]
enum View {
    Bar(ProgressBar, HeapLines),
    Lines,
    Nothing,
}

/// The lines below the bar.
#[derive(Clone, Debug)]
pub struct HeapLines {
    screen: MultiProgress,
    lines: Arc<Mutex<Vec<ProgressBar>>>,
}

impl HeapLines {
    fn new(screen: MultiProgress) -> Self {
        let lines = Self { screen, lines: Arc::default() };
        lines.write(&[]);
        lines
    }

    /// Shows what the heaps of the running program hold.
    pub fn show(&self, heaps: &Heaps) {
        self.write(&text_of(heaps));
    }

    /// There is always one line, so that what stands above does not move whenever a run begins.
    fn write(&self, texts: &[String]) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.len() < texts.len().max(1) {
            let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            lines.push(self.screen.add(ProgressBar::new(0).with_style(style)));
        }
        while lines.len() > texts.len().max(1) {
            lines.pop().into_iter().for_each(|line| self.screen.remove(&line));
        }
        for (number, line) in lines.iter().enumerate() {
            line.set_message(texts.get(number).cloned().unwrap_or_default());
        }
    }
}

/// What the lines say: the figures that matter most come first, because a narrow terminal cuts them off.
fn text_of(heaps: &Heaps) -> Vec<String> {
    let collections = |number: u64| format::plural(usize::try_from(number).unwrap_or(usize::MAX), "collection");
    let one = |HeapNow { held, live, collections: number, last_pause_ns, .. }: &HeapNow| {
        let pause = format::ms(*last_pause_ns as f64);
        format!("{}, {}, pause {pause} ms, {} live", format::bytes(*held), collections(*number), format::bytes(*live))
    };
    match &heaps.largest[..] {
        [] => Vec::new(),
        [heap] if heaps.count == 1 => vec![format!("heap {}", one(heap))],
        all if heaps.count == all.len() => all.iter().map(|heap| format!("heap {} {}", heap.id, one(heap))).collect(),
        _ => {
            let count = format::plural(heaps.count, "heap");
            vec![format!("{count} {}, {}", format::bytes(heaps.held), collections(heaps.collections))]
        }
    }
}

/// How often the bar is redrawn. The measured program shares the machine with it.
const REDRAWS_PER_SECOND: u8 = 4;

impl Progress {
    /// Announces an agenda; with `quiet` shows nothing at all.
    #[must_use]
    pub fn new(agenda: &dyn Agenda, quiet: bool) -> Self {
        let view = if quiet {
            View::Nothing
        } else if io::stderr().is_terminal() {
            let planned = agenda.estimate();
            let total = u64::try_from(planned.as_millis()).unwrap_or(u64::MAX);
            let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
            let bar = screen.add(ProgressBar::new(total));
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {elapsed} of about {whole}  {wide_msg}") {
                bar.set_style(style.with_key("whole", move |state: &ProgressState, text: &mut dyn fmt::Write| {
                    // Before the first run has ended nothing is known but the plan.
                    let whole = if state.pos() == 0 { planned } else { state.duration() };
                    let _ = write!(text, "{:#}", HumanDuration(whole));
                }));
            }
            bar.enable_steady_tick(Duration::from_secs(1));
            View::Bar(bar, HeapLines::new(screen))
        } else {
            View::Lines
        };
        let progress = Self { view, runs: 0, finished: 0 };
        progress.line(&agenda.summary());
        progress
    }

    /// More is to be run, and after that about so much is left.
    pub fn extend(&mut self, step: &Step) {
        self.runs += step.jobs.len();
        if let View::Bar(bar, _) = &self.view {
            let left = step.jobs.iter().map(plan::nominal).sum::<Duration>() + step.remaining;
            bar.set_length(bar.position() + u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(note) = &step.note {
            self.line(note);
        }
    }

    /// A run begins.
    pub fn begin(&self, job: &Job) {
        if let View::Bar(bar, lines) = &self.view {
            lines.write(&[]);
            let (number, program) = (self.finished + 1, &job.key.program);
            bar.set_message(format!("{number}/{} {program} {}", self.runs, job.key.contestant.label()));
        }
    }

    /// A run ended.
    pub fn finish(&mut self, job: &Job, record: &Record) {
        self.finished += 1;
        match &self.view {
            View::Bar(bar, _) => {
                bar.inc(u64::try_from(plan::nominal(job).as_millis()).unwrap_or(0));
                if !matches!(record.measurement.status, Status::Ok | Status::Unsupported) {
                    self.line(&outcome(record));
                }
            }
            View::Lines => self.line(&format!("{}/{} {}", self.finished, self.runs, outcome(record))),
            View::Nothing => {}
        }
    }

    /// Prints something elsewhere without disturbing the bar.
    pub fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.view {
            View::Bar(_, lines) => lines.screen.suspend(print),
            View::Lines | View::Nothing => print(),
        }
    }

    /// Removes the bar and what stands below it.
    pub fn end(&self) {
        if let View::Bar(bar, lines) = &self.view {
            lines.write(&[]);
            bar.finish_and_clear();
            let _ = lines.screen.clear();
        }
    }

    /// Where to show what the heaps of the running program hold: where there is a bar.
    #[must_use]
    pub fn heap_lines(&self) -> Option<HeapLines> {
        match &self.view {
            View::Bar(_, lines) => Some(lines.clone()),
            View::Lines | View::Nothing => None,
        }
    }

    fn line(&self, text: &str) {
        let text = format::printable(text);
        match &self.view {
            View::Nothing => {}
            // Nobody may be reading; that is no reason to stop measuring.
            View::Bar(_, lines) => lines.screen.suspend(|| drop(writeln!(io::stderr(), "{text}"))),
            View::Lines => drop(writeln!(io::stderr(), "{text}")),
        }
    }
}

/// One line about a run that ended.
fn outcome(record: &Record) -> String {
    let measurement = &record.measurement;
    let how = match (&measurement.status, measurement.wall_ns) {
        (Status::Ok, Some(wall)) => format!("{} ms", format::ms(wall as f64)),
        _ => summary::explain(record),
    };
    format!("{} {}: {how}", record.key.program, record.key.contestant.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_most_fits_a_narrow_terminal() {
        let heap = |id: u64| HeapNow { id, held: 12_900_000, live: 5 << 20, collections: 41, last_pause_ns: 1_234_567 };
        assert_eq!(text_of(&Heaps::of([heap(1)])), ["heap 12.3 MiB, 41 collections, pause 1.23 ms, 5 MiB live"]);
        let two = text_of(&Heaps::of([heap(1), heap(2)]));
        assert!(two.len() == 2 && two[1].starts_with("heap 2 12.3 MiB"), "{two:?}");
        assert_eq!(text_of(&Heaps::of((0..2_000).map(heap))), ["2,000 heaps 24.0 GiB, 82,000 collections"]);
        assert_eq!(text_of(&Heaps::default()), [""; 0]);
    }
}
