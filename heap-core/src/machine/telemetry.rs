//! What heaps do, written to a descriptor that the process inherited. Behind the feature `telemetry`: without it
//! nothing of this is compiled, and with it a process whose parent asked for nothing looks at its environment once.
//!
//! An instrument that starts a program wants to know what the program's heaps did, and the program should not have to
//! be changed for that. So the instrument opens a pipe, lets the program inherit its writing end, and names it in the
//! variable [`VARIABLE`]; each heap of the process then writes when it is made, after each pause, and when it is
//! dropped.
//!
//! **It observes and never obeys.** No setting of a heap comes from the environment: a program's memory management is
//! its own. What the variable can do is let a process write to a file that it has open already.
//!
//! **The variable outlives what it names.** A program may start another one, which inherits the variable and, under the
//! same number, something else: its own data. So the variable names the file by device and inode too (`3:12:88213`),
//! and nothing is written unless the descriptor is that file: a pipe without a name, or a file. A descriptor that
//! belongs to somebody in this process is not used either: the file is opened a second time, by its name under `/proc`,
//! with a descriptor of its own, which no child inherits. A process that was given privileges that its parent does not
//! have looks at no variable (`AT_SECURE`, as the dynamic linker does).
//!
//! **The form** is a line of JSON for each thing that happens, because a reader in any language has ten lines then. The
//! first line of a process says the version of the form:
//!
//! ```text
//! {"heap_core_telemetry":1}
//! {"heap":1,"at":0,"made":"generational","limit":null}
//! {"heap":1,"at":1200345,"pause":54321,"events":[["minor",310],["heap_traced",41000]],"held":4194304,"live":81920,
//!  "allocated":2097152,"collections":1}
//! {"heap":1,"at":9100345,"end":{"held":…,"peak":…,"live":…,"allocated":…,"collections":…,"pauses":…,"pause_ns":…}}
//! ```
//!
//! (in one line each). Times are nanoseconds, `at` since the process made its first heap, `pause` and those of events
//! since the pause began; all else is bytes or numbers. Readers skip keys that they do not know.
//!
//! **When it is written.** Lines are collected, and written when there are some kilobytes, when the last write was a
//! while ago, and when the last heap is dropped: what a process that keeps a heap to its end did in its last hundredth
//! of a second may be missing. Several processes may write into one pipe; what each writes at once stays together. When
//! the reader leaves or the disk is full, writing ends, silently. A reader that stays and does not read holds the
//! program up, as with anything else that is printed.

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::events::{CollectionKind, Event, EventKind};
use super::statistics::Statistics;

/// The environment variable that names the descriptor: `number:device:inode`.
///
/// Whoever starts a process sets it, for a pipe or a file that the process inherits under that number.
pub const VARIABLE: &str = "HEAP_CORE_TELEMETRY";

/// The version of the form.
pub const VERSION: u32 = 1;

/// How much is collected before it is written. With the line that makes it full it is less than the 4 KiB of which a
/// pipe takes all or nothing before somebody else's turn; a pause would need a hundred phases to have a longer line.
const BUFFERED: usize = 2 << 10;

/// For how long it is collected at most, as long as there are pauses.
const HELD_BACK: Duration = Duration::from_millis(10);

/// Where it goes.
struct Sink {
    file: File,
    started: Instant,
    /// When something was written last; never so far, if it is none. The first line is not held back, so that a process
    /// that ends without dropping its heap was there.
    written: Option<Instant>,
    lines: Vec<u8>,
    /// Heaps that were made and not dropped.
    heaps: usize,
    /// The reader has left.
    closed: bool,
}

fn sink() -> Option<&'static Mutex<Sink>> {
    static SINK: OnceLock<Option<Mutex<Sink>>> = OnceLock::new();
    let sink = SINK.get_or_init(|| {
        let lines = format!("{{\"heap_core_telemetry\":{VERSION}}}\n").into_bytes();
        let (started, written) = (Instant::now(), None);
        Some(Mutex::new(Sink { file: inherited()?, started, written, lines, heaps: 0, closed: false }))
    });
    sink.as_ref()
}

/// The file that the environment names, if it is what it is said to be.
#[cfg(target_os = "linux")]
fn inherited() -> Option<File> {
    use std::os::linux::fs::MetadataExt;
    use std::os::unix::fs::FileTypeExt;
    let named = std::env::var(VARIABLE).ok()?;
    let mut numbers = named.split(':').map(|number| number.parse::<u64>().ok());
    let (descriptor, device, inode) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() || is_privileged() {
        return None;
    }
    let path = format!("/proc/self/fd/{descriptor}");
    // To open a pipe that has a name can mean to wait for its reader.
    let is_nameless = std::fs::read_link(&path).ok()?.to_string_lossy().starts_with("pipe:");
    let is_it = |found: &std::fs::Metadata| {
        let kind = found.file_type();
        found.st_dev() == device && found.st_ino() == inode && (kind.is_fifo() && is_nameless || kind.is_file())
    };
    std::fs::metadata(&path).ok().filter(is_it)?;
    let file = File::options().append(true).open(&path).ok()?;
    file.metadata().ok().filter(is_it)?;
    Some(file)
}

