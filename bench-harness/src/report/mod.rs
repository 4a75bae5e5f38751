//! The table: what `compare` is for.
//!
//! One block per workload, fastest first, in at most 80 columns of plain text, the same on a terminal, in a pipe and in
//! a README: nothing to strip, nothing to escape. Units stand once, at the top. Who has no figures stands below those
//! who have, with the reason in place of the figures, because a crash is as much a result as a time.

pub mod file;
pub mod heap;
mod page;
mod trace;

use std::iter;

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use crate::analysis::stats::Ratio;
use crate::analysis::summary::{Group, Remark, Row};
use crate::contestants::Kind;
use crate::record::figures::Figure;
use crate::system::environment::Environment;
use crate::text::format;
use crate::workloads::Size;
use crate::workloads::program::Program;

/// The width that everything fits into.
pub const WIDTH: usize = 80;

/// The column of names is at least so wide: the longest name of a collector of ours.
const USUAL_LABEL: usize = 21;

/// What stands in place of a figure that is not known.
const ABSENT: &str = "-";

/// Nothing but a line under the header.
const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('-'));

/// A space that the table does not trim.
const SPACE: char = '\u{a0}';

/// What is said around the tables.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The most invocations that any row has.
    pub invocations: u32,
    /// The hard limit of our heaps in bytes.
    pub heap_limit: Option<u64>,
    /// Whether peers are among the rows.
    pub peers: bool,
    /// The machine and the build.
    pub environment: Environment,
    /// Which checksums disagree. Other failures stand in the blocks.
    pub disagreements: Vec<String>,
}

/// The whole report as text, each line ended.
#[must_use]
pub fn render(groups: &[Group], context: &Context) -> String {
    let layout = Layout::of(groups);
    let mut lines = Vec::new();
    for (position, (group, title)) in groups.iter().zip(titles(groups)).enumerate() {
        if position > 0 {
            lines.push(String::new());
        }
        lines.extend(layout.block(group, &title, position == 0));
    }
    lines.push(String::new());
    for paragraph in footer(context, &layout, groups) {
        lines.extend(format::wrap(&paragraph, WIDTH));
    }
    for disagreement in &context.disagreements {
        lines.push(String::new());
        lines.extend(format::wrap(&format!("FAILED: {disagreement}"), WIDTH));
    }
    // Records can be anybody's, and so can the names in them.
    lines.iter().map(|line| format!("{}\n", format::printable(line.trim_end()))).collect()
}

/// What all blocks have in common, that they can be read as one table.
struct Layout {
    /// The columns of figures and how wide they are.
    figures: Vec<(Column, usize)>,
    label_width: usize,
}

impl Layout {
    /// Only columns in which something stands, wide enough for every figure; names get what remains. Where that is too
    /// little, two columns make room; names wrap if it still is.
    fn of(groups: &[Group]) -> Self {
        let rows = || groups.iter().flat_map(|group| &group.rows);
        let width = format::width;
        let mut figures: Vec<_> = Column::FIGURES
            .into_iter()
            .filter(|column| !column.is_optional() || rows().any(|row| column.text(row) != ABSENT))
            .map(|column| {
                let widest = rows().map(|row| width(&column.text(row))).max().unwrap_or(0);
                (column, widest.max(column.usual_width()))
            })
            .collect();
        let longest = rows().map(|row| width(&row.contestant.label())).max().unwrap_or(0);
        let room = |figures: &[(Column, usize)]| WIDTH.saturating_sub(figures.iter().map(|(_, width)| 1 + width).sum());
        for column in Column::FIRST_TO_GO {
            if room(&figures) < longest {
                figures.retain(|(shown, _)| *shown != column);
            }
        }
        let room = room(&figures);
        Self { figures, label_width: longest.max(USUAL_LABEL).min(room) }
    }

    fn has(&self, column: Column) -> bool {
        self.figures.iter().any(|(shown, _)| *shown == column)
    }

    /// Whether others have intervals, and this row has lost too many runs, or the fastest has, to be compared. Without
    /// a mark it would look like a difference that was shown.
    fn is_undecided(&self, row: &Row) -> bool {
        let has_no_interval = row.ratio.is_some_and(|ratio| ratio.evidence.is_none() && ratio != Ratio::SAME);
        self.has(Column::Interval) && has_no_interval
    }

