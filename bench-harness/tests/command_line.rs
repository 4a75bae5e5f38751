//! The program from outside: what it prints, what it writes, how it ends.
//!
//! Collectors are not needed for that: faults stand in for them, and are worse than any collector should be.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use bench_harness::record::{Record, Status};

fn harness(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    harness(arguments).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("output is text")
}

/// Runs faults on a workload that they never look at, and reads the records.
fn faults(names: &str, more: &[&str]) -> (Output, Vec<Record>) {
    let mut arguments = vec!["compare", "--workloads=rings", "--collectors", names, "--json=-", "--quiet"];
    arguments.extend(more);
    if !more.contains(&"--invocations") {
        arguments.push("--invocations=1");
    }
    let output = run(&arguments);
    let records = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    (output, records)
}

fn crashed(how: &str) -> Status {
    Status::Crashed(how.to_owned())
}

#[cfg(unix)]
#[test]
fn every_way_to_end_has_a_status_and_the_rest_goes_on() {
    let (output, records) = faults(
        "fault-abort,fault-segfault,fault-overflow,fault-panic,fault-exit,fault-silence,fault-noise,fault-wrong,fault-nothing",
        &[],
    );
    let statuses: Vec<_> = records.iter().map(|record| record.measurement.status.clone()).collect();
    let expected = [
        crashed("SIGABRT"),
        crashed("SIGSEGV"),
        Status::StackOverflow,
        crashed("panic"),
        crashed("exit status 3"),
        crashed("no result"),
        Status::Ok,
        Status::Failed,
        Status::Ok,
    ];
    assert_eq!(statuses, expected);
    assert_eq!(output.status.code(), Some(1));
    let errors = stderr(&output);
    assert!(errors.contains("fault-panic did not finish rings (invocation 1): crashed (panic): a panic on purpose"));
    assert!(errors.contains("fault-overflow        overflowed its stack"), "the table says so too: {errors}");
}

