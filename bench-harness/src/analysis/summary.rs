//! From records to the figures of the table: one group per workload, one row per contestant.
//!
//! **Time is processor time** of all threads, where the system tells it: on a machine that others use, elapsed time
//! measures them. Elapsed time stands beside it, and where it is far above, the machine was busy and the report says
//! so.
//!
//! **Ratios are to the fastest collector that reclaims.** `nogc` is a floor: what freeing nothing would cost. So are
//! the arenas among the peers. Beside a by-hand version (`Box` or `Rc` with mimalloc, freed by the program) there is a
//! second ratio, to that.
//!
//! Which number stands for several invocations is written beside each [`Figure`]: the median for times and percentiles,
//! because a single disturbed run should not count; the maximum for the longest pause and for memory, because those are
//! promises. A peer ran with two allocators and is represented by the faster one. What cannot be a figure becomes a
//! remark: a crash, a limit that was too small, garbage that was left.

use crate::analysis::stats::{self, Interval, Ratio};
use crate::contestants::{Allocator, Contestant};
use crate::record::figures::{Across, Figure, Topic};
use crate::record::{Measurement, Record, Status};
use crate::text::format;
use crate::workloads::Size;
use crate::workloads::program::Program;

/// Everything that ran one workload at one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The program.
    pub program: Program,
    /// Its size.
    pub size: Size,
    /// Who finished it, fastest first.
    pub rows: Vec<Row>,
    /// What else is to be said, in the order in which the contestants ran.
    pub remarks: Vec<Remark>,
    /// How one contestant compares with itself, if it ran twice.
    pub canary: Option<Canary>,
}

/// One contestant that ran twice in each invocation, under two labels: what differs between the two is the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canary {
    /// Which.
    pub contestant: Contestant,
    /// Processor time of the second over that of the first.
    pub ratio: Ratio,
    /// Elapsed time, likewise.
    pub wall_ratio: Ratio,
}

/// The figures of one contestant on one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The contestant, with the better allocator if that was a choice.
    pub contestant: Contestant,
    /// Processor times in nanoseconds with their invocation numbers; elapsed times where the system tells no others.
    pub times: Vec<(u32, f64)>,
    /// Elapsed times, likewise.
    pub walls: Vec<(u32, f64)>,
    /// The median of `times`.
    pub time_ns: f64,
    /// The 95 % interval of their mean, with at least three.
    pub interval: Option<Interval>,
    /// Compared with the fastest collector that reclaims, for itself [`Ratio::SAME`]; without one, with the fastest.
    /// What is shown is corrected over all rows of all groups.
    pub ratio: Option<Ratio>,
    /// Elapsed time, compared with the same.
    pub wall_ratio: Option<Ratio>,
    /// Time relative to the same program freed by hand, if that ran.
    pub by_hand: Option<f64>,
    /// What stands for all invocations, per figure in the order of [`Figure::all`].
    values: Vec<Option<f64>>,
}

impl Row {
    /// The value that stands for all invocations, if any has one.
    #[must_use]
    pub fn value(&self, figure: &Figure) -> Option<f64> {
        self.values[figure.position()]
    }
}

/// A sentence about one contestant on one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The contestant, or several of whom the same is to be said.
    pub about: Vec<Contestant>,
    /// The sentence, without a full stop.
    pub text: String,
}

