//! The curves of a program's panel, as points.

use serde::Serialize;

use crate::analysis::overhead::{Cost, Space};
use crate::analysis::stats;
use crate::analysis::summary::{Group, Row};
use crate::analysis::utilization::Utilization;
use crate::contestants::meter::distribution::Distribution;
use crate::record::{Measurement, Record, Status};

use super::MOST_POINTS;

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scale {
    /// Evenly.
    Linear,
    /// By factors.
    Log,
    /// By nines: 0, 90 %, 99 %, …: the value is one over the rest.
    Nines,
}

/// An axis.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Axis {
    label: &'static str,
    scale: Scale,
}

/// A curve.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Curve {
    /// Whose it is: gives it its colour.
    contestant: String,
    /// What else there is to say, where one has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Not a measured curve but a line to compare with.
    dashed: bool,
    /// Single points, not a line through them.
    points: bool,
    x: Vec<f64>,
    /// `None` where a run did not complete.
    y: Vec<Option<f64>>,
}

/// A chart: axes and curves.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    x: Axis,
    y: Axis,
    curves: Vec<Curve>,
}

/// The charts that these records have something for.
pub(super) fn of(group: &Group, records: &[Record], space: Option<&Space>) -> Vec<Chart> {
    let runs: Vec<(&Row, Vec<&Record>)> = group.rows.iter().map(|row| (row, runs(group, row, records))).collect();
    let mut charts = Vec::new();
    if let Some(space) = space {
        charts.extend(in_space(space));
    }
    let measured = [latencies(&runs), pauses(&runs), utilization(&runs), memory(&runs), along(&runs)];
    charts.extend(measured.into_iter().flatten());
    charts
}

/// The finished runs of a row that stand in the table, the one with the middle time first.
fn runs<'a>(group: &Group, row: &Row, records: &'a [Record]) -> Vec<&'a Record> {
    let numbers = &row.times;
    let mut runs: Vec<&Record> = records
        .iter()
        .filter(|record| record.key.program == group.program && record.key.setting.size == group.size)
        .filter(|record| record.key.contestant == row.contestant && !record.key.setting.canary)
        .filter(|record| record.measurement.status == Status::Ok)
        .filter(|record| numbers.iter().any(|(number, _)| *number == record.invocation))
        .collect();
    let time = |record: &Record| record.measurement.cpu_ns.or(record.measurement.wall_ns).unwrap_or(0) as f64;
    let middle = stats::median(&runs.iter().map(|record| time(record)).collect::<Vec<_>>()).unwrap_or(0.0);
    runs.sort_by(|a, b| (time(a) - middle).abs().total_cmp(&(time(b) - middle).abs()));
    runs
}

fn curve(row: &Row, points: impl IntoIterator<Item = (f64, f64)>) -> Option<Curve> {
    let (x, y): (Vec<_>, Vec<_>) = points.into_iter().map(|(x, y)| (x, Some(y))).unzip();
    let contestant = row.contestant.name().to_owned();
    (!x.is_empty()).then_some(Curve { contestant, kind: None, dashed: false, points: false, x, y })
}

fn chart(title: &'static str, about: &'static str, x: Axis, y: Axis, curves: Vec<Curve>) -> Option<Chart> {
    (!curves.is_empty()).then_some(Chart { title, about, x, y, curves })
}

