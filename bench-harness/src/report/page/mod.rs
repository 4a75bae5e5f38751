//! One file of HTML with everything in it: to look at, to mail, to keep.
//!
//! It needs no network, no server and no other file. Rust decides what is said: which runs stand for a contestant,
//! which figures there are and how they are written, what a curve's points are; all of it is here and tested. The
//! template lays it out (tables and words are there without any script), and a short script draws the curves with
//! uPlot, which is vendored. The script computes nothing, so that a picture and a table cannot disagree.
//!
//! Everything that was measured is in the page as well, compressed, and can be saved from it. Where a page would become
//! larger than [`LARGEST_RAW`] allows, it is left out and the page says so; curves along a run have [`MOST_POINTS`]
//! points in any case.

mod curves;

use std::io::Write;

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::analysis::overhead;
use crate::analysis::summary::{self, Group, Row};
use crate::contestants::Contestant;
use crate::record::figures::{Better, Figure, Topic};
use crate::record::{Record, Status};
use crate::text::format;
use crate::workloads::program::Program;

/// A curve along a run has no more points than this.
const MOST_POINTS: usize = 240;

/// The longest form of what was measured that is put into a page, in bytes. Five megabytes can be mailed.
const LARGEST_RAW: usize = 3 << 20;

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    style: &'static str,
    chart_style: &'static str,
    chart_library: &'static str,
    script: &'static str,
    title: String,
    environment: String,
    runs: String,
    overview: Option<Overview>,
    panels: Vec<Panel>,
    glossary: Vec<Term>,
    /// What the script draws, as JSON that is safe inside a script element.
    data: String,
    /// The records, compressed and as text; empty if they are too many.
    raw: String,
}

/// All programs in one table.
struct Overview {
    contestants: Vec<String>,
    lines: Vec<Line>,
    /// The geometric mean of a contestant's ratios, if it finished everything.
    means: Vec<Option<String>>,
}

struct Line {
    anchor: String,
    program: String,
    cells: Vec<Option<Cell>>,
}

struct Cell {
    text: String,
    /// From 0, as good as the best, to 4.
    shade: u8,
    is_shown: bool,
}

/// One program.
struct Panel {
    anchor: String,
    title: String,
    columns: Vec<&'static Figure>,
    rows: Vec<PanelRow>,
    remarks: Vec<(String, String)>,
    charts: Vec<ChartPlace>,
}

struct PanelRow {
    label: String,
    time: String,
    interval: String,
    ratio: String,
    /// In hundredths of the longest.
    bar: u32,
    values: Vec<String>,
}

/// Where a chart goes, and what it is called.
struct ChartPlace {
    id: usize,
    title: &'static str,
    about: &'static str,
}

struct Term {
    name: &'static str,
    about: String,
    better: &'static str,
}

/// What the script is given.
#[derive(Serialize)]
struct Data {
    /// Every contestant, in an order that gives each its colour.
    contestants: Vec<String>,
    charts: Vec<curves::Chart>,
}

/// Writes the page.
///
/// # Errors
/// A sentence, if the records cannot be written as text, which would be a mistake in this program.
pub(super) fn render(records: &[Record]) -> Result<String, String> {
    let groups = summary::summarise(&base(records));
    let mut contestants = Vec::new();
    for label in groups.iter().flat_map(|group| &group.rows).map(|row| row.contestant.name().to_owned()) {
        if !contestants.contains(&label) {
            contestants.push(label);
        }
    }
    let mut data = Data { contestants, charts: Vec::new() };
    let spaces = overhead::spaces(records);
    let panels = groups.iter().enumerate().map(|(number, group)| {
        let space = spaces.iter().find(|space| space.program == group.program && space.size == group.size);
        let charts = curves::of(group, records, space);
        let places = charts.iter().enumerate().map(|(place, chart)| ChartPlace {
            id: data.charts.len() + place,
            title: chart.title,
            about: chart.about,
        });
        let panel = panel(number, group, places.collect());
        data.charts.extend(charts);
        panel
    });
    let panels: Vec<_> = panels.collect();
    let environment = records.last().map(|record| record.environment.summary()).unwrap_or_default();
    let page = Page {
        style: include_str!("page.css"),
        chart_style: include_str!("vendor/uPlot.min.css"),
        chart_library: include_str!("vendor/uPlot.iife.min.js"),
        script: include_str!("page.js"),
        title: title(&groups),
        environment,
        runs: runs(records),
        overview: (groups.len() > 1).then(|| overview(&groups, &data.contestants)),
        glossary: glossary(&groups),
        panels,
        data: inside_script(&serde_json::to_string(&data).map_err(|error| error.to_string())?),
        raw: raw(records)?,
    };
    page.render().map_err(|error| error.to_string())
}

