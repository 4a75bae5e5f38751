//! The book: how to use this library. Documentation only.
//!
//! The pages of types and functions say what each does. The book says what goes with what, and in which order to read. Each
//! chapter can be read alone, and links to the next. All code in it is compiled and run by `cargo test`.
//!
//! | | chapter | read it to |
//! |---|---|---|
//! | 1 | [a start in ten minutes](start) | have a program that runs |
//! | 2 | [thinking in `mutate`](mutate) | know where pointers are valid, and when the heap collects |
//! | 3 | [roots] | keep something from one `mutate` to the next |
//! | 4 | [barriers and locks](barriers) | change objects |
//! | 5 | [maps and foreign types](containers) | know what may be a field |
//! | 6 | [death] | use weak pointers, weak tables, finalizers |
//! | 7 | [choosing a collector](choosing) | choose one, or let your users choose |
//! | 8 | [looking into the heap](looking) | test, measure, find leaks |
//!
//! From gc-arena: [a table of names, and steps](from_gc_arena).

pub mod from_gc_arena;

#[doc = include_str!("start.md")]
pub mod start {}

#[doc = include_str!("mutate.md")]
pub mod mutate {}

#[doc = include_str!("roots.md")]
pub mod roots {}

#[doc = include_str!("barriers.md")]
pub mod barriers {}

#[doc = include_str!("containers.md")]
pub mod containers {}

#[doc = include_str!("death.md")]
pub mod death {}

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("looking.md")]
pub mod looking {}
