//! Collectors that are written to be read (`examples/collectors`) run through the conformance kit, each with what it promises.
#![cfg(feature = "conformance")]

#[path = "../examples/collectors/bump.rs"]
mod bump;
#[path = "../examples/collectors/increments.rs"]
mod increments;
#[path = "../examples/collectors/mark_sweep.rs"]
mod mark_sweep;
#[path = "../examples/collectors/semispace.rs"]
mod semispace;
#[path = "../examples/collectors/sticky.rs"]
mod sticky;

heap_core::conformance!(chapter_1 => bump::Bump);
heap_core::conformance!(chapter_2 => mark_sweep::MarkSweep::default());
heap_core::conformance!(chapter_3 => semispace::Semispace::default());
heap_core::conformance!(chapter_4 => sticky::Sticky::default());
heap_core::conformance!(chapter_5 => increments::Increments::default());
