//! What must not compile, with the messages that a user sees; and unusual programs that must.
//!
//! The messages belong to one compiler, so with any other the comparison is skipped. `TRYBUILD=overwrite` writes them
//! anew.

/// The compiler whose messages are in `tests/ui/fail`.
const COMPILER: &str = "rustc 1.95";

#[test]
fn ui() {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = std::process::Command::new(compiler).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if !version.starts_with(COMPILER) {
        eprintln!("skipped: the messages were written by {COMPILER}, and this is {version}");
        return;
    }
    let tests = trybuild::TestCases::new();
    tests.pass("tests/ui/pass/*.rs");
    tests.compile_fail("tests/ui/fail/*.rs");
}
