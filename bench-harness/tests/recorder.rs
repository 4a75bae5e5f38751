//! The conformance kit of heap-core on the recording collector: it reclaims as one must, whatever it writes down.
//!
//! `cargo test -p bench-harness --features conformance --test recorder`

use std::io;

use bench_harness::recording::Recorder;

heap_core::conformance!(recorder => Recorder::new(io::sink(), u64::MAX));
// The trace ends in the middle, and the program goes on.
heap_core::conformance!(cut => Recorder::new(io::sink(), 2_000));