/// Summarises records, in any number and order, into groups in order of first appearance.
#[must_use]
pub fn summarise(records: &[Record]) -> Vec<Group> {
    let mut groups: Vec<_> = partition(records, |record| (&record.key.program, record.key.setting.size))
        .into_iter()
        .map(|records| {
            let (canaries, records): (Vec<_>, Vec<_>) = records.into_iter().partition(|r| r.key.setting.canary);
            let mut group = Group {
                program: canaries.iter().chain(&records).next().expect("a part is not empty").key.program.clone(),
                size: canaries.iter().chain(&records).next().expect("a part is not empty").key.setting.size,
                rows: Vec::new(),
                remarks: Vec::new(),
                canary: None,
            };
            for contestant in partition(records.iter().copied(), |record| record.key.contestant.whatever_allocator()) {
                add_contestant(&mut group, &contestant);
            }
            group.rows.sort_by(|a, b| a.time_ns.total_cmp(&b.time_ns));
            group.canary = canary(&group.rows, &canaries);
            compare(&mut group.rows);
            compare_by_hand(&mut group, &records);
            group
        })
        .collect();
    stats::correct(groups.iter_mut().flat_map(|group| &mut group.rows).filter_map(|row| row.ratio.as_mut()));
    stats::correct(groups.iter_mut().flat_map(|group| &mut group.rows).filter_map(|row| row.wall_ratio.as_mut()));
    stats::correct(groups.iter_mut().filter_map(|group| group.canary.as_mut()).map(|canary| &mut canary.ratio));
    stats::correct(groups.iter_mut().filter_map(|group| group.canary.as_mut()).map(|canary| &mut canary.wall_ratio));
    groups.iter_mut().for_each(remark_contradictions);
    groups
}

/// The widest interval of a group's ratios, as half its width relative to its middle; infinite where a ratio has none
/// yet, and 0 without ratios.
#[must_use]
pub fn half_width(group: &Group) -> f64 {
    let ratios = group.rows.iter().filter_map(|row| row.ratio).filter(|ratio| *ratio != Ratio::SAME);
    ratios.map(|ratio| ratio.evidence.map_or(f64::INFINITY, |evidence| evidence.half_width())).fold(0.0, f64::max)
}

/// Splits records by a key, keeping the order of first appearance.
fn partition<'a, K: PartialEq>(
    records: impl IntoIterator<Item = &'a Record>,
    key: impl Fn(&'a Record) -> K,
) -> Vec<Vec<&'a Record>> {
    let mut parts: Vec<(K, Vec<&Record>)> = Vec::new();
    for record in records {
        let key = key(record);
        match parts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, part)) => part.push(record),
            None => parts.push((key, vec![record])),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// Adds the row of a contestant, or the remark why it has none. With several allocators the best one is shown.
fn add_contestant(group: &mut Group, records: &[&Record]) {
    let mut variants = partition(records.iter().copied(), |record| record.key.contestant);
    let speed = |variant: &Vec<&Record>| stats::median(&times(variant).iter().map(|(_, t)| *t).collect::<Vec<_>>());
    variants.sort_by(|a, b| {
        let [a, b] = [a, b].map(|variant| speed(variant).unwrap_or(f64::INFINITY));
        a.total_cmp(&b)
    });
    let shown = &variants[0];
    let row = row(shown[0].key.contestant, shown);
    let note = peer_note(shown[0]);
    match trouble(shown) {
        // The note knows why.
        Some(_) if note.as_ref().is_some_and(|note| note.explains(shown[0])) => {}
        Some(trouble) => remark(group, shown[0], trouble),
        None => {}
    }
    for other in variants[1..].iter().filter(|_| row.is_some()) {
        if let Some(trouble) = trouble(other) {
            remark(
                group,
                shown[0],
                format!("with the {} allocator: {trouble}", other[0].key.contestant.allocator().name()),
            );
        }
    }
    if let Some(message) = successful(shown).find_map(|record| record.measurement.message.clone()) {
        remark(group, shown[0], message);
    }
    if row.is_some() && lacks_processor_times(shown) {
        let text = "processor time is not known: elapsed time stands in its place, and is what is compared";
        remark(group, shown[0], text.to_owned());
    }
    if let Some(latency) = latency(shown) {
        remark(group, shown[0], latency);
    }
    if let Some(leak) = leak(shown) {
        remark(group, shown[0], leak);
    }
    if let Some(note) = note.filter(|note| note.applies_to(shown[0])) {
        remark(group, shown[0], note.text.to_owned());
    }
    group.rows.extend(row);
}

