//! What the system knows about this process: processor time, peak memory, limits.
//!
//! Peak memory is read from `VmHWM`, not from `getrusage`: Linux carries `ru_maxrss` over `exec`, so that a child would
//! start with its parent's high-water mark. Where a figure cannot be had it is absent, and the record says `null`.

use std::io;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
#[cfg(unix)]
use std::time::Duration;

/// The stack that the main thread of a child has. It is Linux's default, set explicitly so that a program that
/// overflows its stack on one machine does so on all.
#[cfg(unix)]
const STACK_BYTES: u64 = 8 << 20;

/// Processor time of all threads of this process so far, in nanoseconds.
#[must_use]
pub fn cpu_ns() -> Option<u64> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        u64::try_from(Duration::try_from(time).ok()?.as_nanos()).ok()
    }
    #[cfg(not(unix))]
    None
}

/// The most memory that this process had resident, in bytes.
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The figure of one line such as `VmHWM:     1234 kB`, in bytes.
pub(crate) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Gives the main thread of processes started from now on a stack of 8 MiB, if the system lets us.
pub fn fix_stack_of_children() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Stack);
        if limit.maximum.is_none_or(|maximum| maximum >= STACK_BYTES) {
            limit.current = Some(STACK_BYTES);
            let _ = setrlimit(Resource::Stack, limit);
        }
    }
}

/// Asks the system to end this process when the one that started it ends, so that an aborted comparison leaves nothing
/// behind that computes on.
pub fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}

/// A program that is not ours: it gets a process group of its own, which [`end`] ends as a whole, and it is asked for
/// on its behalf, between its creation and its first instruction, what [`end_with_parent`] asks for. What it starts
/// itself is not asked.
pub fn separate(command: &mut Command) {
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
        let us = getpid();
        // SAFETY: the copy of this process has one thread, and locks that others held are held for ever in it. What it
        // does here is two system calls: it takes no lock and asks for no memory, also where it fails.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                // Who asks after the end is not told of it any more.
                if getppid() == Some(us) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
            });
        }
    }
    #[cfg(not(unix))]
    let _ = command;
}

/// Ends a program that was not waited for; if it has a process group of its own, with all in it. A command is often a
/// script that starts what matters.
///
/// # Errors
/// When the system does not let us.
pub fn end(child: &mut Child) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, getpgid, kill_process_group};
        let program = Pid::from_child(child);
        if getpgid(Some(program)) == Ok(program) {
            let _ = kill_process_group(program, Signal::KILL);
        }
    }
    child.kill()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_proc() {
        let text = "Name:\tx\nVmPeak:\t   20 kB\nVmHWM:\t    1234 kB\n";
        assert_eq!(kilobytes(text, "VmHWM:"), Some(1234 * 1024));
        assert_eq!(kilobytes(text, "VmSwap:"), None);
        assert_eq!(kilobytes("VmHWM: many kB", "VmHWM:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_something() {
        assert!(peak_rss_bytes().unwrap() > 100_000);
        assert!(cpu_ns().is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_script_is_ended_with_what_it_started() {
        use std::io::{BufRead, BufReader};

        let mut script = Command::new("sh");
        script.args(["-c", "sleep 1000 & echo $!; wait"]).stdout(std::process::Stdio::piped());
        separate(&mut script);
        let mut script = script.spawn().unwrap();
        let mut pid = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        end(&mut script).unwrap();
        script.wait().unwrap();
        let status = format!("/proc/{}/stat", pid.trim());
        let begin = std::time::Instant::now();
        // Nobody may be there to bury it.
        while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{pid} lives");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
