//! `run`: chosen workloads on chosen collectors, each run in detail as soon as it ends.

use std::io;
use std::process::ExitCode;

use crate::analysis::summary;
use crate::cli::RunOptions;
use crate::record::key::Key;
use crate::record::{Measurement, Record, Status};
use crate::text::format;

/// Runs the workloads. From two runs on, a table follows.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn run(options: RunOptions) -> Result<ExitCode, String> {
    let prepared = super::prepare(options.workloads.0, options.common, 1)?;
    let to_stdout = !prepared.journal.is_stdout();
    let several = prepared.plan.jobs.len() > 1;
    let show = |record: &Record| -> io::Result<()> { if to_stdout { super::print(&details(record)) } else { Ok(()) } };
    Ok(super::execute(prepared, several, show))
}

/// Everything about one run, a line per topic.
fn details(record: &Record) -> String {
    let Key { program, contestant, setting } = &record.key;
    let (size, invocation) = (setting.size, record.invocation);
    let mut text = format!("{program} on {}, size {size}, invocation {invocation}", contestant.label());
    let measurement = &record.measurement;
    if measurement.status != Status::Ok {
        text.push_str(&format!(": {}", summary::explain(record)));
    }
    text.push('\n');
    for (topic, figures) in topics(measurement) {
        if !figures.is_empty() {
            text.push_str(&format!("  {topic:<10} {}\n", figures.join(", ")));
        }
    }
    text.push('\n');
    text
}

fn topics(measurement: &Measurement) -> [(&'static str, Vec<String>); 8] {
    let ms = |ns: Option<u64>, what: &str| ns.map(|ns| format!("{} ms{what}", format::ms(ns as f64)));
    let counted = |n: Option<u64>, what: &str| n.map(|n| format!("{} {what}", format::count(n)));
    let bytes = |n: Option<u64>, what: &str| n.map(|n| format!("{}{what}", format::bytes(n)));
    let some = |figures: Vec<Option<String>>| figures.into_iter().flatten().collect();
    let pause = |name: &str, ns: Option<u64>| ns.map(|ns| format!("{name} {}", format::ms(ns as f64)));
    let mut pauses = vec![
        pause("p50", measurement.pause_p50_ns),
        pause("p99", measurement.pause_p99_ns),
        pause("p99.9", measurement.pause_p999_ns),
        pause("max", measurement.pause_max_ns).map(|text| text + " ms"),
    ];
    let latencies = vec![
        pause("p50", measurement.latency_p50_ns),
        pause("p99", measurement.latency_p99_ns),
        pause("p99.9", measurement.latency_p999_ns),
        pause("max", measurement.latency_max_ns).map(|text| text + " ms"),
    ];
    pauses.insert(0, counted(measurement.pause_count, "pauses"));
    [
        ("time", some(vec![ms(measurement.cpu_ns, " of processor time"), ms(measurement.wall_ns, " elapsed")])),
        ("collector", some(vec![ms(measurement.gc_ns, ""), counted(measurement.collections, "collections")])),
        ("pauses", some(pauses)),
        (
            "allocated",
            some(vec![
                counted(measurement.allocated_objects, "objects"),
                bytes(measurement.allocated_bytes, ""),
                counted(measurement.leaked_objects.filter(|leaked| *leaked > 0), "objects of garbage left"),
            ]),
        ),
        ("latency", some(latencies)),
        ("live", some(vec![bytes(measurement.live_bytes, " at most")])),
        (
            "peak",
            some(vec![
                bytes(measurement.peak_heap_bytes, " of heap"),
                bytes(measurement.peak_outside_bytes, " owned outside it"),
                bytes(measurement.peak_rss_bytes, " of process"),
            ]),
        ),
        ("checksum", some(vec![measurement.checksum.map(|checksum| checksum.to_string())])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn a_run_in_detail() {
        let expected = "\
rings on marksweep, size classic, invocation 2
  time       1100 ms of processor time, 1000 ms elapsed
  collector  125 ms, 250 collections
  pauses     250 pauses, p50 0.012, p99 1.20, p99.9 3.40, max 5.60 ms
  allocated  67,000,000 objects, 1 GiB
  live       82 MiB at most
  peak       123 MiB of heap, 131 MiB of process
  checksum   123456789abcdef0

";
        assert_eq!(details(&sample("rings", "marksweep", 2, 1000.0)), expected);
    }

    #[test]
    fn a_run_without_result() {
        let mut record = sample("rings", "marksweep", 1, 1.0);
        record.measurement = Measurement { status: Status::OutOfMemory, ..Measurement::default() };
        record.key.setting.heap_limit = Some(1 << 20);
        let expected = "rings on marksweep, size classic, invocation 1: out of memory with a heap limit of 1 MiB\n\n";
        assert_eq!(details(&record), expected);
    }
}
