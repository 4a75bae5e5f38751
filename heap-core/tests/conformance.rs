//! NoGc through the conformance kit.
#![cfg(feature = "conformance")]

heap_core::conformance!(heap_core::NoGc::default());
