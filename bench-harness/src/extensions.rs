//! Collectors and workloads of third parties, and the program around them.
//!
//! Whoever writes a collector for [`heap_core`] gets this whole instrument for it: a binary of ten lines whose `main`
//! is [`run_with`](crate::run_with) and nothing else. The arguments are the instrument's, because every run is a
//! process of its own, and that process is the same binary with arguments that the instrument gives it.
//!
//! ```no_run
//! use bench_harness::{Bench, Extensions};
//! # use heap_core::NoGc as Semispace;
//! use heap_core::{AllocError, Gc, Rootable};
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     bench_harness::run_with(
//!         Extensions::new()
//!             .collector::<Semispace>("two halves, copied from one into the other")
//!             .workload("boxes", "a million numbers in boxes", boxes),
//!     )
//! }
//!
//! fn boxes(bench: &Bench<'_>) -> Result<u64, AllocError> {
//!     let mut heap = bench.heap::<Rootable![()], _>(|_| Ok(()))?;
//!     let rounds = [1_000, 1_000_000, 8_000_000][bench.size() as usize];
//!     (0..rounds).try_fold(0, |sum, number| {
//!         heap.try_mutate(|mc, _| Ok::<_, AllocError>(sum + *Gc::try_new(mc, number)?))
//!     })
//! }
//! ```

use heap_core::collector::FromSettings;

use crate::contestants::collector::Collector;
use crate::contestants::fault::Fault;
use crate::contestants::foreign as collectors;
use crate::contestants::heaps::foreign::{self as runs, Run};
use crate::contestants::peer::Peer;
use crate::text::names::{self, Named};
use crate::workloads::foreign as workloads;
use crate::workloads::program::Program;

/// What a third party adds to the comparison.
#[derive(Debug, Default)]
pub struct Extensions {
    collectors: Vec<collectors::Foreign>,
    workloads: Vec<workloads::Foreign>,
    runs: Vec<(&'static str, Run)>,
    /// What was wrong first: said when the program runs, in its own way.
    mistake: Option<String>,
}

impl Extensions {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a collector, with a line about it for `list`. It is called by its [`FromSettings::NAME`], and has the
    /// settings that it asks for; whether it reclaims and finds cycles is asked of the collector.
    ///
    /// A name that is taken ends the program when it runs, with a sentence and status 2.
    #[must_use]
    pub fn collector<C: FromSettings>(mut self, about: &str) -> Self {
        let taken = taken_collector(C::NAME) || self.collectors.iter().any(|other| other.name() == C::NAME);
        match collectors::Foreign::new::<C>(about) {
            Ok(_) if taken => self.note(format!("there are two collectors called `{}`", C::NAME)),
            Ok(collector) => self.collectors.push(collector),
            Err(sentence) => self.note(sentence),
        }
        self
    }

    /// Adds a workload, with a line about it for `list`: a function that makes its heaps by
    /// [`Bench::heap`](crate::Bench::heap) and returns a checksum.
    ///
    /// A name that is taken ends the program when it runs, with a sentence and status 2.
    #[must_use]
    pub fn workload(mut self, name: &'static str, about: &'static str, run: Run) -> Self {
        let taken = Program::named(name).is_ok() || self.workloads.iter().any(|other| other.name == name);
        match names::check("workload", name) {
            Ok(()) if taken => self.note(format!("there are two workloads called `{name}`")),
            Ok(()) => {
                self.workloads.push(workloads::Foreign { name, about });
                self.runs.push((name, run));
            }
            Err(sentence) => self.note(sentence),
        }
        self
    }

    fn note(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }

    /// Makes them known to this process.
    ///
    /// # Errors
    /// The first mistake that was made.
    pub(crate) fn announce(self) -> Result<(), String> {
        match self.mistake {
            Some(mistake) => Err(mistake),
            None => {
                collectors::set(self.collectors);
                workloads::set(self.workloads);
                runs::set(self.runs);
                Ok(())
            }
        }
    }
}

/// Whether something that stands among collectors has that name.
fn taken_collector(name: &str) -> bool {
    let has = |mut names: Box<dyn Iterator<Item = &'static str>>| names.any(|other| other == name);
    has(Box::new(Collector::all().into_iter().map(Named::name)))
        || has(Box::new(Fault::all().into_iter().map(Named::name)))
        || has(Box::new(Peer::all().into_iter().map(Named::name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_core::NoGc;

    fn mistake(extensions: Extensions) -> String {
        extensions.announce().unwrap_err()
    }

    #[test]
    fn a_name_twice_is_a_mistake() {
        let sentence = mistake(Extensions::new().collector::<NoGc>("the one that is there"));
        assert_eq!(sentence, "there are two collectors called `nogc`");
        for name in ["rings", "all", "telling", "snapshot"] {
            let sentence = mistake(Extensions::new().workload(name, "", |_| Ok(0)));
            assert!(sentence.contains(&format!("`{name}`")), "{sentence}");
        }
        let twice = Extensions::new().workload("mine", "", |_| Ok(0)).workload("mine", "", |_| Ok(0));
        assert_eq!(mistake(twice), "there are two workloads called `mine`");
    }

    #[test]
    fn a_name_that_cannot_be_typed_is_a_mistake() {
        let sentence = mistake(Extensions::new().workload("a,b", "", |_| Ok(0)));
        assert!(sentence.contains("cannot be the name of a workload"), "{sentence}");
    }
}
