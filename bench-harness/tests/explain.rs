//! `explain` from outside, and what it says against CPython.

use std::process::{Command, Output, Stdio};

use bench_harness::contestants::collector::Collector;
use bench_harness::explain::check::Check;
use bench_harness::explain::python::Python;

fn explain(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    command.arg("explain").args(arguments).stdin(Stdio::null()).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is text")
}

/// A CPython that can be compared, or a line that says why there is none.
fn python() -> Option<Python> {
    Python::start("python3").map_err(|sentence| eprintln!("skipped: {sentence}")).ok()
}

/// As many sequences as `PROPTEST_CASES` says.
#[test]
fn random_sequences_do_the_same_in_cpython() {
    let Some(mut python) = python() else { return };
    let sequences = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let mut check = Check::new(&Collector::ALL, Some(&mut python));
    let finding = check.random(sequences, 0).expect("CPython answers");
    assert!(finding.is_none(), "{finding:#?}");
    let extent = check.extent();
    assert_eq!(extent.sequences, sequences);
    assert!(extent.counts > 10 * sequences && extent.deaths > sequences, "{extent:?}");
}

#[test]
fn the_chapters_do_the_same_in_cpython() {
    if python().is_none() {
        return;
    }
    let chapters = ["names", "containers", "functions", "chains", "cycles", "deferred"];
    let output = explain(&[&chapters[..], &["--against", "python3", "--collectors", "all"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("\nNo difference to CPython 3."), "{}", text(&output.stdout));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn the_script_runs_by_itself() {
    if python().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.py");
    std::fs::write(&script, explain(&["functions", "cycles", "--script"]).stdout).unwrap();
    let output = Command::new("python3").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 10 + 7 + 4);
    assert!(text(&output.stdout).lines().last().unwrap().contains("\"died\": [5]"), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_compared_is_left_out_with_a_line() {
    let output = explain(&["names", "--against", "no-such-python"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "not compared with CPython: there is no program `no-such-python`\n");
    assert!(text(&output.stdout).contains("x = Thing()"));
}

#[cfg(unix)]
mod impostors {
    use super::{explain, text};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// A program that introduces itself so, and answers each script so.
    fn impostor(folder: &Path, hello: &str, answer: &str) -> String {
        let file = folder.join("python");
        fs::write(&file, format!("#!/bin/sh\necho '{hello}'\nwhile read -r line; do printf '{answer}'; done\n"))
            .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file.to_str().unwrap().to_owned()
    }

    const HELLO: &str = r#"{"implementation": "CPython", "version": "3.12.0", "counts_at_once": true}"#;

    #[test]
    fn a_difference_is_shown_and_is_status_1() {
        let folder = tempfile::tempdir().unwrap();
        let one = r#"{"counts": {"1": 7}, "died": []}\n"#;
        let python = impostor(folder.path(), HELLO, &format!("{}{{\"end\": true}}\\n", one.repeat(5)));
        let output = explain(&["names", "--against", &python, "--collectors", "refcount-cycles"]);
        assert_eq!(output.status.code(), Some(1));
        let shown = text(&output.stdout);
        assert!(shown.contains("  y = x                    2 alive           7 alive\n"), "{shown}");
        let line = "names: line 4, `del y`: object 1 dies in refcount-cycles, not in CPython\n";
        assert!(shown.contains("Differences to CPython 3.12.0:\n") && shown.contains(line), "{shown}");
        // What is found on a random sequence is a script.
        let python = impostor(folder.path(), HELLO, &format!("{one}{{\"end\": true}}\\n"));
        let output = explain(&["--random", "5", "--against", &python]);
        assert_eq!(output.status.code(), Some(1));
        let shown = text(&output.stdout);
        assert!(shown.contains("sequence of seed 1,") && shown.ends_with("\nstep()\n"), "{shown}");
    }

    #[test]
    fn who_is_not_a_recent_cpython_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        for (hello, says) in [
            ("Python 2", "is no Python 3: it says \"Python 2\""),
            (&HELLO.replace("CPython", "PyPy"), "is PyPy, which does not count references"),
            (&HELLO.replace("3.12", "3.9"), "is CPython 3.9.0; from 3.11 on counts can be compared"),
            (&HELLO.replace("true", "false"), "is a CPython without the global lock"),
        ] {
            let python = impostor(folder.path(), hello, "");
            let output = explain(&["names", "--against", &python]);
            assert_eq!(output.status.code(), Some(0), "{hello}");
            assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        }
        // One that dies in the middle has not been compared.
        let python = impostor(folder.path(), HELLO, "nonsense\\n");
        let output = explain(&["names", "--against", &python]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("says what is not understood"), "{}", text(&output.stderr));
    }
}

#[test]
fn mistakes_are_answered_with_what_there_is() {
    for (arguments, says) in [
        (vec!["cycle"], "did you mean `cycles`"),
        (vec!["--collectors", "fault-panic"], "`fault-panic` is no collector"),
        (vec!["names", "--random", "3"], "cannot be used with"),
        (vec!["--random", "many"], "is not a number of sequences"),
        (vec!["--random", "18446744073709551616"], "at most 10000000"),
        (vec!["--seed", "3"], "--random"),
        (vec!["--deferred", "--against", "python3"], "cannot be used with"),
    ] {
        let output = explain(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{arguments:?}: {}", text(&output.stderr));
    }
}
