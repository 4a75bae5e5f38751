//! The README shows a program. It is this crate's example, which is compiled; here the two are held together.

#[test]
fn the_program_in_the_readme_is_the_example() {
    let readme = include_str!("../../README.md");
    let example = include_str!("../examples/readme.rs");
    let (_, program) = example.split_once("\n\n").expect("a front line, then the program");
    assert!(readme.contains(program.trim_end()), "copy gc-generational/examples/readme.rs into README.md");
}
