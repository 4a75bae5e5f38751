//! The book: how to use this library, and how to write a collector for it. Documentation only.
//!
//! The pages of types and functions say what each does. The book says what goes with what, and in which order to
//! read. Each chapter can be read alone, and links to the next. What is shown as a program is compiled and run by
//! `cargo test`; what is shown of a collector is compared with its file.
//!
//! # For programs
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
//!
//! # For authors of collectors
//!
//! | | chapter | read it to |
//! |---|---|---|
//! | | [write your own collector](collectors) | know what is needed before, and how the conformance kit is used |
//! | 1 | [allocation](collectors::allocate) | have a collector that passes the kit by promising nothing |
//! | 2 | [mark and sweep](collectors::mark_sweep) | free what is dead |
//! | 3 | [a semispace](collectors::semispace) | move objects |
//! | 4 | [a write barrier](collectors::barrier) | collect without looking at everything |
//! | 5 | [increments](collectors::increments) | mark while the program runs |
//! | | [the contract](collectors::contract) | look up who writes what, what may panic, what the kit demands of space |

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

/// Shows a collector as it is in the repository; compiled, and run with a heap, as a test.
macro_rules! chapter {
    ($name:ident, $text:literal, $file:literal, $collector:literal, $next:literal) => {
        #[doc = include_str!(concat!("collectors/", $text, ".md"))]
        ///
        #[doc = concat!("<details><summary>The whole file: <code>examples/collectors/", $file, ".rs</code></summary>")]
        ///
        /// ```
        #[doc = include_str!(concat!("../../examples/collectors/", $file, ".rs"))]
        #[doc = concat!("# let collector = ", $collector, "::default();")]
        /// # type Root = heap_core::Rootable![heap_core::Lock<Option<heap_core::Gc<'_, str>>>];
        /// # let mut heap = heap_core::Heap::<Root>::new(collector, |_| heap_core::Lock::new(None))?;
        /// # heap.mutate_root(|mc, root| *root = heap_core::Lock::new(Some(heap_core::Gc::new_str(mc, "kept"))));
        /// # heap.collect();
        /// # assert_eq!(heap.mutate(|_, root| root.get().unwrap().to_string()), "kept");
        /// # Ok::<(), heap_core::AllocError>(())
        /// ```
        ///
        /// </details>
        ///
        #[doc = $next]
        pub mod $name {}
    };
}

#[doc = include_str!("collectors.md")]
pub mod collectors {
    chapter!(allocate, "allocate", "bump", "Bump", "Next: [mark and sweep](crate::guide::collectors::mark_sweep).");
    chapter!(
        mark_sweep,
        "mark_sweep",
        "mark_sweep",
        "MarkSweep",
        "Next: [a semispace](crate::guide::collectors::semispace)."
    );
    chapter!(
        semispace,
        "semispace",
        "semispace",
        "Semispace",
        "Next: [a write barrier](crate::guide::collectors::barrier)."
    );
    chapter!(barrier, "barrier", "sticky", "Sticky", "Next: [increments](crate::guide::collectors::increments).");
    chapter!(
        increments,
        "increments",
        "increments",
        "Increments",
        "Next: [the contract](crate::guide::collectors::contract)."
    );

    #[doc = include_str!("collectors/contract.md")]
    pub mod contract {}
}
