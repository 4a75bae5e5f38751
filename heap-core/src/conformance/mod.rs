//! The conformance kit: what every collector must pass, ours and anybody's.
//!
//! ```ignore
//! // tests/conformance.rs of a collector's crate, whose dev-dependencies have
//! // `heap-core = { version = "…", features = ["conformance"] }`.
//! heap_core::conformance!(MyCollector::default());
//! ```
//!
//! That line makes one test of each check. A crate with several collectors, or one collector with several settings,
//! gives each a module: `heap_core::conformance!(eager => MyCollector::eager());`. The expression is evaluated for every
//! heap that the kit makes, on several threads. Small settings find more: a nursery of 256 KiB is collected by the
//! programs of the kit, one of 4 MiB hardly.
//!
//! # What is checked
//!
//! | file | one idea |
//! |---|---|
//! | `model.rs` | the heap as it should be, and what may be alive after a full collection |
//! | `objects.rs` | a type for each way in which a type can hold a pointer |
//! | `program.rs` | random programs over the whole API |
//! | `interpreter.rs` | runs a program on the heap and on the model, and compares |
//!
//! The verdict is exact: after a full collection the heap holds what the model holds, no more and no less, by the count
//! of the collector, by the census of the verifier, and by the drop glue that ran.
//!
//! # Variables
//!
//! * `PROPTEST_CASES`: random programs per test; 64 unless said otherwise.
//! * `HEAP_CONFORMANCE_LOG=FILE`: each program is written to the file before it runs, for those that crash the process.

mod interpreter;
mod model;
mod objects;
mod program;
mod tools;

use std::sync::Arc;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::Heap;
use crate::collector::{Collector, IntoCollector};
use model::Promise;
use program::Mode;

/// The checks, for one collector.
#[derive(Clone)]
pub struct Kit {
    factory: Arc<dyn Fn() -> Box<dyn Collector> + Send + Sync>,
}

/// Runs the whole kit on a collector, one test for each check: `conformance!(MyCollector::default())`, or in a module of
/// its own, `conformance!(name => MyCollector::default())`.
#[macro_export]
macro_rules! conformance {
    ($module:ident => $collector:expr) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $crate::conformance!($collector);
        }
    };
    ($collector:expr) => {
        $crate::__conformance_tests! { $collector;
            random_programs
            random_programs_with_zeal
            random_programs_with_a_limit
            random_programs_with_increments
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($collector:expr; $($check:ident)*) => {$(
        #[test]
        fn $check() {
            $crate::conformance::Kit::new(|| $collector).$check();
        }
    )*};
}

impl Kit {
    /// The kit for the collectors that `factory` makes.
    pub fn new<C: IntoCollector>(factory: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Kit { factory: Arc::new(move || factory().into_collector()) }
    }

    fn collector(&self) -> Box<dyn Collector> {
        (self.factory)()
    }

    fn promise<R: ?Sized>(&self, heap: &mut Heap<R>) -> Promise {
        match (heap.reclaims(), heap.reclaims_cycles()) {
            (true, true) => Promise::Exact,
            (true, false) => Promise::KeepsCycles,
            (false, _) => Promise::KeepsAll,
        }
    }

    fn programs(&self, mode: Mode) {
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
        let log = std::env::var_os("HEAP_CONFORMANCE_LOG");
        let outcome = TestRunner::new(config).run(&program::programs(mode), |program| {
            if let Some(log) = &log {
                std::fs::write(log, format!("{program:?}")).expect("the log can be written");
            }
            interpreter::run(self, &program).map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, program)) => panic!("{why}\nThe shortest program found that fails:\n{program:?}"),
            Err(TestError::Abort(why)) => panic!("no programs could be made: {why}"),
        }
    }
}

/// Defines the checks once: as methods of [`Kit`], and as the list that the macro makes tests of.
macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident($kit:ident) $body:block)*) => {
        impl Kit {
            $($(#[$doc])* pub fn $check(&self) { let $kit = self; $body })*

            /// Every check, with its name.
            pub const CHECKS: &'static [(&'static str, fn(&Kit))] = &[$((stringify!($check), Kit::$check)),*];
        }
    };
}

checks! {
    /// Random programs, compared with the model.
    random_programs(kit) { kit.programs(Mode::Plain) }
    /// Random programs with a collection at every safepoint and a verification after every pause.
    random_programs_with_zeal(kit) { kit.programs(Mode::Zeal) }
    /// Random programs on heaps that they fill.
    random_programs_with_a_limit(kit) { kit.programs(Mode::Limited) }
    /// Random programs with an increment of collection after every operation.
    random_programs_with_increments(kit) { kit.programs(Mode::EachStep) }
}