/// Elsewhere a descriptor cannot be opened again by a name.
#[cfg(not(target_os = "linux"))]
fn inherited() -> Option<File> {
    None
}

/// Whether the process was given privileges that its parent does not have. If that cannot be found out, it was.
#[cfg(target_os = "linux")]
fn is_privileged() -> bool {
    const AT_SECURE: usize = 23;
    let Ok(vector) = std::fs::read("/proc/self/auxv") else { return true };
    let (words, _) = vector.as_chunks::<{ size_of::<usize>() }>();
    let (pairs, _) = words.as_chunks::<2>();
    let secure = pairs.iter().map(|pair| pair.map(usize::from_ne_bytes)).find(|[key, _]| *key == AT_SECURE);
    secure.is_none_or(|[_, value]| value != 0)
}

impl Sink {
    fn line(&mut self, write: impl FnOnce(&mut Vec<u8>, Instant)) {
        if self.closed {
            return;
        }
        write(&mut self.lines, self.started);
        self.lines.push(b'\n');
        if self.lines.len() >= BUFFERED || self.written.is_none_or(|written| written.elapsed() >= HELD_BACK) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.closed = self.closed || self.file.write_all(&self.lines).is_err();
        self.lines.clear();
        self.written = Some(Instant::now());
    }
}

/// Writes into a vector, which cannot fail.
macro_rules! put {
    ($into:expr, $($text:tt)*) => { let _ = write!($into, $($text)*); };
}

/// One heap's part.
pub(super) struct Report {
    heap: u64,
    sink: &'static Mutex<Sink>,
}

impl Report {
    /// A heap was made. None, if nobody asked.
    pub(super) fn new(heap: u64, collector: &str, limit: Option<usize>) -> Option<Self> {
        let report = Report { heap, sink: sink()? };
        report.sink().heaps += 1;
        report.line(|lines, at| {
            // What a collector calls itself need not be text that JSON takes.
            let name: String = collector.chars().filter(|c| !c.is_control() && !"\"\\".contains(*c)).collect();
            let limit = limit.map_or_else(|| "null".to_owned(), |bytes| bytes.to_string());
            put!(lines, "{{\"heap\":{heap},\"at\":{at},\"made\":\"{name}\",\"limit\":{limit}}}");
        });
        Some(report)
    }

    fn sink(&self) -> MutexGuard<'static, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, write: impl FnOnce(&mut Vec<u8>, u128)) {
        self.sink().line(|lines, started| write(lines, started.elapsed().as_nanos()));
    }

    /// A pause is over, which had these events.
    pub(super) fn pause(&self, events: &[Event], statistics: &Statistics) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        self.sink().line(|lines, started| {
            let since = |from: Instant, to: Instant| to.saturating_duration_since(from).as_nanos();
            let (at, pause) = (since(started, first.at), since(first.at, last.at));
            put!(lines, "{{\"heap\":{},\"at\":{at},\"pause\":{pause},\"events\":[", self.heap);
            let named = events.iter().filter_map(|event| Some((name(event.kind)?, since(first.at, event.at))));
            for (number, (name, at)) in named.enumerate() {
                let comma = if number == 0 { "" } else { "," };
                put!(lines, "{comma}[\"{name}\",{at}]");
            }
            let Statistics { heap_bytes, live_bytes, allocated_bytes, .. } = statistics;
            put!(lines, "],\"held\":{heap_bytes},\"live\":{live_bytes},\"allocated\":{allocated_bytes},");
            put!(lines, "\"collections\":{}}}", statistics.collections());
        });
    }

    /// The heap is dropped, and this is what it was.
    pub(super) fn end(&self, statistics: &Statistics) {
        self.line(|lines, at| {
            let Statistics { heap_bytes, peak_heap_bytes, live_bytes, allocated_bytes, .. } = statistics;
            put!(lines, "{{\"heap\":{},\"at\":{at},\"end\":{{\"held\":{heap_bytes},", self.heap);
            put!(lines, "\"peak\":{peak_heap_bytes},\"live\":{live_bytes},\"allocated\":{allocated_bytes},");
            put!(lines, "\"collections\":{},\"pauses\":{},", statistics.collections(), statistics.pauses);
            put!(lines, "\"pause_ns\":{}}}}}", statistics.pause_time.as_nanos());
        });
        let mut sink = self.sink();
        sink.heaps -= 1;
        if sink.heaps == 0 {
            sink.flush();
        }
    }
}

/// What an event is called; none for those that are the pause itself, or are said by its figures.
fn name(event: EventKind) -> Option<&'static str> {
    Some(match event {
        EventKind::PrepareGc(CollectionKind::Minor) => "minor",
        EventKind::PrepareGc(CollectionKind::Full) => "full",
        EventKind::RootsTraced => "roots_traced",
        EventKind::HeapTraced => "heap_traced",
        EventKind::IncrementEnded => "increment_ended",
        EventKind::WeakCleared => "weak_cleared",
        EventKind::DropGlueRun { .. } => "drop_glue_run",
        EventKind::Abandoned => "abandoned",
        EventKind::PauseStart
        | EventKind::PauseEnd
        | EventKind::LiveDataSize { .. }
        | EventKind::HeapResized { .. } => return None,
    })
}
