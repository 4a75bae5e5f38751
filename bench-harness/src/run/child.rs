//! The child's side of one invocation: load, start the clock, run, stop the clock, print one line of JSON.
//!
//! A process of its own is what makes invocations independent and crashes harmless. The workload runs on the main
//! thread, because that is where programs run: other threads get another `malloc` arena and another stack.

use std::io::{self, Write};
use std::time::Instant;

use crate::contestants::heaps::{self, Failure};
use crate::contestants::meter::Meter;
use crate::contestants::{Contestant, Peer};
use crate::record::key::Key;
use crate::record::{Checksum, Measurement, Status};
use crate::run::job::Job;
use crate::run::misbehave;
use crate::system::process;
use crate::workloads::program::Loaded;
use crate::workloads::{Outcome, Size};

/// Runs the job and prints its measurement on standard output.
///
/// # Errors
/// When standard output cannot be written: then nobody listens any more.
pub fn run(job: &Job) -> io::Result<()> {
    process::end_with_parent();
    let measurement = measure(job);
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &measurement)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

fn measure(job: &Job) -> Measurement {
    let Key { program, contestant, setting } = &job.key;
    if let Contestant::Fault(fault) = *contestant {
        return misbehave::commit(fault);
    }
    let loaded = match program.load() {
        Ok(loaded) => loaded,
        Err(sentence) => return stopped(Status::NoInput, sentence),
    };
    let mut measurement = match *contestant {
        Contestant::Collector(collector) => {
            let mut meter = Meter::default();
            let mut measurement =
                timed(|| heaps::run(collector, &loaded, setting.size, setting.heap_limit, &mut meter));
            if measurement.status != Status::Unsupported {
                report(&meter, &mut measurement);
            }
            measurement
        }
        Contestant::Peer(peer, _) => timed(|| run_peer(peer, &loaded, setting.size)),
        Contestant::Fault(fault) => misbehave::commit(fault),
    };
    measurement.peak_rss_bytes = process::peak_rss_bytes();
    measurement
}

/// Writes the figures of a meter into a measurement.
fn report(meter: &Meter, into: &mut Measurement) {
    into.gc_ns = Some(meter.pauses.total_ns());
    into.pause_count = Some(meter.pauses.count());
    into.pause_p50_ns = meter.pauses.quantile_ns(0.5);
    into.pause_p99_ns = meter.pauses.quantile_ns(0.99);
    into.pause_p999_ns = meter.pauses.quantile_ns(0.999);
    into.pause_max_ns = meter.pauses.max_ns();
    into.collections = Some(meter.collections);
    into.peak_heap_bytes = Some(meter.peak_heap_bytes);
    into.leaked_objects = meter.leaked_objects;
}

#[cfg(feature = "peers")]
fn run_peer(peer: Peer, loaded: &Loaded, size: Size) -> Result<Outcome, Failure> {
    let Loaded::Workload(workload) = *loaded else {
        return Err(Failure::Unsupported("peers do not replay snapshots".to_owned()));
    };
    crate::contestants::peers::run(peer, workload, size)
        .map_err(|unsupported| Failure::Unsupported(unsupported.to_string()))
}

#[cfg(not(feature = "peers"))]
fn run_peer(_: Peer, _: &Loaded, _: Size) -> Result<Outcome, Failure> {
    Err(Failure::Unsupported("this build has no peers".to_owned()))
}

/// Runs the workload between two looks at the clocks.
fn timed(workload: impl FnOnce() -> Result<Outcome, Failure>) -> Measurement {
    let (wall, cpu) = (Instant::now(), process::cpu_ns());
    let result = workload();
    let (wall, cpu_after) = (wall.elapsed(), process::cpu_ns());
    let mut measurement = match result {
        Ok(outcome) => Measurement {
            checksum: Some(Checksum(outcome.checksum)),
            allocated_bytes: Some(outcome.allocated_bytes),
            allocated_objects: Some(outcome.allocated_objects),
            ..Measurement::default()
        },
        Err(Failure::Unsupported(why)) => return stopped(Status::Unsupported, why),
        Err(Failure::OutOfMemory(why)) => stopped(Status::OutOfMemory, why),
        Err(Failure::Wrong(why)) => stopped(Status::Failed, why),
    };
    measurement.wall_ns = u64::try_from(wall.as_nanos()).ok();
    measurement.cpu_ns = cpu_after.zip(cpu).map(|(after, before)| after.saturating_sub(before));
    measurement
}

fn stopped(status: Status, why: String) -> Measurement {
    Measurement { status, message: Some(why), ..Measurement::default() }
}
