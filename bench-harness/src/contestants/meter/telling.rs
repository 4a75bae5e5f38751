//! What the heaps of a process hold just now, told to whoever waits for it.
//!
//! A comparison takes minutes, and who watches it wants to see something of the program that runs. Each heap has a
//! listener anyway, which hears of its pauses; it notes here what the heap holds when one ends, and a few times a
//! second at the most all of it goes out as a line on standard output, in front of the record.
//!
//! *Why not a thread that wakes?* Heaps say nothing between two pauses, so it would have nothing more to tell; and a
//! second thread is no neighbour without influence: `malloc` takes locks as soon as there is one. *Why not the registry
//! of `heap_core`?* It is a feature, so every heap would pay for its entry, also where nobody watches: 650
//! instructions, 6 % of `many_heaps`. *Why not always?* Four lines a second are microseconds, but they are not the
//! program's; so nothing is noted or told unless the parent has a terminal to show it on.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapNow {
    /// Its number in its process, from 1.
    pub id: u64,
    /// Bytes that it holds from the system.
    pub held: u64,
    /// Bytes alive after its last complete collection.
    pub live: u64,
    /// Collections that were begun.
    pub collections: u64,
    /// How long the last pause was, in nanoseconds.
    pub last_pause_ns: u64,
}

impl Heaps {
    /// Adds up heaps.
    #[must_use]
    pub fn of(heaps: impl IntoIterator<Item = HeapNow>) -> Self {
        let mut largest: Vec<HeapNow> = heaps.into_iter().collect();
        // A program that is not ours can say anything.
        let sum = |of: fn(&HeapNow) -> u64| largest.iter().map(of).fold(0, u64::saturating_add);
        let (count, held, collections) = (largest.len(), sum(|heap| heap.held), sum(|heap| heap.collections));
        largest.sort_unstable_by_key(|heap| (std::cmp::Reverse(heap.held), heap.id));
        largest.truncate(MOST);
        largest.sort_unstable_by_key(|heap| heap.id);
        Self { count, held, collections, largest }
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

/// What the heaps of this process held after their last pauses, and when that was told.
#[derive(Clone, Debug, Default)]
pub struct Telling {
    heaps: HashMap<u64, HeapNow>,
    made: u64,
    told: Option<Instant>,
}

impl Telling {
    /// A heap was made; gives its number.
    pub fn heap_made(&mut self, held: u64) -> u64 {
        self.made += 1;
        self.heaps.insert(self.made, HeapNow { id: self.made, held, ..HeapNow::default() });
        self.made
    }

    /// A pause of a heap has ended: tells what all of them hold now, unless that was done a moment ago.
    pub fn pause_ended(&mut self, heap: HeapNow, at: Instant) {
        self.heaps.insert(heap.id, heap);
        if self.told.is_none_or(|told| at.saturating_duration_since(told) >= PERIOD) {
            self.told = Some(at);
            let line = Heaps::of(self.heaps.values().copied()).line();
            // When nobody reads it any more, the record will notice.
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
        }
    }

    /// A heap was dropped.
    pub fn heap_gone(&mut self, id: u64) {
        self.heaps.remove(&id);
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
        assert_eq!(Heaps::of([heap(1, u64::MAX), heap(2, u64::MAX)]).held, u64::MAX);
        for other in ["", "heaps", "heaps {", "heaps of things", "{\"count\":1}"] {
            assert_eq!(Heaps::from_line(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn heaps_come_and_go() {
        let mut telling = Telling::default();
        let [first, second] = [10, 20].map(|held| telling.heap_made(held));
        telling.pause_ended(HeapNow { id: first, held: 15, collections: 1, ..HeapNow::default() }, Instant::now());
        telling.heap_gone(second);
        let heaps = Heaps::of(telling.heaps.into_values());
        assert_eq!((heaps.count, heaps.held, heaps.collections), (1, 15, 1));
    }
}
