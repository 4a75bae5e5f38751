//! What a process writes about its heaps to a pipe that it inherited, and when it writes nothing.
//!
//! The process is this test again, told by the variable [`CHILD`] to make heaps. It inherits the pipe as its standard
//! input, which is as good a number as any.
#![cfg(all(feature = "telemetry", target_os = "linux"))]

use std::fs;
use std::io::{PipeReader, Read, pipe};
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, ExitStatus, Stdio};

use heap_core::telemetry::VARIABLE;
use heap_core::{Gc, Heap, HeapOptions, NoGc, Rootable};

const CHILD: &str = "TELEMETRY_CHILD";

/// What the process does: three heaps, of which one collects, one does not, and one is lost.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let options = HeapOptions::default().with_limit(1 << 20);
    let mut heap = Heap::<Rootable![Gc<'_, u64>]>::with_options(options, NoGc::default(), |mc| Gc::new(mc, 7)).unwrap();
    for number in 0..100 {
        assert_eq!(heap.mutate(|mc, _| *Gc::new(mc, number)), number);
    }
    heap.collect();
    drop(heap);
    drop(Heap::<Rootable![u64]>::new(NoGc::default(), |_| 7).unwrap());
    // So that the line about the next one is not held back: this process is to be told of, whatever becomes of it.
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::mem::forget(Heap::<Rootable![u64]>::new(NoGc::default(), |_| 7).unwrap());
}

fn start(variable: impl FnOnce(&str) -> Option<String>, reader_leaves: bool) -> (ExitStatus, String) {
    let (reader, writer) = pipe().unwrap();
    let identity = fs::metadata(format!("/proc/self/fd/{}", writer.as_raw_fd())).unwrap();
    let named = format!("0:{}:{}", identity.st_dev(), identity.st_ino());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--test-threads=1"]).env(CHILD, "").env_remove(VARIABLE);
    command.stdin(writer).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(value) = variable(&named) {
        command.env(VARIABLE, value);
    }
    let mut reader: Option<PipeReader> = Some(reader).filter(|_| !reader_leaves);
    let mut child = command.spawn().unwrap();
    // With it goes the last writer of this process, so that the reader sees an end.
    drop(command);
    let mut text = String::new();
    if let Some(reader) = &mut reader {
        reader.read_to_string(&mut text).unwrap();
    }
    (child.wait().unwrap(), text)
}

#[test]
fn every_heap_is_told_from_beginning_to_end() {
    let (status, text) = start(|named| Some(named.to_owned()), false);
    assert!(status.success());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!(lines[0], r#"{"heap_core_telemetry":1}"#);
    let says = |line: &str, parts: &[&str]| parts.iter().all(|part| line.contains(part));
    assert!(says(lines[1], &[r#"{"heap":1,"at":"#, r#","made":"nogc","limit":1048576}"#]), "{text}");
    assert!(
        says(lines[2], &[r#"{"heap":1,"at":"#, r#","pause":"#, r#","allocated":16"#, r#","collections":"#]),
        "{text}"
    );
    assert!(says(lines[3], &[r#","end":{"held":"#, r#","peak":"#, r#","pauses":1,"pause_ns":"#]), "{text}");
    assert!(says(lines[4], &[r#"{"heap":2,"at":"#, r#","made":"nogc","limit":null}"#]), "{text}");
    assert!(says(lines[5], &[r#"{"heap":2,"at":"#, r#","pauses":0,"pause_ns":0}}"#]), "{text}");
    // The one that was lost has a beginning.
    assert!(says(lines[6], &[r#"{"heap":3,"at":"#, r#","made":"nogc","limit":null}"#]), "{text}");
}

#[test]
fn what_is_not_the_file_that_was_meant_is_left_alone() {
    type Change = fn(&str) -> Option<String>;
    let cases: [Change; 6] = [
        |_| None,
        // A pipe, and another one than was meant.
        |named| Some(format!("{named}1")),
        |named| named.split_once(':').map(|(_, identity)| format!("1:{identity}")),
        |named| Some(format!("{named}:1")),
        |_| Some("0".to_owned()),
        |_| Some("../../tmp/x:0:0".to_owned()),
    ];
    for change in cases {
        let (status, text) = start(change, false);
        assert!(status.success() && text.is_empty(), "{text}");
    }
}

/// To open it can mean to wait for its reader, for ever.
#[test]
fn a_pipe_with_a_name_is_left_alone() {
    const O_NONBLOCK: i32 = 0o4000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut ours = fs::File::options().read(true).write(true).custom_flags(O_NONBLOCK).open(&path).unwrap();
    let identity = ours.metadata().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--test-threads=1"]).env(CHILD, "");
    command.env(VARIABLE, format!("0:{}:{}", identity.st_dev(), identity.st_ino()));
    command.stdin(ours.try_clone().unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    assert_eq!(ours.read(&mut [0; 64]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_end() {
    let (status, _) = start(|named| Some(named.to_owned()), true);
    assert!(status.success());
}
