//! `advise`: which collector and settings fit a program, in plain words, with the figures.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::minheap::{self, SizedOptions};
use super::{exec, sweep};
use crate::analysis::advice::{self, Advice, Candidate};
use crate::analysis::summary::{self, Canary};
use crate::cli::Collectors;
use crate::record::{Record, reading};
use crate::run::agenda::Agenda;
use crate::run::sweep::{Sizes, Sweep};
use crate::text::{format, quantity};
use crate::workloads::command::CommandLine;
use crate::workloads::program::Program;

/// What is tried unless collectors are named: each that reclaims everything, and nurseries that suit other programs
/// than the default.
const TRIED: &str =
    "generational,generational:nursery=1MiB,generational:nursery=16MiB,marksweep,marksweep-incremental,refcount-cycles";

/// The limits, relative to the least heap: short, and comfortable. Without a limit is the third.
const MULTIPLES: [f64; 2] = [1.5, 3.0];

/// Options of `advise`.
#[derive(Debug, Args)]
pub struct AdviseOptions {
    /// A workload, a heap dump (.heapsnapshot, .hprof), or a file of records that another command wrote with --json
    #[arg(value_name = "WHAT", required_unless_present = "command")]
    what: Option<String>,
    /// How often each runs; below 3 nothing is said to be shown
    #[arg(long, short = 'n', value_name = "N", value_parser = quantity::invocations, default_value = "5")]
    invocations: u32,
    /// What commands that try several heap sizes share.
    #[command(flatten)]
    sized: SizedOptions,
    /// Instead of WHAT: a program of yours and its arguments, after `--`; {} stands for the collector
    #[arg(last = true, value_name = "PROGRAM", conflicts_with = "what")]
    command: Vec<String>,
}

/// Measures what is to be measured, and advises.
///
/// # Errors
/// One sentence for the user.
pub fn advise(mut options: AdviseOptions) -> Result<ExitCode, String> {
    let (programs, multiples) = match options.what {
        None => {
            let line = CommandLine::new(options.command).ok_or("there is no program to run")?;
            line.check()?;
            options.sized.collectors = Collectors(exec::contestants(&line, &[])?);
            // What a program of somebody does with a limit is its own affair.
            (vec![Program::Command(line)], Vec::new())
        }
        Some(what) => {
            let path = Path::new(&what);
            if path.is_file() && holds_records(path) {
                return show(&reading::read_path(path)?);
            }
            let program = match Program::named(&what) {
                _ if path.is_file() => vec![Program::Snapshot(Some(path.to_owned()))],
                named => named.map_err(|sentence| format!("{sentence}; and there is no file of that name"))?,
            };
            (program, MULTIPLES.to_vec())
        }
    };
    if options.sized.collectors == crate::cli::collectors("all")? {
        options.sized.collectors = crate::cli::collectors(TRIED)?;
    }
    let quick = options.invocations < crate::analysis::stats::FEWEST_FOR_INTERVAL as u32;
    let prepared = minheap::prepare(programs, options.sized, false, !quick)?;
    let nominee = sweep::nominee(&prepared.plan.jobs.iter().map(|job| job.key.contestant).collect::<Vec<_>>())
        .ok_or("nothing reclaims: choose collectors that do")?;
    let sizes = Sizes { multiples, least: None, unlimited: true };
    let agenda = Sweep::new(prepared.plan.clone(), sizes, options.invocations, nominee);
    Ok(minheap::conclude(agenda, prepared, |agenda, session| text(agenda.results(&session.records))))
}

/// Whether a file begins as records do. A heap dump is JSON too, and its first line may be all of it.
fn holds_records(path: &Path) -> bool {
    const BEGINNING: u64 = 4 << 10;
    let mut beginning = Vec::new();
    let Ok(file) = File::open(path) else { return false };
    let read = BufReader::new(file.take(BEGINNING)).read_until(b'\n', &mut beginning);
    let text = String::from_utf8_lossy(&beginning);
    read.is_ok()
        && text.trim_start().starts_with('{')
        && text.contains("\"workload\":")
        && text.contains("\"collector\":")
}

