//! What a collector costs at least, at every heap size: the lower-bound overhead (Cai, Blackburn, Bond and Maas, ISPASS
//! 2022).
//!
//! Nobody can run a program without memory management, so what it costs cannot be subtracted. But from each run the
//! part that is certainly the collector's can be: the pauses. What is left, the *distilled* time, is more than the
//! program alone would take. The least of it over *all* collectors and heap sizes is the best known bound from above of
//! a world in which collecting is free, and a run's time over that bound is a bound from below of what its collector
//! costs:
//!
//! ```text
//! distilled = total - pauses      baseline = least distilled over collectors and sizes      LBO = total / baseline
//! ```
//!
//! `nogc`, where it fits, is a collector as any other here: it is often the baseline, and sometimes not, because memory
//! that is never used twice is slow. What processor time the pauses took is not known. Subtracted is their elapsed
//! time, or, on a machine that others use, the part of it for which the run had a processor: what other threads did in
//! pauses stays in, so the baseline becomes too large, the overhead too small, and it stays a bound.
//!
//! That a program did not finish at some size is a value of the curve and not a gap in it.

use crate::contestants::Contestant;
use crate::record::{Measurement, Record, Status};
use crate::workloads::Size;
use crate::workloads::program::Program;

/// One program at several heap sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The program.
    pub program: Program,
    /// Its size.
    pub size: Size,
    /// The limits in bytes, ascending.
    pub limits: Vec<u64>,
    /// Whoever ran it, in the order of first appearance.
    pub curves: Vec<Curve>,
}

/// One contestant at these sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The contestant.
    pub contestant: Contestant,
    /// What it costs at each of [`Space::limits`]; `None` where it did not run.
    pub points: Vec<Option<Point>>,
    /// What it costs without a limit, if it ran so.
    pub unlimited: Option<Point>,
}

/// One contestant at one size.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// Every invocation finished.
    Finished(Cost),
    /// One did not: how.
    DidNotComplete(Status),
}

/// What it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Invocations.
    pub invocations: usize,
    /// Mean processor time in nanoseconds.
    pub cpu_ns: f64,
    /// Mean elapsed time.
    pub wall_ns: f64,
    /// Lower-bound overhead in processor time, at least 1.
    pub cpu: f64,
    /// Lower-bound overhead in elapsed time.
    pub wall: f64,
    /// The longest pause of all invocations.
    pub pause_max_ns: Option<u64>,
    /// The largest heap of all invocations.
    pub peak_heap_bytes: Option<u64>,
}

impl Point {
    /// The cost, if it finished.
    #[must_use]
    pub fn cost(&self) -> Option<&Cost> {
        match self {
            Self::Finished(cost) => Some(cost),
            Self::DidNotComplete(_) => None,
        }
    }
}

impl Space {
    /// A limit relative to the least with which anybody finished.
    #[must_use]
    pub fn multiple(&self, limit: u64) -> f64 {
        // Records of a search for the least heap begin with limits that were too small for everybody.
        let finished =
            |place: usize| self.curves.iter().any(|curve| matches!(curve.points[place], Some(Point::Finished(_))));
        let least = (0..self.limits.len()).find(|place| finished(*place)).unwrap_or(0);
        limit as f64 / self.limits.get(least).copied().unwrap_or(limit).max(1) as f64
    }
}

