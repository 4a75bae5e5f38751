//! The conformance kit notices mistakes on a collector that reclaims nothing, as far as it can make them.
#![cfg(feature = "conformance")]

heap_core::conformance_mistakes!(heap_core::NoGc::default());
