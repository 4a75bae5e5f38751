//! How to use this crate, by task. Documentation only.

pub mod from_gc_arena;
