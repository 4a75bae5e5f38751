//! Programs written for gc-arena, and the same programs moved to heap-core: see the README beside this file.
//!
//! `cargo run --release -p bench-harness --example moved -- scheme gc-arena` runs one as it was, and
//! `... -- scheme generational:nursery=1MiB` as it is now.

#[path = "linked_list/after.rs"]
mod linked_list_after;
#[path = "linked_list/before.rs"]
mod linked_list_before;
#[path = "scheme/after.rs"]
mod scheme_after;
#[path = "scheme/before.rs"]
mod scheme_before;

use std::error::Error;

use heap_core::Collectors;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (program, place) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let source = include_str!("scheme/program.scm");
    let output = match (program.as_str(), place.as_str()) {
        ("linked-list", "gc-arena") => linked_list_before::run(),
        ("scheme", "gc-arena") => scheme_before::run(source),
        ("linked-list", _) => linked_list_after::run(&collectors().parse(&place)?),
        ("scheme", _) => scheme_after::run(&collectors().parse(&place)?, source),
        _ => return Err("say a program, `linked-list` or `scheme`, and `gc-arena` or a collector".into()),
    };
    println!("{output}");
    Ok(())
}

fn collectors() -> Collectors {
    Collectors::new()
        .with::<gc_generational::Generational>()
        .with::<gc_marksweep::MarkSweep>()
        .with::<gc_refcount::RefCount>()
}