fn show(records: &[Record]) -> Result<ExitCode, String> {
    let text = text(records);
    if text.is_empty() {
        return Err(
            "no program was finished by any collector without a heap limit: there is nothing to compare".to_owned()
        );
    }
    match super::print(&text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            super::complain(&error.to_string());
            Ok(ExitCode::from(super::FAILED))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The width of everything.
const WIDTH: usize = 80;

fn text(records: &[Record]) -> String {
    let groups = summary::summarise(records);
    let mut text = String::new();
    for advice in advice::advise(records) {
        let is_same = |group: &&summary::Group| group.program == advice.program && group.size == advice.size;
        let canary = groups.iter().find(is_same).and_then(|group| group.canary);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one(&advice, canary.as_ref()));
    }
    text
}

fn one(advice: &Advice, canary: Option<&Canary>) -> String {
    let mut text = format!("{}: take {}\n", advice.program, name(advice, advice.choice.overall));
    let mut paragraph = |topic: &str, sentences: Vec<String>| {
        const INDENT: usize = 14;
        for (number, line) in format::wrap(&sentences.join(" "), WIDTH - INDENT).into_iter().enumerate() {
            let topic = if number == 0 { topic } else { "" };
            text.push_str(&format!("  {topic:<width$}{line}\n", width = INDENT - 2));
        }
    };
    paragraph("throughput", throughput(advice));
    paragraph("memory", memory(advice));
    paragraph("pauses", pauses(advice));
    if !advice.limits.is_empty() {
        paragraph("small heaps", small_heaps(advice));
    }
    if !advice.dropped.is_empty() {
        let each = advice.dropped.iter().map(|(contestant, status)| format!("{} ({status})", contestant.label()));
        paragraph("not finished", vec![format!("{}.", each.collect::<Vec<_>>().join(", "))]);
    }
    paragraph("otherwise", otherwise(advice));
    paragraph("if wrong", if_wrong(advice));
    paragraph("how sure", how_sure(advice, canary));
    text
}

fn name(advice: &Advice, place: usize) -> String {
    let label = advice.candidates[place].contestant.label();
    if label.is_empty() { "the program as it is".to_owned() } else { label }
}

/// A factor as it is said: `1.31 times`, with how well it is known.
fn times(candidate: &Candidate) -> String {
    let value = format::ratio(candidate.ratio.value);
    match candidate.ratio.evidence {
        Some(evidence) => format!("{value} times (±{} %)", format::percent(evidence.half_width())),
        None => format!("{value} times"),
    }
}

fn throughput(advice: &Advice) -> Vec<String> {
    let fastest = &advice.candidates[advice.choice.throughput];
    let first = format!(
        "{} takes least processor time, {} ms.",
        name(advice, advice.choice.throughput),
        format::ms(fastest.time_ns)
    );
    let others = || (1..advice.candidates.len()).map(|place| (place, &advice.candidates[place]));
    let mut sentences = vec![first];
    let equal: Vec<_> =
        others().filter(|(_, other)| other.is_as_fast()).map(|(place, _)| name(advice, place)).collect();
    if !equal.is_empty() {
        sentences.push(format!("As fast, as far as this shows: {}.", equal.join(", ")));
    }
    let slower = others().filter(|(_, other)| !other.is_as_fast());
    let slower: Vec<_> = slower.map(|(place, other)| format!("{} {}", name(advice, place), times(other))).collect();
    if !slower.is_empty() {
        sentences.push(format!("More: {}.", slower.join(", ")));
    }
    sentences
}

/// What is said of what a program does not tell.
const UNKNOWN: &str = "Not known: not every run told. A program does with heap-core's feature `telemetry`.";

fn memory(advice: &Advice) -> Vec<String> {
    let chosen = &advice.candidates[advice.choice.overall];
    let least = advice.choice.memory.and_then(|place| Some((place, advice.candidates[place].memory?)));
    let Some((place, least)) = least else { return vec![UNKNOWN.to_owned()] };
    let mut text = format!("{} holds least, {} at most", name(advice, place), bytes(least));
    if let Some(ours) = chosen.memory.filter(|_| place != advice.choice.overall) {
        let factor = format::ratio(ours / least.max(1.0));
        text.push_str(&format!(
            "; {} holds {}, {factor} times as much",
            name(advice, advice.choice.overall),
            bytes(ours)
        ));
    }
    vec![text + "."]
}

fn pauses(advice: &Advice) -> Vec<String> {
    let Some(shortest) = advice.choice.pauses else { return vec![UNKNOWN.to_owned()] };
    let said = |place: usize| {
        let Candidate { pause_max_ns, pause_p99_ns, .. } = &advice.candidates[place];
        match (pause_max_ns, pause_p99_ns) {
            (Some(max), Some(p99)) => format!("{} ms at longest (p99 {} ms)", format::ms(*max), format::ms(*p99)),
            (Some(max), None) => format!("{} ms at longest", format::ms(*max)),
            _ => "not known".to_owned(),
        }
    };
    let mut text = format!("{} stands still for {}", name(advice, shortest), said(shortest));
    if shortest != advice.choice.overall {
        text.push_str(&format!("; {} for {}", name(advice, advice.choice.overall), said(advice.choice.overall)));
    }
    vec![text + "."]
}

fn small_heaps(advice: &Advice) -> Vec<String> {
    let at = |(place, limit): (usize, &u64)| {
        let mut finished: Vec<_> = advice
            .candidates
            .iter()
            .enumerate()
            .filter_map(|(number, candidate)| Some((number, candidate.limited[place]?)))
            .collect();
        finished.sort_by(|a, b| a.1.total_cmp(&b.1));
        let failed = advice.candidates.iter().enumerate().filter(|(_, candidate)| candidate.limited[place].is_none());
        let failed: Vec<_> = failed.map(|(number, _)| name(advice, number)).collect();
        let said: Vec<_> =
            finished.iter().map(|(n, factor)| format!("{} {}", name(advice, *n), format::ratio(*factor))).collect();
        let mut text =
            format!("With {}, times its own time without a limit: {}", format::bytes(*limit), said.join(", "));
        if said.is_empty() {
            text = format!("With {}", format::bytes(*limit));
        }
        if !failed.is_empty() {
            text.push_str(&format!("; did not finish: {}", failed.join(", ")));
        }
        text + "."
    };
    advice.limits.iter().enumerate().map(at).collect()
}

fn otherwise(advice: &Advice) -> Vec<String> {
    let chosen = &advice.candidates[advice.choice.overall];
    let price = |other: &Candidate| {
        let time = other.ratio.value / chosen.ratio.value;
        if (1.0 / advice::AS_GOOD..advice::AS_GOOD).contains(&time) {
            "about the same processor time".to_owned()
        } else {
            format!("{} times the processor time", format::ratio(time))
        }
    };
    let mut sentences = Vec::new();
    if let Some(place) = advice.choice.memory.filter(|place| *place != advice.choice.overall) {
        let other = &advice.candidates[place];
        if let (Some(least), Some(ours)) = (other.memory, chosen.memory)
            && least * advice::AS_GOOD < ours
        {
            let share = format::percent(least / ours);
            let who = name(advice, place);
            sentences.push(format!("If memory matters most, {who}: {share} % of the memory, {}.", price(other)));
        }
    }
    if let Some(place) = advice.choice.pauses.filter(|place| *place != advice.choice.overall) {
        let other = &advice.candidates[place];
        if let (Some(shortest), Some(ours)) = (other.pause_max_ns, chosen.pause_max_ns)
            && shortest * advice::AS_GOOD < ours
        {
            let share = format::percent(shortest / ours);
            let who = name(advice, place);
            sentences
                .push(format!("If pauses matter most, {who}: the longest is {share} % as long, {}.", price(other)));
        }
    }
    if sentences.is_empty() {
        sentences.push("Nobody else is better at anything that was measured.".to_owned());
    }
    sentences
}

/// What the worst choice would cost, compared with what is advised.
fn if_wrong(advice: &Advice) -> Vec<String> {
    let chosen = &advice.candidates[advice.choice.overall];
    let worst = |of: &dyn Fn(&Candidate) -> Option<f64>, what: &str| {
        let others = advice.candidates.iter().enumerate().filter_map(|(place, other)| Some((place, of(other)?)));
        let (place, value) = others.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let factor = value / of(chosen)?.max(1.0);
        (factor > advice::AS_GOOD).then(|| format!("{} times {what} ({})", format::ratio(factor), name(advice, place)))
    };
    let costs: Vec<_> = [
        worst(&|candidate| Some(candidate.time_ns), "the processor time"),
        worst(&|candidate| candidate.memory, "the memory"),
        worst(&|candidate| candidate.pause_max_ns, "the longest pause"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if costs.is_empty() {
        vec!["It does not matter which of these you take.".to_owned()]
    } else {
        vec![format!("The worst of these would cost {}.", costs.join(", "))]
    }
}

fn how_sure(advice: &Advice, canary: Option<&Canary>) -> Vec<String> {
    let runs = format::plural(advice.invocations, "invocation");
    let mut sentences = vec![if advice.invocations < crate::analysis::stats::FEWEST_FOR_INTERVAL {
        format!("{runs} each: small differences mean nothing.")
    } else {
        format!("{runs} each; ± is half the 95 % interval.")
    }];
    if let Some(Canary { contestant, ratio, .. }) = canary {
        let drifts = if ratio.evidence.is_some_and(|evidence| evidence.shows_a_difference()) {
            "THE MACHINE DRIFTS: trust no difference of that size"
        } else {
            "the machine is steady"
        };
        let value = ratio.value;
        sentences.push(format!("{} over itself: {value:.3}, {drifts}.", contestant.label()));
    }
    sentences.push("Another size, input or machine can turn this round.".to_owned());
    sentences
}

fn bytes(bytes: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
    format::bytes(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::advice::tests::runs;
    use crate::record::tests::sample;

    #[test]
    fn what_is_tried_exists_and_reclaims_everything() {
        let Collectors(tried) = crate::cli::collectors(TRIED).unwrap();
        assert_eq!(tried.len(), 6);
        assert!(tried.into_iter().all(|contestant| contestant.reclaims()));
    }

    #[test]
    fn the_advice_reads_like_this() {
        let mut records = [
            runs("marksweep", None, 150.0, 20, 9.0),
            runs("generational", None, 100.0, 40, 2.0),
            runs("refcount-cycles", None, 200.0, 10, 1.5),
            runs("marksweep", Some(12 << 20), 300.0, 12, 9.0),
            runs("refcount-cycles", Some(12 << 20), 210.0, 10, 1.5),
            runs("generational", Some(12 << 20), 110.0, 12, 1.5),
        ]
        .concat();
        for n in 1..=4 {
            let mut canary = sample("rings", "generational", n, 100.0 + 0.3 * f64::from(n % 2));
            canary.key.setting.canary = true;
            records.push(canary);
        }
        let expected = "\
rings: take generational
  throughput  generational takes least processor time, 110 ms. More: marksweep
              1.50 times (±0 %), refcount-cycles 2.00 times (±0 %).
  memory      refcount-cycles holds least, 10 MiB at most; generational holds 40
              MiB, 4.00 times as much.
  pauses      refcount-cycles stands still for 1.50 ms at longest (p99 1.20 ms);
              generational for 2.00 ms at longest (p99 1.20 ms).
  small heaps With 12 MiB, times its own time without a limit: refcount-cycles
              1.05, generational 1.10, marksweep 2.00.
  otherwise   If memory matters most, refcount-cycles: 25 % of the memory, 2.00
              times the processor time. If pauses matter most, refcount-cycles:
              the longest is 75 % as long, 2.00 times the processor time.
  if wrong    The worst of these would cost 2.00 times the processor time
              (refcount-cycles), 4.50 times the longest pause (marksweep).
  how sure    4 invocations each; ± is half the 95 % interval. generational over
              itself: 1.000, the machine is steady. Another size, input or
              machine can turn this round.
";
        assert_eq!(text(&records), expected, "\n{}", text(&records));
    }

    #[test]
    fn records_are_told_from_heap_dumps() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| {
            let path = folder.path().join("file");
            std::fs::write(&path, text).unwrap();
            path
        };
        let record = serde_json::to_string(&sample("rings", "nogc", 1, 1.0)).unwrap();
        assert!(holds_records(&write(&record)));
        assert!(!holds_records(&write(r#"{"snapshot":{"meta":{}}}"#)));
        assert!(!holds_records(&write("JAVA PROFILE 1.0.2")));
        assert!(!holds_records(&write("")));
    }
}
