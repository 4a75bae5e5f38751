//! Compares garbage collectors on classic programs and on the heaps of real programs.
//!
//! This file only starts it; [`bench_harness`] says how the program is built up.

use std::process::ExitCode;

use bench_harness::Extensions;

fn main() -> ExitCode {
    bench_harness::run_with(Extensions::new())
}