    /// One workload.
    fn block(&self, group: &Group, title: &str, with_units: bool) -> Vec<String> {
        let mut lines: Vec<String> = self.table(group, title, with_units).lines().map(str::to_owned).collect();
        let (width, indent) = (self.label_width, " ".repeat(self.label_width + 1));
        for Remark { about, text } in &group.remarks {
            let label = about.iter().map(|contestant| contestant.name()).collect::<Vec<_>>().join(", ");
            let mut start = format!("{label}{} ", " ".repeat(width.saturating_sub(format::width(&label))));
            if format::width(&label) > width {
                lines.extend(format::wrap(&label, WIDTH));
                start = indent.clone();
            }
            for line in format::wrap(text, WIDTH - indent.len()) {
                lines.push(format!("{start}{line}"));
                start = indent.clone();
            }
        }
        lines
    }

    fn table(&self, group: &Group, title: &str, with_units: bool) -> String {
        let cell = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let header = |unit: &str, name: &str| if with_units { format!("{unit}\n{name}") } else { name.to_owned() };

        let mut table = Table::new();
        table.load_style(PLAIN);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(WIDTH).unwrap_or(u16::MAX));
        let mut titles = vec![Cell::new(header("", title))];
        titles.extend(self.figures.iter().map(|(column, _)| {
            let (unit, name) = column.header();
            cell(header(unit, name))
        }));
        table.set_header(titles);
        for row in &group.rows {
            let mut cells = vec![Cell::new(row.contestant.label())];
            cells.extend(self.figures.iter().map(|(column, _)| match column {
                Column::Ratio if self.is_undecided(row) => {
                    cell(format!("{}?", column.text(row).trim_end_matches(SPACE)))
                }
                _ => cell(column.text(row)),
            }));
            table.add_row(cells);
        }
        // The gap stands in front of each figure.
        let figures = self.figures.iter().map(|(_, width)| (1, 1 + width));
        for (column, (gap, width)) in table.column_iter_mut().zip(iter::once((0, self.label_width)).chain(figures)) {
            column.set_padding((gap, 0));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(u16::try_from(width).unwrap_or(u16::MAX))));
        }
        table.to_string().replace(SPACE, " ")
    }
}

/// What stands above each block.
fn titles(groups: &[Group]) -> Vec<String> {
    let short: Vec<_> = groups.iter().map(short_title).collect();
    let is_unique = |title: &String| short.iter().filter(|other| *other == title).count() == 1;
    let long = |group: &Group| match &group.program {
        Program::Snapshot(Some(path)) => path.display().to_string(),
        program => program.to_string(),
    };
    let titles = short.iter().zip(groups);
    titles.map(|(title, group)| if is_unique(title) { title.clone() } else { long(group) }).collect()
}

fn short_title(group: &Group) -> String {
    let name = match &group.program {
        // A path is for the record; here the file's name is enough, unless two have the same.
        Program::Command(line) => line.short(),
        Program::Snapshot(Some(path)) => {
            let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            file.trim_end_matches(".gz").trim_end_matches(".heapsnapshot").to_owned()
        }
        program => program.to_string(),
    };
    if group.size == Size::default() { name } else { format!("{name}, {}", group.size) }
}

/// The columns of figures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Time,
    Interval,
    Ratio,
    ByHand,
    Wall,
    GcShare,
    Pause99,
    PauseMax,
    Heap,
    Process,
    PeakToLive,
}

impl Column {
    const FIGURES: [Self; 11] = [
        Self::Time,
        Self::Interval,
        Self::Ratio,
        Self::ByHand,
        Self::Wall,
        Self::GcShare,
        Self::Pause99,
        Self::PauseMax,
        Self::Heap,
        Self::Process,
        Self::PeakToLive,
    ];

    /// What makes room for long names.
    const FIRST_TO_GO: [Self; 2] = [Self::Pause99, Self::GcShare];

