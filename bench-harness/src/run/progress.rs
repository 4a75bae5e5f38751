//! What a waiting person sees on standard error: a bar on a terminal, otherwise one plain line per run.
//!
//! Standard output stays clean for the results. The bar advances by the nominal time of each run, so that its estimate
//! is not fooled by many short runs before a few long ones.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::analysis::summary;
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
    Bar(ProgressBar),
    Lines,
    Nothing,
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
            let bar =
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {elapsed} of about {whole}  {wide_msg}") {
                bar.set_style(style.with_key("whole", move |state: &ProgressState, text: &mut dyn fmt::Write| {
                    // Before the first run has ended nothing is known but the plan.
                    let whole = if state.pos() == 0 { planned } else { state.duration() };
                    let _ = write!(text, "{:#}", HumanDuration(whole));
                }));
            }
            bar.enable_steady_tick(Duration::from_secs(1));
            View::Bar(bar)
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
        if let View::Bar(bar) = &self.view {
            let left = step.jobs.iter().map(plan::nominal).sum::<Duration>() + step.remaining;
            bar.set_length(bar.position() + u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(note) = &step.note {
            self.line(note);
        }
    }

    /// A run begins.
    pub fn begin(&self, job: &Job) {
        if let View::Bar(bar) = &self.view {
            let (number, program) = (self.finished + 1, &job.key.program);
            bar.set_message(format!("{number}/{} {program} {}", self.runs, job.key.contestant.label()));
        }
    }

    /// A run ended.
    pub fn finish(&mut self, job: &Job, record: &Record) {
        self.finished += 1;
        match &self.view {
            View::Bar(bar) => {
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
            View::Bar(bar) => bar.suspend(print),
            View::Lines | View::Nothing => print(),
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        if let View::Bar(bar) = &self.view {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.view {
            View::Nothing => {}
            // Nobody may be reading; that is no reason to stop measuring.
            View::Bar(bar) => bar.suspend(|| drop(writeln!(io::stderr(), "{text}"))),
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
