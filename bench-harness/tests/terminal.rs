//! What a person at a terminal sees while runs are measured. The terminal is Python's; without it nothing is tested.

use std::process::{Command, Output};

/// Runs a command at a terminal of so many columns: standard error is the terminal, and comes out on standard output.
const AT_A_TERMINAL: &str = r"
import fcntl, os, pty, struct, sys, termios
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
    os.environ['TERM'] = 'xterm'
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:
        break
    if not some:
        break
    sys.stdout.buffer.write(some)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
";

fn at_a_terminal(columns: usize, arguments: &[&str]) -> Option<String> {
    let mut python = Command::new("python3");
    python.args(["-c", AT_A_TERMINAL, &columns.to_string(), env!("CARGO_BIN_EXE_bench-harness")]).args(arguments);
    let Ok(Output { status, stdout, stderr }) = python.output() else {
        eprintln!("there is no python3 here: nothing was tested");
        return None;
    };
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    Some(String::from_utf8(stdout).unwrap())
}

/// What stood in some line at some time, without what a terminal obeys. A line that is full has no end but the edge.
fn lines(seen: &str, columns: usize) -> Vec<String> {
    let mut text = String::new();
    let mut rest = seen.chars();
    while let Some(c) = rest.next() {
        if c == '\x1b' {
            // A sequence ends with a letter; every one of them begins a line or clears it.
            rest.by_ref().find(char::is_ascii_alphabetic);
            text.push('\n');
        } else {
            text.push(c);
        }
    }
    let full = text.split(['\r', '\n']).map(|line| line.chars().collect::<Vec<_>>());
    let rows = full.flat_map(|line| line.chunks(columns).map(String::from_iter).collect::<Vec<_>>());
    rows.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

const RUN: [&str; 7] = ["run", "--workloads", "retain", "--collectors", "marksweep", "--invocations", "2"];

#[test]
fn a_line_says_what_the_heap_holds() {
    for columns in [80, 40] {
        let Some(seen) = at_a_terminal(columns, &RUN) else { return };
        let lines = lines(&seen, columns);
        let heap = lines.iter().find(|line| line.starts_with("heap "));
        let heap = heap.unwrap_or_else(|| panic!("no line of a heap at {columns} columns: {lines:#?}"));
        assert!(heap.contains("MiB, ") && heap.contains("collection"), "{heap}");
        assert!(columns < 80 || heap.contains(" ms, ") && heap.ends_with(" live"), "{heap}");
        assert!(lines.iter().any(|line| line.contains(" of about ")), "the bar: {lines:#?}");
        // Nothing of it stands in the next line.
        let told = |line: &&String| line.contains("collection") || line.contains("live");
        assert!(lines.iter().filter(told).all(|line| line.starts_with("heap ")), "{lines:#?}");
    }
}

#[test]
fn quiet_is_quiet() {
    let Some(seen) = at_a_terminal(80, &[&RUN[..], &["--quiet", "--size", "small"]].concat()) else { return };
    assert_eq!(seen, "");
}
