//! The programs that were moved from gc-arena say the same as before, on every collector, and were moved by renames: what
//! changed otherwise is listed in their README, line by line.

#[path = "../examples/moved/linked_list/after.rs"]
mod linked_list_after;
#[path = "../examples/moved/linked_list/before.rs"]
mod linked_list_before;
#[path = "../examples/moved/scheme/after.rs"]
mod scheme_after;
#[path = "../examples/moved/scheme/before.rs"]
mod scheme_before;

use heap_core::{CollectorChoice, Collectors};

const README: &str = include_str!("../examples/moved/README.md");

fn collectors() -> Vec<(&'static str, CollectorChoice)> {
    let known = Collectors::new()
        .with::<gc_generational::Generational>()
        .with::<gc_marksweep::MarkSweep>()
        .with::<gc_refcount::RefCount>();
    let choices = ["generational", "generational:nursery=64KiB", "marksweep", "marksweep:incremental=true", "refcount"];
    choices.map(|choice| (choice, known.parse(choice).unwrap_or_else(|error| panic!("{error}")))).into()
}

#[test]
fn the_list_says_the_same() {
    let before = linked_list_before::run();
    assert_eq!(before, "1 2 3 4 3 2 1 1 2 4");
    for (name, collector) in &collectors() {
        assert_eq!(linked_list_after::run(collector), before, "{name}");
    }
}

#[test]
fn the_scheme_says_the_same() {
    let source = include_str!("../examples/moved/scheme/program.scm");
    let before = scheme_before::run(source);
    assert!(before.ends_with("still here\n") && before.contains("log (tick 1 tock tick 2 tock)"), "{before}");
    for (name, collector) in &collectors() {
        assert_eq!(scheme_after::run(collector, source), before, "{name}");
    }
}

/// The table of renames in the README: from, to.
fn renames() -> Vec<(&'static str, &'static str)> {
    let rows = README.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.strip_suffix("` |").and_then(|row| row.split_once("` | `")).expect("two columns of code"))
        .collect()
}

/// The lines below a heading of the README that stand in a block of code.
fn listed(heading: &str) -> Vec<String> {
    let (_, below) = README.split_once(heading).expect("the README has the heading");
    let block = below.split("```").nth(1).expect("a block of code stands below it");
    sorted(block.lines().skip(1).map(str::to_owned))
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines
}

/// Lines that are not the same after the renames: with `-` those that went, with `+` those that came.
fn changed(before: &str, after: &str) -> Vec<String> {
    let renamed = renames().into_iter().fold(before.to_owned(), |text, (from, to)| rename(&text, from, to));
    // A shorter name makes the formatter break lines elsewhere: text is compared without its layout.
    let lines = |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let (mut gone, mut came) = (lines(&renamed), Vec::new());
    for line in lines(after) {
        match gone.iter().position(|other| *other == line) {
            Some(place) => drop(gone.remove(place)),
            None => came.push(line),
        }
    }
    let signed = |sign: char, lines: Vec<String>| {
        lines.into_iter().filter(|line| line.contains(is_word)).map(move |line| format!("{sign} {line}"))
    };
    sorted(signed('-', gone).chain(signed('+', came)))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Replaces what stands there as a whole word.
fn rename(text: &str, from: &str, to: &str) -> String {
    let mut renamed = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (left, right) = (&rest[..at], &rest[at + from.len()..]);
        let inside =
            |outer: Option<char>, inner: Option<char>| outer.is_some_and(is_word) && inner.is_some_and(is_word);
        let is_part = inside(left.chars().next_back(), from.chars().next())
            || inside(right.chars().next(), from.chars().next_back());
        renamed.push_str(left);
        renamed.push_str(if is_part { from } else { to });
        rest = right;
    }
    renamed + rest
}

#[test]
fn the_list_was_moved_by_renames() {
    let before = include_str!("../examples/moved/linked_list/before.rs");
    let after = include_str!("../examples/moved/linked_list/after.rs");
    assert_eq!(changed(before, after), listed("## What else changed in the linked list"));
}

#[test]
fn the_scheme_was_moved_by_renames() {
    let before = include_str!("../examples/moved/scheme/before.rs");
    let after = include_str!("../examples/moved/scheme/after.rs");
    assert_eq!(changed(before, after), listed("## What else changed in the Scheme"));
}
