//! A program that is not ours under each collector that it is told to take, and what it can do to who runs it.
//!
//! This test is that program too: with the variable [`ROLE`] set it is told by its first argument what to do, and by
//! its second with which collector.

use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use bench_harness::record::{Record, Status};
use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use gc_refcount::RefCount;
use heap_core::{Collectors, Gc, Heap, Rootable};

const ROLE: &str = "EXEC_TEST_ROLE";

fn main() -> ExitCode {
    if std::env::var_os(ROLE).is_some() {
        return program();
    }
    if cfg!(not(unix)) {
        println!("skipped: `exec` is for Unix systems only");
        return ExitCode::SUCCESS;
    }
    a_program_is_compared();
    what_goes_wrong_is_a_row();
    a_program_can_leave_others_behind();
    a_program_need_not_tell_of_its_heaps();
    output_may_have_to_be_the_same();
    requests_that_cannot_be_fulfilled();
    a_harness_that_is_killed_takes_its_program_along();
    println!("7 checks passed");
    ExitCode::SUCCESS
}

fn program() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, gc] = &arguments[..] else { return ExitCode::from(9) };
    match what.as_str() {
        "work" => {
            let collectors = Collectors::new().with::<Generational>().with::<MarkSweep>().with::<RefCount>();
            let choice = match collectors.parse(gc) {
                Ok(choice) => choice,
                Err(error) => {
                    eprintln!("{error}");
                    return ExitCode::from(2);
                }
            };
            let mut heap = Heap::<Rootable![()]>::new(&choice, |_| ()).unwrap();
            let sum = (0..2_000_000_u64).fold(0, |sum, n| sum ^ heap.mutate(|mc, ()| *Gc::new(mc, n)));
            println!("{sum}");
            ExitCode::SUCCESS
        }
        "silent" => ExitCode::SUCCESS,
        "name" => {
            println!("{gc}");
            ExitCode::SUCCESS
        }
        "panic" => panic!("on purpose"),
        "abort" => std::process::abort(),
        // It leaves somebody behind, who has its output open.
        "hang" => {
            let sleep = Command::new("sleep").arg("1000").spawn();
            drop(sleep);
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        _ => ExitCode::from(9),
    }
}

fn exec(options: &[&str], command: &[&str]) -> Output {
    harness(options, command).output().expect("it starts")
}

fn harness(options: &[&str], command: &[&str]) -> Command {
    let mut line = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    line.args(["exec", "--quiet", "--json=-"]).args(options).arg("--").args(command);
    line.env(ROLE, "").stdin(Stdio::null());
    line
}

fn this() -> String {
    std::env::current_exe().expect("this test has a file").to_str().expect("and a name").to_owned()
}