#[test]
fn a_run_that_does_not_end_is_ended() {
    let (output, records) = faults("fault-hang,fault-nothing", &["--timeout", "0.2"]);
    assert_eq!(records[0].measurement.status, Status::Timeout);
    assert_eq!(records[1].measurement.status, Status::Ok);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn disagreement_names_the_values_and_fails() {
    let (output, records) = faults("fault-nothing,fault-disagree", &[]);
    let values: Vec<_> = records.iter().map(|record| record.measurement.checksum.unwrap().to_string()).collect();
    assert_ne!(values[0], values[1]);
    assert_eq!(output.status.code(), Some(1));
    let errors = stderr(&output);
    assert!(errors.contains("error: checksums disagree on rings"), "{errors}");
    assert!(values.iter().all(|value| errors.contains(value.as_str())), "{errors}");
}

/// The same with collectors that compute something, where the definition of the workload has a say too.
#[test]
fn a_wrong_answer_stands_against_collectors_and_reference() {
    let (output, records) = faults("marksweep,fault-disagree,generational", &["--size", "small"]);
    assert_eq!(output.status.code(), Some(1));
    let right = records[0].measurement.checksum.unwrap();
    let wrong = records[1].measurement.checksum.unwrap();
    let sentence = format!(
        "checksums disagree on rings (size small): {wrong} by fault-disagree; {right} by marksweep, generational, the \
         reference"
    );
    assert!(stderr(&output).ends_with(&format!("error: {sentence}\n")), "{}", stderr(&output));
    let (output, _) = faults("marksweep,generational", &["--size", "small"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn running_out_of_memory_is_a_result() {
    let (output, records) = faults("fault-out-of-memory,fault-nothing", &["--heap-limit", "64M"]);
    assert_eq!(records[0].measurement.status, Status::OutOfMemory);
    assert_eq!(records[0].key.setting.heap_limit, Some(64 << 20));
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("out of memory with a heap limit of 64 MiB"), "{}", stderr(&output));
}

#[test]
fn invocations_are_interleaved_and_numbered() {
    let (output, records) = faults("fault-nothing,fault-noise", &["--invocations", "3"]);
    let order: Vec<_> = records.iter().map(|record| (record.invocation, record.key.contestant.name())).collect();
    let [a, b] = ["fault-nothing", "fault-noise"];
    // Who is first alternates too.
    let expected = [[(1, a), (1, b)], [(2, b), (2, a)], [(3, a), (3, b)]];
    assert_eq!(order, expected.concat());
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_collector_runs_twice_as_a_canary_unless_told_otherwise() {
    let canaries = |more: &[&str]| {
        let (output, records) = faults("nogc,marksweep", &[&["--size=small", "--invocations", "3"], more].concat());
        assert_eq!(output.status.code(), Some(0));
        let canaries = records.iter().filter(|record| record.key.setting.canary);
        let names = canaries.map(|record| record.key.contestant.name()).collect::<Vec<_>>();
        (names, stderr(&output))
    };
    let (names, table) = canaries(&[]);
    assert_eq!(names, ["marksweep"; 3]);
    assert!(table.contains("Canary: marksweep ran twice in each invocation. To itself:"), "{table}");
    assert_eq!(canaries(&["--no-canary"]).0.len(), 0);
}

#[test]
fn a_comparison_is_repeated_until_it_is_precise() {
    // What takes exactly one millisecond each time is precise at once.
    let (output, records) = faults("fault-nothing,fault-noise", &["--invocations", "1", "--precision=0.1%"]);
    assert_eq!((output.status.code(), records.len()), (Some(0), 6), "three are the least");
    // Whatever takes microseconds never is.
    let output = run(&[
        "compare",
        "--workloads=rings",
        "--collectors=marksweep,generational",
        "--size=small",
        "--precision=0.001%",
        "-q",
        "--json=-",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output).lines().count(), 60 * 3);
    assert!(
        stderr(&output).contains("error: this machine is too noisy: after 60 invocations the ratios are known to ±")
    );
}

#[test]
fn records_go_to_the_file_and_the_table_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    std::fs::write(&file, "what was there before\n").unwrap();
    let output = run(&[
        "compare",
        "-n1",
        "--workloads=rings,gcbench",
        "--collectors=fault-nothing",
        "--json",
        file.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(&file).unwrap();
    let records: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2);
    let table = stdout(&output);
    assert!(table.contains("\nrings ") && table.contains("\ngcbench "), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(!table.contains('\u{1b}'), "no colours in a pipe: {table}");
    let progress = stderr(&output);
    assert!(progress.contains("2 runs (2 workloads, 1 collector, 1 invocation)"), "{progress}");
    assert!(progress.contains("2/2 gcbench fault-nothing: 1.00 ms"), "{progress}");
}

#[test]
fn quiet_is_quiet() {
    let output = run(&["compare", "--workloads=rings", "--collectors=fault-nothing", "--quiet"]);
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_file_that_cannot_be_written_is_found_out_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing/records.jsonl")] {
        let path = path.to_str().unwrap();
        let output = run(&["compare", "--collectors=fault-hang", "--json", path]);
        assert_eq!(output.status.code(), Some(2));
        let errors = stderr(&output);
        assert!(errors.starts_with("error: cannot write ") && errors.lines().count() == 1, "{errors}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_and_fails() {
    let output = run(&["compare", "--workloads=rings", "--collectors=fault-nothing", "--json=/dev/full", "-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write /dev/full"), "{}", stderr(&output));
    assert!(stdout(&output).contains("fault-nothing"), "what was measured is shown: {}", stdout(&output));

    for arguments in [
        &["list"][..],
        &["compare", "--workloads=rings", "--collectors=fault-nothing", "-q"],
        &["run", "--workloads=rings", "--collectors=fault-nothing", "-q"],
        &["run", "--workloads=rings", "--collectors=fault-nothing", "-q", "--json=-"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = harness(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let errors = stderr(&output);
        assert!(errors.starts_with("error: cannot write to standard output: "), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    for arguments in [
        &["list"][..],
        &["compare", "--workloads=rings", "--collectors=fault-nothing", "-q"],
        &["run", "--workloads=rings", "--collectors=fault-nothing", "-q"],
        &["compare", "--workloads=rings", "--collectors=fault-nothing", "--json=-", "-q"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = harness(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let panicked = stderr(&output).contains("panicked") || stderr(&output).contains("error");
        assert!(!panicked, "{arguments:?}: {}", stderr(&output));
    }
}

/// Only standard output may be left early: a file of records that breaks off is a loss.
#[cfg(target_os = "linux")]
#[test]
fn a_broken_pipe_in_place_of_the_file_is_an_error() {
    use std::os::fd::AsRawFd;
    let (reader, writer) = std::io::pipe().unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), writer.as_raw_fd());
    let mut command =
        harness(&["compare", "--workloads=rings", "--collectors=fault-hang", "-q", "--timeout=1", "--json"]);
    let child = command.arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Until it has opened the pipe; it writes when the run has timed out.
    let (folder, pipe) = (format!("/proc/{}/fd", child.id()), std::fs::read_link(&path).unwrap());
    let links =
        || std::fs::read_dir(&folder).unwrap().filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    while !links().any(|link| link == pipe) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop((reader, writer));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write /proc/"), "{}", stderr(&output));
    assert!(stdout(&output).contains("timeout"), "{}", stdout(&output));
}

#[test]
fn a_reader_that_went_away_does_not_hide_what_it_has_not_seen() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output =
        harness(&["run", "--workloads=rings", "--collectors=fault-wrong", "-q"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: fault-wrong did not finish rings"), "{}", stderr(&output));
}

/// A small snapshot in V8's format: a root and two objects.
const SNAPSHOT: &str = r#"{"snapshot":{"meta":{
"node_fields":["type","name","id","self_size","edge_count"],
"node_types":[["synthetic","object"],"string","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[["property","weak"],"string_or_number","node"]},"node_count":3,"edge_count":3},
"nodes":[0,0,1,0,2, 1,1,3,24,1, 1,1,5,64,0],"edges":[0,1,5, 0,1,10, 0,1,10],"strings":["",""]}"#;

#[test]
fn the_input_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.heapsnapshot");
    std::fs::write(&file, SNAPSHOT).unwrap();
    // The same file by another name.
    let other = folder.path().join(".").join("my.heapsnapshot");
    let output = harness(&["replay", "--json"]).arg(&other).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--json would overwrite "), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), SNAPSHOT);
}

/// As in a shell: a file in the current folder whose name looks like an option.
#[test]
fn a_snapshot_may_be_called_like_an_option() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("--weird"), SNAPSHOT).unwrap();
    let output = harness(&["replay", "-q", "--collectors=nogc", "--json=-", "--", "--weird"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let record: Record = serde_json::from_str(stdout(&output).trim()).unwrap();
    assert_eq!((record.key.program.to_string(), record.measurement.status), ("snapshot:--weird".into(), Status::Ok));
}

/// A child has another standard input than its parent.
#[cfg(target_os = "linux")]
#[test]
fn a_snapshot_that_is_standard_input_is_found_by_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.heapsnapshot");
    std::fs::write(&file, SNAPSHOT).unwrap();
    let output = harness(&["replay", "-q", "--collectors=nogc", "/dev/stdin"])
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = harness(&["replay", "-q", "/dev/stdin"]).stdin(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("save it to a file and give that"), "{}", stderr(&output));
}

#[test]
fn a_snapshot_for_which_no_heap_has_room_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("huge.heapsnapshot");
    std::fs::write(&file, SNAPSHOT.replace("1,1,3,24", "1,1,3,107374182400")).unwrap();
    let output = harness(&["replay", "-q"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = stderr(&output);
    assert!(errors.starts_with("error: nothing finished snapshot:") && errors.lines().count() == 1, "{errors}");
    assert!(stdout(&output).contains("out of memory"), "{}", stdout(&output));
}

#[test]
fn the_limit_on_a_snapshots_text_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.heapsnapshot");
    std::fs::write(&file, SNAPSHOT).unwrap();
    let limited = |limit: &str| {
        harness(&["replay", "-q", "--collectors=nogc", "--snapshot-limit", limit]).arg(&file).output().unwrap()
    };
    let output = limited("100");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).ends_with("limit of 100 bytes; --snapshot-limit allows more\n"), "{}", stderr(&output));
    assert_eq!(limited("1K").status.code(), Some(0));
}

#[test]
fn the_help_says_what_there_is() {
    let general = stdout(&run(&["--help"]));
    for word in ["list", "run", "compare", "replay", "Examples:"] {
        assert!(general.contains(word), "{word}: {general}");
    }
    assert!(!general.contains("child"), "{general}");
    let compare = stdout(&run(&["compare", "--help"]));
    for word in ["telling", "held-out", "small, classic or large", "[default: classic]", "[default: 4G]"] {
        assert!(compare.contains(word), "{word}: {compare}");
    }
}

#[test]
fn complaints_about_a_snapshot_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let [good, bad] = ["good", "bad"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    std::fs::write(&good, SNAPSHOT).unwrap();
    std::fs::write(&bad, SNAPSHOT.replace("1,1,3,24", "9,1,3,24")).unwrap();
    let output = run(&["compare", &format!("--workloads=snapshot:{good},snapshot:{bad}")]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!("error: {bad}: wrong value in nodes[5]: type 9 is not one of the 2 types that meta lists\n");
    assert_eq!(stderr(&output), expected);
}

#[test]
fn lost_input_is_not_the_collectors_fault() {
    let output = run(&["child", "--snapshot=no such file", "--collector=nogc"]);
    assert!(stdout(&output).starts_with("{\"status\":\"no_input\",\"message\":\"cannot open"), "{}", stdout(&output));
}

#[test]
fn unknown_names_list_the_valid_ones() {
    for (arguments, says) in [
        (["compare", "--collectors=mark-sweep"], "did you mean `marksweep`? The collectors are: nogc, refcount,"),
        (["compare", "--workloads=quads2"], "did you mean `quads`? The workloads are: binary_trees,"),
        (["compare", "--workloads=fibonacci"], "there is no workload `fibonacci`; the workloads are: binary_trees,"),
        (["compare", "--workloads=held_out"], "did you mean `held-out`?"),
        (["compare", "--size=medium"], "the sizes are: small, classic, large"),
        (["compare", "--heap-limit=lots"], "`lots` is not a size: write a number of bytes such as"),
        (["run", "--workloads=snapshot:"], "snapshot:FILE"),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[cfg(not(feature = "peers"))]
#[test]
fn asking_for_peers_in_a_build_without_them_says_how_to_get_them() {
    let output = run(&["compare", "--peers"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--features peers"), "{}", stderr(&output));
}

#[test]
fn a_snapshot_that_is_none_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let json = folder.path().join("records.jsonl");
    for path in [
        folder.path().join("missing.heapsnapshot"),
        folder.path().to_owned(),
        file("empty.heapsnapshot", b""),
        file("text.heapsnapshot", b"not a snapshot"),
        file("array.heapsnapshot", b"[1, 2, 3]"),
        file("cut.heapsnapshot", b"{\"snapshot\":{\"meta\":{\"node_fields\":["),
        file("binary.heapsnapshot", &[0xff; 1000]),
    ] {
        let output = harness(&["replay", "--json"]).arg(&json).arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
        let errors = stderr(&output);
        assert!(errors.starts_with("error: ") && errors.lines().count() == 1, "{}: {errors}", path.display());
        assert!(!Path::new(&json).exists(), "nothing is written for {}", path.display());
    }
}

#[test]
fn one_run_is_shown_in_detail() {
    let output = run(&["run", "--workloads=rings", "--collectors=fault-nothing", "--size=small"]);
    let text = stdout(&output);
    assert!(
        text.starts_with("rings on fault-nothing, size small, invocation 1\n  time       elapsed 1.00 ms\n"),
        "{text}"
    );
    assert!(!text.contains("ratio"), "one run needs no table: {text}");
}

/// Ctrl-C while something runs: the finished runs are in the file and in the table, and the program ends soon.
#[cfg(unix)]
#[test]
fn an_interrupted_comparison_keeps_what_is_finished() {
    use rustix::process::{Pid, Signal, kill_process};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    let child = harness(&["compare", "--workloads=rings", "--collectors=fault-nothing,fault-hang", "-q", "--json"])
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let finished = || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'));
    while !finished() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    assert!(stdout(&output).contains("fault-nothing"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "error: interrupted: what had finished is shown and written\n");
}

#[cfg(unix)]
#[test]
fn a_recording_that_is_stopped_leaves_the_earlier_one() {
    use rustix::process::{Pid, Signal, kill_process};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.trace");
    std::fs::write(&file, "an earlier one").unwrap();
    let child =
        harness(&["record", "scripts", "--size=large", "-o"]).arg(&file).stderr(Stdio::piped()).spawn().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    while files() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The file is there before the signal is heeded.
    std::thread::sleep(std::time::Duration::from_millis(500));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(stderr(&output), "error: stopped: nothing was written\n");
    assert_eq!((files(), std::fs::read_to_string(&file).unwrap()), (1, "an earlier one".to_owned()));
}

fn records_in(path: &Path) -> Vec<Record> {
    bench_harness::record::reading::read_path(path).expect("records")
}

/// `fault-disagree` computes something else in each process: who ran again would be noticed.
#[test]
fn what_is_in_the_file_is_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let file = path.to_str().unwrap();
    let compare = ["compare", "--workloads=rings", "--collectors=fault-disagree", "--quiet", "--json", file];
    run(&[&compare[..], &["-n2"]].concat());
    let before = records_in(&path);
    // As if it had been killed while it wrote.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 20]).unwrap();
    let output = run(&[&compare[..], &["-n3", "--resume"]].concat());
    let after = records_in(&path);
    assert_eq!(after.iter().map(|record| record.invocation).collect::<Vec<_>>(), [1, 2, 3], "{}", stderr(&output));
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1].measurement.checksum, before[1].measurement.checksum);
    assert!(stdout(&output).contains("3 invocations each"), "the table is of all: {}", stdout(&output));

    let elsewhere = std::fs::read_to_string(&path).unwrap().replace("\"cores\":", "\"cores\":1");
    std::fs::write(&path, &elsewhere).unwrap();
    let output = run(&[&compare[..], &["-n3", "--resume"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("was measured elsewhere or by another build"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), elsewhere, "it is left alone");
    assert_eq!(run(&["compare", "--resume"]).status.code(), Some(2), "without a file there is nothing to go on with");
}

#[test]
fn shards_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let shard = |shard: &str, file: &str| {
        run(&[
            "compare",
            "--workloads=rings,queue",
            "--collectors=fault-nothing,fault-noise",
            "--quiet",
            "-n5",
            "--shard",
            shard,
            "--json",
            &name(file),
        ])
    };
    for (number, file) in [("1/2", "a"), ("2/2", "b")] {
        assert_eq!(shard(number, file).status.code(), Some(0));
    }
    assert_eq!(run(&["merge", &name("a"), &name("b"), "-o", &name("all")]).status.code(), Some(0));
    let all = records_in(&folder.path().join("all"));
    let order: Vec<_> = all.iter().map(|record| record.invocation).collect();
    assert_eq!(order, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5]);
    let table = run(&["report", &name("all")]);
    assert!(stdout(&table).contains("5 invocations each"), "{}", stdout(&table));
    let twice = run(&["merge", &name("a"), &name("all")]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(stderr(&twice).contains("both hold invocation 1 of rings on fault-nothing"), "{}", stderr(&twice));
    let output = shard("7/8", "c");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("shard 7/8 has nothing to do: there are 5 invocations"), "{}", stderr(&output));
}

#[test]
fn a_report_has_the_form_that_its_name_says() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (output, _) =
        faults("fault-nothing,fault-out-of-memory", &["--report", &name("x.html"), "--report", &name("x.csv")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let read = |file: &str| std::fs::read_to_string(name(file)).unwrap();
    assert!(read("x.html").starts_with("<!DOCTYPE html>") && read("x.html").contains("out of memory"));
    assert_eq!(read("x.csv").lines().count(), 3);
    for (file, says) in [("x.pdf", "the name of a report says what it is"), ("no/such/x.html", "a folder that exists")]
    {
        let (output, _) = faults_refused(&["--report", &name(file)]);
        assert!(output.contains(says), "{output}");
    }
    #[cfg(target_os = "linux")]
    {
        let (output, records) = faults("fault-nothing", &["--report", "/dev/full/x.csv"]);
        assert!(output.status.code() == Some(2) && records.is_empty());
    }
}

fn faults_refused(more: &[&str]) -> (String, usize) {
    let (output, records) = faults("fault-nothing", more);
    assert_eq!(output.status.code(), Some(2));
    (stderr(&output), records.len())
}

#[test]
fn results_replace_neither_what_is_read_nor_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.html");
    let file = path.to_str().unwrap();
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/docserver.heapsnapshot.gz"), &path).unwrap();
    let before = std::fs::read(&path).unwrap();
    for arguments in [
        &["replay", file, "--collectors=nogc", "--report", file][..],
        &["replay", file, "--collectors=nogc", "--json", file],
        &["run", "--workloads=rings", "--json", file, "--report", file],
        &["minheap", "--workloads=rings", "--json", file, "--report", file],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("would overwrite"), "{}", stderr(&output));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