    /// What stands above the first block, and above each.
    fn header(self) -> (&'static str, &'static str) {
        match self {
            Self::Time => ("cpu", "ms"),
            Self::Interval => ("", "±%"),
            Self::Ratio => ("", "ratio"),
            Self::ByHand => ("by", "hand"),
            Self::Wall => ("wall", "ms"),
            Self::GcShare => ("gc", "%"),
            Self::Pause99 => ("pause", "p99"),
            Self::PauseMax => ("pause", "max"),
            Self::Heap => ("peak", "heap"),
            Self::Process => ("MiB", "RSS"),
            Self::PeakToLive => ("heap", "/live"),
        }
    }

    /// Whether the column can be left out when nothing stands in it.
    fn is_optional(self) -> bool {
        !matches!(self, Self::Time | Self::Ratio | Self::Process)
    }

    /// Wide enough for what is usual. With a gap of 1 in front of each, and names of 21, all columns but one make 77.
    fn usual_width(self) -> usize {
        match self {
            Self::Interval | Self::GcShare => 3,
            Self::ByHand => 4,
            Self::Ratio | Self::PeakToLive => 5,
            Self::Time | Self::Wall | Self::Pause99 | Self::PauseMax => 5,
            Self::Heap | Self::Process => 5,
        }
    }

    fn text(self, row: &Row) -> String {
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| ABSENT.to_owned(), format::ratio);
        let figure = |key: &str| {
            let figure = Figure::keyed(key);
            row.value(figure).map_or_else(|| ABSENT.to_owned(), |value| figure.unit.short(value))
        };
        match self {
            Self::Time => format::ms(row.time_ns),
            Self::Interval => match row.interval {
                Some(interval) => format::percent(interval.half_width / interval.mean),
                None => ABSENT.to_owned(),
            },
            Self::Ratio => match &row.ratio {
                // The mark has a column of its own, that the digits stay below each other.
                Some(ratio) if ratio.no_difference_shown() => format!("{}~", format::ratio(ratio.value)),
                Some(ratio) => format!("{}{SPACE}", format::ratio(ratio.value)),
                None => ABSENT.to_owned(),
            },
            Self::ByHand => ratio(row.by_hand),
            Self::Wall => figure("wall_ns"),
            Self::GcShare => figure("gc_share"),
            Self::Pause99 => figure("pause_p99_ns"),
            Self::PauseMax => figure("pause_max_ns"),
            Self::Heap => figure("peak_heap_bytes"),
            Self::Process => figure("peak_rss_bytes"),
            Self::PeakToLive => figure("peak_to_live"),
        }
    }
}

/// How what ran twice compares with itself.
fn canaries(groups: &[Group]) -> Vec<String> {
    let known = groups.iter().filter_map(|group| Some((group, group.canary?)));
    let mut paragraphs: Vec<String> = Vec::new();
    let mut drifted = Vec::new();
    let mut by_contestant: Vec<(&str, Vec<String>)> = Vec::new();
    for (group, canary) in known {
        let Some(evidence) = canary.ratio.evidence else { continue };
        let text = format!(
            "{:.3} ±{} % on {}",
            canary.ratio.value,
            format::percent(evidence.half_width()),
            short_title(group)
        );
        if evidence.shows_a_difference() {
            drifted.push(text.clone());
        }
        let name = canary.contestant.name();
        match by_contestant.iter_mut().find(|(known, _)| *known == name) {
            Some((_, texts)) => texts.push(text),
            None => by_contestant.push((name, vec![text])),
        }
    }
    for (name, texts) in by_contestant {
        paragraphs.push(format!("Canary: {name} ran twice in each invocation. To itself: {}.", texts.join(", ")));
    }
    if !drifted.is_empty() {
        paragraphs.push(format!(
            "THE MACHINE DRIFTS: what is the same differs from itself, {}. Trust no difference of that size.",
            drifted.join(", ")
        ));
    }
    paragraphs
}

