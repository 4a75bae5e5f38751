//! `sweep`: every collector at several heap sizes, and what it costs at least at each.

use std::process::ExitCode;

use clap::Args;

use super::minheap::{self, SizedOptions};
use crate::analysis::overhead::{self, Cost, Curve, Point, Space};
use crate::cli::Programs;
use crate::contestants::Contestant;
use crate::contestants::collector::Collector;
use crate::record::Status;
use crate::run::agenda::Agenda;
use crate::run::minheap::Wish;
use crate::run::session::Session;
use crate::run::sweep::{Sizes, Sweep};
use crate::text::{format, quantity};

/// Options of `sweep`.
#[derive(Debug, Args)]
pub struct SweepOptions {
    /// The workloads, separated by commas; `snapshot:FILE` for a heap dump of yours, or the name of a set
    #[arg(long, value_name = "NAMES", value_parser = crate::cli::programs)]
    workloads: Programs,
    /// How many heap sizes, from 2 to 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=20), default_value_t = 7)]
    points: u8,
    /// The largest size, relative to the least, from 2 to 100
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u8).range(2..=100), default_value_t = 6)]
    range: u8,
    /// The least size, with suffix K, M or G; it is then not searched for
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    least: Option<u64>,
    /// How often each runs
    #[arg(long, short = 'n', value_name = "N", value_parser = quantity::invocations, default_value = "3")]
    invocations: u32,
    /// What commands that try several heap sizes share.
    #[command(flatten)]
    sized: SizedOptions,
}

/// Sweeps.
///
/// # Errors
/// One sentence for the user.
pub fn sweep(options: SweepOptions) -> Result<ExitCode, String> {
    let sizes = Sizes::spaced(options.points.into(), options.range.into(), options.least);
    let prepared = minheap::prepare(options.workloads.0, options.sized, true, false)?;
    let nominee = nominee(&prepared.plan.jobs.iter().map(|job| job.key.contestant).collect::<Vec<_>>())
        .ok_or("nothing reclaims: a sweep over heap sizes needs a collector that does")?;
    let agenda = Sweep::new(prepared.plan.clone(), sizes, options.invocations, nominee);
    Ok(minheap::conclude(agenda, prepared, |agenda, session| table(agenda, session, nominee)))
}

/// Whose least heap the sizes are relative to: the simplest collector that compacts nothing and keeps no room for
/// copies, if it is there, else the first that reclaims.
pub(super) fn nominee(contestants: &[Contestant]) -> Option<Contestant> {
    let marksweep = Contestant::Collector(Collector::MARKSWEEP);
    let first = contestants.iter().copied().find(|contestant| contestant.reclaims());
    if contestants.contains(&marksweep) { Some(marksweep) } else { first }
}

/// Columns of figures that fit beside names.
const COLUMNS: usize = 8;

fn table(agenda: &Sweep, session: &Session, nominee: Contestant) -> String {
    let spaces = overhead::spaces(agenda.results(&session.records));
    let mut lines = Vec::new();
    for space in &spaces {
        let search = agenda.search().searches().iter().find(|search| search.key.program == space.program);
        let least = format::bytes(space.limits[0]);
        let origin =
            if search.is_some() { format!("the least heap of {}", nominee.label()) } else { "as given".to_owned() };
        lines.push(format!("{}: 1.00 is {least}, {origin}", space.program));
        for (title, of) in figures() {
            block(space, title, of, &mut lines);
        }
    }
    for search in agenda.search().searches() {
        if let Wish::Failed(why) = search.wish() {
            lines.push(format!("{}: not swept, its least heap was not found: {why}", search.key.program));
            lines.push(String::new());
        }
    }
    if spaces.len() > 1 {
        lines.push("All of them, geometric mean of lower-bound overheads".to_owned());
        for (title, of) in figures() {
            means(&spaces, title, of, &mut lines);
        }
    }
    let legend = "Overhead: time relative to the least that any collector at any size took apart from its pauses: what \
        collecting costs at least. oom: out of memory, slow: did not end in time; both are results.";
    lines.extend(format::wrap(legend, 80));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

type Of = fn(&Cost) -> f64;

fn figures() -> [(&'static str, Of); 2] {
    [("processor time, overhead", |cost| cost.cpu), ("elapsed time, overhead", |cost| cost.wall)]
}

fn block(space: &Space, title: &str, of: Of, lines: &mut Vec<String>) {
    let places: Vec<usize> = (0..space.limits.len()).collect();
    for places in places.chunks(COLUMNS) {
        let heads = places.iter().map(|place| format!("{:>6}x", format::ratio(space.multiple(space.limits[*place]))));
        lines.push(format!("  {title:<25}{}", heads.collect::<String>()));
        for Curve { contestant, points, unlimited } in &space.curves {
            let mut cells: String =
                places.iter().map(|place| format!("{:>7}", cell(points[*place].as_ref(), of))).collect();
            if points.iter().all(Option::is_none) {
                cells = format!("{:>7}  without a limit", cell(unlimited.as_ref(), of));
            }
            lines.push(format!("  {:<25}{cells}", contestant.label()));
        }
        lines.push(String::new());
    }
}

fn means(spaces: &[Space], title: &str, of: Of, lines: &mut Vec<String>) {
    let places: Vec<usize> = (0..spaces[0].limits.len()).collect();
    for places in places.chunks(COLUMNS) {
        let heads =
            places.iter().map(|place| format!("{:>6}x", format::ratio(spaces[0].multiple(spaces[0].limits[*place]))));
        lines.push(format!("  {title:<25}{}", heads.collect::<String>()));
        for Curve { contestant, points, .. } in &spaces[0].curves {
            if points.iter().any(Option::is_some) {
                let mean = |place: &usize| overhead::mean_over_programs(spaces, *contestant, *place, of);
                let cells =
                    places.iter().map(|place| format!("{:>7}", mean(place).map_or("-".to_owned(), format::ratio)));
                lines.push(format!("  {:<25}{}", contestant.label(), cells.collect::<String>()));
            }
        }
        lines.push(String::new());
    }
}

fn cell(point: Option<&Point>, of: Of) -> String {
    match point {
        None => "-".to_owned(),
        Some(Point::Finished(cost)) => format::ratio(of(cost)),
        Some(Point::DidNotComplete(status)) => match status {
            Status::OutOfMemory => "oom".to_owned(),
            Status::Timeout => "slow".to_owned(),
            Status::Unsupported => "n/a".to_owned(),
            _ => "failed".to_owned(),
        },
    }
}
