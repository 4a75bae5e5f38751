//! One run of a program that is not ours.
//!
//! Nothing is asked of the program but that it takes its collector as an argument. It is timed from outside, from
//! before its start until it is gone, so start and input are in the figures. What it cost is what the system says of it
//! and of the children that it waited for (`wait4`). What its heaps did it says itself, if it was built with the
//! feature `telemetry` of `heap_core`: it inherits the writing end of a pipe, which its environment names. Without that
//! feature it is timed all the same.
//!
//! It has a process group of its own, which is ended as a whole: a script that starts others leaves nothing behind.
//! Where this process is killed before it can do so, the system ends the program (on Linux, and not what the program
//! started).

use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use wait4::Wait4;

use super::progress::HeapLines;
use super::runner::{Ended, LONGEST_NAP, Runner, ended, failure, keep_end, text, timed_out};
use super::telemetry::Said;
use crate::contestants::meter::telling::Heaps;
use crate::record::{Checksum, Measurement, Status};
use crate::run::{child, interrupt};
use crate::system::process;
use crate::workloads;
use crate::workloads::command::CommandLine;

/// The environment variable that names the pipe: `heap_core::telemetry::VARIABLE`, which is behind a feature that no
/// program has that is measured here.
pub(super) const VARIABLE: &str = "HEAP_CORE_TELEMETRY";

/// A peak that was seen by so many looks is one; the first six are within 31 milliseconds.
const FEWEST_SAMPLES: u32 = 6;

/// What is known when a program is gone.
struct Gone {
    /// None, if it was ended because its time was over or the user said so.
    status: Option<ExitStatus>,
    wall: Duration,
    cpu: Duration,
    peak_rss_bytes: Option<u64>,
}

impl Runner {
    /// Runs a program that is not ours, with this collector. What it says of its heaps meanwhile is shown in `lines`.
    ///
    /// # Errors
    /// When the system has no pipes.
    pub(super) fn run_external(
        &self,
        line: &CommandLine,
        collector: &str,
        lines: Option<&HeapLines>,
    ) -> io::Result<Ended> {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        // The program inherits this end, and nothing else of ours. One run at a time, so nobody else does.
        fcntl_setfd(&writer, FdFlags::empty())?;
        let identity = rustix::fs::fstat(&writer)?;
        let mut command = Command::new(line.program());
        process::separate(&mut command);
        let start = Instant::now();
        let spawned = command
            .args(line.arguments(collector))
            .env(VARIABLE, format!("{}:{}:{}", writer.as_fd().as_raw_fd(), identity.st_dev, identity.st_ino))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        drop(writer);
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                let message = format!("{} cannot be started: {error}", line.program());
                return Ok(measured(Measurement {
                    status: Status::Failed,
                    message: Some(message),
                    ..Default::default()
                }));
            }
        };
        let said = listen(reader, lines.cloned());
        let stdout = digest(child.stdout.take());
        let stderr = keep_end(child.stderr.take());
        let gone = self.watch(&mut child, start)?;
        let left = Instant::now();
        let (said, output, stderr) = (ended(said, left), ended(stdout, left), ended(stderr, left));
        if interrupt::requested() {
            return Ok(Ended::Interrupted);
        }
        let held_open = said.is_none() || output.is_none() || stderr.is_none();
        let stderr = text(stderr.unwrap_or_default());
        let mut measurement = match gone.status {
            None => timed_out(self.timeout),
            Some(status) if status.success() => {
                Measurement { checksum: output.flatten().map(Checksum), ..Measurement::default() }
            }
            Some(status) => failure(status, &stderr),
        };
        let ns = |duration: Duration| u64::try_from(duration.as_nanos()).ok();
        measurement.wall_ns = ns(gone.wall);
        measurement.cpu_ns = ns(gone.cpu);
        measurement.peak_rss_bytes = gone.peak_rss_bytes;
        if held_open {
            let what = "something that it started lives on and holds its output open: what was said there is not known";
            measurement.message.get_or_insert_with(|| what.to_owned());
        }
        if let Some(said) = said {
            report(&said, &mut measurement);
        }
        Ok(measured(measurement))
    }

    /// Waits for the program, and ends it when its time is over or the user says so.
    fn watch(&self, child: &mut Child, start: Instant) -> io::Result<Gone> {
        let group = Pid::from_child(child);
        let status_file = format!("/proc/{}/status", child.id());
        let (ours, mut seen) = (process::peak_rss_bytes(), None);
        let mut nap = Duration::from_millis(1);
        let (mut ended, mut samples) = (false, 0);
        // Looks without burying: what it cost is told by the one call that buries it.
        while waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)?
            .is_none()
        {
            ended = start.elapsed() >= self.timeout || interrupt::requested();
            if ended {
                break;
            }
            let status = std::fs::read_to_string(&status_file).ok();
            seen = seen.max(status.and_then(|status| process::kilobytes(&status, "VmHWM:")));
            samples += 1;
            std::thread::sleep(nap);
            nap = (nap * 2).min(LONGEST_NAP);
        }
        let wall = start.elapsed();
        // What it started and did not wait for goes with it: it would hold the pipes open.
        let _ = kill_process_group(group, Signal::KILL);
        let used = child.wait4()?;
        // Linux counts from the peak of the process that made it, which is this one: less says nothing.
        let told = Some(used.rusage.maxrss).filter(|told| ours.is_none_or(|ours| *told > ours));
        Ok(Gone {
            status: Some(used.status).filter(|_| !ended),
            wall,
            cpu: used.rusage.utime + used.rusage.stime,
            // Two or three looks at its first milliseconds are not its peak.
            peak_rss_bytes: told.or(seen.filter(|_| samples >= FEWEST_SAMPLES)),
        })
    }
}