/// The row whose elapsed time is furthest above its processor time, if that cannot be the program's doing.
fn busiest(groups: &[Group]) -> Option<(&Group, &Row, f64)> {
    /// Below this, starting threads and reading clocks is visible.
    const LEAST_NS: f64 = 5e6;
    /// A program that never waits has 1.0; page faults and short interruptions make it 1.1.
    const FAR_ABOVE: f64 = 1.3;
    let rows = groups.iter().flat_map(|group| group.rows.iter().map(move |row| (group, row)));
    // A program of somebody else may wait for something.
    let rows = rows.filter(|(_, row)| row.contestant.kind() != Kind::External);
    let far = rows.filter_map(|(group, row)| {
        let wall_ns = row.value(Figure::keyed("wall_ns"))?;
        let ratio = wall_ns / row.time_ns;
        (ratio > FAR_ABOVE && wall_ns - row.time_ns > LEAST_NS).then_some((group, row, ratio))
    });
    far.max_by(|a, b| a.2.total_cmp(&b.2))
}

fn footer(context: &Context, layout: &Layout, groups: &[Group]) -> Vec<String> {
    let mut legend = vec!["cpu: median processor time of all threads"];
    if layout.has(Column::Interval) {
        legend.push("±%: half the 95 % confidence interval of the mean");
    }
    legend.push("ratio: to the fastest that reclaims");
    if layout.has(Column::Interval) {
        legend.push("~: no difference shown (5 %, corrected for the number of ratios)");
    }
    if groups.iter().flat_map(|group| &group.rows).any(|row| layout.is_undecided(row)) {
        legend.push("?: too few runs to tell");
    }
    if layout.has(Column::ByHand) {
        legend.push("by hand: to Box or Rc with mimalloc, freed by the program");
    }
    if layout.has(Column::Wall) {
        legend.push("wall: median elapsed time");
    }
    if layout.has(Column::GcShare) {
        legend.push("gc: share of all pauses in it");
    }
    if layout.has(Column::PauseMax) {
        legend.push("pause: how long the program stood still, in ms; max: the longest of all runs");
    }
    if layout.has(Column::Heap) {
        legend.push("heap: what the heap reserved for use");
    }
    legend.push("RSS: memory of the process");
    if layout.has(Column::PeakToLive) {
        legend.push("/live: heap, and what its objects own outside, relative to what is alive at most");
    }
    if context.peers {
        legend.push("peers: with the better of two allocators; how long they collect is not known");
    }
    let mut paragraphs = vec![format!("{}.", legend.join("; "))];
    paragraphs.push(match context.invocations {
        0 | 1 => "1 invocation each: small differences mean nothing, --invocations 5 tells which do.".to_owned(),
        2 => "2 invocations each: small differences mean nothing, --invocations 5 tells which do.".to_owned(),
        n => format!("{n} invocations each, interleaved, each in a process of its own."),
    });
    paragraphs.extend(canaries(groups));
    if let Some((group, row, ratio)) = busiest(groups) {
        paragraphs.push(format!(
            "The machine was busy: {} on {} took {} times its processor time. Others share the caches too: repeat what \
             matters on a quiet machine.",
            row.contestant.name(),
            short_title(group),
            format::ratio(ratio)
        ));
    }
    if let Some(limit) = context.heap_limit {
        let peers = if context.peers { "; peers have none" } else { "" };
        paragraphs.push(format!("Heap limit: {}{peers}.", format::bytes(limit)));
    }
    paragraphs.push(context.environment.summary());
    if context.environment.build.as_deref() == Some("debug") {
        paragraphs.push("This is a debug build: its times mean nothing. Use cargo run --release.".to_owned());
    }
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::summary::summarise;
    use crate::record::tests::sample;
    use crate::record::{Measurement, Record, Status};

    fn context(invocations: u32) -> Context {
        let environment = Environment {
            cpu: Some("Imaginary CPU".to_owned()),
            cores: Some(2),
            kernel: Some("6.1".to_owned()),
            rustc: Some("rustc 1.95.0 (abc 2026-04-14)".to_owned()),
            commit: Some("0123456789ab".to_owned()),
            ..Environment::default()
        };
        Context { invocations, environment, ..Context::default() }
    }

    /// A peer, of which only time and memory are known.
    fn peer(workload: &str, name: &str, allocator: &str, invocation: u32, wall_ms: f64) -> Record {
        let mut record = sample(workload, &format!("{name}/{allocator}"), invocation, wall_ms);
        let Measurement { status, checksum, wall_ns, cpu_ns, peak_rss_bytes, .. } = record.measurement;
        record.measurement =
            Measurement { status, checksum, wall_ns, cpu_ns, peak_rss_bytes, ..Measurement::default() };
        record
    }

    fn failed(mut record: Record, status: Status) -> Record {
        record.measurement = Measurement { status, ..Measurement::default() };
        record
    }

    fn synthetic() -> Vec<Record> {
        let mut records = Vec::new();
        for n in 1..=3 {
            let jitter = f64::from(n);
            records.push(sample("binary_trees", "nogc", n, 980.0 + jitter));
            records.push(sample("binary_trees", "marksweep-incremental", n, 12345.0 + 20.0 * jitter));
            records.push(sample("binary_trees", "generational", n, 984.0 - 1.5 * jitter));
            records.push(peer("binary_trees", "gc-arena-stw", "system", n, 8000.0));
            records.push(peer("binary_trees", "gc-arena-stw", "mimalloc", n, 4190.0 + jitter));
            let mut limited = sample("deep_list", "nogc", n, 1.0);
            limited.key.setting.heap_limit = Some(64 << 20);
            records.push(failed(limited, Status::OutOfMemory));
            records.push(sample("deep_list", "refcount", n, 9.5 + 0.01 * jitter));
            records.push(failed(peer("deep_list", "dumpster", "system", n, 1.0), Status::StackOverflow));
        }
        records
    }

    #[test]
    fn the_table_looks_like_this() {
        let text = render(&summarise(&synthetic()), &context(3));
        let expected = "                          cpu            wall  gc pause pause  peak   MiB  heap
binary_trees               ms  ±% ratio    ms   %   p99   max  heap   RSS /live
-------------------------------------------------------------------------------
generational             1079 0.4 1.00    981  12  1.20  5.60   123   131  1.50
nogc                     1080 0.3 1.00~   982  12  1.20  5.60   123   131  1.50
gc-arena-stw (mimalloc)  4611 0.1 4.27   4192   -     -     -     -   131     -
marksweep-incremental   13624 0.4 12.6  12385  12  1.20  5.60   123   131  1.50

deep_list                  ms  ±% ratio    ms   %   p99   max  heap   RSS /live
-------------------------------------------------------------------------------
refcount                 10.5 0.3 1.00   9.52  12  1.20  5.60   123   131  1.50
nogc                    out of memory with a heap limit of 64 MiB
dumpster                overflows the stack: dropping and tracing recurse along
                        the list

cpu: median processor time of all threads; ±%: half the 95 % confidence interval
of the mean; ratio: to the fastest that reclaims; ~: no difference shown (5 %,
corrected for the number of ratios); wall: median elapsed time; gc: share of all
pauses in it; pause: how long the program stood still, in ms; max: the longest
of all runs; heap: what the heap reserved for use; RSS: memory of the process;
/live: heap, and what its objects own outside, relative to what is alive at
most.
3 invocations each, interleaved, each in a process of its own.
Imaginary CPU, 2 cores, kernel 6.1, rustc 1.95.0, commit 0123456789ab
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn nothing_is_wider_than_80_columns() {
        let mut records = synthetic();
        for n in 1..=3 {
            let mut huge = sample("snapshot:/some/where/a-long-name.heapsnapshot", "marksweep-incremental", n, 1.0);
            let measurement = &mut huge.measurement;
            measurement.wall_ns = Some(99_999_000_000 + u64::from(n) * 400_000_000);
            measurement.cpu_ns = measurement.wall_ns;
            measurement.gc_ns = Some(88_888_000_000);
            measurement.pause_p50_ns = Some(12_345);
            measurement.pause_p99_ns = Some(12_345_000_000);
            measurement.pause_max_ns = Some(12_345_000_000);
            measurement.peak_heap_bytes = Some(65_536 << 20);
            measurement.peak_rss_bytes = Some(65_536 << 20);
            records.push(huge.clone());
            huge.key.contestant = sample("rings", "gc-arena-stw/mimalloc", n, 1.0).key.contestant;
            huge.measurement.wall_ns = Some(999_000_000_000);
            huge.measurement.cpu_ns = Some(999_000_000_000);
            huge.measurement.live_bytes = Some(1);
            records.push(huge);
        }
        let mut context = context(3);
        context.peers = true;
        context.heap_limit = Some(64 << 20);
        context.disagreements = vec!["word ".repeat(40)];
        let text = render(&summarise(&records), &context);
        for line in text.lines() {
            assert!(format::width(line) <= WIDTH, "{}: {line}\n{text}", format::width(line));
        }
        assert!(text.is_ascii() || text.chars().all(|c| c.is_ascii() || c == '±'), "{text}");
    }

    #[test]
    fn names_of_others_are_not_obeyed_and_fit() {
        let mut slow = failed(sample("rings", "nogc", 1, 1.0), Status::Crashed("\u{7}bell".to_owned()));
        slow.key.contestant = crate::contestants::Contestant::external(&"漢字".repeat(30));
        let red = sample("snapshot:\u{1b}[31mred.heapsnapshot", "nogc", 1, 1.0);
        let text = render(&summarise(&[slow, red]), &context(1));
        assert!(text.contains("bell") && text.contains("[31mred"), "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(text.lines().all(|line| format::width(line) <= WIDTH), "{text}");
    }

    #[test]
    fn snapshots_of_the_same_name_are_told_apart() {
        let records =
            ["snapshot:a/x.heapsnapshot", "snapshot:b/x.heapsnapshot.gz", "snapshot:b/y.heapsnapshot", "rings"]
                .map(|workload| sample(workload, "nogc", 1, 10.0));
        assert_eq!(titles(&summarise(&records)), ["a/x.heapsnapshot", "b/x.heapsnapshot.gz", "y", "rings"]);
    }

    #[test]
    fn a_ratio_of_too_few_runs_is_marked() {
        let mut records = Vec::new();
        for n in 1..=3 {
            records.push(sample("rings", "generational", n, 10.0));
            let other = sample("rings", "marksweep", n, 20.0);
            records.push(if n == 1 { failed(other, Status::Timeout) } else { other });
        }
        let text = render(&summarise(&records), &context(3));
        assert!(text.contains(" 2.00? ") && text.contains(" 1.00 ") && text.contains("?: too"), "{text}");
    }

    #[test]
    fn a_busy_machine_is_told_and_a_quiet_one_is_not() {
        let mut record = sample("rings", "nogc", 1, 10.0);
        assert!(!render(&summarise(&[record.clone()]), &context(1)).contains("busy"));
        record.measurement.wall_ns = Some(30_000_000);
        let text = render(&summarise(&[record]), &context(1));
        assert!(text.contains("The machine was busy: nogc on rings took 2.73 times its processor time"), "{text}");
    }

    #[test]
    fn a_canary_stands_in_the_foot_and_a_drifting_machine_is_told() {
        let with_canary = |factor: f64| {
            let mut records = Vec::new();
            for n in 1..=4 {
                records.push(sample("rings", "generational", n, 100.0 + f64::from(n)));
                let mut canary = sample("rings", "generational", n, factor * (100.0 + 1.1 * f64::from(n)));
                canary.key.setting.canary = true;
                records.push(canary);
            }
            render(&summarise(&records), &context(4))
        };
        let quiet = with_canary(0.9975).replace('\n', " ");
        assert!(
            quiet.contains("Canary: generational ran twice in each invocation. To itself: 1.000 ±0.2 % on rings."),
            "{quiet}"
        );
        assert!(!quiet.contains("DRIFTS"), "{quiet}");
        let drifting = with_canary(1.1).replace('\n', " ");
        assert!(
            drifting.contains("THE MACHINE DRIFTS: what is the same differs from itself, 1.103 ±0.2 % on rings."),
            "{drifting}"
        );
    }

    #[test]
    fn one_invocation_makes_no_claims() {
        let text = render(&summarise(&[sample("rings", "nogc", 1, 10.0)]), &context(1));
        assert!(text.contains("1 invocation each") && !text.contains('±') && !text.contains('~'), "{text}");
    }
}