fn records(output: &Output) -> Vec<Record> {
    let text = std::str::from_utf8(&output.stdout).expect("output is text");
    text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

fn errors(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("output is text")
}

fn a_program_is_compared() {
    let output = exec(&["--collectors=generational:nursery=1MiB,marksweep"], &[&this(), "work", "{}"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let records = records(&output);
    let names: Vec<_> = records.iter().map(|record| record.key.contestant.name()).collect();
    assert_eq!(names, ["generational:nursery=1MiB", "marksweep"]);
    for record in &records {
        let measured = &record.measurement;
        assert_eq!((&measured.status, &measured.message), (&Status::Ok, &None));
        // Two million objects of 16 bytes.
        assert_eq!(measured.allocated_bytes.map(|bytes| bytes / 1_000_000), Some(32));
        assert!(measured.collections > Some(0) && measured.pause_count > Some(0) && measured.gc_ns > Some(0));
        assert!(measured.peak_heap_bytes > Some(100_000) && measured.peak_heap_bytes < Some(32 << 20));
        assert!(measured.cpu_ns > Some(0) && measured.wall_ns >= measured.gc_ns);
        // Not known of one that is gone in a moment and smaller than the harness.
        assert!(measured.peak_rss_bytes.is_none_or(|bytes| bytes > 100_000));
        assert!(measured.timeline.as_ref().is_some_and(|timeline| !timeline.spans().is_empty()));
    }
    // Two million objects fill one MiB thirty times.
    assert!(records[0].measurement.collections >= Some(25), "{:?}", records[0].measurement.collections);
    assert!(errors(&output).contains("generational:nursery=1MiB"), "the table: {}", errors(&output));
}

fn what_goes_wrong_is_a_row() {
    for (what, options, status, says) in [
        ("panic", &["--collectors=x"][..], Status::Crashed("panic".to_owned()), "on purpose"),
        ("abort", &["--collectors=x"], Status::Crashed("SIGABRT".to_owned()), ""),
        ("hang", &["--collectors=x", "--timeout=0.3"], Status::Timeout, "ended after 0.3 s"),
        ("work", &["--collectors=mine"], Status::Crashed("exit status 2".to_owned()), "there is no collector `mine`"),
    ] {
        let output = exec(options, &[&this(), what, "{}"]);
        let records = records(&output);
        assert_eq!(records[0].measurement.status, status, "{what}");
        let message = records[0].measurement.message.clone().unwrap_or_default();
        assert!(message.contains(says), "{what}: {message}");
        assert_eq!(output.status.code(), Some(1), "{what}: {}", errors(&output));
    }
    // It is there, and the system cannot start it.
    let output = exec(&["--collectors=x"], &["./Cargo.toml", "{}"]);
    let message = records(&output)[0].measurement.message.clone().unwrap();
    assert!(message.starts_with("./Cargo.toml cannot be started: "), "{message}");
    assert_eq!(output.status.code(), Some(1));
}

fn a_program_can_leave_others_behind() {
    // In a session of its own, with its outputs open.
    let output = exec(&["--timeout=60"], &["sh", "-c", "setsid -f sleep 20; echo done"]);
    let records = records(&output);
    let measured = &records[0].measurement;
    assert_eq!(measured.status, Status::Ok, "{measured:?}");
    assert!(measured.message.as_ref().is_some_and(|message| message.contains("lives on")), "{measured:?}");
    // A signal that the program sends to itself is not one that the user sent to us.
    let output = exec(&["--collectors=a,b"], &["sh", "-c", "kill -INT $$", "{}"]);
    let statuses: Vec<_> = self::records(&output).into_iter().map(|record| record.measurement.status).collect();
    assert_eq!(statuses, [Status::Crashed("SIGINT".to_owned()), Status::Crashed("SIGINT".to_owned())]);
    assert_eq!(output.status.code(), Some(1));
}

/// On Linux; elsewhere the program goes on.
fn a_harness_that_is_killed_takes_its_program_along() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let script = format!("echo $$ > {}; exec sleep 1000", file.path().display());
    let mut harness = harness(&[], &["sh", "-c", &script]).stdout(Stdio::null()).spawn().expect("it starts");
    let begin = Instant::now();
    let wait_until = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let pid = || std::fs::read_to_string(file.path()).unwrap_or_default().trim().to_owned();
    wait_until("the program starts", &|| !pid().is_empty());
    let status = format!("/proc/{}/stat", pid());
    assert!(std::path::Path::new(&status).exists());
    harness.kill().expect("it can be killed");
    harness.wait().expect("and is gone");
    // Nobody may be there to bury it.
    wait_until("the program ends", &|| std::fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z ")));
}

fn a_program_need_not_tell_of_its_heaps() {
    let output = exec(&[], &[&this(), "silent", "x"]);
    let records = records(&output);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!((records.len(), records[0].key.contestant.name()), (1, "as it is"));
    let measured = &records[0].measurement;
    assert!(measured.message.as_ref().is_some_and(|message| message.contains("feature `telemetry`")), "{measured:?}");
    assert!(measured.wall_ns.is_some() && measured.cpu_ns.is_some() && measured.peak_heap_bytes.is_none());
    assert!(errors(&output).contains("feature `telemetry`"), "the table says so: {}", errors(&output));
}

fn output_may_have_to_be_the_same() {
    let command = [&this()[..], "name", "{}"];
    let output = exec(&["--collectors=a,b"], &command);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let output = exec(&["--collectors=a,b", "--same-output"], &command);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("checksums disagree on exec "), "{}", errors(&output));
}

fn requests_that_cannot_be_fulfilled() {
    for (options, command, says) in [
        (&["--collectors=marksweep:nursery=1"][..], &["./Cargo.toml", "{}"][..], "has no setting `nursery`"),
        (&["--collectors=marksweep"], &["./Cargo.toml"], "no argument of the program is `{}`"),
        (&[], &["./there-is-no-such-program", "{}"], "there is no program `./there-is-no-such-program`"),
        (&[], &[], "required arguments"),
    ] {
        let output = exec(options, command);
        assert_eq!(output.status.code(), Some(2));
        assert!(errors(&output).contains(says), "{}", errors(&output));
    }
}