/// Adds a sentence about a contestant. Contestants of whom the same is to be said share it.
fn remark(group: &mut Group, record: &Record, text: String) {
    let contestant = record.key.contestant.whatever_allocator();
    match group.remarks.iter_mut().find(|remark| remark.text == text) {
        Some(remark) => remark.about.push(contestant),
        None => group.remarks.push(Remark { about: vec![contestant], text }),
    }
}

fn successful<'a>(records: &'a [&Record]) -> impl Iterator<Item = &'a Record> {
    records.iter().copied().filter(|record| record.measurement.status == Status::Ok)
}

/// Processor times, or elapsed times where not all of those are known.
fn times(records: &[&Record]) -> Vec<(u32, f64)> {
    if lacks_processor_times(records) { walls(records) } else { series(records, |measurement| measurement.cpu_ns) }
}

fn lacks_processor_times(records: &[&Record]) -> bool {
    successful(records).any(|record| record.measurement.cpu_ns.is_none())
}

fn walls(records: &[&Record]) -> Vec<(u32, f64)> {
    series(records, |measurement| measurement.wall_ns)
}

fn series(records: &[&Record], of: fn(&Measurement) -> Option<u64>) -> Vec<(u32, f64)> {
    successful(records).filter_map(|record| Some((record.invocation, of(&record.measurement)? as f64))).collect()
}

fn row(contestant: Contestant, records: &[&Record]) -> Option<Row> {
    let times = times(records);
    let values: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    Some(Row {
        contestant,
        time_ns: stats::median(&values)?,
        interval: stats::interval_of_mean(&values),
        ratio: None,
        wall_ratio: None,
        by_hand: None,
        walls: walls(records),
        values: Figure::all().iter().map(|figure| across(figure, records)).collect(),
        times,
    })
}

/// What stands for several invocations.
fn across(figure: &Figure, records: &[&Record]) -> Option<f64> {
    let values: Vec<f64> = successful(records).filter_map(|record| figure.of(&record.measurement)).collect();
    match figure.across {
        Across::Median => stats::median(&values),
        Across::Maximum => values.into_iter().max_by(f64::total_cmp),
    }
}

/// The place, among rows that are sorted by time, of the one that the others are compared with.
fn reference(rows: &[Row]) -> Option<usize> {
    rows.iter().position(|row| row.contestant.reclaims()).or((!rows.is_empty()).then_some(0))
}

/// Fills in the ratios of rows that are sorted by time.
fn compare(rows: &mut [Row]) {
    let Some(reference) = reference(rows) else { return };
    let best = rows[reference].clone();
    for (position, row) in rows.iter_mut().enumerate() {
        let of = |ours: &[(u32, f64)], theirs: &[(u32, f64)]| match position == reference {
            true => Some(Ratio::SAME),
            false => Ratio::paired(ours, theirs),
        };
        row.ratio = of(&row.times, &best.times);
        row.wall_ratio = of(&row.walls, &best.walls);
    }
}

/// Says where less processor time is not less elapsed time. Needs corrected ratios.
fn remark_contradictions(group: &mut Group) {
    let Some(reference) = reference(&group.rows) else { return };
    let best = group.rows[reference].contestant;
    for row in &group.rows {
        let (Some(cpu), Some(wall)) = (row.ratio, row.wall_ratio) else { continue };
        let shown = |ratio: &Ratio| ratio.evidence.is_some_and(|evidence| evidence.shows_a_difference());
        if shown(&cpu) && shown(&wall) && (cpu.value > 1.0) != (wall.value > 1.0) {
            let [first, second] = if cpu.value > 1.0 { ["more", "less"] } else { ["less", "more"] };
            let text = format!(
                "{first} processor time than {}, {} times, and {second} elapsed time, {} times",
                best.name(),
                format::ratio(cpu.value),
                format::ratio(wall.value)
            );
            group.remarks.push(Remark { about: vec![row.contestant.whatever_allocator()], text });
        }
    }
}