/// The runs that stand in tables: where a contestant ran with several limits, those without one, else with the largest.
fn base(records: &[Record]) -> Vec<Record> {
    let limits_of = |one: &Record| {
        let same = records.iter().filter(|other| {
            let (one, other) = (&one.key, &other.key);
            one.program == other.program && one.contestant == other.contestant && one.setting.size == other.setting.size
        });
        same.map(|record| record.key.setting.heap_limit.unwrap_or(u64::MAX)).max()
    };
    let is_base = |record: &&Record| Some(record.key.setting.heap_limit.unwrap_or(u64::MAX)) == limits_of(record);
    records.iter().filter(is_base).cloned().collect()
}

fn title(groups: &[Group]) -> String {
    match groups {
        [one] => format!("Garbage collectors compared on {}", group_title(one)),
        _ => format!("Garbage collectors compared on {} programs", groups.len()),
    }
}

fn runs(records: &[Record]) -> String {
    let invocations = records.iter().map(|record| record.invocation).max().unwrap_or(0);
    let bad = records.iter().filter(|record| !matches!(record.measurement.status, Status::Ok | Status::Unsupported));
    let mut text = format!(
        "{}, up to {} of each, each in a process of its own",
        format::plural(records.len(), "run"),
        invocations
    );
    match bad.count() {
        0 => {}
        bad => text.push_str(&format!("; {bad} did not finish")),
    }
    text
}

fn overview(groups: &[Group], contestants: &[String]) -> Overview {
    let row_of = |group: &Group, label: &str| -> Option<Row> {
        group.rows.iter().find(|row| row.contestant.name() == label).cloned()
    };
    let lines = groups.iter().enumerate().map(|(number, group)| Line {
        anchor: anchor(number),
        program: group_title(group),
        cells: contestants.iter().map(|label| cell(&row_of(group, label)?)).collect(),
    });
    let mean = |label: &String| {
        let logarithms = groups.iter().map(|group| Some(row_of(group, label)?.ratio?.value.ln()));
        let logarithms: Option<Vec<f64>> = logarithms.collect();
        logarithms.map(|all| format::ratio((all.iter().sum::<f64>() / all.len() as f64).exp()))
    };
    Overview {
        contestants: contestants.to_vec(),
        lines: lines.collect(),
        means: contestants.iter().map(mean).collect(),
    }
}

fn cell(row: &Row) -> Option<Cell> {
    let ratio = row.ratio?;
    const STEPS: [f64; 4] = [1.1, 1.5, 2.5, 5.0];
    let shade = STEPS.iter().filter(|step| ratio.value > **step).count();
    Some(Cell {
        text: format::ratio(ratio.value),
        shade: u8::try_from(shade).unwrap_or(4),
        is_shown: !ratio.no_difference_shown(),
    })
}

fn anchor(number: usize) -> String {
    format!("program-{}", number + 1)
}

fn group_title(group: &Group) -> String {
    let program = match &group.program {
        Program::Command(line) => line.short(),
        program => program.to_string(),
    };
    if group.size == crate::workloads::Size::default() { program } else { format!("{program}, {}", group.size) }
}

/// The figures that stand in a panel's table beside time, if anybody has them.
const COLUMNS: [&str; 11] = [
    "wall_ns",
    "gc_share",
    "pause_count",
    "pause_p50_ns",
    "pause_p99_ns",
    "pause_p9999_ns",
    "pause_max_ns",
    "peak_heap_bytes",
    "peak_to_live",
    "peak_rss_bytes",
    "allocated_bytes",
];