/// Puts records together, for programs that ran with two limits at least.
#[must_use]
pub fn spaces(records: &[Record]) -> Vec<Space> {
    let mut programs: Vec<(&Program, Size)> = Vec::new();
    for record in records {
        let program = (&record.key.program, record.key.setting.size);
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    let of = |(program, size): (&Program, Size)| {
        let own: Vec<_> = records
            .iter()
            .filter(|record| record.key.program == *program && record.key.setting.size == size)
            .filter(|record| !record.key.setting.canary)
            .collect();
        space(program, size, &own)
    };
    programs.into_iter().map(of).filter(|space| space.limits.len() > 1).collect()
}

fn space(program: &Program, size: Size, records: &[&Record]) -> Space {
    let mut limits: Vec<u64> = records.iter().filter_map(|record| record.key.setting.heap_limit).collect();
    limits.sort_unstable();
    limits.dedup();
    let mut contestants: Vec<Contestant> = Vec::new();
    for record in records {
        if !contestants.contains(&record.key.contestant) {
            contestants.push(record.key.contestant);
        }
    }
    let mut curves: Vec<_> = contestants
        .into_iter()
        .map(|contestant| {
            let at = |limit: Option<u64>| {
                let is_meant =
                    |record: &&&Record| record.key.contestant == contestant && record.key.setting.heap_limit == limit;
                point(&records.iter().filter(is_meant).copied().collect::<Vec<_>>())
            };
            Curve { contestant, points: limits.iter().map(|limit| at(Some(*limit))).collect(), unlimited: at(None) }
        })
        .collect();
    relate(&mut curves);
    Space { program: program.clone(), size, limits, curves }
}

/// The distilled times stand where the overheads will.
fn point(records: &[&Record]) -> Option<Point> {
    if records.is_empty() {
        return None;
    }
    if let Some(bad) = records.iter().find(|record| record.measurement.status != Status::Ok) {
        return Some(Point::DidNotComplete(bad.measurement.status.clone()));
    }
    let mean = |of: &dyn Fn(&Measurement) -> Option<u64>| {
        let values: Option<Vec<f64>> = records.iter().map(|r| of(&r.measurement).map(|value| value as f64)).collect();
        values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
    };
    let wall_ns = mean(&|m| m.wall_ns)?;
    let cpu_ns = mean(&|m| m.cpu_ns.or(m.wall_ns))?;
    let pauses = mean(&|m| Some(m.gc_ns.unwrap_or(0)))?;
    Some(Point::Finished(Cost {
        invocations: records.len(),
        cpu_ns,
        wall_ns,
        cpu: (cpu_ns - pauses * (cpu_ns / wall_ns).min(1.0)).max(1.0),
        wall: (wall_ns - pauses).max(1.0),
        pause_max_ns: records.iter().filter_map(|record| record.measurement.pause_max_ns).max(),
        peak_heap_bytes: records.iter().filter_map(|record| record.measurement.peak_heap_bytes).max(),
    }))
}

/// Turns distilled times into overheads.
fn relate(curves: &mut [Curve]) {
    let costs = || curves.iter().flat_map(|curve| curve.points.iter().chain([&curve.unlimited])).flatten();
    let least = |of: fn(&Cost) -> f64| costs().filter_map(Point::cost).map(of).fold(f64::INFINITY, f64::min);
    let (cpu, wall) = (least(|cost| cost.cpu), least(|cost| cost.wall));
    for curve in curves {
        for point in curve.points.iter_mut().chain([&mut curve.unlimited]).flatten() {
            if let Point::Finished(cost) = point {
                cost.cpu = cost.cpu_ns / cpu;
                cost.wall = cost.wall_ns / wall;
            }
        }
    }
}

/// The geometric mean over programs of what a contestant costs at the `place`th size; `None` unless it finished all of
/// them.
#[must_use]
pub fn mean_over_programs(spaces: &[Space], contestant: Contestant, place: usize, of: fn(&Cost) -> f64) -> Option<f64> {
    let costs = spaces.iter().map(|space| {
        let curve = space.curves.iter().find(|curve| curve.contestant == contestant)?;
        curve.points.get(place)?.as_ref()?.cost().map(of)
    });
    let logarithms: Vec<f64> = costs.map(|cost| cost.map(f64::ln)).collect::<Option<_>>()?;
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    /// A run of so many milliseconds, so many of them in pauses.
    fn run(collector: &str, limit_mib: u64, invocation: u32, total: f64, pauses: f64) -> Record {
        let mut record = sample("rings", collector, invocation, total);
        record.key.setting.heap_limit = (limit_mib > 0).then_some(limit_mib << 20);
        record.measurement.cpu_ns = Some((total * 2e6) as u64);
        record.measurement.gc_ns = Some((pauses * 1e6) as u64);
        record
    }

    #[test]
    fn the_baseline_is_the_least_of_all_and_every_overhead_is_relative_to_it() {
        let records = [
            run("marksweep", 10, 1, 200.0, 110.0),
            run("marksweep", 40, 1, 120.0, 20.0),
            run("generational", 10, 1, 150.0, 70.0),
            run("generational", 10, 2, 170.0, 70.0),
            run("generational", 40, 1, 130.0, 20.0),
            run("nogc", 0, 1, 95.0, 0.0),
        ];
        let space = spaces(&records).remove(0);
        assert_eq!(space.limits, [10 << 20, 40 << 20]);
        assert_eq!(space.multiple(40 << 20), 4.0);
        let wall =
            |curve: usize, place: usize| space.curves[curve].points[place].as_ref().unwrap().cost().unwrap().wall;
        // 200 - 110 = 90 is less than what nogc took, and the two runs of generational have a mean of 90 as well.
        for ((curve, place), expected) in [((0, 0), 200.0), ((0, 1), 120.0), ((1, 0), 160.0), ((1, 1), 130.0)] {
            assert!((wall(curve, place) - expected / 90.0).abs() < 1e-9, "{curve} {place}");
        }
        let nogc = space.curves[2].unlimited.as_ref().unwrap().cost().unwrap();
        assert!((nogc.wall - 95.0 / 90.0).abs() < 1e-9 && nogc.cpu == 1.0, "{nogc:?}");
        assert!(space.curves[2].points.iter().all(Option::is_none));
    }

    /// The run had a processor for 40 of its 100 ms, and paused for 60.
    #[test]
    fn on_a_busy_machine_pauses_are_longer_than_their_processor_time() {
        let mut busy = run("marksweep", 10, 1, 100.0, 60.0);
        busy.measurement.cpu_ns = Some(40_000_000);
        let space = spaces(&[busy, run("marksweep", 20, 1, 500.0, 0.0)]).remove(0);
        let cost = *space.curves[0].points[0].as_ref().unwrap().cost().unwrap();
        assert!((cost.cpu - 40.0 / 16.0).abs() < 1e-9, "{cost:?}");
    }

    #[test]
    fn one_run_that_did_not_finish_is_the_value() {
        let mut failed = run("marksweep", 10, 2, 1.0, 0.0);
        failed.measurement = Measurement { status: Status::OutOfMemory, ..Measurement::default() };
        let records = [run("marksweep", 10, 1, 10.0, 1.0), failed, run("marksweep", 20, 1, 9.0, 1.0)];
        let space = spaces(&records).remove(0);
        assert_eq!(space.curves[0].points[0], Some(Point::DidNotComplete(Status::OutOfMemory)));
        assert_eq!(
            mean_over_programs(std::slice::from_ref(&space), space.curves[0].contestant, 0, |cost| cost.wall),
            None
        );
        let mean = mean_over_programs(&[space.clone(), space.clone()], space.curves[0].contestant, 1, |cost| cost.wall);
        assert!((mean.unwrap() - 9.0 / 8.0).abs() < 1e-9);
    }

    #[test]
    fn one_size_is_no_space() {
        assert!(spaces(&[run("marksweep", 10, 1, 10.0, 1.0), run("nogc", 0, 1, 10.0, 0.0)]).is_empty());
    }
}