/// What ran twice under two labels, compared with itself.
fn canary(rows: &[Row], records: &[&Record]) -> Option<Canary> {
    let contestant = records.first()?.key.contestant;
    let row = rows.iter().find(|row| row.contestant == contestant)?;
    Some(Canary {
        contestant,
        ratio: Ratio::paired(&times(records), &row.times)?,
        wall_ratio: Ratio::paired(&walls(records), &row.walls)?,
    })
}

/// Fills in the ratios to the fastest version that frees by hand with mimalloc.
fn compare_by_hand(group: &mut Group, records: &[&Record]) {
    let Program::Workload(workload) = group.program else { return };
    let by_hand = partition(records.iter().copied(), |record| record.key.contestant).into_iter().filter(|records| {
        matches!(records[0].key.contestant, Contestant::Peer(peer, Allocator::MiMalloc) if peer.frees_by_hand(workload))
    });
    let times =
        by_hand.filter_map(|records| stats::median(&times(&records).iter().map(|(_, time)| *time).collect::<Vec<_>>()));
    let Some(best) = times.min_by(f64::total_cmp) else { return };
    for row in &mut group.rows {
        row.by_hand = Some(row.time_ns / best);
    }
}

/// What went wrong, and how often if not always.
fn trouble(records: &[&Record]) -> Option<String> {
    let failed: Vec<_> = records.iter().filter(|record| record.measurement.status != Status::Ok).collect();
    let first = failed.first()?;
    let text = explain(first);
    Some(if failed.len() == records.len() {
        text
    } else {
        format!("{} of {} runs: {text}", failed.len(), records.len())
    })
}

/// The status of a record that has no result, as a sentence.
#[must_use]
pub fn explain(record: &Record) -> String {
    let measurement = &record.measurement;
    let what = match &measurement.status {
        Status::Ok => "ok".to_owned(),
        Status::OutOfMemory => match record.key.setting.heap_limit {
            // The limit says it all; the heap's own words are in the record.
            Some(limit) => return format!("out of memory with a heap limit of {}", format::bytes(limit)),
            None => "out of memory".to_owned(),
        },
        Status::Unsupported => "cannot run this".to_owned(),
        Status::Failed => "WRONG".to_owned(),
        Status::NoInput => "lost its input".to_owned(),
        Status::Timeout => "timeout".to_owned(),
        Status::StackOverflow => return "overflowed its stack".to_owned(),
        Status::Crashed(how) => format!("crashed ({how})"),
    };
    match &measurement.message {
        Some(message) => format!("{what}: {message}"),
        None => what,
    }
}

/// How long requests took, if there were any.
fn latency(records: &[&Record]) -> Option<String> {
    let figures = Figure::all().iter().filter(|figure| figure.topic == Topic::Latency);
    let texts: Vec<_> = figures
        .filter_map(|figure| Some(format!("{} {}", figure.short, format::ms(across(figure, records)?))))
        .collect();
    (!texts.is_empty()).then(|| format!("metered latency in ms: {}", texts.join(", ")))
}

/// What a contestant left uncollected, if it told.
fn leak(records: &[&Record]) -> Option<String> {
    let leaked = successful(records).filter_map(|record| record.measurement.leaked_objects).max()?;
    match records[0].key.contestant {
        _ if leaked == 0 => None,
        Contestant::Collector(collector) if !collector.reclaims() => None,
        Contestant::Collector(collector) if collector.leaks_cycles() => {
            Some(format!("left {} objects in garbage cycles, as pure counting must", format::count(leaked)))
        }
        _ => Some(format!("left {} garbage objects", format::count(leaked))),
    }
}

/// What is known in advance about a peer on a workload.
struct Note {
    text: &'static str,
    /// It says why the stack overflows, where it does: at small sizes it does not.
    on_overflow: bool,
}