fn panel(number: usize, group: &Group, charts: Vec<ChartPlace>) -> Panel {
    let columns: Vec<_> = COLUMNS
        .iter()
        .map(|key| Figure::keyed(key))
        .filter(|figure| group.rows.iter().any(|row| row.value(figure).is_some()))
        .collect();
    let longest = group.rows.iter().map(|row| row.time_ns).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a hundred at most")]
    let rows = group.rows.iter().map(|row| PanelRow {
        label: row.contestant.label(),
        time: format!("{} ms", format::ms(row.time_ns)),
        interval: row.interval.map_or_else(String::new, |interval| {
            format!("±{} %", format::percent(interval.half_width / interval.mean))
        }),
        ratio: row.ratio.map_or_else(String::new, |ratio| {
            format!("{}{}", format::ratio(ratio.value), if ratio.no_difference_shown() { " ~" } else { "" })
        }),
        bar: (100.0 * row.time_ns / longest.max(1.0)).round() as u32,
        values: columns
            .iter()
            .map(|figure| row.value(figure).map_or_else(|| "–".to_owned(), |value| figure.unit.text(value)))
            .collect(),
    });
    let name = |about: &[Contestant]| about.iter().map(|who| who.name()).collect::<Vec<_>>().join(", ");
    Panel {
        anchor: anchor(number),
        title: group_title(group),
        rows: rows.collect(),
        remarks: group.remarks.iter().map(|remark| (name(&remark.about), remark.text.clone())).collect(),
        columns,
        charts,
    }
}

fn glossary(groups: &[Group]) -> Vec<Term> {
    let is_there =
        |figure: &&Figure| groups.iter().flat_map(|group| &group.rows).any(|row| row.value(figure).is_some());
    let topics = Topic::ALL.iter().flat_map(|topic| Figure::all().iter().filter(move |figure| figure.topic == *topic));
    let term = |figure: &'static Figure| Term {
        name: figure.name,
        about: figure.about().to_owned(),
        better: match figure.better {
            Better::Less => "less is better",
            Better::More => "more is better",
            Better::Neither => "describes the run",
        },
    };
    topics.filter(is_there).map(term).collect()
}

/// The records as they would stand in a file, compressed, as text; nothing, if that is too long.
fn raw(records: &[Record]) -> Result<String, String> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for record in records {
        let line = serde_json::to_vec(record).map_err(|error| error.to_string())?;
        packed.write_all(&line).and_then(|()| packed.write_all(b"\n")).map_err(|error| error.to_string())?;
    }
    let packed = packed.finish().map_err(|error| error.to_string())?;
    let text = BASE64_STANDARD.encode(packed);
    Ok(if text.len() > LARGEST_RAW { String::new() } else { text })
}

