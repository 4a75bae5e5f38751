//! What the system knows about this process: processor time, peak memory, limits.
//!
//! Peak memory is read from `VmHWM`, not from `getrusage`: Linux carries `ru_maxrss` over `exec`, so that a child would
//! start with its parent's high-water mark. Where a figure cannot be had it is absent, and the record says `null`.

#[cfg(unix)]
use std::time::Duration;

/// The stack that the main thread of a child has. It is Linux's default, set explicitly so that a program that overflows
/// its stack on one machine does so on all.
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

/// The same for a program that is not ours: it is asked on its behalf, between its creation and its first instruction.
/// What it starts itself is not asked.
pub fn end_with_us(command: &mut std::process::Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;

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
    #[cfg(not(target_os = "linux"))]
    let _ = command;
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
}
