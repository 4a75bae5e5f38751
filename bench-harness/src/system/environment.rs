//! The machine and the build, as far as they can be known without help.
//!
//! A time without them is a number. Everything is best effort and `null` where the system does not tell; nothing here
//! can fail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What surrounds a measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The processor's name.
    pub cpu: Option<String>,
    /// How many processors this process may use.
    pub cores: Option<usize>,
    /// Memory of the machine in bytes.
    pub memory_bytes: Option<u64>,
    /// Operating system and architecture, such as `linux x86_64`.
    pub system: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// When the kernel gives large pages to ordinary memory: `always`, `madvise` or `never`.
    pub transparent_huge_pages: Option<String>,
    /// How the clock frequency of the processor is governed.
    pub governor: Option<String>,
    /// The compiler that built this program.
    pub rustc: Option<String>,
    /// `release` or `debug`; times of a debug build mean nothing.
    pub build: Option<String>,
    /// The commit that was built, if it was built from a repository.
    pub commit: Option<String>,
    /// Other languages that took part, by name, and their versions.
    #[serde(default)]
    pub runtimes: BTreeMap<String, String>,
}

impl Environment {
    /// Looks around.
    #[must_use]
    pub fn detect() -> Self {
        Self {
            cpu: cpu(),
            cores: std::thread::available_parallelism().ok().map(Into::into),
            memory_bytes: memory_bytes(),
            system: Some(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
            kernel: kernel(),
            transparent_huge_pages: chosen("/sys/kernel/mm/transparent_hugepage/enabled"),
            governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            rustc: option_env!("BENCH_RUSTC").map(str::to_owned),
            build: Some(if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned()),
            commit: option_env!("BENCH_COMMIT").map(str::to_owned),
            runtimes: BTreeMap::new(),
        }
    }

    /// Whether measurements of both can be put together: the same machine and the same build, as far as both are known.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.cpu.clone(), one.cores, one.memory_bytes, one.build.clone(), one.commit.clone());
        of(self) == of(other)
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let cores = self.cores.map(|cores| format!("{cores} {}", if cores == 1 { "core" } else { "cores" }));
        let kernel = self.kernel.as_ref().map(|kernel| format!("kernel {kernel}"));
        // `rustc 1.95.0 (59807616e 2026-04-14)`: the version is enough here.
        let rustc = self.rustc.as_ref().map(|rustc| rustc.split(" (").next().unwrap_or_default().to_owned());
        let commit = self.commit.as_ref().map(|commit| format!("commit {commit}"));
        let runtimes = self.runtimes.iter().map(|(name, version)| Some(format!("{name} {version}")));
        let facts = [self.cpu.clone(), cores, kernel, rustc, commit].into_iter().chain(runtimes);
        facts.flatten().collect::<Vec<_>>().join(", ")
    }
}

fn cpu() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = info.lines().find(|line| line.starts_with("model name"))?;
    model.split_once(':').map(|(_, name)| name.trim().to_owned())
}

fn memory_bytes() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    crate::system::process::kilobytes(&info, "MemTotal:")
}

#[cfg(unix)]
fn kernel() -> Option<String> {
    Some(rustix::system::uname().release().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn kernel() -> Option<String> {
    None
}

fn line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(str::to_owned)
}

/// The word in square brackets, as in `always [madvise] never`.
fn chosen(path: &str) -> Option<String> {
    let text = line(path)?;
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}
