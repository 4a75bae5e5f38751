//! What the heaps of a process hold just now, told to whoever waits for it.
//!
//! A comparison takes minutes, and who watches it wants to see something of the program that runs. The heaps' registry
//! knows: [`heap_core::registry`], which each heap writes at the end of each pause. It is read on the thread that has just
//! paused, a few times a second at the most, and goes out as a line on standard output, in front of the record.
//!
//! *Why not a thread that wakes?* Nothing in the registry changes between two pauses, so it would have nothing more to
//! say; and a second thread is no neighbour without influence: `malloc` takes locks as soon as there is one. *Why not
//! always?* Four lines a second are microseconds, but they are not the program's; so nothing is told unless the parent
//! has a terminal to show it on.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use heap_core::registry;
use serde::{Deserialize, Serialize};

/// In front of a line. A record begins with a brace.
const SIGN: &str = "heaps ";

/// The shortest time between two lines.
pub const PERIOD: Duration = Duration::from_millis(250);

/// Heaps that are told one by one.
const MOST: usize = 3;

/// What all heaps of a process hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heaps {
    /// How many there are.
    pub count: usize,
    /// What they hold from the system together, in bytes.
    pub held: u64,
    /// Their collections so far.
    pub collections: u64,
    /// The largest of them, at most three, in the order in which they were made.
    pub largest: Vec<HeapNow>,
}

/// What one heap holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapNow {
    /// Its number in its process.
    pub id: u64,
    /// Bytes that it holds from the system.
    pub held: u64,
    /// Bytes alive after its last complete collection.
    pub live: u64,
    /// Completed collections.
    pub collections: u64,
    /// How long the last pause was, in nanoseconds.
    pub last_pause_ns: u64,
}

impl Heaps {
    /// Adds up heaps.
    #[must_use]
    pub fn of(heaps: impl IntoIterator<Item = HeapNow>) -> Self {
        let mut largest: Vec<HeapNow> = heaps.into_iter().collect();
        let (count, held) = (largest.len(), largest.iter().map(|heap| heap.held).sum());
        let collections = largest.iter().map(|heap| heap.collections).sum();
        largest.sort_unstable_by_key(|heap| (std::cmp::Reverse(heap.held), heap.id));
        largest.truncate(MOST);
        largest.sort_unstable_by_key(|heap| heap.id);
        Self { count, held, collections, largest }
    }

    /// Those of this process, as they were after their last pauses.
    fn here() -> Self {
        Self::of(registry::heaps().into_iter().map(|heap| HeapNow {
            id: heap.id,
            held: heap.heap_bytes,
            live: heap.live_bytes,
            collections: heap.collections,
            last_pause_ns: heap.last_pause_nanos,
        }))
    }

    /// What a line says, if it says that.
    #[must_use]
    pub fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line.strip_prefix(SIGN.as_bytes())?).ok()
    }

    fn line(&self) -> String {
        format!("{SIGN}{}\n", serde_json::to_string(self).unwrap_or_default())
    }
}

/// When it was told last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Telling(Option<Instant>);

impl Telling {
    /// A pause has ended: tells what the heaps hold now, unless that was done a moment ago.
    pub(super) fn pause_ended(&mut self, at: Instant) {
        if self.0.is_none_or(|last| at.saturating_duration_since(last) >= PERIOD) {
            self.0 = Some(at);
            // When nobody reads it any more, the record will notice.
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(Heaps::here().line().as_bytes()).and_then(|()| stdout.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_the_heaps_hold() {
        let heap = |id: u64, held: u64| HeapNow { id, held, live: held / 2, collections: 2, last_pause_ns: 7 };
        let heaps = Heaps::of([heap(4, 10), heap(2, 30), heap(3, 5), heap(9, 20)]);
        assert_eq!((heaps.count, heaps.held, heaps.collections), (4, 65, 8));
        assert_eq!(heaps.largest, [heap(2, 30), heap(4, 10), heap(9, 20)]);
        assert_eq!(Heaps::from_line(heaps.line().trim_end().as_bytes()), Some(heaps));
        for other in ["", "heaps", "heaps {", "heaps of things", "{\"count\":1}"] {
            assert_eq!(Heaps::from_line(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_heaps_of_this_process_are_in_it() {
        use heap_core::{Heap, NoGc, Rootable};
        let mut heap = Heap::<Rootable![u64]>::new(NoGc::default(), |_| 1).unwrap();
        heap.collect();
        let here = Heaps::here();
        assert!(here.count >= 1 && here.held >= heap.statistics().heap_bytes);
    }
}
