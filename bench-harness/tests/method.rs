//! The commands that decide for themselves what to run next, from outside: heap sizes, advice, the test of the machine.

use std::process::{Command, Output, Stdio};

use bench_harness::record::{Record, Status};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    command.args(arguments).stdin(Stdio::null()).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

fn records(output: &Output) -> Vec<Record> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

#[test]
fn the_least_heap_is_found_and_holds() {
    let output =
        run(&["minheap", "--workloads=gcbench", "--size=small", "--collectors=marksweep,refcount", "-q", "--json=-"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let records = records(&output);
    for name in ["marksweep", "refcount"] {
        let own: Vec<_> = records.iter().filter(|record| record.key.contestant.name() == name).collect();
        let with = |status: Status| {
            let limits = own.iter().filter(|record| record.measurement.status == status);
            limits.filter_map(|record| record.key.setting.heap_limit).collect::<Vec<_>>()
        };
        let (fit, failed) = (with(Status::Ok), with(Status::OutOfMemory));
        let largest_failure = failed.iter().max().copied().unwrap_or(0);
        let least = fit.iter().filter(|limit| **limit > largest_failure).min().copied().expect("something fits");
        assert!(fit.iter().filter(|limit| **limit == least).count() >= 3, "{name}: {least} was confirmed");
        assert!(least - largest_failure <= (least / 20).max(64 << 10), "{name}: {largest_failure} {least}");
    }
    let table = text(&output.stderr);
    assert!(table.starts_with("gcbench ") && table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn a_contestant_that_crashes_has_no_least_heap() {
    let output = run(&["minheap", "--workloads=rings", "--collectors=fault-abort", "-q", "--json=-"]);
    assert_eq!((output.status.code(), records(&output).len()), (Some(1), 3));
    let table = text(&output.stderr);
    assert!(table.contains("fault-abort                  crashed (SIGABRT)"), "{table}");
}

#[test]
fn a_sweep_has_a_value_for_every_size() {
    let arguments = [
        "sweep",
        "--workloads=gcbench",
        "--size=small",
        "--collectors=nogc,marksweep,generational",
        "--points=3",
        "--range=4",
        "--least=256K",
        "-n",
        "2",
        "-q",
        "--json=-",
    ];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let limits: std::collections::BTreeSet<_> = records(&output).iter().map(|r| r.key.setting.heap_limit).collect();
    assert_eq!(limits.len(), 4, "three, and none");
    let table = text(&output.stderr);
    assert!(table.starts_with("gcbench: 1.00 is 256 KiB, as given\n"), "{table}");
    assert!(table.contains("without a limit"), "{table}");
    // Far too little for anybody.
    let output = run(&[
        "sweep",
        "--workloads=gcbench",
        "--size=small",
        "--collectors=marksweep",
        "--points=2",
        "--least=32K",
        "-q",
    ]);
    assert!(text(&output.stdout).contains("oom"), "{}", text(&output.stdout));
    let output = run(&["sweep", "--workloads=rings", "--collectors=nogc", "-q"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nothing reclaims"), "{}", text(&output.stderr));
}

#[test]
fn advice_is_given_for_a_workload_and_again_from_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    let file = file.to_str().unwrap();
    let output = run(&["advise", "gcbench", "--size=small", "-n", "3", "-q", "--json", file]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let first = text(&output.stdout);
    assert!(first.starts_with("gcbench: take "), "{first}");
    for topic in ["throughput", "memory", "pauses", "small heaps", "otherwise", "if wrong", "how sure"] {
        assert!(first.contains(&format!("\n  {topic}")), "{topic}: {first}");
    }
    assert!(first.lines().all(|line| line.chars().count() <= 80), "{first}");
    let output = run(&["advise", file]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("gcbench: take "), "{}", text(&output.stdout));
    // Half a file looks like a whole one, but for its end.
    let content = std::fs::read(file).unwrap();
    std::fs::write(file, &content[..content.len() - 100]).unwrap();
    let output = run(&["advise", file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cut off in the middle of a record"), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_advised_on_is_a_sentence() {
    for (arguments, says) in [
        (&["advise", "ring"][..], "did you mean `rings`"),
        (&["advise", "/no/such.heapsnapshot"], "there is no file of that name"),
        (&["advise"], "WHAT"),
        (&["advise", "/"], "there is no workload `/`"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{arguments:?}: {}", text(&output.stderr));
    }
}

/// What always takes a millisecond looks equal to itself, and does not take longer for more work.
#[test]
fn a_self_test_can_fail() {
    let output = run(&["self-test", "--collector=fault-nothing", "-q"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.starts_with("5 invocations of queue on fault-nothing, processor time:\n"), "{said}");
    assert!(said.ends_with("FAILED: 5 % more work was not found.\n"), "{said}");
    let output = run(&["self-test", "--collector=fault-hang", "--timeout=0.1", "-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("FAILED: a run did not end properly: timeout"), "{}", text(&output.stdout));
}

#[test]
fn extra_work_is_work_of_the_same_kind_and_only_one_program_can() {
    let measure = |extra: &str, workload: &str| {
        let workload = format!("--workload={workload}");
        let output = run(&["child", &workload, "--collector=marksweep", "--size=small", extra]);
        serde_json::from_str::<serde_json::Value>(&text(&output.stdout)).unwrap()
    };
    let objects = |extra: &str| measure(extra, "queue")["allocated_objects"].as_u64().unwrap();
    let (plain, more) = (objects("--extra-percent=0"), objects("--extra-percent=50"));
    assert_eq!((more - 1) * 2, (plain - 1) * 3, "half as many messages again, and one ring");
    assert_eq!(measure("--extra-percent=5", "rings")["status"], "no_input");
}