impl Note {
    fn explains(&self, record: &Record) -> bool {
        self.on_overflow && record.measurement.status == Status::StackOverflow
    }

    fn applies_to(&self, record: &Record) -> bool {
        match record.measurement.status {
            Status::Unsupported => false,
            Status::StackOverflow => true,
            _ => !self.on_overflow,
        }
    }
}

fn peer_note(record: &Record) -> Option<Note> {
    let (Contestant::Peer(peer, _), Program::Workload(workload)) = (record.key.contestant, &record.key.program) else {
        return None;
    };
    Some(Note { text: peer.note(*workload)?, on_overflow: peer.overflows(*workload) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::collector::Collector;
    use crate::record::tests::sample;

    fn with_status(status: Status, mut record: Record) -> Record {
        record.measurement = Measurement { status, ..Default::default() };
        record
    }

    #[test]
    fn rows_are_sorted_and_compared_with_the_fastest() {
        let records: Vec<_> = (1..=3)
            .flat_map(|n| {
                [sample("rings", "marksweep", n, 200.0 + f64::from(n)), sample("rings", "generational", n, 100.0)]
            })
            .collect();
        let groups = summarise(&records);
        assert_eq!(groups.len(), 1);
        let labels: Vec<_> = groups[0].rows.iter().map(|row| row.contestant.label()).collect();
        assert_eq!(labels, ["generational", "marksweep"]);
        let ratio = groups[0].rows[1].ratio.unwrap();
        assert!((ratio.value - 2.02).abs() < 1e-4, "{ratio:?}");
        assert!(!ratio.no_difference_shown());
        assert!(groups[0].remarks.is_empty() && groups[0].canary.is_none());
    }

    #[test]
    fn the_better_allocator_represents_a_peer() {
        let records = [sample("rings", "box/system", 1, 300.0), sample("rings", "box/mimalloc", 1, 100.0)];
        let groups = summarise(&records);
        assert_eq!(groups[0].rows.len(), 1);
        assert_eq!(groups[0].rows[0].contestant.label(), "box (mimalloc)");
    }

    #[test]
    fn a_crash_with_the_other_allocator_is_told() {
        let crash = with_status(Status::Crashed("SIGSEGV".to_owned()), sample("rings", "box/mimalloc", 1, 1.0));
        let groups = summarise(&[sample("rings", "box/system", 1, 300.0), crash.clone()]);
        assert_eq!(groups[0].rows[0].contestant.label(), "box (system)");
        assert_eq!(groups[0].remarks[0].text, "with the mimalloc allocator: crashed (SIGSEGV)");
        // If both fail there is one remark, and no row.
        let other = with_status(Status::StackOverflow, sample("rings", "box/system", 1, 1.0));
        let groups = summarise(&[other, crash.clone()]);
        assert!(groups[0].rows.is_empty());
        assert_eq!(groups[0].remarks.len(), 1);
        assert_eq!(
            groups[0].remarks[0],
            Remark { about: vec![crash.key.contestant.whatever_allocator()], text: "overflowed its stack".into() }
        );
    }

    #[test]
    fn contestants_of_whom_the_same_is_to_be_said_share_a_remark() {
        let timeout = |name: &str| with_status(Status::Timeout, sample("rings", name, 1, 1.0));
        let groups = summarise(&[timeout("nogc"), sample("rings", "refcount", 1, 1.0), timeout("marksweep")]);
        let about = [Collector::NOGC, Collector::MARKSWEEP].map(Contestant::Collector).to_vec();
        assert_eq!(groups[0].remarks, [Remark { about, text: "timeout".into() }]);
    }

    #[test]
    fn a_note_about_overflow_replaces_the_bare_fact_and_is_silent_without_it() {
        let deep = |status| {
            let record = sample("deep_list", "box/system", 1, 1.0);
            let record = if status == Status::Ok { record } else { with_status(status, record) };
            summarise(&[record]).remove(0).remarks
        };
        assert!(deep(Status::Ok).is_empty());
        let remarks = deep(Status::StackOverflow);
        assert!(remarks.len() == 1 && remarks[0].text.contains("drop glue"), "{remarks:?}");
    }

    #[test]
    fn the_floor_is_no_contestant() {
        let records = [sample("rings", "nogc", 1, 50.0), sample("rings", "generational", 1, 100.0)];
        let rows = summarise(&records).remove(0).rows;
        let ratios: Vec<_> = rows.iter().map(|row| (row.contestant.name(), row.ratio.unwrap().value)).collect();
        assert_eq!(ratios, [("nogc", 0.5), ("generational", 1.0)]);
        // Alone it has nothing else to be compared with.
        assert_eq!(summarise(&records[..1])[0].rows[0].ratio.unwrap().value, 1.0);
    }

    #[test]
    fn processor_time_decides_and_elapsed_time_stands_beside_it() {
        let mut disturbed = sample("rings", "generational", 1, 300.0);
        disturbed.measurement.cpu_ns = Some(90_000_000);
        let rows = summarise(&[sample("rings", "marksweep", 1, 100.0), disturbed]).remove(0).rows;
        assert_eq!(rows[0].contestant.name(), "generational");
        assert_eq!((rows[0].time_ns, rows[0].value(Figure::keyed("wall_ns"))), (90e6, Some(300e6)));
    }

    #[test]
    fn by_hand_means_mimalloc_and_that_it_is_freed() {
        let of = |program| {
            summarise(&[
                sample(program, "generational", 1, 50.0),
                sample(program, "rc/system", 1, 10.0),
                sample(program, "rc/mimalloc", 1, 100.0),
            ])
            .remove(0)
        };
        let ours = |group: &Group| group.rows.iter().find(|row| row.contestant.name() == "generational").cloned();
        assert_eq!(ours(&of("lru_cache")).unwrap().by_hand, Some(0.5));
        assert_eq!(ours(&of("rings")).unwrap().by_hand, None, "it leaks");
    }

    #[test]
    fn the_median_stands_for_times_and_the_most_for_promises() {
        let records: Vec<_> = [(1, 10.0, 5), (2, 90.0, 7), (3, 12.0, 6)]
            .map(|(n, wall, peak)| {
                let mut record = sample("rings", "generational", n, wall);
                record.measurement.peak_heap_bytes = Some(peak);
                record
            })
            .to_vec();
        let row = &summarise(&records)[0].rows[0];
        assert_eq!(row.value(Figure::keyed("wall_ns")), Some(12e6));
        assert_eq!(row.value(Figure::keyed("peak_heap_bytes")), Some(7.0));
        assert_eq!(row.value(Figure::keyed("latency_max_ns")), None);
    }

    #[test]
    fn latencies_are_a_remark() {
        let mut record = sample("event_loop", "generational", 1, 10.0);
        let ns = |ms: u64| Some(ms * 1_000_000);
        let m = &mut record.measurement;
        (m.latency_p50_ns, m.latency_p99_ns, m.latency_p999_ns, m.latency_max_ns) = (ns(1), ns(2), ns(3), ns(40));
        let text = &summarise(&[record])[0].remarks[0].text;
        assert_eq!(text, "metered latency in ms: p50 1.00, p99 2.00, p99.9 3.00, max 40.0");
    }

    #[test]
    fn some_failed_runs_are_counted() {
        let crash = with_status(Status::Crashed("SIGBUS".to_owned()), sample("rings", "nogc", 2, 1.0));
        let groups = summarise(&[sample("rings", "nogc", 1, 10.0), crash, sample("rings", "nogc", 3, 12.0)]);
        assert_eq!(groups[0].rows[0].times, [(1, 11e6), (3, 13.2e6)]);
        assert_eq!(groups[0].remarks[0].text, "1 of 3 runs: crashed (SIGBUS)");
    }

    fn with_cpu(mut record: Record, ms: f64) -> Record {
        record.measurement.cpu_ns = Some((ms * 1e6) as u64);
        record
    }

    #[test]
    fn a_canary_is_no_row_and_is_compared_with_itself() {
        let mut records = Vec::new();
        for n in 1..=4 {
            records.push(sample("rings", "generational", n, 100.0));
            let mut canary = sample("rings", "generational", n, 103.0 + 0.1 * f64::from(n));
            canary.key.setting.canary = true;
            records.push(canary);
        }
        let group = summarise(&records).remove(0);
        assert_eq!(group.rows.len(), 1);
        assert_eq!(group.rows[0].times.len(), 4);
        let canary = group.canary.unwrap();
        assert!((canary.ratio.value - 1.0325).abs() < 1e-3 && !canary.ratio.no_difference_shown(), "{canary:?}");
        assert_eq!(canary.contestant.name(), "generational");
    }

    #[test]
    fn less_processor_time_and_more_elapsed_time_is_told() {
        let mut records = Vec::new();
        for n in 1..=5 {
            let jitter = 0.1 * f64::from(n);
            records.push(with_cpu(sample("rings", "marksweep", n, 120.0 + jitter), 100.0 - jitter));
            records.push(with_cpu(sample("rings", "generational", n, 90.0), 110.0));
        }
        let group = summarise(&records).remove(0);
        assert_eq!(group.remarks.len(), 1, "{:?}", group.remarks);
        assert_eq!(
            group.remarks[0].text,
            "more processor time than marksweep, 1.10 times, and less elapsed time, 0.75 times"
        );
    }

    /// Twenty comparisons of equals: without correction one of them would be a difference.
    #[test]
    fn what_is_shown_is_corrected_over_the_table() {
        let mut random = crate::workloads::Random::new(5);
        let mut records = Vec::new();
        for program in Program::all() {
            for n in 1..=5 {
                for collector in ["marksweep", "generational"] {
                    let jitter = f64::from(random.below(1000)) / 1000.0;
                    records.push(sample(&program.to_string(), collector, n, 100.0 + jitter));
                }
            }
        }
        let alone = |p: &Program| records.iter().filter(|r| r.key.program == *p).cloned().collect::<Vec<_>>();
        let shown = |groups: Vec<Group>| {
            let ratios = groups.into_iter().flat_map(|group| group.rows).filter_map(|row| row.ratio);
            ratios.filter(|r| r.evidence.is_some_and(|e| e.shows_a_difference())).count()
        };
        assert!(Program::all().iter().map(|program| shown(summarise(&alone(program)))).sum::<usize>() > 0);
        assert_eq!(shown(summarise(&records)), 0);
    }

    #[test]
    fn the_widest_interval_says_whether_more_runs_are_needed() {
        let records: Vec<_> = (1..=2)
            .flat_map(|n| [sample("rings", "generational", n, 100.0), sample("rings", "marksweep", n, 200.0)])
            .collect();
        assert_eq!(half_width(&summarise(&records)[0]), f64::INFINITY);
        assert_eq!(half_width(&summarise(&records[..1])[0]), 0.0, "nothing is compared");
    }

    #[test]
    fn leaks_of_pure_counting_are_a_remark_and_those_of_the_baseline_go_without_saying() {
        let leaking = |collector: &str| {
            let mut record = sample("rings", collector, 1, 10.0);
            record.measurement.leaked_objects = Some(1_980_000);
            summarise(&[record]).remove(0).remarks
        };
        assert!(leaking("refcount")[0].text.contains("1,980,000 objects in garbage cycles"));
        assert_eq!(leaking("marksweep")[0].text, "left 1,980,000 garbage objects");
        assert!(leaking("nogc").is_empty());
    }
}
