//! A third party's program: a collector and a workload that this crate does not know, in a binary that is [`run_with`]
//! and nothing else.
//!
//! This test is that binary: with the variable [`ROLE`] set it is the program, also for the children that it starts;
//! without, it starts itself and looks at what comes out.

#[path = "../../heap-core/examples/collectors/semispace.rs"]
mod semispace;

use std::process::{Command, ExitCode, Output};

use bench_harness::record::{Record, Status};
use bench_harness::{Bench, Extensions, run_with};
use heap_core::collector::{FromSettings, Settings};
use heap_core::{AllocError, Gc, Lock, Rootable, SettingsError, Trace, store};
use semispace::Semispace;

const ROLE: &str = "THIRD_PARTY_ROLE";

impl FromSettings for Semispace {
    const NAME: &'static str = "semispace";

    fn from_settings(_: &mut Settings<'_>) -> Result<Self, SettingsError> {
        Ok(Self::default())
    }
}

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

/// A list of a hundred nodes, one new at a time.
fn conveyor(bench: &Bench<'_>) -> Result<u64, AllocError> {
    let mut heap = bench.heap::<Rootable![Gc<'_, [Lock<Option<Gc<'_, Node<'_>>>>]>], _>(|mc| {
        Gc::try_new_slice_with(mc, 100, |_| Lock::new(None))
    })?;
    let mut sum = 0_u64;
    for number in 0..[10_000, 2_000_000, 16_000_000][bench.size() as usize] {
        sum = heap.try_mutate(|mc, places| {
            let next = places[(number * 7 % 100) as usize].get();
            let node = Gc::try_new(mc, Node { number, next: Lock::new(next) })?;
            // The one before it goes.
            if let Some(next) = next {
                store!(mc, next.next, None);
            }
            store!(mc, places[(number * 7 % 100) as usize], Some(node));
            Ok::<_, AllocError>(sum.wrapping_mul(31).wrapping_add(node.next.get().map_or(0, |next| next.number)))
        })?;
    }
    Ok(sum)
}

fn main() -> ExitCode {
    match std::env::var(ROLE).as_deref() {
        Ok("program") => {
            run_with(Extensions::new().collector::<Semispace>("two halves, copied from one into the other").workload(
                "conveyor",
                "short lists, of which the last node goes",
                conveyor,
            ))
        }
        Ok("twice") => run_with(Extensions::new().workload("rings", "is there already", conveyor)),
        _ => {
            it_is_listed();
            it_is_compared();
            settings_and_typing_errors_are_its_own();
            a_name_twice_ends_the_program();
            println!("4 checks passed");
            ExitCode::SUCCESS
        }
    }
}

fn start(role: &str, arguments: &[&str]) -> Output {
    let executable = std::env::current_exe().expect("this test has a file");
    Command::new(executable).env(ROLE, role).args(arguments).output().expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is text")
}

fn it_is_listed() {
    let output = start("program", &["list"]);
    let text = text(&output.stdout);
    assert!(output.status.success());
    for line in ["  semispace              two halves", "  conveyor               short lists"] {
        assert!(text.contains(line), "{text}");
    }
}

fn it_is_compared() {
    let arguments = ["compare", "--collectors=semispace,marksweep,nogc", "--size=small", "--quiet", "--json=-", "-n1"];
    let output = start("program", &[&arguments[..], &["--workloads=conveyor,rings,queue"]].concat());
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let records: Vec<Record> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    assert_eq!(records.len(), 9);
    for record in &records {
        let who = (record.key.program.to_string(), record.key.contestant.name());
        assert_eq!(record.measurement.status, Status::Ok, "{who:?}: {:?}", record.measurement.message);
        // Its collections are seen, its pauses too.
        if who == ("conveyor".to_owned(), "semispace") {
            assert!(record.measurement.collections > Some(0) && record.measurement.pause_count > Some(0), "{record:?}");
        }
    }
    assert!(errors.contains("conveyor") && errors.contains("semispace"), "the table: {errors}");
}

fn settings_and_typing_errors_are_its_own() {
    for (arguments, sentence) in [
        (["run", "--workloads=conveyor", "--collectors=semispace:x=1"], "semispace has no settings, and `x` is given"),
        (["run", "--workloads=conveyor", "--collectors=semispase"], "did you mean `semispace`"),
        (["run", "--workloads=conveyer", "--collectors=semispace"], "did you mean `conveyor`"),
    ] {
        let output = start("program", &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(sentence), "{}", text(&output.stderr));
    }
}

fn a_name_twice_ends_the_program() {
    let output = start("twice", &["list"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "error: there are two workloads called `rings`\n");
    assert!(output.stdout.is_empty());
}
