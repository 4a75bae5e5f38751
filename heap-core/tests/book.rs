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
    for (name, chapter, collector) in CHAPTERS {
        assert!(quotes(chapter).count() >= 2, "{name} shows its collector");
        for quote in quotes(chapter) {
            assert!(collector.contains(quote), "{name} quotes what is not in its collector:\n{quote}");
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

    use heap_core::conformance::Kit;

    use super::{bump, increments, mark_sweep, semispace, sticky};

    heap_core::conformance!(chapter_1 => bump::Bump);
    heap_core::conformance!(chapter_2 => mark_sweep::MarkSweep::default());
    heap_core::conformance!(chapter_3 => semispace::Semispace::default());
    heap_core::conformance!(chapter_4 => sticky::Sticky::default());
    heap_core::conformance!(chapter_5 => increments::Increments::default());

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