/// JSON that can stand inside a script element: `<` begins nothing there.
fn inside_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::meter::distribution::Distribution;
    use crate::contestants::meter::timeline::{MOST_SPANS, PauseKind, Span, Timeline};
    use crate::record::Measurement;
    use crate::record::tests::sample;

    fn with_timeline(collector: &str, invocation: u32, pauses: u64) -> Record {
        let mut record = sample("rings", collector, invocation, 1000.0);
        let mut timeline = Timeline::default();
        for number in 0..pauses {
            timeline.push(Span {
                held_before: Some(number << 20),
                held_after: Some(1 << 20),
                ..Span::pause(number * 400_000, 10_000 + number * 3, PauseKind::Minor)
            });
        }
        record.measurement.timeline = Some(timeline);
        record
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let page = render(&[with_timeline("marksweep", 1, 100), with_timeline("generational", 1, 2000)]).unwrap();
        // The comment of the chart library and the link to it are the only addresses.
        for (place, _) in page.match_indices("http") {
            assert!(page[place..].starts_with("https://github.com/leeoniya/uPlot"), "{}", &page[place..place + 60]);
        }
        assert!(!page.contains(" src=") && !page.contains("@import") && !page.contains("url("));
        for title in ["Pauses", "Utilisation", "Memory", "Pauses along the run"] {
            assert!(page.contains(&format!("<b>{title}</b>")), "{title}");
        }
        assert!(page.contains("alive at most") && !page.contains("Time and space"));
    }

    #[test]
    fn requests_have_a_chart_of_latencies() {
        let mut served = sample("event_loop", "marksweep", 1, 10.0);
        let latencies = Distribution::new([(1_000_000, 99), (5_000_000, 1)]);
        served.measurement.latency_histogram = Some(latencies);
        let page = render(&[served, sample("event_loop", "generational", 1, 20.0)]).unwrap();
        assert!(page.contains("<b>Latency</b>") && page.contains("part of the requests"));
        assert!(page.contains("[1.0,1.0,"), "the median is 1 ms");
        assert!(!render(&[sample("rings", "marksweep", 1, 10.0)]).unwrap().contains("<b>Latency</b>"));
    }

    #[test]
    fn what_users_wrote_is_text() {
        let mut record = sample("rings", "marksweep", 1, 10.0);
        record.key.program = crate::workloads::program::Program::of_record("exec './</script><img onerror=x>' {}");
        record.measurement.message = Some("<b>&amp;".to_owned());
        let page = render(&[record]).unwrap();
        assert!(!page.contains("<img") && !page.contains("<b>&amp;"));
        // Three scripts of ours, the data and the raw records.
        assert_eq!(page.matches("</script>").count(), 4);
    }

    #[test]
    fn several_heap_sizes_are_a_curve_and_the_table_is_of_the_largest() {
        let at = |limit: Option<u64>, milliseconds: f64| {
            let mut record = sample("rings", "marksweep", 1, milliseconds);
            record.key.setting.heap_limit = limit;
            record
        };
        let mut failed = at(Some(1 << 20), 1.0);
        failed.measurement = Measurement { status: Status::OutOfMemory, ..Measurement::default() };
        let records = [failed, at(Some(2 << 20), 30.0), at(Some(4 << 20), 20.0)];
        assert_eq!(base(&records).len(), 1);
        let page = render(&records).unwrap();
        assert!(page.contains("Time and space") && page.contains("Lower-bound overhead"));
        assert!(page.contains("\"y\":[null,"), "a size at which it did not complete is a gap");
        let unlimited = [at(Some(2 << 20), 30.0), at(None, 20.0)];
        assert_eq!(base(&unlimited)[0].key.setting.heap_limit, None);
    }

    #[test]
    fn curves_along_a_run_are_thinned_and_pages_are_bounded() {
        let records: Vec<_> = ["marksweep", "generational", "refcount", "refcount-cycles", "nogc"]
            .into_iter()
            .flat_map(|collector| {
                (1..=3).map(move |invocation| with_timeline(collector, invocation, MOST_SPANS as u64))
            })
            .collect();
        let groups = summary::summarise(&records);
        for chart in curves::of(&groups[0], &records, None) {
            assert!(chart.points() <= 5 * (MOST_POINTS + 2) + 2, "{}: {}", chart.title, chart.points());
        }
        let page = render(&records).unwrap();
        assert!(page.len() < 700_000, "{}", page.len());
    }

    #[test]
    fn records_that_are_too_many_are_left_out_and_the_page_says_so() {
        let mut records = Vec::new();
        let mut random = crate::workloads::Random::new(1);
        while records.len() < 400 {
            let mut record = with_timeline("marksweep", 1, 0);
            let mut timeline = Timeline::default();
            for number in 0..MOST_SPANS as u64 {
                // What cannot be compressed.
                timeline.push(Span::pause(number << 40, random.bits() >> 30, PauseKind::Full));
            }
            record.measurement.timeline = Some(timeline);
            records.push(record);
        }
        let page = render(&records).unwrap();
        assert!(page.len() < 5 << 20, "{}", page.len());
        assert!(page.contains("too many for this page") && !page.contains("id=\"raw\""));
    }

    #[test]
    fn nothing_is_a_page_too() {
        assert!(render(&[]).unwrap().contains("0 runs"));
    }
}
