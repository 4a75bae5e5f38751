//! The exporter for CPython, run by the interpreter that is here, if one is.

use std::process::Command;

use bench_harness::snapshot::portrait::Portrait;
use bench_harness::snapshot::{DEFAULT_TEXT_LIMIT, read_path};

/// Ten thousand nodes in a list, a hundred circles of two, a large buffer, an object that only a weak reference leads to.
const PROGRAM: &str = "
import sys, weakref
class Node:
    __slots__ = ('next', '__weakref__')
class Circle: pass
head = None
for _ in range(10000):
    node = Node(); node.next = head; head = node
circles = []
for _ in range(100):
    a, b = Circle(), Circle(); a.other = b; b.other = a; circles.append(a)
buffer = bytearray(1234567)
class Strange:
    def __sizeof__(self): raise ValueError
strange = Strange()
weak = weakref.ref(Node())
if len(sys.argv) > 1:
    sys.path.insert(0, sys.argv[1])
    import heap_snapshot
    print(*heap_snapshot.write(sys.argv[2]))
";

#[test]
fn a_python_heap_is_written_and_read() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3 on the PATH");
        return;
    }
    let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
    let (program, dump) = (folder.path().join("program.py"), folder.path().join("x.heapsnapshot"));
    std::fs::write(&program, PROGRAM).expect("it is writable");
    let exporters = concat!(env!("CARGO_MANIFEST_DIR"), "/exporters");
    // From inside the program, and around a program as it is.
    for from_inside in [true, false] {
        let mut python = Command::new("python3");
        python.arg("-B");
        if from_inside {
            python.arg(&program).arg(exporters).arg(&dump);
        } else {
            python.arg(format!("{exporters}/heap_snapshot.py")).arg(&dump).arg(&program);
        }
        let output = python.output().expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let portrait = Portrait::of(read_path(&dump, DEFAULT_TEXT_LIMIT).expect("the exporter's files are read"));
        if from_inside {
            let counts = format!("{} ", portrait.alive.objects);
            assert!(String::from_utf8_lossy(&output.stdout).starts_with(&counts), "{counts}: {output:?}");
        }
        assert_eq!(portrait.dead.objects, 0);
        assert!(portrait.depth() > 10_000, "{}", portrait.depth());
        assert!(portrait.knots >= 100, "{}", portrait.knots);
        let largest = portrait.sizes.expect("there are objects").largest;
        assert!((1_234_567..1_300_000).contains(&largest.bytes), "{largest:?}");
        std::fs::remove_file(&dump).expect("it is there");
    }
}
