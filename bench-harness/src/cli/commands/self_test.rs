//! `self-test`: whether this machine, today, can tell what is different from what is the same.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::analysis::stats::Ratio;
use crate::contestants::Contestant;
use crate::record::journal::Journal;
use crate::record::key::{Key, Setting};
use crate::run::inputs::Inputs;
use crate::run::interrupt;
use crate::run::job::Job;
use crate::run::runtimes::Runtimes;
use crate::run::self_test::{EXTRA_PERCENT, Outcome, SelfTest, Series};
use crate::run::session::{self, Ended, Settings};
use crate::text::{format, quantity};
use crate::workloads::program::Program;
use crate::workloads::{Size, Workload};

/// Options of `self-test`.
#[derive(Debug, Args)]
pub struct SelfTestOptions {
    /// The collector
    #[arg(long, value_name = "NAME", value_parser = Contestant::from_name, default_value = "marksweep")]
    collector: Contestant,
    /// Half the 95 % interval that every ratio may have, in percent; half of what is to be found is enough
    #[arg(long, value_name = "PERCENT", value_parser = quantity::percentage, default_value = "2.5%")]
    precision: f64,
    /// End a run that takes longer; in seconds or with suffix s, m or h
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, default_value = "60")]
    timeout: Duration,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// How often the program does its rounds more than once, in percent: 2,500 times, which take three tenths of a second.
/// With a tenth, one test of three ended without an answer where three others compiled on two cores, at ±2.5 % after 60
/// invocations.
const ROUNDS_PERCENT: u32 = 249_900;

/// Runs the test: exit status 0 if it passed, 1 if not, 2 if the machine is too noisy to say.
///
/// # Errors
/// One sentence for the user.
pub fn self_test(options: &SelfTestOptions) -> Result<ExitCode, String> {
    let program = Program::Workload(Workload::Queue);
    let setting = Setting { size: Size::Small, ..Setting::default() };
    let key = Key { program, contestant: options.collector, setting };
    let job = Job { extra_percent: ROUNDS_PERCENT, ..Job::new(key, 1, 0) };
    let mut test = SelfTest::new(job, options.precision);
    let settings = Settings {
        timeout: options.timeout,
        quiet: options.quiet,
        inputs: Inputs::default(),
        runtimes: Runtimes::default(),
    };
    let session = session::run(&mut test, &settings, &mut Journal::default(), |_| Ok(()));
    match session.ended {
        Ended::Complete | Ended::ReaderLeft => {}
        Ended::Interrupted => {
            super::complain("interrupted");
            return Ok(ExitCode::from(interrupt::EXIT_STATUS));
        }
        Ended::Failed(error) => {
            super::complain(&error.to_string());
            return Ok(ExitCode::from(super::FAILED));
        }
    }
    let outcome = test.outcome(&session.records);
    let text = text(options, &test.found(&session.records), &outcome);
    if let Err(error) = super::print(&text)
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        super::complain(&error.to_string());
        return Ok(ExitCode::from(super::FAILED));
    }
    Ok(match outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::TooNoisy => ExitCode::from(super::TOO_NOISY),
        Outcome::NotRun(_) | Outcome::FalseAlarm | Outcome::Missed => ExitCode::from(super::FAILED),
    })
}

fn text(options: &SelfTestOptions, series: &[Series], outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    let ratio = |ratio: Ratio| match ratio.evidence {
        Some(evidence) => format!(
            "{:.3} ±{} %, {}",
            ratio.value,
            format::percent(evidence.half_width()),
            if evidence.shows_a_difference() { "a difference" } else { "no difference shown" }
        ),
        None => format!("{:.3}", ratio.value),
    };
    for Series { invocations, same, more } in series {
        lines.push(format!(
            "{} of {} on {}, processor time:",
            format::plural(*invocations as usize, "invocation"),
            Workload::Queue.name(),
            options.collector.label()
        ));
        lines.push(format!("  the same, over itself        {}", ratio(*same)));
        lines.push(format!("  {EXTRA_PERCENT} % more work, over without  {}", ratio(*more)));
    }
    lines.push(match outcome {
        Outcome::Passed => "Passed: equals look equal, and what is more work is found.".to_owned(),
        Outcome::NotRun(why) => format!("FAILED: a run did not end properly: {why}"),
        Outcome::TooNoisy => format!(
            "This machine is too noisy: after {} invocations the ratios are not known to ±{} %. Close other programs.",
            crate::run::agenda::MOST_INVOCATIONS,
            format::percent(options.precision)
        ),
        Outcome::FalseAlarm => {
            "FAILED: equals look different, twice. Trust no small difference of this machine.".to_owned()
        }
        Outcome::Missed => format!("FAILED: {EXTRA_PERCENT} % more work was not found."),
    });
    let wrapped = |line: &String| if line.starts_with(' ') { vec![line.clone()] } else { format::wrap(line, 80) };
    lines.iter().flat_map(wrapped).map(|line| line + "\n").collect()
}
