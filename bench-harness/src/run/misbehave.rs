//! What the faults do: see [`Fault`].

use std::time::Duration;

use crate::contestants::fault::Fault;
use crate::record::{Checksum, Measurement, Status};

/// Misbehaves. Returns only for the faults that still report something.
#[must_use]
pub(super) fn commit(fault: Fault) -> Measurement {
    let ok = Measurement { checksum: Some(Checksum(0)), wall_ns: Some(1_000_000), ..Measurement::default() };
    match fault {
        Fault::Nothing => ok,
        Fault::Abort => std::process::abort(),
        Fault::Segfault => segfault(),
        Fault::Overflow => {
            let depth = recurse(1);
            Measurement { checksum: Some(Checksum(depth)), ..ok }
        }
        Fault::Panic => panic!("a panic on purpose"),
        Fault::Exit => std::process::exit(3),
        Fault::Silence => std::process::exit(0),
        Fault::Hang => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        Fault::Noise => {
            let line = "noise ".repeat(1000);
            for _ in 0..1000 {
                eprintln!("{line}");
                println!("{line}");
            }
            ok
        }
        Fault::Disagree => Measurement { checksum: Some(Checksum(std::process::id().into())), ..ok },
        Fault::OutOfMemory => Measurement {
            status: Status::OutOfMemory,
            message: Some("the heap is full, on purpose".to_owned()),
            ..Measurement::default()
        },
        Fault::Wrong => Measurement {
            status: Status::Failed,
            message: Some("an object is missing, on purpose".to_owned()),
            ..Measurement::default()
        },
    }
}

#[expect(unconditional_recursion, reason = "that is its purpose")]
fn recurse(depth: u64) -> u64 {
    // The array keeps the optimiser from turning this into a loop.
    let frame = std::hint::black_box([depth; 64]);
    recurse(frame[0] + 1) + std::hint::black_box(frame)[63]
}

/// Ends the process by the signal of a bad memory access, without one.
fn segfault() -> ! {
    #[cfg(unix)]
    for _ in 0..2 {
        // The first signal meets the handler of Rust's runtime, which finds no overflowed stack and removes itself.
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::SEGV);
    }
    std::process::abort()
}
