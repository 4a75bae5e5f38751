//! Other languages: those that are on this machine compute what we do, and what is not there is said.

use std::process::{Command, Output, Stdio};

use bench_harness::contestants::runtime::Runtime;
use bench_harness::contestants::{Contestant, Kind};
use bench_harness::record::{Record, Status};

fn compare(path: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    command.args(["compare", "-n1", "--size=small", "--quiet", "--json=-"]).args(arguments).stdin(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.output().expect("the program starts")
}

/// Those that are written in other languages.
const PROGRAMS: &str = "classic,quads,lru_cache,event_loop,queue,size_mix,functional_map";

fn records(output: &Output) -> Vec<Record> {
    let text = String::from_utf8(output.stdout.clone()).expect("records are text");
    text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

#[test]
fn languages_that_are_here_compute_the_same() {
    let output = compare(None, &["--workloads", PROGRAMS, "--collectors=marksweep", "--runtimes=all"]);
    let records = records(&output);
    let others: Vec<_> = records.iter().filter(|record| record.key.contestant.kind() == Kind::Runtime).collect();
    let languages = records[0].environment.runtimes.len();
    if languages < 6 {
        let errors = stderr(&output);
        eprintln!(
            "skipped: {}",
            errors.lines().filter(|line| line.contains("left out")).collect::<Vec<_>>().join("\n")
        );
    }
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!((others.len(), records.len()), (12 * languages, 12 * (languages + 1)));
    for record in others {
        let measurement = &record.measurement;
        let ours = records
            .iter()
            .find(|ours| ours.key.program == record.key.program && ours.key.contestant.kind() == Kind::Collector);
        assert_eq!(measurement.status, Status::Ok, "{:?}", record.key);
        assert_eq!(measurement.checksum, ours.unwrap().measurement.checksum, "{:?}", record.key);
        assert!(measurement.wall_ns.is_some() || measurement.cpu_ns.is_some());
        assert!(!cfg!(target_os = "linux") || measurement.peak_rss_bytes.is_some_and(|bytes| bytes > 1 << 20));
        let serves = record.key.program.to_string() == "event_loop";
        let has_clock = record.key.contestant != Contestant::Runtime(Runtime::Lua);
        assert_eq!(measurement.latency_max_ns.is_some(), serves && has_clock, "{:?}", record.key);
        let requests = measurement.latency_histogram.as_ref().map(|latencies| latencies.count());
        assert_eq!(requests, (serves && has_clock).then_some(2_000), "{:?}", record.key);
    }
}

#[test]
fn what_is_missing_is_left_out_with_a_line_on_how_to_get_it() {
    let missing =
        "lua is left out: there is no `lua5.4` or `lua` on the PATH; apt-get install lua5.4, or https://www.lua.org\n";
    let output = compare(Some("/nowhere"), &["--workloads=rings", "--collectors=marksweep", "--runtimes=lua"]);
    assert_eq!((output.status.code(), records(&output).len()), (Some(0), 1));
    assert!(stderr(&output).starts_with(missing), "{}", stderr(&output));
    let output = compare(Some("/nowhere"), &["--workloads=rings", "--collectors=none", "--runtimes=lua"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is nothing to run"), "{}", stderr(&output));
    // Nobody looks for a language that has none of the programs.
    let output = compare(Some("/nowhere"), &["--workloads=retain", "--collectors=marksweep", "--runtimes=lua"]);
    assert!(!stderr(&output).contains("left out"), "{}", stderr(&output));
    let told = "not written in other languages, and compared without them: retain\n";
    assert!(stderr(&output).starts_with(told), "{}", stderr(&output));
    for (arguments, says) in
        [(["--runtimes=lau"], "did you mean `lua`"), (["--collectors=node"], "choose it by --runtimes node")]
    {
        let output = compare(None, &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[cfg(unix)]
mod impostors {
    use super::{compare, records, stderr};
    use bench_harness::record::Status;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Output;

    /// The comparison with a `lua5.4` that says this version, and then does this.
    fn with_lua(version: &str, does: &str, arguments: &[&str]) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lua5.4");
        let script = format!("#!/bin/sh\nif [ \"$1\" = -v ]; then echo '{version}'; exit; fi\n{does}\n");
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let always = ["--workloads=rings", "--collectors=marksweep", "--runtimes=lua"];
        compare(folder.path().to_str(), &[&always, arguments].concat())
    }

    #[test]
    fn what_is_too_old_is_left_out() {
        let output = with_lua("Lua 5.1.5", "", &[]);
        assert_eq!((output.status.code(), records(&output).len()), (Some(0), 1));
        assert!(stderr(&output).contains("lua is left out: 5.1.5 is too old, 5.4 is needed"), "{}", stderr(&output));
        let output = with_lua("Moon", "", &[]);
        assert!(stderr(&output).contains("does not tell its version, but \"Moon"), "{}", stderr(&output));
    }

    #[test]
    fn a_wrong_answer_is_a_disagreement_and_anything_else_a_row() {
        let wrong = r#"echo '{"status": "ok", "checksum": "0000000000000001", "wall_ns": 1, "cpu_ns": 1}'"#;
        let output = with_lua("Lua 5.4.6", wrong, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("checksums disagree on rings"), "{}", stderr(&output));
        for (does, status) in [
            ("exec /bin/sleep 60", Status::Timeout),
            ("echo 'not enough memory' >&2; exit 1", Status::Crashed("exit status 1".to_owned())),
            ("echo nonsense", Status::Crashed("no result".to_owned())),
        ] {
            let output = with_lua("Lua 5.4.6", does, &["--timeout=1"]);
            let found = records(&output).into_iter().map(|record| record.measurement.status).collect::<Vec<_>>();
            assert!(found.contains(&Status::Ok) && found.contains(&status), "{does}: {found:?}");
            assert_eq!(output.status.code(), Some(0), "{does}: {}", stderr(&output));
        }
    }
}
