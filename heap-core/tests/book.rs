//! The collectors of the book (`heap_core::guide::collectors`): the chapters quote them as they are, and all of them pass the
//! conformance kit, each with what it promises.

macro_rules! chapter {
    ($chapter:literal, $collector:literal) => {
        (
            $chapter,
            include_str!(concat!("../src/guide/collectors/", $chapter, ".md")),
            include_str!(concat!("../examples/collectors/", $collector, ".rs")),
        )
    };
}
/// A chapter and the collector that it shows.
const CHAPTERS: [(&str, &str, &str); 5] = [
    chapter!("allocate", "bump"),
    chapter!("mark_sweep", "mark_sweep"),
    chapter!("semispace", "semispace"),
    chapter!("barrier", "sticky"),
    chapter!("increments", "increments"),
];

/// The pieces of code in a chapter that are not compiled, because they are parts of something.
fn quotes(chapter: &str) -> impl Iterator<Item = &str> {
    chapter.split("```rust,ignore\n").skip(1).map(|rest| rest.split_once("```").expect("a piece of code ends").0)
}

#[test]
fn chapters_quote_the_code_as_it_is() {
    // Quotes are moved to the left.
    let lines = |text: &str| text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>();
    for (name, chapter, collector) in CHAPTERS {
        let collector = lines(collector);
        assert!(quotes(chapter).count() >= 2, "{name} shows its collector");
        for quote in quotes(chapter) {
            assert!(collector.contains(&lines(quote)), "{name} quotes what is not in its collector:\n{quote}");
        }
    }
}

#[cfg(feature = "conformance")]
#[path = "../examples/collectors/bump.rs"]
mod bump;
#[cfg(feature = "conformance")]
#[path = "../examples/collectors/increments.rs"]
mod increments;
#[cfg(feature = "conformance")]
#[path = "../examples/collectors/mark_sweep.rs"]
mod mark_sweep;
#[cfg(feature = "conformance")]
#[path = "../examples/collectors/semispace.rs"]
mod semispace;
#[cfg(feature = "conformance")]
#[path = "../examples/collectors/sticky.rs"]
mod sticky;

#[cfg(feature = "conformance")]
mod kit {
    use std::collections::HashSet;
    use std::ops::Range;

    use heap_core::AllocError;
    use heap_core::collector::{AllocRequest, Allocation, Capabilities, Collector, HeapContext, Object};
    use heap_core::conformance::Kit;
    use heap_core::events::CollectionKind;

    use super::{bump, increments, mark_sweep, semispace, sticky};

    heap_core::conformance!(chapter_1 => bump::Bump);
    // What it would pass if it promised to free what is dead. The others are what the second chapter is about.
    heap_core::conformance!(chapter_1_promising => Promising(bump::Bump); only
        allocation_sites, collections_changed_meanwhile, collections_in_a_full_heap, dumps_that_fail,
        heaps_by_the_thousand, identity_hashes, inspections, old_to_young, panic_in_drop_glue_of_a_dropped_heap,
        panic_in_the_first_root, prefixes, reference_counts, registry_entries, reports, safepoints_end,
        steps_reclaim_the_old,
        thread_local_heaps);
    heap_core::conformance!(chapter_2 => mark_sweep::MarkSweep::default());
    heap_core::conformance!(chapter_3 => semispace::Semispace::default());
    heap_core::conformance!(chapter_4 => sticky::Sticky::default());
    heap_core::conformance!(chapter_5 => increments::Increments::default());

    /// Promises what it does not keep.
    struct Promising(bump::Bump);

    // SAFETY: but for the promise, which nothing relies upon, it is the collector inside.
    unsafe impl Collector for Promising {
        fn name(&self) -> &'static str {
            self.0.name()
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::TRACING
        }

        fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
            self.0.start(heap)
        }

        fn allocate_slow(
            &mut self,
            heap: &mut HeapContext<'_>,
            request: AllocRequest,
        ) -> Result<Allocation, AllocError> {
            self.0.allocate_slow(heap, request)
        }

        fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
            self.0.barrier_slow(heap, object, range);
        }

        fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
            self.0.safepoint(heap);
        }

        fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
            self.0.collect(heap, kind);
        }

        fn step(&mut self, heap: &mut HeapContext<'_>, bytes: usize) -> bool {
            self.0.step(heap, bytes)
        }
    }

    /// Chapters say which checks notice what. There, a name in backquotes with an underscore is the name of a check.
    #[test]
    fn chapters_name_checks_that_exist() {
        let checks: HashSet<&str> = Kit::CHECKS.iter().map(|(name, _)| *name).collect();
        let contract = include_str!("../src/guide/collectors/contract.md");
        let contract = contract.split_once("# What the kit demands of space").expect("the table is there").1;
        let chapters =
            super::CHAPTERS.map(|(_, chapter, _)| chapter.split_once("# Which part of the kit").expect("says").1);
        for text in chapters.into_iter().chain([contract]) {
            let quoted = text.split('`').skip(1).step_by(2);
            let names =
                quoted.filter(|name| name.contains('_') && name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()));
            for name in names {
                assert!(checks.contains(name), "there is no check `{name}`");
            }
        }
    }
}
