//! `run`: chosen workloads on chosen collectors, each run in detail as soon as it ends.

use std::io;
use std::process::ExitCode;

use crate::analysis::summary;
use crate::cli::RunOptions;
use crate::record::figures::{Figure, Topic};
use crate::record::key::Key;
use crate::record::{Record, Status};

/// Runs the workloads. From two runs on, a table follows.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn run(options: RunOptions) -> Result<ExitCode, String> {
    let prepared = super::prepare(options.workloads.0, options.common, None, 1)?;
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
    for topic in Topic::ALL {
        let figures = Figure::all().iter().filter(|figure| figure.topic == topic);
        let texts: Vec<_> = figures
            .filter_map(|figure| Some(format!("{} {}", figure.short, figure.unit.text(figure.of(measurement)?))))
            .collect();
        if !texts.is_empty() {
            text.push_str(&format!("  {:<10} {}\n", topic.name(), texts.join(", ")));
        }
    }
    if let Some(checksum) = measurement.checksum {
        text.push_str(&format!("  {:<10} {checksum}\n", "checksum"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measurement;
    use crate::record::tests::sample;

    #[test]
    fn a_run_in_detail() {
        let expected = "\
rings on marksweep, size classic, invocation 2
  time       elapsed 1000 ms, processor 1100 ms
  collector  in pauses 125 ms, collections 250, garbage left 0, share 12 %
  pauses     number 250, p50 0.012 ms, p99 1.20 ms, p99.9 3.40 ms, p99.99 5.60 ms, max 5.60 ms
  allocated  objects 67,000,000, bytes 1 GiB
  live       at most 82 MiB
  peak       heap 123 MiB, process 131 MiB, heap/live 1.50
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
