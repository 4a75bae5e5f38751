//! `event_loop`: small requests arrive steadily beside a large live heap.
//!
//! A table holds 500 000 records (8 000 000, one gigabyte, at size `large`). 300 000 requests are served, one per
//! batch: each makes a list of 64 notes, which dies with the request, of what it reads in 8 records at random places;
//! then it replaces one record, with its body. What matters here is not the time of all requests but of the slowest.
//!
//! ```text
//! struct Note { value: u64, next: Option<Pointer> }   // 16 bytes
//! struct Record { id: u64, body: Pointer }            // 16 bytes
//! struct Body([u64; 12]);                             // 96 bytes
//! struct Table([Option<Pointer>; 500_000]);           // one object
//! ```
//!
//! **Profile**: 24 bytes for objects that die at once (97 % of all), 64 bytes on average for those that live for
//! 500 000 requests on average.
//!
//! **Metered latency** (DaCapo Chopin: Blackburn and others, 2025). Requests are served one after the other, so a pause
//! delays one of them here and would delay all that arrive meanwhile in a server. Each request is therefore taken to
//! have arrived when it would have if requests came at the average rate at which they were served; its latency is the
//! time from then, or from its start if that is earlier, to its end. One look at the clock per request.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};
use std::ops::Range;
use std::time::Instant;

/// Bytes of a note's fields.
pub const NOTE_BYTES: u64 = 16;

/// Bytes of a record's fields.
pub const RECORD_BYTES: u64 = 16;

/// Words of a body.
pub const WORDS: usize = 12;

/// Bytes of a body.
pub const BODY_BYTES: u64 = 8 * WORDS as u64;

/// Notes of one request.
pub const NOTES: u64 = 64;

/// Notes made of each record that is read.
pub const NOTES_PER_RECORD: u64 = 8;

/// While the table is filled, records of one batch.
pub const BATCH: u64 = 1_000;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Records of the table: a multiple of [`BATCH`].
    pub records: u32,
    /// Requests served.
    pub requests: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { records: 2_000, requests: 2_000 },
            Size::Classic => Parameters { records: 500_000, requests: 300_000 },
            Size::Large => Parameters { records: 8_000_000, requests: 2_400_000 },
        }
    }

    /// The most bytes that are alive at once: the table, and what one request makes.
    pub const fn live_bytes(self) -> u64 {
        let record = object_bytes(RECORD_BYTES) + object_bytes(BODY_BYTES);
        let records = self.records as u64;
        slice_bytes(records * POINTER_BYTES) + (records + 1) * record + NOTES * object_bytes(NOTE_BYTES)
    }
}

/// The words of the body of the record with this id.
#[inline]
pub fn body(id: u64) -> [u64; WORDS] {
    std::array::from_fn(|word| id.wrapping_add(word as u64))
}

/// The random decisions of one request: the same as often as they are asked for.
#[derive(Clone, Debug)]
pub struct Request {
    random: Random,
    records: u32,
    /// The id of the record that it makes.
    pub id: u64,
}

impl Request {
    /// The next place to read; after [`NOTES`] / [`NOTES_PER_RECORD`] of them, the place to replace.
    #[inline]
    pub fn place(&mut self) -> usize {
        self.random.below(self.records) as usize
    }

    /// Which word of a body is read for a note.
    #[inline]
    pub const fn word(note: u64) -> usize {
        (note % WORDS as u64) as usize
    }
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Puts records with these ids, and their bodies, into the table at these places.
    fn fill(&mut self, ids: Range<u64>);

    /// For each record read, at [`Request::place`], and each of its [`NOTES_PER_RECORD`]: puts a note of id + one word
    /// of the body, wrapping, in front of a list. Replaces the record at the next place by a new one. Returns the sum
    /// of the list, by walking it.
    fn serve(&mut self, request: Request) -> u64;
}

/// When the requests of a run ended.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Nanoseconds since the first request began, in order.
    ends: Vec<u64>,
}

/// Metered latencies of a run, of one request at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    ascending_ns: Vec<u64>,
}

impl Metered {
    /// All of them in nanoseconds, in ascending order.
    pub fn ascending_ns(&self) -> &[u64] {
        &self.ascending_ns
    }

    /// The latency that this share of all requests does not exceed, in nanoseconds.
    pub fn quantile_ns(&self, share: f64) -> u64 {
        let count = self.ascending_ns.len();
        let rank = (share * count as f64).ceil() as usize;
        self.ascending_ns[rank.clamp(1, count) - 1]
    }
}

impl Latencies {
    /// From when each request ended, in nanoseconds since the first began, in order. A clock that went back is taken to
    /// have stood still.
    pub fn of_ends(mut ends: Vec<u64>) -> Self {
        let mut last = 0;
        for end in &mut ends {
            last = last.max(*end);
            *end = last;
        }
        Latencies { ends }
    }

    /// The metered latencies, if there were requests.
    pub fn metered(&self) -> Option<Metered> {
        let (count, total) = (self.ends.len() as u64, *self.ends.last()?);
        let mut start = 0;
        let mut ascending_ns: Vec<u64> = Vec::with_capacity(self.ends.len());
        for (number, &end) in (0..count).zip(&self.ends) {
            let arrival = (u128::from(total) * u128::from(number) / u128::from(count)) as u64;
            ascending_ns.push(end - arrival.min(start));
            start = end;
        }
        ascending_ns.sort_unstable();
        Some(Metered { ascending_ns })
    }
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program, latencies: &mut Latencies) -> Outcome {
    let Parameters { records, requests } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, u64::from(records) * POINTER_BYTES);
    for first in (0..u64::from(records)).step_by(BATCH as usize) {
        program.fill(first..first + BATCH);
    }
    latencies.ends.reserve_exact(requests as usize);
    let begin = Instant::now();
    for number in 0..requests {
        let request = Request { random: Random::new(number), records, id: u64::from(records) + number };
        checksum.mix(program.serve(request));
        latencies.ends.push(begin.elapsed().as_nanos() as u64);
    }
    tally.add(u64::from(records) + requests, RECORD_BYTES);
    tally.add(u64::from(records) + requests, BODY_BYTES);
    tally.add(requests * NOTES, NOTE_BYTES);
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metered(ends: &[u64]) -> [u64; 4] {
        let metered = Latencies::of_ends(ends.to_vec()).metered().unwrap();
        [0.5, 0.99, 0.999, 1.0].map(|share| metered.quantile_ns(share))
    }

    #[test]
    fn steady_service_has_the_latency_of_a_request() {
        let ends: Vec<u64> = (1..=1000).map(|n| n * 10).collect();
        assert_eq!(metered(&ends), [10; 4]);
        assert_eq!(Latencies::default().metered(), None);
    }

    #[test]
    fn a_clock_that_goes_back_stands_still() {
        assert_eq!(metered(&[10, 7, 20, 30]), metered(&[10, 10, 20, 30]));
    }

    #[test]
    fn a_pause_delays_those_who_arrive_meanwhile() {
        // 100 requests of 10 ns, and a pause of 1 000 ns in front of the 51st: on average one request in 20 ns.
        let ends: Vec<u64> = (1..=100).map(|n| n * 10 + if n > 50 { 1_000 } else { 0 }).collect();
        // The first half is served early. The 51st waits for the pause, the 52nd for half of it, the others for less.
        assert_eq!(metered(&ends), [10, 500, 1_010, 1_010]);
    }
}