fn measured(measurement: Measurement) -> Ended {
    Ended::Measured(Box::new(measurement))
}

/// Reads what the program says of its heaps, on a thread of its own.
fn listen(reader: OwnedFd, lines: Option<HeapLines>) -> JoinHandle<Said> {
    let show = move |heaps: &Heaps| lines.iter().for_each(|lines| lines.show(heaps));
    std::thread::spawn(move || Said::read(BufReader::new(std::fs::File::from(reader)), show))
}

/// Reads what the program prints, on a thread of its own, and gives its checksum.
fn digest(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Option<u64>> {
    std::thread::spawn(move || {
        let mut checksum = workloads::Checksum::new();
        let mut stream = BufReader::new(stream?);
        let mut buffer = [0; 8 << 10];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Some(checksum.value()),
                Ok(read) => buffer[..read].iter().for_each(|byte| checksum.mix(u64::from(*byte))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    })
}

/// Writes what the program said into its measurement.
fn report(said: &Said, into: &mut Measurement) {
    let is_ok = into.status == Status::Ok;
    let silent = |sentence: String, into: &mut Measurement| {
        // Why it did not finish is said already, and is another matter.
        if is_ok && into.message.is_none() {
            into.message = Some(sentence);
        }
    };
    // Each thread can pause for as long as the program ran.
    const MOST_THREADS: u64 = 1 << 12;
    const MOST_BYTES: u64 = 1 << 47;
    let longest = into.wall_ns.unwrap_or(0).saturating_mul(MOST_THREADS);
    let is_possible = said.meter.pauses.durations.max_ns() <= into.wall_ns
        && said.meter.pauses.durations.total_ns() <= longest
        && said.meter.peak_heap_bytes <= MOST_BYTES;
    if !is_possible {
        silent(
            "what it tells of its heaps cannot be: longer pauses than it ran, or more memory than there is".to_owned(),
            into,
        );
        return;
    }
    match said.other_version {
        Some(other) => {
            silent(format!("it tells of its heaps in version {other} of the form, which is not read here"), into);
        }
        None if said.heaps == 0 => {
            silent(
                "it tells nothing of its heaps: was it built with the feature `telemetry` of heap-core?".to_owned(),
                into,
            );
        }
        None => {
            child::report(&said.meter, into);
            into.allocated_bytes = Some(said.allocated_bytes);
            if said.not_understood > 1 {
                silent(format!("{} lines about its heaps were not understood", said.not_understood), into);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_variable_is_the_librarys() {
        assert_eq!(super::VARIABLE, heap_core::telemetry::VARIABLE);
    }
}
