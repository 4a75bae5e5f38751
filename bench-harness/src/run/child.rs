//! The child's side of one invocation: load, start the clock, run, stop the clock, print one line of JSON, after others
//! about its heaps if somebody wants to see those ([`telling`](crate::contestants::meter::telling)).
//!
//! A process of its own is what makes invocations independent and crashes harmless. The workload runs on the main
//! thread, because that is where programs run: other threads get another `malloc` arena and another stack.

use std::io::{self, Write};
use std::time::Instant;

use crate::contestants::heaps::{self, Failure, Probe};
use crate::contestants::meter::telling::Telling;
use crate::contestants::meter::{Durations, Meter, Pauses};
use crate::contestants::{Contestant, Peer};
use crate::record::key::Key;
use crate::record::{Checksum, Measurement, Status};
use crate::run::job::Job;
use crate::run::misbehave;
use crate::system::process;
use crate::workloads::Outcome;
use crate::workloads::client_sessions::Buffer;
use crate::workloads::event_loop::Latencies;
use crate::workloads::program::Loaded;

/// Runs the job and prints its measurement on standard output. With `probe`, its heaps are collected fully after each
/// so many batches, and what was found alive is reported as the live bytes. The program's input is on standard input,
/// if it comes `prepared`. With `telling`, what the heaps hold is told while it runs, in lines in front of the
/// measurement.
///
/// # Errors
/// When standard output cannot be written: then nobody listens any more.
pub fn run(job: &Job, probe: Option<u32>, prepared: bool, telling: bool) -> io::Result<()> {
    process::end_with_parent();
    let measurement = measure(job, probe, prepared, telling);
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &measurement)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

fn measure(job: &Job, probe: Option<u32>, prepared: bool, telling: bool) -> Measurement {
    let Key { program, contestant, setting } = &job.key;
    if let Contestant::Fault(fault) = *contestant {
        return misbehave::commit(fault);
    }
    let loaded = if prepared {
        Loaded::read(&mut io::stdin().lock()).map_err(|error| format!("cannot read the prepared heap: {error}"))
    } else {
        program.load(setting.size, job.snapshot_limit)
    };
    let loaded = loaded.and_then(|loaded| loaded.with_extra(job.extra_percent));
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(sentence) => return stopped(Status::NoInput, sentence),
    };
    let mut measurement = match *contestant {
        Contestant::Collector(collector) => {
            let mut meter = Meter::default();
            meter.telling = telling.then(Telling::default);
            let mut measurement = timed(|| {
                meter.begin();
                let probe = probe.map_or(Probe::Never, Probe::Every);
                heaps::run(collector, &loaded, setting.heap_limit, probe, &mut meter)
            });
            if measurement.status != Status::Unsupported {
                report(&meter, &mut measurement);
            }
            measurement
        }
        Contestant::Peer(peer, _) => {
            let mut latencies = Latencies::default();
            let mut measurement = timed(|| run_peer(peer, &loaded, &mut latencies));
            report_latencies(&latencies, &mut measurement);
            measurement
        }
        Contestant::Runtime(_) | Contestant::External(_) => {
            stopped(Status::Unsupported, "a program that is not ours runs in a process of its own".to_owned())
        }
        Contestant::Fault(fault) => misbehave::commit(fault),
    };
    measurement.peak_rss_bytes = process::peak_rss_bytes();
    measurement.peak_outside_bytes = Buffer::peak_bytes();
    // After the clock and the peak: finding out can take time and memory.
    if measurement.live_bytes.is_none() {
        measurement.live_bytes = loaded.live_bytes();
    }
    measurement
}

/// Writes the figures of a meter into a measurement.
pub(super) fn report(meter: &Meter, into: &mut Measurement) {
    let Pauses { durations, timeline } = &meter.pauses;
    into.gc_ns = Some(durations.total_ns());
    into.pause_count = Some(durations.count());
    into.pause_p50_ns = durations.quantile_ns(0.5);
    into.pause_p99_ns = durations.quantile_ns(0.99);
    into.pause_p999_ns = durations.quantile_ns(0.999);
    into.pause_p9999_ns = durations.quantile_ns(0.9999);
    into.pause_max_ns = durations.max_ns();
    into.pause_histogram = Some(durations.distribution());
    into.timeline = Some(timeline.clone());
    into.collections = Some(meter.collections);
    into.peak_heap_bytes = Some(meter.peak_heap_bytes);
    into.leaked_objects = meter.leaked_objects;
    into.live_bytes = Some(meter.probed_live_bytes).filter(|bytes| *bytes > 0);
    report_latencies(&meter.latencies, into);
}

/// Writes the metered latencies of requests into a measurement, if there were requests.
pub(super) fn report_latencies(latencies: &Latencies, into: &mut Measurement) {
    let Some(metered) = latencies.metered() else { return };
    into.latency_p50_ns = Some(metered.quantile_ns(0.5));
    into.latency_p99_ns = Some(metered.quantile_ns(0.99));
    into.latency_p999_ns = Some(metered.quantile_ns(0.999));
    into.latency_p9999_ns = Some(metered.quantile_ns(0.9999));
    into.latency_max_ns = Some(metered.quantile_ns(1.0));
    let mut durations = Durations::default();
    metered.ascending_ns().iter().for_each(|latency| durations.record_ns(*latency));
    into.latency_histogram = Some(durations.distribution());
}

#[cfg(feature = "peers")]
fn run_peer(peer: Peer, loaded: &Loaded, latencies: &mut Latencies) -> Result<Outcome, Failure> {
    let Loaded::Workload(ready) = loaded else {
        return Err(Failure::Unsupported("peers do not replay snapshots".to_owned()));
    };
    crate::contestants::peers::run(peer, ready, latencies)
        .map_err(|unsupported| Failure::Unsupported(unsupported.to_string()))
}

#[cfg(not(feature = "peers"))]
fn run_peer(_: Peer, _: &Loaded, _: &mut Latencies) -> Result<Outcome, Failure> {
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
            allocated_bytes: outcome.allocated_bytes,
            allocated_objects: outcome.allocated_objects,
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
