//! The table of known holes in CONTRIBUTING.md names tests that exist.

use std::fs;
use std::path::Path;

#[test]
fn every_known_hole_has_its_test() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(workspace.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = read("CONTRIBUTING.md");
    let kit = read("heap-core/src/conformance/mod.rs");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|row| row.split_once(" | "));
    let mut numbers = Vec::new();
    for (number, row) in rows.filter(|(number, _)| number.starts_with(['A', 'B', 'C', 'D'])) {
        let tests = row.split_once(" | ").expect("three columns").1;
        // Between the names stands what they are: `ui`, `kit`, or for others `in` and a file.
        let parts: Vec<&str> = tests.split('`').collect();
        let mut found = 0;
        for at in (1..parts.len()).step_by(2) {
            let (before, name) = (parts[at - 1].trim_end(), parts[at]);
            if before.ends_with("ui") {
                read(&format!("heap-core/tests/ui/fail/{name}.rs"));
            } else if before.ends_with("kit") {
                assert!(kit.contains(&format!("\n    {name}(kit) {{")), "{number}: the kit has no check `{name}`");
            } else if parts.get(at + 1).is_some_and(|next| *next == " in ") {
                let file = parts[at + 2];
                assert!(read(file).contains(&format!("fn {name}(")), "{number}: no test `{name}` in {file}");
            } else if !name.contains(' ') && name.ends_with(".rs") {
                read(name);
            } else {
                continue;
            }
            found += 1;
        }
        assert!(found > 0 || tests.contains("`.ci/run "), "{number}: nothing keeps it shut");
        numbers.push(number);
    }
    let count = |letter: char| numbers.iter().filter(|number| number.starts_with(letter)).count();
    assert_eq!(['A', 'B', 'C', 'D'].map(count), [13, 11, 10, 13]);
}