/// Time and overhead over heap sizes.
fn in_space(space: &Space) -> Vec<Chart> {
    let curves = |of: fn(&Cost) -> f64| -> Vec<Curve> {
        let curves = space.curves.iter().filter(|curve| curve.points.iter().any(Option::is_some));
        let curve = |curve: &crate::analysis::overhead::Curve| {
            let ran =
                space.limits.iter().zip(&curve.points).filter_map(|(limit, point)| Some((limit, point.as_ref()?)));
            let (x, y) = ran.map(|(limit, point)| (space.multiple(*limit), point.cost().map(of))).unzip();
            let contestant = curve.contestant.name().to_owned();
            Curve { contestant, kind: None, dashed: false, points: false, x, y }
        };
        curves.map(curve).collect()
    };
    let multiples = || Axis { label: "heap, times the least", scale: Scale::Linear };
    [
        chart(
            "Time and space",
            "Processor time at each heap size. A gap is a size at which the program did not complete.",
            multiples(),
            Axis { label: "processor time, ms", scale: Scale::Log },
            curves(|cost| cost.cpu_ns / 1e6),
        ),
        chart(
            "Lower-bound overhead",
            "Processor time over the least that any collector leaves when its pauses are subtracted: \
             what the collector costs at least.",
            multiples(),
            Axis { label: "times the baseline", scale: Scale::Linear },
            curves(|cost| cost.cpu),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How long requests took in all invocations.
fn latencies(runs: &[(&Row, Vec<&Record>)]) -> Option<Chart> {
    chart(
        "Latency",
        "How long requests took that arrive steadily, waiting included: that part of all requests, of all invocations, \
         took no longer.",
        Axis { label: "part of the requests", scale: Scale::Nines },
        Axis { label: "ms", scale: Scale::Log },
        percentiles(runs, |measurement| measurement.latency_histogram.as_ref()),
    )
}

/// How long the pauses of all invocations were.
fn pauses(runs: &[(&Row, Vec<&Record>)]) -> Option<Chart> {
    chart(
        "Pauses",
        "How long the program stood still: that part of all pauses, of all invocations, was no longer.",
        Axis { label: "part of the pauses", scale: Scale::Nines },
        Axis { label: "ms", scale: Scale::Log },
        percentiles(runs, |measurement| measurement.pause_histogram.as_ref()),
    )
}

/// What is in the histograms of all invocations, in milliseconds, up to five nines, evenly on the axis.
fn percentiles(runs: &[(&Row, Vec<&Record>)], histogram: fn(&Measurement) -> Option<&Distribution>) -> Vec<Curve> {
    let rests: Vec<f64> = (0..=50).map(|step| 10_f64.powf(f64::from(step) / 10.0)).collect();
    let curves = runs.iter().filter_map(|(row, records)| {
        let all = Distribution::merged(records.iter().filter_map(|record| histogram(&record.measurement)));
        let count = all.count() as f64;
        // Beyond the last of them there is nothing to know.
        let known = rests.iter().filter(|rest| **rest <= count.max(1.0) * 1.01);
        curve(row, known.filter_map(|rest| Some((*rest, all.quantile(1.0 - 1.0 / rest)? as f64 / 1e6))))
    });
    curves.collect()
}

/// What part of any window the program has for itself.
fn utilization(runs: &[(&Row, Vec<&Record>)]) -> Option<Chart> {
    let curves = runs.iter().filter_map(|(row, records)| {
        let measured = &records.first()?.measurement;
        let (timeline, wall) = (measured.timeline.as_ref()?, measured.wall_ns?);
        // From a tenth of a millisecond to the whole run.
        let steps = ((wall as f64 / 1e5).log10() * 20.0).ceil().max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "hundreds")]
        let windows: Vec<f64> =
            (0..=steps as i32).map(|step| (1e5 * 10_f64.powf(f64::from(step) / 20.0)).min(wall as f64)).collect();
        let utilization = Utilization::of(timeline, wall);
        let points = windows.iter().zip(utilization.curves(&windows));
        curve(row, points.map(|(window, (_, bounded))| (window / 1e6, bounded * 100.0)))
    });
    chart(
        "Utilisation",
        "In any stretch of the run that is at least so long, the program has at least this part for itself (BMU). \
         Of the invocation with the middle time.",
        Axis { label: "window, ms", scale: Scale::Log },
        Axis { label: "%", scale: Scale::Linear },
        curves.collect(),
    )
}

/// What the heaps held along the run.
fn memory(runs: &[(&Row, Vec<&Record>)]) -> Option<Chart> {
    let mut curves: Vec<Curve> = Vec::new();
    let (mut live, mut end) = (None, 0.0_f64);
    for (row, records) in runs {
        let Some(measured) = records.first().map(|record| &record.measurement) else { continue };
        let Some(timeline) = &measured.timeline else { continue };
        let spans = timeline.spans().iter();
        let ends = spans.flat_map(|span| {
            [(span.start_ns, span.held_before), (span.end_ns(), span.held_after)]
                .map(|(at, held)| held.map(|held| (at as f64 / 1e9, held as f64 / f64::from(1 << 20))))
        });
        let curve = curve(row, extremes(ends.flatten().collect(), MOST_POINTS));
        live = live.or(measured.live_bytes.filter(|_| curve.is_some()));
        end = end.max(measured.wall_ns.unwrap_or(0) as f64 / 1e9);
        curves.extend(curve);
    }
    if let Some(live) = live {
        let live = Some(live as f64 / f64::from(1 << 20));
        let contestant = "alive at most".to_owned();
        curves.push(Curve {
            contestant,
            kind: None,
            dashed: true,
            points: false,
            x: vec![0.0, end],
            y: vec![live, live],
        });
    }
    chart(
        "Memory",
        "What the heap held before and after each pause, of the invocation with the middle time; \
         dashed, the most that the program keeps alive at once.",
        Axis { label: "s since the run began", scale: Scale::Linear },
        Axis { label: "MiB", scale: Scale::Linear },
        curves,
    )
}

/// When the pauses were.
fn along(runs: &[(&Row, Vec<&Record>)]) -> Option<Chart> {
    let curves = runs.iter().filter_map(|(row, records)| {
        let timeline = records.first()?.measurement.timeline.as_ref()?;
        let all: Vec<_> = timeline
            .spans()
            .iter()
            .filter(|span| span.paused_ns > 0)
            .map(|span| (span.start_ns as f64 / 1e9, span.paused_ns as f64 / 1e6))
            .collect();
        let curve = curve(row, longest(all, MOST_POINTS))?;
        Some(Curve { points: true, ..curve })
    });
    chart(
        "Pauses along the run",
        "When the program stood still and for how long, of the invocation with the middle time; \
         of many pauses, the longest in each part of the run.",
        Axis { label: "s since the run began", scale: Scale::Linear },
        Axis { label: "ms", scale: Scale::Log },
        curves.collect(),
    )
}

/// At most about so many of the points: of neighbours the lowest and the highest, so that no peak is lost.
fn extremes(points: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points;
    }
    let together = points.len().div_ceil(most / 2);
    let pick = |part: &[(f64, f64)]| {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let lowest = *part.iter().min_by(by_height).expect("a part is not empty");
        let highest = *part.iter().max_by(by_height).expect("a part is not empty");
        let (first, second) = if lowest.0 <= highest.0 { (lowest, highest) } else { (highest, lowest) };
        // A part of one point has one.
        std::iter::once(first).chain((first.0 < second.0).then_some(second))
    };
    points.chunks(together).flat_map(pick).collect()
}

/// At most so many of the points: of neighbours the highest.
fn longest(points: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points;
    }
    let together = points.len().div_ceil(most);
    let highest = |part: &[(f64, f64)]| *part.iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("a part is not empty");
    points.chunks(together).map(highest).collect()
}

impl Chart {
    /// Every point that is drawn.
    #[cfg(test)]
    pub(super) fn points(&self) -> usize {
        self.curves.iter().map(|curve| curve.x.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_peak_is_lost(heights in proptest::collection::vec(0.0..1e9_f64, 1..3000)) {
            let points: Vec<_> = heights.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
            let highest = heights.iter().copied().fold(0.0, f64::max);
            for thinned in [extremes(points.clone(), 100), longest(points, 100)] {
                prop_assert!(thinned.len() <= heights.len().min(102));
                prop_assert!(thinned.windows(2).all(|two| two[0].0 < two[1].0));
                prop_assert!(thinned.iter().any(|(_, y)| *y == highest));
            }
        }
    }
}
